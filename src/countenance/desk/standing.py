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

from sqlalchemy import String, Text, select
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
    LAPSED = "lapsed"


MOVES: Mapping[SwitchState, frozenset[SwitchState]] = {
    SwitchState.ASKED: frozenset({SwitchState.CONFIRMED, SwitchState.LAPSED}),
    SwitchState.CONFIRMED: frozenset(),
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


@dataclass(frozen=True, slots=True)
class Suspension:
    """A time in which the desk was down; `until` is None while it is."""

    since: datetime.datetime
    until: datetime.datetime | None
    reason: Reason


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
            pending.state = SwitchState.LAPSED
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
