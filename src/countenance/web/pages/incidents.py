"""Incidents: something went wrong, and what it names is suspended until an approver is content."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.galleries import list_galleries
from countenance.desk.incidents import (
    Cause,
    Finding,
    close_incident,
    list_incidents,
    open_incident,
)
from countenance.desk.incidentviews import read_incident
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.rendering import notice

router = APIRouter()
Reader = Annotated[At, needs("incident.read")]
Opening = Annotated[At, needs("incident.open")]
_CAUSES = tuple(each for each in Cause if each is not Cause.WRONG_LEAD)
_OPENED = notice("incident-opened", "The incident is open. What it names is suspended.")
_CLOSED = notice("incident-closed", "The incident is closed. What it had suspended works again.")


@router.get("/incidents")
def incidents(at: Reader) -> Response:
    """All incidents."""
    return at.page(
        "incidents/list.html.j2", incidents=list_incidents(at.desk, at.looker()),
        engine=at.deployment.engine.card,
    )  # fmt: skip


@router.get("/incidents/new")
def new(at: Opening) -> Response:
    """Ask what went wrong."""
    return _new(at)


@router.post("/incidents/new")
def opened(at: Opening) -> Response:
    """Open an incident."""

    def work() -> Response:
        fields, galleries = at.fields, _galleries(at)
        cause = fields.one_of("cause", [each.value for each in _CAUSES])
        engine = fields.one_of("engine", ("", at.deployment.engine.card.identity))
        gallery = fields.one_of("gallery", ("", *galleries))
        grounds = fields.lines("grounds", most=4000)
        incident = open_incident(
            at.desk, at.actor(), keys=at.deployment.keys, cause=Cause(cause), grounds=grounds,
            engine=engine or None, gallery=gallery or None,
        )  # fmt: skip
        return at.see(f"/incidents/{incident}", done=_OPENED)

    return at.attempt(work, _new)


@router.get("/incidents/{incident}")
def show(at: Reader, incident: Id) -> Response:
    """One incident."""
    return _incident(at, incident)


@router.post("/incidents/{incident}/close")
def closed(at: Annotated[At, needs("incident.close")], incident: Id) -> Response:
    """Close an incident."""

    def work() -> Response:
        finding = at.fields.choice("finding", Finding)
        grounds = at.fields.lines("grounds", most=4000)
        close_incident(
            at.desk, at.actor(), incident, keys=at.deployment.keys, finding=finding,
            grounds=grounds,
        )  # fmt: skip
        return at.see(f"/incidents/{incident}", done=_CLOSED)

    return at.attempt(work, lambda at: _incident(at, incident))


def _galleries(at: At) -> list[str]:
    return sorted(list_galleries(at.desk, at.looker()))


def _new(at: At) -> Response:
    return at.page(
        "incidents/new.html.j2", causes=_CAUSES, galleries=_galleries(at),
        engine=at.deployment.engine.card,
    )  # fmt: skip


def _incident(at: At, incident: str) -> Response:
    found = read_incident(at.desk, at.looker(), incident, keys=at.deployment.keys)
    return at.page(
        "incidents/show.html.j2", file=found, one=found.view, findings=tuple(Finding),
        engine=at.deployment.engine.card,
    )  # fmt: skip
