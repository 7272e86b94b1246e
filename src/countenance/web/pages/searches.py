"""Searches: made once they are approved, sealed before anybody sees anything, then examined.

Whoever asked sees that there is a list, and once witnesses have signed for it, how long it is.
What is in it they see when two examiners have agreed, or never.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.approvals import Fallen
from countenance.desk.casefile import Part, read_case_file
from countenance.desk.decisions import begin
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.requests import RequestState, RequestView, read_request
from countenance.desk.searches import SearchState
from countenance.desk.searching import run_search, view_search
from countenance.law import Decision
from countenance.record import QuorumError
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.pages.approvals import fallen_page
from countenance.web.pages.requests import show_request
from countenance.web.rendering import notice

router = APIRouter()
_OPEN = notice("search-open", "The search was made, and its list is sealed, published and open.")
_REFUSED = notice("search-refused", "The law refuses the search now. That is in the log, too.")


@router.get("/requests/{request}/search")
def search_page(at: Annotated[At, needs("search.read")], request: Id) -> Response:
    """Where the search of one's own request stands."""
    if _own(at, request).state is not RequestState.TAKEN_UP:
        return at.see(f"/requests/{request}")
    return _show(at, request)


@router.post("/requests/{request}/search")
def search(at: Annotated[At, needs("search.run")], request: Id) -> Response:
    """Begin the search, or go on with one that was interrupted."""

    def work() -> Response:
        approved = _own(at, request).state is RequestState.APPROVED
        actor = at.actor()
        if approved:
            begun = begin(at.desk, actor, request, house=at.deployment.house)
            if isinstance(begun, Decision):
                return at.see(f"/requests/{request}", done=_REFUSED)
            if isinstance(begun, Fallen):
                return fallen_page(at, request, begun)
        run_search(at.desk, actor, request, means=at.deployment.means)
        return at.see(f"/requests/{request}/search", done=_OPEN)

    return _attempt(at, request, work)


@router.post("/requests/{request}/search/open")
def open_sealed(at: Annotated[At, needs("search.open")], request: Id) -> Response:
    """Ask the witnesses again about a list that is sealed."""

    def work() -> Response:
        if view_search(at.desk, at.looker(), request).state is SearchState.RUNNING:
            raise StateError("the list is not sealed yet", do="go on with the search")
        run_search(at.desk, at.actor(), request, means=at.deployment.means)
        return at.see(f"/requests/{request}/search", done=_OPEN)

    return _attempt(at, request, work)


def _attempt(at: At, request: str, work: Callable[[], Response]) -> Response:
    """As `At.attempt`; a list that too few witnesses signed for stays sealed, and can be tried."""

    def patient() -> Response:
        try:
            return work()
        except QuorumError:
            answer = _show(at, request)
            answer.status_code = 503
            return answer

    return at.attempt(patient, lambda at: _again(at, request))


def _again(at: At, request: str) -> Response:
    if _own(at, request).state is RequestState.TAKEN_UP:
        return _show(at, request)
    return show_request(at, request)


def _own(at: At, request: str) -> RequestView:
    view = read_request(at.desk, at.looker(), request, house=at.deployment.house)
    if view.frozen["standing"]["requester"] != at.looker().account:
        raise NotAllowedError("there is no such request for you")
    return view


def _show(at: At, request: str) -> Response:
    view = _own(at, request)
    file = read_case_file(at.desk, at.looker(), view.case_id, house=at.deployment.house,
                          part=Part(request=request))  # fmt: skip
    search = next((one for one in file.searches if one.request == request), None)
    return at.page(
        "searches/show.html.j2", request=view, case=file.case, search=search,
        leads=[one for one in file.leads if search is not None and one.search == search.id],
    )  # fmt: skip
