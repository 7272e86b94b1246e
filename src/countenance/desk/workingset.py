"""The searchable file of a gallery, made and kept up to date from its sealed entries.

The file (`scores.create_gallery`) holds each template under a key of its own, the entry's row key,
which is in the database only, sealed under the person's data key. To remove an entry is to take
its row key away: from the next `RowKeys.refresh` on, the row is not compared any more, though
`sync` has yet to overwrite it. So the file is a copy that can be made anew, and deletion reaches
it at once.

The row keys of a million entries take seconds to open, and one process does that once: for its
searches. `sync` opens the keys of what is new, and no others.

One writer a file: `sync` is a job, so the queue sees to that, and the file's own lock as well.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import literal, select, update
from sqlalchemy.orm import Session

from countenance.core import InputError, Progress, no_progress
from countenance.desk.gallery_tables import Entry, EntryState, Gallery
from countenance.desk.jobs import Handler, Working, enqueue
from countenance.desk.secrets_at_rest import DataKey, Secrets, Wrapped
from countenance.desk.service import Desk
from countenance.faces import EngineCard
from countenance.scores import GalleryWriter, SealedRows, create_gallery

SYNC = "sync"
BATCH = 500
_STEP = 4000  # entries in one view of the database
_PART = 200  # entries, in about two milliseconds; then others get their turn
_REST_S = 0.002


class RowKeys:
    """The row keys of one gallery, as `SealedRows` asks for them: opened once, kept in memory.

    `refresh` before every search: it reads what changed since.

    Attributes
    ----------
    hurried
        Nobody is served yet, so that nobody needs a turn between two parts.
    """

    hurried = False

    def __init__(self, desk: Desk, gallery: str, keys: Secrets) -> None:
        self._desk, self._gallery, self._keys = desk, gallery, keys
        self._known: dict[str, bytes] = {}
        self._change = -1

    @property
    def change(self) -> int:
        """Up to which change of the gallery they are known."""
        return self._change

    def refresh(self, progress: Progress = no_progress) -> None:
        """Learn what came in, and forget what went.

        From one change to the next, in many short views of the database: what changes meanwhile
        is of a later change, and comes last. Interrupted, the next call goes on.
        """
        while self._step(progress):
            self._rest()

    def _step(self, progress: Progress) -> bool:
        """Learn of the next few changes; whether there are more."""
        with self._desk.store.reading() as db:
            gallery = db.get_one(Gallery, self._gallery)
            newest = gallery.changes
            if newest == self._change:
                return False
            later = (Entry.gallery == self._gallery, Entry.change > self._change)
            last = db.scalar(  # all of one change, or nothing of it
                select(Entry.change).where(*later).order_by(Entry.change).offset(_STEP).limit(1)
            )  # fmt: skip
            upto = newest if last is None else last
            rows = db.execute(
                select(Entry.id, Entry.state, Entry.row_key_box, DataKey.about, DataKey.master,
                       DataKey.wrapped)
                .outerjoin(DataKey, DataKey.about == literal("person:") + Entry.person)
                .where(*later, Entry.change <= upto)
                .execution_options(yield_per=_PART)
            )  # fmt: skip
            for part in rows.partitions():
                progress("reading keys", min(len(self._known), gallery.images), gallery.images)
                for identity, state, box, about, master, wrapped in part:
                    if state == EntryState.ACTIVE and box is not None:
                        self._known[identity] = self._keys.open_with(
                            Wrapped(about, master, wrapped), box, purpose=f"row_key {identity}"
                        )
                    else:
                        self._known.pop(identity, None)
                if len(part) == _PART:
                    self._rest()
            self._change = upto
        return upto != newest

    def _rest(self) -> None:
        if not self.hurried:
            time.sleep(_REST_S)

    def __call__(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """For each entry its row key; None where it is no more."""
        return [self._known.get(each) for each in ids]


def codec(keys: RowKeys) -> SealedRows:
    """How templates stand in the file: for `open_gallery` and `sync` alike."""
    return SealedRows(keys)


def place_of(root: Path, gallery: str, engine: str) -> Path:
    """Where the file of a gallery is, for one engine."""
    return root / f"{gallery}-{engine[:16]}"


def sync(
    desk: Desk, gallery: str, *, keys: Secrets, root: Path, card: EngineCard, issuer: str,
    working: Working | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Bring the file up to date; how many templates were added to it and deleted from it.

    Killed anywhere, the next run goes on: what the file has is asked of the file.

    Parameters
    ----------
    desk, gallery, keys
        Whose entries.
    root
        The folder of all files.
    card, issuer
        The engine, and the public key in hex whose permits open the file to searches.
    working
        The job in whose name it runs.

    Raises
    ------
    InputError
        The gallery is for another engine.
    """
    with desk.store.reading() as db:
        if db.get_one(Gallery, gallery).engine != card.identity:
            raise InputError("the gallery is for another engine than is loaded here")
    at_hand: dict[str, bytes] = {}
    sealing = SealedRows(lambda ids: [at_hand.get(each) for each in ids])
    place = place_of(root, gallery, card.identity)
    if not (place / "gallery").exists():
        root.mkdir(parents=True, exist_ok=True)
        create_gallery(place, card, issuer=issuer, codec=sealing)
    with GalleryWriter(place, codec=sealing) as writer:
        deleted = _sweep(desk, gallery, writer, working)
        added = _append(desk, gallery, writer, at_hand, keys, card, working)
        if deleted > len(writer) // 10:  # the rows are zeros already; this gives back the room
            writer.compact()
    return added, deleted


