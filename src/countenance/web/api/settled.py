"""What is shown of a settled review: the whole list, and what such scores mean by the audit."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from countenance.desk.reviews import ReviewState
from countenance.web.api.base import Out


class PictureReference(Out):
    """What is recorded of a gallery's picture; never anything read off the face."""

    captured_on: datetime.date | None
    groups: Mapping[str, str]
    removed_at: datetime.datetime | None


class Meaning(Out):
    """How often different people of one group score at least so high, counted in the audit."""

    group: str
    measured_at: float | None
    events: int | None
    trials: int | None
    rate: float | None
    low: float | None
    high: float | None
    level: float
    sentence: str


class FalseCandidates(Out):
    """How many false candidates a search of so many is to be expected to return, for one group."""

    group: str
    compared: int
    expected: float | None
    low: float | None
    high: float | None
    level: float
    sentence: str


class ListEntry(Out):
    """One candidate of the list; `score` is the exact integer, `value` in the engine's unit."""

    candidate: str
    rank: int
    ties: int
    score: int
    value: float
    unit: str
    reference: PictureReference
    age_days: int | None
    means: tuple[Meaning, ...]
    sentence: str


class SettledReview(Out):
    """A settled review with its whole list: rank one never comes without the others."""

    state: ReviewState
    entries: tuple[ListEntry, ...]
    compared: int
    false_candidates: tuple[FalseCandidates, ...]
