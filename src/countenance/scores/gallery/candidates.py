"""Candidate lists: the best scores of a search, ties in full, in an order that nothing can change.

A candidate is a lead to examine: an id and a score, and never a statement of who somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, ScoreUnit
from countenance.scores.gallery.layout import ID_BYTES

#: Candidates a list may hold. More is refused, never cut.
LIST_LIMIT: Final = 10_000

_LEAST = -(2**31)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One template of the gallery; `score` is the exact integer that grows with similarity."""

    id: str
    score: int


@dataclass(frozen=True, slots=True)
class CandidateList:
    """What came back for one probe, highest score first, equal scores by the ids' bytes."""

    probe: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The whole answer of one search. An empty list is an answer.

    Attributes
    ----------
    permit, request, decision
        SHA-256 of the permit, and what it names.
    gallery, gallery_digest, issuer
        Which gallery, in which state, and whose permits it asks for.
    engine, unit
        What made the templates and what a score means.
    threshold, rank
        As permitted.
    compared
        N: templates each probe was compared with.
    deleted, erased
        Rows that hold nothing any more, and templates whose keys were destroyed.
    lists
        One a probe, in their order.
    """

    permit: str
    request: str
    decision: str
    gallery: str
    gallery_digest: str
    issuer: str
    engine: str
    unit: ScoreUnit
    threshold: int | None
    rank: int | None
    compared: int
    deleted: int
    erased: int
    lists: tuple[CandidateList, ...]

    def to_json(self) -> dict[str, Any]:
        """To be sealed: the same search gives the same canonical bytes."""
        return {
            "schema": "countenance/candidates",
            "version": 1,
            "permit": self.permit,
            "request": self.request,
            "decision": self.decision,
            "gallery": self.gallery,
            "gallery_digest": self.gallery_digest,
            "issuer": self.issuer,
            "engine": self.engine,
            "unit": self.unit.to_json(),
            "threshold": self.threshold,
            "rank": self.rank,
            "compared": self.compared,
            "deleted": self.deleted,
            "erased": self.erased,
            "lists": [
                {
                    "probe": each.probe,
                    "candidates": [{"id": c.id, "score": c.score} for c in each.candidates],
                }
                for each in self.lists
            ],
        }


class Best:
    """The best scores so far of one probe: all that could still be in its list."""

    def __init__(self, threshold: int | None, rank: int | None) -> None:
        self._rank = rank
        self._cut = _LEAST if threshold is None else max(_LEAST, min(threshold, -_LEAST - 1))
        self._scores: list[npt.NDArray[np.int32]] = []
        self._ids: list[npt.NDArray[np.uint8]] = []
        self._held = 0
        self._room = LIST_LIMIT

    def add(
        self,
        scores: npt.NDArray[np.int32],
        ids: npt.NDArray[np.uint8],
        missing: npt.NDArray[np.bool_] | None,
    ) -> None:
        """Scores (n,), ids (n, `ID_BYTES`), and which of them are none."""
        found = scores >= self._cut
        if missing is not None:
            found &= ~missing
        hits = np.flatnonzero(found)
        if hits.size:
            self._take(scores[hits], ids[hits])

    def merge(self, other: Best) -> None:
        """Take in what another one kept."""
        for scores, ids in zip(other._scores, other._ids, strict=True):
            self._take(scores, ids)

    def candidates(self) -> tuple[Candidate, ...]:
        """The list. Raises InputError where it is longer than `LIST_LIMIT`."""
        self._prune()
        if self._held > LIST_LIMIT:
            raise InputError(
                f"more than {LIST_LIMIT:,} candidates", expected=f"at most {LIST_LIMIT:,}",
                do="ask for a higher threshold or, if there are that many ties, look into the "
                "gallery: lists are not cut",
            )  # fmt: skip
        rows = [
            (-int(score), raw.tobytes().rstrip(b"\0"))
            for part, ids in zip(self._scores, self._ids, strict=True)
            for score, raw in zip(part, ids, strict=True)
        ]
        return tuple(Candidate(raw.decode(), -score) for score, raw in sorted(rows))

    def _take(self, scores: npt.NDArray[np.int32], ids: npt.NDArray[np.uint8]) -> None:
        self._scores.append(scores)
        self._ids.append(ids)
        self._held += len(scores)
        if self._held > self._room:
            self._prune()
            self._room = 2 * max(self._held, LIST_LIMIT)

    def _prune(self) -> None:
        """Let go of what cannot be in the list.

        Of ties with the last, one more than a list may hold is enough to know that it is too long.
        """
        if not self._scores:
            return
        scores, ids = np.concatenate(self._scores), np.concatenate(self._ids)
        if self._rank is not None and len(scores) > self._rank:
            last = int(np.partition(scores, -self._rank)[-self._rank])
            self._cut = max(self._cut, last)
            keep = np.flatnonzero(scores > last)
            ties = np.flatnonzero(scores == last)[: LIST_LIMIT + 1]
            keep = np.concatenate((keep, ties))
        else:
            keep = np.arange(min(len(scores), LIST_LIMIT + 1))
        self._scores, self._ids = [scores[keep]], [ids[keep].reshape(-1, ID_BYTES)]
        self._held = len(keep)
