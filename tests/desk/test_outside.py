"""Others: asking and receiving under the asker's rules, and a quarantine that is one."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reviewkit import World, lawful
from sqlalchemy.orm import Session

from countenance.core import InputError
from countenance.desk.errors import DeskError, NotAllowedError, StateError
from countenance.desk.kinds import KINDS
from countenance.desk.outside import (
    CaseAsk,
    Incoming,
    OutsideMeans,
    Source,
    approve_ask,
    ask,
    read_ask,
    receive,
    withdraw,
)
from countenance.desk.outside_tables import AskState, ResultState
from countenance.desk.quarantine import in_quarantine, read_result, release
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.law import Decision, Request, decide
from countenance.record import Entry, Log, parse_entry

CASE = "c" * 32
OTHER = "7" * 32
SOURCE = Source("State Police, facial unit", "engine 4.1", "our request of 20 November")
SECRET = b"this says who it may be"


class Outside:
    """A desk whose law a test can change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = lawful()
        self.owner = "requester"
        self.judged: list[Request] = []
        self.means = OutsideMeans(world.keys, self.case, self.judge)

    def case(self, db: Session, case_id: str) -> CaseAsk:  # noqa: ARG002
        if case_id not in (CASE, OTHER):
            raise NotAllowedError("there is no such case for you")
        return CaseAsk(case_id, f"case:{case_id}", self.owner, self.base)

    def judge(self, request: Request) -> Decision:
        self.judged.append(request)
        return decide(request)

    def ask(self, runner: str = "state-police") -> tuple[str, Decision]:
        """Submitted, and approved where that can still be."""
        asked, decision = self.submit(runner)
        if decision.permitted:
            decision = self.approve(asked)
        return asked, decision

    def approve(self, asked: str, name: str = "another approver") -> Decision:
        actor = self.world.who(name, Role.APPROVER)
        return approve_ask(self.world.desk, actor, asked, means=self.means)

    def submit(self, runner: str = "state-police") -> tuple[str, Decision]:
        return ask(
            self.world.desk, self.world.requester, CASE, whom="State Police",
            runner=runner, what="one search of the probe", means=self.means,
        )  # fmt: skip

    def receive(
        self, asked: str | None, runner: str = "state-police", **more: Any
    ) -> tuple[str, ResultState, Decision]:
        incoming = Incoming(asked, runner, more.pop("source", SOURCE), SECRET)
        return receive(
            self.world.desk, self.world.requester, more.pop("case", CASE), incoming,
            means=self.means,
        )  # fmt: skip

    def read(self, result: str, who: Any = None) -> tuple[Source, bytes]:
        actor = who or self.world.requester
        return read_result(self.world.desk, actor, result, keys=self.world.keys)

    def release(self, result: str, name: str = "another approver") -> Decision:
        return release(
            self.world.desk, self.world.who(name, Role.APPROVER), result, means=self.means
        )


@pytest.fixture
def outside(desk: Desk, clock: Any, log: Log) -> Outside:
    return Outside(World(desk, clock, log))


def entries(log: Log) -> list[Entry]:
    return [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]


def test_f2_what_is_asked_for_and_permitted_may_be_read_and_is_logged(outside: Outside) -> None:
    asked, decision = outside.ask()
    assert decision.permitted
    result, state, _ = outside.receive(asked)
    assert state is ResultState.RECEIVED
    assert outside.read(result) == (SOURCE, SECRET)
    submitted, first, second = entries(outside.world.log)
    assert [submitted.public["step"], first.public["step"]] == ["submitted", "approved"]
    assert (first.kind, first.public["decision"]) == ("outside-asked", "permitted")
    assert (second.kind, second.public["unsolicited"]) == ("outside-received", False)
    assert first.public["ask"] == second.public["ask"]
    assert [request.act for request in outside.judged] == ["ask", "ask", "receive"]


