"""Comparisons of templates, made tile by tile and never kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from countenance.scores.comparisons import (
    Block,
    Dense,
    Design,
    Labels,
    People,
    Result,
    Rows,
    Times,
    Values,
    in_order,
)
from countenance.scores.exact import ExactTemplates

#: Scores in one tile: 4 MiB of float32, near any processor, large beside its overheads.
TILE = 1 << 20

_Range = tuple[int, int]


class TemplateComparisons:
    """Comparisons of templates, made tile by tile.

    Parameters
    ----------
    templates
        All of them.
    subject
        int32 (templates,): whose they are, codes 0 to people - 1.
    probes, references
        bool (templates,): which take part as what. Give neither to compare every pair of
        images once.
    """

    def __init__(
        self,
        templates: ExactTemplates,
        subject: People,
        people: int,
        *,
        probes: npt.NDArray[np.bool_] | None = None,
        references: npt.NDArray[np.bool_] | None = None,
        tile: int = TILE,
    ) -> None:
        self.unit = templates.unit
        self.people = people
        self.ordered = probes is not None
        self._tile = tile
        self._mated: Rows | None = None
        everything = np.ones(len(templates), dtype=bool)
        self._probe = _Side(templates, subject, everything if probes is None else probes, people)
        self._reference = (
            self._probe if references is None else _Side(templates, subject, references, people)
        )

    @property
    def nonmated(self) -> int:
        """How many non-mated comparisons `blocks` yields in all."""
        p, r = self._probe.images, self._reference.images
        every = int(p.sum()) * int(r.sum()) - int((p * r).sum())
        return every if self.ordered else every // 2

    def blocks(self) -> Iterator[tuple[Block, ...]]:
        """Tiles of two ranges of people: both directions of each pair are in one tuple."""
        with _one_blas_thread():
            yield from map(self._block, self._jobs())

    def over(self, work: Callable[[tuple[Block, ...]], Result]) -> Iterator[Result]:
        """What `work` makes of each block, in order."""
        with _one_blas_thread():
            yield from in_order(lambda job: work(self._block(job)), self._jobs())

    def _jobs(self) -> Iterator[tuple[_Range, _Range]]:
        ranges = self._ranges()
        return ((one, other) for a, one in enumerate(ranges) for other in ranges[a:])

    def _block(self, job: tuple[_Range, _Range]) -> tuple[Block, ...]:
        one, other = job
        if one == other:
            return tuple(self._diagonal(*one))
        block = [self._dense(*one, *other)]
        if self.ordered:
            block.append(self._dense(*other, *one))
        return tuple(tile for tile in block if tile.score.size)

    def mated(self) -> Rows:
        """All mated comparisons, person by person."""
        if self._mated is None:
            self._mated = self._all_mated()
        return self._mated

    def _all_mated(self) -> Rows:
        people: list[Values] = []
        scores: list[Values] = []
        for person in range(self.people):
            p, r = self._probe.span(person, person + 1), self._reference.span(person, person + 1)
            tile = self._probe.templates.tile(p, self._reference.templates, r)
            # an image is never compared with itself, nor twice where there is no order
            one, two = self._probe.image[p, None], self._reference.image[None, r]
            picked = tile[one != two if self.ordered else one < two]
            people.append(np.full(picked.size, person, np.int32))
            scores.append(picked.astype(np.int32))
        who = np.concatenate(people) if people else np.empty(0, np.int32)
        return Rows(who, who, np.concatenate(scores) if scores else np.empty(0, np.int32))

    def times(self, rows: Rows) -> Times:
        """How often the pairs of some rows were compared: a product of numbers of images."""
        p, r = self._probe.images, self._reference.images
        ordered = p[rows.probe] * r[rows.reference]
        if not self.ordered:
            return Times(ordered, ordered)
        return Times(ordered + p[rows.reference] * r[rows.probe], ordered)

    def design(self, groupings: Sequence[Labels], *, cross: bool) -> list[Design]:
        """Who was compared with whom, from the numbers of images alone."""
        out = []
        for labels in groupings:
            met = self._partners(labels.of, labels.count)
            own = np.take_along_axis(met, np.maximum(labels.of, 0)[:, None].astype(np.intp), 1)
            as_probe = as_reference = met if cross else None
            if cross and self.ordered:
                as_probe, as_reference = self._partners_ordered(labels.of, labels.count)
            out.append(
                Design(
                    trials=self._trials(labels.of, labels.count),
                    degree=np.where(labels.of >= 0, own[:, 0], 0),
                    as_probe=as_probe,
                    as_reference=as_reference,
                )
            )
        return out

    def _partners(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Distinct people each person was compared with, by their label: (people, labels)."""
        has_probe, has_reference = self._probe.images > 0, self._reference.images > 0
        probes = _by_label(has_probe, label, labels)
        references = _by_label(has_reference, label, labels)
        both = _by_label(has_probe & has_reference, label, labels)
        # partners met as reference, as probe, and those met both ways counted once
        met = np.outer(has_probe, references) + np.outer(has_reference, probes)
        met -= np.outer(has_probe & has_reference, both)
        return self._without_self(met, has_probe & has_reference, label)

    def _partners_ordered(
        self, label: People, labels: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The same for a person as probe (by label of the reference) and as reference."""
        has_probe, has_reference = self._probe.images > 0, self._reference.images > 0
        itself = has_probe & has_reference
        as_probe = np.outer(has_probe, _by_label(has_reference, label, labels))
        as_reference = np.outer(has_reference, _by_label(has_probe, label, labels))
        return (
            self._without_self(as_probe, itself, label),
            self._without_self(as_reference, itself, label),
        )

    def _trials(self, label: People, labels: int) -> npt.NDArray[np.int64]:
        """Non-mated comparisons by (label of the probe, label of the reference)."""
        p, r = self._probe.images, self._reference.images
        every = np.outer(_by_label(p, label, labels), _by_label(r, label, labels))
        every[np.diag_indices(labels)] -= _by_label(p * r, label, labels)
        if not self.ordered:
            every[np.diag_indices(labels)] //= 2
        return every

    @staticmethod
    def _without_self(
        met: npt.NDArray[np.int64], itself: npt.NDArray[np.bool_], label: People
    ) -> npt.NDArray[np.int64]:
        person = np.flatnonzero(itself & (label >= 0))
        met[person, label[person]] -= 1
        return met

    def range(self) -> tuple[float, float]:
        """Bounds from the lengths of the templates (Cauchy-Schwarz), a power of two apart.

        Bins of such a range are found by shifting integers.
        """
        longest = max(self._probe.longest, self._reference.longest)
        bound = float(1 << longest.bit_length())
        return (-bound, bound) if self.unit.kind == "cosine" else (-4.0 * bound, 0.0)

    def images(self, rows: Rows, names: Sequence[str]) -> list[tuple[str, str]]:
        """Names of the images of given comparisons, found again by their scores."""
        found = []
        for person, partner, score in zip(rows.probe, rows.reference, rows.score, strict=True):
            p, r = (
                side.span(int(who), int(who) + 1)
                for side, who in ((self._probe, person), (self._reference, partner))
            )
            tile = self._probe.templates.tile(p, self._reference.templates, r)
            row, column = np.argwhere(tile == score)[0]
            one, two = self._probe.image[p][row], self._reference.image[r][column]
            found.append((names[one], names[two]))
        return found

    def _ranges(self) -> list[tuple[int, int]]:
        """Consecutive ranges of people whose images fit half a tile's side each way."""
        side = int(self._tile**0.5)
        images = np.maximum(self._probe.images, self._reference.images)
        ranges, start, held = [], 0, 0
        for person in range(self.people):
            if held and held + int(images[person]) > side:
                ranges.append((start, person))
                start, held = person, 0
            held += int(images[person])
        if start < self.people:
            ranges.append((start, self.people))
        return ranges

    def _dense(self, start: int, stop: int, other_start: int, other_stop: int) -> Dense:
        rows = self._probe.span(start, stop)
        columns = self._reference.span(other_start, other_stop)
        return Dense(
            self._probe.subject[rows],
            self._reference.subject[columns],
            self._probe.templates.tile(rows, self._reference.templates, columns),
        )

    def _diagonal(self, start: int, stop: int) -> Iterator[Rows]:
        tile = self._dense(start, stop, start, stop)
        different = tile.probe[:, None] != tile.reference[None, :]
        if not self.ordered:
            different &= tile.probe[:, None] < tile.reference[None, :]
        row, column = np.nonzero(different)
        if len(row):
            yield Rows(tile.probe[row], tile.reference[column], tile.score[row, column])


class _Side:
    """Templates of one role, grouped by person so that a range of people is a slice."""

    def __init__(
        self, templates: ExactTemplates, subject: People, mask: npt.NDArray[np.bool_], people: int
    ) -> None:
        chosen = np.flatnonzero(mask)
        order = chosen[np.argsort(subject[chosen], kind="stable")]
        in_place = np.array_equal(order, np.arange(len(templates)))
        self.templates = templates if in_place else templates.take(order)
        self.image = order
        self.subject = subject[order]
        self.images = np.bincount(self.subject, minlength=people)
        self._start = np.concatenate([[0], np.cumsum(self.images)])
        squares = self.templates.squares
        self.longest = int(squares.max()) if len(squares) else 0

    def span(self, start: int, stop: int) -> slice:
        return slice(int(self._start[start]), int(self._start[stop]))


def _one_blas_thread() -> contextlib.AbstractContextManager[object]:
    """One thread a matrix product, where that can be asked for.

    Tiles are made in threads of our own. Threads of the BLAS below them would only wait for each
    other: on a busy machine that made tiles five to twenty times slower.
    """
    from threadpoolctl import threadpool_limits

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _by_label(amount: Values, label: People, labels: int) -> npt.NDArray[np.int64]:
    """Sum of `amount` over the people of each label, int64 (labels,)."""
    out = np.zeros(labels, dtype=np.int64)
    known = label >= 0
    np.add.at(out, label[known], amount[known].astype(np.int64))
    return out
