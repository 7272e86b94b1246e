"""Galleries: what is in each, for everybody; making one and looking after it, for administrators.

No page here shows a person: an entry is an id, dates and codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.galleries import (
    AGE_BANDS,
    HOLDERS,
    OLDEST_BAND,
    Composition,
    NewGallery,
    erase_person,
    list_galleries,
    make_gallery,
    set_disposition,
)
from countenance.desk.galleryviews import list_removals, read_entry
from countenance.desk.keptout import readmit
from countenance.desk.lawful import KEPT_DISPOSITIONS, PURGED_DISPOSITIONS, SOURCES
from countenance.desk.listings import list_imports, page_entries, read_gallery
from countenance.desk.roles import ACTIONS
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import CODE, ID, Code, Id
from countenance.web.reasons import at_field, read_grounds
from countenance.web.rendering import notice, words

router = APIRouter()
Lists = Annotated[At, needs("gallery.list")]
Makes = Annotated[At, needs("gallery.create")]
Enters = Annotated[At, needs("gallery.entries")]
Disposes = Annotated[At, needs("gallery.disposition")]
Erases = Annotated[At, needs("gallery.erase-person")]
Readmits = Annotated[At, needs("gallery.readmit")]

A_PAGE = 100
MOST_KEEP_DAYS = 366 * 25
_RESERVED = frozenset({"new"})
_CODE, _ID = re.compile(CODE), re.compile(ID)
_MADE = notice("gallery-made", "The gallery is made. It is empty until images are imported.")
_DISPOSED = notice("disposition", "The disposition is recorded.")
_ERASED = notice(
    "erased", "Whoever was in this gallery under that subject id is not in it any more. Whether "
    "there was anybody is not told.",
)  # fmt: skip
_READMITTED = notice(
    "readmitted", "The new basis is kept. If somebody under that subject id was kept out of this "
    "gallery, the next import may bring them in.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a small chart: what, how many, and their share of all for the bar's width."""

    name: str
    count: int
    share: float


@router.get("/galleries")
def galleries_page(at: Lists) -> Response:
    """Every gallery with its size and age."""
    return at.page("galleries/list.html.j2", galleries=list_galleries(at.desk, at.looker()))


@router.get("/galleries/new")
def new_page(at: Makes) -> Response:
    """Ask what a gallery is to be."""
    return at.page(
        "galleries/new.html.j2", holders=_options(HOLDERS),
        sources=_options(sorted(SOURCES)), card=at.deployment.engine.card,
        most_days=MOST_KEEP_DAYS,
    )  # fmt: skip


@router.post("/galleries/new")
def make_one(at: Makes) -> Response:
    """Make it, still empty."""

    def work() -> Response:
        fields, card = at.fields, at.deployment.engine.card
        code = fields.line("code", most=64)
        if not _CODE.fullmatch(code) or code in _RESERVED:
            raise InputError("not a name for a gallery", where="code",
                             expected="a to z, 0 to 9 and hyphens")  # fmt: skip
        new = NewGallery(
            code=code, holder=fields.one_of("holder", HOLDERS),
            sources=frozenset(fields.choices("sources", SOURCES)),
            basis=_said(at, "basis"), purpose=_said(at, "purpose"),
            keep_days=fields.number("keep_days", least=1, most=MOST_KEEP_DAYS),
            notice=fields.one_of("notice", ("yes", "no")) == "yes", engine=card.identity,
            engine_name=card.name,
        )  # fmt: skip
        make_gallery(at.desk, at.actor(), new)
        return at.see(f"/galleries/{code}", done=_MADE)

    return at.attempt(work, new_page)


@router.get("/galleries/{code}")
def gallery_page(at: Lists, code: Code) -> Response:
    """One gallery: what it stands on, what is in it, and for whoever may, its imports."""
    looker = at.looker()
    found = read_gallery(at.desk, looker, code)
    enters = bool(looker.roles & ACTIONS["gallery.entries"].roles)
    return at.page(
        "galleries/show.html.j2", gallery=found, ages=_ages(found.holds),
        sources=_bars(found.holds.sources), dispositions=_bars(found.holds.dispositions),
        imports=list_imports(at.desk, looker, code)[:10] if enters else [],
        other_engine=found.engine != at.deployment.engine.card.identity,
    )  # fmt: skip


@router.get("/galleries/{code}/removals")
def removals_page(at: Lists, code: Code) -> Response:
    """What went, when and why."""
    looker = at.looker()
    return at.page(
        "galleries/removals.html.j2", gallery=read_gallery(at.desk, looker, code),
        removals=list_removals(at.desk, looker, code),
    )  # fmt: skip


