"""Training: who learned what, until when. Without it most of the desk is closed to them (F17)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy import ForeignKey, Integer, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.account_tables import another, check_grounds, still
from countenance.desk.base import UTC, Base
from countenance.desk.errors import StateError
from countenance.desk.roles import ACTIONS
from countenance.desk.service import Actor, Desk, Doing

KINDS_OF_TRAINING = frozenset(rule.training for rule in ACTIONS.values() if rule.training)
"""What the table of actions asks for, and so all that can be recorded."""

LONGEST_DAYS = 3 * 366
"""Nobody is trained for ever."""


class TrainingRow(Base):
    """One record. The latest of a kind that was not withdrawn counts."""

    __tablename__ = "training"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    until: Mapped[datetime.datetime] = mapped_column(UTC)
    evidence: Mapped[str] = mapped_column(String(2000))  # course, date, certificate
    recorded_by: Mapped[str] = mapped_column(String(32))
    recorded_at: Mapped[datetime.datetime] = mapped_column(UTC)
    withdrawn_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


@dataclass(frozen=True, slots=True)
class Training:
    """One record, to look at."""

    number: int
    kind: str
    until: datetime.datetime
    evidence: str
    withdrawn: bool


def record_training(
    desk: Desk, actor: Actor, *, account: str, kind: str, until: datetime.datetime, evidence: str
) -> int:
    """Record that somebody was trained, until when, and by what evidence; the record's number.

    Raises InputError, or NotAllowedError for one's own account.
    """
    if kind not in KINDS_OF_TRAINING:
        raise InputError("no such training", expected=", ".join(sorted(KINDS_OF_TRAINING)))
    evidence = check_grounds(evidence)
    if until.tzinfo is None:
        raise InputError("a time without a zone")

    def work(doing: Doing) -> int:
        still(doing)
        other = another(doing, account)
        if not 0 < (until - doing.now).total_seconds() <= LONGEST_DAYS * 86_400:
            raise InputError(
                "the training would be over already, or would never be",
                expected=f"an end within {LONGEST_DAYS} days",
            )
        row = TrainingRow(
            account=other.id, kind=kind, until=until, evidence=evidence, recorded_by=actor.account,
            recorded_at=doing.now,
        )  # fmt: skip
        doing.db.add(row)
        doing.db.flush()
        _tell(doing, row, "recorded", evidence)
        return row.number

    return desk.act(actor, "account.training", work)


def withdraw_training(desk: Desk, actor: Actor, *, number: int, grounds: str) -> None:
    """Withdraw a record that should not have been made. Raises StateError if it is withdrawn."""
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> None:
        still(doing)
        row = doing.db.get(TrainingRow, number)
        if row is None or row.withdrawn_at is not None:
            raise StateError("there is no such record to withdraw", do="look again")
        another(doing, row.account)
        row.withdrawn_at = doing.now
        _tell(doing, row, "withdrawn", grounds)

    desk.act(actor, "account.training", work)


def current_training(db: Session, account: str) -> dict[str, datetime.datetime]:
    """Kinds of training of an account, and until when: what `Actor.training` is made of."""
    rows = db.scalars(
        select(TrainingRow)
        .where(TrainingRow.account == account, TrainingRow.withdrawn_at.is_(None))
        .order_by(TrainingRow.number)
    )  # fmt: skip
    return {row.kind: row.until for row in rows}


def training_of(db: Session, account: str) -> tuple[Training, ...]:
    """Every record of an account, the oldest first."""
    rows = db.scalars(
        select(TrainingRow).where(TrainingRow.account == account).order_by(TrainingRow.number)
    )
    return tuple(
        Training(row.number, row.kind, row.until, row.evidence, row.withdrawn_at is not None)
        for row in rows
    )


def _tell(doing: Doing, row: TrainingRow, change: str, evidence: str) -> None:
    doing.record.add(
        doing.db, "training-recorded", about=row.account,
        public={
            "training": row.kind, "change": change,
            "until": row.until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        private={"account": row.account, "author": doing.actor.account, "evidence": evidence},
    )  # fmt: skip
