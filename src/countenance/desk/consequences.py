"""What another threshold means for each group, out of the audit's own counts.

A threshold lowered "to get more leads" is paid for by whoever is falsely listed, and not by all
alike (failure F18). So whoever approves a change sees this table first, and its digest is what
they approve.

The audit states rates at its own thresholds. Between them its curves bound what is asked: at a
laxer threshold of the curve there are at least as many false matches, and at a stricter one at
least as many false non-matches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from countenance.audit import Audit, Rate
from countenance.core import ScoreUnit, digest_json


@dataclass(frozen=True, slots=True)
class Said:
    """A rate as the audit has it. `exact`: at this threshold; else it is an upper bound."""

    events: int
    trials: int
    low: float | None
    high: float | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One group at the present threshold (None: there is none yet) and at the proposed one."""

    group: str
    people: int
    fmr_now: Said | None
    fmr_then: Said | None
    fnmr_now: Said | None
    fnmr_then: Said | None


@dataclass(frozen=True, slots=True)
class Consequences:
    """The table: which audit, which thresholds (exact integers), and a line for each group."""

    audit: str
    grouping: str
    level: float
    now: int | None
    then: int
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        """As shown and kept."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON."""
        return digest_json(self.to_json())


def consequences(
    audit: Audit, *, digest: str, unit: ScoreUnit, now: int | None, then: int
) -> Consequences:
    """The table for a change of threshold. An audit without groups gives a table without lines."""
    grouping = audit.groupings[audit.headline] if audit.headline >= 0 else None
    label = "" if grouping is None else grouping.label
    lines = tuple(
        Line(
            group.label, group.people,
            *(None if score is None else _rate(audit, unit, label, group.label, name, score)
              for name in ("fmr", "fnmr") for score in (now, then)),
        )
        for group in (() if grouping is None else grouping.groups)
    )  # fmt: skip
    return Consequences(digest, label, audit.settings.level, now, then, lines)


def _rate(
    audit: Audit, unit: ScoreUnit, grouping: str, group: str, name: str, score: int
) -> Said | None:
    for result in audit.results:
        if result.threshold.score == score:
            for found in result.groupings:
                for each in found.groups:
                    if (found.grouping, each.group) == (grouping, group):
                        rate: Rate = getattr(each, name)
                        return Said(rate.events, rate.trials, rate.low, rate.high, True)
    return _bound(audit, unit, grouping, group, name, score)


def _bound(
    audit: Audit, unit: ScoreUnit, grouping: str, group: str, name: str, score: int
) -> Said | None:
    """The nearest point of the curve on the side where the rate is at least as large."""
    for curve in audit.curves:
        if (curve.grouping, curve.group) != (grouping, group):
            continue
        points = [(unit.threshold(value), i) for i, value in enumerate(curve.values)]
        if name == "fmr":
            i = max((point for point in points if point[0] <= score), default=(0, None))[1]
        else:
            i = min((point for point in points if point[0] >= score), default=(0, None))[1]
        if i is None:
            return None
        return Said(
            getattr(curve, f"{name}_events")[i], getattr(curve, f"{name}_trials"),
            getattr(curve, f"{name}_low")[i], getattr(curve, f"{name}_high")[i], False,
        )  # fmt: skip
    return None
