"""The vertex bootstrap against dense matrices, the golden weights, and its known pitfalls."""

from __future__ import annotations

import importlib.util
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit.bootstrap import (
    Errors,
    draw_weights,
    error_curves,
    first_within,
    fnmr_curves,
    pair_weight,
    percentile_band,
)
from countenance.audit.interval import rate_interval
from countenance.audit.variance import fmr_within
from countenance.core import InputError

ROOT = Path(__file__).parents[2]
TOY = json.loads((ROOT / "tests" / "vectors" / "golden.json").read_text())["toy_variance"]


def test_golden_weights() -> None:
    toy = TOY["vertex_boot_weights"]
    w = np.array([toy["w"]], dtype=np.float32)
    i, j = np.nonzero(np.triu(np.array(TOY["H5"]["H"])))
    top = error_curves(w, Errors(i, j, np.ones(len(i), dtype=int)), thresholds=1)[0, 0]
    assert top / pair_weight(w, np.arange(5))[0] == pytest.approx(float(Fraction(toy["FMR*"])))


@settings(max_examples=40)
@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_curves_are_the_matrix_form(n: int, K: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    score = rng.integers(0, K + 1, len(i))  # thresholds at 1..K reached; 0: never an error
    share = rng.choice([1.0, 0.5, 0.25], len(i))
    w = draw_weights(np.zeros(n, dtype=int), replicates=7, rng=rng)
    hit = score > 0
    errors = Errors(i[hit], j[hit], score[hit], share[hit])
    got = error_curves(w, errors, thresholds=K)
    for k in range(K):
        H = np.zeros((n, n))
        H[i, j] = np.where(score >= k + 1, share, 0)
        H += H.T
        assert got[:, k] == pytest.approx(((w @ H) * w).sum(axis=1) / 2, rel=1e-6)


def test_blocks_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    n = 80
    i, j = np.triu_indices(n, 1)  # 3,160 pairs: several blocks in one threshold
    w = draw_weights(np.zeros(n, dtype=int), replicates=3, rng=rng)
    all_pairs = error_curves(w, Errors(i, j, np.full(len(i), 2)), thresholds=2)
    assert all_pairs == pytest.approx(np.repeat(pair_weight(w, np.arange(n))[:, None], 2, axis=1))
    assert pair_weight(w, np.arange(n), compared=(i, j)) == pytest.approx(all_pairs[:, 0])


def test_groups_keep_their_size_and_their_people() -> None:
    strata = np.array([0, 1, 1, 0, 2, 1])
    w = draw_weights(strata, replicates=400, rng=np.random.default_rng(3))
    for g, size in ((0, 2), (1, 3), (2, 1)):
        assert np.all(w[:, strata == g].sum(axis=1) == size)
    assert w.mean(axis=0) == pytest.approx(np.ones(6), abs=0.15)
    assert w[:, strata == 1].var() == pytest.approx(1 - 1 / 3, rel=0.2)


def test_a_cross_cell_counts_every_pair_once() -> None:
    w = np.array([[2, 0, 1, 3]], dtype=np.float32)
    assert pair_weight(w, np.array([0, 1]), np.array([2, 3]))[0] == 8
    with pytest.raises(InputError, match="share people"):
        pair_weight(w, np.array([0, 1]), np.array([1, 2]))


def test_a_copy_never_meets_itself() -> None:
    w = np.array([[4, 0, 0]], dtype=np.float32)
    assert pair_weight(w, np.arange(3))[0] == 0
    assert pair_weight(np.array([[2, 1, 0]], dtype=np.float32), np.arange(3))[0] == 2
    none = np.array([], dtype=int)
    with pytest.raises(InputError, match="themself"):
        error_curves(w, Errors(np.array([0]), np.array([0]), np.array([1])), thresholds=1)
    assert error_curves(w, Errors(none, none, none), thresholds=2).tolist() == [[0, 0]]
    with pytest.raises(InputError, match="reached"):
        error_curves(w, Errors(np.array([0]), np.array([1]), np.array([3])), thresholds=2)


def test_fnmr_and_thresholds_and_bands() -> None:
    w = np.array([[1, 1], [2, 0], [0, 2]], dtype=np.float32)
    misses, mated = np.array([[1.0, 0], [1, 3]]), np.array([2.0, 4])
    assert fnmr_curves(w, misses, mated) == pytest.approx(
        np.array([[1 / 6, 4 / 6], [0.5, 0.5], [0, 0.75]])
    )
    nobody = fnmr_curves(np.array([[0, 2]], dtype=np.float32), misses, np.array([2.0, 0]))
    assert np.isnan(nobody).all()
    curves = np.array([[0.3, 0.1, 0.01], [0.3, 0.2, 0.15]])
    assert first_within(curves, 0.1).tolist() == [1, 3]
    low, high = percentile_band(np.arange(101.0)[:, None] * np.ones((1, 2)))
    assert low == pytest.approx([2.5, 2.5])
    assert high == pytest.approx([97.5, 97.5])


def test_spread_is_near_the_jackknife_and_not_the_naive() -> None:
    rng = np.random.default_rng(12)
    n = 120
    a = rng.standard_normal(n) * 0.15**0.5
    s = a[:, None] + a + rng.standard_normal((n, n)) * 0.7**0.5
    H = np.triu(s > 1.7, 1)
    i, j = np.nonzero(H)
    w = draw_weights(np.zeros(n, dtype=int), replicates=2000, rng=rng)
    curve = error_curves(w, Errors(i, j, np.ones(len(i), dtype=int)), thresholds=1)[:, 0]
    rates = curve / pair_weight(w, np.arange(n))
    R = (H.sum(0) + H.sum(1)).astype(float)
    v = fmr_within(R[None], np.full(n, n - 1.0), np.array([float(H.sum())]))
    assert rates.std() == pytest.approx(v.jackknife[0] ** 0.5, rel=0.15)
    naive = (v.estimate[0] * (1 - v.estimate[0]) / v.trials) ** 0.5
    assert rates.std() > 2 * naive
    low, high = percentile_band(rates[:, None])
    closed = rate_interval(v).at(0)
    assert (high - low)[0] == pytest.approx(closed.high - closed.low, rel=0.25)


def test_the_bench_is_much_faster_than_resampling_pairs() -> None:
    """A small version; the full one is `python bench/bootstrap.py`."""
    spec = importlib.util.spec_from_file_location("bench_boot", ROOT / "bench" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    sys.modules["bench_boot"] = bench
    spec.loader.exec_module(bench)
    out = bench.measure(people=400, thresholds=20, replicates=500, pair_reps=5, top=1e-2, seed=1)
    assert out["same_centre"]
    assert out["vertex_times_faster"] > 10
    assert out["closed_times_faster"] > 10
