"""Approvals: what waits, exactly what would be approved, and the passkey's signature over it."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.approvals import Declined, Fallen, approve, decline
from countenance.desk.casefile import Part, read_case_file
from countenance.desk.errors import NotAllowedError
from countenance.desk.requests import RequestState, read_request
from countenance.desk.worklists import MOST, waiting_lines
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.frozen import decision_of, frozen_words
from countenance.web.ids import DIGEST, Id
from countenance.web.pages.cases import said_words
from countenance.web.rendering import notice

router = APIRouter()
_APPROVED = notice("request-approved", "You approved it. The passkey's signature is kept.")
_DECLINED = notice("request-declined", "You declined it. Your reason is on record.")


@router.get("/approvals")
def approvals_page(at: Annotated[At, needs("request.list")]) -> Response:
    """Requests that wait for this approver."""
    waiting = waiting_lines(at.desk, at.looker())
    return at.page("approvals/list.html.j2", waiting=waiting, full=len(waiting) == MOST)


@router.get("/approvals/{request}")
def approval_page(at: Annotated[At, needs("request.list")], request: Id) -> Response:
    """What would be approved; of a request that waits no longer, where it stands."""
    view = read_request(at.desk, at.looker(), request, house=at.deployment.house)
    if view.state is not RequestState.PENDING:
        return at.see(f"/requests/{request}")
    return _show(at, request)


@router.post("/approvals/{request}")
def approve_request(at: Annotated[At, needs("request.approve")], request: Id) -> Response:
    """Count the signature that was just given over exactly this request."""

    def work() -> Response:
        digest = at.fields.typed("digest")
        if not re.fullmatch(DIGEST, digest):
            raise InputError("it is not said what was seen", where="digest")
        made = approve(
            at.desk, at.actor(), request, house=at.deployment.house, digest=digest,
            assertion=None,  # `finish_approval` has it
        )  # fmt: skip
        if isinstance(made, Fallen):
            return fallen_page(at, request, made)
        return at.see(f"/requests/{request}", done=_APPROVED)

    return at.attempt(work, lambda at: _show(at, request))


@router.post("/approvals/{request}/decline")
def decline_request(at: Annotated[At, needs("request.refuse")], request: Id) -> Response:
    """Say no, with a reason."""

    def work() -> Response:
        reason = at.fields.choice("reason", Declined)
        grounds = at.fields.lines("grounds", most=2000)
        decline(at.desk, at.actor(), request, reason=reason, grounds=grounds)
        return at.see(f"/requests/{request}", done=_DECLINED)

    return at.attempt(work, lambda at: _show(at, request))


def fallen_page(at: At, request: str, fallen: Fallen) -> Response:
    """A request that could not go on, and what is different; that it fell is in the log."""
    return at.page("approvals/fallen.html.j2", request=request, fallen=fallen)


def _show(at: At, request: str) -> Response:
    view = read_request(at.desk, at.looker(), request, house=at.deployment.house)
    file = read_case_file(at.desk, at.looker(), view.case_id, house=at.deployment.house,
                          part=Part(request=request))  # fmt: skip
    frozen = frozen_words(view.frozen, at.deployment.engine.card)
    if at.looker().account in (frozen.requester, file.case.opened_by):
        raise NotAllowedError("nobody decides on their own request")
    return at.page(
        "approvals/show.html.j2", request=view, case=file.case, people=file.people, frozen=frozen,
        decision=decision_of(view.decision), reasons=said_words(Declined),
        amended=file.case.details.digest != frozen.case["details"],
        waits=view.state is RequestState.PENDING and view.expires_at > at.desk.now(),
        until=at.desk.now() + datetime.timedelta(hours=at.deployment.house.approval_hours),
    )  # fmt: skip
