"""Reviews: the tables, the states, and how two examinations become one outcome.

A review has two seats. What sits in each is one `Examination`, and nothing that an examiner can
call reads the other one: the two come together only in `outcome`, when both are concluded.
"""

from __future__ import annotations

import datetime
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import canonical_json
from countenance.desk.base import UTC, Base
from countenance.desk.errors import StateError
from countenance.desk.features import Comparison, Conclusion, ProbeNotes
from countenance.desk.searches import Search
from countenance.desk.secrets_at_rest import Secrets
from countenance.record import EventKind, Field

SEATS = 2
EXAMINED_WITHIN = datetime.timedelta(days=14)
"""A seat that was taken longer ago, and in which nobody has concluded, is anybody else's."""


class ExaminationState(StrEnum):
    """Where one examiner stands."""

    TAKEN = "taken"
    NOTED = "noted"
    CONCLUDED = "concluded"
    LAPSED = "lapsed"  # somebody else took the seat


EXAMINATION_MOVES: Mapping[ExaminationState, frozenset[ExaminationState]] = {
    ExaminationState.TAKEN: frozenset({ExaminationState.NOTED, ExaminationState.LAPSED}),
    ExaminationState.NOTED: frozenset({ExaminationState.CONCLUDED, ExaminationState.LAPSED}),
    ExaminationState.CONCLUDED: frozenset(),
    ExaminationState.LAPSED: frozenset(),
}
AT_WORK = (ExaminationState.TAKEN, ExaminationState.NOTED)


class ReviewState(StrEnum):
    """Where a review stands. All but `OPEN` are final."""

    OPEN = "open"
    AGREED_CANDIDATE = "agreed-candidate"
    AGREED_NONE = "agreed-none"
    DISAGREED = "disagreed"


REVIEW_MOVES: Mapping[ReviewState, frozenset[ReviewState]] = {
    ReviewState.OPEN: frozenset(set(ReviewState) - {ReviewState.OPEN}),
    ReviewState.AGREED_CANDIDATE: frozenset(),
    ReviewState.AGREED_NONE: frozenset(),
    ReviewState.DISAGREED: frozenset(),
}

KINDS: tuple[EventKind, ...] = (
    # A known-answer case must look like any other until it is over: so no request is named.
    EventKind(
        "examination-changed", 1,
        "an examiner took a review, noted the probe, concluded, or took too long",
        {
            "examination": Field("digest"),
            "change": Field("code", tuple(ExaminationState)),
        },
        ("examiner", "record"),
    ),
    EventKind(
        "review-settled", 1, "two examiners had each concluded alone",
        {
            "request": Field("digest"),
            "outcome": Field("code", tuple(sorted(set(ReviewState) - {ReviewState.OPEN}))),
            "candidates": Field("count"),
        },
        ("case", "list"),
    ),
)  # fmt: skip


