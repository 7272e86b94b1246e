"""Which images are compared with which, said once and recorded in everything made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, canonical_json, sha256_bytes
from countenance.scores.exact import ExactTemplates, score_pairs
from countenance.scores.table import Enrolled, Scores
from countenance.scores.tiled import TemplateComparisons

if TYPE_CHECKING:
    from countenance.scores.enrolment import TemplateSet

#: Comparisons up to which a table is made of templates; beyond, they are only ever streamed.
TABLE_LIMIT = 20_000_000


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Every image against every other, once."""

    def to_json(self) -> dict[str, Any]:
        """Name and sentence, as written into tables and audits."""
        return {
            "name": "all-pairs",
            "description": "Every image was compared once with every other image.",
        }


@dataclass(frozen=True, slots=True)
class Split:
    """Images with one value of an attribute as probes against those with another as references."""

    attribute: str
    probe: str
    reference: str

    def to_json(self) -> dict[str, Any]:
        """Name and sentence, as written into tables and audits."""
        return {
            "name": "split",
            "description": f"Every image with {self.attribute} {self.probe!r} as probe was "
            f"compared with every image with {self.attribute} {self.reference!r} as reference.",
            "attribute": self.attribute,
            "probe": self.probe,
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class OneToOne:
    """A list of comparisons, each a probe and a reference by image name."""

    pairs: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Name and sentence, as written into tables and audits."""
        return {
            "name": "one-to-one",
            "description": f"{len(self.pairs):,} listed comparisons were made and no others.",
        }


PairProtocol: TypeAlias = AllPairs | Split | OneToOne


def stream(templates: TemplateSet, protocol: AllPairs | Split) -> TemplateComparisons:
    """The comparisons of a protocol, made tile by tile as they are counted."""
    people = person_codes(templates)
    probes = references = None
    if isinstance(protocol, Split):
        sides = _sides(templates, protocol)
        probes, references = (side[: len(templates)] for side in sides)  # failures come last
    return TemplateComparisons(
        ExactTemplates(templates.templates, templates.unit),
        np.array([people[s] for s in templates.subjects], dtype=np.int32),
        len(people),
        probes=probes,
        references=references,
    )


def compare(templates: TemplateSet, protocol: PairProtocol) -> Scores:
    """The score table of a protocol, in the order of the data set.

    Comparisons with an image that gave no template are in it as failed.

    Raises
    ------
    InputError
        An unknown attribute, value or image; more than `TABLE_LIMIT` comparisons.
    """
    samples = [*templates.names, *(f.name for f in templates.failures)]
    owner = [*templates.subjects, *(f.subject for f in templates.failures)]
    probe, reference = _listed(templates, protocol, samples)
    made = (probe < len(templates)) & (reference < len(templates))
    exact = ExactTemplates(templates.templates, templates.unit)
    people = person_codes(templates)
    return Scores(
        subjects=tuple(people),
        samples=tuple(samples),
        sample_subject=np.array([people[s] for s in owner], dtype=np.int32),
        probe=probe[made],
        reference=reference[made],
        score=score_pairs(exact, probe[made], reference[made]),
        unit=templates.unit,
        attributes=person_attributes(templates),
        ordered=not isinstance(protocol, AllPairs),
        failed_probe=probe[~made],
        failed_reference=reference[~made],
        engine=templates.engine,
        dataset={**templates.dataset.to_json(), "digest": templates.dataset_digest},
        protocol=protocol.to_json(),
        enrolled=enrolled(templates),
        templates_sha256=templates_digest(templates),
        notes=templates.notes,
    )


def templates_digest(templates: TemplateSet) -> str:
    """SHA-256 over the templates in order, little-endian, after their names as canonical JSON."""
    names = canonical_json(list(templates.names))
    return sha256_bytes(names + templates.templates.astype("<i2").tobytes())


def comparisons_in(templates: TemplateSet, protocol: PairProtocol) -> int:
    """How many comparisons a protocol makes, at most."""
    n = len(templates) + len(templates.failures)
    if isinstance(protocol, OneToOne):
        return len(protocol.pairs)
    if isinstance(protocol, Split):
        p, r = _sides(templates, protocol)
        return int(p.sum()) * int(r.sum())
    return n * (n - 1) // 2


def person_codes(templates: TemplateSet) -> dict[str, int]:
    """Person to code, sorted by name: everybody attempted, templates or none."""
    return {name: code for code, name in enumerate(sorted(templates.attempted))}


def person_attributes(templates: TemplateSet) -> dict[str, tuple[str | None, ...]]:
    """For each label of people, one value a person in the order of `person_codes`."""
    names = [c for c in templates.people.columns if c != "subject"]
    rows = {row["subject"]: row for row in templates.people.iter_rows(named=True)}
    return {n: tuple(rows[s][n] for s in person_codes(templates)) for n in names}


def enrolled(templates: TemplateSet) -> Enrolled:
    """Attempts and failures by person, in the order of `person_codes`."""
    people = person_codes(templates)
    failed: dict[str, list[int]] = {}
    for failure in templates.failures:
        counts = failed.setdefault(failure.status.value, [0] * len(people))
        counts[people[failure.subject]] += 1
    return Enrolled(
        attempted=tuple(templates.attempted[s] for s in people),
        failed={status: tuple(counts) for status, counts in sorted(failed.items())},
    )


def _listed(
    templates: TemplateSet, protocol: PairProtocol, samples: Sequence[str]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Probe and reference of every comparison, as indices into `samples`."""
    count = comparisons_in(templates, protocol)
    if count > TABLE_LIMIT:
        raise InputError(
            f"{count:,} comparisons are too many for a table",
            expected=f"at most {TABLE_LIMIT:,}",
            do="audit the folder itself: comparisons are then made and counted tile by tile",
        )
    if isinstance(protocol, OneToOne):
        place = {name: index for index, name in enumerate(samples)}
        unknown = sorted({name for pair in protocol.pairs for name in pair} - set(place))
        if unknown:
            raise InputError(
                f"{len(unknown)} images of the list are not in the data set: {unknown[0]!r}",
                expected="names as in the data set",
            )
        index = np.array([[place[a], place[b]] for a, b in protocol.pairs], dtype=np.int32)
        return index.reshape(-1, 2)[:, 0], index.reshape(-1, 2)[:, 1]
    if isinstance(protocol, Split):
        p, r = (np.flatnonzero(side) for side in _sides(templates, protocol))
        probe, reference = np.repeat(p, len(r)), np.tile(r, len(p))
        different = probe != reference
        probe, reference = probe[different], reference[different]
    else:
        probe, reference = np.triu_indices(len(samples), 1)
    return probe.astype(np.int32), reference.astype(np.int32)


def _sides(
    templates: TemplateSet, protocol: Split
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Bool (templates + failures,): which images are probes and which references."""
    labels = templates.attributes
    if protocol.attribute not in labels.columns:
        raise InputError(
            f"images have no attribute {protocol.attribute!r}",
            expected=f"one of: {', '.join(c for c in labels.columns if c not in _NOT_LABELS)}",
        )
    values: list[str | None] = labels[protocol.attribute].to_list()
    values += [failure.attributes.get(protocol.attribute) for failure in templates.failures]
    asked = (protocol.probe, protocol.reference)
    sides = [np.array([v == wanted for v in values]) for wanted in asked]
    for wanted, side in zip(asked, sides, strict=True):
        if not side.any():
            raise InputError(
                f"no image has {protocol.attribute} {wanted!r}",
                expected=f"one of: {', '.join(sorted({v for v in values if v}))}",
            )
    return sides[0], sides[1]


_NOT_LABELS = frozenset({"path", "subject"})


def _wanted(protocol: Split) -> tuple[str, str]:
    return protocol.probe, protocol.reference
