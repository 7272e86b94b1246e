"""Galleries as administrators and auditors look into them: one entry, one import, what went.

Without its person: ids, dates, codes and counts.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from countenance.desk.casefile import account_names
from countenance.desk.errors import NotAllowedError
from countenance.desk.galleries import gallery_of
from countenance.desk.gallery_tables import Entry, EntryState
from countenance.desk.imports import Import, NotImported
from countenance.desk.jobs import Progress, progress
from countenance.desk.listings import EntryLine
from countenance.desk.service import Actor, Desk

MANIFEST = "manifest.csv"
MOST = 200
MOST_DEPTH = 4
_MOST_LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One import: by whom, how far its job is, what came in and what did not, by reason."""

    id: str
    gallery: str
    folder: str
    by: str
    begun_at: datetime.datetime
    ended_at: datetime.datetime | None
    job: Progress | None
    added: int
    not_imported: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Removal:
    """Entries that went together, and why."""

    at: datetime.datetime
    reason: str
    entries: int


def read_entry(desk: Desk, actor: Actor, gallery: str, entry: str) -> EntryLine:
    """One entry, also one that went. NotAllowedError where there is none in this gallery."""

    def work(db: Session) -> EntryLine:
        gallery_of(db, gallery)
        row = db.get(Entry, entry)
        if row is None or row.gallery != gallery:
            raise NotAllowedError("there is no such entry for you")
        return EntryLine(row.id, EntryState(row.state), row.source, row.disposition,
                         row.captured_on, row.expires_on, row.added_at, row.removed_at,
                         row.reason)  # fmt: skip

    return desk.look(actor, "gallery.entries", work)


def read_import(desk: Desk, actor: Actor, gallery: str, identity: str) -> ImportFile:
    """One import. NotAllowedError where there is none into this gallery."""

    def work(db: Session) -> ImportFile:
        row = db.get(Import, identity)
        if row is None or row.gallery != gallery:
            raise NotAllowedError("there is no such import for you")
        added = select(func.count()).select_from(Entry).where(Entry.imported == row.id)
        failed = db.execute(
            select(NotImported.code, func.count().label("n")).where(NotImported.of == row.id)
            .group_by(NotImported.code).order_by(NotImported.code)
        )  # fmt: skip
        name = account_names(db, [row.author]).get(row.author, row.author)
        return ImportFile(
            row.id, row.gallery, row.folder, name, row.begun_at, row.ended_at,
            progress(db, row.job), db.scalar(added) or 0,
            {row.code: row.n for row in failed},
        )  # fmt: skip

    return desk.look(actor, "gallery.entries", work)


def list_removals(desk: Desk, actor: Actor, gallery: str) -> list[Removal]:
    """What went from a gallery, when and why, the newest first; at most `MOST`."""

    def work(db: Session) -> list[Removal]:
        gallery_of(db, gallery)
        rows = db.execute(
            select(Entry.removed_at, Entry.reason, func.count().label("n"))
            .where(Entry.gallery == gallery, Entry.state == EntryState.REMOVED)
            .group_by(Entry.removed_at, Entry.reason)
            .order_by(Entry.removed_at.desc(), Entry.reason).limit(MOST)
        )  # fmt: skip
        return [Removal(row.removed_at, row.reason or "", row.n) for row in rows]

    return desk.look(actor, "gallery.list", work)


def import_folders(root: Path) -> list[str]:
    """Folders with a manifest below the one opened for imports, by name; at most `MOST`.

    Links are not followed, and it looks `MOST_DEPTH` folders deep.
    """
    found: list[str] = []
    for looked_at, (place, folders, files) in enumerate(os.walk(root), 1):
        below = Path(place).relative_to(root)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(below.parts) >= MOST_DEPTH:
            folders.clear()
        if MANIFEST in files and below.parts:
            found.append(below.as_posix())
        if len(found) >= MOST or looked_at >= _MOST_LOOKED_AT:
            break
    return sorted(found)
