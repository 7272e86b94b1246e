"""Others: what is asked of other agencies and networks, what comes from them, and quarantine.

Asking a neighbour is no way round a rule here: both asking and receiving are decided by the case's
own rules. What is in quarantine is shown to nobody, and listed by when it came and who ran it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.casefile import NO_REQUESTS, CaseFile, read_case_file
from countenance.desk.dashboards import ToDo, my_work
from countenance.desk.errors import NotAllowedError
from countenance.desk.outside import (
    MOST_BYTES,
    Incoming,
    Source,
    approve_ask,
    ask,
    read_ask,
    receive,
    withdraw,
)
from countenance.desk.outside_tables import ASK_MOVES, AskState, ResultState
from countenance.desk.quarantine import in_quarantine, read_result, release
from countenance.desk.worklists import case_numbers
from countenance.law import bundled_vocabulary
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.rendering import notice

router = APIRouter()
Watching = Annotated[At, needs("outside.quarantine")]
Asking = Annotated[At, needs("outside.ask")]
Receiving = Annotated[At, needs("outside.receive")]
Reading = Annotated[At, needs("outside.read")]
OWN = "own-agency"
_WITHDRAWN = notice(
    "ask-withdrawn", "It is withdrawn. An answer that still comes is unsolicited."
)  # fmt: skip


@router.get("/outside")
def outside(at: Watching) -> Response:
    """What waits for an approver, and what is in quarantine."""
    return _outside(at)


@router.get("/cases/{case}/outside")
def of_case(at: Annotated[At, needs("case.read")], case: Id) -> Response:
    """What was asked of others in a case, and what came."""
    file = _file(at, case)
    mine = file.case.opened_by == at.looker().account
    return at.page("outside/case.html.j2", file=file, mine=mine)


@router.get("/cases/{case}/outside/ask")
def ask_form(at: Asking, case: Id) -> Response:
    """Ask what is to be asked of whom."""
    return _ask_form(at, case)


@router.post("/cases/{case}/outside/ask")
def asked(at: Asking, case: Id) -> Response:
    """Submit what is to be asked; the decision, a refusal, too."""

    def work() -> Response:
        fields = at.fields
        runner = fields.one_of("runner", runners())
        whom, what = fields.line("whom", most=500), fields.lines("what", most=4000)
        made, decision = ask(
            at.desk, at.actor(), case, whom=whom, runner=runner, what=what,
            means=at.deployment.outside,
        )  # fmt: skip
        says = (
            "A second person has to approve it before it is asked." if decision.permitted
            else "It may not be asked."
        )  # fmt: skip
        return at.page(
            "outside/decision.html.j2", decision=decision, says=says, to=f"/outside/asks/{made}",
            to_says="What is to be asked",
        )  # fmt: skip

    return at.attempt(work, lambda at: _ask_form(at, case))


@router.get("/outside/asks/{asked}")
def show_ask(at: Annotated[At, needs("outside.read-ask")], asked: Id) -> Response:
    """What is to be asked, or was, for whoever submitted it and approvers."""
    return _ask(at, asked)


@router.post("/outside/asks/{asked}/approve")
def approved(at: Annotated[At, needs("outside.approve")], asked: Id) -> Response:
    """A second person approves; the law is asked again."""

    def work() -> Response:
        decision = approve_ask(at.desk, at.actor(), asked, means=at.deployment.outside)
        says = "It may be asked now." if decision.permitted else "It may not be asked any more."
        return at.page(
            "outside/decision.html.j2", decision=decision, says=says, to="/outside",
            to_says="What else waits",
        )  # fmt: skip

    return at.attempt(work, lambda at: _ask(at, asked))


@router.post("/outside/asks/{asked}/withdraw")
def withdrawn(at: Annotated[At, needs("outside.withdraw")], asked: Id) -> Response:
    """Withdraw what was asked."""

    def work() -> Response:
        withdraw(at.desk, at.actor(), asked)
        return at.see(f"/outside/asks/{asked}", done=_WITHDRAWN)

    return at.attempt(work, lambda at: _ask(at, asked))


@router.get("/cases/{case}/outside/receive")
def receive_form(at: Receiving, case: Id) -> Response:
    """Ask what came, and from whom."""
    return _receive_form(at, case)


@router.post("/cases/{case}/outside/receive")
def received(at: Receiving, case: Id) -> Response:
    """Take in what came: it may be read, or goes to quarantine."""

    def work() -> Response:
        fields = at.fields
        runner = fields.one_of("runner", runners())
        source = Source(
            fields.line("who", most=500), fields.line("system", most=500, needed=False),
            fields.line("request", most=500, needed=False),
        )  # fmt: skip
        answers = fields.typed("ask")
        incoming = Incoming(None if answers == "none" else fields.id("ask"), runner, source,
                            _content(at))  # fmt: skip
        result, state, decision = receive(
            at.desk, at.actor(), case, incoming, means=at.deployment.outside
        )
        if state is ResultState.QUARANTINED:
            says = "It is in quarantine: nobody reads it or relies on it until that is decided."
            to, to_says = f"/cases/{case}/outside", "What else came in this case"
        else:
            says, to, to_says = "It may be read.", f"/outside/results/{result}", "Read it"
        return at.page(
            "outside/decision.html.j2", decision=decision, says=says, to=to, to_says=to_says
        )  # fmt: skip

    return at.attempt(work, lambda at: _receive_form(at, case))


@router.get("/outside/results/{result}")
def show_result(at: Reading, result: Id) -> Response:
    """What came, for whoever took it in, and out of quarantine."""
    source, content = read_result(at.desk, at.looker(), result, keys=at.deployment.keys)
    return at.page("outside/result.html.j2", result=result, source=source, size=len(content),
                   text=_as_text(content))  # fmt: skip


@router.get("/outside/results/{result}/file")
def result_file(at: Reading, result: Id) -> Response:
    """What came, as a file that no browser opens by itself."""
    _, content = read_result(at.desk, at.looker(), result, keys=at.deployment.keys)
    return Response(
        content, media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="result-{result[:12]}.bin"'},
    )  # fmt: skip


@router.post("/outside/results/{result}/release")
def released(at: Annotated[At, needs("outside.release")], result: Id) -> Response:
    """Let a result out of quarantine, where the law permits relying on it."""

    def work() -> Response:
        decision = release(at.desk, at.actor(), result, means=at.deployment.outside)
        says = (
            "It is out of quarantine: whoever took it in may read it." if decision.permitted
            else "It stays in quarantine."
        )  # fmt: skip
        return at.page(
            "outside/decision.html.j2", decision=decision, says=says, to="/outside",
            to_says="What else waits",
        )  # fmt: skip

    return at.attempt(work, _outside)


def runners() -> tuple[str, ...]:
    """Who may be asked, in the law's words: everybody but the agency itself."""
    return tuple(each for each in bundled_vocabulary()["runner.kind"].words if each != OWN)


