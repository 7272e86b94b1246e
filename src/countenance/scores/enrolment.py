"""From labelled images to labelled templates, with every failure counted.

A failure to enrol is a result: it belongs to a person, so to a group, and a group whose images
fail more often has a worse system than its error rates alone show. Nobody drops out unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from countenance.core import (
    CountenanceError,
    InputError,
    Note,
    Progress,
    ScoreUnit,
    no_progress,
)
from countenance.datasets import Dataset, DatasetCard, Sample, hash_images
from countenance.faces import Engine, Enrolment, Picture, Status, Unreadable, read_picture
from countenance.scores.cache import TemplateCache

if TYPE_CHECKING:
    import polars as pl

#: Pixels decoded at a time, whatever the number of pictures: 32 million are 96 MB.
BATCH_PIXELS = 32_000_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One image that gave no template.

    Attributes
    ----------
    row, name, subject
        Of the sample.
    status
        Why, for counting: ``no_face``, ``too_small``.
    reason
        Why, for a person: one plain sentence.
    attributes
        Every label of the image, as in `TemplateSet.attributes`.
    """

    row: int
    name: str
    subject: str
    status: Status
    reason: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class TemplateSet:
    """Templates of a data set by one engine, in the data set's order.

    Attributes
    ----------
    templates
        int16 (n, dimension).
    names, subjects
        The image and the capture subject of each template, n of each.
    attributes
        n rows: ``path``, ``subject`` and every label of the image; null where not stated.
    people
        One row for each person attempted, templates or none: ``subject`` and the labels that
        belong to people (see `Dataset.people`).
    face_px
        Shorter side of each face found, n of them; None where the engine does not tell.
    failures
        Images without a template, in the data set's order.
    attempted
        Person to how many images were attempted, failures included.
    unit
        What a score between two of these templates means.
    engine, engine_digest
        The engine's card as JSON, and its digest.
    dataset, dataset_digest
        The data set's card, and its digest over names, labels and image hashes.
    notes
        The data set's notes and what was met here.
    """

    templates: npt.NDArray[np.int16]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    attributes: pl.DataFrame
    people: pl.DataFrame
    face_px: tuple[int | None, ...]
    failures: tuple[Failure, ...]
    attempted: Mapping[str, int]
    unit: ScoreUnit
    engine: Mapping[str, Any]
    engine_digest: str
    dataset: DatasetCard
    dataset_digest: str
    notes: tuple[Note, ...]

    def __len__(self) -> int:
        return len(self.templates)


def enrol(
    dataset: Dataset,
    engine: Engine,
    *,
    cache: TemplateCache | None = None,
    progress: Progress = no_progress,
    batch: int = 16,
) -> TemplateSet:
    """Make the templates of a data set.

    Pictures are read in batches, at most `batch` and about `BATCH_PIXELS` pixels at a time. What
    the cache has is neither decoded nor sent to the engine. Each batch is kept in the cache as
    soon as it is done, so an interrupted run goes on where it stopped.

    Parameters
    ----------
    dataset
        Images and labels; hashed first if it is not.
    engine
        See `countenance.faces.load_engine`.
    cache
        Where templates are kept; None keeps none.
    progress
        Called with "Hashing images" and "Reading faces".
    batch
        Pictures in one call of the engine.

    Raises
    ------
    InputError
        No image gave a template, or a file changed while the run was reading it.
    CountenanceError
        The engine broke its contract: too few results, or a template of another shape.
    """
    dataset = hash_images(dataset, progress)
    card = engine.card
    samples = dataset.samples
    outcomes: dict[int, Enrolment] = {}
    with ExitStack() as stack:
        shelf = stack.enter_context(cache.open(card.digest, card.dimension)) if cache else None
        if shelf is not None:
            kept = shelf.get([s.sha256 for s in samples if s.sha256 is not None])
            outcomes = {
                i: kept[s.sha256]
                for i, s in enumerate(samples)
                if s.sha256 is not None and s.sha256 in kept
            }
        progress("Reading faces", len(outcomes), len(samples))
        todo = [(i, sample) for i, sample in enumerate(samples) if i not in outcomes]
        for indices, pictures in _batches(todo, batch):
            outcomes.update(zip(indices, _enrol_batch(engine, pictures), strict=True))
            pictures.clear()  # before the next batch is decoded: one in memory, not two
            if shelf is not None:
                new = {samples[i].sha256: outcomes[i] for i in indices}
                shelf.put({sha: outcome for sha, outcome in new.items() if sha is not None})
            progress("Reading faces", len(outcomes), len(samples))
        notes = (*dataset.notes, *(shelf.notes if shelf is not None else ()))
    return _collect(dataset, engine, [outcomes[i] for i in range(len(samples))], notes)


