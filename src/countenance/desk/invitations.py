"""Joining: a one-time code, shown once on an administrator's screen, and a passkey. Nothing else.

The code is 24 characters (Crockford's base 32): eight that find the invitation, sixteen (80 random
bits) of which only the hash is kept. It is good for 15 minutes, five tries and one use, for one
name and its roles; nothing is mailed, and there is no link.

An administrator alone cannot make another one, or two persons would be one: see `two_person`. Only
the first may, as long as nobody else administers. The first comes by `bootstrap`, which the
operator's command calls and which works only while no account exists.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    administrators,
    check_name,
    check_roles,
    codes,
    give_roles,
    moved,
    name_taken,
    still,
    tell_alone,
    within,
)
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.ceremonies import (
    Ceremony,
    Challenge,
    Purpose,
    at_the_door,
    give_challenge,
    refuse_if_down,
    take_challenge,
)
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.passkeys import (
    NewPasskey,
    RefusedAnswerError,
    RelyingParty,
    registration_options,
    verify_registration,
)
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk, Doing

CODE_S = 15 * 60
MOST_TRIES = 5
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AS_MEANT = str.maketrans("OIL", "011", " -")  # what is easily misread
_LOCATOR, _SECRET = 8, 16


class InvitationState(StrEnum):
    """Only an open one can be used."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    GUESSED_AT = "guessed-at"
    OVERTAKEN = "overtaken"  # what made it lawful is no longer so


INVITATION_MOVES: Mapping[InvitationState, frozenset[InvitationState]] = {
    state: frozenset(set(InvitationState) - {InvitationState.OPEN})
    if state is InvitationState.OPEN else frozenset()
    for state in InvitationState
}  # fmt: skip


