"""From a score to a likelihood ratio, and how much such ratios say.

The likelihood ratio of a score is ``p(score | same person) / p(score | different people)``, the
different people being those the question is about: the same score has a smaller ratio in a group
with a higher FMR. Cllr measures a set of ratios: 0 is perfect, 1 says nothing, above 1 misleads.
Cllr_min is what the same scores could give with the best monotone calibration, the difference is
what calibration loses (Brümmer & du Preez 2006, seen in secondary sources; docs/measures.md, 5).

Tied scores are pooled before anything else. A method that lets the order within a tie decide
flatters the system: it can put the non-mated ones first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.core import InputError

Floats = npt.NDArray[np.float64]
_NEWTON_STEPS = 100


@dataclass(frozen=True, slots=True)
class Cllr:
    """Cllr of given ratios, its part that no monotone recalibration removes, and the rest."""

    cllr: float
    minimum: float

    @property
    def calibration_loss(self) -> float:
        """Cllr_cal; infinite where a ratio of 0 or infinity was on the wrong side."""
        return self.cllr - self.minimum


def cllr(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> float:
    """Log-likelihood-ratio cost of likelihood ratios, in bits.

    ``(mean_mated log2(1 + 1/LR) + mean_nonmated log2(1 + LR)) / 2``. A ratio of 0 on the mated
    side, or infinity on the other, makes it infinite.
    """
    return _cllr_of_logs(*(_log_ratios(r, what) for r, what in _both(mated, nonmated)))


def cllr_min(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> float:
    """Cllr after the best monotone calibration of these very scores (or ratios), ties pooled."""
    return pav(mated, nonmated).cllr


def cllr_parts(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> Cllr:
    """Cllr and Cllr_min of the same likelihood ratios."""
    return Cllr(cllr(mated, nonmated), cllr_min(mated, nonmated))


@dataclass(frozen=True, slots=True)
class PavCalibration:
    """Steps of likelihood ratio that rise with the score: the best monotone fit.

    Attributes
    ----------
    start
        Lowest score of each step, rising.
    mated, nonmated
        Counts of scores in each step.
    """

    start: Floats
    mated: npt.NDArray[np.int64]
    nonmated: npt.NDArray[np.int64]

    @property
    def log10_lr(self) -> Floats:
        """log10 LR of each step: infinite, of either sign, where one class is absent."""
        with np.errstate(divide="ignore"):
            mated = np.log10(self.mated / self.mated.sum())
            return np.asarray(mated - np.log10(self.nonmated / self.nonmated.sum()))

    @property
    def cllr(self) -> float:
        """Cllr of the scores it was fitted to: Cllr_min."""
        logs = self.log10_lr * math.log(10)
        cost_mated = np.logaddexp(0, -logs[self.mated > 0]) @ self.mated[self.mated > 0]
        cost_non = np.logaddexp(0, logs[self.nonmated > 0]) @ self.nonmated[self.nonmated > 0]
        bits = cost_mated / self.mated.sum() + cost_non / self.nonmated.sum()
        return float(bits) / (2 * math.log(2))

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """log10 LR of any scores; below the first step, the first step's."""
        step = np.searchsorted(self.start, np.asarray(scores, dtype=np.float64), side="right") - 1
        return np.asarray(self.log10_lr[np.maximum(step, 0)])


