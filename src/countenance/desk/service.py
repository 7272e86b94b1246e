"""The desk: every action goes through `act`, every look through `look`, and there is no third way.

`act` authorises against the one table of `roles`, runs in one transaction, refuses a change that
left no event, and returns only once the event is in the log. `look` shows only what is in the log.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import UTC, Base
from countenance.desk.clock import Clock, system_clock
from countenance.desk.errors import NotAllowedError, StoodDownError
from countenance.desk.events import Outgoing, Recorder
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.store import Store

T = TypeVar("T")
STEP_UP_S = 120


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
    stepped_up_at
        When the passkey was last asked for within the session.
    training
        Kinds of training, and until when each is current.
    """

    account: str
    roles: frozenset[Role]
    session: str = ""
    stepped_up_at: datetime.datetime | None = None
    training: dict[str, datetime.datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doing:
    """One action while it runs: the transaction, the actor, the time, and the way to the log."""

    db: Session
    actor: Actor
    now: datetime.datetime
    record: Recorder


class Desk:
    """The kernel that all parts of the desk are built on."""

    def __init__(self, store: Store, recorder: Recorder, *, clock: Clock = system_clock) -> None:
        self.store = store
        self.recorder = recorder
        self.clock = clock
        recorder.flush()  # what a crash left half-way is finished before anybody is served

    def act(self, actor: Actor, action: str, work: Callable[[Doing], T]) -> T:
        """Do something: authorised, in one transaction, in the log before this returns.

        Raises
        ------
        NotAllowedError
            The table does not allow it, the passkey was not asked for recently, or training has
            run out.
        StoodDownError
            The desk is suspended.
        """
        now = self.clock()
        allow(actor, action, now)

        def transaction(db: Session) -> T:
            if not ACTIONS[action].standing_down and _is_down(db):
                raise StoodDownError("the desk is suspended", do="ask an administrator")
            before = _last(db)
            result = work(Doing(db, actor, now, self.recorder))
            db.flush()
            if (db.new or db.dirty or db.deleted) or _last(db) == before:
                raise AssertionError(f"{action} left no event")
            return result

        result = self.store.write(transaction)
        self.recorder.flush()
        return result

    def look(self, actor: Actor, action: str, work: Callable[[Session], T]) -> T:
        """Read something: authorised, and nothing that is not in the log yet."""
        allow(actor, action, self.clock())
        while True:
            with self.store.reading() as db:
                if not self.recorder.pending(db):
                    return work(db)
            self.recorder.flush()


def allow(actor: Actor, action: str, now: datetime.datetime) -> None:
    """Whether the table allows an action. Raises NotAllowedError; a name it lacks is denied."""
    rule = ACTIONS.get(action)
    if rule is None or not actor.roles & rule.roles:
        raise NotAllowedError("this is not yours to do")
    if rule.step_up:
        since = actor.stepped_up_at
        if since is None or not 0 <= (now - since).total_seconds() <= STEP_UP_S:
            raise NotAllowedError("your passkey is needed again", do="confirm with your passkey")
    if rule.training and actor.training.get(rule.training, now) <= now:
        raise NotAllowedError(
            "your training for this has run out, or was never recorded",
            do="ask an administrator to record the training",
        )


def _is_down(db: Session) -> bool:
    return db.scalar(select(Standing.down_since)) is not None


def _last(db: Session) -> int | None:
    return db.scalar(select(Outgoing.number).order_by(Outgoing.number.desc()).limit(1))
