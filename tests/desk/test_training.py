"""Training: without a record that is current, the desk is closed (F17)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from people import Person, entries, first, joined, trained

from countenance.core import InputError
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.roles import Role
from countenance.desk.service import Desk, allow
from countenance.desk.sessions import authenticate
from countenance.desk.training import (
    LONGEST_DAYS,
    current_training,
    record_training,
    training_of,
    withdraw_training,
)
from countenance.record import Log

HOW = "course of 2026, certificate 17"


@pytest.fixture
def ada(desk: Desk) -> Person:
    return first(desk)


@pytest.fixture
def rob(ada: Person) -> Person:
    return joined(ada, "Rob", Role.REQUESTER)


def may_open_a_case(person: Person) -> bool:
    actor = authenticate(person.desk, person.token)
    try:
        allow(actor, "case.open", person.desk.clock())
    except NotAllowedError:
        return False
    return True


def test_f17_no_training_no_case(ada: Person, rob: Person, clock: Any) -> None:
    assert not may_open_a_case(rob)
    trained(ada, rob, "examiner")
    assert not may_open_a_case(rob)
    trained(ada, rob, "requester", minutes=10)
    assert may_open_a_case(rob)
    clock.move(minutes=10)
    assert not may_open_a_case(rob)


def test_the_latest_record_counts_and_a_withdrawn_one_does_not(ada: Person, rob: Person) -> None:
    desk = ada.desk
    trained(ada, rob, "requester", days=30)
    trained(ada, rob, "requester", minutes=5)
    with desk.store.reading() as db:
        found = training_of(db, rob.account)
        until = current_training(db, rob.account)["requester"]
    assert until == desk.clock() + datetime.timedelta(minutes=5)
    for record in reversed(found):
        withdraw_training(
            desk, ada.to("account.training"), number=record.number, grounds="the wrong person"
        )
    assert not may_open_a_case(rob)
    with pytest.raises(StateError):
        withdraw_training(
            desk, ada.to("account.training"), number=found[0].number, grounds="the wrong person"
        )


def test_it_is_in_the_log_without_the_person(ada: Person, rob: Person, log: Log) -> None:
    trained(ada, rob, "requester", days=30)
    entry = list(entries(log, "training-recorded"))[-1]
    assert dict(entry.public) == {
        "training": "requester", "change": "recorded", "until": "2026-12-23T09:00:00Z",
    }  # fmt: skip
    assert set(entry.sealed) == {"account", "author", "evidence"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "juggling"}, {"evidence": "yes"}, {"days": 0}, {"days": -1},
        {"days": LONGEST_DAYS + 1},
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(ada: Person, rob: Person, wrong: dict[str, Any]) -> None:
    until = ada.desk.clock() + datetime.timedelta(days=wrong.pop("days", 30))
    with pytest.raises(InputError):
        record_training(
            ada.desk, ada.to("account.training"),
            **{"account": rob.account, "kind": "requester", "until": until, "evidence": HOW}
            | wrong,
        )  # fmt: skip


def test_a_time_without_a_zone_is_none(ada: Person, rob: Person) -> None:
    with pytest.raises(InputError):
        record_training(
            ada.desk, ada.to("account.training"), account=rob.account, kind="requester",
            until=datetime.datetime(2027, 1, 1), evidence=HOW,  # noqa: DTZ001
        )  # fmt: skip


def test_nobody_records_their_own_nor_anybody_who_is_no_administrator(
    ada: Person, rob: Person
) -> None:
    until = ada.desk.clock() + datetime.timedelta(days=30)
    for actor, account in (
        (ada.to("account.training"), ada.account),
        (ada.to("account.training"), "0" * 32),
        (authenticate(rob.desk, rob.token), ada.account),
    ):
        with pytest.raises(NotAllowedError):
            record_training(
                ada.desk, actor, account=account, kind="requester", until=until, evidence=HOW
            )
