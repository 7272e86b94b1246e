"""The operational database as files, and back: one view of it, whatever is written meanwhile.

SQLite by its own backup, PostgreSQL table by table with ``COPY``, in its text form, so that what
was copied from one version of PostgreSQL can be read by another. `instant` is what makes database
and log agree: no event is written while it begins, so the log's size belongs to the view.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.orm import Session

from countenance.core import IntegrityError
from countenance.desk.base import Base, import_tables
from countenance.desk.errors import DeskError
from countenance.desk.folder import write_private
from countenance.desk.store import Store
from countenance.record import Log

SQLITE = "database.sqlite"
TABLES = "tables"
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Instant:
    """One view of the database, and what the log was then.

    Attributes
    ----------
    size
        Entries of the log: each is of an event that the view has, and every event that the view
        says is in the log is there.
    note
        The checkpoint published last; of no more entries than `size`.
    """

    connection: Connection
    size: int
    note: bytes | None


@contextlib.contextmanager
def instant(store: Store, log: Log) -> Iterator[Instant]:
    """Take a view of the database; writers wait for as long as that takes, not for the copy."""
    with store.engine.connect() as view:

        def begin(db: Session) -> tuple[int, bytes | None]:
            view.rollback()
            if store.is_sqlite:  # whose transactions that write are alone
                view.exec_driver_sql("BEGIN")
            else:
                db.execute(text("SET LOCAL lock_timeout = '20s'"))
                db.execute(text("LOCK TABLE outbox IN SHARE MODE"))
                view.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            size, note = log.refresh(), log.latest_checkpoint()
            view.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one()
            return size, note

        size, note = store.write(begin)
        yield Instant(view, size, note)
        view.rollback()


def copy_out(store: Store, view: Connection, folder: Path) -> None:
    """Write what a view holds into a folder."""
    link: Any = view.connection.driver_connection
    if store.is_sqlite:
        write_private(folder / SQLITE, b"")
        with contextlib.closing(sqlite3.connect(folder / SQLITE)) as target:
            link.backup(target)
            target.execute("PRAGMA journal_mode=DELETE").close()
            check_sqlite(target, folder / SQLITE)
        return
    (folder / TABLES).mkdir(mode=0o700)
    for table in _tables():
        write_private(folder / TABLES / table.name, b"")
        with (
            (folder / TABLES / table.name).open("wb") as file,
            link.cursor() as cursor,
            cursor.copy(f"COPY {_form(table)} TO STDOUT") as rows,
        ):
            for piece in rows:
                file.write(piece)


def copy_in(store: Store, folder: Path) -> None:
    """Fill the tables of a database that was just migrated from what `copy_out` wrote.

    All or nothing. Over SQLite there is nothing to fill: the file is the database.

    Raises
    ------
    DeskError
        The tables have rows that no migration made.
    """
    tables = _tables()
    with store.engine.connect() as connection:
        link: Any = connection.connection.driver_connection
        with link.cursor() as cursor:
            for table in tables:
                found = cursor.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()  # noqa: S608
                if found[0] > (table.name == "standing"):
                    raise DeskError("the database is not empty", where=table.name)
            cursor.execute('DELETE FROM "standing"')
            for table in tables:
                with (
                    (folder / TABLES / table.name).open("rb") as file,
                    cursor.copy(f"COPY {_form(table)} FROM STDIN") as rows,
                ):
                    while piece := file.read(_PIECE):
                        rows.write(piece)
            for table in tables:
                _go_on_counting(cursor, table)
        link.commit()


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite file that others may be writing."""
    write_private(target, b"")
    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        ) as a,
        contextlib.closing(sqlite3.connect(target)) as b,
    ):
        a.backup(b)
        check_sqlite(b, target)


def check_sqlite(link: sqlite3.Connection, where: Path) -> None:
    """Raise IntegrityError where a SQLite file is damaged."""
    found = link.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise IntegrityError("the database is damaged", where=str(where))


def _tables() -> list[Table]:
    import_tables()
    return Base.metadata.sorted_tables


def _form(table: Table) -> str:
    """Table and columns by name: their order may differ from database to database."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return f'"{table.name}" ({columns})'


def _go_on_counting(cursor: Any, table: Table) -> None:
    """Numbers that the database gives go on after those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    cursor.execute(
        "SELECT setval(pg_get_serial_sequence(%s, %s), "  # noqa: S608 - names of ours
        f'(SELECT coalesce(max("{column.name}"), 0) + 1 FROM "{table.name}"), false) '
        "WHERE pg_get_serial_sequence(%s, %s) IS NOT NULL",
        (f'"{table.name}"', column.name, f'"{table.name}"', column.name),
    )
