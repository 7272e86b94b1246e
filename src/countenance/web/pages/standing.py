"""The one switch that suspends everything: an administrator asks, an approver confirms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.administration import names_of, read_standing
from countenance.desk.standing import Direction, Reason, ask, confirm, turns, withdraw
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.rendering import notice, words
from countenance.web.saying import say_length

router = APIRouter()
Reads = Annotated[At, needs("desk.standing")]
Stops = Annotated[At, needs("desk.stand-down")]
Starts = Annotated[At, needs("desk.take-up")]
Withdraws = Annotated[At, needs("desk.withdraw-switch")]
ConfirmsStop = Annotated[At, needs("desk.confirm-stand-down")]
ConfirmsStart = Annotated[At, needs("desk.confirm-take-up")]

_ASKED = notice("standing-asked", "This is asked for. It takes effect when an approver confirms.")
_DOWN = notice("stood-down", "The desk is suspended from now on.")
_WITHDRAWN = notice("standing-withdrawn", "It is withdrawn; nothing was changed.")
_UP = notice("taken-up", "The desk is at work again.")


@router.get("/standing")
def standing_page(at: Reads) -> Response:
    """Whether the desk works, what waits, and for how long it was suspended when."""
    looker, now = at.looker(), at.desk.now()
    found, ended = read_standing(at.desk, looker), turns(at.desk, looker)
    people = {one.asked_by for one in ended} | {one.by or "" for one in ended}
    return at.page(
        "standing/show.html.j2", standing=found, Direction=Direction, turns=ended,
        names=names_of(at.desk, looker, "desk.standing", people),
        so_far=say_length(now - found.down_since) if found.down_since else "",
        history=[(one, say_length((one.until or now) - one.since))
                 for one in reversed(found.history)],
    )  # fmt: skip


@router.get("/standing/down")
def down_page(at: Stops) -> Response:
    """Ask why everything is to be suspended."""
    return _ask_page(at, Direction.DOWN)


@router.post("/standing/down")
def ask_down(at: Stops) -> Response:
    """Ask for it."""
    return _ask(at, Direction.DOWN)


@router.get("/standing/up")
def up_page(at: Starts) -> Response:
    """Ask why the desk is to work again."""
    return _ask_page(at, Direction.UP)


@router.post("/standing/up")
def ask_up(at: Starts) -> Response:
    """Ask for it."""
    return _ask(at, Direction.UP)


@router.post("/standing/{switch}/withdraw")
def withdraw_it(at: Withdraws, switch: Id) -> Response:
    """Take back what one asked for."""

    def work() -> Response:
        withdraw(at.desk, at.actor(), switch)
        return at.see("/standing", done=_WITHDRAWN)

    return at.attempt(work, standing_page)


@router.post("/standing/{switch}/confirm-down")
def confirm_down(at: ConfirmsStop, switch: Id) -> Response:
    """Suspend everything."""
    return _confirm(at, switch, Direction.DOWN)


@router.post("/standing/{switch}/confirm-up")
def confirm_up(at: ConfirmsStart, switch: Id) -> Response:
    """Let the desk work again."""
    return _confirm(at, switch, Direction.UP)


def _ask_page(at: At, direction: Direction) -> Response:
    return at.page(
        "standing/ask.html.j2", down=direction is Direction.DOWN,
        reasons=[(each.value, words(each.value)) for each in Reason],
    )  # fmt: skip


def _ask(at: At, direction: Direction) -> Response:
    def work() -> Response:
        reason, grounds = at.fields.choice("reason", Reason), at.fields.lines("grounds", most=2000)
        if len(grounds) < 10:
            raise InputError("the reason says too little", where="grounds",
                             expected="10 to 2,000 characters")  # fmt: skip
        ask(at.desk, at.actor(), direction, reason=reason, grounds=grounds)
        return at.see("/standing", done=_ASKED)

    return at.attempt(work, lambda at: _ask_page(at, direction))


def _confirm(at: At, switch: str, direction: Direction) -> Response:
    def work() -> Response:
        confirm(at.desk, at.actor(), switch, direction)
        return at.see("/standing", done=_DOWN if direction is Direction.DOWN else _UP)

    return at.attempt(work, standing_page)
