"""How scores are spread: histograms by group, and exact order statistics found through them.

A threshold for a target FMR is an order statistic of up to ten billion scores. The histogram says
in which bin it lies; a second pass keeps the scores of that bin only, and sorting those gives the
exact answer in the memory of one bin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.core import Progress, no_progress
from countenance.scores.comparisons import Comparisons
from countenance.scores.counting import Labels

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bins:
    """`count` bins of equal width from `low` to `high`; the last one includes `high`."""

    low: float
    high: float
    count: int

    def of(self, score: npt.NDArray[Any]) -> Ints:
        """The bin of each score, int64 of the same shape."""
        factor = self.count / (self.high - self.low) if self.high > self.low else 0.0
        index = ((score - np.float64(self.low)) * factor).astype(np.int64)
        return np.clip(index, 0, self.count - 1, out=index)

    def edges(self) -> npt.NDArray[np.float64]:
        """The ``count + 1`` edges."""
        return np.linspace(self.low, self.high, self.count + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Histograms of scores between people of one group, for each grouping int64 (groups, bins)."""

    bins: Bins
    nonmated: tuple[Ints, ...]
    mated: tuple[Ints, ...]


def spread(
    comparisons: Comparisons,
    groupings: Sequence[Labels],
    *,
    bins: int = 4096,
    progress: Progress = no_progress,
) -> Spread:
    """Histogram all scores by group, in one pass."""
    scale = Bins(*comparisons.range(), bins)
    nonmated = [np.zeros((labels.count, bins), dtype=np.int64) for labels in groupings]
    done, total = 0, max(1, comparisons.nonmated)
    for block in comparisons.blocks():
        for tile in block:
            for labels, counts in zip(groupings, nonmated, strict=True):
                for group in range(labels.count):
                    values = tile.within(labels.of, group)
                    counts[group] += np.bincount(scale.of(values), minlength=bins)
            done += tile.score.size
        progress("score distributions", min(done, total), total)
    own = comparisons.mated()
    code = scale.of(own.score)
    mated = []
    for labels in groupings:
        label = labels.of[own.probe]
        known = label >= 0
        flat = np.bincount(label[known] * bins + code[known], minlength=labels.count * bins)
        mated.append(flat.reshape(labels.count, bins))
    return Spread(bins=scale, nonmated=tuple(nonmated), mated=tuple(mated))


@dataclass(frozen=True, slots=True)
class Request:
    """The lowest observed score of `group` that at most `most` of its scores reach."""

    group: int
    most: int


@dataclass(frozen=True, slots=True)
class Tail:
    """A threshold set by an error count.

    Attributes
    ----------
    score
        The lowest observed score that at most `Request.most` scores reach; where even the highest
        is reached by too many, the next number above it.
    events
        How many scores reach it.
    attainable
        False in that last case: nothing is accepted.
    """

    score: int | float
    events: int
    attainable: bool


def tails(
    comparisons: Comparisons,
    labels: Labels,
    counts: Ints,
    bins: Bins,
    requests: Sequence[Request],
) -> list[Tail | None]:
    """Exact thresholds for error counts among non-mated comparisons within groups.

    `counts` is the histogram (groups, bins) of the same labels. Ties count together: a threshold
    is an observed score and every equal score reaches it (measurement.md 7.1). None for a group
    without comparisons.
    """
    wanted: list[_Wanted | None] = [_locate(counts[r.group], r.most) for r in requests]
    kept: list[list[npt.NDArray[Any]]] = [[] for _ in requests]
    groups = sorted({r.group for r in requests})
    for block in comparisons.blocks():
        for tile in block:
            for group in groups:
                values = tile.within(labels.of, group)
                code = bins.of(values)
                for place, request in enumerate(requests):
                    want = wanted[place]
                    if request.group == group and want is not None:
                        inside = (code == want.boundary) | (code == want.above)
                        kept[place].append(values[inside])
    return [
        None
        if want is None
        else _settle(np.concatenate(pieces), bins, want, request.most, comparisons.unit.exact)
        for want, pieces, request in zip(wanted, kept, requests, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    boundary: int  # bin in which the count passes `most`
    above: int  # the nearest bin above it that holds scores, or -1
    before: int  # scores in all bins above the boundary bin


def _locate(counts: Ints, most: int) -> _Wanted | None:
    """Where in a group's histogram (bins,) the threshold lies."""
    held = np.flatnonzero(counts)
    if len(held) == 0:
        return None
    reached = counts[::-1].cumsum()[::-1]
    over = np.flatnonzero(reached > most)
    boundary = int(over[-1]) if len(over) else int(held[0])
    higher = held[held > boundary]
    above = int(higher[0]) if len(higher) else -1
    return _Wanted(boundary, above, int(reached[boundary] - counts[boundary]))


def _settle(values: npt.NDArray[Any], bins: Bins, want: _Wanted, most: int, exact: bool) -> Tail:
    """Exact threshold from the scores of the boundary bin and the one above it."""
    code = bins.of(values)
    number = int if exact else float
    inside = np.sort(values[code == want.boundary])
    unique, first = np.unique(inside, return_index=True)
    reached = want.before + len(inside) - first  # scores at or above each unique value
    fits = np.flatnonzero(reached <= most)
    if len(fits):
        return Tail(number(unique[fits[0]]), int(reached[fits[0]]), True)
    if want.above >= 0:
        return Tail(number(values[code == want.above].min()), want.before, True)
    return Tail(just_above(number(inside[-1]), exact=exact), 0, False)


def just_above(score: float, *, exact: bool) -> int | float:
    """The smallest threshold above `score`: nothing that scores `score` reaches it."""
    return int(score) + 1 if exact else math.nextafter(score, math.inf)
