"""Purges: what falls due goes by itself, every day, and a day with nothing to do is recorded too.

An entry goes when its time has come, when its record's disposition says so (that the person was a
minor is one), or when its gallery no longer admits the source. Nobody needs to ask, and nobody can
prevent it; it goes on while the desk stands down.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from countenance.desk.galleries import gallery_of, remove
from countenance.desk.gallery_tables import Entry, EntryState, Gallery
from countenance.desk.jobs import Handler, Working, enqueue
from countenance.desk.keptout import forget
from countenance.desk.lawful import PURGED_DISPOSITIONS
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk, Doing

PURGE = "purge"
BATCH = 200
NOTHING = "nothing-due"


def purge(desk: Desk, gallery: str, *, keys: Secrets, working: Working | None = None) -> int:
    """Remove everything that is due, in batches that each stand alone; how many.

    Killed in between, the next run goes on. `working` is the job in whose name it runs.
    """
    removed = 0

    def work(doing: Doing) -> int:
        if working is not None:
            working.fence(doing.db)
        row = gallery_of(doing.db, gallery)
        found = 0
        for reason, due in _rules(row, doing.now.date()).items():
            rows = doing.db.scalars(
                select(Entry)
                .where(Entry.gallery == gallery, Entry.state == EntryState.ACTIVE, due)
                .limit(BATCH)
            ).all()  # fmt: skip
            if rows:
                remove(doing, gallery, rows, reason=reason, grounds="rule", keys=keys)
                found += len(rows)
        if not found:
            row.purged_at = doing.now
            forget(doing, gallery)
            if not removed:
                remove(doing, gallery, [], reason=NOTHING, grounds="rule", keys=keys)
            else:
                remove(doing, gallery, [], reason="finished", grounds="rule", keys=keys)
        return found

    while found := desk.itself("gallery.purged", work):
        removed += found
        if working is not None:
            working.tell(removed, removed)
    return removed


def schedule(desk: Desk, *, zone: datetime.tzinfo = datetime.UTC) -> None:
    """Put today's purge of every gallery into the queue, once; `zone` says when a day begins.

    To be called by whoever runs workers, now and then; any number of them may.
    """

    def work(db: Session) -> None:
        now = desk.clock()
        day = now.astimezone(zone).date()
        for code in db.scalars(select(Gallery.code)):
            enqueue(db, PURGE, {"gallery": code}, now=now, key=f"{PURGE} {code} {day}")

    desk.store.write(work)


def handler(keys: Secrets) -> Handler:
    """For `jobs.Worker`: purges one gallery."""

    def work(working: Working) -> None:
        purge(working.desk, working.payload["gallery"], keys=keys, working=working)

    return work


def _rules(row: Gallery, today: datetime.date) -> Mapping[str, ColumnElement[bool]]:
    """Why an entry goes. Read anew each day: what came in rightly may have become wrong."""
    oldest = today - datetime.timedelta(days=row.keep_days)
    return {
        "expired": (Entry.expires_on <= today) | (Entry.captured_on <= oldest),
        "disposition": Entry.disposition.in_(sorted(PURGED_DISPOSITIONS)),
        "source": Entry.source.not_in(row.sources.split()),
    }
