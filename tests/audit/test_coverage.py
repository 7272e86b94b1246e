"""A small run of bench/coverage.py: the intervals cover, the binomial one does not."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests" / "vectors" / "golden.json").read_text())[
    "simulated_coverage"
]["rows"]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_coverage", ROOT / "bench" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_coverage"] = module
    spec.loader.exec_module(module)
    return module


def test_acceptance_of_the_reference(bench: ModuleType) -> None:
    """Acceptance (docs/statistics.md, 7.7): n = 200, FMR 1e-3, rho = .3, 200 repetitions."""
    v = bench.draw_within(200, 1e-3, 0.3, model="normal", replicates=200,
                          rng=np.random.default_rng(52))  # fmt: skip
    line = bench.judge(v, 1e-3, ())
    assert 0.88 <= line.all_printed <= 0.98
    assert 0.88 <= line.wilson_v <= 0.98
    assert line.naive < 0.87


def test_golden_simulated_coverage(bench: ModuleType) -> None:
    """An earlier table, by others, where a few hundred repetitions are cheap."""
    for n, f, rho, naive, wilson_v, *_ in GOLDEN:
        if n > 200:
            continue
        rng = np.random.default_rng([3, n, round(1 / f)])
        v = bench.draw_within(n, f, rho, model="normal", replicates=600, rng=rng)
        line = bench.judge(v, f, ())
        assert line.naive == pytest.approx(naive, abs=0.06)
        assert line.wilson_v == pytest.approx(wilson_v, abs=0.035)


@pytest.mark.parametrize(
    ("n", "f"), [(20, 0.1), (50, 0.1), (50, 0.01), (200, 0.1), (200, 0.01), (200, 0.001)]
)
@pytest.mark.parametrize("rho", [0.1, 0.3])
def test_supported_settings_cover(bench: ModuleType, n: int, f: float, rho: float) -> None:
    rng = np.random.default_rng([5, n, round(1 / f), round(10 * rho)])
    replicates = 600 if n == 200 else 3000
    v = bench.draw_within(n, f, rho, model="normal", replicates=replicates, rng=rng)
    line = bench.judge(v, f, ())
    assert line.counted
    noise = 3 * (0.95 * 0.05 / (replicates * line.supported)) ** 0.5
    assert 0.93 - noise <= line.estimate <= 0.97 + noise
    assert line.all_printed >= 0.93 - noise


@pytest.mark.parametrize(("n", "f"), [(8, 0.1), (8, 0.01), (8, 0.001), (20, 0.01), (50, 0.001)])
def test_unsupported_settings_print_what_holds(bench: ModuleType, n: int, f: float) -> None:
    """Bounds without errors, conservative intervals with few: never below the stated level."""
    rng = np.random.default_rng([6, n, round(1 / f)])
    v = bench.draw_within(n, f, 0.3, model="heavy", replicates=2000, rng=rng)
    line = bench.judge(v, f, ())
    assert not line.counted
    assert line.all_printed >= 0.95 - 3 * (0.05 * 0.95 / 2000) ** 0.5


def test_the_truth_of_the_models_is_the_truth(bench: ModuleType) -> None:
    rng = np.random.default_rng(9)
    for model in bench.MODELS:
        v = bench.draw_within(40, 0.02, 0.3, model=model, replicates=4000, rng=rng)
        se = v.estimate.std() / len(v.estimate) ** 0.5
        assert v.estimate.mean() == pytest.approx(0.02, abs=4 * se)
        m = bench.draw_mated(50, 4, 0.02, 0.3, model=model, replicates=4000, rng=rng)
        se = m.estimate.std() / len(m.estimate) ** 0.5
        assert m.estimate.mean() == pytest.approx(0.02, abs=4 * se)


def test_cross_cells_and_misses_cover(bench: ModuleType) -> None:
    rng = np.random.default_rng(10)
    cross = bench.judge(
        bench.draw_between(20, 60, 0.05, 0.3, model="normal", replicates=2000, rng=rng), 0.05, ()
    )
    assert 0.92 <= cross.estimate <= 0.98
    assert cross.naive < 0.85
    mated = bench.judge(
        bench.draw_mated(100, 10, 0.05, 0.3, model="normal", replicates=2000, rng=rng), 0.05, ()
    )
    assert 0.92 <= mated.estimate <= 0.98
    assert mated.naive < 0.92


def test_ratios_of_groups(bench: ModuleType) -> None:
    lines = bench.ratio_lines(100, 3)
    parity = [x.shown for x in lines if x.setting[-1] == "1"]
    assert np.mean(parity) <= 0.10
    assert np.mean([x.bound_holds for x in lines]) >= 0.9
    assert bench.alarms(lines).count("\n") == len(lines) + 1


def test_the_table_prints(bench: ModuleType) -> None:
    lines = bench.within_lines(40, 1, models=("normal",))
    table = bench.markdown(lines, ("model", "rho", "n", "FMR"))
    assert table.count("\n") == len(lines) + 1
    assert "nan" not in table
