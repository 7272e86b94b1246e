"""The engine ``dlib``: what the ``face_recognition`` package does, for its users.

HOG frontal detector with the picture enlarged once, five-point predictor (``model="small"``),
ResNet descriptor without jitter; distances compared with 0.6. The 68-point predictor that some
wheels carry is never loaded: its training data excludes commercial use.

Threads: dlib's detector gives up Python's lock and its network does not, so a second thread
overlaps one picture's search with another's description. Each thread has dlib objects of its own,
since they keep working memory and may not be shared.
"""

from __future__ import annotations

import importlib.util
import queue
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from countenance.core import ScoreUnit, processors
from countenance.faces._common import (
    Box,
    choose,
    code_digest,
    enrol_each,
    finish,
    versions,
)
from countenance.faces.card import EngineCard, Enrolment, Model, Selection
from countenance.faces.models import find_model, read_model
from countenance.faces.pictures import BACKGROUND, MAX_PIXELS, Picture, Unreadable

INSTALL = "pip install 'countenance[dlib]'"
UPSAMPLE = 1
JITTERS = 1  # 1 means none; more are random
PADDING = 0.25  # dlib's default

DISTANCE_SCALE = 2000
"""Descriptors have a norm, which is part of the distance, so they are scaled as they are. On the
London set (204 pictures) norms run from 1.31 to 1.62, mean 1.47, standard deviation 0.063. The
exact range ends at a norm of 4096 / scale; 2000 puts that at 2.05, nine standard deviations above
the mean and a quarter above the largest seen. Rounding then moves a distance by about 2e-4."""

LANDMARKS = Model(
    name="dlib 5-point shape predictor",
    file="shape_predictor_5_face_landmarks.dat",
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    bytes=9_150_489,
    licence="CC0-1.0",
    source="https://github.com/davisking/dlib-models",
    package="face_recognition_models",
    note="public domain by its author's statement",
)
RESNET = Model(
    name="dlib face recognition ResNet v1",
    file="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    bytes=22_466_066,
    licence="CC0-1.0",
    source="https://github.com/davisking/dlib-models",
    package="face_recognition_models",
    note="public domain by its author's statement; 128 numbers a face",
)
_CODE = ("_common", "dlib_resnet", "pictures", "templates")


@dataclass(frozen=True, slots=True)
class _Tools:
    """dlib's objects, for one thread at a time."""

    detector: Any
    predictor: Any
    network: Any


class DlibEngine:
    """`countenance.faces.Engine` with the models and defaults of ``face_recognition``."""

    def __init__(
        self, *, selection: Selection = "one", min_face_px: int | None = None, workers: int = 0
    ) -> None:
        import dlib

        self._card = self.describe(selection=selection, min_face_px=min_face_px)
        self._workers = workers or processors()
        self._tools: queue.SimpleQueue[_Tools] = queue.SimpleQueue()
        landmarks, resnet = (read_model(m, install=INSTALL) for m in (LANDMARKS, RESNET))
        # dlib loads by path only. A private copy of the verified bytes is what it gets, so that
        # what was hashed is what is loaded.
        with tempfile.TemporaryDirectory(prefix="countenance-") as folder:
            for model, data in ((LANDMARKS, landmarks), (RESNET, resnet)):
                (Path(folder) / model.file).write_bytes(data)
            for _ in range(self._workers):
                self._tools.put(
                    _Tools(
                        dlib.get_frontal_face_detector(),
                        dlib.shape_predictor(str(Path(folder) / LANDMARKS.file)),
                        dlib.face_recognition_model_v1(str(Path(folder) / RESNET.file)),
                    )
                )

    @staticmethod
    def missing() -> str | None:
        """The command that brings library and models, or None."""
        there = importlib.util.find_spec("dlib") and find_model(LANDMARKS) and find_model(RESNET)
        return None if there else INSTALL

    @staticmethod
    def describe(*, selection: Selection = "one", min_face_px: int | None = None) -> EngineCard:
        """The card, without loading anything."""
        return EngineCard(
            name="dlib",
            version="1",
            models=(LANDMARKS, RESNET),
            unit=ScoreUnit("distance", "Euclidean distance", DISTANCE_SCALE),
            dimension=128,
            default_threshold="0.6",
            threshold_source="https://github.com/ageitgey/face_recognition/blob/master/"
            "face_recognition/api.py (compare_faces, tolerance)",
            licence="library: BSL-1.0; weights: public domain (CC0-1.0) by their author",
            training_data="about 3 million faces of 7,485 people: FaceScrub, VGG and pictures its "
            "author took from the web, says his README; the people shown were not asked",
            selection=selection,
            min_face_px=min_face_px or 0,
            settings={
                "detector": "HOG, frontal",
                "detector_upsample": UPSAMPLE,
                "detector_score": "0",
                "landmarks": 5,
                "jitters": JITTERS,
                "padding": str(PADDING),
                "colour": "RGB",
                "shrink": False,
                "picture_max_pixels": MAX_PIXELS,
                "picture_background": list(BACKGROUND),
            },
            parts={
                **versions("dlib-bin|dlib", "numpy", "pillow"),
                "code": code_digest(*_CODE),
            },
        )

    @property
    def card(self) -> EngineCard:
        """What this engine is, as loaded."""
        return self._card

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        """One enrolment for each picture, in order."""
        return enrol_each(self._enrol_one, pictures, self._workers)

    def _enrol_one(self, picture: Picture) -> Enrolment:
        with self._borrowed() as tools:
            found = tools.detector(picture.pixels, UPSAMPLE)
            boxes: list[Box] = [(r.left(), r.top(), r.width(), r.height()) for r in found]
            chosen = choose(boxes, self._card)
            if isinstance(chosen, Enrolment):
                return chosen
            shape = tools.predictor(picture.pixels, found[chosen])
            descriptor = tools.network.compute_face_descriptor(
                picture.pixels, shape, JITTERS, PADDING
            )
        return finish(np.array(descriptor), boxes, chosen, self._card)

    @contextmanager
    def _borrowed(self) -> Iterator[_Tools]:
        tools = self._tools.get()
        try:
            yield tools
        finally:
            self._tools.put(tools)
