"""Exact comparison scores from integer templates (docs/adr/0007).

A template is int16 and its Euclidean length stays below 4096, so by Cauchy-Schwarz every partial
sum of a dot product of two templates stays below 2^24 in magnitude: a float32 matrix product of
such integers is exact whatever the BLAS, the thread count, the order of summation or the machine.
The score ``s`` grows with similarity (see `core.ScoreUnit`):

* cosine: ``s = a . b``, below 2^24, exact in float32;
* distance: ``s = 2 a . b - a . a - b . b = -|a - b|^2``, below 2^26, formed in int32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, ScoreUnit

Int16 = npt.NDArray[np.int16]
Tile = npt.NDArray[np.float32] | npt.NDArray[np.int32]

#: Length below which dot products of integer templates are exact in float32.
LENGTH_LIMIT = 4096


class ExactTemplates:
    """Integer templates prepared for exact products.

    Parameters
    ----------
    templates
        int16, shape (n, d).
    unit
        A ``cosine`` or ``distance`` unit.

    Raises
    ------
    InputError
        Wrong type or shape, or a template so long that a float32 product could round.
    """

    def __init__(self, templates: Int16, unit: ScoreUnit) -> None:
        if templates.dtype != np.int16 or templates.ndim != 2:
            raise InputError(
                f"templates are {templates.dtype} of shape {templates.shape}",
                expected="int16 of shape (n, d)",
            )
        if not unit.exact:
            raise InputError(f"a {unit.kind} score is not made from templates here")
        wide = templates.astype(np.int64)
        squares = np.einsum("ij,ij->i", wide, wide)
        if squares.size and int(squares.max()) >= LENGTH_LIMIT**2:
            raise InputError(
                f"template {int(squares.argmax())} has length {int(squares.max()) ** 0.5:.0f}",
                expected=f"below {LENGTH_LIMIT}, so that float32 products stay exact",
                do="make templates with the engine's own scale",
            )
        self.unit = unit
        self.values = np.ascontiguousarray(templates, dtype=np.float32)
        self.squares = squares.astype(np.int32)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: npt.NDArray[np.intp]) -> ExactTemplates:
        """The templates at `index`, in that order, already prepared."""
        part = object.__new__(ExactTemplates)
        part.unit = self.unit
        part.values = self.values[index]
        part.squares = self.squares[index]
        return part

    def tile(self, rows: slice, other: ExactTemplates, columns: slice) -> Tile:
        """Scores of `rows` of these against `columns` of `other`, shape (rows, columns).

        float32 holding exact integers for cosine (2^24 is its limit), int32 for distance.
        """
        product = self.values[rows] @ other.values[columns].T
        if self.unit.kind == "cosine":
            return product
        doubled = (2.0 * product).astype(np.int32)  # below 2^25 and even: exact in float32
        doubled -= self.squares[rows, None]
        doubled -= other.squares[None, columns]
        return doubled


def score_pairs(
    templates: ExactTemplates,
    probe: npt.NDArray[np.integer],
    reference: npt.NDArray[np.integer],
) -> npt.NDArray[np.int32]:
    """Scores of listed comparisons, int32 of shape (m,): one-vs-one protocols.

    `probe` and `reference` index `templates`.
    """
    out = np.empty(len(probe), dtype=np.int32)
    step = max(1, (1 << 22) // max(1, templates.values.shape[1]))
    for start in range(0, len(probe), step):
        part = slice(start, start + step)
        a, b = probe[part], reference[part]
        # one row against one row is not a matrix product: int64 costs nothing here
        dot = np.einsum(
            "ij,ij->i",
            templates.values[a].astype(np.int64),
            templates.values[b].astype(np.int64),
        )
        if templates.unit.kind == "distance":
            dot = 2 * dot - templates.squares[a] - templates.squares[b]
        out[part] = dot
    return out
