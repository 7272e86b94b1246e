"""The outbox: whatever is killed or fails, nothing acknowledged is lost, nothing doubles."""

from __future__ import annotations

import ast
import datetime
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from databases import new_database, server, url
from sqlalchemy import func, select

from countenance.core import InputError
from countenance.desk import service
from countenance.desk.errors import DeskError, StoodDownError
from countenance.desk.events import Outgoing, Recorder
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk, Doing, Standing
from countenance.desk.store import Store
from countenance.record import Log, SQLiteVault, StorageError

__all__ = ["server", "url"]
NOW = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
ADMIN = Actor("a" * 32, frozenset({Role.ADMINISTRATOR}), "s", NOW)


def granting(doing: Doing) -> None:
    doing.record.add(
        doing.db, "access-changed", about="someone", private={"account": "a person"},
        public={"role": "examiner", "change": "granted"},
    )  # fmt: skip


def entries(log: Log) -> list[bytes]:
    return [log.entry(index) for index in range(log.size)]


KILLED = """
import datetime, os, signal, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from countenance.desk import events, service
from countenance.desk.store import Store
from countenance.desk.roles import Role
from countenance.record import FolderStorage, Log, SQLiteVault
from countenance.record.note import Ed25519Signer

folder, point = Path(sys.argv[1]), sys.argv[2]
now = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)

def dying(call, after):
    def wrapped(*args, **more):
        if not after:
            os.kill(os.getpid(), signal.SIGKILL)
        call(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    return wrapped

key = Ed25519PrivateKey.from_private_bytes(bytes(32))
signer = Ed25519Signer.from_private_key("desk.example/log", key)
log = Log.open(FolderStorage(folder / "log"), signer)
vault = SQLiteVault(folder / "vault.db", clock=lambda: int(now.timestamp()))
store = Store.open(f"sqlite:///{folder / 'desk.db'}")
recorder = events.Recorder(store, log, vault, lambda: now)
desk = service.Desk(store, recorder, clock=lambda: now)
what, when = point.split()
if what == "work":
    recorder.add = dying(recorder.add, when == "after")
if what == "flush":
    recorder.flush = dying(recorder.flush, when == "after")
if what == "vault":
    vault.keep_each = dying(vault.keep_each, when == "after")
if what == "log":
    log.append = dying(log.append, when == "after")
def granting(doing):
    doing.record.add(doing.db, "access-changed", about="someone", private={"account": "a person"},
                     public={"role": "examiner", "change": "granted"})
actor = service.Actor("a" * 32, frozenset({Role.ADMINISTRATOR}), "s", now)
desk.act(actor, "account.roles", granting)
print("acknowledged", flush=True)
"""
POINTS = [
    f"{what} {when}" for what in ("work", "flush", "vault", "log") for when in ("before", "after")
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    point: str, store: Store, tmp_path: Path
) -> None:
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), point], capture_output=True, timeout=60
    )
    assert died.returncode == -9, died.stderr
    assert b"acknowledged" not in died.stdout
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from countenance.record import FolderStorage
    from countenance.record.note import Ed25519Signer

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signer = Ed25519Signer.from_private_key("desk.example/log", key)
    with Log.open(FolderStorage(tmp_path / "log"), signer) as log:
        vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: int(NOW.timestamp()))
        Desk(store, Recorder(store, log, vault, lambda: NOW), clock=lambda: NOW)
        assert log.size == (0 if point.startswith("work") else 1)
        assert vault.erase_about("someone") == 2 * log.size  # `account` and `author`
        with store.reading() as db:
            assert db.scalar(select(func.count()).where(Outgoing.place.is_(None))) == 0


class Failing:
    """A log that fails before or after it has written."""

    def __init__(self, log: Log) -> None:
        self.log, self.fails = log, ""

    @property
    def size(self) -> int:
        return self.log.size

    def entry(self, index: int) -> bytes:
        return self.log.entry(index)

    def refresh(self) -> int:
        return self.log.refresh()

    def append(self, new: Sequence[bytes]) -> range:
        if self.fails == "before":
            raise StorageError("the disk is full")
        found = self.log.append(new)
        if self.fails == "after":
            raise StorageError("the disk is full")
        return found


@pytest.mark.parametrize("fails", ["before", "after"])
def test_a_log_that_fails_gives_no_acknowledgement_and_the_next_repairs(
    fails: str, store: Store, log: Log, tmp_path: Path
) -> None:
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: int(NOW.timestamp()))
    failing = Failing(log)
    desk = Desk(store, Recorder(store, failing, vault, lambda: NOW), clock=lambda: NOW)
    failing.fails = fails
    for _ in range(2):
        with pytest.raises(StorageError):
            desk.act(ADMIN, "account.roles", granting)
        with pytest.raises(StorageError):
            desk.look(ADMIN, "account.list", lambda _: None)
    failing.fails = ""
    desk.look(ADMIN, "account.list", lambda _: None)
    assert log.size == 2
    assert len(set(entries(log))) == 2


