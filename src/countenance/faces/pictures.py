"""One picture: read right, or refused with a reason, in bounded memory.

Decoding is Pillow's. What comes out is always upright 8-bit RGB:

- EXIF (or TIFF) orientation is applied;
- grey becomes three equal channels; 16-bit samples are scaled by 255/65535;
- CMYK becomes ``(255 - C)(255 - K) / 255``, with Adobe's inverted storage undone. Colour profiles
  are not applied, as in the software these engines come from;
- transparency is composited over white (`BACKGROUND`);
- of a multi-picture JPEG, as telephones write, the primary picture is taken.

Size is known from the header before a pixel is decoded, and nothing above `MAX_PIXELS` is. The
worst case below it (50 megapixels of WebP) takes 0.9 GB for the moment of decoding. A refusal is a
value (`Unreadable`): it is counted, not raised.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from countenance.core import sha256_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 50_000_000
"""More than any face needs; 150 MB as RGB."""
MAX_BYTES = 128 * 2**20
"""Size of a file; far above a 50-megapixel JPEG or PNG."""
BACKGROUND = (255, 255, 255)

_ORIENTATION_TAG = 274
_WHITE_IS_ZERO_TAG = 262
_PRIVATE_STATE = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels
        uint8 (height, width, 3), RGB, upright, contiguous, read-only.
    sha256
        Of the bytes of the file, in hex.
    name
        How messages call it.
    """

    pixels: npt.NDArray[np.uint8]
    sha256: str
    name: str

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"pixels {self.pixels.dtype} {self.pixels.shape}: uint8 (h, w, 3)")
        if self.pixels.size == 0:
            raise ValueError("a picture without pixels")
        self.pixels.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is not a picture this project reads.

    Attributes
    ----------
    sha256
        Of the bytes; None where they could not be read, or are more than `MAX_BYTES`.
    name
        How messages call it.
    reason
        One plain sentence without a full stop.
    """

    sha256: str | None
    name: str
    reason: str


class _RefusedError(Exception):
    """Why a picture is not read; the message is for a person."""


def read_picture(
    source: str | os.PathLike[str] | bytes, name: str | None = None
) -> Picture | Unreadable:
    """Read one picture from a path, or from the bytes of a file.

    Parameters
    ----------
    source
        A path, or the bytes themselves.
    name
        How messages call it; by default the path as given, or ``bytes``.

    Never raises for what a file contains or for a path that cannot be read.
    """
    label = name or ("bytes" if isinstance(source, bytes) else os.fspath(source))
    digest = None
    try:
        data = source if isinstance(source, bytes) else _read_bytes(Path(source))
        if not data:
            raise _RefusedError("the file is empty")
        if len(data) > MAX_BYTES:
            raise _RefusedError(_too_many_bytes(len(data)))
        digest = sha256_bytes(data)
        return Picture(_decode(data), digest, label)
    except _RefusedError as refusal:
        return Unreadable(digest, label, str(refusal))


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _RefusedError("this is a folder, not a file")
        if not path.exists():
            raise _RefusedError("there is no such file")
        if not path.is_file():  # a pipe or a device could be read for ever
            raise _RefusedError("this is not a regular file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise _RefusedError(_too_many_bytes(size))
            return file.read(MAX_BYTES + 1)
    except PermissionError as error:
        raise _RefusedError("permission to read the file is missing") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _RefusedError(f"the file cannot be read: {reason}") from error


def _decode(data: bytes) -> npt.NDArray[np.uint8]:
    """Upright RGB (h, w, 3); raises `_RefusedError`."""
    from PIL import Image, UnidentifiedImageError

    _check_webp_size(data)
    with _pillow_alone():
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_header(image)
            image.load()
            return _upright(_to_rgb(image), image)
        except _RefusedError:
            raise
        except UnidentifiedImageError as error:
            raise _RefusedError(
                "not a JPEG, PNG, WebP, TIFF or BMP picture, or damaged"
            ) from error
        except Image.DecompressionBombError as error:
            raise _RefusedError(f"more than {MAX_PIXELS:,} pixels") from error
        except MemoryError as error:
            raise _RefusedError("decoding needs more memory than there is") from error
        except Exception as error:  # Pillow's decoders raise nearly every class on damaged bytes
            raise _RefusedError(f"damaged or cut short ({error})") from error


@contextmanager
def _pillow_alone() -> Iterator[None]:
    """Keep Pillow's warnings in, and other people's switch for truncated files out.

    Both are global to the process, hence the lock. The switch matters: the package
    face_recognition turns it on at import, and half a face would then be enrolled silently.
    """
    from PIL import ImageFile

    with _PRIVATE_STATE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _check_header(image: Image) -> None:
    width, height = image.size
    _check_pixels(width, height)
    # A JPEG with further pictures (previews, depth) is "MPO"; its first one is the photograph.
    if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:
        raise _RefusedError(f"{frames} frames or pages in one file; one picture is expected")


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _RefusedError(f"{width} x {height} is more than {MAX_PIXELS:,} pixels")


def _check_webp_size(data: bytes) -> None:
    """Pillow's WebP reader allocates the canvas before it tells the size; so look first.

    Offsets from the WebP container specification (RFC 9649, sections 2.5 to 2.7).
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        height = int.from_bytes(data[28:30], "little") & 0x3FFF
    _check_pixels(width, height)


def _to_rgb(image: Image) -> npt.NDArray[np.uint8]:
    """The samples as 8-bit RGB, not yet upright."""
    from PIL import Image as Pillow

    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if image.mode in ("I", "F", "LAB", "HSV"):
        raise _RefusedError(f"samples of the kind {image.mode} have no stated range in 8 bits")
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        # Pillow takes every four-channel JPEG for Adobe's, which store 255 - ink.
        image = Pillow.merge("CMYK", [band.point(lambda v: 255 - v) for band in image.split()])
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque = Pillow.new("RGB", image.size, BACKGROUND)
        opaque.paste(layer, mask=layer.getchannel("A"))
        return np.asarray(opaque)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _from_16_bit(image: Image) -> npt.NDArray[np.uint8]:
    grey = np.asarray(image).astype(np.uint32)
    if _tiff_tag(image, _WHITE_IS_ZERO_TAG) == 0:
        grey = 65535 - grey
    eight = ((grey * 255 + 32767) // 65535).astype(np.uint8)
    return np.repeat(eight[:, :, np.newaxis], 3, axis=2)


def _tiff_tag(image: Image, tag: int) -> Any:
    return getattr(image, "tag_v2", {}).get(tag)


def _upright(pixels: npt.NDArray[np.uint8], image: Image) -> npt.NDArray[np.uint8]:
    """Apply the EXIF orientation; unreadable EXIF says nothing, and nothing is done."""
    try:
        # Of a TIFF, Pillow has already applied and removed it by now.
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # any class, as above; the pixels themselves are sound
        orientation = 1
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _too_many_bytes(size: int) -> str:
    return f"the file has {size:,} bytes; up to {MAX_BYTES:,} are read"
