"""A log in PostgreSQL, for several processes that append to it.

The row of the log is locked for the length of a turn, so appends of all processes form one order.
Entries wait as rows until they fill a bundle; then bundle, tiles and the removal of the rows are
one transaction with the append. Several logs share the tables, each under its name.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from countenance.core import MissingPartError
from countenance.record.errors import RecordError, StorageError
from countenance.record.storage import CHECKPOINT, Batch
from countenance.record.tiles import WIDTH, parse_path

if TYPE_CHECKING:
    import psycopg

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS tlog (
        name text PRIMARY KEY,
        size bigint NOT NULL DEFAULT 0,
        checkpoint bytea,
        checkpoint_size bigint NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS tlog_entry (
        name text NOT NULL REFERENCES tlog, index bigint NOT NULL, entry bytea NOT NULL,
        PRIMARY KEY (name, index))""",
    # Path as bytes of "C" order, so that the prefix of a partial tile's paths is found by index.
    """CREATE TABLE IF NOT EXISTS tlog_resource (
        name text NOT NULL REFERENCES tlog, path text COLLATE "C" NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (name, path))""",
    # Hashes do not compress, and entries are often read: store them as they are.
    "ALTER TABLE tlog_resource ALTER COLUMN data SET STORAGE EXTERNAL",
)
_SCHEMA_LOCK = 0x746C6F67  # "tlog": two processes must not create the tables at the same time


