"""People who do not exist: drawn portraits, and an engine that compares the drawings.

A demonstration needs faces that belong to nobody. These are line drawings; who somebody is, is a
number from which the shape of their face follows, and every portrait of them is drawn a little
otherwise. The engine is a toy, and says so: it knows nothing but these drawings, and it is worse
for one of the two invented groups, whose faces are drawn more alike, so that its audit has
something to find.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from countenance.core import ScoreUnit
from countenance.faces import (
    COSINE_SCALE,
    EngineCard,
    Enrolment,
    Picture,
    Status,
    Unreadable,
    quantise,
)

GROUPS = ("round studio", "square studio")
SIZE_PX = (240, 300)
DIMENSION = 96
_GRID = (30, 24)  # rows and columns that a portrait is looked at with
_PAPERS = ("#f4efe2", "#e8eef0", "#efe9f0", "#eaf0e6")
_INKS = ("#20303c", "#3c2a20", "#2a2a3c", "#203a2c")
_FILLS = ("#d9e4ea", "#ece0cf", "#dfe7d8", "#e6dbe6", "#e9d6d0")
_ALIKE = 0.45  # how much less the faces of the second studio differ
_EMPTY = 4.0  # least spread of brightness of a picture that shows anything

UNIT = ScoreUnit("cosine", "cosine similarity", COSINE_SCALE)
CARD = EngineCard(
    name="drawings", version="1", models=(), unit=UNIT, dimension=DIMENSION,
    default_threshold="0.80", threshold_source="chosen for this demonstration",
    licence="Apache-2.0", training_data="none: it compares how dark the parts of a drawing are",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Invented:
    """Somebody who does not exist: their number and the studio that drew them."""

    number: int

    @property
    def group(self) -> str:
        """One of GROUPS."""
        return GROUPS[self.number % 2]

    @property
    def subject(self) -> str:
        """As a manifest names them."""
        return f"invented-{self.number:04d}"


def portrait(who: Invented, take: int) -> bytes:
    """One portrait as PNG; the same arguments give the same picture."""
    shape = np.random.default_rng((who.number, 0))
    turn = np.random.default_rng((who.number, 1, take))
    spread = _ALIKE if who.group == GROUPS[1] else 1.0

    def part(middle: float, by: float) -> float:
        """A measure of the person, drawn a little otherwise in each portrait."""
        return (
            middle + spread * by * float(shape.uniform(-1, 1)) + 0.03 * by * float(turn.normal())
        )

    width, height = SIZE_PX
    image = Image.new("RGB", SIZE_PX, _PAPERS[take % len(_PAPERS)])
    draw = ImageDraw.Draw(image)
    ink = _INKS[int(shape.integers(len(_INKS)))]
    fill = _FILLS[int(shape.integers(len(_FILLS)))]
    hair = _INKS[int(shape.integers(len(_INKS)))]
    x = width / 2 + float(turn.normal(0, 1.0))
    y = height / 2 + 12 + float(turn.normal(0, 1.0))
    half, tall = part(66, 20), part(88, 22)
    style = int(shape.integers(4))
    fringe, length = part(30, 26), abs(part(20, 70))
    _hair(draw, (x, y), (half, tall), style, length, hair)
    draw.rectangle((x - half * 0.4, y + tall * 0.7, x + half * 0.4, height), fill=fill)
    draw.ellipse((x - half, y - tall, x + half, y + tall), fill=fill, outline=ink, width=3)
    if style != 3:
        box = (x - half, y - tall, x + half, y + tall)
        draw.chord(box, 180 + fringe, 360 - fringe, fill=hair)
    apart, open_, up = part(30, 10), max(1.0, part(7, 4)), part(-8, 12)
    slope, thick, over = part(0, 7), part(5, 3.5), part(16, 6)
    for side in (-1, 1):
        eye = x + side * apart
        draw.ellipse((eye - 12, y + up - open_, eye + 12, y + up + open_), "white", ink, 2)
        draw.ellipse((eye - 5, y + up - 5, eye + 5, y + up + 5), ink)
        brow = y + up - over
        draw.line((eye - 15, brow + side * slope, eye + 15, brow - side * slope), ink,
                  max(1, round(thick)))  # fmt: skip
    nose, broad = part(30, 16), part(10, 6)
    draw.line([(x, y + up + 4), (x - broad, y + up + nose), (x + broad, y + up + nose)], ink, 3)
    mouth, smile, low = part(26, 13), part(0, 9), part(44, 9)
    draw.arc((x - mouth, y + low - abs(smile) - 2, x + mouth, y + low + abs(smile) + 2),
             *((0, 180) if smile > 0 else (180, 360)), fill=ink, width=4)  # fmt: skip
    if shape.random() < 0.3:
        for side in (-1, 1):
            eye = x + side * apart
            draw.ellipse((eye - 20, y + up - 18, eye + 20, y + up + 18), outline=ink, width=4)
        draw.line((x - apart + 20, y + up, x + apart - 20, y + up), ink, 4)
    if shape.random() < 0.25:
        draw.chord((x - half * 0.8, y, x + half * 0.8, y + tall), 20, 160, fill=hair)
    pixels = np.asarray(image, dtype=np.float64) * float(turn.uniform(0.9, 1.06))
    pixels += turn.normal(0, 5, pixels.shape)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _hair(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], size: tuple[float, float], style: int,
    length: float, colour: str,
) -> None:  # fmt: skip
    (x, y), (half, tall) = at, size
    if style == 3:
        return
    reach = {0: 6.0, 1: 16.0, 2: 26.0}[style]
    draw.ellipse((x - half - reach, y - tall - reach, x + half + reach, y + tall * 0.4), colour)
    if style == 2:
        draw.rectangle((x - half - reach, y - tall * 0.3, x + half + reach, y + length), colour)


class DrawingEngine:
    """Compares drawings by how dark their parts are. It is made for nothing else."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        """See `faces.Engine`."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, picture.reason)
        seen = _look(picture.pixels)
        if float(seen.std()) < _EMPTY:
            return Enrolment(Status.NO_FACE, "nothing is drawn in the picture")
        flat = seen.ravel() - seen.mean()
        template = quantise(((flat / flat.std() - _middle()) @ _basis())[None], UNIT)[0]
        height, width = picture.pixels.shape[:2]
        return Enrolment(
            Status.OK, template=template, box=(0, 0, width, height), faces_found=1,
            face_px=min(width, height),
        )  # fmt: skip


def _look(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Brightness of a grid's fields, float64 (30, 24)."""
    rows, columns = _GRID
    image = Image.fromarray(pixels).convert("L").resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float64)


@cache
def _middle() -> npt.NDArray[np.float64]:
    """What all drawings have in common: the middle of a few that belong to nobody else."""
    return np.asarray(_of_nobody().mean(axis=0), dtype=np.float64)


@cache
def _basis() -> npt.NDArray[np.float64]:
    """How drawings differ most, from those few: float64 (720, DIMENSION)."""
    apart = _of_nobody() - _middle()
    _, sizes, axes = np.linalg.svd(apart, full_matrices=False)
    weights = 1 / np.sqrt(sizes[:DIMENSION] + sizes[0] * 0.05)
    return np.asarray(axes[:DIMENSION].T * weights)


@cache
def _of_nobody() -> npt.NDArray[np.float64]:
    rows = []
    for number in range(DIMENSION * 2):
        pixels = np.asarray(Image.open(io.BytesIO(portrait(Invented(1_000_000 + number), 0))))
        flat = _look(pixels).ravel()
        flat = flat - flat.mean()
        rows.append(flat / flat.std())
    return np.array(rows)
