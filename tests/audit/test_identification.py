"""Search risk by group, and error rates of real searches, against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit import identification as ident
from countenance.core import InputError

GROUPS = ("A", "B")
F = [[1e-3, 1e-5], [1e-5, 1e-4]]


def test_composition_moves_the_differential_without_touching_the_engine():
    def ratio(share):
        a, b = ident.gallery_risk(F, [10_000 * share, 10_000 * (1 - share)], groups=GROUPS)
        return a.false_candidates / b.false_candidates

    assert [round(ratio(s), 1) for s in (0.5, 0.9, 0.1)] == [9.2, 47.4, 1.2]


def test_interval_ends_are_linear_too_and_years_multiply():
    low, high = np.array(F) / 2, np.array(F) * 3
    a, b = ident.gallery_risk(F, [700, 300], groups=GROUPS, low=low, high=high)
    for risk in (a, b):
        assert risk.low == pytest.approx(risk.false_candidates / 2)
        assert risk.high == pytest.approx(risk.false_candidates * 3)
    assert a.yearly(1000) == pytest.approx(703.0)
    bare = ident.gallery_risk(F, [700, 300], groups=GROUPS)[0]
    assert (bare.low, bare.high) == (None, None)


def test_fpir_is_at_most_the_expected_candidates_and_the_binomial_of_the_whole():
    a, b = ident.gallery_risk(F, [700, 300], groups=GROUPS)
    for risk, row in ((a, F[0]), (b, F[1])):
        expected = 1 - (1 - row[0]) ** 700 * (1 - row[1]) ** 300
        assert risk.fpir_at_most == pytest.approx(expected)
        assert risk.fpir_at_most <= risk.false_candidates


def test_certain_and_impossible_matches():
    sure, never = ident.gallery_risk([[1.0, 0.5], [1.0, 0.0]], [3, 0], groups=GROUPS)
    assert (sure.false_candidates, sure.fpir_at_most) == (3, 1)
    assert never.fpir_at_most == 1
    none = ident.gallery_risk([[0.0, 1.0], [0.0, 0.0]], [5, 0], groups=GROUPS)
    assert [r.fpir_at_most for r in none] == [0, 0]
    assert ident.fpir_at_most(1.0, 5) == 1
    assert ident.fpir_at_most(1.0, 0) == 0
    assert ident.fpir_at_most(1e-12, 10) == pytest.approx(1e-11, rel=1e-9)


def test_heterogeneous_people_stay_below_the_binomial():
    # Jensen (docs/measures.md, 4): false candidates gather on people who resemble many.
    rng = np.random.default_rng(2)
    own = rng.normal(0, 1, 600)
    scores = own[:, None] + own[None, :] + rng.normal(0, 1.2, (600, 600))
    np.fill_diagonal(scores, -np.inf)
    T = np.quantile(scores, 0.999)
    found = ident.search_rates(scores, np.full(600, -1), threshold=T)
    assert found.fpir < ident.fpir_at_most(found.selectivity / 599, 599) - 0.05
    by_probe = ident.false_candidates_by_probe(scores, threshold=T, gallery_size=10_000)
    assert by_probe.mean() == pytest.approx(10_000 * found.selectivity / 600)
    assert np.median(by_probe) < by_probe.mean() < np.quantile(by_probe, 0.99) / 5


def test_predictive_value():
    assert ident.predictive_value(0.5, fnir=0.1, fpir=0.1) == pytest.approx(0.9)
    assert ident.predictive_value(0.001, fnir=0, fpir=0.999) == pytest.approx(0.001, rel=2e-3)
    assert ident.predictive_value(0.0, fnir=0.1, fpir=0.1) == 0.0
    assert ident.predictive_value(0.5, fnir=1, fpir=0) is None
    with pytest.raises(TypeError):
        ident.predictive_value(fnir=0.1, fpir=0.1)
    with pytest.raises(InputError, match=r"prior of 1\.5"):
        ident.predictive_value(1.5, fnir=0.1, fpir=0.1)


SCORES = np.array(
    [
        [9, 5, 1, 0],  # mate 0, rank 1
        [7, 7, 1, 0],  # mate 1, tied with a non-mate: rank 2
        [3, 4, 2, 0],  # mate 2, rank 3
        [8, 8, 0, 0],  # not enrolled, two candidates at 8
        [1, 1, 1, 1],  # not enrolled, none
    ]
)
MATE = np.array([0, 1, 2, -1, -1])


def test_search_by_hand():
    found = ident.search_rates(SCORES, MATE, threshold=7, rank=1)
    assert (found.misses, found.mated_searches) == (2, 3)
    assert (found.searches_with_candidate, found.nonmated_searches) == (1, 2)
    assert found.false_candidates == 2
    assert (found.fnir, found.fpir, found.selectivity) == (2 / 3, 1 / 2, 1.0)
    # At rank 2 the tied mate is found; strictly above 7 it is not.
    assert ident.search_rates(SCORES, MATE, threshold=7, rank=2).misses == 1
    assert ident.search_rates(SCORES, MATE, threshold=7, rank=2, strict=True).misses == 2
    # A list of one hides the second candidate, and the mate at rank 2.
    short = ident.search_rates(SCORES, MATE, threshold=7, list_length=1)
    assert (short.false_candidates, short.misses, short.rank) == (1, 2, 1)
    assert ident.search_rates(SCORES, MATE, threshold=7, rank=2, list_length=1).misses == 2
    # Investigation: no threshold; FNIR(N, 1) is one minus rank-1.
    assert ident.search_rates(SCORES, MATE, rank=1).fnir == 2 / 3


def test_cmc_by_hand():
    assert ident.cmc(SCORES, MATE).tolist() == [1, 2, 3, 3]
    failed = np.array([True, False, False, False, False])
    assert ident.cmc(SCORES, MATE, failed=failed).tolist() == [0, 1, 2, 2]


def test_a_failed_probe_is_a_miss_or_an_empty_list():
    failed = np.array([True, False, False, True, False])
    scores = SCORES.astype(float)
    scores[failed] = math.nan
    found = ident.search_rates(scores, MATE, threshold=2, failed=failed)
    assert (found.failed_mated, found.failed_nonmated) == (1, 1)
    assert (found.misses, found.mated_searches) == (1, 3)
    assert (found.searches_with_candidate, found.nonmated_searches) == (0, 2)
    with pytest.raises(InputError, match="NaN"):
        ident.search_rates(scores, MATE, threshold=2)
    # Whatever stands in the row of a failed probe, it is not read.
    assert ident.search_rates(SCORES, MATE, threshold=2, failed=failed) == found


def test_one_kind_of_search_only():
    only_mated = ident.search_rates(SCORES[:3], MATE[:3], threshold=0)
    assert (only_mated.fpir, only_mated.selectivity) == (None, None)
    assert ident.search_rates(SCORES[3:], MATE[3:], threshold=0).fnir is None


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6))
def test_cmc_is_one_minus_fnir(seed, searches, gallery):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (searches, gallery))
    mate = rng.integers(-1, gallery, searches)
    counts = ident.cmc(scores, mate)
    mated = int((mate >= 0).sum())
    for rank in range(1, gallery + 1):
        found = ident.search_rates(scores, mate, rank=rank)
        assert mated - found.misses == counts[rank - 1]
    # Pessimistic ties: beaten or equalled by r non-mates is rank r + 1.
    for i in np.flatnonzero(mate >= 0):
        others = np.delete(scores[i], mate[i])
        rank = 1 + int((others >= scores[i, mate[i]]).sum())
        alone = ident.cmc(scores[i : i + 1], mate[i : i + 1])
        assert int(np.argmax(alone)) + 1 == rank


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ident.gallery_risk(F, [1], groups=GROUPS), "composition"),
        (lambda: ident.gallery_risk(F, [1, -1], groups=GROUPS), "composition"),
        (lambda: ident.gallery_risk(F, [1, math.inf], groups=GROUPS), "composition"),
        (lambda: ident.gallery_risk([[0.1]], [1, 1], groups=GROUPS), "shape"),
        (lambda: ident.gallery_risk([[0, 2], [0, 0]], [1, 1], groups=GROUPS), "not a rate"),
        (lambda: ident.gallery_risk([[0, math.nan], [0, 0]], [1, 1], groups=GROUPS), "not a rate"),
        (lambda: ident.fpir_at_most(2, 5), "FMR 2"),
        (lambda: ident.fpir_at_most(0.1, -1), "gallery of -1"),
        (lambda: ident.search_rates(SCORES, MATE[:2]), "do not fit"),
        (lambda: ident.search_rates(SCORES, MATE + 3), "outside the gallery"),
        (lambda: ident.search_rates(SCORES, MATE - 1), "not a column"),
        (lambda: ident.search_rates(SCORES, MATE.astype(float)), "not a column"),
        (lambda: ident.search_rates(SCORES, MATE, rank=0), "rank 0"),
        (lambda: ident.search_rates(SCORES, MATE, failed=[True]), "failures do not fit"),
        (lambda: ident.false_candidates_by_probe([1.0], threshold=0, gallery_size=1), "shape"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
