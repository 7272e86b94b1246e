"""What is shown of a review that is settled, and of a lead: never without what a score means.

Only here do rank and score appear, after both examiners have concluded; with them how often
different people of each group score so high, how old the picture is, and how many false
candidates such a search is to be expected to return (failures F7, F8, F13).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.audit import Audit
from countenance.core import ScoreUnit
from countenance.desk import checklist, evidence
from countenance.desk.checklist import Checklist, Question
from countenance.desk.doubts import Doubt, doubts
from countenance.desk.errors import NotAllowedError
from countenance.desk.evidence import EvidenceView
from countenance.desk.leads import Lead, LeadState, Outcome, candidate_of
from countenance.desk.meaning import FalseCandidates, Meaning, false_candidates, meanings
from countenance.desk.reliance import NO_SOLE_BASIS
from countenance.desk.reviews import Examination, Pictures, Reference, Review, ReviewState
from countenance.desk.roles import Role
from countenance.desk.searches import SealedList, Search, opened_list
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk

_YEAR_DAYS = 365.2425


class Audits(Protocol):
    """Audits that were accepted, by their digest."""

    def audit(self, db: Session, digest: str) -> Audit | None:
        """The audit, current or not; None where it is not there."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what is shown comes from."""

    keys: Secrets
    pictures: Pictures
    audits: Audits


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate of a settled review.

    Attributes
    ----------
    value, unit
        The score in the engine's own unit, and that unit in words.
    reference
        When the picture was taken and which groups are recorded of it.
    age_days
        Of the picture at the day of the search; None where it is not recorded.
    means
        What such a score means, for everybody and each group.
    """

    candidate: str
    rank: int
    ties: int
    score: int
    value: float
    unit: str
    reference: Reference
    age_days: int | None
    means: tuple[Meaning, ...]

    @property
    def sentence(self) -> str:
        """Rank, score and age of the picture, in words."""
        if self.age_days is None:
            age = "When the picture was taken is not recorded."
        else:
            age = f"The picture was {self.age_days / _YEAR_DAYS:.1f} years old at the search."
        tied = f", shared by {self.ties}" if self.ties > 1 else ""
        return f"Rank {self.rank}{tied}; {self.unit} {self.value:.4f}. {age}"


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled review with its whole list: rank one never comes without the others."""

    state: ReviewState
    entries: tuple[Entry, ...]
    compared: int
    false_candidates: tuple[FalseCandidates, ...]


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead as it is shown. `warning` is its first sentence, whatever else is shown of it.

    `no_sole_basis` and `duties` end in their citations; they are empty before it is issued.
    `doubts` is what it rests on and no longer stands.
    """

    id: str
    state: LeadState
    warning: str
    no_sole_basis: tuple[str, ...]
    duties: tuple[str, ...]
    entry: Entry
    others: int
    doubts: tuple[Doubt, ...]
    false_candidates: tuple[FalseCandidates, ...]
    answers: Checklist | None
    contradictions: tuple[Question, ...]
    evidence: tuple[EvidenceView, ...]
    outcome: Outcome | None
    due_at: datetime.datetime

    @property
    def text(self) -> str:
        """All of it in words: what a report or an affidavit may quote, whole."""
        lines = [self.warning, *(each.sentence for each in self.doubts), *self.no_sole_basis]
        lines.append(self.entry.sentence)
        lines.append(f"The list had {self.others} other candidates.")
        lines += [each.sentence for each in self.entry.means]
        lines += [each.sentence for each in self.false_candidates]
        if self.answers is None:
            lines.append("The exculpatory checklist is NOT ANSWERED.")
        else:
            lines += [
                f"{name.value}: {each.answer.value}. {each.words}"
                for name, each in self.answers.items()
            ]
        free = sum(each.counted_as.value == "independent" for each in self.evidence)
        lines.append(f"Evidence entered: {len(self.evidence)} items, {free} of them independent.")
        return "\n".join((*lines, *self.duties))


def read_settled(desk: Desk, actor: Actor, search: str, *, sources: Sources) -> Settled:
    """The list of a search once its review is settled.

    For whoever asked for it, who examined it, and auditors. NotAllowedError for others, and
    before: until both have concluded nobody sees a rank or a score.
    """

    def work(db: Session) -> Settled:
        row = db.get(Search, search)
        review = db.scalar(select(Review).where(Review.search == search))
        if row is None or review is None or not _may_read(db, actor, row, review):
            raise NotAllowedError("there is no such list for you")
        if review.state == ReviewState.OPEN:
            raise NotAllowedError("there is no such list for you")
        sealed = opened_list(db, sources.keys, row)
        audit = sources.audits.audit(db, row.audit)
        entries = tuple(
            _entry(db, row, sealed, n, audit, sources) for n in range(len(sealed.candidates))
        )
        return Settled(ReviewState(review.state), entries, sealed.compared,
                       _expected(sealed, audit))  # fmt: skip

    return desk.look(actor, "review.result", work)


def read_lead(desk: Desk, actor: Actor, lead: str, *, sources: Sources) -> LeadView:
    """A lead, for whoever asked for the search, who examined it, and auditors.

    For approvers once its checklist is answered: one of them is to supervise it.
    """

    def work(db: Session) -> LeadView:
        row = db.get(Lead, lead)
        search = None if row is None else db.get(Search, row.search)
        if row is None or search is None:
            raise NotAllowedError("there is no such lead for you")
        supervises = Role.APPROVER in actor.roles and row.checklist_box is not None
        if not supervises and not _may_read(db, actor, search, db.get_one(Review, row.review)):
            raise NotAllowedError("there is no such lead for you")
        return _view(db, row, search, sources)

    return desk.look(actor, "lead.read", work)


def list_leads(desk: Desk, actor: Actor) -> list[tuple[str, LeadState, datetime.datetime]]:
    """(id, state, when its outcome is due) of the actor's own leads, the newest first."""

    def work(db: Session) -> list[tuple[str, LeadState, datetime.datetime]]:
        rows = db.scalars(
            select(Lead).where(Lead.requester == actor.account)
            .order_by(Lead.prepared_at.desc(), Lead.id)
        )  # fmt: skip
        return [(row.id, LeadState(row.state), row.due_at) for row in rows]

    return desk.look(actor, "lead.read", work)


