"""Calls of the API about erasures.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import ErasureState, Made


class CaseErasure(Value, frozen=True, kw_only=True):
    """An erasure that waits for an auditor."""

    id: str
    case_id: str
    number: str
    basis: Literal["retention-over", "court-order", "opened-in-error"]
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


class CaseErasureEnded(Value, frozen=True, kw_only=True):
    """An erasure that was decided on; `by` is nobody where its time was over."""

    id: str
    case_id: str
    basis: Literal["retention-over", "court-order", "opened-in-error"]
    state: ErasureState
    asked_by: str
    asked_at: datetime.datetime
    by: str | None
    at: datetime.datetime


class CaseToErase(Value, frozen=True, kw_only=True):
    """A closed case, without anything it says. `hindered`: why it cannot be erased yet."""

    id: str
    number: str
    opened_at: datetime.datetime
    closed_at: datetime.datetime
    hindered: str | None


class Erased(Value, frozen=True, kw_only=True):
    """The keys are gone. `everywhere`: the files hold nothing of it either, by now."""

    everywhere: bool


class ErasureAsked(Value, frozen=True, kw_only=True):
    """Why a case is to be erased: one word in the public log, and in words that are sealed."""

    basis: Literal["retention-over", "court-order", "opened-in-error"]
    grounds: str


class ErasureRefused(Value, frozen=True, kw_only=True):
    """Why not."""

    grounds: str


class ErasuresCalls(Part):
    """Calls of the API about erasures."""

    def list_closed_cases(self, *, after: str = "", most: int = 50) -> tuple[CaseToErase, ...]:
        """Closed cases by number; the next page is `after` the last number."""
        return self._call(
            Call("list_closed_cases", "GET", "/api/v1/cases-closed"),
            Shape[tuple[CaseToErase, ...]](tuple[CaseToErase, ...]),
            query={"after": after, "most": most},
        )

    def ask_case_erasure(self, case: str, sent: ErasureAsked) -> Made:
        """Ask that a closed case is erased."""
        return self._call(
            Call(
                "ask_case_erasure",
                "POST",
                "/api/v1/cases/{case}/ask-erasure",
                confirms="case.ask-erasure",
            ),
            Shape[Made](Made),
            path={"case": case},
            body=sent,
        )

    def list_erasures(self) -> tuple[CaseErasure, ...]:
        """What waits for an auditor, the oldest first."""
        return self._call(
            Call("list_erasures", "GET", "/api/v1/erasures"),
            Shape[tuple[CaseErasure, ...]](tuple[CaseErasure, ...]),
        )

    def list_ended_erasures(self, *, most: int = 50) -> tuple[CaseErasureEnded, ...]:
        """How erasures that were asked for ended, the latest first."""
        return self._call(
            Call("list_ended_erasures", "GET", "/api/v1/erasures/ended"),
            Shape[tuple[CaseErasureEnded, ...]](tuple[CaseErasureEnded, ...]),
            query={"most": most},
        )

    def withdraw_case_erasure(self, erasure: str) -> None:
        """Take back what one asked for."""
        self._call(
            Call("withdraw_case_erasure", "POST", "/api/v1/erasures/{erasure}/withdraw"),
            None,
            path={"erasure": erasure},
            body={},
        )

    def confirm_case_erasure(self, erasure: str) -> Erased:
        """Erase the case. Nothing brings it back."""
        return self._call(
            Call(
                "confirm_case_erasure",
                "POST",
                "/api/v1/erasures/{erasure}/confirm",
                confirms="case.confirm-erasure",
            ),
            Shape[Erased](Erased),
            path={"erasure": erasure},
            body={},
        )

    def refuse_case_erasure(self, erasure: str, sent: ErasureRefused) -> None:
        """Say no to an erasure."""
        self._call(
            Call(
                "refuse_case_erasure",
                "POST",
                "/api/v1/erasures/{erasure}/refuse",
                confirms="case.refuse-erasure",
            ),
            None,
            path={"erasure": erasure},
            body=sent,
        )
