"""Reading score tables: Parquet, CSV, bob's text formats, Polars and pandas frames.

A table needs an identifier of the two people of every comparison, because people, not
comparisons, are the unit of inference. Everything that is wrong with a table is said once, with
row numbers where rows are concerned; row 1 is the first row under the header.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from countenance.core import InputError, Note, ScoreUnit, sha256_file
from countenance.scores.table import (
    METADATA_KEY,
    TABLE_SCHEMA,
    TABLE_VERSION,
    Enrolled,
    Scores,
)

if TYPE_CHECKING:
    import polars as pl

#: Our column names and the names found in the wild that mean the same, tried in order.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "probe": ("probe", "probe_id", "probe_image", "p1", "source-subject-data-sample"),
    "reference": ("reference", "reference_id", "gallery", "p2", "target-subject-data-sample"),
    "probe_subject": (
        "probe_subject",
        "probe_subject_id",
        "probe_reference_id",
        "id1",
        "source-subject-id",
    ),
    "reference_subject": (
        "reference_subject",
        "reference_subject_id",
        "bio_ref_subject_id",
        "id2",
        "target-subject-id",
    ),
    "score": ("score", "similarity", "distance", "similarity_score"),
}
_DISTANCE_NAMES = frozenset({"distance", "dissimilarity"})
#: Text formats without a header: reference subject, [model], probe subject, probe, score.
_BOB = {
    4: ("reference_subject", "probe_subject", "probe", "score"),
    5: ("reference_subject", "reference", "probe_subject", "probe", "score"),
}
Direction = Literal["similarity", "dissimilarity"]
_SHOWN = 5


def read_scores(
    source: Any,
    *,
    attributes: Any = None,
    columns: Mapping[str, str] | None = None,
    direction: Direction | None = None,
    unit: str | None = None,
) -> Scores:
    """Read a score table and, beside it, the attributes of its people.

    Parameters
    ----------
    source
        Path of a Parquet, CSV, TSV or bob text file (4 or 5 columns), or a Polars or pandas
        frame. One row a comparison: probe, reference, probe_subject, reference_subject, score.
        An empty score is a comparison that failed.
    attributes
        Path or frame with a `subject` column and one row a person. Without it, what the table
        itself carries: people written into it by this project, or columns ``probe_NAME`` and
        ``reference_NAME`` for an attribute NAME.
    columns
        Our names to the table's: ``{"probe_subject": "id1"}``.
    direction
        Whether larger scores mean more or less alike. Needed only where neither the file nor
        the name of the score column says.
    unit
        What to call the score in words.

    Raises
    ------
    InputError
        With the file, row or column, what was expected and what to do.
    """
    frame, metadata, inputs, where = _load(source)
    names = _find_columns(frame, columns or {}, where)
    score_unit = _unit(metadata, names["score"], direction, unit)
    frame = _with_ids(frame, names)
    coded = _code(frame, where)
    score, missing = _scores(frame, score_unit, where)
    notes: list[Note] = []
    keep = _drop_self_and_duplicates(coded, score, missing, notes, where)
    made = keep & ~missing
    failed = keep & missing
    values = score[made] if score_unit.higher_is_more_similar else -score[made]
    if not made.any():
        raise InputError(
            "no comparison has a score",
            where=where,
            expected="at least one row with two different images and a number",
        )
    _refuse_constant(values, names["score"], where)
    told = metadata.get("people")
    if attributes is None and told is not None:
        people, people_inputs = _told_attributes(told, coded.subjects), ()
    else:
        people, people_inputs = _attributes(attributes, frame, names, coded.subjects, notes)
    scores = Scores(
        subjects=coded.subjects,
        samples=coded.samples,
        sample_subject=coded.sample_subject,
        probe=coded.probe[made],
        reference=coded.reference[made],
        score=values,
        unit=score_unit,
        attributes=people,
        ordered=_ordered(metadata, coded.probe, coded.reference),
        failed_probe=coded.probe[failed],
        failed_reference=coded.reference[failed],
        engine=metadata.get("engine"),
        dataset=metadata.get("dataset"),
        protocol=metadata.get("protocol"),
        enrolled=_enrolled(told, coded.subjects),
        templates_sha256=metadata.get("templates_sha256"),
        inputs=inputs + people_inputs,
        notes=tuple(notes),
    )
    if direction is None:
        _refuse_reversed(scores, where)
    return scores


# --- loading -----------------------------------------------------------------------------------


def _load(source: Any) -> tuple[pl.DataFrame, dict[str, Any], tuple[Any, ...], str]:
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
        # column by column, so that neither pyarrow nor pandas itself has to be importable
        return pl.DataFrame(
            {
                str(name): pl.Series(value[name].tolist(), strict=False, nan_to_null=True)
                for name in value.columns
            }
        )
    raise InputError(
        f"{what} cannot be read from a {type(value).__name__}",
        expected="a path, a Polars frame or a pandas frame",
    )


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


# --- columns -----------------------------------------------------------------------------------


def _find_columns(frame: pl.DataFrame, asked: Mapping[str, str], where: str) -> dict[str, str]:
    unknown = sorted(set(asked) - set(COLUMNS))
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is not a column this reads",
            where="columns",
            expected=", ".join(COLUMNS),
        )
    found: dict[str, str] = {}
    for ours, candidates in COLUMNS.items():
        if ours in asked:
            if asked[ours] not in frame.columns:
                raise InputError(
                    f"there is no column {asked[ours]!r}",
                    where=where,
                    expected=f"one of: {', '.join(frame.columns)}",
                )
            found[ours] = asked[ours]
        else:
            name = next((c for c in candidates if c in frame.columns), None)
            if name is not None:
                found[ours] = name
    for ours in ("probe_subject", "reference_subject", "score"):
        if ours not in found:
            raise InputError(
                f"there is no column for {ours}",
                where=where,
                expected=f"{ours}, among: {', '.join(frame.columns)}",
                do=f"name it: --columns {ours}=NAME (or columns={{'{ours}': 'NAME'}})",
            )
    return found


def _unit(
    metadata: Mapping[str, Any], column: str, direction: Direction | None, name: str | None
) -> ScoreUnit:
    if "unit" in metadata:
        return ScoreUnit.from_json(metadata["unit"])
    if direction is None:
        direction = "dissimilarity" if column.lower() in _DISTANCE_NAMES else "similarity"
    return ScoreUnit(kind=direction, name=name or column)


def _with_ids(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """The five columns under our names; an image without a name takes its person's."""
    import polars as pl

    picked = {
        "probe_subject": pl.col(names["probe_subject"]),
        "reference_subject": pl.col(names["reference_subject"]),
        "probe": pl.col(names.get("probe", names["probe_subject"])),
        "reference": pl.col(names.get("reference", names["reference_subject"])),
    }
    rest = [c for c in frame.columns if c.startswith(("probe_", "reference_")) and c not in picked]
    return frame.select(
        *(column.cast(pl.String).str.strip_chars().alias(ours) for ours, column in picked.items()),
        pl.col(names["score"]).alias("score"),
        *(pl.col(c).cast(pl.String) for c in rest),
    )


