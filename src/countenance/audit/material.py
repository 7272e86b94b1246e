"""What an audit is made from, whether it came as a score table or as templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, Note, ScoreUnit
from countenance.scores import (
    TABLE_LIMIT,
    AllPairs,
    Comparisons,
    Enrolled,
    OneToOne,
    PairProtocol,
    Rows,
    Scores,
    TableComparisons,
    TemplateSet,
    compare,
    comparisons_in,
    enrolled,
    person_attributes,
    person_codes,
    stream,
)

Failures = Literal["exclude", "positive", "negative"]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Comparisons and people, from either source.

    Attributes
    ----------
    comparisons
        Those that have a score: thresholds and distributions come from them.
    counted
        Those that rates are counted over: the same, and failed ones where a failure counts as a
        decision (`Failures`).
    failed
        Comparisons that could not be made, and of them the non-mated ones.
    images
        int64 (people,): images of each person.
    names
        Image names of given comparisons: rows of (person, person, score) to (probe, reference).
    """

    comparisons: Comparisons
    counted: Comparisons
    failed: int
    failed_nonmated: npt.NDArray[np.int32]
    subjects: tuple[str, ...]
    attributes: Mapping[str, tuple[str | None, ...]]
    images: npt.NDArray[np.int64]
    unit: ScoreUnit
    engine: Mapping[str, Any] | None
    dataset: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    enrolled: Enrolled | None
    inputs: tuple[tuple[str, str, int | None], ...]
    notes: tuple[Note, ...]
    names: Callable[[Rows], list[tuple[str, str]]]


def material(
    data: Scores | TemplateSet, protocol: PairProtocol | None, failures: Failures
) -> Material:
    """Prepare either source.

    Parameters
    ----------
    data
        A score table, or the templates of a data set.
    protocol
        Which images are compared; only for templates (a table has been compared already).
    failures
        ``exclude``: comparisons that could not be made are no trials. ``positive``: they count as
        below every threshold, as in a door that stays shut. ``negative``: at or above every
        threshold, as in a watch list that must not miss.

    Raises
    ------
    InputError
        A protocol for a table, or failures that count in a set too large for a table.
    """
    if isinstance(data, Scores):
        if protocol is not None:
            raise InputError("a score table has been compared already", where="protocol")
        return _from_scores(data, failures)
    chosen = protocol or AllPairs()
    if isinstance(chosen, OneToOne) or comparisons_in(data, chosen) <= TABLE_LIMIT:
        return _from_scores(compare(data, chosen), failures)
    if failures != "exclude":
        raise InputError(
            f"{comparisons_in(data, chosen):,} comparisons are too many to count failures as "
            "decisions",
            where="--failures",
            do="leave failures out (they are still reported as failures to enrol)",
        )
    return _from_templates(data, chosen)


def _from_scores(scores: Scores, failures: Failures) -> Material:
    owner = scores.sample_subject
    people = len(scores.subjects)
    compared = TableComparisons(scores)
    one, other = owner[scores.failed_probe], owner[scores.failed_reference]
    images = np.bincount(owner, minlength=people)
    if scores.enrolled is not None:
        images = np.array(scores.enrolled.attempted, dtype=np.int64)

    def names(rows: Rows) -> list[tuple[str, str]]:
        found = []
        # Two images of each may give one score twice: each row names a comparison of its own.
        told: Counter[tuple[Any, ...]] = Counter()
        for row in zip(rows.probe, rows.reference, rows.score, strict=True):
            person, partner, score = row
            at = np.flatnonzero(
                (scores.score == score)
                & (owner[scores.probe] == person)
                & (owner[scores.reference] == partner)
            )[told[row]]
            told[row] += 1
            found.append((scores.samples[scores.probe[at]], scores.samples[scores.reference[at]]))
        return found

    return Material(
        comparisons=compared,
        counted=compared if failures == "exclude" else _with_failures(scores, failures),
        failed=len(one),
        failed_nonmated=np.stack([one[one != other], other[one != other]]),
        subjects=scores.subjects,
        attributes=scores.attributes,
        images=images,
        unit=scores.unit,
        engine=scores.engine,
        dataset=scores.dataset,
        protocol=scores.protocol,
        enrolled=scores.enrolled,
        inputs=scores.inputs,
        notes=scores.notes,
        names=names,
    )


def _with_failures(scores: Scores, failures: Failures) -> TableComparisons:
    """The table with failed comparisons beyond every threshold, on the side asked for."""
    beyond = np.float64(-np.inf if failures == "positive" else np.inf)
    count = len(scores.failed_probe)
    return TableComparisons(
        replace(
            scores,
            probe=np.concatenate([scores.probe, scores.failed_probe]),
            reference=np.concatenate([scores.reference, scores.failed_reference]),
            score=np.concatenate([scores.score.astype(np.float64), np.full(count, beyond)]),
            failed_probe=np.empty(0, np.int32),
            failed_reference=np.empty(0, np.int32),
        )
    )


def _from_templates(templates: TemplateSet, protocol: Any) -> Material:
    people = person_codes(templates)
    counts = enrolled(templates)
    made = stream(templates, protocol)
    return Material(
        comparisons=made,
        counted=made,
        failed=0,
        failed_nonmated=np.empty((2, 0), np.int32),
        subjects=tuple(people),
        attributes=person_attributes(templates),
        images=np.array(counts.attempted, dtype=np.int64),
        unit=templates.unit,
        engine=templates.engine,
        dataset={**templates.dataset.to_json(), "digest": templates.dataset_digest},
        protocol=protocol.to_json(),
        enrolled=counts,
        inputs=(),
        notes=templates.notes,
        names=lambda rows: made.images(rows, templates.names),
    )
