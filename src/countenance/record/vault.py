"""The vault: where salts and clear values are, and where they can be erased.

The log holds commitments for ever; the vault holds what opens them, for as long as it may. What
is about one person or case is kept under a *handle* of the caller's (a case number, an account),
so that all of it can be erased at once. Erasing removes salt and value and leaves a tombstone: the
commitment, which is public anyway, and when. A reader is then told "erased", which is not "lost".

Salts are kept durably *before* an entry goes into the log (`append_events`): a crash between the
two leaves an opening of no entry, which harms nobody, and never an entry that cannot be opened.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from countenance.core import canonical_json
from countenance.record.commitments import Opening, Sealed
from countenance.record.errors import StorageError


@dataclass(frozen=True, slots=True)
class Erased:
    """The tombstone of an opening: that there was one, and when it was erased (POSIX seconds)."""

    time_s: int


class Vault(Protocol):
    """Keeps openings, finds them by commitment, erases them for good."""

    def keep(self, openings: Iterable[Opening], *, about: str | None = None) -> None:
        """Keep openings durably; all or none.

        `about` is a handle to erase them by later. Raises StorageError.
        """

    def find(self, commitment: str) -> Opening | Erased | None:
        """The opening of a commitment in hex, its tombstone, or None if it was never here."""

    def erase(self, commitments: Iterable[str]) -> int:
        """Erase these openings for good; how many there were. Raises StorageError."""

    def erase_about(self, about: str) -> int:
        """Erase every opening kept under a handle, and the handle; how many there were."""


class AppendsEntries(Protocol):
    """What `append_events` needs of a log."""

    def append(self, entries: Sequence[bytes]) -> range:
        """Append durably; the indices."""


def append_events(
    log: AppendsEntries, vault: Vault, events: Sequence[Sealed], *, about: str | None = None
) -> range:
    """Keep every opening, then append every entry: in this order, and so no entry is unopenable.

    Raises
    ------
    StorageError
        The vault or the log failed.
    """
    vault.keep((opening for event in events for opening in event.openings), about=about)
    return log.append([event.entry.to_bytes() for event in events])


_TABLES = """
CREATE TABLE IF NOT EXISTS openings (
    commitment TEXT PRIMARY KEY,
    kind TEXT, field TEXT, salt BLOB, value BLOB, about TEXT, erased_s INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS openings_about ON openings (about) WHERE about IS NOT NULL;
"""
_PRAGMAS = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "secure_delete=ON",
    "temp_store=MEMORY",  # VACUUM would else copy clear values to a folder of its own choice
)
_TO_SCRUB = 1
"""``user_version`` of a file in which what was erased may still lie between the rows."""
_ERASE = (
    "UPDATE openings SET kind = NULL, field = NULL, salt = NULL, value = NULL, about = NULL, "
    "erased_s = ? WHERE erased_s IS NULL AND "
)


class SQLiteVault:
    """A vault in one SQLite file of mode 0600; safe to share between threads and processes.

    SQLite overwrites with zeros what is erased (``secure_delete``), but not what it once moved to
    another page of the file as that grew. So every erasure writes the whole file anew from what
    is left (``VACUUM``), which takes time and room in proportion to the file; a crash in between
    is made good when the vault is next opened. There is no write-ahead log and no temporary file
    in which something would linger. That is as far as a program reaches: blocks of a disk that
    were freed or remapped, and backups, are the operator's to expire.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            for pragma in _PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}").close()
            self._db.executescript(_TABLES)
            self._scrub()
        except (OSError, sqlite3.Error) as error:
            raise self._failed("cannot be opened", error) from error

    def keep(self, openings: Iterable[Opening], *, about: str | None = None) -> None:
        """Keep openings durably; all or none. A commitment that is there already is an error."""
        rows = [
            (o.commitment, o.kind, o.field, o.salt, canonical_json(o.value), about)
            for o in openings
        ]
        self._write("INSERT INTO openings VALUES (?, ?, ?, ?, ?, ?, NULL)", rows)

    def find(self, commitment: str) -> Opening | Erased | None:
        """The opening of a commitment in hex, its tombstone, or None if it was never here."""
        try:
            with self._lock:
                row: tuple[Any, ...] | None = self._db.execute(
                    "SELECT kind, field, salt, value, erased_s FROM openings WHERE commitment = ?",
                    (commitment,),
                ).fetchone()
        except sqlite3.Error as error:
            raise self._failed("cannot be read", error) from error
        if row is None:
            return None
        kind, field, salt, value, erased_s = row
        if erased_s is not None:
            return Erased(erased_s)
        return Opening(kind, field, salt, json.loads(value))

    def erase(self, commitments: Iterable[str]) -> int:
        """Erase these openings for good; how many there were."""
        now = self._clock()
        return self._erase("commitment = ?", [(now, each) for each in commitments])

    def erase_about(self, about: str) -> int:
        """Erase every opening kept under a handle, and the handle; how many there were."""
        return self._erase("about = ?", [(self._clock(), about)])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> SQLiteVault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _erase(self, which: str, rows: Sequence[tuple[Any, ...]]) -> int:
        changed = self._write(_ERASE + which, rows, mark=_TO_SCRUB)
        try:
            with self._lock:
                self._scrub()
        except sqlite3.Error as error:
            what = "erased them, but was not written anew; that is done when it is next opened"
            raise self._failed(what, error) from error
        return changed

    def _scrub(self) -> None:
        """Write the file anew if anything was erased since it last was."""
        (mark,) = self._db.execute("PRAGMA user_version").fetchone()
        if mark == _TO_SCRUB:
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA user_version = 0")

    def _write(
        self, statement: str, rows: Sequence[tuple[Any, ...]], *, mark: int | None = None
    ) -> int:
        """Run one statement for every row in one transaction; how many rows changed.

        With `mark`, and if any did, the same transaction sets ``user_version`` to it.
        """
        changed = 0
        try:
            with self._lock:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    for row in rows:
                        changed += self._db.execute(statement, row).rowcount
                    if mark is not None and changed:
                        self._db.execute(f"PRAGMA user_version = {mark}")
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise self._failed("cannot be written", error) from error
        return changed

    def _failed(self, what: str, error: Exception) -> StorageError:
        return StorageError(f"the vault {what}: {error}", where=str(self._path))
