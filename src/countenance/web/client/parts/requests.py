"""Calls of the API about requests.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Any, Literal

import msgspec

from countenance.web.client.calling import Call, Part, Shape, Tagged, Value
from countenance.web.client.parts.values import Decision, RequestState


class Approve(Value, frozen=True, kw_only=True):
    """The digest of the request that was seen, which the passkey has just signed."""

    digest: str


class Approved(Value, frozen=True, kw_only=True):
    """Approved, until when."""

    state: Literal["approved"] = "approved"
    until: datetime.datetime


Declined = Literal[
    "no-authority", "weak-grounds", "poor-probe", "other-means-first", "not-proportionate", "other"
]
"""Why a second person said no."""


class Decline(Value, frozen=True, kw_only=True):
    """Why not."""

    reason: Declined
    grounds: str


class FallenRequest(Value, frozen=True, kw_only=True):
    """It cannot go on; `changed` names what is different from what was submitted."""

    state: Literal["lapsed", "void"]
    changed: tuple[str, ...]


class Paper(Value, frozen=True, kw_only=True):
    """By what it is authorised: a word of ``authority.given``, with its papers."""

    kind: str
    reference: str
    issued_by: str
    issued_on: datetime.date


class NewRequest(Value, frozen=True, kw_only=True):
    """What whoever asks states. Null is not stated, an empty list is that there are none."""

    case: str
    probe: str = ""
    gallery: str = ""
    engine: str = ""
    stated: dict[str, bool | int | str | tuple[bool | int | str, ...]] = msgspec.field(
        default_factory=dict
    )
    documents: tuple[Paper, ...] | None = None
    elsewhere: tuple[str, ...] | None = None
    behalf_jurisdictions: tuple[str, ...] = ()


class NotPermitted(Value, frozen=True, kw_only=True):
    """The last decision denies it, for these reasons."""

    state: Literal["denied"] = "denied"
    decision: Decision


class Preview(Value, frozen=True, kw_only=True):
    """What would be decided now, and what if a second person had approved it."""

    may_be_submitted: bool
    needs_approval: bool
    decision: Decision
    beyond_approval: Decision


class Search(Value, frozen=True, kw_only=True):
    """A search: that there is a list, and how long it is once it is open."""

    id: str
    state: Literal["running", "sealed", "open", "expired"]
    candidates: int | None
    checkpoint: int | None


class SearchRequest(Value, frozen=True, kw_only=True):
    """A request; `frozen` is exactly what an approver's passkey signs the digest of."""

    id: str
    case_id: str
    state: RequestState
    digest: str
    expires_at: datetime.datetime
    frozen: dict[str, Any]
    decision: dict[str, Any]


class Submitted(Value, frozen=True, kw_only=True):
    """What became of a submission: `state` is ``pending`` or ``refused``."""

    id: str
    digest: str
    state: RequestState
    decision: Decision


class RequestsCalls(Part):
    """Calls of the API about requests."""

    def preview_request(self, sent: NewRequest) -> Preview:
        """What would be decided, without asking for anything; a form can be half full."""
        return self._call(
            Call("preview_request", "POST", "/api/v1/requests/preview"),
            Shape[Preview](Preview),
            body=sent,
        )

    def submit_request(self, sent: NewRequest) -> Submitted:
        """Ask for a search. A refusal is an answer with its reasons, and is kept."""
        return self._call(
            Call("submit_request", "POST", "/api/v1/requests", confirms="request.submit"),
            Shape[Submitted](Submitted),
            body=sent,
        )

    def list_waiting_requests(self) -> tuple[str, ...]:
        """Ids of requests that wait for a second person and are not the asker's own."""
        return self._call(
            Call("list_waiting_requests", "GET", "/api/v1/requests/waiting"),
            Shape[tuple[str, ...]](tuple[str, ...]),
        )

    def show_request(self, request: str) -> SearchRequest:
        """One request, with what is approved and the decision when it was submitted."""
        return self._call(
            Call("show_request", "GET", "/api/v1/requests/{request}"),
            Shape[SearchRequest](SearchRequest),
            path={"request": request},
        )

    def withdraw_request(self, request: str) -> None:
        """Take one's own request back."""
        self._call(
            Call("withdraw_request", "POST", "/api/v1/requests/{request}/withdraw"),
            None,
            path={"request": request},
            body={},
        )

    def approve_request(self, request: str, sent: Approve) -> Approved | FallenRequest:
        """Approve a request; the passkey has signed its digest (``/passkey/sign``) just before."""
        return self._call(
            Call(
                "approve_request",
                "POST",
                "/api/v1/requests/{request}/approve",
                confirms="request.approve",
                signs="digest",
            ),
            Tagged[Approved | FallenRequest](
                "state", {"approved": Approved, "lapsed": FallenRequest, "void": FallenRequest}
            ),
            path={"request": request},
            body=sent,
        )

    def decline_request(self, request: str, sent: Decline) -> None:
        """Say no."""
        self._call(
            Call(
                "decline_request",
                "POST",
                "/api/v1/requests/{request}/decline",
                confirms="request.refuse",
            ),
            None,
            path={"request": request},
            body=sent,
        )

    def make_search(self, request: str) -> Search | NotPermitted | FallenRequest:
        """Make the search of an approved request, or go on with one that was interrupted."""
        return self._call(
            Call(
                "make_search", "POST", "/api/v1/requests/{request}/search", confirms="search.run"
            ),
            Tagged[Search | NotPermitted | FallenRequest](
                "state",
                {
                    "running": Search,
                    "sealed": Search,
                    "open": Search,
                    "expired": Search,
                    "denied": NotPermitted,
                    "lapsed": FallenRequest,
                    "void": FallenRequest,
                },
            ),
            path={"request": request},
            body={},
        )

    def show_search(self, request: str) -> Search:
        """Where one's own search stands."""
        return self._call(
            Call("show_search", "GET", "/api/v1/requests/{request}/search"),
            Shape[Search](Search),
            path={"request": request},
        )

    def list_unfinished_searches(self) -> tuple[str, ...]:
        """Requests whose search was begun and is not open; running it again finishes it."""
        return self._call(
            Call("list_unfinished_searches", "GET", "/api/v1/searches/unfinished"),
            Shape[tuple[str, ...]](tuple[str, ...]),
        )
