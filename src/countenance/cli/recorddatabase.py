"""A record's log in PostgreSQL: how it is named, and why no password is ever in that name.

A database is named as libpq names it, and the log in it by its origin, after a ``#``::

    postgresql://db.example/records#example.org/record

What the name leaves out (user, password, certificates) comes from where libpq takes it: the
variables ``PGUSER``, ``PGPASSWORD``, ``PGPASSFILE``, ``PGSERVICE``, the file ``~/.pgpass``, a
service file. A command's arguments can be read by everybody on the machine, so a name with a
password in it is refused, and never repeated.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from countenance.cli.recordfolder import wrong

if TYPE_CHECKING:
    from countenance.record.postgres import PostgresStorage

SCHEMES = ("postgresql://", "postgres://")
FORM = "postgresql://HOST/DATABASE"
NAME = f"{FORM}#ORIGIN"
CONNECT_S = 10
_SECRET = re.compile(r"(?:password|secret|client_key|server_key)=", re.IGNORECASE)
_NO_TABLE = "42P01"  # SQLSTATE undefined_table


def is_database(place: str) -> bool:
    """Whether this names a database rather than a folder or an address."""
    return place.startswith(SCHEMES)


def name_log(url: str, origin: str) -> str:
    """The name of a log in a database.

    Raises
    ------
    InputError
        The name is of no database, has a password in it, or names another log already.
    """
    if not is_database(url):
        shown = None if "@" in url else f"--storage {url}"
        raise wrong("this names no database", where=shown, expected=FORM)
    database, _, named = _without_secret(url).partition("#")
    if named and unquote(named) != origin:
        raise wrong("another log than --origin", where=url, expected=origin)
    return f"{database}#{quote(origin, safe='/')}"


def database(place: str) -> PostgresStorage:
    """The storage that a place names; nothing is connected yet.

    Raises
    ------
    InputError
        It does not say which log, or has a password in it.
    """
    from countenance.record.postgres import PostgresStorage

    url, _, origin = _without_secret(place).partition("#")
    if not origin:
        raise wrong("which log of the database?", where=place, expected=NAME)
    options = {"fallback_application_name": "countenance"}
    if "connect_timeout=" not in url and "PGCONNECT_TIMEOUT" not in os.environ:
        options["connect_timeout"] = str(CONNECT_S)
    for name, value in options.items():
        url += f"{'&' if '?' in url else '?'}{name}={value}"
    return PostgresStorage(url, unquote(origin))


def need_log(storage: PostgresStorage, place: str) -> None:
    """Say plainly that the database has no logs at all, which it says in words of its own."""
    from countenance.record.errors import StorageError
    from countenance.record.storage import CHECKPOINT

    try:
        storage.read(CHECKPOINT)
    except StorageError as error:
        if getattr(error.__cause__, "sqlstate", None) != _NO_TABLE:
            raise
        raise wrong(
            "there is no log in this database",
            where=place,
            do="see whether the name is right; `countenance record init` makes a record",
        ) from None


def need_unused(storage: PostgresStorage, place: str) -> None:
    """Refuse a database that has a log of this name, which is another key's."""
    from countenance.record.storage import CHECKPOINT

    storage.open()
    with storage.turn() as size:
        if size == 0 and storage.read(CHECKPOINT) is None:
            return
    raise wrong(
        f"the database has a log of this name, of {size:,} entries",
        where=place,
        do="choose another --origin, or copy the folder of the record that it belongs to",
    )


def _without_secret(url: str) -> str:
    rest = url.partition("://")[2]
    before_host = rest[: max(rest.rfind("@"), 0)]
    if ":" in before_host or _SECRET.search(unquote(rest)):
        raise wrong(
            "a password in the name of a database (or an @ that is not written %40)",
            expected=FORM,
            do="leave it out, and give it in PGPASSWORD, PGPASSFILE, ~/.pgpass or a service file; "
            "others on this machine may have seen it in the list of processes: choose another",
        )
    return url
