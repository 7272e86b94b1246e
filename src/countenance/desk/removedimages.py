"""Leads whose image left the gallery since: found by the keeper, recorded, and told to the holder.

Which image a lead rests on is sealed, so nothing that removes an image can know of the leads; the
leads are gone through instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.gallery_tables import Entry, EntryState
from countenance.desk.leads import Lead, LeadState, candidate_of, tell
from countenance.desk.searches import Search
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk, Doing

BATCH = 50


def note_removed(desk: Desk, *, keys: Secrets) -> int:
    """Record of leads that are not ended that their image was removed; how many, `BATCH` at most.

    Each once, whatever number of processes do it.
    """
    with desk.store.reading() as db:
        if next(_resting(db, keys), None) is None:
            return 0

    def work(doing: Doing) -> int:
        found = list(itertools.islice(_resting(doing.db, keys), BATCH))
        for lead, search, entry in found:
            lead.image_removed_at = entry.removed_at or doing.now
            tell(doing, search, "image-removed", None)
        if not found:
            raise _FirstError
        return len(found)

    try:
        return desk.itself("lead.note-removed", work)
    except _FirstError:
        return 0


class _FirstError(Exception):
    """Another process was first: it undoes the transaction."""


def _resting(db: Session, keys: Secrets) -> Iterator[tuple[Lead, Search, Entry]]:
    """Leads that rest on an image that was removed, and of which that is not noted."""
    rows = db.execute(
        select(Lead, Search).join(Search, Search.id == Lead.search)
        .where(Lead.state != LeadState.ENDED, Lead.image_removed_at.is_(None)).order_by(Lead.id)
    ).all()  # fmt: skip
    for lead, search in rows:
        entry = db.get(Entry, candidate_of(db, keys, lead, search))
        if entry is not None and entry.state == EntryState.REMOVED:
            yield lead, search, entry
