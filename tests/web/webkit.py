"""A deployment of real parts behind its app, and visitors who act as a browser would."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deskgalleries
import httpx2 as httpx
import numpy as np
from authenticator import ORIGIN, Authenticator
from casework import CARD, HOUSE, KEYS, POLICY, UNIT, audit, base
from clockkit import MovingClock
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from people import PARTY, Person, first, joined, trained
from reviewkit import LocalPublisher
from starlette.testclient import TestClient

from countenance.desk import imports, purging
from countenance.desk.account_tables import guard
from countenance.desk.approval_signatures import PasskeyApprovals
from countenance.desk.audits import accept_audit
from countenance.desk.decisions import RequestGate
from countenance.desk.deployment import Deployment
from countenance.desk.events import Recorder
from countenance.desk.galleries import RecordedGalleries
from countenance.desk.house import House
from countenance.desk.jobs import Worker
from countenance.desk.kinds import KINDS
from countenance.desk.passkeys import RelyingParty
from countenance.desk.roles import Role
from countenance.desk.searching import Means
from countenance.desk.service import Desk, Standing
from countenance.desk.settings import approve_setting, propose_setting, read_settings
from countenance.desk.store import Store
from countenance.desk.wiring import GallerySearcher, PermitIssuer
from countenance.desk.workingset import sync
from countenance.faces import Enrolment, Picture, Status, Unreadable, quantise
from countenance.record import FolderStorage, Log, SQLiteVault
from countenance.record.note import Ed25519Signer
from countenance.web import create_app

_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Engine:
    """Finds one face in what is not nearly black; the template is of the picture's hash."""

    card = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, "unreadable")
        if picture.pixels.mean() < 10:
            return Enrolment(Status.NO_FACE, "no face was found in the picture")
        seed = int.from_bytes(bytes.fromhex(picture.sha256)[:8], "big")
        template = quantise(np.random.default_rng(seed).normal(size=(1, 4)), UNIT)[0]
        height, width = picture.pixels.shape[:2]
        return Enrolment(Status.OK, template=template, box=(0, 0, width, height), faces_found=1,
                         face_px=min(width, height))  # fmt: skip


@dataclass
class Visitor:
    """Somebody with a browser. Signed in, `person` says who; the public has none."""

    app: Any
    person: Person | None = None
    device: Authenticator = field(default_factory=Authenticator)

    def __post_init__(self) -> None:
        self.http = TestClient(self.app, base_url=ORIGIN, follow_redirects=False)
        self.page_token = ""
        if self.person is not None:
            self.device = self.person.device

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """A call of our script."""
        return self.http.post(path, json=dict(body or {}))

    def ceremony(self, kind: str, body: Mapping[str, Any] | None = None, **hostile: Any) -> Any:
        begun = self.call(f"/passkey/{kind}/begin", body)
        assert begun.status_code == 200, begun.text
        answer = self.device.get(begun.json()["options"], **hostile)
        return self.http.post(
            f"/passkey/{kind}/finish", content=f'{{"answer": {answer}}}',
            headers={"content-type": "application/json"},
        )  # fmt: skip

    def sign_in(self) -> Visitor:
        done = self.ceremony("sign-in")
        assert done.status_code == 200, done.text
        found = _TOKEN.search(self.get("/account").text)
        assert found
        self.page_token = found[1]
        return self

    def confirm(self, action: str) -> Visitor:
        """The passkey is asked for an action."""
        done = self.ceremony("confirm", {"action": action})
        assert done.status_code == 200, done.text
        return self

    def sign(self, action: str, digest: str) -> Visitor:
        """The passkey signs a digest."""
        done = self.ceremony("sign", {"action": action, "digest": digest})
        assert done.status_code == 200, done.text
        return self

    def post(
        self, path: str, fields: Mapping[str, Any] | None = None, *, confirm: str = "",
        sign: tuple[str, str] | None = None, files: Any = None,
    ) -> httpx.Response:  # fmt: skip
        """Send a form, with the passkey asked before where the form would have it asked."""
        if confirm:
            self.confirm(confirm)
        if sign:
            self.sign(*sign)
        data = {"token": self.page_token, **(fields or {})}
        return self.http.post(path, data=data, files=files)


