"""An engine of 512 dimensions that needs no face: who a picture shows is written in its pixels.

Enrolment costs what decoding a small picture costs, and no more: what is measured is the service.
People are numbers. Templates of one person agree to about 0.8, those of two people as random
directions of 512 dimensions do: cosine 0 with a standard deviation of 0.044.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

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

DIMENSION = 512
THRESHOLD = "0.19"  # 4.3 standard deviations: some 8 of a million other people
UNIT = ScoreUnit("cosine", "cosine similarity", COSINE_SCALE)
CARD = EngineCard(
    name="numbered", version="1", models=(), unit=UNIT, dimension=DIMENSION,
    default_threshold=THRESHOLD, threshold_source="for a bench", licence="Apache-2.0",
    training_data="none: it reads a number out of a picture",
)  # fmt: skip
TOGETHER = 100  # people whose templates are made by one generator
_TAKE = 0.5  # how much a take differs, of the person's own length
_SIZE = 48


def portrait(person: int, take: int) -> bytes:
    """A PNG that shows a person, for this engine and for nobody else."""
    pixels = np.random.default_rng((person, take)).integers(90, 160, (_SIZE, _SIZE, 3), np.uint8)
    written = np.array([person, take], ">u4").tobytes()
    pixels[0, : len(written), 0] = np.frombuffer(written, np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@lru_cache(maxsize=4)
def people(first: int) -> npt.NDArray[np.int16]:
    """The first take of so many people from a number on, a multiple of `TOGETHER`."""
    return quantise(_directions(first), UNIT)


def _directions(first: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(first).normal(size=(TOGETHER, DIMENSION))


class NumberedEngine:
    """See `faces.Engine`."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        """One at a time."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, picture.reason)
        person, take = np.frombuffer(picture.pixels[0, :8, 0].tobytes(), ">u4").tolist()
        at = _directions(person - person % TOGETHER)[person % TOGETHER]
        if take:
            at = at + np.random.default_rng((person, take)).normal(0, _TAKE, DIMENSION)
        height, width = picture.pixels.shape[:2]
        return Enrolment(
            Status.OK, template=quantise(at[None], UNIT)[0], box=(0, 0, width, height),
            faces_found=1, face_px=min(width, height),
        )  # fmt: skip
