"""Standing down: two people, either way; everything else refused; the log says for how long."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from reviewkit import World, person
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk.errors import DeskError, NotAllowedError, StateError, StoodDownError
from countenance.desk.kinds import KINDS
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.service import Desk, Standing
from countenance.desk.standing import (
    ASKED_FOR,
    Direction,
    Reason,
    Suspension,
    ask,
    confirm,
    history,
    pending,
)
from countenance.record import Entry, Log, parse_entry

WHY = "a wrong lead, under review"


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log) -> World:
    return World(desk, clock, log)


def admin(world: World, name: str = "administrator") -> Any:
    return world.who(name, Role.ADMINISTRATOR)


def asked(world: World, direction: Direction = Direction.DOWN) -> str:
    return ask(world.desk, admin(world), direction, reason=Reason.INCIDENT, grounds=WHY)


def switched(world: World, direction: Direction) -> None:
    confirm(world.desk, world.approver, asked(world, direction), direction)


def entries(log: Log) -> list[Entry]:
    found = [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]
    return [entry for entry in found if entry.kind == "standing-changed"]


def is_down(world: World) -> bool:
    with world.desk.store.reading() as db:
        return db.scalars(select(Standing.down_since)).one() is not None


def test_one_alone_stands_nothing_down(world: World) -> None:
    switch = asked(world)
    assert not is_down(world)
    assert pending(world.desk, world.approver) == (switch, Direction.DOWN, Reason.INCIDENT)
    for role in set(Role) - {Role.APPROVER}:
        with pytest.raises(NotAllowedError):
            confirm(world.desk, world.who("x", role), switch, Direction.DOWN)
    with pytest.raises(NotAllowedError):  # one account that is somehow both
        confirm(world.desk, world.who("administrator", Role.APPROVER), switch, Direction.DOWN)
    assert not is_down(world)


def test_f20_down_everything_is_refused_but_what_must_go_on(world: World) -> None:
    switched(world, Direction.DOWN)
    assert is_down(world)
    later = world.clock() + datetime.timedelta(days=1)

    def nothing(doing: Any) -> None:
        doing.record.add(
            doing.db, "access-changed", public={"role": "examiner", "change": "granted"}
        )

    for name, action in ACTIONS.items():
        for role in action.roles:
            actor = person("x", role, now=world.clock())
            actor.training.update(dict.fromkeys(ACTIONS, later))
            if action.standing_down:
                world.desk.act(actor, name, nothing)
            else:
                with pytest.raises(StoodDownError):
                    world.desk.act(actor, name, nothing)
    with pytest.raises(StoodDownError):
        world.search()


def test_f20_the_log_says_from_when_to_when(world: World) -> None:
    since = world.clock()
    switched(world, Direction.DOWN)
    world.clock.move(days=3)
    switched(world, Direction.UP)
    until = world.clock()
    assert not is_down(world)
    told = [(e.public["direction"], e.public["change"]) for e in entries(world.log)]
    assert told == [("down", "asked"), ("down", "confirmed"), ("up", "asked"), ("up", "confirmed")]
    assert entries(world.log)[-1].public["since"] == f"{since:%Y-%m-%dT%H:%M:%SZ}"
    with world.desk.store.reading() as db:
        assert history(db) == [Suspension(since, until, Reason.INCIDENT)]
    assert world.search().candidates == 4


def test_taking_up_needs_both_again(world: World) -> None:
    down = asked(world)
    confirm(world.desk, world.approver, down, Direction.DOWN)
    for wrong in (down, "0" * 32):
        with pytest.raises((NotAllowedError, StateError)):
            confirm(world.desk, world.approver, wrong, Direction.UP)
    with pytest.raises(StateError):
        confirm(world.desk, world.approver, down, Direction.DOWN)
    assert is_down(world)
    up = asked(world, Direction.UP)
    assert is_down(world)
    with pytest.raises(NotAllowedError):  # what was asked is not confirmed the other way round
        confirm(world.desk, world.approver, up, Direction.DOWN)
    confirm(world.desk, world.approver, up, Direction.UP)
    assert not is_down(world)


def test_what_waits_is_not_asked_for_twice_and_lapses(world: World) -> None:
    old = asked(world)
    with pytest.raises(StateError):
        asked(world)
    with pytest.raises(StateError):
        asked(world, Direction.UP)
    world.clock.now += ASKED_FOR
    with pytest.raises(StateError):
        confirm(world.desk, world.approver, old, Direction.DOWN)
    assert pending(world.desk, world.approver) is None
    new = asked(world)
    with pytest.raises(StateError):
        confirm(world.desk, world.approver, old, Direction.DOWN)
    confirm(world.desk, world.approver, new, Direction.DOWN)
    assert is_down(world)


def test_a_reason_is_given(world: World) -> None:
    with pytest.raises(InputError):
        ask(world.desk, admin(world), Direction.DOWN, reason=Reason.ORDER, grounds="inv")


def together(*calls: Any) -> list[str]:
    results: list[str] = []
    gate = threading.Barrier(len(calls))

    def one(call: Any) -> None:
        gate.wait()
        try:
            call()
            results.append("done")
        except DeskError as error:
            results.append(error.code)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


def test_two_administrators_who_race_have_one_request(world: World) -> None:
    def one(name: str) -> Any:
        return lambda: ask(
            world.desk, admin(world, name), Direction.DOWN, reason=Reason.ORDER, grounds=WHY
        )

    assert together(one("a"), one("b")) == ["desk-state", "done"]


def test_two_approvers_who_race_stand_down_once(world: World) -> None:
    switch = asked(world)

    def one(name: str) -> Any:
        approver = world.who(name, Role.APPROVER)
        return lambda: confirm(world.desk, approver, switch, Direction.DOWN)

    assert together(one("a"), one("b"), one("c")) == ["desk-state", "desk-state", "done"]
    assert [e.public["change"] for e in entries(world.log)] == ["asked", "confirmed"]


def test_whatever_is_done_in_whatever_order(world: World) -> None:
    """The switch against a plain model of it."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.known: list[str] = []
            self.waiting: dict[str, tuple[Direction, datetime.datetime]] = {}
            self.down = is_down(world)
            with world.desk.store.reading() as db:
                self.turns = len(history(db))
            world.clock.now += ASKED_FOR  # what another run left waiting lapses

        @rule(direction=st.sampled_from(list(Direction)))
        def asks(self, direction: Direction) -> None:
            now = world.clock()
            self.waiting = {k: v for k, v in self.waiting.items() if now < v[1] + ASKED_FOR}
            useless = self.down == (direction is Direction.DOWN)
            taken = any(way is direction for way, _ in self.waiting.values())
            if useless or taken:
                with pytest.raises(StateError):
                    asked(world, direction)
            else:
                switch = asked(world, direction)
                self.known.append(switch)
                self.waiting = {switch: (direction, now)}

        @rule(direction=st.sampled_from(list(Direction)), data=st.data())
        def confirms(self, direction: Direction, data: st.DataObject) -> None:
            switch = data.draw(st.sampled_from([*self.known, "0" * 32]))
            found = self.waiting.get(switch)
            if (
                found is not None
                and found[0] is direction
                and world.clock() < found[1] + ASKED_FOR
            ):
                confirm(world.desk, world.approver, switch, direction)
                self.down = direction is Direction.DOWN
                self.turns += self.down
                self.waiting.clear()
            else:
                with pytest.raises((NotAllowedError, StateError)):
                    confirm(world.desk, world.approver, switch, direction)

        @rule(hours=st.sampled_from([1, 23]))
        def time_passes(self, hours: int) -> None:
            world.clock.move(hours=hours)

        def teardown(self) -> None:
            assert is_down(world) == self.down
            with world.desk.store.reading() as db:
                assert len(history(db)) == self.turns

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_f20_down_nothing_is_shown_either_but_what_must_go_on(world: World) -> None:
    world.search()
    task = world.take("first")
    world.note("first", task)
    switched(world, Direction.DOWN)
    for name, action in ACTIONS.items():
        for role in action.roles:
            actor = person("x", role, now=world.clock())
            later = world.clock() + datetime.timedelta(days=1)
            actor.training.update(dict.fromkeys(ACTIONS, later))
            if action.standing_down:
                world.desk.look(actor, name, lambda _: None)
            else:
                with pytest.raises(StoodDownError):
                    world.desk.look(actor, name, lambda _: None)
    with pytest.raises(StoodDownError):
        world.labels("first", task)


def test_one_alone_takes_up_nothing_where_the_row_is_lost(world: World) -> None:
    world.desk.store.write(lambda db: db.delete(db.get_one(Standing, 1)))
    with pytest.raises(StateError, match="stood down"):
        asked(world)
    with pytest.raises(StoodDownError):
        world.search()
    up = asked(world, Direction.UP)
    with pytest.raises(StoodDownError):
        world.search()
    confirm(world.desk, world.approver, up, Direction.UP)
    assert not is_down(world)
    with world.desk.store.reading() as db:
        assert history(db) == []  # since when it was down, nobody knows
