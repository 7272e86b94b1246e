"""Who is signed in, what waits for them, and what became of what was asked for.

Signing in itself is the ceremony at ``/passkey/sign-in``, the same for programs and for browsers.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from starlette.responses import Response

from countenance.desk.account_tables import AccountState, PasskeyState
from countenance.desk.accounts import AccountView, own_account, revoke_own_passkey
from countenance.desk.dashboards import Task, ToDo, my_work, searches_by_outcome
from countenance.desk.sessions import sign_out
from countenance.web.access import needs, signed_in
from countenance.web.api.base import IdText, In, Line, Nothing, Out, Roles
from countenance.web.api.routing import Router
from countenance.web.at import SESSION_COOKIE, At

router = Router("session")
Anyone = Annotated[At, signed_in()]


class Passkey(Out):
    """A passkey of an account, by its id here; its keys are not shown."""

    id: str
    model: str
    attested: bool
    backup_eligible: bool
    state: PasskeyState
    added_at: datetime.datetime
    ended_at: datetime.datetime | None


class TrainingRecord(Out):
    """One record of training. `until`: as recorded, whether or not it is over."""

    number: int
    kind: str
    until: datetime.datetime
    evidence: str
    withdrawn: bool


class Account(Out):
    """An account. `flagged_at`: one of its passkeys answered as a copy would."""

    id: str
    name: str
    state: AccountState
    roles: Roles
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None
    passkeys: tuple[Passkey, ...]
    training: tuple[TrainingRecord, ...]


class WaitingTask(Out):
    """One thing that waits: of what (an id, whose it is says `what`), since when, until when."""

    what: ToDo
    of: str
    since: datetime.datetime
    due: datetime.datetime | None


class Grounds(In):
    """Why it is done; kept sealed, and named in no log."""

    grounds: Annotated[str, Line(2000, 10)]


class PasskeyGrounds(Grounds):
    """Which passkey, and why."""

    passkey: IdText


@router.get("/me", response_model=Account)
def read_me(at: Anyone) -> AccountView:
    """One's own account: all that the desk holds about it."""
    return own_account(at.desk, at.looker())


@router.get("/tasks", response_model=list[WaitingTask])
def list_tasks(at: Annotated[At, needs("task.list")]) -> list[Task]:
    """What waits for whoever asks, in all of their roles; what ends first comes first."""
    return my_work(at.desk, at.looker())


@router.get("/figures/searches", response_model=dict[str, int])
def count_searches(at: Annotated[At, needs("figures.read")]) -> Mapping[str, int]:
    """How many requests came to what, zeros too; a requester's own, or all."""
    return searches_by_outcome(at.desk, at.looker())


@router.post("/session/end", status_code=204)
def end_session(at: Anyone, _: Nothing) -> Response:
    """Sign out."""
    sign_out(at.desk, at.token)
    answer = Response(status_code=204)
    answer.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.post("/me/passkeys/revoke", status_code=204)
def revoke_my_passkey(
    at: Annotated[At, needs("account.own-passkey")], sent: PasskeyGrounds
) -> None:
    """Revoke one of one's own passkeys, as when a device is lost."""
    revoke_own_passkey(at.desk, at.actor(), passkey=sent.passkey, grounds=sent.grounds)
