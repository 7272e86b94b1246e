"""The differential measures of many simulated sets of rates at once, for the noise floor.

The same measures as in `differentials`, which answers for one set in words; a parity noise floor
asks for thousands of sets, and array arithmetic is a hundred times quicker at that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def over_draws(rates: npt.ArrayLike) -> dict[str, npt.NDArray[np.float64]]:
    """The measures of spread of many simulated sets of rates at once, for the noise floor.

    `rates`: shape (..., groups), at least two groups. Each value: shape (...), NaN where the
    measure is undefined, equal to the single functions' values up to rounding. `OVER_DRAWS` holds
    the same as one function a measure.
    """
    return {name: measure(rates) for name, measure in OVER_DRAWS.items()}


def _draws(
    value: Callable[[Floats], Floats], *, positive: bool
) -> Callable[[npt.ArrayLike], Floats]:
    def measure(rates: npt.ArrayLike) -> Floats:
        a = np.asarray(rates, dtype=np.float64)
        bad = np.any(a == 0, axis=-1) if positive else np.all(a == 0, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bad, np.nan, value(a))

    return measure


def _geomeans(a: Floats) -> Floats:
    return np.asarray(np.exp(np.log(a).mean(axis=-1)))


def _ginis(a: Floats) -> Floats:
    # sum_ij |a_i - a_j| / 2 from sorted values: the i-th smallest counts 2i - n - 1 times.
    n = a.shape[-1]
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return np.asarray((np.sort(a, axis=-1) @ weights) / (n * a.sum(axis=-1)))


OVER_DRAWS: Mapping[str, Callable[[npt.ArrayLike], Floats]] = {
    "max_over_min": _draws(lambda a: a.max(axis=-1) / a.min(axis=-1), positive=True),
    "max_over_mean": _draws(lambda a: a.max(axis=-1) / a.mean(axis=-1), positive=False),
    "max_over_geomean": _draws(lambda a: a.max(axis=-1) / _geomeans(a), positive=True),
    "vary_geomean": _draws(
        lambda a: np.abs(np.log10(a / _geomeans(a)[..., None])).mean(axis=-1), positive=True
    ),
    "gini_corrected": _draws(
        lambda a: _ginis(a) * (a.shape[-1] / (a.shape[-1] - 1)), positive=False
    ),
    "gini_plain": _draws(_ginis, positive=False),
    "sed": lambda rates: np.asarray(np.std(np.asarray(rates, dtype=np.float64), axis=-1)),
    "reliability_bias": _draws(
        lambda a: np.abs(np.log(a / a.mean(axis=-1, keepdims=True))).mean(axis=-1), positive=True
    ),
}
