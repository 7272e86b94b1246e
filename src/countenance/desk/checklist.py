"""The exculpatory checklist: what would speak against a candidate, asked before a lead is given.

In documented wrongful arrests the contradiction was there to be seen: a person far too tall,
pregnant, in custody, in another state, or whose picture was years old (failure F12). Each
question is answered, and "not known" says what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from countenance.core import InputError


class Question(StrEnum):
    """What is asked."""

    PHYSIQUE = "physique"
    TATTOOS = "tattoos"
    LOCATION = "location"
    CUSTODY = "custody"
    AGE_OF_PHOTO = "age-of-photo"


ASKS: Mapping[Question, str] = {
    Question.PHYSIQUE: "Do height, weight, build, age and condition (pregnancy, injury) agree "
    "with what was seen or said?",
    Question.TATTOOS: "Do tattoos, scars, piercings, hair and glasses agree, on the day itself?",
    Question.LOCATION: "Where was this person then, by work, telephone, payments, travel, others' "
    "word? Could they have been there?",
    Question.CUSTODY: "Was this person in custody, in hospital or abroad?",
    Question.AGE_OF_PHOTO: "How old is the gallery's photograph, and is there a newer one that "
    "looks otherwise?",
}
"""The questions, for the form."""


class Answer(StrEnum):
    """What was found."""

    CONTRADICTS = "contradicts"
    AGREES = "agrees"
    NOT_KNOWN = "not-known"


@dataclass(frozen=True, slots=True)
class Checked:
    """One answer, with words: what was found and where, or what was tried."""

    answer: Answer
    words: str

    def __post_init__(self) -> None:
        if not 10 <= len(self.words.strip()) <= 2000:
            raise InputError(
                "this says too little or too much", where="checklist",
                expected="10 to 2,000 characters: what was found, and where",
            )  # fmt: skip


Checklist = Mapping[Question, Checked]


def complete(answers: Checklist) -> Checklist:
    """The answers in the order of the questions. Raises InputError where one is missing."""
    missing = [each.value for each in Question if each not in answers]
    if missing:
        raise InputError(
            "not every question is answered", where=", ".join(missing),
            expected="an answer to each; `not-known` says what was tried",
        )  # fmt: skip
    return {each: answers[each] for each in Question}


def contradictions(answers: Checklist) -> tuple[Question, ...]:
    """The questions whose answers speak against the candidate."""
    return tuple(q for q, each in answers.items() if each.answer is Answer.CONTRADICTS)


def to_json(answers: Checklist) -> dict[str, Any]:
    """As it is sealed."""
    return {q.value: {"answer": a.answer.value, "words": a.words} for q, a in answers.items()}


def from_json(value: Mapping[str, Any]) -> Checklist:
    """The inverse of `to_json`."""
    return {
        Question(name): Checked(Answer(each["answer"]), each["words"])
        for name, each in value.items()
    }
