"""Accounts: who works here, joining by a code that is shown once, roles, passkeys and training.

What makes or unmakes an administrator takes two: it is asked for here and decided on in
`jointrequests`. Nobody changes their own account but to revoke a passkey.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from starlette.responses import Response

from countenance.desk.account_tables import check_roles
from countenance.desk.accounts import change_roles, close, restore, revoke_passkey, suspend
from countenance.desk.administration import count_administrators, names_of, read_account
from countenance.desk.errors import NotAllowedError
from countenance.desk.invitations import CODE_S, invite, withdraw_invitation
from countenance.desk.listings import open_invitations, page_accounts
from countenance.desk.roles import Role
from countenance.desk.service import Actor
from countenance.desk.training import (
    KINDS_OF_TRAINING,
    LONGEST_DAYS,
    record_training,
    withdraw_training,
)
from countenance.desk.two_person import (
    ask_closing,
    ask_invitation,
    ask_replacement,
    ask_roles,
    open_requests,
)
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.reasons import at_field, read_grounds
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("account.list")]
Invites = Annotated[At, needs("account.invite")]
Suspends = Annotated[At, needs("account.suspend")]
Closes = Annotated[At, needs("account.close")]
Roles = Annotated[At, needs("account.roles")]
Replaces = Annotated[At, needs("account.replace-passkey")]
Revokes = Annotated[At, needs("account.revoke-passkey")]
Trains = Annotated[At, needs("account.training")]
Number = Annotated[int, Path(ge=1, lt=2**31)]

A_PAGE = 50
ROLE_WORDS = (
    (Role.REQUESTER, "requester: opens cases and asks for searches"),
    (Role.APPROVER, "approver: approves what others ask for"),
    (Role.EXAMINER, "examiner: judges probes and compares candidates"),
    (Role.AUDITOR, "auditor: reads everything that was done, accepts audits; no other role"),
    (Role.ADMINISTRATOR, "administrator: keeps accounts and galleries; no other role"),
)
_WITHDRAWN = notice("invitation-withdrawn", "The invitation is withdrawn: its code is void.")
_SUSPENDED = notice("suspended", "The account is suspended and its sessions have ended.")
_RESTORED = notice("restored", "The account can be used again.")
_CLOSED = notice("closed", "The account is closed for good.")
_ROLES = notice("roles-changed", "The roles are changed; the account has to sign in again.")
_REVOKED = notice("passkey-revoked", "The passkey is revoked; sessions with it have ended.")
_TRAINED = notice("training-recorded", "The training is recorded.")
_UNTRAINED = notice("training-withdrawn", "The record of training no longer counts.")
_ASKED = notice("asked", "This is asked for. Another administrator decides on it.")


@router.get("/accounts")
def accounts_page(at: Lists) -> Response:
    """Every account by name, what waits for a second administrator, and open invitations."""
    looker, after = at.looker(), at.request.query_params.get("after", "")[:120]
    found = page_accounts(at.desk, looker, after=after, most=A_PAGE + 1)
    waiting, invitations = open_requests(at.desk, looker), open_invitations(at.desk, looker)
    people = {each.asked_by for each in waiting} | {each.account or "" for each in waiting}
    return at.page(
        "accounts/list.html.j2", accounts=found[:A_PAGE], waiting=waiting,
        invitations=invitations, after=after,
        names=names_of(at.desk, looker, "account.list",
                       people | {each.made_by for each in invitations}),
        more=f"/accounts?{urlencode({'after': found[A_PAGE - 1].name})}"
        if len(found) > A_PAGE else "",
    )  # fmt: skip


@router.get("/accounts/invite")
def invite_page(at: Invites) -> Response:
    """Ask for the name and the roles of somebody who is to join."""
    alone = count_administrators(at.desk, at.looker()) < 2
    return at.page("accounts/invite.html.j2", roles=ROLE_WORDS, alone=alone)


@router.post("/accounts/invite")
def invite_somebody(at: Invites) -> Response:
    """Show the code, once; or ask a second administrator where it is to be an administrator."""

    def work() -> Response:
        name, roles = at.fields.line("name", most=120), _roles(at)
        alone = count_administrators(at.desk, at.looker()) < 2
        if Role.ADMINISTRATOR in roles and not alone:
            grounds = read_grounds(at.fields)
            ask_invitation(at.desk, at.actor(), name=name, grounds=grounds)
            return at.see("/accounts", done=_ASKED)
        code = invite(at.desk, at.actor(), name=name, roles=roles)
        return show_code(at, name, code)

    return at.attempt(work, invite_page)


@router.post("/accounts/invitations/{invitation}/withdraw")
def withdraw_an_invitation(at: Invites, invitation: Id) -> Response:
    """Make a code void."""

    def work() -> Response:
        withdraw_invitation(at.desk, at.actor(), invitation)
        return at.see("/accounts", done=_WITHDRAWN)

    return at.attempt(work, accounts_page)


@router.get("/accounts/{account}")
def account_page(at: Lists, account: Id) -> Response:
    """One account, its passkeys and its training."""
    looker = at.looker()
    return at.page(
        "accounts/show.html.j2", account=read_account(at.desk, looker, account),
        own=account == looker.account, now=at.desk.now(),
        waiting=[each for each in open_requests(at.desk, looker) if each.account == account],
    )  # fmt: skip


@router.get("/accounts/{account}/suspend")
def suspend_page(at: Suspends, account: Id) -> Response:
    """Ask why an account is suspended."""
    return _why(
        at, account, "suspend", "account.suspend", "Suspend {}", "Suspend the account",
        "Sessions end at once and nobody can sign in. It can be restored.", refuses=True,
    )  # fmt: skip


@router.post("/accounts/{account}/suspend")
def suspend_account(at: Suspends, account: Id) -> Response:
    """Suspend it."""
    return _do(at, account, suspend, _SUSPENDED, suspend_page)


@router.get("/accounts/{account}/restore")
def restore_page(at: Suspends, account: Id) -> Response:
    """Ask why an account is restored."""
    return _why(
        at, account, "restore", "account.suspend", "Restore {}", "Restore the account",
        "It can be used again, with the roles, passkeys and training that it has.",
    )  # fmt: skip


@router.post("/accounts/{account}/restore")
def restore_account(at: Suspends, account: Id) -> Response:
    """Restore it."""
    return _do(at, account, restore, _RESTORED, restore_page)


@router.get("/accounts/{account}/close")
def close_page(at: Closes, account: Id) -> Response:
    """Ask why an account is closed."""
    roles = read_account(at.desk, at.looker(), account).roles
    two = Role.ADMINISTRATOR in roles
    return _why(
        at, account, "close", "account.close", "Close the account of {}",
        "Ask for it to be closed" if two else "Close the account for good",
        "It is an administrator's, so another administrator has to confirm." if two
        else "A closed account stays closed. What was done with it stays in the record.",
        refuses=True,
    )  # fmt: skip


@router.post("/accounts/{account}/close")
def close_account(at: Closes, account: Id) -> Response:
    """Close it, or ask for that where it is an administrator's."""
    if Role.ADMINISTRATOR in read_account(at.desk, at.looker(), account).roles:
        return _do(at, account, ask_closing, _ASKED, close_page)
    return _do(at, account, close, _CLOSED, close_page)


