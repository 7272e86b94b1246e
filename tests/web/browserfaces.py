"""Drawn people who do not exist, for a test's gallery, and an engine that knows them apart."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from casework import UNIT
from deskgalleries import GOOD
from PIL import Image
from webkit import Engine

from countenance.faces import Enrolment, Picture, Status, Unreadable, quantise
from countenance.web.demo.drawings import Invented, portrait

PEOPLE = 12
CULPRIT = 4
"""Who is in the probe, and in the gallery."""


@cache
def drawn(number: int, take: int = 0) -> bytes:
    return portrait(Invented(number), take)


def folder_of(root: Path) -> None:
    """A folder to import: everybody once, a bare wall, and two pictures of unlawful source."""
    place = root / "spring"
    place.mkdir()
    wall = io.BytesIO()
    Image.new("RGB", (240, 300), "#888888").save(wall, "PNG")
    pictures = [drawn(number) for number in range(PEOPLE)]
    pictures += [wall.getvalue(), drawn(90), drawn(91)]
    with (place / "manifest.csv").open("w", newline="") as out:
        rows = csv.DictWriter(out, ["path", "subject", *GOOD])
        rows.writeheader()
        for number, data in enumerate(pictures):
            (place / f"{number}.png").write_bytes(data)
            source = "scraped-web" if number > PEOPLE else GOOD["source"]
            rows.writerow({**GOOD, "path": f"{number}.png", "subject": f"s{number}",
                           "source": source})  # fmt: skip


@dataclass
class Acquainted(Engine):
    """Finds the person whose portrait is the most alike; waits where a test has it wait."""

    go_on: threading.Event = field(default_factory=threading.Event)
    waits_after: int = 2**62

    def __post_init__(self) -> None:
        self._known = [_grey(np.asarray(Image.open(io.BytesIO(drawn(n))))) for n in range(PEOPLE)]
        self._done = 0

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        if self._done >= self.waits_after:
            assert self.go_on.wait(120)
        self._done += len(pictures)
        return super().enrol(pictures)

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable) or picture.pixels.std() < 4:
            return Enrolment(Status.NO_FACE, "nothing is drawn in the picture")
        grey = _grey(picture.pixels)
        number = int(np.argmax([float(grey @ each) for each in self._known]))
        seed = int.from_bytes(hashlib.sha256(bytes([number])).digest()[:8], "big")
        template = quantise(np.random.default_rng(seed).normal(size=(1, 4)), UNIT)[0]
        height, width = picture.pixels.shape[:2]
        return Enrolment(Status.OK, template=template, box=(0, 0, width, height), faces_found=1,
                         face_px=min(width, height))  # fmt: skip


def _grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """How dark the parts of a picture are, float64 (720,), of length 1."""
    small = Image.fromarray(pixels).convert("L").resize((24, 30), Image.Resampling.BOX)
    flat = np.asarray(small, dtype=np.float64).ravel()
    flat -= flat.mean()
    return flat / np.linalg.norm(flat)
