"""What every table of the desk shares: one registry, ids, and times that are always UTC."""

from __future__ import annotations

import datetime
import importlib
import pkgutil
import secrets
from typing import Any

from sqlalchemy import DateTime, MetaData, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

_NAMES = {  # constraints have names, so that a migration can speak of them
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The registry of tables; each module of the room declares its own."""

    metadata = MetaData(naming_convention=_NAMES)


class UTC(TypeDecorator[datetime.datetime]):
    """A time with its zone, kept as UTC. SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """To the database. Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(datetime.UTC)

    def process_result_value(
        self,
        value: datetime.datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime.datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value


def new_id() -> str:
    """A fresh id: 128 random bits as 32 hex digits. Nobody can guess another's."""
    return secrets.token_hex(16)


def import_tables() -> None:
    """Import every module of the room, so that `Base.metadata` has all tables there are."""
    room = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(room).__path__):
        if not module.ispkg:
            importlib.import_module(f"{room}.{module.name}")
