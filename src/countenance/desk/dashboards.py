"""What there is to do, for each role, and what became of what was asked for.

A task names what waits and since when, never more than the list it comes from: an examiner is
given probes and their own examinations, and no case, request or search (failure F9).
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import Account, AccountState
from countenance.desk.approvals import Approval
from countenance.desk.audits import AcceptedAudit, AuditState
from countenance.desk.cases import Case, CaseState
from countenance.desk.erasure_tables import ASKED_FOR as ERASURE_ASKED_FOR
from countenance.desk.erasure_tables import Erasure, ErasureState
from countenance.desk.gallery_tables import Gallery
from countenance.desk.incidents import Incident, IncidentState, in_force
from countenance.desk.knownerasing import KnownErasure
from countenance.desk.leads import Lead, LeadState
from countenance.desk.outside_tables import AskState, OutsideAsk, OutsideResult, ResultState
from countenance.desk.probes import Probe, ProbeState
from countenance.desk.requests import RequestState, SearchRequest
from countenance.desk.reviews import AT_WORK, EXAMINED_WITHIN, Examination, Review, ReviewState
from countenance.desk.roles import Role
from countenance.desk.searches import Search, SearchState
from countenance.desk.service import Actor, Desk
from countenance.desk.settings import Setting, SettingState
from countenance.desk.standing import ASKED_FOR, Switch, SwitchState
from countenance.desk.subjects import SubjectRequest, SubjectState
from countenance.desk.training import TrainingRow
from countenance.desk.two_person import CONFIRM_S, JointRequest, JointState

SOON = datetime.timedelta(days=30)
"""What ends within this is told of beforehand."""
MOST = 200
_PURGE_EVERY = datetime.timedelta(days=2)  # daily; a day late is a worker that does not run


class ToDo(StrEnum):
    """What waits. The comment says whose id `Task.of` is."""

    SEARCH_NOW = "search-now"  # request
    FINISH_SEARCH = "finish-search"  # request
    ANSWER_CHECKLIST = "answer-checklist"  # lead
    ISSUE_LEAD = "issue-lead"  # lead
    GIVE_OUTCOME = "give-outcome"  # lead
    LOOK_AGAIN = "look-again"  # lead: what it rests on no longer stands
    ANOTHER_PROBE = "another-probe"  # probe, judged unsuitable
    WAITS_FOR_APPROVAL = "waits-for-approval"  # request: nothing to do but wait
    APPROVE_REQUEST = "approve-request"  # request
    SUPERVISE_LEAD = "supervise-lead"  # lead
    APPROVE_SETTING = "approve-setting"  # setting
    APPROVE_ASK = "approve-ask"  # ask
    DECIDE_QUARANTINE = "decide-quarantine"  # result
    CLOSE_INCIDENT = "close-incident"  # incident
    CONFIRM_STANDING = "confirm-standing"  # switch
    JUDGE_PROBE = "judge-probe"  # probe
    EXAMINE = "examine"  # examination
    RENEW_AUDIT = "renew-audit"  # audit
    DECIDE_ERASURE = "decide-erasure"  # erasure
    DECIDE_KNOWN_ERASURE = "decide-known-erasure"  # erasure of a known-answer case
    CONFIRM_ACCOUNT = "confirm-account"  # joint request
    LOOK_AT_ACCOUNT = "look-at-account"  # account: a passkey of it answered as a copy would
    RENEW_TRAINING = "renew-training"  # account
    PURGE_OVERDUE = "purge-overdue"  # gallery
    CHECK_SUBJECT = "check-subject"  # subject request
    ANSWER_SUBJECT = "answer-subject"  # subject request


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits for the actor: of what, since when, and until when if it has an end."""

    what: ToDo
    of: str
    since: datetime.datetime
    due: datetime.datetime | None = None


def my_work(desk: Desk, actor: Actor) -> list[Task]:
    """What waits for the actor, in all of their roles; what ends first comes first.

    At most `MOST` of a sort.
    """

    def work(db: Session) -> list[Task]:
        now = desk.now()
        found = [
            task for role, finders in _FINDERS.items() if role in actor.roles
            for find in finders for task in find(db, actor.account, now)
        ]  # fmt: skip
        never = now + datetime.timedelta(days=36500)
        return sorted(found, key=lambda each: (each.due or never, each.since, each.what, each.of))

    return desk.look(actor, "task.list", work)


