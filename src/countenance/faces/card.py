"""What an engine is, what it returns, and what it says of itself.

An engine turns pictures into templates and does nothing else: no comparison, no threshold applied,
no file touched. Failing to enrol is one of its answers (`Enrolment` with another status than
``ok``), because a failure that vanishes into an exception is a failure nobody counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from countenance.core import ScoreUnit, digest_json
from countenance.faces.pictures import Picture, Unreadable

Selection = Literal["one", "largest"]
SELECTIONS: tuple[Selection, ...] = ("one", "largest")


class Status(StrEnum):
    """How an attempt to enrol one picture ended."""

    OK = "ok"
    NO_FACE = "no_face"
    MULTIPLE_FACES = "multiple_faces"
    TOO_SMALL = "too_small"
    UNREADABLE = "unreadable"
    ENGINE_ERROR = "engine_error"


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """The outcome for one picture: a template, or the reason there is none.

    Attributes
    ----------
    status, reason
        How it ended; `reason` is empty iff the status is ``ok``, else one plain sentence.
    template
        int16 (dimension,), read-only, iff the status is ``ok``.
    box
        (x, y, width, height) of the chosen face in pixels of the upright picture. It may reach
        past the border of the picture. None where no face was chosen.
    faces_found
        How many faces the detector reported.
    face_px
        Shorter side of the chosen face's box, in pixels of the picture as read.
    """

    status: Status
    reason: str = ""
    template: npt.NDArray[np.int16] | None = None
    box: tuple[int, int, int, int] | None = None
    faces_found: int = 0
    face_px: int | None = None

    def __post_init__(self) -> None:
        if (self.status is Status.OK) != (self.template is not None):
            raise ValueError("a template goes with the status ok, and only with it")
        if (self.status is Status.OK) != (self.reason == ""):
            raise ValueError("a reason goes with every status but ok")
        if self.template is not None:
            self.template.flags.writeable = False

    @property
    def ok(self) -> bool:
        """True iff there is a template."""
        return self.status is Status.OK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Enrolment):
            return NotImplemented
        same_template = (
            self.template is other.template
            if self.template is None or other.template is None
            else np.array_equal(self.template, other.template)
        )
        return same_template and self._rest() == other._rest()

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def _rest(self) -> tuple[object, ...]:
        return (self.status, self.reason, self.box, self.faces_found, self.face_px)


@dataclass(frozen=True, slots=True)
class Model:
    """One file of weights: which bytes, whose, under what licence.

    Attributes
    ----------
    name
        What people call it: ``SFace 2021dec, block-quantised``.
    file, sha256, bytes
        File name, SHA-256 in hex, size. Nothing else is ever loaded.
    licence, source
        SPDX identifier or the author's words; where it was published.
    package
        Import name of the installed package that carries the file in its folder ``models``.
    note
        What a person should know about it.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    source: str
    package: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class EngineCard:
    """What an engine says of itself, readable without loading a model.

    Attributes
    ----------
    name, version
        The registered name, and the version of the *engine*: its author raises it with every
        change that can alter a template or a status.
    models, settings, selection, min_face_px
        Weights; every constant of detection, alignment and input; what happens when a picture
        shows several faces; the least `Enrolment.face_px` that is enrolled (0: no limit).
    parts
        Versions of everything else that can alter a bit of a template: libraries, and the hash
        of the engine's own code.
    unit, dimension
        Meaning and scale of a score; components of a template.
    default_threshold, threshold_source
        Decimal text, and where upstream documents it.
    licence, training_data
        Of the engine as a whole; what is known of the data behind the weights.
    """

    name: str
    version: str
    models: tuple[Model, ...]
    unit: ScoreUnit
    dimension: int
    default_threshold: str
    threshold_source: str
    licence: str
    training_data: str
    selection: Selection = "one"
    min_face_px: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """SHA-256 of what the engine *is*: the same on every machine that runs it.

        Covers name, version, model hashes, unit, dimension, settings, selection and size limit.
        Use it to ask "is this the engine that was audited?".
        """
        return digest_json(self._identity())

    @property
    def digest(self) -> str:
        """SHA-256 of everything that can alter a bit of a template or a status.

        `identity` and `parts`. Use it to key stored templates: a template made with another
        JPEG decoder, inference library or revision of the code is never taken for this one's.
        Thresholds, licences and notes are in neither.
        """
        return digest_json({**self._identity(), "parts": dict(self.parts)})

    def to_json(self) -> dict[str, Any]:
        """As written into audits and shown by ``countenance engines``."""
        return {
            "name": self.name,
            "version": self.version,
            "identity": self.identity,
            "digest": self.digest,
            "models": [asdict(model) for model in self.models],
            "unit": self.unit.to_json(),
            "dimension": self.dimension,
            "default_threshold": self.default_threshold,
            "threshold_source": self.threshold_source,
            "selection": self.selection,
            "min_face_px": self.min_face_px,
            "settings": dict(self.settings),
            "parts": dict(self.parts),
            "licence": self.licence,
            "training_data": self.training_data,
        }

    def _identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "models": [model.sha256 for model in self.models],
            "unit": self.unit.to_json(),
            "dimension": self.dimension,
            "selection": self.selection,
            "min_face_px": self.min_face_px,
            "settings": dict(self.settings),
        }


class Engine(Protocol):
    """Pictures in, enrolments out. `docs/engines.md` says how to add one."""

    @property
    def card(self) -> EngineCard:
        """What this engine is, as loaded."""

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        """One enrolment for each picture, in order.

        Detects, aligns and embeds. The answer for a picture does not depend on the others in the
        call, their order, or the number of threads; no picture's failure stops another's.
        """


class EngineClass(Protocol):
    """What an entry point of the group ``countenance.engines`` names."""

    def __call__(
        self, *, selection: Selection = "one", min_face_px: int | None = None, workers: int = 0
    ) -> Engine:
        """Load the models, verified. `workers` 0 means one a processor."""

    def describe(
        self, *, selection: Selection = "one", min_face_px: int | None = None
    ) -> EngineCard:
        """The card this engine would have, without loading a model or a heavy library."""

    def missing(self) -> str | None:
        """What has to be installed before it can be loaded, as a command; None if nothing."""
