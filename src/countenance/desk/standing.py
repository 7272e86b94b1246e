"""Standing down: one switch for everything, which takes two people either way.

An administrator asks, an approver confirms, and from then on the desk does nothing but what must
go on (`roles`, ``standing_down``). Taking up again needs both anew. The log says from when to
when: a desk that was down is not one that was not asked anything (failure F20).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, String, Text, and_, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.service import Actor, Desk, Doing, Standing, is_down
from countenance.record import EventKind, Field

ASKED_FOR = datetime.timedelta(hours=24)
"""What nobody confirmed by then has to be asked for again."""


class Direction(StrEnum):
    """Which way the switch goes."""

    DOWN = "down"
    UP = "up"


class Reason(StrEnum):
    """Why, in the public log."""

    INCIDENT = "incident"
    ORDER = "order"
    REVIEW = "review"
    MAINTENANCE = "maintenance"
    RESOLVED = "resolved"


class SwitchState(StrEnum):
    """Where a switch stands. One that nobody confirmed in time is neither."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


MOVES: Mapping[SwitchState, frozenset[SwitchState]] = {
    SwitchState.ASKED: frozenset(
        {SwitchState.CONFIRMED, SwitchState.WITHDRAWN, SwitchState.LAPSED}
    ),
    SwitchState.CONFIRMED: frozenset(),
    SwitchState.WITHDRAWN: frozenset(),
    SwitchState.LAPSED: frozenset(),
}

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "standing-changed", 1, "the desk was stood down or taken up, or somebody asked for that",
        {
            "direction": Field("code", tuple(Direction)),
            "change": Field("code", (SwitchState.ASKED.value, SwitchState.CONFIRMED.value)),
            "reason": Field("code", tuple(Reason)),
            "since": Field("time", optional=True),
        },
        ("author", "grounds"),
    ),
    EventKind(
        "standing-changed", 2, "the desk was stood down or taken up, or a wish for that was made, "
        "withdrawn, or waited too long",
        {
            "direction": Field("code", tuple(Direction)),
            "change": Field("code", tuple(SwitchState)),
            "reason": Field("code", tuple(Reason)),
            "since": Field("time", optional=True),
        },
        ("author", "grounds"),
    ),
)  # fmt: skip


class Switch(Base):
    """One turn of the switch, asked for by one and confirmed by another."""

    __tablename__ = "standing_switches"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    direction: Mapped[Direction] = mapped_column(String(8))
    state: Mapped[SwitchState] = mapped_column(String(16), index=True)
    reason: Mapped[Reason] = mapped_column(String(16))
    grounds: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime.datetime] = mapped_column(UTC)
    confirmed_by: Mapped[str | None] = mapped_column(String(32), default=None)
    confirmed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)  # if it was not


@dataclass(frozen=True, slots=True)
class Suspension:
    """A time in which the desk was down; `until` is None while it is."""

    since: datetime.datetime
    until: datetime.datetime | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Turn:
    """A wish to turn the switch that came to its end. `by`: who confirmed or withdrew it."""

    id: str
    direction: Direction
    reason: Reason
    grounds: str
    asked_by: str
    asked_at: datetime.datetime
    state: SwitchState
    by: str | None
    at: datetime.datetime


def ask(desk: Desk, actor: Actor, direction: Direction, *, reason: Reason, grounds: str) -> str:
    """Ask for the desk to be stood down or taken up; the id that an approver confirms.

    Raises StateError where it is so already, or was asked for and can still be confirmed.
    """
    if not 10 <= len(grounds.strip()) <= 2000:
        raise InputError("the reason says too little or too much", where="grounds",
                         expected="10 to 2,000 characters")  # fmt: skip

    def work(doing: Doing) -> str:
        _must_change(doing.db, direction)
        for pending in doing.db.scalars(
            select(Switch).where(Switch.state == SwitchState.ASKED).with_for_update()
        ):
            if doing.now < pending.asked_at + ASKED_FOR and pending.direction == direction:
                raise StateError("this was asked for and waits for an approver")
            _end(doing, pending, SwitchState.LAPSED)
        doing.db.flush()
        row = Switch(
            id=new_id(), direction=direction, state=SwitchState.ASKED, reason=reason,
            grounds=grounds, asked_by=doing.actor.account, asked_at=doing.now,
        )  # fmt: skip
        doing.db.add(row)
        _tell(doing, row)
        return row.id

    action = "desk.stand-down" if direction is Direction.DOWN else "desk.take-up"
    return desk.act(actor, action, work)


