"""Calls of the API about audits.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made

AuditState = Literal["accepted", "replaced", "withdrawn"]
"""Where an accepted audit stands."""


class AuditAccepted(Value, frozen=True, kw_only=True):
    """An audit that was accepted here."""

    id: str
    engine: str
    digest: str
    state: AuditState
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime


WithdrawnFor = Literal["error-found", "data-withdrawn", "incident", "other"]
"""Why an audit no longer counts."""


class AuditWithdrawal(Value, frozen=True, kw_only=True):
    """Why an audit no longer counts."""

    reason: WithdrawnFor
    grounds: str


class AuditsCalls(Part):
    """Calls of the API about audits."""

    def find_audits(self) -> tuple[AuditAccepted, ...]:
        """Audits that were ever accepted, the newest first."""
        return self._call(
            Call("find_audits", "GET", "/api/v1/audits"),
            Shape[tuple[AuditAccepted, ...]](tuple[AuditAccepted, ...]),
        )

    def accept_an_audit(self, data: bytes, *, operational: bool) -> Made:
        """Take an audit (``audit.json``) as the current one of its engine."""
        return self._call(
            Call("accept_an_audit", "POST", "/api/v1/audits", confirms="audit.accept"),
            Shape[Made](Made),
            query={"operational": operational},
            body=data,
        )

    def show_audit(self, audit: str) -> bytes:
        """The very bytes of an audit as they were accepted."""
        return self._call(
            Call("show_audit", "GET", "/api/v1/audits/{audit}/content"),
            bytes,
            path={"audit": audit},
        )

    def withdraw_an_audit(self, audit: str, sent: AuditWithdrawal) -> None:
        """Say that an audit no longer counts: its engine is not searched with from then on."""
        self._call(
            Call(
                "withdraw_an_audit",
                "POST",
                "/api/v1/audits/{audit}/withdraw",
                confirms="audit.withdraw",
            ),
            None,
            path={"audit": audit},
            body=sent,
        )
