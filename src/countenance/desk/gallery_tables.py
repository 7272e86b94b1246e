"""Tables of galleries: what is known of every image, and nothing of it in clear that is personal.

A person is a handle (`person:<id>`) whose data key opens everything there is of them: name, birth,
images, templates, and the keys under which their templates stand in the searchable file. The mark
is a keyed fingerprint, by which the same person or image is found again without keeping either.
"""

from __future__ import annotations

import datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from countenance.desk.base import UTC, Base


class EntryState(StrEnum):
    """An entry can be searched, or is no more."""

    ACTIVE = "active"
    REMOVED = "removed"


class Gallery(Base):
    """One gallery: whose, of what sources, on what basis, for how long.

    `changes` grows with every change of what is in it; `people` and `images` are how many there
    are now, kept with every change, because counting a million takes a second.
    """

    __tablename__ = "galleries"

    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    sources: Mapped[str] = mapped_column(String(1000))  # codes, with spaces between
    basis: Mapped[str] = mapped_column(String(500))
    purpose: Mapped[str] = mapped_column(String(500))
    keep_days: Mapped[int] = mapped_column(Integer)
    notice: Mapped[bool] = mapped_column()
    engine: Mapped[str] = mapped_column(String(64))
    engine_name: Mapped[str] = mapped_column(String(64))
    changes: Mapped[int] = mapped_column(Integer, default=0)
    people: Mapped[int] = mapped_column(Integer, default=0)
    images: Mapped[int] = mapped_column(Integer, default=0)
    made_at: Mapped[datetime.datetime] = mapped_column(UTC)
    purged_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class Enrolled(Base):
    """One person in one gallery."""

    __tablename__ = "gallery_people"
    __table_args__ = (UniqueConstraint("gallery", "mark"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    gallery: Mapped[str] = mapped_column(ForeignKey("galleries.code"), index=True)
    mark: Mapped[str | None] = mapped_column(String(32), default=None)

    @property
    def handle(self) -> str:
        """What everything of this person is sealed under."""
        return f"person:{self.id}"


class Entry(Base):
    """One image of one person. Of one that was removed, the counts stay and nothing else."""

    __tablename__ = "gallery_entries"
    __table_args__ = (
        UniqueConstraint("gallery", "image_mark"),
        Index("ix_gallery_entries_change", "gallery", "change"),
        # What purges and compositions ask of every entry, without reading the boxes beside it.
        Index(
            "ix_gallery_entries_what", "gallery", "state", "source", "disposition", "captured_on",
            "expires_on",
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    gallery: Mapped[str] = mapped_column(ForeignKey("galleries.code"))
    person: Mapped[str] = mapped_column(ForeignKey("gallery_people.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(64))
    disposition: Mapped[str] = mapped_column(String(64))
    captured_on: Mapped[datetime.date] = mapped_column(Date)
    expires_on: Mapped[datetime.date] = mapped_column(Date)
    image_mark: Mapped[str | None] = mapped_column(String(32), default=None)
    image_box: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, default=None)
    about_box: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, default=None)
    template_box: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, default=None)
    row_key_box: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, default=None)
    added_at: Mapped[datetime.datetime] = mapped_column(UTC)
    removed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    reason: Mapped[str | None] = mapped_column(String(64), default=None)
    imported: Mapped[str] = mapped_column(String(32), index=True)
    change: Mapped[int] = mapped_column(Integer)
    swept: Mapped[bool] = mapped_column(default=False)  # gone from the searchable file, too
