"""Leads: the whole of one, what is asked before it is given out, and what becomes of it.

A lead's page is its text, whole, and nothing of it can be had without its warning. No page, file
or field makes an identification of a lead.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.checklist import ASKS, Answer, Checked, Question
from countenance.desk.errors import NotAllowedError
from countenance.desk.evidence import ALWAYS_DERIVED, EvidenceKind, NewEvidence, Relation
from countenance.desk.leadlists import (
    page_leads,
    picture_of_lead,
    place_of_lead,
    probe_of_lead,
    record_of_candidate,
)
from countenance.desk.leads import (
    AFTER,
    LeadState,
    Outcome,
    add_evidence,
    answer_checklist,
    give_outcome,
    issue,
    rely,
    supervise,
)
from countenance.desk.leadviews import LeadView, read_lead
from countenance.desk.reliance import Stated, Step
from countenance.law import Decision
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.pictures import picture_answer
from countenance.web.rendering import notice

router = APIRouter()
Reader = Annotated[At, needs("lead.read")]
Answering = Annotated[At, needs("lead.checklist")]
Proving = Annotated[At, needs("lead.evidence")]
Relying = Annotated[At, needs("lead.rely")]
Ending = Annotated[At, needs("lead.outcome")]
PAGE = 50
_CHECKED = notice("lead-checked", "The checklist is answered. It never changes.")
_ENTERED = notice("evidence-entered", "The item is entered. What it counts as is computed.")
_SUPERVISED = notice("lead-supervised", "You have checked this lead.")
_SAID = notice("lead-outcome-given", "What became of this lead is kept.")
_WRONG = notice(
    "lead-was-wrong",
    "A wrong lead opened this incident. What it names is suspended until an approver closes it.",
)


@router.get("/leads")
def leads(at: Reader) -> Response:
    """The leads that one may read."""
    after = at.request.query_params.get("after", "")[:64]
    lines = page_leads(at.desk, at.looker(), after=after, most=PAGE + 1)
    more = f"/leads?after={lines[PAGE - 1].id}" if len(lines) > PAGE else ""
    return at.page("leads/list.html.j2", leads=lines[:PAGE], more=more, now=at.desk.now())


@router.get("/leads/{lead}")
def show(at: Reader, lead: Id) -> Response:
    """A lead, whole."""
    return _lead(at, lead)


@router.get("/leads/{lead}/record")
def record(at: Reader, lead: Id) -> Response:
    """What the gallery's record has of the candidate, for whoever asked for the search."""
    found = record_of_candidate(at.desk, at.looker(), lead, keys=at.deployment.keys)
    return at.page("leads/record.html.j2", lead=_view(at, lead), record=found)


@router.get("/leads/{lead}/probe")
def probe(at: Reader, lead: Id) -> Response:
    """The probe's picture."""
    return picture_answer(probe_of_lead(
        at.desk, at.looker(), lead, keys=at.deployment.keys, pictures=at.deployment.pictures
    ))  # fmt: skip


@router.get("/leads/{lead}/candidate")
def candidate(at: Reader, lead: Id) -> Response:
    """The candidate's picture."""
    return picture_answer(picture_of_lead(
        at.desk, at.looker(), lead, keys=at.deployment.keys, pictures=at.deployment.pictures
    ))  # fmt: skip


@router.get("/leads/{lead}/checklist")
def checklist_form(at: Answering, lead: Id) -> Response:
    """Ask what would speak against the candidate."""
    return _form(at, lead, "checklist", asks=ASKS)


@router.post("/leads/{lead}/checklist")
def checklist_answered(at: Answering, lead: Id) -> Response:
    """Keep the answers to all of it."""

    def work() -> Response:
        answers = {each: _checked(at, each) for each in Question}
        answer_checklist(at.desk, at.actor(), lead, answers, means=at.deployment.leads)
        return at.see(f"/leads/{lead}", done=_CHECKED)

    return at.attempt(work, lambda at: _form(at, lead, "checklist", asks=ASKS))


@router.get("/leads/{lead}/evidence")
def evidence_form(at: Proving, lead: Id) -> Response:
    """Ask for an item of evidence."""
    return _evidence(at, lead)


@router.post("/leads/{lead}/evidence")
def evidence_entered(at: Proving, lead: Id) -> Response:
    """Enter an item of evidence."""

    def work() -> Response:
        fields = at.fields
        obtained = fields.date("obtained_on")
        if obtained > at.today:
            raise InputError("this day is still to come", where="obtained_on")
        new = NewEvidence(
            fields.choice("kind", EvidenceKind), fields.choice("relation", Relation),
            fields.lines("what", most=2000), fields.lines("source", most=2000), obtained,
            tuple(dict.fromkeys(fields.all_typed("derived_from"))),
        )  # fmt: skip
        add_evidence(at.desk, at.actor(), lead, new, keys=at.deployment.keys)
        return at.see(f"/leads/{lead}", done=_ENTERED)

    return at.attempt(work, lambda at: _evidence(at, lead))


