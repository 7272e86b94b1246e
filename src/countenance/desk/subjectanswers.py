"""What a person is told of themselves: computed from the records, sealed, and handed over.

It says in which galleries they are, since when, from which source, on what basis and until when,
and which published lists held an entry of theirs, by day and by what came of it: never whose case
it was or who searched. What cannot be known from the records is said, too.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.core import InputError, canonical_json
from countenance.desk.errors import NotAllowedError
from countenance.desk.galleries import find_person
from countenance.desk.gallery_tables import Enrolled, Entry, Gallery
from countenance.desk.importplans import image_mark
from countenance.desk.leads import Lead, candidate_of
from countenance.desk.reviews import Review, ReviewState
from countenance.desk.searches import WITH_A_LIST, Search, SearchState, opened_list
from countenance.desk.secrets_at_rest import ErasedError, Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.subjects import SubjectState, move, tell, the_request

NOT_KNOWN = (
    "Whom a probe shows is not known from the records, so whether somebody searched with a "
    "picture of you cannot be answered.",
    "Whoever was erased from a gallery is found in it no more; of entries that went, only what is "
    "listed here is known. For a time a keyed mark of them is kept, by which imports refuse them.",
    "What other agencies or networks hold or returned is not in these records.",
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST = 20


@dataclass(frozen=True, slots=True)
class Held:
    """One image of the person in a gallery. `removed_on`, `reason`: of one that went."""

    gallery: str
    since: str
    captured_on: str
    source: str
    basis: str | None
    disposition: str
    expires_on: str
    removed_on: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Returned:
    """One published list that held an entry of the person.

    `outcome` is ``under-review``, ``no-lead``, ``lead-of-another``, ``lead`` or what became of the
    lead.
    """

    gallery: str
    on: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told.

    Attributes
    ----------
    asked
        The galleries that were looked through: all.
    unpublished
        Lists of these galleries that are sealed and not published yet: ask again later.
    erased
        Lists that were erased with their case, so that nobody can say what was in them.
    """

    at: str
    asked: tuple[str, ...]
    held: tuple[Held, ...]
    returned: tuple[Returned, ...]
    unpublished: int
    erased: int
    not_known: tuple[str, ...] = NOT_KNOWN


def answer(
    desk: Desk, actor: Actor, request: str, *, subjects: tuple[str, ...] = (),
    pictures: tuple[str, ...] = (), keys: Secrets,
) -> Answer:  # fmt: skip
    """Compute the answer to a request whose asker was checked, keep it sealed, and close it.

    `subjects` are what sources call the person (the manifest's ``subject``), `pictures` the
    SHA-256 in hex of picture files that they gave.

    Raises
    ------
    InputError
        Neither is given, or too many, or no hash.
    NotAllowedError
        There is no such request, or the actor is who checked the person: it takes another.
    StateError
        The person was not checked, or it is answered or refused already.
    """
    if not 1 <= len(subjects) + len(pictures) <= _MOST or not all(subjects):
        raise InputError("by what the person is to be found is not stated", where="subjects",
                         expected=f"1 to {_MOST} names or pictures")  # fmt: skip
    if not all(_SHA256.fullmatch(each) for each in pictures):
        raise InputError("not a SHA-256 in hex", where="pictures")

    def work(doing: Doing) -> Answer:
        row = the_request(doing.db, request, lock=True)
        if row.checked_by == doing.actor.account:
            raise NotAllowedError(
                "who checked the person does not look them up", do="ask another administrator"
            )
        move(row, SubjectState.ANSWERED)
        found = _compute(doing.db, keys, subjects, pictures, doing.now)
        clear = canonical_json(asdict(found))
        row.closed_by, row.closed_at = doing.actor.account, doing.now
        row.answer_box = keys.seal(doing.db, row.handle, clear, purpose=f"answer {row.id}",
                                   now=doing.now)  # fmt: skip
        tell(doing, row, clear)
        return found

    return desk.act(actor, "subject.answer", work)


