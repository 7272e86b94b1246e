"""Likelihood ratios: published values, properties, and other implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from countenance.audit import likelihood as lk
from countenance.core import InputError

INF = math.inf
scores = st.lists(st.integers(-4, 4), min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("nonmated", "mated", "expected"),
    [  # published: lir-deprecated tests/test_lr.py (Apache-2.0), besides golden.json
        ([3.0] * 2, [1 / 3] * 2, 2),
        ([1 / 3] * 2, [1], 0.7075187496394219),
        ([0.01] * 100 + [100], [1], 0.5400680236656377),
        ([0.01] * 100 + [100] * 6, [1], 0.6952113122368764),
        ([8], [8] * 8, 1.6699250014423126),
        ([INF, 1], [1, 1], INF),
        ([1, 1], [0, 1], INF),
        ([0, 0], [1, 1], 0.5),
        ([1, 1], [INF, INF], 0.5),
        ([0, 0], [INF, INF], 0),
    ],
)
def test_cllr_published(nonmated, mated, expected):
    assert lk.cllr(mated, nonmated) == pytest.approx(expected, abs=1e-14)


def test_cllr_of_extreme_ratios_does_not_overflow():
    assert lk.cllr([1e300], [1e-300]) == pytest.approx(0, abs=1e-15)
    assert lk.cllr([1e-300], [1e300]) == pytest.approx(300 * math.log2(10))


def brute_pav(mated, nonmated):
    """Isotonic share of mated scores by the max-min formula, tied scores as one."""
    values = sorted({*mated, *nonmated})
    m = [mated.count(v) for v in values]
    n = [nonmated.count(v) for v in values]

    def pooled(a, b):
        return sum(m[a : b + 1]) / (sum(m[a : b + 1]) + sum(n[a : b + 1]))

    places = range(len(values))
    share = [max(min(pooled(a, b) for b in places[i:]) for a in places[: i + 1]) for i in places]
    return values, share


@settings(deadline=None)
@given(mated=scores, nonmated=scores)
def test_pav_is_isotonic_regression_on_pooled_ties(mated, nonmated):
    values, share = brute_pav(mated, nonmated)
    fit = lk.pav(mated, nonmated)
    found = fit(values)
    assert np.all(np.diff(fit.start) > 0)
    assert np.all(np.diff(fit.log10_lr) > 0)
    for p, log10_lr in zip(share, found, strict=True):
        odds = INF if p == 1 else p / (1 - p)
        expected = odds * len(nonmated) / len(mated)
        assert 10**log10_lr == pytest.approx(expected, rel=1e-9)
    assert (fit.mated.sum(), fit.nonmated.sum()) == (len(mated), len(nonmated))


def test_pav_against_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(4)
    mated, nonmated = np.round(rng.normal(1, 1, 400), 1), np.round(rng.normal(0, 1, 900), 1)
    values, where = np.unique(np.r_[mated, nonmated], return_inverse=True)
    m = np.bincount(where[:400], minlength=len(values))
    total = np.bincount(where)
    expected = optimize.isotonic_regression(m / total, weights=total).x
    odds = 10 ** lk.pav(mated, nonmated)(values) * (400 / 900)
    finite = expected < 1
    wanted = expected[finite] / (1 - expected[finite])
    assert odds[finite] == pytest.approx(wanted, abs=1e-12)
    assert np.all(np.isinf(odds[~finite]))


@settings(deadline=None)
@given(mated=scores, nonmated=scores, seed=st.integers(0, 99))
def test_cllr_min_ignores_order_and_monotone_changes(mated, nonmated, seed):
    rng = np.random.default_rng(seed)
    base = lk.cllr_min(mated, nonmated)
    again = lk.cllr_min(
        np.exp(rng.permutation(mated) / 2.0), np.exp(rng.permutation(nonmated) / 2.0)
    )
    assert base == pytest.approx(again)
    assert -1e-12 <= base <= 1 + 1e-12


def test_ties_are_pooled_and_not_sorted_in_the_systems_favour():
    # docs/measures.md, 5. All scores equal say nothing: Cllr_min is 1. Sorting the non-mated
    # ones first, as a method that breaks ties by position may, would call it perfect.
    assert lk.cllr_min([5] * 10, [5] * 10) == pytest.approx(1)
    rng = np.random.default_rng(8)
    mated, nonmated = rng.integers(0, 6, 300), rng.integers(-2, 4, 300)
    flattered = lk.cllr_min(mated + 1e-9, nonmated)  # within a tie, non-mated first
    assert flattered < lk.cllr_min(mated, nonmated) * 0.9


@settings(deadline=None)
@given(mated=scores, nonmated=scores)
def test_no_monotone_calibration_beats_cllr_min(mated, nonmated):
    lrs = [2.0**s for s in mated], [2.0**s for s in nonmated]
    parts = lk.cllr_parts(*lrs)
    assert parts.minimum <= parts.cllr + 1e-12
    assert parts.calibration_loss == parts.cllr - parts.minimum
    assert parts.cllr == lk.cllr(*lrs)


@settings(deadline=None)
@given(mated=scores, nonmated=scores)
def test_the_affine_fit_is_the_least_cllr_of_all_lines(mated, nonmated):
    assume(max(nonmated) > min(mated) and max(mated) > min(nonmated))
    fit = lk.fit_affine(mated, nonmated)

    def cost(offset, slope):
        line = lk.AffineCalibration(offset, slope)
        return lk.cllr(10.0 ** line(mated), 10.0 ** line(nonmated))

    best = cost(fit.offset, fit.slope)
    assert best <= 1 + 1e-12
    for da, db in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3), (0.3, -0.2), (-1, 1)):
        assert best <= cost(fit.offset + da, fit.slope + db) + 1e-12


def test_the_affine_fit_of_two_normals_is_known():
    # Equal variances: ln LR = (mu / var) s - mu^2 / (2 var), here 2 s - 2.
    rng = np.random.default_rng(1)
    fit = lk.fit_affine(rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000))
    assert fit.slope == pytest.approx(2, abs=0.02)
    assert fit.offset == pytest.approx(-2, abs=0.02)
    # Integers of our own engines are large; the fit does not care for the scale.
    rescaled = lk.fit_affine([3e6, 9e6, 5e6], [4e6, 1e6, 2e6])
    plain = lk.fit_affine([3, 9, 5], [4, 1, 2])
    assert rescaled(4e6) == pytest.approx(float(plain(4)))


def test_scores_that_do_not_overlap_have_no_best_line():
    for mated, nonmated in (([3, 4], [1, 2]), ([2, 3], [1, 2]), ([1], [5]), ([1, 1], [1, 1])):
        with pytest.raises(InputError, match="do not overlap"):
            lk.fit_affine(mated, nonmated)


@pytest.mark.parametrize(
    ("mated", "nonmated", "published"),
    [  # lir-deprecated tests/test_elub.py (Apache-2.0), found there on a grid of steps of 0.01
        ([INF], [0], (1, 1)),
        ([INF] * 3, [0] * 3, (0.3362165, 2.9742741)),
        ([0.01, 0.1, 1], [10, 100], (1, 1)),
        ([1, 10, 100], [0.01, 0.1], (0.3771282, 1.4990474)),
        ([10, 100], [0.01, 0.1, 1], (0.6668633, 2.6507161)),
        ([1], [1], (1, 1)),
        ([10] * 9, [10], (1, 1)),
        ([10] * 10, [1], (1, 1.8039884)),
    ],
)
def test_elub_published(mated, nonmated, published):
    found = lk.elub(mated, nonmated)
    assert found.low == pytest.approx(math.log10(published[0]), abs=0.01 / math.log(10))
    assert found.high == pytest.approx(math.log10(published[1]), abs=0.01 / math.log(10))


def test_elub_exact():
    # 1/3 over 1/3 of everything supports nothing at all, not 1e-16 of it.
    assert lk.elub([1, 10], [1, 1]) == lk.LrBounds(0.0, 0.0)
    found = lk.elub([INF] * 3, [0] * 3)
    assert (10**found.low, 10**found.high) == (pytest.approx(1 / 3), pytest.approx(3))


@settings(deadline=None)
@given(
    mated=st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    nonmated=st.lists(st.integers(-3, 3), min_size=1, max_size=12),
)
def test_elub_is_where_the_expected_cost_crosses(mated, nonmated):
    g, s = 10.0 ** np.array(mated), 10.0 ** np.array(nonmated)
    bounds = lk.elub(g, s)
    assert bounds.low <= 0 <= bounds.high

    def worse(log10_t):
        t = 10.0**log10_t
        miss = (np.sum(g < t) + 1) / (g.size + 1)
        false = (np.sum(s >= t) + 1) / (s.size + 1)
        return miss + t * false - min(1, t)

    for inside in np.linspace(0, bounds.high, 23)[1:-1] if bounds.high else ():
        assert worse(inside) <= 1e-9 * 10**inside
    for inside in np.linspace(0, bounds.low, 23)[1:-1] if bounds.low else ():
        assert worse(inside) <= 1e-9
    assert worse(bounds.high + 1e-9) > 0
    assert worse(bounds.low - 1e-9) > 0


def test_bounds_apply():
    bounds = lk.size_bounds(9, 99)
    assert (bounds.low, bounds.high) == (-1, 2)
    assert bounds([-5, 0.5, INF]).tolist() == [-1, 0.5, 2]
    fit = lk.pav([1, 2, 3], [0, 1])
    assert np.isinf(fit(3))
    assert lk.size_bounds(3, 2)(fit([0, 3])).tolist() == [-math.log10(4), math.log10(3)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lk.cllr([], [1]), "no list of mated"),
        (lambda: lk.cllr([1], []), "no list of non-mated"),
        (lambda: lk.cllr([[1]], [1]), "no list of mated"),
        (lambda: lk.cllr([math.nan], [1]), "NaN"),
        (lambda: lk.cllr([1], [-1]), "below 0"),
        (lambda: lk.pav([1], [math.nan]), "NaN"),
        (lambda: lk.elub([1], [1], misleading=0), "0 misleading"),
        (lambda: lk.size_bounds(0, 5), "class is empty"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
