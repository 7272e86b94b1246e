"""The last decision before a search: from the facts of now, and by a path that cannot be skipped.

`begin` is how a search begins, and the only way from APPROVED on; `RequestGate` is asked again
whenever it runs. Both ask everything: that the request is what was submitted, that nothing it
stands on has changed, that the signature is over exactly it, that time is not over, and what the
law says now, approval and audit included.
"""

from __future__ import annotations

import datetime

from sqlalchemy.orm import Session

from countenance.desk.approvals import Approval, Fallen, changes, void_if_changed
from countenance.desk.assembling import Matter, assemble, form_of
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.house import House, place_code
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
from countenance.desk.searches import Clearance, ReadyRequest
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.timeline import handle
from countenance.law import Decision


def final_decision(
    db: Session, house: House, request_id: str, *, now: datetime.datetime
) -> Decision:
    """What the law says of a request now; its approval counts only if it holds.

    Raises NotAllowedError where there is no such request.
    """
    return house.decide(_matter(db, house, _found(db, request_id), now).law)


def begin(
    desk: Desk, actor: Actor, request_id: str, *, house: House
) -> ReadyRequest | Decision | Fallen:
    """Begin a search: what may be searched for, or why not. All three are in the log.

    A `Decision` is a refusal, and final: the request is REFUSED. The search itself, and one that
    a crash interrupted, then asks `RequestGate` every time.

    Raises NotAllowedError where it is not the actor's own, StateError where it is not approved
    (any more): of two who race, one gets that.
    """

    def work(doing: Doing) -> ReadyRequest | Decision | Fallen:
        row = _found(doing.db, request_id)
        if row.requester != actor.account:
            raise NotAllowedError("there is no such request for you")
        if row.state != RequestState.APPROVED:
            raise StateError(f"the request is {RequestState(row.state).value}", do="look again")
        return _begin(doing, house, row)

    return desk.act(actor, "search.run", work)


def _begin(doing: Doing, house: House, row: SearchRequest) -> ReadyRequest | Decision | Fallen:
    approval = doing.db.get(Approval, row.id)
    if approval is None or not approval.at <= doing.now < approval.expires_at:
        move(doing, row, to=RequestState.LAPSED, reason="approval-over")
        return Fallen(RequestState.LAPSED)
    if fallen := void_if_changed(doing, house, row):
        return fallen
    matter = _matter(doing.db, house, row, doing.now)
    decision = house.decide(matter.law)
    row.decision = seal_json(doing, house, row.case_id, f"decision {row.id}", decision.to_json())
    tell_decided(doing, house, matter, row, decision)
    if not decision.permitted:
        row.same = same_key(matter, matter.law, decision)
        move(doing, row, to=RequestState.REFUSED, reason=reason_code(decision))
        return decision
    move(doing, row, to=RequestState.TAKEN_UP, reason="permitted")
    return _ready(doing.db, house, row, approval)


class RequestGate:
    """What stands of a request at the moment of its search; see `searches.Gate`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def clearance(self, db: Session, request: str, now: datetime.datetime) -> Clearance:
        """Ask everything anew: decision, approval, audit, settings.

        Raises NotAllowedError where there is no such request, StateError where it was not begun.
        """
        row = _found(db, request)
        approval = db.get(Approval, row.id)
        if row.state != RequestState.TAKEN_UP or approval is None:
            raise StateError(f"the request is {RequestState(row.state).value}", do="begin it")
        holds = approval_holds(db, self._house, row, now=now)
        matter = _matter(db, self._house, row, now)
        decision = self._house.decide(matter.law)
        facts, audit, setting = matter.law.facts, matter.audit, matter.setting
        then = frozen_of(db, self._house, row)["standing"]
        sound = audit is not None and bool(facts.get("audit.meets-policy"))
        return Clearance(
            request=_ready(db, self._house, row, approval), permits=decision.permitted,
            decision=decision.digest, approved=row.digest if holds else "",
            audit=audit.digest if audit is not None and sound else "",
            settings_approved=bool(setting) and matter.standing["setting"] == then["setting"],
        )  # fmt: skip


def _ready(db: Session, house: House, row: SearchRequest, approval: Approval) -> ReadyRequest:
    standing = frozen_of(db, house, row)["standing"]
    form, setting, probe = standing["form"], standing["setting"], standing["probe"]
    if not setting or not probe or not probe["template"]:  # whatever a law may say of these
        raise StateError("there is no setting for this engine, or no template of this probe")
    return ReadyRequest(
        id=row.id, digest=row.digest, case=row.case_id, handle=handle(row.case_id),
        requester=row.requester, approver=approval.approver, probe=probe["template"],
        gallery=form["gallery"], engine=form["engine"], threshold=setting["threshold"],
        list_length=setting["list-length"], place=place_code(house.jurisdictions),
    )  # fmt: skip


def approval_holds(
    db: Session, house: House, row: SearchRequest, *, now: datetime.datetime
) -> bool:
    """Whether a second person's signature over exactly this request is there, and in time.

    And whether that person and their key still stand: else what a thief signed would count.
    """
    approval = db.get(Approval, row.id)
    return (
        approval is not None
        and approval.approver != row.requester
        and approval.digest == row.digest
        and approval.at <= now < approval.expires_at
        and house.approvals.holds(approval.proof, digest=row.digest)
        and house.approvals.stands(db, approval.proof, approver=approval.approver)
        and not changes(db, house, row, now=now)
    )


def _matter(db: Session, house: House, row: SearchRequest, now: datetime.datetime) -> Matter:
    form = form_of(frozen_of(db, house, row)["standing"]["form"])
    holds = approval_holds(db, house, row, now=now)
    return assemble(db, house, form, requester=row.requester, now=now, approved=holds)


def _found(db: Session, request_id: str) -> SearchRequest:
    row = db.get(SearchRequest, request_id)
    if row is None:
        raise NotAllowedError("there is no such request for you")
    return row
