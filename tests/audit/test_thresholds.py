"""Thresholds, EER and DET against the definitions spelled out by brute force."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit._runs import SortedScores
from countenance.audit.thresholds import ScoreDistribution, threshold_at_fmr
from countenance.core import InputError

small_ints = st.lists(st.integers(-6, 6), min_size=1, max_size=40)
rates = st.fractions(0, 1, max_denominator=60)


def arrays(values, dtype):
    return np.array(values, dtype=dtype)


# The definition, word for word, over exact fractions.


def brute_threshold(nonmated, target, failures, system):
    N = len(nonmated) + failures
    k = math.floor(target * N)
    if system == "negative":
        k -= failures
    if k < 0 or not nonmated:
        return None
    fits = [v for v in nonmated if sum(s >= v for s in nonmated) <= k]
    return min(fits) if fits else max(nonmated) + 1


@settings(deadline=None)
@given(
    nonmated=small_ints,
    target=rates,
    failures=st.integers(0, 5),
    system=st.sampled_from(["positive", "negative"]),
    runs=st.integers(1, 4),
)
def test_threshold_is_the_definition(nonmated, target, failures, system, runs):
    wanted = brute_threshold(nonmated, target, failures, system)
    scores = ScoreDistribution(
        arrays(nonmated, np.int32), nonmated_failures=failures, system=system
    )
    scores._non = SortedScores(arrays(nonmated, np.int32), runs=runs)
    found = scores.threshold_at_fmr(target)
    assert wanted == found.T
    assert found.attainable == (wanted is not None)
    if wanted is not None:
        matches = sum(s >= wanted for s in nonmated) + (failures if system == "negative" else 0)
        assert (found.errors, found.trials) == (matches, len(nonmated) + failures)
        assert Fraction(found.errors, found.trials) <= target
        assert found.achieved == found.errors / found.trials
    else:
        assert "failure rate" in found.why_not
        assert found.achieved is None


@settings(deadline=None)
@given(nonmated=small_ints, mated=small_ints, T=st.integers(-8, 8), half=st.booleans())
def test_counts_are_the_definition_in_every_type(nonmated, mated, T, half):
    threshold = T + 0.5 if half else T
    for dtype in (np.int8, np.int16, np.int32, np.int64, np.float32, np.float64, np.float16):
        scores = ScoreDistribution(arrays(nonmated, dtype), arrays(mated, dtype))
        assert scores.false_matches(threshold) == sum(s >= threshold for s in nonmated)
        assert scores.false_non_matches(threshold) == sum(s < threshold for s in mated)
        assert scores.fmr(threshold) == sum(s >= threshold for s in nonmated) / len(nonmated)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30),
    T=st.floats(-1.5, 1.5),
)
def test_a_double_threshold_on_single_scores_is_not_rounded(values, T):
    scores = ScoreDistribution(arrays(values, np.float32))
    assert scores.false_matches(T) == sum(float(np.float32(v)) >= T for v in values)


def test_threshold_between_two_singles():
    # 0.1 in double lies below 0.1 in single: a comparison in single precision would say equal.
    score = np.float32(0.1)
    assert float(score) > 0.1
    scores = ScoreDistribution(np.array([score]))
    assert scores.false_matches(0.1) == 1
    assert scores.false_matches(float(score)) == 1
    assert scores.false_matches(np.nextafter(float(score), 1)) == 0
    assert scores.false_matches([math.inf, -math.inf, 1e300]).tolist() == [0, 1, 0]


def test_ties_right_at_the_top():
    found = threshold_at_fmr(np.array([1, 5, 5, 5]), "0.5")
    assert (found.T, found.errors, found.allowed) == (6, 0, 2)
    found = threshold_at_fmr(np.array([1.0, 5.0, 5.0, 5.0]), "0.5")
    assert math.nextafter(5.0, math.inf) == found.T


def test_next_value_is_next_in_the_scores_own_precision():
    scores = np.array([0.25, 0.5], dtype=np.float32)
    found = threshold_at_fmr(scores, 0)
    assert found.T > 0.5
    assert not (scores >= np.float32(found.T)).any()
    assert threshold_at_fmr(np.array([7, 7], dtype=np.int8), "0.1").T == 8
    top = np.iinfo(np.int64).max
    found = threshold_at_fmr(np.array([top]), 0)
    assert top + 1 == found.T
    assert ScoreDistribution(np.array([top])).false_matches(found.T) == 0


def test_one_false_match_in_1900_is_not_lost_to_rounding():
    # 1 - 1881/1900 is above 0.01 in floats though 19/1900 is exactly 0.01 (docs/measures.md, 1).
    assert 1 - 1881 / 1900 > 0.01
    found = threshold_at_fmr(np.arange(1900), "0.01")
    assert (found.T, found.errors) == (1881, 19)


def test_the_product_is_not_taken_in_floats():
    assert math.floor(0.29 * 100) == 28
    assert threshold_at_fmr(np.arange(100), "0.29").errors == 29
    assert threshold_at_fmr(np.arange(100), 0.29).errors == 29


@pytest.mark.parametrize("target", ["1e-3", 0.001, Decimal("0.001"), Fraction(1, 1000), "1/1000"])
def test_a_target_means_what_was_typed(target):
    found = threshold_at_fmr(np.arange(1000), target)
    assert found.target == Fraction(1, 1000)
    assert (found.T, found.errors) == (999, 1)


@pytest.mark.parametrize(
    "target", ["nan", "inf", "-0.1", "1.1", "", "one", None, "1/0", "1/0.5", "1e-999999999"]
)
def test_a_target_that_is_no_rate_is_refused(target):
    with pytest.raises(InputError, match="is not a rate"):
        threshold_at_fmr(np.arange(10), target)


def test_failures_positive_raises_fnmr_negative_raises_fmr():
    non, mat = np.arange(10), np.arange(5, 15)
    positive = ScoreDistribution(non, mat, nonmated_failures=10, mated_failures=10)
    negative = ScoreDistribution(
        non, mat, nonmated_failures=10, mated_failures=10, system="negative"
    )
    assert (positive.fmr(8), positive.fnmr(8)) == (2 / 20, 13 / 20)
    assert (negative.fmr(8), negative.fnmr(8)) == (12 / 20, 3 / 20)
    # docs/measures.md, 1: scores of -inf and +inf would give the same.
    assert np.mean(np.r_[non, [-np.inf] * 10] >= 8) == positive.fmr(8)
    assert np.mean(np.r_[non, [np.inf] * 10] >= 8) == negative.fmr(8)
    assert not negative.threshold_at_fmr("0.49").attainable
    assert negative.threshold_at_fmr("0.5").T == 10
    assert negative.threshold_at_fmr("0.5").errors == 10


def test_every_comparison_failed():
    found = threshold_at_fmr(np.array([]), "0.1", failures=7)
    assert not found.attainable
    assert "every non-mated comparison failed" in found.why_not


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_scores_that_are_not_finite_are_refused(bad, at):
    scores = np.arange(3.0)
    scores[at] = bad
    with pytest.raises(InputError, match="mated scores hold NaN or an infinity"):
        ScoreDistribution(scores, [1.0])
    with pytest.raises(InputError, match="mated scores hold NaN or an infinity"):
        ScoreDistribution([1.0], scores)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="dimensions"):
        ScoreDistribution(np.zeros((2, 2)))
    with pytest.raises(InputError, match="not numbers"):
        ScoreDistribution(np.array(["a"]))
    with pytest.raises(InputError, match="not numbers"):
        ScoreDistribution(np.array([True]))
    with pytest.raises(InputError, match="unknown system"):
        ScoreDistribution([1.0], system="neutral")
    with pytest.raises(InputError, match="below zero"):
        ScoreDistribution([1.0], nonmated_failures=-1)
    with pytest.raises(InputError, match="no non-mated comparison"):
        threshold_at_fmr([], "0.1")
    with pytest.raises(InputError, match="no mated comparison"):
        ScoreDistribution([1.0]).fnmr(0)
    for scores in ([1.0], [1]):
        with pytest.raises(InputError, match="NaN"):
            ScoreDistribution(scores).fmr(math.nan)
    with pytest.raises(InputError, match="2 or more"):
        ScoreDistribution([1.0], [2.0]).det(1)


def brute_curve(non, mat):
    T = np.unique(np.concatenate([non, mat]))
    fmr = [Fraction(int((non >= t).sum()), len(non)) for t in T]
    fnmr = [Fraction(int((mat < t).sum()), len(mat)) for t in T]
    return T, fmr, fnmr


@settings(deadline=None)
@given(nonmated=small_ints, mated=small_ints)
def test_eer_is_the_definition(nonmated, mated):
    non, mat = np.array(nonmated), np.array(mated)
    T, fmr, fnmr = brute_curve(non, mat)
    eer = ScoreDistribution(non, mat).eer()
    gaps = [abs(a - b) for a, b in zip(fmr, fnmr, strict=True)]
    i = gaps.index(min(gaps))
    assert eer.midpoint == pytest.approx(float(fmr[i] + fnmr[i]) / 2, abs=1e-15)
    assert eer.midpoint_threshold == T[i]
    crossed = [i for i in range(len(T)) if fnmr[i] >= fmr[i]]
    if crossed:  # FVC needs both ends among the observed scores, or takes the one there is
        t2 = crossed[0]
        t1 = t2 if fnmr[t2] == fmr[t2] or t2 == 0 else t2 - 1
        i = t1 if fmr[t1] + fnmr[t1] <= fmr[t2] + fnmr[t2] else t2
        assert eer.fvc_threshold == T[i]
        assert (eer.fvc_low, eer.fvc_high) == tuple(map(float, sorted((fmr[i], fnmr[i]))))
        assert eer.fvc == pytest.approx((eer.fvc_low + eer.fvc_high) / 2)


def brute_rocch(non, mat):
    """Lower-left hull of the corners by Andrew's chain, then the crossing, in fractions."""
    _, fmr, fnmr = brute_curve(non, mat)
    points = sorted(
        {*zip(fmr, fnmr, strict=True), (Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))}
    )
    hull: list[tuple[Fraction, Fraction]] = []
    for p in points:
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2:]
            if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                break
            hull.pop()
        hull.append(p)
    for (ax, ay), (bx, by) in itertools.pairwise(hull):
        if ay >= ax and by <= bx:
            run, fall = bx - ax, ay - by
            return float((ax * fall + ay * run) / (run + fall))
    raise AssertionError


