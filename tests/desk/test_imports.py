"""Imports: what a dry run shows is what happens; killed anywhere, nothing is lost or doubled."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from deskgalleries import ADMIN, KEYS, Toy, folder, made
from sqlalchemy import func, select

from countenance.core import InputError
from countenance.desk import importplans, imports
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.gallery_tables import Enrolled, Entry
from countenance.desk.jobs import LEASE_S, Job, JobState, Worker, Working
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.store import Store
from countenance.desk.workingset import SYNC
from countenance.record import Log, parse_entry


@pytest.fixture
def root(desk: Desk, tmp_path: Path) -> Path:
    made(desk)
    return tmp_path / "in"


def planned(desk: Desk, root: Path, name: str = "batch") -> importplans.Plan:
    return imports.dry_run(desk, ADMIN, "bookings", name, root=root, keys=KEYS)


def begun(desk: Desk, root: Path, plan: importplans.Plan, name: str = "batch") -> str:
    return imports.begin_import(desk, ADMIN, "bookings", name, plan=plan, root=root)[0]


def worker(desk: Desk, root: Path) -> Worker:
    return Worker(desk, {imports.IMPORT: imports.handler(KEYS, root, Toy())})


def counted(desk: Desk) -> tuple[int, int]:
    with desk.store.reading() as db:
        return (db.scalar(select(func.count(Entry.id))) or 0,
                db.scalar(select(func.count(Enrolled.id))) or 0)  # fmt: skip


BAD = [
    ({"source": "scraped-web"}, "source-refused"),
    ({"source": "data-broker"}, "source-refused"),
    ({"source": "passports"}, "source-not-of-gallery"),
    ({"source": ""}, "source-not-of-gallery"),
    ({"basis": ""}, "basis-missing"),
    ({"captured": ""}, "capture-date-missing"),
    ({"captured": "2027-01-01"}, "capture-date-future"),
    ({"captured": "yesterday"}, "no-date"),
    ({"expires": ""}, "expiry-missing"),
    ({"expires": "2026-11-23"}, "expired"),
    ({"expires": "2044-01-01"}, "expiry-too-late"),
    ({"disposition": "acquitted"}, "disposition"),
    ({"disposition": "unknown"}, "disposition-missing"),
    ({"born": ""}, "age-unknown"),
    ({"born": "2007-01-01"}, "minor"),
]


def test_a_dry_run_says_exactly_what_would_be_refused_and_why(
    desk: Desk, log: Log, root: Path
) -> None:
    folder(root, [{}] + [row for row, _ in BAD])
    before = log.size
    plan = planned(desk, root)
    assert [row.refused and row.refused[0] for row in plan.rows] == [None, *(c for _, c in BAD)]
    assert all(row.refused is None or len(row.refused[1]) > 10 for row in plan.rows)
    assert plan.admitted == 1
    assert (log.size, counted(desk)) == (before, (0, 0))
    begun(desk, root, plan)
    worker(desk, root).run_once()
    assert counted(desk) == (1, 1)


def test_one_image_under_two_people_or_with_other_bytes_does_not_come_in(
    desk: Desk, root: Path
) -> None:
    place = folder(root, [{"subject": "a"}, {"subject": "b"}, {"subject": "c"}])
    (place / "1.png").write_bytes((place / "0.png").read_bytes())
    plan = planned(desk, root)
    assert plan.refusals() == {"two-people": 2}


def test_an_import_is_in_the_log_with_its_counts(desk: Desk, log: Log, root: Path) -> None:
    folder(root, [{}] * 10 + [{"black": "1"}, {"born": ""}])
    begun(desk, root, planned(desk, root))
    worker(desk, root).run_once()
    events = [parse_entry(log.entry(n), kinds=desk.recorder._kinds) for n in range(log.size)]
    assert [event.kind for event in events] == [
        "gallery-made", "gallery-import-begun", "gallery-changed", "gallery-changed",
        "gallery-import-ended",
    ]  # fmt: skip
    last = events[-1].public
    assert (last["added"], last["refused"], last["not_enrolled"]) == (10, 1, 1)
    assert sum(e.public["added"] for e in events if e.kind == "gallery-changed") == 10


def test_the_same_folder_again_adds_nothing(desk: Desk, root: Path) -> None:
    folder(root, [{}] * 5)
    for expected in (0, 5):
        plan = planned(desk, root)
        assert plan.refusals().get(importplans.DUPLICATE, 0) == expected
        begun(desk, root, plan)
        assert worker(desk, root).run_once()
    assert counted(desk) == (5, 5)


def test_a_folder_that_changed_after_the_dry_run_is_not_imported(desk: Desk, root: Path) -> None:
    place = folder(root, [{}] * 3)
    begun(desk, root, planned(desk, root))
    (place / "2.png").write_bytes((place / "2.png").read_bytes() + b"x")
    worker(desk, root).run_once()
    assert counted(desk) == (0, 0)
    with desk.store.reading() as db:
        assert db.scalars(select(Job.state)).all() == [JobState.FAILED]
    begun(desk, root, planned(desk, root))  # and the gallery is not blocked


def test_two_imports_at_once_are_one_too_many(desk: Desk, root: Path) -> None:
    folder(root, [{}])
    plan = planned(desk, root)
    begun(desk, root, plan)
    with pytest.raises(StateError):
        begun(desk, root, plan)


def test_cancelled_what_came_in_stays_and_nothing_more_comes(
    desk: Desk, log: Log, root: Path
) -> None:
    """Cancelled while the second batch is being enrolled."""
    folder(root, [{"black": "1"}] + [{}] * 24)
    made_here = begun(desk, root, planned(desk, root))
    enrolled = []

    class Cancelling(Toy):
        def enrol(self, pictures):  # type: ignore[no-untyped-def]
            found = super().enrol(pictures)
            enrolled.append(len(found))
            if len(enrolled) == 2:
                assert imports.cancel_import(desk, ADMIN, "bookings", made_here) == 7
            return found

    handlers = {imports.IMPORT: imports.handler(KEYS, root, Cancelling())}
    assert Worker(desk, handlers).run_once()
    assert enrolled == [8, 8]
    assert counted(desk) == (7, 7)
    kinds = [parse_entry(log.entry(n), kinds=desk.recorder._kinds) for n in range(log.size)]
    assert [one.kind for one in kinds[-2:]] == ["gallery-changed", "gallery-import-cancelled"]
    assert kinds[-1].public["added"] == 7
    assert kinds[-1].public["not_enrolled"] == 1
    with desk.store.reading() as db:
        states = {one.kind: one.state for one in db.scalars(select(Job))}
        assert states == {imports.IMPORT: JobState.CANCELLED, SYNC: JobState.WAITING}
    with pytest.raises(StateError):
        imports.cancel_import(desk, ADMIN, "bookings", made_here)
    again = planned(desk, root)  # the rest can be brought in, and only that
    assert again.refusals() == {importplans.DUPLICATE: 7}
    begun(desk, root, again)
    assert worker(desk, root).run_once()
    assert counted(desk)[0] == 24


def test_cancelled_before_it_began_and_who_may(desk: Desk, root: Path) -> None:
    folder(root, [{}])
    plan = planned(desk, root)
    identity = begun(desk, root, plan)
    for role in (Role.AUDITOR, Role.REQUESTER):
        other_one = dataclasses.replace(ADMIN, roles=frozenset({role}))
        with pytest.raises(NotAllowedError):
            imports.cancel_import(desk, other_one, "bookings", identity)
    for gallery, other in (("others", identity), ("bookings", "0" * 32)):
        with pytest.raises(NotAllowedError):
            imports.cancel_import(desk, ADMIN, gallery, other)
    assert imports.cancel_import(desk, ADMIN, "bookings", identity) == 0
    begun(desk, root, plan)  # the gallery is not blocked
    assert worker(desk, root).run_once()
    assert counted(desk) == (1, 1)
    with pytest.raises(StateError):
        imports.cancel_import(desk, ADMIN, "bookings", identity)


@pytest.mark.parametrize("path", ["..", "", "/etc", "batch/../..", "nowhere", "link"])
def test_a_folder_elsewhere_is_not_read(path: str, desk: Desk, root: Path, tmp_path: Path) -> None:
    folder(root, [{}])
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        planned(desk, root, path)


def test_a_file_that_leads_out_of_the_folder_is_refused(desk: Desk, root: Path) -> None:
    place = folder(root, [{}, {}])
    (place / "1.png").unlink()
    (place / "1.png").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="lead out"):
        planned(desk, root)


KILLED = """
import datetime, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from deskgalleries import KEYS, NOW, Toy
from countenance.desk import imports, kinds
from countenance.desk.events import Recorder
from countenance.desk.jobs import Worker
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.store import Store
from countenance.desk.workingset import SYNC
from countenance.record import FolderStorage, Log, SQLiteVault
from countenance.record.note import Ed25519Signer

