"""From a tally to rates: what each group and each cell met at each threshold, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from countenance.audit.grouping import Grouped
from countenance.audit.interval import (
    Intervals,
    needed,
    needed_if_alike,
    rate_interval,
    smallest_rate,
    wilson,
)
from countenance.audit.simultaneous import CellRate
from countenance.audit.types import Cell, GroupResult, Rate
from countenance.audit.variance import RateVariance, fmr_between, fmr_within, fnmr, fold
from countenance.scores import Cross, Mated, Within

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """One kind of rate of one group at K thresholds: estimates, intervals and counts.

    `people` are the codes of the people behind the columns of ``variance.psi``.
    """

    variance: RateVariance
    intervals: Intervals
    events: Counts
    trials: int
    people: npt.NDArray[np.intp]

    def at(self, k: int) -> Rate:
        """The published rate at threshold k."""
        return published(self.variance, self.intervals, k, int(self.events[k]), self.trials)

    def cell(self, name: str, k: int) -> CellRate:
        """The rate at threshold k as the simultaneous comparison takes it."""
        return CellRate(name=name, rate=self.variance, k=k, people=self.people.astype(np.int64))


def within_rates(within: Within, grouped: Grouped, level: float) -> list[Rates]:
    """FMR between different people of each group."""
    out = []
    for group in range(grouped.labels.count):
        people = grouped.members(group)
        v = fmr_within(
            within.row_sums[:, people],
            within.degree[people].astype(np.float64),
            within.square_sums[:, group],
        )
        events, trials = within.events[:, group], int(within.trials[group])
        out.append(Rates(v, rate_interval(v, level=level), events, trials, people))
    return out


def mated_rates(mated: Mated, grouped: Grouped, level: float) -> list[Rates]:
    """FNMR of each group."""
    out = []
    for group in range(grouped.labels.count):
        people = grouped.members(group)
        misses = mated.misses[:, people]
        v = fnmr(misses, mated.total[people].astype(np.float64))
        events, trials = misses.sum(axis=1).astype(np.int64), int(mated.total[people].sum())
        out.append(Rates(v, rate_interval(v, level=level), events, trials, people))
    return out


def any_rates(cross: Cross, grouped: Grouped, level: float) -> list[Rates]:
    """FMR of each group's probes against references of all labelled people.

    One person can stand on both sides, as a probe and as a reference of somebody else's probe:
    the two influences of one person are added before they are squared.
    """
    out = []
    for group in range(grouped.labels.count):
        members = grouped.members(group)
        everyone = np.flatnonzero(grouped.labels.of >= 0)
        v = fmr_between(
            cross.probe_sums[:, members].sum(axis=2),
            cross.probe_degree[members].sum(axis=1).astype(np.float64),
            cross.reference_sums[:, everyone, group],
            cross.reference_degree[everyone, group].astype(np.float64),
            cross.square_sums[:, group].sum(axis=1),
        )
        v = fold(v, members, everyone)
        events = cross.events[:, group].sum(axis=1)
        trials = int(cross.trials[group].sum())
        out.append(Rates(v, rate_interval(v, level=level), events, trials, everyone))
    return out


def cells(
    cross: Cross, within: Sequence[Rates], grouped: Grouped, few: int, k: int, level: float
) -> tuple[Cell, ...]:
    """FMR of every (group of the probe, group of the reference) at one threshold.

    `few` is its index among the thresholds of `cross`, `k` among those of `within`.
    """
    labels = [group.label for group in grouped.published.groups]
    out = []
    for a, probe in enumerate(labels):
        for b, reference in enumerate(labels):
            if a == b:
                out.append(Cell(probe=probe, reference=reference, fmr=within[a].at(k)))
                continue
            rows, columns = grouped.members(a), grouped.members(b)
            v = fmr_between(
                cross.probe_sums[few : few + 1, rows, b],
                cross.probe_degree[rows, b].astype(np.float64),
                cross.reference_sums[few : few + 1, columns, a],
                cross.reference_degree[columns, a].astype(np.float64),
                cross.square_sums[few : few + 1, a, b],
            )
            rate = published(
                v,
                rate_interval(v, level=level),
                0,
                int(cross.events[few, a, b]),
                int(cross.trials[a, b]),
            )
            out.append(Cell(probe=probe, reference=reference, fmr=rate))
    return tuple(out)


def group_result(
    label: str,
    k: int,
    few: int,
    *,
    fmr: Rates,
    fmr_any: Rates,
    fnmr: Rates,
    fte: float | None,
    level: float,
    pooled: float | None,
    cv2: float | None,
) -> GroupResult:
    """One group at threshold k (of `fmr` and `fnmr`), which is `few` among those of `fmr_any`.

    `fte` is its failure-to-enrol rate where known, and not counted in the other rates; `pooled`
    the FMR within all groups together, the rate that people needed are worked out for, with `cv2`
    for how unlike people's own rates are.
    """
    independent = fmr.variance.independent
    false_match, false_non_match = fmr.at(k), fnmr.at(k)
    gfar = gfrr = None
    if fte is not None and false_match.estimate is not None:
        gfar = false_match.estimate * (1 - fte)
    if fte is not None and false_non_match.estimate is not None:
        gfrr = fte + (1 - fte) * false_non_match.estimate
    return GroupResult(
        group=label,
        fmr=false_match,
        fmr_any=fmr_any.at(few),
        fnmr=false_non_match,
        gfar=gfar,
        gfrr=gfrr,
        smallest_rate=smallest_rate(independent, level=level) if independent >= 1 else None,
        people_needed=needed(pooled, level=level)[0] if pooled else None,
        people_needed_alike=(
            needed_if_alike(pooled, cv2, level=level) if pooled and cv2 is not None else None
        ),
    )


def published(v: RateVariance, intervals: Intervals, k: int, events: int, trials: int) -> Rate:
    """One `Rate` from the statistics at threshold k and the whole counts."""
    interval = intervals.at(k)
    estimate = _number(v.estimate[k])
    low, high = _number(interval.low), _number(interval.high)
    method: str = interval.method
    independent = None
    if trials and events == 0:
        low, high, method = 0.0, interval.upper_guaranteed, "guaranteed-upper"
        independent = interval.upper_if_independent
    naive_low = naive_high = None
    if trials:
        z = NormalDist().inv_cdf((1 + interval.level) / 2)
        ends = wilson(np.array([events / trials]), np.array([float(trials)]), z)
        naive_low, naive_high = float(ends[0][0]), float(ends[1][0])
    return Rate(
        events=events,
        trials=trials,
        people=v.people,
        estimate=estimate,
        low=low,
        high=high,
        level=interval.level,
        method=method,
        supported=interval.supported,
        note=interval.note,
        effective_n=_number(interval.effective_n),
        design_effect=_number(interval.design_effect),
        naive_low=naive_low,
        naive_high=naive_high,
        high_if_independent=independent,
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
