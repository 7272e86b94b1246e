"""Calls of the API about cases.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Any, Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import (
    AskState,
    LeadState,
    Made,
    Outcome,
    Quality,
    RequestState,
    ResultState,
    ReviewState,
)


class Amendment(Value, frozen=True, kw_only=True):
    """A case said otherwise. `version` is the one that was seen."""

    purpose: str
    offence_kinds: tuple[str, ...]
    offence_section: str = ""
    narrative: str
    version: int


class AskLine(Value, frozen=True, kw_only=True):
    """Something asked of others. `whom` and `what` are None for whoever may not read them."""

    id: str
    state: AskState
    runner: str
    by: str
    at: datetime.datetime
    whom: str | None
    what: str | None


CaseState = Literal["open", "closed", "erased"]
"""Where a case stands."""


class Details(Value, frozen=True, kw_only=True):
    """What a case is about."""

    purpose: str
    offence_kinds: tuple[str, ...]
    offence_section: str
    narrative: str


class Case(Value, frozen=True, kw_only=True):
    """A case as somebody who may read it sees it."""

    id: str
    number: str
    state: CaseState
    opened_by: str
    opened_at: datetime.datetime
    version: int
    details: Details


class Event(Value, frozen=True, kw_only=True):
    """One line of the timeline. `number` grows: it is what another page is asked for by."""

    number: int
    at: datetime.datetime
    kind: str
    public: dict[str, Any]
    leaf: str


class Events(Value, frozen=True, kw_only=True):
    """Some events of a case that follow each other, in the order of the log."""

    moments: tuple[Event, ...]
    older: bool
    newer: bool


class LeadLine(Value, frozen=True, kw_only=True):
    """One lead, without its candidate."""

    id: str
    search: str
    state: LeadState
    prepared_at: datetime.datetime
    issued_at: datetime.datetime | None
    supervised: bool
    outcome: Outcome | None
    due_at: datetime.datetime


class ProbeEdit(Value, frozen=True, kw_only=True):
    """One step of a probe: from which image to which, by what, and why."""

    number: int
    before: str
    after: str
    operation: str
    substantial: bool
    made_here: bool
    by: str
    at: datetime.datetime
    parameters: dict[str, Any]
    tool: str
    tool_version: str
    reason: str


class ProbeImage(Value, frozen=True, kw_only=True):
    """One image of a probe: number 0 is the original, n the outcome of step n."""

    number: int
    sha256: str
    quality: Quality


ProbeState = Literal["waiting", "suitable", "unsuitable"]
"""Where a probe stands."""


class Probe(Value, frozen=True, kw_only=True):
    """One probe. `image` is the SHA-256 of the picture as it stands, `judgement` of that one."""

    id: str
    state: ProbeState
    sort: str
    shows: str
    known_by: str
    explanation: str
    captured_on: str | None
    original: str
    image: str
    by: str
    at: datetime.datetime
    judged_at: datetime.datetime | None
    judgement: str | None
    images: tuple[ProbeImage, ...]
    edits: tuple[ProbeEdit, ...]


class RequestLine(Value, frozen=True, kw_only=True):
    """One request."""

    id: str
    state: RequestState
    digest: str
    by: str
    at: datetime.datetime
    expires_at: datetime.datetime
    probe: str
    gallery: str
    engine: str
    outcome: str
    approver: str | None
    approved_until: datetime.datetime | None


class ResultLine(Value, frozen=True, kw_only=True):
    """Something that came from others; nothing of what it says."""

    id: str
    ask: str | None
    runner: str
    state: ResultState
    unsolicited: bool
    at: datetime.datetime
    readable: bool


SearchState = Literal["running", "sealed", "open", "expired"]
"""Where a search stands."""


class SearchLine(Value, frozen=True, kw_only=True):
    """One search, and where the review of its list stands."""

    id: str
    request: str
    state: SearchState
    started_at: datetime.datetime
    sealed_at: datetime.datetime | None
    opened_at: datetime.datetime | None
    candidates: int | None
    checkpoint: int | None
    review: ReviewState | None
    settled_at: datetime.datetime | None


class CaseFile(Value, frozen=True, kw_only=True):
    """A case, with its last events; `earlier_...`: how many are before those that are listed."""

    case: Case
    probes: tuple[Probe, ...]
    requests: tuple[RequestLine, ...]
    searches: tuple[SearchLine, ...]
    leads: tuple[LeadLine, ...]
    asks: tuple[AskLine, ...]
    results: tuple[ResultLine, ...]
    events: Events
    earlier_requests: int
    earlier_searches: int
    people: dict[str, str]


class CaseLine(Value, frozen=True, kw_only=True):
    """A case in a list."""

    id: str
    number: str
    state: CaseState


class CaseMove(Value, frozen=True, kw_only=True):
    """To which state, and why."""

    to: CaseState
    grounds: str


class NewCase(Value, frozen=True, kw_only=True):
    """A case that is to be opened."""

    purpose: str
    offence_kinds: tuple[str, ...]
    offence_section: str = ""
    narrative: str
    number: str


class CasesCalls(Part):
    """Calls of the API about cases."""

    def find_cases(self, *, after: str = "", most: int = 50) -> tuple[CaseLine, ...]:
        """Cases that the caller may read, by number; the next page is `after` the last one."""
        return self._call(
            Call("find_cases", "GET", "/api/v1/cases"),
            Shape[tuple[CaseLine, ...]](tuple[CaseLine, ...]),
            query={"after": after, "most": most},
        )

    def open_a_case(self, sent: NewCase) -> Made:
        """Open a case."""
        return self._call(
            Call("open_a_case", "POST", "/api/v1/cases"), Shape[Made](Made), body=sent
        )

    def show_case(self, case: str) -> Case:
        """One case."""
        return self._call(
            Call("show_case", "GET", "/api/v1/cases/{case}"),
            Shape[Case](Case),
            path={"case": case},
        )

    def amend_a_case(self, case: str, sent: Amendment) -> None:
        """Say otherwise what a case is about; an approval from before is void by it."""
        self._call(
            Call("amend_a_case", "POST", "/api/v1/cases/{case}/amend"),
            None,
            path={"case": case},
            body=sent,
        )

    def move_a_case(self, case: str, sent: CaseMove) -> None:
        """Close a case, or open it again."""
        self._call(
            Call("move_a_case", "POST", "/api/v1/cases/{case}/move"),
            None,
            path={"case": case},
            body=sent,
        )

    def show_timeline(
        self, case: str, *, before: int | None = None, after: int | None = None, most: int = 50
    ) -> Events:
        """Events of a case in the order of the log: the last ones, `before` one or `after` one."""
        return self._call(
            Call("show_timeline", "GET", "/api/v1/cases/{case}/timeline"),
            Shape[Events](Events),
            path={"case": case},
            query={"before": before, "after": after, "most": most},
        )

    def show_case_file(self, case: str, *, most: int = 50) -> CaseFile:
        """A case: probes, leads, what others were asked; the last requests, searches, events."""
        return self._call(
            Call("show_case_file", "GET", "/api/v1/cases/{case}/file"),
            Shape[CaseFile](CaseFile),
            path={"case": case},
            query={"most": most},
        )
