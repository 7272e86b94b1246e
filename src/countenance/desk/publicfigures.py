"""What the public page shows: what is in use, under which rules, and counts by calendar month.

Months with nothing in them are there: a desk that was asked nothing says so (failure F20). A month
counts the requests that were *submitted* in it, by what has become of them by now, so that its
counts add up to its requests, and those of past months still move from "waiting" to an outcome.

**Small numbers.** The log is public and has an entry, to the second, for every request, refusal,
lead, incident and purge, with the same codes and without anything personal; a count of 1 in a
month tells less than it. So counts of events are shown as they are: to hide them here would only
look careful. What the log does *not* have is how a gallery is composed. Whoever knows that one
person came in could read off a small cell what is recorded of them. So of a gallery, cells of
fewer than 5 images are put together until they are 5 or all; every cell is rounded to a multiple
of 5; and instead of days there are years.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from countenance.desk.audits import AcceptedAudit, AuditState
from countenance.desk.dashboards import OUTCOMES, outcome_of
from countenance.desk.errors import NotAllowedError
from countenance.desk.events import Outgoing
from countenance.desk.galleries import Composition, composition
from countenance.desk.gallery_tables import Entry, EntryState, Gallery
from countenance.desk.house import House
from countenance.desk.incidents import Cause, Incident
from countenance.desk.leads import Lead
from countenance.desk.outside_tables import OutsideAsk, OutsideResult
from countenance.desk.requests import SearchRequest
from countenance.desk.reviews import Review
from countenance.desk.searches import Search
from countenance.desk.service import Desk, Standing
from countenance.desk.settings import setting_in_force
from countenance.desk.standing import Suspension, history
from countenance.desk.subjects import SubjectRequest, SubjectState
from countenance.desk.timeline import CaseEvent
from countenance.law import Request

LEAST = 5
"""Cells of a gallery's composition with fewer images than this are put together."""
TOGETHER = "fewer than 5 each, together"


