"""What may be done to a probe, said in one vocabulary; and the edits that the desk makes itself.

An operation either leaves a face as it is (a crop, light, contrast) or makes another of it (parts
added, replaced, reshaped, invented by a program). The second sort is recorded like the first, and
the law room then denies the search: hiding it would be worse than trying it (failure F4).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from countenance.core import InputError
from countenance.faces import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_PARAMETERS = 16
_MOST_TEXT = 200


class Operation(StrEnum):
    """One kind of edit."""

    CROP = "crop"
    TURN = "turn"
    BRIGHTNESS = "brightness"
    CONTRAST = "contrast"
    GREY = "grey"
    COLOUR = "colour"
    RESIZE = "resize"
    SHARPEN = "sharpen"
    DENOISE = "denoise"
    DEINTERLACE = "deinterlace"
    STRAIGHTEN_LENS = "straighten-lens"
    # from here on, what the face looks like is changed
    MIRROR = "mirror"
    FILL_IN = "fill-in"
    CLONE = "clone"
    RESHAPE = "reshape"
    OPEN_EYES = "open-eyes"
    CLOSE_MOUTH = "close-mouth"
    TURN_HEAD = "turn-head"
    COMBINE = "combine"
    GENERATIVE_UPSCALE = "generative-upscale"
    GENERATIVE_OTHER = "generative-other"


ALTERING = frozenset(list(Operation)[list(Operation).index(Operation.MIRROR) :])
"""Operations after which the picture is no longer simply of that face."""

MADE_HERE = frozenset(list(Operation)[: list(Operation).index(Operation.COLOUR)])
"""Operations that `make` can do, so that anybody can do them again and compare the bytes."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One step: what was done, with what, and why.

    Attributes
    ----------
    parameters
        What it takes to do it again; short text, whole numbers, flags.
    alters
        Whoever did it says that it changes what the face looks like, whatever the operation.
    """

    operation: Operation
    parameters: Mapping[str, str | int | bool]
    tool: str
    tool_version: str
    reason: str
    alters: bool = False

    def __post_init__(self) -> None:
        for name in ("tool", "tool_version", "reason"):
            text = getattr(self, name)
            if not text.strip() or len(text) > _MOST_TEXT or not text.isprintable():
                raise InputError("not stated in one line", where=name,
                                 expected=f"1 to {_MOST_TEXT} characters")  # fmt: skip
        for name, value in self.parameters.items():
            short = isinstance(value, str) and len(value) <= _MOST_TEXT and value.isprintable()
            whole = isinstance(value, int) and abs(value) < 2**53
            if not (short or whole) or not 0 < len(name) <= 40:
                raise InputError("not a parameter", where=name[:40],
                                 expected="short text or a whole number")  # fmt: skip
        if len(self.parameters) > _MOST_PARAMETERS:
            raise InputError("too many parameters", expected=f"at most {_MOST_PARAMETERS}")

    @property
    def substantial(self) -> bool:
        """Whether the face is no longer simply that face."""
        return self.alters or self.operation in ALTERING


def make(picture: Picture, operation: Operation, parameters: Mapping[str, Any]) -> bytes:
    """Do an edit here: the new picture as PNG. The same call gives the same pixels.

    ``crop``: left, top, width, height in pixels of the upright picture. ``turn``: quarters
    clockwise. ``brightness``, ``contrast``: percent, 100 leaves it (`ImageEnhance`). ``grey``.

    Raises InputError for parameters that are not these, and for operations not in `MADE_HERE`.
    """
    from PIL import Image, ImageEnhance, ImageOps

    image = Image.fromarray(picture.pixels)
    match operation:
        case Operation.CROP:
            made = _crop(image, parameters)
        case Operation.TURN:
            (quarters,) = _numbers(parameters, quarters=(1, 3))
            made = image.rotate(-90 * quarters, expand=True)
        case Operation.BRIGHTNESS:
            (percent,) = _numbers(parameters, percent=(10, 400))
            made = ImageEnhance.Brightness(image).enhance(percent / 100)
        case Operation.CONTRAST:
            (percent,) = _numbers(parameters, percent=(10, 400))
            made = ImageEnhance.Contrast(image).enhance(percent / 100)
        case Operation.GREY:
            _numbers(parameters)
            made = ImageOps.grayscale(image)
        case _:
            raise InputError(f"{operation.value} is not made here",
                             do="make it in your tool and upload the result")  # fmt: skip
    out = io.BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def _crop(image: Image, parameters: Mapping[str, Any]) -> Image:
    left, top, width, height = _numbers(
        parameters, left=(0, image.width - 1), top=(0, image.height - 1),
        width=(1, image.width), height=(1, image.height),
    )  # fmt: skip
    if left + width > image.width or top + height > image.height:
        raise InputError("the crop reaches past the border", where="width, height")
    return image.crop((left, top, left + width, top + height))


def _numbers(parameters: Mapping[str, Any], **limits: tuple[int, int]) -> list[int]:
    if parameters.keys() != limits.keys():
        raise InputError("not the parameters of this", expected=", ".join(limits) or "none")
    for name, (least, most) in limits.items():
        value = parameters[name]
        if type(value) is not int or not least <= value <= most:
            raise InputError("not in its range", where=name, expected=f"{least} to {most}")
    return [parameters[name] for name in limits]
