"""From a folder to an opened deployment: in order, alone, and after whatever went wrong."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import new_database, server
from deskfolders import make_quick
from deskgalleries import CARD, NEW, Toy, folder
from people import entries, first
from sqlalchemy import select

from countenance.core import CountenanceError, InputError
from countenance.desk import imports, jobs
from countenance.desk.background import Background
from countenance.desk.configuration import FILE, read_configuration
from countenance.desk.errors import DeskError, StateError
from countenance.desk.galleries import make_gallery
from countenance.desk.gallery_tables import Entry
from countenance.desk.invitations import bootstrap
from countenance.desk.jobs import Job, JobState, Working
from countenance.desk.making import make_deployment
from countenance.desk.opening import open_deployment
from countenance.desk.parts import local_witness, policy_of
from countenance.desk.service import Desk
from countenance.desk.store import Store
from countenance.record import QuorumError

__all__ = ["server"]

ENGINE = Toy()


def soon(true: Callable[[], object], *, within_s: float = 20.0) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        make_quick(patch)  # the keys; processes are what these tests are of
        make_deployment(tmp_path / "desk", name="Desk", origin="https://desk.example")
    return tmp_path / "desk"


def test_opened_closed_and_opened_again_it_is_the_same(place: Path) -> None:
    with open_deployment(place, engine=ENGINE, background=False) as found:
        ada = first(found.desk)
        account, size, policy, key = ada.account, found.log.size, found.policy, found.page_key
        assert found.party.id == "desk.example"
        assert found.log.origin == "desk.example/desk"
        assert "127.0.0.1" not in policy  # of no use to an outsider
    with open_deployment(place, engine=ENGINE, background=False) as again:
        assert (again.log.size, again.policy, again.page_key) == (size, policy, key)
        assert ada.account == account
        with pytest.raises(StateError):
            bootstrap(again.desk, "Somebody Else")
        ada.desk = again.desk
        ada.sign_in()


def test_another_configuration_is_told_before_anybody_is_answered(place: Path) -> None:
    def told() -> list[dict[str, object]]:
        with open_deployment(place, engine=ENGINE, background=False) as found:
            return [dict(entry.public) for entry in entries(found.log, "desk-configured")]

    (one,) = told()
    assert one["jurisdiction"] == "ZZ"
    assert told() == [one]  # once
    changed(place, "127.0.0.1:8760", "127.0.0.1:8761")
    assert told() == [one]  # where it answers binds nobody
    changed(place, "most-days = 365", "most-days = 3650")
    two = told()[1]
    assert two["audit_days"] == 3650
    changed(place, "most-days = 3650", "most-days = 365")
    assert [each["settings"] for each in told()] == [
        one["settings"], two["settings"], one["settings"],
    ]  # fmt: skip
    changed(place, "[facts]", "[facts]\nagency.policy-published = true")
    assert len(told()) == 4


def changed(place: Path, old: str, new: str) -> None:
    text = (place / FILE).read_text()
    assert old in text
    (place / FILE).write_text(text.replace(old, new))


def test_nobody_suspended_acts_at_an_opened_desk(place: Path) -> None:
    """That is, it is opened with the guard."""
    from countenance.desk.errors import NotAllowedError
    from countenance.desk.sessions import sign_out

    with open_deployment(place, engine=ENGINE, background=False) as found:
        ada = first(found.desk)
        actor = ada.to("account.list")
        sign_out(found.desk, ada.token)
        with pytest.raises(NotAllowedError):
            found.desk.look(actor, "account.list", lambda _: None)


def test_two_processes_on_one_sqlite_are_refused(place: Path) -> None:
    with open_deployment(place, engine=ENGINE, background=False):
        other = (
            "import sys; from pathlib import Path\n"
            "from countenance.desk.opening import open_deployment\n"
            "with open_deployment(Path(sys.argv[1]), background=False): pass\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", other, str(place)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0
        assert "another process has this desk open" in done.stderr


def test_without_its_witness_nothing_is_published_and_with_it_again(place: Path) -> None:
    found = read_configuration(place)
    with open_deployment(place, engine=ENGINE, background=False) as deployment:
        first(deployment.desk)
        with pytest.raises(QuorumError):
            deployment.means.publisher.cover(None)
        assert deployment.log.latest_checkpoint() is None
        with local_witness(found) as witness:
            assert deployment.means.publisher.cover(None) == deployment.log.size
            policy_of(found, public=True).check(deployment.log.latest_checkpoint() or b"")
            old = witness.pid
            assert old is not None
            os.kill(old, signal.SIGKILL)
            soon(lambda: witness.pid not in (None, old))
            soon(lambda: _covered(deployment.means.publisher.cover))
        assert witness.pid is None


def _covered(cover: Callable[[None], int]) -> bool:
    try:
        cover(None)
    except QuorumError:
        return False
    return True


def test_a_witness_that_hangs_is_started_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.desk.localwitness._ASK_S", 0.2)
    with local_witness(read_configuration(place)) as witness:
        old = witness.pid
        assert old is not None
        os.kill(old, signal.SIGSTOP)
        soon(lambda: witness.pid not in (None, old))


def test_a_witness_that_is_started_again_may_take_its_time(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = place.with_name("slow")
    slow.write_text(f'#!/bin/sh\nsleep 3.5\nexec {sys.executable} "$@"\n')
    slow.chmod(0o700)
    with local_witness(read_configuration(place)) as witness:
        monkeypatch.setattr(sys, "executable", str(slow))
        old = witness.pid
        assert old is not None
        os.kill(old, signal.SIGKILL)
        soon(lambda: witness.pid not in (None, old))
        again = witness.pid
        soon(witness._answers)
        assert witness.pid == again


def test_a_witness_does_not_outlive_whoever_started_it(place: Path) -> None:
    starter = (
        "import sys, time; from pathlib import Path\n"
        "from countenance.desk.configuration import FILE, read_configuration\n"
        "from countenance.desk.parts import local_witness\n"
        "witness = local_witness(read_configuration(Path(sys.argv[1]))).start()\n"
        "print(witness.pid, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", starter, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        child = int(process.stdout.readline())
    process.kill()
    process.wait()
    soon(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("name", ["master.key", "permits.key", "pages.key", "log.key"])
def test_a_key_that_others_can_read_or_that_is_gone_opens_nothing(place: Path, name: str) -> None:
    key = place / "keys" / name
    key.chmod(0o640)
    with pytest.raises(InputError, match="read"), open_deployment(place, engine=ENGINE):
        pass
    key.chmod(0o600)
    data = key.read_bytes()
    key.write_bytes(data[:-2])
    with pytest.raises(CountenanceError), open_deployment(place, engine=ENGINE):
        pass
    key.unlink()
    with pytest.raises(InputError, match="cannot be read"), open_deployment(place, engine=ENGINE):
        pass


def test_the_passphrase_may_come_from_the_environment(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "keys" / "passphrase"
    words = path.read_text().strip()
    path.unlink()
    with pytest.raises(InputError, match="COUNTENANCE_PASSPHRASE"):
        open_deployment(place, engine=ENGINE).__enter__()
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", words)
    with open_deployment(place, engine=ENGINE, background=False):
        pass


def test_a_database_of_somebody_else_is_not_touched(place: Path) -> None:
    import sqlite3

    with sqlite3.connect(place / "desk.sqlite") as link:
        link.execute("CREATE TABLE thesis (words TEXT)")
    link.close()
    with pytest.raises(DeskError, match="no migration"), open_deployment(place, engine=ENGINE):
        pass
    with sqlite3.connect(place / "desk.sqlite") as link:
        assert link.execute("SELECT name FROM sqlite_master").fetchall() == [("thesis",)]
    link.close()


def test_what_is_imported_can_be_searched_without_anybody_doing_more(place: Path) -> None:
    with open_deployment(place, engine=ENGINE, background=True) as found:
        ada = first(found.desk)
        make_gallery(found.desk, ada.to("gallery.create"), NEW)
        folder(found.imports, [{}, {}, {}])
        plan = imports.dry_run(
            found.desk, ada.to("gallery.import-plan"), "bookings", "batch", root=found.imports,
            keys=found.keys,
        )  # fmt: skip
        imports.begin_import(
            found.desk, ada.to("gallery.import"), "bookings", "batch", plan=plan,
            root=found.imports,
        )  # fmt: skip

        def synced() -> bool:
            with found.desk.store.reading() as db:
                return JobState.DONE in db.scalars(
                    select(Job.state).where(Job.kind == "sync", Job.state == JobState.DONE)
                )

        soon(synced)
        assert (place / "galleries" / f"bookings-{CARD.identity[:16]}").exists()
        with found.desk.store.reading() as db:
            assert len(db.scalars(select(Entry)).all()) == 3


def test_a_long_job_goes_back_into_the_queue_when_the_desk_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.desk.background._GRACE_S", 0.2)
    began = threading.Event()
    lost: list[BaseException] = []

    def long(working: Working) -> None:
        began.set()
        try:
            while True:
                working.tell(1, 2)
                time.sleep(0.02)
        except BaseException as error:
            lost.append(error)
            raise

    job = desk.store.write(lambda db: jobs.enqueue(db, "long", {}, now=desk.now()))
    background = Background(desk, {"long": long}).start()
    assert began.wait(10)
    background.close()
    assert [type(each) for each in lost] == [jobs.LostLeaseError]
    with desk.store.reading() as db:
        row = db.get_one(Job, job)
        assert (row.state, row.attempts, row.lease) == (JobState.WAITING, 0, None)


def test_a_failing_step_does_not_end_the_background(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.desk.background._AFTER_FAILURE_S", 0.01)
    monkeypatch.setattr("countenance.desk.background._IDLE_S", 0.01)
    real, fails = desk.store.write, 3

    def write(work: Callable[..., object]) -> object:
        nonlocal fails
        if fails:
            fails -= 1
            raise DeskError("the database went away") if fails else RuntimeError("a defect")
        return real(work)

    done = threading.Event()
    with desk.store.reading() as db:
        assert db is not None
    job = desk.store.write(lambda db: jobs.enqueue(db, "short", {}, now=desk.now()))
    monkeypatch.setattr(desk.store, "write", write)
    with Background(desk, {"short": lambda _: done.set()}):
        assert done.wait(10)
    assert job


@pytest.fixture
def shared(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = new_database(server).replace("postgresql+psycopg:", "postgresql:")
    with monkeypatch.context() as patch:
        make_quick(patch)
        make_deployment(
            tmp_path / "shared", name="Desk", origin="https://desk.example", database=url
        )
    return tmp_path / "shared"


@pytest.mark.xdist_group("postgres")
def test_several_start_together_and_the_tables_are_made_once(shared: Path) -> None:
    opener = (
        "import sys; from pathlib import Path\n"
        "from countenance.desk.opening import open_deployment\n"
        "with open_deployment(Path(sys.argv[1]), background=False) as found:\n"
        "    print(found.log.refresh(), flush=True); sys.stdin.readline()\n"
    )

    def run(_: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", opener, str(shared)], input="\n", capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        assert set(threads.map(run, range(3))) == {"1"}  # its configuration, once
    store = Store.open(read_configuration(shared).database_url)
    store.check(empty=False)
    store.close()


@pytest.mark.xdist_group("postgres")
def test_two_open_one_log_in_the_database(shared: Path) -> None:
    with (
        open_deployment(shared, engine=ENGINE, background=False) as one,
        open_deployment(shared, engine=ENGINE, background=False) as two,
        local_witness(read_configuration(shared)),
    ):
        ada = first(one.desk)
        ada.desk = two.desk
        ada.sign_in()
        assert two.log.refresh() == one.log.refresh() > 0
        size = one.means.publisher.cover(None)
        assert two.means.publisher.cover(size - 1) == size
    assert not (shared / "log").exists()
