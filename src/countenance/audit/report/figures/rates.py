"""Rates by group, one line each: the first picture, and its siblings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from countenance.audit.report.drawing import MUTED, Drawing, LogScale, cut
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.view import ROWS, View, pick
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import GroupingResult, GroupResult, Rate

READING = (
    "A filled mark is an estimate; the bar through it is its interval, dashed where errors are "
    "so few "
    "that only a bound which holds for any kind of people can be given. An open mark at 0 means "
    "that "
    "no error was seen: the arrow runs to the highest rate these data still allow."
)
AS_FIRST = "Marks as in the first picture."


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
        view,
        result,
        "fmr",
        name="fmr-by-group",
        question=(
            "How often does it falsely match two different people of one group, at "
            f"{view.value(at.threshold.value)}?"
        ),
        noun="comparisons",
        event="false matches",
        axis="False match rate (log scale)",
        lines=reference_lines(view),
        first=True,
    )


def false_non_matches(view: View) -> Figure | None:
    """FNMR by group, in the same order."""
    result, at = view.result, view.operating
    if result is None or at is None or not any(g.fnmr.trials for g in result.groups):
        return None
    overall = at.overall.fnmr.estimate
    return rates_figure(
        view,
        result,
        "fnmr",
        name="fnmr-by-group",
        question=(
            "How often does it miss that two images show the same person, at "
            f"{view.value(at.threshold.value)}?"
        ),
        noun="comparisons of the same person",
        event="missed",
        axis="False non-match rate (log scale)",
        lines=[Line(overall, "everybody")] if overall else [],
    )


def other_grouping(view: View, grouping: str, index: int) -> Figure | None:
    """FMR by group of another division of the same people."""
    result = view.result_of(grouping)
    if result is None or not any(g.fmr.trials for g in result.groups):
        return None
    return rates_figure(
        view,
        result,
        "fmr",
        name=f"fmr-by-division-{index}",
        question=f"And when people are divided by {grouping} alone?",
        noun="comparisons",
        event="false matches",
        axis="False match rate (log scale)",
        lines=reference_lines(view),
    )


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
        table.caption,
        (*table.columns, Column("reasons", "Reasons")),
        tuple((*row, reasons[str(row[0])]) for row in table.rows),
    )
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
        name="failures-to-enrol",
        question="Whose images does it fail to read at all?",
        finding=finding,
        reading=f"{AS_FIRST} {rule}".strip(),
        draw=lambda size: rate_rows(
            drawn, size, axis="Failure to enrol rate (log scale)", lines=[], event="failed"
        ),
        table=table,
    )


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
        f"{count(len(silent))} of {count(len(groups))} groups are too small to tell the false "
        "match rate "
        f"of all pairs of people ({say_rate(at.overall.fmr)}) from zero."
        if pooled
        else (
            "No false match was seen, so only the smallest rate each group could show can be "
            "given."
        )
    )
    columns = (
        Column("group", "Group"),
        Column("people", "People", "count"),
        Column("smallest", "Smallest rate told from zero, %", "rate"),
        Column("needed", "People needed for the rate of all pairs", "count"),
    )
    return Figure(
        name="data-support",
        question="Which rates can so few people tell from zero?",
        finding=finding,
        reading=(
            "A bar covers the rates that a group of this size can tell from zero; of rates to "
            "its left "
            "these data can say nothing, whatever was observed. " + rule
        ).strip(),
        draw=lambda size: _support_rows(view, drawn, sizes, size),
        table=Table(
            "What each group can support",
            columns,
            tuple((g.group, sizes[g.group], g.smallest_rate, g.people_needed) for g in groups),
        ),
    )


def rates_figure(
    view: View,
    result: GroupingResult,
    which: str,
    *,
    name: str,
    question: str,
    noun: str,
    event: str,
    axis: str,
    lines: list[Line],
    first: bool = False,
) -> Figure:
    """A figure of one rate of every group of one grouping."""
    rows = [Row(g.group, getattr(g, which), view.colour(g.group)) for g in result.groups]
    drawn, rule = pick(rows, ROWS)
    counted = [r for r in rows if r.rate.trials]
    top = max(counted, key=lambda r: (r.rate.low or 0, r.rate.estimate or 0, r.rate.high or 0))
    low = min(counted, key=lambda r: (r.rate.high if r.rate.high is not None else 1.0, r.label))
    finding = f"Clearest high rate: {quoted(top.label)}, {say_rate(top.rate, noun)}."
    if low.label != top.label:
        finding += f" Clearest low rate: {quoted(low.label)}, {say_rate(low.rate, noun)}."
    if not any(r.rate.events for r in rows):
        widest = max(counted, key=lambda r: 1.0 if r.rate.high is None else r.rate.high)
        finding = (
            f"No such error was seen in {_groups(len(counted))}. The widest bound is that of "
            f"{quoted(widest.label)}: {say_rate(widest.rate, noun)}."
        )
    return Figure(
        name=name,
        question=question,
        finding=finding,
        reading=" ".join((READING if first else AS_FIRST, rule)).strip(),
        draw=lambda size: rate_rows(drawn, size, axis=axis, lines=lines, event=event),
        table=rate_table(
            question, [(r.label, r.rate) for r in rows], event=event, noun="comparisons"
        ),
    )


def _groups(n: int) -> str:
    return "the one group" if n == 1 else f"any of {count(n)} groups"


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
        Column("low", f"{level} low, %", "low"),
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
    rows: Sequence[Row],
    size: Size,
    *,
    axis: str,
    lines: Sequence[Line],
    event: str,
) -> Drawing:
    """One line a group: mark, interval, counts at the right margin."""
    drawing, at = field(len(rows), size, lines=len(lines))
    seen = [r.rate.estimate for r in rows] + [line.value for line in lines]
    bounds = [r.rate.low for r in rows if r.rate.supported] + [r.rate.high for r in rows]
    scale = LogScale.of([*seen, *bounds], drawing.width)
    drawing.axis_below(scale.ticks(), axis)
    named_lines(drawing, [(scale.at(line.value), line.name) for line in lines])
    for row, y in zip(rows, at, strict=True):
        _rate(drawing, row, y, scale)
    margins(
        drawing,
        size,
        at,
        [r.label for r in rows],
        {
            event: [of(r.rate) for r in rows],
            "people": [count(r.rate.people) for r in rows],
        },
    )
    return drawing


def field(
    rows: int, size: Size, *, lines: int = 0, left: float = 168, right: float = 150
) -> tuple[Drawing, list[float]]:
    """A drawing for one line a group, and where the lines are.

    On a phone the label and the first count stand above the line, so the field is as wide as the
    screen.
    """
    step, first = (44, 30) if size.narrow else (26, 13)
    if size.narrow:
        left, right = 12, 22
    top = (8 if size.narrow else 24) + (30 if lines > 1 else 16 if lines else 0)
    drawing = Drawing(
        size.width - left - right, step * rows, left=left, right=right, top=top, bottom=42
    )
    return drawing, [first + step * i for i in range(rows)]


def named_lines(drawing: Drawing, lines: Sequence[tuple[float, str]]) -> None:
    """Thin lines with their names on two levels, so that neighbours do not collide."""
    for i, (x, name) in enumerate(sorted(lines)):
        drawing.named_line(x, name, top=-14 - 14 * ((i + 1) % 2) if len(lines) > 1 else -14)


def margins(
    drawing: Drawing,
    size: Size,
    at: Sequence[float],
    labels: Sequence[str],
    columns: dict[str, list[str]],
) -> None:
    """Labels at the left and columns of counts at the right; on a phone, above the line."""
    if size.narrow:
        first = next(iter(columns.values()))
        for y, label, counted in zip(at, labels, first, strict=True):
            room = 44 - len(counted)
            drawing.words(0, y - 17, cut(label, room), size=13, halo=True)
            drawing.words(drawing.width, y - 17, counted, anchor="end", colour=MUTED, halo=True)
        return
    for y, label in zip(at, labels, strict=True):
        drawing.words(-drawing.left, y, cut(label, 24), size=13)
    right = drawing.width + drawing.right
    for head, cells in reversed(columns.items()):
        drawing.words(right, -11, head, anchor="end", colour=MUTED)
        for y, cell in zip(at, cells, strict=True):
            drawing.words(right, y, cell, anchor="end")
        right -= 12 + 6.6 * max(len(head), *(len(c) for c in cells), 6)


def of(rate: Rate | None) -> str:
    """The counts of a rate, in the margin's form."""
    if rate is None or not rate.trials:
        return "–"
    return f"{count(rate.events)} of {count(rate.trials)}"


