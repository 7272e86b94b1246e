"""Lists for pages, in pages: each begins after the last of the page before, so none is skipped.

Nothing here is a new right: what stands in a list is what its reader may look at one by one. An
entry of a gallery is listed without its person: ids, dates and codes.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from countenance.desk.account_tables import Account, AccountState, roles_of
from countenance.desk.audits import AcceptedAudit, AuditState
from countenance.desk.errors import NotAllowedError
from countenance.desk.galleries import Composition, composition, gallery_of
from countenance.desk.gallery_tables import Entry, EntryState
from countenance.desk.imports import Import, NotImported
from countenance.desk.invitations import CODE_S, Invitation, InvitationState
from countenance.desk.jobs import Progress, progress
from countenance.desk.kinds import KINDS
from countenance.desk.knownanswers import KnownAnswer, KnownPicture
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk
from countenance.record import leaf_hash, parse_checkpoint, parse_entry
from countenance.record.note import split_note

MOST = 200
"""Nobody reads a longer page; a longer one is cut to it."""


class ReadableLog(Protocol):
    """What a list of events needs of a log."""

    @property
    def size(self) -> int:
        """Entries that are durable."""

    def entry(self, index: int) -> bytes:
        """One entry."""

    def latest_checkpoint(self) -> bytes | None:
        """The note published last."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in a list; `accounts.AccountView` is the whole."""

    id: str
    name: str
    state: AccountState
    roles: frozenset[Role]
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """An invitation that can still be used; never its code."""

    id: str
    name: str
    roles: frozenset[Role]
    replaces: bool
    made_by: str
    made_at: datetime.datetime
    until: datetime.datetime


@dataclass(frozen=True, slots=True)
class GalleryView:
    """What a gallery is, and what is in it."""

    code: str
    holder: str
    sources: tuple[str, ...]
    basis: str
    purpose: str
    keep_days: int
    notice: bool
    engine: str
    engine_name: str
    made_at: datetime.datetime
    holds: Composition


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One image of a gallery, without its person. `reason`: why it went, of one that did."""

    id: str
    state: EntryState
    source: str
    disposition: str
    captured_on: datetime.date
    expires_on: datetime.date
    added_at: datetime.datetime
    removed_at: datetime.datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import, how far its job is, and how many rows did not come in and why."""

    id: str
    folder: str
    begun_at: datetime.datetime
    ended_at: datetime.datetime | None
    job: Progress | None
    not_imported: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An audit that was accepted here."""

    id: str
    engine: str
    digest: str
    state: AuditState
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A known-answer case; never its truth."""

    id: str
    at: datetime.datetime
    pictures: int
    retired: bool
    erased_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """One entry of the log. `leaf` is its leaf hash in hex; `sealed` the names of what is sealed.

    An entry of a kind that this program does not know is listed with what of it is public.
    """

    index: int
    kind: str
    time: str
    public: Mapping[str, Any]
    sealed: tuple[str, ...]
    leaf: str


def page_accounts(
    desk: Desk, actor: Actor, *, after: str = "", most: int = 50
) -> list[AccountLine]:
    """Accounts by name; the next page is `after` the last name."""

    def work(db: Session) -> list[AccountLine]:
        rows = select(Account).where(Account.name > after).order_by(Account.name)
        return [
            AccountLine(row.id, row.name, AccountState(row.state), roles_of(db, row.id),
                        row.joined_at, row.flagged_at)
            for row in db.scalars(rows.limit(_cut(most)))
        ]  # fmt: skip

    return desk.look(actor, "account.list", work)


def open_invitations(desk: Desk, actor: Actor) -> list[InvitationLine]:
    """Invitations that can still be used, the oldest first."""
    length = datetime.timedelta(seconds=CODE_S)

    def work(db: Session) -> list[InvitationLine]:
        rows = select(Invitation).where(
            Invitation.state == InvitationState.OPEN, Invitation.made_at > desk.now() - length
        )
        return [
            InvitationLine(
                row.id, row.name, frozenset(Role(each) for each in row.roles.split(",") if each),
                row.account is not None, row.made_by, row.made_at, row.made_at + length,
            )
            for row in db.scalars(rows.order_by(Invitation.made_at, Invitation.id))
        ]  # fmt: skip

    return desk.look(actor, "account.list", work)


def read_gallery(desk: Desk, actor: Actor, code: str) -> GalleryView:
    """One gallery. NotAllowedError where there is none."""

    def work(db: Session) -> GalleryView:
        row = gallery_of(db, code)
        holds = composition(db, code, today=desk.clock().date())
        return GalleryView(
            row.code, row.holder, tuple(row.sources.split()), row.basis, row.purpose,
            row.keep_days, row.notice, row.engine, row.engine_name, row.made_at, holds,
        )  # fmt: skip

    return desk.look(actor, "gallery.list", work)


