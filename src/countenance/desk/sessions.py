"""Signing in, and what a session is: one passkey, a short time, a token only its browser knows.

A token is 256 random bits; the database has its SHA-256. It is a new one at sign-in and after
every step-up, so that one planted or overheard before is worth nothing after. A session ends 15
minutes after it was last used, 8 hours after it began, and with its passkey or account. A clock
that has gone back ends it, too.

A step-up is for one action and is spent by it: `authenticate(..., action=...)` gives an actor
whose passkey was just asked for, once, and forgets that in the same transaction.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    PasskeyState,
    SessionRow,
    end_passkey,
    roles_of,
    tell_account,
    within,
)
from countenance.desk.base import new_id
from countenance.desk.ceremonies import (
    NOBODY,
    Ceremony,
    Challenge,
    Purpose,
    SignInError,
    at_the_door,
    give_challenge,
    take_challenge,
)
from countenance.desk.errors import NotAllowedError
from countenance.desk.passkeys import (
    Answer,
    Asserted,
    RefusedAnswerError,
    RelyingParty,
    assertion_options,
    count_is_doubtful,
    read_assertion,
    verify_assertion,
)
from countenance.desk.roles import ACTIONS
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.training import current_training

IDLE_S: Final = 15 * 60
LONGEST_S: Final = 8 * 3600
_SEEN_EVERY_S = 60  # so that looking at a page is seldom a write
_CLONE = "its sign count did not grow: another device may hold the same key"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in. `token` is for the browser's cookie only; it is not shown in a traceback."""

    account: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Live:
    """A session that is in force, its passkey and its account."""

    row: SessionRow
    passkey: Passkey
    account: Account


def begin_sign_in(desk: Desk, party: RelyingParty) -> Ceremony:
    """What the browser needs to ask for a passkey; the same for everybody."""

    def work(doing: Doing) -> Ceremony:
        made = give_challenge(doing, Purpose.SIGN_IN)
        return Ceremony(made.id, assertion_options(party, challenge=made.challenge, allowed=[]))

    return at_the_door(desk, work, sorry=SignInError())


def finish_sign_in(
    desk: Desk, party: RelyingParty, ceremony: str, answer: str, *, instead_of: str = ""
) -> SignedIn:
    """Sign in; the token is always a new one. `instead_of`: this browser's session, which ends.

    Raises SignInError, in the same words whatever was wrong.
    """

    def work(doing: Doing) -> SignedIn:
        challenge = take_challenge(doing, ceremony, Purpose.SIGN_IN)
        asserted = read_assertion(answer)
        passkey = doing.db.scalar(
            select(Passkey).where(Passkey.credential == asserted.credential_id)
        )
        account = None if passkey is None else doing.db.get(Account, passkey.account)
        if passkey is None or account is None or asserted.handle != account.handle:
            raise RefusedAnswerError("unknown")
        believe(doing, party, passkey, challenge, asserted)
        if account.state != AccountState.ACTIVE:
            raise RefusedAnswerError("account")
        _leave(doing, instead_of, "replaced")
        token = secrets.token_urlsafe(32)
        row = SessionRow(
            id=new_id(), token_hash=_hash(token), account=account.id, passkey=passkey.id,
            started_at=doing.now, seen_at=doing.now,
        )  # fmt: skip
        doing.db.add(row)
        doing.record.add(
            doing.db, "signed-in", about=account.id,
            private={"account": account.id, "passkey": passkey.id, "session": row.id},
        )  # fmt: skip
        return SignedIn(account.id, token)

    return at_the_door(desk, work, sorry=SignInError())


def sign_out(desk: Desk, token: str) -> None:
    """End a session; nothing happens where there is none."""
    at_the_door(desk, lambda doing: _leave(doing, token, "left"), sorry=SignInError())


def begin_step_up(desk: Desk, party: RelyingParty, token: str, *, action: str) -> Ceremony:
    """Ask for the session's own passkey again, for one action. Raises SignInError."""
    return ask_again(desk, party, token, Purpose.STEP_UP, action=action)


def finish_step_up(
    desk: Desk, party: RelyingParty, token: str, ceremony: str, answer: str
) -> SignedIn:
    """Step up; the session goes on under a new token. Raises SignInError."""

    def work(doing: Doing) -> SignedIn:
        live, challenge, _ = answered(doing, party, token, Purpose.STEP_UP, ceremony, answer)
        return stepped_up(doing, live, challenge.action)

    return at_the_door(desk, work, sorry=SignInError())


def authenticate(desk: Desk, token: str, *, action: str = "") -> Actor:
    """Who this is, from the database: roles, training, and the step-up for `action`, if any.

    The step-up is spent by this, so it is to be called once, right before the action. Nothing that
    is not in the log yet makes an actor. Raises SignInError.
    """
    now = desk.clock()
    spends = action in ACTIONS and ACTIONS[action].step_up

    def work(db: Session) -> Actor | None:
        live = find_live(Doing(db, NOBODY, now, desk.recorder), token)
        if live is None:
            return None
        row, at = live.row, None
        if spends and row.stepped_up_for == action:
            at, row.stepped_up_at, row.stepped_up_for = row.stepped_up_at, None, None
        row.seen_at = max(now, row.seen_at)
        return _actor(db, live, at, action)

    while True:
        with desk.store.reading() as db:
            if not desk.recorder.pending(db):
                live = _look(db, token)
                if live is None:
                    raise SignInError
                fresh = within(live.row.seen_at, now, _SEEN_EVERY_S) and _in_force(live, now)
                if fresh and not spends:
                    return _actor(db, live, None, action)
                break
        desk.recorder.flush()
    actor = desk.store.write(work)
    if actor is None:
        raise SignInError
    return actor


