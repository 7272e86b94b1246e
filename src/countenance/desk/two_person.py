"""What takes two administrators: one asks, another confirms, and neither is whom it concerns.

* replacing a lost device: the old passkeys go, and a code for a new one is shown to who confirmed;
* any change of roles that makes or unmakes an administrator, closing one's account, and inviting
  one, or a single administrator could make a second out of nobody.

Every request has an end that is in the record: confirmed, refused, withdrawn by who asked, or
expired, which the keeper says of it. So a desk that may lose a device needs three administrators.
Who asked must still be in standing when it is confirmed, and the account still what it was when it
was asked.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, String, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    PasskeyState,
    another,
    check_grounds,
    check_name,
    check_roles,
    codes,
    end_passkey,
    end_sessions,
    give_roles,
    move_account,
    moved,
    roles_of,
    still,
    within,
)
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.invitations import make_invitation
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk, Doing

CONFIRM_S = 24 * 3600


class What(StrEnum):
    """What is asked for."""

    ROLES = "roles"
    INVITE = "invite"
    CLOSE = "close"
    REPLACE = "replace-passkey"


class JointState(StrEnum):
    """Only an open request can be decided."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


_MOVES: Mapping[JointState, frozenset[JointState]] = {
    state: frozenset(set(JointState) - {JointState.OPEN}) if state is JointState.OPEN
    else frozenset()
    for state in JointState
}  # fmt: skip


class JointRequest(Base):
    """One administrator's request, to be decided by another."""

    __tablename__ = "joint_requests"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    what: Mapped[What] = mapped_column(String(16))
    account: Mapped[str | None] = mapped_column(String(32), default=None)
    name: Mapped[str] = mapped_column(String(120), default="")
    had: Mapped[str] = mapped_column(String(120), default="")  # the roles it was asked about
    roles: Mapped[str] = mapped_column(String(120), default="")
    grounds: Mapped[str] = mapped_column(String(2000))
    state: Mapped[JointState] = mapped_column(String(16), default=JointState.OPEN)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime.datetime] = mapped_column(UTC)
    decided_by: Mapped[str | None] = mapped_column(String(32), default=None)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, to look at."""

    id: str
    what: What
    account: str | None
    name: str
    had: frozenset[Role]
    roles: frozenset[Role]
    grounds: str
    asked_by: str
    asked_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """A request that came to its end. `by` is None where its time was over."""

    asked: Asked
    state: JointState
    by: str | None
    at: datetime.datetime


def ask_roles(
    desk: Desk, actor: Actor, *, account: str, roles: frozenset[Role], grounds: str
) -> str:
    """Ask that an account's roles become these, an administrator being made or unmade by it."""
    roles = check_roles(roles)

    def details(doing: Doing) -> JointRequest:
        other = another(doing, account)
        had = roles_of(doing.db, other.id)
        if other.state == AccountState.CLOSED or had == roles:
            raise StateError("there is nothing to change", do="look again")
        return JointRequest(what=What.ROLES, account=other.id, had=_kept(had), roles=_kept(roles))

    return _ask(desk, actor, "account.roles", details, grounds)


def ask_invitation(desk: Desk, actor: Actor, *, name: str, grounds: str) -> str:
    """Ask that somebody is invited to be an administrator."""
    name = check_name(name)
    return _ask(
        desk, actor, "account.invite",
        lambda _: JointRequest(what=What.INVITE, name=name, roles=Role.ADMINISTRATOR.value),
        grounds,
    )  # fmt: skip


def ask_closing(desk: Desk, actor: Actor, *, account: str, grounds: str) -> str:
    """Ask that an account is closed for good."""
    return _ask(desk, actor, "account.close", lambda doing: _about(doing, What.CLOSE, account),
                grounds)  # fmt: skip


def ask_replacement(desk: Desk, actor: Actor, *, account: str, grounds: str) -> str:
    """Ask that the passkeys of somebody who lost their device are replaced."""
    return _ask(desk, actor, "account.replace-passkey",
                lambda doing: _about(doing, What.REPLACE, account), grounds)  # fmt: skip