def request_sync(desk: Desk, gallery: str) -> str:
    """Put a sync into the queue; to be called after an import or a purge ended."""
    return desk.store.write(lambda db: enqueue_sync(db, gallery, now=desk.clock()))


def enqueue_sync(db: Session, gallery: str, *, now: datetime.datetime) -> str:
    """The same as part of the caller's transaction."""
    key = f"{SYNC} {gallery} {db.get_one(Gallery, gallery).changes}"
    return enqueue(db, SYNC, {"gallery": gallery}, now=now, key=key)


def handler(keys: Secrets, root: Path, card: EngineCard, issuer: str) -> Handler:
    """For `jobs.Worker`: brings one gallery's file up to date."""

    def work(working: Working) -> None:
        sync(working.desk, working.payload["gallery"], keys=keys, root=root, card=card,
             issuer=issuer, working=working)  # fmt: skip

    return work


def _sweep(desk: Desk, gallery: str, writer: GalleryWriter, working: Working | None) -> int:
    deleted = 0
    gone = (
        select(Entry.id)
        .where(Entry.gallery == gallery, Entry.state == EntryState.REMOVED, Entry.swept.is_(False))
        .limit(BATCH)
    )  # fmt: skip
    while True:
        with desk.store.reading() as db:
            ids = list(db.scalars(gone))
        if not ids:
            return deleted
        there = [each for each in ids if each in writer]
        if there:
            writer.delete(there)
            deleted += len(there)
        swept = update(Entry).where(Entry.id.in_(ids)).values(swept=True)
        desk.store.write(lambda db, swept=swept: db.execute(swept))  # type: ignore[misc]
        if working is not None:
            working.tell(deleted, deleted)


@dataclass(frozen=True, slots=True)
class _New:
    """An entry that is not in the file yet, opened."""

    id: str
    template: bytes
    row_key: bytes


def _append(
    desk: Desk, gallery: str, writer: GalleryWriter, at_hand: dict[str, bytes], keys: Secrets,
    card: EngineCard, working: Working | None,
) -> int:  # fmt: skip
    """`at_hand`: the row keys that the writer seals with."""
    added, last = 0, ""
    while True:
        with desk.store.reading() as db:
            # Of all galleries, by their ids: whatever else is asked, no index has them in order,
            # and each batch would sort a million.
            found = db.scalars(
                select(Entry.id).where(Entry.id > last).order_by(Entry.id).limit(BATCH)
            ).all()
            if not found:
                return added
            last = found[-1]
            absent = [each for each in found if each not in writer]
            there = _active(db, gallery, absent)
            new = _opened(db, there, keys) if there else []
        if new:
            with desk.store.reading() as db:  # not gone meanwhile
                still = set(_active(db, gallery, there))
            new = [each for each in new if each.id in still]
        if new:
            at_hand.update((each.id, each.row_key) for each in new)
            templates = np.stack([np.frombuffer(each.template, "<i2") for each in new])
            writer.append([each.id for each in new], templates, engine=card.identity)
            at_hand.clear()
            added += len(new)
        if working is not None and there:
            working.tell(added, added)
        time.sleep(_REST_S)


def _active(db: Session, gallery: str, ids: Sequence[str]) -> list[str]:
    """Those that are in the gallery now."""
    if not ids:
        return []
    rows = db.execute(select(Entry.id, Entry.gallery, Entry.state).where(Entry.id.in_(ids)))
    return [each for each, of, state in rows if (of, state) == (gallery, EntryState.ACTIVE)]


def _opened(db: Session, ids: Sequence[str], keys: Secrets) -> list[_New]:
    """Of these entries what can be searched: templates, and the keys to seal them with."""
    rows = db.execute(
        select(Entry.id, Entry.template_box, Entry.row_key_box, DataKey.about, DataKey.master,
               DataKey.wrapped)
        .outerjoin(DataKey, DataKey.about == literal("person:") + Entry.person)
        .where(Entry.id.in_(ids)).order_by(Entry.id)
    )  # fmt: skip
    found = []
    for identity, template, row_key, about, master, wrapped in rows:
        if template is None or row_key is None:
            continue
        key = Wrapped(about, master, wrapped)
        found.append(_New(
            identity, keys.open_with(key, template, purpose=f"template {identity}"),
            keys.open_with(key, row_key, purpose=f"row_key {identity}"),
        ))  # fmt: skip
    return found
