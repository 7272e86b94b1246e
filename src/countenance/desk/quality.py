"""What can be measured of a probe before anybody decides on it (failure F6).

Measures help a person to judge and decide nothing themselves, but for one floor: where the engine
does not find exactly one face, large enough, nobody can call the picture suitable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from countenance.core import InputError
from countenance.faces import Engine, Picture, Unreadable, read_picture
from countenance.scores import probe_digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_BYTES = 20 * 2**20
"""Of an upload. A 50-megapixel JPEG of good quality has fewer."""
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured of one picture, with one engine.

    Attributes
    ----------
    engine
        `EngineCard.identity` of the engine whose detector looked.
    status, reason
        What became of the attempt to enrol; ``ok`` where a template can be made.
    face_px
        Shorter side of the face's box, in pixels; None without one.
    sharpness
        Variance of the Laplacian of the luma within the face's box, in squared grey levels
        (Pech-Pacheco et al. 2000); None without a face. Compare it only between pictures of like
        size: it falls with blur and rises with noise.
    template
        Digest of the template (`scores.probe_digest`), by which a permit names the probe.
    luma_mean, luma_spread
        Mean and standard deviation of the luma there, 0 to 255; in tenths, so that they are
        whole numbers in every record.
    """

    engine: str
    width_px: int
    height_px: int
    status: str
    reason: str
    faces_found: int
    face_px: int | None
    sharpness: int | None
    luma_mean_tenths: int | None
    luma_spread_tenths: int | None
    template: str | None

    @property
    def ok(self) -> bool:
        """Whether a search could be made with it at all."""
        return self.status == "ok"

    def to_json(self) -> dict[str, Any]:
        """As kept."""
        return asdict(self)


def read_upload(data: bytes) -> Picture:
    """A picture out of uploaded bytes, whatever they call themselves.

    Raises InputError for too many bytes, another format, a bomb, or what is damaged.
    """
    if len(data) > MOST_BYTES:
        raise InputError(
            f"the file has {len(data):,} bytes", expected=f"at most {MOST_BYTES:,}",
            do="upload the original as the camera wrote it, not a scan of a print",
        )  # fmt: skip
    picture = read_picture(data, "the upload")
    if isinstance(picture, Unreadable):
        raise InputError(f"this is no picture we read: {picture.reason}",
                         expected="one JPEG, PNG, WebP, TIFF or BMP picture")  # fmt: skip
    return picture


def measure(picture: Picture, engine: Engine) -> Quality:
    """Measure one picture."""
    (found,) = engine.enrol([picture])
    height, width = picture.pixels.shape[:2]
    template = (
        None
        if found.template is None
        else probe_digest(found.template, engine=engine.card.identity)
    )
    sharpness = mean = spread = None
    if found.box is not None:
        x, y, w, h = found.box
        face = picture.pixels[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
        if min(face.shape[:2]) >= 3:
            luma = _luma(face)
            sharpness = round(float(_laplacian(luma).var()))
            mean, spread = round(10 * float(luma.mean())), round(10 * float(luma.std()))
    return Quality(
        engine=engine.card.identity, width_px=width, height_px=height, status=found.status.value,
        reason=found.reason, faces_found=found.faces_found, face_px=found.face_px,
        sharpness=sharpness, luma_mean_tenths=mean, luma_spread_tenths=spread, template=template,
    )  # fmt: skip


def _luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    import numpy as np

    return np.asarray(pixels.astype(np.float64) @ np.array(_LUMA))


def _laplacian(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of the inner pixels: the four neighbours minus four times the middle."""
    return (
        luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
        - 4 * luma[1:-1, 1:-1]
    )  # fmt: skip
