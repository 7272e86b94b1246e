"""Differential measures: known answers, edge cases, a published table decoded."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit import differentials as d
from countenance.core import InputError

RATIOS = [d.max_over_min, d.max_over_geomean, d.ser]
positive_rates = st.lists(st.floats(1e-6, 1), min_size=2, max_size=10)


def compositions(total, cells):
    if cells == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, cells - 1):
            yield (first, *rest)


# docs/measures.md, 2: FPD of 36 rows of Tables 1a, 1b, 3 and 4 of arXiv 2608.12971.
PUBLISHED_FPD = np.fromstring(
    ".6372 .6372 .5763 .7582 .8187 .7582 .7580 .6974 .8186 .5766 .8790 .8790 .6974 .9395 .9396 "
    ".5766 .6372 .7581 .8187 .6372 .6372 .8186 .8186 .5766 .8187 .5764 .9396 .5766 .5766 .6372 "
    ".6369 .5764 .6370 .6973 .5763 .4553",
    sep=" ",
)


def test_every_published_value_is_eleven_false_matches_in_four_equal_groups():
    def nearest(events):
        found = {d.gini([c / 3000 for c in counts]).value for counts in compositions(events, 4)}
        return [min(abs(value - g) for g in found) for value in PUBLISHED_FPD]

    assert len(PUBLISHED_FPD) == 36
    assert max(nearest(11)) < 0.00085
    for other, at_least in ((10, 0.030), (12, 0.025), (13, 0.023)):
        assert max(nearest(other)) > at_least


def test_the_residuals_vanish_with_slightly_unequal_groups():
    sizes = (2980, 3000, 2960, 2968)
    found = np.array(
        [
            d.gini([c / n for c, n in zip(counts, sizes, strict=True)]).value
            for counts in compositions(11, 4)
        ]
    )
    worst = max(np.abs(found - value).min() for value in PUBLISHED_FPD)
    assert worst < 5.7e-5


def test_one_false_match_moved_is_the_published_gain():
    assert d.gini([6 / 3e3, 4 / 3e3, 1 / 3e3, 0]).value == pytest.approx(21 / 33)
    assert d.gini([6 / 3e3, 3 / 3e3, 2 / 3e3, 0]).value == pytest.approx(19 / 33)


def test_eleven_events_at_exact_parity():
    # docs/measures.md, 2: mean .336, 95 % .576, 99 % .697, by full enumeration here.
    weights, values = [], []
    for counts in compositions(11, 4):
        ways = math.factorial(11) / math.prod(math.factorial(c) for c in counts)
        weights.append(ways / 4**11)
        values.append(d.gini([c / 3000 for c in counts]).value)
    order = np.argsort(values)
    below = np.cumsum(np.array(weights)[order])
    ranked = np.array(values)[order]
    assert np.dot(weights, values) == pytest.approx(0.336, abs=5e-4)
    assert ranked[np.searchsorted(below, 0.95)] == pytest.approx(0.576, abs=5e-4)
    assert ranked[np.searchsorted(below, 0.99)] == pytest.approx(0.697, abs=5e-4)


def test_gini_by_the_double_sum():
    a = [Fraction(2, 1000), Fraction(1, 2000), Fraction(1, 1000), Fraction(1, 10000)]
    n = len(a)
    plain = sum(abs(x - y) for x in a for y in a) / (2 * n * n * (sum(a) / n))
    assert d.gini([float(x) for x in a], corrected=False).value == pytest.approx(float(plain))
    assert d.gini([float(x) for x in a]).value == pytest.approx(float(plain * n / (n - 1)))


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("groups", [2, 3, 7])
def test_parity_is_exactly_parity(rate, groups):
    # 0.1 + 0.1 + 0.1 is not 0.3 in floats; a copied implementation answers None to equality.
    equal = [rate] * groups
    for measure in d.differentials(equal):
        if measure.name.startswith("max_over"):
            assert measure.value == 1.0
        elif measure.name != "worst_case":
            assert measure.value == pytest.approx(0.0, abs=1e-16)
    assert d.gini(equal).value == 0.0
    assert d.werm(equal, equal).value == 1.0


@pytest.mark.parametrize("rate", [1e-3, 1e-4, 1e-6])
def test_werm_has_no_epsilon(rate):
    with_epsilon = rate / (rate + 1e-5)
    assert with_epsilon < 1
    assert d.werm([rate] * 4, [0.01] * 4).value == 1.0


@pytest.mark.parametrize("measure", RATIOS)
def test_a_zero_cell_makes_a_ratio_undefined_with_a_bound(measure):
    bare = measure([0.01, 0.0, 0.02])
    assert (bare.value, bare.at_least) == (None, None)
    assert not bare.defined
    assert "one group has no errors" in bare.why_not
    bounded = measure([0.01, 0.0, 0.02], upper=[0.02, 0.001, 0.04])
    assert bounded.value is None
    assert bounded.at_least == pytest.approx(measure([0.01, 0.001, 0.02]).value)
    assert bounded.at_least <= 20 + 1e-12
    useless = measure([0.01, 0.0], upper=[0.02, 0.5])
    assert useless.at_least is None or useless.at_least > 1
    assert measure([0.01, 0.0], upper=[0.02, 0.0]).at_least is None
    assert "2 groups have" in measure([0.0, 0.0, 0.1]).why_not


def test_all_zero_is_undefined_not_zero():
    for measure in d.differentials([0.0, 0.0, 0.0]):
        if measure.name in ("worst_case", "sed"):
            assert measure.value == 0.0
        else:
            assert measure.value is None
            assert measure.why_not == "no group has an error"


def test_zero_cells_leave_gini_and_max_over_mean_defined():
    assert d.gini([0, 0, 0, 1]).value == 1.0
    assert d.gini([0, 0, 0, 1], corrected=False).value == 0.75
    assert d.max_over_mean([0, 0, 0.3]).value == pytest.approx(3)


def test_one_group_has_nothing_to_compare_with():
    assert {m.value for m in d.differentials([0.1]) if m.name not in ("worst_case", "sed")} == {
        None
    }
    assert "one group only" in d.gini([0.1]).why_not


def test_a_zero_group_is_not_called_average():
    measures = d.log_ratios_to_average([0.0, 0.2, 0.1])
    assert [m.defined for m in measures] == [False, True, True]
    assert measures[1].value == pytest.approx(math.log(2))
    assert measures[2].value == pytest.approx(0)
    assert d.reliability_bias([0.0, 0.2, 0.1]).value is None


def test_fdr_follows_accuracy_and_is_no_headline():
    # A system that never matches anybody: every FMR 0, every FNMR 1 (docs/measures.md, 2).
    broken = d.fdr([0, 0, 0], [1, 1, 1])
    assert broken.value == 1.0
    assert not broken.headline
    assert all(m.headline for m in d.differentials([0.1, 0.2]))


def test_marginal_ratio():
    ratio = d.marginal_ratio([0.02, 0.08], [0.01, 0.01])
    assert ratio.value == pytest.approx(4)
    assert d.marginal_ratio([0.0, 0.1], [0.1, 0.1]).value is None
    with pytest.raises(InputError, match="2 cells against 1"):
        d.marginal_ratio([0.1, 0.2], [0.1])


def test_mape_and_sed():
    assert d.mape([0.002, 0.001, 0.0005], target=0.001).value == pytest.approx(50)
    assert d.mape([0.0, 0.001], target=0.001).value == pytest.approx(50)
    assert "nominal rate is zero" in d.mape([0.1], target=0).why_not
    assert d.sed([0.1, 0.3]).value == pytest.approx(0.1)


def test_combined_measures_say_which_side_is_undefined():
    found = {m.name: m for m in d.combined_differentials([0.0, 0.1], [0.2, 0.0])}
    assert found["inequity_rate"].why_not.startswith("FMR: one group has")
    assert "FNMR: one group has" in found["werm"].why_not
    assert found["garbe"].defined
    with pytest.raises(InputError, match="2 FMRs and 1 FNMRs"):
        d.combined_differentials([0.1, 0.2], [0.1])


def test_weights():
    fmr, fnmr = [0.1, 0.2], [0.1, 0.4]
    assert d.inequity_rate(fmr, fnmr, alpha=1, beta=0).value == pytest.approx(2)
    assert d.garbe(fmr, fnmr, alpha=1).value == pytest.approx(d.gini(fmr).value)
    assert d.fdr(fmr, fnmr, alpha=0).value == pytest.approx(0.7)


@pytest.mark.parametrize("bad", [[], [0.1, math.nan], [0.1, -0.1], [0.1, 1.5]])
def test_what_is_no_rate_is_refused(bad):
    for measure in (d.differentials, d.max_over_min, d.gini, d.sed, d.worst_case):
        with pytest.raises(InputError, match="rate"):
            measure(bad)


def test_bounds_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="1 bounds for 2 rates"):
        d.max_over_min([0.1, 0], upper=[0.2])


@settings(deadline=None)
@given(positive_rates, st.floats(0.01, 1))
def test_measures_of_spread_ignore_scale_and_order(rates, scale):
    a = {m.name: m.value for m in d.differentials(rates)}
    b = {m.name: m.value for m in d.differentials([r * scale for r in reversed(rates)])}
    for name in a.keys() - {"worst_case", "sed"}:
        assert a[name] == pytest.approx(b[name], rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(positive_rates)
def test_ranges(rates):
    n = len(rates)
    assert 0 <= d.gini(rates).value <= 1 + 1e-12
    assert d.gini(rates, corrected=False).value <= (n - 1) / n + 1e-12
    assert d.max_over_min(rates).value >= d.max_over_geomean(rates).value - 1e-9
    assert d.max_over_geomean(rates).value >= d.max_over_mean(rates).value - 1e-9
    assert d.max_over_mean(rates).value >= 1


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.3]), min_size=2, max_size=6))
def test_the_array_forms_agree_with_the_single_ones(rates):
    single = {m.name: m.value for m in d.differentials(rates)}
    other = [0.01 * (i + 1) for i in range(len(rates))]
    for name, values in d.over_draws([rates, other]).items():
        assert values.shape == (2,)
        expected = single[name]
        if expected is None:
            assert math.isnan(values[0])
        else:
            assert values[0] == pytest.approx(expected, abs=1e-12)
        assert values[1] == pytest.approx({m.name: m.value for m in d.differentials(other)}[name])


def test_every_pair_of_names_is_distinct():
    names = [m.name for m in (*d.differentials([0.1, 0.2], target=0.1),)]
    names += [m.name for m in d.combined_differentials([0.1, 0.2], [0.1, 0.2])]
    assert all(a != b for a, b in itertools.combinations(names, 2))
    assert set(d.OVER_DRAWS) <= set(names)
