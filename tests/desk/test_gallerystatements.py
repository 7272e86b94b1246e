"""Statements of galleries: by a person, for a time, of what was there; refuted by the records."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
from casework import ANNA, BEN, EMMA, MIA, ULF
from deskgalleries import CARD, KEYS, brought, made
from deskgalleries import entries as images
from people import entries

from countenance.core import InputError
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.galleries import RecordedGalleries, set_disposition
from countenance.desk.gallery_tables import Gallery
from countenance.desk.gallerystatements import (
    Question,
    list_statements,
    state,
    stated_facts,
    withdraw,
)
from countenance.desk.service import Actor, Desk
from countenance.law import bundled_vocabulary
from countenance.record import Log

WHY = "every entry was looked at against the register of this year"


def facts(desk: Desk) -> dict[str, Any]:
    with desk.store.reading() as db:
        found = RecordedGalleries(KEYS).facts(
            db, "bookings", engine=CARD.identity, now=desk.clock()
        )
    assert found is not None
    return {name: found[name] for name in found if name.split(".")[1] in set(Question)}


def stated(
    desk: Desk, question: Question = Question.REVIEWED, *, holds: bool = True, days: int = 30,
    by: Actor = ULF, reason: str = WHY,
) -> str:  # fmt: skip
    by = dataclasses.replace(by, stepped_up_at=desk.clock())
    until = desk.clock() + datetime.timedelta(days=days)
    return state(desk, by, "bookings", question, holds=holds, until=until, reason=reason,
                 keys=KEYS)  # fmt: skip


@pytest.fixture
def filled(desk: Desk, tmp_path: Path) -> Desk:
    made(desk)
    brought(desk, tmp_path, [{}, {}])
    return desk


def test_every_question_is_a_yes_or_no_of_the_law() -> None:
    words = bundled_vocabulary()
    for question in Question:
        words[f"gallery.{question}"].accept(True)


@pytest.mark.parametrize("question", list(Question))
@pytest.mark.parametrize("holds", [True, False])
def test_what_nobody_stated_is_unknown_and_what_somebody_did_is_a_fact(
    filled: Desk, question: Question, holds: bool, log: Log
) -> None:
    assert facts(filled) == {}
    stated(filled, question, holds=holds)
    assert facts(filled) == {f"gallery.{question}": holds}
    (event,) = entries(log, "gallery-stated")
    assert event.public["question"] == question
    assert "register" not in str(event.public)


def test_a_statement_ends(filled: Desk, clock: Any) -> None:
    stated(filled, days=30)
    clock.move(days=30, seconds=-1)
    assert facts(filled) == {"gallery.reviewed": True}
    clock.move(seconds=1)
    assert facts(filled) == {}


def test_it_counts_until_the_next_image_comes_in_and_removals_do_not_end_it(
    filled: Desk, tmp_path: Path
) -> None:
    stated(filled)
    one = images(filled)[0]
    set_disposition(filled, MIA, "bookings", one.id, "acquitted", grounds="court", keys=KEYS)
    assert facts(filled) == {"gallery.reviewed": True}
    brought(filled, tmp_path, [{}, {}, {"subject": "new"}], "more")
    assert facts(filled) == {}
    stated(filled)
    assert facts(filled) == {"gallery.reviewed": True}


def test_the_latest_counts_and_withdrawing_it_brings_no_earlier_one_back(
    filled: Desk, clock: Any
) -> None:
    stated(filled)
    clock.move(minutes=1)
    later = stated(filled, holds=False, by=MIA)
    assert facts(filled) == {"gallery.reviewed": False}
    ulf = dataclasses.replace(ULF, stepped_up_at=clock())
    withdraw(filled, ulf, later, reason="it was said of another gallery")
    assert facts(filled) == {}
    with pytest.raises(StateError):
        withdraw(filled, ulf, later, reason="it was said of another gallery")
    with pytest.raises(NotAllowedError):
        withdraw(filled, ulf, "0" * 32, reason="it was said of another gallery")
    views = list_statements(filled, ANNA, "bookings", keys=KEYS)
    assert [(each.holds, each.counts) for each in views] == [(False, False), (True, False)]
    assert views[0].reason == WHY


def test_the_records_refute_that_every_image_is_the_most_recent(
    filled: Desk, tmp_path: Path
) -> None:
    stated(filled, Question.MOST_RECENT)
    assert facts(filled) == {"gallery.images-most-recent": True}
    brought(filled, tmp_path, [{}, {}, {"subject": "s0"}], "older")
    stated(filled, Question.MOST_RECENT)
    assert facts(filled) == {"gallery.images-most-recent": False}


def test_only_those_who_neither_ask_nor_approve_state_anything(filled: Desk) -> None:
    for other in (ANNA, BEN, EMMA):
        with pytest.raises(NotAllowedError):
            stated(filled, by=other)
    stale = dataclasses.replace(ULF, stepped_up_at=None)
    until = filled.clock() + datetime.timedelta(days=1)
    with pytest.raises(NotAllowedError):
        state(filled, stale, "bookings", Question.REVIEWED, holds=True, until=until, reason=WHY,
              keys=KEYS)  # fmt: skip
    with pytest.raises(NotAllowedError):
        state(filled, ULF, "elsewhere", Question.REVIEWED, holds=True, until=until, reason=WHY,
              keys=KEYS)  # fmt: skip
    with pytest.raises(NotAllowedError):
        list_statements(filled, ULF, "elsewhere", keys=KEYS)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": -3}, {"days": 367}, {"reason": "fine"}])
def test_it_has_an_end_and_a_reason(filled: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        stated(filled, **wrong)
    with filled.store.reading() as db:
        assert stated_facts(db, db.get_one(Gallery, "bookings"), filled.clock()) == {}
