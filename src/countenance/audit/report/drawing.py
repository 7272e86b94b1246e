"""A small drawing surface that writes SVG.

Why not a plotting library: these figures are bars, dots and words at places this project decides
(a slot for nought on a log axis, counts in the margin, a phone's layout of its own), so little of
one would be used; thirty drawings through one took four seconds of a report that has to be quick,
and its bytes changed with the fonts of the machine. See docs/report.md.

Everything is drawn in the light theme's colours, which the dark theme replaces by attribute
selectors, so an SVG needs neither style sheet nor class to be right on paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from countenance.audit.report.palette import DARK, LIGHT, figure_rules
from countenance.audit.sentences import number, percent, plain

Point = tuple[float, float]
INK, MUTED, PAPER = LIGHT["ink"], LIGHT["muted"], LIGHT["paper"]
HATCH = "hatch"


class Drawing:
    """Shapes and words inside margins; (0, 0) is the top left corner of the inner field.

    Parameters
    ----------
    width, height
        Of the inner field, in CSS pixels.
    left, top, right, bottom
        Margins, which may be drawn in too.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        left: float = 0,
        top: float = 0,
        right: float = 0,
        bottom: float = 0,
    ) -> None:
        self.width, self.height = width, height
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self._parts: list[str] = []
        self._hatched = False

    def rule(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        colour: str = INK,
        width: float = 1,
        dash: Sequence[float] = (),
    ) -> None:
        """A straight line."""
        self._add(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{colour}" '
            f'stroke-width="{_n(width, 2)}"{_dash(dash)}/>'
        )

    def path(
        self,
        points: Iterable[Point],
        *,
        colour: str,
        width: float = 1,
        dash: Sequence[float] = (),
        opacity: float = 1,
    ) -> None:
        """A line through points; nothing for fewer than two."""
        at = list(points)
        if len(at) > 1:
            faint = "" if opacity == 1 else f' stroke-opacity="{opacity}"'
            self._add(
                f'<path d="{_through(at)}" fill="none" stroke="{colour}" '
                f'stroke-width="{_n(width, 2)}" stroke-linejoin="round"{faint}{_dash(dash)}/>'
            )

    def area(
        self, upper: Sequence[Point], lower: Sequence[Point], *, colour: str, opacity: float
    ) -> None:
        """The area between two lines over the same places."""
        if len(upper) > 1:
            self._add(
                f'<path d="{_through([*upper, *reversed(lower)])}Z" fill="{colour}" '
                f'fill-opacity="{opacity}"/>'
            )

    def box(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        fill: str,
        stroke: str | None = None,
        opacity: float = 1,
    ) -> None:
        """A rectangle; `fill` may be `HATCH`."""
        self._hatched = self._hatched or fill == HATCH
        ground = "url(#@hatch)" if fill == HATCH else fill
        edge = f' stroke="{stroke}"' if stroke else ""
        faint = "" if opacity == 1 else f' fill-opacity="{opacity}"'
        self._add(
            f'<rect x="{_n(min(x1, x2))}" y="{_n(min(y1, y2))}" width="{_n(abs(x2 - x1))}" '
            f'height="{_n(abs(y2 - y1))}" fill="{ground}"{edge}{faint}/>'
        )

    def dot(
        self,
        x: float,
        y: float,
        *,
        colour: str,
        filled: bool = True,
        shape: str = "circle",
        size: float = 5,
    ) -> None:
        """A mark; the shapes besides ``circle`` are those of `_SHAPES`."""
        look = f'fill="{colour if filled else PAPER}" stroke="{colour}" stroke-width="1.75"'
        if shape == "circle":
            self._add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(size)}" {look}/>')
            return
        corners = [(x + size * dx, y + size * dy) for dx, dy in _SHAPES[shape]]
        self._add(f'<path d="{_through(corners)}Z" {look}/>')

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        size: int = 12,
        colour: str = INK,
        bold: bool = False,
        halo: bool = False,
        turn: bool = False,
    ) -> None:
        """Text whose middle stands at `y`; `halo` keeps it readable over lines, `turn` upright."""
        place = f'x="{_n(x)}" y="{_n(y + 0.35 * size)}"'
        if turn:
            place = f'transform="translate({_n(x + 0.35 * size)} {_n(y)}) rotate(-90)"'
        rest = "" if anchor == "start" else f' text-anchor="{anchor}"'
        rest += ' font-weight="bold"' if bold else ""
        inner = escape(_printable(text))
        if halo:
            self._add(
                f'<text {place} font-size="{size}" fill="{PAPER}" stroke="{PAPER}" '
                f'stroke-width="4" stroke-linejoin="round"{rest}>{inner}</text>'
            )
        self._add(f'<text {place} font-size="{size}" fill="{colour}"{rest}>{inner}</text>')

    def named_line(self, x: float, name: str, *, top: float) -> None:
        """A thin dashed line down the whole field, its name at the top."""
        right = x > self.width * 0.55
        self.rule(x, top, x, self.height, dash=(3, 3))
        self.words(
            x + (-4 if right else 4),
            top + 5,
            name,
            anchor="end" if right else "start",
            colour=MUTED,
            halo=True,
        )

    def axis_below(self, ticks: Iterable[tuple[float, str]], title: str) -> None:
        """Ticks with grid lines and labels under the field."""
        for x, label in ticks:
            self.rule(x, 0, x, self.height, colour=LIGHT["rule"])
            self.rule(x, self.height, x, self.height + 4, colour=LIGHT["line"])
            if label:
                self.words(x, self.height + 13, label, anchor="middle", colour=MUTED)
        self.rule(0, self.height, self.width, self.height, colour=LIGHT["line"])
        self.words(self.width / 2, self.height + 31, title, anchor="middle", colour=MUTED)

    def axis_left(self, ticks: Iterable[tuple[float, str]], title: str) -> None:
        """Ticks with grid lines and labels left of the field."""
        for y, label in ticks:
            self.rule(0, y, self.width, y, colour=LIGHT["rule"])
            self.words(-6, y, label, anchor="end", colour=MUTED)
        self.rule(0, 0, 0, self.height, colour=LIGHT["line"])
        self.words(
            -self.left + 8, self.height / 2, title, anchor="middle", colour=MUTED, turn=True
        )

    def svg(self, *, name: str, title: str, describe: str) -> str:
        """One SVG element; ids begin with `name`, so that it can stand beside others in a page."""
        width = _n(self.width + self.left + self.right)
        height = _n(self.height + self.top + self.bottom)
        defs = _HATCHING if self._hatched else ""
        body = "".join(self._parts)
        drawn = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="system-ui, sans-serif" role="img" '
            f'aria-labelledby="@t @d"><title id="@t">{escape(_printable(title))}</title>'
            f'<desc id="@d">{escape(_printable(describe))}</desc>{defs}'
        )
        head = drawn.replace('"@t @d"', f'"{name}-t {name}-d"').replace('id="@', f'id="{name}-')
        inner = body.replace("url(#@hatch)", f"url(#{name}-hatch)")
        return f'{head}<g transform="translate({_n(self.left)} {_n(self.top)})">{inner}</g></svg>'

    def _add(self, part: str) -> None:
        self._parts.append(part)


