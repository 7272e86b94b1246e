"""The way of a case through the real parts: gallery, probe, request, approval, search, lead."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import deskgalleries
import pytest
from casework import (
    ANNA,
    DETAILS,
    KEYS,
    OTHER_NARRATIVE,
    ULF,
    case,
    person,
)  # fmt: skip
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reviewkit import ANSWERS
from sqlalchemy import select
from wholeway import Engine, Way

from countenance.core import CountenanceError, IntegrityError
from countenance.desk.checklist import Question
from countenance.desk.galleries import RecordedGalleries, set_disposition
from countenance.desk.gallery_tables import Entry
from countenance.desk.leads import LeadMeans, LeadState, answer_checklist, issue, supervise
from countenance.desk.leadviews import list_leads, read_lead, read_settled
from countenance.desk.outside import OutsideMeans, approve_ask, ask
from countenance.desk.roles import Role
from countenance.desk.searches import ReadyRequest, Search, SearchState, opened_list
from countenance.desk.searching import Means, run_search
from countenance.desk.service import Desk
from countenance.desk.wiring import (
    PermitIssuer,
    RequestFacts,
    case_of,
)
from countenance.faces import Enrolment, Picture, Unreadable
from countenance.record import Log
from countenance.scores import PermitError, SealedRows


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def test_from_a_case_to_a_lead(way: Way) -> None:
    ready = way.begun()
    view = run_search(way.desk, ANNA, ready.id, means=way.means)
    assert view.state is SearchState.OPEN
    assert view.candidates
    way.examine("eve", True)
    way.examine("fay", True)
    settled = read_settled(way.desk, ANNA, view.id, sources=way.sources)
    assert settled.compared == 40
    best = settled.entries[0]
    assert best.rank == 1
    assert best.value > 0.999
    assert best.age_days is not None
    assert any(each.known for each in best.means)
    ((lead, state, _),) = list_leads(way.desk, ANNA)
    assert state is LeadState.PREPARED
    means = LeadMeans(KEYS, RequestFacts(way.house), way.house.decide, way.pictures)
    answer_checklist(way.desk, ANNA, lead, ANSWERS, means=means)
    decision = issue(way.desk, ANNA, lead, means=means)
    assert not decision.permitted  # Detroit asks for a supervisor as well
    assert any("supervisor" in reason.says for reason in decision.reasons)
    supervise(way.desk, person("sue", Role.APPROVER), lead)
    decision = issue(way.desk, ANNA, lead, means=means)
    assert decision.permitted, decision.reasons
    seen = read_lead(way.desk, ANNA, lead, sources=way.sources)
    assert seen.entry.candidate == best.candidate
    assert seen.no_sole_basis
    assert seen.answers is not None
    assert set(seen.answers) == set(Question)
    assert read_lead(way.desk, ULF, lead, sources=way.sources).text == seen.text


def test_f13_what_was_removed_is_not_compared_though_the_file_still_has_it(way: Way) -> None:
    ready = way.begun()
    way.searcher._gallery(ready.gallery, ready.engine)  # open, as after a search before
    with way.desk.store.reading() as db:
        ids = list(db.scalars(select(Entry.id)))
    pictures = RecordedGalleries(KEYS)
    wanted = (way.folder / "in" / "batch" / "7.png").read_bytes()
    with way.desk.store.reading() as db:
        gone = next(i for i in ids if pictures.reference(db, "booking", i) == wanted)
    set_disposition(
        way.desk,
        deskgalleries.ADMIN,
        "booking",
        gone,
        "expunged",
        grounds="court order 9",
        keys=KEYS,
    )
    run_search(way.desk, ANNA, ready.id, means=way.means)
    way.examine("eve", True)
    way.examine("fay", True)
    with way.desk.store.reading() as db:
        sealed = opened_list(db, KEYS, db.scalars(select(Search)).one())
    assert sealed.compared == 39
    assert gone not in {each.id for each in sealed.candidates}
    assert list_leads(way.desk, ANNA) == []


def test_what_was_opened_before_anybody_was_served_is_not_opened_again(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = way.begun()
    told: list[str] = []
    way.searcher.warm(lambda stage, *_: told.append(stage))
    assert {"reading keys", "opening templates"} <= set(told)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(SealedRows, "open", never)
    assert run_search(way.desk, ANNA, ready.id, means=way.means).candidates


def test_a_gallery_that_does_not_open_is_told_and_the_desk_starts(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    ready = way.begun()
    (rows,) = (way.folder / "files").glob("booking-*/rows*")
    data = bytearray(rows.read_bytes())
    data[100] ^= 1
    rows.write_bytes(data)
    way.searcher.warm()
    assert "the gallery booking does not open" in caplog.text
    with pytest.raises(IntegrityError):
        run_search(way.desk, ANNA, ready.id, means=way.means)


def test_another_key_s_permit_opens_nothing(way: Way) -> None:
    ready = way.begun()
    other = PermitIssuer(Ed25519PrivateKey.generate())
    searcher = way.new_searcher(other)
    means = Means(KEYS, way.means.gate, searcher, way.means.publisher)
    with pytest.raises(CountenanceError):
        run_search(way.desk, ANNA, ready.id, means=means)
    searcher.close()
    assert run_search(way.desk, ANNA, ready.id, means=way.means).state is SearchState.OPEN
    assert "Ed25519PrivateKey" not in repr(other)


def test_a_template_that_is_not_the_approved_one_searches_nothing(way: Way) -> None:
    class Changed(Engine):
        def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
            (made,) = super().enrol(pictures)
            assert made.template is not None
            return [replace(made, template=made.template[::-1])]

    ready = way.begun()
    searcher = way.new_searcher(way.issuer, Changed())
    means = Means(KEYS, way.means.gate, searcher, way.means.publisher)
    with pytest.raises(IntegrityError):
        run_search(way.desk, ANNA, ready.id, means=means)
    searcher.close()


def test_a_permit_is_for_one_time(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = way.begun()
    now = way.desk.now()
    monkeypatch.setattr(way.desk, "now", lambda: now)
    template = way.searcher._template

    def slow(order: ReadyRequest) -> Any:
        found = template(order)
        monkeypatch.setattr(way.desk, "now", lambda: now + datetime.timedelta(seconds=301))
        return found

    monkeypatch.setattr(way.searcher, "_template", slow)
    with pytest.raises(PermitError):
        run_search(way.desk, ANNA, ready.id, means=way.means)


def test_f2_others_are_asked_under_the_law_of_the_case(way: Way) -> None:
    ready = way.begun()
    means = OutsideMeans(KEYS, case_of(way.house, way.desk.now), way.house.decide)
    asked, decision = ask(
        way.desk, ANNA, ready.case, whom="State Police", runner="state-police",
        what="one search", means=means,
    )  # fmt: skip
    seen = [reason.sentence for reason in decision.reasons]
    assert decision.permitted, seen
    assert approve_ask(way.desk, person("sue", Role.APPROVER), asked, means=means).permitted
    _, refused = ask(
        way.desk, ANNA, ready.case, whom="A shop", runner="private-network", what="one search",
        means=means,
    )  # fmt: skip
    assert not refused.permitted
    empty = case(way.desk, "24-9999", replace(DETAILS, narrative=OTHER_NARRATIVE))
    _, unknown = ask(
        way.desk, ANNA, empty, whom="State Police", runner="state-police", what="one search",
        means=means,
    )  # fmt: skip
    assert not unknown.permitted
