"""A house, people and a case for tests: all as lawful as can be, so that a test breaks it."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import importlib.util
import io
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from PIL import Image
from sqlalchemy.orm import Session

from countenance.audit import Audit
from countenance.core import ScoreUnit
from countenance.desk.approvals import Fallen, approve
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.audits import AuditPolicy, accept_audit
from countenance.desk.cases import CaseDetails, open_case
from countenance.desk.errors import NotAllowedError
from countenance.desk.facts import HOUSE, REQUESTER
from countenance.desk.house import House
from countenance.desk.probe_steps import judge_probe, upload_probe
from countenance.desk.probes import Judgement, KnownBy, Probe, Provenance
from countenance.desk.proofs import ApprovalProof
from countenance.desk.requests import Submitted, submit
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk
from countenance.desk.settings import approve_setting, propose_setting, read_settings
from countenance.faces import EngineCard, Enrolment, Picture, Status, Unreadable

NOW = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
KEYS = Secrets(bytes(range(32)))
UNIT = ScoreUnit("cosine", "cosine similarity", 4000)
CARD = EngineCard(
    name="fake", version="1", models=(), unit=UNIT, dimension=4, default_threshold="0.363",
    threshold_source="this test", licence="", training_data="",
)  # fmt: skip
POLICY = AuditPolicy(most_days=365, least_people=2, most_worst_fmr=1.0, most_ratio=None)
NARRATIVE = (
    "On the evening of the fourth a man took a bag from the counter of a shop in Mack Avenue, "
    "struck the clerk with a bottle and left on foot to the north; the camera above the door "
    "recorded him from the front, and the clerk confirms that the recording shows him."
)
OTHER_NARRATIVE = (
    "During the night to Sunday somebody forced the rear window of a bakery near Gratiot, took "
    "the till and two telephones, and was filmed by a neighbour who stood at her door with a lamp "
    "and recognised nobody; the film was handed over the same morning by the neighbour herself."
)
DETAILS = CaseDetails(
    "identify-suspect",
    ("felony", "serious", "violent", "part-1-violent"),
    "MCL 750.529",
    NARRATIVE,
)
PROVENANCE = Provenance(
    "shown-by-record", KnownBy.RECORDING_OF_THE_ACT, "frame 1204 of the camera above the door",
    datetime.date(2026, 11, 4),
)  # fmt: skip


class FakeEngine:
    """Finds one face in what is not nearly black; the template is of the picture's hash."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        assert isinstance(picture, Picture)
        if picture.pixels.mean() < 10:
            return Enrolment(Status.NO_FACE, "no face was found in the picture")
        template = np.frombuffer(bytes.fromhex(picture.sha256)[:8], dtype=np.int16).copy()
        height, width = picture.pixels.shape[:2]
        return Enrolment(Status.OK, template=template, box=(0, 0, width, height), faces_found=1,
                         face_px=min(width, height))  # fmt: skip


class FakeGalleries:
    """One gallery, with the facts of the law's own test request."""

    def __init__(self) -> None:
        self.of: dict[str, Any] = {
            name: value for name, value in base().items() if name.startswith("gallery.")
        }

    def facts(
        self, db: Session, gallery: str, *, engine: str, now: datetime.datetime
    ) -> Mapping[str, Any] | None:
        del db, engine, now
        return dict(self.of) if gallery == "booking" else None


def key_of(account: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(account.encode()).digest())


class FakeApprovals:
    """A signature over the digest by a key that is the account's."""

    def verify(self, db: Session, actor: Actor, *, digest: str, assertion: Any) -> ApprovalProof:
        del db
        public = key_of(actor.account).public_key().public_bytes_raw()
        proof = ApprovalProof(public, b"", b"", assertion)
        if not self.holds(proof, digest=digest):
            raise NotAllowedError("your passkey has not signed exactly this")
        return proof

    def holds(self, proof: ApprovalProof, *, digest: str) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(proof.public_key).verify(
                proof.signature, bytes.fromhex(digest)
            )
        except InvalidSignature:
            return False
        return True

    def stands(self, db: Session, proof: ApprovalProof, *, approver: str) -> bool:
        del db, proof, approver
        return True


@cache
def base() -> dict[str, Any]:
    """The facts of a request that no pack objects to."""
    path = Path(__file__).parents[2] / "src/countenance/law/scenarios/bases.toml"
    nested = tomllib.loads(path.read_text())["search"]["facts"]
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    return flat


def house(**other: Any) -> House:
    given: dict[str, Any] = {
        "keys": KEYS, "jurisdictions": ("us/mi/detroit",), "galleries": FakeGalleries(),
        "approvals": FakeApprovals(), "audit_policy": POLICY, "managed_devices": True,
        "facts": {name: value for name, value in base().items() if name in HOUSE},
        "training": lambda *_: {"requester": NOW + datetime.timedelta(days=9)},
    }  # fmt: skip
    return House(**{**given, **other})