class Review(Base):
    """One list to be examined, of a search or of a known-answer case."""

    __tablename__ = "reviews"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    search: Mapped[str | None] = mapped_column(ForeignKey("searches.id"), unique=True)
    known: Mapped[str | None] = mapped_column(ForeignKey("known_answers.id"), index=True)
    state: Mapped[ReviewState] = mapped_column(String(32), index=True)
    opened_at: Mapped[datetime.datetime] = mapped_column(UTC)
    settled_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class Examination(Base):
    """One examiner's work, alone. `seed` makes the order in which candidates are shown.

    `seat` is 1 or 2; of one that lapsed it is higher, and counts for nothing.
    """

    __tablename__ = "examinations"
    __table_args__ = (UniqueConstraint("review", "seat"), UniqueConstraint("review", "examiner"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    review: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    seat: Mapped[int] = mapped_column(Integer)
    examiner: Mapped[str] = mapped_column(String(32), index=True)
    state: Mapped[ExaminationState] = mapped_column(String(16))
    seed: Mapped[bytes] = mapped_column(LargeBinary)
    handle: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime.datetime] = mapped_column(UTC)
    noted_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    concluded_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    notes_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    findings_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


@dataclass(frozen=True, slots=True)
class Reference:
    """What is recorded of a gallery image; never anything read off the face.

    `groups` holds recorded attributes by name, empty where none are. Of an image that was removed
    from its gallery since, the day it was taken is left, and `removed_at`.
    """

    captured_on: datetime.date | None
    groups: Mapping[str, str]
    removed_at: datetime.datetime | None = None


class Pictures(Protocol):
    """The pictures of a search, decrypted for whoever is allowed to see them here."""

    def probe(self, db: Session, search: Search) -> bytes:
        """The picture that was searched with."""

    def reference(self, db: Session, gallery: str, candidate: str) -> bytes:
        """A candidate's picture."""

    def about(self, db: Session, gallery: str, candidate: str) -> Reference:
        """What is recorded of it."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """What one examiner concluded, in the candidates' own ids."""

    examiner: str
    findings: Mapping[str, Comparison]

    @property
    def pick(self) -> str | None:
        """The candidate whose features support one person, if there is one."""
        same = [key for key, each in self.findings.items() if each.conclusion is Conclusion.SAME]
        return same[0] if same else None

    @property
    def record(self) -> bytes:
        """What is sealed of it."""
        return canonical_json({key: each.to_json() for key, each in self.findings.items()})

    @property
    def undecided(self) -> bool:
        """No candidate was picked, and not every one was set aside."""
        kept = {Conclusion.INCONCLUSIVE, Conclusion.SOME_SAME}
        return self.pick is None and any(f.conclusion in kept for f in self.findings.values())


def outcome(first: Concluded, second: Concluded) -> ReviewState:
    """What two examiners together say: a candidate only where both, alone, came to the same."""
    if first.pick != second.pick:
        return ReviewState.DISAGREED
    return ReviewState.AGREED_NONE if first.pick is None else ReviewState.AGREED_CANDIDATE


def label(seed: bytes, candidate: str) -> str:
    """What an examiner knows a candidate by: says nothing of it, of its rank or of its score."""
    return hmac.digest(seed, candidate.encode(), "sha256").hex()[:24]


def shown_order(seed: bytes, candidates: list[str]) -> list[tuple[str, str]]:
    """(label, candidate) in the order of this seed, whatever order they came in."""
    return sorted((label(seed, each), each) for each in candidates)


def seal_notes(
    db: Session, keys: Secrets, row: Examination, notes: ProbeNotes, now: datetime.datetime
) -> bytes:
    """Keep the notes on a probe; the clear bytes."""
    clear = canonical_json(notes.to_json())
    row.notes_box = keys.seal(db, row.handle, clear, purpose=f"notes {row.id}", now=now)
    return clear


def open_notes(db: Session, keys: Secrets, row: Examination) -> ProbeNotes:
    """The notes of an examination. StateError where there are none yet."""
    return ProbeNotes.from_json(_open(db, keys, row, row.notes_box, "notes"))


def seal_findings(
    db: Session, keys: Secrets, row: Examination, findings: Mapping[str, Comparison],
    now: datetime.datetime,
) -> bytes:  # fmt: skip
    """Keep what was found of each candidate, by its own id; the clear bytes."""
    clear = Concluded(row.examiner, findings).record
    row.findings_box = keys.seal(db, row.handle, clear, purpose=f"findings {row.id}", now=now)
    return clear


def open_findings(db: Session, keys: Secrets, row: Examination) -> Concluded:
    """What an examination found. StateError where it is not concluded."""
    value = _open(db, keys, row, row.findings_box, "findings")
    return Concluded(row.examiner, {k: Comparison.from_json(v) for k, v in value.items()})


def _open(db: Session, keys: Secrets, row: Examination, box: bytes | None, what: str) -> Any:
    if box is None:
        raise StateError("this is not written yet")
    return json.loads(keys.open(db, row.handle, box, purpose=f"{what} {row.id}"))
