"""Between groups: the matrix of false match rates, and the ratios that can be stated."""

from __future__ import annotations

import math

from countenance.audit.report.drawing import HATCH, MUTED, Drawing, LinearScale, cut
from countenance.audit.report.figures.rates import rate_table
from countenance.audit.report.figures.rows import field, margins
from countenance.audit.report.model import Cell, Column, Figure, Size, Table
from countenance.audit.report.palette import HEAT, LIGHT
from countenance.audit.report.view import CELLS, View, pick
from countenance.audit.sentences import count, number, percent, quoted, say_rate
from countenance.audit.types import Differential, Rate, Ratio

#: Ends of the heat steps as multiples of the reference rate: three times either way is grey.
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
        f"The clearest high cell is {quoted(worst.probe)}"
        + (" within itself" if within else f" against {quoted(worst.reference)}")
        + f": {say_rate(worst.fmr)}."
    )
    table = rate_table(
        "False match rate by probe group and reference group",
        [(f"{c.probe} → {c.reference}", c.fmr) for c in result.cells],
        event="false matches",
        noun="comparisons",
    )
    columns = (
        Column("probe", "Probe group"),
        Column("reference", "Reference group"),
        *table.columns[1:],
    )
    rows: list[tuple[Cell, ...]] = [
        (c.probe, c.reference, *row[1:]) for c, row in zip(result.cells, table.rows, strict=True)
    ]
    return Figure(
        name="fmr-between-groups",
        question="Who is falsely matched with whom?",
        finding=finding,
        reading=(
            "Rows are the probe's group, columns the reference's, numbered as the rows. A cell "
            "holds false matches of comparisons; where there is no room, false matches alone. "
            + (
                "Colour is the rate against that of all pairs of people "
                f"({say_rate(at.overall.fmr)}): grey within three times of it. "
                if reference
                else ""
            )
            + "Hatched: too few errors for an estimate; no colour: no error seen. "
            + rule
        ).strip(),
        draw=lambda size: _heat_drawing(drawn, cells, reference, size),
        table=Table(table.caption, columns, tuple(rows)),
    )


def ratios(differential: Differential, level: float) -> Figure | None:
    """Pairwise ratios with intervals simultaneous over all pairs, at `level`."""
    if not differential.ratios:
        return None
    rows = sorted(differential.ratios, key=lambda r: -r.low)
    drawn = rows[:RATIO_ROWS]
    which = "false match rate" if differential.rate == "fmr" else "false non-match rate"
    top = rows[0]
    finding = (
        f"The clearest ratio is that of {quoted(top.a)} to {quoted(top.b)}: "
        f"{number(top.estimate, 2)} times (simultaneous {percent(level)} % interval "
        f"{number(top.low, 2)} to "
        f"{number(top.high, 2)})."
    )
    rule = (
        f"The {count(RATIO_ROWS)} of {count(len(rows))} pairs with the largest lower ends are "
        "drawn. "
        if len(rows) > RATIO_ROWS
        else ""
    )
    if differential.insufficient:
        names = ", ".join(quoted(g, 40) for g in differential.insufficient[:8])
        more = len(differential.insufficient) - 8
        rule += (
            "Not in any ratio, for want of errors: "
            f"{names}{f' and {count(more)} more' if more > 0 else ''}."
        )
    columns = (
        Column("a", "Group"),
        Column("b", "over group"),
        Column("ratio", "Ratio", "ratio"),
        Column("low", "low", "ratio"),
        Column("high", "high", "ratio"),
    )
    return Figure(
        name=f"ratios-{differential.rate}",
        question=f"By what factor do groups differ in {which}?",
        finding=finding,
        reading=(
            f"All intervals hold at once with {percent(level)} % confidence; one that lies "
            "wholly to the right of 1 shows a difference. " + rule
        ).strip(),
        draw=lambda size: _ratio_rows(drawn, size),
        table=Table(
            f"Ratios of {which}, every pair of groups with errors",
            columns,
            tuple((r.a, r.b, r.estimate, r.low, r.high) for r in rows),
        ),
    )


