"""What an examiner looks at and may conclude: a feature list and a scale, both stated.

Faces are compared by their features, seen one by one from top to bottom, as morphological
analysis asks (ASTM E3149-26, Standard Practice for Facial Image Comparison Feature List for
Morphological Analysis; the components here are named in our words). The probe's features are noted
before any candidate is seen, and what was not visible then cannot agree later (failure F9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from countenance.core import InputError

STANDARD = "ASTM E3149-26 (2026)"
_LEAST_WORDS = 12
_MOST_TEXT = 2000


class Component(StrEnum):
    """Parts of a face, from top to bottom, then what belongs to all of it."""

    HAIRLINE = "hairline"
    FOREHEAD = "forehead"
    BROWS = "brows"
    EYES = "eyes"
    EARS = "ears"
    CHEEKS = "cheeks"
    NOSE = "nose"
    MOUTH = "mouth"
    FACIAL_HAIR = "facial-hair"
    CHIN_AND_JAW = "chin-and-jaw"
    NECK = "neck"
    OUTLINE = "outline"
    PROPORTIONS = "proportions"
    SKIN = "skin"
    LINES = "lines"
    SCARS_AND_MARKS = "scars-and-marks"
    ALTERATIONS = "alterations"


SAYS: Mapping[Component, str] = {
    Component.HAIRLINE: "where the hair begins, its shape, thin or bald places",
    Component.FOREHEAD: "height, width and slope of the forehead",
    Component.BROWS: "shape, thickness and place of the eyebrows",
    Component.EYES: "shape and spacing of the eyes, lids and folds",
    Component.EARS: "shape of the ears, how they stand off, lobes",
    Component.CHEEKS: "cheekbones and fullness of the cheeks",
    Component.NOSE: "bridge, tip, wings and nostrils",
    Component.MOUTH: "lips, corners of the mouth, groove above the lip",
    Component.FACIAL_HAIR: "beard and moustache: where they grow",
    Component.CHIN_AND_JAW: "shape of the chin and line of the jaw",
    Component.NECK: "the neck and what stands out on it",
    Component.OUTLINE: "the outline of head and face",
    Component.PROPORTIONS: "how the parts stand to each other; judged, never measured",
    Component.SKIN: "texture and tone of the skin, as far as the light allows",
    Component.LINES: "lines and creases",
    Component.SCARS_AND_MARKS: "scars, moles, spots and other lasting marks",
    Component.ALTERATIONS: "tattoos, piercings, surgery, make-up, glasses",
}
"""What each component covers, for the form."""


class Visible(StrEnum):
    """How well a component can be seen in the probe."""

    CLEAR = "clear"
    PARTLY = "partly"
    NOT_VISIBLE = "not-visible"


class Agreement(StrEnum):
    """How a component of the candidate compares with the probe's."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_VISIBLE = "not-visible"


class Conclusion(StrEnum):
    """The scale, in rising order. None of its steps is an identification."""

    DIFFERENT = "features-support-different-people"
    SOME_DIFFERENT = "features-somewhat-support-different-people"
    INCONCLUSIVE = "inconclusive"
    SOME_SAME = "features-somewhat-support-one-person"
    SAME = "features-support-one-person"


@dataclass(frozen=True, slots=True)
class ProbeNotes:
    """What an examiner sees in the probe alone: every component, and words on its limits."""

    visible: Mapping[Component, Visible]
    words: str

    def __post_init__(self) -> None:
        _complete(self.visible, "what can be seen in the probe")
        _enough(self.words, "notes on the probe")

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {"standard": STANDARD, "visible": _plain(self.visible), "words": self.words}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ProbeNotes:
        """The inverse of `to_json`."""
        seen = {Component(name): Visible(how) for name, how in value["visible"].items()}
        return cls(seen, value["words"])


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an examiner found of one candidate: every component, a conclusion and its grounds."""

    features: Mapping[Component, Agreement]
    conclusion: Conclusion
    grounds: str

    def __post_init__(self) -> None:
        _complete(self.features, "the feature list")
        _enough(self.grounds, "grounds")
        seen = set(self.features.values())
        wanted = {
            Conclusion.SAME: Agreement.AGREE, Conclusion.SOME_SAME: Agreement.AGREE,
            Conclusion.DIFFERENT: Agreement.DIFFER, Conclusion.SOME_DIFFERENT: Agreement.DIFFER,
        }.get(self.conclusion)  # fmt: skip
        if wanted is not None and wanted not in seen:
            raise InputError(
                f"no component is said to {wanted.value}", where=self.conclusion.value,
                do="note the features that the conclusion rests on, or say inconclusive",
            )  # fmt: skip

    def check_against(self, notes: ProbeNotes) -> None:
        """Raise InputError where a component is compared that was not visible in the probe."""
        for component, how in notes.visible.items():
            if (
                how is Visible.NOT_VISIBLE
                and self.features[component] is not Agreement.NOT_VISIBLE
            ):
                raise InputError(
                    f"{component.value} was noted as not visible in the probe",
                    where="feature list", do="what was not seen before cannot be compared now",
                )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {
            "standard": STANDARD, "features": _plain(self.features),
            "conclusion": self.conclusion.value, "grounds": self.grounds,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Comparison:
        """The inverse of `to_json`."""
        features = {Component(name): Agreement(how) for name, how in value["features"].items()}
        return cls(features, Conclusion(value["conclusion"]), value["grounds"])


def _plain(named: Mapping[Component, StrEnum]) -> dict[str, str]:
    return {each.value: named[each].value for each in Component}


def _complete(named: Mapping[Component, Any], what: str) -> None:
    missing = [each.value for each in Component if each not in named]
    if missing or len(named) != len(Component):
        raise InputError(f"{what} is not complete", where=", ".join(missing) or None,
                         expected="every component, those not visible, too")  # fmt: skip


def _enough(text: str, where: str) -> None:
    if not len(text.strip()) >= _LEAST_WORDS or len(text) > _MOST_TEXT:
        raise InputError("this says too little or too much", where=where,
                         expected=f"{_LEAST_WORDS} to {_MOST_TEXT:,} characters")  # fmt: skip
