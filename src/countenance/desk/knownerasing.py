"""Erasing a known-answer case: those who are shown in it agreed, and may agree no longer.

An auditor asks, who has the consents; an administrator confirms, who reads no known answer and
gains nothing by there being fewer of them. Neither examines. From then on nobody is shown its
pictures: the key is destroyed, its lists are handed out no more, and whoever is at work on one
loses it as if they had taken too long, so that no examiner learns which list was known. What they
concluded stays, as a result and a count.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, and_, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.erasure_tables import ASKED_FOR, MOVES, ErasureState, check
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.knownanswers import KnownAnswer, KnownPicture, about
from countenance.desk.reviewing import lose
from countenance.desk.reviews import AT_WORK, Examination, Review
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field


class KnownBasis(StrEnum):
    """Why a known-answer case is erased, in the public log."""

    CONSENT_WITHDRAWN = "consent-withdrawn"
    RETENTION_OVER = "retention-over"
    REGISTERED_IN_ERROR = "registered-in-error"


KINDS: tuple[EventKind, ...] = (
    EventKind(
        "known-answer-erasure", 1, "a known-answer case was to be erased, and how that ended",
        {
            "erasure": Field("digest"),
            "change": Field("code", ("asked", "confirmed", "refused", "withdrawn", "lapsed")),
            "basis": Field("code", tuple(KnownBasis)),
        },
        ("author", "grounds"),
    ),
)  # fmt: skip


class KnownErasure(Base):
    """One erasure of one known-answer case, asked for by one and confirmed by another."""

    __tablename__ = "known_erasures"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(ForeignKey("known_answers.id"), index=True)
    basis: Mapped[KnownBasis] = mapped_column(String(32))
    state: Mapped[ErasureState] = mapped_column(String(16), index=True)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime.datetime] = mapped_column(UTC)
    decided_by: Mapped[str | None] = mapped_column(String(32), default=None)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def handle(self) -> str:
        """What its grounds are sealed under: they outlive the case."""
        return f"known-erasure:{self.id}"


@dataclass(frozen=True, slots=True)
class KnownErasureView:
    """An erasure with its grounds. `by` and `at` are of its end; nobody's where it lapsed."""

    id: str
    known: str
    basis: KnownBasis
    state: ErasureState
    grounds: str
    asked_by: str
    asked_at: datetime.datetime
    by: str | None
    at: datetime.datetime | None


def ask_known_erasure(
    desk: Desk, actor: Actor, known: str, *, basis: KnownBasis, grounds: str, keys: Secrets
) -> str:
    """Ask that a known-answer case is erased; the id that an administrator confirms.

    From now on it is handed out no more. Raises NotAllowedError where there is no such case,
    StateError where it is erased, or was asked for already.
    """
    check(grounds)

    def work(doing: Doing) -> str:
        case = doing.db.get(KnownAnswer, known, with_for_update=True)
        if case is None:
            raise NotAllowedError("there is no such case for you")
        if case.erased_at is not None:
            raise StateError("it is erased")
        waits = and_(KnownErasure.known == known, KnownErasure.state == ErasureState.ASKED)
        for old in doing.db.scalars(select(KnownErasure).where(waits).with_for_update()):
            if doing.now < old.asked_at + ASKED_FOR:
                raise StateError("this was asked for and waits for an administrator")
            _move(doing, old, ErasureState.LAPSED, None)
        row = KnownErasure(id=new_id(), known=known, basis=basis, state=ErasureState.ASKED,
                           asked_by=doing.actor.account, asked_at=doing.now)  # fmt: skip
        row.box = keys.seal(doing.db, row.handle, grounds.encode(), purpose="grounds",
                            now=doing.now)  # fmt: skip
        doing.db.add(row)
        case.retired = True
        _tell(doing, row, grounds)
        return row.id

    return desk.act(actor, "known-answer.ask-erasure", work)


def withdraw_known_erasure(desk: Desk, actor: Actor, erasure: str) -> None:
    """Take back what one asked for. The case stays retired. Raises as `withdraw_erasure`."""

    def work(doing: Doing) -> None:
        row = doing.db.get(KnownErasure, erasure)
        if row is None or row.asked_by != doing.actor.account:
            raise NotAllowedError("there is no such request of yours")
        _move(doing, _waiting(doing, erasure), ErasureState.WITHDRAWN, None)

    desk.act(actor, "known-answer.withdraw-erasure", work)


def refuse_known_erasure(desk: Desk, actor: Actor, erasure: str, *, grounds: str) -> None:
    """Say no to an erasure. StateError where it was decided on, or is too old."""
    check(grounds)
    desk.act(
        actor, "known-answer.refuse-erasure",
        lambda doing: _move(doing, _waiting(doing, erasure), ErasureState.REFUSED, grounds),
    )  # fmt: skip


