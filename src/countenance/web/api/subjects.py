"""Subject requests: anybody asks what is held of them, and is answered from the records."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from pydantic import Field

from countenance.desk.subjectanswers import Answer, answer, read_answer
from countenance.desk.subjects import (
    Asked,
    Channel,
    RefusedFor,
    Shown,
    SubjectLine,
    SubjectState,
    ask,
    check_identity,
    enter,
    list_subject_requests,
    refuse,
    status,
)
from countenance.desk.subjectviews import SubjectView, read_subject_request
from countenance.web.access import needs, open_to_all
from countenance.web.api.base import DigestText, IdText, In, Line, Lines, Most, Out, Problem
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.callers import source_of
from countenance.web.ids import Id

router = Router("subject requests")
Reader = Annotated[At, needs("subject.read")]
_TOO_MANY: dict[int | str, dict[str, Any]] = {
    429: {
        "model": Problem,  # which also brings it into the description, for all others to refer to
        "description": "Too many came to this door; `retry-after` says when to come again.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
}


class Person(In):
    """Who asks, how they can be reached, and what a source may call them."""

    name: Annotated[str, Line(200)]
    contact: Annotated[str, Line(200)]
    known_as: tuple[Annotated[str, Line(200)], ...] = Field(default=(), max_length=5)
    words: Annotated[str, Lines(2000, 0)] = ""


class ReferenceTold(Out):
    """Under which the status can be asked; told this once."""

    reference: str


class ReferenceGiven(In):
    """The reference that was told when it was asked."""

    reference: IdText


class SubjectStatus(Out):
    """Where a request stands; null where there is none of this reference."""

    state: SubjectState | None


class SubjectRequestLine(Out):
    """A request in the list: who asks is not in it."""

    id: str
    state: SubjectState
    channel: Channel
    received_at: datetime.datetime
    due_at: datetime.datetime


class PersonWho(Out):
    """What a person wrote."""

    name: str
    contact: str
    known_as: tuple[str, ...]
    words: str


class SubjectRequest(Out):
    """One request, whole but for its answer."""

    id: str
    state: SubjectState
    channel: Channel
    received_at: datetime.datetime
    due_at: datetime.datetime
    asked: PersonWho
    checked_by: str | None
    checked_at: datetime.datetime | None
    how: str | None
    closed_by: str | None
    closed_at: datetime.datetime | None
    refusal: str | None


class IdentityCheck(In):
    """How the person showed who they are."""

    shown: Shown
    how: Annotated[str, Lines(2000, 10)]


class SubjectRefusal(In):
    """Why there is no answer."""

    reason: RefusedFor
    grounds: Annotated[str, Lines(2000, 10)]


class LookUp(In):
    """What sources call the person, and SHA-256 hashes of picture files that they gave."""

    subjects: tuple[Annotated[str, Line(200)], ...] = Field(default=(), max_length=20)
    pictures: tuple[DigestText, ...] = Field(default=(), max_length=20)


class HeldImage(Out):
    """One image of the person in a gallery, or one that went."""

    gallery: str
    since: str
    captured_on: str
    source: str
    basis: str | None
    disposition: str
    expires_on: str
    removed_on: str | None
    reason: str | None


class ReturnedEntry(Out):
    """One published list that held an entry of the person, and what became of it."""

    gallery: str
    on: str
    outcome: str


class SubjectAnswer(Out):
    """What the person is told; `not_known` says what cannot be answered from these records."""

    at: str
    asked: tuple[str, ...]
    held: tuple[HeldImage, ...]
    returned: tuple[ReturnedEntry, ...]
    unpublished: int
    erased: int
    not_known: tuple[str, ...]


@router.post(
    "/subject-requests", status_code=201, response_model=ReferenceTold, responses=_TOO_MANY
)
def ask_what_is_held(at: Annotated[At, open_to_all()], sent: Person) -> ReferenceTold:
    """Ask "am I in a gallery, was I returned?"; who asks is checked outside, then answered."""
    return ReferenceTold(
        reference=ask(at.desk, _asked(sent), keys=at.deployment.keys, source=source_of(at))
    )


@router.post("/subject-requests/status", response_model=SubjectStatus)
def show_subject_status(at: Annotated[At, open_to_all()], sent: ReferenceGiven) -> SubjectStatus:
    """Where the request of a reference stands; by post, so that it stands in no address."""
    return SubjectStatus(state=status(at.desk, sent.reference))


@router.get("/subject-requests", response_model=list[SubjectRequestLine])
def find_subject_requests(
    at: Annotated[At, needs("subject.list")], open_only: bool = True, most: Most = 200
) -> list[SubjectLine]:
    """Requests, what is due first."""
    return list_subject_requests(at.desk, at.looker(), open_only=open_only, most=most)


@router.post("/subject-requests/enter", status_code=201, response_model=ReferenceTold)
def enter_subject_request(
    at: Annotated[At, needs("subject.enter")], sent: Person
) -> ReferenceTold:
    """Enter what somebody asked at the counter; the reference is for them."""
    _, reference = enter(at.desk, at.actor(), _asked(sent), keys=at.deployment.keys)
    return ReferenceTold(reference=reference)


@router.get("/subject-requests/{request}", response_model=SubjectRequest)
def show_subject_request(at: Reader, request: Id) -> SubjectView:
    """One request, for whoever checks who asks."""
    return read_subject_request(at.desk, at.looker(), request, keys=at.deployment.keys)


@router.post("/subject-requests/{request}/check", status_code=204)
def check_subject(
    at: Annotated[At, needs("subject.check")], request: Id, sent: IdentityCheck
) -> None:
    """Record how the person showed who they are."""
    check_identity(
        at.desk, at.actor(), request, shown=sent.shown, how=sent.how, keys=at.deployment.keys
    )


@router.post("/subject-requests/{request}/refuse", status_code=204)
def refuse_subject_request(
    at: Annotated[At, needs("subject.refuse")], request: Id, sent: SubjectRefusal
) -> None:
    """Give no answer, and say why."""
    refuse(
        at.desk, at.actor(), request, reason=sent.reason, grounds=sent.grounds,
        keys=at.deployment.keys,
    )  # fmt: skip


@router.post("/subject-requests/{request}/answer", response_model=SubjectAnswer)
def answer_subject_request(
    at: Annotated[At, needs("subject.answer")], request: Id, sent: LookUp
) -> Answer:
    """Look the person up in the records, and keep the answer; by another than who checked."""
    return answer(
        at.desk, at.actor(), request, subjects=sent.subjects, pictures=sent.pictures,
        keys=at.deployment.keys,
    )  # fmt: skip


@router.get("/subject-requests/{request}/answer", response_model=SubjectAnswer)
def show_subject_answer(at: Reader, request: Id) -> Answer:
    """The answer as it was given."""
    return read_answer(at.desk, at.looker(), request, keys=at.deployment.keys)


def _asked(sent: Person) -> Asked:
    return Asked(sent.name, sent.contact, sent.known_as, sent.words)
