"""From the database to the public log: nothing is acknowledged or shown that is not in the log.

Every change of state writes its events into the *outbox*, in the same transaction. Whoever then
answers a person first makes sure that the outbox is in the log (`Recorder.flush`): the writer
before it acknowledges, a reader before it shows what it has read. So a crash between commit and
log leaves a change that nobody has been told of, and whoever comes next, in any process, finishes
it. An entry holds fresh salts, so its bytes are its identity: one that reached the log before a
crash is found there and not written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Integer, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import Base
from countenance.desk.clock import Clock
from countenance.desk.store import Store
from countenance.record import KINDS, EventKind, Opening, SQLiteVault, parse_opening, seal


class Outgoing(Base):
    """An event on its way to the log. `place` is its index there, once it is."""

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    entry: Mapped[bytes] = mapped_column(LargeBinary)
    openings: Mapped[str | None] = mapped_column(default=None)  # gone once the vault has them
    about: Mapped[str | None] = mapped_column(String(64), default=None)
    since: Mapped[int] = mapped_column(Integer)  # the log's size when it was written
    place: Mapped[int | None] = mapped_column(Integer, default=None, index=True)


class PublicLog(Protocol):
    """What the desk needs of a log."""

    @property
    def size(self) -> int:
        """Entries that are durable."""

    def append(self, entries: Sequence[bytes]) -> range:
        """Append durably."""

    def entry(self, index: int) -> bytes:
        """One entry."""

    def refresh(self) -> int:
        """See what other processes appended; the size now."""


class Recorder:
    """Writes events into the outbox, and the outbox into the log."""

    def __init__(
        self, store: Store, log: PublicLog, vault: SQLiteVault, clock: Clock,
        kinds: Mapping[str, tuple[EventKind, ...]] = KINDS,
    ) -> None:  # fmt: skip
        self._store = store
        self._log = log
        self._vault = vault
        self._clock = clock
        self._kinds = kinds

    def add(
        self, db: Session, kind: str, *, about: str | None = None,
        public: Mapping[str, Any] | None = None, private: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Write an event into the outbox, as part of the caller's transaction.

        `public` and `private` are the fields of the kind; `about` the handle under which its
        clear values can be erased. Raises InputError where a field is not of its type.
        """
        versions = self._kinds.get(kind, ())
        found = max(versions, key=lambda one: one.version, default=None)
        if found is None:
            raise LookupError(kind)
        now = int(self._clock().timestamp())
        sealed = seal(found, time_s=now, public=public or {}, private=private or {})
        openings = [opening.to_bytes().decode() for opening in sealed.openings]
        db.add(
            Outgoing(
                entry=sealed.entry.to_bytes(), openings=json.dumps(openings), about=about,
                since=self._log.size,
            )
        )  # fmt: skip

    def pending(self, db: Session) -> bool:
        """Whether this view of the database holds an event that may not be in the log."""
        return (
            db.scalar(select(Outgoing.number).where(Outgoing.place.is_(None)).limit(1)) is not None
        )

    def flush(self) -> int:
        """Bring the outbox into the log, in order; how many entries it wrote or found there.

        Several processes may do this at once: the transaction is serialisable, so each row is
        brought by one of them, and what a crashed one brought is found.
        """
        return self._store.write(self._flush)

    def _flush(self, db: Session) -> int:
        rows = db.scalars(
            select(Outgoing).where(Outgoing.place.is_(None)).order_by(Outgoing.number)
            .with_for_update()
        ).all()  # fmt: skip
        if not rows:
            return 0
        for row in rows:
            if row.openings is not None:
                self._vault.keep(_openings(row.openings), about=row.about)
        there = self._already_there(rows)
        missing = [row for row in rows if row.entry not in there]
        there.update(
            zip((row.entry for row in missing),
                self._log.append([row.entry for row in missing]), strict=True)
        )  # fmt: skip
        for row in rows:
            row.place, row.openings = there[row.entry], None
        return len(rows)

    def _already_there(self, rows: Sequence[Outgoing]) -> dict[bytes, int]:
        """Which of these a crashed process brought into the log before it could say so."""
        wanted = {row.entry for row in rows}
        size = self._log.refresh()
        found: dict[bytes, int] = {}
        for index in range(min(row.since for row in rows), size):
            entry = self._log.entry(index)
            if entry in wanted:
                found[entry] = index
        return found


def _openings(text: str) -> list[Opening]:
    return [parse_opening(each.encode()) for each in json.loads(text)]
