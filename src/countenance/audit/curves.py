"""Rates along the thresholds: curves, and what each group would need."""

from __future__ import annotations

from typing import Any

import numpy as np

from countenance.audit.counted import Counted
from countenance.audit.rates import Rates
from countenance.audit.types import Curve, GroupThreshold


def curves(counted: Counted) -> list[Curve]:
    """Rates of everybody and of every group along the grid."""
    scores = sorted(counted.curve_values)
    at = np.searchsorted(counted.grid, scores)
    values = tuple(counted.curve_values[score] for score in scores)
    order = [counted.everybody, *range(len(counted.groupings))]
    return [
        _curve(counted.group_names(index)[0], name, values, fmr, fnmr, at)
        for index in order
        for name, fmr, fnmr in zip(
            counted.group_names(index)[1],
            counted.rates[index].fmr,
            counted.rates[index].fnmr,
            strict=True,
        )
    ]


def group_thresholds(counted: Counted) -> list[GroupThreshold]:
    """What each group would need, and what everybody would pay."""
    everybody = counted.rates[counted.everybody]
    out = []
    for need in counted.needs:
        label, names = counted.group_names(need.grouping)
        achieved = fnmr = value = None
        if need.score is not None:
            k = int(np.searchsorted(counted.grid, need.score))
            achieved = counted.rates[need.grouping].fmr[need.group].at(k)
            fnmr = everybody.fnmr[0].at(k)
            value = counted.source.unit.to_unit(need.score)
        out.append(
            GroupThreshold(
                grouping=label,
                group=names[need.group],
                target=need.target,
                value=value,
                achieved=achieved,
                fnmr=fnmr,
                note=need.note,
            )
        )
    return out


def _curve(
    grouping: str, group: str, values: tuple[float, ...], fmr: Rates, fnmr: Rates, at: Any
) -> Curve:
    def column(array: Any, trials: int) -> tuple[float | None, ...]:
        return tuple(
            float(v) if trials and np.isfinite(v) else None for v in np.asarray(array)[at]
        )

    return Curve(
        grouping=grouping,
        group=group,
        values=values,
        fmr_events=tuple(int(e) for e in fmr.events[at]),
        fmr_trials=fmr.trials,
        fmr=column(fmr.variance.estimate, fmr.trials),
        fmr_low=column(fmr.intervals.low, fmr.trials),
        fmr_high=column(fmr.intervals.high, fmr.trials),
        fnmr_events=tuple(int(e) for e in fnmr.events[at]),
        fnmr_trials=fnmr.trials,
        fnmr=column(fnmr.variance.estimate, fnmr.trials),
        fnmr_low=column(fnmr.intervals.low, fnmr.trials),
        fnmr_high=column(fnmr.intervals.high, fnmr.trials),
    )