class Invitation(Base):
    """A one-time code for one name; `account` where it replaces the passkeys of one."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    locator: Mapped[str] = mapped_column(String(8), unique=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(120))
    roles: Mapped[str] = mapped_column(String(120))
    account: Mapped[str | None] = mapped_column(String(32), default=None)
    handle: Mapped[bytes] = mapped_column(LargeBinary)
    others: Mapped[int | None] = mapped_column(default=None)  # most administrators there may be
    tries: Mapped[int] = mapped_column(default=0)
    state: Mapped[InvitationState] = mapped_column(String(16), default=InvitationState.OPEN)
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime.datetime] = mapped_column(UTC)


class CodeRefusedError(NotAllowedError):
    """The code, or the device, was not taken. The same words for every reason."""

    code = "desk-code-refused"

    def __init__(self) -> None:
        super().__init__(
            "the code is not good, or this device is not taken here",
            do="type the code again, on a device your agency allows, or ask for another code",
        )


def bootstrap(desk: Desk, name: str) -> str:
    """The first administrator's code, for the operator's command to print; once shown, forgotten.

    Raises StateError as soon as an account exists. An earlier code of this sort is withdrawn.
    """
    name = check_name(name)

    def work(doing: Doing) -> str:
        if doing.db.scalar(select(func.count()).select_from(Account)):
            raise StateError(
                "there is an administrator already", do="ask an administrator for an invitation"
            )
        opened = select(Invitation).where(Invitation.state == InvitationState.OPEN)
        for found in doing.db.scalars(opened):
            _close(doing, found, InvitationState.WITHDRAWN)
        return make_invitation(
            doing, name, frozenset({Role.ADMINISTRATOR}), why="first", most_others=0
        )

    return at_the_door(desk, work, sorry=CodeRefusedError())


def invite(desk: Desk, actor: Actor, *, name: str, roles: frozenset[Role]) -> str:
    """Invite somebody; the code, to be shown once.

    Raises
    ------
    InputError
        No name, or roles that do not go together.
    NotAllowedError
        Not the actor's to do; or an administrator is invited, which takes two (`two_person`).
    StateError
        Somebody has this name, or an invitation under it is open.
    """
    name, roles = check_name(name), check_roles(roles)

    def work(doing: Doing) -> str:
        still(doing)
        most_others = None
        if Role.ADMINISTRATOR in roles:
            if administrators(doing.db) > 1:
                raise NotAllowedError(
                    "an administrator is invited by two",
                    do="ask for it; another administrator confirms",
                )
            most_others = 1
        code = make_invitation(doing, name, roles, why="joining", most_others=most_others)
        made = doing.db.scalars(
            select(Invitation.id).where(Invitation.locator == code.replace("-", "")[:_LOCATOR])
        ).one()
        tell_alone(doing, roles, invitation=made)
        return code

    return desk.act(actor, "account.invite", work)


def withdraw_invitation(desk: Desk, actor: Actor, invitation: str) -> None:
    """Withdraw an open invitation. Raises StateError where it is not open."""

    def work(doing: Doing) -> None:
        still(doing)
        found = doing.db.get(Invitation, invitation)
        if found is None:
            raise StateError("it has moved on since you looked", do="look again")
        _close(doing, found, InvitationState.WITHDRAWN)

    desk.act(actor, "account.invite", work)


def expire(doing: Doing) -> int:
    """Close the invitations that nobody used in time, as part of an action; how many."""
    opened = select(Invitation).where(Invitation.state == InvitationState.OPEN)
    late = [
        found for found in doing.db.scalars(opened)
        if not within(found.made_at, doing.now, CODE_S)
    ]  # fmt: skip
    for found in late:
        _close(doing, found, InvitationState.EXPIRED)
    return len(late)


def make_invitation(
    doing: Doing, name: str, roles: frozenset[Role], *, why: str, account: Account | None = None,
    most_others: int | None = None,
) -> str:  # fmt: skip
    """An invitation inside a transaction; its code. `most_others`: see `Invitation.others`.

    Raises StateError where the name is taken.
    """
    for found in doing.db.scalars(
        select(Invitation).where(Invitation.state == InvitationState.OPEN)
    ):
        if not within(found.made_at, doing.now, CODE_S):
            _close(doing, found, InvitationState.EXPIRED)
        elif found.name.casefold() == name.casefold():
            raise StateError("an invitation under this name is open", do="withdraw it first")
    if account is None and name_taken(doing.db, name):
        raise StateError("somebody has this name already", do="tell them apart by the name")
    code = "".join(secrets.choice(_DIGITS) for _ in range(_LOCATOR + _SECRET))
    made = Invitation(
        id=new_id(), locator=code[:_LOCATOR], code_hash=_hash(code), name=name,
        roles=",".join(codes(roles)), account=None if account is None else account.id,
        handle=secrets.token_bytes(32) if account is None else account.handle,
        others=most_others, made_by=doing.actor.account, made_at=doing.now,
    )  # fmt: skip
    doing.db.add(made)
    doing.record.add(
        doing.db, "account-invited", about=made.account or made.id,
        public={"roles": codes(roles), "why": why},
        private={"invitation": made.id, "name": name, "author": doing.actor.account},
    )  # fmt: skip
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def begin_join(desk: Desk, party: RelyingParty, code: str) -> Ceremony:
    """Type the code: what the browser needs to make a passkey. Raises CodeRefusedError."""
    typed = code.upper().translate(_AS_MEANT)
    if len(typed) != _LOCATOR + _SECRET or not set(typed) <= set(_DIGITS):
        typed = ""  # found nowhere, and as wrong as any other

    def work(doing: Doing) -> Ceremony:
        found = doing.db.scalar(select(Invitation).where(Invitation.locator == typed[:_LOCATOR]))
        right = hmac.compare_digest(_hash(typed), _hash("") if found is None else found.code_hash)
        if found is None or not _open(doing, found):
            raise RefusedAnswerError("code")
        if not right:
            _try(doing, found)
            raise RefusedAnswerError("code")
        challenge = give_challenge(doing, Purpose.REGISTER, bound_to=found.id)
        known = select(Passkey.credential).where(Passkey.account == found.account)
        return Ceremony(
            challenge.id,
            registration_options(
                party, challenge=challenge.challenge, handle=found.handle, name=found.name,
                known=list(doing.db.scalars(known)),
            ),
        )  # fmt: skip

    return at_the_door(desk, work, sorry=CodeRefusedError())


def finish_join(desk: Desk, party: RelyingParty, ceremony: str, answer: str) -> str:
    """Make the account, or give it its new passkey; the account's id. Then one signs in.

    A device that is not taken costs a try. Raises CodeRefusedError; StoodDownError.
    """

    def work(doing: Doing) -> str:
        refuse_if_down(doing)
        challenge = take_challenge(doing, ceremony, Purpose.REGISTER)
        found = doing.db.get(Invitation, challenge.bound_to)
        if found is None or not _open(doing, found):
            raise RefusedAnswerError("code")
        try:
            made = register(doing, party, challenge, answer)
        except RefusedAnswerError:
            _try(doing, found)
            raise
        return _join(doing, found, made)

    return at_the_door(desk, work, sorry=CodeRefusedError())


def register(doing: Doing, party: RelyingParty, challenge: Challenge, answer: str) -> NewPasskey:
    """Check a new passkey, which nobody may have already. Raises RefusedAnswerError."""
    made = verify_registration(party, challenge=challenge.challenge, answer=answer)
    if doing.db.scalar(select(Passkey.id).where(Passkey.credential == made.credential)):
        raise RefusedAnswerError("registration")
    return made


def add_passkey(doing: Doing, account: str, made: NewPasskey, *, author: str) -> Passkey:
    """Give an account a passkey that was believed."""
    row = Passkey(
        id=new_id(), account=account, credential=made.credential, public_key=made.public_key,
        sign_count=made.sign_count, model=made.model, attested=made.attested,
        backup_eligible=made.backup_eligible, backed_up=made.backed_up, added_at=doing.now,
    )  # fmt: skip
    doing.db.add(row)
    doing.record.add(
        doing.db, "passkey-changed", about=account,
        public={"change": "added", "model": made.model, "attested": made.attested},
        private={"account": account, "passkey": row.id, "author": author},
    )  # fmt: skip
    return row


def _join(doing: Doing, found: Invitation, made: NewPasskey) -> str:
    found.state = moved(InvitationState(found.state), InvitationState.USED, INVITATION_MOVES)
    account, roles = found.account, frozenset(Role(each) for each in found.roles.split(","))
    if account is None:
        account = new_id()
        doing.db.add(
            Account(id=account, name=found.name, handle=found.handle, joined_at=doing.now)
        )
        doing.db.flush()
        doing.record.add(
            doing.db, "account-joined", about=account, public={"roles": codes(roles)},
            private={"account": account, "invitation": found.id, "name": found.name},
        )  # fmt: skip
        give_roles(doing, account, roles, author=found.made_by)
    add_passkey(doing, account, made, author=account)
    return account


def _open(doing: Doing, found: Invitation) -> bool:
    """Whether it can be used now; one that no longer can is closed."""
    if found.state != InvitationState.OPEN:
        return False
    if not within(found.made_at, doing.now, CODE_S):
        _close(doing, found, InvitationState.EXPIRED)
    elif _overtaken(doing, found):
        _close(doing, found, InvitationState.OVERTAKEN)
    return found.state == InvitationState.OPEN


def _overtaken(doing: Doing, found: Invitation) -> bool:
    """Whether what made it lawful is gone: see `Invitation.others`; the account; the name."""
    if found.others is not None and administrators(doing.db) > found.others:
        return True
    if found.account is None:
        return name_taken(doing.db, found.name)
    return doing.db.get_one(Account, found.account).state == AccountState.CLOSED


def _try(doing: Doing, found: Invitation) -> None:
    found.tries += 1
    if found.tries >= MOST_TRIES:
        _close(doing, found, InvitationState.GUESSED_AT)


def _close(doing: Doing, found: Invitation, to: InvitationState) -> None:
    found.state = moved(InvitationState(found.state), to, INVITATION_MOVES)
    doing.record.add(
        doing.db, "invitation-closed", about=found.account or found.id,
        public={"why": to.value},
        private={"invitation": found.id, "author": doing.actor.account},
    )  # fmt: skip


def _hash(code: str) -> str:
    return hashlib.sha256(b"countenance invitation\0" + code.encode()).hexdigest()
