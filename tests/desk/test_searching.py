"""Searching: nothing without everything it needs, and nothing shown before it is published."""

from __future__ import annotations

import datetime
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import searchrunner
from reviewkit import LIST, READY, World
from sqlalchemy import select, update

from countenance.core import IntegrityError
from countenance.desk import incidents, reviewing
from countenance.desk.errors import NotAllowedError, StateError, StoodDownError
from countenance.desk.kinds import KINDS
from countenance.desk.searches import (
    MOVES,
    Found,
    Search,
    SearchState,
    list_bytes,
    opened_list,
)
from countenance.desk.searching import run_search, unfinished, view_search
from countenance.desk.service import Desk, Standing
from countenance.record import Entry, Log, QuorumError, parse_entry


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log) -> World:
    return World(desk, clock, log)


def entries(log: Log) -> list[Entry]:
    return [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]


def the_search(world: World) -> Search:
    with world.desk.store.reading() as db:
        return db.scalars(select(Search)).one()


def test_f1_a_search_that_is_cleared_is_sealed_published_and_open(world: World) -> None:
    view = world.search()
    assert (view.state, view.candidates) == (SearchState.OPEN, 4)
    kinds = [entry.kind for entry in entries(world.log)]
    assert kinds == ["search-started", "search-returned", "search-opened"]
    returned = entries(world.log)[1]
    assert returned.public["candidates"] == 4
    assert returned.public["gallery_size"] == 50_000
    row = the_search(world)
    assert row.checkpoint is not None
    assert row.checkpoint > 1  # entry 1 is the list's
    with world.desk.store.reading() as db:
        sealed = opened_list(db, world.keys, row)
    assert [(c.id, c.score, c.rank, c.ties) for c in sealed.candidates] == [
        ("p-1", 9_000_000, 1, 1), ("p-2", 8_000_000, 2, 2), ("p-3", 8_000_000, 2, 2),
        ("p-4", 7_000_000, 4, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"permits": False},
        {"decision": ""},
        {"approved": ""},
        {"approved": "0" * 64},
        {"audit": ""},
        {"settings_approved": False},
        {"request": replace(READY, approver="requester")},
        {"request": replace(READY, approver="")},
    ],
    ids=str,
)
def test_f1_f18_f23_whatever_does_not_stand_refuses_alone(
    world: World, changes: dict[str, Any]
) -> None:
    world.gate.changes = changes
    with pytest.raises(NotAllowedError):
        world.search()
    assert world.log.size == 0
    assert world.searcher.orders == []


def test_f1_no_case_no_search(world: World) -> None:
    with pytest.raises(NotAllowedError):
        world.search("2" * 32)
    assert world.searcher.orders == []


def test_another_persons_request_reads_as_none_at_all(world: World) -> None:
    from countenance.desk.roles import Role

    other = world.who("somebody", Role.REQUESTER)
    told = []
    for request in (READY.id, "2" * 32):
        with pytest.raises(NotAllowedError) as caught:
            run_search(world.desk, other, request, means=world.means)
        told.append(str(caught.value))
    world.search()
    for request in (READY.id, "2" * 32):
        with pytest.raises(NotAllowedError) as caught:
            view_search(world.desk, other, request)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert told[2] == told[3]


def test_stood_down_nothing_is_searched_nor_opened(world: World) -> None:
    down = lambda db: setattr(db.get(Standing, 1), "down_since", world.clock())  # noqa: E731
    world.publisher.error = QuorumError("too few", outcomes=(), note=b"")
    with pytest.raises(QuorumError):
        world.search()
    world.publisher.error = None
    world.desk.store.write(down)
    with pytest.raises(StoodDownError):
        world.search()
    assert view_search(world.desk, world.requester, READY.id).candidates is None


def test_an_incident_suspends_engine_or_gallery_until_it_is_closed(world: World) -> None:
    for what in ({"engine": READY.engine}, {"gallery": READY.gallery}):
        incident = incidents.open_incident(
            world.desk, world.examiner("x"), keys=world.keys, cause=incidents.Cause.FAULT,
            grounds="returned the same list twice", **what,
        )  # fmt: skip
        with pytest.raises(NotAllowedError, match="incident"):
            world.search()
        incidents.close_incident(
            world.desk, world.approver, incident, keys=world.keys,
            finding=incidents.Finding.NO_FAULT_FOUND, grounds="the gallery held two pictures",
        )  # fmt: skip
    assert world.search().state is SearchState.OPEN


