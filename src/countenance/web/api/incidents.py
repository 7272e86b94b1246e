"""Incidents: something went wrong, and what it concerns is suspended until somebody is content."""

from __future__ import annotations

import datetime
from typing import Annotated

from countenance.desk.incidents import (
    Cause,
    Finding,
    IncidentState,
    IncidentView,
    close_incident,
    list_incidents,
    open_incident,
)
from countenance.web.access import needs
from countenance.web.api.base import CodeText, In, Line, Lines, Made, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("incidents")


class Incident(Out):
    """An incident, without its grounds."""

    id: str
    state: IncidentState
    cause: Cause
    engine: str | None
    gallery: str | None
    opened_at: datetime.datetime
    closed_at: datetime.datetime | None
    finding: Finding | None


class NewIncident(In):
    """What went wrong; the engine or gallery named is suspended."""

    cause: Cause
    grounds: Annotated[str, Lines(2000)]
    engine: Annotated[str, Line(64)] | None = None
    gallery: CodeText | None = None


class Closing(In):
    """What was found."""

    finding: Finding
    grounds: Annotated[str, Lines(2000)]


@router.get("/incidents", response_model=list[Incident])
def find_incidents(at: Annotated[At, needs("incident.read")]) -> list[IncidentView]:
    """All incidents, the newest first."""
    return list_incidents(at.desk, at.looker())


@router.post("/incidents", status_code=201, response_model=Made)
def open_an_incident(at: Annotated[At, needs("incident.open")], sent: NewIncident) -> Made:
    """Say that something went wrong."""
    made = open_incident(
        at.desk, at.actor(), keys=at.deployment.keys, cause=sent.cause, grounds=sent.grounds,
        engine=sent.engine, gallery=sent.gallery,
    )  # fmt: skip
    return Made(id=made)


@router.post("/incidents/{incident}/close", status_code=204)
def close_an_incident(
    at: Annotated[At, needs("incident.close")], incident: Id, sent: Closing
) -> None:
    """End an incident, and what it had suspended."""
    close_incident(
        at.desk, at.actor(), incident, keys=at.deployment.keys, finding=sent.finding,
        grounds=sent.grounds,
    )  # fmt: skip
