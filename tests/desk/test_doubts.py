"""Leads whose ground is gone: not given out, or shown to be so, and their holders are asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casework import ANNA, BEN, EMMA, KEYS, ULF
from deskgalleries import ADMIN
from people import entries
from reviewkit import ANSWERS, StubFacts
from sqlalchemy import select
from wholeway import Way

from countenance.desk import incidents
from countenance.desk.dashboards import ToDo, my_work
from countenance.desk.doubts import Doubtful
from countenance.desk.errors import StateError
from countenance.desk.galleries import erase_person
from countenance.desk.incidents import Cause, Finding, close_incident, open_incident
from countenance.desk.keeper import Keeper
from countenance.desk.leads import (
    LeadMeans,
    LeadState,
    Outcome,
    answer_checklist,
    give_outcome,
    issue,
    rely,
)
from countenance.desk.leadviews import LeadView, list_leads, read_lead, read_settled
from countenance.desk.reliance import Step
from countenance.desk.searches import Search
from countenance.desk.searching import run_search
from countenance.desk.service import Desk
from countenance.law import decide
from countenance.record import Log

WHY = "the drawn people of this test say so"


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def means(way: Way) -> LeadMeans:
    return LeadMeans(KEYS, StubFacts(), decide, way.pictures)


def checked(way: Way) -> str:
    """A lead whose checklist is answered."""
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    way.examine("eve", True)
    way.examine("fay", True)
    ((lead, _, _),) = list_leads(way.desk, ANNA)
    answer_checklist(way.desk, ANNA, lead, ANSWERS, means=means(way))
    return lead


def issued(way: Way) -> str:
    lead = checked(way)
    assert issue(way.desk, ANNA, lead, means=means(way)).permitted
    return lead


def search_of(way: Way) -> Search:
    with way.desk.store.reading() as db:
        return db.scalars(select(Search)).one()


def expunge(way: Way) -> None:
    """Erase the person whom the lead is of."""
    admin = dataclasses.replace(ADMIN, stepped_up_at=way.desk.clock())
    erase_person(way.desk, admin, "booking", "s7", grounds=WHY, keys=KEYS)


def view(way: Way, lead: str, actor: Any = ANNA) -> LeadView:
    return read_lead(way.desk, actor, lead, sources=way.sources)


def suspend(way: Way, **what: str) -> str:
    return open_incident(way.desk, EMMA, keys=KEYS, cause=Cause.FAULT, grounds=WHY, **what)


def tasks(way: Way) -> list[ToDo]:
    return [each.what for each in my_work(way.desk, ANNA)]


def test_f13_a_lead_is_not_issued_once_its_image_was_expunged(way: Way, log: Log) -> None:
    lead = checked(way)
    expunge(way)
    size = log.size
    with pytest.raises(StateError, match="was removed from the gallery"):
        issue(way.desk, ANNA, lead, means=means(way))
    assert log.size == size
    assert view(way, lead).state is LeadState.CHECKED
    give_outcome(way.desk, ANNA, lead, Outcome.NOT_FOLLOWED, words=WHY, keys=KEYS)


def test_an_issued_lead_says_that_its_image_was_removed_and_not_why(way: Way, clock: Any) -> None:
    lead = issued(way)
    before = view(way, lead)
    assert before.doubts == ()
    clock.move(days=1)
    expunge(way)
    for actor in (ANNA, ULF):
        found = view(way, lead, actor)
        (doubt,) = found.doubts
        assert (doubt.what, doubt.since) == (Doubtful.IMAGE_REMOVED, clock())
        assert found.text.split("\n")[1] == doubt.sentence
        assert "2026-11-24" in doubt.sentence
        assert "asked" not in doubt.sentence
        assert found.entry.reference.captured_on == before.entry.reference.captured_on
        assert found.entry.reference.groups == {}
    settled = read_settled(way.desk, ANNA, search_of(way).id, sources=way.sources)
    assert [each.reference.removed_at is not None for each in settled.entries].count(True) == 1


def test_its_holder_is_asked_to_look_again_once(way: Way, log: Log, clock: Any) -> None:
    lead = issued(way)
    keeper = Keeper(way.desk, means=way.means)
    assert keeper.run_once()["removed"] == 0
    expunge(way)
    assert keeper.run_once()["removed"] == 0  # looked within the hour
    assert ToDo.LOOK_AGAIN not in tasks(way)
    clock.move(hours=1)
    assert (keeper.run_once()["removed"], keeper.run_once()["removed"]) == (1, 0)
    assert Keeper(way.desk, means=way.means).run_once()["removed"] == 0
    assert tasks(way) == [ToDo.LOOK_AGAIN]
    assert [each.public["change"] for each in entries(log, "lead-changed")][-1] == "image-removed"
    give_outcome(way.desk, ANNA, lead, Outcome.NOT_FOLLOWED, words=WHY, keys=KEYS)
    assert tasks(way) == []


@pytest.mark.parametrize("what", ["engine", "gallery"])
def test_while_an_incident_suspends_it_no_lead_is_issued_or_relied_on(
    way: Way, what: str, clock: Any
) -> None:
    lead = checked(way)
    incident = suspend(way, **{what: getattr(search_of(way), what)})
    with pytest.raises(StateError, match=f"suspended the {what}"):
        issue(way.desk, ANNA, lead, means=means(way))
    (doubt,) = view(way, lead).doubts
    assert (doubt.what, doubt.since) == (f"{what}-suspended", clock())
    assert tasks(way) == [ToDo.LOOK_AGAIN]
    close_incident(way.desk, BEN, incident, keys=KEYS, finding=Finding.NO_FAULT_FOUND, grounds=WHY)
    assert issue(way.desk, ANNA, lead, means=means(way)).permitted
    assert (view(way, lead).doubts, tasks(way)) == ((), [])
    incident = suspend(way, **{what: getattr(search_of(way), what)})
    with pytest.raises(StateError, match=f"suspended the {what}"):
        rely(way.desk, ANNA, lead, Step.CONTACT, means=means(way))
    assert tasks(way) == [ToDo.LOOK_AGAIN]
    close_incident(
        way.desk, BEN, incident, keys=KEYS, finding=Finding.WITHDRAWN_FROM_USE, grounds=WHY
    )
    with pytest.raises(StateError):  # closed, and out of use for good
        rely(way.desk, ANNA, lead, Step.CONTACT, means=means(way))
    assert tasks(way) == [ToDo.LOOK_AGAIN]


def test_an_incident_of_another_engine_or_gallery_is_no_doubt(way: Way) -> None:
    lead = issued(way)
    suspend(way, engine="0" * 64)
    suspend(way, gallery="another")
    assert (view(way, lead).doubts, tasks(way)) == ((), [])
    rely(way.desk, ANNA, lead, Step.CONTACT, means=means(way))


def test_another_ones_wrong_lead_stops_this_one(way: Way) -> None:
    """The incident that a wrong lead opens by itself has the same effect."""
    lead = issued(way)
    row = search_of(way)

    def other(doing: Any) -> None:
        incidents.begin(
            doing, KEYS, cause=Cause.WRONG_LEAD, grounds=WHY, engine=row.engine, gallery=None,
            lead="f" * 32, approved_by="somebody",
        )  # fmt: skip

    way.desk.act(EMMA, "incident.open", other)
    assert [each.what for each in view(way, lead).doubts] == [Doubtful.ENGINE_SUSPENDED]
