"""The vault: where salts and clear values are, and where they can be erased.

The log holds commitments for ever; the vault holds what opens them, for as long as it may. What
is about one person or case is kept under a *handle* of the caller's (a case number, an account),
so that all of it can be erased at once. Erasing removes salt and value and leaves a tombstone: the
commitment, which is public anyway, and when. A reader is then told "erased", which is not "lost".

Salts are kept durably *before* an entry goes into the log (`append_events`): a crash between the
two leaves an opening of no entry, which harms nobody, and never an entry that cannot be opened.

An erasure is told in the log too: see `erasure`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from countenance.core import InputError
from countenance.record.commitments import Opening, Sealed
from countenance.record.errors import StorageError
from countenance.record.wire import write_json


@dataclass(frozen=True, slots=True)
class Erased:
    """The tombstone of an opening: that there was one, and when it was erased (POSIX seconds)."""

    time_s: int


@dataclass(frozen=True, slots=True)
class Untold:
    """An erasure that is done and not known to be in the log.

    Attributes
    ----------
    number
        The vault's own, for `Vault.told`.
    fields
        How many openings were erased.
    entry
        The bytes that tell of it in the log.
    since
        The log's size when it was erased: the entry is not before that.
    """

    number: int
    fields: int
    entry: bytes
    since: int


@dataclass(frozen=True, slots=True)
class Tell:
    """How to tell of an erasure: `event` makes the entry for so many fields; see `Untold`."""

    event: Callable[[int], Sealed]
    since: int


class Vault(Protocol):
    """Keeps openings, finds them by commitment, erases them for good."""

    def keep(self, openings: Iterable[Opening], *, about: str | None = None) -> None:
        """Keep openings durably; all or none.

        `about` is a handle to erase them by later. Raises StorageError.
        """

    def find(self, commitment: str) -> Opening | Erased | None:
        """The opening of a commitment in hex, its tombstone, or None if it was never here."""

    def erase(self, commitments: Iterable[str], *, tell: Tell | None = None) -> int:
        """Erase these openings for good; how many there were. Raises StorageError.

        With `tell`, and if there were any, the same step keeps an `Untold`.
        """

    def erase_about(self, about: str, *, tell: Tell | None = None) -> int:
        """Erase every opening kept under a handle, and the handle; as `erase`."""

    def untold(self) -> list[Untold]:
        """Erasures that are whole and not yet told, the oldest first. Raises StorageError."""

    def told(self, number: int) -> None:
        """Forget an `Untold`: its entry is in the log. Raises StorageError."""


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
CREATE TABLE IF NOT EXISTS untold (
    number INTEGER PRIMARY KEY,
    fields INTEGER NOT NULL, entry BLOB NOT NULL, since INTEGER NOT NULL
);
"""
_PRAGMAS = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "secure_delete=ON",
    "temp_store=MEMORY",  # VACUUM would else copy clear values to a folder of its own choice
)
_KEEP = "INSERT INTO openings VALUES (?, ?, ?, ?, ?, ?, NULL)"
_MOST_MARKS = 2**30  # ``user_version`` is a signed 32-bit number
_ERASE = (
    "UPDATE openings SET kind = NULL, field = NULL, salt = NULL, value = NULL, about = NULL, "
    "erased_s = ? WHERE erased_s IS NULL AND "
)