class PostgresStorage:
    """Keeps the log `name` in the database at `dsn` (a libpq connection string).

    One connection writes, one reads; both are made when first needed and again after a failure.
    """

    def __init__(self, dsn: str, name: str) -> None:
        self.name = name
        self._dsn = dsn
        self._links: dict[str, psycopg.Connection[Any]] = {}
        self._locks = {"write": threading.RLock(), "read": threading.RLock()}

    def __reduce__(self) -> tuple[type[PostgresStorage], tuple[str, str]]:
        """For another process."""
        return PostgresStorage, (self._dsn, self.name)

    def read(self, path: str) -> bytes | None:
        """What is kept under a path; None where nothing is."""
        if path == CHECKPOINT:
            query = "SELECT checkpoint FROM tlog WHERE name = %s"
            values: tuple[str, ...] = (self.name,)
        else:
            parse_path(path)
            query = "SELECT data FROM tlog_resource WHERE name = %s AND path = %s"
            values = (self.name, path)
        with self._link("read", "reading failed") as link:
            row = link.execute(query, values, binary=True).fetchone()
        return None if row is None or row[0] is None else bytes(row[0])

    def open(self) -> None:
        """Make tables and the log's row where they are not there yet."""
        with self._link("write", "the database cannot be opened") as link, link.transaction():
            link.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            if link.execute("SELECT to_regclass('tlog_resource')").fetchone() == (None,):
                for statement in _SCHEMA:
                    link.execute(statement)
            link.execute(
                "INSERT INTO tlog (name) VALUES (%s) ON CONFLICT DO NOTHING", (self.name,)
            )

    def recover(self) -> tuple[int, list[bytes]]:
        """The entries that wait for their bundle to be full."""
        with self._link("write", "reading failed") as link:
            size = self._size(link)
            rows = link.execute(
                "SELECT index, entry FROM tlog_entry WHERE name = %s ORDER BY index",
                (self.name,), binary=True,
            ).fetchall()  # fmt: skip
        first = size - size % WIDTH
        if [row[0] for row in rows] != list(range(first, size)):
            raise StorageError(
                f"the entries from {first} to {size} are not all there", where=f"log {self.name}",
                do="restore the database from a copy; then check it with a witness",
            )  # fmt: skip
        return first, [bytes(row[1]) for row in rows]

    @contextlib.contextmanager
    def turn(self) -> Iterator[int]:
        """A transaction that holds the log's row; it commits when the block ends well."""
        with self._link("write", "the commit failed") as link, link.transaction():
            link.execute("SET LOCAL synchronous_commit = on")
            yield self._size(link, lock=True)

    def append(self, batch: Batch) -> None:
        """Rows for entries that wait; bundles and tiles for those that need not."""
        with self._link("write", "appending failed") as link:
            if not batch.entries:
                return
            new = batch.first + len(batch.entries)
            waiting = batch.tail[-(new - max(batch.first, batch.edge)) :] if batch.tail else ()
            with link.cursor() as cursor:
                if batch.full:
                    self._put(link, batch.full)
                    cursor.executemany(
                        "DELETE FROM tlog_resource WHERE name = %s AND path LIKE %s",
                        [(self.name, f"{path}.p/%") for path in batch.full],
                    )
                    cursor.execute("DELETE FROM tlog_entry WHERE name = %s", (self.name,))
                cursor.executemany(
                    "INSERT INTO tlog_entry (name, index, entry) VALUES (%s, %s, %b)",
                    [(self.name, new - len(waiting) + i, e) for i, e in enumerate(waiting)],
                )
                cursor.execute("UPDATE tlog SET size = %s WHERE name = %s", (new, self.name))

    def settle(self) -> None:
        """Nothing to do: bundles and tiles are made with the append that fills them."""

    def keep(self, resources: Mapping[str, bytes]) -> None:
        """Store partial tiles and bundles."""
        with self._link("write", "writing tiles failed") as link, link.transaction():
            self._put(link, resources)

    def put_checkpoint(self, note: bytes, *, size: int) -> None:
        """Store a checkpoint, unless another process has stored one of a larger size."""
        with self._link("write", "writing the checkpoint failed") as link, link.transaction():
            link.execute("SET LOCAL synchronous_commit = on")  # published is not to be taken back
            link.execute(
                "UPDATE tlog SET checkpoint = %b, checkpoint_size = %s "
                "WHERE name = %s AND checkpoint_size <= %s",
                (note, size, self.name, size),
            )

    def close(self) -> None:
        """Close the connections."""
        for use, lock in self._locks.items():
            with lock:
                link = self._links.pop(use, None)
                if link is not None:
                    link.close()

    def _size(self, link: psycopg.Connection[Any], *, lock: bool = False) -> int:
        query = "SELECT size FROM tlog WHERE name = %s"
        row = link.execute(query + " FOR UPDATE" if lock else query, (self.name,)).fetchone()
        if row is None:
            raise StorageError("there is no such log in the database", where=f"log {self.name}")
        return int(row[0])

    def _put(self, link: psycopg.Connection[Any], resources: Mapping[str, bytes]) -> None:
        """Store what is not there yet. What is there must be the same: nothing is overwritten."""
        with link.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tlog_resource (name, path, data) VALUES (%s, %s, %b) "
                "ON CONFLICT (name, path) DO NOTHING",
                [(self.name, path, data) for path, data in resources.items()],
            )
            rows = cursor.execute(
                "SELECT path, data FROM tlog_resource WHERE name = %s AND path = ANY(%s)",
                (self.name, list(resources)), binary=True,
            ).fetchall()  # fmt: skip
        for path, data in rows:
            if bytes(data) != resources[path]:
                raise StorageError(
                    "what is stored here is not what the entries give", where=path,
                    do="keep the database as it is, and restore it from a copy",
                )  # fmt: skip

    @contextlib.contextmanager
    def _link(self, use: str, what: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection for one use at a time; a broken one is dropped."""
        driver = _driver()
        with self._locks[use]:
            try:
                link = self._links.get(use)
                if link is None or link.closed:
                    link = self._links[use] = driver.connect(self._dsn, autocommit=True)
                yield link
            except RecordError:
                raise
            except driver.Error as error:
                if use in self._links and self._links[use].broken:
                    self._links.pop(use).close()
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise StorageError(
                    f"{what}: {said[0]}", where=f"log {self.name}",
                    do="nothing was acknowledged; mend the cause and try again",
                ) from error  # fmt: skip


def _driver() -> Any:  # the module psycopg
    try:
        import psycopg
    except ImportError as error:
        raise MissingPartError(
            "a log in PostgreSQL needs the part postgres",
            do="pip install 'countenance[postgres]'",
        ) from error
    return psycopg
