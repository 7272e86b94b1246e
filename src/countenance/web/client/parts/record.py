"""Calls of the API about record.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

from typing import Any, Literal

from countenance.web.client.calling import Call, Part, Shape, Value

Basis = Literal["court-order", "disclosure", "oversight", "internal-review", "subject-request"]
"""Why a field is opened, in the public log."""


class FieldToOpen(Value, frozen=True, kw_only=True):
    """Which sealed field, to whom it is opened, and on what basis."""

    field: str
    basis: Basis
    reader: str


class LogEvent(Value, frozen=True, kw_only=True):
    """One entry of the log; `sealed` are the names of what only an opening shows."""

    index: int
    kind: str
    time: str
    public: dict[str, Any]
    sealed: tuple[str, ...]
    leaf: str


class OpenedField(Value, frozen=True, kw_only=True):
    """Salt (hex) and value of a field: whoever has the log can check them against the entry."""

    field: str
    salt: str
    value: Any


class RecordCalls(Part):
    """Calls of the API about record."""

    def list_events(self, *, before: int | None = None, most: int = 50) -> tuple[LogEvent, ...]:
        """Entries of the log, the newest first; the next page is `before` the last index."""
        return self._call(
            Call("list_events", "GET", "/api/v1/record/events"),
            Shape[tuple[LogEvent, ...]](tuple[LogEvent, ...]),
            query={"before": before, "most": most},
        )

    def show_event(self, index: int) -> LogEvent:
        """One entry of the log."""
        return self._call(
            Call("show_event", "GET", "/api/v1/record/events/{index}"),
            Shape[LogEvent](LogEvent),
            path={"index": index},
        )

    def show_event_entry(self, index: int) -> bytes:
        """The very bytes of an entry, which a proof is of."""
        return self._call(
            Call("show_event_entry", "GET", "/api/v1/record/events/{index}/entry"),
            bytes,
            path={"index": index},
        )

    def show_event_proof(self, index: int) -> bytes:
        """An offline proof (``tlog-proof``) that an entry is in the log that witnesses saw."""
        return self._call(
            Call("show_event_proof", "GET", "/api/v1/record/events/{index}/proof"),
            bytes,
            path={"index": index},
        )

    def open_event_field(self, index: int, sent: FieldToOpen) -> OpenedField:
        """Open one sealed field; that it was opened, and on what basis, is in the log."""
        return self._call(
            Call(
                "open_event_field",
                "POST",
                "/api/v1/record/events/{index}/open",
                confirms="record.open-field",
            ),
            Shape[OpenedField](OpenedField),
            path={"index": index},
            body=sent,
        )
