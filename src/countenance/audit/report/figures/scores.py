"""Scores: their distributions by group, the tail at the threshold, and who carries false matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.vega import Spec, cut, frame, halo, line_at, marks, pixels, text
from countenance.audit.report.view import PANELS, View, group_name, pick
from countenance.audit.sentences import count, number, quoted, say_rate
from countenance.audit.types import Distribution

BINS = 64


def distributions(view: View) -> Figure | None:
    """Non-mated scores above the line of each group, mated below it."""
    rows = [d for d in view.distributions() if sum(d.nonmated) + sum(d.mated)]
    if not rows:
        return None
    drawn, rule = pick(rows, PANELS)
    with_quantiles = [d for d in rows if d.nonmated_quantiles]
    finding = "Scores of comparisons of different people and of the same person, by group."
    if len(with_quantiles) > 1:
        ordered = sorted(with_quantiles, key=lambda d: (d.nonmated_quantiles or (0.0,) * 5)[2])
        if view.lower_is_stricter:
            ordered.reverse()
        low, high = ordered[0], ordered[-1]
        side = "below" if view.lower_is_stricter else "above"
        finding = (
            f"Half of the comparisons of different people labelled {quoted(high.group)} score {side} "
            f"{number((high.nonmated_quantiles or ())[2], 3)}; labelled {quoted(low.group)}, {side} "
            f"{number((low.nonmated_quantiles or ())[2], 3)}."
        )
    columns = [
        Column("group", "Group"),
        Column("kind", "Comparisons of"),
        Column("n", "Comparisons", "count"),
    ]
    columns += [Column(f"q{q}", f"{q} %", "value") for q in ("1", "5", "50", "95", "99.9")]
    table_rows = []
    for d in rows:
        for kind, counts, quantiles in (
            ("different people", d.nonmated, d.nonmated_quantiles), ("the same person", d.mated, d.mated_quantiles),
        ):  # fmt: skip
            table_rows.append((d.group, kind, sum(counts), *(quantiles or (None,) * 5)))
    return Figure(
        name="score-distributions", question="How do the scores of each group lie?",
        finding=finding,
        reading=(
            "Above each line: comparisons of different people of the group; below it, paler: of the same "
            "person. Each half is scaled to its own highest bar. " + rule
        ).strip(),
        spec=lambda size: _ridges(view, drawn, size),
        table=Table(f"Quantiles of {view.unit}", tuple(columns), tuple(table_rows)),
    )  # fmt: skip


def tail(view: View) -> Figure | None:
    """The non-mated scores near the threshold, all groups on one scale."""
    at = view.operating
    rows = [d for d in view.distributions() if sum(d.nonmated)]
    if not rows or at is None or at.threshold.value is None:
        return None
    line = at.threshold.value
    drawn, rule = pick(rows, PANELS)
    low, high = _window(rows, line, lower=view.lower_is_stricter)
    rates = [(g.group, g.fmr) for g in view.groups if g.fmr.trials] or [("", at.overall.fmr)]
    group, rate = max(rates, key=lambda item: item[1].estimate or 0.0)
    finding = (
        f"The largest share at or beyond the threshold is that of {quoted(group_name(group))}: "
        f"{say_rate(rate)}."
    )
    columns = (
        Column("group", "Group"), Column("from", "Score from", "value"), Column("to", "to", "value"),
        Column("comparisons", "Comparisons", "count"), Column("of", "of all", "count"),
    )  # fmt: skip
    table_rows = tuple(
        (d.group, a, b, c, sum(d.nonmated))
        for d in rows for a, b, c in zip(d.edges, d.edges[1:], d.nonmated, strict=False)
        if c and b > low and a < high
    )  # fmt: skip
    return Figure(
        name="score-tail", question="How many comparisons of different people come near the threshold?",
        finding=finding,
        reading=(
            "Only the end of the distribution that matters; every group is drawn as shares of its own "
            "comparisons on one common scale. " + rule
        ).strip(),
        spec=lambda size: _tail_rows(view, drawn, line, low, high, size),
        table=Table("Non-mated scores near the threshold", columns, table_rows),
    )  # fmt: skip


def concentration(view: View) -> Figure | None:
    """Share of false matches carried by the people who carry the most."""
    at = view.operating
    if at is None or not at.concentration.shares:
        return None
    c = at.concentration
    half = next((i + 1 for i, s in enumerate(c.shares) if s >= 0.5), c.people)
    finding = (
        f"{count(half)} of {count(c.people)} people carry half of all false matches; one person is in "
        f"{count(c.most)}; {count(c.people - c.people_in_any)} of {count(c.people)} are in none."
    )
    picked = sorted(
        {1, 2, 3, 5, 10, 20, 50, half, c.people_in_any} & set(range(1, len(c.shares) + 1))
    )
    columns = (
        Column("people", "People who carry the most", "count"), Column("of", "of", "count"),
        Column("share", "Share of all false matches, %", "rate"),
    )  # fmt: skip
    return Figure(
        name="concentration", question="Do the false matches fall on a few people?",
        finding=finding,
        reading="Each false match counts for both of its people. The thin line is an even spread.",
        spec=lambda size: _lorenz(c.people, c.shares, half, size),
        table=Table("Concentration of false matches", columns, tuple((n, c.people, c.shares[n - 1]) for n in picked)),
    )  # fmt: skip


def _ridges(view: View, rows: Sequence[Distribution], size: Size) -> dict[str, Any]:
    step = 62
    pad = (12, 34, 22, 46) if size.narrow else (160, 34, 84, 46)
    width, height = size.width - pad[0] - pad[2], step * len(rows) + 10
    low = min(d.edges[0] for d in rows)
    high = max(d.edges[-1] for d in rows)
    span = (high - low) or 1.0
    layers: list[Spec] = [_value_axis(view, low, low + span)]
    if view.operating is not None and view.operating.threshold.value is not None:
        x = width * (view.operating.threshold.value - low) / span
        if 0 <= x <= width:
            layers += line_at("threshold", x=x, width=width, top=-16, bottom=height)
    for i, d in enumerate(rows):
        base = 42 + step * i
        colour = view.colour(d.group)
        for counts, reach, opacity in ((d.nonmated, -26.0, 0.75), (d.mated, 20.0, 0.35)):
            top = max(counts, default=0)
            if not top:
                continue
            points = [
                {"x": width * (x - low) / span, "y": base, "b": base + reach * c / top}
                for x, c in _outline(d.edges, counts)
            ]
            layers.append(
                marks(
                    points, {"type": "area", "color": colour, "opacity": 1, "fillOpacity": opacity},
                    x=pixels("x"), y=pixels("y"), y2={"field": "b"},
                )
            )  # fmt: skip
        layers.append(marks([{"x": 0, "x2": width, "y": base}], {"type": "rule", "strokeWidth": 0.75, "color": LIGHT["line"]}, x=pixels("x"), x2={"field": "x2"}, y=pixels("y")))  # fmt: skip
    layers += _row_labels(
        rows, [42 + step * i for i in range(len(rows))], width, pad, size, "non-mated"
    )
    return frame(width, height, layers, pad=pad)


def _tail_rows(
    view: View, rows: Sequence[Distribution], line: float, low: float, high: float, size: Size
) -> dict[str, Any]:
    step = 52 if size.narrow else 40
    pad = (12, 34, 22, 46) if size.narrow else (160, 34, 84, 46)
    width, height = size.width - pad[0] - pad[2], step * len(rows) + 4
    span = high - low
    shares = {
        d.group: [(a, b, c / sum(d.nonmated)) for a, b, c in zip(d.edges, d.edges[1:], d.nonmated, strict=False) if b > low and a < high]
        for d in rows
    }  # fmt: skip
    top = max((s for bars in shares.values() for _, _, s in bars), default=0) or 1.0
    x = width * (line - low) / span
    layers: list[Spec] = [
        _value_axis(view, low, high),
        *line_at("threshold", x=x, width=width, top=-16, bottom=height),
    ]
    reach = step - (22 if size.narrow else 10)
    for i, d in enumerate(rows):
        base = step * (i + 1) - 2
        bars = [
            {
                "x": width * max(0.0, a - low) / span, "x2": width * min(span, b - low) / span, "y": base,
                "y2": base - max(1.0, reach * s / top),
            }
            for a, b, s in shares[d.group] if s
        ]  # fmt: skip
        layers.append(marks([{"x": 0, "x2": width, "y": base}], {"type": "rule", "strokeWidth": 0.75, "color": LIGHT["line"]}, x=pixels("x"), x2={"field": "x2"}, y=pixels("y")))  # fmt: skip
        if bars:
            layers.append(
                marks(
                    bars, {"type": "rect", "color": view.colour(d.group), "opacity": 1}, x=pixels("x"),
                    x2={"field": "x2"}, y=pixels("y"), y2={"field": "y2"},
                )
            )  # fmt: skip
    layers += _row_labels(
        rows, [step * (i + 1) - 2 for i in range(len(rows))], width, pad, size, "non-mated"
    )
    return frame(width, height, layers, pad=pad)


def _row_labels(
    rows: Sequence[Distribution], base: Sequence[float], width: float, pad: Sequence[float], size: Size, head: str
) -> list[Spec]:  # fmt: skip
    counts = [count(sum(d.nonmated)) for d in rows]
    if size.narrow:
        up = 36 if len(base) > 1 and base[1] - base[0] > 56 else 32
        return [
            *halo([{"x": 0, "y": y - up + (0 if up == 36 else -4), "text": cut(d.group, 26)} for d, y in zip(rows, base, strict=True)]),
            *halo([{"x": width, "y": y - up + (0 if up == 36 else -4), "text": c} for c, y in zip(counts, base, strict=True)], align="right", color=LIGHT["muted"]),
        ]  # fmt: skip
    right = width + pad[2]
    return [
        text([{"x": -pad[0], "y": y - 6, "text": cut(d.group, 24)} for d, y in zip(rows, base, strict=True)], fontSize=13),
        text([{"x": right, "y": -12, "text": head}], align="right", color=LIGHT["muted"]),
        text([{"x": right, "y": y - 6, "text": c} for c, y in zip(counts, base, strict=True)], align="right"),
    ]  # fmt: skip


def _lorenz(people: int, shares: Sequence[float], half: int, size: Size) -> dict[str, Any]:
    pad = (60, 14, 20, 46)
    width, height = size.width - pad[0] - pad[2], 220 if size.narrow else 240
    points = [{"x": 0, "y": 0.0}] + [{"x": i + 1, "y": s} for i, s in enumerate(shares)]
    if len(shares) < people:
        points.append({"x": people, "y": 1.0})
    if len(points) > 200:
        points = [points[round(i * (len(points) - 1) / 199)] for i in range(200)]
    x = {"field": "x", "type": "quantitative", "scale": {"domain": [0, people], "nice": False}, "axis": {"title": "People, those with the most false matches first", "tickCount": 5, "format": ",.0f"}}  # fmt: skip
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"title": "Share of all false matches", "format": ".0%", "tickCount": 4}}  # fmt: skip
    px, py = width * half / people, height * (1 - shares[min(half, len(shares)) - 1])
    return frame(
        width, height,
        [
            marks([{"x": 0, "y": 0}, {"x": people, "y": 1}], {"type": "line", "color": LIGHT["line"], "strokeWidth": 1}, x=x, y=y),
            marks(points, {"type": "line", "color": LIGHT["accent"], "strokeWidth": 2.5}, x=x, y=y),
            marks([{"x": px, "y": py}], {"type": "point", "filled": True, "size": 80, "color": LIGHT["accent"], "opacity": 1}, x=pixels("x"), y=pixels("y")),
            *halo([{"x": px + 10, "y": py + 14, "text": f"{count(half)} of {count(people)} people: half"}]),
        ],
        pad=pad,
    )  # fmt: skip


def _value_axis(view: View, low: float, high: float) -> Spec:
    stricter = "← stricter" if view.lower_is_stricter else "stricter →"
    return marks(
        [{"x": low}], {"type": "point", "opacity": 0},
        x={
            "field": "x", "type": "quantitative", "scale": {"domain": [low, high], "nice": False, "zero": False},
            "axis": {"title": f"{view.unit} ({stricter})", "tickCount": 5},
        },
    )  # fmt: skip


def _outline(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[float, float]]:
    """Corners of a histogram, its bins joined until few enough to draw."""
    join = -(-len(counts) // BINS)
    points: list[tuple[float, float]] = []
    for i in range(0, len(counts), join):
        high = sum(counts[i : i + join])
        points += [(edges[i], high), (edges[min(i + join, len(counts))], high)]
    return points


def _window(rows: Sequence[Distribution], line: float, *, lower: bool) -> tuple[float, float]:
    """From a little on the lenient side of the threshold to the most extreme non-mated score."""
    ends = [
        edge for d in rows for a, b, c in zip(d.edges, d.edges[1:], d.nonmated, strict=False) if c for edge in (a, b)
    ]  # fmt: skip
    width = max(ends) - min(ends) or 1.0
    if lower:
        return min(min(ends), line - 0.05 * width), line + 0.1 * width
    return line - 0.1 * width, max(max(ends), line + 0.05 * width)
