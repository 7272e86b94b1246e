"""The last decision before a search: from the facts of now, and by a path that cannot be skipped.

`take_up` is how a search begins, and the only way from APPROVED on. It asks everything again: that
the request is what was submitted, that nothing it stands on has changed, that the signature is
over exactly it, that time is not over, and what the law says now, approval and audit included.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy.orm import Session

from countenance.desk.approvals import Approval, Fallen, changes, void_if_changed
from countenance.desk.assembling import Matter, assemble, form_of
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.house import House
from countenance.desk.requests import (
    RequestState,
    SearchRequest,
    frozen_of,
    move,
    reason_code,
    same_key,
    seal_json,
    tell_decided,
)  # fmt: skip
from countenance.desk.service import Actor, Doing
from countenance.law import Decision


@dataclass(frozen=True, slots=True)
class ReadyRequest:
    """A request that may be searched for, now: what a permit is made of.

    Attributes
    ----------
    digest, decision
        SHA-256 of the request that was approved, and of the decision that permits it.
    probe, probe_image, engine, audit, gallery
        Which probe and which of its images (SHA-256), which engine (identity), which audit
        (digest), which gallery.
    threshold, list_length
        The exact integer, and how many candidates; as approved.
    """

    id: str
    case_id: str
    requester: str
    approver: str
    digest: str
    decision: str
    probe: str
    probe_image: str
    gallery: str
    engine: str
    audit: str
    threshold: int
    list_length: int
    expires_at: datetime.datetime


def final_decision(
    db: Session, house: House, request_id: str, *, actor: Actor, now: datetime.datetime
) -> Decision:
    """What the law says of an approved request now; its approval counts only if it holds.

    Raises NotAllowedError where it is not the actor's, StateError where it is not approved.
    """
    row = _approved(db, actor, request_id)
    return house.decide(_matter(db, house, row, actor, now).law)


def take_up(doing: Doing, house: House, request_id: str) -> ReadyRequest | Decision | Fallen:
    """Begin a search, within an action ``search.run``: what may be searched, or why not.

    All three are recorded. A `Decision` is a refusal, and final: the request is REFUSED.
    Raises as `final_decision`; of two who race, one gets StateError.
    """
    row = _approved(doing.db, doing.actor, request_id)
    approval = doing.db.get(Approval, row.id)
    if approval is None or not approval.at <= doing.now < approval.expires_at:
        move(doing, row, to=RequestState.LAPSED, reason="approval-over")
        return Fallen(RequestState.LAPSED)
    if fallen := void_if_changed(doing, house, row):
        return fallen
    matter = _matter(doing.db, house, row, doing.actor, doing.now)
    decision = house.decide(matter.law)
    row.decision = seal_json(doing, house, row.case_id, f"decision {row.id}", decision.to_json())
    tell_decided(doing, house, matter, row, decision)
    if not decision.permitted:
        row.same = same_key(matter, matter.law, decision)
        move(doing, row, to=RequestState.REFUSED, reason=reason_code(decision))
        return decision
    standing = frozen_of(doing.db, house, row)["standing"]
    form, setting = standing["form"], standing["setting"]
    if matter.audit is None or setting is None or standing["probe"] is None:
        raise StateError("there is no audit or no setting for this engine")  # whatever a law says
    move(doing, row, to=RequestState.TAKEN_UP, reason="permitted")
    return ReadyRequest(
        id=row.id, case_id=row.case_id, requester=row.requester, approver=approval.approver,
        digest=row.digest, decision=decision.digest, probe=form["probe"],
        probe_image=standing["probe"]["image"], gallery=form["gallery"], engine=form["engine"],
        audit=matter.audit.digest, threshold=setting["threshold"],
        list_length=setting["list-length"], expires_at=approval.expires_at,
    )  # fmt: skip


def approval_holds(
    db: Session, house: House, row: SearchRequest, *, now: datetime.datetime
) -> bool:
    """Whether a second person's signature over exactly this request is there, and in time."""
    approval = db.get(Approval, row.id)
    return (
        approval is not None
        and approval.approver != row.requester
        and approval.digest == row.digest
        and approval.at <= now < approval.expires_at
        and house.approvals.holds(approval.proof, digest=row.digest)
        and not changes(db, house, row, now=now)
    )


def _matter(
    db: Session, house: House, row: SearchRequest, actor: Actor, now: datetime.datetime
) -> Matter:
    form = form_of(frozen_of(db, house, row)["standing"]["form"])
    holds = approval_holds(db, house, row, now=now)
    return assemble(db, house, form, actor=actor, now=now, approved=holds)


def _approved(db: Session, actor: Actor, request_id: str) -> SearchRequest:
    row = db.get(SearchRequest, request_id, with_for_update=True)
    if row is None or row.requester != actor.account:
        raise NotAllowedError("there is no such request for you")
    if row.state != RequestState.APPROVED:
        raise StateError(f"the request is {RequestState(row.state).value}", do="look again")
    return row
