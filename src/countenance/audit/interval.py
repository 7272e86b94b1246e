"""Intervals for one rate: what may be said, and what is said when little may.

Two kinds of statement, never mixed up:

- an **estimate with its interval**, when enough errors came from enough people (`supported`);
- otherwise only a **bound that holds whatever the people are like** (`guaranteed`): as many
  comparisons as share nobody are independent, and Chernoff's bound applies to their average
  (Hoeffding 1963, section 5). It is wide. That is what so few people can tell.

docs/statistics.md has the derivations, and the simulation that chose the method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from countenance.audit.variance import Floats, RateVariance

MIN_EVENTS = 10
MIN_AFFECTED = 10

Method: TypeAlias = Literal["wilson", "guaranteed", "none"]


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
        ``wilson``: effective-sample-size interval. ``guaranteed``: Chernoff's bound on disjoint
        comparisons. ``none``: nothing was compared.
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
    """`Interval` at K thresholds: the same fields as arrays of shape (K,)."""

    low: Floats
    high: Floats
    level: float
    guaranteed: npt.NDArray[np.bool_]
    effective_n: Floats
    design_effect: Floats
    supported: npt.NDArray[np.bool_]
    note: tuple[str, ...]
    upper_guaranteed: Floats
    upper_if_independent: Floats

    def __len__(self) -> int:
        return len(self.low)

    def at(self, k: int) -> Interval:
        """The interval at one threshold."""
        method: Method = "guaranteed" if self.guaranteed[k] else "wilson"
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
        Confidence between 0.5 and 1.
    """
    U, V, N = v.estimate, v.variance, v.trials
    spread = U * (1 - U)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(V > 0, spread / V, np.nan)
    reasons = [_why_not(v, k) for k in range(len(U))]
    supported = np.array([not r for r in reasons], dtype=np.bool_)
    tail = (1 - level) / 2
    z = NormalDist().inv_cdf(1 - tail)
    low, high = wilson(U, effective, z)
    sure_low = chernoff_lower(U, v.balanced, tail)
    sure_high = chernoff_upper(U, v.balanced, tail)
    return Intervals(
        low=np.where(supported, low, sure_low),
        high=np.where(supported, high, sure_high),
        level=level,
        guaranteed=~supported,
        effective_n=effective,
        design_effect=N / effective,
        supported=supported,
        note=tuple(reasons),
        upper_guaranteed=chernoff_upper(U, v.balanced, 1 - level),
        upper_if_independent=chernoff_upper(U, N, 1 - level),
    )


def wilson(p: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's score interval of a proportion `p` of `n` (effective) trials, both (K,)."""
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = np.clip(np.minimum(centre - half, p), 0.0, 1.0)
    high = np.clip(np.maximum(centre + half, p), 0.0, 1.0)
    return low, high


def chernoff_upper(p: Floats, n: float, alpha: float) -> Floats:
    """Largest f with n KL(p || f) <= ln(1/alpha): a one-sided upper bound of level 1 - alpha.

    With no error it is the exact 1 - alpha^(1/n); with n < 1 it says nothing: 1.
    """
    return 1.0 - chernoff_lower(1.0 - p, n, alpha)


def chernoff_lower(p: Floats, n: float, alpha: float) -> Floats:
    """Smallest f with n KL(p || f) <= ln(1/alpha); 0 when n < 1."""
    p = np.asarray(p, dtype=np.float64)
    if n < 1:
        return np.where(np.isnan(p), np.nan, 0.0)
    budget = math.log(1 / alpha) / n
    low, high = np.zeros_like(p), p.copy()
    for _ in range(200):
        middle = (low + high) / 2
        outside = _kl(p, middle) > budget
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return np.where(p == 1.0, math.exp(-budget), np.where(np.isnan(p), np.nan, low))


def _kl(p: Floats, f: Floats) -> Floats:
    """KL divergence of Bernoulli(p) from Bernoulli(f), with 0 ln 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ones = np.where(p > 0, p * np.log(p / f), 0.0)
        zeros = np.where(p < 1, (1 - p) * np.log((1 - p) / (1 - f)), 0.0)
    out: Floats = ones + zeros
    return out


def _why_not(v: RateVariance, k: int) -> str:
    """Why the data cannot support an estimate at threshold k, or ''."""
    if math.isnan(v.estimate[k]):
        return "nothing was compared"
    if math.isnan(v.variance[k]):
        return f"{v.people} people: no two comparisons share nobody, so no interval can be formed"
    if v.events[k] < MIN_EVENTS:
        return f"{v.events[k]:g} errors: fewer than {MIN_EVENTS}"
    if v.trials - v.events[k] < MIN_EVENTS:
        return f"all but {v.trials - v.events[k]:g} comparisons are errors"
    if v.affected[k] < MIN_AFFECTED:
        return f"errors of {v.affected[k]} people: fewer than {MIN_AFFECTED}"
    return ""
