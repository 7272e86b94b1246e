"""The tables of accounts, their states, and what every part of accounts asks of them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.base import UTC, Base
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.roles import APART, EXCLUSIVE, Role
from countenance.desk.service import Actor, Doing

SKEW_S = 5
"""How far two processes' clocks may differ; a clock further back than this is not believed."""


class AccountState(StrEnum):
    """Only an active account can do anything; a closed one stays closed."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class PasskeyState(StrEnum):
    """A doubted passkey answered as a copy would; it can only be revoked."""

    ACTIVE = "active"
    DOUBTED = "doubted"
    REVOKED = "revoked"


ACCOUNT_MOVES: Mapping[AccountState, frozenset[AccountState]] = {
    AccountState.ACTIVE: frozenset({AccountState.SUSPENDED, AccountState.CLOSED}),
    AccountState.SUSPENDED: frozenset({AccountState.ACTIVE, AccountState.CLOSED}),
    AccountState.CLOSED: frozenset(),
}
PASSKEY_MOVES: Mapping[PasskeyState, frozenset[PasskeyState]] = {
    PasskeyState.ACTIVE: frozenset({PasskeyState.DOUBTED, PasskeyState.REVOKED}),
    PasskeyState.DOUBTED: frozenset({PasskeyState.REVOKED}),
    PasskeyState.REVOKED: frozenset(),
}


class Account(Base):
    """One person's account. `handle` is what authenticators know it by; it names nobody."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    handle: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    state: Mapped[AccountState] = mapped_column(String(16), default=AccountState.ACTIVE)
    joined_at: Mapped[datetime.datetime] = mapped_column(UTC)
    flagged_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class AccountRole(Base):
    """One role of one account."""

    __tablename__ = "account_roles"

    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)


class Passkey(Base):
    """A passkey: the public half, and what is known of the device that keeps the other."""

    __tablename__ = "passkeys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE (RFC 9052)
    sign_count: Mapped[int]
    model: Mapped[str] = mapped_column(String(36))  # AAGUID
    attested: Mapped[bool]
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    state: Mapped[PasskeyState] = mapped_column(String(16), default=PasskeyState.ACTIVE)
    added_at: Mapped[datetime.datetime] = mapped_column(UTC)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class SessionRow(Base):
    """A session: bound to one passkey; the token is known to the browser alone."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    passkey: Mapped[str] = mapped_column(ForeignKey("passkeys.id"), index=True)
    started_at: Mapped[datetime.datetime] = mapped_column(UTC)
    seen_at: Mapped[datetime.datetime] = mapped_column(UTC)
    stepped_up_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    stepped_up_for: Mapped[str | None] = mapped_column(String(64), default=None)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


S = TypeVar("S", bound=StrEnum)


def moved(now: S, to: S, moves: Mapping[S, frozenset[S]]) -> S:
    """The state `to`, if the table of moves has it. Raises StateError."""
    if to not in moves[now]:
        raise StateError("it has moved on since you looked", do="look again")
    return to


def within(start: datetime.datetime, now: datetime.datetime, most_s: float) -> bool:
    """Whether `now` is at most so long after `start`, and not before it."""
    return -SKEW_S <= (now - start).total_seconds() <= most_s


def check_roles(roles: frozenset[Role]) -> frozenset[Role]:
    """Roles one account may have together. Raises InputError."""
    mixed = (roles & EXCLUSIVE and len(roles) > 1) or roles >= APART
    if not roles or not roles <= set(Role) or mixed:
        raise InputError(
            "these roles do not go together",
            expected="one role at least; an administrator or auditor has no other, "
            "and nobody both approves and examines",
        )
    return frozenset(Role(role) for role in roles)


def check_name(name: str) -> str:
    """A person's name as it is kept. Raises InputError."""
    kept = " ".join(name.split())
    if not 2 <= len(kept) <= 120 or not kept.isprintable():
        raise InputError("this is no name of a person", expected="2 to 120 printable characters")
    return kept


def check_grounds(grounds: str) -> str:
    """Why something is done, in words. Raises InputError."""
    kept = grounds.strip()
    if not 10 <= len(kept) <= 2000 or not all(each.isprintable() for each in kept.splitlines()):
        raise InputError("the grounds are missing", expected="10 to 2,000 printable characters")
    return kept


def roles_of(db: Session, account: str) -> frozenset[Role]:
    """The roles an account has now."""
    found = db.scalars(select(AccountRole.role).where(AccountRole.account == account))
    return frozenset(Role(role) for role in found)


def codes(roles: frozenset[Role]) -> list[str]:
    """Roles as the log writes them."""
    return sorted(role.value for role in roles)


def administrators(db: Session) -> int:
    """How many administrators there are, suspended ones too: one cannot make the other vanish."""
    found = db.scalars(
        select(Account.id).join(AccountRole, AccountRole.account == Account.id)
        .where(AccountRole.role == Role.ADMINISTRATOR, Account.state != AccountState.CLOSED)
    )  # fmt: skip
    return len(found.all())


