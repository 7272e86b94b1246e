"""The case file, tasks and lists: everything for whoever may, and nothing for an examiner."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deskgalleries
import pytest
from casework import (
    ANNA,
    BEN,
    CARD,
    DETAILS,
    EMMA,
    KEYS,
    MIA,
    OTHER_NARRATIVE,
    ULF,
    audited,
    case,
    form,
    house,
    key_of,
    person,
    picture,
    probe,
    submitted,
)
from people import first, joined, trained
from reviewkit import ANSWERS
from wholeway import Way

from countenance.desk import reviewing
from countenance.desk.approvals import Declined, approve, decline
from countenance.desk.casefile import read_case_file
from countenance.desk.dashboards import OUTCOMES, ToDo, my_work, searches_by_outcome
from countenance.desk.edits import Operation
from countenance.desk.errors import NotAllowedError
from countenance.desk.invitations import invite
from countenance.desk.leads import LeadMeans, LeadState, answer_checklist
from countenance.desk.leadviews import list_leads
from countenance.desk.listings import (
    MOST,
    list_audits,
    list_imports,
    list_known_answers,
    open_invitations,
    page_accounts,
    page_entries,
    page_events,
    read_audit,
    read_gallery,
)
from countenance.desk.outside import OutsideMeans, approve_ask, ask
from countenance.desk.probe_steps import make_edit
from countenance.desk.probes import ProbeState
from countenance.desk.requests import RequestState, submit, withdraw
from countenance.desk.reviews import ReviewState
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.searches import SearchState
from countenance.desk.searching import run_search
from countenance.desk.service import Actor, Desk
from countenance.desk.wiring import RequestFacts, case_of
from countenance.record import Log


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def tasks(desk: Desk, actor: Actor) -> dict[ToDo, str]:
    return {task.what: task.of for task in my_work(desk, actor)}


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from strings(key)
            yield from strings(each)
    elif isinstance(value, (list, tuple, frozenset)):
        for each in value:
            yield from strings(each)


def test_a_case_from_beginning_to_lead_is_one_file(way: Way) -> None:
    ready = way.begun()
    desk = way.desk
    before = read_case_file(desk, ANNA, ready.case, house=way.house)
    assert [each.state for each in before.requests] == [RequestState.TAKEN_UP]
    assert before.searches == ()
    assert tasks(desk, ANNA) == {ToDo.FINISH_SEARCH: ready.id}
    view = run_search(desk, ANNA, ready.id, means=way.means)
    open_ = read_case_file(desk, BEN, ready.case, house=way.house)
    (found,) = open_.searches
    assert (found.state, found.review) == (SearchState.OPEN, ReviewState.OPEN)
    assert found.candidates == view.candidates
    assert searches_by_outcome(desk, ANNA)["open-unreviewed"] == 1
    way.examine("eve", True)
    mine = tasks(desk, person("eve", Role.EXAMINER))
    assert ToDo.EXAMINE not in mine  # hers is concluded
    assert read_case_file(desk, ULF, ready.case, house=way.house).leads == ()
    way.examine("fay", True)
    whole = read_case_file(desk, ULF, ready.case, house=way.house)
    (lead,) = whole.leads
    assert whole.searches[0].review is ReviewState.AGREED_CANDIDATE
    assert lead.state is LeadState.PREPARED
    assert searches_by_outcome(desk, ANNA)["agreed-candidate"] == 1
    (request,) = whole.requests
    assert (request.by, request.approver, request.outcome) == ("anna", "ben", "permit")
    assert request.probe == whole.probes[0].id
    assert request.approved_until is not None
    ((listed, _, _),) = list_leads(desk, ANNA)
    assert tasks(desk, ANNA) == {ToDo.ANSWER_CHECKLIST: listed}
    means = LeadMeans(KEYS, RequestFacts(way.house), way.house.decide, way.pictures)
    answer_checklist(desk, ANNA, listed, ANSWERS, means=means)
    assert tasks(desk, ANNA) == {ToDo.ISSUE_LEAD: listed}
    assert tasks(desk, BEN)[ToDo.SUPERVISE_LEAD] == listed
    kinds = [each.kind for each in whole.events.moments]
    assert kinds[0] == "case-changed"
    assert "search-opened" in kinds


def test_a_file_shows_no_candidate_score_or_list(way: Way) -> None:
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    way.examine("eve", True)
    way.examine("fay", True)
    file = read_case_file(way.desk, ULF, ready.case, house=way.house)
    entries = {each.id for each in page_entries(way.desk, ULF, "booking")}
    assert len(entries) == 40
    assert not entries & set(strings(file))
    assert not {"eve", "fay"} & set(strings(file))  # who examined is not in it


def test_the_length_of_a_sealed_list_is_not_shown(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = way.begun()
    way.means.publisher.error = OSError("no witness")  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="no witness"):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    (found,) = read_case_file(way.desk, ANNA, ready.case, house=way.house).searches
    assert (found.state, found.candidates) == (SearchState.SEALED, None)
    assert tasks(way.desk, ANNA) == {ToDo.FINISH_SEARCH: ready.id}
    assert searches_by_outcome(way.desk, ANNA)["sealed"] == 1


def test_edits_are_shown_with_what_was_done_and_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, case_id = house(), case(desk)
    made = probe(desk, of, case_id)
    (item,) = read_case_file(desk, ANNA, case_id, house=of).probes
    assert (item.state, item.judgement) == (ProbeState.SUITABLE, "clear-enough")
    assert item.explanation.startswith("frame 1204")
    from casework import FakeEngine

    make_edit(desk, ANNA, made, house=of, engine=FakeEngine(), before=item.original,
              operation=Operation.BRIGHTNESS, parameters={"percent": 120},
              reason="taken in the dark")  # fmt: skip
    (item,) = read_case_file(desk, ULF, case_id, house=of).probes
    (edit,) = item.edits
    assert (edit.before, edit.after) == (item.original, item.image)
    assert (edit.reason, edit.by, edit.made_here) == ("taken in the dark", "anna", True)
    assert dict(edit.parameters) == {"percent": 120}
    assert [each.number for each in item.images] == [0, 1]
    assert item.state is ProbeState.WAITING
    assert item.judgement is None


def test_a_file_is_for_those_who_may_read_the_case(desk: Desk) -> None:
    case_id = case(desk)
    others = [
        EMMA, MIA, person("rob", Role.REQUESTER), person("eve", Role.EXAMINER, Role.REQUESTER),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(NotAllowedError):
            read_case_file(desk, other, case_id, house=house())
        with pytest.raises(NotAllowedError):
            read_case_file(desk, other, "0" * 32, house=house())
    for reader in (ANNA, BEN, ULF):
        assert read_case_file(desk, reader, case_id, house=house()).case.id == case_id
        with pytest.raises(NotAllowedError):
            read_case_file(desk, reader, "0" * 32, house=house())


def test_what_was_asked_of_others_is_in_words_only_for_some(way: Way) -> None:
    ready = way.begun()
    means = OutsideMeans(KEYS, case_of(way.house, way.desk.now), way.house.decide)
    asked, _ = ask(way.desk, ANNA, ready.case, whom="State Police", runner="state-police",
                   what="one search", means=means)  # fmt: skip

    def item(actor: Actor) -> Any:
        return read_case_file(way.desk, actor, ready.case, house=way.house).asks[0]

    assert (item(ANNA).whom, item(BEN).what) == ("State Police", "one search")
    assert (item(ULF).whom, item(ULF).what) == (None, None)
    assert tasks(way.desk, BEN)[ToDo.APPROVE_ASK] == asked
    assert ToDo.APPROVE_ASK not in tasks(way.desk, ANNA)
    approve_ask(way.desk, BEN, asked, means=means)
    assert ToDo.APPROVE_ASK not in tasks(way.desk, BEN)


def test_requests_are_tasks_of_those_who_can_do_something(desk: Desk, clock: Any) -> None:
    of = house()
    made = submitted(desk, of)
    assert tasks(desk, ANNA) == {ToDo.WAITS_FOR_APPROVAL: made.id}
    assert tasks(desk, BEN) == {ToDo.APPROVE_REQUEST: made.id}
    also = person("anna", Role.APPROVER)  # the requester, were she an approver, too
    assert ToDo.APPROVE_REQUEST not in tasks(desk, also)
    assertion = key_of("ben").sign(bytes.fromhex(made.digest))
    approve(desk, BEN, made.id, house=of, digest=made.digest, assertion=assertion)
    (now,) = my_work(desk, ANNA)
    assert now.what is ToDo.SEARCH_NOW
    assert now.due == clock() + datetime.timedelta(hours=of.approval_hours)
    assert tasks(desk, BEN) == {}
    clock.move(hours=of.approval_hours)
    assert tasks(desk, ANNA) == {}  # the approval is over


def test_an_examiner_s_tasks_name_no_case_request_or_search(way: Way) -> None:
    ready = way.begun()
    view = run_search(way.desk, ANNA, ready.id, means=way.means)
    probe(way.desk, way.house, case(way.desk, "24-7", dataclasses.replace(
        DETAILS, narrative=OTHER_NARRATIVE)), picture(seed=9))  # fmt: skip
    eve = person("eve", Role.EXAMINER)
    task = reviewing.take(way.desk, eve)
    found = my_work(way.desk, eve)
    assert [(each.what, each.of) for each in found] == [(ToDo.EXAMINE, task)]
    named = set(strings(found))
    assert not named & {ready.id, ready.case, view.id, ready.digest}
    with pytest.raises(NotAllowedError):
        searches_by_outcome(way.desk, eve)


def test_every_outcome_is_counted_once_and_zeros_are_there(desk: Desk) -> None:
    of = house()
    empty = searches_by_outcome(desk, ANNA)
    assert set(empty) == set(OUTCOMES)
    assert not any(empty.values())
    made = submitted(desk, of)
    decline(desk, BEN, made.id, reason=Declined.OTHER, grounds="there are other means first")
    with desk.store.reading() as db:
        from sqlalchemy import select

        from countenance.desk.cases import Case
        from countenance.desk.probes import Probe

        case_id, probe_id = db.scalars(select(Case.id)).one(), db.scalars(select(Probe.id)).one()
    again = submit(desk, ANNA, house=of, form=form(case_id, probe_id, elsewhere=("one there",)))
    withdraw(desk, ANNA, again.id)
    lacks = form(case_id, probe_id, documents=())
    assert submit(desk, ANNA, house=of, form=lacks).state is RequestState.REFUSED
    count = searches_by_outcome(desk, ULF)
    assert sum(count.values()) == 3
    assert (count["declined"], count["withdrawn"], count["refused"]) == (1, 1, 1)
    other = searches_by_outcome(desk, person("rob", Role.REQUESTER))
    assert not any(other.values())


def test_audits_that_end_are_the_auditor_s_task(desk: Desk, clock: Any) -> None:
    made = audited(desk)
    (line,) = list_audits(desk, ANNA)
    assert (line.id, line.engine) == (made, CARD.identity)
    assert read_audit(desk, ULF, made).startswith(b"{")
    with pytest.raises(NotAllowedError):
        read_audit(desk, ULF, "0" * 32)
    assert tasks(desk, ULF) == {}
    clock.now = line.until - datetime.timedelta(days=29)
    assert tasks(desk, ULF) == {ToDo.RENEW_AUDIT: made}


def test_a_gallery_in_pages_names_no_person(way: Way) -> None:
    desk = way.desk
    seen: list[str] = []
    while page := page_entries(desk, MIA, "booking", after=seen[-1] if seen else "", most=7):
        assert len(page) <= 7
        seen += [each.id for each in page]
    assert len(seen) == len(set(seen)) == 40
    text = set(strings(page_entries(desk, ULF, "booking", most=10**6)))
    assert not any(f"s{n}" in text for n in range(40))
    for other in (ANNA, BEN, EMMA):
        with pytest.raises(NotAllowedError):
            page_entries(desk, other, "booking")
    with pytest.raises(NotAllowedError):
        page_entries(desk, MIA, "elsewhere")
    (brought,) = list_imports(desk, MIA, "booking")
    assert brought.job is not None
    assert (brought.job.done, brought.job.total) == (40, 40)
    view = read_gallery(desk, EMMA, "booking")
    assert (view.holds.people, view.keep_days) == (40, deskgalleries.NEW.keep_days)


def test_a_purge_that_does_not_run_is_the_administrator_s_task(way: Way, clock: Any) -> None:
    assert tasks(way.desk, MIA) == {}
    clock.move(days=2)
    assert tasks(way.desk, MIA) == {ToDo.PURGE_OVERDUE: "booking"}


def test_accounts_and_events_in_pages(desk: Desk, log: Log, clock: Any) -> None:
    admin = first(desk)
    for name in ("Cy Third", "Bo Second", "Di Fourth"):
        joined(admin, name, Role.AUDITOR if name == "Cy Third" else Role.REQUESTER)
    actor = admin.to("account.list")
    one = page_accounts(desk, actor, most=2)
    two = page_accounts(desk, actor, after=one[-1].name, most=2)
    assert [each.name for each in one + two] == [
        "Ada First", "Bo Second", "Cy Third", "Di Fourth"
    ]  # fmt: skip
    assert page_accounts(desk, actor, after=two[-1].name) == []
    code = invite(desk, admin.to("account.invite"), name="Eve Fifth",
                  roles=frozenset({Role.EXAMINER, Role.REQUESTER}))  # fmt: skip
    (line,) = open_invitations(desk, actor)
    assert line.roles == {Role.EXAMINER, Role.REQUESTER}
    assert code not in set(strings(line))
    bo = next(each for each in one + two if each.name == "Bo Second")
    trained(admin, next_person(desk, bo.id), "requester", days=10)
    assert tasks(desk, actor)[ToDo.RENEW_TRAINING] == bo.id
    seen: list[int] = []
    while page := page_events(desk, actor, log, before=seen[-1] if seen else None, most=3):
        seen += [each.index for each in page]
    assert seen == list(range(log.size))[::-1]
    assert all(each.leaf for each in page_events(desk, actor, log, most=MOST))
    with pytest.raises(NotAllowedError):
        page_events(desk, ANNA, log)
    assert list_known_answers(desk, ULF) == []


def next_person(desk: Desk, account: str) -> Any:
    from people import Person

    return Person(desk, "", account)


def test_every_finder_s_role_may_list_tasks() -> None:
    assert ACTIONS["task.list"].roles == frozenset(Role)
    assert Role.EXAMINER not in ACTIONS["figures.read"].roles