def page_entries(
    desk: Desk, actor: Actor, gallery: str, *, after: str = "", most: int = 50
) -> list[EntryLine]:
    """Entries of a gallery by id, also those that went; the next page is `after` the last id."""

    def work(db: Session) -> list[EntryLine]:
        gallery_of(db, gallery)
        rows = select(Entry).where(Entry.gallery == gallery, Entry.id > after).order_by(Entry.id)
        return [
            EntryLine(row.id, EntryState(row.state), row.source, row.disposition, row.captured_on,
                      row.expires_on, row.added_at, row.removed_at, row.reason)
            for row in db.scalars(rows.limit(_cut(most)))
        ]  # fmt: skip

    return desk.look(actor, "gallery.entries", work)


def list_imports(desk: Desk, actor: Actor, gallery: str) -> list[ImportView]:
    """The newest imports into a gallery, with their progress; at most `MOST`."""

    def work(db: Session) -> list[ImportView]:
        gallery_of(db, gallery)
        rows = (
            select(Import).where(Import.gallery == gallery)
            .order_by(Import.begun_at.desc(), Import.id).limit(MOST)
        )  # fmt: skip
        return [
            ImportView(row.id, row.folder, row.begun_at, row.ended_at, progress(db, row.job),
                       _not_imported(db, row.id))
            for row in db.scalars(rows)
        ]  # fmt: skip

    return desk.look(actor, "gallery.entries", work)


def list_audits(desk: Desk, actor: Actor) -> list[AuditLine]:
    """Audits that were ever accepted, the newest first; at most `MOST`."""
    columns = (
        AcceptedAudit.id, AcceptedAudit.engine, AcceptedAudit.digest, AcceptedAudit.state,
        AcceptedAudit.operational, AcceptedAudit.accepted_at, AcceptedAudit.until,
    )  # fmt: skip
    rows = select(*columns).order_by(AcceptedAudit.accepted_at.desc(), AcceptedAudit.id)
    return desk.look(actor, "setting.read", lambda db: [
        AuditLine(row.id, row.engine, row.digest, AuditState(row.state), row.operational,
                  row.accepted_at, row.until)
        for row in db.execute(rows.limit(MOST))
    ])  # fmt: skip


def read_audit(desk: Desk, actor: Actor, audit: str) -> bytes:
    """The bytes of an audit as they were accepted. NotAllowedError where there is none."""

    def work(db: Session) -> bytes:
        row = db.get(AcceptedAudit, audit)
        if row is None:
            raise NotAllowedError("there is no such audit for you")
        return row.body

    return desk.look(actor, "setting.read", work)


def list_known_answers(desk: Desk, actor: Actor) -> list[KnownLine]:
    """Known-answer cases, the oldest first."""
    pictures = (
        select(func.count()).where(KnownPicture.known == KnownAnswer.id).scalar_subquery()
    )  # fmt: skip
    rows = select(
        KnownAnswer.id, KnownAnswer.at, pictures, KnownAnswer.retired, KnownAnswer.erased_at
    )
    return desk.look(actor, "known-answer.results", lambda db: [
        KnownLine(*row) for row in db.execute(rows.order_by(KnownAnswer.at, KnownAnswer.id))
    ])  # fmt: skip


def page_events(
    desk: Desk, actor: Actor, log: ReadableLog, *, before: int | None = None, most: int = 50
) -> Sequence[EventLine]:
    """Entries of the log, the newest first; the next page is `before` the last index."""

    def work(_: Session) -> list[EventLine]:
        end = log.size if before is None else max(0, min(before, log.size))
        last = end - min(end, _cut(most))
        published = published_size(log)
        return [event_line(log, index, published=published) for index in range(last, end)][::-1]

    return desk.look(actor, "record.read", work)


def event_line(log: ReadableLog, index: int, *, published: int) -> EventLine:
    """One entry of the log, as anybody may read it once it is among the `published` ones.

    Before that, of a list that is sealed nobody is told how long it is.
    """
    data = log.entry(index)
    entry = parse_entry(data, kinds=KINDS)
    public = dict(entry.public)
    if entry.kind == "search-returned" and index >= published:
        del public["candidates"]
    return EventLine(index, entry.kind, entry.time, public, tuple(entry.sealed),
                     leaf_hash(data).hex())  # fmt: skip


def published_size(log: ReadableLog) -> int:
    """How many entries the published checkpoint covers."""
    note = log.latest_checkpoint()
    return 0 if note is None else parse_checkpoint(split_note(note)[0]).size


def _not_imported(db: Session, identity: str) -> dict[str, int]:
    rows = db.execute(
        select(NotImported.code, func.count().label("n")).where(NotImported.of == identity)
        .group_by(NotImported.code).order_by(NotImported.code)
    )  # fmt: skip
    return {row.code: row.n for row in rows}


def _cut(most: int) -> int:
    return max(1, min(most, MOST))