def _rate(drawing: Drawing, row: Row, y: float, scale: LogScale) -> None:
    """The interval and the mark of one group."""
    r = row.rate
    if r.estimate is None:
        drawing.words(4, y, "nothing was compared", colour=MUTED, halo=True)
        return
    some = 0 < r.events < r.trials
    if r.low is not None and r.high is not None:
        low, high = scale.at(r.low), scale.at(r.high)
        width = (2.5 if r.supported else 2) if some else 1.25
        drawing.rule(
            low,
            y,
            high,
            y,
            colour=row.colour,
            width=width,
            dash=(4, 3) if some and not r.supported else (),
        )
        if r.events == 0:
            drawing.dot(high - 3, y, colour=row.colour, shape="right", size=3.5)
        elif not some:
            drawing.dot(low + 3, y, colour=row.colour, shape="left", size=3.5)
    drawing.dot(scale.at(r.estimate), y, colour=row.colour, filled=some)


def _support_rows(
    view: View, groups: Sequence[GroupResult], sizes: dict[str, int | None], size: Size
) -> Drawing:
    lines = reference_lines(view)
    drawing, at = field(len(groups), size, lines=len(lines), right=130)
    scale = LogScale.of(
        [g.smallest_rate for g in groups] + [line.value for line in lines], drawing.width
    )
    drawing.axis_below(scale.ticks(), "False match rate (log scale)")
    for group, y in zip(groups, at, strict=True):
        drawing.box(
            scale.at(group.smallest_rate),
            y - 4,
            drawing.width,
            y + 4,
            fill=view.colour(group.group),
            opacity=0.75,
        )
    named_lines(drawing, [(scale.at(line.value), line.name) for line in lines])
    people = [count(sizes[g.group] or 0) for g in groups]
    needed = [count(g.people_needed) if g.people_needed is not None else "–" for g in groups]
    columns = (
        {"": [f"{p} people, need {n}" for p, n in zip(people, needed, strict=True)]}
        if size.narrow
        else {"people": people, "needed": needed}
    )
    margins(drawing, size, at, [g.group for g in groups], columns)
    return drawing
