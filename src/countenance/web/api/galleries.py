"""Galleries: what is in them, what comes in and by which right, and what goes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from countenance.desk.errors import StateError
from countenance.desk.galleries import (
    Composition,
    NewGallery,
    erase_person,
    list_galleries,
    make_gallery,
    set_disposition,
)
from countenance.desk.gallery_tables import EntryState
from countenance.desk.imports import begin_import, cancel_import, dry_run
from countenance.desk.jobs import JobState
from countenance.desk.keptout import readmit
from countenance.desk.listings import (
    EntryLine,
    GalleryView,
    ImportView,
    list_imports,
    page_entries,
    read_gallery,
)
from countenance.web.access import needs
from countenance.web.api.base import (
    After,
    CodeText,
    DigestText,
    In,
    Line,
    Lines,
    Most,
    Nothing,
    Out,
)
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Code, Id

router = Router("galleries")
Lister = Annotated[At, needs("gallery.list")]
Keeper = Annotated[At, needs("gallery.entries")]
MOST_ROWS = 500


class Holds(Out):
    """What is in a gallery now: counts of people and images, and how old they are."""

    people: int
    images: int
    sources: Mapping[str, int]
    dispositions: Mapping[str, int]
    ages: Mapping[str, int]
    oldest_on: datetime.date | None
    next_expiry_on: datetime.date | None
    purged_at: datetime.datetime | None


class Gallery(Out):
    """What a gallery is, and what is in it."""

    code: str
    holder: str
    sources: tuple[str, ...]
    basis: str
    purpose: str
    keep_days: int
    notice: bool
    engine: str
    engine_name: str
    made_at: datetime.datetime
    holds: Holds


class GalleryToMake(In):
    """A gallery that is to be made: for named sources, on a named basis, with an end."""

    code: CodeText
    holder: Annotated[str, Line(64)]
    sources: frozenset[Annotated[str, Line(64)]] = Field(max_length=40)
    basis: Annotated[str, Lines(500)]
    purpose: Annotated[str, Lines(500)]
    keep_days: int = Field(ge=1, le=100_000)
    notice: bool


class GalleryEntry(Out):
    """One image of a gallery, without its person."""

    id: str
    state: EntryState
    source: str
    disposition: str
    captured_on: datetime.date
    expires_on: datetime.date
    added_at: datetime.datetime
    removed_at: datetime.datetime | None
    reason: str | None


class Job(Out):
    """Background work: how far it is. `problem` is an error's code."""

    id: str
    kind: str
    state: JobState
    done: int
    total: int
    attempts: int
    problem: str | None


class Import(Out):
    """One import, and how many rows did not come in and why."""

    id: str
    folder: str
    begun_at: datetime.datetime
    ended_at: datetime.datetime | None
    job: Job | None
    not_imported: Mapping[str, int]


class Folder(In):
    """A folder below the one that the operator opens for imports."""

    folder: Annotated[str, Line(500)]


class FolderSeen(Folder):
    """A folder, and the digest of the plan that was seen."""

    plan: DigestText


class RefusedRow(Out):
    """A row that would not come in, by its place in the manifest, and why."""

    row: int
    code: str
    says: str


class ImportPlan(Out):
    """What an import would do; at most 500 of the refused rows are listed."""

    digest: str
    rows: int
    admitted: int
    refusals: Mapping[str, int]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]


class ImportBegun(Out):
    """The import and the job that does it."""

    id: str
    job: str


class ImportCancelled(Out):
    """How many images had come in by then, and stay."""

    added: int


class Disposition(In):
    """What became of the record behind an image, and how that is known."""

    disposition: Annotated[str, Line(64)]
    grounds: Annotated[str, Lines(2000)]


class Erasure(In):
    """What the source calls the person, and why they are erased."""

    subject: Annotated[str, Line(200)]
    grounds: Annotated[str, Lines(2000)]


class Readmission(In):
    """What the source calls the person, the new basis, and why it holds."""

    subject: Annotated[str, Line(200)]
    basis: Annotated[str, Lines(2000, 10)]
    grounds: Annotated[str, Lines(2000, 10)]


@router.get("/galleries", response_model=dict[str, Holds])
def find_galleries(at: Lister) -> dict[str, Composition]:
    """All galleries by their codes, and what is in each."""
    return list_galleries(at.desk, at.looker())


