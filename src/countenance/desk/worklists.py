"""What pages list beside the case file: what waits for an approver, and of which case a thing is.

Nothing here is a new right: each line tells what its reader may look at one by one.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import Account
from countenance.desk.cases import Case, CaseState, readable
from countenance.desk.errors import NotAllowedError
from countenance.desk.gallery_tables import Gallery
from countenance.desk.leads import Lead
from countenance.desk.outside_tables import OutsideAsk, OutsideResult
from countenance.desk.probes import Probe, ProbeState
from countenance.desk.requests import RequestState, SearchRequest
from countenance.desk.roles import Role
from countenance.desk.searches import Search
from countenance.desk.service import Actor, Desk

MOST = 100
"""The longest list that is given at once."""


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """One request that waits for an approver: of which case, who asks, since and until when."""

    id: str
    case_number: str
    requester: str
    submitted_at: datetime.datetime
    expires_at: datetime.datetime


def waiting_lines(desk: Desk, actor: Actor, *, most: int = MOST) -> list[WaitingLine]:
    """Requests that this approver could decide on; what ends first comes first, at most `most`."""

    def work(db: Session) -> list[WaitingLine]:
        rows = db.execute(
            select(SearchRequest.id, Case.number, Account.name, SearchRequest.submitted_at,
                   SearchRequest.expires_at)
            .join(Case, Case.id == SearchRequest.case_id)
            .outerjoin(Account, Account.id == SearchRequest.requester)
            .where(SearchRequest.state == RequestState.PENDING,
                   SearchRequest.requester != actor.account, Case.opened_by != actor.account,
                   SearchRequest.expires_at > desk.now())
            .order_by(SearchRequest.expires_at, SearchRequest.id).limit(max(1, min(most, MOST)))
        )  # fmt: skip
        return [
            WaitingLine(identity, number, name or "", submitted, expires)
            for identity, number, name, submitted, expires in rows
        ]

    return desk.look(actor, "request.list", work)


def probes_to_judge(
    desk: Desk, actor: Actor, *, most: int = MOST
) -> list[tuple[str, str, datetime.datetime]]:
    """(probe, image, since) that wait for this examiner; the oldest first, at most `most`."""
    rows = (
        select(Probe.id, Probe.image, Probe.uploaded_at).join(Case, Case.id == Probe.case_id)
        .where(Probe.state == ProbeState.WAITING, Case.state == CaseState.OPEN,
               Case.opened_by != actor.account, Probe.uploaded_by != actor.account)
        .order_by(Probe.uploaded_at, Probe.id).limit(max(1, min(most, MOST)))
    )  # fmt: skip
    return desk.look(
        actor, "probe.view", lambda db: [(row[0], row[1], row[2]) for row in db.execute(rows)]
    )


def case_numbers(desk: Desk, actor: Actor, ids: Iterable[str]) -> Mapping[str, str]:
    """The case numbers of requests, probes, leads, asks and results, of cases the actor may read.

    Other ids have none, so that this tells of no thing whether it exists.
    """
    wanted = sorted(set(ids))
    everywhere = bool(actor.roles & {Role.APPROVER, Role.AUDITOR})

    def work(db: Session) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for table in (SearchRequest, Probe, OutsideAsk, OutsideResult):
            rows = select(table.id, Case.number).join(Case, Case.id == table.case_id)
            rows = rows.where(table.id.in_(wanted))
            found |= _numbers(db, rows, actor, everywhere)
        leads = (
            select(Lead.id, Case.number).join(Search, Search.id == Lead.search)
            .join(Case, Case.id == Search.case_id).where(Lead.id.in_(wanted))
        )  # fmt: skip
        return found | _numbers(db, leads, actor, everywhere)

    return desk.look(actor, "case.read", work)


def case_of_probe(desk: Desk, actor: Actor, probe_id: str) -> str:
    """The case of a probe, for whoever may read it; NotAllowedError as for a case."""

    def work(db: Session) -> str:
        probe = db.get(Probe, probe_id)
        if probe is None:
            raise NotAllowedError("there is no such case for you")  # as `readable` says it
        return readable(db, actor, probe.case_id).id

    return desk.look(actor, "case.read", work)


def searchable_galleries(desk: Desk, actor: Actor, *, engine: str) -> list[tuple[str, str]]:
    """(code, purpose) of the galleries whose templates this engine made."""
    rows = select(Gallery.code, Gallery.purpose).where(Gallery.engine == engine)
    return desk.look(actor, "gallery.list", lambda db: [
        (row.code, row.purpose) for row in db.execute(rows.order_by(Gallery.code))
    ])  # fmt: skip


def _numbers(
    db: Session, rows: Select[str, str], actor: Actor, everywhere: bool
) -> dict[str, str]:
    if not everywhere:
        rows = rows.where(Case.opened_by == actor.account)
    return {row[0]: row[1] for row in db.execute(rows)}
