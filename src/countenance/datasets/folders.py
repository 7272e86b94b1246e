"""The folder-per-person layout: ``root/PERSON/anything.jpg``, at any depth below the person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from countenance.core import InputError
from countenance.datasets.assemble import Listing, Row
from countenance.datasets.notes import list_places, make_note
from countenance.datasets.places import Folder

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


def detects(path: Path) -> bool:
    """A folder with at least one image in a folder below it."""
    return path.is_dir() and next(_images(path, linked=[]), None) is not None


def lists(path: Path) -> Listing:
    """One row an image, sorted by name; the first folder is the person."""
    if not path.is_dir():
        raise InputError(
            "is not a folder", where=str(path), expected="one folder of images for each person"
        )
    linked: list[str] = []
    names = sorted(_images(path, linked=linked), key=lambda name: name.split("/"))
    folder = Folder(path)
    outside = [name for name in linked if not folder.holds(path / name)]
    if outside:
        raise InputError(
            f"{len(outside):,} linked folder(s) lead out of the data set's folder: "
            f"{list_places(outside)}",
            where=str(path),
            expected="images in the folder itself",
        )
    notes = []
    if linked:
        notes.append(
            make_note("linked-folder", sorted(linked), "Folders that are links are not followed.")
        )
    stray = sorted(p.name for p in path.iterdir() if p.suffix.lower() in IMAGES and _shown(p.name))
    if stray:
        notes.append(
            make_note("stray-image", stray, "{images} in no person's folder {were} passed over.")
        )
    garbled = [ascii(name) for name in names if not _is_text(name)]
    if garbled:
        names = [name for name in names if _is_text(name)]
        notes.append(
            make_note(
                "name-not-text", garbled, "{images} whose name is not UTF-8 {were} passed over."
            )
        )
    rows = tuple(
        Row(place, name, name.split("/", 1)[0], {}) for place, name in enumerate(names, start=1)
    )
    return Listing(root=path, rows=rows, attributes=(), numbered=False, notes=tuple(notes))


def _images(root: Path, *, linked: list[str]) -> Iterator[str]:
    """Names of images in folders below `root`, as ``person/file.jpg``; links to folders aside."""
    for here, folders, files in os.walk(root):
        inside = "/".join(Path(here).relative_to(root).parts)
        for name in list(folders):
            if not _shown(name):
                folders.remove(name)
            elif (Path(here) / name).is_symlink():
                folders.remove(name)
                linked.append(f"{inside}/{name}".lstrip("/"))
        if inside:
            for name in files:
                if _shown(name) and _suffix(name) in IMAGES:
                    yield f"{inside}/{name}"


def _is_text(name: str) -> bool:
    """Whether a file's name can be written down: POSIX names are bytes, and need not be text."""
    return name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}"


def _shown(name: str) -> bool:
    """Not hidden, and not what an unpacked archive from a Mac leaves behind."""
    return not name.startswith(".") and name != "__MACOSX"