def searches_by_outcome(desk: Desk, actor: Actor) -> Mapping[str, int]:
    """How many requests came to what: a code each, zeros too, nothing counted twice.

    Of requesters their own; of approvers, auditors and administrators all. Codes: the states of a
    request but ``taken-up``; then ``begun`` (permitted, no search yet), ``running``, ``sealed``,
    ``open-empty``, ``open-unreviewed``, and how the review came out.
    """

    def work(db: Session) -> Mapping[str, int]:
        mine = None
        if not actor.roles & {Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR}:
            mine = actor.account
        return outcomes(db, requester=mine)

    return desk.look(actor, "figures.read", work)


def outcomes(db: Session, *, requester: str | None = None) -> dict[str, int]:
    """What became of all requests, or of one account's; see `searches_by_outcome`."""
    each = (
        select(SearchRequest.state.label("request"), Search.state.label("search"),
               (Search.candidates > 0).label("several"), Review.state.label("review"))
        .outerjoin(Search, Search.request == SearchRequest.id)
        .outerjoin(Review, Review.search == Search.id)
    )  # fmt: skip
    if requester is not None:
        each = each.where(SearchRequest.requester == requester)
    of = each.subquery().c
    what = (of.request, of.search, of.several, of.review)
    rows = select(*what, func.count()).group_by(*what)
    count: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for state, search, several, review, n in db.execute(rows):
        count[outcome_of(state, search, several, review)] += n
    return dict(count)


OUTCOMES = (
    *(state.value for state in RequestState if state is not RequestState.TAKEN_UP),
    "begun", "running", "sealed", "open-empty", "open-unreviewed",
    *(state.value for state in ReviewState if state is not ReviewState.OPEN),
)  # fmt: skip


def outcome_of(state: str, search: str | None, several: bool | None, review: str | None) -> str:
    """The one code of a request in this state, with a search, list and review in these."""
    if state != RequestState.TAKEN_UP:
        return RequestState(state).value
    if search is None:
        return "begun"
    if search != SearchState.OPEN:
        return SearchState(search).value
    if not several:
        return "open-empty"
    if review is None or review == ReviewState.OPEN:
        return "open-unreviewed"
    return ReviewState(review).value


_Find = Callable[[Session, str, datetime.datetime], Iterator[Task]]


