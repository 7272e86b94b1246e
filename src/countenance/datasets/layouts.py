"""The layouts a folder can have, in one table.

To add one, write a module with a function that says whether a folder has the layout and one that
lists its rows, and add a line to `LAYOUTS`; files, duplicates and labels are looked after for you.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from countenance.core import InputError
from countenance.datasets import folders, london, manifest
from countenance.datasets.assemble import Listing, assemble
from countenance.datasets.card import read_card
from countenance.datasets.dataset import Dataset
from countenance.datasets.people import read_people


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay out images and labels.

    Attributes
    ----------
    name
        For ``--layout``.
    title
        For the sentence "Read as ...".
    detects
        Whether a path (a folder or a file) has this layout; looks at names, reads little.
    lists
        The rows; may raise `InputError`.
    """

    name: str
    title: str
    detects: Callable[[Path], bool]
    lists: Callable[[Path], Listing]


LAYOUTS: tuple[Layout, ...] = (
    Layout("london", "the Face Research Lab London Set", london.detects, london.lists),
    Layout("manifest", "a CSV manifest", manifest.detects, manifest.lists),
    Layout("folders", "one folder for each person", folders.detects, folders.lists),
)


def layout_names() -> tuple[str, ...]:
    """Names for ``--layout``, in the order they are tried."""
    return tuple(layout.name for layout in LAYOUTS)


def read_dataset(
    path: Path | str, *, layout: str | None = None, attributes: Path | str | None = None
) -> Dataset:
    """Read a folder of faces, or the manifest that lists them.

    Parameters
    ----------
    path
        A folder with ``manifest.csv``, a manifest itself, a folder of folders (one per person), or
        the London Set.
    layout
        One of `layout_names`; found out when None, and said in the first note.
    attributes
        A CSV with ``subject`` and label columns, one row a person; ``people.csv`` in the folder
        is taken when None.

    Returns
    -------
    The samples whose files are there. Images are not opened: `hash_images` finds duplicates, and
    what cannot be decoded is an engine's failure to enrol.

    Raises
    ------
    InputError
        Nothing is there, no layout fits, a table cannot be read, a path leaves the folder, or no
        image is left.

    Examples
    --------
    >>> from countenance.datasets import read_dataset
    >>> read_dataset("no/such/folder")
    Traceback (most recent call last):
    countenance.core.errors.InputError: no/such/folder: there is nothing here
      expected: a folder of images or a CSV manifest
    """
    path = Path(path)
    if not path.exists():
        raise InputError(
            "there is nothing here",
            where=str(path),
            expected="a folder of images or a CSV manifest",
        )
    chosen = _choose(path, layout)
    listing = chosen.lists(path)
    labels = Path(attributes) if attributes is not None else listing.root / "people.csv"
    if attributes is not None or labels.is_file():
        listing = read_people(labels, listing)
    return assemble(listing, layout=chosen.name, title=chosen.title, own=read_card(listing.root))


def _choose(path: Path, name: str | None) -> Layout:
    """The layout asked for, or the first that fits."""
    if name is not None:
        for layout in LAYOUTS:
            if layout.name == name:
                return layout
        raise InputError(f"unknown layout {name!r}", expected=", ".join(layout_names()))
    for layout in LAYOUTS:
        if layout.detects(path):
            return layout
    raise InputError(
        "no known layout fits",
        where=str(path),
        expected="manifest.csv in the folder, or one folder of images for each person",
        do="write a manifest: a CSV with the columns path,subject and any labels",
    )
