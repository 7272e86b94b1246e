"""Known-answer cases: lists whose truth is known, mixed in among the examiners' others."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import Base64Bytes, Field

from countenance.desk.knownanswers import KnownCase, Result, register, results, retire
from countenance.desk.listings import KnownLine, list_known_answers
from countenance.web.access import needs
from countenance.web.api.base import In, Line, Made, Nothing, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("known answers")


class KnownAnswer(Out):
    """A known-answer case; never its truth."""

    id: str
    at: datetime.datetime
    pictures: int
    retired: bool


class NewKnownAnswer(In):
    """Pictures (base64) whose truth is known; `answer` is the place of the right one, from 0."""

    probe: Base64Bytes
    pictures: tuple[Base64Bytes, ...] = Field(min_length=1, max_length=100)
    answer: int | None = Field(ge=0, le=99)
    consent: Annotated[str, Line(200, 3)]


@router.get("/known-answers", response_model=list[KnownAnswer])
def find_known_answers(at: Annotated[At, needs("known-answer.results")]) -> list[KnownLine]:
    """Known-answer cases, the oldest first."""
    return list_known_answers(at.desk, at.looker())


@router.get("/known-answers/results", response_model=dict[str, dict[Result, int]])
def count_known_answers(
    at: Annotated[At, needs("known-answer.results")],
) -> Mapping[str, Mapping[Result, int]]:
    """For each examiner how many of which result: counts, not rates."""
    return results(at.desk, at.looker())


@router.post("/known-answers", status_code=201, response_model=Made)
def register_known_answer(
    at: Annotated[At, needs("known-answer.register")], sent: NewKnownAnswer
) -> Made:
    """Register a list whose truth is known; it is mixed in among the others."""
    case = KnownCase(sent.probe, sent.pictures, sent.answer, sent.consent)
    return Made(id=register(at.desk, at.actor(), case, keys=at.deployment.keys))


@router.post("/known-answers/{known}/retire", status_code=204)
def retire_known_answer(
    at: Annotated[At, needs("known-answer.register")], known: Id, _: Nothing
) -> None:
    """Hand a known-answer case out no more."""
    retire(at.desk, at.actor(), known)
