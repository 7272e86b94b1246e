"""Erasures of cases: what one is, where it stands, and how it moves; what it does is `erasing`'s.

Each has an end that is in the record: confirmed, refused by an auditor, withdrawn by who asked, or
lapsed, which the keeper says of it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import UTC, Base
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

ASKED_FOR = datetime.timedelta(days=14)
"""What nobody confirmed by then has to be asked for again."""


class Basis(StrEnum):
    """Why a case is erased, in the public log."""

    RETENTION_OVER = "retention-over"
    COURT_ORDER = "court-order"
    OPENED_IN_ERROR = "opened-in-error"


class ErasureState(StrEnum):
    """Where an erasure stands. `CONFIRMED`: the keys are gone; the files follow."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


_S = ErasureState
MOVES: Mapping[ErasureState, frozenset[ErasureState]] = {
    _S.ASKED: frozenset({_S.CONFIRMED, _S.REFUSED, _S.WITHDRAWN, _S.LAPSED}),
    _S.CONFIRMED: frozenset({_S.DONE}),
    _S.DONE: frozenset(), _S.REFUSED: frozenset(), _S.WITHDRAWN: frozenset(),
    _S.LAPSED: frozenset(),
}  # fmt: skip

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "case-erasure", 1, "a case was to be erased: asked, confirmed, refused or lapsed",
        {
            "erasure": Field("digest"),
            "change": Field("code", ("asked", "confirmed", "refused", "lapsed")),
            "basis": Field("code", tuple(Basis)),
        },
        ("case", "author", "grounds"),
    ),
    EventKind(
        "case-erasure", 2, "a case was to be erased: asked, and how that ended",
        {
            "erasure": Field("digest"),
            "change": Field("code", ("asked", "confirmed", "refused", "withdrawn", "lapsed")),
            "basis": Field("code", tuple(Basis)),
        },
        ("case", "author", "grounds"),
    ),
)  # fmt: skip


class Erasure(Base):
    """One erasure of one case, asked for by one and confirmed by another."""

    __tablename__ = "case_erasures"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    basis: Mapped[Basis] = mapped_column(String(32))
    state: Mapped[ErasureState] = mapped_column(String(16), index=True)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime.datetime] = mapped_column(UTC)
    decided_by: Mapped[str | None] = mapped_column(String(32), default=None)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def handle(self) -> str:
        """What its grounds are sealed under."""
        return f"erasure:{self.id}"


@dataclass(frozen=True, slots=True)
class EndedErasure:
    """An erasure that was decided on, without its grounds. `by` is None where it lapsed."""

    id: str
    case_id: str
    basis: Basis
    state: ErasureState
    asked_by: str
    asked_at: datetime.datetime
    by: str | None
    at: datetime.datetime


def withdraw_erasure(desk: Desk, actor: Actor, erasure: str) -> None:
    """Take back what one asked for, as long as no auditor decided.

    Raises NotAllowedError where it is not the actor's, StateError where it has its end.
    """

    def work(doing: Doing) -> None:
        row = doing.db.get(Erasure, erasure)
        if row is None or row.asked_by != doing.actor.account:
            raise NotAllowedError("there is no such request of yours")
        move(doing, waiting(doing, erasure), ErasureState.WITHDRAWN, None)

    desk.act(actor, "case.withdraw-erasure", work)


def expire(doing: Doing) -> int:
    """Give an end to what no auditor decided in time; how many. The keeper's."""
    late = doing.db.scalars(select(Erasure).where(too_old(doing.now)).with_for_update()).all()
    for row in late:
        move(doing, row, ErasureState.LAPSED, None)
    return len(late)


def too_old(now: datetime.datetime) -> ColumnElement[bool]:
    """Which erasures wait for nobody any more."""
    return and_(Erasure.state == ErasureState.ASKED, Erasure.asked_at <= now - ASKED_FOR)


def ended_erasures(desk: Desk, actor: Actor, *, most: int = 50) -> list[EndedErasure]:
    """How erasures that were asked for ended, the latest first."""
    rows = (
        select(Erasure).where(Erasure.decided_at.is_not(None))
        .order_by(Erasure.decided_at.desc(), Erasure.id).limit(most)
    )  # fmt: skip

    def work(db: Session) -> list[EndedErasure]:
        return [
            EndedErasure(
                row.id, row.case_id, Basis(row.basis), ErasureState(row.state), row.asked_by,
                row.asked_at, row.decided_by, row.decided_at,
            )
            for row in db.scalars(rows) if row.decided_at is not None
        ]  # fmt: skip

    return desk.look(actor, "case.list-closed", work)


def waiting(doing: Doing, erasure: str) -> Erasure:
    """The one that waits for an auditor. NotAllowedError, StateError: there is none, any more."""
    row = doing.db.get(Erasure, erasure, with_for_update=True)
    if row is None:
        raise NotAllowedError("there is nothing for you to confirm")
    if row.state != _S.ASKED or doing.now >= row.asked_at + ASKED_FOR:
        raise StateError("this was decided on, or is too old", do="look again")
    return row


def move(doing: Doing, row: Erasure, to: ErasureState, grounds: str | None) -> None:
    """Bring an erasure to another state, and record it. Raises StateError."""
    if to not in MOVES[ErasureState(row.state)]:
        raise StateError(f"the erasure is {ErasureState(row.state).value}")
    row.state, row.decided_at = to, doing.now
    row.decided_by = None if to is ErasureState.LAPSED else doing.actor.account
    tell(doing, row, grounds)


def tell(doing: Doing, row: Erasure, grounds: str | None) -> None:
    """Write where an erasure stands."""
    doing.record.add(
        doing.db, "case-erasure", about=row.handle,
        public={"erasure": sha256_bytes(row.id.encode()), "basis": Basis(row.basis).value,
                "change": ErasureState(row.state).value},
        private={"case": row.case_id, "author": doing.actor.account, "grounds": grounds},
    )  # fmt: skip


def check(grounds: str) -> None:
    """Raise InputError for a reason that says too little or too much."""
    if not 10 <= len(grounds.strip()) <= 2000:
        raise InputError("the reason says too little or too much", where="grounds",
                         expected="10 to 2,000 characters")  # fmt: skip
