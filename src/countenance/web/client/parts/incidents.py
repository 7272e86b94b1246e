"""Calls of the API about incidents.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made

Cause = Literal["wrong-lead", "complaint", "fault", "misuse"]
"""Why an incident was opened."""


Finding = Literal["corrected", "no-fault-found", "withdrawn-from-use"]
"""What an incident came to. What is withdrawn from use is not searched with again."""


class Closing(Value, frozen=True, kw_only=True):
    """What was found."""

    finding: Finding
    grounds: str


IncidentState = Literal["open", "closed"]
"""Where an incident stands. Closed is for good; another one may be opened."""


class Incident(Value, frozen=True, kw_only=True):
    """An incident, without its grounds."""

    id: str
    state: IncidentState
    cause: Cause
    engine: str | None
    gallery: str | None
    opened_at: datetime.datetime
    closed_at: datetime.datetime | None
    finding: Finding | None


class NewIncident(Value, frozen=True, kw_only=True):
    """What went wrong; the engine or gallery named is suspended."""

    cause: Cause
    grounds: str
    engine: str | None = None
    gallery: str | None = None


class IncidentsCalls(Part):
    """Calls of the API about incidents."""

    def find_incidents(self) -> tuple[Incident, ...]:
        """All incidents, the newest first."""
        return self._call(
            Call("find_incidents", "GET", "/api/v1/incidents"),
            Shape[tuple[Incident, ...]](tuple[Incident, ...]),
        )

    def open_an_incident(self, sent: NewIncident) -> Made:
        """Say that something went wrong."""
        return self._call(
            Call("open_an_incident", "POST", "/api/v1/incidents"), Shape[Made](Made), body=sent
        )

    def close_an_incident(self, incident: str, sent: Closing) -> None:
        """End an incident, and what it had suspended."""
        self._call(
            Call(
                "close_an_incident",
                "POST",
                "/api/v1/incidents/{incident}/close",
                confirms="incident.close",
            ),
            None,
            path={"incident": incident},
            body=sent,
        )
