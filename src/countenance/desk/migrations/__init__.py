"""Migrations: a deployment's tables, from one revision to the next, by Alembic.

`upgrade` brings a database to the revision of this program (`store.REVISION`), in one transaction:
killed in between, nothing has changed. To add a revision, write ``versions/<number>_<what>.py``,
raise `store.REVISION`, and let tests/desk/test_migrations.py say whether the tables are the
models'.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, inspect, select, table

from countenance.desk.base import Base, import_tables
from countenance.desk.errors import DeskError
from countenance.desk.store import REVISION, Store

if TYPE_CHECKING:
    from alembic.config import Config

#: Rows that a database has as soon as it is made, and nobody would miss.
_OF_ITSELF = frozenset({"standing", "door_buckets"})


def upgrade(store: Store, to: str = REVISION) -> None:
    """Bring the tables up to a revision; an empty database gets all of them.

    Raises
    ------
    DeskError
        The database has tables that no migration made.
    """
    from alembic import command

    with store.engine.connect() as connection:
        _begin(store, connection)
        command.upgrade(_config(connection), to)
        connection.commit()


def downgrade(store: Store, to: str) -> None:
    """Take the tables back to an earlier revision; ``base`` is an empty database.

    Raises
    ------
    DeskError
        It would take records away. Dropping a database with records is the operator's own doing.
    """
    from alembic import command

    import_tables()
    with store.engine.connect() as connection:
        _begin(store, connection)
        if to == "base":
            refuse_loss(connection, sorted(Base.metadata.tables.keys() - _OF_ITSELF))
        command.downgrade(_config(connection), to)
        connection.commit()


def _begin(store: Store, connection: Connection) -> None:
    if store.is_sqlite:  # the driver would begin too late: tables are changed within, too
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:  # whoever waited for the lock is to see what the first did, so no snapshot before it
        connection.execution_options(isolation_level="READ COMMITTED")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7236837)")  # one at a time


def refuse_loss(connection: Connection, tables: Sequence[str]) -> None:
    """Raise DeskError where one of these tables, which are to be dropped, has rows."""
    there = set(inspect(connection).get_table_names())
    for name in tables:
        if name not in there:
            continue
        if connection.scalar(select(func.count()).select_from(table(name))):
            raise DeskError(
                "this would take records away", where=name,
                do="make a backup, and drop the database yourself if that is what you mean",
            )  # fmt: skip


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
