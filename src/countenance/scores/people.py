"""The attribute table: one row a person, in the data set's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countenance.core import InputError, Note, sha256_file
from countenance.scores.rows import SHOWN
from countenance.scores.table import Enrolled


@dataclass(frozen=True, slots=True)
class People:
    """Attribute names, and for each person a value or None for each of them."""

    names: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str | None]]


def people_table(source: Any) -> tuple[People, tuple[tuple[str, str, int | None], ...]]:
    """Read an attribute table from a CSV or Parquet path, or a frame; also the inputs read.

    Needs a column `subject`; every other column is an attribute. Empty cells are None.

    Raises
    ------
    InputError
        No `subject` column, no file, or one person with two different values.
    """
    import polars as pl

    from countenance.scores.loading import frame_of

    inputs: tuple[tuple[str, str, int | None], ...] = ()
    where = "the attribute frame"
    if isinstance(source, str | Path):
        path = Path(source)
        where = str(path)
        if not path.is_file():
            raise InputError("there is no such file", where=where, expected="an attribute table")
        try:
            frame = (
                pl.read_parquet(path)
                if path.suffix.lower() in (".parquet", ".pq")
                else pl.read_csv(path, infer_schema=False)
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(
                f"cannot be read: {str(error).splitlines()[0]}", where=where
            ) from error
        inputs = ((path.name, sha256_file(path), frame.height),)
    else:
        frame = frame_of(source, "attributes")
    if "subject" not in frame.columns:
        raise InputError(
            "there is no column 'subject'",
            where=where,
            expected=f"subject, among: {', '.join(frame.columns)}",
        )
    names = tuple(c for c in frame.columns if c != "subject")
    frame = frame.select(pl.all().cast(pl.String).str.strip_chars())
    rows: dict[str, dict[str, str | None]] = {}
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        subject = row.pop("subject")
        if not subject:
            raise InputError("no subject", where=f"{where}, row {number}")
        values = {name: (row[name] or None) for name in names}
        known = rows.setdefault(subject, values)
        if known != values:
            name = next(n for n in names if known[n] != values[n])
            raise InputError(
                f"{subject!r} has {name} {known[name]!r} and {values[name]!r}",
                where=f"{where}, row {number}",
                expected="one row a person, or rows that agree",
            )
    return People(names=names, rows=rows), inputs


def attributes_of(
    source: Any, subjects: tuple[str, ...], notes: list[Note]
) -> tuple[dict[str, tuple[str | None, ...]], tuple[Any, ...]]:
    """One value a person for each attribute, from a table beside the scores.

    Also the inputs read; people the table does not know are noted.
    """
    table, inputs = people_table(source)
    unknown = [s for s in subjects if s not in table.rows]
    if unknown:
        notes.append(
            Note(
                "no-attributes",
                len(unknown),
                "people of the score table are not in the attribute table; "
                "they count for everybody and for no group",
                tuple(unknown[:SHOWN]),
            )
        )
    empty = dict.fromkeys(table.names)
    rows = [table.rows.get(s, empty) for s in subjects]
    return {name: tuple(row[name] for row in rows) for name in table.names}, inputs


def inline_names(columns: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Attributes given as probe_NAME and reference_NAME columns."""
    used = {"probe_subject", "reference_subject", *names.values()}
    return tuple(
        c[len("probe_") :]
        for c in columns
        if c.startswith("probe_") and c not in used and f"reference_{c[6:]}" in columns
    )


def inline_attributes(
    seen: Mapping[str, Iterable[tuple[str, str]]], subjects: tuple[str, ...]
) -> dict[str, tuple[str | None, ...]]:
    """One value a person from the (person, value) pairs met in the rows."""
    out: dict[str, tuple[str | None, ...]] = {}
    for name, pairs in seen.items():
        values: dict[str, str] = {}
        for subject, value in sorted(pairs):
            if values.setdefault(subject, value) != value:
                raise InputError(
                    f"{subject!r} has {name} {values[subject]!r} and {value!r}",
                    where=f"columns probe_{name} and reference_{name}",
                    expected="one value a person",
                )
        out[name] = tuple(values.get(s) for s in subjects)
    return out


def told_attributes(
    told: Mapping[str, Any], subjects: tuple[str, ...]
) -> dict[str, tuple[str | None, ...]]:
    """Attributes the table's own description gives its people."""
    at = _places(told, subjects)
    return {
        name: tuple(None if i is None else values[i] for i in at)
        for name, values in told["attributes"].items()
    }


def told_enrolled(told: Mapping[str, Any] | None, subjects: tuple[str, ...]) -> Enrolled | None:
    """Attempts and failures the table's own description gives its people."""
    counts = told and told["enrolled"]
    if told is None or not counts:
        return None
    at = _places(told, subjects)

    def pick(values: Sequence[int]) -> tuple[int, ...]:
        return tuple(0 if i is None else values[i] for i in at)

    return Enrolled(
        attempted=pick(counts["attempted"]),
        failed={status: pick(values) for status, values in counts["failed"].items()},
    )


def _places(told: Mapping[str, Any], subjects: tuple[str, ...]) -> list[int | None]:
    place = {name: index for index, name in enumerate(told["subjects"])}
    return [place.get(subject) for subject in subjects]
