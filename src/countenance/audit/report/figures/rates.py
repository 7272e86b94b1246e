"""Rates by group, one row each: the first picture, and its siblings for FNMR and failures to enrol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
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
    log_position,
    log_scale,
    marks,
    pixels,
    text,
)
from countenance.audit.report.view import ROWS, View, pick
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import GroupingResult, GroupResult, Rate

READING = (
    "A filled mark is an estimate; the bar through it is its interval, dashed where errors are so few "
    "that only a bound which holds for any kind of people can be given. An open mark at 0 means that "
    "no error was seen: the arrow runs to the highest rate these data still allow."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One group in a figure of rates."""

    label: str
    rate: Rate
    colour: str


@dataclass(frozen=True, slots=True)
class Line:
    """A thin line with its name."""

    value: float
    name: str


def false_matches(view: View) -> Figure | None:
    """The first picture: FMR by group at the operating threshold, worst first."""
    result, at = view.result, view.operating
    if result is None or at is None or not any(g.fmr.trials for g in result.groups):
        return None
    return rates_figure(
        view, result, "fmr", name="fmr-by-group",
        question=f"How often does it falsely match two different people of one group, at {view.value(at.threshold.value)}?",
        noun="comparisons", event="false matches",
        axis="False match rate (log scale)", lines=reference_lines(view),
    )  # fmt: skip


def false_non_matches(view: View) -> Figure | None:
    """FNMR by group, in the same order."""
    result, at = view.result, view.operating
    if result is None or at is None or not any(g.fnmr.trials for g in result.groups):
        return None
    overall = at.overall.fnmr.estimate
    return rates_figure(
        view, result, "fnmr", name="fnmr-by-group",
        question=f"How often does it miss that two images show the same person, at {view.value(at.threshold.value)}?",
        noun="comparisons of the same person", event="missed",
        axis="False non-match rate (log scale)",
        lines=[Line(overall, "everybody")] if overall else [],
    )  # fmt: skip


def other_grouping(view: View, grouping: str, index: int) -> Figure | None:
    """FMR by group of another division of the same people."""
    result = view.result_of(grouping)
    if result is None or not any(g.fmr.trials for g in result.groups):
        return None
    return rates_figure(
        view, result, "fmr", name=f"fmr-by-division-{index}",
        question=f"And when people are divided by {grouping} alone?",
        noun="comparisons", event="false matches",
        axis="False match rate (log scale)", lines=reference_lines(view),
    )  # fmt: skip


def failures_to_enrol(view: View) -> Figure | None:
    """FTE by group, in the order of the first picture."""
    label = view.grouping.label if view.grouping else ""
    enrolment = next((e for e in view.audit.enrolment if e.grouping == label), None)
    if enrolment is None or not any(g.fte.trials for g in enrolment.groups):
        return None
    place = {g.group: i for i, g in enumerate(view.groups)}
    groups = sorted(enrolment.groups, key=lambda g: place.get(g.group, len(place)))
    rows = [Row(g.group, g.fte, view.colour(g.group)) for g in groups]
    drawn, rule = pick(rows, ROWS)
    reasons = {g.group: ", ".join(f"{r.status} {r.images}" for r in g.reasons) for g in groups}
    table = rate_table(
        "Failures to enrol",
        [(r.label, r.rate) for r in rows],
        event="images failed",
        noun="images",
    )
    table = Table(
        table.caption, (*table.columns, Column("reasons", "Reasons")),
        tuple((*row, reasons[str(row[0])]) for row in table.rows),
    )  # fmt: skip
    failed = sum(r.rate.events for r in rows)
    total = sum(r.rate.trials for r in rows)
    worst = max(rows, key=lambda r: (r.rate.low or 0, r.rate.estimate or 0, r.rate.high or 0))
    finding = (
        f"{count(failed)} of {count(total)} images gave no template. "
        f"Highest: {quoted(worst.label)}, {say_rate(worst.rate, 'images')}."
        if failed
        else f"All {count(total)} images gave a template."
    )
    return Figure(
        name="failures-to-enrol", question="Whose images does it fail to read at all?",
        finding=finding, reading=rule,
        spec=lambda size: rate_rows(
            drawn, size, axis="Failure to enrol rate (log scale)", lines=[], event="failed", of="images"
        ),
        table=table,
    )  # fmt: skip


