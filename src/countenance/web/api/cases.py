"""Cases: opened, said otherwise, closed, and read as a whole file."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from countenance.desk.casefile import Part, read_case_file
from countenance.desk.cases import (
    CaseDetails,
    CaseState,
    CaseView,
    amend_case,
    list_cases,
    move_case,
    open_case,
    read_case,
    read_stretch,
)
from countenance.desk.timeline import Stretch, Window
from countenance.web.access import needs
from countenance.web.api import casefile
from countenance.web.api.base import After, In, Line, Lines, Made, Most, Out
from countenance.web.api.casefile import Case, CaseFile, Events
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("cases")
Reader = Annotated[At, needs("case.read")]
Number = Annotated[int | None, Query(ge=0, lt=2**53)]


class NewDetails(In):
    """What a case is about; see `docs/desk.md` on what an account of the facts must be."""

    purpose: Annotated[str, Line(100)]
    offence_kinds: tuple[Annotated[str, Line(100)], ...] = Field(max_length=40)
    offence_section: Annotated[str, Line(200, 0)] = ""
    narrative: Annotated[str, Lines(20_000)]

    @property
    def details(self) -> CaseDetails:
        """As the desk takes it. Raises InputError."""
        return CaseDetails(
            self.purpose, self.offence_kinds, self.offence_section, self.narrative
        )  # fmt: skip


class NewCase(NewDetails):
    """A case that is to be opened."""

    number: Annotated[str, Line(64, 3)]


class Amendment(NewDetails):
    """A case said otherwise. `version` is the one that was seen."""

    version: int = Field(ge=1, le=2**31 - 1)


class CaseMove(In):
    """To which state, and why."""

    to: CaseState
    grounds: Annotated[str, Lines(2000)]


class CaseLine(Out):
    """A case in a list."""

    id: str
    number: str
    state: CaseState


@router.get("/cases", response_model=list[CaseLine])
def find_cases(at: Reader, after: After = "", most: Most = 50) -> list[CaseLine]:
    """Cases that the caller may read, by number; the next page is `after` the last one."""
    found = list_cases(at.desk, at.looker(), after=after, most=most)
    return [CaseLine(id=i, number=number, state=state) for i, number, state in found]


@router.post("/cases", status_code=201, response_model=Made)
def open_a_case(at: Annotated[At, needs("case.open")], sent: NewCase) -> Made:
    """Open a case."""
    details = sent.details
    made = open_case(
        at.desk, at.actor(), keys=at.deployment.keys, number=sent.number, details=details
    )
    return Made(id=made)


@router.get("/cases/{case}", response_model=Case)
def show_case(at: Reader, case: Id) -> CaseView:
    """One case."""
    return read_case(at.desk, at.looker(), case, keys=at.deployment.keys)


@router.post("/cases/{case}/amend", status_code=204)
def amend_a_case(at: Annotated[At, needs("case.amend")], case: Id, sent: Amendment) -> None:
    """Say otherwise what a case is about; an approval from before is void by it."""
    details = sent.details
    amend_case(
        at.desk, at.actor(), case, keys=at.deployment.keys, details=details, version=sent.version
    )


@router.post("/cases/{case}/move", status_code=204)
def move_a_case(at: Annotated[At, needs("case.move")], case: Id, sent: CaseMove) -> None:
    """Close a case, or open it again."""
    move_case(at.desk, at.actor(), case, keys=at.deployment.keys, to=sent.to, grounds=sent.grounds)


@router.get("/cases/{case}/timeline", response_model=Events)
def show_timeline(
    at: Reader, case: Id, before: Number = None, after: Number = None, most: Most = 50
) -> Stretch:
    """Events of a case in the order of the log: the last ones, `before` one or `after` one."""
    return read_stretch(at.desk, at.looker(), case, Window(before, after, most))


@router.get("/cases/{case}/file", response_model=CaseFile)
def show_case_file(at: Reader, case: Id, most: Most = 50) -> casefile.DeskCaseFile:
    """A case: probes, leads, what others were asked; the last requests, searches, events."""
    part = Part(Window(most=most), most=most)
    return read_case_file(at.desk, at.looker(), case, house=at.deployment.house, part=part)
