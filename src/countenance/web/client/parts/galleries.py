"""Calls of the API about galleries.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value


class Disposition(Value, frozen=True, kw_only=True):
    """What became of the record behind an image, and how that is known."""

    disposition: str
    grounds: str


EntryState = Literal["active", "removed"]
"""An entry can be searched, or is no more."""


class Erasure(Value, frozen=True, kw_only=True):
    """What the source calls the person, and why they are erased."""

    subject: str
    grounds: str


class Folder(Value, frozen=True, kw_only=True):
    """A folder below the one that the operator opens for imports."""

    folder: str


class FolderSeen(Value, frozen=True, kw_only=True):
    """A folder, and the digest of the plan that was seen."""

    folder: str
    plan: str


class Holds(Value, frozen=True, kw_only=True):
    """What is in a gallery now: counts of people and images, and how old they are."""

    people: int
    images: int
    sources: dict[str, int]
    dispositions: dict[str, int]
    ages: dict[str, int]
    oldest_on: datetime.date | None
    next_expiry_on: datetime.date | None
    purged_at: datetime.datetime | None


class Gallery(Value, frozen=True, kw_only=True):
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


class GalleryEntry(Value, frozen=True, kw_only=True):
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


class GalleryToMake(Value, frozen=True, kw_only=True):
    """A gallery that is to be made: for named sources, on a named basis, with an end."""

    code: str
    holder: str
    sources: tuple[str, ...]
    basis: str
    purpose: str
    keep_days: int
    notice: bool


JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
"""Where a job is."""


class Job(Value, frozen=True, kw_only=True):
    """Background work: how far it is. `problem` is an error's code."""

    id: str
    kind: str
    state: JobState
    done: int
    total: int
    attempts: int
    problem: str | None


class Import(Value, frozen=True, kw_only=True):
    """One import, and how many rows did not come in and why."""

    id: str
    folder: str
    begun_at: datetime.datetime
    ended_at: datetime.datetime | None
    job: Job | None
    not_imported: dict[str, int]


class ImportBegun(Value, frozen=True, kw_only=True):
    """The import and the job that does it."""

    id: str
    job: str


class ImportCancelled(Value, frozen=True, kw_only=True):
    """How many images had come in by then, and stay."""

    added: int


class RefusedRow(Value, frozen=True, kw_only=True):
    """A row that would not come in, by its place in the manifest, and why."""

    row: int
    code: str
    says: str


class ImportPlan(Value, frozen=True, kw_only=True):
    """What an import would do; at most 500 of the refused rows are listed."""

    digest: str
    rows: int
    admitted: int
    refusals: dict[str, int]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]


class Readmission(Value, frozen=True, kw_only=True):
    """What the source calls the person, the new basis, and why it holds."""

    subject: str
    basis: str
    grounds: str


class GalleriesCalls(Part):
    """Calls of the API about galleries."""

    def find_galleries(self) -> dict[str, Holds]:
        """All galleries by their codes, and what is in each."""
        return self._call(
            Call("find_galleries", "GET", "/api/v1/galleries"),
            Shape[dict[str, Holds]](dict[str, Holds]),
        )

    def make_a_gallery(self, sent: GalleryToMake) -> None:
        """Make an empty gallery for this deployment's engine."""
        self._call(
            Call("make_a_gallery", "POST", "/api/v1/galleries", confirms="gallery.create"),
            None,
            body=sent,
        )

    def show_gallery(self, gallery: str) -> Gallery:
        """One gallery."""
        return self._call(
            Call("show_gallery", "GET", "/api/v1/galleries/{gallery}"),
            Shape[Gallery](Gallery),
            path={"gallery": gallery},
        )

    def list_entries(
        self, gallery: str, *, after: str = "", most: int = 50
    ) -> tuple[GalleryEntry, ...]:
        """Images by id, also those that went; the next page is `after` the last id."""
        return self._call(
            Call("list_entries", "GET", "/api/v1/galleries/{gallery}/entries"),
            Shape[tuple[GalleryEntry, ...]](tuple[GalleryEntry, ...]),
            path={"gallery": gallery},
            query={"after": after, "most": most},
        )

    def find_imports(self, gallery: str) -> tuple[Import, ...]:
        """The newest imports, with their progress."""
        return self._call(
            Call("find_imports", "GET", "/api/v1/galleries/{gallery}/imports"),
            Shape[tuple[Import, ...]](tuple[Import, ...]),
            path={"gallery": gallery},
        )

    def begin_an_import(self, gallery: str, sent: FolderSeen) -> ImportBegun:
        """Begin the import whose plan was seen; the folder must be as it was then."""
        return self._call(
            Call(
                "begin_an_import",
                "POST",
                "/api/v1/galleries/{gallery}/imports",
                confirms="gallery.import",
            ),
            Shape[ImportBegun](ImportBegun),
            path={"gallery": gallery},
            body=sent,
        )

    def plan_import(self, gallery: str, sent: Folder) -> ImportPlan:
        """What importing a folder would do; nothing is changed."""
        return self._call(
            Call("plan_import", "POST", "/api/v1/galleries/{gallery}/imports/plan"),
            Shape[ImportPlan](ImportPlan),
            path={"gallery": gallery},
            body=sent,
        )

    def cancel_an_import(self, gallery: str, identity: str) -> ImportCancelled:
        """End an import where it is; what it has brought in stays."""
        return self._call(
            Call(
                "cancel_an_import", "POST", "/api/v1/galleries/{gallery}/imports/{identity}/cancel"
            ),
            Shape[ImportCancelled](ImportCancelled),
            path={"gallery": gallery, "identity": identity},
            body={},
        )

    def set_entry_disposition(self, gallery: str, entry: str, sent: Disposition) -> None:
        """Say what became of the record behind an image: an acquittal, say, which takes it out."""
        self._call(
            Call(
                "set_entry_disposition",
                "POST",
                "/api/v1/galleries/{gallery}/entries/{entry}/disposition",
                confirms="gallery.disposition",
            ),
            None,
            path={"gallery": gallery, "entry": entry},
            body=sent,
        )

    def readmit_to_gallery(self, gallery: str, sent: Readmission) -> None:
        """State a new basis on which the next import may bring somebody in again who left."""
        self._call(
            Call(
                "readmit_to_gallery",
                "POST",
                "/api/v1/galleries/{gallery}/readmit",
                confirms="gallery.readmit",
            ),
            None,
            path={"gallery": gallery},
            body=sent,
        )

    def erase_from_gallery(self, gallery: str, sent: Erasure) -> None:
        """Erase a person: the key of everything of theirs is destroyed."""
        self._call(
            Call(
                "erase_from_gallery",
                "POST",
                "/api/v1/galleries/{gallery}/erase",
                confirms="gallery.erase-person",
            ),
            None,
            path={"gallery": gallery},
            body=sent,
        )
