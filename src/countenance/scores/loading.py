"""Bytes to frames: Parquet, CSV, bob's text formats, and frames of other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from countenance.core import InputError, sha256_file
from countenance.scores.table import METADATA_KEY, TABLE_SCHEMA, TABLE_VERSION

if TYPE_CHECKING:
    import polars as pl

#: Text formats without a header: reference subject, [model], probe subject, probe, score.
_BOB = {
    4: ("reference_subject", "probe_subject", "probe", "score"),
    5: ("reference_subject", "reference", "probe_subject", "probe", "score"),
}


def load(source: Any) -> tuple[pl.DataFrame, dict[str, Any], tuple[Any, ...], str]:
    """A table as a frame, what it says of itself, the inputs read, and its name in errors."""
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return source, {}, (), "the frame"
    if isinstance(source, str | Path):
        path = Path(source)
        frame, metadata = _load_file(path)
        return frame, metadata, ((path.name, sha256_file(path), frame.height),), str(path)
    return frame_of(source, "scores"), {}, (), "the frame"


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


def _load_file(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    import polars as pl

    where = str(path)
    if not path.is_file():
        raise InputError("there is no such file", where=where, expected="a score table")
    kind = path.suffix.lower()
    try:
        if kind in (".parquet", ".pq"):
            raw = pl.read_parquet_metadata(path).get(METADATA_KEY)
            return pl.read_parquet(path), _metadata(raw, where)
        if kind in (".csv", ".tsv"):
            separator = "\t" if kind == ".tsv" else ","
            return pl.read_csv(path, separator=separator, infer_schema=False), {}
        if kind in (".txt", ".scores"):
            return _read_bob(path), {}
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read as a {kind[1:]} table: {str(error).splitlines()[0]}",
            where=where,
            do="check the file, or give it the suffix that fits its format",
        ) from error
    raise InputError(
        f"no reader for files ending in {kind or 'nothing'!r}",
        where=where,
        expected=".parquet, .csv, .tsv, or .txt for bob's 4- and 5-column text",
    )


def _read_bob(path: Path) -> pl.DataFrame:
    import polars as pl

    rows = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or not widths <= set(_BOB):
        raise InputError(
            f"rows have {', '.join(map(str, sorted(widths))) or 'no'} columns",
            where=str(path),
            expected="4 (reference subject, probe subject, probe, score) or 5 (with a model)",
        )
    return pl.DataFrame(rows, schema=list(_BOB[widths.pop()]), orient="row")


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