@settings(deadline=None)
@given(nonmated=small_ints, mated=small_ints)
def test_eer_on_the_convex_hull(nonmated, mated):
    non, mat = np.array(nonmated), np.array(mated)
    assert ScoreDistribution(non, mat).eer_rocch() == pytest.approx(brute_rocch(non, mat))


def test_the_three_eers_differ():
    rng = np.random.default_rng(3)
    scores = ScoreDistribution(rng.integers(0, 9, 200), rng.integers(3, 12, 30))
    eer = scores.eer()
    assert eer.midpoint != scores.eer_rocch()
    scores = ScoreDistribution([1, 2, 3, 4, 6], [2, 2, 2, 5])
    eer = scores.eer()
    assert len({eer.midpoint, eer.fvc, scores.eer_rocch()}) == 3


def test_a_reversed_score_has_an_eer_above_one_half():
    scores = ScoreDistribution(np.arange(10, 20), np.arange(10))
    assert scores.eer().midpoint == 1.0
    assert scores.auc() == 0.0
    assert scores.eer_rocch() == 0.5


def test_perfect_separation():
    scores = ScoreDistribution(np.arange(10), np.arange(10, 20))
    assert (scores.eer().midpoint, scores.eer().fvc, scores.eer_rocch()) == (0, 0, 0)
    assert scores.auc() == 1.0


