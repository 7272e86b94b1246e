"""Accounts as an administrator keeps them: suspended, restored, closed, given roles, looked at.

Every function looks again, inside its transaction, whether the actor may. What makes or unmakes
an administrator takes two: see `two_person`. Nobody does anything here to their own account but
revoke a passkey.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    PasskeyState,
    another,
    check_grounds,
    check_roles,
    end_passkey,
    end_sessions,
    give_roles,
    move_account,
    roles_of,
    still,
    tell_alone,
)
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.passkeys import spki_of
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.training import Training, training_of


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey, to look at. `public_key` is SubjectPublicKeyInfo (DER)."""

    id: str
    model: str
    attested: bool
    backup_eligible: bool
    state: PasskeyState
    added_at: datetime.datetime
    ended_at: datetime.datetime | None
    public_key: bytes


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, to look at. `flagged_at`: one of its passkeys answered as a copy would."""

    id: str
    name: str
    state: AccountState
    roles: frozenset[Role]
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None
    passkeys: tuple[PasskeyView, ...]
    training: tuple[Training, ...]


def suspend(desk: Desk, actor: Actor, *, account: str, grounds: str) -> None:
    """Suspend an active account; its sessions end. Raises StateError."""
    _move(desk, actor, account, AccountState.SUSPENDED, AccountState.ACTIVE, grounds)


def restore(desk: Desk, actor: Actor, *, account: str, grounds: str) -> None:
    """Let a suspended account work again. Raises StateError."""
    _move(desk, actor, account, AccountState.ACTIVE, AccountState.SUSPENDED, grounds)


def close(desk: Desk, actor: Actor, *, account: str, grounds: str) -> None:
    """Close an account for good. Raises StateError; an administrator's takes two."""
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> None:
        still(doing)
        other = another(doing, account)
        if Role.ADMINISTRATOR in roles_of(doing.db, other.id):
            raise _two_needed()
        move_account(
            doing, other, AccountState.CLOSED, author=actor.account, grounds=grounds
        )  # fmt: skip

    desk.act(actor, "account.close", work)


def change_roles(
    desk: Desk, actor: Actor, *, account: str, had: frozenset[Role], roles: frozenset[Role]
) -> None:
    """Make `roles` the roles of an account that has exactly `had`; its sessions end.

    Raises
    ------
    InputError
        These roles do not go together.
    NotAllowedError
        It is the actor's own account, or an administrator is made or unmade (takes two).
    StateError
        The account has other roles than `had`, is closed, or has these already.
    """
    roles = check_roles(roles)

    def work(doing: Doing) -> None:
        still(doing)
        other = another(doing, account)
        if other.state == AccountState.CLOSED or roles_of(doing.db, other.id) != had:
            raise StateError("the account has changed since you looked", do="look again")
        if had == roles:
            raise StateError("there is nothing to change")
        if Role.ADMINISTRATOR in had | roles:
            raise _two_needed()
        give_roles(doing, other.id, roles, author=actor.account)
        tell_alone(doing, roles - had, account=other.id)
        end_sessions(doing.db, doing.now, other.id)

    desk.act(actor, "account.roles", work)


def revoke_passkey(desk: Desk, actor: Actor, *, passkey: str, grounds: str) -> None:
    """Revoke any account's passkey at once, as when a device is lost. Raises StateError.

    A new one for who has none left takes two administrators (`two_person.ask_replacement`).
    """
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> None:
        still(doing)
        _revoke(doing, doing.db.get(Passkey, passkey), grounds)

    desk.act(actor, "account.revoke-passkey", work)


def revoke_own_passkey(desk: Desk, actor: Actor, *, passkey: str, grounds: str) -> None:
    """Revoke one of the actor's own. Raises StateError."""
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> None:
        own = still(doing)
        found = doing.db.get(Passkey, passkey)
        _revoke(doing, found if found is not None and found.account == own.id else None, grounds)

    desk.act(actor, "account.own-passkey", work)


def list_accounts(desk: Desk, actor: Actor) -> list[AccountView]:
    """Every account, by name."""
    return desk.look(actor, "account.list", lambda db: [
        _view(db, account) for account in db.scalars(select(Account).order_by(Account.name))
    ])  # fmt: skip


def own_account(desk: Desk, actor: Actor) -> AccountView:
    """The actor's own account: what the desk holds about them. Any session may."""
    while True:
        with desk.store.reading() as db:
            if not desk.recorder.pending(db):
                account = db.get(Account, actor.account)
                if account is None:
                    raise NotAllowedError("this is not yours to do", do="sign in again")
                return _view(db, account)
        desk.recorder.flush()


def _move(
    desk: Desk, actor: Actor, account: str, to: AccountState, expected: AccountState, grounds: str
) -> None:
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> None:
        still(doing)
        other = another(doing, account)
        if other.state != expected:
            raise StateError("the account has changed since you looked", do="look again")
        move_account(doing, other, to, author=actor.account, grounds=grounds)

    desk.act(actor, "account.suspend", work)


def _revoke(doing: Doing, found: Passkey | None, grounds: str) -> None:
    if found is None:
        raise StateError("it has moved on since you looked", do="look again")
    end_passkey(doing, found, PasskeyState.REVOKED, author=doing.actor.account, grounds=grounds)


def _two_needed() -> NotAllowedError:
    return NotAllowedError(
        "an administrator is made or unmade by two",
        do="ask for it; another administrator confirms",
    )


def _view(db: Session, account: Account) -> AccountView:
    passkeys = select(Passkey).where(Passkey.account == account.id).order_by(Passkey.added_at)
    return AccountView(
        account.id, account.name, AccountState(account.state), roles_of(db, account.id),
        account.joined_at, account.flagged_at,
        tuple(
            PasskeyView(
                row.id, row.model, row.attested, row.backup_eligible, PasskeyState(row.state),
                row.added_at, row.ended_at, spki_of(row.public_key),
            )
            for row in db.scalars(passkeys)
        ),
        training_of(db, account.id),
    )  # fmt: skip
