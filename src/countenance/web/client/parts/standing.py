"""Calls of the API about standing.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made, Reason

Direction = Literal["down", "up"]
"""Which way the switch goes."""


class PendingSwitch(Value, frozen=True, kw_only=True):
    """What waits for an approver."""

    id: str
    direction: Direction
    reason: Reason


class SwitchAsked(Value, frozen=True, kw_only=True):
    """Why: one word in the public log, and in words that are kept sealed."""

    reason: Reason
    grounds: str


SwitchState = Literal["asked", "confirmed", "withdrawn", "lapsed"]
"""Where a switch stands. One that nobody confirmed in time is neither."""


class TurnOfTheSwitch(Value, frozen=True, kw_only=True):
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


class StandingCalls(Part):
    """Calls of the API about standing."""

    def show_standing(self) -> PendingSwitch | None:
        """What waits for an approver, if anything; `show_status` says whether it is suspended."""
        return self._call(
            Call("show_standing", "GET", "/api/v1/standing"),
            Shape[PendingSwitch | None](PendingSwitch | None),
        )

    def list_turns_of_the_switch(self, *, most: int = 50) -> tuple[TurnOfTheSwitch, ...]:
        """How wishes to turn the switch ended, the latest first."""
        return self._call(
            Call("list_turns_of_the_switch", "GET", "/api/v1/standing/turns"),
            Shape[tuple[TurnOfTheSwitch, ...]](tuple[TurnOfTheSwitch, ...]),
            query={"most": most},
        )

    def withdraw_switch(self, switch: str) -> None:
        """Take one's own wish back, as long as nobody confirmed it."""
        self._call(
            Call("withdraw_switch", "POST", "/api/v1/standing/{switch}/withdraw"),
            None,
            path={"switch": switch},
            body={},
        )

    def ask_to_stand_down(self, sent: SwitchAsked) -> Made:
        """Ask that everything is suspended."""
        return self._call(
            Call("ask_to_stand_down", "POST", "/api/v1/standing/down", confirms="desk.stand-down"),
            Shape[Made](Made),
            body=sent,
        )

    def ask_to_take_up(self, sent: SwitchAsked) -> Made:
        """Ask that the desk works again."""
        return self._call(
            Call("ask_to_take_up", "POST", "/api/v1/standing/up", confirms="desk.take-up"),
            Shape[Made](Made),
            body=sent,
        )

    def confirm_standing_down(self, switch: str) -> None:
        """Confirm, as an approver, that everything is suspended from now on."""
        self._call(
            Call(
                "confirm_standing_down",
                "POST",
                "/api/v1/standing/{switch}/confirm-down",
                confirms="desk.confirm-stand-down",
            ),
            None,
            path={"switch": switch},
            body={},
        )

    def confirm_taking_up(self, switch: str) -> None:
        """Confirm, as an approver, that the desk works again from now on."""
        self._call(
            Call(
                "confirm_taking_up",
                "POST",
                "/api/v1/standing/{switch}/confirm-up",
                confirms="desk.confirm-take-up",
            ),
            None,
            path={"switch": switch},
            body={},
        )