def measures_table(differential: Differential) -> Table:
    """The published summaries beside what chance alone would show."""
    columns = (
        Column("measure", "Measure"),
        Column("value", "Value", "ratio"),
        Column("floor_median", "Parity, median", "ratio"),
        Column("floor_p95", "Parity, 95th percentile", "ratio"),
        Column("p", "p", "p"),
        Column("note", "Source and remarks"),
    )
    which = "false match rates" if differential.rate == "fmr" else "false non-match rates"
    return Table(
        f"Published measures of how far apart {which} are",
        columns,
        tuple(
            (
                m.title,
                m.value,
                m.floor_median,
                m.floor_p95,
                m.p_value,
                f"{m.source}. {m.reason[:1].upper()}{m.reason[1:]}".strip(),
            )
            for m in differential.measures
        ),
    )


def _heat_drawing(
    groups: list[str], cells: dict[tuple[str, str], Rate], reference: float | None, size: Size
) -> Drawing:
    n = len(groups)
    left, gutter, lead = (12, 22, 20) if size.narrow else (176, 0, 0)
    width = size.width - left - 4
    side = (width - gutter) / n
    tall = min(40.0, max(26.0, side))
    drawing = Drawing(width, n * (tall + lead), left=left, top=24, right=4, bottom=54)
    for j in range(n):
        drawing.words(gutter + (j + 0.5) * side, -8, str(j + 1), anchor="middle", colour=MUTED)
    for i, probe in enumerate(groups):
        y = i * (tall + lead) + lead
        label = f"{i + 1}  {cut(probe, 40 if size.narrow else 22)}"
        if size.narrow:
            drawing.words(0, y - 9, label)
            drawing.words(2, y + tall / 2, str(i + 1), colour=MUTED)
        else:
            drawing.words(-left, y + tall / 2, label, size=13)
        for j, other in enumerate(groups):
            rate = cells.get((probe, other))
            x = gutter + j * side
            box = (x + 1, y + 1, x + side - 1, y + tall - 1)
            drawing.box(*box, fill=_heat(rate, reference), stroke=LIGHT["rule"])
            if rate is not None and rate.trials and not rate.supported:
                drawing.box(*box, fill=HATCH)
            drawing.words(
                x + side / 2,
                y + tall / 2,
                _cell_text(rate, side),
                anchor="middle",
                size=11 if side < 56 else 12,
            )
    if reference:
        _heat_key(drawing, reference)
    return drawing


def _heat_key(drawing: Drawing, reference: float) -> None:
    """The steps of colour, with the rates at which they change."""
    step = drawing.width / len(HEAT)
    y = drawing.height + 26
    drawing.words(0, y - 10, "False match rate", colour=MUTED)
    for i, colour in enumerate(HEAT):
        drawing.box(i * step, y, (i + 1) * step, y + 10, fill=colour)
    for i, multiple in enumerate(STEPS):
        if reference * multiple < 1:
            label = f"{percent(reference * multiple)} %"
            drawing.words((i + 1) * step, y + 20, label, anchor="middle", size=11, colour=MUTED)


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


def _ratio_rows(rows: list[Ratio], size: Size) -> Drawing:
    drawing, at = field(len(rows), size, lines=1, left=290, right=110)
    bottom = math.floor(math.log10(min([r.low for r in rows] + [1.0])) + 1e-9)
    top = max(math.ceil(math.log10(max([r.high for r in rows] + [1.0])) - 1e-9), bottom + 1)
    scale = LinearScale(bottom, top, drawing.width)
    every = max(1, math.ceil(40 * (top - bottom) / drawing.width))
    drawing.axis_below(
        [
            (scale.at(e), f"{number(10.0**e)}" if e % every == 0 else "")
            for e in range(bottom, top + 1)
        ],
        "Ratio (log scale)",
    )
    drawing.named_line(scale.at(0), "equal", top=-14)
    for row, y in zip(rows, at, strict=True):
        low, mid, high = (scale.at(math.log10(v)) for v in (row.low, row.estimate, row.high))
        drawing.rule(low, y, high, y, colour=LIGHT["accent"], width=2.5)
        drawing.dot(mid, y, colour=LIGHT["accent"])
    names = [f"{cut(r.a, 20)} over {cut(r.b, 20)}" for r in rows]
    if size.narrow:
        margins(drawing, size, at, names, {"": [number(r.estimate, 2) for r in rows]})
        return drawing
    for row, name, y in zip(rows, names, at, strict=True):
        said = f"{number(row.estimate, 2)} ({number(row.low, 2)}–{number(row.high, 2)})"
        drawing.words(-drawing.left, y, name)
        drawing.words(drawing.width + drawing.right, y, said, anchor="end")
    return drawing
