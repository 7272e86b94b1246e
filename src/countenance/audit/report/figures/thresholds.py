"""Rates over thresholds: what each group would need, both errors by group, and the DET."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.vega import (
    Spec,
    cut,
    frame,
    halo,
    line_at,
    log_axis,
    log_floor,
    log_scale,
    marks,
    pixels,
    text,
)
from countenance.audit.report.view import PANELS, ROWS, View, group_name, pick
from countenance.audit.sentences import count, number, quoted, say_rate
from countenance.audit.types import Curve, GroupResult, GroupThreshold

LETTERS = "ABCDEFGH"


def needed(view: View, target: str) -> Figure | None:
    """The threshold each group would need for one target FMR, and the FNMR everybody would pay."""
    if view.grouping is None:
        return None
    place = {g.group: i for i, g in enumerate(view.groups)}
    rows = sorted(
        (
            g for g in view.audit.group_thresholds
            if g.grouping == view.grouping.label and g.target == target
        ),
        key=lambda g: place.get(g.group, len(place)),
    )  # fmt: skip
    if not rows:
        return None
    drawn, rule = pick(rows, ROWS)
    reached = [g for g in rows if g.value is not None]
    lines = _thresholds_to_name(view, target)
    if reached:
        strictest = (min if view.lower_is_stricter else max)(reached, key=lambda g: g.value or 0)
        finding = (
            f"{quoted(strictest.group)} would need {view.value(strictest.value)}, the strictest of "
            f"{count(len(reached))} groups that can be given one."
        )
        if strictest.fnmr is not None and strictest.fnmr.trials:
            finding += f" At that threshold {say_rate(strictest.fnmr, 'comparisons of the same person')} of everybody would be missed."  # fmt: skip
    else:
        finding = f"No group has enough comparisons to be given a threshold for a false match rate of {target}."
    columns = (
        Column("group", "Group"), Column("threshold", f"Threshold, {view.unit}", "value"),
        Column("events", "False matches there", "count"), Column("trials", "Comparisons", "count"),
        Column("fnmr_events", "Missed of everybody", "count"),
        Column("fnmr_trials", "Mated comparisons", "count"), Column("fnmr", "FNMR, %", "rate"),
        Column("fnmr_low", "low, %", "rate"), Column("fnmr_high", "high, %", "rate"),
        Column("note", "Note"),
    )  # fmt: skip
    table = Table(
        f"Thresholds for a false match rate of {target}", columns,
        tuple(
            (
                g.group, g.value,
                g.achieved.events if g.achieved else None, g.achieved.trials if g.achieved else None,
                g.fnmr.events if g.fnmr else None, g.fnmr.trials if g.fnmr else None,
                g.fnmr.estimate if g.fnmr else None, g.fnmr.low if g.fnmr else None,
                g.fnmr.high if g.fnmr else None, g.note,
            )
            for g in rows
        ),
    )  # fmt: skip
    stricter = "← stricter" if view.lower_is_stricter else "stricter →"
    return Figure(
        name=f"threshold-needed-{target.replace('.', '-')}",
        question=f"What threshold would each group need for a false match rate of {target}?",
        finding=finding,
        reading=(
            "Set on the same data, group by group, as a diagnosis: people meet one threshold, so the "
            "price at the right is the misses among everybody if that threshold were the one deployed. "
            + rule
        ).strip(),
        spec=lambda size: _needed_rows(view, drawn, lines, size, f"{view.unit} ({stricter})"),
        table=table,
    )  # fmt: skip


def false_match_curves(view: View) -> Figure | None:
    """FMR over thresholds, one panel a group, over the lines of the others."""
    return _curves(view, "fmr", "fmr-by-threshold", "How does each group's false match rate move with the threshold?", "False match rate (log)")  # fmt: skip


def false_non_match_curves(view: View) -> Figure | None:
    """FNMR over thresholds, in the same panels."""
    return _curves(view, "fnmr", "fnmr-by-threshold", "And its false non-match rate?", "False non-match rate (log)")  # fmt: skip


def det(view: View) -> Figure | None:
    """DET by group, with the same thresholds marked and joined across groups."""
    curves = [c for c in view.curves() if c.fmr_trials and c.fnmr_trials]
    if not curves or view.operating is None:
        return None
    drawn, rule = pick(curves, PANELS)
    marked = _marked(view, [c.group for c in curves])
    rows = tuple(
        (group_name(m.group), m.letter, m.value, m.result.fmr.events, m.result.fmr.trials, m.result.fmr.estimate,
         m.result.fnmr.events, m.result.fnmr.trials, m.result.fnmr.estimate)
        for m in marked
    )  # fmt: skip
    named = dict.fromkeys((m.letter, m.value) for m in marked)
    where = "; ".join(f"{letter} at {view.value(value)}" for letter, value in named)
    worst = max(
        (m for m in marked if m.letter == "A"),
        key=lambda m: m.result.fmr.estimate or 0.0,
        default=None,
    )
    finding = (
        f"At the operating threshold {view.value(worst.value)}, {quoted(group_name(worst.group))} has "
        f"{count(worst.result.fmr.events)} of {count(worst.result.fmr.trials)} false matches and "
        f"{count(worst.result.fnmr.events)} of {count(worst.result.fnmr.trials)} false non-matches."
        if worst is not None
        else "Every threshold trades one error against the other, differently for each group."
    )
    columns = (
        Column("group", "Group"), Column("mark", "Mark"), Column("threshold", "Threshold", "value"),
        Column("fm", "False matches", "count"), Column("nonmated", "Non-mated", "count"),
        Column("fmr", "FMR, %", "rate"), Column("fnm", "Missed", "count"),
        Column("mated", "Mated", "count"), Column("fnmr", "FNMR, %", "rate"),
    )  # fmt: skip
    shown = {c.group for c in drawn}
    return Figure(
        name="det-by-group", question="What does each group pay in misses for fewer false matches?",
        finding=finding,
        reading=(
            f"One line a group over all thresholds; the letters mark the same threshold on every line: {where}. "
            "Thin lines join them across groups, because one threshold is what people meet. "
            "0 on an axis: no error was seen. " + _both_errors(curves) + rule
        ).strip(),
        spec=lambda size: _det_spec(view, drawn, [m for m in marked if m.group in shown], size),
        table=Table("Both rates at the marked thresholds", columns, rows),
    )  # fmt: skip


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
        "At no threshold did any one group meet both errors, so the lines run along the axes: with "
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
    view: View, rows: Sequence[GroupThreshold], lines: list[tuple[float, str]], size: Size, axis: str
) -> dict[str, Any]:  # fmt: skip
    values = [g.value for g in rows if g.value is not None] + [v for v, _ in lines]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.12 or abs(high) * 0.1 or 0.1
    low, high = low - margin, high + margin
    step, first = (44, 30) if size.narrow else (26, 13)
    pad = (12, 50, 22, 46) if size.narrow else (160, 50, 178, 46)
    width, height = size.width - pad[0] - pad[2], step * len(rows)
    at = [first + step * i for i in range(len(rows))]

    def position(value: float) -> float:
        return width * (value - low) / (high - low)

    x = {
        "field": "x", "type": "quantitative", "scale": {"domain": [low, high], "nice": False},
        "axis": {"title": axis, "tickCount": 5},
    }  # fmt: skip
    layers: list[Spec] = [marks([{"x": low}], {"type": "point", "opacity": 0}, x=x)]
    for i, (value, name) in enumerate(sorted(lines)):
        layers += line_at(
            name, x=position(value), width=width, top=-30 + 14 * (i % 2), bottom=height
        )
    points = [
        {"x": position(g.value), "y": y, "colour": view.colour(g.group)}
        for g, y in zip(rows, at, strict=True) if g.value is not None
    ]  # fmt: skip
    if points:
        layers.append(
            marks(
                points, {"type": "point", "filled": True, "size": 90, "opacity": 1}, x=pixels("x"),
                y=pixels("y"), color={"field": "colour", "type": "nominal", "scale": None},
            )
        )  # fmt: skip
    missing = [
        {"x": 4, "y": y, "text": "these data cannot set one"}
        for g, y in zip(rows, at, strict=True) if g.value is None
    ]  # fmt: skip
    if missing:
        layers += halo(missing, color=LIGHT["muted"])
    price = [
        f"{count(g.fnmr.events)} of {count(g.fnmr.trials)}" if g.fnmr and g.fnmr.trials else "–"
        for g in rows
    ]
    value = [view.value(g.value) for g in rows]
    if size.narrow:
        layers += halo([{"x": 0, "y": y - 17, "text": cut(g.group, 26)} for g, y in zip(rows, at, strict=True)], fontSize=13)  # fmt: skip
        layers += halo(
            [{"x": width, "y": y - 17, "text": f"{v}, missed {p}" if p != "–" else v} for v, p, y in zip(value, price, at, strict=True)],
            align="right", color=LIGHT["muted"],
        )  # fmt: skip
    else:
        right = width + pad[2]
        layers += [
            text([{"x": -pad[0], "y": y, "text": cut(g.group, 24)} for g, y in zip(rows, at, strict=True)], fontSize=13),
            text([{"x": right - 92, "y": -12, "text": "threshold"}, {"x": right, "y": -12, "text": "would miss"}], align="right", color=LIGHT["muted"]),
            text([{"x": right - 92, "y": y, "text": v} for v, y in zip(value, at, strict=True)], align="right"),
            text([{"x": right, "y": y, "text": p} for p, y in zip(price, at, strict=True)], align="right"),
        ]  # fmt: skip
    return frame(width, height, layers, pad=pad)


def _curves(view: View, which: str, name: str, question: str, axis: str) -> Figure | None:
    curves = [c for c in view.curves() if getattr(c, f"{which}_trials")]
    if not curves or view.operating is None:
        return None
    drawn, rule = pick(curves, PANELS)
    deployed = view.operating.threshold.value
    events = "False matches" if which == "fmr" else "Missed"
    columns = (
        Column("group", "Group"), Column("threshold", f"Threshold, {view.unit}", "value"),
        Column("events", events, "count"), Column("trials", "Comparisons", "count"),
        Column("rate", "Rate, %", "rate"), Column("low", "low, %", "rate"), Column("high", "high, %", "rate"),
    )  # fmt: skip
    rows = tuple(
        (
            group_name(c.group), c.values[k], getattr(c, f"{which}_events")[k], getattr(c, f"{which}_trials"),
            getattr(c, which)[k], getattr(c, f"{which}_low")[k], getattr(c, f"{which}_high")[k],
        )
        for c in curves for k in _sample(len(c.values), 12)
    )  # fmt: skip
    finding = "The bands are the interval at each threshold."
    met = [(g.group, getattr(g, which)) for g in view.groups or (view.operating.overall,)]
    met = [(group, rate) for group, rate in met if rate.trials]
    if deployed is not None and met:
        group, rate = max(met, key=lambda m: m[1].estimate or 0.0)
        finding = f"At {view.value(deployed)} it is highest for {quoted(group_name(group))}: {say_rate(rate)}."
    return Figure(
        name=name, question=question, finding=finding,
        reading=(
            "Each panel shows one group in colour with the band of its interval, over the others in grey. "
            "The dashed line is the operating threshold. 0: no error was seen. " + rule
        ).strip(),
        spec=lambda size: _panels(view, drawn, which, deployed, size, axis),
        table=Table(question, columns, rows),
    )  # fmt: skip


def _panels(
    view: View, curves: Sequence[Curve], which: str, deployed: float | None, size: Size, axis: str
) -> dict[str, Any]:  # fmt: skip
    """Small multiples at explicit places: every panel is a group of layers in one coordinate system."""
    across = min(len(curves), 2 if size.narrow else 4)
    down = -(-len(curves) // across)
    left, gap, head = 52, 12, 30
    panel = (size.width - left - 8 - gap * (across - 1)) / across
    tall = 110 if size.narrow else 120
    bottom = 24
    seen = [v for c in curves for v in getattr(c, which)]
    floor = max(log_floor(seen), -6)
    low, high = _eventful(curves, which, deployed)

    def across_at(value: float) -> float:
        return panel * (value - low) / (high - low)

    def down_at(rate: float | None) -> float:
        if rate is None or rate < 10.0**floor * (1 - 1e-9):
            return tall
        return tall * (1 - (math.log10(min(rate, 1.0)) - floor + 1) / (1 - floor))

    layers: list[Spec] = []
    ticks = [(10.0**e, f"{number(100 * 10.0**e, 1)} %") for e in range(floor, 1)]
    if len(ticks) > 5:
        ticks = ticks[::-2][::-1]
    grid, labels, titles, edges, curves_own, bands, others, deploy = [], [], [], [], [], [], [], []
    for i, curve in enumerate(curves):
        x0 = (i % across) * (panel + gap)
        y0 = (i // across) * (tall + head + bottom) + head
        titles.append({"x": x0, "y": y0 - 12, "text": cut(group_name(curve.group), 22)})
        for value, words in [*ticks, (0.0, "0")]:
            y = y0 + down_at(value)
            grid.append({"x": x0, "x2": x0 + panel, "y": y})
            if i % across == 0:
                labels.append({"x": -8, "y": y, "text": words})
        edges += [
            {"x": x0, "y": y0 + tall + 12, "text": number(low, 2), "align": "left"},
            {"x": x0 + panel, "y": y0 + tall + 12, "text": number(high, 2), "align": "right"},
        ]
        for other in curves:
            if other is not curve:
                for k in _within(other, low, high, 32):
                    others.append(
                        {"x": x0 + across_at(other.values[k]), "y": y0 + down_at(getattr(other, which)[k]), "k": f"{i} {other.group}", "o": k}
                    )  # fmt: skip
        own = [
            {
                "x": x0 + across_at(curve.values[k]), "y": y0 + down_at(getattr(curve, which)[k]),
                "a": y0 + down_at(getattr(curve, f"{which}_low")[k]),
                "b": y0 + down_at(getattr(curve, f"{which}_high")[k]),
            }
            for k in _within(curve, low, high, 70) if getattr(curve, which)[k] is not None
        ]  # fmt: skip
        colour = view.colour(curve.group)
        curves_own.append(
            marks(
                own,
                {"type": "line", "strokeWidth": 2, "color": colour},
                x=pixels("x"),
                y=pixels("y"),
            )
        )
        bands.append(
            marks(
                own, {"type": "area", "color": colour, "fillOpacity": 0.18, "opacity": 1}, x=pixels("x"),
                y=pixels("a"), y2={"field": "b"},
            )
        )  # fmt: skip
        if deployed is not None and low <= deployed <= high:
            deploy.append({"x": x0 + across_at(deployed), "y": y0, "y2": y0 + tall})
    layers.append(marks(grid, {"type": "rule", "color": LIGHT["rule"]}, x=pixels("x"), x2={"field": "x2"}, y=pixels("y")))  # fmt: skip
    if others:
        layers.append(
            marks(
                others, {"type": "line", "strokeWidth": 1, "color": LIGHT["line"], "opacity": 0.45},
                x=pixels("x"), y=pixels("y"), detail={"field": "k", "type": "nominal"},
                order={"field": "o", "type": "quantitative"},
            )
        )  # fmt: skip
    layers += bands + curves_own
    if deploy:
        layers.append(
            marks(
                deploy, {"type": "rule", "strokeDash": [3, 3], "color": LIGHT["ink"]}, x=pixels("x"),
                y=pixels("y"), y2={"field": "y2"},
            )
        )  # fmt: skip
    layers.append(text(titles, fontSize=12 if size.narrow else 13))
    layers.append(text(labels, align="right", color=LIGHT["muted"], fontSize=11))
    for side in ("left", "right"):
        layers.append(text([e for e in edges if e["align"] == side], align=side, color=LIGHT["muted"], fontSize=11))  # fmt: skip
    stricter = "← stricter" if view.lower_is_stricter else "stricter →"
    height = down * (tall + head + bottom)
    width = size.width - left - 8
    up = f"Up: {axis[0].lower()}{axis[1:]}"
    captions = [(f"Across: {view.unit} ({stricter})", height + 10.0)]
    if size.narrow:
        captions.append((up, height + 26.0))
    else:
        captions = [(f"{captions[0][0]}. {up}", height + 10.0)]
    layers.append(
        text(
            [{"x": -left + 8, "y": y, "text": words} for words, y in captions],
            color=LIGHT["muted"], fontSize=12,
        )
    )  # fmt: skip
    return frame(width, height, layers, pad=(left, 4, 8, 40 if size.narrow else 24))


def _det_spec(
    view: View, curves: Sequence[Curve], marked: Sequence[Mark], size: Size
) -> dict[str, Any]:
    pad = (54, 14, 20, 48) if size.narrow else (58, 14, 150, 48)
    width = size.width - pad[0] - pad[2]
    both = any(a and b for c in curves for a, b in zip(c.fmr, c.fnmr, strict=True))
    height = (280 if size.narrow else 360) if both else 140
    fx = log_floor([v for c in curves for v in c.fmr])
    fy = log_floor([v for c in curves for v in c.fnmr])
    x = {
        "field": "x", "type": "quantitative", "scale": log_scale(fx),
        "axis": log_axis(fx, title="False match rate (log scale)", every=1 if width / (1 - fx) > 46 else 2),
    }  # fmt: skip
    y = {
        "field": "y", "type": "quantitative", "scale": log_scale(fy),
        "axis": log_axis(fy, title="False non-match rate (log scale)"),
    }  # fmt: skip
    x["axis"]["orient"], y["axis"]["orient"] = "bottom", "left"

    def at(fmr: float | None, fnmr: float | None) -> dict[str, float]:
        return {"x": max(fmr or 0.0, 10.0 ** (fx - 1)), "y": max(fnmr or 0.0, 10.0 ** (fy - 1))}

    layers: list[Spec] = []
    joins: list[Spec] = [
        {**at(m.result.fmr.estimate, m.result.fnmr.estimate), "t": m.letter, "g": m.group}
        for m in marked
    ]
    joins.sort(key=lambda j: (str(j["t"]), float(j["x"]), str(j["g"])))
    if len(curves) > 1:
        layers.append(
            marks(
                [{**j, "o": i} for i, j in enumerate(joins)],
                {"type": "line", "color": LIGHT["line"], "strokeWidth": 1}, x=x, y=y,
                detail={"field": "t", "type": "nominal"}, order={"field": "o", "type": "quantitative"},
            )
        )  # fmt: skip
    for curve in curves:
        colour = view.colour(curve.group)
        points = [
            {**at(curve.fmr[k], curve.fnmr[k]), "o": k} for k in _sample(len(curve.values), 90)
        ]
        layers.append(
            marks(
                points, {"type": "line", "color": colour, "strokeWidth": 2, "strokeDash": view.dash(curve.group)},
                x=x, y=y, order={"field": "o", "type": "quantitative"},
            )
        )  # fmt: skip
        layers.append(
            marks(
                [j for j in joins if j["g"] == curve.group],
                {"type": "point", "shape": view.shape(curve.group), "filled": True, "size": 60, "color": colour, "opacity": 1},
                x=x, y=y,
            )
        )  # fmt: skip
    for letter in dict.fromkeys(m.letter for m in marked):
        own = [j for j in joins if j["t"] == letter]
        top = max(own, key=lambda j: (float(j["x"]), float(j["y"])), default=None)
        if top is not None:
            layers.append(
                marks(
                    [{**top, "text": letter}],
                    {"type": "text", "dx": 9, "dy": -9, "fontWeight": "bold", "fontSize": 13},
                    x=x, y=y, text={"field": "text", "type": "nominal"},
                )
            )  # fmt: skip
    key = [
        (group_name(c.group), view.colour(c.group), view.shape(c.group), view.dash(c.group))
        for c in curves
    ]
    if size.narrow:
        place = [(-40.0 + (i % 2) * 160, height + 56 + (i // 2) * 18) for i in range(len(key))]
        pad = (*pad[:3], 58 + 18 * (-(-len(key) // 2)))
    else:
        place = [(width + 16.0, 8.0 + 20 * i) for i in range(len(key))]
    for (label, colour, shape, dash), (px, py) in zip(key, place, strict=True):
        layers += [
            marks([{"x": px, "x2": px + 22, "y": py}], {"type": "rule", "color": colour, "strokeWidth": 2, "strokeDash": dash}, x=pixels("x"), x2={"field": "x2"}, y=pixels("y")),
            marks([{"x": px + 11, "y": py}], {"type": "point", "filled": True, "shape": shape, "size": 50, "color": colour, "opacity": 1}, x=pixels("x"), y=pixels("y")),
            text([{"x": px + 28, "y": py, "text": cut(label, 17)}]),
        ]  # fmt: skip
    return frame(width, height, layers, pad=pad)


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
