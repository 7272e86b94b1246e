"""How far apart are the groups? Statements that stay true when all groups are looked at together.

Every pair of groups gets a ratio of rates; the intervals are wide enough that *all* of them cover
together with the stated confidence, so that picking the worst group after looking is allowed.
Groups with few errors enter with a conservative variance, groups without any through their bounds;
none is dropped.

Percentile bootstrap intervals of the largest ratio are not offered: under exact parity they
exclude 1 nearly always (docs/statistics.md, 4.3; a test shows it).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from countenance.audit.interval import (
    careful,
    chernoff_lower,
    few_errors,
    score_t,
    student_t_quantile,
    why_unsupported,
)
from countenance.audit.variance import Floats, RateVariance
from countenance.core import InputError

Verdict: TypeAlias = Literal["shown", "bounded", "inconclusive", "undefined"]


@dataclass(frozen=True, slots=True)
class CellRate:
    """One rate at one threshold, and whom it rests on.

    Attributes
    ----------
    name
        The group's label.
    rate
        The estimates; only threshold `k` is used.
    k
        Index of the threshold.
    people
        (n,) who stands behind each column of ``rate.psi``: numbers shared by all cells, so that
        two cells with people in common (a group and a crossing, two engines) are correlated.
    """

    name: str
    rate: RateVariance
    k: int
    people: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """Rate of cell `a` over rate of cell `b`, a the larger, covered together with all others."""

    a: str
    b: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ratios, and what they say together about the worst over the best group.

    Attributes
    ----------
    verdict
        ``shown``: with `level` confidence the worst rate is more than `at_least` > 1 times the
        best. ``bounded``: it is at most `at_most`, which is within the bound asked for.
        ``inconclusive``: neither. ``undefined``: fewer than two cells with comparisons.
    at_least
        Lower confidence bound of worst over best; 1 says nothing.
    at_most
        Upper confidence bound over all cells; None where a cell's rate cannot be told from zero.
    at_most_among
        The same among the cells that are not `insufficient`; None for fewer than two.
    between
        (worse, better): the two cells that carry `at_least`; None when it is 1.
    ratios
        Every pair of sufficient cells, largest estimate first.
    insufficient
        Cells without an error (or with too few people or misses): in the verdict by bounds only.
    critical
        The sup-t critical value of the ratios; NaN without ratios.
    level, draws, seed
        To recompute all this.
    """

    verdict: Verdict
    at_least: float
    at_most: float | None
    at_most_among: float | None
    between: tuple[str, str] | None
    ratios: tuple[RatioInterval, ...]
    insufficient: tuple[str, ...]
    critical: float
    level: float
    draws: int
    seed: int


