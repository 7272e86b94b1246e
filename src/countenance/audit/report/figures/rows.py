"""One line a group: labels at the left, marks on a common axis, counts in the margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from countenance.audit.report.drawing import (
    MUTED,
    Drawing,
    LogScale,
    cut,
)
from countenance.audit.report.model import Size
from countenance.audit.sentences import count
from countenance.audit.types import (
    Rate,
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
