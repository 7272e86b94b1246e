"""The report as one HTML page: what it says, in what order. The words and marks are in templates/."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countenance.audit.jsonform import digest
from countenance.audit.report.figures import between, rates, scores, thresholds
from countenance.audit.report.model import NARROW, WIDE, Column, Figure, Table
from countenance.audit.report.palette import DARK, LIGHT, figure_rules, variables
from countenance.audit.report.vega import render
from countenance.audit.report.view import View
from countenance.audit.sentences import count, number, percent, say_rate, summary, system_name
from countenance.audit.types import Audit, Grouping, ThresholdResult
from countenance.core import Progress, no_progress

if TYPE_CHECKING:
    from jinja2 import Environment

MEASURES_MAX_GROUPINGS = 4


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its two drawings."""

    figure: Figure
    wide: str
    narrow: str


def figures_of(view: View) -> dict[str, list[Figure]]:
    """The figures of each section, those without data left out."""
    result = view.result
    targets = dict.fromkeys(g.target for g in view.audit.group_thresholds)
    others = [
        g.label
        for g in view.audit.groupings
        if view.grouping is None or g.label != view.grouping.label
    ][:MEASURES_MAX_GROUPINGS]
    made: dict[str, list[Figure | None]] = {
        "first": [rates.false_matches(view)],
        "missed": [rates.false_non_matches(view)],
        "needed": [thresholds.needed(view, target) for target in targets if _reached(view, target)],
        "curves": [
            thresholds.false_match_curves(view), thresholds.false_non_match_curves(view), thresholds.det(view),
        ],
        "between": [between.heatmap(view)],
        "scores": [scores.distributions(view), scores.tail(view)],
        "enrol": [rates.failures_to_enrol(view)],
        "apart": [between.ratios(view, d) for d in ((result.fmr, result.fnmr) if result else ())],
        "divisions": [rates.other_grouping(view, label, i + 1) for i, label in enumerate(others)],
        "concentration": [scores.concentration(view)],
        "support": [rates.support(view)],
    }  # fmt: skip
    return {name: [f for f in figures if f is not None] for name, figures in made.items()}


def draw(view: View, progress: Progress = no_progress) -> dict[str, list[Drawn]]:
    """Every figure of an audit, drawn at both widths."""
    made = figures_of(view)
    total = sum(len(figures) for figures in made.values())
    done = 0
    drawn: dict[str, list[Drawn]] = {}
    for name, figures in made.items():
        drawn[name] = []
        for figure in figures:
            progress("drawing", done, total)
            drawn[name].append(Drawn(figure, render(figure, WIDE), render(figure, NARROW)))
            done += 1
    progress("drawing", total, total)
    return drawn


def html(audit: Audit, drawn: dict[str, list[Drawn]] | None = None) -> str:
    """The whole page."""
    view = View(audit)
    drawn = draw(view) if drawn is None else drawn
    return _fill(
        "report.html.j2",
        audit=audit,
        view=view,
        drawn=drawn,
        digest=digest(audit),
        opening=audit.summary or summary(audit),
        operating=view.operating,
        result=view.result,
        measures=_measures(view),
        unreached=[t for t in _targets(view) if not _reached(view, t)],
        thresholds=[_threshold(view, r) for r in audit.results],
        limits=limits(view),
        label_check=_label_check(view),
        people_tables=[_people(g) for g in audit.groupings],
        contents=_contents(view, drawn),
    )


def index(audits: list[tuple[Audit, str, list[Drawn]]]) -> str:
    """Several audits side by side: opening sentence, first picture, link to each report.

    Each item is the audit, the address of its report relative to the index, and its first picture.
    """
    return _fill(
        "index.html.j2",
        items=[
            {"audit": audit, "href": href, "drawn": first, "opening": audit.summary or summary(audit),
             "name": system_name(audit), "digest": digest(audit)}
            for audit, href, first in audits
        ],
    )  # fmt: skip


def limits(view: View) -> list[str]:
    """What these data cannot show, in sentences; each is there only if it holds of this audit."""
    audit = view.audit
    said = []
    if audit.same_session and audit.counts.mated:
        said.append(
            "The images of one person come from one sitting. How often the system misses a person after "
            "days or years, in other light or at another age, is not measured here: the false non-match "
            "rates are a best case."
        )
    if not audit.counts.mated:
        said.append("There are no two images of the same person, so nothing is said of misses.")
    if not audit.counts.nonmated:
        said.append(
            "There are no comparisons of different people, so nothing is said of false matches."
        )
    if view.grouping is not None and view.grouping.groups:
        smallest = min(view.grouping.groups, key=lambda g: g.people)
        said.append(
            f"The smallest group has {count(smallest.people)} "
            f"{'person' if smallest.people == 1 else 'people'}. Not seeing a difference in groups "
            "so small is not evidence that there is none."
        )
        said.append(
            "Groups differ in more than their label. Image quality, age, pose, camera and place are not "
            "removed by grouping: a difference shown here is a difference in what people meet, not its cause."
        )
        source = str((audit.dataset or {}).get("labels") or "not stated")
        said.append(
            f"Labels are the data set’s own ({source}). None was inferred from a face, and none can be checked here."
        )
    said.append(
        "These are comparisons of one image with one image. A search compares a face with everybody in a "
        "gallery, so false candidates add up with its size."
    )
    if any(r.threshold.source in ("target", "worst-group") for r in audit.results):
        said.append(
            "Thresholds set for a target rate were set on the same comparisons they are judged on; on "
            "other people they may not reach it."
        )
    return said


