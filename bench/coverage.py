"""How often do the intervals cover the truth? Simulated people with look-alike tendencies.

Every person has a tendency a_i; the score of two people is s_ij = a_i + a_j + e_ij with variance
1, of which the share rho comes from the people. So pairs that share a person are alike, as in
real face data. The truth is the rate over *all* people such a system could meet, known exactly;
each replicate draws new people.

In the ``heavy`` model one person in ten has a tendency with three times the standard deviation of
the others: the "wolves" of the literature.

    python bench/coverage.py --reps 10000            # the tables of docs/statistics.md
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from countenance.audit.interval import rate_interval, wilson
from countenance.audit.noise import noise_floor
from countenance.audit.simultaneous import CellRate, compare
from countenance.audit.variance import Floats, RateVariance, fmr_between, fmr_within, fnmr

NORMAL = NormalDist()
HEAVY_SHARE, HEAVY_SD = 0.1, 3.0
MODELS = ("normal", "heavy")


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: its name, the truth, and the share of replicates whose interval covered it."""

    setting: tuple[str, ...]
    truth: float
    expected_events: float
    supported: float
    naive: float
    wilson_v: float
    all_printed: float
    estimate: float
    estimate_low: float
    estimate_high: float
    width: float
    replicates: int

    @property
    def counted(self) -> bool:
        """Whether this setting can support a statement: at least half of its audits do."""
        return self.supported >= 0.5


def components(model: str, share: float, tendencies: int) -> list[tuple[float, float]]:
    """(weight, standard deviation) of the normals that the score's distribution mixes."""
    if model == "normal":
        return [(1.0, 1.0)]
    base, top, rest = _heavy_sd(share / tendencies), HEAVY_SD, 1 - share
    out = []
    for heavy in range(tendencies + 1):
        weight = HEAVY_SHARE**heavy * (1 - HEAVY_SHARE) ** (tendencies - heavy)
        ways = 2 if (tendencies == 2 and heavy == 1) else 1
        variance = base**2 * (heavy * top**2 + tendencies - heavy) + rest
        out.append((ways * weight, variance**0.5))
    return out


def _heavy_sd(variance: float) -> float:
    return float((variance / (1 - HEAVY_SHARE + HEAVY_SHARE * HEAVY_SD**2)) ** 0.5)


def threshold(rate: float, mixture: list[tuple[float, float]]) -> float:
    """T with P(s >= T) = rate, exactly, by bisection."""
    low, high = -30.0, 30.0
    for _ in range(200):
        middle = (low + high) / 2
        above = sum(w * (1 - NORMAL.cdf(middle / sd)) for w, sd in mixture)
        low, high = (middle, high) if above > rate else (low, middle)
    return low


