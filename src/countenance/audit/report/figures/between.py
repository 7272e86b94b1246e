"""Between groups: the matrix of false match rates, and the ratios that can be stated."""

from __future__ import annotations

import math
from typing import Any

from countenance.audit.report.figures.rates import rate_table
from countenance.audit.report.model import Cell, Column, Figure, Size, Table
from countenance.audit.report.palette import HEAT, LIGHT
from countenance.audit.report.vega import (
    Spec,
    cut,
    frame,
    halo,
    line_at,
    marks,
    pixels,
    text,
)
from countenance.audit.report.view import CELLS, View, pick
from countenance.audit.sentences import count, number, percent, quoted, say_rate
from countenance.audit.types import Differential, Rate, Ratio

#: Upper ends of the heat steps, as multiples of the reference rate: three times either way is grey.
STEPS = (0.1, 1 / 3, 3.0, 10.0, 30.0)
RATIO_ROWS = 15


def heatmap(view: View) -> Figure | None:
    """FMR of probes of each group against references of each, against the rate of all pairs."""
    result, at = view.result, view.operating
    if result is None or at is None or not any(c.fmr.trials for c in result.cells):
        return None
    reference = at.overall.fmr.estimate
    order = [g.group for g in result.groups]
    drawn, rule = pick(order, CELLS)
    cells = {(c.probe, c.reference): c.fmr for c in result.cells}
    worst = max(
        (c for c in result.cells if c.fmr.trials),
        key=lambda c: (c.fmr.low or 0, c.fmr.estimate or 0),
    )
    within = worst.probe == worst.reference
    finding = (
        f"The most surely high cell is {quoted(worst.probe)}"
        + (" within itself" if within else f" against {quoted(worst.reference)}")
        + f": {say_rate(worst.fmr)}."
    )
    table = rate_table(
        "False match rate by probe group and reference group",
        [(f"{c.probe} → {c.reference}", c.fmr) for c in result.cells], event="false matches", noun="comparisons",
    )  # fmt: skip
    columns = (
        Column("probe", "Probe group"),
        Column("reference", "Reference group"),
        *table.columns[1:],
    )
    rows: list[tuple[Cell, ...]] = [
        (c.probe, c.reference, *row[1:]) for c, row in zip(result.cells, table.rows, strict=True)
    ]
    return Figure(
        name="fmr-between-groups", question="Who is falsely matched with whom?",
        finding=finding,
        reading=(
            "Rows are the probe's group, columns the reference's, numbered as the rows; each cell holds "
            "false matches of comparisons. "
            + (
                f"Colour is the rate against that of all pairs of people "
                f"({say_rate(at.overall.fmr)}): grey within three times of it. "
                if reference
                else ""
            )
            + "Hatched: too few errors for an estimate; no colour: no error seen. " + rule
        ).strip(),
        spec=lambda size: _heat_spec(drawn, cells, reference, size),
        table=Table(table.caption, columns, tuple(rows)),
    )  # fmt: skip


def ratios(view: View, differential: Differential) -> Figure | None:
    """Pairwise ratios with intervals simultaneous over all pairs."""
    if not differential.ratios:
        return None
    rows = sorted(differential.ratios, key=lambda r: -r.low)
    drawn = rows[:RATIO_ROWS]
    which = "false match rate" if differential.rate == "fmr" else "false non-match rate"
    top = rows[0]
    finding = (
        f"The ratio that is most surely large is that of {quoted(top.a)} to {quoted(top.b)}: "
        f"{number(top.estimate, 2)} times (simultaneous 95 % interval {number(top.low, 2)} to {number(top.high, 2)})."
    )
    rule = (
        f"The {count(RATIO_ROWS)} of {count(len(rows))} pairs with the largest lower ends are drawn. "
        if len(rows) > RATIO_ROWS
        else ""
    )
    if differential.insufficient:
        names = ", ".join(quoted(g, 40) for g in differential.insufficient[:8])
        more = len(differential.insufficient) - 8
        rule += f"Not in any ratio, for want of errors: {names}{f' and {count(more)} more' if more > 0 else ''}."
    columns = (
        Column("a", "Group"), Column("b", "over group"), Column("ratio", "Ratio", "ratio"),
        Column("low", "low", "ratio"), Column("high", "high", "ratio"),
    )  # fmt: skip
    return Figure(
        name=f"ratios-{differential.rate}", question=f"How many times one group's {which} is another's",
        finding=finding,
        reading=(
            "All intervals hold at once with 95 % confidence; one that lies wholly to the right of 1 shows "
            "a difference. " + rule
        ).strip(),
        spec=lambda size: _ratio_rows(drawn, size),
        table=Table(
            f"Ratios of {which}, every pair with enough errors", columns,
            tuple((r.a, r.b, r.estimate, r.low, r.high) for r in rows),
        ),
    )  # fmt: skip