def support(view: View) -> Figure | None:
    """From which rate up each group can speak at all, and how many people it would take."""
    groups = [g for g in view.groups if g.smallest_rate is not None]
    at = view.operating
    if not groups or at is None:
        return None
    drawn, rule = pick(sorted(groups, key=lambda g: -(g.smallest_rate or 0.0)), ROWS)
    sizes = {
        g.group: view.people(view.grouping.label, g.group) if view.grouping else None
        for g in groups
    }
    pooled = at.overall.fmr.estimate
    silent = [g for g in groups if pooled and (g.smallest_rate or 0) > pooled]
    finding = (
        f"{count(len(silent))} of {count(len(groups))} groups are too small to tell the false match rate "
        f"of all pairs of people ({say_rate(at.overall.fmr)}) from zero."
        if pooled
        else "No false match was seen, so only the smallest rate each group could show can be given."
    )
    columns = (
        Column("group", "Group"), Column("people", "People", "count"),
        Column("smallest", "Smallest rate told from zero, %", "rate"),
        Column("needed", "People needed for the rate of all pairs", "count"),
    )  # fmt: skip
    return Figure(
        name="support", question="Which rates can so few people tell from zero?",
        finding=finding,
        reading=(
            "A bar covers the rates that a group of this size can tell from zero; of rates to its left "
            "these data can say nothing, whatever was observed. " + rule
        ).strip(),
        spec=lambda size: _support_rows(view, drawn, sizes, size),
        table=Table(
            "What each group can support", columns,
            tuple((g.group, sizes[g.group], g.smallest_rate, g.people_needed) for g in groups),
        ),
    )  # fmt: skip


def rates_figure(
    view: View, result: GroupingResult, which: str, *, name: str, question: str, noun: str,
    event: str, axis: str, lines: list[Line],
) -> Figure:  # fmt: skip
    """A figure of one rate of every group of one grouping."""
    rows = [Row(g.group, getattr(g, which), view.colour(g.group)) for g in result.groups]
    drawn, rule = pick(rows, ROWS)
    counted = [r for r in rows if r.rate.trials]
    top = max(counted, key=lambda r: (r.rate.low or 0, r.rate.estimate or 0, r.rate.high or 0))
    low = min(counted, key=lambda r: (r.rate.high if r.rate.high is not None else 1.0, r.label))
    finding = f"Most surely high: {quoted(top.label)}, {say_rate(top.rate, noun)}."
    if low.label != top.label:
        finding += f" Most surely low: {quoted(low.label)}, {say_rate(low.rate, noun)}."
    if not any(r.rate.events for r in rows):
        finding = (
            f"None was seen in any of {count(len(counted))} groups. The widest bound is that of "
            f"{quoted(max(counted, key=lambda r: r.rate.high or 1).label)}: "
            f"{say_rate(max(counted, key=lambda r: r.rate.high or 1).rate, noun)}."
        )
    return Figure(
        name=name, question=question, finding=finding, reading=" ".join((READING, rule)).strip(),
        spec=lambda size: rate_rows(
            drawn, size, axis=axis, lines=lines, event=event, of="comparisons"
        ),
        table=rate_table(question, [(r.label, r.rate) for r in rows], event=event, noun="comparisons"),
    )  # fmt: skip


def reference_lines(view: View) -> list[Line]:
    """The claimed rate and the rate of everybody at the operating threshold."""
    lines = []
    claimed = view.audit.settings.claimed_fmr
    if claimed:
        try:
            value = float(Decimal(claimed))
        except InvalidOperation:
            value = 0.0
        if 0 < value < 1:
            lines.append(Line(value, "claimed"))
    if view.operating is not None:
        overall = view.operating.overall.fmr.estimate
        if overall:
            lines.append(Line(overall, "all pairs of people"))
    return lines


def rate_table(caption: str, rates: Sequence[tuple[str, Rate]], *, event: str, noun: str) -> Table:
    """Every rate with its counts, its interval and what a binomial interval would have said."""
    level = f"{100 * (rates[0][1].level if rates else 0.95):g} %"
    columns = (
        Column("group", "Group"),
        Column("people", "People", "count"),
        Column("events", event.capitalize(), "count"),
        Column("trials", noun.capitalize(), "count"),
        Column("estimate", "Rate, %", "rate"),
        Column("low", f"{level} low, %", "rate"),
        Column("high", f"{level} high, %", "rate"),
        Column("effective_n", "Worth independent", "ratio"),
        Column("note", "Note"),
    )
    rows = tuple(
        (label, r.people, r.events, r.trials, r.estimate, r.low, r.high, r.effective_n, r.note)
        for label, r in rates
    )
    return Table(caption, columns, rows)


