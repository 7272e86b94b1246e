"""From an engine's numbers to an exact integer template (docs/adr/0007).

A template is int16 and its Euclidean norm stays below 2**12, so that by Cauchy-Schwarz the dot
product of any two, and every partial sum on the way to it, stays below 2**24. Integers that small
are exact in float32, whatever the order of summation: scores are the same bits everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, ScoreUnit

NORM_SQUARED_LIMIT = 2**24
"""Squared norm a template must stay below. |a||b| < 2**24 follows for every pair."""

COSINE_SCALE = 4000
"""Of unit vectors; 4000 + sqrt(d)/2, the norm if all components round up, < 4096 to d = 36,000."""


def quantise(embeddings: npt.ArrayLike, unit: ScoreUnit) -> npt.NDArray[np.int16]:
    """Integer templates of embeddings.

    Parameters
    ----------
    embeddings
        float (n, d), as the network gives them.
    unit
        ``cosine``: each row is unit-normalised in float64, then multiplied by the scale.
        ``distance``: each row is multiplied by the scale as it is, since its norm means something.
        Components are rounded half to even.

    Returns
    -------
    int16 (n, d).

    Raises
    ------
    InputError
        A row is not finite, is zero under ``cosine``, or would leave the exact range; or the
        unit is one this project makes no templates for.
    """
    if unit.scale is None:
        raise InputError(f"templates are not made for a {unit.kind} score")
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2:
        raise InputError(f"embeddings of shape {rows.shape}", expected="two axes: (n, d)")
    _refuse(np.logical_not(np.isfinite(rows).all(axis=1)), "is not finite")
    if unit.kind == "cosine":
        largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
        _refuse(largest[:, 0] == 0.0, "is zero: it has no direction")
        rows = rows / largest  # first, so that the squares neither overflow nor vanish
        rows = rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    whole = np.rint(np.clip(rows * unit.scale, -(2.0**15), 2.0**15)).astype(np.int64)
    _refuse(
        (whole * whole).sum(axis=1) >= NORM_SQUARED_LIMIT,
        f"has a norm of {np.sqrt(NORM_SQUARED_LIMIT) / unit.scale:.4g} or more: "
        "its scores would not be exact",
    )
    return whole.astype(np.int16)


def _refuse(bad: npt.NDArray[np.bool_], why: str) -> None:
    if bad.any():
        raise InputError(f"embedding {why}", where=f"row {int(np.argmax(bad))}")