def confirm_known_erasure(desk: Desk, actor: Actor, erasure: str, *, keys: Secrets) -> bool:
    """Erase it; whether the files hold nothing of it either (else the keeper goes on).

    Raises NotAllowedError where the actor asked for it, StateError where it has its end.
    """

    def work(doing: Doing) -> None:
        row = _waiting(doing, erasure)
        if row.asked_by == doing.actor.account:
            raise NotAllowedError("there is nothing for you to confirm")
        _move(doing, row, ErasureState.CONFIRMED, None)
        _erase(doing, row.known, keys)

    desk.act(actor, "known-answer.confirm-erasure", work)
    return finish(desk) == 0


def finish(desk: Desk) -> int:
    """Do what is left of erasures that are confirmed; how many are left. Any process may.

    Raises StorageError where the vault or the log failed; then it is to be called again.
    """
    with desk.store.reading() as db:
        confirmed = KnownErasure.state == ErasureState.CONFIRMED
        rows = db.scalars(select(KnownErasure).where(confirmed)).all()
    for row in rows:
        desk.recorder.erase(about(row.known), basis=row.basis, request=row.id)
    if not rows or not desk.store.scrub():
        return len(rows)
    done = update(KnownErasure).where(KnownErasure.id.in_([row.id for row in rows]), confirmed)
    desk.store.write(lambda db: db.execute(done.values(state=ErasureState.DONE)))
    return 0


def known_erasures(
    desk: Desk, actor: Actor, *, keys: Secrets, most: int = 50
) -> list[KnownErasureView]:
    """Erasures of known-answer cases, the latest asked first."""

    def work(db: Session) -> list[KnownErasureView]:
        rows = select(KnownErasure).order_by(KnownErasure.asked_at.desc(), KnownErasure.id)
        return [
            KnownErasureView(
                row.id, row.known, KnownBasis(row.basis), ErasureState(row.state),
                keys.open(db, row.handle, row.box, purpose="grounds").decode(), row.asked_by,
                row.asked_at, row.decided_by, row.decided_at,
            )
            for row in db.scalars(rows.limit(most))
        ]  # fmt: skip

    return desk.look(actor, "known-answer.erasures", work)


def expire(doing: Doing) -> int:
    """Give an end to what nobody decided in time; how many. The keeper's."""
    rows = doing.db.scalars(select(KnownErasure).where(too_old(doing.now)).with_for_update())
    late = rows.all()
    for row in late:
        _move(doing, row, ErasureState.LAPSED, None)
    return len(late)


def too_old(now: datetime.datetime) -> ColumnElement[bool]:
    """Which erasures wait for nobody any more."""
    return and_(KnownErasure.state == ErasureState.ASKED, KnownErasure.asked_at <= now - ASKED_FOR)


def _erase(doing: Doing, known: str, keys: Secrets) -> None:
    db = doing.db
    reviews = select(Review.id).where(Review.known == known)
    at_work = select(Examination).where(
        Examination.review.in_(reviews), Examination.state.in_(AT_WORK)
    )
    for row in db.scalars(at_work).all():
        lose(doing, row)
    keys.destroy(db, about(known), now=doing.now)
    db.flush()
    for change in (
        delete(KnownPicture).where(KnownPicture.known == known),
        update(Examination).where(Examination.review.in_(reviews))
        .values(notes_box=None, findings_box=None, seed=b""),
        update(KnownAnswer).where(KnownAnswer.id == known)
        .values(truth_box=b"", probe_box=b"", retired=True, erased_at=doing.now),
    ):  # fmt: skip
        db.execute(change.execution_options(synchronize_session=False))


def _waiting(doing: Doing, erasure: str) -> KnownErasure:
    row = doing.db.get(KnownErasure, erasure, with_for_update=True)
    if row is None:
        raise NotAllowedError("there is nothing for you to confirm")
    if row.state != ErasureState.ASKED or doing.now >= row.asked_at + ASKED_FOR:
        raise StateError("this was decided on, or is too old", do="look again")
    return row


def _move(doing: Doing, row: KnownErasure, to: ErasureState, grounds: str | None) -> None:
    if to not in MOVES[ErasureState(row.state)]:
        raise StateError(f"the erasure is {ErasureState(row.state).value}")
    row.state, row.decided_at = to, doing.now
    row.decided_by = None if to is ErasureState.LAPSED else doing.actor.account
    _tell(doing, row, grounds)


def _tell(doing: Doing, row: KnownErasure, grounds: str | None) -> None:
    doing.record.add(
        doing.db, "known-answer-erasure", about=row.handle,
        public={"erasure": sha256_bytes(row.id.encode()), "basis": KnownBasis(row.basis).value,
                "change": ErasureState(row.state).value},
        private={"author": doing.actor.account, "grounds": grounds},
    )  # fmt: skip