def _may_read(db: Session, actor: Actor, search: Search, review: Review) -> bool:
    if Role.AUDITOR in actor.roles or search.requester == actor.account:
        return True
    mine = select(Examination.id).where(
        Examination.review == review.id, Examination.examiner == actor.account
    )
    return db.scalar(mine) is not None


def _view(db: Session, row: Lead, search: Search, sources: Sources) -> LeadView:
    keys = sources.keys
    candidate = candidate_of(db, keys, row, search)
    sealed = opened_list(db, keys, search)
    audit = sources.audits.audit(db, search.audit)
    place = next(n for n, c in enumerate(sealed.candidates) if c.id == candidate)
    answers = None
    if row.checklist_box is not None:
        clear = keys.open(db, search.handle, row.checklist_box, purpose=f"checklist {row.id}")
        answers = checklist.from_json(json.loads(clear))
    text: Mapping[str, list[str]] = {}
    if row.text_box is not None:
        clear = keys.open(db, search.handle, row.text_box, purpose=f"text {row.id}")
        text = json.loads(clear)
    entry = _entry(db, search, sealed, place, audit, sources)
    return LeadView(
        id=row.id, state=LeadState(row.state), warning=NO_SOLE_BASIS,
        no_sole_basis=tuple(text.get("no_sole_basis", ())), duties=tuple(text.get("duties", ())),
        entry=entry, others=len(sealed.candidates) - 1,
        doubts=doubts(db, search, entry.reference), false_candidates=_expected(sealed, audit),
        answers=answers,
        contradictions=() if answers is None else checklist.contradictions(answers),
        evidence=evidence.view(db, keys, lead=row.id, handle=search.handle),
        outcome=Outcome(row.outcome) if row.outcome else None, due_at=row.due_at,
    )  # fmt: skip


def _entry(
    db: Session, search: Search, sealed: SealedList, place: int, audit: Audit | None,
    sources: Sources,
) -> Entry:  # fmt: skip
    found = sealed.candidates[place]
    unit = ScoreUnit.from_json(dict(sealed.unit))
    reference = sources.pictures.about(db, search.gallery, found.id)
    taken = reference.captured_on
    age = None if taken is None else (search.started_at.date() - taken).days
    return Entry(
        candidate=found.id, rank=found.rank, ties=found.ties, score=found.score,
        value=unit.to_unit(found.score), unit=unit.name, reference=reference, age_days=age,
        means=meanings(audit, unit, found.score),
    )  # fmt: skip


def _expected(sealed: SealedList, audit: Audit | None) -> tuple[FalseCandidates, ...]:
    return false_candidates(
        audit, ScoreUnit.from_json(dict(sealed.unit)), threshold=sealed.request.threshold,
        compared=sealed.compared,
    )  # fmt: skip
