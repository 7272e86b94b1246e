"""The demonstration's service: the real one, and a page on which a visitor becomes somebody.

Its two routes exist nowhere else: `create_app` does not know them, and `make_demo` alone makes a
deployment that trusts the devices they play.
"""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI
from fastapi.responses import JSONResponse
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.deployment import Deployment
from countenance.desk.roles import Role
from countenance.desk.sessions import LONGEST_S
from countenance.web.access import open_to_all, signed_in
from countenance.web.app import create_app
from countenance.web.at import SESSION_COOKIE, At
from countenance.web.demo.cast import ROLES, Cast

router = APIRouter()
_WHAT = {
    Role.REQUESTER: "opens cases, brings probes, asks for searches, follows leads",
    Role.APPROVER: "is the second person: approves or declines, supervises, lifts quarantine",
    Role.EXAMINER: "judges probes and examines lists, alone and blind",
    Role.AUDITOR: "accepts audits, reads the record, registers known answers",
    Role.ADMINISTRATOR: "keeps accounts, galleries and settings, and can never search",
}
_turn = threading.Lock()


def create_demo_app(deployment: Deployment, cast: Cast) -> FastAPI:
    """The service of a demonstration that `make_demo` made."""
    app = create_app(deployment, more=(router,))
    app.state.cast = cast
    return app


@router.get("/demo")
def people(at: Annotated[At, open_to_all()]) -> Response:
    """Whom a visitor can be."""
    everybody = [
        (player.name, ROLES[player.name][0], _WHAT[ROLES[player.name][0]])
        for player in _cast(at).everybody()
    ]
    return at.page("demo/people.html.j2", everybody=everybody)


@router.post("/demo")
def become(at: Annotated[At, open_to_all()]) -> Response:
    """Sign in as one of them, by a ceremony with their simulated device."""
    name = at.fields.one_of("name", ROLES)
    with _turn:
        player = _cast(at)[name]
        player.sign_in(at.deployment)
    answer = at.see("/tasks")
    answer.set_cookie(
        SESSION_COOKIE, player.token, max_age=LONGEST_S, path="/", secure=True, httponly=True,
        samesite="strict",
    )  # fmt: skip
    return answer


@router.post("/passkey/demo")
def device(at: Annotated[At, signed_in()], sent: Annotated[Any, Body()]) -> Response:
    """What the device of whoever is signed in answers to a challenge."""
    if not isinstance(sent, dict) or not all(
        isinstance(sent.get(name), str) for name in ("challenge", "rpId")
    ):
        raise InputError("a challenge and the site it is for", where="body")
    with _turn:
        player = _cast(at).by_account(at.looker().account)
        return JSONResponse(player.device.get(sent))


def _cast(at: At) -> Cast:
    cast: Cast = at.request.app.state.cast
    return cast
