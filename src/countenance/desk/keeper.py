"""The keeper: what falls due is done by itself, by any number of processes, and each thing once.

Every duty looks first and acts in a transaction that looks again, so whoever comes second finds it
done. One that fails does not keep the others from being done, and is tried again next time.

Of a search that a crash left, the keeper publishes and opens a list that is *sealed*: nothing is
decided by that. One that has no list yet it does not make again. The comparison was asked for with
a passkey by somebody who was there; that they still want it an hour later is theirs to say. The
interruption is recorded, and stands among their tasks until its approval is over; then the search
is over, too, and recorded so.
"""

from __future__ import annotations

import datetime
import itertools
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from countenance.core import CountenanceError
from countenance.desk import (
    doors,
    erasing,
    erasure_tables,
    knownerasing,
    purging,
    standing,
    subjects,
    two_person,
)
from countenance.desk.account_tables import SessionRow
from countenance.desk.approvals import Approval
from countenance.desk.ceremonies import Challenge, Refused, tell_refusals
from countenance.desk.invitations import CODE_S, Invitation, InvitationState, expire
from countenance.desk.leads import FOLLOW_UP_DAYS, Lead, LeadState
from countenance.desk.passkeys import CEREMONY_S
from countenance.desk.removedimages import note_removed
from countenance.desk.requests import RequestState, SearchRequest, move
from countenance.desk.searches import Search, SearchState
from countenance.desk.searching import Means, finish_sealed
from countenance.desk.service import Desk, Doing
from countenance.desk.sessions import IDLE_S, LONGEST_S
from countenance.desk.timeline import CaseEvent

_TELL = logging.getLogger(__name__)
_BATCH = 50
_LOOK_EVERY = datetime.timedelta(hours=1)
_FORGET = datetime.timedelta(days=30)
_INTERRUPTED, _REMINDED = "search-interrupted", "lead-reminded"


