"""The queue: at least once, one at a time, whoever is killed; on both databases."""

from __future__ import annotations

import datetime
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import server, url

from countenance.core import InputError
from countenance.desk.errors import DeskError, StateError
from countenance.desk.events import Recorder
from countenance.desk.jobs import (
    LEASE_S,
    MOST_ATTEMPTS,
    Job,
    JobState,
    LostLeaseError,
    Worker,
    Working,
    cancel,
    enqueue,
    progress,
)
from countenance.desk.service import Desk, Standing
from countenance.desk.store import Store
from countenance.record import Log, SQLiteVault, StorageError

__all__ = ["server", "url"]


@pytest.fixture
def both(url: str, log: Log, clock: object, tmp_path: Path) -> Iterator[Desk]:
    store = Store.open(url)
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    vault = SQLiteVault(tmp_path / "v.db", clock=lambda: 0)
    yield Desk(store, Recorder(store, log, vault, clock), clock=clock)  # type: ignore[arg-type]
    store.close()


def put(desk: Desk, kind: str = "work", key: str | None = None) -> str:
    return desk.store.write(lambda db: enqueue(db, kind, {"a": 1}, now=desk.clock(), key=key))


def told(desk: Desk, job: str) -> JobState:
    with desk.store.reading() as db:
        found = progress(db, job)
        assert found is not None
        return found.state


def test_a_job_runs_once_and_says_how_far_it_is(both: Desk) -> None:
    job = put(both)
    seen = []

    def work(working: Working) -> None:
        working.tell(1, 3)
        with both.store.reading() as db:
            seen.append(progress(db, job))

    worker = Worker(both, {"work": work})
    assert worker.run_once()
    assert not worker.run_once()
    assert (seen[0].done, seen[0].total, seen[0].state) == (1, 3, JobState.RUNNING)
    assert told(both, job) is JobState.DONE


def test_a_kind_nobody_here_handles_stays(desk: Desk) -> None:
    job = put(desk, "other")
    assert not Worker(desk, {"work": lambda _: None}).run_once()
    assert told(desk, job) is JobState.WAITING


