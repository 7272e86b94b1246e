"""Cases: the list, a new one, and the case file as one timeline with its parts below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.casefile import WHOLE, Part, read_case_file
from countenance.desk.cases import (
    CaseDetails,
    CaseState,
    CaseView,
    amend_case,
    list_cases,
    move_case,
    open_case,
    read_case,
)
from countenance.desk.errors import NotAllowedError
from countenance.desk.probes import ProbeState
from countenance.desk.timeline import Window
from countenance.law import bundled_vocabulary
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.rendering import notice, words
from countenance.web.telling import told

router = APIRouter()
_A_PAGE = 50
_NEWEST = 20
_OPENED = notice("case-opened", "The case is open. Upload a probe next.")
_AMENDED = notice("case-amended", "The case was amended. Approvals from before are void.")
_CLOSED = notice("case-closed", "The case is closed.")
_REOPENED = notice("case-reopened", "The case is open again.")


@router.get("/cases")
def cases_page(at: Annotated[At, needs("case.read")]) -> Response:
    """Cases that the viewer may read, by number."""
    after = at.request.query_params.get("after", "")[:64]
    found = list_cases(at.desk, at.looker(), after=after, most=_A_PAGE + 1)
    more = found[_A_PAGE - 1][1] if len(found) > _A_PAGE else ""
    return at.page("cases/list.html.j2", cases=found[:_A_PAGE], more=more, after=after)


@router.get("/cases/new")
def new_page(at: Annotated[At, needs("case.open")]) -> Response:
    """The form of a new case."""
    return _new(at)


@router.post("/cases/new")
def new(at: Annotated[At, needs("case.open")]) -> Response:
    """Open a case."""

    def work() -> Response:
        number, details = at.fields.line("number", most=64), _details(at)
        made = open_case(
            at.desk, at.actor(), keys=at.deployment.keys, number=number, details=details
        )
        return at.see(f"/cases/{made}", done=_OPENED)

    return at.attempt(work, _new)


@router.get("/cases/{case}")
def case_page(at: Annotated[At, needs("case.read")], case: Id) -> Response:
    """The case file."""
    return _show(at, case)


@router.get("/cases/{case}/amend")
def amend_page(at: Annotated[At, needs("case.amend")], case: Id) -> Response:
    """The form that says otherwise what a case is about."""
    return _amend(at, case)


@router.post("/cases/{case}/amend")
def amend(at: Annotated[At, needs("case.amend")], case: Id) -> Response:
    """Amend a case, as long as it is the version that was seen."""

    def work() -> Response:
        version = at.fields.number("version", least=1, most=2**31)
        details = _details(at)
        amend_case(
            at.desk, at.actor(), case, keys=at.deployment.keys, details=details, version=version
        )
        return at.see(f"/cases/{case}", done=_AMENDED)

    return at.attempt(work, lambda at: _amend(at, case))


@router.post("/cases/{case}/move")
def move(at: Annotated[At, needs("case.move")], case: Id) -> Response:
    """Close a case, or open it again."""

    def work() -> Response:
        to = at.fields.choice("to", CaseState)
        grounds = at.fields.lines("grounds", most=2000)
        move_case(at.desk, at.actor(), case, keys=at.deployment.keys, to=to, grounds=grounds)
        done = _CLOSED if to is CaseState.CLOSED else _REOPENED
        return at.see(f"/cases/{case}", done=done)

    return at.attempt(work, lambda at: _show(at, case))


def is_owner(at: At, case: CaseView) -> bool:
    """Whether the case is the viewer's own: whether to offer what only its requester can do."""
    return case.opened_by == at.looker().account


def own_case_view(at: At, case: str) -> CaseView:
    """The viewer's own case. NotAllowedError, whether or not there is another."""
    found = read_case(at.desk, at.looker(), case, keys=at.deployment.keys)
    if not is_owner(at, found):
        raise NotAllowedError("there is no such case for you")
    return found


def _new(at: At) -> Response:
    return at.page("cases/new.html.j2", words=_words())


def _amend(at: At, case: str) -> Response:
    return at.page("cases/amend.html.j2", case=own_case_view(at, case), words=_words())


def _show(at: At, case: str) -> Response:
    every = at.request.query_params.get("every") == "yes"
    part = Part(Window(_number(at, "before"), _number(at, "after")),
                most=WHOLE.most if every else _NEWEST)  # fmt: skip
    file = read_case_file(at.desk, at.looker(), case, house=at.deployment.house, part=part)
    return at.page(
        "cases/show.html.j2", file=file, case=file.case, mine=is_owner(at, file.case),
        told=list(told(file))[::-1], numbers={one.id: n for n, one in enumerate(file.probes, 1)},
        ready=any(one.state is ProbeState.SUITABLE for one in file.probes),
    )  # fmt: skip


def _number(at: At, name: str) -> int | None:
    """An event of the timeline by its number, as links of the page have it."""
    value = at.request.query_params.get(name, "")
    return int(value) if re.fullmatch(r"[0-9]{1,15}", value) else None


def _details(at: At) -> CaseDetails:
    known = bundled_vocabulary()
    return CaseDetails(
        purpose=at.fields.one_of("purpose", known["use.purpose"].words),
        offence_kinds=at.fields.choices("offences", known["offence.kinds"].words, needed=False),
        offence_section=at.fields.line("offence", needed=False),
        narrative=at.fields.lines("narrative"),
    )


def _words() -> Mapping[str, list[tuple[str, str]]]:
    known = bundled_vocabulary()
    return {
        "purposes": said_words(known["use.purpose"].words),
        "offences": said_words(known["offence.kinds"].words),
    }


def said_words(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Options of a field: each word of the program, and how a person reads it."""
    return [(code, words(code)) for code in codes]
