"""What is published at one threshold: groups, cells, differentials, concentration."""

from __future__ import annotations

import numpy as np

from countenance.audit.counted import Counted
from countenance.audit.describe import concentration
from countenance.audit.levels import Level
from countenance.audit.noise import pooled_cv2
from countenance.audit.rates import cells, group_result
from countenance.audit.spreading import combined, differential
from countenance.audit.types import GroupingResult, GroupResult, Threshold, ThresholdResult


def threshold_result(counted: Counted, place: int) -> ThresholdResult:
    """Everything at one of the levels."""
    level = counted.levels[place]
    k = int(np.searchsorted(counted.grid, level.score))
    few = int(np.searchsorted(counted.few, level.score))
    groupings = [
        _grouping_result(counted, index, k, few) for index in range(len(counted.groupings))
    ]
    everybody = counted.rates[counted.everybody]
    return ThresholdResult(
        threshold=_threshold(counted, level, k),
        overall=group_result(
            "",
            k,
            few,
            fmr=everybody.fmr[0],
            fmr_any=everybody.fmr_any[0],
            fnmr=everybody.fnmr[0],
            fte=counted.fte(counted.everybody, 0),
            level=counted.settings.level,
            pooled=None,
            cv2=None,
        ),
        groupings=tuple(groupings),
        concentration=concentration(everybody.fmr[0].variance, k),
    )


def _grouping_result(counted: Counted, index: int, k: int, few: int) -> GroupingResult:
    label, names = counted.group_names(index)
    rates, level = counted.rates[index], counted.settings.level
    trials = sum(r.trials for r in rates.fmr)
    pooled = sum(int(r.events[k]) for r in rates.fmr) / trials if trials else None
    cv2 = pooled_cv2([r.variance for r in rates.fmr if r.trials], k)
    results = [
        group_result(
            name,
            k,
            few,
            fmr=rates.fmr[g],
            fmr_any=rates.fmr_any[g],
            fnmr=rates.fnmr[g],
            fte=counted.fte(index, g),
            level=level,
            pooled=pooled,
            cv2=cv2,
        )
        for g, name in enumerate(names)
    ]
    seed = counted.settings.seed
    claimed = float(counted.claimed) if counted.claimed is not None else None
    return GroupingResult(
        grouping=label,
        groups=tuple(sorted(results, key=_worst_first)),
        cells=cells(rates.cross, rates.fmr, counted.all_groupings[index], few, k, level),
        fmr=differential("fmr", names, rates.fmr, k, level=level, seed=seed, target=claimed),
        fnmr=differential("fnmr", names, rates.fnmr, k, level=level, seed=seed),
        combined=combined(rates.fmr, rates.fnmr, k),
    )


def _threshold(counted: Counted, level: Level, k: int) -> Threshold:
    achieved = None
    if level.population is not None:
        index = counted.everybody if level.source == "target" else counted.headline
        _, names = counted.group_names(index)
        group = 0 if level.source == "target" else names.index(level.population)
        achieved = counted.rates[index].fmr[group].at(k)
    return Threshold(
        label=level.label,
        source=level.source,
        value=level.value,
        score=level.score,
        rule=counted.source.unit.rule,
        target=level.target,
        population=level.population,
        achieved=achieved,
        documented=level.documented,
        note=level.note,
    )


def _worst_first(result: GroupResult) -> tuple[bool, float, str]:
    estimate = result.fmr.estimate
    return (estimate is None, -(estimate or 0.0), result.group)