def measures_table(differential: Differential) -> Table:
    """The published summaries beside what chance alone would show."""
    columns = (
        Column("measure", "Measure"), Column("value", "Value", "ratio"),
        Column("floor_median", "Parity: median", "ratio"), Column("floor_p95", "Parity: 95th percentile", "ratio"),
        Column("p", "p", "p"), Column("source", "Source"), Column("reason", "Why not"),
    )  # fmt: skip
    which = "false match rates" if differential.rate == "fmr" else "false non-match rates"
    return Table(
        f"Published measures of how far apart {which} are", columns,
        tuple(
            (m.title, m.value, m.floor_median, m.floor_p95, m.p_value, m.source, m.reason)
            for m in differential.measures
        ),
    )  # fmt: skip


def _heat_spec(
    groups: list[str], cells: dict[tuple[str, str], Rate], reference: float | None, size: Size
) -> dict[str, Any]:
    n = len(groups)
    pad = (12, 24, 4, 78) if size.narrow else (176, 24, 4, 54)
    gutter = 22 if size.narrow else 0
    width = size.width - pad[0] - pad[2]
    side = (width - gutter) / n
    tall = min(side, 40.0) if not size.narrow else max(26.0, min(side, 40.0))
    lead = 20 if size.narrow else 0
    rects, hatch, words = [], [], []
    for i, probe in enumerate(groups):
        for j, other in enumerate(groups):
            rate = cells.get((probe, other))
            x, y = gutter + j * side, i * (tall + lead) + lead
            box = {"x": x + 1, "x2": x + side - 1, "y": y + 1, "y2": y + tall - 1}
            rects.append({**box, "fill": _heat(rate, reference)})
            if rate is not None and rate.trials and not rate.supported:
                hatch.append(box)
            words.append({"x": x + side / 2, "y": y + tall / 2, "text": _cell_text(rate, side)})
    layers: list[Spec] = [
        marks(
            rects, {"type": "rect", "stroke": LIGHT["rule"], "strokeWidth": 1}, x=pixels("x"),
            x2={"field": "x2"}, y=pixels("y"), y2={"field": "y2"},
            fill={"field": "fill", "type": "nominal", "scale": None},
        )
    ]  # fmt: skip
    if hatch:
        layers.append(
            marks(
                hatch, {"type": "rect", "fill": "url(#hatch)", "strokeWidth": 0}, x=pixels("x"),
                x2={"field": "x2"}, y=pixels("y"), y2={"field": "y2"},
            )
        )  # fmt: skip
    layers.append(text(words, align="center", fontSize=11 if side < 56 else 12))
    middle = [i * (tall + lead) + lead for i in range(n)]
    labels = [f"{i + 1}  {cut(g, 22 if not size.narrow else 40)}" for i, g in enumerate(groups)]
    if size.narrow:
        layers.append(
            text(
                [
                    {"x": 0, "y": y - 9, "text": label}
                    for y, label in zip(middle, labels, strict=True)
                ]
            )
        )
        layers.append(text([{"x": 2, "y": y + tall / 2, "text": str(i + 1)} for i, y in enumerate(middle)], color=LIGHT["muted"]))  # fmt: skip
    else:
        layers.append(text([{"x": -pad[0], "y": y + tall / 2, "text": label} for y, label in zip(middle, labels, strict=True)], fontSize=13))  # fmt: skip
    layers.append(
        text(
            [{"x": gutter + (j + 0.5) * side, "y": -8, "text": str(j + 1)} for j in range(n)],
            align="center", color=LIGHT["muted"],
        )
    )  # fmt: skip
    height = n * (tall + lead)
    if reference:
        layers += _heat_key(width, height, reference, size)
    return frame(width, height, layers, pad=pad)


