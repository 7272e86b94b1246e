"""From which rate up each group can speak at all, and how many people it would take."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.audit.report.drawing import (
    Drawing,
    LogScale,
)
from countenance.audit.report.figures.rates import reference_lines
from countenance.audit.report.figures.rows import (
    field,
    margins,
    named_lines,
)
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.view import ROWS, View, pick
from countenance.audit.sentences import count, say_rate
from countenance.audit.types import (
    GroupResult,
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
        f"match rate of all pairs of people ({say_rate(at.overall.fmr)}) from zero."
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
        Column("needed", "People needed for the rate within all groups", "count"),
        Column("alike", "The same, if people vary as here", "count"),
    )
    return Figure(
        name="data-support",
        question="Which rates can so few people tell from zero?",
        finding=finding,
        reading=(
            "A bar covers the rates that a group of this size can tell from zero; of rates to "
            "its left these data can say nothing, whatever was observed. People needed are for "
            "the false match rate within all these groups together. " + rule
        ).strip(),
        draw=lambda size: _support_rows(view, drawn, sizes, size),
        table=Table(
            "What each group can support",
            columns,
            tuple(
                (
                    g.group,
                    sizes[g.group],
                    g.smallest_rate,
                    g.people_needed,
                    g.people_needed_alike,
                )
                for g in groups
            ),
        ),
    )


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