folder, left, minutes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
clock = lambda: NOW + datetime.timedelta(minutes=minutes)
key = Ed25519PrivateKey.from_private_bytes(bytes(32))
signer = Ed25519Signer.from_private_key("desk.example/log", key)
log = Log.open(FolderStorage(folder / "log"), signer)
vault = SQLiteVault(folder / "vault.db", clock=lambda: int(clock().timestamp()))
store = Store.open(f"sqlite:///{folder / 'desk.db'}")
desk = Desk(store, Recorder(store, log, vault, clock, kinds.KINDS), clock=clock)
writes = store.write
def counting(work):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return writes(work)
store.write = counting
Worker(desk, {imports.IMPORT: imports.handler(KEYS, folder / "in", Toy())}, beat_s=1000).run_once()
"""


def test_killed_again_and_again_nothing_is_lost_or_doubled(
    desk: Desk, log: Log, root: Path, store: Store, tmp_path: Path, clock: object
) -> None:
    """Killed before the nth write, for n from 2 on, each time by another worker."""
    folder(root, [{"subject": f"s{n // 2}"} for n in range(26)])
    begun(desk, root, planned(desk, root))
    log.close()
    killed = 0
    for step, left in enumerate([2, 4, 5, 6, 7]):
        died = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(left), str(2 * step + 2),
             str(Path(__file__).parent)],
            capture_output=True, timeout=60,
        )  # fmt: skip
        killed += died.returncode == -9
        assert died.returncode in (0, -9), died.stderr.decode()
    assert killed >= 4
    last = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "100000", "14", str(Path(__file__).parent)],
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert last.returncode == 0, last.stderr.decode()
    assert counted(desk) == (26, 13)
    with store.reading() as db:
        assert db.scalars(select(Job.state)).all() == [JobState.DONE]
    assert LEASE_S < 120


def test_an_image_of_unreasonable_size_does_not_come_in(desk: Desk, root: Path) -> None:
    place = folder(root, [{}, {}])
    with (place / "1.png").open("ab") as file:
        file.truncate(importplans.MOST_BYTES + 1)
    assert planned(desk, root).refusals() == {"too-large": 1}


def test_the_same_images_brought_twice_are_there_once(desk: Desk, root: Path) -> None:
    """As when a worker died after its transaction, and the plan was made before."""
    folder(root, [{}, {"subject": "s0"}, {"black": "1"}])
    begun(desk, root, planned(desk, root))

    def twice(working: Working) -> None:
        importer = imports._Importer(working, KEYS, root, Toy())
        rows = list(importer._plan.rows)
        importer._bring(rows)
        importer._bring(rows)
        importer.run()

    Worker(desk, {imports.IMPORT: twice}).run_once()
    assert counted(desk) == (2, 1)
    with desk.store.reading() as db:
        assert db.scalars(select(Job.state)).all() == [JobState.DONE]
