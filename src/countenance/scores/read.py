"""Reading score tables: Parquet, CSV, bob's text formats, Polars and pandas frames.

A table needs an identifier of the two people of every comparison, because people, not
comparisons, are the unit of inference. Everything that is wrong with a table is said once, with
row numbers where rows are concerned; row 1 is the first row under the header.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from countenance.core import InputError, Note, ScoreUnit, sha256_file
from countenance.scores.loading import Table, load
from countenance.scores.people import (
    attributes_of,
    inline_attributes,
    inline_names,
    told_attributes,
    told_enrolled,
)
from countenance.scores.rows import Coded, Coder, kept_rows, refuse_constant
from countenance.scores.table import Scores

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
Direction = Literal["similarity", "dissimilarity"]


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
    table = load(source)
    metadata, where = table.metadata, table.where
    names = _find_columns(table.columns, columns or {}, where)
    score_unit = _unit(metadata, names["score"], direction, unit)
    told = metadata.get("people")
    from_within = attributes is None and told is None
    inline = inline_names(table.columns, names) if from_within else ()
    coder = Coder(score_unit, inline, where)
    picked, shaped = _with_ids(names, inline)
    for batch in table.batches(picked):
        coder.add(batch.select(shaped))
    coded = coder.close()
    notes: list[Note] = []
    made = kept_rows(coded, notes, where)
    failed = made & coded.missing
    made &= ~coded.missing
    if not made.any():
        raise InputError(
            "no comparison has a score",
            where=where,
            expected="at least one row with two different images and a number",
        )
    whole = bool(made.all())  # then nothing is copied
    values = coded.score if whole else coded.score[made]
    if not score_unit.higher_is_more_similar:
        np.negative(values, out=values)
    refuse_constant(values, names["score"], where)
    people, people_inputs = _attributes(attributes, told, coded, notes)
    scores = Scores(
        subjects=coded.subjects,
        samples=coded.samples,
        sample_subject=coded.sample_subject,
        probe=coded.probe if whole else coded.probe[made],
        reference=coded.reference if whole else coded.reference[made],
        score=values,
        unit=score_unit,
        attributes=people,
        ordered=_ordered(metadata, coded),
        failed_probe=coded.probe[failed],
        failed_reference=coded.reference[failed],
        engine=metadata.get("engine"),
        dataset=metadata.get("dataset"),
        protocol=metadata.get("protocol"),
        enrolled=told_enrolled(told, coded.subjects),
        templates_sha256=metadata.get("templates_sha256"),
        inputs=(*_inputs(table, coder.rows), *people_inputs),
        notes=tuple(notes),
    )
    if direction is None:
        _refuse_reversed(scores, where)
    return scores


def _attributes(
    source: Any, told: Mapping[str, Any] | None, coded: Coded, notes: list[Note]
) -> tuple[Mapping[str, tuple[str | None, ...]], tuple[Any, ...]]:
    """Attributes from a table beside the scores, from the file's own description, or inline."""
    if source is not None:
        return attributes_of(source, coded.subjects, notes)
    if told is not None:
        return told_attributes(told, coded.subjects), ()
    return inline_attributes(coded.inline, coded.subjects), ()


def _inputs(table: Table, rows: int) -> tuple[tuple[str, str, int | None], ...]:
    if table.path is None:
        return ()
    return ((table.path.name, sha256_file(table.path), rows),)


def _find_columns(columns: Sequence[str], asked: Mapping[str, str], where: str) -> dict[str, str]:
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
            if asked[ours] not in columns:
                raise InputError(
                    f"there is no column {asked[ours]!r}",
                    where=where,
                    expected=f"one of: {', '.join(columns)}",
                )
            found[ours] = asked[ours]
        else:
            name = next((c for c in candidates if c in columns), None)
            if name is not None:
                found[ours] = name
    for ours in ("probe_subject", "reference_subject", "score"):
        if ours not in found:
            raise InputError(
                f"there is no column for {ours}",
                where=where,
                expected=f"{ours}, among: {', '.join(columns)}",
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


def _with_ids(names: Mapping[str, str], inline: Sequence[str]) -> tuple[list[str], list[pl.Expr]]:
    """The table's columns that are read, and how they become ours.

    An image without a name takes its person's.
    """
    import polars as pl

    ids = {
        "probe_subject": names["probe_subject"],
        "reference_subject": names["reference_subject"],
        "probe": names.get("probe", names["probe_subject"]),
        "reference": names.get("reference", names["reference_subject"]),
    }
    rest = [f"{side}_{name}" for name in inline for side in ("probe", "reference")]
    shaped = [
        *(pl.col(c).cast(pl.String).str.strip_chars().alias(ours) for ours, c in ids.items()),
        pl.col(names["score"]).alias("score"),
        *(pl.col(c).cast(pl.String) for c in rest),
    ]
    return list(dict.fromkeys([*ids.values(), names["score"], *rest])), shaped


def _refuse_reversed(scores: Scores, where: str) -> None:
    mated = scores.mated
    if not mated.any() or mated.all():
        return
    own, other = (np.median(scores.score[side], overwrite_input=True) for side in (mated, ~mated))
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


def _ordered(metadata: Mapping[str, Any], coded: Coded) -> bool:
    if "ordered" in metadata:
        return bool(metadata["ordered"])
    as_probe = np.zeros(len(coded.samples), dtype=bool)
    as_probe[coded.probe] = True
    as_reference = np.zeros_like(as_probe)
    as_reference[coded.reference] = True
    return not (as_probe & as_reference).any()
