"""What a comparison score means: its unit, its direction and its exact integer.

Inside this project a score is one number ``s`` that grows with similarity, so that the decision
rule is always NIST's: a comparison is a match at threshold ``T`` iff ``s >= T``. For the engines
that make templates, ``s`` is an exact integer (docs/adr/0007):

=============  ==========================  =========================================
kind           s                           unit shown to people
=============  ==========================  =========================================
cosine         integer dot product         ``s / scale**2``
distance       minus the squared distance  ``sqrt(-s) / scale`` (Euclidean)
similarity     the table's number          the same number
dissimilarity  minus the table's number    the table's number
=============  ==========================  =========================================

Thresholds come in as the text a person typed and are turned into ``T`` with exact rational
arithmetic, so that a score that lies on the threshold is on the documented side of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from countenance.core.errors import InputError

Kind = Literal["cosine", "distance", "similarity", "dissimilarity"]
_KINDS: tuple[Kind, ...] = ("cosine", "distance", "similarity", "dissimilarity")


def read_decimal(text: str) -> Fraction | None:
    """The number a person typed, exactly; None for what is no finite number.

    Numbers beyond 10^99 either way are refused too: exact arithmetic on an exponent of a billion
    would take all memory there is.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    return Fraction(number)


_MOST_DIGITS = 99


@dataclass(frozen=True, slots=True)
class ScoreUnit:
    """Unit and direction of a comparison score.

    Attributes
    ----------
    kind
        ``cosine`` and ``distance`` are exact integers made by this project; ``similarity`` and
        ``dissimilarity`` are another system's numbers taken as they are.
    name
        The unit in words: ``cosine similarity``.
    scale
        The factor by which a template was multiplied before rounding; None for the other two.
    """

    kind: Kind
    name: str
    scale: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise InputError(f"unknown score kind {self.kind!r}", expected=", ".join(_KINDS))
        if self.exact != (self.scale is not None):
            raise InputError(f"a {self.kind} score {'needs' if self.exact else 'has no'} scale")

    @property
    def exact(self) -> bool:
        """True where ``s`` is an exact integer."""
        return self.kind in ("cosine", "distance")

    @property
    def higher_is_more_similar(self) -> bool:
        """Direction of the unit shown to people (``s`` itself always grows with similarity)."""
        return self.kind in ("cosine", "similarity")

    @property
    def rule(self) -> str:
        """The decision rule in the unit shown to people."""
        sign = ">=" if self.higher_is_more_similar else "<="
        return f"candidate iff {self.name} {sign} threshold"

    def threshold(self, value: str | float | Decimal | Fraction) -> int | float:
        """The ``T`` for a threshold in this unit, such that ``s >= T`` is the documented rule.

        Text and Decimal are read exactly; a float is read as the shortest decimal that names it
        (0.363 means 0.363, not the binary number nearest to it).
        """
        exact = value if isinstance(value, Fraction) else read_decimal(str(value))
        if exact is None:
            raise InputError(f"{value!r} is not a threshold", expected=f"a number in {self.name}")
        if self.kind == "cosine":
            return math.ceil(exact * self._factor**2)
        if self.kind == "distance":
            if exact < 0:
                raise InputError(f"{value} is not a distance", expected="a number from 0 up")
            return -math.floor((exact * self._factor) ** 2)
        return float(exact) if self.kind == "similarity" else -float(exact)

    def to_unit(self, s: float) -> float:
        """One ``s`` in the unit shown to people."""
        if self.kind == "cosine":
            return float(s) / self._factor**2
        if self.kind == "distance":
            return math.sqrt(-min(float(s), 0.0)) / self._factor
        return float(s) if self.kind == "similarity" else -float(s)

    def to_units(self, s: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """An array of ``s`` (any shape) in the unit shown to people, float64."""
        values = np.asarray(s, dtype=np.float64)
        if self.kind == "cosine":
            return values / self._factor**2
        if self.kind == "distance":
            return np.asarray(np.sqrt(-np.minimum(values, 0.0)) / self._factor)
        return values if self.kind == "similarity" else -values

    def stored(self, s: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The number a score table holds for ``s``: dot product, squared distance, or as given.

        The same sign change turns the stored number back into ``s``.
        """
        return s if self.higher_is_more_similar else -s

    def to_json(self) -> dict[str, Any]:
        """As written into score tables and audits."""
        return {"kind": self.kind, "name": self.name, "scale": self.scale}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ScoreUnit:
        """The inverse of `to_json`."""
        return cls(kind=value["kind"], name=value["name"], scale=value.get("scale"))

    @property
    def _factor(self) -> int:
        if self.scale is None:
            raise TypeError(f"a {self.kind} score has no scale")
        return self.scale