# --- rows --------------------------------------------------------------------------------------


class _Coded:
    """Identifiers as codes, in sorted order so that the row order of a table changes nothing."""

    def __init__(self, frame: pl.DataFrame, where: str) -> None:
        import polars as pl

        for name in ("probe", "reference", "probe_subject", "reference_subject"):
            bad = frame[name].is_null() | (frame[name] == "")
            if bad.any():
                raise InputError(
                    f"{int(bad.sum())} rows have no {name}",
                    where=f"{where}, {_rows(bad.to_numpy())}",
                    expected="an identifier in every row",
                )
        pairs = pl.concat(
            [
                frame.select(sample="probe", subject="probe_subject"),
                frame.select(sample="reference", subject="reference_subject"),
            ]
        ).unique()
        double = pairs.filter(pl.col("sample").is_duplicated()).sort("sample", "subject")
        if double.height:
            first = double["sample"][0]
            owners = double.filter(pl.col("sample") == first)["subject"].to_list()
            raise InputError(
                f"image {first!r} belongs to {len(owners)} people: {', '.join(owners[:_SHOWN])}",
                where=where,
                expected="each image to be of one person",
                do="give images names that are unique over the whole table",
            )
        pairs = pairs.sort("sample")
        self.samples = tuple(pairs["sample"].to_list())
        people = pairs["subject"].unique().sort()
        self.subjects = tuple(people.to_list())
        images, persons = pl.Enum(pairs["sample"]), pl.Enum(people)
        self.sample_subject = _physical(pairs["subject"], persons)
        self.probe = _physical(frame["probe"], images)
        self.reference = _physical(frame["reference"], images)


