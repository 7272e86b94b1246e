"""Planning: minimal numbers, and each function the inverse of the others."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit import planning as p
from countenance.core import InputError

fmrs = st.floats(1e-6, 1e-2)
ratios = st.floats(1.2, 20)
cv2s = st.floats(0, 20)


def left(n, f, r, cv2):
    return 8 * cv2 / n + 2 / (n * (n - 1) * f) * (1 + 1 / r)


def right(r, m=1):
    z = NormalDist().inv_cdf
    return (math.log(r) / (z(1 - 0.05 / (2 * m)) + z(0.8))) ** 2


@settings(deadline=None)
@given(f=fmrs, r=ratios, cv2=cv2s, m=st.integers(1, 100))
def test_the_number_is_enough_and_one_less_is_not(f, r, cv2, m):
    n = p.people_needed(f, r, cv2=cv2, comparisons=m)
    assert left(n, f, r, cv2) <= right(r, m)
    assert n == 2 or left(n - 1, f, r, cv2) > right(r, m)


def test_28_planned_comparisons():
    # The table these are from used steps of 2 %, so its numbers are at most 2 % larger.
    found = [p.people_needed(1e-4, r, cv2=2, comparisons=28) for r in (2, 3, 10)]
    for n, printed in zip(found, (1288, 704, 281), strict=True):
        assert n <= printed <= 1.02 * n


def test_the_planned_power_is_reached_in_simulation():
    # Parity broken by 2, people's own rates Gamma with CV2 = 2, the page's own check (.80, .82).
    f, r, cv2 = 1e-3, 2.0, 2.0
    n = p.people_needed(f, r, cv2=cv2)
    rng = np.random.default_rng(7)
    logs = []
    for rate in (f, f * r):
        people = rng.gamma(1 / cv2, cv2, size=(3000, n))
        pairs = (people.sum(axis=1) ** 2 - (people**2).sum(axis=1)) / 2
        logs.append(np.log(rng.poisson(rate * pairs) / (n * (n - 1) / 2)))
    difference = logs[1] - logs[0]
    # The Gamma model's second factor, (1 + CV2)^2 - 1, adds a little to the formula's variance.
    assert difference.std() == pytest.approx(math.sqrt(left(n, f, r, cv2)), rel=0.05)
    power = np.mean(difference > NormalDist().inv_cdf(0.975) * difference.std())
    assert 0.76 < power < 0.86


@settings(deadline=None)
@given(f=fmrs, r=ratios, cv2=st.floats(0, 5))
def test_detectable_ratio_inverts_people_needed(f, r, cv2):
    n = p.people_needed(f, r, cv2=cv2)
    found = p.detectable_ratio(f, n, cv2=cv2)
    assert found is not None
    assert found <= r * (1 + 1e-9)
    assert p.people_needed(f, found * (1 + 1e-9), cv2=cv2) <= n


@settings(deadline=None)
@given(f=fmrs, r=ratios, cv2=st.floats(0, 5))
def test_smallest_auditable_fmr_inverts_people_needed(f, r, cv2):
    n = p.people_needed(f, r, cv2=cv2)
    found = p.smallest_auditable_fmr(n, r, cv2=cv2)
    assert found is not None
    assert found <= f * (1 + 1e-9)
    assert left(n, found, r, cv2) == pytest.approx(right(r))


def test_what_cannot_be_shown_is_none():
    # 100 people differ too much among themselves (CV2 = 2) for a ratio of 2 at any rate.
    assert p.smallest_auditable_fmr(100, 2) is None
    assert p.detectable_ratio(1e-6, 10) is None
    assert p.smallest_auditable_fmr(2, 15, cv2=0) is None  # would need a rate above 1
    # "With 100 people per group nothing below FMR 1e-3 can be audited": not even 10 errors.
    assert p.fmr_for_errors(100) > 1e-3


def test_the_plan_of_the_issue():
    plan = p.plan("1e-3", "2")
    assert (plan.people_per_group, plan.people, plan.images) == (389, 778, 778)
    assert plan.comparisons == 1
    assert plan.comparisons_per_group == 389 * 388 // 2
    for part in ("2-fold", "0.001", "389 people", "778 people", "one image", "CV2 = 2", "80 %"):
        assert part in plan.sentence
    assert p.plan(Fraction(1, 1000), 2) == plan
    assert p.plan(0.001, 2.0, groups=4).comparisons == 6
    assert p.plan(0.001, 2.0, groups=4, comparisons=3).comparisons == 3
    assert "3 planned comparisons" in p.plan(0.001, 2.0, groups=4, comparisons=3).sentence


@pytest.mark.parametrize("change", [{"groups": 4}, {"cv2": 4}, {"power": 0.9}, {"alpha": 0.01}])
def test_asking_more_needs_more_people(change):
    assert p.plan(1e-3, 2, **change).people_per_group > p.plan(1e-3, 2).people_per_group


def test_cv2_from_an_audit():
    n, f, cv2 = 400, 1e-3, 2.0
    pairs = n * (n - 1) / 2
    variance = f**2 * 4 * cv2 / n + f * (1 - f) / pairs
    assert p.estimate_cv2(f, variance, people=n) == pytest.approx(cv2)
    assert p.estimate_cv2(f, f * (1 - f) / pairs / 2, people=n) == 0.0
    assert p.estimate_cv2(0.0, 0.0, people=n) is None
    sampled = f**2 * 4 * cv2 / n + f * (1 - f) / 1000
    assert p.estimate_cv2(f, sampled, people=n, pairs=1000) == pytest.approx(cv2)


def test_fnmr_plan_by_simulation():
    plan = p.plan_fnmr(0.05, 2, images_per_person=3, icc=0.25)
    assert plan.comparisons_per_group == plan.people_per_group * 3
    # Beta-binomial misses with the assumed correlation.
    rng = np.random.default_rng(11)
    n, logs = plan.people_per_group, []
    for rate in (0.05, 0.10):
        a = rate * (1 / 0.25 - 1)
        own = rng.beta(a, a / rate - a, size=(3000, n))
        logs.append(np.log(rng.binomial(3, own).sum(axis=1) / (3 * n)))
    difference = logs[1] - logs[0]
    variance = (0.95 / 0.05 + 0.90 / 0.10) * (1 + 2 * 0.25) / (3 * n)
    assert variance <= right(2) < variance * n / (n - 1)
    assert difference.var() == pytest.approx(variance, rel=0.1)
    power = np.mean(difference > NormalDist().inv_cdf(0.975) * difference.std())
    assert 0.75 < power < 0.87
    assert "mated pairs" in plan.sentence


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: p.plan("x", 2), "is not a number"),
        (lambda: p.plan("1/0", 2), "is not a number"),
        (lambda: p.plan("nan", 2), "is not a number"),
        (lambda: p.plan("1e-999999999", 2), "is not a number"),
        (lambda: p.plan("1e-3", "1e999999999"), "is not a number"),
        (lambda: p.plan("inf", 2), "is not a number"),
        (lambda: p.plan(0, 2), "is not a rate"),
        (lambda: p.plan(1, 2), "is not a rate"),
        (lambda: p.plan(-0.1, 2), "is not a rate"),
        (lambda: p.plan(0.6, 2), "is above 1"),
        (lambda: p.plan(0.1, 1), "is no difference"),
        (lambda: p.plan(0.1, 0.5), "is no difference"),
        (lambda: p.plan(0.1, 2, groups=1), "nothing to be compared"),
        (lambda: p.plan(0.1, 2, power=0.2), "power"),
        (lambda: p.plan(0.1, 2, alpha=0), "level"),
        (lambda: p.plan(0.1, 2, cv2=-1), "CV2"),
        (lambda: p.plan(0.1, 2, cv2=math.nan), "CV2"),
        (lambda: p.plan(0.1, 2, comparisons=0), "0 comparisons"),
        (lambda: p.plan(1e-12, 1.000001), "people would be needed"),
        (lambda: p.plan_fnmr(0.1, 2, images_per_person=1), "no mated pair"),
        (lambda: p.plan_fnmr(0.1, 2, icc=2), "icc"),
        (lambda: p.fmr_for_errors(1), "make no pair"),
        (lambda: p.detectable_ratio(0.1, 1), "make no pair"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
