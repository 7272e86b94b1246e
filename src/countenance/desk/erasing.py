"""Erasing a case: what time or a court ends goes for good, and the record still holds.

An administrator asks, an auditor confirms: neither can search or approve, so nobody erases what
they did. What goes is all that says anything of a person: the account of the facts, probes with
their hashes, what was frozen of requests, lists, examinations, leads, evidence, what was asked of
others and came from them, the case's number, and the clear values of its events. What stays are
ids, states, times and counts, the commitments in the log, and who did what: that there was a case
with so many searches can still be shown, and nothing of whom.

It happens in two places. The one transaction destroys the keys and empties the boxes; the vault of
the log and the files of the database follow, and whatever fails in between is done by whoever
calls next (`finish`; the keeper does).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from countenance.desk.base import new_id
from countenance.desk.cases import Case, CaseState, CaseVersion
from countenance.desk.erasure_tables import (
    ASKED_FOR,
    Basis,
    Erasure,
    ErasureState,
    check,
    move,
    tell,
    waiting,
)
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.evidence import Evidence
from countenance.desk.incidents import Incident, IncidentState
from countenance.desk.leads import Lead, LeadState
from countenance.desk.narratives import NarrativePrint
from countenance.desk.outside_tables import AskState, OutsideAsk, OutsideResult
from countenance.desk.probes import Probe, ProbeEdit, ProbeImage
from countenance.desk.requests import RequestState, SearchRequest
from countenance.desk.reviews import Examination, Review, ReviewState
from countenance.desk.searches import Search, SearchState
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.timeline import CaseEvent, handle


@dataclass(frozen=True, slots=True)
class ClosedCase:
    """A case that could be erased. `hindered`: why not yet, a code; None where nothing hinders."""

    id: str
    number: str
    opened_at: datetime.datetime
    closed_at: datetime.datetime
    hindered: str | None


@dataclass(frozen=True, slots=True)
class ErasureView:
    """An erasure that waits for an auditor, with its grounds."""

    id: str
    case_id: str
    number: str
    basis: Basis
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


def closed_cases(desk: Desk, actor: Actor, *, after: str = "", most: int = 50) -> list[ClosedCase]:
    """Closed cases by number, without anything they say; the next page is `after` the last."""

    def work(db: Session) -> list[ClosedCase]:
        rows = db.scalars(
            select(Case).where(Case.state == CaseState.CLOSED, Case.number > after)
            .order_by(Case.number).limit(most)
        )  # fmt: skip
        return [_line(db, row) for row in rows]

    return desk.look(actor, "case.list-closed", work)


def closed_case(desk: Desk, actor: Actor, case_id: str) -> ClosedCase:
    """One of them. NotAllowedError where there is no such case that is closed."""

    def work(db: Session) -> ClosedCase:
        case = db.get(Case, case_id)
        if case is None or case.state != CaseState.CLOSED:
            raise NotAllowedError("there is no such case to be erased")
        return _line(db, case)

    return desk.look(actor, "case.list-closed", work)


def ask_erasure(
    desk: Desk, actor: Actor, case_id: str, *, basis: Basis, grounds: str, keys: Secrets
) -> str:
    """Ask that a case is erased; the id that an auditor confirms.

    Raises
    ------
    NotAllowedError
        There is no such case that is closed.
    StateError
        Something in it is under way, or it was asked for already.
    """
    check(grounds)

    def work(doing: Doing) -> str:
        case = _closed(doing.db, case_id)
        for row in doing.db.scalars(
            select(Erasure).where(Erasure.case_id == case_id, Erasure.state == ErasureState.ASKED)
            .with_for_update()
        ):  # fmt: skip
            if doing.now < row.asked_at + ASKED_FOR:
                raise StateError("this was asked for and waits for an auditor")
            move(doing, row, ErasureState.LAPSED, None)
        row = Erasure(id=new_id(), case_id=case.id, basis=basis, state=ErasureState.ASKED,
                      asked_by=doing.actor.account, asked_at=doing.now)  # fmt: skip
        row.box = keys.seal(doing.db, row.handle, grounds.encode(), purpose="grounds",
                            now=doing.now)  # fmt: skip
        doing.db.add(row)
        tell(doing, row, grounds)
        return row.id

    return desk.act(actor, "case.ask-erasure", work)


def open_erasures(desk: Desk, actor: Actor, *, keys: Secrets) -> list[ErasureView]:
    """What waits for an auditor, the oldest first."""

    def work(db: Session) -> list[ErasureView]:
        rows = db.scalars(
            select(Erasure)
            .where(Erasure.state == ErasureState.ASKED, Erasure.asked_at > desk.now() - ASKED_FOR)
            .order_by(Erasure.asked_at, Erasure.id)
        )  # fmt: skip
        return [
            ErasureView(
                row.id, row.case_id, db.get_one(Case, row.case_id).number, Basis(row.basis),
                keys.open(db, row.handle, row.box, purpose="grounds").decode(), row.asked_by,
                row.asked_at,
            )
            for row in rows
        ]  # fmt: skip

    return desk.look(actor, "case.list-closed", work)


def refuse_erasure(desk: Desk, actor: Actor, erasure: str, *, grounds: str) -> None:
    """Say no to an erasure. StateError where it was decided on, or is too old."""
    check(grounds)
    desk.act(
        actor, "case.refuse-erasure",
        lambda doing: move(doing, waiting(doing, erasure), ErasureState.REFUSED, grounds),
    )  # fmt: skip


def confirm_erasure(desk: Desk, actor: Actor, erasure: str, *, keys: Secrets) -> bool:
    """Erase the case; whether the files hold nothing of it either (else `finish` is to be called).

    Nothing brings it back.

    Raises
    ------
    NotAllowedError
        There is no such request, or the actor made it.
    StateError
        It was decided on, is too old, or something in the case is under way.
    """

    def work(doing: Doing) -> None:
        row = waiting(doing, erasure)
        if row.asked_by == doing.actor.account:
            raise NotAllowedError("there is nothing for you to confirm")
        case = _closed(doing.db, row.case_id)
        move(doing, row, ErasureState.CONFIRMED, None)
        _erase(doing, case, keys)

    desk.act(actor, "case.confirm-erasure", work)
    return finish(desk) == 0


def finish(desk: Desk) -> int:
    """Do what is left of erasures that are confirmed; how many are left. Any process may.

    Raises StorageError where the vault or the log failed; then it is to be called again.
    """
    with desk.store.reading() as db:
        rows = db.scalars(select(Erasure).where(Erasure.state == ErasureState.CONFIRMED)).all()
        handles = {row.id: [handle(row.case_id), *_incidents(db, row.case_id)] for row in rows}
    for row in rows:
        for about in handles[row.id]:
            desk.recorder.erase(about, basis=row.basis, request=row.id)
    if not rows or not desk.store.scrub():
        return len(rows)
    done = update(Erasure).where(Erasure.id.in_(handles), Erasure.state == ErasureState.CONFIRMED)
    desk.store.write(lambda db: db.execute(done.values(state=ErasureState.DONE)))
    return 0


def hindrance(db: Session, case: Case) -> str | None:
    """What of a case is under way and keeps it from being erased, as a code."""
    mine = {
        "request-waits": select(SearchRequest.id).where(
            SearchRequest.case_id == case.id,
            SearchRequest.state.in_((RequestState.PENDING, RequestState.APPROVED)),
        ),
        "search-runs": select(Search.id).where(
            Search.case_id == case.id,
            Search.state.in_((SearchState.RUNNING, SearchState.SEALED)),
        ),
        "review-open": select(Review.id).join(Search, Search.id == Review.search).where(
            Search.case_id == case.id, Review.state == ReviewState.OPEN
        ),
        "lead-open": select(Lead.id).join(Search, Search.id == Lead.search).where(
            Search.case_id == case.id, Lead.state != LeadState.ENDED
        ),
        "incident-open": select(Incident.id).join(Lead, Lead.id == Incident.lead)
        .join(Search, Search.id == Lead.search)
        .where(Search.case_id == case.id, Incident.state == IncidentState.OPEN),
        "asked-of-others": select(OutsideAsk.id).where(
            OutsideAsk.case_id == case.id,
            OutsideAsk.state.in_((AskState.WAITING, AskState.ASKED)),
        ),
    }  # fmt: skip
    return next(
        (code for code, rows in mine.items() if db.scalar(rows.limit(1)) is not None), None
    )


def _line(db: Session, row: Case) -> ClosedCase:
    return ClosedCase(row.id, row.number, row.opened_at, _closed_at(db, row), hindrance(db, row))


def _closed(db: Session, case_id: str) -> Case:
    case = db.get(Case, case_id, with_for_update=True)
    if case is None or case.state != CaseState.CLOSED:
        raise NotAllowedError("there is no such case to be erased")
    code = hindrance(db, case)
    if code is not None:
        raise StateError(f"something in it is under way: {code}", do="bring that to its end first")
    return case


def _erase(doing: Doing, case: Case, keys: Secrets) -> None:
    """Destroy the keys, empty the boxes, and take away what is in clear."""
    db = doing.db
    probes = select(Probe.id).where(Probe.case_id == case.id)
    searches = select(Search.id).where(Search.case_id == case.id)
    leads = select(Lead.id).where(Lead.search.in_(searches))
    examined = select(Review.id).where(Review.search.in_(searches))
    for about in (handle(case.id), *_incidents(db, case.id)):
        keys.destroy(db, about, now=doing.now)
    db.flush()
    for change in (
        delete(NarrativePrint).where(NarrativePrint.case_id == case.id),
        update(CaseVersion).where(CaseVersion.case_id == case.id).values(box=b""),
        delete(ProbeEdit).where(ProbeEdit.probe_id.in_(probes)),
        delete(ProbeImage).where(ProbeImage.probe_id.in_(probes)),
        update(Probe).where(Probe.case_id == case.id)
        .values(provenance=b"", original="", image=""),
        update(SearchRequest).where(SearchRequest.case_id == case.id)
        .values(frozen=b"", decision=b"", same=""),
        update(Search).where(Search.case_id == case.id).values(box=b"", digest=None),
        update(Examination).where(Examination.review.in_(examined))
        .values(notes_box=None, findings_box=None, seed=b""),
        update(Evidence).where(Evidence.lead.in_(leads)).values(box=b""),
        update(Incident).where(Incident.lead.in_(leads)).values(box=b"", closing_box=None),
        update(Lead).where(Lead.search.in_(searches))
        .values(box=b"", checklist_box=None, text_box=None, outcome_box=None),
        update(OutsideAsk).where(OutsideAsk.case_id == case.id).values(box=b""),
        update(OutsideResult).where(OutsideResult.case_id == case.id)
        .values(box=b"", source_box=b""),
    ):  # fmt: skip
        db.execute(change.execution_options(synchronize_session=False))
    case.state, case.number = CaseState.ERASED, f"erased {case.id}"


def _incidents(db: Session, case_id: str) -> list[str]:
    """Handles of the incidents that leads of the case opened: their grounds are of the case."""
    rows = (
        select(Incident.id).join(Lead, Lead.id == Incident.lead)
        .join(Search, Search.id == Lead.search).where(Search.case_id == case_id)
    )  # fmt: skip
    return [f"incident:{identity}" for identity in db.scalars(rows.order_by(Incident.id))]


def _closed_at(db: Session, case: Case) -> datetime.datetime:
    """When it was closed last: a case that is closed has that event."""
    at = db.scalar(
        select(func.max(CaseEvent.at)).where(
            CaseEvent.case_id == case.id, CaseEvent.kind == "case-changed"
        )
    )
    return at or case.opened_at
