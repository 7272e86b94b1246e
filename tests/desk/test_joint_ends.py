"""What takes two people always comes to an end, and the record says which."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from casework import ANNA, BEN, KEYS, MIA, ULF, case, person
from people import Person, entries, first, joined

from countenance.core import CountenanceError
from countenance.desk import standing, two_person
from countenance.desk.cases import CaseState, move_case
from countenance.desk.dashboards import my_work
from countenance.desk.erasing import ask_erasure, confirm_erasure
from countenance.desk.erasure_tables import Basis, ended_erasures, withdraw_erasure
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.keeper import Keeper
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.sessions import authenticate
from countenance.desk.standing import Direction, Reason, Switch, SwitchState
from countenance.desk.two_person import JointState, ask_closing, ask_replacement, decided_requests
from countenance.record import Log

WHY = "because of the inquiry of today"
MAX = person("max", Role.ADMINISTRATOR)


@pytest.fixture
def ada(desk: Desk) -> Person:
    return first(desk)


@pytest.fixture
def bea(ada: Person) -> Person:
    return joined(ada, "Bea", Role.ADMINISTRATOR)


def told(log: Log, kind: str, field: str) -> list[Any]:
    return [each.public[field] for each in entries(log, kind)]


def test_whoever_asked_takes_it_back_and_nobody_else(ada: Person, bea: Person, log: Log) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_replacement(
        desk, ada.to("account.replace-passkey"), account=rob.account, grounds=WHY
    )
    for other, name in ((bea, request), (ada, "0" * 32)):
        with pytest.raises(NotAllowedError, match="no such request of yours"):
            two_person.withdraw(desk, other.to("account.withdraw-request"), name)
    two_person.withdraw(desk, ada.to("account.withdraw-request"), request)
    for again in (two_person.withdraw, two_person.confirm, two_person.refuse):
        with pytest.raises((StateError, NotAllowedError)):
            again(desk, ada.to("account.confirm"), request)
    with pytest.raises(StateError):
        two_person.confirm(desk, bea.to("account.confirm"), request)
    assert told(log, "two-administrators", "state")[-2:] == ["open", "withdrawn"]
    (ended,) = decided_requests(desk, bea.to("account.list"))
    assert (ended.state, ended.by, ended.asked.id) == ("withdrawn", ada.account, request)


def test_a_request_that_nobody_decided_expires_once(
    ada: Person, bea: Person, clock: Any, log: Log
) -> None:
    desk, keeper = ada.desk, Keeper(ada.desk)
    rob = joined(ada, "Rob", Role.REQUESTER)
    request = ask_closing(desk, ada.to("account.close"), account=rob.account, grounds=WHY)
    clock.move(hours=24)
    assert keeper.run_once()["joint"] == 0
    clock.move(seconds=10)
    assert keeper.run_once()["joint"] == 1
    assert keeper.run_once()["joint"] == 0
    assert told(log, "two-administrators", "state") == ["open", "expired"]
    bea.sign_in()
    (ended,) = decided_requests(desk, authenticate(desk, bea.token))
    assert (ended.asked.id, ended.state, ended.by) == (request, JointState.EXPIRED, None)
    with pytest.raises(NotAllowedError):
        decided_requests(desk, ANNA)


def test_decided_requests_are_read_a_page_at_a_time(ada: Person, bea: Person, clock: Any) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    made = []
    for minutes in (0, 0, 1, 1, 1):  # some end in the same second
        clock.move(minutes=minutes)
        made.append(ask_closing(desk, ada.to("account.close"), account=rob.account, grounds=WHY))
        two_person.withdraw(desk, ada.to("account.withdraw-request"), made[-1])
    looker, seen, last = authenticate(desk, bea.token), [], ""
    while page := decided_requests(desk, looker, after=last, most=2):
        seen += [each.asked.id for each in page]
        last = seen[-1]
    assert seen[:3] == made[4:1:-1]
    assert sorted(seen) == sorted(made)


def test_withdrawing_and_confirming_at_once_have_one_outcome(ada: Person, bea: Person) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_closing(desk, ada.to("account.close"), account=rob.account, grounds=WHY)
    one, other = ada.to("account.withdraw-request"), bea.to("account.confirm")
    barrier, done = threading.Barrier(2), []

    def act(name: str, work: Any, actor: Any) -> None:
        barrier.wait()
        try:
            work(desk, actor, request)
            done.append(name)
        except CountenanceError:
            pass

    threads = [
        threading.Thread(target=act, args=each)
        for each in (("withdrawn", two_person.withdraw, one),
                     ("confirmed", two_person.confirm, other))
    ]  # fmt: skip
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.state for each in decided_requests(desk, ada.to("account.list"))] == done


def switched(desk: Desk) -> str:
    return standing.ask(desk, MIA, Direction.DOWN, reason=Reason.ORDER, grounds=WHY)


def test_a_wish_to_turn_the_switch_is_withdrawn_or_lapses(
    desk: Desk, clock: Any, log: Log
) -> None:
    first_wish = switched(desk)
    with pytest.raises(NotAllowedError, match="no such request of yours"):
        standing.withdraw(desk, MAX, first_wish)
    standing.withdraw(desk, MIA, first_wish)
    for again in (lambda: standing.withdraw(desk, MIA, first_wish),
                  lambda: standing.confirm(desk, BEN, first_wish, Direction.DOWN)):  # fmt: skip
        with pytest.raises(StateError):
            again()
    assert standing.pending(desk, BEN) is None
    second = switched(desk)
    keeper = Keeper(desk)
    clock.move(hours=23, minutes=59)
    assert keeper.run_once()["joint"] == 0
    clock.move(minutes=1)
    assert (keeper.run_once()["joint"], keeper.run_once()["joint"]) == (1, 0)
    assert told(log, "standing-changed", "change") == ["asked", "withdrawn", "asked", "lapsed"]
    ended = standing.turns(desk, ULF)
    assert [(each.id, each.state, each.by) for each in ended] == [
        (second, SwitchState.LAPSED, None), (first_wish, SwitchState.WITHDRAWN, MIA.account),
    ]  # fmt: skip
    assert ended[0].at == clock()


def test_a_wish_that_takes_the_place_of_a_late_one_says_that_it_lapsed(
    desk: Desk, clock: Any, log: Log
) -> None:
    switched(desk)
    clock.move(hours=24)
    standing.ask(desk, person("mia", Role.ADMINISTRATOR, at=clock()), Direction.DOWN,
                 reason=Reason.ORDER, grounds=WHY)  # fmt: skip
    assert told(log, "standing-changed", "change") == ["asked", "lapsed", "asked"]


def test_a_switch_of_the_time_before_ends_were_told_is_shown(desk: Desk) -> None:
    switch = switched(desk)

    def as_then(db: Any) -> None:
        db.get_one(Switch, switch).state = SwitchState.LAPSED

    desk.store.write(as_then)
    (ended,) = standing.turns(desk, ULF)
    assert (ended.state, ended.at) == (SwitchState.LAPSED, ended.asked_at)


def closed(desk: Desk) -> str:
    case_id = case(desk)
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="ended")
    return case_id


def asked(desk: Desk, case_id: str, actor: Any = MIA) -> str:
    return ask_erasure(desk, actor, case_id, basis=Basis.COURT_ORDER, grounds=WHY, keys=KEYS)


def test_an_erasure_is_withdrawn_or_lapses(desk: Desk, clock: Any, log: Log) -> None:
    case_id = closed(desk)
    erasure = asked(desk, case_id)
    with pytest.raises(NotAllowedError, match="no such request of yours"):
        withdraw_erasure(desk, MAX, erasure)
    withdraw_erasure(desk, MIA, erasure)
    for again in (lambda: withdraw_erasure(desk, MIA, erasure),
                  lambda: confirm_erasure(desk, ULF, erasure, keys=KEYS)):  # fmt: skip
        with pytest.raises(StateError):
            again()
    second = asked(desk, case_id)  # nothing keeps it from being asked for again
    keeper = Keeper(desk)
    clock.move(days=13, hours=23)
    assert keeper.run_once()["joint"] == 0
    clock.move(hours=1)
    assert (keeper.run_once()["joint"], keeper.run_once()["joint"]) == (1, 0)
    assert told(log, "case-erasure", "change") == ["asked", "withdrawn", "asked", "lapsed"]
    assert [(each.id, each.state, each.by) for each in ended_erasures(desk, ULF)] == [
        (second, "lapsed", None), (erasure, "withdrawn", MIA.account),
    ]  # fmt: skip
    assert my_work(desk, ULF) == []


def test_ends_are_given_while_the_desk_is_down(desk: Desk, clock: Any) -> None:
    asked(desk, closed(desk))
    standing.confirm(desk, BEN, switched(desk), Direction.DOWN)
    clock.move(days=14)
    assert Keeper(desk).run_once()["joint"] == 1
