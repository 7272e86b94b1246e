"""Comparisons as a stream of blocks: the one thing a tally needs of scores.

A score table is one block. Templates are a stream of tiles made as they are read, so that ten
billion comparisons need no more memory than one tile. In either case all comparisons of one pair
of people are in one block: what is counted is people, and the mean over a pair's comparisons has
to be taken before anything is added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from countenance.core import ScoreUnit

People = npt.NDArray[np.int32]
Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Comparisons as three columns: person of the probe, of the reference, score ``s``."""

    probe: People
    reference: People
    score: Values

    def at_least(self, floor: float) -> Rows:
        """The comparisons with ``s >= floor``."""
        index = np.flatnonzero(self.score >= floor)
        return Rows(self.probe[index], self.reference[index], self.score[index])

    def within(self, label: People, group: int) -> Values:
        """Scores between two people who both have the label `group`, (k,)."""
        return np.asarray(
            self.score[(label[self.probe] == group) & (label[self.reference] == group)]
        )


@dataclass(frozen=True, slots=True)
class Dense:
    """Comparisons as a tile: people of its rows, people of its columns, scores (rows, columns).

    Every row is a different person from every column.
    """

    probe: People
    reference: People
    score: Values

    def at_least(self, floor: float) -> Rows:
        """The comparisons with ``s >= floor``."""
        index = np.flatnonzero(self.score >= floor)
        row, column = np.divmod(index, self.score.shape[1])
        return Rows(self.probe[row], self.reference[column], self.score.ravel()[index])

    def within(self, label: People, group: int) -> Values:
        """Scores between two people who both have the label `group`, (k,)."""
        rows = np.flatnonzero(label[self.probe] == group)
        columns = np.flatnonzero(label[self.reference] == group)
        if len(rows) == len(self.probe) and len(columns) == len(self.reference):
            return self.score.ravel()
        return self.score[np.ix_(rows, columns)].ravel()


Block = Rows | Dense


class Comparisons(Protocol):
    """What a tally reads. People are codes 0 to n - 1."""

    unit: ScoreUnit
    people: int
    ordered: bool

    @property
    def nonmated(self) -> int:
        """How many non-mated comparisons `blocks` yields in all."""

    def blocks(self) -> Iterator[tuple[Block, ...]]:
        """Non-mated comparisons; all those of one pair of people are in one tuple."""

    def mated(self) -> Rows:
        """All mated comparisons."""

    def times(self, one: People, other: People) -> npt.NDArray[np.int64]:
        """How often the pairs of people were compared, in either direction."""

    def times_ordered(self, probe: People, reference: People) -> npt.NDArray[np.int64]:
        """How often the pairs were compared with that probe and that reference."""

    def partners(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Distinct people each person was compared with, by their label: (people, labels).

        `label` is int32 (people,), -1 for people who are in no group.
        """

    def partners_ordered(
        self, label: People, labels: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The same for a person as probe (by label of the reference) and as reference."""

    def trials(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Non-mated comparisons by (label of the probe, label of the reference).

        Symmetric where comparisons have no order: each is seen from both sides.
        """

    def range(self) -> tuple[float, float]:
        """Bounds on all scores ``s``."""
