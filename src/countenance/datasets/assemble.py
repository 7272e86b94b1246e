"""From the rows a layout lists to a data set whose files are there.

Every layout goes through here, so the same troubles have the same answers whatever the folder
looks like. What can be passed over is passed over, counted and named; a path that leaves the
folder, or a set of which nothing is left, stops the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from countenance.core import InputError, Note
from countenance.datasets.card import CardFile, DatasetCard
from countenance.datasets.dataset import Dataset, Sample, no_usable_image
from countenance.datasets.notes import list_places, make_note
from countenance.datasets.places import Folder, Place

_LOOKS_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "unknown", "?", "-"})


@dataclass(frozen=True, slots=True)
class Row:
    """One image as a layout lists it, before anybody looked whether the file is there."""

    row: int
    name: str
    subject: str
    attributes: Mapping[str, str]
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a layout found.

    Attributes
    ----------
    root
        The folder that paths start from, and may not leave.
    rows
        In the order to keep.
    attributes
        Names of the label columns.
    numbered
        Whether `Row.row` is a line of a manifest.
    notes
        What the layout met.
    defaults
        Card and vocabulary of a set that is known by its layout.
    """

    root: Path
    rows: tuple[Row, ...]
    attributes: tuple[str, ...]
    numbered: bool
    notes: tuple[Note, ...] = ()
    defaults: CardFile = field(default_factory=lambda: CardFile(DatasetCard()))


def assemble(listing: Listing, *, layout: str, title: str, own: CardFile | None) -> Dataset:
    """Look at every file, and make the data set of those that are there.

    `own` is the folder's ``dataset.toml``; it goes before what the layout knows.

    Raises
    ------
    InputError
        A path leaves the folder, or no image is left.
    """
    settings = own.over(listing.defaults) if own else listing.defaults
    folder = Folder(listing.root)
    kept: list[Sample] = []
    seen: dict[Path, Sample] = {}
    troubles: dict[str, list[str]] = {}
    contested: set[Path] = set()
    odd: dict[tuple[str, str], int] = {}
    for row in listing.rows:
        where = f"row {row.row}: {row.name}" if listing.numbered else row.name
        trouble = _passed_over(row, settings)
        if trouble is None:
            path, place = folder.find(row.name)
            trouble = {Place.FILE: None}.get(place, place.name.lower())
        if trouble is not None:
            troubles.setdefault(trouble, []).append(where or f"row {row.row}")
            continue
        first = seen.get(path)
        if first is not None:
            if first.subject != row.subject:
                contested.add(path)
                troubles.setdefault("contested", []).append(
                    f"row {first.row} ({first.subject}) and row {row.row} ({row.subject}): "
                    f"{row.name}"
                )
            else:
                troubles.setdefault("twice", []).append(where)
            continue
        stated = {k: v for k, v in row.attributes.items() if v and v not in settings.not_stated}
        for key, value in stated.items():
            if value.casefold() in _LOOKS_MISSING:
                odd[key, value] = odd.get((key, value), 0) + 1
        seen[path] = Sample(row.row, row.name, path, row.subject, stated, stated_sha256=row.sha256)
        kept.append(seen[path])
    if "outside" in troubles:
        raise InputError(
            f"{len(troubles['outside']):,} path(s) lead out of the data set's folder: "
            f"{list_places(troubles['outside'])}",
            where=str(folder.root),
            expected="paths relative to this folder, without .. and without links that leave it",
        )
    kept = [sample for sample in kept if sample.path not in contested]
    notes = [
        Note(
            code="layout",
            count=len(kept),
            text=f"Read as {title}: {len({s.subject for s in kept}):,} people, "
            f"{len(kept):,} images.",
        ),
        *listing.notes,
        *(make_note(_CODES[key], troubles[key], _TEXTS[key]) for key in _TEXTS if key in troubles),
        *_vocabulary(odd),
        *_similar_subjects(kept),
        *settings.card.notes(),
    ]
    if not kept:
        raise no_usable_image(folder.root, notes[1:])
    return Dataset(
        card=settings.card,
        root=folder.root,
        samples=tuple(kept),
        attributes=listing.attributes,
        notes=tuple(notes),
        layout=layout,
        numbered=listing.numbered,
    )


_CODES = {
    "withdrawn": "withdrawn-person",
    "no-path": "row-without-path",
    "no-subject": "row-without-subject",
    "missing": "missing-file",
    "not_a_file": "not-a-file",
    "twice": "duplicate-row",
    "contested": "image-of-two-people",
}
_TEXTS = {
    "withdrawn": "{rows} of people who withdrew {were} passed over.",
    "no-path": "{rows} without a path {were} passed over.",
    "no-subject": "{rows} without a subject {were} passed over.",
    "missing": "{images} named in the manifest {are} not there; not counted as attempted.",
    "not_a_file": "{rows} naming a folder, pipe or device {were} passed over.",
    "twice": "{rows} naming an image already listed {were} passed over.",
    "contested": "{images} listed under two people: left out altogether, "
    "because one of the two labels is wrong and nothing here says which.",
}


def _passed_over(row: Row, settings: CardFile) -> str | None:
    """Why a row is passed over without a look at the disk, if it is."""
    if not row.name:
        return "no-path"
    if not row.subject:
        return "no-subject"
    return "withdrawn" if row.subject in settings.withdrawn else None


def _vocabulary(odd: Mapping[tuple[str, str], int]) -> Iterable[Note]:
    """A note for values that look like "no answer" but were kept as labels."""
    if odd:
        places = [f"{key}: {value!r}, rows: {n:,}" for (key, value), n in odd.items()]
        yield make_note(
            "looks-not-stated",
            places,
            "Values that look like no answer are kept as labels; to leave them out write "
            f"not_stated = {sorted({value for _, value in odd})} in dataset.toml.",
        )


def _similar_subjects(samples: Iterable[Sample]) -> Iterable[Note]:
    """A note for ids that differ only in capitals or leading zeros: perhaps one person."""
    groups: dict[str, dict[str, None]] = {}
    for sample in samples:
        key = sample.subject.casefold().lstrip("0")
        groups.setdefault(key, {}).setdefault(sample.subject)
    twins = [" / ".join(map(repr, ids)) for ids in groups.values() if len(ids) > 1]
    if twins:
        yield make_note(
            "similar-subjects",
            twins,
            "Subject ids that differ only in capitals or leading zeros are taken as different "
            "people; if they are one person, the non-mated comparisons between them are wrong.",
        )