def test_f2_a_ban_is_not_evaded_by_asking_a_neighbour(outside: Outside) -> None:
    outside.base = replace(outside.base, jurisdictions=("us/or/portland",))
    asked, decision = outside.ask()
    assert not decision.permitted
    (entry,) = entries(outside.world.log)
    assert entry.public["decision"] == "refused"
    result, state, _ = outside.receive(asked)  # and an answer to what was refused is no answer
    assert state is ResultState.QUARANTINED
    with pytest.raises(NotAllowedError):
        outside.read(result)
    assert entries(outside.world.log)[1].public["unsolicited"] is True


def test_f2_a_private_network_is_not_asked(outside: Outside) -> None:
    _, decision = outside.ask("private-network")
    assert not decision.permitted
    assert any("§ 3(g)" in reason.cite for reason in decision.reasons)


def test_f2_the_asker_s_own_law_binds_when_it_is_done_for_another(outside: Outside) -> None:
    behalf = lawful(**{"behalf.of": "other-agency", "behalf.kind": "local-police"})
    outside.base = replace(behalf, behalf_jurisdictions=("us/or/portland",))
    _, decision = outside.ask()
    assert not decision.permitted


def test_f2_what_nobody_asked_for_is_counted_kept_and_read_by_nobody(outside: Outside) -> None:
    result, state, decision = outside.receive(None)
    assert state is ResultState.QUARANTINED
    assert decision.permitted  # to be taken in, and no more
    assert any(each.what == "quarantine" for each in decision.obligations)
    world = outside.world
    for who in (world.requester, world.who("x", Role.REQUESTER)):
        with pytest.raises(NotAllowedError):
            outside.read(result, who)
    for role in (Role.APPROVER, Role.AUDITOR, Role.EXAMINER, Role.ADMINISTRATOR):
        with pytest.raises(NotAllowedError):
            outside.read(result, world.who("x", role))
    assert [each for each, _, _ in in_quarantine(world.desk, world.approver)] == [result]


def test_f2_under_the_strict_policy_no_unsolicited_result_is_released(outside: Outside) -> None:
    result, _, _ = outside.receive(None)
    decision = outside.release(result)
    assert not decision.permitted
    assert any("§ 7(d)" in reason.cite for reason in decision.reasons)
    with pytest.raises(NotAllowedError):
        outside.read(result)
    assert entries(outside.world.log)[-1].public["decision"] == "refused"


def test_where_the_law_permits_an_approver_releases_it(outside: Outside) -> None:
    """Under a policy that is content with results that came unasked."""
    result, _, _ = outside.receive(None)
    outside.means = OutsideMeans(
        outside.world.keys, outside.case,
        lambda request: decide(request.knowing({"result.unsolicited": False})),
    )  # fmt: skip
    assert outside.release(result).permitted
    assert outside.read(result) == (SOURCE, SECRET)
    assert in_quarantine(outside.world.desk, outside.world.approver) == []
    with pytest.raises(StateError):
        outside.release(result)


def test_nobody_releases_what_they_took_in(outside: Outside) -> None:
    result, _, _ = outside.receive(None)
    with pytest.raises(NotAllowedError):
        outside.release(result, "requester")
    with pytest.raises(NotAllowedError):
        outside.release("0" * 32)
    outside.owner = "somebody who took the case over"
    for name in ("requester", outside.owner):
        with pytest.raises(NotAllowedError):
            outside.release(result, name)
    for role in set(Role) - {Role.APPROVER}:
        with pytest.raises(NotAllowedError):
            release(outside.world.desk, outside.world.who("x", role), result, means=outside.means)


def test_f15_a_result_whose_source_is_not_recorded_is_not_read(outside: Outside) -> None:
    asked, _ = outside.ask()
    for source in (
        Source("somebody"),
        Source("somebody", "some system"),
        replace(SOURCE, who=" a"),
    ):
        result, state, decision = outside.receive(asked, source=source)
        assert (state is ResultState.RECEIVED) == source.recorded
        assert decision.permitted == source.recorded
        if not source.recorded:
            with pytest.raises(NotAllowedError):
                outside.read(result)


