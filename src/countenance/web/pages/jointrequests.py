"""What takes two administrators: one asked, another looks at it and confirms or refuses."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.administration import names_of
from countenance.desk.errors import StateError
from countenance.desk.two_person import CONFIRM_S, Asked, What, confirm, open_requests, refuse
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.pages.accounts import show_code
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("account.list")]
Confirms = Annotated[At, needs("account.confirm")]

_CONFIRMED = notice("joint-confirmed", "You confirmed it, and it is done.")
_REFUSED = notice("joint-refused", "It is refused or withdrawn; nothing was changed.")


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
    """Refuse another's, or withdraw one's own."""

    def work() -> Response:
        refuse(at.desk, at.actor(), request_id)
        return at.see("/accounts", done=_REFUSED)

    return at.attempt(work, lambda at: request_page(at, request_id))


def _find(at: At, request_id: str) -> Asked:
    for found in open_requests(at.desk, at.looker()):
        if found.id == request_id:
            return found
    raise StateError("it was decided, or waited too long", do="look again")
