"""What anybody may know: what is in use here, under which rules, and what came of it.

The log is at ``/log`` (C2SP ``tlog-tiles``), the policy to check it by at ``/policy``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from starlette.responses import Response

from countenance.desk.publicfigures import PublicFigures, public_audit
from countenance.desk.standing import Reason
from countenance.web.access import open_to_all
from countenance.web.api.base import Out
from countenance.web.api.routing import FILE, Router
from countenance.web.at import At
from countenance.web.figures import kept_figures
from countenance.web.ids import Digest

router = Router("public")
Public = Annotated[At, open_to_all()]


class Status(Out):
    """Whose desk this is, whether it works, and the head of its log."""

    name: str
    contact: str
    jurisdictions: tuple[str, ...]
    engine: str
    engine_name: str
    down_since: datetime.datetime | None
    log: str
    log_size: int
    checkpoint: str | None


class Month(Out):
    """One calendar month in the deployment's zone; every count is there, zero or not."""

    month: str
    requests: int
    outcomes: Mapping[str, int]
    refusals: Mapping[str, int]
    leads_issued: int
    wrong_leads: int
    incidents: Mapping[str, int]
    purged: Mapping[str, int]
    asked_of_others: int
    came_from_others: int
    subject_requests: int
    subject_answers: int


class EngineInUse(Out):
    """An engine with its accepted audit, by the audit's digest."""

    engine: str
    audit: str
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime
    current: bool
    threshold: str | None
    list_length: int | None


class Pack(Out):
    """A rule pack that requests here are judged under."""

    id: str
    name: str
    version: str
    digest: str
    citation: str
    policy: bool


class GalleryInUse(Out):
    """A gallery; cells of its composition are rounded, so that nobody can be read off them."""

    code: str
    holder: str
    basis: str
    purpose: str
    keep_days: int
    engine: str
    people: int
    images: int
    sources: Mapping[str, int]
    dispositions: Mapping[str, int]
    ages: Mapping[str, int]
    oldest_year: int | None
    purged_on: datetime.date | None


class Suspension(Out):
    """A time in which the desk was down; `until` is null while it is."""

    since: datetime.datetime
    until: datetime.datetime | None
    reason: Reason


class Figures(Out):
    """Everything that the public page shows, as of one view of the database."""

    at: datetime.datetime
    jurisdictions: tuple[str, ...]
    months: tuple[Month, ...]
    engines: tuple[EngineInUse, ...]
    packs: tuple[Pack, ...]
    galleries: tuple[GalleryInUse, ...]
    down_since: datetime.datetime | None
    suspensions: tuple[Suspension, ...]
    log: str
    log_size: int
    checkpoint: str | None


@router.get("/status", response_model=Status)
def show_status(at: Public) -> Status:
    """Whose desk this is, whether it works, and the head of its log."""
    found, card = _figures(at), at.deployment.engine.card
    return Status(
        name=at.deployment.name, contact=at.deployment.contact, jurisdictions=found.jurisdictions,
        engine=card.identity, engine_name=card.name, down_since=found.down_since, log=found.log,
        log_size=found.log_size, checkpoint=found.checkpoint,
    )  # fmt: skip


@router.get("/figures", response_model=Figures)
def show_figures(at: Public) -> PublicFigures:
    """What is in use, under which rules, and counts by month: those of zero, too."""
    return _figures(at)


@router.get("/figures/audits/{digest}", response_class=Response, responses=FILE)
def show_public_audit(at: Public, digest: Digest) -> Response:
    """The bytes of an audit that was accepted here."""
    return Response(
        public_audit(at.desk, digest), media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="audit-{digest[:12]}.json"'},
    )  # fmt: skip


def _figures(at: At) -> PublicFigures:
    return kept_figures(at.deployment)