def _requests(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    rows = db.execute(
        select(SearchRequest, Approval.at, Approval.expires_at)
        .outerjoin(Approval, Approval.request_id == SearchRequest.id)
        .where(SearchRequest.requester == me,
               SearchRequest.state.in_((RequestState.PENDING, RequestState.APPROVED)))
        .order_by(SearchRequest.submitted_at).limit(MOST)
    )  # fmt: skip
    for row, at, until in rows:
        if row.state == RequestState.APPROVED and until > now:
            yield Task(ToDo.SEARCH_NOW, row.id, at, until)
        elif row.state == RequestState.PENDING and row.expires_at > now:
            yield Task(ToDo.WAITS_FOR_APPROVAL, row.id, row.submitted_at, row.expires_at)


def _searches(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    begun = (
        select(SearchRequest).outerjoin(Search, Search.request == SearchRequest.id)
        .where(SearchRequest.requester == me, SearchRequest.state == RequestState.TAKEN_UP,
               Search.id.is_(None))
        .limit(MOST)
    )  # fmt: skip
    for request in db.scalars(begun):
        yield Task(ToDo.FINISH_SEARCH, request.id, request.submitted_at)
    left = select(Search).where(
        Search.requester == me, Search.state.in_((SearchState.RUNNING, SearchState.SEALED))
    )
    for row in db.scalars(left.limit(MOST)):
        if row.state == SearchState.SEALED or row.lease_until <= now:
            yield Task(ToDo.FINISH_SEARCH, row.request, row.started_at)


def _leads(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    suspended = (
        select(func.min(Incident.opened_at)).where(
            in_force(),
            or_(Incident.engine == Search.engine, Incident.gallery == Search.gallery),
        ).correlate(Search).scalar_subquery()
    )  # fmt: skip
    rows = (
        select(Lead, suspended).join(Search, Search.id == Lead.search)
        .where(Lead.requester == me, Lead.state != LeadState.ENDED)
    )  # fmt: skip
    for row, since in db.execute(rows.order_by(Lead.due_at).limit(MOST)):
        doubted = row.image_removed_at or cast("datetime.datetime | None", since)
        if doubted is not None:
            yield Task(ToDo.LOOK_AGAIN, row.id, doubted)
        elif row.state == LeadState.PREPARED:
            yield Task(ToDo.ANSWER_CHECKLIST, row.id, row.prepared_at, row.due_at)
        elif row.state == LeadState.CHECKED:
            yield Task(ToDo.ISSUE_LEAD, row.id, row.prepared_at, row.due_at)
        if row.due_at <= now:
            yield Task(ToDo.GIVE_OUTCOME, row.id, row.due_at, row.due_at)


def _rejected(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = (
        select(Probe).join(Case, Case.id == Probe.case_id)
        .where(Probe.state == ProbeState.UNSUITABLE, Case.state == CaseState.OPEN,
               Case.opened_by == me).order_by(Probe.uploaded_at).limit(MOST)
    )  # fmt: skip
    for row in db.scalars(rows):
        yield Task(ToDo.ANOTHER_PROBE, row.id, row.judged_at or row.uploaded_at)


def _to_approve(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    rows = (
        select(SearchRequest).join(Case, Case.id == SearchRequest.case_id)
        .where(SearchRequest.state == RequestState.PENDING, SearchRequest.requester != me,
               Case.opened_by != me, SearchRequest.expires_at > now)
        .order_by(SearchRequest.expires_at).limit(MOST)
    )  # fmt: skip
    for row in db.scalars(rows):
        yield Task(ToDo.APPROVE_REQUEST, row.id, row.submitted_at, row.expires_at)


def _to_supervise(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = select(Lead).where(
        Lead.state == LeadState.CHECKED, Lead.supervised_by.is_(None), Lead.requester != me
    )
    for row in db.scalars(rows.order_by(Lead.prepared_at).limit(MOST)):
        yield Task(ToDo.SUPERVISE_LEAD, row.id, row.prepared_at, row.due_at)


def _settings(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = select(Setting).where(Setting.state == SettingState.PROPOSED, Setting.proposed_by != me)
    for row in db.scalars(rows.order_by(Setting.proposed_at).limit(MOST)):
        yield Task(ToDo.APPROVE_SETTING, row.id, row.proposed_at)


def _others(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    asks = (
        select(OutsideAsk).join(Case, Case.id == OutsideAsk.case_id)
        .where(OutsideAsk.state == AskState.WAITING, OutsideAsk.by != me, Case.opened_by != me)
        .order_by(OutsideAsk.at).limit(MOST)
    )  # fmt: skip
    for ask in db.scalars(asks):
        yield Task(ToDo.APPROVE_ASK, ask.id, ask.at)
    results = (
        select(OutsideResult).join(Case, Case.id == OutsideResult.case_id)
        .where(OutsideResult.state == ResultState.QUARANTINED, OutsideResult.by != me,
               Case.opened_by != me)
        .order_by(OutsideResult.at).limit(MOST)
    )  # fmt: skip
    for result in db.scalars(results):
        yield Task(ToDo.DECIDE_QUARANTINE, result.id, result.at)


def _incidents(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = select(Incident).where(Incident.state == IncidentState.OPEN, Incident.opened_by != me)
    for row in db.scalars(rows.order_by(Incident.opened_at).limit(MOST)):
        if row.approved_by != me:
            yield Task(ToDo.CLOSE_INCIDENT, row.id, row.opened_at)


def _standing(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    rows = select(Switch).where(
        Switch.state == SwitchState.ASKED, Switch.asked_at > now - ASKED_FOR,
        Switch.asked_by != me,
    )  # fmt: skip
    for row in db.scalars(rows):
        yield Task(ToDo.CONFIRM_STANDING, row.id, row.asked_at, row.asked_at + ASKED_FOR)


def _to_judge(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = (
        select(Probe.id, Probe.uploaded_at).join(Case, Case.id == Probe.case_id)
        .where(Probe.state == ProbeState.WAITING, Case.state == CaseState.OPEN,
               Case.opened_by != me, Probe.uploaded_by != me)
        .order_by(Probe.uploaded_at).limit(MOST)
    )  # fmt: skip
    for probe, since in db.execute(rows):
        yield Task(ToDo.JUDGE_PROBE, probe, since)


def _to_examine(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = select(Examination).where(Examination.examiner == me, Examination.state.in_(AT_WORK))
    for row in db.scalars(rows.order_by(Examination.taken_at).limit(MOST)):
        yield Task(ToDo.EXAMINE, row.id, row.taken_at, row.taken_at + EXAMINED_WITHIN)


def _audits(db: Session, _: str, now: datetime.datetime) -> Iterator[Task]:
    rows = select(AcceptedAudit.id, AcceptedAudit.accepted_at, AcceptedAudit.until).where(
        AcceptedAudit.state == AuditState.ACCEPTED, AcceptedAudit.until <= now + SOON
    )
    for audit, since, until in db.execute(rows.order_by(AcceptedAudit.until).limit(MOST)):
        yield Task(ToDo.RENEW_AUDIT, audit, since, until)


def _joint(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
    wait = datetime.timedelta(seconds=CONFIRM_S)
    rows = select(JointRequest).where(
        JointRequest.state == JointState.OPEN, JointRequest.asked_by != me,
        JointRequest.asked_at > now - wait,
    )  # fmt: skip
    for row in db.scalars(rows.order_by(JointRequest.asked_at).limit(MOST)):
        if row.account != me:
            yield Task(ToDo.CONFIRM_ACCOUNT, row.id, row.asked_at, row.asked_at + wait)


def _accounts(db: Session, _: str, now: datetime.datetime) -> Iterator[Task]:
    rows = select(Account).where(
        Account.state == AccountState.ACTIVE, Account.flagged_at.is_not(None)
    )
    for row in db.scalars(rows.order_by(Account.flagged_at).limit(MOST)):
        yield Task(ToDo.LOOK_AT_ACCOUNT, row.id, row.flagged_at or now)
    counts = (  # the latest record of a kind, as `training.current_training` has it
        select(func.max(TrainingRow.number)).where(TrainingRow.withdrawn_at.is_(None))
        .group_by(TrainingRow.account, TrainingRow.kind)
    )  # fmt: skip
    ending = (
        select(TrainingRow.account, TrainingRow.recorded_at, TrainingRow.until)
        .join(Account, Account.id == TrainingRow.account)
        .where(TrainingRow.number.in_(counts), Account.state == AccountState.ACTIVE,
               TrainingRow.until <= now + SOON)
        .order_by(TrainingRow.until).limit(MOST)
    )  # fmt: skip
    for account, since, until in db.execute(ending):
        yield Task(ToDo.RENEW_TRAINING, account, since, until)


def _purges(db: Session, _: str, now: datetime.datetime) -> Iterator[Task]:
    rows = select(Gallery.code, Gallery.made_at, Gallery.purged_at).order_by(Gallery.code)
    for code, made, purged in db.execute(rows):
        last = purged or made
        if last + _PURGE_EVERY <= now:
            yield Task(ToDo.PURGE_OVERDUE, code, last, last + _PURGE_EVERY)


def _subjects(db: Session, me: str, _: datetime.datetime) -> Iterator[Task]:
    rows = select(SubjectRequest).where(
        SubjectRequest.state.in_((SubjectState.RECEIVED, SubjectState.BEING_CHECKED))
    )
    for row in db.scalars(rows.order_by(SubjectRequest.due_at).limit(MOST)):
        if row.state == SubjectState.RECEIVED:
            yield Task(ToDo.CHECK_SUBJECT, row.id, row.received_at, row.due_at)
        elif row.checked_by != me:
            since = row.checked_at or row.received_at
            yield Task(ToDo.ANSWER_SUBJECT, row.id, since, row.due_at)


def _erasures_of(table: type[Erasure] | type[KnownErasure], what: ToDo) -> _Find:
    def find(db: Session, me: str, now: datetime.datetime) -> Iterator[Task]:
        rows = select(table.id, table.asked_at).where(
            table.state == ErasureState.ASKED, table.asked_at > now - ERASURE_ASKED_FOR,
            table.asked_by != me,
        )  # fmt: skip
        for erasure, since in db.execute(rows.order_by(table.asked_at).limit(MOST)):
            yield Task(what, erasure, since, since + ERASURE_ASKED_FOR)

    return find


_FINDERS: Mapping[Role, tuple[_Find, ...]] = {
    Role.REQUESTER: (_requests, _searches, _leads, _rejected),
    Role.APPROVER: (_to_approve, _to_supervise, _settings, _others, _incidents, _standing),
    Role.EXAMINER: (_to_judge, _to_examine),
    Role.AUDITOR: (_audits, _erasures_of(Erasure, ToDo.DECIDE_ERASURE)),
    Role.ADMINISTRATOR: (
        _joint,
        _accounts,
        _purges,
        _subjects,
        _erasures_of(KnownErasure, ToDo.DECIDE_KNOWN_ERASURE),
    ),
}