def _label_check(view: View) -> Table:
    columns = (
        Column("probe", "Probe"), Column("reference", "Reference"), Column("probe_subject", "Probe’s person"),
        Column("reference_subject", "Reference’s person"), Column("value", view.unit.capitalize(), "value"),
    )  # fmt: skip
    rows = view.audit.highest_nonmated
    return Table(
        "Highest scores of different people", columns,
        tuple((r.probe, r.reference, r.probe_subject, r.reference_subject, r.value) for r in rows),
    )  # fmt: skip


def _people(grouping: Grouping) -> Table:
    columns = (
        Column("group", "Group"),
        Column("people", "People", "count"),
        Column("images", "Images", "count"),
    )
    rest = f"; {count(grouping.not_stated)} not labelled" if grouping.not_stated else ""
    return Table(
        f"People by {grouping.label}{rest}",
        columns,
        tuple((g.label, g.people, g.images) for g in grouping.groups),
    )


def _contents(view: View, drawn: dict[str, list[Drawn]]) -> list[tuple[str, str]]:
    """Anchors and titles of the sections that are there."""
    audit = view.audit
    parts: list[tuple[str, str, object]] = [
        ("findings", "The finding", True),
        ("missed-h", "Who is missed", drawn["missed"]),
        ("needed-h", "What threshold each group would need", drawn["needed"] or _targets(view)),
        ("curves-h", "At every threshold", drawn["curves"]),
        ("between-h", "Between groups", drawn["between"]),
        ("scores-h", "The scores themselves", drawn["scores"]),
        ("enrol-h", "Failures to enrol", drawn["enrol"]),
        ("apart-h", "How far apart the groups are", view.result),
        ("divisions-h", "Divided otherwise", drawn["divisions"]),
        ("concentration-h", "On whom the false matches fall", drawn["concentration"]),
        ("support-h", "How much these data can support", drawn["support"] or audit.plan),
        ("thresholds-h", "At other thresholds", audit.results),
        ("labels-h", "Labels to check", audit.highest_nonmated),
        ("limits-h", "What these data cannot show", True),
        ("tested-h", "What was tested", True),
        ("who-h", "Who was tested", True),
        ("notes-h", "Met on the way", audit.notes),
        ("again-h", "How to reproduce this", True),
    ]
    return [(anchor, title) for anchor, title, there in parts if there]


def _targets(view: View) -> list[str]:
    return list(dict.fromkeys(g.target for g in view.audit.group_thresholds))


def _reached(view: View, target: str) -> bool:
    return any(g.target == target and g.value is not None for g in view.audit.group_thresholds)


def _threshold(view: View, result: ThresholdResult) -> dict[str, Any]:
    """One threshold with the table of its headline groups."""
    grouping = next(
        (g for g in result.groupings if view.grouping and g.grouping == view.grouping.label), None
    )
    groups = grouping.groups if grouping else ()
    return {
        "result": result,
        "threshold": result.threshold,
        "groups": groups,
        "operating": result is view.operating,
        "differentials": [d for d in (grouping.fmr, grouping.fnmr) if grouping]
        if grouping
        else [],
    }


def _measures(view: View) -> list[tuple[str, Table]]:
    result = view.result
    if result is None:
        return []
    return [
        (d.sentence, between.measures_table(d)) for d in (result.fmr, result.fnmr) if d.measures
    ]


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
    )
    environment.tests["sha256"] = lambda text: all(c in "0123456789abcdef" for c in text)
    environment.filters.update(
        capitalize_first=lambda text: text[:1].upper() + text[1:], count=count, number=number, percent=percent, say=say_rate,
        svg=lambda text: Markup(text),  # noqa: S704 - our own renderer's, its text escaped by ElementTree
    )  # fmt: skip
    return environment


def _fill(template: str, **values: Any) -> str:
    from markupsafe import Markup

    environment = _environment()
    source = environment.loader
    if source is None:
        raise RuntimeError("the templates are part of the package")
    style = (
        _asset("report.css")
        .replace("/*light*/", variables(LIGHT))
        .replace("/*dark*/", variables(DARK))
    )
    style = style.replace("/*figures*/", figure_rules("figure svg"))
    script = _asset("report.js")
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    return environment.get_template(template).render(
        style=Markup(style),
        script=Markup(script),
        policy=policy,
        **values,  # noqa: S704 - our own files
    )


@functools.cache
def _asset(name: str) -> str:
    from importlib.resources import files

    return (files("countenance.audit.report") / "templates" / name).read_text(encoding="utf-8")
