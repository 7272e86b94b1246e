"""Calls of the API about known answers.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made


class KnownAnswer(Value, frozen=True, kw_only=True):
    """A known-answer case; never its truth."""

    id: str
    at: datetime.datetime
    pictures: int
    retired: bool


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