@dataclass
class Site:
    """A deployment, its app, and the people of it."""

    deployment: Deployment
    app: Any
    folder: Path
    clock: MovingClock
    issuer: PermitIssuer
    admin: Person

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, folder: Path, clock: MovingClock, *, party: RelyingParty = PARTY, **house: Any
    ) -> Iterator[Site]:
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        store = Store.open(f"sqlite:///{folder / 'desk.db'}")
        store.create()
        store.write(lambda db: db.add(Standing(number=1)))
        signer = Ed25519Signer.from_private_key("desk.example/log", key)
        with Log.open(FolderStorage(folder / "log"), signer) as log:
            vault = SQLiteVault(folder / "vault.db", clock=lambda: int(clock().timestamp()))
            desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock, guard=guard)
            given: dict[str, Any] = {
                "keys": KEYS, "jurisdictions": ("us/mi/detroit",),
                "galleries": RecordedGalleries(KEYS), "approvals": PasskeyApprovals(party, clock),
                "audit_policy": POLICY, "managed_devices": True,
                "facts": {name: value for name, value in base().items() if name in HOUSE},
            }  # fmt: skip
            of = House(**{**given, **house})
            issuer = PermitIssuer(Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32))
            (folder / "in").mkdir()
            searcher = GallerySearcher(
                desk, of, root=folder / "files", engine=Engine(), issuer=issuer
            )
            deployment = Deployment(
                name="Example Police Department", desk=desk, house=of, party=party,
                engine=Engine(), log=log,
                means=Means(KEYS, RequestGate(of), searcher, LocalPublisher(log)),
                imports=folder / "in", contact="Records Office, 1 Main Street",
                policy="log desk.example/log\n", page_key=bytes(range(32, 64)),
            )  # fmt: skip
            admin = first(desk, party=party)
            yield cls(deployment, create_app(deployment), folder, clock, issuer, admin)
            searcher.close()
        store.close()

    @property
    def desk(self) -> Desk:
        return self.deployment.desk

    def public(self) -> Visitor:
        return Visitor(self.app)

    def joined(self, name: str, *roles: Role, train: bool = True) -> Visitor:
        """Somebody who has these roles and the training for them, signed in."""
        self.admin.sign_in()
        person = joined(self.admin, name, *roles)
        if train:
            for role in roles:
                trained(self.admin, person, role.value, days=300)
        return Visitor(self.app, person).sign_in()

    def administrator(self) -> Visitor:
        """The first administrator, in a browser."""
        return Visitor(self.app, self.admin).sign_in()

    def with_gallery(self, people: int = 26) -> Site:
        """The gallery `booking`, its pictures imported, searchable, and looked through for purges.

        Picture ``batch/24.png`` of ``folder / "in"`` is one of them; the first are too dark.
        """
        made = self.desk
        deskgalleries.made(made, code="booking", engine=CARD.identity, engine_name="fake",
                           actor=self.admin.to("gallery.create"))  # fmt: skip
        deskgalleries.folder(self.folder / "in", [{"subject": f"s{n}"} for n in range(people)])
        root = self.folder / "in"
        plan = imports.dry_run(
            made, self.admin.to("gallery.import-plan"), "booking", "batch", root=root, keys=KEYS
        )
        imports.begin_import(
            made, self.admin.to("gallery.import"), "booking", "batch", plan=plan, root=root
        )
        worker = Worker(made, {imports.IMPORT: imports.handler(KEYS, root, Engine())})
        assert worker.run_once()
        purging.purge(made, "booking", keys=KEYS)
        self.sync()
        return self

    def sync(self) -> None:
        sync(self.desk, "booking", keys=KEYS, root=self.folder / "files", card=CARD,
             issuer=self.issuer.public)  # fmt: skip

    def with_audit(self, auditor: Visitor, approver: Visitor) -> Site:
        """A current audit of the engine, and a threshold in force."""
        assert auditor.person is not None
        assert approver.person is not None
        accept_audit(
            self.desk, auditor.person.sign_in().to("audit.accept"),
            data=audit().to_json().encode(), policy=POLICY, operational=True,
        )  # fmt: skip
        setting = propose_setting(
            self.desk, self.admin.sign_in().to("setting.propose"), keys=KEYS,
            engine=CARD.identity, threshold="0.363", list_length=20,
            reason="as the engine's documentation has it",
        )  # fmt: skip
        (view,) = [
            one for one in read_settings(
                self.desk, auditor.person.to("setting.read"), keys=KEYS, engine=CARD.identity
            ) if one.id == setting
        ]  # fmt: skip
        approve_setting(
            self.desk, approver.person.sign_in().to("setting.approve"), setting,
            digest=view.digest,
        )  # fmt: skip
        return self


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields and digests that a page carries, for the form that comes next."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
