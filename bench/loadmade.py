"""Makes the deployment that `desk.py` measures: once, in a folder that is kept for reruns.

People, cases, probes, requests, searches, reviews: each by the library's own functions, so that
rows, sealed boxes, events, vault and log are as the service would have left them. Two things are
otherwise. Several hundred steps share one transaction, which is what makes it quick. And entries
of the gallery come in by rows: their boxes are sealed as an import seals them, but all show one
picture, have no second copy of the template in the database, and are told of in the log by the
ten thousand; and searches in the past were given lists at random, not compared.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bench.loadengine import CARD, TOGETHER, NumberedEngine, people, portrait
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert

from countenance.audit import audit
from countenance.core import canonical_json, sha256_bytes
from countenance.datasets import read_dataset
from countenance.desk import gallerystatements, purging, secrets_at_rest, workingset
from countenance.desk.approvals import approve
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.audits import accept_audit
from countenance.desk.base import new_id
from countenance.desk.cases import CaseDetails, CaseState, move_case, open_case
from countenance.desk.configuration import FILE, read_configuration
from countenance.desk.decisions import begin
from countenance.desk.deployment import Deployment
from countenance.desk.folder import read_key
from countenance.desk.galleries import NewGallery, gallery_of, make_gallery, record_added
from countenance.desk.gallery_tables import Enrolled, Entry, EntryState
from countenance.desk.importplans import image_mark
from countenance.desk.invitations import bootstrap, invite
from countenance.desk.localwitness import make_witness
from countenance.desk.making import make_deployment
from countenance.desk.opening import open_deployment
from countenance.desk.probe_steps import judge_probe, upload_probe
from countenance.desk.probes import Judgement, KnownBy, Provenance
from countenance.desk.requests import submit
from countenance.desk.roles import Role
from countenance.desk.searches import Found, Order
from countenance.desk.searching import run_search
from countenance.desk.secrets_at_rest import DataKey
from countenance.desk.service import Actor
from countenance.desk.settings import approve_setting, propose_setting, read_settings
from countenance.desk.training import KINDS_OF_TRAINING, record_training
from countenance.desk.wiring import PermitIssuer
from countenance.scores import GalleryWriter, create_gallery, enrol
from countenance.web.demo.cast import Player
from countenance.web.demo.device import MODEL, InventedMaker, SimulatedDevice
from countenance.web.demo.scenery import Led, read_script

GALLERY, PLACE = "booking", "us/mi/detroit"
USERS = {
    Role.ADMINISTRATOR: 2, Role.REQUESTER: 114, Role.APPROVER: 32, Role.EXAMINER: 30,
    Role.AUDITOR: 12,
}  # fmt: skip
CAST, WITNESS, MADE = "cast.json", "second", "made.json"
_DAYS = 150
_STEPS, _ROWS = 250, 10_000
WORDS = """
the counter shop street river night morning clerk owner bag till bottle window camera door
neighbour film lamp station bicycle parcel knife coat front north garden bridge market tram
driver ticket wallet telephone garage fence ladder dog whistle rain umbrella church square
school bench fountain bakery courier helmet van plate glove mask stairs cellar attic key lock
"""
_BEHIND = re.compile(
    r"^(most-worst-fmr|contact|managed-devices|quorum|approval-hours) = .*$", re.M
)


def make(folder: Path, *, cases: int, rows: int, listen: str, database: str = "") -> None:
    """Make it, in a folder that is empty or not there; in SQLite where no database is named."""
    began = time.monotonic()
    maker = _configured(folder, listen, database)
    random.seed(1)
    clock = Led(_DAYS + 1)
    cast = {
        f"{role.value} {number:03d}": (role, Player(f"{role.value} {number:03d}", SimulatedDevice(
            f"http://localhost:{listen.rpartition(':')[2]}")))
        for role, count in USERS.items() for number in range(count)
    }  # fmt: skip
    with open_deployment(folder, engine=NumberedEngine(), background=False, clock=clock) as of:
        maker_of = _Maker(folder, of, cast, clock)
        maker_of.people(maker)
        _tell("accounts", began)
        maker_of.gallery(rows)
        _tell("gallery", began)
        maker_of.standing()
        maker_of.cases(cases)
        _tell("cases", began)
        clock.let_go()
        events = of.log.size
    kept = {
        name: {"role": role.value, "account": player.account, "device": player.device.to_json()}
        for name, (role, player) in cast.items()
    }
    (folder / CAST).write_text(json.dumps(kept))
    (folder / MADE).write_text(json.dumps({
        "cases": cases, "rows": rows, "events": events,
        "seconds": round(time.monotonic() - began),
    }))  # fmt: skip


def _tell(what: str, began: float) -> None:
    print(f"made {what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _configured(folder: Path, listen: str, database: str) -> InventedMaker:
    """A deployment as `countenance serve` makes one, and a second witness beside it."""
    port = int(listen.rpartition(":")[2])
    make_deployment(folder, name="Bench", origin=f"http://localhost:{port}", listen=listen,
                    jurisdictions=(PLACE,), database=database)  # fmt: skip
    instead = {
        "most-worst-fmr": "0.2", "managed-devices": "true", "contact": '"Records Office"',
        "quorum": "2", "approval-hours": "8760",
    }  # fmt: skip
    text = _BEHIND.sub(lambda found: f"{found[1]} = {instead[found[1]]}",
                       (folder / FILE).read_text())  # fmt: skip
    facts = "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in read_script().house.items()
    )
    key = make_witness(folder / WITNESS, name="second.example/witness")
    maker = InventedMaker()
    (folder / "maker.pem").write_bytes(maker.root_pem)
    (folder / FILE).write_text(
        text.replace("[facts]\n", f"[facts]\n{facts}", 1)
        + f'\n[[authenticator]]\naaguid = "{MODEL}"\nroots = ["maker.pem"]\n'
        + f'\n[[witness]]\nname = "second"\nkey = "{key}"\nurl = "http://127.0.0.1:{port + 1}"\n'
    )
    return maker


@contextlib.contextmanager
def together(of: Deployment) -> Iterator[Any]:
    """What is done in the block is one transaction, and in the log at its end."""
    store, recorder = of.desk.store, of.desk.recorder
    with store._sessions() as db, db.begin():
        if store.is_sqlite:
            db.connection().exec_driver_sql("BEGIN IMMEDIATE")

        def write(work: Callable[[Any], Any]) -> Any:
            result = work(db)
            db.flush()
            return result

        instead = {"write": write, "reading": lambda: nullcontext(db)}
        store.__dict__.update(instead)
        recorder.__dict__.update({"flush": lambda: 0, "pending": lambda _: False})
        try:
            yield db
        finally:
            for name in instead:
                del store.__dict__[name]
            del recorder.__dict__["flush"], recorder.__dict__["pending"]
    recorder.flush()


class _Random:
    """Lists for searches of the past."""

    def __init__(self, ids: list[str], rows: int) -> None:
        self._ids, self._rows = ids, rows

    def search(self, order: Order) -> Found:
        del order
        low = CARD.unit.threshold(CARD.default_threshold)
        scores = sorted((low + random.randrange(4000) for _ in range(random.randrange(4))),
                        reverse=True)  # fmt: skip
        chosen = random.sample(self._ids, len(scores))
        return Found("00" * 32, self._rows, CARD.unit.to_json(),
                     tuple(zip(chosen, scores, strict=True)))  # fmt: skip


class _Covered:
    """What was sealed in the past is taken as published; the next checkpoint covers it."""

    def __init__(self, of: Deployment) -> None:
        self._of = of

    def cover(self, index: int | None) -> int:
        del index
        return self._of.log.size


class _Maker:
    def __init__(
        self, folder: Path, of: Deployment, cast: dict[str, tuple[Role, Player]], clock: Led
    ) -> None:
        self.folder, self.of, self.cast, self.clock = folder, of, cast, clock
        self.ids: list[str] = []

    def some(self, role: Role, *, at: int | None = None) -> Actor:
        """One of the people, as if their passkey was just asked for whatever they do."""
        number = random.randrange(USERS[role]) if at is None else at
        player = self.cast[f"{role.value} {number:03d}"][1]
        now = self.clock()
        until = now + datetime.timedelta(days=300)
        return Actor(player.account, frozenset({role}), self.sessions[player.name], now,
                     dict.fromkeys(KINDS_OF_TRAINING, until))  # fmt: skip

    def people(self, maker: InventedMaker) -> None:
        of = self.of
        first = self.cast["administrator 000"][1]
        first.join(of, bootstrap(of.desk, first.name), maker)
        self.sessions: dict[str, str] = {}
        for name, (role, player) in self.cast.items():
            if player is first:
                continue
            with together(of):
                code = invite(of.desk, first.to(of, "account.invite"), name=name,
                              roles=frozenset({role}))  # fmt: skip
                player.join(of, code, maker)
                if role in KINDS_OF_TRAINING:
                    record_training(
                        of.desk, first.to(of, "account.training"), account=player.account,
                        kind=role, until=self.clock() + datetime.timedelta(days=330),
                        evidence="course of the bench, certificate 17",
                    )  # fmt: skip

    def gallery(self, rows: int) -> None:
        of, desk = self.of, self.of.desk
        admin = self.cast["administrator 000"][1]
        make_gallery(desk, admin.to(of, "gallery.create"), NewGallery(
            code=GALLERY, holder="own-agency", sources=frozenset({"booking-photos"}),
            basis="an invented act on records, section 5",
            purpose="leads in investigations of serious crime", keep_days=3_700, notice=True,
            engine=CARD.identity, engine_name=CARD.name,
        ))  # fmt: skip
        found = read_configuration(self.folder)
        issuer = PermitIssuer(
            Ed25519PrivateKey.from_private_bytes(read_key(found.places.permit_key, "the key"))
        )
        known: dict[str, bytes] = {}
        codec = workingset.codec(lambda ids: [known[each] for each in ids])
        place = workingset.place_of(found.places.galleries, GALLERY, CARD.identity)
        place.parent.mkdir(parents=True, exist_ok=True)
        create_gallery(place, CARD, issuer=issuer.public, codec=codec)
        picture = portrait(0, 0)
        with GalleryWriter(place, codec=codec) as writer:
            for first in range(0, rows, _ROWS):
                known.clear()
                self._rows(range(first, min(rows, first + _ROWS)), known, picture)
                templates = np.concatenate(
                    [people(at) for at in range(first, first + len(known), TOGETHER)]
                )[: len(known)]
                writer.append(list(known), templates, engine=CARD.identity)

    def _rows(self, numbers: range, known: dict[str, bytes], picture: bytes) -> None:
        """Entries of some people, sealed as an import seals them."""
        keys, now = self.of.keys, self.clock()
        persons, entries, data = [], [], []
        for number in numbers:
            person, entry = new_id(), new_id()
            row_key, key = secrets.token_bytes(32), AESGCM.generate_key(256)
            about = f"person:{person}"
            known[entry] = row_key
            clear = canonical_json(
                {
                    "subject": f"s{number}",
                    "basis": f"booking {number}",
                    "sha256": sha256_bytes(picture),
                    "born": "1980-02-03",
                    "groups": {"studio": ("round", "square")[number % 2]},
                }
            )
            boxes = {
                f"{name}_box": secrets_at_rest._encrypt(
                    AESGCM(key), value, secrets_at_rest._binding(about, f"{name} {entry}")
                )
                for name, value in (("image", picture), ("about", clear), ("row_key", row_key))
            }
            wrapped = secrets_at_rest._encrypt(keys._master, key, secrets_at_rest._wrapping(about))
            data.append({"about": about, "master": keys.name, "wrapped": wrapped, "made_at": now})
            mark = keys.fingerprint(f"s{number}", purpose=f"subject {GALLERY}")
            persons.append({"id": person, "gallery": GALLERY, "mark": mark})
            captured = datetime.date(2019 + number % 7, 1 + number % 12, 1 + number % 28)
            entries.append({
                "id": entry, "gallery": GALLERY, "person": person, "state": EntryState.ACTIVE,
                "source": "booking-photos", "disposition": "convicted",
                "captured_on": captured, "expires_on": captured.replace(year=captured.year + 10),
                "image_mark": image_mark(keys, GALLERY, sha256_bytes(f"{number}".encode())),
                "added_at": now, "imported": "0" * 32, "swept": False,
                "change": numbers.start // _ROWS + 1, **boxes,
            })  # fmt: skip
        self.ids += random.sample([each["id"] for each in entries], min(len(entries), 100))

        def work(doing: Any) -> None:
            gallery = gallery_of(doing.db, GALLERY)
            gallery.changes += 1
            gallery.people += len(persons)
            gallery.images += len(entries)
            for table, values in ((DataKey, data), (Enrolled, persons), (Entry, entries)):
                doing.db.execute(insert(table.__table__), values)
            from collections import Counter

            record_added(doing, GALLERY, Counter({"booking-photos": len(entries)}),
                         author="bench")  # fmt: skip

        self.of.desk.itself("gallery.imported", work)

    def standing(self) -> None:
        """What a search needs beside a gallery: statements, an audit, a setting, a purge."""
        of, desk = self.of, self.of.desk
        auditor = self.cast["auditor 000"][1]
        purging.purge(desk, GALLERY, keys=of.keys)
        for question in gallerystatements.Question:
            gallerystatements.state(
                desk, auditor.to(of, "gallery.state"), GALLERY, question, holds=True,
                until=self.clock() + datetime.timedelta(days=330),
                reason="every entry was looked through with the keeper of the records",
                keys=of.keys,
            )  # fmt: skip
        accept_audit(
            desk, auditor.to(of, "audit.accept"), data=self._audited(),
            policy=of.house.audit_policy, operational=True,
        )  # fmt: skip
        setting = propose_setting(
            desk, self.cast["administrator 000"][1].to(of, "setting.propose"), keys=of.keys,
            engine=CARD.identity, threshold=CARD.default_threshold, list_length=10,
            reason="as the audit's worst group allows",
        )  # fmt: skip
        approver = self.cast["approver 000"][1]
        (view,) = [
            one for one in read_settings(
                desk, approver.to(of, "setting.read"), keys=of.keys, engine=CARD.identity
            ) if one.id == setting
        ]  # fmt: skip
        approve_setting(desk, approver.to(of, "setting.approve"), setting, digest=view.digest)
        for name, (_, player) in self.cast.items():
            with together(of):
                player.sign_in(of)
                self.sessions[name] = ""

    def _audited(self) -> bytes:
        folder = self.folder / "audited"
        folder.mkdir()
        lines = ["path,subject,studio"]
        for number in range(2_000_000_000, 2_000_000_080):
            for take in range(3):
                name = f"{number}-{take}.png"
                (folder / name).write_bytes(portrait(number, take))
                lines.append(f"{name},{number},{('round', 'square')[number % 2]}")
        (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
        templates = enrol(read_dataset(folder), NumberedEngine())
        day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=160)).date()
        made = audit(templates, groups=("studio",), thresholds=(CARD.default_threshold,),
                     date=day.isoformat(), title="The engine of the bench")  # fmt: skip
        return made.to_json().encode()

    def cases(self, count: int) -> None:
        """So many, over half a year: a fifth with a probe, one of 25 searched."""
        means = replace(self.of.means, searcher=_Random(self.ids, 1), publisher=_Covered(self.of))
        for first in range(0, count, _STEPS):
            self.clock.to(_DAYS * (1 - first / count))
            self.approver = self.cast[f"approver {random.randrange(30):03d}"][1]
            with together(self.of):
                self._guardless()
                for number in range(first, min(count, first + _STEPS)):
                    self._case(number, means)
            if first % 5000 == 0:
                print(f"{first} cases", file=sys.stderr, flush=True)

    def _guardless(self) -> None:
        """Actors here have no session that could have ended."""
        self.of.desk._guard = None

    def _case(self, number: int, means: Any) -> None:
        of, desk = self.of, self.of.desk
        who = random.randrange(USERS[Role.REQUESTER])

        def rita() -> Actor:
            return self.some(Role.REQUESTER, at=who)

        narrative = " ".join(random.choices(WORDS.split(), k=60))
        details = CaseDetails("identify-suspect", ("felony", "serious", "violent",
                              "part-1-violent"), "MCL 750.529", narrative)  # fmt: skip
        case = open_case(desk, rita(), keys=of.keys, number=f"B-{number:06d}", details=details)
        if number % 5 == 0:
            data = portrait(random.randrange(10**9), 1)
            probe = upload_probe(
                desk, rita(), case, house=of.house, engine=of.engine, data=data,
                sort="cctv-frame",
                provenance=Provenance("shown-by-record", KnownBy.RECORDING_OF_THE_ACT,
                                      "the frame in which the act begins", None),
            )  # fmt: skip
            assert isinstance(probe, str)
            if number % 10 == 0:
                judge_probe(desk, self.some(Role.EXAMINER), probe, image=sha256_bytes(data),
                            suitable=True, reason=Judgement.CLEAR_ENOUGH)  # fmt: skip
            if number % 20 == 0:
                self._searched(case, probe, rita, means, searched=number % 40 == 0)
        if number % 10 > 3 or (number % 100 < 80 and number % 5):
            move_case(desk, rita(), case, keys=of.keys, to=CaseState.CLOSED,
                      grounds="nothing more is to be done in it here")  # fmt: skip

    def _searched(
        self, case: str, probe: str, rita: Callable[[], Actor], means: Any, *, searched: bool
    ) -> None:
        of, desk = self.of, self.of.desk
        day = (self.clock() - datetime.timedelta(days=1)).date()
        form = RequestForm(
            case, probe, gallery=GALLERY, engine=CARD.identity, stated=read_script().stated,
            documents=(Document("warrant", "W-1", "Judge Roe", day),
                       Document("court-order", "O-1", "Judge Roe", day),
                       Document("supervisor", "memorandum", "Lt. Poe", day)),
            elsewhere=(),
        )  # fmt: skip
        made = submit(desk, rita(), house=of.house, form=form)
        assert made.decision.permitted, made.decision.reasons
        if searched:
            signer = self.approver.signing(of, "request.approve", made.digest)
            approve(desk, signer, made.id, house=of.house, digest=made.digest, assertion=None)
            begin(desk, rita(), made.id, house=of.house)
            run_search(desk, rita(), made.id, means=means)