def test_invariant_2_no_quorum_no_list(world: World) -> None:
    world.publisher.error = QuorumError("0 of 2", outcomes=(), note=b"")
    with pytest.raises(QuorumError):
        world.search()
    row = the_search(world)
    assert row.state == SearchState.SEALED
    assert view_search(world.desk, world.requester, READY.id).candidates is None
    with world.desk.store.reading() as db, pytest.raises(NotAllowedError):
        opened_list(db, world.keys, row)
    assert reviewing.take(world.desk, world.examiner("first")) is None
    assert unfinished(world.desk, world.requester) == [READY.id]
    world.publisher.error = None
    assert world.search().candidates == 4
    assert len(world.searcher.orders) == 1  # what was sealed is not searched again
    assert unfinished(world.desk, world.requester) == []


def test_a_checkpoint_that_does_not_hold_the_entry_opens_nothing(world: World) -> None:
    world.publisher.cover = lambda index: index  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(IntegrityError):
        world.search()
    assert the_search(world).state == SearchState.SEALED


def test_f14_that_nobody_was_found_is_sealed_and_counted_too(world: World) -> None:
    world.searcher.found = ()
    assert world.search().candidates == 0
    assert entries(world.log)[1].public["candidates"] == 0
    assert reviewing.take(world.desk, world.examiner("first")) is None


def test_while_it_runs_nobody_runs_it_again_until_the_lease_is_over(world: World) -> None:
    def again() -> None:
        world.searcher.meanwhile = None
        with pytest.raises(StateError, match="right now"):
            world.search()

    world.searcher.meanwhile = again
    assert world.search().state is SearchState.OPEN


def test_after_a_crash_the_lease_runs_out_and_the_list_is_the_same(world: World) -> None:
    world.searcher.meanwhile = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):  # as if the process had died there
        world.search()
    world.searcher.meanwhile = None
    with pytest.raises(StateError):
        world.search()
    world.clock.move(seconds=301)
    assert world.search().candidates == 4
    assert [e.public["attempt"] for e in entries(world.log) if e.kind == "search-started"] == [
        1, 2,
    ]  # fmt: skip


def test_a_late_process_whose_lease_was_over_does_not_seal(world: World) -> None:
    def taken_over() -> None:
        world.searcher.meanwhile = None
        world.clock.move(seconds=301)
        assert world.search().state is SearchState.OPEN

    world.searcher.meanwhile = taken_over
    with pytest.raises(StateError, match="took this search over"):
        world.search()
    assert sum(e.kind == "search-returned" for e in entries(world.log)) == 1


def test_nor_while_the_one_that_took_over_is_still_at_it(world: World) -> None:
    def dies() -> None:
        raise KeyboardInterrupt

    def taken_over() -> None:
        world.clock.move(seconds=301)
        world.searcher.meanwhile = dies
        with pytest.raises(KeyboardInterrupt):
            world.search()

    world.searcher.meanwhile = taken_over
    with pytest.raises(StateError, match="took this search over"):
        world.search()
    assert the_search(world).state == SearchState.RUNNING


def test_what_no_longer_stands_is_not_searched_again_after_a_crash(world: World) -> None:
    world.searcher.meanwhile = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        world.search()
    world.searcher.meanwhile = None
    world.clock.move(seconds=301)
    world.gate.changes = {"approved": ""}
    with pytest.raises(NotAllowedError):
        world.search()
    assert len(world.searcher.orders) == 1


def test_a_search_that_failed_is_told_and_can_be_made_again_at_once(world: World) -> None:
    world.searcher.error = IntegrityError("the gallery is not what it was")
    with pytest.raises(IntegrityError):
        world.search()
    world.searcher.error = None
    assert world.search().candidates == 4
    told = [entry for entry in entries(world.log) if entry.kind == "search-interrupted"]
    assert [entry.public["reason"] for entry in told] == ["integrity"]


def test_two_who_run_it_at_once_have_one_search(world: World) -> None:
    results: list[object] = []
    gate = threading.Barrier(2)

    def one() -> None:
        gate.wait()
        try:
            results.append(world.search().state)
        except StateError as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SearchState.OPEN in results
    assert sum(e.kind == "search-returned" for e in entries(world.log)) == 1
    assert sum(e.kind == "search-opened" for e in entries(world.log)) == 1


def test_f8_f26_a_list_that_was_changed_is_not_shown(world: World) -> None:
    world.search()
    row = the_search(world)
    changed = list_bytes(READY, Found("f" * 64, 50_000, {}, LIST[:1]))

    def swap(db: Any) -> None:
        box = world.keys.seal(db, row.handle, changed, purpose=f"list {row.id}", now=world.clock())
        db.execute(update(Search).values(box=box))

    world.desk.store.write(swap)
    with world.desk.store.reading() as db, pytest.raises(IntegrityError):
        opened_list(db, world.keys, db.scalars(select(Search)).one())


