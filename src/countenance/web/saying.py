"""Counts as pages say them: never a rate without its counts and its interval."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from countenance.audit.sentences import percent, say_rate
from countenance.core import ScoreUnit

__all__ = ["say_length", "say_rate", "say_rule", "say_said"]


def say_said(said: Mapping[str, Any] | None, level: float) -> str:
    """A rate of the consequence table: exact at a threshold of the audit, else a bound above it.

    ``12 of 3,400 comparisons (95 % interval 0.2–0.9 %)``;
    ``at most 12 of 3,400 comparisons (95 % interval up to 0.9 %)``.
    """
    if said is None or not said["trials"]:
        return "not known"
    counts = f"{said['events']:,} of {said['trials']:,} comparisons"
    if not said["exact"]:
        counts = f"at most {counts}"
    low, high, sure = said["low"], said["high"], f"{percent(level)} %"
    if low is None or high is None:
        return f"{counts} (too few people for an interval)"
    if said["exact"] and low > 0:
        return f"{counts} ({sure} interval {percent(low)}–{percent(high)} %)"
    return f"{counts} ({sure} interval up to {percent(high)} %)"


def say_rule(unit: ScoreUnit) -> str:
    """What a threshold does, in the unit that people read."""
    side = "at least" if unit.higher_is_more_similar else "at most"
    return f"A candidate is listed where the {unit.name} is {side} the threshold."


def say_length(time: datetime.timedelta) -> str:
    """How long something took, in the two largest parts: ``2 days 3 hours``."""
    minutes = max(0, int(time.total_seconds())) // 60
    parts = [
        (minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"),
    ]  # fmt: skip
    said = [f"{n:,} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " ".join(said[:2]) or "less than a minute"
