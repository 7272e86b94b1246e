"""Labels of people, from a CSV with one row a person, joined to the images of a layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from countenance.core import InputError
from countenance.datasets.assemble import Listing
from countenance.datasets.notes import make_note
from countenance.datasets.table import read_table


def read_people(path: Path, listing: Listing) -> Listing:
    """The listing with the label columns of `path` added to each image of the person.

    A person listed twice with different values gets neither, and is named: nothing says which
    of the two is right.

    Raises
    ------
    InputError
        The table cannot be read, or names a column the listing has already.
    """
    table = read_table(path, needs=(("subject", "subject_id"),))
    at = table.columns.index("subject")
    columns = [(i, c) for i, c in enumerate(table.columns) if i != at]
    taken = [c for _, c in columns if c in (*listing.attributes, "path")]
    if taken:
        raise InputError(
            f"the columns {', '.join(map(repr, taken))} are in the manifest as well",
            where=str(path),
            expected="each label in one place, and none named path",
        )
    stated: dict[str, dict[str, dict[str, int]]] = {}
    for line, cells in zip(table.lines, table.rows, strict=True):
        if cells[at]:
            person = stated.setdefault(cells[at], {c: {} for _, c in columns})
            for i, column in columns:
                if cells[i]:
                    person[column].setdefault(cells[i], line)
    labels: dict[str, dict[str, str]] = {}
    clashes = []
    for who, values in stated.items():
        labels[who] = {c: next(iter(v), "") if len(v) < 2 else "" for c, v in values.items()}
        clashes += [
            f"{who}: " + ", ".join(f"{c} {value!r} in row {line}" for value, line in v.items())
            for c, v in values.items()
            if len(v) > 1
        ]
    blank = dict.fromkeys((c for _, c in columns), "")
    rows = tuple(
        dataclasses.replace(r, attributes={**r.attributes, **labels.get(r.subject, blank)})
        for r in listing.rows
    )
    pictured = {r.subject for r in listing.rows}
    notes = [*listing.notes, *table.notes]
    if clashes:
        notes.append(
            make_note(
                "conflicting-label",
                clashes,
                f"{{values}} in {path.name} given twice and differently for one person: "
                "taken as not stated.",
            )
        )
    without = sorted(pictured - stated.keys() - {""})
    if without:
        notes.append(
            make_note("unlabelled-person", without, f"{{people}} not listed in {path.name}.")
        )
    unseen = sorted(stated.keys() - pictured)
    if unseen:
        notes.append(
            make_note("person-without-image", unseen, f"{{people}} in {path.name} have no image.")
        )
    return dataclasses.replace(
        listing,
        rows=rows,
        attributes=(*listing.attributes, *(c for _, c in columns)),
        notes=tuple(notes),
    )