def rate_rows(
    rows: Sequence[Row], size: Size, *, axis: str, lines: Sequence[Line], event: str, of: str
) -> dict[str, Any]:
    """One line a group: mark, interval, counts at the right margin."""
    seen = [r.rate.estimate for r in rows] + [line.value for line in lines]
    bounds = [r.rate.low for r in rows if r.rate.supported] + [r.rate.high for r in rows]
    floor = log_floor([*seen, *bounds])
    step, first = (44, 30) if size.narrow else (26, 13)
    pad = (12, 22, 22, 46) if size.narrow else (160, 30, 158, 46)
    width = size.width - pad[0] - pad[2]
    height = step * len(rows) + (4 if size.narrow else 0)
    top = -16.0 if not size.narrow else -14.0
    at = [first + step * i for i in range(len(rows))]
    every = 1 if width / (1 - floor) >= 46 else 2
    x = {
        "field": "x", "type": "quantitative", "scale": log_scale(floor),
        "axis": log_axis(floor, title=axis, every=every),
    }  # fmt: skip
    layers: list[Spec] = [
        marks([{"x": 10.0 ** (floor - 1)}], {"type": "point", "opacity": 0}, x=x),
    ]
    for i, line in enumerate(sorted(lines, key=lambda line: line.value)):
        layers += line_at(
            line.name, x=log_position(line.value, floor, width), width=width,
            top=top - (0 if i % 2 else 14) + (0 if size.narrow else 0), bottom=height,
        )  # fmt: skip
    layers += _bars(rows, at, floor, width) + _points(rows, at, floor, width)
    layers += _margins(rows, at, width, pad[0], size, event, of)
    return frame(width, height, layers, pad=(pad[0], pad[1] + (14 if len(lines) > 1 else 0) + (4 if lines else 0), pad[2], pad[3]))  # fmt: skip


def _support_rows(
    view: View, groups: Sequence[GroupResult], sizes: dict[str, int | None], size: Size
) -> dict[str, Any]:
    lines = reference_lines(view)
    floor = log_floor([g.smallest_rate for g in groups] + [line.value for line in lines])
    step, first = (44, 30) if size.narrow else (26, 13)
    pad = (12, 46, 22, 46) if size.narrow else (160, 46, 158, 46)
    width, height = size.width - pad[0] - pad[2], step * len(groups)
    at = [first + step * i for i in range(len(groups))]
    x = {
        "field": "x", "type": "quantitative", "scale": log_scale(floor),
        "axis": log_axis(floor, title="False match rate (log scale)", every=1 if width / (1 - floor) >= 46 else 2),
    }  # fmt: skip
    layers: list[Spec] = [
        marks([{"x": 10.0 ** (floor - 1)}], {"type": "point", "opacity": 0}, x=x)
    ]
    bars = [
        {"x": log_position(g.smallest_rate, floor, width), "x2": width, "y": y - 4, "y2": y + 4, "colour": view.colour(g.group)}
        for g, y in zip(groups, at, strict=True)
    ]  # fmt: skip
    layers.append(
        marks(
            bars, {"type": "rect", "opacity": 1, "fillOpacity": 0.75}, x=pixels("x"), x2={"field": "x2"},
            y=pixels("y"), y2={"field": "y2"}, fill={"field": "colour", "type": "nominal", "scale": None},
        )
    )  # fmt: skip
    for i, line in enumerate(sorted(lines, key=lambda line: line.value)):
        layers += line_at(line.name, x=log_position(line.value, floor, width), width=width, top=-30 + 14 * (i % 2), bottom=height)  # fmt: skip
    people = [count(sizes[g.group] or 0) for g in groups]
    needed = [count(g.people_needed) if g.people_needed is not None else "–" for g in groups]
    if size.narrow:
        layers += halo([{"x": 0, "y": y - 17, "text": cut(g.group, 24)} for g, y in zip(groups, at, strict=True)], fontSize=13)  # fmt: skip
        layers += halo([{"x": width, "y": y - 17, "text": f"{p} people, need {n}"} for p, n, y in zip(people, needed, at, strict=True)], align="right", color=LIGHT["muted"])  # fmt: skip
    else:
        right = width + pad[2]
        layers += [
            text([{"x": -pad[0], "y": y, "text": cut(g.group, 24)} for g, y in zip(groups, at, strict=True)], fontSize=13),
            text([{"x": right - 66, "y": -12, "text": "people"}, {"x": right, "y": -12, "text": "needed"}], align="right", color=LIGHT["muted"]),
            text([{"x": right - 66, "y": y, "text": p} for p, y in zip(people, at, strict=True)], align="right"),
            text([{"x": right, "y": y, "text": n} for n, y in zip(needed, at, strict=True)], align="right"),
        ]  # fmt: skip
    return frame(width, height, layers, pad=pad)


