"""`Scores`: a score table in memory, as codes and exact numbers, ready to be counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from countenance.core import Note, ScoreUnit, atomic_write, canonical_json

if TYPE_CHECKING:
    import polars as pl

TABLE_SCHEMA = "countenance/scores"
TABLE_VERSION = 1
METADATA_KEY = "countenance"

Codes = npt.NDArray[np.int32]

_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How many images of each person were tried and how they failed.

    `attempted[p]` counts person ``p``'s images; `failed[status][p]` those that failed that way.
    """

    attempted: tuple[int, ...]
    failed: Mapping[str, tuple[int, ...]]

    @property
    def failures(self) -> tuple[int, ...]:
        """Failed images of each person, whatever the reason."""
        zero = [0] * len(self.attempted)
        return tuple(map(sum, zip(zero, *self.failed.values(), strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Comparisons of images of people, with what is known of the people.

    Attributes
    ----------
    subjects
        Names of the n people; person ``p`` below is an index into it.
    samples
        Names of the images.
    sample_subject
        int32 (samples,): whose image it is.
    probe, reference
        int32 (m,): the images of each comparison, as indices into `samples`.
    score
        (m,) the internal ``s`` that grows with similarity: int32 where the unit is exact,
        float64 else.
    failed_probe, failed_reference
        int32 (f,): comparisons that could not be made because an image gave no template.
    attributes
        For each attribute one value a person, None where not stated.
    ordered
        True where probes and references are different images (probe group and reference group
        then are different things); False where every pair of images was compared once.
    unit, engine, dataset, protocol
        What the scores mean and where they come from, as written in the table.
    enrolled
        Failures to enrol, where known.
    templates_sha256
        SHA-256 over all templates the scores were made from (`templates_digest`), so that who
        makes them again can tell whether inference came out bit for bit the same.
    inputs
        (name, SHA-256, rows) of the files read.
    notes
        What was met on the way: duplicates dropped, people without labels.
    """

    subjects: tuple[str, ...]
    samples: tuple[str, ...]
    sample_subject: Codes
    probe: Codes
    reference: Codes
    score: npt.NDArray[Any]
    unit: ScoreUnit
    attributes: Mapping[str, tuple[str | None, ...]]
    ordered: bool
    failed_probe: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    failed_reference: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    engine: Mapping[str, Any] | None = None
    dataset: Mapping[str, Any] | None = None
    protocol: Mapping[str, Any] | None = None
    enrolled: Enrolled | None = None
    templates_sha256: str | None = None
    inputs: tuple[tuple[str, str, int | None], ...] = ()
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.score)

    @property
    def mated(self) -> npt.NDArray[np.bool_]:
        """Bool (m,): both images are of one person."""
        same = np.empty(len(self), dtype=bool)
        for start in range(0, len(self), _STEP):
            part = slice(start, start + _STEP)
            owner = self.sample_subject
            np.equal(owner[self.probe[part]], owner[self.reference[part]], out=same[part])
        return same

    def frame(self) -> pl.DataFrame:
        """The table as it is stored: one row a comparison, failed ones with a null score."""
        import polars as pl

        names = pl.Series(self.samples, dtype=pl.String)
        people = pl.Series(self.subjects, dtype=pl.String)
        probe = np.concatenate([self.probe, self.failed_probe])
        reference = np.concatenate([self.reference, self.failed_reference])
        stored = pl.Series(self.unit.stored(self.score))
        missing = pl.Series([None] * len(self.failed_probe), dtype=stored.dtype)
        return pl.DataFrame(
            {
                "probe": names.gather(probe),
                "reference": names.gather(reference),
                "probe_subject": people.gather(self.sample_subject[probe]),
                "reference_subject": people.gather(self.sample_subject[reference]),
                "score": pl.concat([stored, missing]),
            }
        )

    def people(self) -> pl.DataFrame:
        """The attribute table: one row a person, `subject` and the attributes."""
        import polars as pl

        columns: dict[str, Any] = {"subject": list(self.subjects)}
        columns.update({name: list(values) for name, values in self.attributes.items()})
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    def metadata(self) -> dict[str, Any]:
        """What the Parquet file carries beside its rows."""
        enrolled = self.enrolled and {
            "attempted": list(self.enrolled.attempted),
            "failed": {name: list(count) for name, count in self.enrolled.failed.items()},
        }
        attributes = {name: list(values) for name, values in self.attributes.items()}
        return {
            "schema": TABLE_SCHEMA,
            "version": TABLE_VERSION,
            "unit": self.unit.to_json(),
            "ordered": self.ordered,
            "engine": self.engine,
            "dataset": self.dataset,
            "protocol": self.protocol,
            "templates_sha256": self.templates_sha256,
            "people": {
                "subjects": list(self.subjects),
                "attributes": attributes,
                "enrolled": enrolled,
            },
        }

    def write(self, path: Path) -> None:
        """Write the table as Parquet, whole or not at all."""
        with atomic_write(path) as file:
            self.frame().write_parquet(
                file,
                compression="zstd",
                metadata={METADATA_KEY: canonical_json(self.metadata()).decode()},
            )
