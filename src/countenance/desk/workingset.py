"""The searchable file of a gallery, made and kept up to date from its sealed entries.

The file (`scores.create_gallery`) holds each template under a key of its own, the entry's row key,
which is in the database only, sealed under the person's data key. To remove an entry is to take
its row key away: from the next `RowKeys.refresh` on, the row is not compared any more, though
`sync` has yet to overwrite it. So the file is a copy that can be made anew, and deletion reaches
it at once.

One writer a file: `sync` is a job, so the queue sees to that, and the file's own lock as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import literal, select, update
from sqlalchemy.orm import undefer

from countenance.core import InputError
from countenance.desk.gallery_tables import Enrolled, Entry, EntryState, Gallery
from countenance.desk.jobs import Handler, Working, enqueue
from countenance.desk.secrets_at_rest import DataKey, Secrets
from countenance.desk.service import Desk
from countenance.faces import EngineCard
from countenance.scores import GalleryWriter, SealedRows, create_gallery

SYNC = "sync"
BATCH = 500


class RowKeys:
    """The row keys of one gallery, as `SealedRows` asks for them: opened once, kept in memory.

    `refresh` before every search: it reads what changed since.
    """

    def __init__(self, desk: Desk, gallery: str, keys: Secrets) -> None:
        self._desk, self._gallery, self._keys = desk, gallery, keys
        self._known: dict[str, bytes] = {}
        self._change = -1

    @property
    def change(self) -> int:
        """Up to which change of the gallery they are known."""
        return self._change

    def refresh(self, *, over: Callable[[], bool] = lambda: False) -> None:
        """Learn what came in, and forget what went; left undone where `over` says so."""
        with self._desk.store.reading() as db:
            newest = db.get_one(Gallery, self._gallery).changes
            if newest == self._change:
                return
            rows = db.execute(
                # With each its person's data key, which `open` then need not ask for.
                select(Entry.id, Entry.state, Entry.row_key_box, Entry.person, DataKey)
                .outerjoin(DataKey, DataKey.about == literal("person:") + Entry.person)
                .where(Entry.gallery == self._gallery, Entry.change > self._change)
                .execution_options(yield_per=1000)
            )  # fmt: skip
            for number, (identity, state, box, person, _) in enumerate(rows):
                if number % 1000 == 0 and over():
                    return
                self._known.pop(identity, None)
                if state == EntryState.ACTIVE and box is not None:
                    self._known[identity] = self._keys.open(
                        db, f"person:{person}", box, purpose=f"row_key {identity}"
                    )
            self._change = newest

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
    row_keys = RowKeys(desk, gallery, keys)
    row_keys.refresh()
    place = place_of(root, gallery, card.identity)
    if not (place / "gallery").exists():
        root.mkdir(parents=True, exist_ok=True)
        create_gallery(place, card, issuer=issuer, codec=codec(row_keys))
    with GalleryWriter(place, codec=codec(row_keys)) as writer:
        deleted = _sweep(desk, gallery, writer, working)
        added = _append(desk, gallery, writer, row_keys, keys, card, working)
        if deleted > len(writer) // 10:  # the rows are zeros already; this gives back the room
            writer.compact()
    return added, deleted


def request_sync(desk: Desk, gallery: str) -> str:
    """Put a sync into the queue; to be called after an import or a purge ended."""
    return desk.store.write(
        lambda db: enqueue(
            db, SYNC, {"gallery": gallery}, now=desk.clock(),
            key=f"{SYNC} {gallery} {db.get_one(Gallery, gallery).changes}",
        )
    )  # fmt: skip


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


def _append(
    desk: Desk, gallery: str, writer: GalleryWriter, row_keys: RowKeys, keys: Secrets,
    card: EngineCard, working: Working | None,
) -> int:  # fmt: skip
    added, last = 0, ""
    while True:
        with desk.store.reading() as db:
            found = db.scalars(  # the templates of those that are not there yet, and no others
                select(Entry.id)
                .where(Entry.gallery == gallery, Entry.state == EntryState.ACTIVE, Entry.id > last)
                .order_by(Entry.id).limit(BATCH)
            ).all()  # fmt: skip
            if not found:
                return added
            last = found[-1]
            absent = [each for each in found if each not in writer]
            rows = db.scalars(
                select(Entry).options(undefer(Entry.template_box))
                .where(Entry.id.in_(absent)).order_by(Entry.id)
            )  # fmt: skip
            new = [row for row in rows if row.template_box is not None]
            clear = [
                keys.open(db, db.get_one(Enrolled, row.person).handle, row.template_box or b"",
                          purpose=f"template {row.id}")
                for row in new
            ]  # fmt: skip
        row_keys.refresh()
        ids = [row.id for row in new]
        kept = [
            at for at, key in enumerate(row_keys(ids)) if key is not None
        ]  # not gone meanwhile
        if kept:
            templates = np.stack([np.frombuffer(clear[at], "<i2") for at in kept])
            writer.append([ids[at] for at in kept], templates, engine=card.identity)
            added += len(kept)
        if working is not None:
            working.tell(added, added)