def _bars(rows: Sequence[Row], at: Sequence[float], floor: int, width: float) -> list[Spec]:
    solid, dashed, arrows, heads = [], [], [], []
    for row, y in zip(rows, at, strict=True):
        r = row.rate
        if r.estimate is None or r.high is None or r.low is None:
            continue
        low, high = (log_position(v, floor, width) for v in (r.low, r.high))
        item = {"x": low, "x2": high, "y": y, "colour": row.colour}
        if r.events == 0:
            arrows.append(item)
            heads.append({**item, "x": high - 3, "shape": "triangle-right"})
        elif r.events == r.trials:
            arrows.append(item)
            heads.append({**item, "x": low + 3, "shape": "triangle-left"})
        else:
            (solid if r.supported else dashed).append(item)
    made = []
    for data, style in (
        (solid, {"strokeWidth": 2.5}),
        (dashed, {"strokeWidth": 2, "strokeDash": [4, 3]}),
        (arrows, {"strokeWidth": 1.25}),
    ):
        if data:
            made.append(
                marks(
                    data, {"type": "rule", **style}, x=pixels("x"), x2={"field": "x2"},
                    y=pixels("y"), color={"field": "colour", "type": "nominal", "scale": None},
                )
            )  # fmt: skip
    if heads:
        made.append(
            marks(
                heads, {"type": "point", "filled": True, "size": 44, "opacity": 1}, x=pixels("x"),
                y=pixels("y"), color={"field": "colour", "type": "nominal", "scale": None},
                shape={"field": "shape", "type": "nominal", "scale": None},
            )
        )  # fmt: skip
    return made


def _points(rows: Sequence[Row], at: Sequence[float], floor: int, width: float) -> list[Spec]:
    points, words = [], []
    for row, y in zip(rows, at, strict=True):
        if row.rate.estimate is None:
            words.append({"x": 4, "y": y, "text": "nothing was compared"})
            continue
        points.append(
            {
                "x": log_position(row.rate.estimate, floor, width), "y": y, "colour": row.colour,
                "fill": LIGHT["paper"] if row.rate.events in (0, row.rate.trials) else row.colour,
            }
        )  # fmt: skip
    made = []
    if points:
        made.append(
            marks(
                points, {"type": "point", "size": 90, "strokeWidth": 1.75, "opacity": 1},
                x=pixels("x"), y=pixels("y"),
                stroke={"field": "colour", "type": "nominal", "scale": None},
                fill={"field": "fill", "type": "nominal", "scale": None},
            )
        )  # fmt: skip
    if words:
        made.append(text(words, color=LIGHT["muted"]))
    return made


def _margins(
    rows: Sequence[Row], at: Sequence[float], width: float, left: float, size: Size, event: str, of: str
) -> list[Spec]:  # fmt: skip
    """Labels at the left, counts at the right; on a phone both stand above the bar."""
    counts = [f"{count(r.rate.events)} of {count(r.rate.trials)}" for r in rows]
    people = [f"{count(r.rate.people)}" for r in rows]
    if size.narrow:
        return [
            *halo([{"x": 0, "y": y - 17, "text": cut(r.label, 30)} for r, y in zip(rows, at, strict=True)], fontSize=13),
            *halo(
                [{"x": width, "y": y - 17, "text": c} for c, y in zip(counts, at, strict=True)],
                align="right", color=LIGHT["muted"],
            ),
        ]  # fmt: skip
    return [
        text([{"x": -left, "y": y, "text": cut(r.label, 24)} for r, y in zip(rows, at, strict=True)], fontSize=13),
        text(
            [{"x": width + 108, "y": -12, "text": event}, {"x": width + 158, "y": -12, "text": "people"}],
            align="right", color=LIGHT["muted"],
        ),
        text([{"x": width + 108, "y": y, "text": c} for c, y in zip(counts, at, strict=True)], align="right"),
        text([{"x": width + 158, "y": y, "text": p} for p, y in zip(people, at, strict=True)], align="right"),
    ]  # fmt: skip