def pav(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> PavCalibration:
    """Pool-adjacent-violators calibration on tie-pooled scores.

    ``LR = [p / (1-p)] / (M/N)`` with p the isotonic share of mated scores. Shapes (M,), (N,).
    """
    g, s = (_scores(r, what) for r, what in _both(mated, nonmated))
    start, where = np.unique(np.concatenate([g, s]), return_inverse=True)
    k = np.bincount(where[: g.size], minlength=start.size)
    n = np.bincount(where[g.size :], minlength=start.size)
    # Neighbours that are all mated or all non-mated end in one step anyway: join them at once.
    kind = np.where(n == 0, 1, np.where(k == 0, -1, 0))
    first = np.flatnonzero(np.r_[True, (kind[1:] == 0) | (kind[1:] != kind[:-1])])
    k, n, start = np.add.reduceat(k, first), np.add.reduceat(n, first), start[first]
    steps: list[tuple[float, int, int]] = []
    for at, mates, others in zip(start.tolist(), k.tolist(), n.tolist(), strict=True):
        low, m, o = at, mates, others
        # A step must have a larger share of mated scores than the one before (integers, exact).
        while steps and steps[-1][1] * o >= m * steps[-1][2]:
            low, m, o = steps[-1][0], steps[-1][1] + m, steps[-1][2] + o
            steps.pop()
        steps.append((low, m, o))
    return PavCalibration(
        start=np.array([step[0] for step in steps], dtype=np.float64),
        mated=np.array([step[1] for step in steps], dtype=np.int64),
        nonmated=np.array([step[2] for step in steps], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class AffineCalibration:
    """``ln LR = offset + slope * score``."""

    offset: float
    slope: float

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """log10 LR of scores, any shape."""
        values = np.asarray(scores, dtype=np.float64)
        return np.asarray((self.offset + self.slope * values) / math.log(10))


def fit_affine(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> AffineCalibration:
    """Logistic regression of mated against non-mated, each class weighing one half.

    The line minimises Cllr over all affine calibrations of these scores.

    Raises
    ------
    InputError
        One class is empty, or the classes do not overlap: no finite line is best then.
    """
    g, s = (_scores(r, what) for r, what in _both(mated, nonmated))
    if s.max() <= g.min() or g.max() <= s.min():
        raise InputError(
            "mated and non-mated scores do not overlap: every steeper line fits better",
            expected="scores that overlap",
            do="use the PAV calibration with its caps, or more data",
        )
    everything = np.concatenate([g, s])
    centre, width = float(everything.mean()), float(everything.std())
    x = (everything - centre) / width
    y = np.r_[np.ones(g.size), np.zeros(s.size)]
    w = np.r_[np.full(g.size, 0.5 / g.size), np.full(s.size, 0.5 / s.size)]
    X = np.column_stack([np.ones_like(x), x])

    def cost(beta: Floats) -> float:
        z = X @ beta
        return float(w @ (np.logaddexp(0, z) - y * z))

    beta, now = np.zeros(2), math.log(2)
    for _ in range(_NEWTON_STEPS):
        p = 0.5 * (1 + np.tanh((X @ beta) / 2))
        gradient = X.T @ (w * (p - y))
        step = np.linalg.solve((X.T * (w * p * (1 - p))) @ X, gradient)
        scale = 1.0
        while (then := cost(beta - scale * step)) > now and scale > 1e-10:
            scale /= 2
        beta = beta - scale * step
        if abs(float(gradient @ step)) < 1e-24:
            break
        now = then
    slope = float(beta[1]) / width
    return AffineCalibration(offset=float(beta[0]) - slope * centre, slope=slope)


@dataclass(frozen=True, slots=True)
class LrBounds:
    """Limits outside which the data do not support a likelihood ratio, as log10 LR."""

    low: float
    high: float

    def __call__(self, log10_lr: npt.ArrayLike) -> Floats:
        """log10 LR moved inside the bounds."""
        return np.asarray(np.clip(np.asarray(log10_lr, dtype=np.float64), self.low, self.high))


def size_bounds(mated_count: int, nonmated_count: int) -> LrBounds:
    """The plain cap: ``|log10 LR| <= log10(n + 1)``, n the class that could contradict it.

    A large ratio is contradicted by non-mated comparisons, a small one by mated ones.
    """
    if mated_count < 1 or nonmated_count < 1:
        raise InputError("a class is empty", expected="one comparison of each kind at least")
    return LrBounds(-math.log10(mated_count + 1), math.log10(nonmated_count + 1))


def elub(mated: npt.ArrayLike, nonmated: npt.ArrayLike, *, misleading: int = 1) -> LrBounds:
    """Empirical lower and upper bound of likelihood ratios (Vergeer et al. 2016).

    A decision at threshold t costs ``P(mated LR < t) + t P(non-mated LR >= t)``; saying nothing
    (all ratios 1) costs ``min(1, t)``. To each class `misleading` ratios are added on the wrong
    side. The bounds are the thresholds nearest to 1, above and below, at which the system costs
    more than saying nothing. Between two observed ratios the cost is linear in t, so the bounds
    are exact; published implementations search a grid of steps of 0.01.

    Where nothing is supported both are 0 (LR = 1).
    """
    if misleading < 1:
        raise InputError(f"{misleading} misleading ratios", expected="1 or more")
    logs = [_log_ratios(r, what) for r, what in _both(mated, nonmated)]
    g, s = (np.sort(np.exp(np.clip(log, -700, 700))) for log in logs)
    M, N = g.size + misleading, s.size + misleading
    ratios = np.unique(np.concatenate([g, s, [1.0]]))

    # On (edge, next edge] the counts below and at-or-above t are those just above the edge.
    edges = np.r_[0.0, ratios]
    following = np.r_[ratios, np.inf]
    miss = np.searchsorted(g, edges, side="right") + misleading
    false = N - np.searchsorted(s, edges, side="right")
    # Each crossing is one division of whole numbers: 1 comes out as 1 where nothing is supported.
    above = edges >= 1
    start = np.maximum(edges, (M - miss) * N / (M * false))
    high = start[above & (start < following)][0]
    below = following <= 1
    with np.errstate(divide="ignore"):
        end = np.minimum(following, miss * N / (M * (N - false)))
    low = end[below & (end > edges)][-1]
    return LrBounds(math.log10(low), math.log10(high))


def _both(
    mated: npt.ArrayLike, nonmated: npt.ArrayLike
) -> tuple[tuple[npt.ArrayLike, str], tuple[npt.ArrayLike, str]]:
    return (mated, "mated"), (nonmated, "non-mated")


def _scores(values: npt.ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"no list of {what} scores", expected="one dimension, one score or more")
    if np.any(np.isnan(array)):
        raise InputError(f"a {what} score is NaN", expected="numbers")
    return array


def _log_ratios(values: npt.ArrayLike, what: str) -> Floats:
    array = _scores(values, what)
    if np.any(array < 0):
        raise InputError(
            f"a {what} likelihood ratio is below 0", expected="0 up, infinity allowed"
        )
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(array))


def _cllr_of_logs(mated: Floats, nonmated: Floats) -> float:
    bits = np.logaddexp(0, -mated).mean() + np.logaddexp(0, nonmated).mean()
    return float(bits) / (2 * math.log(2))
