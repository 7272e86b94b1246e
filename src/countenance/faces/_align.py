"""Five landmarks to an upright face of 112 x 112 pixels.

The similarity transform that brings the landmarks closest, in least squares, to a fixed template.
S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
IEEE PAMI 13(4), 1991, equations 40 to 42; template and use as in OpenCV 4
(``modules/objdetect/src/face_recognize.cpp``), whose result it reproduces.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.core import InputError

SIDE_PX = 112
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Right eye, left eye, nose tip, right and left corner of the mouth, in pixels."""
_TEMPLATE_MEAN = np.array([56.0262, 71.9008])  # as OpenCV rounds it


def similarity(landmarks: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The 2 x 3 matrix that takes landmarks (5, 2), in pixels, to the template.

    Raises
    ------
    InputError
        The landmarks are not finite or all at one point.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    mean = points.mean(axis=0)
    source, target = points - mean, TEMPLATE - _TEMPLATE_MEAN
    spread = (source**2).sum() / len(points)
    if not np.isfinite(spread) or spread < 1e-6:
        raise InputError("the landmarks of the face are not five distinct points")
    covariance = target.T @ source / len(points)
    u, singular, vt = np.linalg.svd(covariance)
    signs = np.array([1.0, np.sign(np.linalg.det(covariance)) or 1.0])
    if np.linalg.matrix_rank(covariance) < 2:  # points on a line: a rotation, not a reflection
        signs[1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = u @ np.diag(signs) @ vt
    scale = (singular * signs).sum() / spread
    shift = _TEMPLATE_MEAN - scale * rotation @ mean
    return np.column_stack([scale * rotation, shift])


def crop(
    pixels: npt.NDArray[np.uint8], landmarks: npt.NDArray[np.floating]
) -> npt.NDArray[np.uint8]:
    """The aligned face, uint8 (112, 112, 3), black where the picture ends."""
    import cv2

    return np.asarray(cv2.warpAffine(pixels, similarity(landmarks), (SIDE_PX, SIDE_PX)))
