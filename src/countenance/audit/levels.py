"""Where to draw the line: the thresholds of an audit, and the grid its curves are drawn on.

Every threshold carries who set it. One set for a target FMR is an order statistic of the very
comparisons it is then judged on; the audit says so beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np

from countenance.audit.grouping import Grouped
from countenance.audit.material import Failures, Material
from countenance.core import InputError, Note, ScoreUnit, read_decimal
from countenance.scores import Request, Spread, Tail, tails

ALL = "all"
_OWN_DATA = "set on the comparisons it is judged on"


@dataclass(frozen=True, slots=True)
class Level:
    """A threshold before anything is counted at it.

    `score` is the internal ``T``; the other fields are those of `types.Threshold`.
    """

    label: str
    source: Literal["default", "given", "target", "worst-group"]
    score: int | float
    value: float
    target: str | None = None
    population: str | None = None
    documented: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupLevel:
    """The threshold that one group would need for one target FMR."""

    grouping: int
    group: int
    target: str
    score: int | float | None
    note: str


def read_rate(text: str, *, where: str) -> Fraction:
    """A rate between 0 and 1, exactly as typed.

    Raises
    ------
    InputError
        Not a number, or outside that range.
    """
    rate = read_decimal(text)
    if rate is None:
        raise InputError(f"{text!r} is not a rate", where=where, expected="0.001")
    if not 0 < rate < 1:
        raise InputError(f"{text} is not a rate", where=where, expected="between 0 and 1")
    return rate


def fixed_levels(material: Material, given: Sequence[str]) -> list[Level]:
    """The engine's documented default, and the thresholds given."""
    unit, engine = material.unit, material.engine or {}
    out: list[Level] = []
    default = engine.get("default_threshold")
    if default is not None:
        out.append(
            Level(
                label=f"engine default {default}",
                source="default",
                score=unit.threshold(default),
                value=float(default),
                documented=engine.get("threshold_source"),
            )
        )
    for text in given:
        score = unit.threshold(text)
        if all(level.score != score for level in out):
            out.append(
                Level(label=f"given {text}", source="given", score=score, value=float(text))
            )
    return out


def target_levels(
    material: Material,
    everybody: int,
    headline: int,
    groupings: Sequence[Grouped],
    spread: Spread,
    targets: Sequence[str],
    failures: Failures,
) -> tuple[list[Level], list[GroupLevel], list[Note]]:
    """Thresholds for target FMRs: on all comparisons, on the worst group, and for each group.

    `everybody` and `headline` index `groupings`; `headline` is -1 where nothing was grouped. A
    target that no threshold reaches is told in a note.
    """
    levels: list[Level] = []
    notes: list[Note] = []
    needs: list[GroupLevel] = []
    rates = [read_rate(text, where="--fmr-target") for text in targets]
    for index, grouped in enumerate(groupings):
        found = _needed(material, grouped, spread, index, rates, failures)
        for (group, place), tail in found.items():
            text = targets[place]
            if index == everybody:
                if tail is None:
                    notes.append(_unreachable(text, "all comparisons"))
                else:
                    levels.append(_on_all(text, tail, material.unit))
                continue
            needs.append(
                GroupLevel(
                    grouping=index,
                    group=group,
                    target=text,
                    score=tail.score if tail else None,
                    note=_group_note(tail),
                )
            )
    if headline >= 0:
        for text in targets:
            own = [n for n in needs if n.grouping == headline and n.target == text]
            failed = _failed_within(material, groupings[headline])
            hopeless = failures == "negative" and any(
                need.score is None and failed[need.group] for need in own
            )
            # Where failures alone exceed the target in one group, no threshold meets it in all.
            worst = None if hopeless else _on_worst(text, own, groupings[headline], material.unit)
            if worst is None:
                notes.append(_unreachable(text, "the worst group"))
            else:
                levels.append(worst)
    return levels, needs, notes


