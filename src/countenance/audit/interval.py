"""Intervals for one rate: what may be said, and what is said when little may.

Three kinds of statement, never mixed up:

- an **estimate with its interval**, when enough errors came from enough people (`supported`);
- with fewer, an interval from the **conservative** jackknife variance, which covers more often
  than it says (`few_errors`), and the flag that no estimate is supported;
- without any error, only a **bound that holds whatever the people are like** (`guaranteed`): as
  many comparisons as share nobody are independent, and Chernoff's bound applies to their average
  (Hoeffding 1963, section 5). It is wide. That is what so few people can tell.

docs/statistics.md has the derivations, and the simulation that chose the method.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from countenance.audit.variance import Floats, RateVariance
from countenance.core import InputError

MIN_EVENTS = 10
"""Errors (whole pairs of people), and comparisons without, below which nothing is supported."""

MIN_AFFECTED = 10
"""People with an error below which no FNMR or FTE is supported: such errors come in bursts."""

GROWTH = 1.75
"""Power of f(1-f) with which the variance due to shared people grows; see `score_t`."""

#: What errors are called that one person alone can have many of.
_ERRORS = {"mated": "misses", "images": "failures to enrol"}

Method: TypeAlias = Literal["score-t", "score-t-conservative", "guaranteed", "none"]


@dataclass(frozen=True, slots=True)
class Interval:
    """What may be said of one rate.

    Attributes
    ----------
    low, high
        Two-sided interval at `level`. 0 <= low <= estimate <= high <= 1.
    level
        Confidence, two-sided for `low` and `high`, one-sided for the bounds.
    method
        ``score-t``: see `score_t`. ``score-t-conservative``: the same with the jackknife variance,
        cut at the guaranteed bounds. ``guaranteed``: Chernoff's bounds on comparisons that share
        nobody. ``none``: nothing was compared.
    effective_n
        Independent comparisons that would give the same variance; NaN when there were no errors.
    design_effect
        Comparisons over `effective_n`.
    supported
        Whether the data can support an estimate; when not, `note` says why.
    note
        One plain sentence, empty when supported.
    upper_guaranteed
        One-sided upper bound that holds however alike the people are.
    upper_if_independent
        The same if all comparisons had been of different people: not to be relied on.
    """

    low: float
    high: float
    level: float
    method: Method
    effective_n: float
    design_effect: float
    supported: bool
    note: str
    upper_guaranteed: float
    upper_if_independent: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """`Interval` at K thresholds: the same fields as arrays of shape (K,).

    `few` says where the method is ``score-t-conservative``.
    """

    low: Floats
    high: Floats
    level: float
    effective_n: Floats
    design_effect: Floats
    supported: npt.NDArray[np.bool_]
    few: npt.NDArray[np.bool_]
    note: tuple[str, ...]
    upper_guaranteed: Floats
    upper_if_independent: Floats

    def __len__(self) -> int:
        return len(self.low)

    def at(self, k: int) -> Interval:
        """The interval at one threshold."""
        method: Method = "score-t" if self.supported[k] else "guaranteed"
        if self.few[k]:
            method = "score-t-conservative"
        return Interval(
            low=float(self.low[k]),
            high=float(self.high[k]),
            level=self.level,
            method="none" if math.isnan(self.low[k]) else method,
            effective_n=float(self.effective_n[k]),
            design_effect=float(self.design_effect[k]),
            supported=bool(self.supported[k]),
            note=self.note[k],
            upper_guaranteed=float(self.upper_guaranteed[k]),
            upper_if_independent=float(self.upper_if_independent[k]),
        )


def rate_interval(v: RateVariance, *, level: float = 0.95) -> Intervals:
    """Interval of each of K rates, and whether the data support it.

    Parameters
    ----------
    v
        From `fmr_within`, `fmr_between` or `fnmr`.
    level
        Confidence, above 0.5 and below 1.

    Returns
    -------
    Intervals
        `score_t` where supported; with few errors `score_t` from the jackknife variance, cut at
        the two-sided Chernoff bounds; without errors those bounds; NaN where nothing was
        compared.
    """
    U, V, N = v.estimate, v.variance, v.trials
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(V > 0, U * (1 - U) / V, np.nan)
    notes = tuple(why_unsupported(v, k) for k in range(len(U)))
    supported = np.array([not note for note in notes], dtype=np.bool_)
    few = ~supported & few_errors(v)
    tail = (1 - level) / 2
    # Four bounds, one search: two-sided low and high, and the two one-sided uppers.
    trials = np.array([[v.independent], [v.independent], [v.independent], [N]])
    alphas = np.array([[tail], [tail], [1 - level], [1 - level]])
    bounds = chernoff_lower(np.stack([U, 1 - U, 1 - U, 1 - U]), trials, alphas)
    low, (high, upper, upper_if) = bounds[0], 1 - bounds[1:]
    if supported.any():
        s = supported
        q = student_t_quantile(1 - tail, v.freedom[s])
        low[s], high[s] = score_t(U[s], V[s], N, q)
    if few.any():
        q = student_t_quantile(1 - tail, v.freedom[few])
        ends = score_t(U[few], careful(v).variance[few], N, q)
        low[few], high[few] = np.maximum(low[few], ends[0]), np.minimum(high[few], ends[1])
    return Intervals(
        low=low,
        high=high,
        level=level,
        effective_n=effective,
        design_effect=N / effective,
        supported=supported,
        few=few,
        note=notes,
        upper_guaranteed=upper,
        upper_if_independent=upper_if,
    )


def score_t(p: Floats, variance: Floats, n: Floats | float, q: Floats) -> tuple[Floats, Floats]:
    """Wilson's interval with the dependence carried along: {f: |p - f| <= q sd(f)}.

    The variance at a rate f is that of n independent trials, f(1-f)/n, plus what the sharing of
    people adds, which grows as (f(1-f))^1.75: the power at which the spread of people's own rates
    grows with the rate in the latent-normal model. With no excess and q normal this *is* Wilson's
    interval. sd is concave in f, so each end is the only root on its side.

    Parameters
    ----------
    p, variance, q
        (K,) rate, its variance (at least p(1-p)/n) and the quantile.
    n
        Trials, (K,) or one number for all.

    Returns
    -------
    low, high
        0 <= low <= p <= high <= 1.
    """
    spread = p * (1 - p)
    excess = np.maximum(variance - spread / n, 0.0)

    growing = np.divide(
        excess, spread**GROWTH, out=np.zeros_like(excess), where=(spread > 0) & (excess > 0)
    )

    def outside(f: Floats) -> npt.NDArray[np.bool_]:
        x = f * (1 - f)
        out: npt.NDArray[np.bool_] = (p - f) ** 2 > q * q * (x / n + growing * x**GROWTH)
        return out

    # Both ends in one search.
    ends, _ = _bisect(outside, np.stack([np.zeros_like(p), np.ones_like(p)]), np.stack([p, p]))
    return ends[0], ends[1]


def wilson(p: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's score interval of a proportion `p` of `n` (effective) trials, both (K,)."""
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = np.clip(np.minimum(centre - half, p), 0.0, 1.0)
    high = np.clip(np.maximum(centre + half, p), 0.0, 1.0)
    return low, high


