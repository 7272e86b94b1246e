"""The real parts of a deployment together, for tests that go the whole way of a case."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import deskgalleries
import numpy as np
from casework import (
    ANNA,
    CARD,
    KEYS,
    UNIT,
    approved,
    audited,
    case,
    form,
    house,
    person,
    probe,
    set_up,
)  # fmt: skip
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reviewkit import LocalPublisher, comparison, notes

from countenance.desk import imports, purging, reviewing
from countenance.desk.decisions import RequestGate, begin
from countenance.desk.features import Conclusion
from countenance.desk.galleries import RecordedGalleries
from countenance.desk.house import House
from countenance.desk.jobs import Worker
from countenance.desk.leadviews import Sources
from countenance.desk.requests import submit
from countenance.desk.roles import Role
from countenance.desk.searches import ReadyRequest
from countenance.desk.searching import Means
from countenance.desk.service import Desk
from countenance.desk.wiring import (
    AcceptedAudits,
    CasePictures,
    GallerySearcher,
    PermitIssuer,
)
from countenance.desk.workingset import sync
from countenance.faces import Enrolment, Picture, Status, Unreadable, quantise
from countenance.record import Log


class Engine:
    """Templates from the picture's hash, of the length they must have."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        assert isinstance(picture, Picture)
        seed = int.from_bytes(bytes.fromhex(picture.sha256)[:8], "big")
        template = quantise(np.random.default_rng(seed).normal(size=(1, 4)), UNIT)[0]
        height, width = picture.pixels.shape[:2]
        return Enrolment(Status.OK, template=template, box=(0, 0, width, height), faces_found=1,
                         face_px=min(width, height))  # fmt: skip


class Way:
    """Everything of one deployment."""

    def __init__(self, desk: Desk, log: Log, folder: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
        monkeypatch.setattr("casework.FakeEngine", Engine)
        self.desk, self.folder = desk, folder
        self.house: House = house(galleries=RecordedGalleries(KEYS), keys=KEYS)
        deskgalleries.made(desk, code="booking", engine=CARD.identity, engine_name="fake")
        deskgalleries.folder(folder / "in", [{"subject": f"s{n}"} for n in range(40)])
        plan = imports.dry_run(
            desk, deskgalleries.ADMIN, "booking", "batch", root=folder / "in", keys=KEYS
        )
        imports.begin_import(
            desk, deskgalleries.ADMIN, "booking", "batch", plan=plan, root=folder / "in"
        )
        worker = Worker(desk, {imports.IMPORT: imports.handler(KEYS, folder / "in", Engine())})
        assert worker.run_once()
        purging.purge(desk, "booking", keys=KEYS)
        self.issuer = PermitIssuer(Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32))
        self.sync()
        self.searcher = self.new_searcher(self.issuer)
        self.means = Means(KEYS, RequestGate(self.house), self.searcher, LocalPublisher(log))
        self.pictures = CasePictures(self.house)
        self.sources = Sources(KEYS, self.pictures, AcceptedAudits())

    def sync(self) -> None:
        sync(self.desk, "booking", keys=KEYS, root=self.folder / "files", card=CARD,
             issuer=self.issuer.public)  # fmt: skip

    def new_searcher(self, issuer: PermitIssuer, engine: Any = None) -> GallerySearcher:
        return GallerySearcher(
            self.desk, self.house, root=self.folder / "files", engine=engine or Engine(),
            issuer=issuer,
        )  # fmt: skip

    def begun(self) -> ReadyRequest:
        """A request that was approved and begun; its probe is also the gallery's picture 7."""
        audited(self.desk)
        set_up(self.desk)
        case_id = case(self.desk)
        data = (self.folder / "in" / "batch" / "7.png").read_bytes()
        made = submit(
            self.desk, ANNA, house=self.house,
            form=form(case_id, probe(self.desk, self.house, case_id, data)),
        )  # fmt: skip
        assert made.decision.permitted, made.decision.reasons
        assert isinstance(approved(self.desk, self.house, made), datetime.datetime)
        ready = begin(self.desk, ANNA, made.id, house=self.house)
        assert isinstance(ready, ReadyRequest), ready
        return ready

    def examine(self, name: str, pick_first: bool) -> None:
        actor = person(name, Role.EXAMINER)
        task = reviewing.take(self.desk, actor)
        assert task is not None
        assert reviewing.see_probe(
            self.desk, actor, task, keys=KEYS, pictures=self.pictures
        ).startswith(b"\x89PNG")
        reviewing.note_probe(self.desk, actor, task, notes(), keys=KEYS)
        labels = reviewing.see_candidates(self.desk, actor, task, keys=KEYS)
        probe_bytes = (self.folder / "in" / "batch" / "7.png").read_bytes()
        found = {}
        for label in labels:
            picture = reviewing.see_candidate(
                self.desk, actor, task, label, keys=KEYS, pictures=self.pictures
            )
            same = pick_first and picture == probe_bytes
            found[label] = comparison(Conclusion.SAME if same else Conclusion.DIFFERENT)
        reviewing.conclude(self.desk, actor, task, found, keys=KEYS)