def confirm(desk: Desk, actor: Actor, request: str) -> str | None:
    """Confirm another administrator's request; the one-time code where one comes of it.

    Raises
    ------
    NotAllowedError
        The actor asked for it, or it concerns them.
    StateError
        It was decided, is over a day old, or things are no longer as they were.
    """

    def work(doing: Doing) -> str | None:
        still(doing)
        found = _open(doing, request)
        if doing.actor.account in (found.asked_by, found.account):
            raise NotAllowedError("this takes another administrator")
        _check_asker(doing, found)
        _decide(doing, found, JointState.CONFIRMED)
        return _carry_out(doing, found)

    return desk.act(actor, "account.confirm", work)


def refuse(desk: Desk, actor: Actor, request: str) -> None:
    """Refuse another administrator's request, or withdraw one's own as `withdraw` does.

    Raises StateError, and NotAllowedError for whom it concerns: nobody keeps themselves in office.
    """

    def work(doing: Doing) -> None:
        still(doing)
        found = _open(doing, request)
        if found.account == doing.actor.account:
            raise NotAllowedError("this takes another administrator")
        own = found.asked_by == doing.actor.account
        _decide(doing, found, JointState.WITHDRAWN if own else JointState.REFUSED)

    desk.act(actor, "account.confirm", work)


def withdraw(desk: Desk, actor: Actor, request: str) -> None:
    """Take one's own request back. StateError where it has its end, NotAllowedError if not one's.

    It undoes a wish and nothing else, so no passkey is asked for.
    """

    def work(doing: Doing) -> None:
        still(doing)
        found = doing.db.get(JointRequest, request)
        if found is None or found.asked_by != doing.actor.account:
            raise NotAllowedError("there is no such request of yours")
        _decide(doing, _open(doing, request), JointState.WITHDRAWN)

    desk.act(actor, "account.withdraw-request", work)


def expire(doing: Doing) -> int:
    """Give an end to what no second administrator decided in time; how many. The keeper's."""
    rows = doing.db.scalars(select(JointRequest).where(too_old(doing.now)).with_for_update())
    late = rows.all()
    for row in late:
        _decide(doing, row, JointState.EXPIRED)
    return len(late)


def too_old(now: datetime.datetime) -> ColumnElement[bool]:
    """Which requests wait for nobody any more."""
    since = now - datetime.timedelta(seconds=CONFIRM_S)
    return and_(JointRequest.state == JointState.OPEN, JointRequest.asked_at < since)


def open_requests(desk: Desk, actor: Actor) -> list[Asked]:
    """What waits for a second administrator, the oldest first; what is too old is left out."""
    rows = select(JointRequest).where(JointRequest.state == JointState.OPEN)
    now = desk.clock()
    return desk.look(actor, "account.list", lambda db: [
        _asked(row) for row in db.scalars(rows.order_by(JointRequest.asked_at, JointRequest.id))
        if within(row.asked_at, now, CONFIRM_S)
    ])  # fmt: skip


def decided_requests(
    desk: Desk, actor: Actor, *, after: str = "", most: int = 50
) -> list[Decided]:
    """How requests ended, the latest first; the next page is `after` the last one's id."""
    rows = (
        select(JointRequest).where(JointRequest.decided_at.is_not(None))
        .order_by(JointRequest.decided_at.desc(), JointRequest.id).limit(most)
    )  # fmt: skip

    def work(db: Session) -> list[Decided]:
        last, page = db.get(JointRequest, after), rows
        if last is not None and last.decided_at is not None:
            page = rows.where(
                or_(JointRequest.decided_at < last.decided_at,
                    and_(JointRequest.decided_at == last.decided_at, JointRequest.id > last.id))
            )  # fmt: skip
        return [
            Decided(_asked(row), JointState(row.state), row.decided_by, row.decided_at)
            for row in db.scalars(page) if row.decided_at is not None
        ]  # fmt: skip

    return desk.look(actor, "account.list", work)