def tendencies(
    model: str, variance: float, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """(replicates, people) tendencies with the given variance."""
    a = rng.standard_normal(shape, dtype=np.float32)
    if model == "normal":
        return a * np.float32(variance**0.5)
    sd = _heavy_sd(variance)
    return a * np.where(rng.random(shape) < HEAVY_SHARE, HEAVY_SD * sd, sd).astype(np.float32)


def _chunks(replicates: int, size: int) -> Iterator[int]:
    step = max(1, 4_000_000 // size)
    for start in range(0, replicates, step):
        yield min(step, replicates - start)


def draw_within(
    n: int, rate: float, rho: float, *, model: str, replicates: int, rng: np.random.Generator
) -> RateVariance:
    """One group of n people, `replicates` times (each a "threshold" of the answer)."""
    T = np.float32(threshold(rate, components(model, rho, 2)))
    upper = np.triu(np.ones((n, n), dtype=bool), 1)
    rows = []
    for r in _chunks(replicates, n * n):
        a = tendencies(model, rho / 2, (r, n), rng)
        s = rng.standard_normal((r, n, n), dtype=np.float32) * np.float32((1 - rho) ** 0.5)
        s += a[:, :, None]
        s += a[:, None, :]
        hit = (s >= T) & upper
        rows.append(hit.sum(axis=1) + hit.sum(axis=2))
    R = np.concatenate(rows).astype(np.float64)
    return fmr_within(R, np.full(n, n - 1.0), R.sum(axis=1) / 2)


def draw_between(
    n: int, m: int, rate: float, rho: float, *, model: str, replicates: int,
    rng: np.random.Generator,
) -> RateVariance:  # fmt: skip
    """Two groups of n and m people."""
    T = np.float32(threshold(rate, components(model, rho, 2)))
    rows, cols = [], []
    for r in _chunks(replicates, n * m):
        s = rng.standard_normal((r, n, m), dtype=np.float32) * np.float32((1 - rho) ** 0.5)
        s += tendencies(model, rho / 2, (r, n), rng)[:, :, None]
        s += tendencies(model, rho / 2, (r, m), rng)[:, None, :]
        hit = s >= T
        rows.append(hit.sum(axis=2))
        cols.append(hit.sum(axis=1))
    R, C = np.concatenate(rows).astype(np.float64), np.concatenate(cols).astype(np.float64)
    return fmr_between(R, np.full(n, float(m)), C, np.full(m, float(n)), R.sum(axis=1))


def draw_mated(
    n: int, images: int, rate: float, rho: float, *, model: str, replicates: int,
    rng: np.random.Generator,
) -> RateVariance:  # fmt: skip
    """n people with `images` mated comparisons each; rho is the person's share of the variance."""
    T = np.float32(threshold(rate, components(model, rho, 1)))
    misses = []
    for r in _chunks(replicates, n * images):
        s = rng.standard_normal((r, n, images), dtype=np.float32) * np.float32((1 - rho) ** 0.5)
        s += tendencies(model, rho, (r, n), rng)[:, :, None]
        misses.append((s >= T).sum(axis=2))
    return fnmr(np.concatenate(misses).astype(np.float64), np.full(n, float(images)))


def judge(v: RateVariance, truth: float, setting: tuple[str, ...]) -> Line:
    """Coverage of the naive interval, of Wilson with the variance, and of what is printed."""
    z = NORMAL.inv_cdf(0.975)
    ours = rate_interval(v)

    def covers(low: Floats, high: Floats) -> np.ndarray:
        return (low <= truth) & (truth <= high)

    naive = covers(*wilson(v.estimate, np.full_like(v.estimate, v.trials), z))
    # No error gives no variance: such a cell enters as the comparisons it has, as peers do.
    worth = np.where(np.isnan(ours.effective_n), v.trials, ours.effective_n)
    plain = covers(*wilson(v.estimate, worth, z))
    hit, s = covers(ours.low, ours.high), ours.supported
    some = bool(s.any())
    return Line(
        setting=setting,
        truth=truth,
        expected_events=v.trials * truth,
        supported=float(s.mean()),
        naive=float(naive.mean()),
        wilson_v=float(plain.mean()),
        all_printed=float(hit.mean()),
        estimate=float(hit[s].mean()) if some else float("nan"),
        estimate_low=float((truth < ours.low)[s].mean()) if some else float("nan"),
        estimate_high=float((truth > ours.high)[s].mean()) if some else float("nan"),
        width=float(np.median((ours.high - ours.low)[s])) / truth if some else float("nan"),
        replicates=len(s),
    )


def within_lines(replicates: int, seed: int, *, models: tuple[str, ...] = MODELS) -> list[Line]:
    """The settings the project is held to."""
    lines = []
    for model, rho, n, f in itertools.product(
        models, (0.1, 0.3), (8, 20, 50, 200), (0.1, 0.01, 0.001)
    ):
        rng = np.random.default_rng([seed, MODELS.index(model), round(rho * 10), n, round(1 / f)])
        v = draw_within(n, f, rho, model=model, replicates=replicates, rng=rng)
        lines.append(judge(v, f, (model, f"{rho:g}", f"{n}", f"{f:g}")))
    return lines


def high_lines(replicates: int, seed: int) -> list[Line]:
    """Few people of whom a large share of pairs falsely matches: it happens."""
    lines = []
    cases = ((8, 0.2), (8, 0.35), (8, 0.5), (8, 0.65), (12, 0.3), (12, 0.6), (20, 0.5), (50, 0.9))
    for model, rho, (n, f) in itertools.product(MODELS, (0.1, 0.3), cases):
        rng = np.random.default_rng([seed, 6, MODELS.index(model), n, round(100 * f)])
        v = draw_within(n, f, rho, model=model, replicates=replicates, rng=rng)
        lines.append(judge(v, f, (model, f"{rho:g}", f"{n}", f"{f:g}")))
    return lines


def between_lines(replicates: int, seed: int) -> list[Line]:
    """Cells between two groups."""
    lines = []
    sizes = ((8, 8), (8, 200), (20, 20), (20, 200), (50, 50), (200, 200))
    for model, rho, (n, m), f in itertools.product(MODELS, (0.1, 0.3), sizes, (0.1, 0.01, 0.001)):
        if n * m * f < 5:
            continue
        rng = np.random.default_rng([seed, 7, MODELS.index(model), n, m, round(1 / f)])
        v = draw_between(n, m, f, rho, model=model, replicates=replicates, rng=rng)
        lines.append(judge(v, f, (model, f"{rho:g}", f"{n} x {m}", f"{f:g}")))
    return lines


def mated_lines(replicates: int, seed: int) -> list[Line]:
    """FNMR cells."""
    lines = []
    for model, rho, n, images, f in itertools.product(
        MODELS, (0.1, 0.3, 0.6), (20, 50, 200, 1000), (1, 3, 10), (0.1, 0.02, 0.003)
    ):
        if n * images * f < 5 or (images == 1 and rho > 0.1):
            continue
        rng = np.random.default_rng([seed, 8, MODELS.index(model), n, images, round(1 / f)])
        v = draw_mated(n, images, f, rho, model=model, replicates=replicates, rng=rng)
        lines.append(judge(v, f, (model, f"{rho:g}", f"{n} x {images}", f"{f:g}")))
    return lines


@dataclass(frozen=True, slots=True)
class Alarm:
    """Eight groups of one true rate (or one of a higher one) compared all at once."""

    setting: tuple[str, ...]
    replicates: int
    shown: float
    bound_holds: float
    ratios_cover: float
    sufficient: float
    parity_rejected: float


def ratio_lines(replicates: int, seed: int) -> list[Alarm]:
    """False alarms at parity, and power and honesty of the lower bound at a true ratio of 5."""
    lines = []
    replicates = max(10, replicates // 10)
    settings = (
        ((20,) * 8, 0.1), ((8,) + (100,) * 7, 0.1), ((50,) * 8, 0.01), ((200,) * 8, 0.01),
        ((200,) * 8, 0.001),
    )  # fmt: skip
    for rho, (sizes, f), ratio in itertools.product((0.1, 0.3), settings, (1, 5)):
        truth = [f * (ratio if g == 0 else 1) for g in range(len(sizes))]
        rng = np.random.default_rng([seed, 9, round(rho * 10), sizes[0], round(1 / f), ratio])
        drawn = [
            draw_within(n, t, rho, model="normal", replicates=replicates, rng=rng)
            for n, t in zip(sizes, truth, strict=True)
        ]
        start = np.concatenate([[0], np.cumsum(sizes)])
        people = [np.arange(a, b) for a, b in itertools.pairwise(start)]
        shown = holds = covers = enough = rejected = 0
        for k in range(replicates):
            cells = [CellRate(str(g), v, k, people[g]) for g, v in enumerate(drawn)]
            c = compare(cells, draws=2_000, seed=k)
            p = noise_floor([x.rate for x in cells], k, {}, draws=400, seed=k).deviation.p_value
            rejected += p is not None and p <= 0.05
            shown += c.verdict == "shown"
            holds += c.at_least <= ratio
            enough += len(c.insufficient) == 0
            covers += all(r.low <= truth[int(r.a)] / truth[int(r.b)] <= r.high for r in c.ratios)
        name = " + ".join(f"{sizes.count(n)} x {n}" for n in sorted(set(sizes)))
        lines.append(
            Alarm(
                (f"{rho:g}", name, f"{f:g}", f"{ratio}"),
                replicates,
                shown / replicates,
                holds / replicates,
                covers / replicates,
                enough / replicates,
                rejected / replicates,
            )
        )
    return lines


def alarms(lines: list[Alarm]) -> str:
    """The table of `ratio_lines`."""
    head = (
        "rho", "groups", "FMR", "true max/min", "audits", "differential shown",
        "lower bound holds", "all ratios covered", "all groups sufficient", "parity test p ≤ .05",
    )  # fmt: skip
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for x in lines:
        rates = (x.shown, x.bound_holds, x.ratios_cover, x.sufficient, x.parity_rejected)
        cells = (*x.setting, str(x.replicates), *(f"{r:.3f}" for r in rates))
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def markdown(lines: list[Line], first: tuple[str, ...]) -> str:
    """A table: one line a setting."""
    head = (
        *first, "E[errors]", "naive", "Wilson+V", "all printed", "supported",
        "**when supported**", "truth below / above", "width / rate",
    )  # fmt: skip
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for x in lines:
        mark = f"**{x.estimate:.3f}**" if x.counted else f"({x.estimate:.3f})"
        sides = f"{x.estimate_low:.3f} / {x.estimate_high:.3f}"
        if not x.supported:
            mark = sides = "–"
        cells = (
            *x.setting, f"{x.expected_events:.3g}", f"{x.naive:.3f}", f"{x.wilson_v:.3f}",
            f"{x.all_printed:.3f}", f"{x.supported:.3f}", mark, sides,
            f"{x.width:.2g}" if x.supported else "–",
        )  # fmt: skip
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


PARTS: dict[str, tuple[Callable[[int, int], list[Line]], tuple[str, ...]]] = {
    "within": (within_lines, ("model", "rho", "n", "FMR")),
    "high": (high_lines, ("model", "rho", "n", "FMR")),
    "between": (between_lines, ("model", "rho", "people", "FMR")),
    "mated": (mated_lines, ("model", "rho", "people x comparisons", "FNMR")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument(
        "--parts", nargs="+", choices=[*PARTS, "ratios"], default=[*PARTS, "ratios"]
    )
    options = parser.parse_args()
    for part in options.parts:
        if part == "ratios":
            print(f"\n### ratios: a tenth as many audits, seed {options.seed}\n")
            print(alarms(ratio_lines(options.reps, options.seed)))
            continue
        lines, first = PARTS[part]
        table = lines(options.reps, options.seed)
        print(f"\n### {part}: {options.reps} audits a line, seed {options.seed}\n")
        print(markdown(table, first))
        counted = [x.estimate for x in table if x.counted]
        print(
            f"\nSupported settings: {len(counted)} of {len(table)}; coverage "
            f"{min(counted):.3f} to {max(counted):.3f}; least coverage of all that is printed: "
            f"{min(x.all_printed for x in table):.3f}. Monte Carlo standard error of a coverage "
            f"of .95: {(0.95 * 0.05 / options.reps) ** 0.5:.4f}."
        )


if __name__ == "__main__":
    main()
