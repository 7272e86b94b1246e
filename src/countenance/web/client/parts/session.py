"""Calls of the API about session.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Account


class PasskeyGrounds(Value, frozen=True, kw_only=True):
    """Which passkey, and why."""

    grounds: str
    passkey: str


ToDo = Literal[
    "search-now",
    "finish-search",
    "answer-checklist",
    "issue-lead",
    "give-outcome",
    "look-again",
    "another-probe",
    "waits-for-approval",
    "approve-request",
    "supervise-lead",
    "approve-setting",
    "approve-ask",
    "decide-quarantine",
    "close-incident",
    "confirm-standing",
    "judge-probe",
    "examine",
    "renew-audit",
    "decide-erasure",
    "decide-known-erasure",
    "confirm-account",
    "look-at-account",
    "renew-training",
    "purge-overdue",
    "check-subject",
    "answer-subject",
]
"""What waits. The comment says whose id `Task.of` is."""


class WaitingTask(Value, frozen=True, kw_only=True):
    """One thing that waits: of what (an id, whose it is says `what`), since when, until when."""

    what: ToDo
    of: str
    since: datetime.datetime
    due: datetime.datetime | None


class SessionCalls(Part):
    """Calls of the API about session."""

    def read_me(self) -> Account:
        """One's own account: all that the desk holds about it."""
        return self._call(Call("read_me", "GET", "/api/v1/me"), Shape[Account](Account))

    def list_tasks(self) -> tuple[WaitingTask, ...]:
        """What waits for whoever asks, in all of their roles; what ends first comes first."""
        return self._call(
            Call("list_tasks", "GET", "/api/v1/tasks"),
            Shape[tuple[WaitingTask, ...]](tuple[WaitingTask, ...]),
        )

    def count_searches(self) -> dict[str, int]:
        """How many requests came to what, zeros too; a requester's own, or all."""
        return self._call(
            Call("count_searches", "GET", "/api/v1/figures/searches"),
            Shape[dict[str, int]](dict[str, int]),
        )

    def end_session(self) -> None:
        """Sign out."""
        self._call(Call("end_session", "POST", "/api/v1/session/end"), None, body={})

    def revoke_my_passkey(self, sent: PasskeyGrounds) -> None:
        """Revoke one of one's own passkeys, as when a device is lost."""
        self._call(
            Call(
                "revoke_my_passkey",
                "POST",
                "/api/v1/me/passkeys/revoke",
                confirms="account.own-passkey",
            ),
            None,
            body=sent,
        )
