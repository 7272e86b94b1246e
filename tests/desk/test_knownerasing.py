"""Erasing a known-answer case: by two, for good, and without telling which list was known."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from people import entries
from reviewkit import World, called
from sqlalchemy import select

from countenance.core import CountenanceError, InputError
from countenance.desk import knownanswers, reviewing
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.keeper import Keeper
from countenance.desk.knownanswers import KnownAnswer, KnownCase, KnownPicture, Result
from countenance.desk.knownerasing import (
    KnownBasis,
    KnownErasure,
    ask_known_erasure,
    confirm_known_erasure,
    known_erasures,
    refuse_known_erasure,
    withdraw_known_erasure,
)
from countenance.desk.listings import list_known_answers
from countenance.desk.reviews import Examination
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import ErasedError
from countenance.desk.service import Actor, Desk
from countenance.record import Log, SQLiteVault
from countenance.record.vault import Erased

WHY = "she wrote that she agrees no longer"


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return World(desk, clock, log)


def known(world: World) -> str:
    """A known-answer case, mixed in once."""
    case = KnownCase(called("known probe"), tuple(called(f"k{n}") for n in range(3)), 1, "form 12")
    made = knownanswers.register(world.desk, world.auditor, case, keys=world.keys)

    def work(doing: Any) -> None:
        reviewing.mix_in(doing)
        doing.record.add(
            doing.db, "access-changed", public={"role": "examiner", "change": "granted"}
        )

    world.desk.act(world.who("m", Role.ADMINISTRATOR), "account.roles", work)
    return made


def admin(world: World) -> Actor:
    return world.who("m", Role.ADMINISTRATOR)


def asked(world: World, case: str) -> str:
    return ask_known_erasure(
        world.desk, world.auditor, case, basis=KnownBasis.CONSENT_WITHDRAWN, grounds=WHY,
        keys=world.keys,
    )  # fmt: skip


def confirmed(world: World, erasure: str) -> bool:
    return confirm_known_erasure(world.desk, admin(world), erasure, keys=world.keys)


def test_nothing_of_it_is_left_but_what_examiners_made_of_it(
    world: World, log: Log, tmp_path: Path
) -> None:
    case = known(world)
    world.examine("first", "k1")
    world.examine("second", "k2")
    with world.desk.store.reading() as db:  # as a backup would still have it
        box = db.get_one(KnownAnswer, case).probe_box
    assert confirmed(world, asked(world, case))
    found = {"first": {Result.RIGHT: 1}, "second": {Result.WRONG_CANDIDATE: 1}}
    assert knownanswers.results(world.desk, world.auditor) == found
    with world.desk.store.reading() as db:
        assert db.scalars(select(KnownPicture)).all() == []
        row = db.scalars(select(KnownAnswer)).one()
        assert (row.truth_box, row.probe_box, row.retired) == (b"", b"", True)
        for each in db.scalars(select(Examination)):
            assert (each.notes_box, each.findings_box, each.seed) == (None, None, b"")
        with pytest.raises(ErasedError):
            world.keys.open(db, knownanswers.about(case), box, purpose="probe")
        assert db.scalars(select(KnownErasure.state)).one() == "done"
    told = [dict(each.public) for each in entries(log, "known-answer-erasure")]
    assert [(each["change"], each["basis"]) for each in told] == [
        ("asked", "consent-withdrawn"), ("confirmed", "consent-withdrawn"),
    ]  # fmt: skip
    assert [each.public["basis"] for each in entries(log, "erased")] == ["consent-withdrawn"]
    (line,) = list_known_answers(world.desk, world.auditor)
    assert line.erased_at == world.clock()
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: 0)
    for entry in entries(log, "known-answer-changed", "known-answer-examined"):
        for commitment in entry.sealed.values():
            assert isinstance(vault.find(commitment), Erased)
    (view,) = known_erasures(world.desk, world.auditor, keys=world.keys)  # the grounds outlive it
    assert (view.grounds, view.by) == (WHY, "m")


def test_whoever_is_at_work_on_it_loses_it_and_nobody_is_handed_it(world: World, log: Log) -> None:
    case = known(world)
    task = world.take("first")
    world.note("first", task)
    confirmed(world, asked(world, case))
    with pytest.raises(NotAllowedError):
        world.labels("first", task)
    assert reviewing.my_tasks(world.desk, world.examiner("first")) == []
    assert reviewing.take(world.desk, world.examiner("second")) is None
    changes = [each.public["change"] for each in entries(log, "examination-changed")]
    assert changes == ["taken", "noted", "lapsed"]  # as of any that took too long


def test_asking_stops_it_from_being_mixed_in_and_takes_another_person(world: World) -> None:
    case = known(world)
    for role in set(Role) - {Role.AUDITOR}:
        with pytest.raises(NotAllowedError):
            ask_known_erasure(world.desk, world.who("x", role), case, grounds=WHY,
                              basis=KnownBasis.RETENTION_OVER, keys=world.keys)  # fmt: skip
    with pytest.raises(InputError):
        ask_known_erasure(world.desk, world.auditor, case, grounds="no",
                          basis=KnownBasis.RETENTION_OVER, keys=world.keys)  # fmt: skip
    with pytest.raises(NotAllowedError):
        asked(world, "0" * 32)
    erasure = asked(world, case)
    assert list_known_answers(world.desk, world.auditor)[0].retired
    with pytest.raises(StateError, match="was asked for"):
        asked(world, case)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        with pytest.raises(NotAllowedError):
            confirm_known_erasure(world.desk, world.who("x", role), erasure, keys=world.keys)
    both = world.who(world.auditor.account, Role.ADMINISTRATOR)
    with pytest.raises(NotAllowedError):
        confirm_known_erasure(world.desk, both, erasure, keys=world.keys)
    assert confirmed(world, erasure)
    for again in (lambda: confirmed(world, erasure), lambda: asked(world, case)):
        with pytest.raises(StateError):
            again()


def test_it_is_refused_withdrawn_or_lapses(world: World, log: Log, clock: Any) -> None:
    case = known(world)
    refuse_known_erasure(world.desk, admin(world), asked(world, case), grounds="consent stands")
    second = asked(world, case)
    with pytest.raises(NotAllowedError):
        withdraw_known_erasure(world.desk, world.who("other", Role.AUDITOR), second)
    withdraw_known_erasure(world.desk, world.auditor, second)
    third = asked(world, case)
    keeper = Keeper(world.desk)
    clock.move(days=13)
    assert keeper.run_once()["joint"] == 0
    clock.move(days=1)
    assert (keeper.run_once()["joint"], keeper.run_once()["joint"]) == (1, 0)
    for end in (second, third):
        with pytest.raises(StateError):
            confirmed(world, end)
    told = [each.public["change"] for each in entries(log, "known-answer-erasure")]
    assert told == ["asked", "refused", "asked", "withdrawn", "asked", "lapsed"]
    with world.desk.store.reading() as db:
        assert knownanswers.probe_of(db, world.keys, case) == called("known probe")


def test_what_a_crash_left_is_done_by_the_keeper(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure = asked(world, known(world))

    def die(*_: Any, **__: Any) -> int:
        raise CountenanceError("the vault is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.desk.recorder, "erase", die)
        with pytest.raises(CountenanceError):
            confirmed(world, erasure)
    Keeper(world.desk).run_once()
    with world.desk.store.reading() as db:
        assert db.scalars(select(KnownErasure.state)).one() == "done"


def test_two_administrators_at_once_have_one_outcome(world: World) -> None:
    erasure = asked(world, known(world))
    barrier, done = threading.Barrier(2), []

    def act(name: str, work: Any) -> None:
        barrier.wait()
        try:
            work()
            done.append(name)
        except StateError:
            pass

    other = world.who("n", Role.ADMINISTRATOR)
    threads = [
        threading.Thread(target=act, args=("done", lambda: confirmed(world, erasure))),
        threading.Thread(target=act, args=("refused", lambda: refuse_known_erasure(
            world.desk, other, erasure, grounds="consent stands"))),
    ]  # fmt: skip
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (view,) = known_erasures(world.desk, world.auditor, keys=world.keys)
    assert [view.state] == done
