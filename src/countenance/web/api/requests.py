"""Requests for a search: previewed, submitted, and decided on by a second person; the search."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt

from countenance.desk.approvals import Declined, Fallen, approve, decline, waiting_requests
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.decisions import begin
from countenance.desk.requests import (
    RequestState,
    preview,
    read_request,
    submit,
    withdraw,
)
from countenance.desk.requests import RequestView as DeskRequest
from countenance.desk.searching import SearchView, run_search, unfinished, view_search
from countenance.law import Decision as Decided
from countenance.web.access import needs
from countenance.web.api.base import Decision, DigestText, IdText, In, Line, Lines, Nothing, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("requests")
Value = (
    StrictBool | Annotated[StrictInt, Field(ge=-(2**53), le=2**53)] | Annotated[str, Line(300, 0)]
)
Fact = Value | Annotated[list[Value], Field(max_length=50)]


class Paper(In):
    """By what it is authorised: a word of ``authority.given``, with its papers."""

    kind: Annotated[str, Line(100)]
    reference: Annotated[str, Line(300)]
    issued_by: Annotated[str, Line(300)]
    issued_on: datetime.date


class NewRequest(In):
    """What whoever asks states. Null is not stated, an empty list is that there are none."""

    case: IdText
    probe: IdText | Literal[""] = ""
    gallery: Annotated[str, Line(64, 0)] = ""
    engine: Annotated[str, Line(64, 0)] = ""
    stated: dict[Annotated[str, Field(pattern=r"^[a-z0-9.\-]{1,80}$")], Fact] = Field(
        default={}, max_length=100
    )
    documents: tuple[Paper, ...] | None = Field(default=None, max_length=50)
    elsewhere: tuple[Annotated[str, Line(300)], ...] | None = Field(default=None, max_length=50)
    behalf_jurisdictions: tuple[Annotated[str, Line(100)], ...] = Field(default=(), max_length=20)

    @property
    def form(self) -> RequestForm:
        """As the desk takes it. Raises InputError."""
        papers = None if self.documents is None else tuple(
            Document(each.kind, each.reference, each.issued_by, each.issued_on)
            for each in self.documents
        )  # fmt: skip
        return RequestForm(
            self.case, self.probe, self.gallery, self.engine, self.stated, papers, self.elsewhere,
            self.behalf_jurisdictions,
        )  # fmt: skip


class Preview(Out):
    """What would be decided now, and what if a second person had approved it."""

    may_be_submitted: bool
    needs_approval: bool
    decision: Decision
    beyond_approval: Decision


class Submitted(Out):
    """What became of a submission: `state` is ``pending`` or ``refused``."""

    id: str
    digest: str
    state: RequestState
    decision: Decision


class SearchRequest(Out):
    """A request; `frozen` is exactly what an approver's passkey signs the digest of."""

    id: str
    case_id: str
    state: RequestState
    digest: str
    expires_at: datetime.datetime
    frozen: Mapping[str, Any]
    decision: Mapping[str, Any]


class Approve(In):
    """The digest of the request that was seen, which the passkey has just signed."""

    digest: DigestText


class Approved(Out):
    """Approved, until when."""

    state: Literal["approved"] = "approved"
    until: datetime.datetime


class FallenRequest(Out):
    """It cannot go on; `changed` names what is different from what was submitted."""

    state: Literal["lapsed", "void"]
    changed: tuple[str, ...]


class Decline(In):
    """Why not."""

    reason: Declined
    grounds: Annotated[str, Lines(2000)]


class Search(Out):
    """A search: that there is a list, and how long it is once it is open."""

    id: str
    state: Literal["running", "sealed", "open", "expired"]
    candidates: int | None
    checkpoint: int | None


class NotPermitted(Out):
    """The last decision denies it, for these reasons."""

    state: Literal["denied"] = "denied"
    decision: Decision


@router.post("/requests/preview", response_model=Preview)
def preview_request(at: Annotated[At, needs("request.preview")], sent: NewRequest) -> object:
    """What would be decided, without asking for anything; a form can be half full."""
    return preview(at.desk, at.looker(), house=at.deployment.house, form=sent.form)


