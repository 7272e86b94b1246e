"""Both errors over thresholds, one panel a group."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.audit.report.drawing import (
    MUTED,
    Drawing,
    LinearScale,
    LogScale,
    cut,
    short,
)
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.view import PANELS, View, group_name, pick
from countenance.audit.sentences import quoted, say_rate
from countenance.audit.types import (
    Curve,
)


def false_match_curves(view: View) -> Figure | None:
    """FMR over thresholds, one panel a group, over the lines of the others."""
    return _curves(
        view,
        "fmr",
        "fmr-by-threshold",
        "How does each group's false match rate move with the threshold?",
        "False match rate (log)",
    )


def false_non_match_curves(view: View) -> Figure | None:
    """FNMR over thresholds, in the same panels."""
    return _curves(
        view,
        "fnmr",
        "fnmr-by-threshold",
        "And its false non-match rate?",
        "False non-match rate (log)",
    )


def sample(n: int, most: int) -> list[int]:
    """At most so many evenly spread indices of n, ends included."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})


def _curves(view: View, which: str, name: str, question: str, axis: str) -> Figure | None:
    curves = [c for c in view.curves() if getattr(c, f"{which}_trials")]
    if not curves or view.operating is None:
        return None
    drawn, rule = pick(curves, PANELS)
    deployed = view.operating.threshold.value
    events = "False matches" if which == "fmr" else "Missed"
    columns = (
        Column("group", "Group"),
        Column("threshold", f"Threshold, {view.unit}", "value"),
        Column("events", events, "count"),
        Column("trials", "Comparisons", "count"),
        Column("rate", "Rate, %", "rate"),
        Column("low", "low, %", "low"),
        Column("high", "high, %", "rate"),
    )
    rows = tuple(
        (
            group_name(c.group),
            c.values[k],
            getattr(c, f"{which}_events")[k],
            getattr(c, f"{which}_trials"),
            getattr(c, which)[k],
            getattr(c, f"{which}_low")[k],
            getattr(c, f"{which}_high")[k],
        )
        for c in curves
        for k in sample(len(c.values), 12)
    )
    finding = "The bands are the interval at each threshold."
    met = [(g.group, getattr(g, which)) for g in view.groups or (view.operating.overall,)]
    met = [(group, rate) for group, rate in met if rate.trials]
    if deployed is not None and met:
        group, rate = max(met, key=lambda m: m[1].estimate or 0.0)
        finding = (
            f"At {view.value(deployed)} it is highest for {quoted(group_name(group))}: "
            f"{say_rate(rate)}."
            if rate.events
            else f"At {view.value(deployed)} no such error was seen in any group."
        )
    return Figure(
        name=name,
        question=question,
        finding=finding,
        reading=(
            "Each panel shows one group in colour with the band of its interval, over the "
            "others in grey. "
            "The dashed line is the operating threshold. 0: no error was seen. " + rule
        ).strip(),
        draw=lambda size: _panels(view, drawn, which, deployed, size, axis),
        table=Table(question, columns, rows),
    )


def _panels(
    view: View,
    curves: Sequence[Curve],
    which: str,
    deployed: float | None,
    size: Size,
    axis: str,
) -> Drawing:
    """Small multiples: each group in colour over all the others in grey."""
    across = min(len(curves), 2 if size.narrow else 4)
    down = -(-len(curves) // across)
    left, gap, head, foot = 52, 12, 30, 24
    panel = (size.width - left - 8 - gap * (across - 1)) / across
    tall = 110 if size.narrow else 120
    drawing = Drawing(
        size.width - left - 8,
        down * (tall + head + foot),
        left=left,
        top=4,
        right=8,
        bottom=40 if size.narrow else 24,
    )
    low, high = _eventful(curves, which, deployed)
    x = LinearScale(low, high, panel)
    y = LogScale.of([v for c in curves for v in getattr(c, which)], tall, least=-6)

    def line(
        curve: Curve, column: str, most: int, x0: float, y0: float
    ) -> list[tuple[float, float]]:
        rates = getattr(curve, column)
        return [
            (x0 + x.at(curve.values[k]), y0 + tall - y.at(rates[k]))
            for k in _within(curve, low, high, most)
            if rates[k] is not None
        ]

    for i, curve in enumerate(curves):
        x0 = (i % across) * (panel + gap)
        y0 = (i // across) * (tall + head + foot) + head
        drawing.words(
            x0, y0 - 12, cut(group_name(curve.group), 22), size=12 if size.narrow else 13
        )
        for place, label in y.ticks(room=20):
            drawing.rule(
                x0, y0 + tall - place, x0 + panel, y0 + tall - place, colour=LIGHT["rule"]
            )
            if i % across == 0:
                drawing.words(-8, y0 + tall - place, label, anchor="end", size=11, colour=MUTED)
        drawing.words(x0, y0 + tall + 12, short(low), size=11, colour=MUTED)
        drawing.words(x0 + panel, y0 + tall + 12, short(high), anchor="end", size=11, colour=MUTED)
        for other in curves:
            if other is not curve:
                drawing.path(line(other, which, 32, x0, y0), colour=LIGHT["line"], opacity=0.45)
        colour = view.colour(curve.group)
        drawing.area(
            line(curve, f"{which}_high", 70, x0, y0),
            line(curve, f"{which}_low", 70, x0, y0),
            colour=colour,
            opacity=0.18,
        )
        drawing.path(line(curve, which, 70, x0, y0), colour=colour, width=2)
        if deployed is not None and low <= deployed <= high:
            place = x0 + x.at(deployed)
            drawing.rule(place, y0, place, y0 + tall, dash=(3, 3))
    stricter = "← stricter" if view.lower_is_stricter else "stricter →"
    captions = [f"Across: {view.unit} ({stricter})", f"Up: {axis[0].lower()}{axis[1:]}"]
    for i, caption in enumerate(captions if size.narrow else [". ".join(captions)]):
        drawing.words(8 - left, drawing.height + 10 + 16 * i, caption, colour=MUTED)
    return drawing


def _eventful(curves: Sequence[Curve], which: str, deployed: float | None) -> tuple[float, float]:
    """The range of thresholds over which a rate moves, the deployed one within it."""
    values = [
        v
        for c in curves
        for v, r in zip(c.values, getattr(c, which), strict=True)
        if r and r < 0.98
    ]
    values += [] if deployed is None else [deployed]
    if not values:
        values = [v for c in curves for v in c.values]
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def _within(curve: Curve, low: float, high: float, most: int) -> list[int]:
    """At most so many grid points of a curve between two thresholds."""
    inside = [k for k, v in enumerate(curve.values) if low <= v <= high]
    return [inside[i] for i in sample(len(inside), most)] if len(inside) > 1 else inside
