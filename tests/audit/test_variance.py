"""Variances against exact fractions, brute force on small graphs, and the golden vectors."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit.variance import RateVariance, fmr_between, fmr_within, fnmr, fold
from countenance.core import InputError

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "golden.json").read_text())
TOY = GOLDEN["toy_variance"]
Edge = tuple[int, int]
Design = dict[Edge, Fraction]


def within(n: int, h: Design) -> RateVariance:
    """From a table of compared pairs, which need not be all."""
    row, degree = np.zeros(n), np.zeros(n)
    for (i, j), x in h.items():
        for end in (i, j):
            row[end] += float(x)
            degree[end] += 1
    return fmr_within(row[None], degree, np.array([float(sum(x * x for x in h.values()))]))


def between(n: int, m: int, h: Design) -> RateVariance:
    H, seen = np.zeros((n, m)), np.zeros((n, m))
    for (i, j), x in h.items():
        H[i, j], seen[i, j] = float(x), 1
    square = np.array([(H * H).sum()])
    return fmr_between(H.sum(1)[None], seen.sum(1), H.sum(0)[None], seen.sum(0), square)


def exact(h: Design, *, two_sided: bool = False) -> tuple[Fraction, Fraction | None]:
    """U and max(U^2 - Q, U(1-U)/N), Q over all ordered pairs of disjoint pairs, by brute force."""
    N = len(h)
    U = sum(h.values(), Fraction(0)) / N
    products = [
        x * y
        for ((a, b), x), ((c, d), y) in itertools.product(h.items(), h.items())
        if (a != c and b != d and (two_sided or (a != d and b != c)))
    ]
    if not products:
        return U, None
    Q = sum(products, Fraction(0)) / len(products)
    return U, max(U * U - Q, U * (1 - U) / N)


def complete(n: int, edges: list[list[int]]) -> Design:
    errors = {tuple(sorted(e)) for e in edges}
    return {e: Fraction(int(e in errors)) for e in itertools.combinations(range(n), 2)}


@st.composite
def designs(draw: st.DrawFn, *, two_sided: bool = False) -> tuple[int, int, Design]:
    n, m = draw(st.integers(2, 7)), draw(st.integers(2, 6))
    possible = (
        list(itertools.product(range(n), range(m)))
        if two_sided
        else list(itertools.combinations(range(n), 2))
    )
    pairs = draw(st.lists(st.sampled_from(possible), min_size=1, unique=True))
    values = st.fractions(0, 1, max_denominator=4)
    return n, m, {p: draw(values) for p in pairs}


@pytest.mark.parametrize(
    ("name", "n", "edges", "U", "V", "VJ"),
    [
        ("H5", 5, [[0, 1], [0, 2], [3, 4]], Fraction(3, 10), Fraction(21, 1000), Fraction(4, 225)),
        ("wolf6", 6, TOY["wolf6"]["edges"], Fraction(1, 3), Fraction(1, 9), Fraction(1, 9)),
        ("matching6", 6, TOY["matching6"]["edges"], Fraction(1, 5), Fraction(4, 375), Fraction(0)),
    ],
)
def test_golden_toys(
    name: str, n: int, edges: list[list[int]], U: Fraction, V: Fraction, VJ: Fraction
) -> None:
    assert Fraction(TOY[name]["U"]) == U
    v = within(n, complete(n, edges))
    assert v.estimate[0] == pytest.approx(float(U), abs=1e-15)
    assert v.variance[0] == pytest.approx(float(V), rel=1e-12)
    assert v.jackknife[0] == pytest.approx(float(VJ), abs=1e-15)
    assert (v.people, v.trials, v.independent) == (n, n * (n - 1) / 2, n // 2)
    if name == "H5":
        H = np.array(TOY["H5"]["H"])
        assert {(i, j) for i, j in zip(*np.nonzero(np.triu(H)), strict=True)} == {
            tuple(e) for e in edges
        }
        assert TOY["H5"]["floored"] == pytest.approx(float(V))


def test_golden_between_and_fnmr() -> None:
    H = TOY["between"]["H"]
    h = {(i, j): Fraction(x) for i, row in enumerate(H) for j, x in enumerate(row)}
    v = between(3, 4, h)
    assert v.estimate[0] == TOY["between"]["U"]
    assert v.variance[0] == pytest.approx(TOY["between"]["V_unbiased"], rel=1e-12)
    assert v.jackknife[0] == pytest.approx(TOY["between"]["V_conservative"], rel=1e-12)
    assert v.independent == 3
    toy = TOY["fnmr"]
    f = fnmr(np.array([toy["k"]], dtype=float), np.array(toy["m"], dtype=float))
    assert f.estimate[0] == pytest.approx(toy["p"], rel=1e-15)
    assert f.variance[0] == pytest.approx(toy["V"], rel=1e-12)
    assert f.affected[0] == 2


@given(designs())
def test_within_is_the_average_over_disjoint_pairs(case: tuple[int, int, Design]) -> None:
    n, _, h = case
    v, (U, V) = within(n, h), exact(h)
    assert v.estimate[0] == pytest.approx(float(U), abs=1e-12)
    if V is None:
        assert np.isnan(v.variance[0])
    else:
        assert v.variance[0] == pytest.approx(float(V), abs=1e-12)
    assert v.psi.sum() == pytest.approx(0, abs=1e-12)


@given(designs(two_sided=True))
def test_between_is_the_average_over_disjoint_pairs(case: tuple[int, int, Design]) -> None:
    n, m, h = case
    v, (U, V) = between(n, m, h), exact(h, two_sided=True)
    assert v.estimate[0] == pytest.approx(float(U), abs=1e-12)
    if V is None:
        assert np.isnan(v.variance[0])
    else:
        assert v.variance[0] == pytest.approx(float(V), abs=1e-12)


@given(designs())
def test_jackknife_deletes_one_person_at_a_time(case: tuple[int, int, Design]) -> None:
    n, _, h = case
    seen = {i for e in h for i in e}
    U = sum(h.values(), Fraction(0)) / len(h)
    without = [[x for e, x in h.items() if i not in e] for i in seen]
    v = within(n, h)
    if any(not left for left in without):
        assert np.isnan(v.jackknife[0])
        return
    gaps = [sum(left, Fraction(0)) / len(left) - U for left in without]
    expected = Fraction(len(seen) - 1, len(seen)) * sum(g * g for g in gaps)
    assert v.jackknife[0] == pytest.approx(float(expected), abs=1e-12)


@given(designs())
def test_vizing_promises_no_more_disjoint_pairs_than_there_are(
    case: tuple[int, int, Design],
) -> None:
    n, _, h = case

    def most(edges: list[Edge]) -> int:
        if not edges:
            return 0
        (a, b), rest = edges[0], edges[1:]
        return max(most(rest), 1 + most([e for e in rest if a not in e and b not in e]))

    if len(h) <= 12:
        assert np.ceil(within(n, h).independent - 1e-9) <= most(list(h))


@given(st.integers(4, 9), st.data())
def test_complete_design_is_the_reference_formula(n: int, data: st.DataObject) -> None:
    h = {e: Fraction(data.draw(st.integers(0, 2)), 2) for e in itertools.combinations(range(n), 2)}
    N = Fraction(n * (n - 1), 2)
    rows = [sum((x for e, x in h.items() if i in e), Fraction(0)) for i in range(n)]
    U = sum(h.values(), Fraction(0)) / N
    overlap = sum(r * r for r in rows) - sum(x * x for x in h.values())
    Q = (N * N * U * U - overlap) / (N * N - N * (2 * n - 3))
    v = within(n, h)
    assert v.variance[0] == pytest.approx(float(max(U * U - Q, U * (1 - U) / N)), abs=1e-12)
    means = [r / (n - 1) for r in rows]
    spread = sum((r - U) ** 2 for r in means)
    J = Fraction(4 * (n - 1), n * (n - 2) ** 2) * spread
    assert v.jackknife[0] == pytest.approx(float(J), abs=1e-12)
    assert v.psi[0] == pytest.approx([float(2 * (r - U) / n) for r in means], abs=1e-12)


@given(st.integers(2, 5), st.integers(2, 5), st.data())
def test_complete_between_is_the_reference_formula(n: int, m: int, data: st.DataObject) -> None:
    H = np.array([[data.draw(st.integers(0, 1)) for _ in range(m)] for _ in range(n)], float)
    U, r, c = H.mean(), H.mean(axis=1), H.mean(axis=0)
    rest = ((H - r[:, None] - c + U) ** 2).sum() / ((n - 1) * (m - 1))
    conservative = r.var(ddof=1) / n + c.var(ddof=1) / m
    floor = U * (1 - U) / (n * m)
    v = between(n, m, {(i, j): Fraction(H[i, j]) for i in range(n) for j in range(m)})
    assert v.jackknife[0] == pytest.approx(max(conservative, floor), abs=1e-12)
    assert v.variance[0] == pytest.approx(max(conservative - rest / (n * m), floor), abs=1e-12)


@given(st.integers(3, 8), st.data())
def test_fold_of_a_group_against_everybody(n: int, data: st.DataObject) -> None:
    """All ordered comparisons of all people: the same rate and influences as within one group."""
    h = {e: Fraction(data.draw(st.integers(0, 1))) for e in itertools.combinations(range(n), 2)}
    H = np.zeros((n, n))
    for (i, j), x in h.items():
        H[i, j] = H[j, i] = float(x)
    degree = np.full(n, n - 1.0)
    square = np.array([(H * H).sum()])
    who = np.arange(n) * 3
    v = fold(fmr_between(H.sum(1)[None], degree, H.sum(0)[None], degree, square), who, who)
    once = within(n, h)
    assert v.estimate == pytest.approx(once.estimate)
    assert v.psi == pytest.approx(once.psi)
    assert (v.people, list(v.affected)) == (once.people, list(once.affected))
    assert v.independent <= once.independent
    assert v.freedom == pytest.approx(once.freedom)
    assert v.variance[0] >= (v.psi**2).sum() * n / (n - 1) - 1e-12


def test_fold_of_part_against_everybody() -> None:
    """Two probes against four people, themselves among them."""
    H = np.array([[0.0, 1, 1, 0], [1, 0, 0, 0]])
    v = fmr_between(H.sum(1)[None], np.full(2, 3.0), H.sum(0)[None], np.array([1.0, 1, 2, 2]),
                    np.array([3.0]))  # fmt: skip
    both = fold(v, np.array([7, 9]), np.array([7, 9, 10, 12]))
    assert both.degree.tolist() == [4, 4, 2, 2]
    assert both.affected.tolist() == [3]
    assert both.psi.sum() == pytest.approx(0)
    assert both.psi[0] == pytest.approx([(2 + 1 - 2) / 6, (1 + 1 - 2) / 6, 0, -1 / 6])
    assert both.independent == pytest.approx(6 / 6)


def test_unbiased_over_every_possible_draw_of_people() -> None:
    # Three kinds of people, a rate for each pair of kinds; all 3^5 groups, exactly.
    rate = [[1, 1, 0], [1, 0, 0], [0, 0, 0]]
    share = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4)]
    mean = square = estimated = Fraction(0)
    for kinds in itertools.product(range(3), repeat=5):
        p = Fraction(1)
        for kind in kinds:
            p *= share[kind]
        h = {(i, j): Fraction(rate[kinds[i]][kinds[j]]) for i, j in edges}
        U = sum(h.values(), Fraction(0)) / len(h)
        row = [sum((x for e, x in h.items() if i in e), Fraction(0)) for i in range(5)]
        degree = [sum(i in e for e in edges) for i in range(5)]
        disjoint = len(h) ** 2 - (sum(d * d for d in degree) - len(h))
        Q = ((len(h) * U) ** 2 - sum(r * r for r in row) + sum(h.values(), Fraction(0))) / disjoint
        mean, square, estimated = mean + p * U, square + p * U * U, estimated + p * (U * U - Q)
    assert estimated == square - mean * mean


def test_nothing_compared_is_a_value_and_not_a_crash() -> None:
    v = fmr_within(np.zeros((3, 4)), np.zeros(4), np.zeros(3))
    assert np.isnan(v.estimate).all()
    assert np.isnan(v.variance).all()
    assert (v.people, v.trials, v.independent) == (0, 0, 0)
    f = fnmr(np.zeros((2, 0)), np.zeros(0))
    assert np.isnan(f.variance).all()


def test_people_never_compared_change_nothing() -> None:
    h = complete(6, TOY["wolf6"]["edges"])
    a, b = within(6, h), within(9, h)
    assert a.variance == b.variance
    assert a.people == b.people
    assert a.freedom == pytest.approx(b.freedom)


def test_one_person_has_no_variance() -> None:
    v = fnmr(np.array([[1.0]]), np.array([2.0]))
    assert np.isnan(v.variance[0])
    row = np.array([[1.0]])
    one = fmr_between(row, np.array([3.0]), np.array([[1.0, 0, 0]]), np.ones(3), np.array([1.0]))
    assert np.isnan(one.variance[0])


def test_one_wolf_leaves_few_degrees_of_freedom() -> None:
    n = 60
    wolf = within(n, complete(n, [[0, j] for j in range(1, 21)]))
    spread = within(n, complete(n, [[2 * i, 2 * i + 1] for i in range(20)]))
    assert wolf.freedom[0] < 3
    assert spread.freedom[0] > 15


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=2, max_size=9))
def test_fnmr_is_the_ratio_estimator(people: list[tuple[int, int]]) -> None:
    k = [min(a, b) for a, b in people]
    m = [b for _, b in people]
    n, M = len(m), sum(m)
    p = Fraction(sum(k), M)
    V = Fraction(n, n - 1) * sum((a - p * b) ** 2 for a, b in zip(k, m, strict=True)) / M**2
    v = fnmr(np.array([k], dtype=float), np.array(m, dtype=float))
    assert v.variance[0] == pytest.approx(float(max(V, p * (1 - p) / M)), abs=1e-12)
    assert v.psi.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "degree"),
    [
        (np.array([[2.0, 0]]), np.array([1.0, 1])),
        (np.array([[-1.0, 0]]), np.array([1.0, 1])),
        (np.array([[np.nan, 0]]), np.array([1.0, 1])),
        (np.array([[0.0]]), np.array([1.0, 1])),
    ],
)
def test_impossible_sums_are_refused(rows: np.ndarray, degree: np.ndarray) -> None:
    with pytest.raises(InputError):
        fmr_within(rows, degree, np.zeros(1))
    with pytest.raises(InputError):
        fnmr(rows, degree)


def test_tables_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InputError, match="same comparisons"):
        fmr_between(
            np.ones((1, 2)), np.full(2, 2.0), np.zeros((1, 2)), np.full(2, 2.0), np.zeros(1)
        )
    with pytest.raises(InputError, match="square_sum"):
        fmr_within(np.zeros((2, 3)), np.full(3, 2.0), np.zeros(3))
