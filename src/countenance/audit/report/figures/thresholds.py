"""Rates over thresholds: what each group would need, both errors by group, and the DET."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from countenance.audit.report.drawing import MUTED, Drawing, LinearScale, LogScale, cut, short
from countenance.audit.report.figures.rates import field, margins, named_lines, of
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.view import PANELS, ROWS, View, group_name, pick
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import Curve, GroupResult, GroupThreshold

LETTERS = "ABCDEFGH"


def needed(view: View, target: str) -> Figure | None:
    """The threshold each group would need for one target FMR, and the FNMR everybody would pay."""
    if view.grouping is None:
        return None
    place = {g.group: i for i, g in enumerate(view.groups)}
    rows = sorted(
        (
            g
            for g in view.audit.group_thresholds
            if g.grouping == view.grouping.label and g.target == target
        ),
        key=lambda g: place.get(g.group, len(place)),
    )
    if not rows:
        return None
    drawn, rule = pick(rows, ROWS)
    reached = [g for g in rows if g.value is not None]
    lines = _thresholds_to_name(view, target)
    if reached:
        strictest = (min if view.lower_is_stricter else max)(reached, key=lambda g: g.value or 0)
        finding = (
            f"{quoted(strictest.group)} would need {view.value(strictest.value)}, the strictest "
            "of "
            f"{count(len(reached))} {'group' if len(reached) == 1 else 'groups'} that can be "
            "given one."
        )
        if strictest.fnmr is not None and strictest.fnmr.trials:
            finding += (
                " At that threshold "
                f"{say_rate(strictest.fnmr, 'comparisons of the same person')} of everybody "
                "would be missed."
            )
    else:
        finding = (
            "No group has enough comparisons to be given a threshold for a false match rate of "
            f"{target}."
        )
    columns = (
        Column("group", "Group"),
        Column("threshold", f"Threshold, {view.unit}", "value"),
        Column("events", "False matches there", "count"),
        Column("trials", "Comparisons", "count"),
        Column("fnmr_events", "Missed of everybody", "count"),
        Column("fnmr_trials", "Mated comparisons", "count"),
        Column("fnmr", "FNMR, %", "rate"),
        Column("fnmr_low", "low, %", "low"),
        Column("fnmr_high", "high, %", "rate"),
        Column("note", "Note"),
    )
    table = Table(
        f"Thresholds for a false match rate of {target}",
        columns,
        tuple(
            (
                g.group,
                g.value,
                g.achieved.events if g.achieved else None,
                g.achieved.trials if g.achieved else None,
                g.fnmr.events if g.fnmr else None,
                g.fnmr.trials if g.fnmr else None,
                g.fnmr.estimate if g.fnmr else None,
                g.fnmr.low if g.fnmr else None,
                g.fnmr.high if g.fnmr else None,
                g.note,
            )
            for g in rows
        ),
    )
    stricter = "← stricter" if view.lower_is_stricter else "stricter →"
    return Figure(
        name=f"threshold-needed-{target.replace('.', '-')}",
        question=f"What threshold would each group need for a false match rate of {target}?",
        finding=finding,
        reading=(
            "Set on the same data, group by group, as a diagnosis: people meet one threshold, "
            "so the "
            "price at the right is the misses among everybody if that threshold were the one "
            "deployed. "
            "An open mark: no false match of the group is left there, because it has too few "
            "comparisons "
            "for the target to be met otherwise. " + rule
        ).strip(),
        draw=lambda size: _needed_rows(view, drawn, lines, size, f"{view.unit} ({stricter})"),
        table=table,
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
        f"{quoted(group_name(worst.group))} has "
        f"{count(worst.result.fmr.events)} of {count(worst.result.fmr.trials)} false matches and "
        f"{count(worst.result.fnmr.events)} of {count(worst.result.fnmr.trials)} false "
        "non-matches."
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
            f"line: {where}. "
            "Thin lines join them across groups, because one threshold is what people meet. "
            "0 on an axis: no error was seen. " + _both_errors(curves) + rule
        ).strip(),
        draw=lambda size: _det_drawing(view, drawn, [m for m in marked if m.group in shown], size),
        table=Table("Both rates at the marked thresholds", columns, rows),
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """One group at one of the named thresholds."""

    letter: str
    value: float
    group: str
    result: GroupResult


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
        "with "
        "these images there is no trade to see. "
    )


def _thresholds_to_name(view: View, target: str) -> list[tuple[float, str]]:
    lines = []
    if view.operating is not None and view.operating.threshold.value is not None:
        word = {"default": "default", "given": "given"}.get(
            view.operating.threshold.source, "operating"
        )
        lines.append((view.operating.threshold.value, word))
    for result in view.audit.results:
        t = result.threshold
        if (
            t.source == "target"
            and t.target == target
            and t.value is not None
            and t.population == "all"
        ):
            lines.append((t.value, f"{target} on all"))
    return lines


def _needed_rows(
    view: View,
    rows: Sequence[GroupThreshold],
    lines: list[tuple[float, str]],
    size: Size,
    axis: str,
) -> Drawing:
    drawing, at = field(len(rows), size, lines=2, right=178)
    values = [g.value for g in rows if g.value is not None] + [v for v, _ in lines]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.12 or abs(high) * 0.1 or 0.1
    scale = LinearScale(low - margin, high + margin, drawing.width)
    drawing.axis_below(scale.ticks(), axis)
    named_lines(drawing, [(scale.at(value), name) for value, name in lines])
    for group, y in zip(rows, at, strict=True):
        if group.value is None:
            drawing.words(4, y, "these data cannot set one", colour=MUTED, halo=True)
        else:
            left = group.achieved is None or group.achieved.events > 0
            drawing.dot(scale.at(group.value), y, colour=view.colour(group.group), filled=left)
    shown = [view.value(g.value) for g in rows]
    price = [of(g.fnmr) for g in rows]
    columns = (
        {"": [f"{v}, missed {p}" if p != "–" else v for v, p in zip(shown, price, strict=True)]}
        if size.narrow
        else {"threshold": shown, "would miss": price}
    )
    margins(drawing, size, at, [g.group for g in rows], columns)
    return drawing


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
        for k in _sample(len(c.values), 12)
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
        points = [at(curve.fmr[k], curve.fnmr[k]) for k in _sample(len(curve.values), 90)]
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
    return [inside[i] for i in _sample(len(inside), most)] if len(inside) > 1 else inside


def _sample(n: int, most: int) -> list[int]:
    """At most so many evenly spread indices of n, ends included."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})
