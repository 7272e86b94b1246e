"""Requests for a search: previewed while they are filled in, frozen when they are submitted.

A submission is judged as if a second person had approved it, only to see whether anything *else*
stands in the way. If something does, it is refused there and then, which is in the log, and the
same facts are not judged again. If nothing does, it waits for approval (see `approvals`). Whether
the search may be made is decided when it is to be made, from the facts of then (`decisions`).

What is frozen is one JSON object, sealed under the case; its SHA-256 is the request's digest, and
that is what an approver's passkey signs.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, digest_json
from countenance.desk.assembling import Matter, RequestForm, assemble
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.cases import Case, CaseState, own_case, readable
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.facts import APPROVAL
from countenance.desk.house import House, place_code
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.timeline import handle
from countenance.law import Decision, Request
from countenance.record import EventKind, Field

FORMAT = "countenance-request-1"
_CODE, _DIGEST = Field("code"), Field("digest")
_MOST_PACKS = 64
_MOST_CODE = 64

KINDS: tuple[EventKind, ...] = (
    EventKind("search-requested", 2, "somebody asked for a search",
              {"request": _DIGEST, "jurisdiction": Field("place"), "purpose": _CODE,
               "rules": Field("codes"), "engine": _DIGEST, "audit": Field("digest", optional=True),
               "gallery": _CODE, "gallery_size": Field("count")},
              ("case", "requester", "probe", "authority")),
    EventKind("request-moved", 1, "a request was approved, declined, withdrawn, or fell",
              {"request": _DIGEST,
               "change": Field("code", ("approved", "declined", "withdrawn", "lapsed", "voided",
                                        "taken-up", "refused")),
               "reason": _CODE, "until": Field("time", optional=True)},
              ("case", "actor", "grounds")),
)  # fmt: skip


class RequestState(StrEnum):
    """Where a request stands."""

    REFUSED = "refused"  # the law said no
    PENDING = "pending"  # waits for a second person
    APPROVED = "approved"
    DECLINED = "declined"  # the second person said no
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"  # nobody approved it, or nobody finished its search, in time
    VOID = "void"  # what it was approved for is no longer so
    TAKEN_UP = "taken-up"  # the search was permitted and is `searching`'s


_S = RequestState
MOVES: Mapping[RequestState, frozenset[RequestState]] = {
    _S.PENDING: frozenset({_S.APPROVED, _S.DECLINED, _S.WITHDRAWN, _S.LAPSED, _S.VOID}),
    _S.APPROVED: frozenset({_S.TAKEN_UP, _S.REFUSED, _S.WITHDRAWN, _S.LAPSED, _S.VOID}),
    _S.REFUSED: frozenset(), _S.DECLINED: frozenset(), _S.WITHDRAWN: frozenset(),
    _S.LAPSED: frozenset(), _S.VOID: frozenset(), _S.TAKEN_UP: frozenset({_S.LAPSED}),
}  # fmt: skip


class SearchRequest(Base):
    """One request. Everything but its way is in `frozen`, sealed; `digest` is of that."""

    __tablename__ = "requests"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    state: Mapped[RequestState] = mapped_column(String(16), index=True)
    requester: Mapped[str] = mapped_column(String(32), index=True)
    submitted_at: Mapped[datetime.datetime] = mapped_column(UTC)
    expires_at: Mapped[datetime.datetime] = mapped_column(UTC)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    same: Mapped[str] = mapped_column(String(64), index=True)
    frozen: Mapped[bytes] = mapped_column(LargeBinary)
    decision: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be decided now.

    Attributes
    ----------
    decision
        As of now, without an approval: never a permission where one is asked for.
    beyond_approval
        As if a second person had approved it: what else stands in the way.
    """

    decision: Decision
    beyond_approval: Decision

    @property
    def may_be_submitted(self) -> bool:
        """Whether nothing but an approval is missing."""
        return self.beyond_approval.permitted

    @property
    def needs_approval(self) -> bool:
        """Whether an approval is what is missing."""
        return self.may_be_submitted and not self.decision.permitted


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission: `state` is PENDING or REFUSED, `decision` says why."""

    id: str
    digest: str
    state: RequestState
    decision: Decision


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as somebody who may read its case sees it: `frozen` is what is approved."""

    id: str
    case_id: str
    state: RequestState
    digest: str
    expires_at: datetime.datetime
    frozen: Mapping[str, Any]
    decision: Mapping[str, Any]


