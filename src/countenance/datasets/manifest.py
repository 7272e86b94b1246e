"""The manifest layout: a CSV with ``path,subject`` and any label columns.

A column ``sha256`` is no label: it states the image's hash, and `hash_images` holds it to that.
"""

from __future__ import annotations

from pathlib import Path

from countenance.core import InputError
from countenance.datasets.assemble import Listing, Row
from countenance.datasets.table import read_table

MANIFEST = "manifest.csv"
_NEEDS = (("path",), ("subject", "subject_id"))


def detects(path: Path) -> bool:
    """A CSV, or a folder with ``manifest.csv``."""
    if path.is_dir():
        return (path / MANIFEST).is_file()
    return path.suffix.lower() in (".csv", ".tsv", ".txt")


def lists(path: Path) -> Listing:
    """Rows of the manifest; paths in it start from its own folder."""
    file = path / MANIFEST if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "is not a file" if file.exists() else "is not there",
            where=str(file),
            expected="a CSV with the columns path,subject and any labels",
        )
    table = read_table(file, needs=_NEEDS)
    at_path, at_subject = table.columns.index("path"), table.columns.index("subject")
    at_hash = next((i for i, c in enumerate(table.columns) if c.casefold() == "sha256"), None)
    labels = [
        (i, c) for i, c in enumerate(table.columns) if i not in (at_path, at_subject, at_hash)
    ]
    rows = tuple(
        Row(
            line,
            cells[at_path],
            cells[at_subject],
            {c: cells[i] for i, c in labels},
            cells[at_hash].lower() or None if at_hash is not None else None,
        )
        for line, cells in zip(table.lines, table.rows, strict=True)
    )
    return Listing(
        root=file.parent,
        rows=rows,
        attributes=tuple(c for _, c in labels),
        numbered=True,
        notes=table.notes,
    )
