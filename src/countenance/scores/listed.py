"""The comparisons of a score table, pair of people by pair of people.

The table stays as it is: what is kept beside it is one int32 a row, the order in which the rows
of one pair of people follow each other. A block is put together from it when it is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.scores.comparisons import (
    Block,
    Design,
    Ints,
    Labels,
    People,
    Result,
    Rows,
    Times,
    in_order,
)
from countenance.scores.table import Scores

#: Rows of one block; more only where one pair of people has more.
BLOCK = 1 << 18

#: A pair of people and a row number are sorted as one integer where they fit into these bits.
KEY_BITS = 63


class TableComparisons:
    """The comparisons of a score table."""

    def __init__(self, scores: Scores, *, block: int = BLOCK) -> None:
        self.unit = scores.unit
        self.people = len(scores.subjects)
        self.ordered = scores.ordered
        self._scores = scores
        row_bits = len(scores).bit_length()
        if (self.people**2).bit_length() + row_bits > KEY_BITS:
            row_bits = 0
        key, other, mated = self._keys(row_bits, block)
        self._mated = self._rows(mated)
        small = np.int32 if len(scores) < 2**31 else np.int64
        if row_bits:
            key.sort()
            self._order = np.empty(len(key), small)
            np.bitwise_and(key, (1 << row_bits) - 1, out=self._order, casting="same_kind")
        else:
            order = np.argsort(key, kind="stable")
            key, self._order = key[order], other[order].astype(small)
        self._bounds = list(_bounds(key, row_bits, block))
        self._single = _all_differ(key, row_bits)

    @property
    def nonmated(self) -> int:
        """How many non-mated comparisons there are."""
        return len(self._order)

    def blocks(self) -> Iterator[tuple[Block, ...]]:
        """A quarter of a million rows at a time."""
        return map(self._block, self._spans())

    def over(self, work: Callable[[tuple[Block, ...]], Result]) -> Iterator[Result]:
        """What `work` makes of each block, in order."""
        return in_order(lambda span: work(self._block(span)), self._spans())

    def mated(self) -> Rows:
        """All mated comparisons."""
        return self._mated

    def times(self, rows: Rows) -> Times:
        """How often the pairs of some rows of `blocks` were compared."""
        if rows.times is not None:
            return rows.times
        once = np.ones(len(rows.score), np.int64)
        return Times(once, once)

    def design(self, groupings: Sequence[Labels], *, cross: bool) -> list[Design]:
        """Who was compared with whom, in one pass for all groupings."""
        sums = [_DesignSums(self.people, labels, cross) for labels in groupings]
        for pairs in in_order(lambda span: _Pairs.of(self._rows(span)), self._spans()):
            for one in sums:
                one.add(pairs, self.ordered)
        return [one.close(self.ordered) for one in sums]

    def range(self) -> tuple[float, float]:
        """Lowest and highest score of the table."""
        return float(self._scores.score.min()), float(self._scores.score.max())

    def _keys(self, row_bits: int, block: int) -> tuple[Ints, Ints, Ints]:
        """Non-mated rows as sort keys; their numbers where keys have no room; mated rows."""
        scores, owner = self._scores, self._scores.sample_subject
        key, held = np.empty(len(scores), np.int64), 0
        other, mated = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for start in range(0, len(scores), block):
            part = slice(start, start + block)
            probe, reference = owner[scores.probe[part]], owner[scores.reference[part]]
            different = np.flatnonzero(probe != reference)
            if len(different) < len(probe):
                mated.append(np.flatnonzero(probe == reference) + start)
            fresh = _pair_key(probe[different], reference[different], self.people)
            if row_bits:
                fresh <<= row_bits
                fresh |= different + start
            else:
                other.append(different + start)
            key[held : held + len(fresh)] = fresh
            held += len(fresh)
        return key[:held], np.concatenate(other), np.concatenate(mated)

    def _rows(self, index: npt.NDArray[Any] | slice) -> Rows:
        """Rows by number, or by their place in the order of pairs."""
        scores, owner = self._scores, self._scores.sample_subject
        if isinstance(index, slice):
            index = self._order[index]
        return Rows(
            owner[scores.probe[index]], owner[scores.reference[index]], scores.score[index]
        )

    def _spans(self) -> Iterator[slice]:
        return (slice(*ends) for ends in itertools.pairwise([0, *self._bounds]))

    def _block(self, span: slice) -> tuple[Rows]:
        rows = self._rows(span)
        return (rows if self._single else replace(rows, times=self._times(rows)),)

    def _times(self, rows: Rows) -> Times:
        pairs = _Pairs.of(rows)
        both = pairs.count.sum(axis=1)[pairs.of_row]
        if not self.ordered:
            return Times(both, both)
        return Times(both, pairs.count.ravel()[2 * pairs.of_row + pairs.backward])


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """The pairs of people in some rows that follow each other pair by pair.

    `low` and `high` (pairs,) are the two people, `count` (pairs, 2) how often they were compared
    with `low` as probe and with `high` as probe; `of_row` (rows,) is each row's pair and
    `backward` (rows,) whether its probe is `high`.
    """

    low: People
    high: People
    count: Ints
    of_row: Ints
    backward: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Rows) -> _Pairs:
        low, high = np.minimum(rows.probe, rows.reference), np.maximum(rows.probe, rows.reference)
        first = np.ones(len(low), dtype=bool)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        of_row, backward = np.cumsum(first) - 1, rows.probe == high
        at = np.flatnonzero(first)
        count = np.bincount(2 * of_row + backward, minlength=2 * len(at)).reshape(-1, 2)
        return cls(low[at], high[at], count, of_row, backward)


class _DesignSums:
    def __init__(self, people: int, labels: Labels, cross: bool) -> None:
        self.labels, self.cross = labels, cross
        self.trials = np.zeros(labels.count**2, np.int64)
        self.degree = np.zeros(people, np.int64)
        shape = (people, labels.count) if cross else (0, 0)
        self.as_probe = np.zeros(shape, np.int64)
        self.as_reference = np.zeros(shape, np.int64)

    def add(self, pairs: _Pairs, ordered: bool) -> None:
        count = self.labels.count
        a, b = self.labels.of[pairs.low], self.labels.of[pairs.high]
        known = np.flatnonzero((a >= 0) & (b >= 0))
        here, there = a[known].astype(np.int64), b[known]
        np.add.at(self.trials, here * count + there, pairs.count[known, 0])
        np.add.at(self.trials, there * np.int64(count) + here, pairs.count[known, 1])
        same = np.flatnonzero((a == b) & (a >= 0))
        np.add.at(self.degree, pairs.low[same], 1)
        np.add.at(self.degree, pairs.high[same], 1)
        if not self.cross:
            return
        if not ordered:  # then the two are equal, and one is counted
            _partner(self.as_probe, pairs.low, b)
            _partner(self.as_probe, pairs.high, a)
            return
        forward, backward = (np.flatnonzero(pairs.count[:, side]) for side in (0, 1))
        _partner(self.as_probe, pairs.low[forward], b[forward])
        _partner(self.as_probe, pairs.high[backward], a[backward])
        _partner(self.as_reference, pairs.high[forward], a[forward])
        _partner(self.as_reference, pairs.low[backward], b[backward])

    def close(self, ordered: bool) -> Design:
        trials = self.trials.reshape(self.labels.count, self.labels.count)
        if not ordered:
            trials = trials + trials.T - np.diag(np.diagonal(trials))
        if not self.cross:
            return Design(trials, self.degree, None, None)
        as_reference = self.as_reference if ordered else self.as_probe
        return Design(trials, self.degree, self.as_probe, as_reference)


def _partner(met: Ints, person: People, label: People) -> None:
    """One more partner of that label for each person."""
    known = np.flatnonzero(label >= 0)
    np.add.at(met.reshape(-1), person[known] * np.int64(met.shape[1]) + label[known], 1)


def _pair_key(one: People, other: People, people: int) -> Ints:
    """One number for an unordered pair of people."""
    key: Ints = np.minimum(one, other).astype(np.int64)
    key *= people
    key += np.maximum(one, other)
    return key


def _bounds(key: Ints, row_bits: int, block: int) -> Iterator[int]:
    """Ends of blocks in a sorted key, no pair cut in two."""
    stop = 0
    while stop < len(key):
        stop = min(stop + block, len(key))
        pair = int(key[stop - 1]) >> row_bits
        stop = int(np.searchsorted(key, (pair + 1) << row_bits))
        yield stop


def _all_differ(key: Ints, row_bits: int) -> bool:
    """Whether every pair of people was compared once."""
    one, following = key[:-1], key[1:]
    return not any(
        bool((one[at : at + BLOCK] >> row_bits == following[at : at + BLOCK] >> row_bits).any())
        for at in range(0, len(one), BLOCK)
    )
