"""Faces that belong to nobody: drawings that both detectors take for a face.

They let every path through an engine be tested where no photograph is at hand, and let numbers be
written down that no person's template could be read from.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.faces import Picture

Pixels = npt.NDArray[np.uint8]
SIDE = 320


def drawn_face(
    *,
    size: float = 1.0,
    at: tuple[float, float] = (160, 170),
    shape: tuple[int, int] = (SIDE, SIDE),
    skin: tuple[int, int, int] = (205, 160, 135),
    eyes: float = 30,
    mouth: float = 56,
) -> Pixels:
    """uint8 (height, width, 3) RGB: a frontal face about 145 x 190 px at size 1.

    `at` is the middle of the face (x, y), `eyes` half the distance between the eyes and `mouth`
    its distance below the middle, all in pixels at size 1.
    """
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    x, y = (x - at[0]) / size, (y - at[1]) / size
    image = np.broadcast_to(np.array([120.0, 140, 160]), (*shape, 3))

    def ellipse(
        px: float, py: float, rx: float, ry: float, soft: float
    ) -> npt.NDArray[np.float64]:
        distance = np.hypot((x - px) / rx, (y - py) / ry)
        return np.asarray(np.clip((1 + soft - distance) / (2 * soft), 0, 1)[..., np.newaxis])

    def paint(cover: npt.NDArray[np.float64], colour: npt.ArrayLike) -> None:
        nonlocal image
        image = image * (1 - cover) + np.asarray(colour, dtype=float) * cover

    tone = np.array(skin, dtype=float)
    paint(ellipse(0, -20, 86, 108, 0.12), (50, 35, 25))
    paint(ellipse(0, 120, 45, 70, 0.12), tone * 0.8)
    paint(ellipse(0, 0, 72, 96, 0.12), tone)
    edge = np.clip((x / 72) ** 2, 0, 1)[..., np.newaxis]
    image = image * (1 - 0.25 * ellipse(0, 0, 72, 96, 0.9) * edge)
    for side in (-1, 1):
        paint(ellipse(side * eyes, -32, 20, 6, 0.4), (70, 45, 35))
        paint(ellipse(side * eyes, -12, 20, 12, 0.5), tone * 0.72)
        paint(ellipse(side * eyes, -12, 14, 7, 0.2), (240, 240, 240))
        paint(ellipse(side * eyes, -12, 6, 6.5, 0.2), (40, 25, 20))
    paint(ellipse(0, 10, 7, 30, 0.8) * 0.3, tone * 1.12)
    paint(ellipse(0, 28, 17, 8, 0.6) * 0.6, tone * 0.7)
    for side in (-1, 1):
        paint(ellipse(side * 8, 31, 4, 3, 0.3), (70, 35, 30))
    paint(ellipse(0, mouth, 26, 9, 0.3), (165, 75, 75))
    paint(ellipse(0, mouth - 1, 24, 2, 0.5), (90, 30, 35))
    return np.clip(image, 0, 255).astype(np.uint8)


def drawn_pair() -> Pixels:
    """Two faces side by side, the right one larger; (440, 700, 3)."""
    small = drawn_face(size=0.8, at=(130, 190), shape=(440, 300))
    large = drawn_face(size=1.2, at=(200, 220), shape=(440, 400), skin=(120, 85, 65))
    return np.concatenate([small, large], axis=1)


def picture(pixels: Pixels, name: str = "drawing") -> Picture:
    """A `Picture` of pixels that come from no file."""
    from countenance.core import sha256_bytes

    return Picture(np.ascontiguousarray(pixels), sha256_bytes(pixels.tobytes()), name)
