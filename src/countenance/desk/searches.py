"""Searches: what one is, when it may be made, and the sealed list that nobody sees too early.

A search is *running*, then *sealed* (its complete list, or that it is empty, is encrypted here and
committed to in the log), then *open*, once the entry is in a published checkpoint with the
witnesses' quorum. One that was interrupted and not gone on with while its approval was good is
*expired*: it has no list and never will. `opened_list` is the only way to a list, and opens none
that is not open.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import IntegrityError, canonical_json, sha256_bytes
from countenance.desk.base import UTC, Base
from countenance.desk.errors import NotAllowedError
from countenance.desk.secrets_at_rest import Secrets
from countenance.record import EventKind, Field

_DIGEST = Field("digest")

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "search-started", 1, "an approved search was begun, or begun again after an interruption",
        {"request": _DIGEST, "decision": _DIGEST, "audit": _DIGEST, "attempt": Field("count")},
        ("case", "requester"),
    ),
    EventKind(
        "search-interrupted", 1, "a search was given up before it had a list",
        {"request": _DIGEST, "attempt": Field("count"), "reason": Field("code")},
        ("case",),
    ),
    EventKind(
        "search-opened", 1, "a sealed list was published with its witnesses and may be examined",
        {"request": _DIGEST, "checkpoint": Field("count"), "candidates": Field("count")},
        ("case",),
    ),
)  # fmt: skip


class SearchState(StrEnum):
    """Where a search stands."""

    RUNNING = "running"
    SEALED = "sealed"
    OPEN = "open"
    EXPIRED = "expired"


WITH_A_LIST = frozenset({SearchState.SEALED, SearchState.OPEN})


MOVES: Mapping[SearchState, frozenset[SearchState]] = {
    SearchState.RUNNING: frozenset({SearchState.RUNNING, SearchState.SEALED, SearchState.EXPIRED}),
    SearchState.SEALED: frozenset({SearchState.OPEN}),
    SearchState.OPEN: frozenset(),
    SearchState.EXPIRED: frozenset(),
}


class Search(Base):
    """One search of one request. A re-run is another request, and counts (failure F14)."""

    __tablename__ = "searches"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    request: Mapped[str] = mapped_column(String(32), unique=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    case_id: Mapped[str] = mapped_column(String(32), index=True)
    handle: Mapped[str] = mapped_column(String(64))
    requester: Mapped[str] = mapped_column(String(32), index=True)
    approver: Mapped[str] = mapped_column(String(32))
    place: Mapped[str] = mapped_column(String(8))
    engine: Mapped[str] = mapped_column(String(64))
    audit: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(64))
    gallery: Mapped[str] = mapped_column(String(64))
    state: Mapped[SearchState] = mapped_column(String(16), index=True)
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    lease_until: Mapped[datetime.datetime] = mapped_column(UTC)
    started_at: Mapped[datetime.datetime] = mapped_column(UTC)
    sealed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    opened_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    digest: Mapped[str | None] = mapped_column(String(64), default=None)
    candidates: Mapped[int | None] = mapped_column(Integer, default=None)
    entry: Mapped[int | None] = mapped_column(Integer, default=None)
    checkpoint: Mapped[int | None] = mapped_column(Integer, default=None)


@dataclass(frozen=True, slots=True)
class ReadyRequest:
    """An approved request, as the search needs it.

    Attributes
    ----------
    id, digest
        The request, and the digest that was approved.
    handle
        Under which all of the case is sealed.
    probe
        Digest of the probe's template.
    gallery, engine
        Whose templates, and the identity of the engine that made them.
    threshold, list_length
        The governed settings: least score and longest list; None for one that does not limit.
    place
        ISO 3166 code of whose rules bind.
    """

    id: str
    digest: str
    case: str
    handle: str
    requester: str
    approver: str
    probe: str
    gallery: str
    engine: str
    threshold: int | None
    list_length: int | None
    place: str


@dataclass(frozen=True, slots=True)
class Clearance:
    """What stands of a request at the moment of its search.

    Attributes
    ----------
    permits, decision
        Whether the final decision of the law room permits, and its digest.
    approved
        The digest that a valid, unexpired approval covers; empty without one.
    audit
        Digest of the engine's current audit, where it meets the policy; empty otherwise.
    settings_approved
        Threshold and list length are those in force.
    """

    request: ReadyRequest
    permits: bool
    decision: str
    approved: str
    audit: str
    settings_approved: bool


class Gate(Protocol):
    """Says what stands of a request now."""

    def clearance(self, db: Session, request: str, now: datetime.datetime) -> Clearance:
        """Read everything anew. Raises NotAllowedError where there is no such request."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry of a list.

    `rank` is 1 plus the number of higher scores, so that ties share a rank; `ties` is how many
    candidates have this score.
    """

    id: str
    score: int
    rank: int
    ties: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the engine's search gave: everything, highest score first.

    Attributes
    ----------
    gallery_digest, compared
        The state of the gallery, and how many templates the probe was compared with.
    unit
        `ScoreUnit.to_json` of the scores.
    candidates
        (id, exact score) in the list's order. Empty is an answer.
    """

    gallery_digest: str
    compared: int
    unit: Mapping[str, Any]
    candidates: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What the searcher is to do, for which a permit is issued to it."""

    request: ReadyRequest
    decision: str
    not_before_s: int
    expires_s: int


class Searcher(Protocol):
    """Searches one gallery with one probe: exhaustive, exact, the same list each time."""

    def search(self, order: Order) -> Found:
        """Search under a permit for exactly this order."""


@dataclass(frozen=True, slots=True)
class SealedList:
    """The complete list of an open search."""

    request: ReadyRequest
    gallery_digest: str
    compared: int
    unit: Mapping[str, Any]
    candidates: tuple[Candidate, ...]

    def candidate(self, identity: str) -> Candidate:
        """One entry by its id. Raises KeyError."""
        for each in self.candidates:
            if each.id == identity:
                return each
        raise KeyError(identity)


def refuse_unless_cleared(clearance: Clearance) -> None:
    """Every condition of a search, each of which refuses alone. Raises NotAllowedError."""
    conditions = (
        (clearance.permits and clearance.decision, "the decision does not permit it"),
        (clearance.approved == clearance.request.digest,
         "there is no valid approval of exactly this request"),
        (clearance.audit, "no current audit of this engine version meets the policy"),
        (clearance.settings_approved, "the settings are not the approved ones"),
        (clearance.request.approver and clearance.request.approver != clearance.request.requester,
         "it was not approved by a second person"),
    )  # fmt: skip
    for holds, why in conditions:
        if not holds:
            raise NotAllowedError(f"this cannot be searched: {why}")


def list_bytes(request: ReadyRequest, found: Found) -> bytes:
    """The list as canonical JSON: what is sealed, committed to and disclosed."""
    scores = [score for _, score in found.candidates]
    count = Counter(scores)
    first = {score: n for n, score in reversed(list(enumerate(scores, 1)))}
    return canonical_json(
        {
            "schema": "countenance/desk-list", "version": 1,
            "request": request.digest, "probe": request.probe, "gallery": request.gallery,
            "gallery_digest": found.gallery_digest, "engine": request.engine,
            "threshold": request.threshold, "list_length": request.list_length,
            "unit": dict(found.unit), "compared": found.compared,
            "candidates": [
                {"id": identity, "score": score, "rank": first[score],
                 "ties": count[score]}
                for identity, score in found.candidates
            ],
            "request_as_approved": asdict(request),
        }
    )  # fmt: skip


def opened_list(db: Session, keys: Secrets, search: Search) -> SealedList:
    """The list of an open search.

    Raises
    ------
    NotAllowedError
        It is not open: nobody sees a list whose entry is not published.
    IntegrityError
        It is not the list that the log commits to.
    """
    if search.state != SearchState.OPEN or search.box is None:
        raise NotAllowedError("there is no such list for you")
    clear = keys.open(db, search.handle, search.box, purpose=f"list {search.id}")
    if sha256_bytes(clear) != search.digest:
        raise IntegrityError("the list is not the one that was sealed")
    value = json.loads(clear)
    return SealedList(
        request=ReadyRequest(**value["request_as_approved"]),
        gallery_digest=value["gallery_digest"], compared=value["compared"], unit=value["unit"],
        candidates=tuple(Candidate(**each) for each in value["candidates"]),
    )  # fmt: skip
