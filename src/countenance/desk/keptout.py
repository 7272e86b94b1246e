"""Who left a gallery does not come back with the next import of the same folder.

Of an image that was removed, and of a person who was erased or whose record was expunged, the
keyed mark is kept, by which an import knows them again: a fingerprint under a key of the
deployment, out of which nobody makes a face or a name. It is kept as long as the gallery may keep
an image at all; then the same image is too old to come in. Until then they come back only where
an administrator states a new basis, with a reason.

Whether somebody is kept out is told to nobody who asks. Erasing marks a person who was never there
like one who was, and stating a new basis has one answer; only whoever imports reads that rows of
their own manifest are refused, and never for which reason they once went.
"""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.base import UTC, Base
from countenance.desk.errors import NotAllowedError
from countenance.desk.gallery_tables import Enrolled, Entry, Gallery
from countenance.desk.lawful import PURGED_DISPOSITIONS
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

OF_THE_PERSON = PURGED_DISPOSITIONS | {"asked", "disposition"}
"""Reasons of a removal that concern the person; the others are of one image: its time was over."""

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "gallery-readmitted", 1, "an administrator stated a new basis for somebody who had left a "
        "gallery, or had never been in it",
        {"gallery": Field("code")},
        ("author", "basis", "grounds"),
    ),
)  # fmt: skip


class KeptOut(Base):
    """One mark: of an image, or of a person, where it is `person` itself."""

    __tablename__ = "gallery_kept_out"

    gallery: Mapped[str] = mapped_column(ForeignKey("galleries.code"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(32), primary_key=True)
    person: Mapped[str] = mapped_column(String(32), index=True)
    until: Mapped[datetime.datetime] = mapped_column(UTC)


def subject_mark(keys: Secrets, gallery: str, subject: str) -> str:
    """The keyed fingerprint by which a gallery knows a person of a source again."""
    return keys.fingerprint(subject, purpose=f"subject {gallery}")


def keep_out(doing: Doing, gallery: Gallery, person: str, image: str | None = None) -> None:
    """Keep the mark of an image, or with none of the person themselves."""
    until = doing.now + datetime.timedelta(days=gallery.keep_days)
    mark = image or person
    doing.db.merge(KeptOut(gallery=gallery.code, mark=mark, person=person, until=until))


def keep_image_out(doing: Doing, gallery: Gallery, row: Entry) -> None:
    """Of an entry that is about to be removed."""
    person = doing.db.get_one(Enrolled, row.person).mark
    if person is not None and row.image_mark is not None:
        keep_out(doing, gallery, person, row.image_mark)


def is_kept_out(db: Session, gallery: str, *marks: str) -> bool:
    """Whether one of these marks is kept."""
    found = select(KeptOut.mark).where(KeptOut.gallery == gallery, KeptOut.mark.in_(marks))
    return db.scalar(found.limit(1)) is not None


def kept_out(db: Session, gallery: str) -> frozenset[str]:
    """All marks that a gallery keeps."""
    return frozenset(db.scalars(select(KeptOut.mark).where(KeptOut.gallery == gallery)))


def forget(doing: Doing, gallery: str) -> None:
    """Let go of the marks whose time is over, as part of a purge."""
    over = (KeptOut.gallery == gallery, KeptOut.until <= doing.now)
    doing.db.execute(delete(KeptOut).where(*over))


def readmit(
    desk: Desk, actor: Actor, gallery: str, subject: str, *, basis: str, grounds: str,
    keys: Secrets,
) -> None:  # fmt: skip
    """State a new basis on which somebody may come into a gallery that they left.

    The answer is the same whether or not they are kept out. Nothing comes in by this: the next
    import brings it. Raises InputError without a basis and a reason.
    """
    for name, text in (("basis", basis), ("grounds", grounds)):
        if not 10 <= len(text.strip()) <= 2000:
            raise InputError(f"the {name} says too little or too much", where=name,
                             expected="10 to 2,000 characters")  # fmt: skip

    def work(doing: Doing) -> None:
        if doing.db.get(Gallery, gallery) is None:
            raise NotAllowedError("there is no such gallery for you")
        mark = subject_mark(keys, gallery, subject)
        theirs = (KeptOut.gallery == gallery, KeptOut.person == mark)
        doing.db.execute(delete(KeptOut).where(*theirs))
        doing.record.add(
            doing.db, "gallery-readmitted", about=f"gallery:{gallery}",
            public={"gallery": gallery},
            private={"author": doing.actor.account, "basis": basis, "grounds": grounds},
        )  # fmt: skip

    desk.act(actor, "gallery.readmit", work)