def test_an_answer_is_of_the_same_case_and_runner_and_still_wanted(outside: Outside) -> None:
    asked, _ = outside.ask()
    with pytest.raises(NotAllowedError):
        outside.receive(asked, case=OTHER)
    with pytest.raises(NotAllowedError):
        outside.receive("0" * 32)
    _, state, _ = outside.receive(asked, "fusion-centre")
    assert state is ResultState.QUARANTINED
    withdraw(outside.world.desk, outside.world.requester, asked)
    with pytest.raises(StateError):
        withdraw(outside.world.desk, outside.world.requester, asked)
    _, state, _ = outside.receive(asked)
    assert state is ResultState.QUARANTINED
    asked, _ = outside.ask()
    for _ in range(2):  # a second answer, a conflicting one, is kept as well (F14)
        assert outside.receive(asked)[1] is ResultState.RECEIVED


def test_others_cases_read_as_none(outside: Outside) -> None:
    world = outside.world
    told = []
    for case_id in (CASE, "0" * 32):
        with pytest.raises(NotAllowedError) as caught:
            ask(
                world.desk, world.who("x", Role.REQUESTER), case_id, whom="State Police",
                runner="state-police", what="one search", means=outside.means,
            )  # fmt: skip
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert world.log.size == 0


def test_nothing_unmeasured_comes_in() -> None:
    for wrong in ({"content": b""}, {"content": bytes(20 * 2**20 + 1)}):
        with pytest.raises(InputError):
            Incoming(**{"ask": None, "runner": "fbi", "source": SOURCE, "content": b"x", **wrong})
    for wrong in ({"who": " "}, {"who": "a\nb"}, {"system": "x" * 501}):
        with pytest.raises(InputError):
            Source(**{"who": "a", **wrong})


def test_a_runner_is_a_word_of_the_law(outside: Outside) -> None:
    with pytest.raises(DeskError.__mro__[1]):
        outside.ask("a friend")
    assert outside.world.log.size == 0


def test_two_approvers_who_race_release_once(outside: Outside) -> None:
    result, _, _ = outside.receive(None)
    outside.means = OutsideMeans(
        outside.world.keys, outside.case,
        lambda request: decide(request.knowing({"result.unsolicited": False})),
    )  # fmt: skip
    results: list[str] = []
    gate = threading.Barrier(2)

    def one(name: str) -> None:
        gate.wait()
        try:
            outside.release(result, name)
            results.append("released")
        except StateError:
            results.append("second")

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["released", "second"]


def test_what_came_is_in_clear_nowhere(outside: Outside, tmp_path: Path) -> None:
    asked, _ = outside.ask()
    outside.receive(asked)
    outside.receive(None)
    for path, word in itertools.product(tmp_path.rglob("*"), (SECRET,)):
        if path.is_file():
            assert word not in path.read_bytes(), path


def test_nothing_is_asked_before_a_second_person_has_approved_it(outside: Outside) -> None:
    asked, decision = outside.submit()
    assert decision.permitted
    _, state, _ = outside.receive(asked)
    assert state is ResultState.QUARANTINED  # what comes before that was not asked for
    for name in ("requester",):
        with pytest.raises(NotAllowedError):
            outside.approve(asked, name)
    world = outside.world
    seen = read_ask(world.desk, world.approver, asked, keys=world.keys)
    assert (seen.state, seen.whom) == (AskState.WAITING, "State Police")
    with pytest.raises(NotAllowedError):
        read_ask(world.desk, world.who("x", Role.REQUESTER), asked, keys=world.keys)
    assert outside.approve(asked).permitted
    with pytest.raises(StateError):
        outside.approve(asked)
    assert outside.receive(asked)[1] is ResultState.RECEIVED


def test_what_the_law_no_longer_permits_is_not_asked_though_it_is_approved(
    outside: Outside,
) -> None:
    asked, _ = outside.submit()
    outside.base = replace(outside.base, jurisdictions=("us/or/portland",))
    assert not outside.approve(asked).permitted
    with pytest.raises(StateError):
        outside.approve(asked)
    assert outside.receive(asked)[1] is ResultState.QUARANTINED
