"""The tally: everything the statistics need of any number of comparisons.

For each threshold and each group: how many comparisons reach it, and, because people and not
comparisons are independent, how that is spread over people. Its size grows with people, groups
and thresholds and not with comparisons, so it is the same few megabytes for ten million scores
read from a file and for ten billion made from templates.

Notation (docs/statistics.md): ``h_ij`` is the mean, over the comparisons of persons i and j, of
``1{s >= T}``. A step function of T, it is added up once per comparison at the highest threshold
the comparison reaches, and one cumulative sum at the end gives all thresholds. The square of
``h_ij`` grows by ``(2c - 1) / m^2`` when the c-th of a pair's m comparisons is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.core import Progress, no_progress
from countenance.scores.comparisons import Block, Comparisons, Design, Ints, People, Rows
from countenance.scores.comparisons import Labels as Labels

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """Comparisons of two different people of one group, for every group of one grouping.

    With K thresholds (ascending), n people and L groups:

    Attributes
    ----------
    events, trials
        int64 (K, L), (L,): comparisons at or above each threshold, and all of them.
    row_sums, degree
        float64 (K, n), int64 (n,): sum of ``h_ij`` over partners j of i's own group, and how
        many partners that is.
    square_sums
        float64 (K, L): sum of ``h_ij ** 2`` over unordered pairs.
    """

    events: Ints
    trials: Ints
    row_sums: Floats
    degree: Ints
    square_sums: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Cross:
    """Comparisons by (group of the probe, group of the reference).

    Comparisons without order are seen from both sides, within one group too: there each is
    counted twice, in `events` and `trials` alike.

    Attributes
    ----------
    events, trials
        int64 (K, L, L), (L, L).
    probe_sums, probe_degree
        float64 (K, n, L), int64 (n, L): over the references of each group, for i as probe.
    reference_sums, reference_degree
        The same for i as reference, by group of the probe.
    square_sums
        float64 (K, L, L): sum of ``h_ij ** 2`` over ordered pairs.
    """

    events: Ints
    trials: Ints
    probe_sums: Floats
    probe_degree: Ints
    reference_sums: Floats
    reference_degree: Ints
    square_sums: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Mated:
    """Mated comparisons: `misses` float64 (K, n) below each threshold, `total` int64 (n,)."""

    misses: Floats
    total: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """`thresholds` ascending (K,); one `Within` a grouping, and `Cross` where asked."""

    thresholds: npt.NDArray[Any]
    within: tuple[Within, ...]
    cross: tuple[Cross, ...]
    mated: Mated


def tally(
    comparisons: Comparisons,
    thresholds: npt.NDArray[Any],
    groupings: Sequence[Labels],
    *,
    cross: bool,
    progress: Progress = no_progress,
    stage: str = "counting",
) -> Tally:
    """Count comparisons at thresholds (internal ``T``, ascending, distinct) by people and group.

    `cross` also counts by group of the probe and of the reference; its memory is thresholds
    times people times groups, so ask for it at few thresholds.
    """
    levels = len(thresholds)
    within = [_WithinSums(comparisons.people, group, levels) for group in groupings]
    crosses = [_CrossSums(comparisons.people, group, levels) for group in groupings] * cross
    done, total = 0, max(1, comparisons.nonmated)
    floor = thresholds[0].item()  # a Python number is compared in the score's own type

    def count(block: tuple[Block, ...]) -> tuple[int, list[list[_Part]]]:
        """What one block adds to each of `within` and `crosses`."""
        size = sum(tile.score.size for tile in block)
        events = _join([tile.at_least(floor) for tile in block])
        if not len(events.score):
            return size, []
        bucket = np.searchsorted(thresholds, events.score, side="right")
        times = comparisons.times(events)
        low = np.minimum(events.probe, events.reference)
        high = np.maximum(events.probe, events.reference)
        weight, square = _weights(low, high, bucket, times.both)
        parts = [sums.parts(events, bucket, weight, square) for sums in within]
        if crosses and comparisons.ordered:
            weight, square = _weights(events.probe, events.reference, bucket, times.ordered)
        parts += [both.parts(events, bucket, weight, square) for both in crosses]
        if not comparisons.ordered:
            turned = Rows(events.reference, events.probe, events.score)
            parts += [both.parts(turned, bucket, weight, square) for both in crosses]
        return size, parts

    added: list[_WithinSums | _CrossSums] = [*within, *crosses, *crosses]
    for size, parts in comparisons.over(count):
        for one, mine in zip(added, parts, strict=False):
            for total_of, part in zip(one.sums, mine, strict=True):
                _add(total_of, part)
        done += size
        progress(stage, min(done, total), total)
    designs = comparisons.design(groupings, cross=cross)
    return Tally(
        thresholds=thresholds,
        within=tuple(s.close(design) for s, design in zip(within, designs, strict=True)),
        cross=tuple(
            both.close(design, comparisons.ordered)
            for both, design in zip(crosses, designs[: len(crosses)], strict=True)
        ),
        mated=_mated(comparisons, thresholds),
    )


class _WithinSums:
    def __init__(self, people: int, labels: Labels, levels: int) -> None:
        self.labels = labels
        self.events = np.zeros((levels + 1, labels.count), dtype=np.int64)
        self.rows = np.zeros((levels + 1, people))
        self.squares = np.zeros((levels + 1, labels.count))
        self.sums = (self.events, self.squares, self.rows, self.rows)

    def parts(self, events: Rows, bucket: Ints, weight: Floats, square: Floats) -> list[_Part]:
        """What some comparisons add to each of `sums`."""
        probe, reference, label = events.probe, events.reference, self.labels.of[events.probe]
        same = np.flatnonzero((label == self.labels.of[reference]) & (label >= 0))
        if len(same) < len(label):
            probe, reference, label = probe[same], reference[same], label[same]
            bucket, weight, square = bucket[same], weight[same], square[same]
        group = bucket * self.labels.count + label
        row = bucket * self.rows.shape[1]
        return [
            _part(self.events, group, None),
            _part(self.squares, group, square),
            _part(self.rows, row + probe, weight),
            _part(self.rows, row + reference, weight),
        ]

    def close(self, design: Design) -> Within:
        return Within(
            events=_at_or_above(self.events),
            trials=np.diagonal(design.trials).copy(),
            row_sums=_at_or_above(self.rows),
            degree=design.degree,
            square_sums=_at_or_above(self.squares),
        )


class _CrossSums:
    def __init__(self, people: int, labels: Labels, levels: int) -> None:
        self.labels = labels
        self.events = np.zeros((levels + 1, labels.count, labels.count), dtype=np.int64)
        self.probes = np.zeros((levels + 1, people, labels.count))
        self.references = np.zeros((levels + 1, people, labels.count))
        self.squares = np.zeros((levels + 1, labels.count, labels.count))
        self.sums = (self.events, self.squares, self.probes, self.references)

    def parts(self, events: Rows, bucket: Ints, weight: Floats, square: Floats) -> list[_Part]:
        """What some comparisons add to each of `sums`."""
        a, b = self.labels.of[events.probe], self.labels.of[events.reference]
        known = np.flatnonzero((a >= 0) & (b >= 0))
        a, b, bucket, weight = a[known], b[known], bucket[known], weight[known]
        _, people, count = self.probes.shape
        cell = (bucket * count + a) * count + b
        row = bucket * people
        return [
            _part(self.events, cell, None),
            _part(self.squares, cell, square[known]),
            _part(self.probes, (row + events.probe[known]) * count + b, weight),
            _part(self.references, (row + events.reference[known]) * count + a, weight),
        ]

    def close(self, design: Design, ordered: bool) -> Cross:
        trials = design.trials
        if not ordered:
            trials = trials + np.diag(np.diagonal(trials))
        known = (self.labels.of >= 0)[:, None]
        as_probe, as_reference = design.as_probe, design.as_reference
        if as_probe is None or as_reference is None:
            raise ValueError("a design without partners by label")
        return Cross(
            events=_at_or_above(self.events),
            trials=trials,
            probe_sums=_at_or_above(self.probes),
            probe_degree=as_probe * known,
            reference_sums=_at_or_above(self.references),
            reference_degree=as_reference * known,
            square_sums=_at_or_above(self.squares),
        )


#: What is to be added to some sums: cells by flat index and amounts (None: one each), or all
#: cells at once.
_Part = tuple[Ints, Floats | None] | npt.NDArray[Any]


def _part(sums: npt.NDArray[Any], place: Ints, amount: Floats | None) -> _Part:
    """Amounts added up already where there are many for each cell."""
    if sums.size > len(place):
        return place, amount
    return np.bincount(place, amount, minlength=sums.size)


def _add(sums: npt.NDArray[Any], part: _Part) -> None:
    flat = sums.reshape(-1)
    if isinstance(part, tuple):
        place, amount = part
        np.add.at(flat, place, 1 if amount is None else amount)
    else:
        flat += part


#: Pair, bucket and place are sorted as one integer where they fit into these bits.
KEY_BITS = 63


def _weights(one: People, other: People, bucket: Ints, times: Ints) -> tuple[Floats, Floats]:
    """Per comparison: its share of ``h_ij`` and of ``h_ij ** 2``, both float64 (events,)."""
    weight = 1.0 / times
    if times.max() == 1:
        return weight, weight
    people, levels = int(max(one.max(), other.max())) + 1, int(bucket.max()) + 1
    key = (one.astype(np.int64) * people + other) * levels + (levels - 1 - bucket)
    place_bits = len(key).bit_length()
    if (people**2 * levels).bit_length() + place_bits <= KEY_BITS:
        key <<= place_bits
        key |= np.arange(len(key))
        key.sort()
        order = key & ((1 << place_bits) - 1)
        pair = (key >> place_bits) // levels
    else:
        order = np.lexsort((-bucket, other, one))
        pair = one[order].astype(np.int64) * people + other[order]
    first = np.ones(len(order), dtype=bool)
    np.not_equal(pair[1:], pair[:-1], out=first[1:])
    start = np.flatnonzero(first)
    length = np.diff(start, append=len(order))
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1) - np.repeat(start, length)
    return weight, (2.0 * rank - 1.0) * weight * weight


def _mated(comparisons: Comparisons, thresholds: npt.NDArray[Any]) -> Mated:
    rows = comparisons.mated()
    reached = np.zeros((len(thresholds) + 1, comparisons.people), dtype=np.int64)
    np.add.at(reached, (np.searchsorted(thresholds, rows.score, side="right"), rows.probe), 1)
    total = reached.sum(axis=0)
    return Mated(misses=total - _at_or_above(reached).astype(np.float64), total=total)


def _join(parts: Sequence[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        empty = np.empty(0, np.int32)
        return Rows(empty, empty, np.empty(0, np.float64))
    return Rows(
        np.concatenate([part.probe for part in parts]),
        np.concatenate([part.reference for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


def _at_or_above(by_bucket: npt.NDArray[Any]) -> Any:
    """From counts by highest threshold reached (0: none) to counts at or above each of them."""
    return np.cumsum(by_bucket[:0:-1], axis=0)[::-1].copy()
