"""Pictures as answers: the exact media type of the bytes, or a lossless copy of the pixels.

What a file calls itself plays no part. JPEG, PNG and WebP go out as the very bytes that are kept.
Of a format that browsers do not show (TIFF, BMP), the upright pixels go out as PNG: whoever has to
judge a picture has to see it.
"""

from __future__ import annotations

import io

from starlette.exceptions import HTTPException
from starlette.responses import Response

from countenance.faces import Unreadable, read_picture

_INLINE = {"content-disposition": "inline"}


def picture_answer(data: bytes) -> Response:
    """Bytes of a picture as an answer. 415 for what is no picture we read."""
    kind = _media_type(data)
    if kind is None:
        kind, data = "image/png", _as_png(data)
    return Response(data, media_type=kind, headers=_INLINE)


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _as_png(data: bytes) -> bytes:
    from PIL import Image

    picture = read_picture(data, "the picture")
    if isinstance(picture, Unreadable):
        raise HTTPException(415, "this is no picture that can be shown")
    out = io.BytesIO()
    Image.fromarray(picture.pixels).save(out, "PNG")
    return out.getvalue()
