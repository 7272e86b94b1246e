"""The desk: every action goes through `act`, every look through `look`, and there is no third way.

`act` authorises against the one table of `roles`, runs in one transaction, refuses a change that
left no event, and returns only once the event is in the log. `look` shows only what is in the log.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import UTC, Base
from countenance.desk.clock import Clock, system_clock
from countenance.desk.errors import DeskError, NotAllowedError, StoodDownError
from countenance.desk.events import Recorder
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.store import Store

T = TypeVar("T")
STEP_UP_S = 120
CLOCKS_APART_S = 5  # so far the clocks of several processes may differ


class Standing(Base):
    """Whether the desk works: one row, with who last changed it and when."""

    __tablename__ = "standing"

    number: Mapped[int] = mapped_column(primary_key=True)
    down_since: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a fact of the session, never of the request.

    Attributes
    ----------
    stepped_up_at, stepped_up_for
        When the passkey was last asked for within the session, and for which action; None: the
        caller vouches that it was for what is done with this actor.
    training
        Kinds of training, and until when each is current.
    """

    account: str
    roles: frozenset[Role]
    session: str = ""
    stepped_up_at: datetime.datetime | None = None
    training: dict[str, datetime.datetime] = field(default_factory=dict)
    stepped_up_for: str | None = None


ITSELF = Actor("desk", frozenset())
"""The desk, where no person acts."""


@dataclass(frozen=True, slots=True)
class Doing:
    """One action while it runs: the transaction, the actor, the time, and the way to the log."""

    db: Session
    actor: Actor
    now: datetime.datetime
    record: Recorder


Guard = Callable[[Session, Actor, datetime.datetime], None]


class Desk:
    """The kernel that all parts of the desk are built on.

    Parameters
    ----------
    store, recorder, clock
        The database, the way to the log, and the time.
    guard
        Asked in every transaction whether the actor may *still* act (the session was not ended,
        the account not suspended since it was authenticated); raises NotAllowedError.
    accept_clock
        The operator says that the clock is right, though the newest event is later than it.

    Raises
    ------
    DeskError
        The clock is behind the newest event (`accept_clock` aside): what has expired would be
        valid again.
    """

    def __init__(
        self, store: Store, recorder: Recorder, *, clock: Clock = system_clock,
        guard: Guard | None = None, accept_clock: bool = False,
    ) -> None:  # fmt: skip
        self.store = store
        self.recorder = recorder
        self.clock = clock
        self._guard = guard
        recorder.flush()  # what a crash left half-way is finished before anybody is served
        if accept_clock:
            recorder.latest_s = int(clock().timestamp())
        self.now()

    def act(self, actor: Actor, action: str, work: Callable[[Doing], T]) -> T:
        """Do something: authorised, in one transaction, in the log before this returns.

        Raises
        ------
        NotAllowedError
            The table does not allow it, the passkey was not asked for recently, or training has
            run out.
        StoodDownError
            The desk is suspended.
        StorageError
            The log failed. What was asked may have been done, and will be in the log before
            anybody is shown it; it must not be acknowledged.
        """
        now = self.now()
        allow(actor, action, now)
        return self._do(actor, action, now, work)

    def itself(self, action: str, work: Callable[[Doing], T]) -> T:
        """Do what the desk does by itself (a rule that falls due); in the log as all else.

        Raises
        ------
        NotAllowedError
            The action is one of people's.
        StoodDownError
            The desk is suspended.
        """
        rule = ACTIONS.get(action)
        if rule is None or rule.roles:
            raise NotAllowedError("this is not the desk's to do")
        return self._do(ITSELF, action, self.now(), work)

    def _do(
        self, actor: Actor, action: str, now: datetime.datetime, work: Callable[[Doing], T]
    ) -> T:
        def transaction(db: Session) -> T:
            if actor is not ITSELF:
                self._still(db, actor, now)
            _must_stand(db, action)
            result = work(Doing(db, actor, now, self.recorder))
            db.flush()
            if not self.recorder.added(db):
                raise AssertionError(f"{action} left no event")
            return result

        result = self.store.write(transaction)
        self.recorder.flush()
        return result

    def look(self, actor: Actor, action: str, work: Callable[[Session], T]) -> T:
        """Read something: authorised, and nothing that is not in the log yet.

        Whatever others write meanwhile, this ends: the events of the one view it reads are brought
        into the log, and then that view is read. Raises as `act`: a desk that is suspended shows
        what it must (`roles`, ``standing_down``) and no candidate to anybody.
        """
        now = self.now()
        allow(actor, action, now)
        with self.store.reading() as db:
            if not self.recorder.pending(db):  # as nearly always: nobody waits for those who write
                return self._shown(db, actor, action, now, work)
        self.recorder.flush()
        with self.store.reading() as db:
            if self.recorder.pending(db):
                self.recorder.flush()  # a second connection; this view stays as it is
            return self._shown(db, actor, action, now, work)

    def _shown(
        self, db: Session, actor: Actor, action: str, now: datetime.datetime,
        work: Callable[[Session], T],
    ) -> T:  # fmt: skip
        self._still(db, actor, now)
        _must_stand(db, action)
        return work(db)

    def now(self) -> datetime.datetime:
        """The time. Raises DeskError where the clock has gone back behind what was recorded."""
        now = self.clock()
        if now.timestamp() < self.recorder.latest_s - CLOCKS_APART_S:
            raise DeskError(
                "the clock is behind the newest event in the record",
                do="set the clock; if it was ahead before, start the desk with accept_clock",
            )
        return now

    def _still(self, db: Session, actor: Actor, now: datetime.datetime) -> None:
        if self._guard is not None:
            self._guard(db, actor, now)


def allow(actor: Actor, action: str, now: datetime.datetime) -> None:
    """Whether the table allows an action. Raises NotAllowedError; a name it lacks is denied."""
    rule = ACTIONS.get(action)
    if rule is None or not actor.roles & rule.roles:
        raise NotAllowedError("this is not yours to do")
    if rule.step_up:
        since = actor.stepped_up_at if actor.stepped_up_for in (None, action) else None
        if since is None or not 0 <= (now - since).total_seconds() <= STEP_UP_S:
            raise NotAllowedError("your passkey is needed again", do="confirm with your passkey")
    if rule.training and actor.training.get(rule.training, now) <= now:
        raise NotAllowedError(
            "your training for this has run out, or was never recorded",
            do="ask an administrator to record the training",
        )


def _must_stand(db: Session, action: str) -> None:
    if not ACTIONS[action].standing_down and is_down(db):
        raise StoodDownError("the desk is suspended", do="ask an administrator")


def is_down(db: Session) -> bool:
    """A desk that does not know whether it stands, stands down."""
    row = db.get(Standing, 1)
    return row is None or row.down_since is not None
