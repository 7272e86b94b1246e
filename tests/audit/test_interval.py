"""Intervals: known answers, properties, exact coverage of the guaranteed bounds."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.audit.interval import (
    chernoff_lower,
    chernoff_upper,
    needed,
    needed_if_alike,
    poisson_interval,
    rate_interval,
    score_t,
    smallest_rate,
    student_t_quantile,
    wilson,
)
from countenance.audit.variance import RateVariance, failures_to_enrol, fmr_within, fnmr
from countenance.core import InputError

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "golden.json").read_text())[
    "intervals"
]
Z = 1.959963984540054


def one(x: float) -> np.ndarray:
    return np.array([float(x)])


def group(n: int, edges: list[tuple[int, int]]) -> RateVariance:
    row = np.bincount(np.array(edges, dtype=int).ravel(), minlength=n).astype(float)
    return fmr_within(row[None], np.full(n, n - 1.0), one(len(edges)))


def test_golden_wilson() -> None:
    low, high = wilson(one(0.03), one(1000), Z)
    assert [low[0], high[0]] == pytest.approx(GOLDEN["wilson_p.03_neff1000"], abs=1e-12)
    low, high = wilson(one(0), one(40), Z)
    assert [low[0], high[0]] == pytest.approx(GOLDEN["wilson_0_of_40"], abs=1e-12)


def test_golden_zero_false_matches_of_forty_people() -> None:
    i = rate_interval(group(40, [])).at(0)
    assert i.upper_guaranteed == pytest.approx(GOLDEN["zero_fm_40_people_guaranteed_one_sided"])
    assert i.upper_guaranteed == pytest.approx(1 - 0.05 ** (1 / 20))
    assert i.upper_if_independent == pytest.approx(1 - 0.05 ** (1 / 780))
    assert (i.low, i.method, i.supported) == (0.0, "guaranteed", False)
    assert i.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert math.isnan(i.effective_n)
    assert i.note.startswith("0 pairs of people falsely matched, fewer than 10")


def test_golden_poisson() -> None:
    low, high = poisson_interval(30, level=0.90)
    assert [low / 30, high / 30] == pytest.approx(GOLDEN["poisson90_k30"], abs=1e-12)
    assert poisson_interval(0) == pytest.approx((0.0, 3.6888794541139363))
    assert poisson_interval(0, level=0.90)[1] == pytest.approx(-math.log(0.05))


@pytest.mark.parametrize("p", [0.6, 0.95, 0.975, 0.9995])
def test_student_t_against_scipy(p: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    v = np.array([1, 1.5, 2, 2.3, 3, 7.7, 30, 199, 1e4, 1e6])
    assert student_t_quantile(p, v) == pytest.approx(stats.t.ppf(p, v), rel=1e-6)


def test_student_t_of_one_and_two_degrees_in_closed_form() -> None:
    p = 0.975
    two = 2 * (p - 0.5) * math.sqrt(2 / (4 * p * (1 - p)))
    expected = [math.tan(math.pi * (p - 0.5)), two]
    assert student_t_quantile(p, np.array([1.0, 2.0])) == pytest.approx(expected, rel=1e-10)


rates = st.floats(0, 1).map(lambda x: round(x, 4))


@given(rates, st.integers(2, 10**6))
def test_without_dependence_it_is_wilson(p: float, n: int) -> None:
    low, high = score_t(one(p), one(p * (1 - p) / n), n, one(Z))
    a, b = wilson(one(p), one(n), Z)
    assert low[0] == pytest.approx(a[0], abs=1e-9)
    assert high[0] == pytest.approx(b[0], abs=1e-9)


@given(rates, st.integers(2, 10**6), st.floats(1, 1e4), st.floats(0.5, 20))
def test_score_t_holds_its_estimate_and_mirrors(p: float, n: int, deff: float, q: float) -> None:
    V = one(p * (1 - p) / n * deff)
    low, high = score_t(one(p), V, n, one(q))
    assert 0 <= low[0] <= p <= high[0] <= 1
    a, b = score_t(one(1 - p), V, n, one(q))
    assert [1 - b[0], 1 - a[0]] == pytest.approx([low[0], high[0]], abs=1e-9)
    wider = score_t(one(p), V * 2, n, one(q))
    assert wider[0][0] <= low[0] + 1e-12
    assert high[0] <= wider[1][0] + 1e-12


@given(st.floats(0, 1), st.floats(0.5, 1e6), st.floats(1e-6, 0.4))
def test_chernoff_holds_the_estimate_and_grows_with_confidence(
    p: float, n: float, alpha: float
) -> None:
    low, high = chernoff_lower(one(p), n, alpha)[0], chernoff_upper(one(p), n, alpha)[0]
    assert 0 <= low <= p <= high <= 1
    assert chernoff_lower(one(p), n, alpha / 2)[0] <= low + 1e-12
    assert chernoff_upper(one(p), 2 * n, alpha)[0] <= high + 1e-12


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.3))
def test_chernoff_is_never_tighter_than_clopper_pearson(m: int, k: int, alpha: float) -> None:
    beta = pytest.importorskip("scipy.stats").beta
    k = min(k, m)
    exact = 1.0 if k == m else beta.ppf(1 - alpha, k + 1, m - k)
    assert chernoff_upper(one(k / m), m, alpha)[0] >= exact - 1e-9
    if k in (0, m):
        assert chernoff_upper(one(k / m), m, alpha)[0] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("n", [4, 7, 8, 20, 41])
@pytest.mark.parametrize("rule", ["both", "either", "same"])
def test_guaranteed_bounds_cover_exactly_whatever_the_people(n: int, rule: str) -> None:
    """Two kinds of people, errors decided by kind alone: the most alike pairs can be."""
    k = np.arange(n + 1)
    pairs = n * (n - 1) / 2
    inside, outside = k * (k - 1) / 2, (n - k) * (n - k - 1) / 2
    events = {"both": inside, "either": pairs - outside, "same": inside + outside}[rule]
    U = events / pairs
    low, high = chernoff_lower(U, n // 2, 0.025), chernoff_upper(U, n // 2, 0.025)
    ways = np.array([math.comb(n, x) for x in k], dtype=float)
    for w in np.linspace(0.02, 0.98, 25):
        truth = {"both": w * w, "either": 1 - (1 - w) ** 2, "same": w * w + (1 - w) ** 2}[rule]
        mass = ways * w**k * (1 - w) ** (n - k)
        assert mass[(low <= truth) & (truth <= high)].sum() >= 0.95


@pytest.mark.parametrize("n", [5, 8, 20, 34])
@pytest.mark.parametrize("rule", ["both", "either"])
def test_what_is_printed_covers_when_kind_alone_decides(n: int, rule: str) -> None:
    """Exactly, by enumeration: no theorem says so, hence .90 and not .95."""
    k = np.arange(n + 1)
    kind = np.arange(n) < k[:, None]
    one_side = (kind[:, :, None] & kind[:, None, :], kind[:, :, None] | kind[:, None, :])
    H = one_side[rule == "either"] & ~np.eye(n, dtype=bool)
    R = H.sum(axis=2).astype(float)
    i = rate_interval(fmr_within(R, np.full(n, n - 1.0), R.sum(axis=1) / 2))
    ways = np.array([math.comb(n, x) for x in k], dtype=float)
    for w in np.linspace(0.02, 0.98, 49):
        truth = w * w if rule == "both" else 1 - (1 - w) ** 2
        mass = ways * w**k * (1 - w) ** (n - k)
        assert mass[(i.low <= truth) & (truth <= i.high)].sum() >= 0.90


@given(st.integers(5, 40), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_few_errors_are_flagged_and_lie_within_the_guarantee(
    n: int, errors: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    hit = rng.choice(len(i), min(errors, len(i) - 1), replace=False)
    v = group(n, list(zip(i[hit], j[hit], strict=True)))
    got = rate_interval(v).at(0)
    assert (got.supported, got.method) == (False, "score-t-conservative")
    assert "wide to be safe" in got.note
    assert got.low <= v.estimate[0] <= got.high
    assert got.low >= chernoff_lower(v.estimate, n // 2, 0.025)[0] - 1e-12
    assert got.high <= chernoff_upper(v.estimate, n // 2, 0.025)[0] + 1e-12
    bold = score_t(v.estimate, v.variance, v.trials, student_t_quantile(0.975, v.freedom))
    assert got.high >= min(bold[1][0], chernoff_upper(v.estimate, n // 2, 0.025)[0]) - 1e-12


def test_rule_of_support() -> None:
    assert not rate_interval(group(30, [(0, j) for j in range(1, 10)])).supported[0]
    i = rate_interval(group(30, [(0, j) for j in range(1, 11)])).at(0)
    assert (i.supported, i.method, i.note) == (True, "score-t", "")
    assert i.design_effect > 1
    assert i.effective_n == pytest.approx(435 / i.design_effect)
    nearly_all = [(i, j) for i in range(8) for j in range(i)][:-3]
    i = rate_interval(group(8, nearly_all)).at(0)
    assert not i.supported
    assert "all but 3" in i.note
    star = fmr_within(np.array([[3.0, 1, 1, 1]]), np.array([3.0, 1, 1, 1]), one(3))
    assert "share nobody" in rate_interval(star).at(0).note


def test_many_images_of_few_pairs_are_few_errors() -> None:
    """Five pairs always in error are 5; 780 pairs in error once in a hundred times are 780."""
    n = 40
    few, many = np.zeros((n, n)), np.full((n, n), 0.01)
    for i in range(5):
        few[2 * i, 2 * i + 1] = few[2 * i + 1, 2 * i] = 1.0
    np.fill_diagonal(many, 0)
    notes = []
    for h in (few, many):
        v = fmr_within(h.sum(1)[None], np.full(n, n - 1.0), one((h * h).sum() / 2))
        assert v.events[0] < 10
        notes.append(rate_interval(v).note[0])
    assert notes[0].startswith("5 pairs")
    assert notes[1] == ""
    assert v.whole[0] == pytest.approx(780)


def test_all_events_mirror_no_events() -> None:
    every = [(i, j) for i in range(40) for j in range(i)]
    none, all_ = rate_interval(group(40, [])).at(0), rate_interval(group(40, every)).at(0)
    assert (all_.low, all_.high) == pytest.approx((1 - none.high, 1.0))
    assert all_.upper_guaranteed == 1.0


def test_misses_of_few_people_are_not_supported() -> None:
    k = np.zeros((1, 50))
    k[0, :4] = 5
    i = rate_interval(fnmr(k, np.full(50, 10.0))).at(0)
    assert not i.supported
    assert "4 people" in i.note


def test_nothing_compared_gives_no_interval() -> None:
    i = rate_interval(fmr_within(np.zeros((1, 3)), np.zeros(3), np.zeros(1))).at(0)
    assert (i.method, i.note) == ("none", "nothing was compared")
    assert math.isnan(i.low)
    assert math.isnan(i.upper_guaranteed)


def test_unequal_images_weaken_the_guarantee() -> None:
    even = fnmr(np.zeros((1, 10)), np.full(10, 3.0))
    uneven = fnmr(np.zeros((1, 10)), np.array([21.0, *[1.0] * 9]))
    assert even.independent == 10
    assert uneven.independent == pytest.approx(30 / 21)


@given(st.floats(1e-6, 0.9))
def test_needed_is_the_least(rate: float) -> None:
    sure, independent = needed(rate)
    assert (1 - rate) ** (sure // 2) <= 0.05 * (1 + 1e-6)
    assert (1 - rate) ** (sure // 2 - 1) > 0.05 * (1 - 1e-6)
    pairs = independent * (independent - 1) // 2
    assert (1 - rate) ** pairs <= 0.05 * (1 + 1e-6)
    assert (1 - rate) ** (pairs - independent + 1) > 0.05 * (1 - 1e-6)
    assert smallest_rate(sure // 2) <= rate * (1 + 1e-6)


def test_needed_known_answers() -> None:
    assert needed(0.02) == (298, 18)
    assert smallest_rate(3) == pytest.approx(1 - 0.05 ** (1 / 3))
    assert needed(1.0) == (2, 2)
    for wrong in (0.0, -1.0, 1.5, math.nan):
        with pytest.raises(InputError):
            needed(wrong)


@given(st.floats(1e-5, 0.5), st.floats(0, 20))
def test_needed_if_alike_is_the_least_that_is_enough(rate: float, cv2: float) -> None:
    n = needed_if_alike(rate, cv2)
    trials = needed(rate)[0] / 2

    def worth(people: int) -> float:
        return 1 / (4 * cv2 * rate / people + 2 / (people * (people - 1)))

    assert worth(n) >= trials * (1 - 1e-9)
    assert n == needed(rate)[1] or worth(n - 1) < trials
    assert needed_if_alike(rate, 0) == needed(rate)[1]


def test_needed_if_alike_known_answers() -> None:
    assert needed_if_alike(0.02, 10) == 122
    assert needed_if_alike(0.001, 2) == 91
    with pytest.raises(InputError):
        needed_if_alike(0.02, -1)


def test_many_thresholds_are_one_call() -> None:
    rng = np.random.default_rng(1)
    H = np.triu(rng.random((25, 25)), 1)
    H = H + H.T + 2 * np.eye(25)
    hits = np.stack([t > H for t in np.linspace(0, 1, 40)]).astype(float)
    R = hits.sum(axis=2)
    together = rate_interval(fmr_within(R, np.full(25, 24.0), R.sum(axis=1) / 2))
    assert len(together) == 40
    assert np.all((together.low >= 0) & (together.high <= 1) & (together.low <= together.high))
    k = 20
    alone = rate_interval(fmr_within(R[k : k + 1], np.full(25, 24.0), R[k : k + 1].sum(1) / 2))
    assert (alone.low[0], alone.high[0]) == pytest.approx((together.low[k], together.high[k]))
    assert alone.at(0).note == together.at(k).note


def test_failures_to_enrol_are_errors_of_people_and_called_by_their_name():
    failed, attempted = np.array([2.0, 0, 1, 0]), np.array([4.0, 4, 4, 4])
    v = failures_to_enrol(failed, attempted)
    found, missed = rate_interval(v), rate_interval(fnmr(failed[None], attempted))
    assert (found.low, found.high) == (missed.low, missed.high)
    assert v.estimate[0] == 3 / 16
    assert found.note == ("3 failures to enrol, fewer than 10: only bounds can be given",)
    assert found.at(0).method == "guaranteed"
    nearly = rate_interval(failures_to_enrol(np.full(20, 4.0) - np.eye(20)[0], np.full(20, 4.0)))
    assert nearly.note == ("all but 1 of the images are errors: only bounds can be given",)
    bursts = rate_interval(failures_to_enrol(12.0 * np.eye(20)[0], np.full(20, 30.0)))
    assert bursts.note == (
        "failures to enrol of 1 person, fewer than 10: only bounds can be given",
    )