def _outside(at: At) -> Response:
    looker = at.looker()
    work = my_work(at.desk, looker)
    asks = [task for task in work if task.what is ToDo.APPROVE_ASK]
    kept = in_quarantine(at.desk, looker)
    numbers = case_numbers(
        at.desk, looker, [*(task.of for task in asks), *(identity for identity, _, _ in kept)]
    )  # fmt: skip
    mine = {task.of for task in work if task.what is ToDo.DECIDE_QUARANTINE}
    return at.page("outside/list.html.j2", asks=asks, kept=kept, numbers=numbers, mine=mine)


def _file(at: At, case: str) -> CaseFile:
    return read_case_file(at.desk, at.looker(), case, house=at.deployment.house, part=NO_REQUESTS)


def _own_file(at: At, case: str) -> CaseFile:
    """The case of whoever looks: forms are shown to nobody else."""
    file = _file(at, case)
    if file.case.opened_by != at.looker().account:
        raise NotAllowedError("there is no such case for you")
    return file


def _ask_form(at: At, case: str) -> Response:
    return at.page("outside/ask.html.j2", file=_own_file(at, case), runners=runners())


def _receive_form(at: At, case: str) -> Response:
    file = _own_file(at, case)
    stand = [each for each in file.asks if AskState.ANSWERED in ASK_MOVES[each.state]]
    return at.page("outside/receive.html.j2", file=file, asks=stand, runners=runners())


def _ask(at: At, asked: str) -> Response:
    looker = at.looker()
    view = read_ask(at.desk, looker, asked, keys=at.deployment.keys)
    waits = {
        task.of for task in my_work(at.desk, looker) if task.what is ToDo.APPROVE_ASK
    }  # fmt: skip
    return at.page(
        "outside/asked.html.j2", ask=view, approvable=asked in waits,
        withdrawable=AskState.WITHDRAWN in ASK_MOVES[view.state],
        number=case_numbers(at.desk, looker, [asked]).get(asked, ""),
    )  # fmt: skip


def _content(at: At) -> bytes:
    """What came, as a file or as text; one of them."""
    text = at.fields.lines("text", most=200_000, needed=False)
    if at.fields.has_file("content") == bool(text):
        raise InputError("choose a file or write what came, one of the two", where="content")
    if text:
        return text.encode()
    return at.fields.file("content", most_bytes=MOST_BYTES)


def _as_text(content: bytes) -> str | None:
    """What came, where it is plain text; None where it has to be opened as a file."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    plain = all(char.isprintable() or char in "\r\n\t" for char in text)
    return text if plain and len(text) <= 200_000 else None
