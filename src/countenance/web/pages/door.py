"""The door: signing in and out, joining with a code, and the passkey's confirmation of an action.

Each ceremony is two calls of our script: `begin` gives what the browser needs and keeps the
ceremony's id in a cookie of that browser alone; `finish` takes the answer. A session's token
changes whenever its passkey was asked, and is never shown to a script.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.accounts import own_account
from countenance.desk.approval_signatures import begin_approval, finish_approval
from countenance.desk.ceremonies import Ceremony
from countenance.desk.doors import Door, knock
from countenance.desk.invitations import begin_join, finish_join
from countenance.desk.own_passkeys import begin_own_passkey, finish_own_passkey
from countenance.desk.passkeys import CEREMONY_S
from countenance.desk.sessions import (
    LONGEST_S,
    SignedIn,
    begin_sign_in,
    begin_step_up,
    finish_sign_in,
    finish_step_up,
    sign_out,
)
from countenance.web.access import open_to_all, signed_in
from countenance.web.at import CEREMONY_COOKIE, SESSION_COOKIE, At
from countenance.web.callers import source_of
from countenance.web.rendering import notice

router = APIRouter()
Public = Annotated[At, open_to_all()]
Anyone = Annotated[At, signed_in()]
_MOST_ANSWER = 64 * 1024
_PATH = re.compile(r"/[A-Za-z0-9_\-/]{0,200}")
_JOINED = notice("joined", "Your passkey is registered. Sign in with it.")
_LEFT = notice("signed-out", "You are signed out.")
_ADDED = notice("passkey-added", "The passkey was added to your account.")


def local_path(text: str) -> str:
    """Where to go after signing in: a path of ours, or the tasks."""
    fine = _PATH.fullmatch(text) and not text.startswith("//")
    return text if fine else "/tasks"


@router.get("/sign-in")
def sign_in_page(at: Public) -> Response:
    """Ask for a passkey."""
    return at.page("door/sign_in.html.j2", to=local_path(at.request.query_params.get("to", "")))


@router.get("/join")
def join_page(at: Public) -> Response:
    """Ask for the code that an administrator's screen shows."""
    return at.page("door/join.html.j2")


@router.post("/sign-out")
def leave(at: Anyone) -> Response:
    """End the session."""
    sign_out(at.desk, at.token)
    answer = at.see("/sign-in", done=_LEFT)
    answer.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.get("/account")
def account_page(at: Anyone) -> Response:
    """One's own account, passkeys and training."""
    return at.page("door/account.html.j2", account=own_account(at.desk, at.looker()))


@router.post("/passkey/sign-in/begin")
def sign_in_begin(at: Public) -> Response:
    """What the browser needs to ask for a passkey."""
    knock(at.desk, Door.SIGN_IN, source_of(at))
    return _begun(begin_sign_in(at.desk, at.deployment.party))


@router.post("/passkey/sign-in/finish")
def sign_in_finish(at: Public, sent: Annotated[Any, Body()]) -> Response:
    """Sign in with the answer; a session of this browser that was there ends."""
    knock(at.desk, Door.SIGN_IN, source_of(at))
    made = finish_sign_in(
        at.desk, at.deployment.party, _ceremony(at), _answer(sent), instead_of=at.token
    )
    return _with_session(made)


@router.post("/passkey/join/begin")
def join_begin(at: Public, sent: Annotated[Any, Body()]) -> Response:
    """What the browser needs to make a passkey for whom the code was shown to."""
    knock(at.desk, Door.JOIN, source_of(at))
    return _begun(begin_join(at.desk, at.deployment.party, _text(sent, "code", 100)))


@router.post("/passkey/join/finish")
def join_finish(at: Public, sent: Annotated[Any, Body()]) -> Response:
    """Register the passkey; nobody is signed in by that."""
    knock(at.desk, Door.JOIN, source_of(at))
    finish_join(at.desk, at.deployment.party, _ceremony(at), _answer(sent))
    return JSONResponse({"to": f"/sign-in?done={_JOINED}"})


@router.post("/passkey/confirm/begin")
def confirm_begin(at: Anyone, sent: Annotated[Any, Body()]) -> Response:
    """Ask for the passkey again, for one action."""
    action = _text(sent, "action", 64)
    return _begun(begin_step_up(at.desk, at.deployment.party, at.token, action=action))


@router.post("/passkey/confirm/finish")
def confirm_finish(at: Anyone, sent: Annotated[Any, Body()]) -> Response:
    """The action may be done now, once."""
    return _with_session(
        finish_step_up(at.desk, at.deployment.party, at.token, _ceremony(at), _answer(sent))
    )


@router.post("/passkey/sign/begin")
def sign_begin(at: Anyone, sent: Annotated[Any, Body()]) -> Response:
    """Ask the passkey to sign a digest: the challenge is the digest."""
    action, digest = _text(sent, "action", 64), _text(sent, "digest", 64)
    return _begun(
        begin_approval(at.desk, at.deployment.party, at.token, action=action, digest=digest)
    )


@router.post("/passkey/sign/finish")
def sign_finish(at: Anyone, sent: Annotated[Any, Body()]) -> Response:
    """Keep the signature; the action that it is for may be done now, once."""
    return _with_session(
        finish_approval(at.desk, at.deployment.party, at.token, _ceremony(at), _answer(sent))
    )


@router.post("/passkey/own/begin")
def own_begin(at: Anyone) -> Response:
    """Ask a second device for a passkey; the first one has confirmed ``account.own-passkey``."""
    actor = at.actor("account.own-passkey")
    return _begun(begin_own_passkey(at.desk, at.deployment.party, actor))


@router.post("/passkey/own/finish")
def own_finish(at: Anyone, sent: Annotated[Any, Body()]) -> Response:
    """Add the second device's passkey."""
    finish_own_passkey(at.desk, at.deployment.party, at.token, _ceremony(at), _answer(sent))
    return JSONResponse({"to": f"/account?done={_ADDED}"})


def _begun(ceremony: Ceremony) -> Response:
    answer = JSONResponse({"options": ceremony.options})
    answer.set_cookie(
        CEREMONY_COOKIE, ceremony.id, max_age=CEREMONY_S, path="/", secure=True, httponly=True,
        samesite="strict",
    )  # fmt: skip
    return answer


def _with_session(made: SignedIn) -> Response:
    answer = JSONResponse({"done": True})
    answer.set_cookie(
        SESSION_COOKIE, made.token, max_age=LONGEST_S, path="/", secure=True, httponly=True,
        samesite="strict",
    )  # fmt: skip
    answer.delete_cookie(CEREMONY_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def _ceremony(at: At) -> str:
    return at.request.cookies.get(CEREMONY_COOKIE, "")


def _text(sent: Any, name: str, most: int) -> str:
    value = sent.get(name) if isinstance(sent, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise InputError("this is missing, or too long", where=name)
    return value


def _answer(sent: Any) -> str:
    answer = sent.get("answer") if isinstance(sent, dict) else None
    if not isinstance(answer, dict):
        raise InputError("the passkey's answer is missing", where="answer")
    text = json.dumps(answer)
    if len(text) > _MOST_ANSWER:
        raise InputError("the passkey's answer is too long", where="answer")
    return text