def _physical(column: pl.Series, kind: Any) -> Any:
    return column.cast(kind).to_physical().to_numpy().astype(np.int32)


def _code(frame: pl.DataFrame, where: str) -> _Coded:
    if frame.height == 0:
        raise InputError("the table has no rows", where=where)
    return _Coded(frame, where)


def _scores(frame: pl.DataFrame, unit: ScoreUnit, where: str) -> tuple[Any, Any]:
    """Stored scores (m,) and which are missing (m,)."""
    import polars as pl

    column = frame["score"]
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        empty = text.is_null() | (text == "")
        number = text.cast(pl.Float64, strict=False)
        bad = number.is_null() & ~empty
        if bad.any():
            at = int(bad.arg_max() or 0)
            raise InputError(
                f"{text[at]!r} is not a number",
                where=f"{where}, {_rows(bad.to_numpy())}, column score",
                expected="a number, or nothing where the comparison failed",
            )
        column = number
    elif not column.dtype.is_numeric():
        raise InputError(f"scores are {column.dtype}", where=where, expected="numbers")
    missing = column.is_null().to_numpy()
    values = column.fill_null(0).to_numpy()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad_rows = ~np.isfinite(values)
        raise InputError(
            f"{int(bad_rows.sum())} scores are NaN or infinite",
            where=f"{where}, {_rows(bad_rows)}, column score",
            expected="finite numbers; a comparison that failed has an empty score",
            do="leave those scores empty and say how failures count: --failures positive|negative",
        )
    if not unit.exact:
        return values.astype(np.float64), missing
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        raise InputError("scores are not integers", where=where, expected=f"exact {unit.name}")
    return values.astype(np.int32), missing


def _drop_self_and_duplicates(
    coded: _Coded, score: Any, missing: Any, notes: list[Note], where: str
) -> Any:
    """Bool (m,): rows to keep; refuses one comparison with two different scores."""
    itself = coded.probe == coded.reference
    keep = ~itself
    if itself.any():
        notes.append(
            Note(
                "self-comparison",
                int(itself.sum()),
                "comparisons of an image with itself were left out: they say nothing",
                (_rows(itself),),
            )
        )
    key = coded.probe.astype(np.int64) * len(coded.samples) + coded.reference
    if len(np.unique(key)) == len(key):
        return keep
    order = np.argsort(key, kind="stable")
    repeat = np.zeros(len(key), dtype=bool)
    same = key[order[1:]] == key[order[:-1]]
    repeat[order[1:][same]] = True
    before, after = order[:-1][same], order[1:][same]
    differ = (score[before] != score[after]) | (missing[before] != missing[after])
    if differ.any():
        rows = np.zeros(len(key), dtype=bool)
        rows[before[differ]] = rows[after[differ]] = True
        raise InputError(
            f"{int(differ.sum())} comparisons appear more than once with different scores",
            where=f"{where}, {_rows(rows)}",
            expected="one score for each probe and reference",
            do="remove the wrong ones, or name images so that repeated captures differ",
        )
    notes.append(
        Note(
            "duplicate-comparison",
            int(repeat.sum()),
            "comparisons listed more than once with the same score were counted once",
            (_rows(repeat),),
        )
    )
    return keep & ~repeat


