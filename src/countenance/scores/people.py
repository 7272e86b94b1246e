"""The attribute table: one row a person, in the data set's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countenance.core import InputError, sha256_file


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

    from countenance.scores.read import frame_of

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
