"""The operational database: SQLite for one process, PostgreSQL for several.

A transaction that writes is serialisable: SQLite takes its one write lock at the start, and
PostgreSQL runs at SERIALIZABLE and is tried again where another was first. So code that checks and
then writes is never overtaken in between, and two people racing have one outcome.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker

from countenance.desk.base import Base, import_tables
from countenance.desk.errors import DeskError

T = TypeVar("T")
REVISION = "0003"
"""The revision of the tables that this program works with (see `migrations`)."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))
_PATIENCE_S = 20
_BUSY_S = 15
_KEPT = 40  # connections: as many as answer at once, or each page over them opens its own anew
_TAKEN = "23505"
_TAKEN_TRIES = 3
_CLEARED = ("data_keys", "cases", "outbox")
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Store:
    """One database. Safe across threads; over PostgreSQL across processes, too."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        # SQLite lets one writer in, and of those who wait it lets in whoever asks at the right
        # moment: with ten of them one may wait for ever. Here they queue before it.
        self._turn: contextlib.AbstractContextManager[object] = (
            threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        )

    @classmethod
    def open(cls, url: str, *, any_revision: bool = False) -> Store:
        """Open a database by its URL: ``sqlite:///desk.db``, ``postgresql+psycopg://...``.

        One of `any_revision` is for `migrations`, and for nobody who reads or writes records.
        What a statement was given is in no error's text: that would be names and words of cases.
        """
        if url.startswith("sqlite"):
            engine = create_engine(
                url, connect_args={"timeout": _BUSY_S}, hide_parameters=True, pool_size=_KEPT
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "checkin", _let_write)
        else:
            engine = create_engine(
                url, isolation_level="SERIALIZABLE", pool_pre_ping=True, hide_parameters=True
            )
        store = cls(engine)
        try:
            if not any_revision:
                store.check()
        except DeskError:
            store.close()
            raise
        return store

    def check(self, *, empty: bool = True) -> None:
        """Refuse a database of another revision than this program's, or (if not `empty`) none.

        Raises DeskError.
        """
        try:
            with self.engine.connect() as connection:
                tables = set(inspect(connection).get_table_names())
                found = None
                if _VERSION.name in tables:
                    found = connection.scalar(select(_VERSION.c.version_num))
        except DBAPIError as error:
            raise DeskError(
                "the database cannot be opened", do="is it there, and running?"
            ) from error
        if found is None and tables - {_VERSION.name}:
            raise DeskError(
                "the database has tables that no migration of the desk made",
                do="give the desk a database of its own",
            )
        if found is None and not empty:
            raise DeskError("the database is empty", do="migrate it first")
        if found not in (None, REVISION):
            raise DeskError(
                f"the database is of revision {found}, this program of {REVISION}",
                do="make a backup, then migrate; or run the version of the program that it is of",
            )

    @property
    def is_sqlite(self) -> bool:
        """Whether one process has it to itself."""
        return self.engine.dialect.name == "sqlite"

    def create(self) -> None:
        """Make all tables; for tests. A deployment migrates (see `migrations`)."""
        import_tables()
        with self.engine.begin() as connection:
            Base.metadata.create_all(connection)
            _VERSION.create(connection, checkfirst=True)
            if connection.scalar(select(_VERSION.c.version_num)) is None:
                connection.execute(_VERSION.insert().values(version_num=REVISION))

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one serialisable transaction; again, where another was first.

        `work` may run more than once, so it must not do anything outside the database.

        Raises
        ------
        DeskError
            The database did not take it, or went away before it answered.
        """
        ends = time.monotonic() + _PATIENCE_S
        for attempt in itertools.count():
            try:
                with self._turn, self._sessions() as db, db.begin():
                    if self.is_sqlite:
                        db.connection().exec_driver_sql("BEGIN IMMEDIATE")
                    return work(db)
            except TimeoutError as error:
                raise DeskError(
                    "too many want the database at once", do="nothing was changed; try again"
                ) from error
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise DeskError(
                        "the database went away; whether it was done is not known",
                        do="look before you try again",
                    ) from error
                if not _came_second(error, attempt) or time.monotonic() > ends:
                    raise DeskError(
                        "the database did not take it", do="nothing was changed; try again"
                    ) from error
                time.sleep((0.001 + secrets.randbelow(1000) / 1e5) * 2 ** min(attempt, 5))
        raise AssertionError  # the loop returns or raises

    def scrub(self) -> bool:
        """Leave nothing of what was taken away in the database's own files; False: try again.

        SQLite overwrites what it frees, and here its write-ahead log is emptied. PostgreSQL
        writes the tables anew that held keys and clear values; what its own write-ahead log and
        backups hold only a new master key makes useless (`Secrets.rewrap`).
        """
        try:
            with self.engine.connect() as connection:
                return self._scrubbed(connection.execution_options(isolation_level="AUTOCOMMIT"))
        except DBAPIError:
            return False

    def _scrubbed(self, connection: Connection) -> bool:
        try:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA busy_timeout=1000")  # who reads goes first
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
                connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_S * 1000}")
                return not busy
            connection.exec_driver_sql("SET lock_timeout = '5s'")
            for name in _CLEARED:
                connection.exec_driver_sql(f"VACUUM FULL {name}")
            connection.exec_driver_sql("RESET lock_timeout")
        except DBAPIError:
            connection.invalidate()
            return False
        return True

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view of the database, for reading.

        A view needs no place in the order of writers, so over PostgreSQL it is a snapshot
        (REPEATABLE READ), which no writer can make fail.

        Raises
        ------
        DeskError
            The database does not answer; also where the one who reads is in the middle of it.
        """
        options = {} if self.is_sqlite else _SNAPSHOT
        try:
            with self._sessions() as db, db.begin():
                connection = db.connection(execution_options=options)
                if self.is_sqlite:
                    connection.exec_driver_sql("BEGIN")
                    connection.exec_driver_sql("PRAGMA query_only=ON")
                yield db
        except (InterfaceError, OperationalError, TimeoutError) as error:
            raise DeskError("the database does not answer", do="try again in a while") from error


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Durable commits, checked references, no clear text left in freed pages."""
    connection.isolation_level = None  # transactions are begun by `Store`, not by the driver
    for pragma in (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
        "temp_store=MEMORY",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")


def _let_write(connection: Any, _: Any) -> None:
    """A connection that was for reading may be the next one's for writing."""
    if connection is not None:
        connection.execute("PRAGMA query_only=OFF")


def _came_second(error: DBAPIError, attempt: int) -> bool:
    """Whether it failed only because another transaction was first."""
    state = getattr(error.orig, "sqlstate", None)
    if state == _TAKEN:  # PostgreSQL tells a lost race so, too; an error that stays is told soon
        return attempt < _TAKEN_TRIES
    if state is not None:
        return state in ("40001", "40P01")
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
