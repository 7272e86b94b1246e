"""What a witness must never forget: the last checkpoint it cosigned for each log.

One SQLite file, because checking the old size and recording the new checkpoint have to be one
transaction, across threads and processes, and on the disk before anybody is answered. Triggers
in the file itself refuse to go back or to change the root of a size, whatever the code does.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from countenance.core.fileops import FileOps
from countenance.record.checkpoint import parse_checkpoint
from countenance.record.errors import ConflictError, StorageError, VerificationError
from countenance.record.evidence import Evidence
from countenance.record.note import split_note

APPLICATION_ID = 0x434F574E  # "COWN": tells this file from any other SQLite file
VERSION = 1
MAX_CONFLICTS_PER_LOG = 100
BUSY_TIMEOUT_S = 10.0

_SCHEMA = f"""
CREATE TABLE cosigned (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32), note BLOB NOT NULL, time INTEGER NOT NULL
) STRICT;
CREATE TABLE conflict (
  origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
  first BLOB NOT NULL, second BLOB NOT NULL, PRIMARY KEY (origin, size, root)
) STRICT;
CREATE TRIGGER never_back BEFORE UPDATE ON cosigned
  WHEN new.size < old.size OR (new.size = old.size AND new.root <> old.root)
       OR new.origin <> old.origin
  BEGIN SELECT RAISE(ABORT, 'a witness never goes back'); END;
CREATE TRIGGER never_forget BEFORE DELETE ON cosigned
  BEGIN SELECT RAISE(ABORT, 'a witness never forgets'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The last checkpoint cosigned for one log.

    Attributes
    ----------
    size, root
        Of the checkpoint; `root` is 32 bytes.
    note
        The log's signed note with this witness's cosignatures.
    time
        POSIX seconds stated in the cosignatures.
    """

    size: int
    root: bytes
    note: bytes
    time: int


class WitnessStore:
    """The durable state of one witness; safe to use from several threads and processes.

    A witness whose state is lost could be led to cosign a second history, so opening never
    creates: `create` does, once. Losing the file means retiring the witness's key.

    Raises
    ------
    StorageError
        If the file is missing, is something else, is damaged, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StorageError(
                "there is no witness state here",
                where=str(path),
                do="create it once with WitnessStore.create; if it existed before and is lost, "
                "restore nothing: retire this witness's key and start another",
            )
        self._path = path
        self._lock = threading.Lock()
        with self._translated():
            self._db = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path) -> WitnessStore:
        """Make the state of a new witness, empty, durably; an existing file is refused."""
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError as error:
            raise ConflictError("this witness state exists already", where=str(path)) from error
        except OSError as error:
            raise StorageError(f"cannot create the witness state: {error}") from error
        try:
            database = sqlite3.connect(path, isolation_level=None)
            with contextlib.closing(database):
                database.execute("PRAGMA synchronous = EXTRA")
                database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            FileOps().fsync_folder(path.parent)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"cannot create the witness state: {error}") from error
        return cls(path)

    def close(self) -> None:
        """Close the file; a transaction under way in another thread ends first."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn]:
        """One transaction, alone among all threads and processes; durable when it has ended.

        It is undone if the block raises. `Turn` must not be used after the block.
        """
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def last(self, origin: str) -> Cosigned | None:
        """The last checkpoint cosigned for a log, or None."""
        with self._lock, self._translated():
            return Turn(self._db).last(origin)

    def conflicts(self, origin: str) -> list[Evidence]:
        """Pairs of checkpoints of one size and different roots, both signed by the log."""
        with self._lock, self._translated():
            rows = self._db.execute(
                "SELECT first, second FROM conflict WHERE origin = ? ORDER BY size, root",
                (origin,),
            ).fetchall()
        return [Evidence(bytes(first), bytes(second)) for first, second in rows]

    def _prepare(self) -> None:
        # EXTRA also syncs the folder after the rollback journal is removed: only then has a
        # commit survived a power loss.
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = EXTRA")
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if (application, version) != (APPLICATION_ID, VERSION):
            raise StorageError(
                "this is not a witness state of this version", where=str(self._path)
            )
        (check,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if check != "ok":
            raise StorageError(f"the witness state is damaged: {check}", where=str(self._path))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # damaged names are not UTF-8
            raise StorageError(
                f"the witness state failed: {error}", where=str(self._path)
            ) from error


class Turn:
    """What may be done inside one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def last(self, origin: str) -> Cosigned | None:
        """The last checkpoint cosigned for `origin`, checked against its own note."""
        row = self._db.execute(
            "SELECT size, root, note, time FROM cosigned WHERE origin = ?", (origin,)
        ).fetchone()
        if row is None:
            return None
        if list(map(type, row)) != [int, bytes, bytes, int]:
            raise StorageError("the stored checkpoint is damaged", where=origin)
        cosigned = Cosigned(*row)
        try:
            stated = parse_checkpoint(split_note(cosigned.note)[0])
        except VerificationError as error:
            raise StorageError("the stored checkpoint is damaged", where=origin) from error
        if (stated.origin, stated.size, stated.root) != (origin, cosigned.size, cosigned.root):
            raise StorageError("the stored checkpoint and its size or root differ", where=origin)
        return cosigned

    def record(self, origin: str, cosigned: Cosigned) -> None:
        """Make `cosigned` the last checkpoint of `origin`."""
        self._db.execute(
            "INSERT INTO cosigned (origin, size, root, note, time) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, "
            "note = excluded.note, time = excluded.time",
            (origin, cosigned.size, cosigned.root, cosigned.note, cosigned.time),
        )

    def record_conflict(
        self, origin: str, size: int, root: bytes, *, first: bytes, second: bytes
    ) -> None:
        """Keep a contradiction, each root once, up to a bound a hostile log cannot pass."""
        self._db.execute(
            "INSERT OR IGNORE INTO conflict (origin, size, root, first, second) "
            "SELECT ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM conflict WHERE origin = ?) < ?",
            (origin, size, root, first, second, origin, MAX_CONFLICTS_PER_LOG),
        )