def test_nothing_of_the_list_is_in_clear_in_database_or_log(world: World, tmp_path: Path) -> None:
    world.search()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"p-1" not in path.read_bytes(), path
            assert b'"score":9000000' not in path.read_bytes(), path


def test_states_that_are_final_are(world: World) -> None:
    assert MOVES[SearchState.OPEN] == frozenset()
    assert world.search().state is SearchState.OPEN
    assert world.search().state is SearchState.OPEN  # asked again, nothing happens
    assert world.log.size == 3


_STEPS = ("claimed", "searched", "sealed-uncommitted", "sealed", "published", "opened")


@pytest.mark.parametrize("step", _STEPS)
def test_kill_9_at_every_step_shows_nothing_that_is_not_published_and_resumes(
    tmp_path: Path, step: str
) -> None:
    program = Path(__file__).with_name("searchrunner.py")
    killed = subprocess.run(
        [sys.executable, str(program), str(tmp_path), step],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with searchrunner.opened(tmp_path, 1) as world:
        before = searchrunner.told(world, "an early examiner")
    assert before["candidates"] is None or before["published"] > before["entry"]
    if step != "opened":
        assert before["candidates"] is None
        assert before["tasks"] is False
    with searchrunner.opened(tmp_path, 400) as world:
        world.search()
        after = searchrunner.told(world, "a late examiner")
    assert after["candidates"] == 4
    assert after["published"] > after["entry"]
    assert after["tasks"] is True
    assert after["returned"] == 1
    assert after["list"] == [list(each) for each in LIST]


def test_two_real_witnesses_sign_before_a_list_opens(
    world: World, tmp_path: Path, log: Log
) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "record"))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from countenance.desk.publishing import WitnessedPublisher
    from countenance.desk.searching import Means
    from countenance.record import Ed25519Cosigner, WitnessPanel, make_policy

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    from countenance.record.note import Ed25519Signer

    vkey = Ed25519Signer.from_private_key("desk.example/log", key).vkey
    program = Path(__file__).with_name("witnessrunner.py")
    witnesses, running = [], []
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    try:
        for n in (1, 2):
            process = subprocess.Popen(
                [sys.executable, str(program), str(tmp_path / f"w{n}.db"), str(n), vkey],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            running.append(process)
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            private = Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)
            cosigner = Ed25519Cosigner.from_private_key(
                f"w{n}.example", private, clock=lambda: now
            )
            witnesses.append((f"w{n}", cosigner.vkey, url))
        policy = make_policy(logs=[vkey], witnesses=witnesses, k=2)
        panel = WitnessPanel(policy, clock=lambda: now, deadline_s=10, tolerance_s=600)
        publisher = WitnessedPublisher(log, panel, policy)
        world.means = Means(world.keys, world.gate, world.searcher, publisher)
        running[1].kill()  # one is away: no quorum, no list
        running[1].wait()
        with pytest.raises(QuorumError):
            world.search()
        assert view_search(world.desk, world.requester, READY.id).candidates is None
        running[1].stdout.close()  # type: ignore[union-attr]
        port = witnesses[1][2].rpartition(":")[2]
        running[1] = subprocess.Popen(
            [sys.executable, str(program), str(tmp_path / "w2.db"), "2", vkey, port],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running[1].stdout is not None
        assert running[1].stdout.readline().strip() == witnesses[1][2]
        assert world.search().candidates == 4
        checked = policy.check(log.latest_checkpoint() or b"")
        assert checked.size == the_search(world).checkpoint
    finally:
        for process in running:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def test_a_checkpoint_published_without_witnesses_opens_nothing(log: Log) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from countenance.desk.publishing import WitnessedPublisher
    from countenance.record import Ed25519Cosigner, WitnessPanel, make_policy
    from countenance.record.note import Ed25519Signer

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    vkey = Ed25519Signer.from_private_key("desk.example/log", key).vkey
    other = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    away = Ed25519Cosigner.from_private_key("w.example", other, clock=lambda: 0).vkey
    policy = make_policy(logs=[vkey], witnesses=[("w", away, "http://127.0.0.1:9")], k=1)
    panel = WitnessPanel(policy, clock=lambda: 0, deadline_s=1)
    log.append([b"something"])
    log.publish()
    with pytest.raises(QuorumError):
        WitnessedPublisher(log, panel, policy).cover(0)
