"""The threshold each group would need, and what everybody would pay for it."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.audit.report.drawing import (
    MUTED,
    Drawing,
    LinearScale,
)
from countenance.audit.report.figures.rows import (
    field,
    margins,
    named_lines,
    of,
)
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.view import ROWS, View, pick
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import (
    GroupThreshold,
)


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
            f"of {count(len(reached))} {'group' if len(reached) == 1 else 'groups'} that can be "
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
        Column("events", "False matches", "count"),
        Column("trials", "Comparisons", "count"),
        Column("fnmr_events", "Everybody missed", "count"),
        Column("fnmr_trials", "of mated", "count"),
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
            "so the price at the right is the misses among everybody if that threshold were the "
            "one deployed. An open mark: no false match of the group is left there, because it "
            "has too few comparisons "
            "for the target to be met otherwise. " + rule
        ).strip(),
        draw=lambda size: _needed_rows(view, drawn, lines, size, f"{view.unit} ({stricter})"),
        table=table,
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
