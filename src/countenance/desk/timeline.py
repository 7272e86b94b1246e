"""A case as one timeline: every event about it, from whichever part of the desk.

Nobody keeps the timeline by hand, so nobody can leave an event out of it (failure F14): whatever
goes into the outbox under a case's handle is noted here by the database session itself, in the
same transaction.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, String, Text, event, insert, select
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
    """

    at: datetime.datetime
    kind: str
    public: Mapping[str, Any]
    leaf: str


def handle(case_id: str) -> str:
    """The handle under which everything about a case is sealed, and can be erased."""
    return _CASE + case_id


def timeline(db: Session, case_id: str) -> list[Moment]:
    """Everything that happened in a case, in the order of the log.

    How long a list is, or that it is empty, is shown once the list is open: once witnesses have
    signed for it.
    """
    rows = db.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.number)
    )
    told = [(row, json.loads(row.public)) for row in rows]
    opened = {public["request"] for row, public in told if row.kind == _OPENED}
    for row, public in told:
        if row.kind == _RETURNED and public["request"] not in opened:
            del public["candidates"]
    return [Moment(row.at, row.kind, public, row.leaf) for row, public in told]


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
