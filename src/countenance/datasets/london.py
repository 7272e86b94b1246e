"""The Face Research Lab London Set, as its author publishes it and as a 640-pixel rendition.

Original: ``neutral_front/001_03.jpg``, ``smiling_front/001_08.jpg`` and the labels in
``london_faces_info.csv`` (figshare) or ``london_info.csv`` (the author's R package).
Rendition: ``neutral/001.jpg``, ``smiling/001.jpg`` and ``manifest.csv``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from countenance.core import InputError, Note, sha256_file
from countenance.datasets import manifest
from countenance.datasets.assemble import Listing, Row
from countenance.datasets.card import CardFile, DatasetCard
from countenance.datasets.notes import make_note
from countenance.datasets.recorded_files import recorded
from countenance.datasets.table import read_table

ORIGINAL, RENDITION = "london-original", "london-640"
INFO_FILES = ("london_faces_info.csv", "london_info.csv")
FRONTS = {"neutral": ("neutral_front", "03"), "smiling": ("smiling_front", "08")}
_NOT_STATED = frozenset({"NA"})
# The two info files in circulation name the columns differently.
_LABELS = {"age": ("face_age",), "gender": ("face_gender", "face_sex"), "ethnicity": ("face_eth",)}


def card(version: str) -> DatasetCard:
    """The card of either edition."""
    return DatasetCard(
        name="Face Research Lab London Set",
        version=version,
        source="Lisa DeBruine and Benedict Jones, Face Research Lab: 102 adults photographed in "
        "London in April 2012, frontal, one neutral and one smiling image each",
        url="https://doi.org/10.6084/m9.figshare.5047666",
        licence="CC BY 4.0",
        consent="All signed consent for their images to be used in lab-based and web-based "
        "studies, in original or altered form, and to illustrate research",
        labels="self-reported",
        label_note="Age, gender and ethnicity as each person gave them; NA is not stated",
        sessions="one",
        citation="DeBruine, Lisa; Jones, Benedict (2017): Face Research Lab London Set. figshare. "
        "https://doi.org/10.6084/m9.figshare.5047666",
        warnings=(
            "Both images of a person were taken in one session: false non-match rates say "
            "nothing about real use.",
            "Groups are small (1 to 35 people for a gender and ethnicity): intervals are wide, "
            "and the set supports a demonstration, not a statement about a population.",
        ),
    )


VERSIONS = {
    ORIGINAL: "frontal images, 1350 pixels",
    RENDITION: "frontal images, 640-pixel rendition (Lanczos, JPEG quality 92)",
}


def detects(path: Path) -> bool:
    """The original's folders, or a manifest that is the rendition's to the byte."""
    if path.is_file():
        return path.name == manifest.MANIFEST and _is_rendition(path)
    return _is_original(path) or _is_rendition(path / manifest.MANIFEST)


def lists(path: Path) -> Listing:
    """Rows of either edition, neutral images first, with the set's card.

    Raises
    ------
    InputError
        It is neither edition.
    """
    if path.is_dir() and _is_original(path):
        return _original(path)
    if path.is_dir() and not (path / manifest.MANIFEST).is_file():
        raise InputError(
            "is not the London Set",
            where=str(path),
            expected="neutral_front/001_03.jpg and smiling_front/001_08.jpg, or manifest.csv",
        )
    listing = manifest.lists(path)
    known = recorded(RENDITION)
    notes = list(listing.notes)
    file = path / manifest.MANIFEST if path.is_dir() else path
    if not _is_rendition(file):
        notes.append(
            Note(
                code="not-as-recorded",
                count=1,
                text=f"{file.name} is not the London Set's manifest to the byte; "
                "it is read with the London Set's card because you named the layout.",
            )
        )
    rows = tuple(
        dataclasses.replace(r, sha256=known[r.name].sha256) if r.name in known else r
        for r in listing.rows
    )
    return dataclasses.replace(
        listing, rows=rows, notes=tuple(notes), defaults=_defaults(RENDITION)
    )


def _defaults(edition: str) -> CardFile:
    return CardFile(card(VERSIONS[edition]), not_stated=_NOT_STATED)


def _is_rendition(file: Path) -> bool:
    expected = recorded(RENDITION)[manifest.MANIFEST]
    return (
        file.is_file()
        and file.stat().st_size == expected.size_bytes
        and sha256_file(file) == expected.sha256
    )


def _is_original(folder: Path) -> bool:
    return any(next(_front(folder, expression), None) is not None for expression in FRONTS)


def _front(folder: Path, expression: str) -> Iterator[tuple[str, str]]:
    """(person, name) of one expression's images, sorted."""
    directory, pose = FRONTS[expression]
    if not (folder / directory).is_dir():
        return
    for file in sorted(p.name for p in (folder / directory).iterdir()):
        match = re.fullmatch(rf"(\d{{3}})_{pose}\.jpg", file)
        if match:
            yield match[1], f"{directory}/{file}"


def _original(folder: Path) -> Listing:
    """The original folders, with the labels of the info file when it is there."""
    info = next((folder / name for name in INFO_FILES if (folder / name).is_file()), None)
    labels: dict[str, dict[str, str]] = {}
    notes: list[Note] = []
    if info is None:
        notes.append(
            Note(
                code="no-labels",
                count=1,
                text=f"Neither {' nor '.join(INFO_FILES)} is beside the images: no labels.",
            )
        )
    else:
        table = read_table(info, needs=(("face_id",), *_LABELS.values()))
        notes += table.notes
        place = {name: table.columns.index(cols[0]) for name, cols in _LABELS.items()}
        at = table.columns.index("face_id")
        for cells in table.rows:
            person = cells[at].removeprefix("X").zfill(3)
            labels[person] = {name: cells[i] for name, i in place.items()}
    found = [
        (person, name, {"expression": expression, **labels.get(person, {})})
        for expression in FRONTS
        for person, name in _front(folder, expression)
    ]
    unlabelled = sorted({person for person, _, _ in found} - labels.keys())
    if labels and unlabelled:
        notes.append(
            make_note("unlabelled-person", unlabelled, "{people} not listed in the info file.")
        )
    return Listing(
        root=folder,
        rows=tuple(Row(i, name, who, values) for i, (who, name, values) in enumerate(found, 1)),
        attributes=("expression", *(_LABELS if labels else ())),
        numbered=False,
        notes=tuple(notes),
        defaults=_defaults(ORIGINAL),
    )