class SQLiteVault:
    """A vault in one SQLite file of mode 0600; safe to share between threads and processes.

    SQLite overwrites with zeros what is erased (``secure_delete``), but not what it once moved to
    another page of the file as that grew. So every erasure writes the whole file anew from what
    is left (``VACUUM``), which takes time, memory and room in proportion to the file; a crash in
    between is made good when the vault is next opened, or erases. There is no write-ahead log and
    no temporary file in which something would linger. That is as far as a program reaches: blocks
    of a disk that were freed or remapped, and backups, are the operator's to expire.

    Raises
    ------
    StorageError
        The file cannot be opened, is something else, or others may read it.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        try:
            _make_private(path)
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
        self.keep_each((opening, about) for opening in openings)

    def keep_each(self, openings: Iterable[tuple[Opening, str | None]]) -> None:
        """As `keep`, each under a handle of its own: one step, however many events they are of."""
        rows = [row for opening, about in openings for row in _rows([opening], about)]
        if rows:
            with self._change() as db:
                db.executemany(_KEEP, rows)

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
        try:
            found = Opening(kind, field, salt, json.loads(value))
            right = found.commitment == commitment
        except (TypeError, ValueError, RecursionError, InputError):
            right = False
        if not right:
            raise StorageError(
                "what the vault holds under this commitment does not open it",
                where=f"{self._path}, {commitment[:64]}",
                do="restore the vault from a copy",
            )
        return found

    def erase(self, commitments: Iterable[str], *, tell: Tell | None = None) -> int:
        """Erase these openings for good; how many there were."""
        return self._erase("commitment = ?", list(commitments), tell)

    def erase_about(self, about: str, *, tell: Tell | None = None) -> int:
        """Erase every opening kept under a handle, and the handle; how many there were."""
        return self._erase("about = ?", [about], tell)

    def untold(self) -> list[Untold]:
        """Erasures that are whole and not yet told, the oldest first."""
        self._finish()
        try:
            with self._lock:
                rows = self._db.execute("SELECT * FROM untold ORDER BY number").fetchall()
        except sqlite3.Error as error:
            raise self._failed("cannot be read", error) from error
        return [Untold(*row) for row in rows]

    def told(self, number: int) -> None:
        """Forget an `Untold`: its entry is in the log."""
        with self._change() as db:
            db.execute("DELETE FROM untold WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> SQLiteVault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _erase(self, which: str, values: Sequence[str], tell: Tell | None) -> int:
        now = self._clock()
        with self._change() as db:
            changed = sum(db.execute(_ERASE + which, (now, each)).rowcount for each in values)
            if changed:
                (marks,) = db.execute("PRAGMA user_version").fetchone()
                db.execute(f"PRAGMA user_version = {marks % _MOST_MARKS + 1}")
                if tell is not None:
                    event = tell.event(changed)
                    db.executemany(_KEEP, _rows(event.openings, None))
                    row = (changed, event.entry.to_bytes(), tell.since)
                    db.execute("INSERT INTO untold (fields, entry, since) VALUES (?, ?, ?)", row)
        self._finish()
        return changed

    def _finish(self) -> None:
        try:
            with self._lock:
                self._scrub()
        except sqlite3.Error as error:
            what = "erased them, but was not written anew; that is done when it is next opened"
            raise self._failed(what, error) from error

    def _scrub(self) -> None:
        """Write the file anew if anything was erased since it last was.

        ``user_version`` counts the erasures since then. What another process erased meanwhile is
        counted on, so that its mark is not taken away by the end of this one's work.
        """
        (marks,) = self._db.execute("PRAGMA user_version").fetchone()
        if not marks:
            return
        self._db.execute("VACUUM")
        with self._transaction() as db:
            if db.execute("PRAGMA user_version").fetchone() == (marks,):
                db.execute("PRAGMA user_version = 0")

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._transaction() as db:
                yield db
        except sqlite3.Error as error:
            raise self._failed("cannot be written", error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, alone among all processes. Hold `_lock`."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _failed(self, what: str, error: Exception) -> StorageError:
        return StorageError(f"the vault {what}: {error}", where=str(self._path))


def _rows(openings: Iterable[Opening], about: str | None) -> list[tuple[Any, ...]]:
    return [(o.commitment, o.kind, o.field, o.salt, write_json(o.value), about) for o in openings]


def _make_private(path: Path) -> None:
    """Make the file if it is not there; refuse one that others than its owner may read."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)
    if os.name == "posix" and mode & 0o077:
        raise StorageError(
            f"others may read this vault (permissions {mode:04o})",
            where=str(path),
            do=f"chmod 600 {path}, and ask who may have copied it",
        )
