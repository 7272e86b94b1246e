"""Accounts, as administrators keep them: invited, trained, suspended; what takes two of them."""

from __future__ import annotations

import datetime
from typing import Annotated

from fastapi import Path
from pydantic import AwareDatetime, Field

from countenance.desk import two_person
from countenance.desk.account_tables import AccountState
from countenance.desk.accounts import AccountView as DeskAccount
from countenance.desk.accounts import (
    change_roles,
    close,
    list_accounts,
    restore,
    revoke_passkey,
    suspend,
)
from countenance.desk.invitations import invite, withdraw_invitation
from countenance.desk.listings import (
    AccountLine,
    InvitationLine,
    open_invitations,
    page_accounts,
)
from countenance.desk.roles import Role
from countenance.desk.training import record_training, withdraw_training
from countenance.desk.two_person import Asked, Decided, JointState, What
from countenance.web.access import needs
from countenance.web.api.base import After, In, Line, Made, Most, Nothing, Number, Out, Roles
from countenance.web.api.routing import Router
from countenance.web.api.session import Account, Grounds
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("accounts")
Lister = Annotated[At, needs("account.list")]
Suspender = Annotated[At, needs("account.suspend")]
Inviter = Annotated[At, needs("account.invite")]
Closer = Annotated[At, needs("account.close")]
Confirmer = Annotated[At, needs("account.confirm")]
Trainer = Annotated[At, needs("account.training")]
Row = Annotated[int, Path(ge=1, le=2**31 - 1)]
SomeRoles = Annotated[frozenset[Role], Field(max_length=len(Role))]


class AccountOfList(Out):
    """An account in a list."""

    id: str
    name: str
    state: AccountState
    roles: Roles
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None


class OpenInvitation(Out):
    """An invitation that can still be used; never its code."""

    id: str
    name: str
    roles: Roles
    replaces: bool
    made_by: str
    made_at: datetime.datetime
    until: datetime.datetime


class Invitee(In):
    """Who is invited, and as what."""

    name: Annotated[str, Line(120, 2)]
    roles: SomeRoles


class Code(Out):
    """A one-time code, told this once; null where nobody is to join by it."""

    code: str | None


class RolesChange(In):
    """The roles an account has, as they were seen, and those it is to have."""

    had: SomeRoles
    roles: SomeRoles


class NewTraining(In):
    """What somebody learned, until when that counts, and by what evidence."""

    kind: Annotated[str, Line(32)]
    until: AwareDatetime
    evidence: Annotated[str, Line(2000, 10)]


class RolesWanted(Grounds):
    """Which roles, and why."""

    roles: SomeRoles


class Administrator(Grounds):
    """Who is to be an administrator, and why."""

    name: Annotated[str, Line(120, 2)]


class JointRequest(Out):
    """What one administrator asked for and another has to confirm."""

    id: str
    what: What
    account: str | None
    name: str
    had: Roles
    roles: Roles
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


class JointDecision(Out):
    """How a request that takes two administrators ended; `by` is nobody where it expired."""

    asked: JointRequest
    state: JointState
    by: str | None
    at: datetime.datetime


@router.get("/accounts", response_model=list[AccountOfList])
def find_accounts(at: Lister, after: After = "", most: Most = 50) -> list[AccountLine]:
    """Accounts by name; the next page is `after` the last name."""
    return page_accounts(at.desk, at.looker(), after=after, most=most)


@router.get("/accounts/whole", response_model=list[Account])
def list_whole_accounts(at: Lister) -> list[DeskAccount]:
    """Every account with its passkeys and training."""
    return list_accounts(at.desk, at.looker())


@router.get("/invitations", response_model=list[OpenInvitation])
def list_invitations(at: Lister) -> list[InvitationLine]:
    """Invitations that can still be used."""
    return open_invitations(at.desk, at.looker())


@router.post("/invitations", status_code=201, response_model=Code)
def invite_somebody(at: Inviter, sent: Invitee) -> Code:
    """Invite somebody; the code is told this once and good for 15 minutes."""
    return Code(code=invite(at.desk, at.actor(), name=sent.name, roles=sent.roles))


@router.post("/invitations/{invitation}/withdraw", status_code=204)
def withdraw_an_invitation(at: Inviter, invitation: Id, _: Nothing) -> None:
    """Make an invitation unusable."""
    withdraw_invitation(at.desk, at.actor(), invitation)


@router.post("/accounts/{account}/suspend", status_code=204)
def suspend_account(at: Suspender, account: Id, sent: Grounds) -> None:
    """Suspend an account; its sessions end."""
    suspend(at.desk, at.actor(), account=account, grounds=sent.grounds)