def chernoff_upper(p: Floats, n: Floats | float, alpha: Floats | float) -> Floats:
    """Largest f with n KL(p || f) <= ln(1/alpha): a one-sided upper bound of level 1 - alpha.

    With no error it is the exact 1 - alpha^(1/n); with n = 0 it says nothing: 1.
    """
    return 1.0 - chernoff_lower(1.0 - p, n, alpha)


def chernoff_lower(p: Floats, n: Floats | float, alpha: Floats | float) -> Floats:
    """Smallest f with n KL(p || f) <= ln(1/alpha); `n` and `alpha` broadcast; NaN stays NaN."""
    p = np.asarray(p, dtype=np.float64)
    tiny = np.finfo(np.float64).tiny
    with np.errstate(divide="ignore"):
        budget = np.log(1 / np.asarray(alpha)) / np.asarray(n, dtype=np.float64)
    rest = 1 - p
    entropy = p * np.log(np.maximum(p, tiny)) + rest * np.log(np.maximum(rest, tiny))

    def outside(f: Floats) -> npt.NDArray[np.bool_]:
        cross = p * np.log(np.maximum(f, tiny)) + rest * np.log(np.maximum(1 - f, tiny))
        out: npt.NDArray[np.bool_] = entropy - cross > budget
        return out

    low, _ = _bisect(outside, np.zeros_like(p), p)
    return np.where(p == 1.0, np.exp(-budget), np.where(np.isnan(p), np.nan, low))


def needed(rate: float, *, level: float = 0.95) -> tuple[int, int]:
    """People of one group, all pairs compared, from which a true FMR of `rate` shows.

    "Shows" means: if the true rate were `rate`, a run without a single false match would have a
    chance of at most 1 - level. The first number holds however alike the people are
    (n/2 disjoint pairs), the second only if all pairs were independent.

    Raises
    ------
    InputError
        A rate that is not above 0 and at most 1.
    """
    if not 0 < rate <= 1:
        raise InputError(f"a rate of {rate:g} cannot be planned for", expected="0 < rate <= 1")
    trials = 1 if rate == 1 else math.ceil(round(math.log(1 - level) / math.log1p(-rate), 9))
    few = (1 + math.isqrt(8 * trials - 7)) // 2
    while few * (few - 1) // 2 < trials:
        few += 1
    return 2 * trials, few