def _refuse_constant(values: Any, column: str, where: str) -> None:
    if len(values) > 1 and values.min() == values.max():
        raise InputError(
            f"every score is {float(values[0]):g}",
            where=f"{where}, column {column}",
            expected="comparison scores that differ",
            do="name the right column: --columns score=NAME",
        )


def _refuse_reversed(scores: Scores, where: str) -> None:
    mated = scores.mated
    if not mated.any() or mated.all():
        return
    own, other = np.median(scores.score[mated]), np.median(scores.score[~mated])
    if own < other:
        shown = scores.unit.to_unit
        raise InputError(
            "images of one person score lower than images of different people "
            f"(medians {shown(float(own)):g} and {shown(float(other)):g})",
            where=where,
            expected="scores whose direction is known",
            do="if small scores mean alike, say --direction dissimilarity; "
            "if not, confirm with --direction similarity",
        )


def _ordered(metadata: Mapping[str, Any], probe: Any, reference: Any) -> bool:
    if "ordered" in metadata:
        return bool(metadata["ordered"])
    return not np.isin(np.unique(probe), np.unique(reference)).any()


def _rows(where: Any) -> str:
    at = np.flatnonzero(where)
    shown = ", ".join(str(int(row) + 1) for row in at[:_SHOWN])
    more = f" and {len(at) - _SHOWN} more" if len(at) > _SHOWN else ""
    return f"row{'s' if len(at) > 1 else ''} {shown}{more}"


# --- people ------------------------------------------------------------------------------------


def _attributes(
    source: Any,
    frame: pl.DataFrame,
    names: Mapping[str, str],
    subjects: tuple[str, ...],
    notes: list[Note],
) -> tuple[dict[str, tuple[str | None, ...]], tuple[Any, ...]]:
    if source is None:
        return _inline_attributes(frame, names, subjects), ()
    from countenance.scores.people import people_table

    table, inputs = people_table(source)
    unknown = [s for s in subjects if s not in table.rows]
    if unknown:
        notes.append(
            Note(
                "no-attributes",
                len(unknown),
                "people of the score table are not in the attribute table; "
                "they count for everybody and for no group",
                tuple(unknown[:_SHOWN]),
            )
        )
    empty = dict.fromkeys(table.names)
    rows = [table.rows.get(s, empty) for s in subjects]
    return {name: tuple(row[name] for row in rows) for name in table.names}, inputs


def _inline_attributes(
    frame: pl.DataFrame, names: Mapping[str, str], subjects: tuple[str, ...]
) -> dict[str, tuple[str | None, ...]]:
    """Attributes given as probe_NAME and reference_NAME columns."""
    import polars as pl

    used = {"probe_subject", "reference_subject", *names.values()}
    inline = [
        c[len("probe_") :]
        for c in frame.columns
        if c.startswith("probe_") and c not in used and f"reference_{c[6:]}" in frame.columns
    ]
    out: dict[str, tuple[str | None, ...]] = {}
    for name in inline:
        seen = (
            pl.concat(
                [
                    frame.select(subject="probe_subject", value=f"probe_{name}"),
                    frame.select(subject="reference_subject", value=f"reference_{name}"),
                ]
            )
            .drop_nulls()
            .unique()
        )
        double = seen.filter(pl.col("subject").is_duplicated()).sort("subject", "value")
        if double.height:
            raise InputError(
                f"{double['subject'][0]!r} has {name} {double['value'][0]!r} and "
                f"{double['value'][1]!r}",
                where=f"columns probe_{name} and reference_{name}",
                expected="one value a person",
            )
        values = dict(zip(seen["subject"], seen["value"], strict=True))
        out[name] = tuple(values.get(s) for s in subjects)
    return out


def _told_attributes(
    told: Mapping[str, Any], subjects: tuple[str, ...]
) -> dict[str, tuple[str | None, ...]]:
    """Attributes the table's own description gives its people."""
    at = _places(told, subjects)
    return {
        name: tuple(None if i is None else values[i] for i in at)
        for name, values in told["attributes"].items()
    }


def _enrolled(told: Mapping[str, Any] | None, subjects: tuple[str, ...]) -> Enrolled | None:
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