@router.post("/galleries", status_code=204)
def make_a_gallery(at: Annotated[At, needs("gallery.create")], sent: GalleryToMake) -> None:
    """Make an empty gallery for this deployment's engine."""
    card = at.deployment.engine.card
    new = NewGallery(
        code=sent.code, holder=sent.holder, sources=sent.sources, basis=sent.basis,
        purpose=sent.purpose, keep_days=sent.keep_days, notice=sent.notice, engine=card.identity,
        engine_name=card.name,
    )  # fmt: skip
    make_gallery(at.desk, at.actor(), new)


@router.get("/galleries/{gallery}", response_model=Gallery)
def show_gallery(at: Lister, gallery: Code) -> GalleryView:
    """One gallery."""
    return read_gallery(at.desk, at.looker(), gallery)


@router.get("/galleries/{gallery}/entries", response_model=list[GalleryEntry])
def list_entries(at: Keeper, gallery: Code, after: After = "", most: Most = 50) -> list[EntryLine]:
    """Images by id, also those that went; the next page is `after` the last id."""
    return page_entries(at.desk, at.looker(), gallery, after=after, most=most)


@router.get("/galleries/{gallery}/imports", response_model=list[Import])
def find_imports(at: Keeper, gallery: Code) -> list[ImportView]:
    """The newest imports, with their progress."""
    return list_imports(at.desk, at.looker(), gallery)


@router.post("/galleries/{gallery}/imports/plan", response_model=ImportPlan)
def plan_import(
    at: Annotated[At, needs("gallery.import-plan")], gallery: Code, sent: Folder
) -> ImportPlan:
    """What importing a folder would do; nothing is changed."""
    deployment = at.deployment
    plan = dry_run(
        at.desk, at.looker(), gallery, sent.folder, root=deployment.imports, keys=deployment.keys
    )
    refused = tuple(
        RefusedRow(row=n, code=row.refused[0], says=row.refused[1])
        for n, row in enumerate(plan.rows, 1) if row.refused is not None
    )  # fmt: skip
    return ImportPlan(
        digest=plan.digest, rows=len(plan.rows), admitted=plan.admitted,
        refusals=plan.refusals(), refused=refused[:MOST_ROWS], notes=plan.notes,
    )  # fmt: skip


@router.post("/galleries/{gallery}/imports", status_code=202, response_model=ImportBegun)
def begin_an_import(
    at: Annotated[At, needs("gallery.import")], gallery: Code, sent: FolderSeen
) -> ImportBegun:
    """Begin the import whose plan was seen; the folder must be as it was then."""
    root, keys = at.deployment.imports, at.deployment.keys
    plan = dry_run(at.desk, at.looker(), gallery, sent.folder, root=root, keys=keys)
    if plan.digest != sent.plan:
        raise StateError("the folder is not as it was in the plan you saw", do="plan it again")
    made, job = begin_import(
        at.desk, at.actor(), gallery, sent.folder, plan=plan, root=root
    )  # fmt: skip
    return ImportBegun(id=made, job=job)


@router.post("/galleries/{gallery}/imports/{identity}/cancel", response_model=ImportCancelled)
def cancel_an_import(
    at: Annotated[At, needs("gallery.cancel-import")], gallery: Code, identity: Id, _: Nothing
) -> ImportCancelled:
    """End an import where it is; what it has brought in stays."""
    return ImportCancelled(added=cancel_import(at.desk, at.actor(), gallery, identity))


@router.post("/galleries/{gallery}/entries/{entry}/disposition", status_code=204)
def set_entry_disposition(
    at: Annotated[At, needs("gallery.disposition")], gallery: Code, entry: Id, sent: Disposition
) -> None:
    """Say what became of the record behind an image: an acquittal, say, which takes it out."""
    set_disposition(
        at.desk, at.actor(), gallery, entry, sent.disposition, grounds=sent.grounds,
        keys=at.deployment.keys,
    )  # fmt: skip


@router.post("/galleries/{gallery}/readmit", status_code=204)
def readmit_to_gallery(
    at: Annotated[At, needs("gallery.readmit")], gallery: Code, sent: Readmission
) -> None:
    """State a new basis on which the next import may bring somebody in again who left.

    The answer is the same whether or not they are kept out.
    """
    readmit(
        at.desk, at.actor(), gallery, sent.subject, basis=sent.basis, grounds=sent.grounds,
        keys=at.deployment.keys,
    )  # fmt: skip


@router.post("/galleries/{gallery}/erase", status_code=204)
def erase_from_gallery(
    at: Annotated[At, needs("gallery.erase-person")], gallery: Code, sent: Erasure
) -> None:
    """Erase a person: the key of everything of theirs is destroyed.

    The answer is the same whether or not they were in it.
    """
    erase_person(
        at.desk, at.actor(), gallery, sent.subject, grounds=sent.grounds, keys=at.deployment.keys
    )