def name_taken(db: Session, name: str) -> bool:
    """Whether an account that is not closed has this name, but for capitals."""
    names = db.scalars(select(Account.name).where(Account.state != AccountState.CLOSED))
    return name.casefold() in {each.casefold() for each in names}


def still(doing: Doing) -> Account:
    """The actor's account, looked at again inside the transaction.

    An actor was made before the transaction began; since then their session may have ended, their
    account been suspended or a role withdrawn by somebody who was first. Raises NotAllowedError.
    """
    return _standing(doing.db, doing.actor)


def guard(db: Session, actor: Actor, now: datetime.datetime) -> None:  # noqa: ARG001
    """The same of everything that is done or looked at: `Desk(..., guard=guard)` in a service."""
    _standing(db, actor)


def _standing(db: Session, actor: Actor) -> Account:
    account, session = db.get(Account, actor.account), db.get(SessionRow, actor.session)
    if (
        account is None or account.state != AccountState.ACTIVE
        or session is None or session.ended_at is not None or session.account != account.id
        or not actor.roles <= roles_of(db, account.id)
    ):  # fmt: skip
        raise NotAllowedError("this is not yours to do", do="sign in again")
    return account


def another(doing: Doing, account: str) -> Account:
    """An account that is not the actor's own. Raises NotAllowedError."""
    found = doing.db.get(Account, account)
    if found is None or found.id == doing.actor.account:
        raise NotAllowedError("this is not yours to do")
    return found


def end_sessions(db: Session, now: datetime.datetime, account: str, passkey: str = "") -> None:
    """End every session of an account, or of one of its passkeys."""
    rows = select(SessionRow).where(SessionRow.account == account, SessionRow.ended_at.is_(None))
    if passkey:
        rows = rows.where(SessionRow.passkey == passkey)
    for row in db.scalars(rows):
        row.ended_at, row.stepped_up_at, row.stepped_up_for = now, None, None


def end_passkey(
    doing: Doing, passkey: Passkey, to: PasskeyState, *, author: str, grounds: str
) -> None:
    """Revoke or doubt a passkey: its sessions end with it. Raises StateError."""
    passkey.state = moved(PasskeyState(passkey.state), to, PASSKEY_MOVES)
    passkey.ended_at = doing.now
    end_sessions(doing.db, doing.now, passkey.account, passkey.id)
    doing.record.add(
        doing.db, "passkey-changed", about=passkey.account,
        public={"change": to.value, "model": passkey.model, "attested": passkey.attested},
        private={
            "account": passkey.account, "passkey": passkey.id, "author": author,
            "grounds": grounds,
        },
    )  # fmt: skip


def move_account(
    doing: Doing, account: Account, to: AccountState, *, author: str, grounds: str
) -> None:
    """Suspend, restore or close an account; its sessions end. Raises StateError."""
    account.state = moved(AccountState(account.state), to, ACCOUNT_MOVES)
    end_sessions(doing.db, doing.now, account.id)
    tell_account(
        doing, account, "restored" if to is AccountState.ACTIVE else to.value, author, grounds
    )


def tell_account(doing: Doing, account: Account, change: str, author: str, grounds: str) -> None:
    """Write that an account changed."""
    doing.record.add(
        doing.db, "account-changed", about=account.id, public={"change": change},
        private={"account": account.id, "author": author, "grounds": grounds},
    )  # fmt: skip


def tell_alone(
    doing: Doing,
    roles: frozenset[Role],
    *,
    account: str | None = None,
    invitation: str | None = None,
) -> None:
    """Write that one administrator alone gave a role that approves, audits or administers.

    With it and a device of their own, one person could stand on both sides of an approval. So the
    log has every such gift, and how many administrators there were to ask for a second word.
    """
    trusted = roles & {Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR}
    if trusted:
        doing.record.add(
            doing.db, "trusted-alone", about=account or invitation,
            public={"roles": codes(trusted), "administrators": administrators(doing.db)},
            private={"account": account, "invitation": invitation, "author": doing.actor.account},
        )  # fmt: skip


def give_roles(doing: Doing, account: str, roles: frozenset[Role], *, author: str) -> None:
    """Make these the roles of an account, an event for each that comes or goes."""
    had = roles_of(doing.db, account)
    for role in sorted(had ^ roles):
        row = AccountRole(account=account, role=role.value)
        if role in roles:
            doing.db.add(row)
        else:
            doing.db.delete(doing.db.get_one(AccountRole, (account, role.value)))
        doing.record.add(
            doing.db, "access-changed", about=account,
            public={"role": role.value, "change": "granted" if role in roles else "withdrawn"},
            private={"account": account, "author": author},
        )  # fmt: skip