def read_answer(desk: Desk, actor: Actor, request: str, *, keys: Secrets) -> Answer:
    """An answer as it was given, to hand it over again. NotAllowedError where there is none."""

    def work(db: Session) -> Answer:
        row = the_request(db, request)
        if row.state != SubjectState.ANSWERED or row.answer_box is None:
            raise NotAllowedError("there is no such answer for you")
        clear = keys.open(db, row.handle, row.answer_box, purpose=f"answer {row.id}")
        value: dict[str, Any] = json.loads(clear)
        return Answer(
            value["at"], tuple(value["asked"]), tuple(Held(**each) for each in value["held"]),
            tuple(Returned(**each) for each in value["returned"]), value["unpublished"],
            value["erased"], tuple(value["not_known"]),
        )  # fmt: skip

    return desk.look(actor, "subject.read", work)


def _compute(
    db: Session, keys: Secrets, subjects: tuple[str, ...], pictures: tuple[str, ...],
    now: datetime.datetime,
) -> Answer:  # fmt: skip
    codes = tuple(db.scalars(select(Gallery.code).order_by(Gallery.code)))
    held: list[Held] = []
    returned: list[Returned] = []
    unpublished = erased = 0
    for code in codes:
        people = _people(db, keys, code, subjects, pictures)
        entries = db.scalars(
            select(Entry)
            .where(Entry.person.in_(sorted(people)))
            .order_by(Entry.added_at, Entry.id)
        ).all()
        held += [_held(db, keys, entry) for entry in entries]
        mine = {entry.id for entry in entries}
        if not mine:
            continue
        for search in _lists(db, code):
            if search.state != SearchState.OPEN:
                unpublished += 1
                continue
            try:
                listed = {each.id for each in opened_list(db, keys, search).candidates}
                if mine & listed:
                    on = (search.opened_at or search.started_at).date().isoformat()
                    returned.append(Returned(code, on, _outcome(db, keys, search, mine)))
            except ErasedError:
                erased += 1
            db.expunge(search)  # its list is let go of before the next one comes
    return Answer(now.isoformat(timespec="seconds"), codes, tuple(held), tuple(returned),
                  unpublished, erased)  # fmt: skip


def _people(
    db: Session, keys: Secrets, gallery: str, subjects: tuple[str, ...], pictures: tuple[str, ...]
) -> set[str]:
    found = {
        person.id
        for subject in subjects
        if (person := find_person(db, gallery, subject, keys=keys)) is not None
    }
    marks = [image_mark(keys, gallery, each) for each in pictures]
    by_picture = select(Entry.person).where(Entry.gallery == gallery, Entry.image_mark.in_(marks))
    return found | set(db.scalars(by_picture))


def _held(db: Session, keys: Secrets, entry: Entry) -> Held:
    basis = None
    if entry.about_box is not None:
        handle = db.get_one(Enrolled, entry.person).handle
        about = keys.open(db, handle, entry.about_box, purpose=f"about {entry.id}")
        basis = json.loads(about)["basis"]
    gone = entry.removed_at
    return Held(
        entry.gallery, entry.added_at.date().isoformat(), entry.captured_on.isoformat(),
        entry.source, basis, entry.disposition, entry.expires_on.isoformat(),
        None if gone is None else gone.date().isoformat(), entry.reason,
    )  # fmt: skip


def _lists(db: Session, gallery: str) -> Iterator[Search]:
    """Searches of a gallery that have a list, a few at a time."""
    after = ""
    while True:
        rows = db.scalars(
            select(Search)
            .where(Search.gallery == gallery, Search.state.in_(WITH_A_LIST),
                   Search.id > after)
            .order_by(Search.id).limit(200)
        ).all()  # fmt: skip
        if not rows:
            return
        after = rows[-1].id
        yield from rows


def _outcome(db: Session, keys: Secrets, search: Search, mine: set[str]) -> str:
    review = db.scalar(select(Review).where(Review.search == search.id))
    if review is None or review.state == ReviewState.OPEN:
        return "under-review"
    if review.state != ReviewState.AGREED_CANDIDATE:
        return "no-lead"
    lead = db.scalars(select(Lead).where(Lead.review == review.id)).one()
    if candidate_of(db, keys, lead, search) not in mine:
        return "lead-of-another"
    return "lead" if lead.outcome is None else f"lead: {lead.outcome}"