def preview(desk: Desk, actor: Actor, *, house: House, form: RequestForm) -> Preview:
    """Judge a form as it is filled in. Nothing is kept, nothing is logged, nothing is promised."""

    def work(db: Session) -> Preview:
        matter = assemble(
            db, house, form, requester=actor.account, now=desk.clock(), approved=False
        )
        return Preview(house.decide(matter.law), house.decide(_as_if_approved(matter)))

    return desk.look(actor, "request.preview", work)


def submit(desk: Desk, actor: Actor, *, house: House, form: RequestForm) -> Submitted:
    """Freeze a request and judge it. A refusal is an outcome like any other, and in the log.

    Raises
    ------
    InputError
        A part of the form is empty.
    StateError
        The same is pending or approved already, or was refused and nothing changed since.
    """
    for name in ("probe_id", "gallery", "engine"):
        if not getattr(form, name):
            raise InputError("not stated", where=name)

    def work(doing: Doing) -> Submitted:
        own_case(doing.db, actor, form.case_id, CaseState.OPEN)
        matter = assemble(
            doing.db, house, form, requester=actor.account, now=doing.now, approved=False
        )
        decision = house.decide(_as_if_approved(matter))
        same = same_key(matter, _as_if_approved(matter), decision)
        _not_again(doing, same)
        state = _S.PENDING if decision.permitted else _S.REFUSED
        request_id = new_id()
        frozen = {
            "format": FORMAT, "id": request_id, "submitted-at": doing.now.isoformat(),
            "standing": dict(matter.standing), "law": matter.law.to_json(),
            "beyond-approval": decision.digest,
        }  # fmt: skip
        row = SearchRequest(
            id=request_id, case_id=matter.case.id, state=state, requester=actor.account,
            submitted_at=doing.now, digest=digest_json(frozen), same=same,
            expires_at=doing.now + datetime.timedelta(hours=house.request_hours),
        )  # fmt: skip
        row.frozen = seal_json(doing, house, matter.case.id, f"request {row.id}", frozen)
        row.decision = seal_json(
            doing, house, matter.case.id, f"decision {row.id}", decision.to_json()
        )
        doing.db.add(row)
        _tell_submitted(doing, house, matter, row, decision)
        return Submitted(row.id, row.digest, state, decision)

    return desk.act(actor, "request.submit", work)


def withdraw(desk: Desk, actor: Actor, request_id: str) -> None:
    """Take one's own request back. StateError where it is no longer pending or approved."""

    def work(doing: Doing) -> None:
        row = doing.db.get(SearchRequest, request_id, with_for_update=True)
        if row is None or row.requester != actor.account:
            raise NotAllowedError("there is no such request for you")
        move(doing, row, to=_S.WITHDRAWN, reason="by-requester")

    desk.act(actor, "request.withdraw", work)


def read_request(desk: Desk, actor: Actor, request_id: str, *, house: House) -> RequestView:
    """A request, for whoever may read its case."""

    def work(db: Session) -> RequestView:
        row = db.get(SearchRequest, request_id)
        if row is None:
            raise NotAllowedError("there is no such case for you")  # as `readable` says it
        readable(db, actor, row.case_id)
        decision = open_json(db, house, row.case_id, f"decision {row.id}", row.decision)
        return RequestView(row.id, row.case_id, RequestState(row.state), row.digest,
                           row.expires_at, frozen_of(db, house, row), decision)  # fmt: skip

    return desk.look(actor, "case.read", work)


def frozen_of(db: Session, house: House, row: SearchRequest) -> dict[str, Any]:
    """What was frozen. StateError where it is not what its digest says."""
    frozen: dict[str, Any] = open_json(db, house, row.case_id, f"request {row.id}", row.frozen)
    if digest_json(frozen) != row.digest or frozen["id"] != row.id:
        raise StateError("the request is not the one that was submitted")
    return frozen


