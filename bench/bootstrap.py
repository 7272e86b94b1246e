"""1,000 bootstrap replicates for 1,000 people at 50 thresholds, three ways, in one process.

``pairs``    what most tools do: draw the 499,500 scores again with replacement, count at each
             threshold. Vectorised NumPy: integer draws, one gather, one sorted search against
             the thresholds, one bincount. It is timed for `--pair-reps` replicates and scaled.
             (It is also the wrong interval: pairs share people.)
``codes``    the same with the search against the thresholds done once and for all before the
             first replicate: the fastest pair resampling we could write.
``vertex``   `audit.bootstrap`: people are drawn again. For curves and thresholds set on the data.
``closed``   `audit.variance` and `audit.interval`: what docs/statistics.md, 6 recommends for
             single rates, at all 50 thresholds; no replicates at all.

All start from the same scores and two arrays of people, and preparation is counted.

    python bench/bootstrap.py
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable

import numpy as np

from countenance.audit.bootstrap import Errors, draw_weights, error_curves, pair_weight
from countenance.audit.interval import rate_interval
from countenance.audit.variance import fmr_within

Array = np.ndarray


def scores(people: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Scores of all pairs, with look-alike tendencies; and the two people of each."""
    first, second = np.triu_indices(people, 1)
    a = rng.standard_normal(people) * 0.15**0.5
    s = a[first] + a[second] + rng.standard_normal(len(first)) * 0.7**0.5
    return s, first, second


def by_pairs(s: Array, T: Array, replicates: int, rng: np.random.Generator) -> Array:
    out = np.empty((replicates, len(T)))
    for b in range(replicates):
        again = s[rng.integers(0, len(s), len(s), dtype=np.int32)]
        reached = np.bincount(np.searchsorted(T, again, side="right"), minlength=len(T) + 1)
        out[b] = reached[::-1].cumsum()[::-1][1:] / len(s)
    return out


def by_codes(s: Array, T: Array, replicates: int, rng: np.random.Generator) -> Array:
    out = np.empty((replicates, len(T)))
    code = np.searchsorted(T, s, side="right").astype(np.uint8)
    for b in range(replicates):
        again = code[rng.integers(0, len(s), len(s), dtype=np.int32)]
        reached = np.bincount(again, minlength=len(T) + 1)
        out[b] = reached[::-1].cumsum()[::-1][1:] / len(s)
    return out


def by_people(
    s: Array, first: Array, second: Array, people: int, T: Array, replicates: int,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    hit = np.flatnonzero(s >= T[0])
    reached = np.searchsorted(T, s[hit], side="right")
    weights = draw_weights(np.zeros(people, dtype=np.int64), replicates=replicates, rng=rng)
    errors = Errors(first[hit], second[hit], reached)
    curves = error_curves(weights, errors, thresholds=len(T))
    return curves / pair_weight(weights, np.arange(people))[:, None]


def closed_form(s: Array, first: Array, second: Array, people: int, T: Array) -> Array:
    hit = np.flatnonzero(s >= T[0])
    code = np.searchsorted(T, s[hit], side="right") - 1
    cell = np.zeros((len(T), people))
    for end in (first[hit], second[hit]):
        cell += np.bincount(code * people + end, minlength=cell.size).reshape(cell.shape)
    rows = cell[::-1].cumsum(axis=0)[::-1]
    v = fmr_within(rows, np.full(people, people - 1.0), rows.sum(axis=1) / 2)
    i = rate_interval(v)
    return np.stack([i.low, i.high])


def seconds(run: Callable[[], Array], *, times: int = 3) -> tuple[float, Array]:
    """Best of `times`, and the answer."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        out = run()
        best = min(best, time.perf_counter() - start)
    return best, out


def measure(
    *, people: int, thresholds: int, replicates: int, pair_reps: int, top: float, seed: int
) -> dict[str, object]:
    """Seconds of each way, and their ratios to resampling pairs."""
    rng = np.random.default_rng(seed)
    s, first, second = scores(people, rng)
    # From the operating points of the field up to a false match rate of `top`.
    T = np.quantile(s, 1 - np.geomspace(top, 1e-5, thresholds))
    part, pairs = seconds(lambda: by_pairs(s, T, pair_reps, rng))
    coded_part, coded = seconds(lambda: by_codes(s, T, pair_reps, rng))
    scale = replicates / pair_reps
    vertex, people_curves = seconds(
        lambda: by_people(s, first, second, people, T, replicates, rng)
    )
    closed, ends = seconds(lambda: closed_form(s, first, second, people, T))
    baseline, baseline_coded = part * scale, coded_part * scale
    width = [float(np.ptp(np.quantile(c[:, 0], [0.025, 0.975]))) for c in (pairs, people_curves)]
    return {
        "people": people, "pairs": len(s), "thresholds": thresholds, "replicates": replicates,
        "largest FMR": top, "numpy": np.__version__, "python": platform.python_version(),
        "pairs_s": baseline, "codes_s": baseline_coded, "vertex_s": vertex, "closed_s": closed,
        "vertex_times_faster": baseline / vertex,
        "vertex_times_faster_than_codes": baseline_coded / vertex,
        "closed_times_faster": baseline / closed,
        "closed_times_faster_than_codes": baseline_coded / closed,
        "width_at_largest_FMR": {"pairs": width[0], "vertex": width[1],
                                 "closed": float(ends[1, 0] - ends[0, 0])},
        "same_centre": bool(np.isclose(coded[:, 0].mean(), people_curves[:, 0].mean(), rtol=0.1)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--thresholds", type=int, default=50)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--pair-reps", type=int, default=60)
    parser.add_argument("--top", type=float, default=1e-2, help="FMR at the lowest threshold")
    parser.add_argument("--seed", type=int, default=1)
    options = vars(parser.parse_args())
    print(json.dumps(measure(**options), indent=1))


if __name__ == "__main__":
    main()
