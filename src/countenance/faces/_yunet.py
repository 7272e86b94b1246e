"""YuNet: the answer of the network to faces.

The network looks at 640 x 640 pixels through three grids with strides 8, 16 and 32 and gives, for
each cell, two scores, a box and five landmarks relative to the cell. What is done here follows
``modules/objdetect/src/face_detect.cpp`` of OpenCV 4, with the thresholds that its
``FaceDetectorYN.create`` has by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIDE_PX = 640
STRIDES = (8, 16, 32)
LOOKS_PX = (640, 320)
"""The longest side at each look. The network is trained on faces of 10 to 300 pixels and misses
one that fills its input; where the first look finds nothing there is a second, half the size."""
SCORE_THRESHOLD = 0.9
NMS_THRESHOLD = 0.3
TOP_K = 5000

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the picture the network saw.

    Attributes
    ----------
    box
        (x, y, width, height).
    landmarks
        float32 (5, 2): right eye, left eye, nose tip, right and left corner of the mouth, as the
        person has them.
    score
        ``sqrt(class score * objectness)``.
    """

    box: tuple[float, float, float, float]
    landmarks: Floats
    score: float

    def scaled(self, factor: float) -> Face:
        """The same face in a picture `factor` times as large."""
        x, y, w, h = (side * factor for side in self.box)
        return Face((x, y, w, h), self.landmarks * np.float32(factor), self.score)


def shrink(pixels: npt.NDArray[np.uint8], factor: float) -> tuple[npt.NDArray[np.uint8], float]:
    """Resize by `factor` <= 1, averaging over the pixels covered; returned with it."""
    if factor >= 1.0:
        return pixels, 1.0
    import cv2

    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)), factor


def network_input(small: npt.NDArray[np.uint8]) -> Floats:
    """float32 (1, 3, 640, 640), BGR, 0 to 255, black to the right and below, from RGB."""
    blob = np.zeros((1, 3, SIDE_PX, SIDE_PX), dtype=np.float32)
    height, width = small.shape[:2]
    blob[0, :, :height, :width] = small[:, :, ::-1].transpose(2, 0, 1)
    return blob


def decode(outputs: Mapping[str, Floats]) -> list[Face]:
    """Faces above the score threshold after non-maximum suppression, best first.

    Parameters
    ----------
    outputs
        By name, for each stride s with n = (640/s)**2 cells: ``cls_s`` (1, n, 1), ``obj_s``
        (1, n, 1), ``bbox_s`` (1, n, 4), ``kps_s`` (1, n, 10).
    """
    parts = [_decode_grid(outputs, stride) for stride in STRIDES]
    boxes, landmarks, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    keep = suppress(boxes, scores)
    return [
        Face(
            (float(x), float(y), float(w), float(h)),
            landmarks[i].reshape(5, 2),
            float(scores[i]),
        )
        for i in keep
        for x, y, w, h in [boxes[i]]
    ]


def _decode_grid(outputs: Mapping[str, Floats], stride: int) -> tuple[Floats, Floats, Floats]:
    cls, obj = (np.clip(outputs[f"{name}_{stride}"][0, :, 0], 0, 1) for name in ("cls", "obj"))
    scores = np.sqrt(cls * obj)
    cells = np.flatnonzero(scores >= SCORE_THRESHOLD)
    row, column = np.divmod(cells, SIDE_PX // stride)
    at = np.stack([column, row], axis=1).astype(np.float32)
    raw = outputs[f"bbox_{stride}"][0, cells]
    centre = (raw[:, :2] + at) * stride
    size = np.exp(raw[:, 2:]) * stride
    boxes = np.concatenate([centre - size / 2, size], axis=1)
    landmarks = (outputs[f"kps_{stride}"][0, cells] + np.tile(at, 5)) * stride
    return boxes, landmarks, scores[cells]


def suppress(boxes: Floats, scores: Floats) -> list[int]:
    """Indices kept, best score first: a box goes if it overlaps a better one by more than 0.3.

    Boxes (n, 4) are cut to whole pixels first, as OpenCV does. Equal scores keep their order.
    """
    x, y, w, h = boxes.astype(np.int64).T
    area = w * h
    order = np.argsort(-scores, kind="stable")[:TOP_K]
    keep: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        keep.append(best)
        wide = np.minimum(x[best] + w[best], x[order] + w[order]) - np.maximum(x[best], x[order])
        high = np.minimum(y[best] + h[best], y[order] + h[order]) - np.maximum(y[best], y[order])
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        together = np.maximum(area[best] + area[order] - shared, 1)
        order = order[shared / together <= NMS_THRESHOLD]
    return keep