def find_live(doing: Doing, token: str) -> Live | None:
    """The session of a token, where it is in force; one that is over is ended for good.

    So that a clock that goes back does not bring it to life again.
    """
    live = _look(doing.db, token)
    if live is None or _in_force(live, doing.now):
        return live
    live.row.ended_at = doing.now
    return None


def ask_again(
    desk: Desk, party: RelyingParty, token: str, purpose: Purpose, *, action: str,
    challenge: bytes = b"",
) -> Ceremony:  # fmt: skip
    """A ceremony for the passkey that a session is bound to, and no other. Raises SignInError."""
    if action not in ACTIONS or not ACTIONS[action].step_up:
        raise NotAllowedError("this is not yours to do")

    def work(doing: Doing) -> Ceremony:
        live = find_live(doing, token)
        if live is None:
            raise RefusedAnswerError("session")
        made = give_challenge(
            doing, purpose, challenge=challenge, bound_to=live.row.id, action=action
        )
        options = assertion_options(
            party, challenge=made.challenge, allowed=[live.passkey.credential]
        )
        return Ceremony(made.id, options)

    return at_the_door(desk, work, sorry=SignInError())


def answered(
    doing: Doing, party: RelyingParty, token: str, purpose: Purpose, ceremony: str, answer: str
) -> tuple[Live, Challenge, Answer]:
    """A session's own passkey answered its own challenge. Raises RefusedAnswerError."""
    challenge = take_challenge(doing, ceremony, purpose)
    live = find_live(doing, token)
    if live is None or challenge.bound_to != live.row.id:
        raise RefusedAnswerError("session")
    asserted = read_assertion(answer)
    others = asserted.handle is not None and asserted.handle != live.account.handle
    if asserted.credential_id != live.passkey.credential or others:
        raise RefusedAnswerError("unknown")
    return live, challenge, believe(doing, party, live.passkey, challenge, asserted)


def stepped_up(doing: Doing, live: Live, action: str) -> SignedIn:
    """Let the session go on under a new token, its passkey having been asked for this action."""
    token = secrets.token_urlsafe(32)
    live.row.token_hash, live.row.seen_at = _hash(token), doing.now
    live.row.stepped_up_at, live.row.stepped_up_for = doing.now, action
    doing.record.add(
        doing.db, "stepped-up", about=live.account.id, public={"action": action},
        private={
            "account": live.account.id, "passkey": live.passkey.id, "session": live.row.id,
        },
    )  # fmt: skip
    return SignedIn(live.account.id, token)


def believe(
    doing: Doing, party: RelyingParty, passkey: Passkey, challenge: Challenge, asserted: Asserted
) -> Answer:
    """Check an answer against a passkey and its last sign count.

    A right signature with a count that did not grow means that two devices hold the key: the
    passkey is doubted for good and its account flagged. One of a model that is no longer on the
    list is not believed either. Raises RefusedAnswerError.
    """
    if passkey.state != PasskeyState.ACTIVE:
        raise RefusedAnswerError("passkey")
    if not party.takes(passkey.model, attested=passkey.attested):
        raise RefusedAnswerError("model")
    given = verify_assertion(
        party, asserted, challenge=challenge.challenge, public_key=passkey.public_key,
        backup_eligible=passkey.backup_eligible,
    )  # fmt: skip
    if count_is_doubtful(passkey.sign_count, given.sign_count):
        end_passkey(doing, passkey, PasskeyState.DOUBTED, author="desk", grounds=_CLONE)
        account = doing.db.get_one(Account, passkey.account)
        account.flagged_at = doing.now
        tell_account(doing, account, "flagged", "desk", _CLONE)
        raise RefusedAnswerError("count")
    passkey.sign_count, passkey.backed_up = given.sign_count, given.backed_up
    return given


def _look(db: Session, token: str) -> Live | None:
    """The session of a token that nobody has ended."""
    row = db.scalar(select(SessionRow).where(SessionRow.token_hash == _hash(token)))
    if row is None or row.ended_at is not None:
        return None
    return Live(row, db.get_one(Passkey, row.passkey), db.get_one(Account, row.account))


def _in_force(live: Live, now: datetime.datetime) -> bool:
    return (
        within(live.row.seen_at, now, IDLE_S)
        and within(live.row.started_at, now, LONGEST_S)
        and live.account.state == AccountState.ACTIVE
        and live.passkey.state == PasskeyState.ACTIVE
    )


def _actor(db: Session, live: Live, stepped_up_at: datetime.datetime | None, action: str) -> Actor:
    return Actor(
        live.account.id, roles_of(db, live.account.id), live.row.id, stepped_up_at,
        current_training(db, live.account.id), action,
    )  # fmt: skip


def _leave(doing: Doing, token: str, why: str) -> None:
    row = doing.db.scalar(select(SessionRow).where(SessionRow.token_hash == _hash(token)))
    if row is None or row.ended_at is not None:
        return
    row.ended_at, row.stepped_up_at, row.stepped_up_for = doing.now, None, None
    doing.record.add(
        doing.db, "session-ended", about=row.account, public={"why": why},
        private={"account": row.account, "session": row.id},
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(
        b"countenance session\0" + token.encode(errors="backslashreplace")
    ).hexdigest()
