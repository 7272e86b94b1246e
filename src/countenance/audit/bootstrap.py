"""The vertex bootstrap: people, not pairs, are drawn again.

For what has no closed form: bands round whole curves, and thresholds that were set on the same
data. For one rate `interval.rate_interval` is better and far cheaper; for the largest ratio of
groups never use a percentile bootstrap (see `simultaneous`).

A replicate gives person i the weight w_i (how often i was drawn) and a pair the weight w_i w_j.
Two copies of one person are not a pair of different people, so they never meet: that mistake
would put comparisons of an image with itself among the non-mated ones.

Only errors are visited. A threshold at a false match rate of one in a hundred needs one in a
hundred of the pairs, for all replicates at once, which is what makes this fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.audit.variance import Floats
from countenance.core import InputError

Ints = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]

_BLOCK = 256  # pairs a step, so that their weights stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Errors:
    """The comparisons that are errors at one threshold at least.

    Attributes
    ----------
    first, second
        (P,) the two people of each comparison, as columns of the weights.
    reached
        (P,) at how many of the K ascending thresholds the comparison is at or above, 1 to K:
        it is an error at the first `reached` of them.
    share
        (P,) 1 over the number of comparisons of that pair of people; None when each has one.
    """

    first: Ints
    second: Ints
    reached: Ints
    share: Floats | None = None


def draw_weights(strata: Ints, *, replicates: int, rng: np.random.Generator) -> Weights:
    """(replicates, n) times each person is drawn, with replacement within the own stratum.

    The same weights serve every rate of an audit, so that rates of shared people stay correlated.

    Parameters
    ----------
    strata
        (n,) group of each person; groups keep their sizes.
    replicates
        How often people are drawn again.
    rng
        The only source of chance.
    """
    out = np.empty((replicates, len(strata)), dtype=np.float32)
    for value in np.unique(strata):
        where = np.flatnonzero(strata == value)
        n = len(where)
        drawn = rng.integers(0, n, (replicates, n)) + np.arange(replicates)[:, None] * n
        out[:, where] = np.bincount(drawn.ravel(), minlength=replicates * n).reshape(-1, n)
    return out


def pair_weight(
    weights: Weights,
    rows: Ints,
    columns: Ints | None = None,
    *,
    compared: tuple[Ints, Ints] | None = None,
) -> Floats:
    """(replicates,) total weight of the compared pairs: the denominator of a replicate's FMR.

    Parameters
    ----------
    weights
        From `draw_weights`.
    rows, columns
        The people of one group, all pairs compared; or of two groups, all pairs between them.
    compared
        Where not every pair was: the two people of each compared pair (then rows and columns
        are not used).
    """
    if compared is not None:
        ones = np.ones(len(compared[0]), dtype=np.int64)
        return error_curves(weights, Errors(*compared, ones), thresholds=1)[:, 0]
    w = weights[:, rows].astype(np.float64)
    if columns is None:
        out: Floats = (w.sum(axis=1) ** 2 - (w * w).sum(axis=1)) / 2
        return out
    if np.intersect1d(rows, columns).size:
        raise InputError("the two groups share people", expected="disjoint rows and columns")
    between: Floats = w.sum(axis=1) * weights[:, columns].sum(axis=1, dtype=np.float64)
    return between


def error_curves(weights: Weights, errors: Errors, *, thresholds: int) -> Floats:
    """(replicates, K) weight of the pairs in error at each threshold: the numerator.

    Raises
    ------
    InputError
        A comparison of a person with the same person, or `reached` outside 1..K.
    """
    if np.any(errors.first == errors.second):
        raise InputError("a person is compared with themself", expected="pairs of two people")
    if len(errors.reached) and not (
        errors.reached.min() >= 1 and errors.reached.max() <= thresholds
    ):
        raise InputError("reached is outside the thresholds", expected=f"1 to {thresholds}")
    order = np.argsort(-errors.reached, kind="stable")
    reached = errors.reached[order]
    by_person = np.ascontiguousarray(weights.T)
    at_exactly = np.zeros((thresholds + 1, weights.shape[0]))
    starts = np.flatnonzero(np.diff(reached, prepend=-1))
    ends = np.append(starts, len(reached))[1:]
    for start, end in zip(starts, ends, strict=True):
        for at in range(start, end, _BLOCK):
            part = order[at : min(end, at + _BLOCK)]
            one, other = by_person[errors.first[part]], by_person[errors.second[part]]
            if errors.share is not None:
                one *= errors.share[part, None].astype(np.float32)
            at_exactly[reached[start]] += np.einsum("pb,pb->b", one, other)
    out: Floats = at_exactly[:0:-1].cumsum(axis=0)[::-1].T
    return out


def fnmr_curves(weights: Weights, misses: Floats, mated: Floats) -> Floats:
    """(replicates, K) FNMR; `misses` (K, n) and `mated` (n,) as in `variance.fnmr`."""
    w = weights.astype(np.float64)
    total = (w @ mated)[:, None]
    out = np.full((len(w), len(misses)), np.nan)
    np.divide(w @ misses.T, total, out=out, where=total > 0)
    return out


def first_within(curves: Floats, target: float) -> Ints:
    """(replicates,) first of the ascending thresholds with FMR at most `target`; K when none.

    For a threshold that was set on the data: each replicate sets its own, and whatever is read
    off at it (FNMR, a ratio) carries the uncertainty of the threshold with it.
    """
    low_enough = curves <= target
    none = curves.shape[1]
    out: Ints = np.where(low_enough.any(axis=1), low_enough.argmax(axis=1), none)
    return out


def percentile_band(curves: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Pointwise percentile interval over replicates; conservative for a curve of one group.

    With few errors it fails (docs/statistics.md, 6): use it where `rate_interval` is
    supported, never for a maximum over groups.
    """
    tail = (1 - level) / 2
    low, high = np.nanquantile(curves, [tail, 1 - tail], axis=0)
    return low, high