@dataclass(frozen=True, slots=True)
class LogScale:
    """Rates on a log axis: a slot for nought, then from 10^floor to 1."""

    floor: int
    length: float

    @classmethod
    def of(cls, rates: Iterable[float | None], length: float, *, least: int = -8) -> LogScale:
        """Wide enough for the smallest positive of some rates."""
        positive = [r for r in rates if r is not None and r > 0]
        floor = math.floor(math.log10(min(positive)) + 1e-9) if positive else -3
        return cls(max(least, min(-1, floor)), length)

    def at(self, rate: float | None) -> float:
        """Where a rate stands; what lies below the axis stands in the slot for nought."""
        if rate is None or rate < 10.0**self.floor * (1 - 1e-9):
            return 0.0
        decades = math.log10(min(rate, 1.0)) - self.floor + 1
        return self.length * decades / (1 - self.floor)

    def ticks(self, *, room: float = 46) -> list[tuple[float, str]]:
        """A tick a decade, labelled in per cent as often as there is `room`."""
        each = self.length / (1 - self.floor)
        every = max(1, math.ceil(room / each))
        marks = [(0.0, "0")]
        for power in range(self.floor, 1):
            label = f"{percent(10.0**power)} %" if power % every == 0 else ""
            marks.append((self.at(10.0**power), label))
        return marks


@dataclass(frozen=True, slots=True)
class LinearScale:
    """Numbers from `low` to `high` along a length."""

    low: float
    high: float
    length: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        return self.length * (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """At most so many round values."""
        rough = (self.high - self.low) / max(1, most - 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        places = max(0, -math.floor(math.log10(step) + 1e-9) + (step / power == 2.5))
        return [
            (self.at(k * step), f"{k * step:,.{places}f}".replace("-", "−"))
            for k in range(first, last + 1)
        ]


def cut(label: str, limit: int) -> str:
    """A label short enough for a figure; the table has it whole."""
    text = plain(label)
    return text if len(text) <= limit else text[: limit - 1].rstrip(" ,") + "…"


def standalone(svg: str) -> str:
    """The SVG as a file of its own: with its paper, and the dark theme where the viewer asks."""
    style = (
        f"<style>svg{{background:{PAPER}}}@media screen and (prefers-color-scheme:dark)"
        f"{{svg{{background:{DARK['paper']}}}{figure_rules()}}}</style>"
    )
    head, rest = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{style}{rest}\n'


def short(value: float) -> str:
    """A value at the end of an axis."""
    return number(value, 2)


_SHAPES = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "up": ((0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "down": ((0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "right": ((1.1, 0), (-0.7, 0.9), (-0.7, -0.9)),
    "left": ((-1.1, 0), (0.7, 0.9), (0.7, -0.9)),
    "cross": (
        *((-0.4, -1.1), (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4)),
        *((0.4, 1.1), (-0.4, 1.1), (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4)),
    ),
}
_HATCHING = (
    '<defs><pattern id="@hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{LIGHT["line"]}" '
    'stroke-width="1" stroke-opacity="0.6"/></pattern></defs>'
)


def _n(x: float, places: int = 1) -> str:
    short_form = f"{x:.{places}f}"
    if "." in short_form:
        short_form = short_form.rstrip("0").rstrip(".")
    return "0" if short_form == "-0" else short_form


def _through(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _dash(dash: Sequence[float]) -> str:
    return f' stroke-dasharray="{" ".join(_n(d) for d in dash)}"' if dash else ""


def _printable(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(
        c
        for c in text
        if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )
