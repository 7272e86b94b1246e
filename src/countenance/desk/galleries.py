"""Galleries: made for named sources on a named basis, small, dated, and emptied as they must be.

Every change is an event with counts; nothing of a person is in it. To remove an entry is to take
away its boxes and its row key, so that it cannot be compared from then on, whatever file still
holds the row; with a person's last entry their data key is destroyed, which reaches the backups
of the searchable file as well (see `secrets_at_rest` for backups of the database).
"""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, func, select
from sqlalchemy.orm import Session

from countenance.core import InputError
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.gallery_tables import Enrolled, Entry, EntryState, Gallery
from countenance.desk.gallerystatements import stated_facts
from countenance.desk.keptout import OF_THE_PERSON, keep_image_out, keep_out, subject_mark
from countenance.desk.lawful import (
    KEPT_DISPOSITIONS,
    PURGED_DISPOSITIONS,
    REFUSED_SOURCES,
    SOURCES,
)
from countenance.desk.reviews import Reference
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

HOLDERS = (
    "own-agency", "state-police", "licensing-bureau", "fbi", "other-police",
    "other-state-or-local-agency", "federal-agency",
)  # fmt: skip
AGE_BANDS = ((1, "under 1 year"), (5, "1 to 5 years"), (10, "5 to 10 years"))
OLDEST_BAND = "10 years and more"
_YEAR = datetime.timedelta(days=365.25)
_MOST_KEEP_DAYS = 366 * 25
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_counted: WeakKeyDictionary[
    Engine | Connection, dict[str, tuple[tuple[int, datetime.date], Composition]]
] = WeakKeyDictionary()

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "gallery-made", 1, "a gallery was made, still empty",
        {"gallery": Field("code"), "holder": Field("code", HOLDERS), "sources": Field("codes"),
         "keep_days": Field("count"), "engine": Field("digest")},
        ("author", "basis", "purpose"),
    ),
    EventKind(
        "gallery-purged", 1, "what may no longer be in a gallery went, or nothing had to",
        {"gallery": Field("code"), "gallery_size": Field("count"), "removed": Field("count"),
         "reason": Field("code")},
        ("author", "grounds"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGallery:
    """What a gallery is to be.

    Attributes
    ----------
    code
        Its public name, and part of a file's: a-z 0-9 and hyphens, 48 at most.
    holder, sources
        In the law's words (`HOLDERS`, `lawful.SOURCES`).
    basis, purpose
        The legal basis it stands on and what it is for, in words.
    keep_days
        How long from capture an image may be kept at most.
    notice
        The people were told, when the images were taken, that they may be searched.
    engine, engine_name
        `EngineCard.identity` of the engine its templates are made with, and its name.
    """

    code: str
    holder: str
    sources: frozenset[str]
    basis: str
    purpose: str
    keep_days: int
    notice: bool
    engine: str
    engine_name: str


@dataclass(frozen=True, slots=True)
class Composition:
    """What is in a gallery now, for everybody to see.

    Attributes
    ----------
    people, images
        How many there are. There may be several images of a person.
    sources, dispositions, ages
        Images by source, by what became of the record, and by the age of the image.
    oldest_on, next_expiry_on
        The earliest capture, and when the next image falls due; None of an empty gallery.
    """

    people: int
    images: int
    sources: Mapping[str, int]
    dispositions: Mapping[str, int]
    ages: Mapping[str, int]
    oldest_on: datetime.date | None
    next_expiry_on: datetime.date | None
    purged_at: datetime.datetime | None


def make_gallery(desk: Desk, actor: Actor, new: NewGallery) -> None:
    """Make an empty gallery.

    Raises
    ------
    InputError
        No code; a source that is refused or unknown; no basis, no end to keeping.
    StateError
        The code is taken.
    """
    if not _CODE.fullmatch(new.code):
        raise InputError("no name for a gallery", where="code",
                         expected="1 to 48 of a-z, 0-9 and, within, hyphens")  # fmt: skip
    for source in sorted(new.sources):
        if source not in SOURCES:
            raise InputError(
                f"{source!r} is refused: {REFUSED_SOURCES.get(source, 'no such source')}",
                expected=", ".join(sorted(SOURCES)),
            )
    if not new.sources:
        raise InputError("the gallery has no source", expected="at least one")
    if new.holder not in HOLDERS:
        raise InputError("nobody of this sort may hold it", expected=", ".join(HOLDERS))
    for name, text in (("basis", new.basis), ("purpose", new.purpose)):
        if not 10 <= len(text.strip()) <= 500:
            raise InputError(f"the {name} is not stated", expected="10 to 500 characters")
    if not 1 <= new.keep_days <= _MOST_KEEP_DAYS:
        raise InputError("keeping has no end", expected=f"1 to {_MOST_KEEP_DAYS:,} days")

    def work(doing: Doing) -> None:
        if doing.db.get(Gallery, new.code) is not None:
            raise StateError("there is a gallery of this name")
        doing.record.add(
            doing.db, "gallery-made", about=f"gallery:{new.code}",
            public={"gallery": new.code, "holder": new.holder, "sources": sorted(new.sources),
                    "keep_days": new.keep_days, "engine": new.engine},
            private={"author": doing.actor.account, "basis": new.basis, "purpose": new.purpose},
        )  # fmt: skip
        doing.db.add(
            Gallery(
                code=new.code, holder=new.holder, sources=" ".join(sorted(new.sources)),
                basis=new.basis, purpose=new.purpose, keep_days=new.keep_days, notice=new.notice,
                engine=new.engine, engine_name=new.engine_name, changes=0, made_at=doing.now,
            )
        )  # fmt: skip

    desk.act(actor, "gallery.create", work)


def list_galleries(desk: Desk, actor: Actor) -> dict[str, Composition]:
    """Every gallery and what is in it."""

    def work(db: Session) -> dict[str, Composition]:
        today = desk.clock().date()
        return {
            code: composition(db, code, today=today)
            for code in db.scalars(select(Gallery.code).order_by(Gallery.code))
        }

    return desk.look(actor, "gallery.list", work)


def composition(db: Session, code: str, *, today: datetime.date) -> Composition:
    """What is in a gallery now. Raises NotAllowedError where there is none.

    Counted anew when something changed, or on another day; never in a transaction that changes
    the gallery itself, or what was rolled back might be remembered.
    """
    gallery = gallery_of(db, code)
    here, state = _counted.setdefault(db.get_bind(), {}), (gallery.changes, today)
    if code not in here or here[code][0] != state:
        here[code] = state, _count(db, gallery, today)
    return replace(here[code][1], purged_at=gallery.purged_at)


def _count(db: Session, gallery: Gallery, today: datetime.date) -> Composition:
    what = (Entry.source, Entry.disposition, Entry.captured_on)
    rows = db.execute(
        select(*what, func.count(), func.min(Entry.expires_on)).where(*_active(gallery.code))
        .group_by(*what)
    ).all()  # fmt: skip
    sources, dispositions, ages = Counter[str](), Counter[str](), Counter[str]()
    for source, disposition, captured_on, count, _ in rows:
        sources[source] += count
        dispositions[disposition] += count
        young = (name for years, name in AGE_BANDS if captured_on > today - years * _YEAR)
        ages[next(young, OLDEST_BAND)] += count
    return Composition(
        gallery.people, gallery.images, _in_order(sources), _in_order(dispositions),
        _in_order(ages), min((row[2] for row in rows), default=None),
        min((row[4] for row in rows), default=None), None,
    )  # fmt: skip


def _in_order(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


class RecordedGalleries:
    """Galleries as requests, reviews and leads ask for them (`house.Galleries`, `Pictures`)."""

    def __init__(self, keys: Secrets) -> None:
        self._keys = keys

    def facts(
        self, db: Session, gallery: str, *, engine: str, now: datetime.datetime
    ) -> Mapping[str, Any] | None:
        """Facts ``gallery.*`` that the desk knows; None where there is no such gallery.

        What only people can judge is among them where somebody stated it and it counts
        (`gallerystatements`): unknown is a denial wherever a law asks.
        """
        row = db.get(Gallery, gallery)
        if row is None or row.engine != engine:
            return None
        facts: dict[str, Any] = {
            "gallery.sources": sorted(row.sources.split()),
            "gallery.lawful-source-recorded": True,  # no entry comes in without
            "gallery.size": row.people,
            "gallery.commercial": False,
            "gallery.holder": row.holder,
            "gallery.from-deception-or-breach": False,  # such sources are refused
            "gallery.notice-at-capture": row.notice,
        }
        if row.purged_at is not None:
            facts["gallery.purged-days"] = (now - row.purged_at).days
        return facts | stated_facts(db, row, now)

    def reference(self, db: Session, gallery: str, candidate: str) -> bytes:
        """The picture of an entry. Raises NotAllowedError where there is none (any more)."""
        return self._open(db, gallery, candidate, "image")

    def about(self, db: Session, gallery: str, candidate: str) -> Reference:
        """When it was taken, and the groups that the record states; never read off the face."""
        gone = db.get(Entry, candidate)
        if gone is not None and gone.gallery == gallery and gone.state == EntryState.REMOVED:
            return Reference(gone.captured_on, {}, gone.removed_at)
        row = _entry(db, gallery, candidate)
        groups = json.loads(self._open(db, gallery, candidate, "about"))["groups"]
        return Reference(row.captured_on, groups)

    def _open(self, db: Session, gallery: str, candidate: str, what: str) -> bytes:
        row = _entry(db, gallery, candidate)
        box = {"image": row.image_box, "about": row.about_box}[what]
        if box is None:
            raise NotAllowedError("this is not there for you")
        handle = db.get_one(Enrolled, row.person).handle
        return self._keys.open(db, handle, box, purpose=f"{what} {row.id}")


def set_disposition(
    desk: Desk, actor: Actor, gallery: str, entry: str, disposition: str, *, grounds: str,
    keys: Secrets,
) -> None:  # fmt: skip
    """Record what became of the record behind an entry; dismissed, expunged, acquitted go at once.

    Raises
    ------
    InputError
        No such disposition.
    NotAllowedError
        No such entry.
    """
    if disposition not in KEPT_DISPOSITIONS | PURGED_DISPOSITIONS:
        raise InputError(
            "there is no such disposition",
            expected=", ".join(sorted(KEPT_DISPOSITIONS | PURGED_DISPOSITIONS)),
        )

    def work(doing: Doing) -> None:
        row = _entry(doing.db, gallery, entry)
        row.disposition = disposition
        if disposition in PURGED_DISPOSITIONS:
            remove(doing, gallery, [row], reason=disposition, grounds=grounds, keys=keys)
        else:
            gallery_of(doing.db, gallery).changes += 1
            _changed(doing, gallery, row.source, grounds=grounds)

    desk.act(actor, "gallery.disposition", work)


def erase_person(
    desk: Desk, actor: Actor, gallery: str, subject: str, *, grounds: str, keys: Secrets
) -> None:
    """Erase a person from a gallery, if they are in it: the answer is the same either way.

    Either way no import brings them in, until a new basis is stated (`keptout.readmit`).
    """

    def work(doing: Doing) -> None:
        keep_out(doing, gallery_of(doing.db, gallery), subject_mark(keys, gallery, subject))
        person = find_person(doing.db, gallery, subject, keys=keys)
        rows: Sequence[Entry] = []
        if person is not None:
            mine = select(Entry).where(*_active(gallery), Entry.person == person.id)
            rows = doing.db.scalars(mine).all()
        remove(doing, gallery, rows, reason="asked", grounds=grounds, keys=keys)

    desk.act(actor, "gallery.erase-person", work)


def remove(
    doing: Doing, gallery: str, rows: Sequence[Entry], *, reason: str, grounds: str, keys: Secrets
) -> None:
    """Remove entries as part of the caller's transaction, and record it with the count."""
    db, row_of = doing.db, gallery_of(doing.db, gallery)
    row_of.changes += 1
    row_of.images -= len(rows)
    for row in rows:
        keep_image_out(doing, row_of, row)
        row.state, row.reason, row.removed_at = EntryState.REMOVED, reason, doing.now
        row.image_box = row.about_box = row.template_box = row.row_key_box = None
        row.image_mark, row.change, row.swept = None, row_of.changes, False
    db.flush()
    for identity in {row.person for row in rows}:
        if db.scalar(select(Entry.id).where(*_active(gallery), Entry.person == identity)) is None:
            person = db.get_one(Enrolled, identity)
            if person.mark is not None and reason in OF_THE_PERSON:
                keep_out(doing, row_of, person.mark)
            person.mark = None
            row_of.people -= 1
            keys.destroy(db, person.handle, now=doing.now)
    doing.record.add(
        db, "gallery-purged", about=f"gallery:{gallery}",
        public={"gallery": gallery, "gallery_size": size(db, gallery), "removed": len(rows),
                "reason": reason},
        private={"author": doing.actor.account, "grounds": grounds},
    )  # fmt: skip


def record_added(doing: Doing, gallery: str, added: Counter[str], *, author: str) -> None:
    """Record that so many images came in, by source."""
    for source, count in sorted(added.items()):
        _changed(doing, gallery, source, added=count, author=author, grounds="import")


def find_person(db: Session, gallery: str, subject: str, *, keys: Secrets) -> Enrolled | None:
    """The person whom a source calls so, by keyed mark."""
    mark = subject_mark(keys, gallery, subject)
    return db.scalars(
        select(Enrolled).where(Enrolled.gallery == gallery, Enrolled.mark == mark)
    ).one_or_none()


def gallery_of(db: Session, code: str) -> Gallery:
    """The gallery. Raises NotAllowedError where there is none."""
    row = db.get(Gallery, code)
    if row is None:
        raise NotAllowedError("there is no such gallery for you")
    return row


def size(db: Session, gallery: str) -> int:
    """How many people are in it."""
    return gallery_of(db, gallery).people


def _changed(
    doing: Doing, gallery: str, source: str, *, grounds: str, added: int = 0,
    author: str | None = None,
) -> None:  # fmt: skip
    doing.record.add(
        doing.db, "gallery-changed", about=f"gallery:{gallery}",
        public={"gallery": gallery, "gallery_size": size(doing.db, gallery), "added": added,
                "removed": 0, "source": source},
        private={"author": author or doing.actor.account, "grounds": grounds},
    )  # fmt: skip


def _entry(db: Session, gallery: str, entry: str) -> Entry:
    row = db.get(Entry, entry)
    if row is None or row.gallery != gallery or row.state != EntryState.ACTIVE:
        raise NotAllowedError("this is not there for you")
    return row


def _active(gallery: str) -> tuple[ColumnElement[bool], ...]:
    return (Entry.gallery == gallery, Entry.state == EntryState.ACTIVE)
