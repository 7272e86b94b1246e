"""What takes two administrators: one asked, another looks at it and confirms or refuses."""

from __future__ import annotations

import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.administration import names_of
from countenance.desk.errors import StateError
from countenance.desk.two_person import (
    CONFIRM_S,
    Asked,
    What,
    confirm,
    decided_requests,
    open_requests,
    refuse,
    withdraw,
)
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.pages.accounts import show_code
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("account.list")]
Withdraws = Annotated[At, needs("account.withdraw-request")]
Confirms = Annotated[At, needs("account.confirm")]

_CONFIRMED = notice("joint-confirmed", "You confirmed it, and it is done.")
_REFUSED = notice("joint-refused", "It is refused; nothing was changed.")
_WITHDRAWN = notice("joint-withdrawn", "It is withdrawn; nothing was changed.")
A_PAGE = 50


@router.get("/accounts/requests/ended")
def ended_page(at: Lists) -> Response:
    """How each of them ended, the newest first."""
    looker, after = at.looker(), at.request.query_params.get("after", "")[:32]
    found = decided_requests(at.desk, looker, after=after, most=A_PAGE + 1)
    ended = found[:A_PAGE]
    people = {one.by or "" for one in ended}
    people |= {each or "" for one in ended for each in (one.asked.account, one.asked.asked_by)}
    more = f"?{urlencode({'after': ended[-1].asked.id})}" if len(found) > A_PAGE else ""
    return at.page(
        "accounts/ended.html.j2", ended=ended, newest=not after,
        names=names_of(at.desk, looker, "account.list", people),
        more=f"/accounts/requests/ended{more}" if more else "",
    )  # fmt: skip


@router.get("/accounts/requests/{request_id}")
def request_page(at: Lists, request_id: Id) -> Response:
    """What one administrator asks for."""
    looker, found = at.looker(), _find(at, request_id)
    people = {found.asked_by} | ({found.account} if found.account else set())
    names = names_of(at.desk, looker, "account.list", people)
    return at.page(
        "accounts/request.html.j2", asked=found, asker=names.get(found.asked_by, ""),
        person=names.get(found.account or "", found.name),
        own=found.asked_by == looker.account, about_me=found.account == looker.account,
        until=found.asked_at + datetime.timedelta(seconds=CONFIRM_S), What=What,
    )  # fmt: skip


@router.post("/accounts/requests/{request_id}/confirm")
def confirm_request(at: Confirms, request_id: Id) -> Response:
    """Confirm it; where a code comes of it, this is the one time it is shown."""

    def work() -> Response:
        found = _find(at, request_id)
        names = names_of(at.desk, at.looker(), "account.list", [found.account or ""])
        code = confirm(at.desk, at.actor(), request_id)
        if code is None:
            return at.see("/accounts", done=_CONFIRMED)
        return show_code(at, names.get(found.account or "", found.name), code)

    return at.attempt(work, lambda at: request_page(at, request_id))


@router.post("/accounts/requests/{request_id}/refuse")
def refuse_request(at: Confirms, request_id: Id) -> Response:
    """Refuse another's."""

    def work() -> Response:
        refuse(at.desk, at.actor(), request_id)
        return at.see("/accounts", done=_REFUSED)

    return at.attempt(work, lambda at: request_page(at, request_id))


@router.post("/accounts/requests/{request_id}/withdraw")
def withdraw_request(at: Withdraws, request_id: Id) -> Response:
    """Take one's own back."""

    def work() -> Response:
        withdraw(at.desk, at.actor(), request_id)
        return at.see("/accounts", done=_WITHDRAWN)

    return at.attempt(work, lambda at: request_page(at, request_id))


def _find(at: At, request_id: str) -> Asked:
    for found in open_requests(at.desk, at.looker()):
        if found.id == request_id:
            return found
    raise StateError("it was decided, or waited too long", do="look again")
