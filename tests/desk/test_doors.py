"""Doors: so many and no more, from anywhere and in all; and never for whoever is signed in."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
from databases import server, url
from hypothesis import given
from hypothesis import strategies as st
from people import first
from sqlalchemy import event, func, select

from countenance.desk.doors import (
    LIMITS,
    Bucket,
    Door,
    DoorBucket,
    Limits,
    TooManyError,
    knock,
    sweep,
)
from countenance.desk.service import Desk
from countenance.desk.sessions import authenticate
from countenance.desk.store import Store

__all__ = ["server", "url"]

SMALL = {Door.SIGN_IN: Limits(Bucket(3, 10), Bucket(5, 2)), Door.JOIN: LIMITS[Door.JOIN]}
A, B, C = "a" * 16, "b" * 16, "c" * 16


def let_in(desk: Any, source: str) -> bool:
    try:
        knock(desk, Door.SIGN_IN, source, limits=SMALL)
    except TooManyError:
        return False
    return True


def test_a_source_empties_its_bucket_and_it_fills_again(desk: Desk, clock: Any) -> None:
    assert [let_in(desk, A) for _ in range(4)] == [True, True, True, False]
    with pytest.raises(TooManyError) as caught:
        knock(desk, Door.SIGN_IN, A, limits=SMALL)
    assert caught.value.retry_s == 10
    assert "try again in 10 s" in str(caught.value.do)
    clock.move(seconds=9)
    assert not let_in(desk, A)
    clock.move(seconds=1)
    assert let_in(desk, A)
    assert not let_in(desk, A)


def test_everybody_together_empties_one_too(desk: Desk) -> None:
    assert [let_in(desk, source) for source in (A, A, A, B, B, B, C)] == [True] * 5 + [False] * 2


def test_one_source_that_is_refused_takes_nothing_from_the_others(desk: Desk) -> None:
    for _ in range(50):
        let_in(desk, A)
    assert let_in(desk, B)
    assert let_in(desk, B)


def test_a_flood_of_refusals_writes_nothing(desk: Desk) -> None:
    for _ in range(3):
        let_in(desk, A)
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(desk.store.engine, "before_cursor_execute", note)
    for _ in range(5):
        assert not let_in(desk, A)
    event.remove(desk.store.engine, "before_cursor_execute", note)
    assert not any("IMMEDIATE" in each or each.startswith(("INSERT", "UPDATE")) for each in seen)


def test_whoever_is_signed_in_is_not_asked(desk: Desk) -> None:
    admin = first(desk)
    while True:
        try:
            knock(desk, Door.SIGN_IN, A)
        except TooManyError:
            break
    admin.step_up("account.invite")
    assert authenticate(desk, admin.token).account == admin.account


def test_full_buckets_are_forgotten(desk: Desk, clock: Any) -> None:
    let_in(desk, A)
    longest = max(each.full_s for each in (SMALL[Door.SIGN_IN].source,
                                           SMALL[Door.SIGN_IN].everybody))  # fmt: skip
    clock.move(seconds=longest)
    assert desk.store.write(lambda db: sweep(db, clock(), limits=SMALL)) == 0
    clock.move(seconds=1)
    assert desk.store.write(lambda db: sweep(db, clock(), limits=SMALL)) == 2
    with desk.store.reading() as db:
        assert db.scalar(select(func.count()).select_from(DoorBucket)) == 0


@pytest.mark.parametrize("source", ["", "10.0.0.1", "A" * 16, "a" * 65])
def test_a_source_is_a_hash(desk: Desk, source: str) -> None:
    with pytest.raises(ValueError, match="hash"):
        knock(desk, Door.SIGN_IN, source)


def test_a_clock_that_goes_back_gives_nothing_away(desk: Desk, clock: Any) -> None:
    for _ in range(3):
        let_in(desk, A)
    clock.move(hours=-5)
    assert not let_in(desk, A)
    clock.move(hours=5, seconds=10)
    assert let_in(desk, A)


class Bare:
    """A store and a time: all that a door needs."""

    def __init__(self, store: Store) -> None:
        self.store, self.at = store, datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.UTC)

    def clock(self) -> datetime.datetime:
        return self.at


@given(moves=st.lists(st.tuples(st.sampled_from([A, B]), st.floats(0, 30)), max_size=40))
def test_in_no_time_do_more_come_in_than_size_and_refill_allow(
    moves: list[tuple[str, float]],
) -> None:
    store = Store.open("sqlite://")
    store.create()
    bare = Bare(store)
    came: list[tuple[float, str]] = []
    passed = 0.0
    for source, wait in moves:
        bare.at += datetime.timedelta(seconds=wait)
        passed += wait
        if let_in(bare, source):
            came.append((passed, source))
    for number, (since, _) in enumerate(came):
        for until, _ in came[number:]:
            here = [name for at, name in came if since <= at <= until]
            long = until - since + 1e-6
            assert len(here) <= 5 + long / 2
            assert here.count(A) <= 3 + long / 10
    store.close()


def test_many_at_once_are_counted_on_both_databases(url: str) -> None:
    store = Store.open(url)
    store.create()
    bare, gate, came = Bare(store), threading.Barrier(4), list[bool]()

    def run() -> None:
        gate.wait()
        came.extend(let_in(bare, A) for _ in range(3))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(came) == 3
    assert len(came) == 12
    store.close()
