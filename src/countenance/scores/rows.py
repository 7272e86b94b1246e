"""Rows of a table to codes and numbers, and what is wrong with them, by row number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, Note, ScoreUnit

if TYPE_CHECKING:
    import polars as pl

SHOWN = 5
_IDS = ("probe", "reference", "probe_subject", "reference_subject")

Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Marked:
    """Rows that have something in common: how many, and the first few of them."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, rows: npt.NDArray[Any], offset: int = 0) -> None:
        """Note more rows, given by index and in rising order."""
        self.count += len(rows)
        self.first += [int(row) + offset for row in rows[: SHOWN - len(self.first)]]

    def __str__(self) -> str:
        """For a person, counted from one: ``rows 3, 17 and 2 more``."""
        shown = ", ".join(str(row + 1) for row in self.first)
        more = f" and {self.count - SHOWN} more" if self.count > SHOWN else ""
        return f"row{'s' if self.count > 1 else ''} {shown}{more}"


def marked(rows: npt.NDArray[Any]) -> Marked:
    """The rows at an index, which is sorted here."""
    found = Marked()
    found.add(np.sort(rows))
    return found


class Column:
    """An array that grows a batch at a time without a second copy of it at the end."""

    def __init__(self, dtype: type) -> None:
        self._values: npt.NDArray[Any] = np.empty(0, dtype)
        self._size = 0

    def add(self, part: npt.NDArray[Any]) -> None:
        """Append."""
        size = self._size + len(part)
        if size > len(self._values):
            self._values.resize(size + size // 8, refcheck=False)
        self._values[self._size : size] = part
        self._size = size

    def close(self) -> npt.NDArray[Any]:
        """The whole array; nothing may be added after."""
        self._values.resize(self._size, refcheck=False)
        return self._values


class _Names:
    """Text to codes in the order of first appearance, and to codes in sorted order at the end."""

    def __init__(self) -> None:
        import polars as pl

        self._kind = pl.Categorical(pl.Categories.random())  # ours alone
        # codes are given out anew as soon as no series holds them, so one is kept
        self._holder = pl.Series([], dtype=self._kind)
        self.known: list[str] = []

    def code(self, column: pl.Series) -> npt.NDArray[np.uint32]:
        """Codes of one column of a batch; what is null has some code too."""
        codes: npt.NDArray[np.uint32] = (
            column.cast(self._kind).to_physical().fill_null(0).to_numpy()
        )
        new = np.flatnonzero(codes >= len(self.known))
        if len(new):
            fresh, first = np.unique(codes[new], return_index=True)
            self.known += [""] * (int(fresh[-1]) + 1 - len(self.known))
            for place, name in zip(fresh, column[new[first].tolist()], strict=True):
                self.known[place] = name or ""
        return codes

    def ranked(self) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
        """The names in order, and for each code so far its place among them."""
        order = sorted(range(len(self.known)), key=self.known.__getitem__)
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return tuple(self.known[at] for at in order), rank


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """All rows as codes and numbers; codes are in sorted order of the names.

    Row order therefore changes no code. `probe` and `reference` index `samples`; where `missing`
    the comparison failed and `score` means nothing.
    """

    samples: tuple[str, ...]
    subjects: tuple[str, ...]
    sample_subject: npt.NDArray[np.int32]
    probe: npt.NDArray[np.int32]
    reference: npt.NDArray[np.int32]
    score: npt.NDArray[Any]
    missing: Mask
    inline: dict[str, set[tuple[str, str]]]


class Coder:
    """Takes a table batch by batch; says what is wrong with all of it at the end."""

    def __init__(self, unit: ScoreUnit, inline: Iterable[str], where: str) -> None:
        self._where = where
        self._images, self._persons = _Names(), _Names()
        self._owner = np.empty(0, np.int64)
        self._torn: set[tuple[int, int]] = set()  # images seen with a second person
        self._probe, self._reference = Column(np.int32), Column(np.int32)
        self._numbers = _Numbers(unit, where)
        self._inline: dict[str, set[tuple[str, str]]] = {name: set() for name in inline}
        self._absent = {name: Marked() for name in _IDS}
        self.rows = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Take the next rows: the columns of `_IDS` as text, `score`, and inline attributes."""
        for name in _IDS:
            bad = batch[name].is_null() | (batch[name] == "")
            if bad.any():
                self._absent[name].add(np.flatnonzero(bad.to_numpy()), self.rows)
        for sample, subject, column in (
            ("probe", "probe_subject", self._probe),
            ("reference", "reference_subject", self._reference),
        ):
            codes = self._images.code(batch[sample])
            self._owned(codes, self._persons.code(batch[subject]))
            column.add(codes)
        self._numbers.add(batch["score"], self.rows)
        for name, seen in self._inline.items():
            for side in ("probe", "reference"):
                pairs = batch.select(f"{side}_subject", f"{side}_{name}").drop_nulls().unique()
                seen.update(pairs.iter_rows())
        self.rows += batch.height

    def close(self) -> Coded:
        """The whole table.

        Raises
        ------
        InputError
            The first of: no rows, missing identifiers, an image of two people, bad scores.
        """
        if self.rows == 0:
            raise InputError("the table has no rows", where=self._where)
        for name, rows in self._absent.items():
            if rows.count:
                raise InputError(
                    f"{rows.count} rows have no {name}",
                    where=f"{self._where}, {rows}",
                    expected="an identifier in every row",
                )
        if self._torn:
            self._refuse_torn()
        score, missing = self._numbers.close()
        samples, image = self._images.ranked()
        subjects, person = self._persons.ranked()
        sample_subject = np.empty(len(samples), np.int32)
        sample_subject[image] = person[self._owner[: len(samples)]]
        probe, reference = self._probe.close(), self._reference.close()
        for codes in (probe, reference):
            for start in range(0, len(codes), _STEP):
                part = codes[start : start + _STEP]
                part[:] = image[part]
        return Coded(
            samples, subjects, sample_subject, probe, reference, score, missing, self._inline
        )

    def _owned(self, images: Any, persons: Any) -> None:
        """Note whose the images are, and which were somebody else's before."""
        size = len(self._images.known)
        if size > len(self._owner):
            grown = np.full(size + size // 2, -1, np.int64)
            grown[: len(self._owner)] = self._owner
            self._owner = grown
        new = np.flatnonzero(self._owner[images] < 0)
        self._owner[images[new]] = persons[new]
        torn = np.flatnonzero(self._owner[images] != persons)
        if len(torn):
            self._torn.update(zip(images[torn].tolist(), persons[torn].tolist(), strict=True))

    def _refuse_torn(self) -> None:
        name, person = self._images.known, self._persons.known
        first = min({image for image, _ in self._torn}, key=name.__getitem__)
        owners = {person[p] for image, p in self._torn if image == first}
        shown = sorted(owners | {person[self._owner[first]]})
        raise InputError(
            f"image {name[first]!r} belongs to {len(shown)} people: {', '.join(shown[:SHOWN])}",
            where=self._where,
            expected="each image to be of one person",
            do="give images names that are unique over the whole table",
        )


_STEP = 1 << 20


class _Numbers:
    """The score column: numbers, or text that holds numbers, or nothing."""

    def __init__(self, unit: ScoreUnit, where: str) -> None:
        self._unit, self._where = unit, where
        self._values = Column(np.int32 if unit.exact else np.float64)
        self._missing = Column(np.bool_)
        self._no_number, self._not_finite, self._not_whole = Marked(), Marked(), Marked()
        self._text = ""
        self._type = ""

    def add(self, column: pl.Series, offset: int) -> None:
        import polars as pl

        if column.dtype == pl.String:
            text = column.str.strip_chars()
            number = text.cast(pl.Float64, strict=False)
            bad = number.is_null() & text.is_not_null() & (text != "")
            if bad.any():
                at = np.flatnonzero(bad.to_numpy())
                self._text = self._text or str(text[int(at[0])])
                self._no_number.add(at, offset)
            column = number
        elif not column.dtype.is_numeric():
            self._type = str(column.dtype)
            return
        self._missing.add(column.is_null().to_numpy())
        values = column.fill_null(0).to_numpy()
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                self._not_finite.add(np.flatnonzero(~finite), offset)
                values = np.where(finite, values, 0)
        if self._unit.exact:
            whole = (values == np.floor(values)) & (np.abs(values) < 2.0**31)
            if not whole.all():
                self._not_whole.add(np.flatnonzero(~whole), offset)
                values = np.where(whole, values, 0)
        self._values.add(values)

    def close(self) -> tuple[npt.NDArray[Any], Mask]:
        """Scores (m,) and which are missing (m,)."""
        where = self._where
        if self._type:
            raise InputError(f"scores are {self._type}", where=where, expected="numbers")
        if self._no_number.count:
            raise InputError(
                f"{self._text!r} is not a number",
                where=f"{where}, {self._no_number}, column score",
                expected="a number, or nothing where the comparison failed",
            )
        if self._not_finite.count:
            raise InputError(
                f"{self._not_finite.count} scores are NaN or infinite",
                where=f"{where}, {self._not_finite}, column score",
                expected="finite numbers; a comparison that failed has an empty score",
                do="leave those scores empty and say how failures count: "
                "--failures positive|negative",
            )
        if self._not_whole.count:
            raise InputError(
                "scores are not integers",
                where=f"{where}, {self._not_whole}, column score",
                expected=f"exact {self._unit.name}",
            )
        return self._values.close(), self._missing.close()


def kept_rows(coded: Coded, notes: list[Note], where: str) -> Mask:
    """Bool (m,): rows to keep; refuses one comparison with two different scores."""
    keep: Mask = np.not_equal(coded.probe, coded.reference)
    itself = np.flatnonzero(~keep)
    if len(itself):
        notes.append(
            Note(
                "self-comparison",
                len(itself),
                "comparisons of an image with itself were left out: they say nothing",
                (str(marked(itself)),),
            )
        )
    if not _any_twice(coded):
        return keep
    score, missing = coded.score, coded.missing
    key = _pair_key(coded)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    before, after = order[:-1][same], order[1:][same]
    differ = (score[before] != score[after]) | (missing[before] != missing[after])
    if differ.any():
        raise InputError(
            f"{int(differ.sum())} comparisons appear more than once with different scores",
            where=f"{where}, {marked(np.union1d(before[differ], after[differ]))}",
            expected="one score for each probe and reference",
            do="remove the wrong ones, or name images so that repeated captures differ",
        )
    notes.append(
        Note(
            "duplicate-comparison",
            len(after),
            "comparisons listed more than once with the same score were counted once",
            (str(marked(after)),),
        )
    )
    keep[after] = False
    return keep


def _pair_key(coded: Coded) -> npt.NDArray[np.int64]:
    """One number for an ordered pair of images."""
    key: npt.NDArray[np.int64] = coded.probe.astype(np.int64)
    key *= len(coded.samples)
    key += coded.reference
    return key


def _any_twice(coded: Coded) -> bool:
    """Whether any ordered pair of images appears twice, in the memory of one sorted key."""
    key = _pair_key(coded)
    key.sort()
    one, next_one = key[:-1], key[1:]
    return any(
        bool((one[at : at + _STEP] == next_one[at : at + _STEP]).any())
        for at in range(0, len(one), _STEP)
    )


def refuse_constant(values: Any, column: str, where: str) -> None:
    """A column whose numbers are all the same holds something else than scores."""
    if len(values) > 1 and values.min() == values.max():
        raise InputError(
            f"every score is {float(values[0]):g}",
            where=f"{where}, column {column}",
            expected="comparison scores that differ",
            do="name the right column: --columns score=NAME",
        )
