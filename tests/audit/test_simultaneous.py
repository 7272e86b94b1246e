"""Simultaneous ratios: false alarms at parity, power, shared people, groups without errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from countenance.audit.bootstrap import Errors, draw_weights, error_curves, pair_weight
from countenance.audit.simultaneous import CellRate, compare, log_covariance, sup_t
from countenance.audit.variance import RateVariance, fmr_between, fmr_within, fnmr
from countenance.core import InputError

Z = 1.959963984540054
NORMAL_T = {1e-3: 3.090232306167813, 5e-3: 2.575829303548901}


def draw(n: int, rate: float, rho: float, reps: int, rng: np.random.Generator) -> np.ndarray:
    """(reps, n, n) false matches above the diagonal; scores with shared tendencies."""
    a = rng.standard_normal((reps, n), dtype=np.float32) * np.float32((rho / 2) ** 0.5)
    s = rng.standard_normal((reps, n, n), dtype=np.float32) * np.float32((1 - rho) ** 0.5)
    s += a[:, :, None] + a[:, None, :]
    return (s >= np.float32(NORMAL_T[rate])) & np.triu(np.ones((n, n), dtype=bool), 1)


def group(H: np.ndarray) -> RateVariance:
    n = len(H)
    rows = H.sum(axis=0) + H.sum(axis=1)
    return fmr_within(rows[None].astype(float), np.full(n, n - 1.0), np.array([float(H.sum())]))


def cell(name: str, v: RateVariance, start: int = 0) -> CellRate:
    return CellRate(name, v, 0, np.arange(start, start + v.psi.shape[1]))


def mated(k: list[int], m: int = 10) -> RateVariance:
    return fnmr(np.array([k], dtype=float), np.full(len(k), float(m)))


def edges(n: int, pairs: list[tuple[int, int]]) -> RateVariance:
    H = np.zeros((n, n))
    for i, j in pairs:
        H[min(i, j), max(i, j)] = 1
    return group(H)


def test_parity_raises_few_false_alarms_where_the_bootstrap_nearly_always_does() -> None:
    """Acceptance: 8 groups, n = 200, FMR 1e-3, rho .3."""
    rng = np.random.default_rng(52)
    reps, n, G = 200, 200, 8
    alarms = excludes_one = 0
    strata = np.repeat(np.arange(G), n)
    for rep in range(reps):
        H = draw(n, 1e-3, 0.3, G, rng)
        cells = [cell(f"g{g}", group(H[g]), g * n) for g in range(G)]
        c = compare(cells, draws=1000, seed=rep)
        alarms += c.verdict == "shown"
        if rep < 20:
            w = draw_weights(strata, replicates=200, rng=rng)
            rates = []
            for g in range(G):
                i, j = (x + g * n for x in np.nonzero(H[g]))
                curve = error_curves(w, Errors(i, j, np.ones(len(i), dtype=int)), thresholds=1)
                rates.append(curve[:, 0] / pair_weight(w, np.arange(g * n, (g + 1) * n)))
            ratio = np.max(rates, axis=0) / np.maximum(np.min(rates, axis=0), 1e-12)
            excludes_one += np.quantile(ratio, 0.025) > 1
    assert alarms <= 0.10 * reps
    assert excludes_one >= 19


def test_a_fivefold_differential_is_shown() -> None:
    rng = np.random.default_rng(7)
    shown, bounds = 0, []
    for rep in range(30):
        H = draw(200, 1e-3, 0.3, 7, rng)
        worst = draw(200, 5e-3, 0.3, 1, rng)[0]
        cells = [cell(f"g{g}", group(H[g]), g * 200) for g in range(7)]
        c = compare([*cells, cell("worst", group(worst), 1400)], draws=2000, seed=rep)
        shown += c.verdict == "shown"
        bounds.append(c.at_least)
        if c.between:
            assert c.between[0] == "worst"
    assert shown >= 26
    assert np.mean(np.array(bounds) <= 5) > 0.9


def test_critical_values_with_a_known_answer() -> None:
    rng = np.random.default_rng(3)
    many = np.full(2, 1e9)
    assert sup_t(np.eye(2), many, 0.95, draws=200_000, rng=rng) == pytest.approx(Z, abs=0.02)
    # Studentised range of 8 equal groups: q(.95; 8, inf) / sqrt 2 = 4.2863 / sqrt 2.
    got = sup_t(np.eye(8), np.full(8, 1e9), 0.95, draws=200_000, rng=rng)
    assert got == pytest.approx(4.2863 / math.sqrt(2), abs=0.02)
    # Two groups of 5 degrees each and equal variances: between t(5) and t(10).
    few = sup_t(np.eye(2), np.full(2, 5.0), 0.95, draws=200_000, rng=rng)
    assert 2.2281 < few < 2.5706


def test_same_people_twice_are_one_cell() -> None:
    v = mated([1, 1, 2, 0, 3, 1, 0, 2, 1, 1, 1, 2, 1, 1])
    c = compare([cell("a", v), cell("b", v)], draws=500)
    assert [(r.low, r.estimate, r.high) for r in c.ratios] == [(1.0, 1.0, 1.0)]
    assert c.verdict == "bounded"
    assert c.at_most == 1.0


def test_shared_people_make_ratios_sharper() -> None:
    rng = np.random.default_rng(11)
    k = rng.binomial(10, rng.beta(0.4, 2, 60))
    other = np.minimum(10, k + rng.binomial(2, 0.3, 60))
    one, two = mated(list(k)), mated(list(other))
    together = compare([cell("first engine", one), cell("second engine", two)], draws=4000)
    apart = compare([cell("first engine", one), cell("second engine", two, 60)], draws=4000)
    assert together.ratios[0].estimate == apart.ratios[0].estimate
    assert together.ratios[0].high / together.ratios[0].low < (
        0.7 * apart.ratios[0].high / apart.ratios[0].low
    )


def test_log_covariance_against_the_formula() -> None:
    rng = np.random.default_rng(5)
    H = draw(60, 5e-3, 0.3, 1, rng)[0]
    H[:12, 30:42] |= rng.random((12, 12)) < 0.2
    within = group(H)
    rows = np.arange(30)
    cross = H[:30, 30:].astype(float)
    total = np.array([cross.sum()])
    between = fmr_between(
        cross.sum(1)[None], np.full(30, 30.0), cross.sum(0)[None], np.full(30, 30.0), total
    )
    cells = [cell("all", within), CellRate("cross", between, 0, np.r_[rows, rows + 30])]
    logs, S = log_covariance(cells)
    assert np.exp(logs) == pytest.approx([within.estimate[0], between.estimate[0]])
    a, b = within.psi[0], between.psi[0]
    correlation = (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())
    assert correlation > 0.1
    sd = [math.sqrt(v.variance[0]) / v.estimate[0] for v in (within, between)]
    off = correlation * sd[0] * sd[1]
    assert S.ravel() == pytest.approx([sd[0] ** 2, off, off, sd[1] ** 2])


def test_a_group_without_errors_enters_by_its_bound_and_is_listed() -> None:
    bad = edges(60, list(itertools.combinations(range(60), 2))[::2])
    none = edges(300, [])
    c = compare([cell("bad", bad), cell("none", none, 60)], draws=500)
    assert c.insufficient == ("none",)
    assert c.ratios == ()
    assert c.verdict == "shown"
    assert c.between == ("bad", "none")
    # At most the estimate over the bound, at least something.
    assert 1 < c.at_least < 0.5 / (1 - 0.025 ** (1 / 150))
    assert c.at_most is None
    few = compare([cell("bad", edges(60, [(0, j) for j in range(1, 12)])),
                   cell("none", edges(20, []), 60)], draws=500)  # fmt: skip
    assert (few.verdict, few.at_least, few.between) == ("inconclusive", 1.0, None)


def test_a_group_with_few_errors_takes_part_with_care() -> None:
    few = edges(60, [(0, 1), (2, 3), (4, 5)])
    many = edges(60, list(itertools.combinations(range(60), 2))[::3])
    c = compare([cell("many", many), cell("few", few, 60)], draws=1000)
    assert c.insufficient == ()
    assert [(r.a, r.b) for r in c.ratios] == [("many", "few")]
    assert c.verdict == "shown"
    bold = math.sqrt(
        many.variance[0] / many.estimate[0] ** 2 + few.variance[0] / few.estimate[0] ** 2
    )
    assert math.log(c.ratios[0].high / c.ratios[0].low) > 2 * Z * bold


def test_a_group_without_errors_costs_the_others_confidence() -> None:
    a = mated([1, 3] * 20)
    b = mated([1, 0] * 20)
    clean = mated([0] * 40)
    alone = compare([cell("a", a), cell("b", b, 40)], draws=4000)
    more = compare([cell("a", a), cell("b", b, 40), cell("c", clean, 80)], draws=4000)
    assert more.critical > alone.critical
    assert more.at_most is None
    assert more.at_most_among is not None


def test_bounded_needs_every_group() -> None:
    rng = np.random.default_rng(2)
    cells = [cell(f"g{g}", mated(list(rng.binomial(10, 0.3, 400))), 400 * g) for g in range(3)]
    c = compare(cells, draws=1000)
    assert c.verdict == "bounded"
    assert c.at_most is not None
    assert c.at_most < 1.3
    assert compare(cells, draws=1000, bound=1.0).verdict == "inconclusive"
    with_empty = [*cells, cell("few", mated([0, 0, 0]), 2000)]
    assert compare(with_empty, draws=1000).verdict == "inconclusive"


def test_undefined_and_bad_input() -> None:
    v = mated([1, 2, 3])
    empty = fnmr(np.zeros((1, 2)), np.zeros(2))
    assert compare([cell("a", v)]).verdict == "undefined"
    assert compare([]).verdict == "undefined"
    c = compare([cell("a", v), cell("nobody", empty, 3)])
    assert (c.verdict, c.insufficient) == ("undefined", ("a", "nobody"))
    with pytest.raises(InputError, match="same name"):
        compare([cell("a", v), cell("a", v)])
    with pytest.raises(InputError, match="people"):
        compare([CellRate("a", v, 0, np.arange(2))])


def test_same_seed_same_answer() -> None:
    cells = [cell("a", mated([1, 2, 0] * 9)), cell("b", mated([1, 0, 1] * 9), 27)]
    assert compare(cells, seed=4) == compare(cells, seed=4)
    assert compare(cells, seed=4).critical != compare(cells, seed=5).critical


def test_three_people_have_no_variance_and_no_ratio() -> None:
    """No two pairs of three people share nobody: what their jackknife says is no variance."""
    three = fmr_within(np.array([[1.0, 1.0, 1.0]]), np.full(3, 2.0), np.array([0.75]))
    many = fmr_within(np.array([[2.0] * 10]), np.full(10, 9.0), np.array([10.0]))
    found = compare(
        [CellRate("three", three, 0, np.arange(3)), CellRate("many", many, 0, np.arange(3, 13))]
    )
    assert found.insufficient == ("three",)
    assert not found.ratios
