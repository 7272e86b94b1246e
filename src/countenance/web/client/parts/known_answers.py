"""Calls of the API about known answers.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import ErasureState, Made


class KnownAnswer(Value, frozen=True, kw_only=True):
    """A known-answer case; never its truth."""

    id: str
    at: datetime.datetime
    pictures: int
    retired: bool
    erased_at: datetime.datetime | None


KnownBasis = Literal["consent-withdrawn", "retention-over", "registered-in-error"]
"""Why a known-answer case is erased, in the public log."""


class KnownErased(Value, frozen=True, kw_only=True):
    """The key is gone. `everywhere`: the files hold nothing of it either, by now."""

    everywhere: bool


class KnownErasure(Value, frozen=True, kw_only=True):
    """An erasure of a known-answer case; `by` and `at` are of its end."""

    id: str
    known: str
    basis: KnownBasis
    state: ErasureState
    grounds: str
    asked_by: str
    asked_at: datetime.datetime
    by: str | None
    at: datetime.datetime | None


class KnownErasureAsked(Value, frozen=True, kw_only=True):
    """Why it is to be erased: one word in the public log, and in words that are sealed."""

    basis: KnownBasis
    grounds: str


class KnownErasureRefused(Value, frozen=True, kw_only=True):
    """Why not."""

    grounds: str


class NewKnownAnswer(Value, frozen=True, kw_only=True):
    """Pictures (base64) whose truth is known; `answer` is the place of the right one, from 0."""

    probe: bytes
    pictures: tuple[bytes, ...]
    answer: int | None
    consent: str


Result = Literal["right", "wrong-candidate", "missed", "inconclusive"]
"""How an examiner's conclusion compares with the truth."""


class KnownAnswersCalls(Part):
    """Calls of the API about known answers."""

    def find_known_answers(self) -> tuple[KnownAnswer, ...]:
        """Known-answer cases, the oldest first."""
        return self._call(
            Call("find_known_answers", "GET", "/api/v1/known-answers"),
            Shape[tuple[KnownAnswer, ...]](tuple[KnownAnswer, ...]),
        )

    def register_known_answer(self, sent: NewKnownAnswer) -> Made:
        """Register a list whose truth is known; it is mixed in among the others."""
        return self._call(
            Call(
                "register_known_answer",
                "POST",
                "/api/v1/known-answers",
                confirms="known-answer.register",
            ),
            Shape[Made](Made),
            body=sent,
        )

    def count_known_answers(self) -> dict[str, dict[Result, int]]:
        """For each examiner how many of which result: counts, not rates."""
        return self._call(
            Call("count_known_answers", "GET", "/api/v1/known-answers/results"),
            Shape[dict[str, dict[Result, int]]](dict[str, dict[Result, int]]),
        )

    def retire_known_answer(self, known: str) -> None:
        """Hand a known-answer case out no more."""
        self._call(
            Call(
                "retire_known_answer",
                "POST",
                "/api/v1/known-answers/{known}/retire",
                confirms="known-answer.register",
            ),
            None,
            path={"known": known},
            body={},
        )

    def ask_to_erase_known_answer(self, known: str, sent: KnownErasureAsked) -> Made:
        """Ask an administrator that a known-answer case is erased; it is handed out no more."""
        return self._call(
            Call(
                "ask_to_erase_known_answer",
                "POST",
                "/api/v1/known-answers/{known}/ask-erasure",
                confirms="known-answer.ask-erasure",
            ),
            Shape[Made](Made),
            path={"known": known},
            body=sent,
        )

    def list_known_answer_erasures(self, *, most: int = 50) -> tuple[KnownErasure, ...]:
        """Erasures of known-answer cases, the latest asked first."""
        return self._call(
            Call("list_known_answer_erasures", "GET", "/api/v1/known-answer-erasures"),
            Shape[tuple[KnownErasure, ...]](tuple[KnownErasure, ...]),
            query={"most": most},
        )

    def confirm_known_answer_erasure(self, erasure: str) -> KnownErased:
        """Erase it. Nothing brings it back."""
        return self._call(
            Call(
                "confirm_known_answer_erasure",
                "POST",
                "/api/v1/known-answer-erasures/{erasure}/confirm",
                confirms="known-answer.confirm-erasure",
            ),
            Shape[KnownErased](KnownErased),
            path={"erasure": erasure},
            body={},
        )

    def refuse_known_answer_erasure(self, erasure: str, sent: KnownErasureRefused) -> None:
        """Say no to it."""
        self._call(
            Call(
                "refuse_known_answer_erasure",
                "POST",
                "/api/v1/known-answer-erasures/{erasure}/refuse",
                confirms="known-answer.refuse-erasure",
            ),
            None,
            path={"erasure": erasure},
            body=sent,
        )

    def withdraw_known_answer_erasure(self, erasure: str) -> None:
        """Take back what one asked for."""
        self._call(
            Call(
                "withdraw_known_answer_erasure",
                "POST",
                "/api/v1/known-answer-erasures/{erasure}/withdraw",
            ),
            None,
            path={"erasure": erasure},
            body={},
        )
