"""Rows of a table to codes and numbers, and what is wrong with them, by row number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from countenance.core import InputError, Note, ScoreUnit

if TYPE_CHECKING:
    import polars as pl

SHOWN = 5


class Coded:
    """Identifiers as codes, in sorted order so that the row order of a table changes nothing."""

    def __init__(self, frame: pl.DataFrame, where: str) -> None:
        import polars as pl

        for name in ("probe", "reference", "probe_subject", "reference_subject"):
            bad = frame[name].is_null() | (frame[name] == "")
            if bad.any():
                raise InputError(
                    f"{int(bad.sum())} rows have no {name}",
                    where=f"{where}, {row_numbers(bad.to_numpy())}",
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
                f"image {first!r} belongs to {len(owners)} people: {', '.join(owners[:SHOWN])}",
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


def code(frame: pl.DataFrame, where: str) -> Coded:
    """The identifiers of a table as codes; refuses one without rows."""
    if frame.height == 0:
        raise InputError("the table has no rows", where=where)
    return Coded(frame, where)


def stored_scores(frame: pl.DataFrame, unit: ScoreUnit, where: str) -> tuple[Any, Any]:
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
                where=f"{where}, {row_numbers(bad.to_numpy())}, column score",
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
            where=f"{where}, {row_numbers(bad_rows)}, column score",
            expected="finite numbers; a comparison that failed has an empty score",
            do="leave those scores empty and say how failures count: --failures positive|negative",
        )
    if not unit.exact:
        return values.astype(np.float64), missing
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        raise InputError("scores are not integers", where=where, expected=f"exact {unit.name}")
    return values.astype(np.int32), missing


def kept_rows(coded: Coded, score: Any, missing: Any, notes: list[Note], where: str) -> Any:
    """Bool (m,): rows to keep; refuses one comparison with two different scores."""
    itself = coded.probe == coded.reference
    keep = ~itself
    if itself.any():
        notes.append(
            Note(
                "self-comparison",
                int(itself.sum()),
                "comparisons of an image with itself were left out: they say nothing",
                (row_numbers(itself),),
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
            where=f"{where}, {row_numbers(rows)}",
            expected="one score for each probe and reference",
            do="remove the wrong ones, or name images so that repeated captures differ",
        )
    notes.append(
        Note(
            "duplicate-comparison",
            int(repeat.sum()),
            "comparisons listed more than once with the same score were counted once",
            (row_numbers(repeat),),
        )
    )
    return keep & ~repeat


def refuse_constant(values: Any, column: str, where: str) -> None:
    """A column whose numbers are all the same holds something else than scores."""
    if len(values) > 1 and values.min() == values.max():
        raise InputError(
            f"every score is {float(values[0]):g}",
            where=f"{where}, column {column}",
            expected="comparison scores that differ",
            do="name the right column: --columns score=NAME",
        )


def row_numbers(where: Any) -> str:
    """The first few rows where a mask (m,) is true, for a person: ``rows 3, 17 and 2 more``."""
    at = np.flatnonzero(where)
    shown = ", ".join(str(int(row) + 1) for row in at[:SHOWN])
    more = f" and {len(at) - SHOWN} more" if len(at) > SHOWN else ""
    return f"row{'s' if len(at) > 1 else ''} {shown}{more}"
