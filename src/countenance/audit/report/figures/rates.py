"""Rates by group, one line each: the first picture, and its siblings."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from countenance.audit.report.figures.rows import (
    Line,
    Row,
    rate_rows,
)
from countenance.audit.report.model import Column, Figure, Table
from countenance.audit.report.view import ROWS, View, pick
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import (
    GroupingResult,
    Rate,
)

READING = (
    "A filled mark is an estimate, the bar its interval; dashed where errors fell on so few "
    "people that the interval is wide to be safe. An open mark at 0 means that no error was "
    "seen: the arrow runs to the highest rate these data still allow."
)
AS_FIRST = "Marks as in the first picture."


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
        f"{count(failed)} of {count(total)} images gave no template. Highest: "
        f"{quoted(worst.label)}, {say_rate(worst.rate, 'images')}."
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


def _groups(n: int) -> str:
    return "the one group" if n == 1 else f"any of {count(n)} groups"
