"""Scores: their distributions, the tail at the threshold, who carries the false matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from countenance.audit.report.drawing import MUTED, Drawing, LinearScale, cut
from countenance.audit.report.model import Column, Figure, Size, Table
from countenance.audit.report.palette import LIGHT
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
            f"Half of the comparisons of different people labelled {quoted(high.group)} score "
            f"{side} {number((high.nonmated_quantiles or ())[2], 3)}; labelled "
            f"{quoted(low.group)}, {side} {number((low.nonmated_quantiles or ())[2], 3)}."
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
            ("different people", d.nonmated, d.nonmated_quantiles),
            ("the same person", d.mated, d.mated_quantiles),
        ):
            table_rows.append((d.group, kind, sum(counts), *(quantiles or (None,) * 5)))
    return Figure(
        name="score-distributions",
        question="How do the scores of each group lie?",
        finding=finding,
        reading=(
            "Above each line: comparisons of different people of the group; below it, paler: of "
            "the same "
            "person. Each half is scaled to its own highest bar. " + rule
        ).strip(),
        draw=lambda size: _ridges(view, drawn, size),
        table=Table(f"Quantiles of {view.unit}", tuple(columns), tuple(table_rows)),
    )


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
        Column("group", "Group"),
        Column("from", "Score from", "value"),
        Column("to", "to", "value"),
        Column("comparisons", "Comparisons", "count"),
        Column("of", "of all", "count"),
    )
    table_rows = tuple(
        (d.group, a, b, c, sum(d.nonmated))
        for d in rows
        for a, b, c in _bins(d)
        if c and b > low and a < high
    )
    if not table_rows:
        return None
    return Figure(
        name="score-tail",
        question="How many comparisons of different people come near the threshold?",
        finding=finding,
        reading=(
            "Only the end of the distribution that matters; every group is drawn as shares of "
            "its own "
            "comparisons on one common scale. " + rule
        ).strip(),
        draw=lambda size: _tail_rows(view, drawn, line, low, high, size),
        table=Table("Non-mated scores near the threshold", columns, table_rows),
    )


def concentration(view: View) -> Figure | None:
    """Share of false matches carried by the people who carry the most."""
    at = view.operating
    if at is None or not at.concentration.shares:
        return None
    c = at.concentration
    half = next((i + 1 for i, s in enumerate(c.shares) if s >= 0.5), c.people)
    finding = (
        f"{count(half)} of {count(c.people)} people carry half of all false matches; one person "
        f"is in {count(c.most)}; {count(c.people - c.people_in_any)} of {count(c.people)} are in "
        "none."
    )
    picked = sorted(
        {1, 2, 3, 5, 10, 20, 50, half, c.people_in_any} & set(range(1, len(c.shares) + 1))
    )
    columns = (
        Column("people", "People who carry the most", "count"),
        Column("of", "of", "count"),
        Column("share", "Share of all false matches, %", "rate"),
    )
    return Figure(
        name="false-match-concentration",
        question="Do the false matches fall on a few people?",
        finding=finding,
        reading="Each false match counts for both of its people. The thin line is an even spread.",
        draw=lambda size: _lorenz(c.people, c.shares, half, size),
        table=Table(
            "Concentration of false matches",
            columns,
            tuple((n, c.people, c.shares[n - 1]) for n in picked),
        ),
    )


def _ridges(view: View, rows: Sequence[Distribution], size: Size) -> Drawing:
    step, first = 62, 42
    drawing = _rows_field(len(rows), step, size)
    scale = LinearScale(*_ends(rows), drawing.width)
    drawing.axis_below(scale.ticks(), _axis(view))
    if view.operating is not None and view.operating.threshold.value is not None:
        x = scale.at(view.operating.threshold.value)
        if 0 <= x <= drawing.width:
            drawing.named_line(x, "threshold", top=-14)
    for i, d in enumerate(rows):
        base = first + step * i
        for counts, reach, opacity in ((d.nonmated, -26.0, 0.75), (d.mated, 20.0, 0.35)):
            if any(counts):
                outline = _outline(d.edges, counts)
                drawing.area(
                    [(scale.at(x), base + reach * share) for x, share in outline],
                    [(scale.at(x), base) for x, _ in outline],
                    colour=view.colour(d.group),
                    opacity=opacity,
                )
        drawing.rule(0, base, drawing.width, base, colour=LIGHT["line"], width=0.75)
    _row_labels(drawing, rows, [first + step * i for i in range(len(rows))], size, lift=33)
    return drawing


def _tail_rows(
    view: View, rows: Sequence[Distribution], line: float, low: float, high: float, size: Size
) -> Drawing:
    step = 52 if size.narrow else 40
    drawing = _rows_field(len(rows), step, size)
    scale = LinearScale(low, high, drawing.width)
    drawing.axis_below(scale.ticks(), _axis(view))
    drawing.named_line(scale.at(line), "threshold", top=-14)
    shares = {
        d.group: [
            (max(a, low), min(b, high), c / sum(d.nonmated))
            for a, b, c in _bins(d)
            if c and b > low and a < high
        ]
        for d in rows
    }
    most = max((s for bars in shares.values() for _, _, s in bars), default=0) or 1.0
    reach = step - (22 if size.narrow else 10)
    for i, d in enumerate(rows):
        base = step * (i + 1) - 2
        drawing.rule(0, base, drawing.width, base, colour=LIGHT["line"], width=0.75)
        for a, b, share in shares[d.group]:
            top = base - max(1.0, reach * share / most)
            drawing.box(scale.at(a), top, scale.at(b), base, fill=view.colour(d.group))
    _row_labels(drawing, rows, [step * (i + 1) - 2 for i in range(len(rows))], size, lift=39)
    return drawing


def _rows_field(rows: int, step: int, size: Size) -> Drawing:
    left, right = (12, 22) if size.narrow else (160, 84)
    return Drawing(
        size.width - left - right, step * rows + 8, left=left, top=24, right=right, bottom=42
    )


def _row_labels(
    drawing: Drawing, rows: Sequence[Distribution], at: Sequence[float], size: Size, *, lift: float
) -> None:
    right = drawing.width + drawing.right
    if not size.narrow:
        drawing.words(right, -11, "non-mated", anchor="end", colour=MUTED)
    for d, y in zip(rows, at, strict=True):
        counted = count(sum(d.nonmated))
        if size.narrow:
            drawing.words(0, y - lift, cut(d.group, 30), size=13, halo=True)
            drawing.words(drawing.width, y - lift, counted, anchor="end", colour=MUTED, halo=True)
        else:
            drawing.words(-drawing.left, y - 6, cut(d.group, 24), size=13)
            drawing.words(right, y - 6, counted, anchor="end")


def _lorenz(people: int, shares: Sequence[float], half: int, size: Size) -> Drawing:
    drawing = Drawing(
        size.width - 80, 220 if size.narrow else 240, left=60, top=14, right=20, bottom=42
    )
    x = LinearScale(0, people, drawing.width)
    y = LinearScale(0, 1, drawing.height)
    drawing.axis_below(x.ticks(), "People, those with the most first")
    drawing.axis_left(
        [(drawing.height - y.at(k / 4), f"{25 * k} %") for k in range(5)], "Share of false matches"
    )
    points = [(0, 0.0), *enumerate(shares, 1)]
    if len(shares) < people:
        points.append((people, 1.0))
    if len(points) > 200:
        points = [points[round(i * (len(points) - 1) / 199)] for i in range(200)]
    drawing.rule(0, drawing.height, drawing.width, 0, colour=LIGHT["line"])
    drawing.path(
        [(x.at(n), drawing.height - y.at(share)) for n, share in points],
        colour=LIGHT["accent"],
        width=2.5,
    )
    px, py = x.at(half), drawing.height - y.at(shares[half - 1])
    drawing.dot(px, py, colour=LIGHT["accent"])
    drawing.words(px + 10, py + 14, f"{count(half)} of {count(people)} people: half", halo=True)
    return drawing


def _axis(view: View) -> str:
    return f"{view.unit} ({'← stricter' if view.lower_is_stricter else 'stricter →'})"


def _ends(rows: Sequence[Distribution]) -> tuple[float, float]:
    low, high = min(d.edges[0] for d in rows), max(d.edges[-1] for d in rows)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bins(d: Distribution) -> Iterable[tuple[float, float, int]]:
    return zip(d.edges, d.edges[1:], d.nonmated, strict=False)


def _outline(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[float, float]]:
    """Corners of a histogram as shares of its highest bar, bins joined to be few enough."""
    join = -(-len(counts) // BINS)
    bars = [
        (edges[i], edges[min(i + join, len(counts))], sum(counts[i : i + join]))
        for i in range(0, len(counts), join)
    ]
    most = max(c for _, _, c in bars)
    return [(x, c / most) for a, b, c in bars for x in (a, b)]


def _window(rows: Sequence[Distribution], line: float, *, lower: bool) -> tuple[float, float]:
    """From a little on the lenient side of the threshold to the most extreme non-mated score."""
    ends = [edge for d in rows for a, b, c in _bins(d) if c for edge in (a, b)]
    width = max(ends) - min(ends) or 1.0
    if lower:
        return min(min(ends), line - 0.05 * width), line + 0.1 * width
    return line - 0.1 * width, max(max(ends), line + 0.05 * width)
