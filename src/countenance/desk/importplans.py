"""What an import would do: every row of a manifest judged, every file hashed, nothing decoded.

The manifest needs the columns path, subject, source, basis, captured, expires, disposition and
born (dates as 2026-11-23). A column ``group.<name>`` states a group as the record has it.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countenance.core import InputError, Progress, digest_json, no_progress, sha256_file
from countenance.datasets import Sample, read_dataset
from countenance.desk.keptout import subject_mark
from countenance.desk.lawful import Facts, why_not
from countenance.desk.secrets_at_rest import Secrets

MOST_BYTES = 20 * 2**20
DUPLICATE = "duplicate"
LEFT_BEFORE = "left-before"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the manifest with its file's hash; `refused` is a code and a sentence."""

    sample: Sample
    facts: Facts
    sha256: str
    refused: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do.

    Attributes
    ----------
    digest
        Over every row and every file's bytes; the same folder has the same one, whatever the
        gallery holds.
    rows
        In the manifest's order.
    notes
        What the reader met before: missing files, people withdrawn, the same file twice.
    """

    digest: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def admitted(self) -> int:
        """Rows that may come in, if a face is found in them."""
        return sum(row.refused is None for row in self.rows)

    def refusals(self) -> Mapping[str, int]:
        """How many rows are refused, by code."""
        return Counter(row.refused[0] for row in self.rows if row.refused is not None)


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan needs of a gallery: its rules, its images' marks, and those kept out."""

    gallery: str
    sources: frozenset[str]
    keep_days: int
    marks: frozenset[str]
    kept_out: frozenset[str]


def make_plan(
    folder: Path, known: Known, *, today: datetime.date, keys: Secrets,
    progress: Progress = no_progress,
) -> Plan:  # fmt: skip
    """Read and hash a folder, and judge every row."""
    dataset = read_dataset(folder, layout="manifest")
    rows: list[Row] = []
    seen: set[str] = set()
    subject_of: dict[str, set[str]] = {}
    hashes = []
    for done, sample in enumerate(dataset.samples, 1):
        sha256 = sha256_file(sample.path)
        hashes.append(sha256)
        subject_of.setdefault(sha256, set()).add(sample.subject)
        progress("hashing images", done, len(dataset.samples))
    for sample, sha256 in zip(dataset.samples, hashes, strict=True):
        facts, unread = _facts(sample.attributes)
        refused = unread or why_not(
            facts, sources=known.sources, keep_days=known.keep_days, today=today
        )
        if refused is None and sample.stated_sha256 not in (None, sha256):
            refused = "altered", "its bytes are not those that the manifest states"
        if refused is None and len(subject_of[sha256]) > 1:
            refused = "two-people", "the same image is listed under two people"
        if refused is None and sample.path.stat().st_size > MOST_BYTES:
            refused = "too-large", f"it has more than {MOST_BYTES // 2**20} MiB"
        marks = (
            image_mark(keys, known.gallery, sha256),
            subject_mark(keys, known.gallery, sample.subject),
        )
        if refused is None and not known.kept_out.isdisjoint(marks):
            refused = LEFT_BEFORE, "it, or its person, had to leave this gallery and is kept out"
        there = sha256 in seen or marks[0] in known.marks
        if refused is None and there:
            refused = DUPLICATE, "the gallery has this image"
        if refused is None:
            seen.add(sha256)
        rows.append(Row(sample, facts, sha256, refused))
    digest = digest_json(
        [
            [row.sample.row, row.sample.name, row.sample.subject, row.sha256,
             dict(sorted(row.sample.attributes.items()))]
            for row in rows
        ]
    )  # fmt: skip
    return Plan(digest, tuple(rows), tuple(note.text for note in dataset.notes))


def below(root: Path, folder: str) -> Path:
    """The folder below `root`. Raises InputError where it is none, or leads elsewhere."""
    base = root.resolve()
    try:
        found = (base / folder).resolve()
        if folder and base in found.parents and found.is_dir():
            return found
    except (OSError, ValueError):  # a name that no folder can have
        pass
    raise InputError("there is no such folder to import from")


def image_mark(keys: Secrets, gallery: str, sha256: str) -> str:
    """The keyed fingerprint by which a gallery knows an image again without keeping its hash."""
    return keys.fingerprint(sha256, purpose=f"image {gallery}")


def _facts(said: Mapping[str, str]) -> tuple[Facts, tuple[str, str] | None]:
    """What the row says; and a refusal if a date in it is no date."""
    dates: dict[str, datetime.date | None] = {}
    wrong = None
    for name in ("captured", "expires", "born"):
        try:
            dates[name] = datetime.date.fromisoformat(said[name]) if said.get(name) else None
        except ValueError:
            dates[name], wrong = None, ("no-date", f"{name} is no date like 2026-11-23")
    return Facts(
        said.get("source", ""), said.get("basis", ""), dates["captured"], dates["expires"],
        said.get("disposition", ""), dates["born"],
    ), wrong  # fmt: skip
