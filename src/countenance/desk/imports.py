"""Import of a folder and its manifest into a gallery: told first what would be refused, then done.

A *plan* (`importplans`) says of every row whether it may come in, and if not why. Its digest
covers rows and bytes; whoever starts the import names the digest they were shown, and the job
stops where the folder is another by then. The job enrols a few images at a time and keeps each
few in one transaction with their event, so it can be killed anywhere: what is kept is found by
its mark, and nothing comes in twice.
"""

from __future__ import annotations

import datetime
import secrets
from collections import Counter
from pathlib import Path

from sqlalchemy import ForeignKey, Integer, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, Progress, canonical_json, no_progress, sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.galleries import find_person, gallery_of, record_added
from countenance.desk.gallery_tables import Enrolled, Entry, EntryState, Gallery
from countenance.desk.importplans import (
    LEFT_BEFORE,
    Known,
    Plan,
    Row,
    below,
    image_mark,
    make_plan,
)
from countenance.desk.jobs import OPEN, Handler, Job, Working, cancel, enqueue
from countenance.desk.keptout import is_kept_out, kept_out, subject_mark
from countenance.desk.secrets_at_rest import KEY_BYTES, Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.workingset import enqueue_sync
from countenance.faces import Engine, Enrolment, read_picture
from countenance.record import EventKind, Field

IMPORT = "import"
BATCH = 8

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "gallery-import-begun", 1, "images are being brought into a gallery",
        {"gallery": Field("code"), "plan": Field("digest"), "rows": Field("count"),
         "admitted": Field("count")},
        ("author", "folder"),
    ),
    EventKind(
        "gallery-import-ended", 1, "an import came to its end",
        {"gallery": Field("code"), "plan": Field("digest"), "added": Field("count"),
         "refused": Field("count"), "not_enrolled": Field("count")},
        ("author",),
    ),
    EventKind(
        "gallery-import-cancelled", 1, "an import was ended where it was; what it brought stays",
        {"gallery": Field("code"), "plan": Field("digest"), "added": Field("count"),
         "not_enrolled": Field("count")},
        ("author",),
    ),
)  # fmt: skip


