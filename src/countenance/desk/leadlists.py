"""Lists of leads, of which case one is, and what the gallery has of a lead's candidate.

A lead is of use only to somebody who can look the candidate up; so whoever asked for the search is
shown which record of the gallery it is, beside the lead's own words and never instead of them.
Examiners are listed none: what came of an examination is not told to whoever made it (failure F9).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import Account
from countenance.desk.cases import Case
from countenance.desk.errors import NotAllowedError
from countenance.desk.gallery_tables import Enrolled, Entry
from countenance.desk.leads import Lead, LeadState, Outcome, candidate_of
from countenance.desk.reviews import Pictures
from countenance.desk.roles import Role
from countenance.desk.searches import Search
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk

MOST = 200


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A lead in a list, without its candidate. `due_at`: when its outcome is asked for."""

    id: str
    case_number: str
    state: LeadState
    prepared_at: datetime.datetime
    due_at: datetime.datetime
    outcome: Outcome | None
    supervised: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class LeadPlace:
    """Of which case and search a lead is, and who asked. `mine`: the actor did."""

    case: str
    case_number: str
    search: str
    requester: str
    supervised: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """What the gallery's own record says of a candidate; read off no face.

    Attributes
    ----------
    subject
        What the gallery's holder calls the person: a number of theirs, not a name found here.
    basis
        On what the image was taken in: ``booking 17``.
    """

    gallery: str
    entry: str
    subject: str
    source: str
    basis: str
    captured_on: datetime.date
    disposition: str
    groups: Mapping[str, str]


def page_leads(desk: Desk, actor: Actor, *, after: str = "", most: int = 50) -> list[LeadLine]:
    """Leads that the actor may read, the newest first; the next page is `after` the last id.

    Requesters have their own, approvers those whose checklist is answered, auditors all.
    """

    def work(db: Session) -> list[LeadLine]:
        rows = (
            select(Lead, Case.number).join(Search, Search.id == Lead.search)
            .join(Case, Case.id == Search.case_id).where(_readable(actor))
        )  # fmt: skip
        last = db.execute(rows.where(Lead.id == after)).first() if after else None
        if last is not None:
            at = last[0].prepared_at
            rows = rows.where(
                or_(Lead.prepared_at < at, and_(Lead.prepared_at == at, Lead.id > after))
            )
        rows = rows.order_by(Lead.prepared_at.desc(), Lead.id).limit(max(1, min(most, MOST)))
        return [
            LeadLine(
                row.id, number, LeadState(row.state), row.prepared_at, row.due_at,
                Outcome(row.outcome) if row.outcome else None, row.supervised_by is not None,
                row.requester == actor.account,
            )
            for row, number in db.execute(rows)
        ]  # fmt: skip

    return desk.look(actor, "lead.read", work)


def place_of_lead(desk: Desk, actor: Actor, lead: str) -> LeadPlace | None:
    """Of which case a lead is; None for whoever is not to know that there is one."""

    def work(db: Session) -> LeadPlace | None:
        found = db.execute(
            select(Lead, Search.id, Case.id, Case.number, Account.name)
            .join(Search, Search.id == Lead.search).join(Case, Case.id == Search.case_id)
            .outerjoin(Account, Account.id == Lead.requester)
            .where(Lead.id == lead, _readable(actor))
        ).first()  # fmt: skip
        if found is None:
            return None
        row, search, case, number, name = found
        return LeadPlace(case, number, search, name or "", row.supervised_by is not None,
                         row.requester == actor.account)  # fmt: skip

    return desk.look(actor, "lead.read", work)


def record_of_candidate(
    desk: Desk, actor: Actor, lead: str, *, keys: Secrets
) -> CandidateRecord | None:
    """Which record of the gallery a lead's candidate is; None where it was removed since.

    For whoever asked for the search. NotAllowedError for others, and where there is no lead.
    """

    def work(db: Session) -> CandidateRecord | None:
        _, search, candidate = _own(db, actor, lead, keys)
        row = db.get(Entry, candidate)
        if row is None or row.about_box is None:
            return None
        handle = db.get_one(Enrolled, row.person).handle
        about: dict[str, Any] = json.loads(
            keys.open(db, handle, row.about_box, purpose=f"about {candidate}")
        )
        return CandidateRecord(
            search.gallery, candidate, about["subject"], row.source, about["basis"],
            row.captured_on, row.disposition, about["groups"],
        )  # fmt: skip

    return desk.look(actor, "lead.read", work)


def probe_of_lead(
    desk: Desk, actor: Actor, lead: str, *, keys: Secrets, pictures: Pictures
) -> bytes:
    """The picture that was searched with, for whoever asked for the search."""

    def work(db: Session) -> bytes:
        return pictures.probe(db, _own(db, actor, lead, keys)[1])

    return desk.look(actor, "lead.read", work)


def picture_of_lead(
    desk: Desk, actor: Actor, lead: str, *, keys: Secrets, pictures: Pictures
) -> bytes:
    """The candidate's picture, for whoever asked. NotAllowedError where it was removed since."""

    def work(db: Session) -> bytes:
        _, search, candidate = _own(db, actor, lead, keys)
        return pictures.reference(db, search.gallery, candidate)

    return desk.look(actor, "lead.read", work)


def _own(db: Session, actor: Actor, lead: str, keys: Secrets) -> tuple[Lead, Search, str]:
    """One's own lead, its search, and its candidate's id."""
    row = db.get(Lead, lead)
    if row is None or row.requester != actor.account:
        raise NotAllowedError("there is no such lead for you")
    search = db.get_one(Search, row.search)
    return row, search, candidate_of(db, keys, row, search)


def _readable(actor: Actor) -> Any:
    """The condition for leads that may be listed to the actor; see `leadviews.read_lead`."""
    if Role.AUDITOR in actor.roles:
        return Lead.id.is_not(None)
    mine = Lead.requester == actor.account
    if Role.APPROVER in actor.roles:
        return or_(mine, Lead.checklist_box.is_not(None))
    return mine
