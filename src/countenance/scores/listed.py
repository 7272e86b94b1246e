"""The comparisons of a score table, as one block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from countenance.scores.comparisons import Block, People, Rows, Values
from countenance.scores.table import Scores


class TableComparisons:
    """The comparisons of a score table."""

    def __init__(self, scores: Scores) -> None:
        self.unit = scores.unit
        self.people = len(scores.subjects)
        self.ordered = scores.ordered
        probe = scores.sample_subject[scores.probe]
        reference = scores.sample_subject[scores.reference]
        same = probe == reference
        self._mated = Rows(probe[same], reference[same], scores.score[same])
        other = ~same
        self._rows = Rows(probe[other], reference[other], scores.score[other])
        self._keys, self._times = np.unique(
            _key(self._rows.probe, self._rows.reference, self.people), return_counts=True
        )
        self._ordered_index: tuple[Values, Values] | None = None

    @property
    def nonmated(self) -> int:
        """How many non-mated comparisons there are."""
        return len(self._rows.score)

    def blocks(self) -> Iterator[tuple[Block, ...]]:
        """One block: the table."""
        yield (self._rows,)

    def mated(self) -> Rows:
        """All mated comparisons."""
        return self._mated

    def times(self, one: People, other: People) -> npt.NDArray[np.int64]:
        """How often the pairs of people were compared, in either direction."""
        return _look_up(_key(one, other, self.people), self._keys, self._times)

    def times_ordered(self, probe: People, reference: People) -> npt.NDArray[np.int64]:
        """How often the pairs were compared with that probe and that reference."""
        return _look_up(probe.astype(np.int64) * self.people + reference, *self._ordered())

    def partners(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Distinct people each person was compared with, by their label: (people, labels)."""
        low, high = np.divmod(self._keys, self.people)
        return self._tally(low, label[high], labels) + self._tally(high, label[low], labels)

    def partners_ordered(
        self, label: People, labels: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The same for a person as probe (by label of the reference) and as reference."""
        probe, reference = np.divmod(self._ordered()[0], self.people)
        return (
            self._tally(probe, label[reference], labels),
            self._tally(reference, label[probe], labels),
        )

    def trials(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Non-mated comparisons by (label of the probe, label of the reference)."""
        probe, reference = label[self._rows.probe], label[self._rows.reference]
        known = (probe >= 0) & (reference >= 0)
        code = probe[known].astype(np.int64) * labels + reference[known]
        counts = np.bincount(code, minlength=labels * labels).reshape(labels, labels)
        return counts if self.ordered else counts + counts.T - np.diag(np.diagonal(counts))

    def _tally(self, person: Values, label: Values, labels: int) -> npt.NDArray[np.int64]:
        known = label >= 0
        code = person[known] * labels + label[known]
        size = self.people * labels
        return np.bincount(code, minlength=size).reshape(self.people, labels)

    def _ordered(self) -> tuple[Values, Values]:
        if self._ordered_index is None:
            key = self._rows.probe.astype(np.int64) * self.people + self._rows.reference
            self._ordered_index = np.unique(key, return_counts=True)
        return self._ordered_index

    def range(self) -> tuple[float, float]:
        """Lowest and highest score of the table."""
        parts = [part for part in (self._rows.score, self._mated.score) if len(part)]
        return min(float(p.min()) for p in parts), max(float(p.max()) for p in parts)


def _key(one: People, other: People, people: int) -> npt.NDArray[np.int64]:
    """One number for an unordered pair of people."""
    return np.minimum(one, other).astype(np.int64) * people + np.maximum(one, other)


def _look_up(key: Values, keys: Values, values: Values) -> npt.NDArray[np.int64]:
    if len(keys) == 0:
        return np.zeros(len(key), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where(keys[place] == key, values[place], 0)
