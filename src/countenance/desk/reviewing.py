"""Examining a list: alone, the probe first, and without rank, score or the story of the case.

An examiner asks for work and is handed a review, of a search or of a known answer: they cannot
choose it, nor tell which of the two it is. Everything here is found by *the examiner's own*
examination; no function takes a review, a search or another examiner, so that what the other one
saw or said cannot be asked for.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from countenance.core import InputError, sha256_bytes
from countenance.desk import knownanswers
from countenance.desk.base import new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.features import Comparison, Conclusion, ProbeNotes
from countenance.desk.knownanswers import KnownAnswer
from countenance.desk.leads import prepare_lead
from countenance.desk.reviews import (
    AT_WORK,
    EXAMINATION_MOVES,
    EXAMINED_WITHIN,
    SEATS,
    Concluded,
    Examination,
    ExaminationState,
    Pictures,
    Review,
    ReviewState,
    open_findings,
    open_notes,
    outcome,
    seal_findings,
    seal_notes,
    shown_order,
)  # fmt: skip
from countenance.desk.searches import Search, opened_list
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing

KNOWN_ONE_IN = 10
"""For about one in so many real reviews, a known-answer case is mixed in."""


@dataclass(frozen=True, slots=True)
class Task:
    """One examination as its examiner sees it. `id` says nothing of the case."""

    id: str
    state: ExaminationState


def begin_review(doing: Doing, search: Search) -> None:
    """Open the review of a list that was just opened, and perhaps a known-answer case with it."""
    doing.db.add(
        Review(id=new_id(), search=search.id, state=ReviewState.OPEN, opened_at=doing.now)
    )
    doing.db.flush()
    if secrets.randbelow(KNOWN_ONE_IN) == 0:
        mix_in(doing)


def mix_in(doing: Doing) -> None:
    """Open a review of one of the known-answer cases, chosen at random, if there are any."""
    found = doing.db.scalars(
        select(KnownAnswer.id).where(KnownAnswer.retired.is_(False)).order_by(KnownAnswer.id)
    ).all()
    if found:
        doing.db.add(
            Review(id=new_id(), known=secrets.choice(found), state=ReviewState.OPEN,
                   opened_at=doing.now)
        )  # fmt: skip
        doing.db.flush()


def take(desk: Desk, actor: Actor) -> str | None:
    """Hand the actor a review with a free seat, chosen at random; None where there is none.

    Never one of a search they asked for or approved, nor one that they have sat in, nor a known
    answer they know. A seat whose examiner has had it for too long (`EXAMINED_WITHIN`) is free,
    or one person could keep a case from ever being settled.
    """
    found = desk.look(actor, "review.read", lambda db: _free(db, actor.account, desk.now()))
    if not found:
        return None

    def work(doing: Doing) -> str | None:
        free = _free(doing.db, doing.actor.account, doing.now)
        if not free:
            raise StateError("somebody else took it", do="ask again")
        review = doing.db.get_one(Review, secrets.choice(free))
        seat = _seat(doing, review.id)
        row = Examination(
            id=new_id(), review=review.id, seat=seat, examiner=doing.actor.account,
            state=ExaminationState.TAKEN, seed=secrets.token_bytes(32), taken_at=doing.now,
            handle=_handle(doing.db, review),
        )  # fmt: skip
        doing.db.add(row)
        _tell(doing, row, None)
        return row.id

    return desk.act(actor, "review.take", work)


def my_tasks(desk: Desk, actor: Actor) -> list[Task]:
    """The actor's examinations that are not concluded, the oldest first."""

    def work(db: Session) -> list[Task]:
        rows = db.scalars(
            select(Examination)
            .where(Examination.examiner == actor.account, Examination.state.in_(AT_WORK))
            .order_by(Examination.taken_at, Examination.id)
        )  # fmt: skip
        return [Task(row.id, ExaminationState(row.state)) for row in rows]

    return desk.look(actor, "review.read", work)


def see_probe(desk: Desk, actor: Actor, task: str, *, keys: Secrets, pictures: Pictures) -> bytes:
    """The probe's picture: what an examiner sees first."""

    def work(db: Session) -> bytes:
        review = db.get_one(Review, _own(db, actor, task).review)
        if review.known is not None:
            return knownanswers.probe_of(db, keys, review.known)
        return pictures.probe(db, db.get_one(Search, review.search))

    return desk.look(actor, "review.read", work)


def note_probe(desk: Desk, actor: Actor, task: str, notes: ProbeNotes, *, keys: Secrets) -> None:
    """Save what is seen in the probe. Only then are candidates shown, and it never changes."""

    def work(doing: Doing) -> None:
        row = _own(doing.db, doing.actor, task)
        _move(row, ExaminationState.NOTED)
        row.noted_at = doing.now
        _tell(doing, row, seal_notes(doing.db, keys, row, notes, doing.now))

    desk.act(actor, "review.note-probe", work)


