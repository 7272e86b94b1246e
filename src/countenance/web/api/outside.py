"""Others: what is asked of other agencies and networks, and what comes from them."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from countenance.desk.outside import (
    MOST_BYTES,
    AskView,
    Incoming,
    approve_ask,
    ask,
    read_ask,
    receive,
    withdraw,
)
from countenance.desk.outside import Source as Sender
from countenance.desk.outside_tables import AskState, ResultState
from countenance.desk.quarantine import in_quarantine, read_result, release
from countenance.web.access import needs
from countenance.web.api.base import Decision, In, Line, Lines, Nothing, Out, Words, worded
from countenance.web.api.routing import FILE, UPLOAD, Router, bytes_of
from countenance.web.at import At
from countenance.web.ids import ID, Id

router = Router("others")
Runner = Annotated[str, Query(pattern=r"^[a-z0-9\-]{1,64}$")]


class NewAsk(In):
    """Who is to be asked for what; `runner` is a word of ``runner.kind``."""

    whom: Annotated[str, Line(500, 3)]
    runner: Annotated[str, Line(64)]
    what: Annotated[str, Lines(2000, 3)]


class AskSubmitted(Out):
    """What became of it: refused, or waiting for a second person."""

    id: str
    decision: Decision


class Ask(Out):
    """Something that is to be asked, or was."""

    id: str
    state: AskState
    runner: str
    whom: str
    what: str


class ResultTaken(Out):
    """What came is kept: to be read, or in quarantine."""

    id: str
    state: ResultState
    decision: Decision


class Source(Out):
    """Who made a result, with which system, from which request; empty where it is not known."""

    who: str
    system: str
    request: str


class Quarantined(Out):
    """Something in quarantine, and nothing of what it says."""

    id: str
    at: datetime.datetime
    runner: str


@router.post("/cases/{case}/asks", status_code=201, response_model=AskSubmitted)
def ask_others(at: Annotated[At, needs("outside.ask")], case: Id, sent: NewAsk) -> AskSubmitted:
    """Submit what is to be asked of somebody else; it is asked once a second person agrees."""
    made, decision = ask(
        at.desk, at.actor(), case, whom=sent.whom, runner=sent.runner, what=sent.what,
        means=at.deployment.outside,
    )  # fmt: skip
    return AskSubmitted(id=made, decision=Decision.of(decision))


@router.get("/asks/{asked}", response_model=Ask)
def show_ask(at: Annotated[At, needs("outside.read-ask")], asked: Id) -> AskView:
    """What is to be asked of whom."""
    return read_ask(at.desk, at.looker(), asked, keys=at.deployment.keys)


@router.post("/asks/{asked}/approve", response_model=Decision)
def approve_an_ask(at: Annotated[At, needs("outside.approve")], asked: Id, _: Nothing) -> Decision:
    """Approve what is asked, as a second person; the law is asked again."""
    return Decision.of(approve_ask(at.desk, at.actor(), asked, means=at.deployment.outside))


@router.post("/asks/{asked}/withdraw", status_code=204)
def withdraw_ask(at: Annotated[At, needs("outside.withdraw")], asked: Id, _: Nothing) -> None:
    """Withdraw what was asked: an answer to it is unsolicited from then on."""
    withdraw(at.desk, at.actor(), asked)


@router.post(
    "/cases/{case}/results", status_code=201, response_model=ResultTaken, openapi_extra=UPLOAD
)
def receive_result(
    at: Annotated[At, needs("outside.receive")], case: Id, runner: Runner,
    data: Annotated[bytes, bytes_of(MOST_BYTES)], source_who: Words, source_system: Words = "",
    source_request: Words = "", asked: Annotated[str | None, Query(pattern=ID)] = None,
) -> ResultTaken:  # fmt: skip
    """Take in what came from others: the bytes, and in headers who made it and how."""
    sender = Sender(
        worded(source_who, "source-who", most=500),
        worded(source_system, "source-system", most=500),
        worded(source_request, "source-request", most=500),
    )
    made, state, decision = receive(
        at.desk, at.actor(), case, Incoming(asked, runner, sender, data),
        means=at.deployment.outside,
    )  # fmt: skip
    return ResultTaken(id=made, state=state, decision=Decision.of(decision))


@router.get("/results/quarantine", response_model=list[Quarantined])
def list_quarantine(at: Annotated[At, needs("outside.quarantine")]) -> list[Quarantined]:
    """All that is in quarantine."""
    found = in_quarantine(at.desk, at.looker())
    return [Quarantined(id=i, at=when, runner=runner) for i, when, runner in found]


@router.get("/results/{result}/source", response_model=Source)
def show_result_source(at: Annotated[At, needs("outside.read")], result: Id) -> Sender:
    """Who made a result that may be read."""
    return read_result(at.desk, at.looker(), result, keys=at.deployment.keys)[0]


@router.get("/results/{result}/content", response_class=Response, responses=FILE)
def show_result_content(at: Annotated[At, needs("outside.read")], result: Id) -> Response:
    """The bytes of a result that may be read: a file, never shown by a browser."""
    _, content = read_result(at.desk, at.looker(), result, keys=at.deployment.keys)
    return Response(
        content, media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{result}"'},
    )  # fmt: skip


@router.post("/results/{result}/release", response_model=Decision)
def release_result(
    at: Annotated[At, needs("outside.release")], result: Id, _: Nothing
) -> Decision:
    """Let a result out of quarantine, if the law permits relying on it."""
    return Decision.of(release(at.desk, at.actor(), result, means=at.deployment.outside))
