"""Standing down: one switch for everything, which takes two people either way."""

from __future__ import annotations

import datetime
from typing import Annotated

from countenance.desk.standing import (
    Direction,
    Reason,
    SwitchState,
    Turn,
    ask,
    confirm,
    pending,
    turns,
    withdraw,
)
from countenance.web.access import needs
from countenance.web.api.base import In, Lines, Made, Most, Nothing, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("standing")


class SwitchAsked(In):
    """Why: one word in the public log, and in words that are kept sealed."""

    reason: Reason
    grounds: Annotated[str, Lines(2000, 10)]


class PendingSwitch(Out):
    """What waits for an approver."""

    id: str
    direction: Direction
    reason: Reason


class TurnOfTheSwitch(Out):
    """A wish to turn the switch that came to its end. `by`: who confirmed or withdrew it."""

    id: str
    direction: Direction
    reason: Reason
    grounds: str
    asked_by: str
    asked_at: datetime.datetime
    state: SwitchState
    by: str | None
    at: datetime.datetime


@router.get("/standing", response_model=PendingSwitch | None)
def show_standing(at: Annotated[At, needs("desk.standing")]) -> PendingSwitch | None:
    """What waits for an approver, if anything; `show_status` says whether it is suspended."""
    found = pending(at.desk, at.looker())
    if found is None:
        return None
    return PendingSwitch(id=found[0], direction=found[1], reason=found[2])


@router.get("/standing/turns", response_model=list[TurnOfTheSwitch])
def list_turns_of_the_switch(
    at: Annotated[At, needs("desk.standing")], most: Most = 50
) -> list[Turn]:
    """How wishes to turn the switch ended, the latest first."""
    return turns(at.desk, at.looker(), most=most)


@router.post("/standing/{switch}/withdraw", status_code=204)
def withdraw_switch(
    at: Annotated[At, needs("desk.withdraw-switch")], switch: Id, _: Nothing
) -> None:
    """Take one's own wish back, as long as nobody confirmed it."""
    withdraw(at.desk, at.actor(), switch)


@router.post("/standing/down", status_code=201, response_model=Made)
def ask_to_stand_down(at: Annotated[At, needs("desk.stand-down")], sent: SwitchAsked) -> Made:
    """Ask that everything is suspended."""
    return _ask(at, Direction.DOWN, sent)


@router.post("/standing/up", status_code=201, response_model=Made)
def ask_to_take_up(at: Annotated[At, needs("desk.take-up")], sent: SwitchAsked) -> Made:
    """Ask that the desk works again."""
    return _ask(at, Direction.UP, sent)


@router.post("/standing/{switch}/confirm-down", status_code=204)
def confirm_standing_down(
    at: Annotated[At, needs("desk.confirm-stand-down")], switch: Id, _: Nothing
) -> None:
    """Confirm, as an approver, that everything is suspended from now on."""
    confirm(at.desk, at.actor(), switch, Direction.DOWN)


@router.post("/standing/{switch}/confirm-up", status_code=204)
def confirm_taking_up(
    at: Annotated[At, needs("desk.confirm-take-up")], switch: Id, _: Nothing
) -> None:
    """Confirm, as an approver, that the desk works again from now on."""
    confirm(at.desk, at.actor(), switch, Direction.UP)


def _ask(at: At, direction: Direction, sent: SwitchAsked) -> Made:
    made = ask(at.desk, at.actor(), direction, reason=sent.reason, grounds=sent.grounds)
    return Made(id=made)
