"""Erasing a case: an administrator asks, an auditor looks at it and confirms or refuses.

Neither of them reads the case: they see its number, and what in it is still under way.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.administration import names_of
from countenance.desk.erasing import (
    ErasureView,
    ask_erasure,
    closed_case,
    closed_cases,
    confirm_erasure,
    open_erasures,
    refuse_erasure,
)
from countenance.desk.erasure_tables import (
    ASKED_FOR,
    Basis,
    ended_erasures,
    withdraw_erasure,
)
from countenance.desk.errors import StateError
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.reasons import read_grounds
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("case.list-closed")]
Asks = Annotated[At, needs("case.ask-erasure")]
Withdraws = Annotated[At, needs("case.withdraw-erasure")]
Confirms = Annotated[At, needs("case.confirm-erasure")]
Refuses = Annotated[At, needs("case.refuse-erasure")]

A_PAGE = 50
HINDERS: Mapping[str, str] = {
    "request-waits": "a request waits for approval or search",
    "search-runs": "a search is not published yet",
    "review-open": "a list is being examined",
    "lead-open": "it is not told what became of a lead",
    "incident-open": "an incident of it is open",
    "asked-of-others": "something asked of others is not answered or withdrawn",
}
BASES: Mapping[Basis, str] = {
    Basis.RETENTION_OVER: "the time for which it is kept is over",
    Basis.COURT_ORDER: "a court ordered it",
    Basis.OPENED_IN_ERROR: "it was opened in error",
}
_ASKED = notice("erasure-asked", "You asked for it. An auditor confirms or refuses.")
_REFUSED = notice("erasure-refused", "It is refused; nothing was erased.")
_WITHDRAWN = notice("erasure-withdrawn", "It is withdrawn; nothing was erased.")
_DONE = notice("erasure-done", "The case is erased.")
_FOLLOWS = notice("erasure-follows",
                  "The keys are destroyed, so nothing of the case can be read. What is left of "
                  "it in the files goes within minutes.")  # fmt: skip


@router.get("/erasures")
def erasures_page(at: Lists) -> Response:
    """What waits for an auditor, and closed cases by number."""
    looker = at.looker()
    after = at.request.query_params.get("after", "")[:64]
    found = closed_cases(at.desk, looker, after=after, most=A_PAGE + 1)
    ended = [] if after else ended_erasures(at.desk, looker)
    people = {one.asked_by for one in ended} | {one.by or "" for one in ended}
    return at.page(
        "erasures/list.html.j2", closed=found[:A_PAGE], hinders=HINDERS, after=after, ended=ended,
        bases=BASES, names=names_of(at.desk, looker, "case.list-closed", people),
        waiting=open_erasures(at.desk, looker, keys=at.deployment.keys),
        more=f"/erasures?{urlencode({'after': found[A_PAGE - 1].number})}"
        if len(found) > A_PAGE else "",
    )  # fmt: skip


@router.get("/erasures/ask/{case}")
def ask_page(at: Asks, case: Id) -> Response:
    """Ask why a case is to be erased."""
    return at.page(
        "erasures/ask.html.j2", case=closed_case(at.desk, at.looker(), case), hinders=HINDERS,
        bases=[(each.value, says) for each, says in BASES.items()],
    )  # fmt: skip


@router.post("/erasures/ask/{case}")
def ask_for_it(at: Asks, case: Id) -> Response:
    """Ask an auditor for it."""

    def work() -> Response:
        basis, grounds = at.fields.choice("basis", Basis), read_grounds(at.fields)
        ask_erasure(at.desk, at.actor(), case, basis=basis, grounds=grounds,
                    keys=at.deployment.keys)  # fmt: skip
        return at.see("/erasures", done=_ASKED)

    return at.attempt(work, lambda at: ask_page(at, case))


@router.get("/erasures/{erasure}")
def erasure_page(at: Lists, erasure: Id) -> Response:
    """What an administrator asks for, and why."""
    looker, found = at.looker(), _find(at, erasure)
    names = names_of(at.desk, looker, "case.list-closed", [found.asked_by])
    return at.page(
        "erasures/show.html.j2", asked=found, asker=names.get(found.asked_by, ""),
        says=BASES[found.basis], until=_until(found), mine=found.asked_by == looker.account,
    )  # fmt: skip


@router.post("/erasures/{erasure}/confirm")
def confirm_it(at: Confirms, erasure: Id) -> Response:
    """Erase the case. Nothing brings it back."""

    def work() -> Response:
        whole = confirm_erasure(at.desk, at.actor(), erasure, keys=at.deployment.keys)
        return at.see("/erasures", done=_DONE if whole else _FOLLOWS)

    return at.attempt(work, lambda at: erasure_page(at, erasure))


@router.post("/erasures/{erasure}/refuse")
def refuse_it(at: Refuses, erasure: Id) -> Response:
    """Refuse it, with a reason."""

    def work() -> Response:
        grounds = read_grounds(at.fields)
        refuse_erasure(at.desk, at.actor(), erasure, grounds=grounds)
        return at.see("/erasures", done=_REFUSED)

    return at.attempt(work, lambda at: erasure_page(at, erasure))


@router.post("/erasures/{erasure}/withdraw")
def withdraw_it(at: Withdraws, erasure: Id) -> Response:
    """Take back what one asked for."""

    def work() -> Response:
        withdraw_erasure(at.desk, at.actor(), erasure)
        return at.see("/erasures", done=_WITHDRAWN)

    return at.attempt(work, lambda at: erasure_page(at, erasure))


def _find(at: At, erasure: str) -> ErasureView:
    for found in open_erasures(at.desk, at.looker(), keys=at.deployment.keys):
        if found.id == erasure:
            return found
    raise StateError("it was decided, or waited too long", do="look again")


def _until(found: ErasureView) -> datetime.datetime:
    return found.asked_at + ASKED_FOR
