"""What both engines do alike: choosing a face, versions for the card, threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from countenance.core import CountenanceError, processors, sha256_bytes
from countenance.faces.card import EngineCard, Enrolment, Status
from countenance.faces.pictures import Picture, Unreadable
from countenance.faces.templates import quantise

T = TypeVar("T")
R = TypeVar("R")
Box = tuple[float, float, float, float]


def choose(boxes: Sequence[Box], card: EngineCard) -> int | Enrolment:
    """Index of the face to enrol, or the enrolment that says why there is none.

    `boxes` are (x, y, width, height) in pixels of the picture as read. The largest area wins;
    of equal ones the leftmost, then the topmost.
    """
    found = len(boxes)
    if found == 0:
        return Enrolment(Status.NO_FACE, "no face was found in the picture")
    if found > 1 and card.selection == "one":
        return Enrolment(
            Status.MULTIPLE_FACES,
            f"{found} faces were found where one is expected",
            faces_found=found,
        )
    chosen = min(range(found), key=lambda i: (-boxes[i][2] * boxes[i][3], *boxes[i][:2]))
    face_px = shorter_side(boxes[chosen])
    if face_px < card.min_face_px:
        return Enrolment(
            Status.TOO_SMALL,
            f"the face is {face_px} pixels across; at least {card.min_face_px} are needed",
            box=whole_box(boxes[chosen]),
            faces_found=found,
            face_px=face_px,
        )
    return chosen


def finish(
    embedding: npt.NDArray[np.floating], boxes: Sequence[Box], chosen: int, card: EngineCard
) -> Enrolment:
    """The enrolment of an embedding (d,)."""
    return Enrolment(
        Status.OK,
        template=quantise(embedding[np.newaxis], card.unit)[0],
        box=whole_box(boxes[chosen]),
        faces_found=len(boxes),
        face_px=shorter_side(boxes[chosen]),
    )


def shorter_side(box: Box) -> int:
    """Of a box, in whole pixels."""
    return round(min(box[2], box[3]))


def whole_box(box: Box) -> tuple[int, int, int, int]:
    """The box in whole pixels."""
    return round(box[0]), round(box[1]), round(box[2]), round(box[3])


def enrol_each(
    one: Callable[[Picture], Enrolment], pictures: Sequence[Picture | Unreadable], workers: int
) -> list[Enrolment]:
    """Apply `one` to each picture, in threads; whatever it raises becomes its enrolment."""

    def guarded(picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, picture.reason)
        try:
            return one(picture)
        except CountenanceError as error:
            return Enrolment(Status.ENGINE_ERROR, error.what)
        except Exception as error:  # a library's failure on one picture must not stop the batch
            return Enrolment(Status.ENGINE_ERROR, f"{type(error).__name__}: {error}")

    return in_order(guarded, pictures, workers)


def in_order(function: Callable[[T], R], items: Sequence[T], workers: int) -> list[R]:
    """``[function(item) for item in items]`` in at most `workers` threads (0: one a processor)."""
    threads = min(workers or processors(), len(items))
    if threads <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="enrol") as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:  # Ctrl-C: do not start what has not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def versions(*distributions: str) -> dict[str, str]:
    """Installed versions by distribution; several names joined by ``|`` are alternatives."""
    found = {}
    for alternatives in distributions:
        names = alternatives.split("|")
        found[names[0]] = next((v for name in names if (v := _version(name))), "not installed")
    return found


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@cache
def code_digest(*modules: str) -> str:
    """SHA-256 over the sources of modules of this room: a forgotten version shows here."""
    folder = Path(__file__).parent
    return sha256_bytes(b"\0".join((folder / f"{m}.py").read_bytes() for m in sorted(modules)))
