"""The case file: everything of a case in one piece, for whoever may read the case.

It shows no more than the single reads do. Examiners have no case file (failure F9). Of a list, its
length stands here once the list is open; what is in it, ranks, scores and pictures stay with
`leadviews`. What was asked of others is in words only for whoever submitted it and for approvers;
what came from others is not in words at all.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import Account
from countenance.desk.approvals import Approval
from countenance.desk.cases import Case, CaseView, readable, view_of
from countenance.desk.house import House
from countenance.desk.leads import Lead, LeadState, Outcome
from countenance.desk.outside_tables import (
    READABLE,
    AskState,
    OutsideAsk,
    OutsideResult,
    ResultState,
)
from countenance.desk.probes import (
    Probe,
    ProbeEdit,
    ProbeImage,
    ProbeState,
    edits_of,
)
from countenance.desk.quality import Quality
from countenance.desk.requests import RequestState, SearchRequest, frozen_of, open_json
from countenance.desk.reviews import Review, ReviewState
from countenance.desk.roles import Role
from countenance.desk.searches import Search, SearchState
from countenance.desk.service import Actor, Desk
from countenance.desk.timeline import LATEST, Stretch, Window, handle, stretch


@dataclass(frozen=True, slots=True)
class EditItem:
    """One step of a probe: from which image to which, by what, and why.

    `made_here`: the desk made it; otherwise an edited image was uploaded.
    """

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


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One image of a probe: number 0 is the original, n the outcome of step n."""

    number: int
    sha256: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class ProbeItem:
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
    images: tuple[ImageItem, ...]
    edits: tuple[EditItem, ...]


@dataclass(frozen=True, slots=True)
class RequestItem:
    """One request.

    Attributes
    ----------
    expires_at
        Until when it waits for an approval.
    approver, approved_until
        Who approved it and until when that holds; None without an approval.
    outcome
        Of the decision when it was submitted, an approval assumed (`law.Outcome`).
    """

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


@dataclass(frozen=True, slots=True)
class SearchItem:
    """One search, and where the review of its list stands.

    `candidates` is None until the list is open, `review` where there is nothing to examine.
    """

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


@dataclass(frozen=True, slots=True)
class LeadItem:
    """One lead, without its candidate."""

    id: str
    search: str
    state: LeadState
    prepared_at: datetime.datetime
    issued_at: datetime.datetime | None
    supervised: bool
    outcome: Outcome | None
    due_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class AskItem:
    """Something asked of others. `whom` and `what` are None for whoever may not read them."""

    id: str
    state: AskState
    runner: str
    by: str
    at: datetime.datetime
    whom: str | None
    what: str | None


@dataclass(frozen=True, slots=True)
class ResultItem:
    """Something that came from others; nothing of what it says.

    `readable`: the actor may read it with `quarantine.read_result`.
    """

    id: str
    ask: str | None
    runner: str
    state: ResultState
    unsolicited: bool
    at: datetime.datetime
    readable: bool


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a case to read; each request has to be deciphered.

    Attributes
    ----------
    most
        So many of the newest requests, and of the newest searches.
    request
        Only this one, and its search; empty: none.
    """

    events: Window = LATEST
    most: int = 10_000
    request: str | None = None


WHOLE = Part()
NO_REQUESTS = Part(request="")


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case. Lists are in the order in which things came to be.

    Attributes
    ----------
    earlier_requests, earlier_searches
        How many there are before those that are listed.
    people
        The names of the accounts that it mentions, by id.
    approvers
        Who approved a request, by its digest.
    """

    case: CaseView
    probes: tuple[ProbeItem, ...]
    requests: tuple[RequestItem, ...]
    searches: tuple[SearchItem, ...]
    leads: tuple[LeadItem, ...]
    asks: tuple[AskItem, ...]
    results: tuple[ResultItem, ...]
    events: Stretch
    earlier_requests: int
    earlier_searches: int
    people: Mapping[str, str]
    approvers: Mapping[str, str]


def read_case_file(
    desk: Desk, actor: Actor, case_id: str, *, house: House, part: Part = WHOLE
) -> CaseFile:
    """A case and a part of its timeline, for whoever opened it, approvers and auditors.

    NotAllowedError for others, and where there is none.
    """

    def work(db: Session) -> CaseFile:
        case = readable(db, actor, case_id)
        view = view_of(db, house.keys, case)
        probes = tuple(_probe(db, house, row) for row in _of(db, Probe, case, "uploaded_at"))
        asked, earlier_asked = _newest(db, SearchRequest, case, "submitted_at", part)
        requests = tuple(_request(db, house, row) for row in asked)
        searches, earlier = _newest(db, Search, case, "started_at", part)
        items = tuple(_search(db, row) for row in searches)
        approvers = _approvers(db, case)
        asks = tuple(
            _ask(db, house, actor, row) for row in _of(db, OutsideAsk, case, "at")
        )  # fmt: skip
        results = tuple(_result(actor, row) for row in _of(db, OutsideResult, case, "at"))
        return CaseFile(
            view, probes, requests, items, _leads(db, case), asks, results,
            stretch(db, case.id, part.events), earlier_asked, earlier,
            account_names(db, _mentioned(view, probes, requests, asks) | set(approvers.values())),
            approvers,
        )  # fmt: skip

    return desk.look(actor, "case.read", work)