def curve_levels(
    material: Material, spread: Spread, everybody: int, points: int
) -> list[tuple[float, int | float]]:
    """About `points` thresholds in round numbers of the unit, as (value, internal T), T rising.

    From the score that three in ten non-mated comparisons reach to well into the mated ones:
    half of them evenly spaced, half by equal steps of log FMR.
    """
    unit = material.unit
    other, own = spread.nonmated[everybody][0], spread.mated[everybody][0]
    edges = spread.bins.edges()
    if other.sum():
        shares = np.geomspace(0.3, 1 / max(other.sum(), 4), points // 2)
        reached = other[::-1].cumsum()[::-1] / other.sum()
        tail = [edges[int(np.flatnonzero(reached >= share)[-1])] for share in shares]
        low, high = tail[0], edges[np.flatnonzero(other)[-1] + 1]
    else:
        tail, low, high = [], edges[np.flatnonzero(own)[0]], edges[-1]
    if own.sum():
        median = edges[int(np.searchsorted(own.cumsum(), own.sum() / 2)) + 1]
        high = max(high, median)
    ends = unit.to_unit(low), unit.to_unit(high)
    even = np.linspace(*ends, points - len(tail))
    step = Decimal(10) ** (math.floor(math.log10(max(abs(ends[1] - ends[0]), 1e-12))) - 3)
    values = [float(v) for v in even] + [unit.to_unit(float(s)) for s in tail]
    grid = {}
    for value in values:
        rounded = (Decimal(repr(value)) / step).to_integral_value() * step
        if unit.kind == "distance" and rounded < 0:
            continue
        grid[unit.threshold(rounded)] = float(rounded)
    return [(grid[score], score) for score in sorted(grid)]


def _needed(
    material: Material,
    grouped: Grouped,
    spread: Spread,
    index: int,
    rates: Sequence[Fraction],
    failures: Failures,
) -> dict[tuple[int, int], Tail | None]:
    """For each (group, target): its threshold, counting failures as they are to be counted."""
    counts = spread.nonmated[index]
    failed = _failed_within(material, grouped)
    requests: dict[tuple[int, int], Request] = {}
    found: dict[tuple[int, int], Tail | None] = {}
    for group in range(grouped.labels.count):
        for place, rate in enumerate(rates):
            made, lost = int(counts[group].sum()), int(failed[group])
            # failed comparisons stay in the denominator where a failure counts as a decision
            allowed = math.floor(rate * (made + (lost if failures != "exclude" else 0)))
            allowed -= lost if failures == "negative" else 0
            if allowed < 0:
                found[group, place] = None
            else:
                requests[group, place] = Request(group, allowed)
    answers = tails(
        material.comparisons, grouped.labels, counts, spread.bins, list(requests.values())
    )
    found.update(zip(requests, answers, strict=True))
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


def _failed_within(
    material: Material, grouped: Grouped
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    one, other = grouped.labels.of[material.failed_nonmated]
    same = (one == other) & (one >= 0)
    return np.bincount(one[same], minlength=grouped.labels.count)


def _on_all(text: str, tail: Tail, unit: ScoreUnit) -> Level:
    return Level(
        label=f"FMR {text} on all",
        source="target",
        score=tail.score,
        value=unit.to_unit(tail.score),
        target=text,
        population=ALL,
        note=_group_note(tail) or _OWN_DATA,
    )


def _on_worst(
    text: str, needs: Sequence[GroupLevel], grouped: Grouped, unit: ScoreUnit
) -> Level | None:
    """The strictest of the thresholds that the groups need: at it no group exceeds the target."""
    scores = [(need.score, need) for need in needs if need.score is not None]
    if not scores:
        return None
    score, worst = max(scores, key=lambda pair: pair[0])
    return Level(
        label=f"FMR {text} on the worst group",
        source="worst-group",
        score=score,
        value=unit.to_unit(score),
        target=text,
        population=grouped.published.groups[worst.group].label,
        note=worst.note or _OWN_DATA,
    )


def _unreachable(text: str, population: str) -> Note:
    return Note(
        "target-unreachable",
        1,
        f"no threshold gives an FMR of {text} on {population}: there are no comparisons of "
        "different people, or failures that count as matches exceed it",
    )


def _group_note(tail: Tail | None) -> str:
    if tail is None:
        return "no threshold reaches it: there are no comparisons, or failures alone exceed it"
    if not tail.attainable:
        return (
            "too few comparisons for this target: the threshold lies just above the highest "
            "score seen, and a higher one may be seen tomorrow"
        )
    return ""