@router.get("/galleries/{code}/entries")
def entries_page(at: Enters, code: Code) -> Response:
    """Entries by id, also those that went."""
    after = at.request.query_params.get("after", "")
    after = after if _ID.fullmatch(after) else ""
    found = page_entries(at.desk, at.looker(), code, after=after, most=A_PAGE + 1)
    return at.page(
        "galleries/entries.html.j2", code=code, entries=found[:A_PAGE], after=after,
        more=f"/galleries/{code}/entries?after={found[A_PAGE - 1].id}"
        if len(found) > A_PAGE else "",
    )  # fmt: skip


@router.get("/galleries/{code}/entries/{entry}")
def entry_page(at: Enters, code: Code, entry: Id) -> Response:
    """One entry, and what became of the record behind it."""
    return at.page(
        "galleries/entry.html.j2", code=code, entry=read_entry(at.desk, at.looker(), code, entry),
        options=_options(sorted(KEPT_DISPOSITIONS))
        + [(one, f"{says}: the image goes at once")
           for one, says in _options(sorted(PURGED_DISPOSITIONS))],
    )  # fmt: skip


@router.post("/galleries/{code}/entries/{entry}")
def change_disposition(at: Disposes, code: Code, entry: Id) -> Response:
    """Record what became of the record; on some dispositions the image goes at once."""

    def work() -> Response:
        disposition = at.fields.one_of("disposition", KEPT_DISPOSITIONS | PURGED_DISPOSITIONS)
        grounds = read_grounds(at.fields)
        set_disposition(at.desk, at.actor(), code, entry, disposition, grounds=grounds,
                        keys=at.deployment.keys)  # fmt: skip
        return at.see(f"/galleries/{code}/entries/{entry}", done=_DISPOSED)

    return at.attempt(work, lambda at: entry_page(at, code, entry))


@router.get("/galleries/{code}/erase")
def erase_page(at: Erases, code: Code) -> Response:
    """Ask who is to be erased, and why."""
    return at.page("galleries/erase.html.j2", gallery=read_gallery(at.desk, at.looker(), code))


@router.post("/galleries/{code}/erase")
def erase_somebody(at: Erases, code: Code) -> Response:
    """Erase them if they are there; the answer is the same either way."""

    def work() -> Response:
        subject = at.fields.line("subject", most=500)
        grounds = read_grounds(at.fields)
        erase_person(at.desk, at.actor(), code, subject, grounds=grounds, keys=at.deployment.keys)
        return at.see(f"/galleries/{code}", done=_ERASED)

    return at.attempt(work, lambda at: erase_page(at, code))


@router.get("/galleries/{code}/readmit")
def readmit_page(at: Readmits, code: Code) -> Response:
    """Ask who may come in again, and on what basis."""
    gallery = read_gallery(at.desk, at.looker(), code)
    return at.page("galleries/readmit.html.j2", gallery=gallery)


@router.post("/galleries/{code}/readmit")
def readmit_somebody(at: Readmits, code: Code) -> Response:
    """Keep them out no longer, if they were; the answer is the same either way."""

    def work() -> Response:
        subject = at.fields.line("subject", most=200)
        basis, grounds = at.fields.lines("basis", most=2000), read_grounds(at.fields)
        with at_field("basis"):
            readmit(at.desk, at.actor(), code, subject, basis=basis, grounds=grounds,
                    keys=at.deployment.keys)  # fmt: skip
        return at.see(f"/galleries/{code}", done=_READMITTED)

    return at.attempt(work, lambda at: readmit_page(at, code))


def _options(codes: Iterable[str]) -> list[tuple[str, str]]:
    return [(code, words(code)) for code in codes]


def _said(at: At, name: str) -> str:
    text = at.fields.lines(name, most=500)
    with at_field(name):
        if len(text) < 10:
            raise InputError(f"the {name} is not stated", expected="10 to 500 characters")
    return text


def _bars(counts: Mapping[str, int]) -> list[Bar]:
    """The largest first."""
    whole = sum(counts.values()) or 1
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [Bar(name, count, 100 * count / whole) for name, count in found]


def _ages(holds: Composition) -> list[Bar]:
    """The youngest first, also the bands that are empty."""
    whole = holds.images or 1
    names = [name for _, name in AGE_BANDS] + [OLDEST_BAND]
    return [Bar(name, holds.ages.get(name, 0), 100 * holds.ages.get(name, 0) / whole)
            for name in names]  # fmt: skip