class Keeper:
    """Does what falls due.

    Parameters
    ----------
    means
        What sealed lists are published with; None where another process does that.
    zone
        By which a day begins.
    """

    def __init__(
        self, desk: Desk, *, means: Means | None = None, zone: datetime.tzinfo = datetime.UTC
    ) -> None:
        self._desk, self._means, self._zone = desk, means, zone
        self._look_at = desk.clock()
        self._duties: Mapping[str, Callable[[], int]] = {
            "refusals": self._refusals, "purges": self._purges, "sweep": self._sweep,
            "invitations": self._invitations, "requests": self._requests,
            "joint": self._joint,
            "given-up": self._given_up, "interrupted": self._interrupted, "sealed": self._sealed,
            "reminders": self._reminders,
            "removed": self._removed, "erasures": self._erasures, "subjects": self._subjects,
        }  # fmt: skip

    def run_once(self) -> dict[str, int]:
        """Do all that is due; how much of each. A duty that failed is told and left out."""
        done: dict[str, int] = {}
        for name, duty in self._duties.items():
            try:
                done[name] = duty()
            except CountenanceError as error:
                _TELL.error("what is due waits: %s: %s (%s)", name, type(error).__name__,
                            error.code)  # fmt: skip
        return done

    def run(self, stop: threading.Event, *, idle_s: float = 60.0) -> None:
        """Do it again and again until `stop` is set."""
        while not stop.is_set():
            self.run_once()
            stop.wait(idle_s)

    def _refusals(self) -> int:
        """Refusals at the door, of hours that are over, are told in the log."""
        hour = self._desk.clock().replace(minute=0, second=0, microsecond=0)
        waiting = self._ids(select(Refused.reason).where(Refused.since < hour))
        if waiting:
            tell_refusals(self._desk)
        return len(waiting)

    def _purges(self) -> int:
        purging.schedule(self._desk, zone=self._zone)
        return 0

    def _sweep(self) -> int:
        """What is over by its time is made over; what nobody needs any more goes. No event."""
        now = self._desk.clock()

        def before(**by: float) -> datetime.datetime:
            return now - datetime.timedelta(**by)

        def work(db: Session) -> int:
            over = update(SessionRow).where(
                SessionRow.ended_at.is_(None),
                or_(SessionRow.seen_at < before(seconds=IDLE_S),
                    SessionRow.started_at < before(seconds=LONGEST_S)),
            ).values(ended_at=now)  # fmt: skip
            gone = (
                over,
                delete(SessionRow).where(SessionRow.ended_at < now - _FORGET),
                delete(Challenge).where(Challenge.made_at < before(seconds=2 * CEREMONY_S)),
            )
            swept = sum(db.execute(each).rowcount for each in gone)  # type: ignore[attr-defined]
            return swept + doors.sweep(db, now)

        return self._desk.store.write(work)

    def _invitations(self) -> int:
        oldest = self._desk.now() - datetime.timedelta(seconds=CODE_S)
        late = self._ids(
            select(Invitation.id).where(
                Invitation.state == InvitationState.OPEN, Invitation.made_at < oldest
            )
        )
        return self._do("account.expire-invitations", late, expire)

    def _joint(self) -> int:
        """What waits for a second person for too long comes to its end."""
        now = self._desk.now()
        late = [
            *self._ids(select(two_person.JointRequest.id).where(two_person.too_old(now))),
            *self._ids(select(standing.Switch.id).where(standing.too_old(now))),
            *self._ids(select(erasure_tables.Erasure.id).where(erasure_tables.too_old(now))),
            *self._ids(select(knownerasing.KnownErasure.id).where(knownerasing.too_old(now))),
        ]
        return self._do("joint.expire", late, _expire)

    def _requests(self) -> int:
        """Requests that nobody approved or searched in time lapse."""
        due = _lapsing(self._desk.now())
        return self._do(
            "request.lapse", self._ids(select(SearchRequest.id).where(due).limit(_BATCH)), _lapse
        )

    def _given_up(self) -> int:
        """Searches without a list, whose approval is over, are over with it."""
        with self._desk.store.reading() as db:
            left = [row.id for row in _given_up(db, self._desk.now())]
        return self._do("request.lapse", left, _give_up)

    def _interrupted(self) -> int:
        """Searches that a crash left without a list are said to be so, once an attempt."""
        now = self._desk.now()
        with self._desk.store.reading() as db:
            left = [row.id for row in _left_running(db, now)]
        return self._do("search.interrupt", left, _interrupt)

    def _sealed(self) -> int:
        return 0 if self._means is None else finish_sealed(self._desk, means=self._means)

    def _reminders(self) -> int:
        """What became of a lead is asked for when it is due, and every `FOLLOW_UP_DAYS` after."""
        now = self._desk.now()
        with self._desk.store.reading() as db:
            left = [row.id for row, _ in _unreminded(db, now)]
        return self._do("lead.remind", left, _remind)

    def _removed(self) -> int:
        """Leads whose image was removed are found once an hour: each has to be opened for it."""
        now = self._desk.clock()
        if self._means is None or now < self._look_at:
            return 0
        found = note_removed(self._desk, keys=self._means.keys)
        if not found:
            self._look_at = now + _LOOK_EVERY
        return found

    def _erasures(self) -> int:
        """What is left of erasures, in the vault and in the files."""
        erasing.finish(self._desk)
        knownerasing.finish(self._desk)
        return 0

    def _subjects(self) -> int:
        """What people wrote and were told is not kept for ever."""
        return 0 if self._means is None else subjects.forget(self._desk, keys=self._means.keys)

    def _ids(self, rows: Select[str]) -> list[str]:
        with self._desk.store.reading() as db:
            return list(db.scalars(rows))

    def _do(self, action: str, due: Sequence[str], work: Callable[[Doing], int]) -> int:
        """Act where something is due; another process may have been first, and that is all."""
        if not due:
            return 0
        try:
            return self._desk.itself(action, lambda doing: _something(work(doing)))
        except _NothingLeft:
            return 0


class _NothingLeft(Exception):  # noqa: N818 - no error: it undoes the transaction
    """Another process was first."""


def _something(done: int) -> int:
    if not done:
        raise _NothingLeft
    return done


def _lapsing(now: datetime.datetime) -> ColumnElement[bool]:
    over = select(Approval.request_id).where(Approval.expires_at <= now)
    return or_(
        (SearchRequest.state == RequestState.PENDING) & (SearchRequest.expires_at <= now),
        (SearchRequest.state == RequestState.APPROVED) & SearchRequest.id.in_(over),
    )


def _lapse(doing: Doing) -> int:
    rows = doing.db.scalars(
        select(SearchRequest).where(_lapsing(doing.now))
        .order_by(SearchRequest.id).limit(_BATCH).with_for_update()
    ).all()  # fmt: skip
    for row in rows:
        pending = row.state == RequestState.PENDING
        move(doing, row, to=RequestState.LAPSED,
             reason="time-over" if pending else "approval-over")  # fmt: skip
    return len(rows)


