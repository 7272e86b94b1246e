"""A figure as a value: a question, its finding, how to draw it at two widths, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from countenance.audit.report.drawing import Drawing
from countenance.audit.sentences import count, number, percent, plain

Cell: TypeAlias = str | int | float | None
Kind: TypeAlias = Literal["text", "count", "rate", "low", "value", "ratio", "p"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` names it in CSV files, `head` on paper, `kind` says how it is written."""

    key: str
    head: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Whether the column is set flush right."""
        return self.kind != "text"

    @property
    def wide(self) -> bool:
        """Whether the column holds sentences."""
        return self.key in ("note", "reason", "reasons", "source")

    @property
    def counts(self) -> bool:
        """Whether the column holds ``36 of 56``: text, but set flush right."""
        return self.key in ("fm", "fnm", "any")

    def show(self, cell: Cell) -> str:
        """One cell as a reader sees it; a dash where there is nothing."""
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return "–"
        if isinstance(cell, str):
            return plain(cell)
        if self.kind == "count":
            return count(int(cell))
        if self.kind == "rate":
            return percent(cell)
        if self.kind == "low":
            # The lower end of an interval may be rounded outwards; a rate never is.
            return percent(cell if cell >= 1e-6 else 0.0)
        if self.kind == "p":
            return "< 0.001" if cell < 0.001 else number(cell, 2)
        return number(cell, 5 if self.kind == "value" else 3)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; the first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def shown(self) -> list[list[str]]:
        """Every cell as text."""
        return [
            [column.show(cell) for column, cell in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Size:
    """The width a figure is drawn for, in CSS pixels."""

    width: int
    narrow: bool


WIDE = Size(680, narrow=False)
NARROW = Size(336, narrow=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name
        Its file name and anchor.
    question
        What it answers: its title.
    finding
        What it shows, in words and numbers: its alternative text and description.
    reading
        How to read its marks; empty where nothing needs saying.
    draw
        Draws it at a size.
    table
        Every number drawn (and those left out of the drawing).
    """

    name: str
    question: str
    finding: str
    reading: str
    draw: Callable[[Size], Drawing]
    table: Table

    def svg(self, size: Size) -> str:
        """The drawing for a size, titled with the question and described by the finding."""
        name = f"{self.name}-narrow" if size.narrow else self.name
        return self.draw(size).svg(name=name, title=self.question, describe=self.finding)
