"""Known-answer cases: lists whose truth is known, mixed in among the examiners' others."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import Base64Bytes, Field

from countenance.desk.erasure_tables import ErasureState
from countenance.desk.knownanswers import KnownCase, Result, register, results, retire
from countenance.desk.knownerasing import (
    KnownBasis,
    KnownErasureView,
    ask_known_erasure,
    confirm_known_erasure,
    known_erasures,
    refuse_known_erasure,
    withdraw_known_erasure,
)
from countenance.desk.listings import KnownLine, list_known_answers
from countenance.web.access import needs
from countenance.web.api.base import In, Line, Lines, Made, Most, Nothing, Out
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
    erased_at: datetime.datetime | None


class NewKnownAnswer(In):
    """Pictures (base64) whose truth is known; `answer` is the place of the right one, from 0."""

    probe: Base64Bytes
    pictures: tuple[Base64Bytes, ...] = Field(min_length=1, max_length=100)
    answer: int | None = Field(ge=0, le=99)
    consent: Annotated[str, Line(200, 3)]


class KnownErasureAsked(In):
    """Why it is to be erased: one word in the public log, and in words that are sealed."""

    basis: KnownBasis
    grounds: Annotated[str, Lines(2000, 10)]


class KnownErasureRefused(In):
    """Why not."""

    grounds: Annotated[str, Lines(2000, 10)]


class KnownErasure(Out):
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


class KnownErased(Out):
    """The key is gone. `everywhere`: the files hold nothing of it either, by now."""

    everywhere: bool


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


@router.post("/known-answers/{known}/ask-erasure", status_code=201, response_model=Made)
def ask_to_erase_known_answer(
    at: Annotated[At, needs("known-answer.ask-erasure")], known: Id, sent: KnownErasureAsked
) -> Made:
    """Ask an administrator that a known-answer case is erased; it is handed out no more."""
    return Made(
        id=ask_known_erasure(
            at.desk, at.actor(), known, basis=sent.basis, grounds=sent.grounds,
            keys=at.deployment.keys,
        )
    )  # fmt: skip


@router.get("/known-answer-erasures", response_model=list[KnownErasure])
def list_known_answer_erasures(
    at: Annotated[At, needs("known-answer.erasures")], most: Most = 50
) -> list[KnownErasureView]:
    """Erasures of known-answer cases, the latest asked first."""
    return known_erasures(at.desk, at.looker(), keys=at.deployment.keys, most=most)


@router.post("/known-answer-erasures/{erasure}/confirm", response_model=KnownErased)
def confirm_known_answer_erasure(
    at: Annotated[At, needs("known-answer.confirm-erasure")], erasure: Id, _: Nothing
) -> KnownErased:
    """Erase it. Nothing brings it back."""
    done = confirm_known_erasure(at.desk, at.actor(), erasure, keys=at.deployment.keys)
    return KnownErased(everywhere=done)


@router.post("/known-answer-erasures/{erasure}/refuse", status_code=204)
def refuse_known_answer_erasure(
    at: Annotated[At, needs("known-answer.refuse-erasure")], erasure: Id,
    sent: KnownErasureRefused,
) -> None:  # fmt: skip
    """Say no to it."""
    refuse_known_erasure(at.desk, at.actor(), erasure, grounds=sent.grounds)


@router.post("/known-answer-erasures/{erasure}/withdraw", status_code=204)
def withdraw_known_answer_erasure(
    at: Annotated[At, needs("known-answer.withdraw-erasure")], erasure: Id, _: Nothing
) -> None:
    """Take back what one asked for."""
    withdraw_known_erasure(at.desk, at.actor(), erasure)
