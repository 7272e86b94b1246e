"""Races of searches, reviews and switches, on SQLite and on PostgreSQL: one outcome each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import server, url
from reviewkit import READY, World
from sqlalchemy import select

from countenance.desk import reviewing
from countenance.desk.errors import StateError
from countenance.desk.events import Recorder
from countenance.desk.kinds import KINDS
from countenance.desk.leads import Lead
from countenance.desk.reviews import Examination, Review, ReviewState
from countenance.desk.roles import Role
from countenance.desk.searching import run_search
from countenance.desk.service import Desk, Standing
from countenance.desk.standing import Direction, Reason, ask, confirm
from countenance.desk.store import Store
from countenance.record import Log, SQLiteVault, parse_entry

__all__ = ["server", "url"]  # fixtures


@pytest.fixture
def world(
    url: str,
    log: Log,
    clock: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    store = Store.open(url)
    store.create()
    store.write(lambda db: db.merge(Standing(number=1)))
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: int(clock().timestamp()))
    yield World(Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock), clock, log)
    store.close()


def together(*calls: Callable[[], object]) -> Counter[str]:
    results: list[str] = []
    gate = threading.Barrier(len(calls))

    def one(call: Callable[[], object]) -> None:
        gate.wait()
        try:
            call()
            results.append("done")
        except Exception as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(results)


def kinds(log: Log) -> Counter[str]:
    return Counter(parse_entry(log.entry(n), kinds=KINDS).kind for n in range(log.size))


def test_the_whole_of_it_under_races(world: World) -> None:
    def search() -> object:
        return run_search(world.desk, world.requester, READY.id, means=world.means)

    found = together(search, search, search)
    assert found["done"] >= 1
    assert set(found) <= {"done", "StateError"}
    assert kinds(world.log)["search-returned"] == 1
    assert kinds(world.log)["search-opened"] == 1

    tasks: dict[str, str] = {}

    def take(name: str) -> None:
        task = reviewing.take(world.desk, world.examiner(name))
        if task is None:
            raise StateError("none left")
        tasks[name] = task

    together(*(lambda name=name: take(name) for name in "abcd"))  # type: ignore[misc]
    assert len(tasks) == 2
    with world.desk.store.reading() as db:
        assert sorted(db.scalars(select(Examination.seat))) == [1, 2]

    work = {}
    for name, task in tasks.items():
        world.note(name, task)
        work[name] = (name, task, world.findings(name, task, "p-2"))
    found = together(
        *(lambda mine=mine: world.desk_conclude(*mine) for mine in work.values() for _ in "12")  # type: ignore[misc]
    )
    assert found == {"done": 2, "StateError": 2}
    assert kinds(world.log)["review-settled"] == 1
    with world.desk.store.reading() as db:
        assert db.scalars(select(Review.state)).one() == ReviewState.AGREED_CANDIDATE
        assert len(db.scalars(select(Lead)).all()) == 1


def test_administrators_and_approvers_under_races(world: World) -> None:
    def asks(name: str) -> str:
        return ask(
            world.desk, world.who(name, Role.ADMINISTRATOR), Direction.DOWN,
            reason=Reason.ORDER, grounds="the board has ordered it",
        )  # fmt: skip

    assert together(lambda: asks("a"), lambda: asks("b")) == {"done": 1, "StateError": 1}
    world.clock.move(hours=25)
    switch = asks("a")

    def confirms(name: str) -> None:
        confirm(world.desk, world.who(name, Role.APPROVER), switch, Direction.DOWN)

    assert together(*(lambda name=name: confirms(name) for name in "xyz")) == {  # type: ignore[misc]
        "done": 1, "StateError": 2,
    }  # fmt: skip