def needed_if_alike(rate: float, cv2: float, *, level: float = 0.95) -> int:
    """People of one group from which a true FMR of `rate` shows, if people vary by `cv2`.

    Between the two numbers of `needed`: the comparisons are worth
    1 / (4 cv2 rate / n + 2 / (n (n - 1))) independent ones (docs/statistics.md, 5.1), and as
    many must be had as would show the rate. `cv2`, the squared coefficient of variation of
    people's own rates, is best taken from the data (`noise.pooled_cv2`).

    Raises
    ------
    InputError
        A rate as in `needed`, or a negative `cv2`.
    """
    sure, n = needed(rate, level=level)
    if not cv2 >= 0:
        raise InputError(f"a spread of {cv2:g} cannot be planned with", expected="0 or more")
    trials = sure / 2

    def enough(people: int) -> bool:
        return 4 * cv2 * rate / people + 2 / (people * (people - 1)) <= 1 / trials

    low, high = n - 1, n
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def smallest_rate(independent: float, *, level: float = 0.95) -> float:
    """Smallest true rate that would show (as in `needed`): 1 - (1 - level)^(1/independent)."""
    return 1 - (1 - level) ** (1 / independent) if independent > 0 else 1.0


def poisson_interval(events: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson count (Garwood): the source of the rule of 30."""
    tail = (1 - level) / 2

    def at_most(k: int, mean: float) -> float:
        terms = (math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1))
        return math.fsum(terms)

    def solve(below: Callable[[float], bool]) -> float:
        low, high = 0.0, 10.0 + 4.0 * events
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) else (low, middle)
        return high

    lower = solve(lambda mean: 1 - at_most(events - 1, mean) < tail) if events else 0.0
    return lower, solve(lambda mean: at_most(events, mean) > tail)


def student_t_quantile(p: float, freedom: Floats) -> Floats:
    """Quantile of Student's t for p > 1/2 and (K,) degrees of freedom, whole or not, from 1 up.

    With t = sqrt(v) tan(a), the mass between 0 and t is the integral of cos^(v-1) from 0 to a
    over B(1/2, v/2): Gauss-Legendre is exact to rounding there. The integral is concave in a, so
    Newton's steps from 0 climb to the answer and never pass it.
    """
    v = np.maximum(np.asarray(freedom, dtype=np.float64), 1.0)
    beta = [math.lgamma(0.5) + math.lgamma(u / 2) - math.lgamma((u + 1) / 2) for u in v]
    target = (p - 0.5) * np.exp(np.array(beta))
    x, w = _quadrature()
    angle = np.zeros_like(v)
    for _ in range(60):
        mass = angle * (np.cos(angle[:, None] * x) ** (v[:, None] - 1) @ w)
        step = (target - mass) / np.cos(angle) ** (v - 1)
        angle += step
        if np.all(np.abs(step) <= 1e-14 * angle):
            break
    return np.sqrt(v) * np.tan(angle)


@functools.cache
def _quadrature() -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre on (0, 1)."""
    x, w = np.polynomial.legendre.leggauss(60)
    return (x + 1) / 2, w / 2


def _bisect(
    outside: Callable[[Floats], npt.NDArray[np.bool_]], out: Floats, within: Floats
) -> tuple[Floats, Floats]:
    """Border between `out`, where `outside` holds, and `within`, where it does not."""
    out, within = np.array(out), np.array(within)
    for _ in range(70):
        middle = (out + within) / 2
        is_out = outside(middle)
        out, within = np.where(is_out, middle, out), np.where(is_out, within, middle)
    return out, within


def why_unsupported(v: RateVariance, k: int) -> str:
    """Why the data cannot support an estimate at threshold `k`; empty where they can."""
    if not v.trials:
        return "nothing was compared"
    if math.isnan(v.variance[k]):
        who = "one person is" if v.people == 1 else f"{v.people} people are"
        return f"{who} too few: no two comparisons share nobody"
    whole, rest = v.whole[k], v.trials - v.events[k]
    given = "the interval is wide to be safe" if few_errors(v)[k] else "only bounds can be given"
    what = _ERRORS.get(v.kind, "pairs of people falsely matched")
    if whole < MIN_EVENTS:
        return f"{whole:.3g} {what}, fewer than {MIN_EVENTS}: {given}"
    if rest < MIN_EVENTS:
        trials = "images" if v.kind == "images" else "comparisons"
        return f"all but {rest:.3g} of the {trials} are errors: {given}"
    if v.kind in _ERRORS and v.affected[k] < MIN_AFFECTED:
        who = "person" if v.affected[k] == 1 else "people"
        return f"{what} of {v.affected[k]} {who}, fewer than {MIN_AFFECTED}: {given}"
    return ""


def few_errors(v: RateVariance) -> npt.NDArray[np.bool_]:
    """Where (K,) an unsupported FMR still has a conservative interval.

    There are errors and comparisons without, and both variances are defined. Misses and failures
    to enrol are left out: they come in bursts of one person, which a jackknife over few people
    does not see.
    """
    if v.kind in _ERRORS:
        return np.zeros(len(v.estimate), dtype=np.bool_)
    both = np.isfinite(v.variance) & np.isfinite(v.jackknife)
    return np.asarray(both & (v.events > 0) & (v.events < v.trials))


def careful(v: RateVariance) -> RateVariance:
    """The same rates with the larger of their two variances, for few errors."""
    return replace(v, variance=np.fmax(v.variance, v.jackknife))
