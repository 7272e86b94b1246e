"""Web pages of the law: the comparison of places, and one pack in plain language.

Each page is one file that asks nothing of any network: style and script are inside, and a strict
Content-Security-Policy names them by their hashes. Without a script the whole page is there; the
script only filters.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from countenance.core import inline_source
from countenance.law.comparing import COLUMNS, Row, column_of
from countenance.law.rules import Checked, Pack, Rule, Tag, Window

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = {Tag.VERIFIED: "●", Tag.SECOND_HAND: "◐", Tag.UNVERIFIED: "○"}  # fmt: skip


def matrix_page(rows: Sequence[Row], day: datetime.date) -> str:
    """The comparison as a page: packs against kinds of rule, and every rule below that."""
    columns = {key: name for key, name in COLUMNS.items() if any(key in row.cells for row in rows)}
    places = sorted({_region(row.pack) for row in rows})
    return _render("matrix.html.j2", rows=rows, columns=columns, day=day, places=places)


def pack_page(pack: Pack) -> str:
    """One pack as a page: every rule as a sentence, with its citation, source and dates."""
    return _render("pack.html.j2", pack=pack)


def _render(name: str, **values: Any) -> str:
    style, script = _file("law.css"), _file("filter.js")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {inline_source(style)}; script-src {inline_source(script)}"
    )
    return _environment().get_template(name).render(
        style=style, script=script, policy=policy, **values
    )  # fmt: skip


def _region(pack: Pack) -> str:
    """A state or country: what its cities are listed under."""
    return "/".join(pack.jurisdiction.split("/")[:2])


def _dates(window: Window) -> str:
    if window.start and window.end:
        return f"{window.start} to {window.end}"
    if window.start:
        return f"since {window.start}"
    return f"until {window.end}" if window.end else ""


def _checked(checked: Checked) -> str:
    """Against what, as of when, and on which day; not how far, which its mark says."""
    dated = f", dated {checked.source_date}" if checked.source_date else ""
    return f"{checked.source}{dated}; checked on {checked.on}"


def _anchor(pack: Pack) -> str:
    return pack.id.replace("/", "--")


def _kind(rule: Rule) -> str:
    return COLUMNS.get(column_of(rule), column_of(rule))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_file), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        checked=_checked,
        dates=_dates,
        anchor=_anchor,
        kind=_kind,
        column=column_of,
        region=_region,
        mark=_MARKS.__getitem__,
    )
    return environment


@functools.cache
def _file(name: str) -> str:
    return files("countenance.law.pages").joinpath("templates", name).read_text("utf-8").rstrip()
