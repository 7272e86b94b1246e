"""Bytes to batches of rows: Parquet, CSV, bob's text formats, and frames of other libraries.

A table of ten million comparisons is gigabytes of names as text and some 160 MiB of codes and
numbers. It is therefore read a batch at a time, and no more than a batch is ever text.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countenance.core import InputError
from countenance.scores.table import METADATA_KEY, TABLE_SCHEMA, TABLE_VERSION

if TYPE_CHECKING:
    import polars as pl

#: Rows of one batch: a few MiB of names, and large beside what a batch costs.
BATCH = 1 << 16

#: Text formats without a header: reference subject, [model], probe subject, probe, score.
_BOB = {
    4: ("reference_subject", "probe_subject", "probe", "score"),
    5: ("reference_subject", "reference", "probe_subject", "probe", "score"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table that has not been read yet.

    Attributes
    ----------
    columns
        Names of its columns.
    where
        Its name in errors.
    batches
        Given names of columns, those columns batch by batch in the order of the rows.
    metadata
        What it says of itself.
    path
        Its file, where it is one.
    """

    columns: tuple[str, ...]
    where: str
    batches: Callable[[Sequence[str]], Iterator[pl.DataFrame]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None


def load(source: Any) -> Table:
    """Find out what a table is; its rows are read by `Table.batches`.

    Raises
    ------
    InputError
        What cannot be read, here or while batches are taken.
    """
    import polars as pl

    if isinstance(source, str | Path):
        return _load_file(Path(source))
    if isinstance(source, pl.LazyFrame):
        with _readable("the frame", "frame"):
            return _lazy(source, "the frame", "frame")
    frame = frame_of(source, "scores")
    return Table(
        columns=tuple(frame.columns),
        where="the frame",
        batches=lambda names: frame.select(names).iter_slices(BATCH),
    )


def frame_of(value: Any, what: str) -> pl.DataFrame:
    """A Polars frame from a Polars or pandas one; `what` names it in errors."""
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return value
    if isinstance(value, pl.LazyFrame):
        return value.collect()
    if type(value).__module__.startswith("pandas"):
        return pl.DataFrame({str(name): _from_pandas(value[name]) for name in value.columns})
    raise InputError(
        f"{what} cannot be read from a {type(value).__name__}",
        expected="a path, a Polars frame or a pandas frame",
    )


def _from_pandas(column: Any) -> pl.Series:
    """A column without pyarrow; pandas writes what is missing as NaN, here it is null."""
    import polars as pl

    values = column.to_numpy()
    if values.dtype.kind in "iuf":
        return pl.Series(values, nan_to_null=True)
    # NaN is the one value that differs from itself
    return pl.Series([None if v is None or v != v else v for v in values.tolist()], strict=False)


def _load_file(path: Path) -> Table:
    import polars as pl

    where = str(path)
    if not path.is_file():
        raise InputError("there is no such file", where=where, expected="a score table")
    kind = path.suffix.lower()
    with _readable(where, kind[1:]):
        if kind in (".parquet", ".pq"):
            raw = pl.read_parquet_metadata(path).get(METADATA_KEY)
            return _lazy(
                pl.scan_parquet(path, glob=False), where, kind[1:], _metadata(raw, where), path
            )
        if kind in (".csv", ".tsv"):
            separator = "\t" if kind == ".tsv" else ","
            scan = pl.scan_csv(path, separator=separator, infer_schema=False, glob=False)
            return _lazy(scan, where, kind[1:], path=path)
        if kind in (".txt", ".scores"):
            return _bob(path)
    raise InputError(
        f"no reader for files ending in {kind or 'nothing'!r}",
        where=where,
        expected=".parquet, .csv, .tsv, or .txt for bob's 4- and 5-column text",
    )


@contextlib.contextmanager
def _readable(where: str, kind: str) -> Iterator[None]:
    """Turn what a reader raises into the one error."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read as a {kind} table: {str(error).splitlines()[0]}",
            where=where,
            do="check the file, or give it the suffix that fits its format",
        ) from error


def _lazy(
    scan: pl.LazyFrame,
    where: str,
    kind: str,
    metadata: Mapping[str, Any] | None = None,
    path: Path | None = None,
) -> Table:
    def batches(names: Sequence[str]) -> Iterator[pl.DataFrame]:
        with _readable(where, kind):
            yield from scan.select(names).collect_batches(chunk_size=BATCH, maintain_order=True)

    columns = tuple(scan.collect_schema().names())
    return Table(columns, where, batches, metadata or {}, path)


def _bob(path: Path) -> Table:
    import polars as pl

    def rows() -> Iterator[list[str]]:
        with path.open(encoding="utf-8") as lines:
            yield from (line.split() for line in lines if line.strip())

    def batches(names: Sequence[str]) -> Iterator[pl.DataFrame]:
        left = rows()
        while part := list(itertools.islice(left, BATCH)):
            yield pl.DataFrame(part, schema=list(columns), orient="row").select(names)

    widths = {len(row) for row in rows()}
    if len(widths) != 1 or not widths <= set(_BOB):
        raise InputError(
            f"rows have {', '.join(map(str, sorted(widths))) or 'no'} columns",
            where=str(path),
            expected="4 (reference subject, probe subject, probe, score) or 5 (with a model)",
        )
    columns = _BOB[widths.pop()]
    return Table(columns, str(path), batches, path=path)


def _metadata(raw: str | None, where: str) -> dict[str, Any]:
    import msgspec

    if raw is None:
        return {}
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise InputError("the table's own description is not JSON", where=where) from error
    if not isinstance(value, dict) or value.get("schema") != TABLE_SCHEMA:
        raise InputError("the table's own description is not one of ours", where=where)
    if value.get("version") != TABLE_VERSION:
        raise InputError(
            f"the table has format version {value.get('version')!r}",
            where=where,
            expected=f"version {TABLE_VERSION}",
        )
    return value