@router.post("/leads/{lead}/supervise")
def supervised(at: Annotated[At, needs("lead.supervise")], lead: Id) -> Response:
    """A supervisor has checked the lead."""

    def work() -> Response:
        supervise(at.desk, at.actor(), lead)
        return at.see(f"/leads/{lead}", done=_SUPERVISED)

    return at.attempt(work, lambda at: _lead(at, lead))


@router.post("/leads/{lead}/issue")
def issued(at: Annotated[At, needs("lead.issue")], lead: Id) -> Response:
    """Give the lead out, where the law permits that."""

    def work() -> Response:
        decision = issue(at.desk, at.actor(), lead, means=at.deployment.leads)
        return _decision(at, lead, decision, "lead")

    return at.attempt(work, lambda at: _lead(at, lead))


@router.get("/leads/{lead}/rely")
def rely_form(at: Relying, lead: Id) -> Response:
    """Ask what somebody wants to do because of the lead."""
    return _form(at, lead, "rely", steps=tuple(Step))


@router.post("/leads/{lead}/rely")
def relied(at: Relying, lead: Id) -> Response:
    """The decision on that; both answers are in the record."""

    def work() -> Response:
        step = at.fields.choice("step", Step)
        stated = Stated(at.fields.answer("in_affidavit"), at.fields.answer("rests_on_result"))
        decision = rely(
            at.desk, at.actor(), lead, step, means=at.deployment.leads, stated=stated
        )  # fmt: skip
        return _decision(at, lead, decision, step.value)

    return at.attempt(work, lambda at: _form(at, lead, "rely", steps=tuple(Step)))


@router.get("/leads/{lead}/outcome")
def outcome_form(at: Ending, lead: Id) -> Response:
    """Ask what became of the lead."""
    return _outcome(at, lead)


@router.post("/leads/{lead}/outcome")
def outcome_given(at: Ending, lead: Id) -> Response:
    """Keep what became of the lead; a wrong one opens an incident."""

    def work() -> Response:
        outcome = at.fields.choice("outcome", Outcome)
        words = at.fields.lines("grounds", most=4000)
        suspend = at.fields.ticked("suspend_gallery")
        incident = give_outcome(
            at.desk, at.actor(), lead, outcome, words=words, keys=at.deployment.keys,
            suspend_gallery=suspend,
        )  # fmt: skip
        if incident is not None:
            return at.see(f"/incidents/{incident}", done=_WRONG)
        return at.see(f"/leads/{lead}", done=_SAID)

    return at.attempt(work, lambda at: _outcome(at, lead))


def _view(at: At, lead: str) -> LeadView:
    return read_lead(at.desk, at.looker(), lead, sources=at.deployment.sources)


def _lead(at: At, lead: str) -> Response:
    view = _view(at, lead)
    numbers = {item.id: number for number, item in enumerate(view.evidence, 1)}
    return at.page(
        "leads/show.html.j2", lead=view, numbers=numbers, now=at.desk.now(),
        place=place_of_lead(at.desk, at.looker(), lead), can_say=_can_say(view),
    )  # fmt: skip


def _form(at: At, lead: str, name: str, **more: Any) -> Response:
    """A form of one's own lead: nobody else is shown one."""
    place = place_of_lead(at.desk, at.looker(), lead)
    if place is None or not place.mine:
        raise NotAllowedError("there is no such lead for you")
    return at.page(f"leads/{name}.html.j2", lead=_view(at, lead), **more)


def _evidence(at: At, lead: str) -> Response:
    return _form(
        at, lead, "evidence", kinds=tuple(EvidenceKind), always_derived=sorted(ALWAYS_DERIVED)
    )


def _outcome(at: At, lead: str) -> Response:
    return _form(at, lead, "outcome", can_say=_can_say(_view(at, lead)))


def _can_say(view: LeadView) -> tuple[Outcome, ...]:
    """The outcomes that may be given as the lead stands."""
    if view.outcome is Outcome.SOMEBODY_ELSE:
        return ()
    return tuple(each for each in Outcome if (LeadState(view.state), each) in AFTER)


def _decision(at: At, lead: str, decision: Decision, step: str) -> Response:
    return at.page(
        "leads/decision.html.j2", lead=_view(at, lead), decision=decision, step=step
    )  # fmt: skip


def _checked(at: At, question: Question) -> Checked:
    answer = at.fields.choice(f"answer-{question.value}", Answer)
    where = f"words-{question.value}"
    words = at.fields.lines(where, most=2000)
    try:
        return Checked(answer, words)
    except InputError as problem:
        raise InputError(problem.what, where=where, expected=problem.expected) from None
