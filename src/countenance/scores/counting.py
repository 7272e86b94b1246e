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
from countenance.scores.comparisons import Comparisons, Design, Ints, People, Rows
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
    for block in comparisons.blocks():
        parts = [tile.at_least(floor) for tile in block]
        events = _join(parts)
        if len(events.score):
            bucket = np.searchsorted(thresholds, events.score, side="right")
            times = comparisons.times(events)
            low = np.minimum(events.probe, events.reference)
            high = np.maximum(events.probe, events.reference)
            weight, square = _weights(low, high, bucket, times.both)
            for sums in within:
                sums.add(events, bucket, weight, square)
            if crosses and comparisons.ordered:
                weight, square = _weights(events.probe, events.reference, bucket, times.ordered)
            for both in crosses:
                both.add(events.probe, events.reference, bucket, weight, square)
                if not comparisons.ordered:
                    both.add(events.reference, events.probe, bucket, weight, square)
        done += sum(tile.score.size for tile in block)
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

    def add(self, events: Rows, bucket: Ints, weight: Floats, square: Floats) -> None:
        label = self.labels.of[events.probe]
        same = np.flatnonzero((label == self.labels.of[events.reference]) & (label >= 0))
        bucket, weight = bucket[same], weight[same]
        group = bucket * self.labels.count + label[same]
        _add(self.events, group, 1)
        _add(self.squares, group, square[same])
        bucket = bucket * self.rows.shape[1]
        _add(self.rows, bucket + events.probe[same], weight)
        _add(self.rows, bucket + events.reference[same], weight)

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

    def add(
        self, probe: People, reference: People, bucket: Ints, weight: Floats, square: Floats
    ) -> None:
        a, b = self.labels.of[probe], self.labels.of[reference]
        known = np.flatnonzero((a >= 0) & (b >= 0))
        a, b, bucket, weight = a[known], b[known], bucket[known], weight[known]
        _, people, count = self.probes.shape
        cell = (bucket * count + a) * count + b
        _add(self.events, cell, 1)
        _add(self.squares, cell, square[known])
        bucket = bucket * people
        _add(self.probes, (bucket + probe[known]) * count + b, weight)
        _add(self.references, (bucket + reference[known]) * count + a, weight)

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


def _add(sums: npt.NDArray[Any], place: Ints, amount: Floats | int) -> None:
    """Add amounts to cells given by flat index: several times faster than by several indices."""
    np.add.at(sums.reshape(-1), place, amount)


def _weights(one: People, other: People, bucket: Ints, times: Ints) -> tuple[Floats, Floats]:
    """Per comparison: its share of ``h_ij`` and of ``h_ij ** 2``, both float64 (events,)."""
    weight = 1.0 / times
    if times.max() == 1:
        return weight, weight
    order = np.lexsort((-bucket, other, one))
    one, other = one[order], other[order]
    first = np.concatenate([[True], (one[1:] != one[:-1]) | (other[1:] != other[:-1])])
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) - start + 1
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
