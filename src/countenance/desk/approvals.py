"""A second person's approval: a signature over exactly the request, and over nothing else.

The challenge that the approver's passkey signs *is* the request's digest. The signature is kept,
so that anybody with the public key can check years later what was approved and by which key. An
approval of a request that is no longer what it was is refused, and the request is void.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.assembling import assemble, form_of
from countenance.desk.base import UTC, Base
from countenance.desk.cases import Case
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.house import House
from countenance.desk.proofs import ApprovalProof
from countenance.desk.requests import RequestState, SearchRequest, frozen_of, move
from countenance.desk.service import Actor, Desk, Doing

_LEAST_GROUNDS, _MOST_GROUNDS = 20, 2000


class Declined(StrEnum):
    """Why a second person said no."""

    NO_AUTHORITY = "no-authority"
    WEAK_GROUNDS = "weak-grounds"
    POOR_PROBE = "poor-probe"
    OTHER_MEANS_FIRST = "other-means-first"
    NOT_PROPORTIONATE = "not-proportionate"
    OTHER = "other"


class Approval(Base):
    """An approval; one a request. The request's state says whether it still counts."""

    __tablename__ = "approvals"

    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    approver: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    expires_at: Mapped[datetime.datetime] = mapped_column(UTC)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    authenticator_data: Mapped[bytes] = mapped_column(LargeBinary)
    client_data_json: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def proof(self) -> ApprovalProof:
        """The signature, as it can be checked again."""
        return ApprovalProof(self.public_key, self.authenticator_data, self.client_data_json,
                             self.signature)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fallen:
    """A request that cannot go on: `state` is LAPSED or VOID; `changed` names what is different.

    A value and no error, because that it fell is recorded.
    """

    state: RequestState
    changed: tuple[str, ...] = ()


def approve(
    desk: Desk, actor: Actor, request_id: str, *, house: House, digest: str, assertion: Any
) -> datetime.datetime | Fallen:
    """Approve a request; until when that holds, or how the request fell.

    `digest` is of the request that the approver saw; `assertion` the passkey's answer to the
    challenge that is this digest.

    Raises
    ------
    NotAllowedError
        It is the approver's own request or case, or the passkey did not sign this.
    StateError
        It is not pending, or the digest is of another.
    """

    def work(doing: Doing) -> datetime.datetime | Fallen:
        row = _pending(doing, actor, request_id)
        if digest != row.digest:
            raise StateError("this is not the request that waits here", do="look again")
        if fallen := fall(doing, house, row, now=doing.now):
            return fallen
        proof = house.approvals.verify(doing.db, actor, digest=digest, assertion=assertion)
        if not house.approvals.holds(proof, digest=digest):
            raise NotAllowedError("the passkey did not sign this request")
        until = doing.now + datetime.timedelta(hours=house.approval_hours)
        doing.db.add(
            Approval(
                request_id=row.id, digest=digest, approver=actor.account, at=doing.now,
                expires_at=until, public_key=proof.public_key, signature=proof.signature,
                authenticator_data=proof.authenticator_data,
                client_data_json=proof.client_data_json,
            )
        )  # fmt: skip
        move(doing, row, to=RequestState.APPROVED, reason="by-second-person", until=until,
             grounds=proof.signature.hex())  # fmt: skip
        return until

    return desk.act(actor, "request.approve", work)


def decline(desk: Desk, actor: Actor, request_id: str, *, reason: Declined, grounds: str) -> None:
    """Say no to a request, with a reason. As `approve`."""
    grounds = grounds.strip()
    if not _LEAST_GROUNDS <= len(grounds) <= _MOST_GROUNDS:
        raise InputError("this is no reason", where="grounds",
                         expected=f"{_LEAST_GROUNDS} to {_MOST_GROUNDS} characters")  # fmt: skip

    def work(doing: Doing) -> None:
        row = _pending(doing, actor, request_id)
        move(doing, row, to=RequestState.DECLINED, reason=reason.value, grounds=grounds)

    desk.act(actor, "request.refuse", work)


def waiting_requests(desk: Desk, actor: Actor) -> list[str]:
    """Requests that this approver could decide on, the oldest first."""
    waiting = (
        select(SearchRequest.id).where(
            SearchRequest.state == RequestState.PENDING, SearchRequest.requester != actor.account,
            SearchRequest.expires_at > desk.clock(),
        ).order_by(SearchRequest.submitted_at)
    )  # fmt: skip
    return desk.look(actor, "request.list", lambda db: list(db.scalars(waiting)))


def fall(
    doing: Doing, house: House, row: SearchRequest, *, now: datetime.datetime
) -> Fallen | None:
    """Whether a request waited too long or what it is about has changed; if so, it falls now."""
    if not row.submitted_at <= now < row.expires_at:
        move(doing, row, to=RequestState.LAPSED, reason="time-over")
        return Fallen(RequestState.LAPSED)
    return void_if_changed(doing, house, row)


def void_if_changed(doing: Doing, house: House, row: SearchRequest) -> Fallen | None:
    """Whether what a request is about has changed; if so, it is void from now on."""
    changed = changes(doing.db, house, row, now=doing.now)
    if not changed:
        return None
    move(doing, row, to=RequestState.VOID, reason=changed[0], grounds=", ".join(changed))
    return Fallen(RequestState.VOID, changed)


def changes(
    db: Session, house: House, row: SearchRequest, *, now: datetime.datetime
) -> tuple[str, ...]:
    """Which parts of what was frozen are different by now: ``case``, ``probe``, ``setting``..."""
    then = frozen_of(db, house, row)["standing"]
    form = form_of(then["form"])
    try:
        matter = assemble(db, house, form, requester=row.requester, now=now, approved=False)
    except NotAllowedError:
        return ("gone",)  # its gallery is no longer there, or its case is another's
    return _different(then, matter.standing)


def _different(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key)))


def _pending(doing: Doing, actor: Actor, request_id: str) -> SearchRequest:
    row = doing.db.get(SearchRequest, request_id, with_for_update=True)
    case = None if row is None else doing.db.get(Case, row.case_id)
    if row is None or case is None:
        raise NotAllowedError("there is no such request for you")
    if actor.account in (row.requester, case.opened_by):
        raise NotAllowedError("nobody decides on their own request")
    if row.state != RequestState.PENDING:
        raise StateError(f"the request is {RequestState(row.state).value}", do="look again")
    return row