def _asked(row: JointRequest) -> Asked:
    return Asked(
        row.id, What(row.what), row.account, row.name, _read(row.had), _read(row.roles),
        row.grounds, row.asked_by, row.asked_at,
    )  # fmt: skip


def _ask(
    desk: Desk, actor: Actor, action: str, details: Callable[[Doing], JointRequest], grounds: str
) -> str:
    grounds = check_grounds(grounds)

    def work(doing: Doing) -> str:
        still(doing)
        row = details(doing)
        row.id, row.grounds, row.state = new_id(), grounds, JointState.OPEN
        row.asked_by, row.asked_at = doing.actor.account, doing.now
        doing.db.add(row)
        _tell(doing, row)
        return row.id

    return desk.act(actor, action, work)


def _about(doing: Doing, what: What, account: str) -> JointRequest:
    other = another(doing, account)
    if other.state == AccountState.CLOSED:
        raise StateError("the account is closed", do="look again")
    return JointRequest(what=what, account=other.id, had=_kept(roles_of(doing.db, other.id)))


def _open(doing: Doing, request: str) -> JointRequest:
    found = doing.db.get(JointRequest, request)
    if (
        found is None or found.state != JointState.OPEN
        or not within(found.asked_at, doing.now, CONFIRM_S)
    ):  # fmt: skip
        raise StateError("it was decided, or waited too long", do="look again")
    return found


def _check_asker(doing: Doing, found: JointRequest) -> None:
    asker = doing.db.get(Account, found.asked_by)
    if (
        asker is None or asker.state != AccountState.ACTIVE
        or Role.ADMINISTRATOR not in roles_of(doing.db, asker.id)
    ):  # fmt: skip
        raise StateError("who asked is no longer an administrator", do="refuse it")


def _decide(doing: Doing, found: JointRequest, to: JointState) -> None:
    found.state = moved(JointState(found.state), to, _MOVES)
    found.decided_by = None if to is JointState.EXPIRED else doing.actor.account
    found.decided_at = doing.now
    _tell(doing, found)


def _carry_out(doing: Doing, found: JointRequest) -> str | None:
    if found.what == What.INVITE:
        return make_invitation(doing, found.name, _read(found.roles), why="joining")
    account = doing.db.get_one(Account, found.account)
    if account.state == AccountState.CLOSED or _kept(roles_of(doing.db, account.id)) != found.had:
        raise StateError("the account has changed since", do="refuse it and ask again")
    if found.what == What.ROLES:
        give_roles(doing, account.id, _read(found.roles), author=doing.actor.account)
        end_sessions(doing.db, doing.now, account.id)
    elif found.what == What.CLOSE:
        move_account(
            doing, account, AccountState.CLOSED, author=doing.actor.account, grounds=found.grounds
        )
    else:
        return _replace(doing, account, found.grounds)
    return None


def _replace(doing: Doing, account: Account, grounds: str) -> str:
    rows = select(Passkey).where(
        Passkey.account == account.id, Passkey.state != PasskeyState.REVOKED
    )
    for passkey in doing.db.scalars(rows):
        end_passkey(
            doing, passkey, PasskeyState.REVOKED, author=doing.actor.account, grounds=grounds
        )
    account.flagged_at = None
    roles = roles_of(doing.db, account.id)
    return make_invitation(doing, account.name, roles, why="replacement", account=account)


def _tell(doing: Doing, row: JointRequest) -> None:
    doing.record.add(
        doing.db, "two-administrators", about=row.account or row.id,
        public={"what": str(row.what), "state": str(row.state)},
        private={
            "request": row.id, "account": row.account, "name": row.name,
            "author": doing.actor.account, "grounds": row.grounds,
        },
    )  # fmt: skip


def _kept(roles: frozenset[Role]) -> str:
    return ",".join(codes(roles))


def _read(kept: str) -> frozenset[Role]:
    return frozenset(Role(each) for each in kept.split(",") if each)
