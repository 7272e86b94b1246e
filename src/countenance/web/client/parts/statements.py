"""Calls of the API about statements.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made


class NewStatement(Value, frozen=True, kw_only=True):
    """What is stated, why, and until when that counts."""

    question: Literal["justified", "proportionate", "reviewed", "images-most-recent"]
    holds: bool
    until: datetime.datetime
    reason: str


class Statement(Value, frozen=True, kw_only=True):
    """Something stated of a gallery. `counts`: the law is told so now."""

    id: str
    question: Literal["justified", "proportionate", "reviewed", "images-most-recent"]
    holds: bool
    reason: str
    by: str
    at: datetime.datetime
    until: datetime.datetime
    withdrawn_at: datetime.datetime | None
    counts: bool


class StatementWithdrawal(Value, frozen=True, kw_only=True):
    """Why it is taken back."""

    reason: str


class StatementsCalls(Part):
    """Calls of the API about statements."""

    def find_statements(self, gallery: str) -> tuple[Statement, ...]:
        """All that was ever stated of a gallery, the newest first."""
        return self._call(
            Call("find_statements", "GET", "/api/v1/galleries/{gallery}/statements"),
            Shape[tuple[Statement, ...]](tuple[Statement, ...]),
            path={"gallery": gallery},
        )

    def state_of_gallery(self, gallery: str, sent: NewStatement) -> Made:
        """State something of a gallery as it is now; it replaces an earlier statement."""
        return self._call(
            Call(
                "state_of_gallery",
                "POST",
                "/api/v1/galleries/{gallery}/statements",
                confirms="gallery.state",
            ),
            Shape[Made](Made),
            path={"gallery": gallery},
            body=sent,
        )

    def withdraw_statement(self, statement: str, sent: StatementWithdrawal) -> None:
        """Take a statement back; an earlier one does not count again."""
        self._call(
            Call(
                "withdraw_statement",
                "POST",
                "/api/v1/statements/{statement}/withdraw",
                confirms="gallery.state",
            ),
            None,
            path={"statement": statement},
            body=sent,
        )