class Import(Base):
    """One import: what was asked for, by whom, and that it ended."""

    __tablename__ = "gallery_imports"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    gallery: Mapped[str] = mapped_column(ForeignKey("galleries.code"))
    folder: Mapped[str] = mapped_column(String(1000))
    plan: Mapped[str] = mapped_column(String(64))
    job: Mapped[str] = mapped_column(String(32))
    author: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime.datetime] = mapped_column(UTC)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class NotImported(Base):
    """A row that did not come in, by its line in the manifest, and why: a code."""

    __tablename__ = "gallery_import_rows"

    of: Mapped[str] = mapped_column(ForeignKey("gallery_imports.id"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(64))


def dry_run(
    desk: Desk, actor: Actor, gallery: str, folder: str, *, root: Path, keys: Secrets,
    progress: Progress = no_progress,
) -> Plan:  # fmt: skip
    """What importing a folder would do; nothing is changed and no image is decoded.

    Parameters
    ----------
    desk, actor, gallery, keys
        Who asks, and for which gallery.
    folder, root
        A folder below the one that the operator opens for imports.
    progress
        Told how many files are hashed.

    Raises
    ------
    InputError
        The folder leads elsewhere or cannot be read as a set with a manifest.
    """
    today = desk.clock().date()
    found = desk.look(actor, "gallery.import-plan", lambda db: _known(db, gallery))
    return make_plan(below(root, folder), found, today=today, keys=keys, progress=progress)


def begin_import(
    desk: Desk, actor: Actor, gallery: str, folder: str, *, plan: Plan, root: Path
) -> tuple[str, str]:
    """Put the import that a dry run showed into the queue; ids of the import and of its job.

    Raises
    ------
    StateError
        An import into this gallery is under way.
    """
    below(root, folder)

    def work(doing: Doing) -> tuple[str, str]:
        db = doing.db
        gallery_of(db, gallery)
        under_way = (
            select(Import.id).join(Job, Job.id == Import.job)
            .where(Import.gallery == gallery, Import.ended_at.is_(None), Job.state.in_(OPEN))
        )  # fmt: skip
        if db.scalar(under_way) is not None:
            raise StateError("an import into this gallery is under way")
        identity = new_id()
        job = enqueue(db, IMPORT, {"import": identity}, now=doing.now)
        db.add(
            Import(
                id=identity, gallery=gallery, folder=folder, plan=plan.digest, job=job,
                author=doing.actor.account, begun_at=doing.now,
            )
        )  # fmt: skip
        doing.record.add(
            db, "gallery-import-begun", about=f"gallery:{gallery}",
            public={"gallery": gallery, "plan": plan.digest, "rows": len(plan.rows),
                    "admitted": plan.admitted},
            private={"author": doing.actor.account, "folder": folder},
        )  # fmt: skip
        return identity, job

    return desk.act(actor, "gallery.import", work)


def cancel_import(desk: Desk, actor: Actor, gallery: str, identity: str) -> int:
    """End an import where it is; how many images it has brought in, which stay.

    Nothing comes in after this, whoever works on it: each few images begin with the job's fence.

    Raises
    ------
    NotAllowedError
        There is no such import into this gallery.
    StateError
        It has ended.
    """

    def work(doing: Doing) -> int:
        db = doing.db
        row = db.get(Import, identity, with_for_update=True)
        if row is None or row.gallery != gallery:
            raise NotAllowedError("there is no such import for you")
        if row.ended_at is not None:
            raise StateError("this import has ended", do="look again")
        cancel(db, row.job, now=doing.now)
        row.ended_at = doing.now
        added, failed = _came(db, identity)
        doing.record.add(
            db, "gallery-import-cancelled", about=f"gallery:{gallery}",
            public={"gallery": gallery, "plan": row.plan, "added": added, "not_enrolled": failed},
            private={"author": doing.actor.account},
        )  # fmt: skip
        enqueue_sync(db, gallery, now=doing.now)
        return added

    return desk.act(actor, "gallery.cancel-import", work)


def _came(db: Session, identity: str) -> tuple[int, int]:
    """How many images of an import are there, and how many had no face to enrol."""
    failed = db.scalar(select(func.count()).where(NotImported.of == identity)) or 0
    return db.scalar(select(func.count()).where(Entry.imported == identity)) or 0, failed


def handler(keys: Secrets, root: Path, engine: Engine) -> Handler:
    """For `jobs.Worker`: brings one import to its end, from wherever it was left."""

    def work(working: Working) -> None:
        _Importer(working, keys, root, engine).run()

    return work


class _Importer:
    """One attempt at one import."""

    def __init__(self, working: Working, keys: Secrets, root: Path, engine: Engine) -> None:
        self._working, self._keys, self._engine = working, keys, engine
        self._desk = working.desk
        with self._desk.store.reading() as db:
            self._import = db.get_one(Import, working.payload["import"])
            known = _known(db, self._import.gallery)
            if gallery_of(db, known.gallery).engine != engine.card.identity:
                raise InputError("the gallery is for another engine than is loaded here")
        self._plan = make_plan(
            below(root, self._import.folder), known, today=self._desk.clock().date(), keys=keys,
            progress=lambda _, done, total: working.tell(0, total) if done % 256 == 1 else None,
        )  # fmt: skip
        if self._plan.digest != self._import.plan:
            self._end("folder-changed")
            raise InputError("the folder is not what the dry run showed")

    def run(self) -> None:
        with self._desk.store.reading() as db:
            of = NotImported.of == self._import.id
            told = set(db.scalars(select(NotImported.row).where(of)))
        admitted = [row for row in self._plan.rows if row.refused is None]
        rows = [row for row in admitted if row.sample.row not in told]
        total = len(self._plan.rows)
        done = total - len(rows)
        self._working.tell(done, total)
        for start in range(0, len(rows), BATCH):
            self._bring(rows[start : start + BATCH])
            done += len(rows[start : start + BATCH])
            self._working.tell(done, total)
        self._end(None)

    def _bring(self, rows: list[Row]) -> None:
        images = [row.sample.path.read_bytes() for row in rows]
        for row, image in zip(rows, images, strict=True):
            if sha256_bytes(image) != row.sha256:
                raise InputError("a file changed while it was being imported")
        found = self._engine.enrol(
            [read_picture(image, name=str(row.sample.row))
             for row, image in zip(rows, images, strict=True)]
        )  # fmt: skip

        def work(doing: Doing) -> None:
            self._working.fence(doing.db)
            gallery = gallery_of(doing.db, self._import.gallery)
            gallery.changes += 1
            added = Counter[str]()
            for row, image, enrolment in zip(rows, images, found, strict=True):
                if not enrolment.ok:
                    refused = NotImported(of=self._import.id, row=row.sample.row,
                                          code=enrolment.status.value)  # fmt: skip
                    doing.db.merge(refused)
                elif self._left(doing.db, row):  # since the plan was made
                    doing.db.merge(NotImported(of=self._import.id, row=row.sample.row,
                                               code=LEFT_BEFORE))  # fmt: skip
                elif self._keep(doing, gallery, row, image, enrolment):
                    added[row.facts.source] += 1
            doing.db.flush()
            if not added:
                added[rows[0].facts.source] = 0  # that none came in is an event, too
            record_added(doing, gallery.code, added, author=self._import.author)

        self._desk.itself("gallery.imported", work)

    def _left(self, db: Session, row: Row) -> bool:
        gallery = self._import.gallery
        return is_kept_out(
            db, gallery, image_mark(self._keys, gallery, row.sha256),
            subject_mark(self._keys, gallery, row.sample.subject),
        )  # fmt: skip

    def _keep(
        self, doing: Doing, gallery: Gallery, row: Row, image: bytes, enrolment: Enrolment
    ) -> bool:
        """One image, sealed under its person's key; False where it is there already."""
        db, keys = doing.db, self._keys
        mark = image_mark(keys, gallery.code, row.sha256)
        same = select(Entry.id).where(Entry.gallery == gallery.code, Entry.image_mark == mark)
        if db.scalar(same) is not None:
            return False
        person = find_person(db, gallery.code, row.sample.subject, keys=keys)
        if person is None:
            mark_of = subject_mark(keys, gallery.code, row.sample.subject)
            person = Enrolled(id=new_id(), gallery=gallery.code, mark=mark_of)
            gallery.people += 1
            db.add(person)
            db.flush()
        gallery.images += 1
        identity, facts = new_id(), row.facts
        dates = (facts.captured_on, facts.expires_on, facts.born_on)
        if enrolment.template is None or None in dates:
            raise AssertionError("a row that is admitted has dates and a face")
        about = {
            "subject": row.sample.subject, "basis": facts.basis, "sha256": row.sha256,
            "born": str(facts.born_on),
            "groups": {name.removeprefix("group."): value
                       for name, value in row.sample.attributes.items()
                       if name.startswith("group.")},
        }  # fmt: skip
        boxes = {
            f"{name}_box": keys.seal(
                db, person.handle, clear, purpose=f"{name} {identity}", now=doing.now
            )
            for name, clear in (
                ("image", image),
                ("about", canonical_json(about)),
                ("template", enrolment.template.astype("<i2").tobytes()),
                ("row_key", secrets.token_bytes(KEY_BYTES)),
            )
        }
        db.add(
            Entry(
                id=identity, gallery=gallery.code, person=person.id, state=EntryState.ACTIVE,
                source=facts.source, disposition=facts.disposition, image_mark=mark,
                imported=self._import.id, captured_on=facts.captured_on,
                expires_on=facts.expires_on,
                added_at=doing.now, change=gallery.changes, swept=False, **boxes,
            )
        )  # fmt: skip
        return True

    def _end(self, problem: str | None) -> None:
        def work(doing: Doing) -> None:
            self._working.fence(doing.db)
            row = doing.db.get_one(Import, self._import.id)
            row.ended_at = doing.now
            added, failed = _came(doing.db, row.id)
            if problem is not None:
                doing.db.merge(NotImported(of=row.id, row=0, code=problem))
            doing.record.add(
                doing.db, "gallery-import-ended", about=f"gallery:{row.gallery}",
                public={"gallery": row.gallery, "plan": row.plan,
                        "added": added, "not_enrolled": failed,
                        "refused": len(self._plan.rows) - added - failed},
                private={"author": row.author},
            )  # fmt: skip

        self._desk.itself("gallery.imported", work)


def _known(db: Session, gallery: str) -> Known:
    row = gallery_of(db, gallery)
    marks = db.scalars(
        select(Entry.image_mark).where(Entry.gallery == gallery, Entry.image_mark.is_not(None))
    )
    return Known(
        gallery, frozenset(row.sources.split()), row.keep_days, frozenset(m for m in marks if m),
        kept_out(db, gallery),
    )  # fmt: skip