@router.post("/requests", status_code=201, response_model=Submitted)
def submit_request(at: Annotated[At, needs("request.submit")], sent: NewRequest) -> object:
    """Ask for a search. A refusal is an answer with its reasons, and is kept."""
    form = sent.form
    return submit(at.desk, at.actor(), house=at.deployment.house, form=form)


@router.get("/requests/waiting", response_model=list[str])
def list_waiting_requests(at: Annotated[At, needs("request.list")]) -> list[str]:
    """Ids of requests that wait for a second person and are not the asker's own."""
    return waiting_requests(at.desk, at.looker())


@router.get("/requests/{request}", response_model=SearchRequest)
def show_request(at: Annotated[At, needs("case.read")], request: Id) -> DeskRequest:
    """One request, with what is approved and the decision when it was submitted."""
    return read_request(at.desk, at.looker(), request, house=at.deployment.house)


@router.post("/requests/{request}/withdraw", status_code=204)
def withdraw_request(
    at: Annotated[At, needs("request.withdraw")], request: Id, _: Nothing
) -> None:
    """Take one's own request back."""
    withdraw(at.desk, at.actor(), request)


@router.post(
    "/requests/{request}/approve",
    response_model=Annotated[Approved | FallenRequest, Field(discriminator="state")],
    openapi_extra={"x-signs": "digest"},
)  # fmt: skip
def approve_request(
    at: Annotated[At, needs("request.approve")], request: Id, sent: Approve
) -> Approved | FallenRequest:
    """Approve a request; the passkey has signed its digest (``/passkey/sign``) just before."""
    made = approve(
        at.desk, at.actor(), request, house=at.deployment.house, digest=sent.digest,
        assertion=None,
    )  # fmt: skip
    if isinstance(made, Fallen):
        return _fallen(made)
    return Approved(until=made)


@router.post("/requests/{request}/decline", status_code=204)
def decline_request(
    at: Annotated[At, needs("request.refuse")], request: Id, sent: Decline
) -> None:
    """Say no."""
    decline(at.desk, at.actor(), request, reason=sent.reason, grounds=sent.grounds)


@router.post(
    "/requests/{request}/search",
    response_model=Annotated[Search | NotPermitted | FallenRequest, Field(discriminator="state")],
)  # fmt: skip
def make_search(
    at: Annotated[At, needs("search.run")], request: Id, _: Nothing
) -> Search | NotPermitted | FallenRequest:
    """Make the search of an approved request, or go on with one that was interrupted.

    The law is asked once more, from the facts of now. The list is sealed and published before
    anybody is shown that there is one.
    """
    deployment, actor = at.deployment, at.actor()
    asked = read_request(at.desk, actor, request, house=deployment.house)
    if asked.state is not RequestState.TAKEN_UP:
        made = begin(at.desk, actor, request, house=deployment.house)
        if isinstance(made, Decided):
            return NotPermitted(decision=Decision.of(made))
        if isinstance(made, Fallen):
            return _fallen(made)
    return _search(run_search(at.desk, actor, request, means=deployment.means))


@router.get("/requests/{request}/search", response_model=Search)
def show_search(at: Annotated[At, needs("search.read")], request: Id) -> Search:
    """Where one's own search stands."""
    return _search(view_search(at.desk, at.looker(), request))


@router.get("/searches/unfinished", response_model=list[str])
def list_unfinished_searches(at: Annotated[At, needs("search.read")]) -> list[str]:
    """Requests whose search was begun and is not open; running it again finishes it."""
    return unfinished(at.desk, at.looker())


def _fallen(made: Fallen) -> FallenRequest:
    return FallenRequest.model_validate({"state": made.state.value, "changed": made.changed})


def _search(view: SearchView) -> Search:
    return Search.model_validate(
        {"id": view.id, "state": view.state.value, "candidates": view.candidates,
         "checkpoint": view.checkpoint}
    )  # fmt: skip