class PublishedLog(Protocol):
    """What the figures need of a log."""

    @property
    def origin(self) -> str:
        """The log's name."""

    @property
    def size(self) -> int:
        """Entries that are durable."""

    def latest_checkpoint(self) -> bytes | None:
        """The note published last."""


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month in the deployment's zone; every count is there, zero or not.

    Attributes
    ----------
    month
        ``2026-11``.
    requests, outcomes
        How many were submitted in it, and what has become of them: they add up.
    refusals
        How often the law refused, by the rule that spoke first.
    leads_issued, wrong_leads
        Leads given out; leads that turned out to be of somebody else, in the month that was told.
    incidents
        Opened, by cause.
    purged
        Gallery images that went, by reason.
    asked_of_others, came_from_others
        Requests to, and results of, other agencies and networks.
    subject_requests, subject_answers
        People who asked what is held of them, and answers given.
    """

    month: str
    requests: int
    outcomes: Mapping[str, int]
    refusals: Mapping[str, int]
    leads_issued: int
    wrong_leads: int
    incidents: Mapping[str, int]
    purged: Mapping[str, int]
    asked_of_others: int
    came_from_others: int
    subject_requests: int
    subject_answers: int


@dataclass(frozen=True, slots=True)
class EngineInUse:
    """An engine with its accepted audit. Without `current` or a setting nothing is searched.

    `audit` is the digest; `public_audit` gives the audit itself.
    """

    engine: str
    audit: str
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime
    current: bool
    threshold: str | None
    list_length: int | None


@dataclass(frozen=True, slots=True)
class PackInForce:
    """A rule pack that requests here are judged under."""

    id: str
    name: str
    version: str
    digest: str
    citation: str
    policy: bool


@dataclass(frozen=True, slots=True)
class GalleryInUse:
    """A gallery. Cells are rounded (see the module); `people` and `images` are as in the log."""

    code: str
    holder: str
    basis: str
    purpose: str
    keep_days: int
    engine: str
    people: int
    images: int
    sources: Mapping[str, int]
    dispositions: Mapping[str, int]
    ages: Mapping[str, int]
    oldest_year: int | None
    purged_on: datetime.date | None


@dataclass(frozen=True, slots=True)
class PublicFigures:
    """Everything, as of one view of the database.

    `checkpoint` is the note that was published last: the log's head, signed, with its witnesses.
    """

    at: datetime.datetime
    jurisdictions: tuple[str, ...]
    months: tuple[Month, ...]
    engines: tuple[EngineInUse, ...]
    packs: tuple[PackInForce, ...]
    galleries: tuple[GalleryInUse, ...]
    down_since: datetime.datetime | None
    suspensions: tuple[Suspension, ...]
    log: str
    log_size: int
    checkpoint: str | None


def public_figures(desk: Desk, house: House, log: PublishedLog) -> PublicFigures:
    """What the public page shows, for anybody. Shows nothing that is not in the log."""
    now = desk.clock()
    with desk.store.reading() as db:
        if desk.recorder.pending(db):
            desk.recorder.flush()  # a second connection; this view stays as it is
        standing = db.get(Standing, 1)
        note = log.latest_checkpoint()
        return PublicFigures(
            at=now, jurisdictions=house.jurisdictions, months=months(db, now, house.zone),
            engines=_engines(db, now), packs=_packs(house, now), galleries=_galleries(db, now),
            down_since=None if standing is None else standing.down_since,
            suspensions=tuple(history(db)), log=log.origin, log_size=log.size,
            checkpoint=None if note is None else note.decode(),
        )  # fmt: skip


def public_audit(desk: Desk, digest: str) -> bytes:
    """An audit that was accepted here, by its digest; current, replaced or withdrawn.

    Raises NotAllowedError where there is none.
    """
    with desk.store.reading() as db:
        body = db.scalars(
            select(AcceptedAudit.body).where(AcceptedAudit.digest == digest)
            .order_by(AcceptedAudit.accepted_at).limit(1)
        ).first()  # fmt: skip
    if body is None:
        raise NotAllowedError("there is no such audit")
    return body


def months(db: Session, now: datetime.datetime, zone: datetime.tzinfo) -> tuple[Month, ...]:
    """Every month from the first event to this one."""
    names = _names(_first(db, now).astimezone(zone).date(), now.astimezone(zone).date())
    count = _Counting(db, [_begin(name, zone) for name in names])
    outcomes = count.outcomes()
    refusals = count.refusals()
    incidents = count.by(Incident.opened_at, Incident.cause)
    purged = count.by(
        Entry.removed_at,
        Entry.reason,
        Entry.state == EntryState.REMOVED,
        Entry.gallery.in_(db.scalars(select(Gallery.code)).all()),  # by which they are indexed
    )
    leads = count.by(Lead.issued_at, None)
    asks, results = count.by(OutsideAsk.at, None), count.by(OutsideResult.at, None)
    subjects = count.by(SubjectRequest.received_at, None)
    answers = count.by(SubjectRequest.closed_at, None,
                       SubjectRequest.state == SubjectState.ANSWERED)  # fmt: skip
    return tuple(
        Month(
            month=name, requests=outcomes[n].total(),
            outcomes={**dict.fromkeys(OUTCOMES, 0), **outcomes[n]}, refusals=dict(refusals[n]),
            leads_issued=leads[n].total(), wrong_leads=incidents[n][Cause.WRONG_LEAD.value],
            incidents={**{each.value: 0 for each in Cause}, **incidents[n]},
            purged=dict(purged[n]), asked_of_others=asks[n].total(),
            came_from_others=results[n].total(), subject_requests=subjects[n].total(),
            subject_answers=answers[n].total(),
        )
        for n, name in enumerate(names)
    )  # fmt: skip


def shown_cells(cells: Mapping[str, int]) -> dict[str, int]:
    """Cells as they are shown: small ones together, each rounded to a multiple of `LEAST`.

    Where the small ones together are still fewer than `LEAST`, the next smallest goes with them,
    so that no subtraction from the total gives them away; fewer than `LEAST` in all are shown as
    none.
    """
    left = sorted((n, name) for name, n in cells.items() if n)
    together: list[int] = []
    while left and (left[0][0] < LEAST or 0 < sum(together) < LEAST):
        together.append(left.pop(0)[0])
    shown = {name: _rounded(n) for n, name in sorted(left, key=lambda each: each[1])}
    return {**shown, TOGETHER: _rounded(sum(together))} if together else shown


class _Counting:
    """Counts of rows by month, each with one query whatever the number of months."""

    def __init__(self, db: Session, begins: Sequence[datetime.datetime]) -> None:
        self._db, self._begins = db, begins

    def by(self, at: Any, what: Any | None, *where: Any) -> list[Counter[str]]:
        """How many rows have `at` in which month, by a column."""
        kind = literal("") if what is None else what
        each = select(self._month(at).label("month"), kind.label("what"))
        of = each.where(at.is_not(None), *where).subquery().c
        rows = select(of.month, of.what, func.count()).group_by(of.month, of.what)
        found = self._none()
        for n, name, times in self._db.execute(rows):
            found[n][str(name)] += times
        return found

    def outcomes(self) -> list[Counter[str]]:
        """What became of the requests of each month."""
        each = (
            select(self._month(SearchRequest.submitted_at).label("month"),
                   SearchRequest.state.label("request"), Search.state.label("search"),
                   (Search.candidates > 0).label("several"), Review.state.label("review"))
            .outerjoin(Search, Search.request == SearchRequest.id)
            .outerjoin(Review, Review.search == Search.id)
        )  # fmt: skip
        of = each.subquery().c
        what = (of.month, of.request, of.search, of.several, of.review)
        rows = select(*what, func.count()).group_by(*what)
        found = self._none()
        for n, state, search, several, review, times in self._db.execute(rows):
            found[n][outcome_of(state, search, several, review)] += times
        return found

    def refusals(self) -> list[Counter[str]]:
        """How often the law refused, by the code that the log has as the reason."""
        month = self._month(CaseEvent.at)
        rows = select(month, CaseEvent.public).where(
            CaseEvent.kind == "search-decided", CaseEvent.public.contains('"refused"')
        )
        found = self._none()
        for n, text in self._db.execute(rows):
            public = json.loads(text)
            if public["decision"] == "refused":
                found[n][public["reason"]] += 1
        return found

    def _month(self, at: Any) -> Any:
        """The number of the month of a time, by halving: six comparisons for five years."""

        def among(low: int, high: int) -> Any:
            if low == high:
                return literal(low)
            middle = (low + high + 1) // 2
            return case((at < self._begins[middle], among(low, middle - 1)),
                        else_=among(middle, high))  # fmt: skip

        return among(0, len(self._begins) - 1)

    def _none(self) -> list[Counter[str]]:
        return [Counter() for _ in self._begins]


def _first(db: Session, now: datetime.datetime) -> datetime.datetime:
    first = db.scalar(select(Outgoing.time_s).order_by(Outgoing.number).limit(1))
    return now if first is None else min(now, datetime.datetime.fromtimestamp(first, datetime.UTC))


def _names(first: datetime.date, last: datetime.date) -> list[str]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in numbers]


def _begin(month: str, zone: datetime.tzinfo) -> datetime.datetime:
    year, number = map(int, month.split("-"))
    return datetime.datetime(year, number, 1, tzinfo=zone).astimezone(datetime.UTC)


def _rounded(n: int) -> int:
    return (2 * n + LEAST) // (2 * LEAST) * LEAST if n >= LEAST else 0


def _engines(db: Session, now: datetime.datetime) -> tuple[EngineInUse, ...]:
    rows = select(
        AcceptedAudit.engine, AcceptedAudit.digest, AcceptedAudit.operational,
        AcceptedAudit.accepted_at, AcceptedAudit.until,
    ).where(AcceptedAudit.state == AuditState.ACCEPTED)  # fmt: skip
    found = []
    for row in db.execute(rows.order_by(AcceptedAudit.engine)).all():
        setting = setting_in_force(db, row.engine)
        found.append(
            EngineInUse(
                row.engine, row.digest, row.operational, row.accepted_at, row.until,
                row.until > now, None if setting is None else setting.threshold_text,
                None if setting is None else setting.list_length,
            )
        )  # fmt: skip
    return tuple(found)


def _packs(house: House, now: datetime.datetime) -> tuple[PackInForce, ...]:
    request = Request(now.astimezone(house.zone), house.jurisdictions, (), dict(house.facts))
    return tuple(
        PackInForce(pack.id, pack.name, pack.version, pack.digest, pack.citation,
                    pack.id in house.policy)
        for pack in house.library.governing(request, house.policy)
    )  # fmt: skip


def _galleries(db: Session, now: datetime.datetime) -> tuple[GalleryInUse, ...]:
    rows = db.scalars(select(Gallery).order_by(Gallery.code)).all()
    return tuple(_gallery(row, composition(db, row.code, today=now.date())) for row in rows)


def _gallery(row: Gallery, holds: Composition) -> GalleryInUse:
    oldest = holds.oldest_on if holds.images >= LEAST else None
    return GalleryInUse(
        row.code, row.holder, row.basis, row.purpose, row.keep_days, row.engine, holds.people,
        holds.images, shown_cells(holds.sources), shown_cells(holds.dispositions),
        shown_cells(holds.ages),
        None if oldest is None else oldest.year,
        None if holds.purged_at is None else holds.purged_at.date(),
    )  # fmt: skip
