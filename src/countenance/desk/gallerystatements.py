"""What only a person can say of a gallery: that who is in it belongs there, and is enough.

Some laws ask whether everybody in a gallery is there for a reason that fits, whether it is too
large for its use, whether somebody looked it through, and whether the images are the most recent.
Nobody who asks for a search can say that; an auditor or administrator states it, with a reason and
until when. A statement is of the gallery as it was: with the next image that comes in it no longer
counts. What the records refute counts as refuted, whatever was stated. Unknown is a denial.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.gallery_tables import Entry, EntryState, Gallery
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

MOST_DAYS = 366


class Question(StrEnum):
    """What is stated: the law's fact ``gallery.<question>``."""

    JUSTIFIED = "justified"
    PROPORTIONATE = "proportionate"
    REVIEWED = "reviewed"
    MOST_RECENT = "images-most-recent"


KINDS: tuple[EventKind, ...] = (
    EventKind(
        "gallery-stated", 1, "somebody stated something of a gallery, or took it back",
        {
            "gallery": Field("code"),
            "question": Field("code", tuple(Question)),
            "change": Field("code", ("stated", "withdrawn")),
            "holds": Field("flag"),
            "until": Field("time"),
        },
        ("author", "grounds"),
    ),
)  # fmt: skip


class Statement(Base):
    """One statement. `changes` is the gallery's count of changes when it was made."""

    __tablename__ = "gallery_statements"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    gallery: Mapped[str] = mapped_column(ForeignKey("galleries.code"), index=True)
    question: Mapped[Question] = mapped_column(String(32))
    holds: Mapped[bool] = mapped_column()
    changes: Mapped[int] = mapped_column(Integer)
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    until: Mapped[datetime.datetime] = mapped_column(UTC)
    withdrawn_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def handle(self) -> str:
        """What its reason is sealed under."""
        return f"statement:{self.id}"


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement. `counts`: the law is told so now."""

    id: str
    question: Question
    holds: bool
    reason: str
    by: str
    at: datetime.datetime
    until: datetime.datetime
    withdrawn_at: datetime.datetime | None
    counts: bool


def state(
    desk: Desk, actor: Actor, gallery: str, question: Question, *, holds: bool,
    until: datetime.datetime, reason: str, keys: Secrets,
) -> str:  # fmt: skip
    """State something of a gallery as it is now; the statement's id. It replaces an earlier one.

    Raises
    ------
    InputError
        No reason, or an end that is past or more than `MOST_DAYS` away.
    NotAllowedError
        There is no such gallery.
    """
    _check(reason)

    def work(doing: Doing) -> str:
        row = doing.db.get(Gallery, gallery, with_for_update=True)
        if row is None:
            raise NotAllowedError("there is no such gallery for you")
        if not doing.now < until <= doing.now + datetime.timedelta(days=MOST_DAYS):
            raise InputError("it has no end, or a past one", where="until",
                             expected=f"within {MOST_DAYS} days")  # fmt: skip
        made = Statement(
            id=new_id(), gallery=gallery, question=question, holds=holds, changes=row.changes,
            by=doing.actor.account, at=doing.now, until=until,
        )  # fmt: skip
        made.box = keys.seal(doing.db, made.handle, reason.encode(), purpose="reason",
                             now=doing.now)  # fmt: skip
        doing.db.add(made)
        _tell(doing, made, "stated", reason)
        return made.id

    return desk.act(actor, "gallery.state", work)


def withdraw(desk: Desk, actor: Actor, statement: str, *, reason: str) -> None:
    """Take a statement back; an earlier one does not count again. StateError if it was."""
    _check(reason)

    def work(doing: Doing) -> None:
        row = doing.db.get(Statement, statement, with_for_update=True)
        if row is None:
            raise NotAllowedError("there is no such statement for you")
        if row.withdrawn_at is not None:
            raise StateError("this was taken back already")
        row.withdrawn_at = doing.now
        _tell(doing, row, "withdrawn", reason)

    desk.act(actor, "gallery.state", work)


def list_statements(
    desk: Desk, actor: Actor, gallery: str, *, keys: Secrets
) -> list[StatementView]:
    """All that was ever stated of a gallery, the newest first."""

    def work(db: Session) -> list[StatementView]:
        now = desk.now()
        there = db.get(Gallery, gallery)
        if there is None:
            raise NotAllowedError("there is no such gallery for you")
        counting = {row.id for row in _counting(db, there, now).values()}
        rows = db.scalars(
            select(Statement).where(Statement.gallery == gallery)
            .order_by(Statement.at.desc(), Statement.id)
        )  # fmt: skip
        return [
            StatementView(
                row.id, Question(row.question), row.holds,
                keys.open(db, row.handle, row.box, purpose="reason").decode(), row.by, row.at,
                row.until, row.withdrawn_at, row.id in counting,
            )
            for row in rows
        ]  # fmt: skip

    return desk.look(actor, "gallery.list", work)


def stated_facts(db: Session, gallery: Gallery, now: datetime.datetime) -> dict[str, bool]:
    """Facts ``gallery.*`` that are stated and count, and what the records refute."""
    facts = {f"gallery.{each}": row.holds for each, row in _counting(db, gallery, now).items()}
    if gallery.images > gallery.people:  # somebody has an older image beside a newer one
        facts[f"gallery.{Question.MOST_RECENT}"] = False
    return facts


def _counting(db: Session, gallery: Gallery, now: datetime.datetime) -> dict[str, Statement]:
    """The latest statement of each question, where it is in force and of what is there."""
    rows = db.scalars(
        select(Statement).where(Statement.gallery == gallery.code)
        .order_by(Statement.at, Statement.changes, Statement.id)
    )  # fmt: skip
    latest = {str(row.question): row for row in rows}
    return {
        question: row for question, row in latest.items()
        if row.withdrawn_at is None and row.at <= now < row.until and not _grown(db, row)
    }  # fmt: skip


def _grown(db: Session, row: Statement) -> bool:
    """Whether an image came in since."""
    later = select(Entry.id).where(
        Entry.gallery == row.gallery, Entry.change > row.changes, Entry.state == EntryState.ACTIVE
    )
    return db.scalar(later.limit(1)) is not None


def _tell(doing: Doing, row: Statement, change: str, reason: str) -> None:
    doing.record.add(
        doing.db, "gallery-stated", about=row.handle,
        public={"gallery": row.gallery, "question": Question(row.question).value,
                "change": change, "holds": row.holds,
                "until": f"{row.until.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"},
        private={"author": doing.actor.account, "grounds": reason},
    )  # fmt: skip


def _check(reason: str) -> None:
    if not 20 <= len(reason.strip()) <= 2000:
        raise InputError("the reason says too little or too much", where="reason",
                         expected="20 to 2,000 characters")  # fmt: skip
