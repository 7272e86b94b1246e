"""Lists of casework: what waits for whom, and nothing of what somebody may not read."""

from __future__ import annotations

import datetime

import pytest
from casework import (
    ANNA,
    BEN,
    CARD,
    EMMA,
    ULF,
    case,
    house,
    judge,
    person,
    picture,
    probe,
    submitted,
)
from clockkit import MovingClock

from countenance.desk.errors import NotAllowedError
from countenance.desk.probe_steps import upload_probe
from countenance.desk.requests import read_request
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.worklists import (
    case_numbers,
    case_of_probe,
    probes_to_judge,
    searchable_galleries,
    waiting_lines,
)

ZOE = person("zoe", Role.REQUESTER)


def test_what_waits_for_an_approver(desk: Desk, clock: MovingClock) -> None:
    of = house()
    made = submitted(desk, of)
    ((line),) = waiting_lines(desk, BEN)
    assert (line.id, line.case_number, line.requester) == (made.id, "24-1234", "")
    assert line.expires_at - line.submitted_at == datetime.timedelta(hours=of.request_hours)
    both = person("anna", Role.REQUESTER, Role.APPROVER)
    assert waiting_lines(desk, both) == []  # nobody decides on their own
    for other in (ANNA, EMMA, ULF):
        with pytest.raises(NotAllowedError):
            waiting_lines(desk, other)
    clock.now = line.expires_at
    assert waiting_lines(desk, BEN) == []


def test_a_number_is_told_to_whoever_may_read_the_case(desk: Desk) -> None:
    of = house()
    made = submitted(desk, of)
    view = read_request(desk, ANNA, made.id, house=of)
    shown = view.frozen["standing"]["form"]["probe"]
    ids = [made.id, shown, "0" * 32]
    for reader in (ANNA, BEN, ULF):
        assert case_numbers(desk, reader, ids) == {made.id: "24-1234", shown: "24-1234"}
    for other in (ZOE, EMMA):
        assert case_numbers(desk, other, ids) == {}
    assert case_numbers(desk, ANNA, []) == {}


def test_a_probe_leads_to_its_case_or_to_none(desk: Desk) -> None:
    of = house()
    case_id = case(desk)
    made = probe(desk, of, case_id)
    for reader in (ANNA, BEN, ULF):
        assert case_of_probe(desk, reader, made) == case_id
    told = set()
    for other, which in ((ZOE, made), (ZOE, "0" * 32), (EMMA, made), (ANNA, "0" * 32)):
        with pytest.raises(NotAllowedError) as refused:
            case_of_probe(desk, other, which)
        told.add(str(refused.value))
    assert len(told) == 1  # whether there is one is not told


def test_what_waits_to_be_judged(desk: Desk) -> None:
    from casework import PROVENANCE, FakeEngine

    of = house()
    case_id = case(desk)
    made = upload_probe(desk, ANNA, case_id, house=of, engine=FakeEngine(), data=picture(seed=5),
                        sort="cctv-frame", provenance=PROVENANCE)  # fmt: skip
    assert isinstance(made, str)
    ((found, image, _),) = probes_to_judge(desk, EMMA)
    assert found == made
    assert len(image) == 64
    assert probes_to_judge(desk, person("anna", Role.EXAMINER)) == []
    judge(desk, made)
    assert probes_to_judge(desk, EMMA) == []


def test_galleries_of_another_engine_are_not_offered(desk: Desk) -> None:
    import deskgalleries

    deskgalleries.made(desk, code="mine", engine=CARD.identity)
    deskgalleries.made(desk, code="other", engine="0" * 64)
    assert [code for code, _ in searchable_galleries(desk, ANNA, engine=CARD.identity)] == ["mine"]