def see_candidates(desk: Desk, actor: Actor, task: str, *, keys: Secrets) -> list[str]:
    """Labels of all candidates, in an order of this examiner's own.

    Raises
    ------
    StateError
        The probe's features are not noted yet.
    """

    def work(db: Session) -> list[str]:
        row = _noted(db, actor, task)
        return [name for name, _ in shown_order(row.seed, _candidates(db, keys, row))]

    return desk.look(actor, "review.read", work)


def see_candidate(
    desk: Desk, actor: Actor, task: str, label: str, *, keys: Secrets, pictures: Pictures
) -> bytes:
    """The picture of the candidate under a label."""

    def work(db: Session) -> bytes:
        row = _noted(db, actor, task)
        review = db.get_one(Review, row.review)
        candidate = dict(shown_order(row.seed, _candidates(db, keys, row))).get(label)
        if candidate is None:
            raise NotAllowedError("there is no such candidate for you")
        if review.known is not None:
            return knownanswers.picture_of(db, keys, review.known, candidate)
        return pictures.reference(db, db.get_one(Search, review.search).gallery, candidate)

    return desk.look(actor, "review.read", work)


def conclude(
    desk: Desk, actor: Actor, task: str, findings: Mapping[str, Comparison], *, keys: Secrets
) -> None:
    """Save what was found of every candidate, by its label. It never changes.

    Whoever of the two concludes last settles the review; neither is told which that was, nor what
    came out.

    Raises
    ------
    InputError
        A candidate is left out (failure F8), more than one is said to be the person, or what was
        not visible in the probe is compared.
    StateError
        The probe is not noted, or this is concluded already.
    """

    def work(doing: Doing) -> None:
        row = _own(doing.db, doing.actor, task)
        _move(row, ExaminationState.CONCLUDED)
        names = dict(shown_order(row.seed, _candidates(doing.db, keys, row)))
        _check(findings, names, open_notes(doing.db, keys, row))
        row.concluded_at = doing.now
        mine = {names[name]: each for name, each in findings.items()}
        _tell(doing, row, seal_findings(doing.db, keys, row, mine, doing.now))
        doing.db.flush()
        _settle(doing, keys, row.review)

    desk.act(actor, "review.conclude", work)


def _check(
    findings: Mapping[str, Comparison], names: Mapping[str, str], notes: ProbeNotes
) -> None:
    if findings.keys() != names.keys():
        raise InputError("the findings are not of exactly the candidates shown",
                         expected="one finding a candidate, none left out")  # fmt: skip
    for each in findings.values():
        each.check_against(notes)
    if sum(each.conclusion is Conclusion.SAME for each in findings.values()) > 1:
        raise InputError(
            "more than one candidate is said to be the person",
            do="say of all but one what is against it, or that it is inconclusive",
        )  # fmt: skip


def _settle(doing: Doing, keys: Secrets, review_id: str) -> None:
    """If both are concluded, bring them together: the one place where that happens."""
    review = doing.db.get_one(Review, review_id, with_for_update=True)
    rows = doing.db.scalars(
        select(Examination).where(Examination.review == review_id, Examination.seat <= SEATS)
        .order_by(Examination.seat)
    ).all()  # fmt: skip
    if len(rows) < SEATS or any(row.state != ExaminationState.CONCLUDED for row in rows):
        return
    if review.state != ReviewState.OPEN:
        raise StateError("this review is settled")
    first, second = (open_findings(doing.db, keys, row) for row in rows)
    review.state, review.settled_at = outcome(first, second), doing.now
    if review.known is not None:
        for each in (first, second):
            knownanswers.mark(doing, keys, review.known, each)
        return
    _tell_settled(doing, keys, review, (first, second))


def _tell_settled(
    doing: Doing, keys: Secrets, review: Review, both: tuple[Concluded, Concluded]
) -> None:
    """The log commits to the entry of the list that was picked, not to anybody's id or words."""
    search = doing.db.get_one(Search, review.search)
    sealed = opened_list(doing.db, keys, search)
    places = {each.id: n for n, each in enumerate(sealed.candidates, 1)}
    for each in both:
        said = "lead" if each.pick else "inconclusive" if each.undecided else "excluded"
        doing.record.add(
            doing.db, "candidate-reviewed", about=search.handle,
            public={"request": search.request_digest, "outcome": said},
            private={
                "case": search.case_id, "examiner": each.examiner,
                "candidate": {"list": search.digest, "place": places.get(each.pick or "")},
                "grounds": {"sha256": sha256_bytes(each.record)},
            },
        )  # fmt: skip
    doing.record.add(
        doing.db, "review-settled", about=search.handle,
        public={"request": search.request_digest, "outcome": ReviewState(review.state).value,
                "candidates": search.candidates or 0},
        private={"case": search.case_id, "list": {"sha256": search.digest}},
    )  # fmt: skip
    agreed = both[0].pick
    if review.state == ReviewState.AGREED_CANDIDATE and agreed is not None:
        prepare_lead(doing, keys, search, review.id, sealed.candidate(agreed))


