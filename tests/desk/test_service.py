"""The kernel: what is not allowed does not happen, and what happens is in the log first."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from countenance.desk.errors import NotAllowedError, StoodDownError
from countenance.desk.events import Outgoing
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.service import Actor, Desk, Doing, Standing
from countenance.record import Log, parse_entry

NOW = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)


def actor(*roles: Role) -> Actor:
    day = datetime.timedelta(days=1)
    return Actor("a" * 32, frozenset(roles), "s", NOW, dict.fromkeys(Role, NOW + day))


def granting(work: Doing) -> None:
    work.record.add(
        work.db, "access-changed", public={"role": "examiner", "change": "granted"},
        private={"account": "a person"},
    )  # fmt: skip


def test_what_is_done_is_in_the_log_when_it_returns(desk: Desk, log: Log) -> None:
    desk.act(actor(Role.ADMINISTRATOR), "account.roles", granting)
    entry = parse_entry(log.entry(0))
    assert entry.kind == "access-changed"
    assert b"a person" not in log.entry(0)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_no_role_no_action(desk: Desk, log: Log, action: str) -> None:
    for role in Role:
        if role not in ACTIONS[action].roles:
            with pytest.raises(NotAllowedError):
                desk.act(actor(role), action, granting)
    assert log.size == 0


def test_an_action_nobody_named_is_denied(desk: Desk) -> None:
    with pytest.raises(NotAllowedError):
        desk.act(actor(*Role), "search.without-a-record", granting)


def test_a_passkey_asked_for_too_long_ago_or_in_the_future_is_no_step_up(
    desk: Desk, clock: Callable[[], datetime.datetime]
) -> None:
    for move in (datetime.timedelta(seconds=121), datetime.timedelta(seconds=-1)):
        clock.now = NOW + move  # type: ignore[attr-defined]
        with pytest.raises(NotAllowedError):
            desk.act(actor(Role.ADMINISTRATOR), "account.roles", granting)


def test_a_change_without_an_event_is_undone(desk: Desk) -> None:
    def silent(work: Doing) -> None:
        work.db.merge(Standing(number=1, down_since=NOW))

    with pytest.raises(AssertionError, match="left no event"):
        desk.act(actor(Role.ADMINISTRATOR), "account.roles", silent)
    with desk.store.reading() as db:
        assert db.scalar(select(Standing.down_since)) is None


def test_nothing_is_shown_that_is_not_in_the_log(desk: Desk, log: Log) -> None:
    """As after a crash between the commit and the log."""
    desk.store.write(lambda db: granting(Doing(db, actor(), NOW, desk.recorder)))
    assert log.size == 0
    seen = desk.look(
        actor(Role.ADMINISTRATOR), "account.list", lambda db: db.scalar(select(Outgoing.place))
    )
    assert (seen, log.size) == (0, 1)


def test_who_looks_does_not_wait_for_who_writes(desk: Desk) -> None:
    def look() -> int | None:
        return desk.look(
            actor(Role.ADMINISTRATOR), "account.list", lambda db: db.scalar(select(Outgoing.place))
        )

    with ThreadPoolExecutor(1) as threads, desk.recorder._flushing:  # somebody's disk is slow
        assert threads.submit(look).result(20) is None


def test_what_reached_the_log_before_a_crash_is_not_written_twice(desk: Desk, log: Log) -> None:
    desk.store.write(lambda db: granting(Doing(db, actor(), NOW, desk.recorder)))
    with desk.store.reading() as db:
        entry = db.scalars(select(Outgoing.entry)).one()
    log.append([entry])  # it reached the log, and the process died
    assert desk.recorder.flush() == 1
    assert log.size == 1


def test_suspended_nothing_is_done(desk: Desk, log: Log) -> None:
    desk.store.write(lambda db: setattr(db.get(Standing, 1), "down_since", NOW))
    with pytest.raises(StoodDownError):
        desk.act(actor(Role.ADMINISTRATOR), "account.roles", granting)
    desk.act(actor(Role.ADMINISTRATOR), "account.suspend", granting)
    assert log.size == 1
