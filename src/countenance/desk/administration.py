"""What pages of administration show of accounts and of the switch: whole, and with names.

Nothing here is a new right: it is what the lists show, one thing at a time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    PasskeyState,
    administrators,
    roles_of,
)
from countenance.desk.accounts import AccountView, PasskeyView
from countenance.desk.casefile import account_names
from countenance.desk.errors import NotAllowedError
from countenance.desk.passkeys import spki_of
from countenance.desk.service import Actor, Desk
from countenance.desk.service import Standing as StandingRow
from countenance.desk.standing import (
    ASKED_FOR,
    Direction,
    Reason,
    Suspension,
    Switch,
    SwitchState,
    history,
)
from countenance.desk.training import training_of


@dataclass(frozen=True, slots=True)
class AskedSwitch:
    """What an administrator asked for. `mine`: the reader is who asked, and cannot confirm it."""

    id: str
    direction: Direction
    reason: Reason
    grounds: str
    asked_by: str
    asked_at: datetime.datetime
    until: datetime.datetime
    mine: bool


@dataclass(frozen=True, slots=True)
class StandingView:
    """Whether the desk works, what waits for an approver, and when it did not work.

    Attributes
    ----------
    down
        It is suspended; `down_since` is None where that is because its standing is lost.
    history
        All times in which it was down, the first one first.
    """

    down: bool
    down_since: datetime.datetime | None
    asked: AskedSwitch | None
    history: tuple[Suspension, ...]


def names_of(desk: Desk, actor: Actor, action: str, accounts: Iterable[str]) -> dict[str, str]:
    """The names of accounts by id, to whoever may look at what stands beside them."""
    wanted = tuple(accounts)
    return desk.look(actor, action, lambda db: account_names(db, wanted))


def read_account(desk: Desk, actor: Actor, account: str) -> AccountView:
    """One account with its passkeys and training. NotAllowedError where there is none."""

    def work(db: Session) -> AccountView:
        row = db.get(Account, account)
        if row is None:
            raise NotAllowedError("there is no such account for you")
        passkeys = select(Passkey).where(Passkey.account == row.id).order_by(Passkey.added_at)
        return AccountView(
            row.id, row.name, AccountState(row.state), roles_of(db, row.id), row.joined_at,
            row.flagged_at,
            tuple(
                PasskeyView(
                    each.id, each.model, each.attested, each.backup_eligible,
                    PasskeyState(each.state), each.added_at, each.ended_at,
                    spki_of(each.public_key),
                )
                for each in db.scalars(passkeys)
            ),
            training_of(db, row.id),
        )  # fmt: skip

    return desk.look(actor, "account.list", work)


def count_administrators(desk: Desk, actor: Actor) -> int:
    """How many administrators there are: whether inviting another one takes two."""
    return desk.look(actor, "account.list", administrators)


def read_standing(desk: Desk, actor: Actor) -> StandingView:
    """Whether the desk works, and its history."""

    def work(db: Session) -> StandingView:
        row, now = db.get(StandingRow, 1), desk.now()
        asked = db.scalar(
            select(Switch).where(
                Switch.state == SwitchState.ASKED, Switch.asked_at > now - ASKED_FOR
            )
        )  # fmt: skip
        since = None if row is None else row.down_since
        return StandingView(
            row is None or since is not None, since,
            None if asked is None else _asked(db, actor, asked), tuple(history(db)),
        )  # fmt: skip

    return desk.look(actor, "desk.standing", work)


def _asked(db: Session, actor: Actor, row: Switch) -> AskedSwitch:
    name = account_names(db, [row.asked_by]).get(row.asked_by, row.asked_by)
    return AskedSwitch(
        row.id, Direction(row.direction), Reason(row.reason), row.grounds, name, row.asked_at,
        row.asked_at + ASKED_FOR, row.asked_by == actor.account,
    )  # fmt: skip