def test_of_one_key_there_is_one_job(both: Desk) -> None:
    found: list[str] = []
    gate = threading.Barrier(5)

    def race() -> None:
        gate.wait()
        found.append(put(both, key="purge 2026-11-23"))

    threads = [threading.Thread(target=race) for _ in range(5)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert len(found) == 5
    assert len(set(found)) == 1


def test_workers_racing_each_job_is_run_by_one(both: Desk) -> None:
    jobs = [put(both) for _ in range(12)]
    ran: list[str] = []

    def race() -> None:
        worker = Worker(both, {"work": lambda working: ran.append(working.job)})
        while worker.run_once():
            pass

    threads = [threading.Thread(target=race) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    # A worker may go home while another still commits a claim; nothing may be left or run twice.
    Worker(both, {"work": lambda working: ran.append(working.job)}).run_once()
    assert sorted(ran) == sorted(jobs)


def test_what_fails_is_tried_again_later_and_not_for_ever(desk: Desk, clock: object) -> None:
    job = put(desk)
    waits = []

    def failing(_: Working) -> None:
        raise StorageError("the disk is full")

    worker = Worker(desk, {"work": failing})
    for _ in range(MOST_ATTEMPTS):
        wait = 0
        while not worker.run_once():
            clock.move(seconds=1)  # type: ignore[attr-defined]
            wait += 1
        waits.append(wait)
    assert waits == [0, 5, 10, 20, 40, 80, 160, 320]
    assert told(desk, job) is JobState.FAILED


def test_what_cannot_be_done_is_not_tried_again(desk: Desk) -> None:
    job = put(desk)

    def wrong(_: Working) -> None:
        raise InputError("the folder is another")

    Worker(desk, {"work": wrong}).run_once()
    assert told(desk, job) is JobState.FAILED


def test_a_fault_of_the_program_does_not_end_the_worker(desk: Desk) -> None:
    job = put(desk)
    Worker(desk, {"work": lambda _: 1 // 0}).run_once()  # type: ignore[arg-type,return-value]
    assert told(desk, job) is JobState.WAITING


def test_a_database_that_is_away_for_a_while_does_not_end_the_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = put(desk)
    stop = threading.Event()
    write, calls = desk.store.write, []

    def away(work: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise DeskError("the database went away")
        return write(work)

    monkeypatch.setattr(desk.store, "write", away)
    Worker(desk, {"work": lambda _: stop.set()}).run(stop, idle_s=0.01)
    assert told(desk, job) is JobState.DONE


def test_a_worker_that_lost_its_lease_writes_nothing_more(both: Desk, clock: object) -> None:
    """It was asleep for longer than its lease, and another took the job."""
    job = put(both)
    ran = []

    def slow(working: Working) -> None:
        ran.append(working.attempt)
        if working.attempt == 1:
            clock.move(seconds=LEASE_S + 1)  # type: ignore[attr-defined]
            Worker(both, {"work": slow}).run_once()
            with pytest.raises(LostLeaseError):
                both.store.write(working.fence)
            assert not working.renew()
            raise LostLeaseError("gone")

    Worker(both, {"work": slow}, beat_s=1000).run_once()
    assert ran == [1, 2]
    assert told(both, job) is JobState.DONE


def test_cancelled_while_waiting_and_while_running(both: Desk) -> None:
    waiting, running = put(both), put(both)
    both.store.write(lambda db: cancel(db, waiting, now=both.clock()))

    def work(working: Working) -> None:
        both.store.write(lambda db: cancel(db, working.job, now=both.clock()))
        working.tell(1, 2)
        raise AssertionError("not reached")

    Worker(both, {"work": work}).run_once()
    assert (told(both, waiting), told(both, running)) == (JobState.CANCELLED,) * 2
    with pytest.raises(StateError):
        both.store.write(lambda db: cancel(db, running, now=both.clock()))


def test_a_job_that_kills_its_workers_is_given_up(desk: Desk, clock: object) -> None:
    job = put(desk)

    def died(db: object) -> None:
        row = db.get_one(Job, job)  # type: ignore[attr-defined]
        row.state, row.lease, row.attempts = JobState.RUNNING, "x", MOST_ATTEMPTS
        row.lease_until = desk.clock()

    desk.store.write(died)
    Worker(desk, {"work": lambda _: None}).run_once()
    assert told(desk, job) is JobState.FAILED


KILLED = """
import datetime, os, signal, sys
from countenance.desk import jobs, kinds, service
from countenance.desk.store import Store
store = Store.open(sys.argv[1])
class Recorder:
    latest_s = 0
    def flush(self): return 0
now = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
desk = service.Desk(store, Recorder(), clock=lambda: now)
def work(working):
    working.tell(3, 9)
    os.kill(os.getpid(), signal.SIGKILL)
jobs.Worker(desk, {"work": work}).run_once()
"""


def test_killed_at_work_another_takes_it_up(both: Desk, clock: object, url: str) -> None:
    job = put(both)
    died = subprocess.run([sys.executable, "-c", KILLED, url], capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr
    ran = []
    worker = Worker(both, {"work": lambda working: ran.append(working.attempt)})
    assert not worker.run_once()  # its lease still runs
    clock.move(seconds=LEASE_S + 1)  # type: ignore[attr-defined]
    assert worker.run_once()
    assert ran == [2]
    assert told(both, job) is JobState.DONE


def test_times_are_the_desks(desk: Desk) -> None:
    put(desk)
    with desk.store.reading() as db:
        row = db.query(Job).one()
    assert row.made_at == datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)


def test_two_at_one_job_the_first_is_fenced_off(both: Desk, clock: object) -> None:
    """Both believe they work on it; only the one with the newer lease may write."""
    put(both)
    seen: list[Working] = []

    def work(working: Working) -> None:
        seen.append(working)
        if working.attempt == 1:
            clock.move(seconds=LEASE_S + 1)  # type: ignore[attr-defined]
            Worker(both, {"work": work}, beat_s=1000).run_once()
            return
        with pytest.raises(LostLeaseError):
            both.store.write(seen[0].fence)
        assert not seen[0].renew()
        both.store.write(working.fence)

    Worker(both, {"work": work}, beat_s=1000).run_once()
    assert len(seen) == 2
