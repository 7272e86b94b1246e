"""Challenges, and the door: what somebody without a session may do, and what of it is counted.

A challenge is 32 random bytes (for an approval it is the digest that is approved), good for one
purpose, once, for two minutes. Presenting it burns it, whatever comes of that.

At the door a refusal undoes nothing: the burnt challenge, the try, a doubted passkey stay so.
Refusals are counted by hour and reason, and told in the log as counts once the hour is over: an
entry for each would let a stranger fill the log.
"""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.account_tables import within
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StoodDownError
from countenance.desk.passkeys import CEREMONY_S, RefusedAnswerError
from countenance.desk.service import Actor, Desk, Doing, is_down

T = TypeVar("T")
_ID = re.compile(r"[0-9a-f]{32}")
NOBODY = Actor("desk", frozenset())
"""Who acts where there is no session yet: the desk itself."""


class SignInError(NotAllowedError):
    """There is no session, or it is over. The same words for every reason."""

    code = "desk-sign-in"

    def __init__(self) -> None:
        super().__init__("you are not signed in", do="sign in with your passkey")


class Purpose(StrEnum):
    """What a challenge was made for; it is good for nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    APPROVE = "approve"


class Challenge(Base):
    """A challenge that was given out and not presented yet."""

    __tablename__ = "challenges"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(String(16))
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    bound_to: Mapped[str] = mapped_column(String(32), default="")  # a session or an invitation
    action: Mapped[str] = mapped_column(String(64), default="")
    made_at: Mapped[datetime.datetime] = mapped_column(UTC, index=True)


class Refused(Base):
    """How often the door refused within an hour, and why."""

    __tablename__ = "refused_sign_ins"

    since: Mapped[datetime.datetime] = mapped_column(UTC, primary_key=True)
    reason: Mapped[str] = mapped_column(String(32), primary_key=True)
    times: Mapped[int]


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the browser needs: `options` for ``navigator.credentials``, `id` to answer to.

    The id belongs into a cookie of the browser that asked (HttpOnly, SameSite=Strict): an answer
    that comes from another browser is then an answer to nothing.
    """

    id: str
    options: dict[str, Any]


def give_challenge(
    doing: Doing, purpose: Purpose, *, challenge: bytes = b"", bound_to: str = "", action: str = ""
) -> Challenge:
    """A fresh challenge; those that nobody answered in time are swept away."""
    oldest = doing.now - datetime.timedelta(seconds=CEREMONY_S * 2)
    doing.db.execute(delete(Challenge).where(Challenge.made_at < oldest))
    made = Challenge(
        id=new_id(), purpose=purpose, challenge=challenge or secrets.token_bytes(32),
        bound_to=bound_to, action=action, made_at=doing.now,
    )  # fmt: skip
    doing.db.add(made)
    return made


def take_challenge(doing: Doing, ceremony: str, purpose: Purpose) -> Challenge:
    """Burn a challenge and return it. Raises RefusedAnswerError: not given, not for this, late."""
    found = doing.db.get(Challenge, ceremony) if _ID.fullmatch(ceremony) else None
    if found is None:
        raise RefusedAnswerError("challenge")
    doing.db.delete(found)
    doing.db.flush()
    if found.purpose != purpose or not within(found.made_at, doing.now, CEREMONY_S):
        raise RefusedAnswerError("challenge")
    return found


def refuse_if_down(doing: Doing) -> None:
    """Nobody joins, and no passkey is added, while the desk is suspended."""
    if is_down(doing.db):
        raise StoodDownError("the desk is suspended", do="ask an administrator")


def at_the_door(desk: Desk, work: Callable[[Doing], T], *, sorry: NotAllowedError) -> T:
    """Do something for somebody who has no session, or is about to prove who they are.

    Raises `sorry` where `work` refuses; what it did before it refused stays, and is in the log.
    """
    now = desk.clock()

    def transaction(db: Session) -> T | RefusedAnswerError:
        doing = Doing(db, NOBODY, now, desk.recorder)
        _tell(doing)
        try:
            result: T | RefusedAnswerError = work(doing)
        except RefusedAnswerError as refused:
            _count(doing, refused.reason)
            result = refused
        db.flush()
        return result

    result = desk.store.write(transaction)
    desk.recorder.flush()
    if isinstance(result, RefusedAnswerError):
        raise sorry from result
    return result


def tell_refusals(desk: Desk) -> None:
    """Tell the log of refusals in hours that are over; for a desk at which nobody knocks."""
    at_the_door(desk, lambda _: None, sorry=SignInError())


def _hour(now: datetime.datetime) -> datetime.datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _count(doing: Doing, reason: str) -> None:
    hour = _hour(doing.now)
    found = doing.db.get(Refused, (hour, reason))
    if found is None:
        doing.db.add(Refused(since=hour, reason=reason, times=1))
    else:
        found.times += 1


def _tell(doing: Doing) -> None:
    rows = select(Refused).where(Refused.since != _hour(doing.now))
    for row in doing.db.scalars(rows.order_by(Refused.since, Refused.reason)):
        doing.record.add(
            doing.db, "sign-ins-refused",
            public={
                "reason": row.reason, "refused": row.times,
                "since": row.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )  # fmt: skip
        doing.db.delete(row)
