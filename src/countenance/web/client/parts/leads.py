"""Calls of the API about leads.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import (
    Decision,
    FalseCandidates,
    LeadState,
    ListEntry,
    Made,
    Outcome,
)

Answer = Literal["contradicts", "agrees", "not-known"]
"""What was found."""


class Answered(Value, frozen=True, kw_only=True):
    """One answer: what was found and where, or what was tried."""

    answer: Answer
    words: str


Question = Literal["physique", "tattoos", "location", "custody", "age-of-photo"]
"""What is asked."""


class Checklist(Value, frozen=True, kw_only=True):
    """An answer to each question."""

    answers: dict[Question, Answered]


Doubtful = Literal["engine-suspended", "gallery-suspended", "image-removed"]
"""What no longer stands."""


class DueLead(Value, frozen=True, kw_only=True):
    """A lead whose outcome has not been given, and since when it was asked for."""

    id: str
    due_at: datetime.datetime


EvidenceKind = Literal[
    "line-up",
    "picture-shown-to-witness",
    "comparison-of-faces",
    "witness-account",
    "fingerprint",
    "dna",
    "document",
    "location-data",
    "communication-data",
    "property-found",
    "statement-of-the-person",
    "other",
]
"""What an item is."""


Relation = Literal["independent", "derived"]
"""How whoever enters an item says it stands to the lead."""


class EvidenceItem(Value, frozen=True, kw_only=True):
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


class EvidenceToAdd(Value, frozen=True, kw_only=True):
    """An item of evidence, and the ids of items that it came of."""

    kind: EvidenceKind
    relation: Relation
    what: str
    source: str
    obtained_on: datetime.date
    derived_from: tuple[str, ...] = ()


class GivenAnswer(Value, frozen=True, kw_only=True):
    """One answer of the checklist."""

    answer: Answer
    words: str


class IncidentOpened(Value, frozen=True, kw_only=True):
    """The incident that was opened, if any."""

    incident: str | None


class LeadDoubt(Value, frozen=True, kw_only=True):
    """Something that the lead rests on and that no longer stands, since when, and in words."""

    what: Doubtful
    since: datetime.datetime
    sentence: str


class Lead(Value, frozen=True, kw_only=True):
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
    answers: dict[Question, GivenAnswer] | None
    contradictions: tuple[Question, ...]
    evidence: tuple[EvidenceItem, ...]
    outcome: Outcome | None
    due_at: datetime.datetime
    text: str


class LeadOfMine(Value, frozen=True, kw_only=True):
    """A lead in a list; `due_at`: until when its outcome is asked for."""

    id: str
    state: LeadState
    due_at: datetime.datetime


class LeadOutcome(Value, frozen=True, kw_only=True):
    """What became of the lead. A wrong one opens an incident."""

    outcome: Outcome
    words: str
    suspend_gallery: bool = False


Step = Literal[
    "contact-person",
    "line-up",
    "search-warrant",
    "arrest-warrant",
    "arrest",
    "charge",
    "preliminary-hearing",
    "trial-evidence",
]
"""What somebody may want to do because of a lead; words of the law's vocabulary."""


class Reliance(Value, frozen=True, kw_only=True):
    """A step that is to be taken because of the lead. Null is not stated, so unknown."""

    step: Step
    in_affidavit: bool | None = None
    rests_on_result: bool | None = None


class LeadsCalls(Part):
    """Calls of the API about leads."""

    def list_my_leads(self) -> tuple[LeadOfMine, ...]:
        """One's own leads, the newest first."""
        return self._call(
            Call("list_my_leads", "GET", "/api/v1/leads"),
            Shape[tuple[LeadOfMine, ...]](tuple[LeadOfMine, ...]),
        )

    def list_due_leads(self) -> tuple[DueLead, ...]:
        """Leads whose outcome is asked for."""
        return self._call(
            Call("list_due_leads", "GET", "/api/v1/leads/due"),
            Shape[tuple[DueLead, ...]](tuple[DueLead, ...]),
        )

    def show_lead(self, lead: str) -> Lead:
        """One lead: never without the whole list's length and what its score means."""
        return self._call(
            Call("show_lead", "GET", "/api/v1/leads/{lead}"),
            Shape[Lead](Lead),
            path={"lead": lead},
        )

    def answer_lead_checklist(self, lead: str, sent: Checklist) -> None:
        """Say what would speak against the candidate, before anything is done."""
        self._call(
            Call("answer_lead_checklist", "POST", "/api/v1/leads/{lead}/checklist"),
            None,
            path={"lead": lead},
            body=sent,
        )

    def supervise_lead(self, lead: str) -> None:
        """Say, as a supervisor, that the lead was checked."""
        self._call(
            Call(
                "supervise_lead",
                "POST",
                "/api/v1/leads/{lead}/supervise",
                confirms="lead.supervise",
            ),
            None,
            path={"lead": lead},
            body={},
        )

    def issue_lead(self, lead: str) -> Decision:
        """Give the lead out, where the law permits it; the decision."""
        return self._call(
            Call("issue_lead", "POST", "/api/v1/leads/{lead}/issue", confirms="lead.issue"),
            Shape[Decision](Decision),
            path={"lead": lead},
            body={},
        )

    def add_lead_evidence(self, lead: str, sent: EvidenceToAdd) -> Made:
        """Enter an item of evidence."""
        return self._call(
            Call("add_lead_evidence", "POST", "/api/v1/leads/{lead}/evidence"),
            Shape[Made](Made),
            path={"lead": lead},
            body=sent,
        )

    def rely_on_lead(self, lead: str, sent: Reliance) -> Decision:
        """Ask the law whether a step may be taken because of the lead; recorded either way."""
        return self._call(
            Call("rely_on_lead", "POST", "/api/v1/leads/{lead}/rely", confirms="lead.rely"),
            Shape[Decision](Decision),
            path={"lead": lead},
            body=sent,
        )

    def give_lead_outcome(self, lead: str, sent: LeadOutcome) -> IncidentOpened:
        """Say what became of the lead."""
        return self._call(
            Call("give_lead_outcome", "POST", "/api/v1/leads/{lead}/outcome"),
            Shape[IncidentOpened](IncidentOpened),
            path={"lead": lead},
            body=sent,
        )
