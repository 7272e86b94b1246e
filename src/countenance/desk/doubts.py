"""What a lead rests on and that no longer stands: a suspended engine or gallery, a removed image.

A lead is made under the conditions of one day. An incident may show later that its engine or
gallery is not to be trusted, and the image that was found may have to leave the gallery. A lead
that is not given out yet is not given out then; one that is says so, first of all, and whoever
holds it is asked to look at it again (failures F11, F23). Why an image was removed is not told:
that somebody's record was expunged is nobody's to read off a lead.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from countenance.desk import incidents
from countenance.desk.reviews import Reference
from countenance.desk.searches import Search


class Doubtful(StrEnum):
    """What no longer stands."""

    ENGINE_SUSPENDED = "engine-suspended"
    GALLERY_SUSPENDED = "gallery-suspended"
    IMAGE_REMOVED = "image-removed"


SAYS = {
    Doubtful.ENGINE_SUSPENDED: "An incident has suspended the engine that found this candidate, "
    "since {}. Nothing further may be done because of this lead while it is.",
    Doubtful.GALLERY_SUSPENDED: "An incident has suspended the gallery that this candidate was "
    "found in, since {}. Nothing further may be done because of this lead while it is.",
    Doubtful.IMAGE_REMOVED: "The image that this lead rests on was removed from the gallery on "
    "{}. A search made since would not find it.",
}
"""Each in words, with its day; part of a lead's text."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that no longer stands, and since when."""

    what: Doubtful
    since: datetime.datetime

    @property
    def sentence(self) -> str:
        """In words."""
        return SAYS[self.what].format(self.since.date().isoformat())


def doubts(db: Session, search: Search, reference: Reference) -> tuple[Doubt, ...]:
    """What of all that a candidate of a search rests on no longer stands."""
    found = suspensions(db, search)
    if reference.removed_at is not None:
        found = (*found, Doubt(Doubtful.IMAGE_REMOVED, reference.removed_at))
    return found


def suspensions(db: Session, search: Search) -> tuple[Doubt, ...]:
    """Whether incidents suspend the engine or the gallery of a search now."""
    found = []
    rows = incidents.suspending(db, engine=search.engine, gallery=search.gallery)
    for what, is_it in (
        (Doubtful.ENGINE_SUSPENDED, [row for row in rows if row.engine == search.engine]),
        (Doubtful.GALLERY_SUSPENDED, [row for row in rows if row.gallery == search.gallery]),
    ):
        if is_it:
            found.append(Doubt(what, min(row.opened_at for row in is_it)))
    return tuple(found)