def _heat_key(width: float, height: float, reference: float, size: Size) -> list[Spec]:
    """The steps of colour, with the rates at which they change."""
    step = (width - 4) / len(HEAT)
    y = height + (30 if size.narrow else 26)
    rects = [
        {"x": i * step, "x2": (i + 1) * step, "y": y, "y2": y + 10, "fill": c}
        for i, c in enumerate(HEAT)
    ]
    words = [
        {"x": (i + 1) * step, "y": y + 20, "text": f"{percent(min(reference * s, 1.0))} %"}
        for i, s in enumerate(STEPS) if reference * s < 1
    ]  # fmt: skip
    return [
        text([{"x": 0, "y": y - 9, "text": "False match rate"}], color=LIGHT["muted"]),
        marks(
            rects, {"type": "rect", "strokeWidth": 0}, x=pixels("x"), x2={"field": "x2"},
            y=pixels("y"), y2={"field": "y2"}, fill={"field": "fill", "type": "nominal", "scale": None},
        ),
        text(words, align="center", color=LIGHT["muted"], fontSize=11),
    ]  # fmt: skip


def _heat(rate: Rate | None, reference: float | None) -> str:
    if rate is None or not rate.events or rate.estimate is None or not reference:
        return LIGHT["paper"]
    multiple = rate.estimate / reference
    return HEAT[sum(multiple > s for s in STEPS)]


def _cell_text(rate: Rate | None, side: float) -> str:
    if rate is None or not rate.trials:
        return "–"
    if side >= 50:
        return f"{rate.events}/{rate.trials}" if rate.trials < 10_000 else f"{rate.events}"
    return str(rate.events)


def _ratio_rows(rows: list[Ratio], size: Size) -> dict[str, Any]:
    low = min([r.low for r in rows] + [1.0])
    high = max([r.high for r in rows] + [1.0])
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    top = max(top, bottom + 1)
    step, first = (44, 30) if size.narrow else (26, 13)
    pad = (12, 26, 22, 46) if size.narrow else (290, 26, 110, 46)
    width, height = size.width - pad[0] - pad[2], step * len(rows)
    at = [first + step * i for i in range(len(rows))]

    def position(value: float) -> float:
        return width * (math.log10(value) - bottom) / (top - bottom)

    x = {
        "field": "x", "type": "quantitative",
        "scale": {"type": "log", "domain": [10.0**bottom, 10.0**top], "nice": False},
        "axis": {
            "title": "Ratio (log scale)", "values": [10.0**e for e in range(bottom, top + 1)],
            "labelExpr": "datum.value >= 1 ? format(datum.value, ',.0f') : format(datum.value, '~g')",
        },
    }  # fmt: skip
    bars = [{"x": position(r.low), "x2": position(r.high), "p": position(r.estimate), "y": y} for r, y in zip(rows, at, strict=True)]  # fmt: skip
    names = [f"{cut(r.a, 20)} over {cut(r.b, 20)}" for r in rows]
    said = [f"{number(r.estimate, 2)} ({number(r.low, 2)}–{number(r.high, 2)})" for r in rows]
    layers: list[Spec] = [
        marks([{"x": 10.0**bottom}], {"type": "point", "opacity": 0}, x=x),
        *line_at("equal", x=position(1.0), width=width, top=-12, bottom=height),
        marks(bars, {"type": "rule", "strokeWidth": 2.5, "color": LIGHT["accent"]}, x=pixels("x"), x2={"field": "x2"}, y=pixels("y")),
        marks(bars, {"type": "point", "filled": True, "size": 80, "color": LIGHT["accent"], "opacity": 1}, x=pixels("p"), y=pixels("y")),
    ]  # fmt: skip
    if size.narrow:
        layers += halo(
            [{"x": 0, "y": y - 17, "text": cut(t, 34)} for t, y in zip(names, at, strict=True)]
        )
        layers += halo([{"x": width, "y": y - 17, "text": t} for t, y in zip([number(r.estimate, 2) for r in rows], at, strict=True)], align="right", color=LIGHT["muted"])  # fmt: skip
    else:
        layers += [
            text([{"x": -pad[0], "y": y, "text": t} for t, y in zip(names, at, strict=True)]),
            text([{"x": width + pad[2], "y": y, "text": t} for t, y in zip(said, at, strict=True)], align="right"),
        ]  # fmt: skip
    return frame(width, height, layers, pad=pad)