def confirm(desk: Desk, actor: Actor, switch: str, direction: Direction) -> None:
    """Confirm what an administrator asked for; it takes effect with this.

    Raises
    ------
    NotAllowedError
        There is no such request, or the actor made it.
    StateError
        Somebody else confirmed it, it is too old, or the desk is as it asks already.
    """

    def work(doing: Doing) -> None:
        row = doing.db.get(Switch, switch, with_for_update=True)
        if row is None or row.direction != direction or row.asked_by == doing.actor.account:
            raise NotAllowedError("there is nothing for you to confirm")
        if row.state != SwitchState.ASKED or doing.now >= row.asked_at + ASKED_FOR:
            raise StateError("this was confirmed, or is too old", do="look again")
        standing = _must_change(doing.db, direction)
        if standing is None:
            doing.db.add(standing := Standing(number=1))
        since = standing.down_since
        standing.down_since = doing.now if direction is Direction.DOWN else None
        row.state, row.confirmed_by = SwitchState.CONFIRMED, doing.actor.account
        row.confirmed_at = doing.now
        _tell(doing, row, since=since if direction is Direction.UP else None)

    down = direction is Direction.DOWN
    desk.act(actor, "desk.confirm-stand-down" if down else "desk.confirm-take-up", work)


def withdraw(desk: Desk, actor: Actor, switch: str) -> None:
    """Take one's own wish back, as long as nobody confirmed it.

    Raises NotAllowedError where it is not the actor's, StateError where it has its end.
    """

    def work(doing: Doing) -> None:
        row = doing.db.get(Switch, switch, with_for_update=True)
        if row is None or row.asked_by != doing.actor.account:
            raise NotAllowedError("there is no such request of yours")
        if row.state != SwitchState.ASKED or doing.now >= row.asked_at + ASKED_FOR:
            raise StateError("this was confirmed, or is too old", do="look again")
        _end(doing, row, SwitchState.WITHDRAWN)

    desk.act(actor, "desk.withdraw-switch", work)


def expire(doing: Doing) -> int:
    """Give an end to what nobody confirmed in time; how many. The keeper's."""
    late = doing.db.scalars(select(Switch).where(too_old(doing.now)).with_for_update()).all()
    for row in late:
        _end(doing, row, SwitchState.LAPSED)
    return len(late)


def too_old(now: datetime.datetime) -> ColumnElement[bool]:
    """Which wishes wait for nobody any more."""
    return and_(Switch.state == SwitchState.ASKED, Switch.asked_at <= now - ASKED_FOR)


def turns(desk: Desk, actor: Actor, *, most: int = 50) -> list[Turn]:
    """How wishes to turn the switch ended, the latest first."""
    ended = func.coalesce(Switch.confirmed_at, Switch.ended_at, Switch.asked_at)
    rows = select(Switch).where(Switch.state != SwitchState.ASKED)

    def work(db: Session) -> list[Turn]:
        return [
            Turn(
                row.id, Direction(row.direction), Reason(row.reason), row.grounds, row.asked_by,
                row.asked_at, SwitchState(row.state),
                row.asked_by if row.state == SwitchState.WITHDRAWN else row.confirmed_by,
                row.confirmed_at or row.ended_at or row.asked_at,  # long ago, an end had no time
            )
            for row in db.scalars(rows.order_by(ended.desc(), Switch.id).limit(most))
        ]  # fmt: skip

    return desk.look(actor, "desk.standing", work)


def pending(desk: Desk, actor: Actor) -> tuple[str, Direction, Reason] | None:
    """What waits for an approver, if anything."""

    def work(db: Session) -> tuple[str, Direction, Reason] | None:
        row = db.scalar(
            select(Switch).where(Switch.state == SwitchState.ASKED,
                                 Switch.asked_at > desk.now() - ASKED_FOR)
        )  # fmt: skip
        return None if row is None else (row.id, Direction(row.direction), Reason(row.reason))

    return desk.look(actor, "desk.standing", work)


def history(db: Session) -> list[Suspension]:
    """All times in which the desk was down, the first one first; for the public page."""
    found: list[Suspension] = []
    for row in db.scalars(
        select(Switch).where(Switch.state == SwitchState.CONFIRMED)
        .order_by(Switch.confirmed_at, Switch.asked_at)
    ):  # fmt: skip
        at = row.confirmed_at or row.asked_at  # a confirmed one has its time
        if row.direction == Direction.DOWN:
            found.append(Suspension(at, None, Reason(row.reason)))
        elif found and found[-1].until is None:
            found[-1] = Suspension(found[-1].since, at, found[-1].reason)
    return found


def _must_change(db: Session, direction: Direction) -> Standing | None:
    """The row that says how it is now; None where it is lost, which is down."""
    row, down = db.get(Standing, 1, with_for_update=True), is_down(db)
    if down == (direction is Direction.DOWN):
        raise StateError("the desk is stood down" if down else "the desk is at work")
    return row


def _end(doing: Doing, row: Switch, to: SwitchState) -> None:
    if to not in MOVES[SwitchState(row.state)]:
        raise StateError("this was confirmed, or is too old", do="look again")
    row.state, row.ended_at = to, doing.now
    _tell(doing, row)


def _tell(doing: Doing, row: Switch, *, since: datetime.datetime | None = None) -> None:
    public = {
        "direction": Direction(row.direction).value, "change": SwitchState(row.state).value,
        "reason": Reason(row.reason).value,
    }  # fmt: skip
    if since is not None:
        public["since"] = f"{since.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    doing.record.add(
        doing.db, "standing-changed", about=f"standing:{row.id}", public=public,
        private={"author": doing.actor.account, "grounds": row.grounds},
    )  # fmt: skip