@router.get("/accounts/{account}/replace")
def replace_page(at: Replaces, account: Id) -> Response:
    """Ask why passkeys are to be replaced."""
    return _why(
        at, account, "replace", "account.replace-passkey", "Replace the passkeys of {}",
        "Ask for a new passkey",
        "For somebody who lost their device. When another administrator confirms, all passkeys "
        "of the account are revoked, and a code for a new one stands on their screen.",
    )  # fmt: skip


@router.post("/accounts/{account}/replace")
def replace_passkeys(at: Replaces, account: Id) -> Response:
    """Ask for it."""
    return _do(at, account, ask_replacement, _ASKED, replace_page)


@router.get("/accounts/{account}/roles")
def roles_page(at: Roles, account: Id) -> Response:
    """Ask for the roles that an account is to have."""
    return at.page("accounts/roles.html.j2", roles=ROLE_WORDS,
                   account=read_account(at.desk, at.looker(), account))  # fmt: skip


@router.post("/accounts/{account}/roles")
def change_the_roles(at: Roles, account: Id) -> Response:
    """Change them, or ask for that where an administrator is made or unmade."""

    def work() -> Response:
        roles, had = _roles(at), _had(at)
        if Role.ADMINISTRATOR in had | roles:
            grounds = read_grounds(at.fields)
            ask_roles(at.desk, at.actor(), account=account, roles=roles, grounds=grounds)
            return at.see(f"/accounts/{account}", done=_ASKED)
        change_roles(at.desk, at.actor(), account=account, had=had, roles=roles)
        return at.see(f"/accounts/{account}", done=_ROLES)

    return at.attempt(work, lambda at: roles_page(at, account))


@router.get("/accounts/{account}/passkeys/{passkey}/revoke")
def revoke_page(at: Revokes, account: Id, passkey: Id) -> Response:
    """Ask why a passkey is revoked."""
    _part(at, account, lambda found: {each.id for each in found.passkeys}, passkey)
    return _why(
        at, account, f"passkeys/{passkey}/revoke", "account.revoke-passkey",
        "Revoke a passkey of {}", "Revoke the passkey",
        "It can never be used again, and sessions with it end at once. For whoever has no other "
        "passkey, a new one takes two administrators.", refuses=True,
    )  # fmt: skip


