"""Erasing a case: asked for by an administrator, confirmed by an auditor, and then for good."""

from __future__ import annotations

import datetime
from typing import Annotated

from countenance.desk.erasing import (
    ClosedCase,
    ErasureView,
    ask_erasure,
    closed_cases,
    confirm_erasure,
    open_erasures,
    refuse_erasure,
)
from countenance.desk.erasure_tables import (
    Basis,
    EndedErasure,
    ErasureState,
    ended_erasures,
    withdraw_erasure,
)
from countenance.web.access import needs
from countenance.web.api.base import After, In, Lines, Made, Most, Nothing, OneOf, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("erasures")
Why = Annotated[str, OneOf(Basis)]


class CaseToErase(Out):
    """A closed case, without anything it says. `hindered`: why it cannot be erased yet."""

    id: str
    number: str
    opened_at: datetime.datetime
    closed_at: datetime.datetime
    hindered: str | None


class CaseErasure(Out):
    """An erasure that waits for an auditor."""

    id: str
    case_id: str
    number: str
    basis: Why
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


class CaseErasureEnded(Out):
    """An erasure that was decided on; `by` is nobody where its time was over."""

    id: str
    case_id: str
    basis: Why
    state: ErasureState
    asked_by: str
    asked_at: datetime.datetime
    by: str | None
    at: datetime.datetime


class ErasureAsked(In):
    """Why a case is to be erased: one word in the public log, and in words that are sealed."""

    basis: Why
    grounds: Annotated[str, Lines(2000, 10)]


class ErasureRefused(In):
    """Why not."""

    grounds: Annotated[str, Lines(2000, 10)]


class Erased(Out):
    """The keys are gone. `everywhere`: the files hold nothing of it either, by now."""

    everywhere: bool


@router.get("/cases-closed", response_model=list[CaseToErase])
def list_closed_cases(
    at: Annotated[At, needs("case.list-closed")], after: After = "", most: Most = 50
) -> list[ClosedCase]:
    """Closed cases by number; the next page is `after` the last number."""
    return closed_cases(at.desk, at.looker(), after=after, most=most)


@router.post("/cases/{case}/ask-erasure", status_code=201, response_model=Made)
def ask_case_erasure(
    at: Annotated[At, needs("case.ask-erasure")], case: Id, sent: ErasureAsked
) -> Made:
    """Ask that a closed case is erased."""
    made = ask_erasure(
        at.desk, at.actor(), case, basis=Basis(sent.basis), grounds=sent.grounds,
        keys=at.deployment.keys,
    )  # fmt: skip
    return Made(id=made)


@router.get("/erasures", response_model=list[CaseErasure])
def list_erasures(at: Annotated[At, needs("case.list-closed")]) -> list[ErasureView]:
    """What waits for an auditor, the oldest first."""
    return open_erasures(at.desk, at.looker(), keys=at.deployment.keys)


@router.get("/erasures/ended", response_model=list[CaseErasureEnded])
def list_ended_erasures(
    at: Annotated[At, needs("case.list-closed")], most: Most = 50
) -> list[EndedErasure]:
    """How erasures that were asked for ended, the latest first."""
    return ended_erasures(at.desk, at.looker(), most=most)


@router.post("/erasures/{erasure}/withdraw", status_code=204)
def withdraw_case_erasure(
    at: Annotated[At, needs("case.withdraw-erasure")], erasure: Id, _: Nothing
) -> None:
    """Take back what one asked for."""
    withdraw_erasure(at.desk, at.actor(), erasure)


@router.post("/erasures/{erasure}/confirm", response_model=Erased)
def confirm_case_erasure(
    at: Annotated[At, needs("case.confirm-erasure")], erasure: Id, _: Nothing
) -> Erased:
    """Erase the case. Nothing brings it back."""
    return Erased(
        everywhere=confirm_erasure(at.desk, at.actor(), erasure, keys=at.deployment.keys)
    )


@router.post("/erasures/{erasure}/refuse", status_code=204)
def refuse_case_erasure(
    at: Annotated[At, needs("case.refuse-erasure")], erasure: Id, sent: ErasureRefused
) -> None:
    """Say no to an erasure."""
    refuse_erasure(at.desk, at.actor(), erasure, grounds=sent.grounds)