def compare(
    cells: Sequence[CellRate],
    *,
    level: float = 0.95,
    bound: float = 2.0,
    draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Simultaneous ratios of every pair of cells and bounds of worst over best.

    Parameters
    ----------
    cells
        Any number; those without a comparison are left out as ``insufficient``.
    level
        Confidence of everything in the answer together.
    bound
        A ratio no larger than this, once shown, is the verdict ``bounded``.
    draws, seed
        Of the simulated critical value.

    Raises
    ------
    InputError
        Two cells of one name, or people that do not fit the influences.
    """
    _check(cells)
    cells = [_with_care(c) for c in cells]
    good, poor = [c for c in cells if _has_ratio(c)], [c for c in cells if not _has_ratio(c)]
    # Where some cells enter by bounds, half the error is left for those bounds.
    alpha = (1 - level) / (2 if poor else 1)
    ratios: list[RatioInterval] = []
    critical = math.nan
    at_most_among = None
    at_least, between = 1.0, None
    if len(good) > 1:
        logs, S = log_covariance(good)
        freedom = np.array([c.rate.freedom[c.k] for c in good])
        rng = np.random.Generator(np.random.PCG64(seed))
        critical = sup_t(S, freedom, 1 - alpha, draws=draws, rng=rng)
        ratios = _ratios(good, logs, S, critical)
        at_most_among = max(1.0, *(r.high for r in ratios), *(1 / r.low for r in ratios))
        best = max(ratios, key=lambda r: r.low)
        if best.low > 1:
            at_least, between = best.low, (best.a, best.b)
    if poor:
        by_bounds, names = _by_bounds(cells, {c.name for c in poor}, alpha)
        if by_bounds > at_least:
            at_least, between = by_bounds, names
    at_most = None if poor else at_most_among
    return Comparison(
        verdict=_verdict(cells, at_least, at_most, bound),
        at_least=at_least,
        at_most=at_most,
        at_most_among=at_most_among,
        between=between,
        ratios=tuple(sorted(ratios, key=lambda r: -r.estimate)),
        insufficient=tuple(c.name for c in poor),
        critical=critical,
        level=level,
        draws=draws,
        seed=seed,
    )


def _with_care(cell: CellRate) -> CellRate:
    """A cell with few errors takes part with its conservative variance."""
    if why_unsupported(cell.rate, cell.k) and few_errors(cell.rate)[cell.k]:
        return replace(cell, rate=careful(cell.rate))
    return cell


def _has_ratio(cell: CellRate) -> bool:
    return not why_unsupported(cell.rate, cell.k) or bool(few_errors(cell.rate)[cell.k])


def log_covariance(cells: Sequence[CellRate]) -> tuple[Floats, Floats]:
    """Logarithms of the rates (G,) and their covariance (G, G).

    Correlations come from the influences of shared people, the level from each cell's variance
    (docs/statistics.md, 4.1): cov = corr(psi_c, psi_d) sqrt(V_c V_d) / (U_c U_d).
    """
    everyone = np.unique(np.concatenate([c.people for c in cells]))
    psi = np.zeros((len(cells), len(everyone)))
    for row, c in zip(psi, cells, strict=True):
        np.add.at(row, np.searchsorted(everyone, c.people), c.rate.psi[c.k])
    length = np.sqrt((psi * psi).sum(axis=1))
    psi = np.divide(psi, length[:, None], out=np.zeros_like(psi), where=length[:, None] > 0)
    correlation = psi @ psi.T
    np.fill_diagonal(correlation, 1.0)
    U = np.array([c.rate.estimate[c.k] for c in cells])
    sd = np.sqrt(np.array([c.rate.variance[c.k] for c in cells])) / U
    return np.log(U), np.outer(sd, sd) * correlation


def sup_t(
    S: Floats, freedom: Floats, level: float, *, draws: int, rng: np.random.Generator
) -> float:
    """Critical value of max over pairs of |z_g - z_h| / se_gh, by simulation.

    z is normal with covariance S (G, G), which may be singular. The variances that a pair's se is
    made of are estimates: each draw scales them by chi-square over `freedom` (G,), which makes
    the answer Student-like for small groups and leaves it normal for large ones. Two cells that
    are one and the same (se 0) do not count.
    """
    G = len(S)
    values, vectors = np.linalg.eigh(S)
    # The symmetric root is unique, so the answer does not hang on a library's choice of signs.
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    z = rng.standard_normal((draws, G)) @ root
    scale = np.sqrt(rng.chisquare(freedom, (draws, G)) / freedom)
    sd = np.sqrt(np.diag(S))
    correlation = S / np.outer(sd, sd)
    most = np.zeros(draws)
    for g in range(G - 1):
        rest = slice(g + 1, G)
        own, other = sd[g] * scale[:, g, None], sd[rest] * scale[:, rest]
        variance = own**2 + other**2 - 2 * correlation[g, rest] * own * other
        real = _difference_variance(S)[g, rest] > 0
        distance = np.abs(z[:, g, None] - z[:, rest])
        t = np.divide(
            distance, np.sqrt(np.maximum(variance, 0.0)), out=np.zeros_like(distance),
            where=real & (variance > 0),
        )  # fmt: skip
        most = np.maximum(most, t.max(axis=1))
    return float(np.quantile(most, level))


def _difference_variance(S: Floats) -> Floats:
    """Variance of every difference of logs (G, G), with rounding noise set to zero."""
    own = np.diag(S)
    out: Floats = own[:, None] + own[None, :] - 2 * S
    return np.where(out > 1e-12 * (own[:, None] + own[None, :]), out, 0.0)


def _ratios(
    cells: Sequence[CellRate], logs: Floats, S: Floats, critical: float
) -> list[RatioInterval]:
    half = critical * np.sqrt(_difference_variance(S))
    out = []
    for g, h in itertools.combinations(range(len(cells)), 2):
        a, b = (g, h) if logs[g] >= logs[h] else (h, g)
        middle = logs[a] - logs[b]
        low, high = math.exp(middle - half[a, b]), math.exp(middle + half[a, b])
        out.append(RatioInterval(cells[a].name, cells[b].name, math.exp(middle), low, high))
    return out


def _by_bounds(
    cells: Sequence[CellRate], poor: set[str], alpha: float
) -> tuple[float, tuple[str, str] | None]:
    """Largest lower bound of a ratio with an insufficient cell in it, and the two cells.

    Every cell gets a lower and an upper one-sided bound, all together at level 1 - alpha
    (Bonferroni): `score_t` for sufficient cells, Chernoff for the others.
    """
    known = [c for c in cells if not math.isnan(c.rate.estimate[c.k])]
    each = alpha / (2 * max(len(known), 1))
    U = np.array([c.rate.estimate[c.k] for c in known])
    independent = np.array([c.rate.independent for c in known])
    low = chernoff_lower(np.stack([U, 1 - U]), independent, each)
    low, high = low[0], 1 - low[1]
    good = np.array([c.name not in poor for c in known], dtype=np.bool_)
    if good.any():
        sure = [c for c in known if c.name not in poor]
        q = student_t_quantile(1 - each, np.array([c.rate.freedom[c.k] for c in sure]))
        variance = np.array([c.rate.variance[c.k] for c in sure])
        trials = np.array([c.rate.trials for c in sure])
        low[good], high[good] = score_t(U[good], variance, trials, q)
    best, names = 1.0, None
    for a, b in itertools.permutations(range(len(known)), 2):
        if not (good[a] and good[b]) and low[a] > best * high[b]:
            best, names = float(low[a] / high[b]), (known[a].name, known[b].name)
    return best, names


def _verdict(
    cells: Sequence[CellRate], at_least: float, at_most: float | None, bound: float
) -> Verdict:
    if sum(not math.isnan(c.rate.estimate[c.k]) for c in cells) < 2:
        return "undefined"
    if at_least > 1:
        return "shown"
    return "bounded" if at_most is not None and at_most <= bound else "inconclusive"


def _check(cells: Sequence[CellRate]) -> None:
    names = [c.name for c in cells]
    if len(set(names)) != len(names):
        raise InputError("two cells have the same name", expected="a name for each cell")
    for c in cells:
        if c.people.shape != c.rate.psi.shape[1:]:
            raise InputError(
                f"cell {c.name} names {len(c.people)} people for {c.rate.psi.shape[1]} influences",
                expected="one number for each person, in the order of psi",
            )