def _free(db: Session, examiner: str, now: datetime.datetime) -> list[str]:
    """Reviews with a free seat that this examiner may sit in."""
    held = (
        select(func.count()).where(
            Examination.review == Review.id, Examination.seat <= SEATS,
            (Examination.state == ExaminationState.CONCLUDED)
            | (Examination.taken_at > now - EXAMINED_WITHIN),
        ).scalar_subquery()
    )  # fmt: skip
    own = select(Search.id).where(
        Search.id == Review.search,
        (Search.requester == examiner) | (Search.approver == examiner),
    )
    sat = select(Examination.id).where(
        Examination.review == Review.id, Examination.examiner == examiner
    )
    erased = select(KnownAnswer.id).where(
        KnownAnswer.id == Review.known, KnownAnswer.erased_at.is_not(None)
    )
    before = aliased(Review)
    known = select(before.known).join(Examination, Examination.review == before.id).where(
        before.known.is_not(None), Examination.examiner == examiner
    )  # fmt: skip
    free = select(Review.id).where(
        Review.state == ReviewState.OPEN, held < SEATS,
        ~own.exists(), ~sat.exists(), ~erased.exists(),
        Review.known.is_(None) | Review.known.not_in(known),
    )  # fmt: skip
    return list(db.scalars(free))


def _seat(doing: Doing, review: str) -> int:
    """A free seat of a review; whoever had it for too long loses it."""
    rows = doing.db.scalars(
        select(Examination).where(Examination.review == review).order_by(Examination.seat)
        .with_for_update()
    ).all()  # fmt: skip
    free = set(range(1, SEATS + 1)) - {row.seat for row in rows}
    late = [row for row in rows if row.seat <= SEATS and row.state in AT_WORK
            and row.taken_at <= doing.now - EXAMINED_WITHIN]  # fmt: skip
    if free:
        return min(free)
    seat = late[0].seat
    lose(doing, late[0])
    return seat


def lose(doing: Doing, row: Examination) -> None:
    """Take an examination from whoever is at work on it, as if they had had it for too long."""
    last = select(func.max(Examination.seat)).where(Examination.review == row.review)
    row.seat = max(SEATS, doing.db.scalar(last) or 0) + 1
    _move(row, ExaminationState.LAPSED)
    _tell(doing, row, None)
    doing.db.flush()


def _own(db: Session, actor: Actor, task: str) -> Examination:
    row = db.scalar(
        select(Examination).where(Examination.id == task, Examination.examiner == actor.account)
    )
    if row is None or row.state == ExaminationState.LAPSED:
        raise NotAllowedError("there is no such examination for you")
    return row


def _noted(db: Session, actor: Actor, task: str) -> Examination:
    row = _own(db, actor, task)
    if row.state == ExaminationState.TAKEN:
        raise StateError("the probe comes first", do="note what you see in the probe")
    return row


def _move(row: Examination, to: ExaminationState) -> None:
    if to not in EXAMINATION_MOVES[ExaminationState(row.state)]:
        raise StateError(f"this examination is {ExaminationState(row.state).value}")
    row.state = to


def _candidates(db: Session, keys: Secrets, row: Examination) -> list[str]:
    """The candidates' own ids, in no order that means anything."""
    review = db.get_one(Review, row.review)
    if review.known is not None:
        return knownanswers.candidates(db, review.known)
    sealed = opened_list(db, keys, db.get_one(Search, review.search))
    return [each.id for each in sealed.candidates]


def _handle(db: Session, review: Review) -> str:
    if review.known is not None:
        return knownanswers.about(review.known)
    return db.get_one(Search, review.search).handle


def _tell(doing: Doing, row: Examination, clear: bytes | None) -> None:
    doing.record.add(
        doing.db, "examination-changed", about=row.handle,
        public={"examination": sha256_bytes(row.id.encode()),
                "change": ExaminationState(row.state).value},
        private={"examiner": row.examiner,
                 "record": None if clear is None else {"sha256": sha256_bytes(clear)}},
    )  # fmt: skip
