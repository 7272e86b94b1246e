"""Galleries for tests: little pictures, and an engine that sees a face in all but the black."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import select

from countenance.core import ScoreUnit
from countenance.desk import imports
from countenance.desk.galleries import NewGallery, make_gallery
from countenance.desk.gallery_tables import Entry, EntryState
from countenance.desk.jobs import Worker
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk
from countenance.faces import (
    COSINE_SCALE,
    EngineCard,
    Enrolment,
    Picture,
    Status,
    Unreadable,
    quantise,
)

NOW = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
ADMIN = Actor("a" * 32, frozenset({Role.ADMINISTRATOR}), "s", NOW)
KEYS = Secrets(bytes(range(32)))
UNIT = ScoreUnit("cosine", "cosine similarity", COSINE_SCALE)
CARD = EngineCard(
    name="toy", version="1", models=(), unit=UNIT, dimension=16, default_threshold="0.5",
    threshold_source="none", licence="none", training_data="none",
)  # fmt: skip
NEW = NewGallery(
    code="bookings", holder="own-agency", sources=frozenset({"booking-photos"}),
    basis="Public Records Act, section 5", purpose="leads in investigations of serious crime",
    keep_days=3650, notice=True, engine=CARD.identity, engine_name="toy",
)  # fmt: skip


class Toy:
    """A template from the mean colours; a black picture has no face."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, "unreadable")
        if not picture.pixels.any():
            return Enrolment(Status.NO_FACE, "no face")
        seed = int.from_bytes(bytes.fromhex(picture.sha256)[:8], "big")
        template = np.random.default_rng(seed).normal(size=16)
        return Enrolment(Status.OK, template=quantise(template[None], UNIT)[0], faces_found=1)


def picture(path: Path, colour: tuple[int, int, int]) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), colour).save(path)


GOOD = {
    "source": "booking-photos", "basis": "booking 17", "captured": "2024-05-01",
    "expires": "2030-05-01", "disposition": "convicted", "born": "1980-02-03",
}  # fmt: skip


def folder(root: Path, rows: Sequence[dict[str, str]], name: str = "batch") -> Path:
    """Rows over `GOOD`; each has its own picture but where ``path`` is said."""
    place = root / name
    place.mkdir(parents=True)
    columns = ["path", "subject", *GOOD, "group.sex"]
    lines = [",".join(columns)]
    for number, row in enumerate(rows):
        path = row.get("path", f"{number}.png")
        if not (place / path).exists():
            colour = (0, 0, 0) if row.get("black") else (number % 250 + 1, number // 250, 7)
            picture(place / path, colour)
        said = {"subject": f"s{number}", **GOOD, **row, "path": path}
        lines.append(",".join(said.get(column, "") for column in columns))
    (place / "manifest.csv").write_text("\n".join(lines) + "\n")
    return place


def made(desk: Desk, *, actor: Actor = ADMIN, **changes: object) -> None:
    make_gallery(desk, actor, dataclasses.replace(NEW, **changes))  # type: ignore[arg-type]


def brought(desk: Desk, tmp_path: Path, rows: list[dict[str, str]], name: str = "batch") -> None:
    folder(tmp_path / "in", rows, name)
    plan = imports.dry_run(desk, ADMIN, "bookings", name, root=tmp_path / "in", keys=KEYS)
    imports.begin_import(desk, ADMIN, "bookings", name, plan=plan, root=tmp_path / "in")
    worker = Worker(desk, {imports.IMPORT: imports.handler(KEYS, tmp_path / "in", Toy())})
    assert worker.run_once()


def entries(desk: Desk) -> list[Entry]:
    with desk.store.reading() as db:
        return list(db.scalars(select(Entry).where(Entry.state == EntryState.ACTIVE)
                               .order_by(Entry.captured_on, Entry.id)))  # fmt: skip