def _expire(doing: Doing) -> int:
    return sum(each.expire(doing) for each in (two_person, standing, erasure_tables, knownerasing))


def _given_up(db: Session, now: datetime.datetime) -> Sequence[SearchRequest]:
    """Requests taken up that can have no list any more: nobody at work, no valid approval."""
    left = (
        select(SearchRequest).join(Approval, Approval.request_id == SearchRequest.id)
        .outerjoin(Search, Search.request == SearchRequest.id)
        .where(SearchRequest.state == RequestState.TAKEN_UP, Approval.expires_at <= now,
               or_(Search.id.is_(None),
                   and_(Search.state == SearchState.RUNNING, Search.lease_until < now)))
        .order_by(SearchRequest.id).limit(_BATCH)
    )  # fmt: skip
    return db.scalars(left).all()


def _give_up(doing: Doing) -> int:
    left = _given_up(doing.db, doing.now)
    for request in left:
        search = doing.db.scalar(
            select(Search).where(Search.request == request.id).with_for_update()
        )
        move(doing, request, to=RequestState.LAPSED, reason="approval-over")
        if search is None:
            continue
        search.state = SearchState.EXPIRED
        doing.record.add(
            doing.db, _INTERRUPTED, about=search.handle,
            public={"request": search.request_digest, "attempt": search.attempt,
                    "reason": "approval-over"},
            private={"case": search.case_id},
        )  # fmt: skip
    return len(left)


def _left_running(db: Session, now: datetime.datetime) -> list[Search]:
    """Searches without a list whose lease is over and whose interruption is not told yet."""
    rows = db.scalars(
        select(Search).where(Search.state == SearchState.RUNNING, Search.lease_until < now)
        .order_by(Search.id)
    )  # fmt: skip
    return list(itertools.islice((row for row in rows if not _told(db, row)), _BATCH))


def _interrupt(doing: Doing) -> int:
    left = _left_running(doing.db, doing.now)
    for row in left:
        doing.record.add(
            doing.db, _INTERRUPTED, about=row.handle,
            public={"request": row.request_digest, "attempt": row.attempt, "reason": "lease-over"},
            private={"case": row.case_id},
        )  # fmt: skip
    return len(left)


def _told(db: Session, row: Search) -> bool:
    return any(
        public["request"] == row.request_digest and public["attempt"] == row.attempt
        for public in _events(db, row.case_id, _INTERRUPTED)
    )


def _unreminded(db: Session, now: datetime.datetime) -> list[tuple[Lead, Search]]:
    """Leads whose outcome is due and was not asked for since, or not for `FOLLOW_UP_DAYS`."""
    rows = db.execute(
        select(Lead, Search).join(Search, Search.id == Lead.search)
        .where(Lead.state != LeadState.ENDED, Lead.due_at <= now).order_by(Lead.due_at, Lead.id)
    ).all()  # fmt: skip
    left = ((lead, search) for lead, search in rows if not _reminded(db, lead, search, now))
    return list(itertools.islice(left, _BATCH))


def _remind(doing: Doing) -> int:
    left = _unreminded(doing.db, doing.now)
    for lead, search in left:
        doing.record.add(
            doing.db, _REMINDED, about=search.handle,
            public={"request": search.request_digest, "days": (doing.now - lead.due_at).days},
            private={"case": search.case_id},
        )  # fmt: skip
    return len(left)


def _reminded(db: Session, lead: Lead, search: Search, now: datetime.datetime) -> bool:
    since = max(lead.due_at, now - datetime.timedelta(days=FOLLOW_UP_DAYS))
    since = since.replace(microsecond=0)  # events have their time to the second
    return any(
        public["request"] == search.request_digest
        for public in _events(db, search.case_id, _REMINDED, since=since)
    )


def _events(
    db: Session, case_id: str, kind: str, *, since: datetime.datetime | None = None
) -> list[dict[str, object]]:
    rows = select(CaseEvent.public).where(CaseEvent.case_id == case_id, CaseEvent.kind == kind)
    if since is not None:
        rows = rows.where(CaseEvent.at >= since)
    return [json.loads(text) for text in db.scalars(rows)]
