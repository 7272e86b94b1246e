"""The audit as a table for analysis: one row a threshold and group, every count and bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countenance.audit.types import Audit, GroupResult, Rate, ThresholdResult

if TYPE_CHECKING:
    import polars as pl

EVERYBODY = "everybody"
_RATE = (
    "events",
    "trials",
    "people",
    "estimate",
    "low",
    "high",
    "method",
    "supported",
    "design_effect",
)


def frame(audit: Audit) -> pl.DataFrame:
    """One row a threshold and group (``everybody`` first), with FMR, FNMR and their counts."""
    import polars as pl

    rows = [
        _row(result, grouping, group)
        for result in audit.results
        for grouping, group in [
            (EVERYBODY, result.overall),
            *((g.grouping, group) for g in result.groupings for group in g.groups),
        ]
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _row(result: ThresholdResult, grouping: str, group: GroupResult) -> dict[str, Any]:
    return {
        "threshold": result.threshold.label,
        "threshold_value": result.threshold.value,
        "grouping": grouping,
        "group": group.group or EVERYBODY,
        **_rate("fmr", group.fmr),
        **_rate("fmr_any", group.fmr_any),
        **_rate("fnmr", group.fnmr),
        "gfar": group.gfar,
        "gfrr": group.gfrr,
        "smallest_rate": group.smallest_rate,
        "people_needed": group.people_needed,
        "people_needed_alike": group.people_needed_alike,
    }


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    return {f"{name}_{field}": getattr(rate, field) for field in _RATE}