def move(
    doing: Doing, row: SearchRequest, *, to: RequestState, reason: str, grounds: str | None = None,
    until: datetime.datetime | None = None,
) -> None:  # fmt: skip
    """One step of a request, recorded. StateError where the table does not allow it."""
    if to not in MOVES[RequestState(row.state)]:
        raise StateError(f"the request is {RequestState(row.state).value}", do="look again")
    row.state = to
    case = doing.db.get_one(Case, row.case_id)
    public = {"request": row.digest, "change": _CHANGES.get(to, to.value), "reason": reason}
    if until is not None:
        public["until"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    doing.record.add(
        doing.db, "request-moved", about=handle(case.id), public=public,
        private={"case": case.number, "actor": doing.actor.account, "grounds": grounds},
    )  # fmt: skip


_CHANGES = {_S.VOID: "voided"}


def reason_code(decision: Decision) -> str:
    """A decision in one code: the first rule that speaks against it, or how it comes out."""
    if decision.permitted:
        return "permitted"
    first = decision.reasons[0] if decision.reasons else None
    if first is None:
        return decision.outcome.value
    rule = first.rule.replace("#", "/")
    return rule if 0 < len(rule) <= _MOST_CODE else first.effect.value


def tell_decided(
    doing: Doing, house: House, matter: Matter, row: SearchRequest, decision: Decision
) -> None:
    """Record a decision of the law room."""
    doing.record.add(
        doing.db, "search-decided", about=handle(row.case_id),
        public={
            "request": row.digest, "jurisdiction": place_code(house.jurisdictions),
            "rules": rule_codes(decision),
            "decision": "permitted" if decision.permitted else "refused",
            "reason": reason_code(decision),
        },
        private={"case": matter.case.number, "decider": doing.actor.account,
                 "facts": {"request": matter.law.to_json(), "decision": decision.to_json()}},
    )  # fmt: skip


def rule_codes(decision: Decision) -> list[str]:
    """The packs that were read, as the log has them."""
    return sorted({pack.id for pack in decision.packs if len(pack.id) <= _MOST_CODE})[:_MOST_PACKS]


def same_key(matter: Matter, law: Request, decision: Decision) -> str:
    """What makes two requests one: facts, records and rules, whatever the time."""
    packs = [[pack.id, pack.digest] for pack in decision.packs]
    return digest_json(
        {"law": {**law.to_json(), "at": None}, "standing": dict(matter.standing), "packs": packs}
    )


def seal_json(doing: Doing, house: House, case_id: str, purpose: str, value: Any) -> bytes:
    """A JSON value, sealed under a case."""
    clear = json.dumps(value).encode()
    return house.keys.seal(doing.db, handle(case_id), clear, purpose=purpose, now=doing.now)


def open_json(db: Session, house: House, case_id: str, purpose: str, box: bytes) -> Any:
    """The inverse of `seal_json`."""
    return json.loads(house.keys.open(db, handle(case_id), box, purpose=purpose))


def _as_if_approved(matter: Matter) -> Request:
    return matter.law.knowing({APPROVAL: True})


def _not_again(doing: Doing, same: str) -> None:
    for row in doing.db.scalars(select(SearchRequest).where(SearchRequest.same == same)).all():
        if row.state == _S.REFUSED:
            raise StateError("this was refused, and nothing has changed since",
                             do="correct or obtain what the reasons name")  # fmt: skip
        if row.state == _S.PENDING and row.expires_at <= doing.now:
            move(doing, row, to=_S.LAPSED, reason="time-over")
        elif row.state in (_S.PENDING, _S.APPROVED):
            raise StateError("the same request is waiting already")


def _tell_submitted(
    doing: Doing, house: House, matter: Matter, row: SearchRequest, decision: Decision
) -> None:
    form = matter.standing["form"]
    public = {
        "request": row.digest, "jurisdiction": place_code(house.jurisdictions),
        "purpose": matter.law.facts["use.purpose"], "rules": rule_codes(decision),
        "engine": form["engine"], "gallery": form["gallery"],
        "gallery_size": matter.law.facts.get("gallery.size", 0),
    }  # fmt: skip
    if matter.audit is not None:
        public["audit"] = matter.audit.digest
    doing.record.add(
        doing.db, "search-requested", about=handle(row.case_id), public=public,
        private={"case": matter.case.number, "requester": row.requester,
                 "probe": matter.standing["probe"], "authority": form["documents"]},
    )  # fmt: skip
    if not decision.permitted:
        tell_decided(doing, house, matter, row, decision)
