"""Leads: a candidate that two examiners agreed on, and what becomes of it.

A lead is *prepared* by the review, *checked* once the exculpatory checklist is answered, *issued*
where the law permits it, and *ended* by its outcome, which is asked for until it is given. One
that turns out to be somebody else opens an incident, at any time, years later too. There is no
function that makes an identification of a lead, and none that gives it out without its warning.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import canonical_json, digest_json, sha256_bytes
from countenance.desk import checklist, evidence, incidents
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.checklist import Checklist
from countenance.desk.doubts import Doubt, doubts, suspensions
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.evidence import NewEvidence
from countenance.desk.reliance import (
    Facts,
    Judge,
    Stated,
    Step,
    reliance_request,
    why_not_alone,
)  # fmt: skip
from countenance.desk.reviews import Pictures
from countenance.desk.searches import Candidate, Search
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.law import Decision, Request
from countenance.record import EventKind, Field

FOLLOW_UP_DAYS = 30


class LeadState(StrEnum):
    """Where a lead stands."""

    PREPARED = "prepared"
    CHECKED = "checked"
    ISSUED = "issued"
    ENDED = "ended"


class Outcome(StrEnum):
    """What became of a lead."""

    SOMEBODY_ELSE = "somebody-else"
    BORNE_OUT = "borne-out-by-independent-evidence"
    NOT_FOLLOWED = "not-followed"
    STILL_OPEN = "still-open"


AFTER: Mapping[tuple[LeadState, Outcome], LeadState] = {
    **{(state, Outcome.SOMEBODY_ELSE): LeadState.ENDED for state in LeadState},
    (LeadState.ISSUED, Outcome.BORNE_OUT): LeadState.ENDED,
    (LeadState.PREPARED, Outcome.NOT_FOLLOWED): LeadState.ENDED,
    (LeadState.CHECKED, Outcome.NOT_FOLLOWED): LeadState.ENDED,
    (LeadState.ISSUED, Outcome.NOT_FOLLOWED): LeadState.ENDED,
    (LeadState.ISSUED, Outcome.STILL_OPEN): LeadState.ISSUED,
}
"""Which outcome may be given when, and where it leads. Everything else is refused."""

_CHANGES = ("prepared", "checked", "supervised", "issued", "refused")

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "lead-changed", 1, "a lead was prepared, checked, supervised, issued or refused",
        {"request": Field("digest"), "change": Field("code", _CHANGES)},
        ("case", "author", "record"),
    ),
    EventKind(
        "lead-changed", 2, "a lead was prepared, checked, supervised, issued or refused, or the "
        "image that it rests on left the gallery",
        {"request": Field("digest"), "change": Field("code", (*_CHANGES, "image-removed"))},
        ("case", "author", "record"),
    ),
    EventKind(
        "reliance-decided", 1, "the rules permitted or refused a step because of a lead",
        {
            "request": Field("digest"),
            "step": Field("code", tuple(Step)),
            "decision": Field("code", ("permitted", "refused")),
        },
        ("case", "author", "facts"),
    ),
    EventKind(
        "lead-outcome", 1, "what became of a lead",
        {"request": Field("digest"), "outcome": Field("code", tuple(Outcome))},
        ("case", "author", "words"),
    ),
    EventKind(
        "lead-reminded", 1, "what became of a lead was not told in time, and is asked for",
        {"request": Field("digest"), "days": Field("count")},
        ("case",),
    ),
)  # fmt: skip


class Lead(Base):
    """One lead. There is at most one of a review."""

    __tablename__ = "leads"
    __table_args__ = (UniqueConstraint("review"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    search: Mapped[str] = mapped_column(ForeignKey("searches.id"), index=True)
    review: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    requester: Mapped[str] = mapped_column(String(32), index=True)
    state: Mapped[LeadState] = mapped_column(String(16), index=True)
    prepared_at: Mapped[datetime.datetime] = mapped_column(UTC)
    due_at: Mapped[datetime.datetime] = mapped_column(UTC, index=True)
    supervised_by: Mapped[str | None] = mapped_column(String(32), default=None)
    issued_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    image_removed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    outcome: Mapped[Outcome | None] = mapped_column(String(48), default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)
    checklist_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    text_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    outcome_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


@dataclass(frozen=True, slots=True)
class LeadMeans:
    """What leads are judged with."""

    keys: Secrets
    facts: Facts
    judge: Judge
    pictures: Pictures


def prepare_lead(
    doing: Doing, keys: Secrets, search: Search, review: str, entry: Candidate
) -> str:
    """Make a lead of the entry that two examiners agreed on, as part of settling; its id."""
    identity = new_id()
    clear = canonical_json(
        {"candidate": entry.id, "score": entry.score, "rank": entry.rank, "ties": entry.ties}
    )
    box = keys.seal(doing.db, search.handle, clear, purpose=f"lead {identity}", now=doing.now)
    row = Lead(
        id=identity, search=search.id, review=review, requester=search.requester, box=box,
        state=LeadState.PREPARED, prepared_at=doing.now, due_at=_next(doing.now),
    )  # fmt: skip
    doing.db.add(row)
    tell(doing, search, "prepared", None)
    return identity


def answer_checklist(
    desk: Desk, actor: Actor, lead: str, answers: Checklist, *, means: LeadMeans
) -> None:
    """Answer every question of the exculpatory checklist, once, before the lead is given out."""
    whole = checklist.to_json(checklist.complete(answers))

    def work(doing: Doing) -> None:
        row, search = own_lead(doing.db, doing.actor, lead)
        _expect(row, LeadState.PREPARED)
        row.checklist_box = means.keys.seal(
            doing.db, search.handle, json.dumps(whole).encode(), purpose=f"checklist {lead}",
            now=doing.now,
        )  # fmt: skip
        row.state = LeadState.CHECKED
        tell(doing, search, "checked", {"sha256": digest_json(whole)})

    desk.act(actor, "lead.checklist", work)


def supervise(desk: Desk, actor: Actor, lead: str) -> None:
    """A supervisor, who did not ask for the search, checked the lead before it is given out."""

    def work(doing: Doing) -> None:
        row = doing.db.get(Lead, lead, with_for_update=True)
        if row is None or row.requester == doing.actor.account:
            raise NotAllowedError("there is no such lead for you")
        _expect(row, LeadState.CHECKED)
        if row.supervised_by is not None:
            raise StateError("somebody else has checked this lead")
        row.supervised_by = doing.actor.account
        tell(doing, doing.db.get_one(Search, row.search), "supervised", None)

    desk.act(actor, "lead.supervise", work)


def issue(desk: Desk, actor: Actor, lead: str, *, means: LeadMeans) -> Decision:
    """Give a checked lead out, where the law permits that; the decision, a refusal, too.

    Raises StateError where what it rests on no longer stands (`doubts`): the law is not asked.
    """

    def work(doing: Doing) -> Decision:
        row, search = own_lead(doing.db, doing.actor, lead)
        _expect(row, LeadState.CHECKED)
        about = means.pictures.about(
            doing.db, search.gallery, candidate_of(doing.db, means.keys, row, search)
        )
        _must_stand(doubts(doing.db, search, about))
        decision = means.judge(_request(doing, means, row, search, "lead", None))
        if decision.permitted:
            base = means.facts.request(doing.db, search)
            warning = why_not_alone(base, means.judge, doing.now)
            text = {
                "no_sole_basis": list(warning),
                "duties": [each.sentence for each in decision.obligations],
                "decision": decision.digest,
            }
            row.text_box = means.keys.seal(
                doing.db, search.handle, json.dumps(text).encode(), purpose=f"text {lead}",
                now=doing.now,
            )  # fmt: skip
            row.state, row.issued_at = LeadState.ISSUED, doing.now
            row.due_at = _next(doing.now)
        change = "issued" if decision.permitted else "refused"
        tell(doing, search, change, {"decision": decision.digest})
        return decision

    return desk.act(actor, "lead.issue", work)


def add_evidence(desk: Desk, actor: Actor, lead: str, new: NewEvidence, *, keys: Secrets) -> str:
    """Enter an item of evidence beside a lead; its id. What it counts as is computed."""

    def work(doing: Doing) -> str:
        row, search = own_lead(doing.db, doing.actor, lead)
        if row.state == LeadState.ENDED:
            raise StateError("this lead is ended")
        return evidence.add(
            doing, keys, lead=lead, handle=search.handle, request=search.request_digest,
            case=search.case_id, new=new,
        )  # fmt: skip

    return desk.act(actor, "lead.evidence", work)


def rely(
    desk: Desk, actor: Actor, lead: str, step: Step, *, means: LeadMeans,
    stated: Stated | None = None,
) -> Decision:  # fmt: skip
    """Ask whether a step may be taken because of a lead; the decision, a refusal, too.

    The facts of reliance are computed from the evidence entered. Both answers are in the record.
    Raises StateError while an incident suspends the engine or gallery that it came of.
    """

    def work(doing: Doing) -> Decision:
        row, search = own_lead(doing.db, doing.actor, lead)
        _expect(row, LeadState.ISSUED)
        _must_stand(suspensions(doing.db, search))
        request = _request(doing, means, row, search, step, stated)
        decision = means.judge(request)
        doing.record.add(
            doing.db, "reliance-decided", about=search.handle,
            public={"request": search.request_digest, "step": step.value,
                    "decision": "permitted" if decision.permitted else "refused"},
            private={"case": search.case_id, "author": doing.actor.account,
                     "facts": {"request": request.digest, "decision": decision.digest}},
        )  # fmt: skip
        return decision

    return desk.act(actor, "lead.rely", work)


def give_outcome(
    desk: Desk, actor: Actor, lead: str, outcome: Outcome, *, words: str, keys: Secrets,
    suspend_gallery: bool = False,
) -> str | None:  # fmt: skip
    """Say what became of a lead; the incident that a wrong one opens.

    The incident suspends the engine, and with `suspend_gallery` the gallery, too, until an
    approver other than the one who approved the search closes it.
    """
    incidents.need_grounds(words)

    def work(doing: Doing) -> str | None:
        row, search = own_lead(doing.db, doing.actor, lead)
        after = AFTER.get((LeadState(row.state), outcome))
        if after is None or row.outcome == Outcome.SOMEBODY_ELSE:
            raise StateError(f"this cannot be said of a lead that is {LeadState(row.state).value}")
        row.state, row.outcome, row.due_at = after, outcome, _next(doing.now)
        row.outcome_box = keys.seal(
            doing.db, search.handle, words.encode(), purpose=f"outcome {lead}", now=doing.now
        )
        doing.record.add(
            doing.db, "lead-outcome", about=search.handle,
            public={"request": search.request_digest, "outcome": outcome.value},
            private={"case": search.case_id, "author": doing.actor.account,
                     "words": {"sha256": sha256_bytes(words.encode())}},
        )  # fmt: skip
        if outcome is not Outcome.SOMEBODY_ELSE:
            return None
        return incidents.begin(
            doing, keys, cause=incidents.Cause.WRONG_LEAD, grounds=words, engine=search.engine,
            gallery=search.gallery if suspend_gallery else None, lead=lead,
            approved_by=search.approver,
        )  # fmt: skip

    return desk.act(actor, "lead.outcome", work)


def due(desk: Desk, actor: Actor) -> list[tuple[str, datetime.datetime]]:
    """Leads of the actor whose outcome is asked for, and since when; the longest due first."""

    def work(db: Session) -> list[tuple[str, datetime.datetime]]:
        rows = db.scalars(
            select(Lead)
            .where(Lead.requester == actor.account, Lead.state != LeadState.ENDED,
                   Lead.due_at <= desk.now())
            .order_by(Lead.due_at, Lead.id)
        )  # fmt: skip
        return [(row.id, row.due_at) for row in rows]

    return desk.look(actor, "lead.outcome", work)


def own_lead(db: Session, actor: Actor, lead: str) -> tuple[Lead, Search]:
    """The actor's own lead and its search. NotAllowedError, whether or not there is one."""
    row = db.get(Lead, lead, with_for_update=True)
    if row is None or row.requester != actor.account:
        raise NotAllowedError("there is no such lead for you")
    return row, db.get_one(Search, row.search)


