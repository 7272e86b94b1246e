"""What a case file is in the API: a case and everything of it, as whoever may read it sees it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from countenance.desk.casefile import CaseFile as DeskCaseFile
from countenance.desk.cases import CaseState
from countenance.desk.leads import LeadState, Outcome
from countenance.desk.outside_tables import AskState, ResultState
from countenance.desk.probes import ProbeState
from countenance.desk.requests import RequestState
from countenance.desk.reviews import ReviewState
from countenance.desk.searches import SearchState
from countenance.web.api.base import Out

__all__ = ["Case", "CaseFile", "DeskCaseFile", "Event", "Events", "Quality"]


class Details(Out):
    """What a case is about."""

    purpose: str
    offence_kinds: tuple[str, ...]
    offence_section: str
    narrative: str


class Case(Out):
    """A case as somebody who may read it sees it."""

    id: str
    number: str
    state: CaseState
    opened_by: str
    opened_at: datetime.datetime
    version: int
    details: Details


class Event(Out):
    """One line of the timeline. `number` grows: it is what another page is asked for by."""

    number: int
    at: datetime.datetime
    kind: str
    public: Mapping[str, Any]
    leaf: str


class Events(Out):
    """Some events of a case that follow each other, in the order of the log."""

    moments: tuple[Event, ...]
    older: bool
    newer: bool


class Quality(Out):
    """Measured of one picture, with one engine."""

    engine: str
    width_px: int
    height_px: int
    status: str
    reason: str
    faces_found: int
    face_px: int | None
    sharpness: int | None
    luma_mean_tenths: int | None
    luma_spread_tenths: int | None
    template: str | None


class ProbeEdit(Out):
    """One step of a probe: from which image to which, by what, and why."""

    number: int
    before: str
    after: str
    operation: str
    substantial: bool
    made_here: bool
    by: str
    at: datetime.datetime
    parameters: Mapping[str, Any]
    tool: str
    tool_version: str
    reason: str


class ProbeImage(Out):
    """One image of a probe: number 0 is the original, n the outcome of step n."""

    number: int
    sha256: str
    quality: Quality


class Probe(Out):
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


class RequestLine(Out):
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


class SearchLine(Out):
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


class LeadLine(Out):
    """One lead, without its candidate."""

    id: str
    search: str
    state: LeadState
    prepared_at: datetime.datetime
    issued_at: datetime.datetime | None
    supervised: bool
    outcome: Outcome | None
    due_at: datetime.datetime


class AskLine(Out):
    """Something asked of others. `whom` and `what` are None for whoever may not read them."""

    id: str
    state: AskState
    runner: str
    by: str
    at: datetime.datetime
    whom: str | None
    what: str | None


class ResultLine(Out):
    """Something that came from others; nothing of what it says."""

    id: str
    ask: str | None
    runner: str
    state: ResultState
    unsolicited: bool
    at: datetime.datetime
    readable: bool


class CaseFile(Out):
    """A case, with its last events; `earlier_...`: how many are before those that are listed.

    `people` are the names of the accounts that it mentions, by id.
    """

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
    people: Mapping[str, str]