def test_what_cannot_be_an_entry_is_refused_before_it_can_block_the_rest(
    desk: Desk, log: Log
) -> None:
    def long(doing: Doing) -> None:
        doing.record.add(
            doing.db, "access-changed", public={"role": "x" * 70_000, "change": "granted"},
            private={"account": "a person"},
        )  # fmt: skip

    with pytest.raises(InputError):
        desk.act(ADMIN, "account.roles", long)
    desk.act(ADMIN, "account.roles", granting)
    assert log.size == 1


def test_work_that_runs_twice_leaves_one_event(url: str, log: Log, tmp_path: Path) -> None:
    store = Store.open(url)
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    vault = SQLiteVault(tmp_path / "v.db", clock=lambda: int(NOW.timestamp()))
    desk = Desk(store, Recorder(store, log, vault, lambda: NOW), clock=lambda: NOW)
    runs = Counter[str]()

    class SecondError(Exception):
        sqlstate = "40001"

    def twice(doing: Doing) -> None:
        granting(doing)
        runs["run"] += 1
        if runs["run"] == 1:
            from sqlalchemy.exc import OperationalError

            raise OperationalError("x", {}, SecondError())

    desk.act(ADMIN, "account.roles", twice)
    assert (runs["run"], log.size) == (2, 1)
    store.close()


def test_many_writers_and_readers_one_entry_an_action(url: str, log: Log, tmp_path: Path) -> None:
    """Two desks (as two processes), six threads: every action once in the log, no reader waits."""
    stores = [Store.open(url), Store.open(url)]
    stores[0].create()
    stores[0].write(lambda db: db.add(Standing(number=1)))
    desks = []
    for store in stores:
        vault = SQLiteVault(tmp_path / "v.db", clock=lambda: int(NOW.timestamp()))
        desks.append(Desk(store, Recorder(store, log, vault, lambda: NOW), clock=lambda: NOW))
    errors: list[BaseException] = []
    unlogged: list[int] = []

    def writing(desk: Desk) -> None:
        for _ in range(8):
            desk.act(ADMIN, "account.roles", granting)

    def reading(desk: Desk) -> None:
        for _ in range(15):
            count, places = desk.look(
                ADMIN, "account.list",
                lambda db: (db.scalar(select(func.count(Outgoing.number))) or 0, log.size),
            )  # fmt: skip
            if count > places:
                unlogged.append(count)

    def run(what: object, desk: Desk) -> None:
        try:
            what(desk)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(what, desk))
        for desk in desks
        for what in (writing, writing, reading)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert unlogged == []
    assert log.size == 32
    assert len(set(entries(log))) == 32
    for store in stores:
        store.close()