@router.post("/accounts/{account}/passkeys/{passkey}/revoke")
def revoke_the_passkey(at: Revokes, account: Id, passkey: Id) -> Response:
    """Revoke it."""

    def work() -> Response:
        _part(at, account, lambda found: {each.id for each in found.passkeys}, passkey)
        grounds = read_grounds(at.fields)
        revoke_passkey(at.desk, at.actor(), passkey=passkey, grounds=grounds)
        return at.see(f"/accounts/{account}", done=_REVOKED)

    return at.attempt(work, lambda at: revoke_page(at, account, passkey))


@router.get("/accounts/{account}/training")
def training_page(at: Trains, account: Id) -> Response:
    """Ask what somebody was trained for."""
    return at.page(
        "accounts/training.html.j2", kinds=[(kind, kind) for kind in sorted(KINDS_OF_TRAINING)],
        account=read_account(at.desk, at.looker(), account), longest=LONGEST_DAYS,
    )  # fmt: skip


@router.post("/accounts/{account}/training")
def record_the_training(at: Trains, account: Id) -> Response:
    """Record it."""

    def work() -> Response:
        kind = at.fields.one_of("kind", KINDS_OF_TRAINING)
        last, evidence = at.fields.date("until"), read_grounds(at.fields, "evidence")
        zone = at.deployment.house.zone
        until = datetime.datetime.combine(last, datetime.time(23, 59, 59), zone)
        with at_field("until"):
            record_training(at.desk, at.actor(), account=account, kind=kind, until=until,
                            evidence=evidence)  # fmt: skip
        return at.see(f"/accounts/{account}", done=_TRAINED)

    return at.attempt(work, lambda at: training_page(at, account))


@router.get("/accounts/{account}/training/{number}/withdraw")
def withdraw_training_page(at: Trains, account: Id, number: Number) -> Response:
    """Ask why a record of training is withdrawn."""
    _part(at, account, lambda found: {each.number for each in found.training}, number)
    return _why(
        at, account, f"training/{number}/withdraw", "account.training",
        "Withdraw a record of training of {}", "Withdraw the record",
        "For a record that should not have been made. What needs this training is closed to "
        "them at once.", refuses=True,
    )  # fmt: skip


@router.post("/accounts/{account}/training/{number}/withdraw")
def withdraw_the_training(at: Trains, account: Id, number: Number) -> Response:
    """Withdraw it."""

    def work() -> Response:
        _part(at, account, lambda found: {each.number for each in found.training}, number)
        grounds = read_grounds(at.fields)
        withdraw_training(at.desk, at.actor(), number=number, grounds=grounds)
        return at.see(f"/accounts/{account}", done=_UNTRAINED)

    return at.attempt(work, lambda at: withdraw_training_page(at, account, number))


def show_code(at: At, name: str, code: str) -> Response:
    """The one page that ever shows a code. It has no address that could be opened again."""
    return at.page("accounts/code.html.j2", person=name, code=code, minutes=CODE_S // 60)


def _why(
    at: At, account: str, path: str, action: str, heading: str, label: str, says: str, *,
    refuses: bool = False,
) -> Response:  # fmt: skip
    found = read_account(at.desk, at.looker(), account)
    return at.page(
        "accounts/why.html.j2", account=found, to=f"/accounts/{account}/{path}", action=action,
        heading=heading.format(found.name), label=label, says=says, refuses=refuses,
    )  # fmt: skip


def _do(
    at: At, account: str, what: Callable[..., object], done: str,
    page: Callable[[At, str], Response],
) -> Response:  # fmt: skip
    def work() -> Response:
        grounds = read_grounds(at.fields)
        actor: Actor = at.actor()
        what(at.desk, actor, account=account, grounds=grounds)
        return at.see(f"/accounts/{account}", done=done)

    return at.attempt(work, lambda at: page(at, account))


def _part(at: At, account: str, parts: Callable[[Any], set[Any]], wanted: object) -> None:
    """Whether a passkey or record is this account's, so that no address mixes two."""
    if wanted not in parts(read_account(at.desk, at.looker(), account)):
        raise NotAllowedError("there is no such account for you")


def _roles(at: At) -> frozenset[Role]:
    values = at.fields.choices("roles", [role.value for role in Role], needed=False)
    with at_field("roles"):
        return check_roles(frozenset(Role(value) for value in values))


def _had(at: At) -> frozenset[Role]:
    """The roles that the page showed: it is from these that they are changed."""
    values = at.fields.choices("had", [role.value for role in Role], needed=False)
    return frozenset(Role(value) for value in values)