def _batches(
    todo: Sequence[tuple[int, Sample]], size: int
) -> Iterator[tuple[list[int], list[Picture | Unreadable]]]:
    """Indices and decoded pictures, never more than `size` or about `BATCH_PIXELS` at once."""
    indices: list[int] = []
    pictures: list[Picture | Unreadable] = []
    pixels = 0
    for index, sample in todo:
        picture = read_picture(sample.path, name=sample.name)
        if isinstance(picture, Picture):
            if picture.sha256 != sample.sha256:
                raise InputError(
                    "changed while the run was reading it",
                    where=sample.name,
                    do="run again when nothing writes into the folder; templates made are kept",
                )
            pixels += picture.pixels.shape[0] * picture.pixels.shape[1]
        indices.append(index)
        pictures.append(picture)
        del picture
        if len(indices) >= size or pixels >= BATCH_PIXELS:
            yield indices, pictures
            indices, pictures, pixels = [], [], 0
    if indices:
        yield indices, pictures


def _enrol_batch(engine: Engine, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
    """One outcome a picture; what could not be read does not reach the engine."""
    readable = [p for p in pictures if isinstance(p, Picture)]
    made = engine.enrol(readable) if readable else []
    card = engine.card
    if len(made) != len(readable):
        raise CountenanceError(
            f"gave {len(made)} results for {len(readable)} pictures", where=f"engine {card.name}"
        )
    for outcome in made:
        vector = outcome.template
        if vector is not None and (vector.dtype != np.int16 or vector.shape != (card.dimension,)):
            raise CountenanceError(
                f"gave a template of {vector.dtype} and shape {vector.shape}",
                where=f"engine {card.name}",
                expected=f"int16 of shape ({card.dimension},)",
            )
    results = iter(made)
    return [
        next(results)
        if isinstance(p, Picture)
        else Enrolment(Status.UNREADABLE, p.reason or "cannot be read")
        for p in pictures
    ]


def _collect(
    dataset: Dataset, engine: Engine, outcomes: Sequence[Enrolment], notes: tuple[Note, ...]
) -> TemplateSet:
    """The set of what was made, and the list of what was not."""
    import polars as pl

    vectors: list[npt.NDArray[np.int16]] = []
    good: list[Sample] = []
    face_px: list[int | None] = []
    failures: list[Failure] = []
    places: list[str] = []
    for sample, outcome in zip(dataset.samples, outcomes, strict=True):
        if outcome.template is not None:
            vectors.append(outcome.template)
            good.append(sample)
            face_px.append(outcome.face_px)
        else:
            failures.append(
                Failure(
                    row=sample.row,
                    name=sample.name,
                    subject=sample.subject,
                    status=outcome.status,
                    reason=outcome.reason,
                    attributes=sample.attributes,
                )
            )
            places.append(f"{dataset.place(sample)}: {outcome.reason}")
    if failures:
        counts = Counter(f.status.value for f in failures)
        by_status = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
        text = (
            f"{len(failures):,} of {len(outcomes):,} images gave no template ({by_status}); "
            "counted as failures to enrol."
        )
        if not good:
            raise InputError(
                text, where=str(dataset.root), expected="an image with one face", do=places[0]
            )
        more = (f"and {len(places) - 5:,} more",) if len(places) > 5 else ()
        notes += (Note("failed-to-enrol", len(failures), text, (*places[:5], *more)),)
    columns: dict[str, list[str | None]] = {
        name: [s.attributes.get(name) for s in good] for name in dataset.attributes
    }
    columns = {"path": [s.name for s in good], "subject": [s.subject for s in good], **columns}
    return TemplateSet(
        templates=np.stack(vectors),
        names=tuple(s.name for s in good),
        subjects=tuple(s.subject for s in good),
        attributes=pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)),
        people=dataset.people(),
        face_px=tuple(face_px),
        failures=tuple(failures),
        attempted=dict(Counter(s.subject for s in dataset.samples)),
        unit=engine.card.unit,
        engine=engine.card.to_json(),
        engine_digest=engine.card.digest,
        dataset=dataset.card,
        dataset_digest=dataset.digest,
        notes=notes,
    )
