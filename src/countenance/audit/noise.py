"""What would chance alone show? Every summary of a differential beside its parity noise floor.

The floor asks: had every group the same true rate, and were the people as alike as these data
say, which values would a study of this size show? People get look-alike factors lambda_i
(Gamma, mean 1, variance CV2), and the errors of a group are drawn given the factors of its pairs
(docs/statistics.md, 5). The cost is O(people) a draw, never O(pairs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from countenance.audit.variance import Floats, Kind, RateVariance
from countenance.core import InputError


@dataclass(frozen=True, slots=True)
class Floor:
    """One measure: observed, and what parity would show.

    Attributes
    ----------
    value
        Observed; None where undefined.
    median, p95
        Of the parity draws in which it is defined; None when it is defined in none.
    p_value
        (1 + draws at or above `value`) / (1 + draws); an undefined draw counts as above. None
        when `value` is.
    undefined
        Share of parity draws in which the measure is undefined, such as a group without errors.
    """

    value: float | None
    median: float | None
    p95: float | None
    p_value: float | None
    undefined: float


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """All measures, and what the draws were made with, so that anybody can make them again.

    Attributes
    ----------
    floors
        By the names of the measures asked for.
    deviation
        The test of parity itself: the largest distance of a group's rate from the pooled rate, in
        standard errors under parity. Unlike the published summaries it does not let a group of
        five people count as much as one of five hundred.
    farthest
        Index of that group among those given; None without errors.
    pooled_rate, cv2
        What the draws assume: the common rate, and how much people vary (`pooled_cv2`).
    draws, seed
        How many, from which seed.
    """

    floors: dict[str, Floor]
    deviation: Floor
    farthest: int | None
    pooled_rate: float
    cv2: float
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Design:
    """Who was compared how often in one group: all that the generator needs.

    Attributes
    ----------
    kind
        ``within`` or ``mated``.
    degree
        (n,) partners, or mated comparisons, of each person.
    """

    kind: Kind
    degree: Floats

    @property
    def trials(self) -> float:
        """Pairs of people, or mated comparisons."""
        total = float(self.degree.sum())
        return total / 2 if self.kind == "within" else total

    def sharing(self) -> float:
        """Ordered pairs of comparisons that share a person, not counting a comparison itself."""
        squares = float(self.degree @ self.degree)
        return squares - (2 if self.kind == "within" else 1) * self.trials


def noise_floor(
    groups: Sequence[RateVariance],
    k: int,
    measures: Mapping[str, Callable[[Floats], Floats]],
    *,
    draws: int = 2_000,
    seed: int = 0,
) -> NoiseFloor:
    """Floor of every measure for these groups at threshold `k`.

    Parameters
    ----------
    groups
        At least two, all from `fmr_within` or all from `fnmr`; groups without a comparison are
        left out.
    k
        Index of the threshold.
    measures
        Name to function of (draws, G) rates that gives (draws,) values, NaN where undefined: all
        draws in one call.
    draws, seed
        PCG64 seeded with `seed`: the same answer everywhere.

    Raises
    ------
    InputError
        Kinds that are mixed or of cells between two groups.
    """
    kinds = {v.kind for v in groups}
    if len(kinds) > 1 or kinds & {"between"}:
        raise InputError(
            f"a noise floor of {' and '.join(sorted(kinds))} rates",
            expected="rates within groups, or mated rates, not both",
        )
    places = [g for g, v in enumerate(groups) if v.trials > 0]
    used = [groups[g] for g in places]
    if not used:
        nothing = Floor(value=None, median=None, p95=None, p_value=None, undefined=1.0)
        return NoiseFloor(
            floors=dict.fromkeys(measures, nothing), deviation=nothing, farthest=None,
            pooled_rate=math.nan, cv2=0.0, draws=draws, seed=seed,
        )  # fmt: skip
    rates = np.array([v.estimate[k] for v in used])
    pooled = pooled_rate(used, k)
    cv2 = pooled_cv2(used, k)
    rng = np.random.Generator(np.random.PCG64(seed))
    designs = [Design(v.kind, v.degree) for v in used]
    parity = parity_draws(designs, pooled, cv2, draws=draws, rng=rng)
    floors = {name: _floor(measure, rates, parity) for name, measure in measures.items()}

    def largest(a: Floats) -> Floats:
        out: Floats = deviations(designs, a, cv2).max(axis=-1)
        return out

    distance = deviations(designs, rates, cv2)
    known = bool(np.isfinite(distance).any())
    return NoiseFloor(
        floors=floors,
        deviation=_floor(largest, rates, parity),
        farthest=places[int(np.nanargmax(distance))] if known else None,
        pooled_rate=pooled,
        cv2=cv2,
        draws=draws,
        seed=seed,
    )


def deviations(designs: Sequence[Design], rates: Floats, cv2: float) -> Floats:
    """Distance of each rate (..., G) from the pooled one in standard errors under parity.

    The variance of a group of N comparisons at the pooled rate p is
    p(1-p)/N + cv2 p^2 sharing/N^2. NaN where there are no errors at all, or nothing but errors.
    """
    N = np.array([d.trials for d in designs])
    shared = np.array([d.sharing() for d in designs]) / N**2
    p = (rates * N).sum(axis=-1, keepdims=True) / N.sum()
    variance = p * (1 - p) / N + cv2 * p * p * shared
    out = np.full(np.shape(rates), np.nan)
    np.divide(np.abs(rates - p), np.sqrt(variance), out=out, where=(p > 0) & (p < 1))
    return out


def pooled_rate(groups: Sequence[RateVariance], k: int) -> float:
    """All errors over all comparisons; NaN without comparisons."""
    trials = sum(v.trials for v in groups)
    return sum(float(v.events[k]) for v in groups) / trials if trials else math.nan


def pooled_cv2(groups: Sequence[RateVariance], k: int) -> float:
    """Squared coefficient of variation of people's own rates, pooled over groups; 0 or more.

    The variance in excess of independent trials is CV2 U^2 times the share of pairs of
    comparisons that share a person: for all pairs of n people (V - U(1-U)/N) n/(4 U^2), nearly.
    Excess and U^2 are summed over groups, weighted by people, before the ratio is taken.
    """
    above = below = 0.0
    for v in groups:
        sharing = Design(v.kind, v.degree).sharing()
        U, V = float(v.estimate[k]), float(v.variance[k])
        if sharing <= 0 or math.isnan(V):
            continue
        excess = V - U * (1 - U) / v.trials
        above += v.people * max(0.0, excess) * v.trials**2 / sharing
        below += v.people * U * U
    return above / below if below else 0.0


def parity_draws(
    designs: Sequence[Design], rate: float, cv2: float, *, draws: int, rng: np.random.Generator
) -> Floats:
    """(draws, G) rates when every group has the true rate `rate` and people vary by `cv2`.

    The errors of a group are Binomial(N, rate x mean of lambda_i lambda_j over its pairs): for
    rare errors a Poisson, and never more errors than pairs. Where not every
    pair was compared, pairs count in proportion to the product of their people's partners.
    """
    out = np.empty((draws, len(designs)))
    for g, design in enumerate(designs):
        d = design.degree[design.degree > 0]
        trials = round(design.trials)
        if cv2 > 0:
            factor = rng.gamma(1 / cv2, cv2, (draws, len(d))) * d
        else:
            factor = np.broadcast_to(d, (draws, len(d)))
        if design.kind == "within":
            mean = _pair_sum(factor) / _pair_sum(d[None, :])
        else:
            mean = factor.sum(axis=1) / d.sum()
        out[:, g] = rng.binomial(trials, np.minimum(rate * mean, 1.0)) / trials
    return out


def _pair_sum(x: Floats) -> Floats:
    """Sum of x_i x_j over pairs i < j, for every row."""
    out: Floats = (x.sum(axis=1) ** 2 - (x * x).sum(axis=1)) / 2
    return out


def _floor(measure: Callable[[Floats], Floats], rates: Floats, parity: Floats) -> Floor:
    value = float(measure(rates[None, :])[0])
    drawn = measure(parity)
    defined = drawn[np.isfinite(drawn)]
    undefined = len(drawn) - len(defined)
    p_value = None
    if math.isfinite(value):
        # A hair of slack: equal counts must tie although their sums round differently.
        above = int(np.count_nonzero(defined >= value - 1e-9 * abs(value))) + undefined
        p_value = (1 + above) / (1 + len(drawn))
    return Floor(
        value=value if math.isfinite(value) else None,
        median=float(np.median(defined)) if len(defined) else None,
        p95=float(np.quantile(defined, 0.95)) if len(defined) else None,
        p_value=p_value,
        undefined=undefined / len(drawn),
    )
