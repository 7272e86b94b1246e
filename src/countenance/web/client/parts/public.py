"""Calls of the API about public.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Reason


class EngineInUse(Value, frozen=True, kw_only=True):
    """An engine with its accepted audit, by the audit's digest."""

    engine: str
    audit: str
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime
    current: bool
    threshold: str | None
    list_length: int | None


class GalleryInUse(Value, frozen=True, kw_only=True):
    """A gallery; cells of its composition are rounded, so that nobody can be read off them."""

    code: str
    holder: str
    basis: str
    purpose: str
    keep_days: int
    engine: str
    people: int
    images: int
    sources: dict[str, int]
    dispositions: dict[str, int]
    ages: dict[str, int]
    oldest_year: int | None
    purged_on: datetime.date | None


class Month(Value, frozen=True, kw_only=True):
    """One calendar month in the deployment's zone; every count is there, zero or not."""

    month: str
    requests: int
    outcomes: dict[str, int]
    refusals: dict[str, int]
    leads_issued: int
    wrong_leads: int
    incidents: dict[str, int]
    purged: dict[str, int]
    asked_of_others: int
    came_from_others: int
    subject_requests: int
    subject_answers: int


class Pack(Value, frozen=True, kw_only=True):
    """A rule pack that requests here are judged under."""

    id: str
    name: str
    version: str
    digest: str
    citation: str
    policy: bool


class Suspension(Value, frozen=True, kw_only=True):
    """A time in which the desk was down; `until` is null while it is."""

    since: datetime.datetime
    until: datetime.datetime | None
    reason: Reason


class Figures(Value, frozen=True, kw_only=True):
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


class Status(Value, frozen=True, kw_only=True):
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


class PublicCalls(Part):
    """Calls of the API about public."""

    def show_status(self) -> Status:
        """Whose desk this is, whether it works, and the head of its log."""
        return self._call(Call("show_status", "GET", "/api/v1/status"), Shape[Status](Status))

    def show_figures(self) -> Figures:
        """What is in use, under which rules, and counts by month: those of zero, too."""
        return self._call(Call("show_figures", "GET", "/api/v1/figures"), Shape[Figures](Figures))

    def show_public_audit(self, digest: str) -> bytes:
        """The bytes of an audit that was accepted here."""
        return self._call(
            Call("show_public_audit", "GET", "/api/v1/figures/audits/{digest}"),
            bytes,
            path={"digest": digest},
        )