@router.post("/accounts/{account}/restore", status_code=204)
def restore_account(at: Suspender, account: Id, sent: Grounds) -> None:
    """Let a suspended account work again."""
    restore(at.desk, at.actor(), account=account, grounds=sent.grounds)


@router.post("/accounts/{account}/close", status_code=204)
def close_account(at: Closer, account: Id, sent: Grounds) -> None:
    """Close an account for good; an administrator's takes two."""
    close(at.desk, at.actor(), account=account, grounds=sent.grounds)


@router.post("/accounts/{account}/roles", status_code=204)
def change_account_roles(
    at: Annotated[At, needs("account.roles")], account: Id, sent: RolesChange
) -> None:
    """Give an account other roles."""
    change_roles(at.desk, at.actor(), account=account, had=sent.had, roles=sent.roles)


@router.post("/passkeys/{passkey}/revoke", status_code=204)
def revoke_a_passkey(
    at: Annotated[At, needs("account.revoke-passkey")], passkey: Id, sent: Grounds
) -> None:
    """Revoke anybody's passkey at once, as when a device is lost."""
    revoke_passkey(at.desk, at.actor(), passkey=passkey, grounds=sent.grounds)


@router.post("/accounts/{account}/training", status_code=201, response_model=Number)
def record_account_training(at: Trainer, account: Id, sent: NewTraining) -> Number:
    """Record that somebody was trained."""
    number = record_training(
        at.desk, at.actor(), account=account, kind=sent.kind, until=sent.until,
        evidence=sent.evidence,
    )  # fmt: skip
    return Number(number=number)


@router.post("/training/{number}/withdraw", status_code=204)
def withdraw_a_training(at: Trainer, number: Row, sent: Grounds) -> None:
    """Withdraw a record of training that should not have been made."""
    withdraw_training(at.desk, at.actor(), number=number, grounds=sent.grounds)


@router.get("/joint-requests", response_model=list[JointRequest])
def list_joint_requests(at: Lister) -> list[Asked]:
    """What waits for a second administrator."""
    return two_person.open_requests(at.desk, at.looker())


@router.get("/joint-requests/ended", response_model=list[JointDecision])
def list_ended_joint_requests(at: Lister, after: After = "", most: Most = 50) -> list[Decided]:
    """How requests ended, the latest first; the next page is `after` the last one's id."""
    return two_person.decided_requests(at.desk, at.looker(), after=after, most=most)


@router.post("/joint-requests/{request}/withdraw", status_code=204)
def withdraw_joint_request(
    at: Annotated[At, needs("account.withdraw-request")], request: Id, _: Nothing
) -> None:
    """Take one's own request back."""
    two_person.withdraw(at.desk, at.actor(), request)


@router.post("/accounts/{account}/ask-roles", status_code=201, response_model=Made)
def ask_for_roles(
    at: Annotated[At, needs("account.roles")], account: Id, sent: RolesWanted
) -> Made:
    """Ask that somebody becomes an administrator, or is none any more."""
    made = two_person.ask_roles(
        at.desk, at.actor(), account=account, roles=sent.roles, grounds=sent.grounds
    )
    return Made(id=made)


@router.post("/accounts/{account}/ask-closing", status_code=201, response_model=Made)
def ask_for_closing(at: Closer, account: Id, sent: Grounds) -> Made:
    """Ask that an account is closed for good."""
    return Made(
        id=two_person.ask_closing(at.desk, at.actor(), account=account, grounds=sent.grounds)
    )


@router.post("/accounts/{account}/ask-replacement", status_code=201, response_model=Made)
def ask_for_replacement(
    at: Annotated[At, needs("account.replace-passkey")], account: Id, sent: Grounds
) -> Made:
    """Ask that the passkeys of somebody who lost their device are replaced."""
    return Made(
        id=two_person.ask_replacement(at.desk, at.actor(), account=account, grounds=sent.grounds)
    )


@router.post("/joint-requests/invitation", status_code=201, response_model=Made)
def ask_for_invitation(at: Inviter, sent: Administrator) -> Made:
    """Ask that somebody is invited to be an administrator."""
    return Made(
        id=two_person.ask_invitation(at.desk, at.actor(), name=sent.name, grounds=sent.grounds)
    )


@router.post("/joint-requests/{request}/confirm", response_model=Code)
def confirm_joint_request(at: Confirmer, request: Id, _: Nothing) -> Code:
    """Confirm what another administrator asked for; a code where somebody is to join."""
    return Code(code=two_person.confirm(at.desk, at.actor(), request))


@router.post("/joint-requests/{request}/refuse", status_code=204)
def refuse_joint_request(at: Confirmer, request: Id, _: Nothing) -> None:
    """Refuse what another administrator asked for, or take one's own back."""
    two_person.refuse(at.desk, at.actor(), request)
