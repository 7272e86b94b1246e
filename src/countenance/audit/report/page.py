"""The report, and the index of several, as HTML pages that need nothing but themselves."""

from __future__ import annotations

import functools
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from countenance.audit.jsonform import digest
from countenance.audit.report.blocks import Drawn
from countenance.audit.report.content import draw, sections
from countenance.audit.report.palette import DARK, LIGHT, figure_rules, variables
from countenance.audit.report.view import View
from countenance.audit.sentences import count, say_rate, summary, system_name
from countenance.audit.types import Audit
from countenance.core import inline_source

if TYPE_CHECKING:
    from jinja2 import Environment


def html(audit: Audit, drawn: dict[str, list[Drawn]] | None = None) -> str:
    """The whole page; `drawn` saves drawing the figures again."""
    view = View(audit)
    drawn = draw(view) if drawn is None else drawn
    parts = sections(view, drawn)
    return _fill(
        "report.html.j2",
        audit=audit,
        engine=audit.engine or {},
        dataset=audit.dataset or {},
        first=drawn["first"],
        no_picture=no_picture(view),
        sections=parts,
        digest=digest(audit),
        opening=audit.summary or summary(audit),
        operating=view.operating,
    )


def no_picture(view: View) -> str:
    """Why there is no picture by group, and the rates of everybody in its place."""
    audit = view.audit
    if view.operating is None:
        return "There is no threshold, so there are no rates."
    if not audit.groupings:
        why = "no groups were asked for"
    elif not audit.counts.nonmated:
        why = "there are no comparisons of different people"
    else:
        why = "no group has comparisons of different people"
    overall = view.operating.overall
    return (
        f"There is no picture by group: {why}. Of everybody, falsely matched: "
        f"{say_rate(overall.fmr, 'comparisons of different people')}; missed: "
        f"{say_rate(overall.fnmr, 'comparisons of the same person')}."
    )


def index(audits: list[tuple[Audit, str, list[Drawn]]]) -> str:
    """Several audits side by side: opening sentence, first picture, link to each report.

    Each item is the audit, the address of its report from the index, and its first picture.
    """
    items = [
        {
            "audit": audit,
            "href": href,
            "drawn": [_renamed(d, f"audit-{i}-") for d in first],
            "opening": audit.summary or summary(audit),
            "name": system_name(audit),
            "digest": digest(audit),
        }
        for i, (audit, href, first) in enumerate(audits, 1)
    ]
    return _fill("index.html.j2", items=items)


def _renamed(drawn: Drawn, prefix: str) -> Drawn:
    """The same figure under ids of its own, to stand beside its like on one page."""
    old, new = drawn.figure.name, prefix + drawn.figure.name

    def swap(svg: str) -> str:
        for before in ('id="', 'aria-labelledby="', " ", "url(#"):
            svg = svg.replace(f"{before}{old}-", f"{before}{new}-")
        return svg

    return Drawn(replace(drawn.figure, name=new), swap(drawn.wide), swap(drawn.narrow))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("countenance.audit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalise,
    )
    # Only figures pass unescaped: our own renderer made them, and ElementTree escaped their text.
    environment.filters.update(count=count, svg=Markup)
    environment.tests["a"] = lambda block, name: type(block).__name__ == name
    return environment


def together(text: str) -> str:
    """A number and its per cent sign are not parted by the end of a line."""
    return text.replace(" %", "\u00a0%")


def _finalise(value: Any) -> Any:
    return together(value) if type(value) is str else value


def _fill(template: str, **values: Any) -> str:
    from markupsafe import Markup

    style = (
        asset("report.css")
        .replace("/*light*/", variables(LIGHT))
        .replace("/*dark*/", variables(DARK))
        .replace("/*figures*/", figure_rules("figure svg"))
    )
    script = asset("report.js")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src "
        f"{inline_source(script)}; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(style=Markup(style), script=Markup(script), policy=policy, **values)  # noqa: S704 - our own files
    )


@functools.cache
def asset(name: str) -> str:
    """One of the package's own templates, as text."""
    return (files("countenance.audit.report") / "templates" / name).read_text(encoding="utf-8")
