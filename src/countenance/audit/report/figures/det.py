"""The DET by group, with the same thresholds marked and joined across groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from countenance.audit.report.drawing import (
    Drawing,
    LogScale,
    cut,
)
from countenance.audit.report.figures.curves import sample
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.view import PANELS, View, group_name, pick
from countenance.audit.sentences import count, quoted
from countenance.audit.types import (
    Curve,
    GroupResult,
)

LETTERS = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class Mark:
    """One group at one of the named thresholds."""

    letter: str
    value: float
    group: str
    result: GroupResult


def det(view: View) -> Figure | None:
    """DET by group, with the same thresholds marked and joined across groups."""
    curves = [c for c in view.curves() if c.fmr_trials and c.fnmr_trials]
    if not curves or view.operating is None:
        return None
    drawn, rule = pick(curves, PANELS)
    marked = _marked(view, [c.group for c in curves])
    rows = tuple(
        (
            group_name(m.group),
            m.letter,
            m.value,
            m.result.fmr.events,
            m.result.fmr.trials,
            m.result.fmr.estimate,
            m.result.fnmr.events,
            m.result.fnmr.trials,
            m.result.fnmr.estimate,
        )
        for m in marked
    )
    named = dict.fromkeys((m.letter, m.value) for m in marked)
    where = "; ".join(f"{letter} at {view.value(value)}" for letter, value in named)
    worst = max(
        (m for m in marked if m.letter == "A"),
        key=lambda m: m.result.fmr.estimate or 0.0,
        default=None,
    )
    finding = (
        f"At the operating threshold {view.value(worst.value)}, "
        f"{quoted(group_name(worst.group))} has {count(worst.result.fmr.events)} of "
        f"{count(worst.result.fmr.trials)} false matches and {count(worst.result.fnmr.events)} "
        f"of {count(worst.result.fnmr.trials)} false non-matches."
        if worst is not None
        else "Every threshold trades one error against the other, differently for each group."
    )
    columns = (
        Column("group", "Group"),
        Column("mark", "Mark"),
        Column("threshold", "Threshold", "value"),
        Column("fm", "False matches", "count"),
        Column("nonmated", "Non-mated", "count"),
        Column("fmr", "FMR, %", "rate"),
        Column("fnm", "Missed", "count"),
        Column("mated", "Mated", "count"),
        Column("fnmr", "FNMR, %", "rate"),
    )
    shown = {c.group for c in drawn}
    return Figure(
        name="det-by-group",
        question="What does each group pay in misses for fewer false matches?",
        finding=finding,
        reading=(
            "One line a group over all thresholds; the letters mark the same threshold on every "
            f"line: {where}. Thin lines join them across groups, because one threshold is what "
            "people meet. "
            "0 on an axis: no error was seen. " + _both_errors(curves) + rule
        ).strip(),
        draw=lambda size: _det_drawing(view, drawn, [m for m in marked if m.group in shown], size),
        table=Table("Both rates at the marked thresholds", columns, rows),
    )


def _marked(view: View, groups: Sequence[str]) -> list[Mark]:
    """Every group at the operating threshold (A) and up to seven others."""
    results = [view.operating, *(r for r in view.audit.results if r is not view.operating)]
    usable = [r for r in results if r is not None and r.threshold.value is not None][:8]
    marks_made = []
    for letter, result in zip(LETTERS, usable, strict=False):
        met = {"": result.overall}
        for grouping in result.groupings:
            if view.grouping is not None and grouping.grouping == view.grouping.label:
                met |= {g.group: g for g in grouping.groups}
        marks_made += [
            Mark(letter, result.threshold.value or 0.0, g, met[g]) for g in groups if g in met
        ]
    return marks_made


def _both_errors(curves: Sequence[Curve]) -> str:
    if any(a and b for c in curves for a, b in zip(c.fmr, c.fnmr, strict=True)):
        return ""
    return (
        "At no threshold did any one group meet both errors, so the lines run along the axes: "
        "with these images there is no trade to see. "
    )


def _det_drawing(
    view: View, curves: Sequence[Curve], marked: Sequence[Mark], size: Size
) -> Drawing:
    both = any(a and b for c in curves for a, b in zip(c.fmr, c.fnmr, strict=True))
    height = (280 if size.narrow else 360) if both else 140
    rows = -(-len(curves) // 2)
    drawing = Drawing(
        size.width - (78 if size.narrow else 238),
        height,
        left=62,
        top=14,
        right=16 if size.narrow else 176,
        bottom=52 + 18 * rows if size.narrow else 48,
    )
    x = LogScale.of([v for c in curves for v in c.fmr], drawing.width)
    y = LogScale.of([v for c in curves for v in c.fnmr], height)
    drawing.axis_below(x.ticks(), "False match rate (log scale)")
    drawing.axis_left(
        [(height - place, label) for place, label in y.ticks(room=24)],
        "False non-match rate (log)" if both or size.narrow else "FNMR (log)",
    )

    def at(fmr: float | None, fnmr: float | None) -> tuple[float, float]:
        return x.at(fmr), height - y.at(fnmr)

    places = [(m, at(m.result.fmr.estimate, m.result.fnmr.estimate)) for m in marked]
    letters = list(dict.fromkeys(m.letter for m in marked))
    for letter in letters:
        own = sorted(place for m, place in places if m.letter == letter)
        drawing.path(own, colour=LIGHT["line"])
    for curve in curves:
        points = [at(curve.fmr[k], curve.fnmr[k]) for k in sample(len(curve.values), 90)]
        colour = view.colour(curve.group)
        drawing.path(points, colour=colour, width=2, dash=view.dash(curve.group))
    for mark, (px, py) in places:
        drawing.dot(px, py, colour=view.colour(mark.group), shape=view.shape(mark.group), size=4)
    for letter in letters:
        px, py = max(place for m, place in places if m.letter == letter)
        drawing.words(px + 8, py - 10, letter, size=13, bold=True, halo=True)
    for i, curve in enumerate(curves):
        px = (i % 2) * 160 - 50.0 if size.narrow else drawing.width + 16
        py = height + 56 + (i // 2) * 18 if size.narrow else 8.0 + 20 * i
        colour = view.colour(curve.group)
        drawing.rule(px, py, px + 22, py, colour=colour, width=2, dash=view.dash(curve.group))
        drawing.dot(px + 11, py, colour=colour, shape=view.shape(curve.group), size=4)
        drawing.words(px + 28, py, cut(group_name(curve.group), 18))
    return drawing
