"""What a report is made of: sections of blocks, which the page and the PDF both set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from countenance.audit.report.model import Figure, Table


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its drawings: for the page's width and for a phone's."""

    figure: Figure
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy and run."""

    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a fact: text, a hash that is shortened, or an address that can be followed."""

    kind: Literal["text", "hash", "link"]
    value: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what is stated under them."""

    rows: tuple[tuple[str, tuple[Piece, ...]], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a section with its own heading; the page can show one at a time."""

    heading: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Drawn | Text | Items | Code | Facts | Table | Part


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what stands under it."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]