def person(name: str, *roles: Role, at: datetime.datetime = NOW) -> Actor:
    until = NOW + datetime.timedelta(days=400)
    return Actor(name, frozenset(roles), "s", at, dict.fromkeys(Role, until))


ANNA = person("anna", Role.REQUESTER)
BEN = person("ben", Role.APPROVER)
EMMA = person("emma", Role.EXAMINER)
ULF = person("ulf", Role.AUDITOR)
MIA = person("mia", Role.ADMINISTRATOR)


def picture(shade: int = 120, *, size: int = 40, seed: int = 1, kind: str = "PNG") -> bytes:
    """A picture of noise around a shade."""
    noise = np.random.default_rng(seed).integers(0, 9, (size, size, 3))
    out = io.BytesIO()
    Image.fromarray((noise + shade - 4).clip(0, 255).astype(np.uint8)).save(out, kind)
    return out.getvalue()


@cache
def _invented() -> Any:
    place = Path(__file__).parents[1] / "audit/report_fixture.py"
    spec = importlib.util.spec_from_file_location("report_fixture_for_the_desk", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def audit(performed_on: str | None = "2026-11-01", seed: int = 7, engine: str = "") -> Audit:
    """An invented audit of the fake engine, at 0.363 and at thresholds of its own."""
    people = {("female",): (12, 0.3), ("male",): (14, 0.9)}
    made = _invented().make(people, attributes=("gender",), seed=seed)
    results = tuple(
        dataclasses.replace(
            at, threshold=dataclasses.replace(
                at.threshold, score=None if at.threshold.value is None
                else UNIT.threshold(at.threshold.value),
            ),
        ) for at in made.results
    )  # fmt: skip
    return dataclasses.replace(
        made,
        results=results,
        unit=UNIT.to_json(),
        performed_on=performed_on,
        engine={"identity": engine or CARD.identity},
    )  # type: ignore[no-any-return]


def audited(desk: Desk, **other: Any) -> str:
    data = audit(**other).to_json().encode()
    return accept_audit(desk, ULF, data=data, policy=POLICY, operational=True)


def set_up(desk: Desk, threshold: str = "0.363", list_length: int = 20) -> str:
    """A threshold and list length in force."""
    setting = propose_setting(
        desk, MIA, keys=KEYS, engine=CARD.identity, threshold=threshold, list_length=list_length,
        reason="as the engine's documentation has it",
    )  # fmt: skip
    view = next(
        one for one in read_settings(desk, ULF, keys=KEYS, engine=CARD.identity)
        if one.id == setting
    )  # fmt: skip
    approve_setting(desk, BEN, setting, digest=view.digest)
    return setting


def case(desk: Desk, number: str = "24-1234", details: CaseDetails = DETAILS) -> str:
    return open_case(desk, ANNA, keys=KEYS, number=number, details=details)


def probe(desk: Desk, of: House, case_id: str, data: bytes | None = None) -> str:
    """A probe that was found suitable."""
    data = picture() if data is None else data
    made = upload_probe(desk, ANNA, case_id, house=of, engine=FakeEngine(), data=data,
                        sort="cctv-frame", provenance=PROVENANCE)  # fmt: skip
    assert isinstance(made, str)
    judge(desk, made)
    return made


def judge(desk: Desk, probe_id: str) -> None:
    with desk.store.reading() as db:
        image = db.get_one(Probe, probe_id).image
    judge_probe(desk, EMMA, probe_id, image=image, suitable=True, reason=Judgement.CLEAR_ENOUGH)


def form(case_id: str, probe_id: str, **other: Any) -> RequestForm:
    given: dict[str, Any] = {
        "gallery": "booking", "engine": CARD.identity,
        "stated": {name: value for name, value in base().items() if name in REQUESTER},
        "documents": (
            Document("warrant", "W-77", "Judge Roe", datetime.date(2026, 11, 20)),
            Document("court-order", "O-12", "Judge Roe", datetime.date(2026, 11, 20)),
            Document("supervisor", "memo", "Lt. Poe", datetime.date(2026, 11, 21)),
        ),
        "elsewhere": (),
    }  # fmt: skip
    return RequestForm(case_id, probe_id, **{**given, **other})


def submitted(desk: Desk, of: House) -> Submitted:
    """A request that waits for approval."""
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    return submit(desk, ANNA, house=of, form=form(case_id, probe(desk, of, case_id)))


def approved(
    desk: Desk, of: House, made: Submitted, by: Actor = BEN
) -> datetime.datetime | Fallen:
    assertion = key_of(by.account).sign(bytes.fromhex(made.digest))
    return approve(desk, by, made.id, house=of, digest=made.digest, assertion=assertion)
