"""Subject requests: told on paper what the records say, and the pages tell nobody anything."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casework import ANNA, BEN, KEYS, MIA, ULF, person
from sqlalchemy import event, func, select
from wholeway import Way

from countenance.core import InputError, sha256_bytes
from countenance.desk.dashboards import ToDo, my_work
from countenance.desk.doors import TooManyError
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.galleries import erase_person, set_disposition
from countenance.desk.keeper import Keeper
from countenance.desk.kinds import KINDS
from countenance.desk.listings import page_entries
from countenance.desk.roles import Role
from countenance.desk.searching import run_search
from countenance.desk.secrets_at_rest import ErasedError
from countenance.desk.service import Desk
from countenance.desk.subjectanswers import Answer, answer, read_answer
from countenance.desk.subjects import (
    Asked,
    Channel,
    RefusedFor,
    Shown,
    SubjectRequest,
    SubjectState,
    ask,
    check_identity,
    enter,
    list_subject_requests,
    read_asked,
    refuse,
    status,
)
from countenance.record import Log, parse_entry

MAX = person("max", Role.ADMINISTRATOR)
HOW = "passport seen at the counter, photograph compared"
ASKED = Asked("Jo Doe", "12 Mack Avenue", ("s7",), "I was arrested in 2019.\nWas I searched?")


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def checked(desk: Desk, asked: Asked = ASKED) -> str:
    request, _ = enter(desk, MIA, asked, keys=KEYS)
    check_identity(desk, MIA, request, shown=Shown.DOCUMENT_IN_PERSON, how=HOW, keys=KEYS)
    return request


def told(desk: Desk, **by: Any) -> Answer:
    return answer(desk, MAX, checked(desk), keys=KEYS, **by)


def test_from_the_form_to_the_answer(way: Way, log: Log) -> None:
    desk = way.desk
    ready = way.begun()
    run_search(desk, ANNA, ready.id, means=way.means)
    reference = ask(desk, ASKED, keys=KEYS, source="a" * 16)
    assert status(desk, reference) is SubjectState.RECEIVED
    (line,) = list_subject_requests(desk, MIA)
    assert (line.channel, (line.due_at - line.received_at).days) == (Channel.FORM, 30)
    assert read_asked(desk, MIA, line.id, keys=KEYS) == ASKED
    assert [each.what for each in my_work(desk, MAX)] == [ToDo.CHECK_SUBJECT]
    with pytest.raises(StateError):  # nobody is told anything before it is known who asks
        answer(desk, MAX, line.id, subjects=("s7",), keys=KEYS)
    check_identity(desk, MIA, line.id, shown=Shown.DOCUMENT_IN_PERSON, how=HOW, keys=KEYS)
    assert status(desk, reference) is SubjectState.BEING_CHECKED
    assert my_work(desk, MIA) == []  # who checked does not answer
    assert [each.what for each in my_work(desk, MAX)] == [ToDo.ANSWER_SUBJECT]
    found = answer(desk, MAX, line.id, subjects=("s7",), keys=KEYS)
    (held,) = found.held
    assert (held.gallery, held.source, held.basis) == ("booking", "booking-photos", "booking 17")
    assert (held.since, held.expires_on) == ("2026-11-23", "2030-05-01")
    (returned,) = found.returned
    assert (returned.gallery, returned.on, returned.outcome) == (
        "booking", "2026-11-23", "under-review"
    )  # fmt: skip
    assert status(desk, reference) is SubjectState.ANSWERED
    assert read_answer(desk, MIA, line.id, keys=KEYS) == found
    assert list_subject_requests(desk, MIA) == []
    way.examine("eve", True)
    way.examine("fay", True)
    assert [each.outcome for each in told(desk, subjects=("s7",)).returned] == ["lead"]
    others = [told(desk, subjects=(f"s{n}",)) for n in (3, 9)]
    assert {each.outcome for one in others for each in one.returned} <= {"lead-of-another"}
    kinds = [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]
    steps = [each.public for each in kinds if each.kind == "subject-request"]
    assert [each["change"] for each in steps[:3]] == ["received", "being-checked", "answered"]
    assert "Doe" not in str(steps)


def test_a_picture_that_the_person_gives_finds_them(way: Way) -> None:
    data = (way.folder / "in" / "batch" / "5.png").read_bytes()
    by_picture = told(way.desk, pictures=(sha256_bytes(data),))
    by_name = told(way.desk, subjects=("s5",))
    assert by_picture.held == by_name.held
    assert len(by_name.held) == 1
    assert told(way.desk, pictures=("0" * 64,)).held == ()


def test_what_cannot_be_known_is_said(way: Way) -> None:
    found = told(way.desk, subjects=("nobody of this name",))
    assert (found.held, found.returned) == ((), ())
    assert found.asked == ("booking",)
    assert any("probe" in each for each in found.not_known)


def test_a_list_that_is_not_published_is_counted_and_not_opened(way: Way) -> None:
    ready = way.begun()
    way.means.publisher.error = OSError("no witness")  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="no witness"):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    found = told(way.desk, subjects=("s7",))
    assert (found.returned, found.unpublished) == ((), 1)


def test_a_list_that_was_erased_is_counted(way: Way) -> None:
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    way.desk.store.write(lambda db: KEYS.destroy(db, ready.handle, now=way.desk.now()))
    found = told(way.desk, subjects=("s7",))
    assert (found.returned, found.erased) == ((), 1)


def test_an_entry_that_went_is_told_with_why_and_an_erased_person_is_not_found(
    way: Way, tmp_path: Path
) -> None:
    (line, *_) = page_entries(way.desk, MIA, "booking")
    with way.desk.store.reading() as db:
        from countenance.desk.galleries import RecordedGalleries

        wanted = RecordedGalleries(KEYS).reference(db, "booking", line.id)
    set_disposition(way.desk, MIA, "booking", line.id, "wanted", grounds="warrant", keys=KEYS)
    (held,) = told(way.desk, pictures=(sha256_bytes(wanted),)).held
    assert held.disposition == "wanted"
    set_disposition(way.desk, MIA, "booking", line.id, "acquitted", grounds="court", keys=KEYS)
    assert told(way.desk, pictures=(sha256_bytes(wanted),)).held == ()  # erased with the last
    erase_person(way.desk, MIA, "booking", "s8", grounds="asked", keys=KEYS)
    assert told(way.desk, subjects=("s8",)).held == ()


def test_who_checked_does_not_look_up_and_others_do_nothing(way: Way) -> None:
    request = checked(way.desk)
    with pytest.raises(NotAllowedError, match="does not look them up"):
        answer(way.desk, MIA, request, subjects=("s7",), keys=KEYS)
    for other in (ANNA, BEN, ULF):
        with pytest.raises(NotAllowedError):
            answer(way.desk, other, request, subjects=("s7",), keys=KEYS)
        with pytest.raises(NotAllowedError):
            read_asked(way.desk, other, request, keys=KEYS)
    with pytest.raises(NotAllowedError):
        read_answer(way.desk, MIA, request, keys=KEYS)
    for wrong in ({}, {"subjects": ("",)}, {"pictures": ("xyz",)}, {"subjects": ("s",) * 21}):
        with pytest.raises(InputError):
            answer(way.desk, MAX, request, keys=KEYS, **wrong)
    assert [each.state for each in list_subject_requests(way.desk, ULF)] == [
        SubjectState.BEING_CHECKED
    ]


def test_two_who_answer_and_refuse_at_once_have_one_outcome(way: Way) -> None:
    request = checked(way.desk)
    gate, outcomes = threading.Barrier(2), list[str]()

    def run(what: str) -> None:
        gate.wait()
        try:
            if what == "answer":
                answer(way.desk, MAX, request, subjects=("s7",), keys=KEYS)
            else:
                mel = person("mel", Role.ADMINISTRATOR)
                refuse(way.desk, mel, request, reason=RefusedFor.RESTRICTED,
                       grounds="order of the court of today", keys=KEYS)  # fmt: skip
            outcomes.append(what)
        except StateError:
            pass

    both = [threading.Thread(target=run, args=(what,)) for what in ("answer", "refuse")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(outcomes) == 1


def test_a_refusal_has_grounds_and_shows_none(desk: Desk) -> None:
    reference = ask(desk, ASKED, keys=KEYS, source="a" * 16)
    (line,) = list_subject_requests(desk, MIA)
    with pytest.raises(InputError):
        refuse(desk, MIA, line.id, reason=RefusedFor.OTHER, grounds="no", keys=KEYS)
    refuse(desk, MIA, line.id, reason=RefusedFor.NOT_SHOWN, grounds="no paper came", keys=KEYS)
    assert status(desk, reference) is SubjectState.REFUSED
    with pytest.raises(StateError):
        check_identity(desk, MIA, line.id, shown=Shown.COURT, how=HOW, keys=KEYS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "a\nb"}, {"contact": "x" * 201}, {"known_as": ("a",) * 6},
        {"words": "x" * 2001}, {"words": "\x00"}, {"known_as": ("\x1b[2J",)},
    ],
)  # fmt: skip
def test_a_form_is_bounded(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(ASKED, **wrong)


@pytest.mark.parametrize(
    "reference", ["", "x", "0" * 31, "0" * 33, "0" * 32, "' OR 1=1 --", "٣" * 32]
)
def test_a_reference_that_is_none_has_no_status(desk: Desk, reference: str) -> None:
    ask(desk, ASKED, keys=KEYS, source="a" * 16)
    assert status(desk, reference) is None


def test_nothing_a_person_wrote_is_in_clear_anywhere(desk: Desk, log: Log, tmp_path: Path) -> None:
    asked = dataclasses.replace(ASKED, words="zebra crossing at noon")
    reference = ask(desk, asked, keys=KEYS, source="a" * 16)
    desk.recorder.flush()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for clear in (b"zebra", b"Jo Doe", b"Mack Avenue", reference.encode()):
                assert clear not in data, path


def test_the_form_is_taken_so_often_and_no_more(desk: Desk, clock: Any) -> None:
    for _ in range(5):
        ask(desk, ASKED, keys=KEYS, source="a" * 16)
    with pytest.raises(TooManyError) as caught:
        ask(desk, ASKED, keys=KEYS, source="a" * 16)
    assert caught.value.retry_s == 3600
    ask(desk, ASKED, keys=KEYS, source="b" * 16)
    clock.move(hours=1)
    ask(desk, ASKED, keys=KEYS, source="a" * 16)
    with desk.store.reading() as db:
        assert db.scalar(select(func.count()).select_from(SubjectRequest)) == 7
    mia = dataclasses.replace(MIA, stepped_up_at=clock())
    enter(desk, mia, ASKED, keys=KEYS)  # at the counter nobody is turned away


def test_what_was_written_and_told_is_not_kept_for_ever(
    way: Way, clock: Any, tmp_path: Path
) -> None:
    desk = way.desk
    request, reference = enter(desk, MIA, ASKED, keys=KEYS)
    waits, _ = enter(desk, MIA, ASKED, keys=KEYS)
    check_identity(desk, MIA, request, shown=Shown.COURT, how=HOW, keys=KEYS)
    answer(desk, MAX, request, subjects=("s7",), keys=KEYS)
    with desk.store.reading() as db:
        row = db.get_one(SubjectRequest, request)
        boxes = [row.box, row.check_box, row.answer_box]
        handle = row.handle
    keeper = Keeper(desk, means=way.means)
    clock.move(days=366, seconds=-1)
    assert keeper.run_once()["subjects"] == 0
    clock.move(seconds=1)
    assert keeper.run_once()["subjects"] == 1
    assert keeper.run_once()["subjects"] == 0
    mia = dataclasses.replace(MIA, stepped_up_at=clock())
    with pytest.raises(StateError, match="erased"):
        read_asked(desk, mia, request, keys=KEYS)
    with pytest.raises(NotAllowedError):
        read_answer(desk, mia, request, keys=KEYS)
    assert read_asked(desk, mia, waits, keys=KEYS) == ASKED  # it waits: it is kept
    assert status(desk, reference) is SubjectState.ANSWERED
    with desk.store.reading() as db, pytest.raises(ErasedError):
        KEYS.open(db, handle, boxes[0] or b"", purpose=f"asked {request}")


class Statements:
    """What is asked of the database."""

    def __init__(self, desk: Desk) -> None:
        self.engine, self.seen = desk.store.engine, list[str]()

    def __enter__(self) -> list[str]:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self.seen

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _k: Any, statement: str, *_: Any) -> None:
        self.seen.append(statement)


def test_the_public_paths_ask_the_database_the_same_and_of_galleries_nothing(way: Way) -> None:
    inside = dataclasses.replace(ASKED, known_as=("s7",))
    outside = dataclasses.replace(ASKED, known_as=("x7",))
    ask(way.desk, ASKED, keys=KEYS, source="c" * 16)  # the bucket of everybody is there
    seen = []
    for asked, source in ((inside, "a" * 16), (outside, "b" * 16)):
        with Statements(way.desk) as statements:
            reference = ask(way.desk, asked, keys=KEYS, source=source)
            status(way.desk, reference)
        assert not any("galler" in each for each in statements)
        seen.append(list(statements))
    assert seen[0] == seen[1]


def test_how_long_the_public_paths_take_tells_nothing(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In random order, people who are in the gallery and people who are not: Mann and Whitney.

    Under "no difference" the order is exchangeable, so |z| > 4 comes about once in 16,000 runs.
    """
    monkeypatch.setattr("countenance.desk.subjects.knock", lambda *_: None)
    names = [f"s{n}" for n in range(40)] + [f"x{n}" for n in range(40)]
    order = random.Random(5).sample(names, len(names))
    took: dict[bool, list[float]] = {True: [], False: []}
    asked_took: dict[bool, list[float]] = {True: [], False: []}
    for name in order:
        asked = dataclasses.replace(ASKED, known_as=(name,))
        start = time.perf_counter()
        reference = ask(way.desk, asked, keys=KEYS, source="a" * 16)
        middle = time.perf_counter()
        assert status(way.desk, reference) is SubjectState.RECEIVED
        inside = name.startswith("s")
        asked_took[inside].append(middle - start)
        took[inside].append(time.perf_counter() - middle)
    for one in (asked_took, took):
        assert abs(whitney(one[True], one[False])) < 4
    assert statistics.median(took[True]) < 1


def whitney(first: list[float], second: list[float]) -> float:
    """z of the Mann-Whitney U statistic (Mann and Whitney 1947), without ties."""
    u = sum(a > b for a in first for b in second)
    n, m = len(first), len(second)
    return (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def test_the_measure_would_notice_a_difference() -> None:
    rng = random.Random(3)
    slow = [rng.gauss(1.4, 0.2) for _ in range(40)]
    fast = [rng.gauss(1.0, 0.2) for _ in range(40)]
    assert whitney(slow, fast) > 4
