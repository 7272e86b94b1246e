"""How the log grew, drawn from the times in its own entries: anybody can draw it again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from html import escape

from countenance.record.entries import format_time
from countenance.record.explorer.view import LogView, Snapshot

SAMPLES = 48
_WIDE, _NARROW = (712, 280), (328, 240)


@dataclass(frozen=True, slots=True)
class Point:
    """After entry `size - 1`, written at `time_s`, the log held `size` entries."""

    size: int
    time_s: int

    @property
    def time(self) -> str:
        """The time as entries write it."""
        return format_time(self.time_s)


def growth(view: LogView, snapshot: Snapshot) -> list[Point]:
    """Size against the writer's clock, at up to 48 entries spread evenly over the log.

    They are a power of two apart, so that the entries asked for stay the same as the log grows.
    """
    size, step = snapshot.checkpoint.size, 1
    while size > step * (SAMPLES - 1):
        step *= 2
    times = {i: view.time_s(snapshot, i) for i in (*range(0, size, step), size - 1) if i >= 0}
    return [Point(i + 1, time_s) for i, time_s in times.items() if time_s is not None]


def draw_growth(points: list[Point], *, narrow: bool = False) -> str:
    """The points as an SVG line with its last value named; empty if there are fewer than two."""
    if len(points) < 2:
        return ""
    width, height = _NARROW if narrow else _WIDE
    left, right, top, bottom = 8, 8, 32, 32
    times = [point.time_s for point in points]
    first, span = min(times), max(max(times) - min(times), 1)
    most = points[-1].size

    def x(time_s: int) -> float:
        return left + (width - left - right) * (time_s - first) / span

    def y(size: int) -> float:
        return height - bottom - (height - top - bottom) * size / most

    path = " ".join(
        f"{'M' if i == 0 else 'L'}{x(point.time_s):.1f} {y(point.size):.1f}"
        for i, point in enumerate(points)
    )
    base = height - bottom
    finding = f"{most:,} entries by {_day(points[-1].time_s)}"
    name = "growth-narrow" if narrow else "growth-wide"
    return (
        f'<svg class="{"narrow" if narrow else "wide"}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}" xmlns="http://www.w3.org/2000/svg"><title id="{name}">'
        f"{escape(finding)}</title>"
        f'<line class="axis" x1="{left}" x2="{width - right}" y1="{base}" y2="{base}"/>'
        f'<path class="line" d="{path}"/>'
        f'<circle class="dot" r="4" cx="{x(times[-1]):.1f}" cy="{y(most):.1f}"/>'
        f'<text x="{width - right}" y="{top - 12}" text-anchor="end">{escape(finding)}</text>'
        f'<text class="quiet" x="{left}" y="{height - 8}">{_day(first)}</text>'
        f'<text class="quiet" x="{width - right}" y="{height - 8}" text-anchor="end">'
        f"{_day(first + span)}</text></svg>"
    )


def _day(time_s: int) -> str:
    return dt.datetime.fromtimestamp(time_s, tz=dt.UTC).strftime("%Y-%m-%d %H:%M")
