"""Whatever happens to a gallery in whatever order, record, log and keys say the same."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from deskgalleries import ADMIN, CARD, KEYS, NOW, Toy, folder, made
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import integers, lists, sampled_from
from sqlalchemy import select

from countenance.desk import imports, purging
from countenance.desk.events import Recorder
from countenance.desk.galleries import composition, erase_person, set_disposition
from countenance.desk.gallery_tables import Enrolled, Entry, EntryState
from countenance.desk.jobs import Worker
from countenance.desk.kinds import KINDS
from countenance.desk.secrets_at_rest import DataKey
from countenance.desk.service import Actor, Desk, Standing
from countenance.desk.store import Store
from countenance.desk.workingset import RowKeys, codec, place_of, sync
from countenance.record import FolderStorage, Log, SQLiteVault, parse_entry
from countenance.record.note import Ed25519Signer
from countenance.scores import GalleryWriter

PEOPLE = sampled_from(["ann", "bob", "cy"])


class GalleryMachine(RuleBasedStateMachine):
    """The model: for each image, whose it is and until when it may be kept."""

    @initialize()
    def begin(self) -> None:
        self.files = tempfile.TemporaryDirectory()
        self.root = Path(self.files.name)
        self.now = NOW
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        signer = Ed25519Signer.from_private_key("desk.example/log", key)
        self.log = Log.open(FolderStorage(self.root / "log"), signer)
        self.vault = SQLiteVault(self.root / "vault.db", clock=lambda: 0)
        self.store = Store.open(f"sqlite:///{self.root / 'desk.db'}")
        self.store.create()
        self.store.write(lambda db: db.add(Standing(number=1)))
        recorder = Recorder(self.store, self.log, self.vault, self.clock, KINDS)
        self.desk = Desk(self.store, recorder, clock=self.clock)
        made(self.desk)
        self.known = RowKeys(self.desk, "bookings", KEYS)  # as a service has them that goes on
        self.model: dict[str, tuple[str, datetime.date]] = {}
        self.batch = 0

    def clock(self) -> datetime.datetime:
        return self.now

    @property
    def admin(self) -> Actor:
        return Actor(ADMIN.account, ADMIN.roles, "s", self.now)

    @rule(people=lists(PEOPLE, min_size=1, max_size=3), days=integers(1, 20))
    def bring(self, people: list[str], days: int) -> None:
        self.batch += 1
        until = self.now.date() + datetime.timedelta(days=days)
        name = f"b{self.batch}"
        rows = [
            {"path": f"{self.batch}-{n}.png", "subject": who, "expires": until.isoformat()}
            for n, who in enumerate(people)
        ]
        place = folder(self.root / "in", rows, name)
        for n, who in enumerate(people):  # no two pictures alike
            from PIL import Image

            Image.new("RGB", (9, 9 + n), (self.batch % 250 + 1, n, 5)).save(
                place / f"{self.batch}-{n}.png"
            )
            self.model[f"{name}/{n}"] = (who, until)
        root = self.root / "in"
        plan = imports.dry_run(self.desk, self.admin, "bookings", name, root=root, keys=KEYS)
        assert plan.admitted == len(people)
        imports.begin_import(self.desk, self.admin, "bookings", name, plan=plan, root=root)
        Worker(self.desk, {imports.IMPORT: imports.handler(KEYS, root, Toy())}).run_once()

    @rule(who=PEOPLE)
    def erase(self, who: str) -> None:
        erase_person(self.desk, self.admin, "bookings", who, grounds="asked", keys=KEYS)
        self.model = {k: v for k, v in self.model.items() if v[0] != who}

    @rule(days=integers(1, 15))
    def wait_and_purge(self, days: int) -> None:
        self.now += datetime.timedelta(days=days)
        purging.purge(self.desk, "bookings", keys=KEYS)
        today = self.now.date()
        self.model = {k: v for k, v in self.model.items() if v[1] > today}

    @rule(disposition=sampled_from(["charged", "convicted"]))
    def keep(self, disposition: str) -> None:
        with self.store.reading() as db:
            found = db.scalars(select(Entry.id).where(Entry.state == EntryState.ACTIVE)).first()
        if found is not None:
            set_disposition(
                self.desk, self.admin, "bookings", found, disposition, grounds="court", keys=KEYS
            )

    @rule()
    def write_the_file(self) -> None:
        sync(self.desk, "bookings", keys=KEYS, root=self.root / "f", card=CARD, issuer="ab" * 32)
        keys = RowKeys(self.desk, "bookings", KEYS)
        keys.refresh()
        place = place_of(self.root / "f", "bookings", CARD.identity)
        with GalleryWriter(place, codec=codec(keys)) as writer, self.store.reading() as db:
            assert len(writer) == len(self.model)
            for row in db.scalars(select(Entry)):
                assert (row.id in writer) == (row.state == EntryState.ACTIVE)

    @invariant()
    def all_say_the_same(self) -> None:
        people = {who for who, _ in self.model.values()}
        with self.store.reading() as db:
            what = composition(db, "bookings", today=self.now.date())
            assert (what.images, what.people) == (len(self.model), len(people))
            for person in db.scalars(select(Enrolled)):
                key = db.get_one(DataKey, person.handle)
                assert (key.wrapped is not None) == (person.mark is not None)
        sizes = [
            entry.public["gallery_size"]
            for entry in (
                parse_entry(self.log.entry(n), kinds=KINDS) for n in range(self.log.size)
            )
            if "gallery_size" in entry.public
        ]
        assert (sizes[-1] if sizes else 0) == len(people)
        self.known.refresh()
        anew = RowKeys(self.desk, "bookings", KEYS)
        anew.refresh()
        assert self.known._known == anew._known
        assert len(anew._known) == len(self.model)

    def teardown(self) -> None:
        self.store.close()
        self.vault.close()
        self.log.close()
        self.files.cleanup()


GalleryMachine.TestCase.settings = settings(max_examples=6, stateful_step_count=8, deadline=None)
TestGalleryMachine = GalleryMachine.TestCase