def account_names(db: Session, accounts: Iterable[str]) -> dict[str, str]:
    """The names of accounts by id; what is no account has none."""
    wanted = sorted(set(accounts))
    rows = db.execute(select(Account.id, Account.name).where(Account.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def _of(db: Session, table: Any, case: Case, at: str) -> list[Any]:
    rows = select(table).where(table.case_id == case.id)
    return list(db.scalars(rows.order_by(getattr(table, at), table.id)))


def _newest(
    db: Session, table: Any, case: Case, at: str, part: Part
) -> tuple[list[Any], int]:  # fmt: skip
    """Rows of a case, and how many there are before these."""
    these = table.case_id == case.id
    if part.request is not None:
        key = table.id if table is SearchRequest else table.request
        return list(db.scalars(select(table).where(these, key == part.request))), 0
    latest = select(table).where(these).order_by(getattr(table, at).desc(), table.id.desc())
    rows = list(db.scalars(latest.limit(part.most)))[::-1]
    if len(rows) < part.most:
        return rows, 0
    return rows, (db.scalar(select(func.count()).where(these)) or 0) - len(rows)


def _approvers(db: Session, case: Case) -> dict[str, str]:
    rows = db.execute(
        select(SearchRequest.digest, Approval.approver)
        .join(Approval, Approval.request_id == SearchRequest.id)
        .where(SearchRequest.case_id == case.id)
    )  # fmt: skip
    return {row.digest: row.approver for row in rows}


def _probe(db: Session, house: House, row: Probe) -> ProbeItem:
    about = handle(row.case_id)
    clear = house.keys.open(db, about, row.provenance, purpose=f"provenance {row.id}")
    said = json.loads(clear)
    images = db.execute(
        select(ProbeImage.number, ProbeImage.sha256, ProbeImage.quality)
        .where(ProbeImage.probe_id == row.id).order_by(ProbeImage.number)
    )  # fmt: skip
    return ProbeItem(
        row.id, ProbeState(row.state), row.sort, row.shows, row.known_by, said["explanation"],
        said["captured_on"], row.original, row.image, row.uploaded_by, row.uploaded_at,
        row.judged_at, row.judgement,
        tuple(ImageItem(n, sha, Quality(**json.loads(text))) for n, sha, text in images),
        tuple(_edit(db, house, about, step) for step in edits_of(db, row)),
    )  # fmt: skip


def _edit(db: Session, house: House, about: str, row: ProbeEdit) -> EditItem:
    purpose = f"edit {row.probe_id} {row.number}"
    said = json.loads(house.keys.open(db, about, row.details, purpose=purpose))
    return EditItem(
        row.number, row.before, row.after, row.operation, row.substantial, row.made_here,
        row.operator, row.at, said["parameters"], said["tool"], said["tool_version"],
        said["reason"],
    )  # fmt: skip


def _request(db: Session, house: House, row: SearchRequest) -> RequestItem:
    form = frozen_of(db, house, row)["standing"]["form"]
    decision = open_json(db, house, row.case_id, f"decision {row.id}", row.decision)
    approval = db.get(Approval, row.id)
    return RequestItem(
        row.id, RequestState(row.state), row.digest, row.requester, row.submitted_at,
        row.expires_at, form["probe"], form["gallery"], form["engine"], decision["outcome"],
        None if approval is None else approval.approver,
        None if approval is None else approval.expires_at,
    )  # fmt: skip


def _search(db: Session, row: Search) -> SearchItem:
    review = db.scalar(select(Review).where(Review.search == row.id))
    opened = row.state == SearchState.OPEN
    return SearchItem(
        row.id, row.request, SearchState(row.state), row.started_at, row.sealed_at, row.opened_at,
        row.candidates if opened else None, row.checkpoint,
        None if review is None else ReviewState(review.state),
        None if review is None else review.settled_at,
    )  # fmt: skip


def _leads(db: Session, case: Case) -> tuple[LeadItem, ...]:
    rows = db.scalars(
        select(Lead).join(Search, Search.id == Lead.search).where(Search.case_id == case.id)
        .order_by(Lead.prepared_at, Lead.id)
    )  # fmt: skip
    return tuple(
        LeadItem(
            row.id, row.search, LeadState(row.state), row.prepared_at, row.issued_at,
            row.supervised_by is not None, Outcome(row.outcome) if row.outcome else None,
            row.due_at,
        )
        for row in rows
    )  # fmt: skip


def _ask(db: Session, house: House, actor: Actor, row: OutsideAsk) -> AskItem:
    words: dict[str, str] = {}
    if row.by == actor.account or Role.APPROVER in actor.roles:
        clear = house.keys.open(db, row.handle, row.box, purpose=f"outside ask {row.id}")
        words = json.loads(clear)
    return AskItem(row.id, AskState(row.state), row.runner, row.by, row.at, words.get("whom"),
                   words.get("what"))  # fmt: skip


def _result(actor: Actor, row: OutsideResult) -> ResultItem:
    state = ResultState(row.state)
    mine = row.by == actor.account and state in READABLE
    return ResultItem(row.id, row.ask, row.runner, state, row.unsolicited, row.at, mine)


def _mentioned(case: CaseView, *items: tuple[Any, ...]) -> set[str]:
    found = {case.opened_by}
    for each in (one for several in items for one in several):
        named = {field.name for field in fields(each)} & {"by", "approver"}
        found |= {getattr(each, name) for name in named} - {None}
        found |= {step.by for step in getattr(each, "edits", ())}
    return found