def test_a_reader_ends_though_somebody_always_writes(
    desk: Desk, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something new is committed before every look at the outbox; the view stays as it was."""
    real = desk.recorder.pending
    calls = 0

    def pending(db: object) -> bool:
        nonlocal calls
        calls += 1
        assert calls < 20
        if calls % 2:
            desk.store.write(lambda db: granting(Doing(db, ADMIN, NOW, desk.recorder)))
        return real(db)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.recorder, "pending", pending)
    counted = select(func.count(Outgoing.number))
    seen = desk.look(ADMIN, "account.list", lambda db: db.scalar(counted))
    assert seen is not None
    assert seen <= log.size


def test_of_what_is_in_the_log_the_outbox_keeps_the_place_only(desk: Desk) -> None:
    desk.act(ADMIN, "account.roles", granting)
    with desk.store.reading() as db:
        row = db.scalars(select(Outgoing)).one()
        assert (row.entry, row.openings, row.place) == (b"", None, 0)


def test_a_clock_that_went_back_is_not_believed(desk: Desk, clock: object, log: Log) -> None:
    desk.act(ADMIN, "account.roles", granting)
    clock.move(seconds=-4)  # type: ignore[attr-defined]
    desk.look(ADMIN, "account.list", lambda _: None)  # two machines are never quite together
    clock.move(seconds=-2)  # type: ignore[attr-defined]
    with pytest.raises(DeskError, match="clock"):
        desk.look(ADMIN, "account.list", lambda _: None)
    with pytest.raises(DeskError, match="clock"):
        Desk(desk.store, desk.recorder, clock=desk.clock)
    Desk(desk.store, desk.recorder, clock=desk.clock, accept_clock=True)
    assert log.size == 1


def test_a_session_that_ended_meanwhile_does_nothing(desk: Desk, log: Log) -> None:
    def ended(*_: object) -> None:
        raise DeskError("the session has ended")

    guarded = Desk(desk.store, desk.recorder, clock=desk.clock, guard=ended)
    for call in (
        lambda: guarded.act(ADMIN, "account.roles", granting),
        lambda: guarded.look(ADMIN, "account.list", lambda _: None),
    ):
        with pytest.raises(DeskError, match="ended"):
            call()
    assert log.size == 0


def test_a_desk_that_does_not_know_whether_it_stands_stands_down(desk: Desk) -> None:
    desk.store.write(lambda db: db.delete(db.get_one(Standing, 1)))
    with pytest.raises(StoodDownError):
        desk.act(ADMIN, "account.roles", granting)


PROCESS = """
import datetime, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pathlib import Path
from countenance.desk.events import Recorder
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk
from countenance.desk.store import Store
from countenance.record import Log, PostgresStorage, SQLiteVault
from countenance.record.note import Ed25519Signer
url, server, vault = sys.argv[1:4]
now = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
key = Ed25519PrivateKey.from_private_bytes(bytes(32))
signer = Ed25519Signer.from_private_key("desk.example/log", key)
log = Log.open(PostgresStorage(server, "desk-events"), signer)
store = Store.open(url)
recorder = Recorder(store, log, SQLiteVault(Path(vault), clock=lambda: 0), lambda: now)
desk = Desk(store, recorder, clock=lambda: now)
actor = Actor("a" * 32, frozenset({Role.ADMINISTRATOR}), "s", now)
def granting(doing):
    doing.record.add(doing.db, "access-changed", about="someone", private={"account": "a person"},
                     public={"role": "examiner", "change": "granted"})
for _ in range(10):
    desk.act(actor, "account.roles", granting)
print(log.refresh(), len({log.entry(n) for n in range(log.refresh())}))
"""


def test_processes_that_share_database_and_log(server: str, tmp_path: Path) -> None:
    """Two desks flush at once, each with its own log object on one PostgreSQL."""
    shared = new_database(server)
    store = Store.open(shared)
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    command = [sys.executable, "-c", PROCESS, shared, server, str(tmp_path / "v.db")]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    told = [process.communicate(timeout=90) for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    sizes = [tuple(map(int, out.split())) for out, _ in told]
    assert max(sizes) == (20, 20)  # none lost, none twice
    with store.reading() as db:
        places = sorted(db.scalars(select(Outgoing.place)))
    assert places == list(range(20))
    store.close()


def test_what_was_committed_while_a_view_was_opened_is_logged_before_it_is_shown(
    desk: Desk, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = desk.recorder.flush, []

    def flush() -> int:
        found = real()
        if not calls:
            desk.store.write(lambda db: granting(Doing(db, ADMIN, NOW, desk.recorder)))
        calls.append(found)
        return found

    monkeypatch.setattr(desk.recorder, "flush", flush)
    desk.store.write(lambda db: granting(Doing(db, ADMIN, NOW, desk.recorder)))  # as in a crash
    counted = select(func.count(Outgoing.number))
    assert desk.look(ADMIN, "account.list", lambda db: (db.scalar(counted), log.size)) == (2, 2)


class SeenBefore:
    """The log as another process has it: it knows of others' entries when it looks again."""

    def __init__(self, log: Log) -> None:
        self.log, self.size, self.read = log, log.size, 0

    def refresh(self) -> int:
        self.size = self.log.refresh()
        return self.size

    def append(self, entries: Sequence[bytes]) -> range:
        found = self.log.append(entries)
        self.size = self.log.size
        return found

    def entry(self, index: int) -> bytes:
        self.read += 1
        return self.log.entry(index)


def test_after_a_quiet_day_nobody_looks_through_all_that_others_wrote(
    desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = SeenBefore(log)
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: 0)
    second = Desk(desk.store, Recorder(desk.store, seen, vault, desk.clock), clock=desk.clock)
    second.act(ADMIN, "account.roles", granting)
    for _ in range(50):
        desk.act(ADMIN, "account.roles", granting)
    monkeypatch.setattr(second.recorder, "_looked_s", -9e9)
    second.act(ADMIN, "account.roles", granting)
    assert seen.read == 0
    assert log.size == 52


def test_what_is_private_in_an_event_can_be_erased_by_a_handle() -> None:
    room = Path(service.__file__).parent
    calls = [
        (path.name, node)
        for path in sorted(room.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add" and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "record"
    ]  # fmt: skip
    assert len(calls) > 30
    for name, node in calls:
        given = {each.arg for each in node.keywords}
        assert "private" not in given or "about" in given, (name, node.lineno)
