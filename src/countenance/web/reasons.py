"""Reasons that a form asks for, and the field that a refusal of the desk belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from countenance.core import InputError
from countenance.desk.account_tables import check_grounds
from countenance.web.fields import Fields

MOST_GROUNDS = 2000


@contextmanager
def at_field(name: str) -> Iterator[None]:
    """Say of an InputError that it is this field; another place it names goes into its words."""
    try:
        yield
    except InputError as error:
        what = error.what if error.where in (None, name) else f"{error.where}: {error.what}"
        raise InputError(what, where=name, expected=error.expected, do=error.do) from error


def read_grounds(fields: Fields, name: str = "grounds") -> str:
    """Why something is done, in words. Raises InputError."""
    with at_field(name):
        return check_grounds(fields.lines(name, most=MOST_GROUNDS, needed=False))
