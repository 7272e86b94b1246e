"""A data set in memory: labelled samples, and what may be said of the people in them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.core import InputError, Note, digest_json
from countenance.datasets.card import DatasetCard
from countenance.datasets.notes import list_places, make_note

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of one capture subject.

    Attributes
    ----------
    row
        Line in the manifest, as an editor shows it (the header is 1); the place in the sorted
        listing, from 1, where there is no manifest.
    name
        The path as written in the manifest, or relative to the folder.
    path
        Where the file is.
    subject
        The capture subject's id: text, never a number ("001" and "1" are two people).
    attributes
        Column to value; a value nobody stated is absent.
    sha256
        Of the file's bytes, once `hash_images` has run; None before, or if it cannot be read.
    stated_sha256
        What the manifest says it should be, if it says so.
    """

    row: int
    name: str
    path: Path
    subject: str
    attributes: Mapping[str, str]
    sha256: str | None = None
    stated_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples with their labels, the card that says where they come from, and the notes.

    Attributes
    ----------
    card
        Provenance; every field reads "not stated" where nobody stated it.
    root
        The folder that holds the images.
    samples
        In the order of the manifest, or sorted by name.
    attributes
        Names of the label columns.
    notes
        What was met in reading and gone on from: duplicates, missing files.
    layout
        Name of the layout it was read as.
    numbered
        Whether `Sample.row` is a line of a manifest.
    hashed
        Whether `hash_images` has run.
    """

    card: DatasetCard
    root: Path
    samples: tuple[Sample, ...]
    attributes: tuple[str, ...]
    notes: tuple[Note, ...]
    layout: str
    numbered: bool
    hashed: bool = False

    def place(self, sample: Sample) -> str:
        """Where a sample is, for a person: ``row 17: neutral/003.jpg``."""
        return f"row {sample.row}: {sample.name}" if self.numbered else sample.name

    @property
    def subjects(self) -> tuple[str, ...]:
        """Capture subjects, in order of first appearance."""
        return tuple(dict.fromkeys(s.subject for s in self.samples))

    @property
    def digest(self) -> str:
        """SHA-256 over name, subject, labels and image hash of every sample, sorted by name.

        It says which pictures with which labels, not in which order they were listed. Image
        hashes are part of it once `hash_images` has run.
        """
        rows = sorted(
            [s.name, s.subject, dict(sorted(s.attributes.items())), s.sha256] for s in self.samples
        )
        return digest_json(rows)

    def subject_attributes(self) -> tuple[str, ...]:
        """Attributes that belong to people, not to single images.

        An attribute belongs to people when it is the same in all images of a person, for more
        than half of the people who have it stated more than once. One contrary label among 100
        people is a contradiction to name, not a reason to call gender a property of an image.
        """
        return tuple(name for name in self.attributes if self._is_subject_level(name))

    def people(self) -> pl.DataFrame:
        """One row a subject: ``subject``, then each attribute that belongs to people (text).

        Null where nobody stated it, and where the images of one person contradict each other:
        which label is right is not for a program to choose (see `check_groups`).
        """
        import polars as pl

        names = self.subject_attributes()
        values = {name: self._values(name) for name in names}
        columns: dict[str, list[str | None]] = {"subject": list(self.subjects)}
        for name in names:
            stated = values[name]
            columns[name] = [
                next(iter(stated[who])) if len(stated.get(who, ())) == 1 else None
                for who in self.subjects
            ]
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    def check_groups(self, names: Iterable[str]) -> tuple[Note, ...]:
        """Whether people can be grouped by these attributes, and who cannot be placed.

        Returns
        -------
        Notes ``conflicting-label`` (a person's images carry different values: the person counts
        in the overall rates and in no group of this attribute), ``no-label`` and
        ``similar-values`` (spellings that differ only in capitals).

        Raises
        ------
        InputError
            No such attribute, nobody has a value, or it changes from image to image.
        """
        return tuple(note for name in names for note in self._check_group(name))

    def _check_group(self, name: str) -> Iterator[Note]:
        if name not in self.attributes:
            raise InputError(
                f"there is no attribute {name!r}",
                where=str(self.root),
                expected=f"one of: {', '.join(self.attributes) or 'none, the set has no labels'}",
            )
        stated = self._values(name)
        if not stated:
            raise InputError(f"nobody has a value of {name!r}", where=str(self.root))
        clashes = {who: found for who, found in stated.items() if len(found) > 1}
        places = [
            f"{who}: " + ", ".join(f"{value!r} in {self.place(s)}" for value, s in found.items())
            for who, found in clashes.items()
        ]
        if not self._is_subject_level(name):
            raise InputError(
                f"{name!r} changes from image to image of the same person, "
                f"for {len(clashes):,} people: {list_places(places)}",
                where=str(self.root),
                expected="an attribute of people",
                do=f"choose from: {', '.join(self.subject_attributes()) or 'none'}",
            )
        if places:
            yield make_note(
                "conflicting-label",
                places,
                f"{{people}} {{were}} given different values of {name!r} in different rows: "
                f"counted in the overall rates and in no group by {name!r}.",
            )
        blank = [who for who in self.subjects if who not in stated]
        if blank:
            yield make_note(
                "no-label",
                blank,
                f"{{people}} without a stated {name!r}: counted in the overall rates "
                f"and in no group by {name!r}.",
            )
        values = Counter(value for found in stated.values() for value in found)
        same: dict[str, list[str]] = {}
        for value in values:
            same.setdefault(value.casefold(), []).append(value)
        twins = [" / ".join(map(repr, group)) for group in same.values() if len(group) > 1]
        if twins:
            yield make_note(
                "similar-values",
                twins,
                f"Values of {name!r} that differ only in capitals are taken as different groups.",
            )

    def _values(self, name: str) -> dict[str, dict[str, Sample]]:
        """Subject to each value stated of them, with the first sample that states it."""
        found: dict[str, dict[str, Sample]] = {}
        for sample in self.samples:
            value = sample.attributes.get(name)
            if value is not None:
                found.setdefault(sample.subject, {}).setdefault(value, sample)
        return found

    def _is_subject_level(self, name: str) -> bool:
        times = Counter(s.subject for s in self.samples if name in s.attributes)
        several = [who for who, n in times.items() if n > 1]
        stated = self._values(name)
        vary = sum(len(stated[who]) > 1 for who in several)
        return vary == 0 or 2 * vary < len(several)

    def with_samples(self, samples: Iterable[Sample], notes: Iterable[Note]) -> Dataset:
        """The same set with other samples, and more notes after those it has.

        Raises
        ------
        InputError
            No sample is left.
        """
        kept = tuple(samples)
        added = (*self.notes, *notes)
        if not kept:
            raise no_usable_image(self.root, added)
        return dataclasses.replace(self, samples=kept, notes=added)


def no_usable_image(root: Path, notes: Iterable[Note]) -> InputError:
    """The error of a data set of which nothing is left, with the reasons why."""
    why = " ".join(
        f"{note.text} ({'; '.join(note.where)})" if note.where else note.text for note in notes
    )
    return InputError(
        "no usable image is left", where=str(root), expected="at least one", do=why or None
    )