@settings(deadline=None)
@given(nonmated=small_ints, mated=small_ints)
def test_auc_counts_ties_one_half(nonmated, mated):
    wins = sum((g > s) + 0.5 * (g == s) for g in mated for s in nonmated)
    expected = wins / (len(nonmated) * len(mated))
    assert ScoreDistribution(nonmated, mated).auc() == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(nonmated=small_ints, mated=small_ints, points=st.integers(2, 30))
def test_det_points_are_exact_and_monotone(nonmated, mated, points):
    non, mat = np.array(nonmated), np.array(mated)
    det = ScoreDistribution(non, mat, nonmated_failures=2, mated_failures=3).det(points)
    assert 1 <= len(det.threshold) <= points
    assert set(det.threshold.tolist()) <= {*nonmated, *mated}
    for T, fm, fnm in zip(det.threshold, det.false_matches, det.false_non_matches, strict=True):
        assert fm == (non >= T).sum()
        assert fnm == (mat < T).sum() + 3
    assert np.all(np.diff(det.threshold) > 0)
    assert np.all(np.diff(det.fmr) <= 0)
    assert np.all(np.diff(det.fnmr) >= 0)
    assert (det.nonmated_trials, det.mated_trials) == (len(non) + 2, len(mat) + 3)


def test_det_has_every_point_asked_for_and_both_tails():
    rng = np.random.default_rng(0)
    det = ScoreDistribution(rng.normal(0, 1, 20_000), rng.normal(3, 1, 5_000)).det(1000)
    assert len(det.threshold) == 1000
    assert det.false_matches[-1] <= 1
    assert det.false_matches[0] == 20_000
    assert det.false_non_matches[0] == 0
    assert det.false_non_matches[-1] > 4_000


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_runs_change_no_answer(dtype):
    rng = np.random.default_rng(5)
    values = np.round(rng.normal(0, 300, 5_000)).astype(dtype)
    one, four = SortedScores(values, runs=1), SortedScores(values, runs=4)
    T = rng.normal(0, 300, 200)
    assert np.array_equal(one.count_at_or_above(T), four.count_at_or_above(T))
    allowed = rng.integers(0, 5_001, 300)
    for a, b in zip(
        one.smallest_with_at_most(allowed), four.smallest_with_at_most(allowed), strict=True
    ):
        assert np.array_equal(a, b)


def test_the_input_is_left_alone_and_types_may_differ():
    non, mat = np.array([3, 1, 2]), np.array([2.5, 1.5])
    scores = ScoreDistribution(non, mat)
    assert non.tolist() == [3, 1, 2]
    assert scores.fmr(2.5) == 1 / 3
    assert scores.eer().midpoint == pytest.approx(7 / 12)


def test_a_million_scores_go_through_several_runs():
    rng = np.random.default_rng(6)
    values = rng.normal(0, 1, 1_100_000)
    found = threshold_at_fmr(values, "1e-4")
    assert found.errors == 110
    assert np.partition(values, -110)[-110] == found.T