def candidate_of(db: Session, keys: Secrets, row: Lead, search: Search) -> str:
    """The entry of the list that a lead is of."""
    clear = keys.open(db, search.handle, row.box, purpose=f"lead {row.id}")
    return str(json.loads(clear)["candidate"])


def _must_stand(found: tuple[Doubt, ...]) -> None:
    if found:
        raise StateError(
            " ".join(each.sentence for each in found),
            do="wait until an approver has closed the incident, or say what became of the lead",
        )


def _request(
    doing: Doing, means: LeadMeans, row: Lead, search: Search, purpose: str,
    stated: Stated | None,
) -> Request:  # fmt: skip
    until = doing.actor.training.get("requester")
    return reliance_request(
        means.facts.request(doing.db, search), purpose=purpose,
        items=evidence.items(doing.db, row.id), checked=row.checklist_box is not None,
        supervised=row.supervised_by is not None,
        trained=until is not None and until > doing.now, now=doing.now, stated=stated,
    )  # fmt: skip


def _expect(row: Lead, state: LeadState) -> None:
    if row.state != state:
        raise StateError(f"this lead is {LeadState(row.state).value}", expected=state.value)


def _next(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(days=FOLLOW_UP_DAYS)


def tell(doing: Doing, search: Search, change: str, record: object) -> None:
    """Record that a lead changed."""
    doing.record.add(
        doing.db, "lead-changed", about=search.handle,
        public={"request": search.request_digest, "change": change},
        private={"case": search.case_id, "author": doing.actor.account, "record": record},
    )  # fmt: skip
