"""Calls of the API about accounts.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Account, AccountState, Made, Role


class AccountOfList(Value, frozen=True, kw_only=True):
    """An account in a list."""

    id: str
    name: str
    state: AccountState
    roles: tuple[Role, ...]
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None


class Administrator(Value, frozen=True, kw_only=True):
    """Who is to be an administrator, and why."""

    grounds: str
    name: str


class Code(Value, frozen=True, kw_only=True):
    """A one-time code, told this once; null where nobody is to join by it."""

    code: str | None


class Grounds(Value, frozen=True, kw_only=True):
    """Why it is done; kept sealed, and named in no log."""

    grounds: str


class Invitee(Value, frozen=True, kw_only=True):
    """Who is invited, and as what."""

    name: str
    roles: tuple[Role, ...]


What = Literal["roles", "invite", "close", "replace-passkey"]
"""What is asked for."""


class JointRequest(Value, frozen=True, kw_only=True):
    """What one administrator asked for and another has to confirm."""

    id: str
    what: What
    account: str | None
    name: str
    had: tuple[Role, ...]
    roles: tuple[Role, ...]
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


JointState = Literal["open", "confirmed", "refused", "withdrawn", "expired"]
"""Only an open request can be decided."""


class JointDecision(Value, frozen=True, kw_only=True):
    """How a request that takes two administrators ended; `by` is nobody where it expired."""

    asked: JointRequest
    state: JointState
    by: str | None
    at: datetime.datetime


class NewTraining(Value, frozen=True, kw_only=True):
    """What somebody learned, until when that counts, and by what evidence."""

    kind: str
    until: datetime.datetime
    evidence: str


class Number(Value, frozen=True, kw_only=True):
    """The number of what was made."""

    number: int


class OpenInvitation(Value, frozen=True, kw_only=True):
    """An invitation that can still be used; never its code."""

    id: str
    name: str
    roles: tuple[Role, ...]
    replaces: bool
    made_by: str
    made_at: datetime.datetime
    until: datetime.datetime


class RolesChange(Value, frozen=True, kw_only=True):
    """The roles an account has, as they were seen, and those it is to have."""

    had: tuple[Role, ...]
    roles: tuple[Role, ...]


class RolesWanted(Value, frozen=True, kw_only=True):
    """Which roles, and why."""

    grounds: str
    roles: tuple[Role, ...]


class AccountsCalls(Part):
    """Calls of the API about accounts."""

    def find_accounts(self, *, after: str = "", most: int = 50) -> tuple[AccountOfList, ...]:
        """Accounts by name; the next page is `after` the last name."""
        return self._call(
            Call("find_accounts", "GET", "/api/v1/accounts"),
            Shape[tuple[AccountOfList, ...]](tuple[AccountOfList, ...]),
            query={"after": after, "most": most},
        )

    def list_whole_accounts(self) -> tuple[Account, ...]:
        """Every account with its passkeys and training."""
        return self._call(
            Call("list_whole_accounts", "GET", "/api/v1/accounts/whole"),
            Shape[tuple[Account, ...]](tuple[Account, ...]),
        )

    def list_invitations(self) -> tuple[OpenInvitation, ...]:
        """Invitations that can still be used."""
        return self._call(
            Call("list_invitations", "GET", "/api/v1/invitations"),
            Shape[tuple[OpenInvitation, ...]](tuple[OpenInvitation, ...]),
        )

    def invite_somebody(self, sent: Invitee) -> Code:
        """Invite somebody; the code is told this once and good for 15 minutes."""
        return self._call(
            Call("invite_somebody", "POST", "/api/v1/invitations", confirms="account.invite"),
            Shape[Code](Code),
            body=sent,
        )

    def withdraw_an_invitation(self, invitation: str) -> None:
        """Make an invitation unusable."""
        self._call(
            Call(
                "withdraw_an_invitation",
                "POST",
                "/api/v1/invitations/{invitation}/withdraw",
                confirms="account.invite",
            ),
            None,
            path={"invitation": invitation},
            body={},
        )

    def suspend_account(self, account: str, sent: Grounds) -> None:
        """Suspend an account; its sessions end."""
        self._call(
            Call(
                "suspend_account",
                "POST",
                "/api/v1/accounts/{account}/suspend",
                confirms="account.suspend",
            ),
            None,
            path={"account": account},
            body=sent,
        )

    def restore_account(self, account: str, sent: Grounds) -> None:
        """Let a suspended account work again."""
        self._call(
            Call(
                "restore_account",
                "POST",
                "/api/v1/accounts/{account}/restore",
                confirms="account.suspend",
            ),
            None,
            path={"account": account},
            body=sent,
        )

    def close_account(self, account: str, sent: Grounds) -> None:
        """Close an account for good; an administrator's takes two."""
        self._call(
            Call(
                "close_account",
                "POST",
                "/api/v1/accounts/{account}/close",
                confirms="account.close",
            ),
            None,
            path={"account": account},
            body=sent,
        )

    def change_account_roles(self, account: str, sent: RolesChange) -> None:
        """Give an account other roles."""
        self._call(
            Call(
                "change_account_roles",
                "POST",
                "/api/v1/accounts/{account}/roles",
                confirms="account.roles",
            ),
            None,
            path={"account": account},
            body=sent,
        )

    def revoke_a_passkey(self, passkey: str, sent: Grounds) -> None:
        """Revoke anybody's passkey at once, as when a device is lost."""
        self._call(
            Call(
                "revoke_a_passkey",
                "POST",
                "/api/v1/passkeys/{passkey}/revoke",
                confirms="account.revoke-passkey",
            ),
            None,
            path={"passkey": passkey},
            body=sent,
        )

    def record_account_training(self, account: str, sent: NewTraining) -> Number:
        """Record that somebody was trained."""
        return self._call(
            Call(
                "record_account_training",
                "POST",
                "/api/v1/accounts/{account}/training",
                confirms="account.training",
            ),
            Shape[Number](Number),
            path={"account": account},
            body=sent,
        )

    def withdraw_a_training(self, number: int, sent: Grounds) -> None:
        """Withdraw a record of training that should not have been made."""
        self._call(
            Call(
                "withdraw_a_training",
                "POST",
                "/api/v1/training/{number}/withdraw",
                confirms="account.training",
            ),
            None,
            path={"number": number},
            body=sent,
        )

    def list_joint_requests(self) -> tuple[JointRequest, ...]:
        """What waits for a second administrator."""
        return self._call(
            Call("list_joint_requests", "GET", "/api/v1/joint-requests"),
            Shape[tuple[JointRequest, ...]](tuple[JointRequest, ...]),
        )

    def list_ended_joint_requests(
        self, *, after: str = "", most: int = 50
    ) -> tuple[JointDecision, ...]:
        """How requests ended, the latest first; the next page is `after` the last one's id."""
        return self._call(
            Call("list_ended_joint_requests", "GET", "/api/v1/joint-requests/ended"),
            Shape[tuple[JointDecision, ...]](tuple[JointDecision, ...]),
            query={"after": after, "most": most},
        )

    def withdraw_joint_request(self, request: str) -> None:
        """Take one's own request back."""
        self._call(
            Call("withdraw_joint_request", "POST", "/api/v1/joint-requests/{request}/withdraw"),
            None,
            path={"request": request},
            body={},
        )

    def ask_for_roles(self, account: str, sent: RolesWanted) -> Made:
        """Ask that somebody becomes an administrator, or is none any more."""
        return self._call(
            Call(
                "ask_for_roles",
                "POST",
                "/api/v1/accounts/{account}/ask-roles",
                confirms="account.roles",
            ),
            Shape[Made](Made),
            path={"account": account},
            body=sent,
        )

    def ask_for_closing(self, account: str, sent: Grounds) -> Made:
        """Ask that an account is closed for good."""
        return self._call(
            Call(
                "ask_for_closing",
                "POST",
                "/api/v1/accounts/{account}/ask-closing",
                confirms="account.close",
            ),
            Shape[Made](Made),
            path={"account": account},
            body=sent,
        )

    def ask_for_replacement(self, account: str, sent: Grounds) -> Made:
        """Ask that the passkeys of somebody who lost their device are replaced."""
        return self._call(
            Call(
                "ask_for_replacement",
                "POST",
                "/api/v1/accounts/{account}/ask-replacement",
                confirms="account.replace-passkey",
            ),
            Shape[Made](Made),
            path={"account": account},
            body=sent,
        )

    def ask_for_invitation(self, sent: Administrator) -> Made:
        """Ask that somebody is invited to be an administrator."""
        return self._call(
            Call(
                "ask_for_invitation",
                "POST",
                "/api/v1/joint-requests/invitation",
                confirms="account.invite",
            ),
            Shape[Made](Made),
            body=sent,
        )

    def confirm_joint_request(self, request: str) -> Code:
        """Confirm what another administrator asked for; a code where somebody is to join."""
        return self._call(
            Call(
                "confirm_joint_request",
                "POST",
                "/api/v1/joint-requests/{request}/confirm",
                confirms="account.confirm",
            ),
            Shape[Code](Code),
            path={"request": request},
            body={},
        )

    def refuse_joint_request(self, request: str) -> None:
        """Refuse what another administrator asked for, or take one's own back."""
        self._call(
            Call(
                "refuse_joint_request",
                "POST",
                "/api/v1/joint-requests/{request}/refuse",
                confirms="account.confirm",
            ),
            None,
            path={"request": request},
            body={},
        )
