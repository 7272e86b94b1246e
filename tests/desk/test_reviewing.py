"""Reviewing: two people, each alone, the probe first, and no lead where they differ."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewkit import LIST, PROBE, READY, World, called, comparison, notes
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk import knownanswers, reviewing
from countenance.desk.errors import DeskError, NotAllowedError, StateError
from countenance.desk.features import (
    STANDARD,
    Agreement,
    Comparison,
    Component,
    Conclusion,
    ProbeNotes,
    Visible,
)
from countenance.desk.kinds import KINDS
from countenance.desk.knownanswers import KnownCase, Result
from countenance.desk.leadviews import list_leads, read_settled
from countenance.desk.reviewing import my_tasks, see_probe, take
from countenance.desk.reviews import (
    Concluded,
    Examination,
    ExaminationState,
    Review,
    ReviewState,
    label,
    outcome,
    shown_order,
)
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.record import Entry, Log, parse_entry


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)  # mixed in only where a test does it
    return World(desk, clock, log)


def entries(log: Log, kind: str) -> list[Entry]:
    found = [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]
    return [entry for entry in found if entry.kind == kind]


def state(world: World) -> ReviewState:
    with world.desk.store.reading() as db:
        return ReviewState(db.scalars(select(Review.state)).one())


def test_f9_two_who_agree_make_a_lead(world: World) -> None:
    world.search()
    world.examine("first", "p-2")
    assert list_leads(world.desk, world.requester) == []
    world.examine("second", "p-2")
    assert state(world) is ReviewState.AGREED_CANDIDATE
    assert len(list_leads(world.desk, world.requester)) == 1
    (settled,) = entries(world.log, "review-settled")
    assert settled.public == {
        "request": READY.digest, "outcome": "agreed-candidate", "candidates": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("p-1", "p-2", ReviewState.DISAGREED),
        ("p-1", None, ReviewState.DISAGREED),
        (None, "p-1", ReviewState.DISAGREED),
        (None, None, ReviewState.AGREED_NONE),
    ],
)
def test_f9_where_they_differ_there_is_no_lead(
    world: World, one: str | None, two: str | None, expected: ReviewState
) -> None:
    world.search()
    world.examine("first", one)
    world.examine("second", two)
    assert state(world) is expected
    assert list_leads(world.desk, world.requester) == []
    outcomes = [entry.public["outcome"] for entry in entries(world.log, "candidate-reviewed")]
    assert outcomes == ["lead" if pick else "excluded" for pick in (one, two)]


def test_f9_inconclusive_is_said_and_is_no_lead(world: World) -> None:
    world.search()
    world.examine("first", None, other=Conclusion.INCONCLUSIVE)
    world.examine("second", "p-1")
    assert state(world) is ReviewState.DISAGREED
    assert entries(world.log, "candidate-reviewed")[0].public["outcome"] == "inconclusive"


def test_f9_no_candidate_before_the_probe_is_noted(world: World) -> None:
    world.search()
    task = world.take("first")
    first = world.examiner("first")
    seen = reviewing.see_probe(world.desk, first, task, keys=world.keys, pictures=world.pictures)
    assert seen == PROBE
    with pytest.raises(StateError):
        world.labels("first", task)
    with pytest.raises(StateError):
        reviewing.see_candidate(
            world.desk, first, task, "x", keys=world.keys, pictures=world.pictures
        )
    with pytest.raises(StateError):
        world.desk_conclude("first", task, {})
    world.note("first", task)
    assert len(world.labels("first", task)) == 4
    with pytest.raises(StateError):  # what was noted is not noted again
        world.note("first", task)


def test_f9_the_order_and_the_labels_say_nothing_of_rank_and_score(world: World) -> None:
    world.search()
    orders = {}
    for name in ("first", "second"):
        task = world.take(name)
        world.note(name, task)
        orders[name] = world.shown(name, task)
        assert sorted(orders[name]) == [identity for identity, _ in LIST]
    assert set(orders["first"].values()).isdisjoint(orders["second"].values())


@given(st.binary(min_size=32, max_size=32), st.sets(st.text(min_size=1), max_size=30), st.data())
def test_the_order_shown_is_the_same_whatever_order_they_were_found_in(
    seed: bytes, candidates: set[str], data: st.DataObject
) -> None:
    listed = sorted(candidates)
    mixed = data.draw(st.permutations(listed))
    assert shown_order(seed, listed) == shown_order(seed, mixed)
    assert sorted(each for _, each in shown_order(seed, mixed)) == listed


def test_over_many_seeds_each_candidate_is_shown_first_about_equally_often() -> None:
    names = [f"p-{n}" for n in range(4)]
    firsts = [shown_order(n.to_bytes(32, "big"), names)[0][1] for n in range(4000)]
    # 1000 expected of each, standard deviation 27: eight of them either way
    assert all(780 < firsts.count(name) < 1220 for name in names)


def test_f9_nothing_shown_to_an_examiner_takes_anybody_elses_examination(world: World) -> None:
    """Not even by asking: what an examiner can call takes their own task and nothing else."""
    world.search()
    theirs = world.take("first")
    world.note("first", theirs)
    world.take("second")
    second = world.examiner("second")
    calls = (
        lambda task: reviewing.see_probe(
            world.desk, second, task, keys=world.keys, pictures=world.pictures
        ),
        lambda task: reviewing.see_candidates(world.desk, second, task, keys=world.keys),
        lambda task: world.note("second", task),
        lambda task: world.desk_conclude("second", task, {}),
    )
    for call in calls:
        told = []
        for task in (theirs, "0" * 32):
            with pytest.raises(NotAllowedError) as caught:
                call(task)
            told.append(str(caught.value))
        assert told[0] == told[1]
    for name, function in inspect.getmembers(reviewing, inspect.isfunction):
        if function.__module__ == reviewing.__name__ and not name.startswith("_"):
            assert not {"review", "seat", "examiner"} & set(inspect.signature(function).parameters)
    with pytest.raises(NotAllowedError):
        read_settled(world.desk, second, the_search(world), sources=world.sources)


def the_search(world: World) -> str:
    with world.desk.store.reading() as db:
        found = db.scalars(select(Review.search)).one()
        assert found is not None
        return found


def test_f9_rank_and_score_are_for_nobody_before_both_have_concluded(world: World) -> None:
    world.search()
    search = the_search(world)
    world.examine("first", "p-1")
    readers = (world.requester, world.examiner("first"), world.auditor)
    for reader in readers:
        with pytest.raises(NotAllowedError):
            read_settled(world.desk, reader, search, sources=world.sources)
    world.examine("second", "p-1")
    for reader in readers:
        found = read_settled(world.desk, reader, search, sources=world.sources)
        assert [entry.rank for entry in found.entries] == [1, 2, 2, 4]
    for stranger in (world.who("x", Role.REQUESTER), world.examiner("third")):
        with pytest.raises(NotAllowedError):
            read_settled(world.desk, stranger, search, sources=world.sources)


@pytest.mark.parametrize("name", ["requester", "approver"])
def test_who_asked_or_approved_does_not_examine(world: World, name: str) -> None:
    world.search()
    both = world.who(name, Role.REQUESTER, Role.APPROVER, Role.EXAMINER)
    assert reviewing.take(world.desk, both) is None


def test_nobody_sits_in_both_seats_and_there_is_no_third(world: World) -> None:
    world.search()
    world.take("first")
    assert reviewing.take(world.desk, world.examiner("first")) is None
    world.take("second")
    assert reviewing.take(world.desk, world.examiner("third")) is None


def test_a_seat_that_was_kept_too_long_is_anothers(world: World, clock: Any, log: Log) -> None:
    world.search()
    late = world.take("gone")
    world.note("gone", late)
    world.examine("second", "p-2")
    clock.move(days=13, hours=23)
    assert take(world.desk, world.examiner("third")) is None
    clock.move(hours=1)
    assert my_tasks(world.desk, world.examiner("gone"))  # as long as nobody asks for the seat
    world.examine("third", "p-2")
    assert my_tasks(world.desk, world.examiner("gone")) == []
    for call in (
        lambda: world.labels("gone", late),
        lambda: world.desk_conclude("gone", late, {}),
        lambda: see_probe(
            world.desk, world.examiner("gone"), late, keys=world.keys, pictures=world.pictures
        ),
    ):
        with pytest.raises(NotAllowedError):
            call()
    assert world.row(late).notes_box is not None  # what they noted stays on record
    with world.desk.store.reading() as db:
        assert db.scalars(select(Review.state)).all() == [ReviewState.AGREED_CANDIDATE]
    changes = [each.public["change"] for each in entries(log, "examination-changed")]
    assert changes.count("lapsed") == 1


def test_who_concludes_late_but_before_anybody_else_came_has_concluded(
    world: World, clock: Any
) -> None:
    world.search()
    slow = world.take("slow")
    clock.move(days=20)
    world.note("slow", slow)
    world.conclude("slow", slow, "p-2")
    world.examine("second", "p-2")
    assert take(world.desk, world.examiner("third")) is None


def test_both_seats_kept_too_long_are_taken_one_after_the_other(world: World, clock: Any) -> None:
    world.search()
    world.take("one")
    world.take("two")
    clock.move(days=14)
    for name in ("three", "four"):
        world.take(name)
    assert take(world.desk, world.examiner("five")) is None
    clock.move(days=14)
    world.examine("five", "p-1")
    world.examine("six", "p-1")
    for name in ("one", "two", "three", "four"):
        assert take(world.desk, world.examiner(name)) is None  # they have seen this list


def test_three_who_race_for_two_seats(world: World) -> None:
    world.search()
    taken: list[str | None] = []
    gate = threading.Barrier(3)

    def one(name: str) -> None:
        gate.wait()
        try:
            taken.append(reviewing.take(world.desk, world.examiner(name)))
        except StateError:
            taken.append(None)

    together(one, "first", "second", "third")
    assert sum(task is not None for task in taken) == 2
    with world.desk.store.reading() as db:
        assert sorted(db.scalars(select(Examination.seat))) == [1, 2]


def test_two_who_conclude_at_once_settle_once(world: World) -> None:
    world.search()
    work = {}
    for name in ("first", "second"):
        task = world.take(name)
        world.note(name, task)
        work[name] = (task, world.findings(name, task, "p-3"))
    gate = threading.Barrier(2)

    def one(name: str) -> None:
        gate.wait()
        world.desk_conclude(name, *work[name])

    together(one, "first", "second")
    assert state(world) is ReviewState.AGREED_CANDIDATE
    assert len(entries(world.log, "review-settled")) == 1
    assert len(list_leads(world.desk, world.requester)) == 1


def together(one: Any, *names: str) -> None:
    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_f8_none_is_left_out_none_is_added_and_one_at_most_is_picked(world: World) -> None:
    world.search()
    task = world.take("first")
    world.note("first", task)
    whole = dict(world.findings("first", task, "p-1"))
    fewer = dict(list(whole.items())[1:])
    more = {**whole, "0" * 24: comparison()}
    two = dict.fromkeys(whole, comparison(Conclusion.SAME))
    for wrong in ({}, fewer, more, two):
        with pytest.raises(InputError):
            world.desk_conclude("first", task, wrong)
    assert world.row(task).state == ExaminationState.NOTED
    world.desk_conclude("first", task, whole)
    with pytest.raises(StateError):
        world.desk_conclude("first", task, whole)


def test_what_was_not_visible_in_the_probe_cannot_agree_afterwards(world: World) -> None:
    world.search()
    task = world.take("first")
    world.note("first", task, ears=Visible.NOT_VISIBLE)
    with pytest.raises(InputError, match="ears"):
        world.conclude("first", task, "p-1")
    found = {name: comparison(ears=Agreement.NOT_VISIBLE) for name in world.labels("first", task)}
    world.desk_conclude("first", task, found)


def test_a_conclusion_rests_on_features() -> None:
    every = dict.fromkeys(Component, Agreement.NOT_VISIBLE)
    for conclusion in set(Conclusion) - {Conclusion.INCONCLUSIVE}:
        with pytest.raises(InputError):
            Comparison(every, conclusion, "because it looks like it")
    assert Comparison(every, Conclusion.INCONCLUSIVE, "too dark to see anything")
    with pytest.raises(InputError):
        Comparison({Component.NOSE: Agreement.AGREE}, Conclusion.SAME, "the nose and no more")
    with pytest.raises(InputError):
        ProbeNotes({Component.NOSE: Visible.CLEAR}, "the nose and nothing more")
    with pytest.raises(InputError):
        ProbeNotes(dict.fromkeys(Component, Visible.CLEAR), "inv")


def test_the_standard_is_cited_by_its_year_and_goes_from_top_to_bottom() -> None:
    assert STANDARD == "ASTM E3149-26 (2026)"
    assert notes().to_json()["standard"] == STANDARD
    parts = list(Component)
    assert parts.index(Component.FOREHEAD) < parts.index(Component.EYES)
    assert parts.index(Component.EYES) < parts.index(Component.NOSE)
    assert parts.index(Component.NOSE) < parts.index(Component.CHIN_AND_JAW)
    assert ProbeNotes.from_json(notes().to_json()) == notes()
    assert Comparison.from_json(comparison().to_json()) == comparison()


picks = st.dictionaries(st.sampled_from("abc"), st.sampled_from(list(Conclusion)), min_size=1)


@given(picks, picks)
def test_there_is_a_lead_only_where_both_picked_the_same(
    one: dict[str, Conclusion], two: dict[str, Conclusion]
) -> None:
    first, second = (
        Concluded(name, {key: comparison(how) for key, how in found.items()})
        for name, found in (("x", one), ("y", two))
    )
    found = outcome(first, second)
    assert found is outcome(second, first)
    same = {k for k, v in one.items() if v is Conclusion.SAME}
    if found is ReviewState.AGREED_CANDIDATE:
        assert same
        assert first.pick == second.pick
    if not same:
        assert found is not ReviewState.AGREED_CANDIDATE


def known(world: World, answer: int | None = 1) -> str:
    case = KnownCase(
        called("known probe"), tuple(called(f"k{n}") for n in range(3)), answer, "consent form 12"
    )
    return knownanswers.register(world.desk, world.auditor, case, keys=world.keys)


def mixed(world: World) -> None:
    def work(doing: Any) -> None:
        reviewing.mix_in(doing)
        doing.record.add(
            doing.db, "access-changed", public={"role": "examiner", "change": "granted"}
        )

    world.desk.act(world.who("m", Role.ADMINISTRATOR), "account.roles", work)


def test_f9_known_answers_look_like_any_other_and_their_results_are_logged(world: World) -> None:
    known(world)
    mixed(world)
    world.search()
    kinds = set()
    for _ in range(2):  # one of the search, one of the known answer, in any order
        task = world.take("first")
        seen = reviewing.see_probe(
            world.desk, world.examiner("first"), task, keys=world.keys, pictures=world.pictures
        )
        kinds.add(seen)
        world.note("first", task)
        world.desk_conclude(
            "first", task, dict.fromkeys(world.labels("first", task), comparison())
        )
    assert kinds == {PROBE, called("known probe")}
    public = [entry.public for entry in entries(world.log, "examination-changed")]
    assert {frozenset(each) for each in public} == {frozenset({"examination", "change"})}
    task = reviewing.my_tasks(world.desk, world.examiner("first"))
    assert task == []
    assert entries(world.log, "known-answer-examined") == []


@pytest.mark.parametrize(
    ("answer", "pick", "other", "expected"),
    [
        (1, "k1", Conclusion.DIFFERENT, Result.RIGHT),
        (1, "k2", Conclusion.DIFFERENT, Result.WRONG_CANDIDATE),
        (1, None, Conclusion.DIFFERENT, Result.MISSED),
        (1, None, Conclusion.INCONCLUSIVE, Result.INCONCLUSIVE),
        (None, None, Conclusion.DIFFERENT, Result.RIGHT),
        (None, "k0", Conclusion.DIFFERENT, Result.WRONG_CANDIDATE),
    ],
)
def test_f9_a_conclusion_is_held_against_the_known_answer(
    world: World, answer: int | None, pick: str | None, other: Conclusion, expected: Result
) -> None:
    known(world, answer)
    mixed(world)
    world.examine("first", pick, other=other)
    world.examine("second", pick, other=other)
    found = knownanswers.results(world.desk, world.auditor)
    assert found == {"first": {expected: 1}, "second": {expected: 1}}
    told = [entry.public["result"] for entry in entries(world.log, "known-answer-examined")]
    assert told == [expected.value] * 2
    assert list_leads(world.desk, world.requester) == []
    assert entries(world.log, "candidate-reviewed") == []


def test_nobody_is_handed_a_known_answer_twice_nor_a_retired_one(world: World) -> None:
    identity = known(world)
    mixed(world)
    world.examine("first", "k1")
    mixed(world)
    assert reviewing.take(world.desk, world.examiner("first")) is None
    knownanswers.retire(world.desk, world.auditor, identity)
    with pytest.raises(StateError):
        knownanswers.retire(world.desk, world.auditor, identity)
    world.examine("second", "k1")
    world.examine("third", "k1")
    mixed(world)
    with world.desk.store.reading() as db:
        assert len(db.scalars(select(Review)).all()) == 2


def test_only_an_auditor_registers_and_reads_known_answers(world: World) -> None:
    case = KnownCase(called("p"), (called("a"),), None, "consent form 12")
    for role in set(Role) - {Role.AUDITOR}:
        with pytest.raises(NotAllowedError):
            knownanswers.register(world.desk, world.who("x", role), case, keys=world.keys)
        with pytest.raises(NotAllowedError):
            knownanswers.results(world.desk, world.who("x", role))
    for wrong in (
        {"pictures": ()}, {"answer": 1}, {"answer": -1}, {"consent": " "},
        {"probe": b"no picture"}, {"pictures": (called("a"), called("b")[:60])},
    ):  # fmt: skip
        with pytest.raises(InputError):
            KnownCase(**{"probe": called("p"), "pictures": (called("a"),), "answer": 0,
                         "consent": "form", **wrong})  # type: ignore[arg-type]  # fmt: skip


def test_the_truth_and_the_notes_are_not_in_clear_in_the_database(
    world: World, tmp_path: Path
) -> None:
    known(world)
    mixed(world)
    world.examine("first", "k1")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"known probe" not in data, path
            assert b"left side in shadow" not in data, path
            assert b"what is said of ears" not in data, path


def test_training_that_ran_out_ends_an_examination(world: World) -> None:
    world.search()
    task = world.take("first")
    first = world.examiner("first")
    first.training.clear()
    with pytest.raises(DeskError):
        reviewing.note_probe(world.desk, first, task, notes(), keys=world.keys)


def test_a_label_is_of_its_seed() -> None:
    assert label(b"1" * 32, "p") != label(b"2" * 32, "p")
