"""Leads: a candidate that two examiners agreed on, what speaks against it, what becomes of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from countenance.desk.checklist import Answer, Checked, Question
from countenance.desk.doubts import Doubtful
from countenance.desk.evidence import EvidenceKind, NewEvidence, Relation
from countenance.desk.leads import (
    LeadState,
    Outcome,
    add_evidence,
    answer_checklist,
    due,
    give_outcome,
    issue,
    rely,
    supervise,
)
from countenance.desk.leadviews import LeadView, list_leads, read_lead
from countenance.desk.reliance import Stated, Step
from countenance.web.access import needs
from countenance.web.api.base import Decision, IdText, In, Lines, Made, Nothing, Out
from countenance.web.api.routing import Router
from countenance.web.api.settled import FalseCandidates, ListEntry
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("leads")


class LeadOfMine(Out):
    """A lead in a list; `due_at`: until when its outcome is asked for."""

    id: str
    state: LeadState
    due_at: datetime.datetime


class DueLead(Out):
    """A lead whose outcome has not been given, and since when it was asked for."""

    id: str
    due_at: datetime.datetime


class GivenAnswer(Out):
    """One answer of the checklist."""

    answer: Answer
    words: str


class EvidenceItem(Out):
    """An item of evidence; `counted_as` is computed: what came of something derived is derived."""

    id: str
    kind: EvidenceKind
    claimed: Relation
    counted_as: Relation
    what: str
    source: str
    obtained_on: str
    derived_from: tuple[str, ...]
    at: datetime.datetime


class LeadDoubt(Out):
    """Something that the lead rests on and that no longer stands, since when, and in words."""

    what: Doubtful
    since: datetime.datetime
    sentence: str


class Lead(Out):
    """A lead. `text` is all of it in words, to be quoted whole, `warning` its first sentence."""

    id: str
    state: LeadState
    warning: str
    no_sole_basis: tuple[str, ...]
    duties: tuple[str, ...]
    entry: ListEntry
    others: int
    doubts: tuple[LeadDoubt, ...]
    false_candidates: tuple[FalseCandidates, ...]
    answers: Mapping[Question, GivenAnswer] | None
    contradictions: tuple[Question, ...]
    evidence: tuple[EvidenceItem, ...]
    outcome: Outcome | None
    due_at: datetime.datetime
    text: str


class Answered(In):
    """One answer: what was found and where, or what was tried."""

    answer: Answer
    words: Annotated[str, Lines(2000, 10)]


class Checklist(In):
    """An answer to each question."""

    answers: dict[Question, Answered]


class EvidenceToAdd(In):
    """An item of evidence, and the ids of items that it came of."""

    kind: EvidenceKind
    relation: Relation
    what: Annotated[str, Lines(2000, 3)]
    source: Annotated[str, Lines(2000, 3)]
    obtained_on: datetime.date
    derived_from: tuple[IdText, ...] = Field(default=(), max_length=100)


class Reliance(In):
    """A step that is to be taken because of the lead. Null is not stated, so unknown."""

    step: Step
    in_affidavit: bool | None = None
    rests_on_result: bool | None = None


class LeadOutcome(In):
    """What became of the lead. A wrong one opens an incident."""

    outcome: Outcome
    words: Annotated[str, Lines(2000)]
    suspend_gallery: bool = False


class IncidentOpened(Out):
    """The incident that was opened, if any."""

    incident: str | None


@router.get("/leads", response_model=list[LeadOfMine])
def list_my_leads(at: Annotated[At, needs("lead.read")]) -> list[LeadOfMine]:
    """One's own leads, the newest first."""
    found = list_leads(at.desk, at.looker())
    return [LeadOfMine(id=i, state=state, due_at=until) for i, state, until in found]


@router.get("/leads/due", response_model=list[DueLead])
def list_due_leads(at: Annotated[At, needs("lead.read")]) -> list[DueLead]:
    """Leads whose outcome is asked for."""
    return [DueLead(id=i, due_at=until) for i, until in due(at.desk, at.looker())]


@router.get("/leads/{lead}", response_model=Lead)
def show_lead(at: Annotated[At, needs("lead.read")], lead: Id) -> LeadView:
    """One lead: never without the whole list's length and what its score means."""
    return read_lead(at.desk, at.looker(), lead, sources=at.deployment.sources)


@router.post("/leads/{lead}/checklist", status_code=204)
def answer_lead_checklist(
    at: Annotated[At, needs("lead.checklist")], lead: Id, sent: Checklist
) -> None:
    """Say what would speak against the candidate, before anything is done."""
    answers = {q: Checked(each.answer, each.words) for q, each in sent.answers.items()}
    answer_checklist(at.desk, at.actor(), lead, answers, means=at.deployment.leads)


@router.post("/leads/{lead}/supervise", status_code=204)
def supervise_lead(at: Annotated[At, needs("lead.supervise")], lead: Id, _: Nothing) -> None:
    """Say, as a supervisor, that the lead was checked."""
    supervise(at.desk, at.actor(), lead)


@router.post("/leads/{lead}/issue", response_model=Decision)
def issue_lead(at: Annotated[At, needs("lead.issue")], lead: Id, _: Nothing) -> Decision:
    """Give the lead out, where the law permits it; the decision."""
    return Decision.of(issue(at.desk, at.actor(), lead, means=at.deployment.leads))


@router.post("/leads/{lead}/evidence", status_code=201, response_model=Made)
def add_lead_evidence(
    at: Annotated[At, needs("lead.evidence")], lead: Id, sent: EvidenceToAdd
) -> Made:
    """Enter an item of evidence."""
    new = NewEvidence(
        sent.kind, sent.relation, sent.what, sent.source, sent.obtained_on, sent.derived_from
    )
    return Made(id=add_evidence(at.desk, at.actor(), lead, new, keys=at.deployment.keys))


@router.post("/leads/{lead}/rely", response_model=Decision)
def rely_on_lead(at: Annotated[At, needs("lead.rely")], lead: Id, sent: Reliance) -> Decision:
    """Ask the law whether a step may be taken because of the lead; recorded either way."""
    stated = Stated(sent.in_affidavit, sent.rests_on_result)
    made = rely(at.desk, at.actor(), lead, sent.step, means=at.deployment.leads, stated=stated)
    return Decision.of(made)


@router.post("/leads/{lead}/outcome", response_model=IncidentOpened)
def give_lead_outcome(
    at: Annotated[At, needs("lead.outcome")], lead: Id, sent: LeadOutcome
) -> IncidentOpened:
    """Say what became of the lead."""
    return IncidentOpened(
        incident=give_outcome(
            at.desk, at.actor(), lead, sent.outcome, words=sent.words, keys=at.deployment.keys,
            suspend_gallery=sent.suspend_gallery,
        )
    )  # fmt: skip
