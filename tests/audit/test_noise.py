"""The parity noise floor against the golden table, its own formula, and hostile designs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from countenance.audit.noise import (
    Design,
    deviations,
    noise_floor,
    parity_draws,
    pooled_cv2,
    pooled_rate,
)
from countenance.audit.variance import RateVariance, fmr_between, fmr_within, fnmr
from countenance.core import InputError

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "golden.json").read_text())[
    "parity_noise_floor"
]["rows"]
# Squared coefficient of variation of people's rates at rho = .1 (docs/statistics.md, 3.1).
CV2 = {1e-3: 0.72, 1e-4: 1.12}


def max_min(a: np.ndarray) -> np.ndarray:
    return np.where((a > 0).all(1), a.max(1) / np.maximum(a.min(1), 1e-300), np.nan)


def max_geomean(a: np.ndarray) -> np.ndarray:
    mean = np.exp(np.log(np.maximum(a, 1e-300)).mean(1))
    return np.where((a > 0).all(1), a.max(1) / mean, np.nan)


def gini(a: np.ndarray) -> np.ndarray:
    n = a.shape[1]
    gaps = np.abs(a[:, :, None] - a[:, None, :]).sum((1, 2))
    total = np.where(a.sum(1) > 0, a.sum(1), np.nan)
    return gaps / (2 * n * total) * n / (n - 1)


MEASURES = {"max_min": max_min, "max_gm": max_geomean, "gini": gini}


def complete(n: int) -> Design:
    return Design("within", np.full(n, n - 1.0))


def group(n: int, rate: float, cv2: float, rng: np.random.Generator, k: int = 1) -> RateVariance:
    """k thresholds, the same people at each."""
    factor = rng.gamma(1 / cv2, cv2, n)
    p = np.minimum(1, rate * np.outer(factor, factor))
    H = np.triu(rng.random((k, n, n)) < p, 1)
    R = (H.sum(axis=1) + H.sum(axis=2)).astype(float)
    return fmr_within(R, np.full(n, n - 1.0), R.sum(axis=1) / 2)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"G{row[0]}-n{row[1]}-{row[2]:g}")
def test_golden_floor(row: list[float]) -> None:
    G, n, f = int(row[0]), int(row[1]), row[2]
    drawn = parity_draws([complete(n)] * G, f, CV2[f], draws=2000, rng=np.random.default_rng(1))
    assert (drawn == 0).any(axis=1).mean() == pytest.approx(row[9], abs=0.05)
    for name, median, p95 in zip(MEASURES, row[3::2], row[4::2], strict=False):
        values = MEASURES[name](drawn)
        values = values[np.isfinite(values)]
        # The table has 150 to 400 repetitions; at 2 errors a group ratios go in whole steps.
        assert np.median(values) == pytest.approx(median, rel=0.10, abs=0.02)
        assert np.quantile(values, 0.95) == pytest.approx(p95, rel=0.18, abs=0.02)


def test_eleven_false_matches_in_four_groups() -> None:
    """A published table rests on 11 false matches: at parity Gini .336, 95 % .576."""
    rng = np.random.default_rng(2)
    drawn = rng.multinomial(11, [0.25] * 4, 40_000)
    values = gini(drawn.astype(float))
    assert values.mean() == pytest.approx(0.336, abs=0.003)
    assert np.quantile(values, 0.95) == pytest.approx(0.576, abs=0.001)


@pytest.mark.parametrize(
    ("n", "f", "cv2"), [(100, 1e-3, 0.7), (200, 1e-3, 2.0), (400, 1e-3, 0.5), (50, 1e-2, 4.0)]
)
def test_spread_is_the_planning_formula(n: int, f: float, cv2: float) -> None:
    drawn = parity_draws([complete(n)], f, cv2, draws=20_000, rng=np.random.default_rng(3))
    relative = drawn.var() / f**2
    pairs = n * (n - 1) / 2
    exact = 1 / (pairs * f) + cv2 * 4 * (n - 2) / (n * (n - 1)) + cv2**2 / pairs
    assert drawn.mean() == pytest.approx(f, rel=0.05)
    assert relative == pytest.approx(exact, rel=0.1)
    assert relative == pytest.approx(4 * cv2 / n + 2 / (n * (n - 1) * f), rel=0.15)


def test_cv2_is_found_again_whatever_the_design() -> None:
    rng = np.random.default_rng(4)
    full = [group(300, 5e-3, 1.5, rng) for _ in range(12)]
    assert pooled_cv2(full, 0) == pytest.approx(1.5, rel=0.3)
    misses = []
    for _ in range(12):
        m = rng.integers(1, 12, 400).astype(float)
        p = np.minimum(1, 0.05 * rng.gamma(1 / 0.8, 0.8, 400))
        misses.append(fnmr(rng.binomial(m.astype(int), p).astype(float)[None], m))
    assert pooled_cv2(misses, 0) == pytest.approx(0.8, rel=0.3)
    sampled = []
    for _ in range(12):
        n = 300
        factor = rng.gamma(1 / 1.5, 1.5, n)
        seen = np.triu(rng.random((n, n)) < 0.3, 1)
        H = seen & (rng.random((n, n)) < 5e-3 * np.outer(factor, factor))
        both = (seen.sum(0) + seen.sum(1)).astype(float), (H.sum(0) + H.sum(1)).astype(float)
        sampled.append(fmr_within(both[1][None], both[0], np.array([float(H.sum())])))
    assert pooled_cv2(sampled, 0) == pytest.approx(1.5, rel=0.35)


def test_sharing_is_counted_exactly() -> None:
    assert complete(7).sharing() == 7 * 6 * 5
    assert Design("within", np.ones(6)).sharing() == 0
    assert Design("mated", np.array([1.0, 1, 1])).sharing() == 0
    assert Design("mated", np.array([3.0, 1])).sharing() == 6


def test_independent_errors_have_no_cv2() -> None:
    v = fnmr(np.array([[1.0, 0, 1, 0]]), np.ones(4))
    assert pooled_cv2([v], 0) == 0
    assert pooled_rate([v], 0) == 0.5


def test_floor_of_an_audit_and_its_p_values() -> None:
    rng = np.random.default_rng(6)
    groups = [group(150, 2e-3, 1.0, rng, k=2) for _ in range(5)]
    alike = noise_floor(groups, 1, MEASURES, draws=500, seed=9)
    assert alike == noise_floor(groups, 1, MEASURES, draws=500, seed=9)
    assert alike != noise_floor(groups, 1, MEASURES, draws=500, seed=10)
    floor = alike.floors["max_min"]
    assert floor.median is not None
    assert floor.p95 is not None
    assert floor.p_value is not None
    assert 1 < floor.median < floor.p95
    assert floor.p_value > 0.01
    apart = noise_floor([*groups, group(150, 0.2, 0.5, rng, k=2)], 1, MEASURES, draws=500)
    assert apart.floors["gini"].p_value == pytest.approx(1 / 501)


def test_one_group_of_eight_among_hundreds_is_found() -> None:
    """Gini cannot see it: groups of five are all noise. Standard errors can."""
    rng = np.random.default_rng(12)
    sizes = [8, 5, 4, 5, 5, 5, 35, 34]
    rates = [0.6, *[0.05] * 5, 0.01, 0.01]
    groups = [group(n, f, 0.3, rng) for n, f in zip(sizes, rates, strict=True)]
    out = noise_floor(groups, 0, MEASURES, draws=2000, seed=1)
    assert out.farthest == 0
    assert out.deviation.p_value is not None
    assert out.deviation.p_value < 0.002
    assert out.floors["gini"].p_value is not None
    assert out.floors["gini"].p_value > 0.05


def test_deviations_in_standard_errors_of_parity() -> None:
    designs = [complete(10), complete(20)]
    rates = np.array([0.2, 0.1])
    p = (0.2 * 45 + 0.1 * 190) / 235
    se = [
        math.sqrt(p * (1 - p) / N + 0.5 * p * p * n * (n - 1) * (n - 2) / N**2)
        for n, N in ((10, 45), (20, 190))
    ]
    expected = [abs(0.2 - p) / se[0], abs(0.1 - p) / se[1]]
    assert deviations(designs, rates, 0.5) == pytest.approx(expected)
    assert np.isnan(deviations(designs, np.zeros(2), 0.5)).all()


def test_p_values_at_parity_are_not_too_small() -> None:
    rng = np.random.default_rng(8)
    small = 0
    for rep in range(60):
        groups = [group(80, 5e-3, 1.0, rng) for _ in range(4)]
        p = noise_floor(groups, 0, {"gini": gini}, draws=200, seed=rep).floors["gini"].p_value
        small += p is not None and p <= 0.05
    assert small <= 8


def test_the_test_of_parity_holds_its_level() -> None:
    rng = np.random.default_rng(18)
    small = 0
    for rep in range(100):
        groups = [group(n, 0.02, 1.0, rng) for n in (60, 60, 20, 8)]
        p = noise_floor(groups, 0, {}, draws=200, seed=rep).deviation.p_value
        small += p is not None and p <= 0.05
    assert small <= 12


def test_undefined_measures_are_values() -> None:
    empty = fmr_within(np.zeros((1, 30)), np.full(30, 29.0), np.zeros(1))
    nobody = fmr_within(np.zeros((1, 0)), np.zeros(0), np.zeros(1))
    out = noise_floor([empty, empty, nobody], 0, MEASURES, draws=50)
    floor = out.floors["max_min"]
    assert (floor.value, floor.median, floor.p_value, floor.undefined) == (None, None, None, 1)
    assert out.pooled_rate == 0
    assert (out.deviation.value, out.farthest) == (None, None)
    none = noise_floor([nobody], 0, MEASURES, draws=50)
    assert none.floors["gini"].undefined == 1
    assert none.farthest is None
    with pytest.raises(InputError):
        noise_floor([empty, fnmr(np.zeros((1, 3)), np.ones(3))], 0, MEASURES)
    cross = fmr_between(np.zeros((1, 2)), np.full(2, 2.0), np.zeros((1, 2)), np.full(2, 2.0),
                        np.zeros(1))  # fmt: skip
    with pytest.raises(InputError):
        noise_floor([cross], 0, MEASURES)


def test_high_rates_stay_rates() -> None:
    drawn = parity_draws([complete(8)] * 3, 0.6, 1.0, draws=500, rng=np.random.default_rng(1))
    assert drawn.max() <= 1
    assert np.isfinite(drawn).all()
    assert math.isnan(pooled_rate([], 0))
