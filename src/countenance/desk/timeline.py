"""A case as one timeline: every event about it, from whichever part of the desk.

Nobody keeps the timeline by hand, so nobody can leave an event out of it (failure F14): whatever
goes into the outbox under a case's handle is noted here by the database session itself, in the
same transaction.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, String, Text, event, insert, select
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column

from countenance.desk.base import UTC, Base
from countenance.desk.events import Outgoing
from countenance.record import leaf_hash

_CASE = "case:"


class CaseEvent(Base):
    """One event about a case: what of it is public, and the hash by which the log knows it."""

    __tablename__ = "case_events"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    case_id: Mapped[str] = mapped_column(String(32), index=True)
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    public: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(String(64), index=True)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline.

    Attributes
    ----------
    public
        The event's public fields.
    leaf
        Its leaf hash in the log, in hex: what an inclusion proof is asked for by.
    number
        Grows with the log: what another page of the timeline is asked for by.
    """

    number: int
    at: datetime.datetime
    kind: str
    public: Mapping[str, Any]
    leaf: str


@dataclass(frozen=True, slots=True)
class Window:
    """Which events: the last ones `before` an event, or else the first ones `after` one."""

    before: int | None = None
    after: int | None = None
    most: int = 50


LATEST = Window()
"""The last few."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of a case's events that follow each other, in the order of the log."""

    moments: tuple[Moment, ...]
    older: bool
    newer: bool


def handle(case_id: str) -> str:
    """The handle under which everything about a case is sealed, and can be erased."""
    return _CASE + case_id


def timeline(db: Session, case_id: str) -> list[Moment]:
    """Everything that happened in a case, in the order of the log.

    How long a list is, or that it is empty, is shown once the list is open: once witnesses have
    signed for it.
    """
    every = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.number)
    return _moments(db, case_id, db.scalars(every).all())


def stretch(db: Session, case_id: str, window: Window) -> Stretch:
    """A part of the timeline. However long a case is, it costs what it shows."""
    these = select(CaseEvent).where(CaseEvent.case_id == case_id)
    if window.before is None and window.after is not None:
        these = these.where(CaseEvent.number > window.after).order_by(CaseEvent.number)
    else:
        if window.before is not None:
            these = these.where(CaseEvent.number < window.before)
        these = these.order_by(CaseEvent.number.desc())
    rows = sorted(db.scalars(these.limit(window.most)), key=lambda row: row.number)

    def any_more(beyond: ColumnElement[bool]) -> bool:
        more = select(CaseEvent.number).where(CaseEvent.case_id == case_id, beyond).limit(1)
        return db.scalar(more) is not None

    if not rows:
        return Stretch((), window.after is not None, window.before is not None)
    return Stretch(
        tuple(_moments(db, case_id, rows)),
        any_more(CaseEvent.number < rows[0].number), any_more(CaseEvent.number > rows[-1].number),
    )  # fmt: skip


def _moments(db: Session, case_id: str, rows: Sequence[CaseEvent]) -> list[Moment]:
    told = [(row, json.loads(row.public)) for row in rows]
    if any(row.kind == _RETURNED for row in rows):
        opened = db.scalars(
            select(CaseEvent.public)
            .where(CaseEvent.case_id == case_id, CaseEvent.kind == _OPENED)
        )  # fmt: skip
        seen = {json.loads(public)["request"] for public in opened}
        for row, public in told:
            if row.kind == _RETURNED and public["request"] not in seen:
                del public["candidates"]
    return [Moment(row.number, row.at, row.kind, public, row.leaf) for row, public in told]


_RETURNED, _OPENED = "search-returned", "search-opened"


@event.listens_for(Outgoing, "after_insert")
def _note(_: Mapper[Outgoing], connection: Connection, row: Outgoing) -> None:
    if row.about is None or not row.about.startswith(_CASE):
        return
    entry = json.loads(row.entry)
    connection.execute(
        insert(CaseEvent).values(
            number=row.number, case_id=row.about.removeprefix(_CASE),
            at=datetime.datetime.fromisoformat(entry["time"]),
            kind=entry["schema"].rpartition("/")[2], public=json.dumps(entry["public"]),
            leaf=leaf_hash(row.entry).hex(),
        )
    )  # fmt: skip
