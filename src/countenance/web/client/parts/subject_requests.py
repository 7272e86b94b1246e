"""Calls of the API about subject requests.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value

Channel = Literal["form", "counter"]
"""How a request came."""


class HeldImage(Value, frozen=True, kw_only=True):
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


Shown = Literal["document-in-person", "document-by-post", "representative", "court"]
"""How somebody showed who they are."""


class IdentityCheck(Value, frozen=True, kw_only=True):
    """How the person showed who they are."""

    shown: Shown
    how: str


class LookUp(Value, frozen=True, kw_only=True):
    """What sources call the person, and SHA-256 hashes of picture files that they gave."""

    subjects: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


class Person(Value, frozen=True, kw_only=True):
    """Who asks, how they can be reached, and what a source may call them."""

    name: str
    contact: str
    known_as: tuple[str, ...] = ()
    words: str = ""


class PersonWho(Value, frozen=True, kw_only=True):
    """What a person wrote."""

    name: str
    contact: str
    known_as: tuple[str, ...]
    words: str


class ReferenceGiven(Value, frozen=True, kw_only=True):
    """The reference that was told when it was asked."""

    reference: str


class ReferenceTold(Value, frozen=True, kw_only=True):
    """Under which the status can be asked; told this once."""

    reference: str


RefusedFor = Literal["identity-not-shown", "restricted-by-law", "withdrawn", "other"]
"""Why there is no answer."""


class ReturnedEntry(Value, frozen=True, kw_only=True):
    """One published list that held an entry of the person, and what became of it."""

    gallery: str
    on: str
    outcome: str


class SubjectAnswer(Value, frozen=True, kw_only=True):
    """What the person is told; `not_known` says what cannot be answered from these records."""

    at: str
    asked: tuple[str, ...]
    held: tuple[HeldImage, ...]
    returned: tuple[ReturnedEntry, ...]
    unpublished: int
    erased: int
    not_known: tuple[str, ...]


class SubjectRefusal(Value, frozen=True, kw_only=True):
    """Why there is no answer."""

    reason: RefusedFor
    grounds: str


SubjectState = Literal["received", "being-checked", "answered", "refused"]
"""Where a request stands."""


class SubjectRequest(Value, frozen=True, kw_only=True):
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


class SubjectRequestLine(Value, frozen=True, kw_only=True):
    """A request in the list: who asks is not in it."""

    id: str
    state: SubjectState
    channel: Channel
    received_at: datetime.datetime
    due_at: datetime.datetime


class SubjectStatus(Value, frozen=True, kw_only=True):
    """Where a request stands; null where there is none of this reference."""

    state: SubjectState | None


class SubjectRequestsCalls(Part):
    """Calls of the API about subject requests."""

    def ask_what_is_held(self, sent: Person) -> ReferenceTold:
        """Ask "am I in a gallery, was I returned?"; who asks is checked outside, then answered."""
        return self._call(
            Call("ask_what_is_held", "POST", "/api/v1/subject-requests"),
            Shape[ReferenceTold](ReferenceTold),
            body=sent,
        )

    def find_subject_requests(
        self, *, open_only: bool = True, most: int = 200
    ) -> tuple[SubjectRequestLine, ...]:
        """Requests, what is due first."""
        return self._call(
            Call("find_subject_requests", "GET", "/api/v1/subject-requests"),
            Shape[tuple[SubjectRequestLine, ...]](tuple[SubjectRequestLine, ...]),
            query={"open_only": open_only, "most": most},
        )

    def show_subject_status(self, sent: ReferenceGiven) -> SubjectStatus:
        """Where the request of a reference stands; by post, so that it stands in no address."""
        return self._call(
            Call("show_subject_status", "POST", "/api/v1/subject-requests/status"),
            Shape[SubjectStatus](SubjectStatus),
            body=sent,
        )

    def enter_subject_request(self, sent: Person) -> ReferenceTold:
        """Enter what somebody asked at the counter; the reference is for them."""
        return self._call(
            Call(
                "enter_subject_request",
                "POST",
                "/api/v1/subject-requests/enter",
                confirms="subject.enter",
            ),
            Shape[ReferenceTold](ReferenceTold),
            body=sent,
        )

    def show_subject_request(self, request: str) -> SubjectRequest:
        """One request, for whoever checks who asks."""
        return self._call(
            Call("show_subject_request", "GET", "/api/v1/subject-requests/{request}"),
            Shape[SubjectRequest](SubjectRequest),
            path={"request": request},
        )

    def check_subject(self, request: str, sent: IdentityCheck) -> None:
        """Record how the person showed who they are."""
        self._call(
            Call(
                "check_subject",
                "POST",
                "/api/v1/subject-requests/{request}/check",
                confirms="subject.check",
            ),
            None,
            path={"request": request},
            body=sent,
        )

    def refuse_subject_request(self, request: str, sent: SubjectRefusal) -> None:
        """Give no answer, and say why."""
        self._call(
            Call(
                "refuse_subject_request",
                "POST",
                "/api/v1/subject-requests/{request}/refuse",
                confirms="subject.refuse",
            ),
            None,
            path={"request": request},
            body=sent,
        )

    def answer_subject_request(self, request: str, sent: LookUp) -> SubjectAnswer:
        """Look the person up in the records, and keep the answer; by another than who checked."""
        return self._call(
            Call(
                "answer_subject_request",
                "POST",
                "/api/v1/subject-requests/{request}/answer",
                confirms="subject.answer",
            ),
            Shape[SubjectAnswer](SubjectAnswer),
            path={"request": request},
            body=sent,
        )

    def show_subject_answer(self, request: str) -> SubjectAnswer:
        """The answer as it was given."""
        return self._call(
            Call("show_subject_answer", "GET", "/api/v1/subject-requests/{request}/answer"),
            Shape[SubjectAnswer](SubjectAnswer),
            path={"request": request},
        )
