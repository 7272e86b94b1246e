"""Comparisons as a stream of blocks: the one thing a tally needs of scores.

A score table is cut into blocks of a million rows. Templates are a stream of tiles made as they
are read. Either way ten billion comparisons need no more memory than one block, and all
comparisons of one pair of people are in one block: what is counted is people, and the mean over a
pair's comparisons has to be taken before anything is added up.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from countenance.core import ScoreUnit, processors

People = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """One grouping of people: `of` is int32 (people,), -1 for nobody's group."""

    of: People
    count: int


@dataclass(frozen=True, slots=True)
class Times:
    """How often each row's pair of people was compared, int64 (rows,).

    `both` in either direction, `ordered` with this probe and this reference; the same array where
    comparisons have no order.
    """

    both: Ints
    ordered: Ints

    def take(self, index: Ints) -> Times:
        """The same for some of the rows."""
        both = self.both[index]
        return Times(both, both if self.ordered is self.both else self.ordered[index])


@dataclass(frozen=True, slots=True)
class Rows:
    """Comparisons as three columns: person of the probe, of the reference, score ``s``.

    `times` where whoever made the rows knows it; such rows come alone in their block.
    """

    probe: People
    reference: People
    score: Values
    times: Times | None = None

    def at_least(self, floor: float) -> Rows:
        """The comparisons with ``s >= floor``."""
        index = np.flatnonzero(self.score >= floor)
        return Rows(
            self.probe[index],
            self.reference[index],
            self.score[index],
            None if self.times is None else self.times.take(index),
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
        row = index // self.score.shape[1]
        column = index - row * self.score.shape[1]
        return Rows(self.probe[row], self.reference[column], self.score.ravel()[index])


Block = Rows | Dense


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Who was compared with whom, by the labels of one grouping of n people in L groups.

    Attributes
    ----------
    trials
        int64 (L, L): non-mated comparisons by (label of the probe, label of the reference).
        Symmetric where comparisons have no order: each is seen from both sides.
    degree
        int64 (n,): distinct people of a person's own label that the person was compared with;
        0 for people who are in no group.
    as_probe, as_reference
        int64 (n, L): distinct people a person was compared with as probe, by label of the
        reference, and as reference. Equal where comparisons have no order. None where not asked.
    """

    trials: Ints
    degree: Ints
    as_probe: Ints | None
    as_reference: Ints | None


Result = TypeVar("Result")
Job = TypeVar("Job")


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

    def over(self, work: Callable[[tuple[Block, ...]], Result]) -> Iterator[Result]:
        """What `work` makes of each block, in the order of `blocks`.

        `work` runs in several threads: it must not write to anything that blocks share, nor keep
        a block. Whoever adds results up in the order they come gets the same bits from any number
        of threads.
        """

    def mated(self) -> Rows:
        """All mated comparisons."""

    def times(self, rows: Rows) -> Times:
        """How often the pairs of some rows were compared; the rows come from `blocks`."""

    def design(self, groupings: Sequence[Labels], *, cross: bool) -> list[Design]:
        """Who was compared with whom, for each grouping."""

    def range(self) -> tuple[float, float]:
        """Bounds on all scores ``s``."""


#: Threads that work on blocks, at most: NumPy lets several run, and memory grows with each.
THREADS = 2


def in_order(
    work: Callable[[Job], Result], jobs: Iterable[Job], *, threads: int | None = None
) -> Iterator[Result]:
    """Results of `work` in the order of `jobs`, few of them begun at any time."""
    if threads is None:
        threads = min(THREADS, processors())
    if threads == 1:
        yield from map(work, jobs)
        return
    left = iter(jobs)
    running: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in itertools.islice(left, threads + 1):
                running.append(pool.submit(work, job))
            while running:
                yield running.popleft().result()
                for job in itertools.islice(left, 1):
                    running.append(pool.submit(work, job))
        finally:
            for future in running:
                future.cancel()
