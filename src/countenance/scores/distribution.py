"""How scores are spread: histograms by group, and exact order statistics found through them.

A threshold for a target FMR is an order statistic of up to ten billion scores. The histogram says
in which bin it lies; a second pass keeps the scores of that bin only, and sorting those gives the
exact answer in the memory of one bin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.core import Progress, ScoreUnit, no_progress
from countenance.scores.comparisons import Block, Comparisons, Dense, Ints, Labels, People


@dataclass(frozen=True, slots=True)
class Bins:
    """`count` bins of equal width from `low` to `high`; the last one includes `high`."""

    low: float
    high: float
    count: int

    def of(self, score: npt.NDArray[Any]) -> npt.NDArray[np.signedinteger[Any]]:
        """The bin of each score, integers of the same shape.

        float32 holds whole numbers here: the exact scores of tiles.
        """
        shift = self._shift()
        index: npt.NDArray[np.signedinteger[Any]]
        if shift is not None and score.dtype in (np.float32, np.int32):
            # the very same bins, by integers: several times faster
            index = score.astype(np.int32)
            index -= int(self.low)
            index >>= shift
        else:
            factor = self.count / (self.high - self.low) if self.high > self.low else 0.0
            place = score - np.float64(self.low)
            place *= factor
            index = place.astype(np.int64)
        return np.clip(index, 0, self.count - 1, out=index)

    def _shift(self) -> int | None:
        """Binary logarithm of the width of a bin, where bins are whole numbers wide."""
        fraction, exponent = math.frexp((self.high - self.low) / self.count)
        whole = fraction == 0.5 and exponent >= 1 and self.low.is_integer()
        return exponent - 1 if whole and -(2**30) <= self.low <= self.high <= 2**30 else None

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

    def count(block: tuple[Block, ...]) -> tuple[int, list[Ints]]:
        parts = [np.zeros((labels.count, bins), dtype=np.int64) for labels in groupings]
        for tile in block:
            code = scale.of(tile.score)
            for labels, counts in zip(groupings, parts, strict=True):
                for group, index in _inside(tile, labels):
                    if isinstance(group, int):
                        counts[group] += np.bincount(code[index].ravel(), minlength=bins)
                    else:
                        np.add.at(counts.reshape(-1), group * np.int64(bins) + code[index], 1)
        return sum(tile.score.size for tile in block), parts

    for size, parts in comparisons.over(count):
        for counts, part in zip(nonmated, parts, strict=True):
            counts += part
        done += size
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
    is an observed score and every equal score reaches it (docs/measures.md, section 1). None for
    a group without comparisons.
    """
    wanted: list[_Wanted | None] = [_locate(counts[r.group], r.most) for r in requests]
    look = np.zeros(counts.shape, dtype=bool)
    for request, want in zip(requests, wanted, strict=True):
        if want is not None:
            look[request.group, [want.boundary, max(want.boundary, want.above)]] = True
    kept = {group: _Kept() for group in {r.group for r in requests}}
    low = min((w.boundary for w in wanted if w is not None), default=bins.count)
    # scores below the lowest bin looked at are not even put into bins; one bin to spare
    floor = bins.low + (low - 1) * ((bins.high - bins.low) / bins.count)

    def pick(block: tuple[Block, ...]) -> list[tuple[int, npt.NDArray[Any]]]:
        found = []
        for tile in block:
            rows = tile.at_least(floor)
            for group, index in _inside(rows, labels):
                code = bins.of(rows.score[index])
                picked = np.flatnonzero(look[group, code])
                values, of = rows.score[index[picked]], np.asarray(group)[picked]
                found += [(one, values[of == one]) for one in np.unique(of).tolist()]
        return found

    for found in comparisons.over(pick):
        for group, values in found:
            kept[group].add(values)
    return [
        None
        if want is None
        else _settle(*kept[request.group].close(), bins, want, request.most, comparisons.unit)
        for want, request in zip(wanted, requests, strict=True)
    ]


def _inside(tile: Block, labels: Labels) -> Iterator[tuple[int | People, Any]]:
    """Comparisons within groups: a group and where in the tile, or all groups' rows at once."""
    if isinstance(tile, Dense):
        one, other = labels.of[tile.probe], labels.of[tile.reference]
        for group in np.intersect1d(one, other).tolist():
            rows, columns = np.flatnonzero(one == group), np.flatnonzero(other == group)
            if len(rows) == len(one) and len(columns) == len(other):
                yield group, ...
            elif group >= 0:
                yield group, np.ix_(rows, columns)
        return
    label = labels.of[tile.probe]
    index = np.flatnonzero((label == labels.of[tile.reference]) & (label >= 0))
    yield label[index], index


#: Scores kept before equal ones are counted together.
_PENDING = 1 << 20


class _Kept:
    """Scores of some bins as distinct values and their counts.

    Exact scores are whole numbers, so that a bin holds no more than its width of them, however
    many comparisons there are.
    """

    def __init__(self) -> None:
        self._pending: list[npt.NDArray[Any]] = []
        self._size = 0
        self._values: npt.NDArray[Any] = np.empty(0, np.int32)
        self._counts = np.empty(0, np.int64)

    def add(self, values: npt.NDArray[Any]) -> None:
        if len(values):
            self._pending.append(values)
            self._size += len(values)
        if self._size >= _PENDING:
            self.close()

    def close(self) -> tuple[npt.NDArray[Any], Ints]:
        """Distinct values, rising, and their counts."""
        if self._pending:
            fresh, counts = np.unique(np.concatenate(self._pending), return_counts=True)
            both = fresh if not len(self._values) else np.concatenate([self._values, fresh])
            self._values, place = np.unique(both, return_inverse=True)
            counts = np.concatenate([self._counts, counts])
            self._counts = np.zeros(len(self._values), np.int64)
            np.add.at(self._counts, place, counts)
            self._pending, self._size = [], 0
        return self._values, self._counts


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


def _settle(
    values: npt.NDArray[Any], counts: Ints, bins: Bins, want: _Wanted, most: int, unit: ScoreUnit
) -> Tail:
    """Exact threshold from the distinct scores of a group in the bins that were looked at."""
    code = bins.of(values)
    number = int if unit.exact else float
    inside = code == want.boundary
    unique = values[inside]
    # scores at or above each distinct one
    reached = want.before + counts[inside][::-1].cumsum()[::-1]
    fits = np.flatnonzero(reached <= most)
    if len(fits):
        return Tail(number(unique[fits[0]]), int(reached[fits[0]]), True)
    if want.above >= 0:
        return Tail(number(values[code == want.above][0]), want.before, True)
    return Tail(just_above(number(unique[-1]), exact=unit.exact), 0, False)


def just_above(score: float, *, exact: bool) -> int | float:
    """The smallest threshold above `score`: nothing that scores `score` reaches it."""
    return int(score) + 1 if exact else math.nextafter(score, math.inf)
