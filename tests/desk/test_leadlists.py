"""Lists of leads, and the gallery's record of a candidate: each for whom it is and no other."""

from __future__ import annotations

from typing import Any

import pytest
from reviewkit import ANSWERS, READY, World

from countenance.desk import reviewing
from countenance.desk.cases import Case, CaseState
from countenance.desk.errors import NotAllowedError
from countenance.desk.leadlists import page_leads, picture_of_lead, probe_of_lead
from countenance.desk.leads import Lead, answer_checklist
from countenance.desk.reviews import Review, ReviewState
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.record import Log


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return World(desk, clock, log)


def listed(world: World, actor: Any, **more: Any) -> list[str]:
    return [each.id for each in page_leads(world.desk, actor, **more)]


def with_case(world: World) -> None:
    """A row for the case that the stand-in's request is of."""
    world.desk.store.write(lambda db: db.add(
        Case(id=READY.case, number="24-1", state=CaseState.OPEN, opened_by="requester",
             opened_at=world.clock(), version=1)
    ))  # fmt: skip


def test_who_has_which_leads_listed(world: World) -> None:
    lead = world.lead()
    with_case(world)
    assert listed(world, world.requester) == [lead]
    assert listed(world, world.auditor) == [lead]
    assert listed(world, world.approver) == []
    assert listed(world, world.examiner("first")) == []
    assert listed(world, world.who("else", Role.REQUESTER)) == []
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)
    assert listed(world, world.approver) == [lead]
    assert listed(world, world.examiner("first")) == []


def test_pages_follow_each_other_without_a_gap(world: World) -> None:
    lead = world.lead()
    with_case(world)

    def copies(db: Any) -> None:
        row = db.get_one(Lead, lead)
        for n in range(1, 8):
            db.add(Review(id=f"{n:032x}", known=None, state=ReviewState.OPEN,
                          opened_at=world.clock()))  # fmt: skip
            db.flush()
            db.add(Lead(
                id=f"{n:032x}", search=row.search, review=f"{n:032x}", requester="requester",
                state=row.state, prepared_at=row.prepared_at, due_at=row.due_at, box=row.box,
            ))  # fmt: skip

    world.desk.store.write(copies)
    whole = listed(world, world.requester)
    assert len(whole) == 8
    found: list[str] = []
    while page := listed(world, world.requester, after=found[-1] if found else "", most=3):
        found += page
    assert found == whole
    assert listed(world, world.requester, after="of another") == whole


def test_the_pictures_are_for_whoever_asked(world: World) -> None:
    lead = world.lead()
    given: dict[str, Any] = {"keys": world.keys, "pictures": world.pictures}
    assert probe_of_lead(world.desk, world.requester, lead, **given).startswith(b"\x89")
    assert picture_of_lead(world.desk, world.requester, lead, **given) == b"picture of p-2"
    for actor in (world.auditor, world.approver, world.examiner("first"),
                  world.who("else", Role.REQUESTER)):  # fmt: skip
        for read in (probe_of_lead, picture_of_lead):
            with pytest.raises(NotAllowedError):
                read(world.desk, actor, lead, **given)
