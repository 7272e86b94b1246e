"""From the database to the public log: nothing is acknowledged or shown that is not in the log.

Every change of state writes its events into the *outbox*, in the same transaction. Whoever then
answers a person first makes sure that the outbox is in the log (`Recorder.flush`): the writer
before it acknowledges, a reader before it shows what it has read. So a crash between commit and
log leaves a change that nobody has been told of, and whoever comes next, in any process, finishes
it. An entry holds fresh salts, so its bytes are its identity: one that reached the log before a
crash is found there and not written again, and an opening that reached the vault likewise.

What is in the log is emptied from the outbox: of an old event, its number and its place are left.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import BigInteger, Integer, LargeBinary, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import Base
from countenance.desk.clock import Clock
from countenance.desk.store import Store
from countenance.record import (
    KINDS,
    EventKind,
    Opening,
    Sealed,
    SQLiteVault,
    StorageError,
    erase_events,
    parse_opening,
    seal,
)
from countenance.record.vault import Erased

_ADDED = "events added"
_LOOK_S = 1.0
_MOST = 500  # events brought together: bounds the memory after a long outage of the log


class Outgoing(Base):
    """An event on its way to the log. `place` is its index there, once it is."""

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    entry: Mapped[bytes] = mapped_column(LargeBinary)  # empty once the log has it
    openings: Mapped[str | None] = mapped_column(Text, default=None)  # until in the vault
    about: Mapped[str | None] = mapped_column(String(64), default=None)
    since: Mapped[int] = mapped_column(BigInteger)  # the log's size when it was written
    time_s: Mapped[int] = mapped_column(BigInteger)  # POSIX seconds, as in the entry
    place: Mapped[int | None] = mapped_column(BigInteger, default=None, index=True)


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
        self._flushing = threading.Lock()
        self._looked_s = -_LOOK_S
        store.check(empty=False)
        with store.reading() as db:
            self.latest_s = db.scalar(select(func.max(Outgoing.time_s))) or 0

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
        if time.monotonic() - self._looked_s > _LOOK_S:
            # Or the first event after a quiet day would be looked for among all that others wrote.
            with contextlib.suppress(StorageError):
                self._log.refresh()
            self._looked_s = time.monotonic()
        now = int(self._clock().timestamp())
        sealed = seal(found, time_s=now, public=public or {}, private=private or {})
        openings = [opening.to_bytes().decode() for opening in sealed.openings]
        db.add(
            Outgoing(
                entry=sealed.entry.to_bytes(), openings=json.dumps(openings), about=about,
                since=self._log.size, time_s=now,
            )
        )  # fmt: skip
        db.info[_ADDED] = db.info.get(_ADDED, 0) + 1

    def kept(self, commitment: str) -> Opening | Erased | None:
        """What the vault has for a commitment: whoever shows it tells the log first."""
        return self._vault.find(commitment)

    @staticmethod
    def added(db: Session) -> int:
        """How many events this session has written: no query, so no two writers meet here."""
        return int(db.info.get(_ADDED, 0))

    def pending(self, db: Session) -> bool:
        """Whether this view of the database holds an event that may not be in the log."""
        return (
            db.scalar(select(Outgoing.number).where(Outgoing.place.is_(None)).limit(1)) is not None
        )

    def flush(self) -> int:
        """Bring all that is committed in the outbox into the log; how many entries that was.

        When it returns, every event that was committed before the call is in the log. Several
        threads and processes may do this at once: the transaction is serialisable, so each row is
        brought by one of them, and what a crashed one brought is found.

        Raises
        ------
        StorageError
            The log or the vault failed. Nothing may be acknowledged; the next call goes on.
        DeskError
            The database failed.
        """
        with self._flushing:  # one a process: the others find their events brought along
            with self._store.reading() as db:
                if not self.pending(db):
                    return 0
            return self._store.write(self._flush)

    def erase(self, about: str, *, basis: str, request: str) -> int:
        """Erase the clear values of all events under a handle, and log how many; how many.

        The commitments in the log stay, and open to nothing from then on. What a crash left
        half-way is finished by the same call again. Raises StorageError.
        """
        self.flush()  # what waits in the outbox would come into the vault afterwards
        self._log.refresh()
        now = int(self._clock().timestamp())
        kind = max(self._kinds["erased"], key=lambda one: one.version)

        def event(fields: int) -> Sealed:
            return seal(kind, time_s=now, public={"fields": fields, "basis": basis},
                        private={"request": request})  # fmt: skip

        told = erase_events(self._log, self._vault, about=about, event=event)
        return sum(each.fields for each in told)

    def _flush(self, db: Session) -> int:
        waiting = (
            select(Outgoing).where(Outgoing.place.is_(None)).order_by(Outgoing.number)
            .limit(_MOST).with_for_update()
        )  # fmt: skip
        brought = 0
        while rows := db.scalars(waiting).all():
            self._bring(rows)
            db.flush()
            brought += len(rows)
        return brought

    def _bring(self, rows: Sequence[Outgoing]) -> None:
        self._vault.keep_each(  # what a crash left there is there; what was erased stays erased
            (opening, row.about)
            for row in rows
            for opening in _openings(row.openings or "[]")
            if self._vault.find(opening.commitment) is None
        )
        there = self._already_there(rows)
        missing = [row for row in rows if row.entry not in there]
        there.update(
            zip((row.entry for row in missing),
                self._log.append([row.entry for row in missing]), strict=True)
        )  # fmt: skip
        for row in rows:
            row.place, row.openings, row.entry = there[row.entry], None, b""
            self.latest_s = max(self.latest_s, row.time_s)

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
