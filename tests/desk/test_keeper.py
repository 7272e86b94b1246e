"""The keeper: what falls due is done, once, by whoever comes first, and nothing more than that."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from casework import ANNA, BEN, KEYS, MIA, approved, house, submitted
from people import entries, first, joined
from sqlalchemy import select
from wholeway import Way

from countenance.core import CountenanceError
from countenance.desk import purging, standing
from countenance.desk.account_tables import SessionRow
from countenance.desk.cases import Case
from countenance.desk.ceremonies import Challenge, SignInError, at_the_door
from countenance.desk.dashboards import ToDo, my_work, outcomes
from countenance.desk.erasing import hindrance
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.invitations import Invitation, InvitationState, invite
from countenance.desk.jobs import Job
from countenance.desk.keeper import Keeper
from countenance.desk.leads import Outcome, give_outcome
from countenance.desk.leadviews import list_leads
from countenance.desk.passkeys import RefusedAnswerError
from countenance.desk.requests import RequestState, SearchRequest
from countenance.desk.roles import Role
from countenance.desk.searches import Search, SearchState
from countenance.desk.searching import run_search, unfinished, view_search
from countenance.desk.service import Desk
from countenance.desk.sessions import begin_sign_in
from countenance.record import Log


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def states(desk: Desk) -> list[str]:
    with desk.store.reading() as db:
        return [str(state) for state in db.scalars(select(SearchRequest.state))]


def test_a_desk_at_which_nothing_is_due_gets_no_event(desk: Desk, log: Log) -> None:
    done = Keeper(desk).run_once()
    assert not any(done.values())
    assert log.size == 0


def test_a_request_that_nobody_approved_lapses(desk: Desk, clock: Any, log: Log) -> None:
    submitted(desk, house())
    keeper = Keeper(desk)
    assert keeper.run_once()["requests"] == 0
    clock.move(hours=72)
    assert keeper.run_once()["requests"] == 1
    assert keeper.run_once()["requests"] == 0
    assert states(desk) == ["lapsed"]
    assert [each.public["reason"] for each in entries(log, "request-moved")] == ["time-over"]


def test_an_approval_that_is_over_lapses_and_one_that_is_not_stays(desk: Desk, clock: Any) -> None:
    made = submitted(desk, house())
    approved(desk, house(), made)
    clock.move(hours=23, minutes=59)
    Keeper(desk).run_once()
    assert states(desk) == ["approved"]
    clock.move(minutes=1)
    assert Keeper(desk).run_once()["requests"] == 1
    assert states(desk) == ["lapsed"]


def test_requests_lapse_while_the_desk_is_down(desk: Desk, clock: Any) -> None:
    submitted(desk, house())
    switch = standing.ask(desk, MIA, standing.Direction.DOWN, reason=standing.Reason.ORDER,
                          grounds="order of the board")  # fmt: skip
    standing.confirm(desk, BEN, switch, standing.Direction.DOWN)
    clock.move(hours=72)
    assert Keeper(desk).run_once()["requests"] == 1


def test_refusals_are_told_when_their_hour_is_over(desk: Desk, clock: Any, log: Log) -> None:
    def refused(_: Any) -> None:
        raise RefusedAnswerError("challenge")

    for _ in range(3):
        with pytest.raises(SignInError):
            at_the_door(desk, refused, sorry=SignInError())
    keeper = Keeper(desk)
    assert keeper.run_once()["refusals"] == 0
    clock.move(hours=1)
    assert keeper.run_once()["refusals"] == 1
    assert [each.public["refused"] for each in entries(log, "sign-ins-refused")] == [3]
    assert keeper.run_once()["refusals"] == 0


def test_a_purge_a_day_of_the_place_where_the_desk_is(way: Way, clock: Any) -> None:
    keeper = Keeper(way.desk, zone=ZoneInfo("America/Detroit"))
    days = []
    for hours in (0, 1, 19, 1, 23):  # 9, 10, 5 (midnight in Detroit), 6, 5 o'clock UTC
        clock.move(hours=hours)
        keeper.run_once()
        with way.desk.store.reading() as db:
            days.append(len(db.scalars(select(Job).where(Job.kind == purging.PURGE)).all()))
    assert days == [1, 1, 2, 2, 3]


def test_sessions_and_challenges_and_invitations_are_swept(
    desk: Desk, clock: Any, log: Log
) -> None:
    admin = first(desk)
    joined(admin, "Bo Second", Role.REQUESTER)
    invite(desk, admin.to("account.invite"), name="Cy Third", roles=frozenset({Role.EXAMINER}))
    begin_sign_in(desk, admin.party)
    keeper = Keeper(desk)
    keeper.run_once()
    with desk.store.reading() as db:
        assert len(db.scalars(select(SessionRow).where(SessionRow.ended_at.is_(None))).all()) == 2
    clock.move(minutes=15, seconds=1)
    done = keeper.run_once()
    assert done["invitations"] == 1
    with desk.store.reading() as db:
        assert not db.scalars(select(SessionRow).where(SessionRow.ended_at.is_(None))).all()
        assert not db.scalars(select(Challenge)).all()
        codes = Counter(db.scalars(select(Invitation.state)))
    assert codes == {InvitationState.USED: 2, InvitationState.EXPIRED: 1}
    assert [each.public["why"] for each in entries(log, "invitation-closed")] == ["expired"]
    with pytest.raises(SignInError):
        admin.to("account.list")
    clock.move(days=31)
    keeper.run_once()
    with desk.store.reading() as db:
        assert not db.scalars(select(SessionRow)).all()


def test_a_list_that_a_crash_left_sealed_is_published_without_its_requester(way: Way) -> None:
    ready = way.begun()
    way.means.publisher.error = CountenanceError("no witness")  # type: ignore[attr-defined]
    with pytest.raises(CountenanceError):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    keeper = Keeper(way.desk, means=way.means)
    assert "sealed" not in keeper.run_once()  # still no witness: told, and tried again
    assert view_search(way.desk, ANNA, ready.id).state is SearchState.SEALED
    way.means.publisher.error = None  # type: ignore[attr-defined]
    assert keeper.run_once()["sealed"] == 1
    view = view_search(way.desk, ANNA, ready.id)
    assert view.state is SearchState.OPEN
    assert view.candidates
    assert keeper.run_once()["sealed"] == 0
    way.examine("eve", True)  # the review was begun


def test_a_search_without_a_list_is_not_made_again_but_told_once_an_attempt(
    way: Way, clock: Any, log: Log
) -> None:
    ready = way.begun()

    def die(_: Any) -> Any:
        raise KeyboardInterrupt

    search = way.searcher.search
    way.searcher.search = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    keeper = Keeper(way.desk, means=way.means)
    assert keeper.run_once()["interrupted"] == 0  # its lease holds: perhaps it runs
    clock.move(seconds=301)
    assert keeper.run_once()["interrupted"] == 1
    assert keeper.run_once()["interrupted"] == 0
    with way.desk.store.reading() as db:
        row = db.scalars(select(Search)).one()
        assert (row.state, row.attempt) == (SearchState.RUNNING, 1)
    way.searcher.search = search  # type: ignore[method-assign]
    anna = dataclasses.replace(ANNA, stepped_up_at=clock())
    assert run_search(way.desk, anna, ready.id, means=way.means).state is SearchState.OPEN
    assert [each.public["reason"] for each in entries(log, "search-interrupted")] == ["lease-over"]


def begun_and_dead(way: Way) -> str:
    """A request whose search a crash left without a list."""
    ready = way.begun()

    def die(_: Any) -> Any:
        raise KeyboardInterrupt

    way.searcher.search = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    return ready.id


def test_a_search_nobody_went_on_with_is_over_with_its_approval(
    way: Way, clock: Any, log: Log
) -> None:
    request = begun_and_dead(way)
    keeper = Keeper(way.desk, means=way.means)
    clock.move(hours=23, minutes=59)
    assert keeper.run_once()["given-up"] == 0
    assert [each.what for each in my_work(way.desk, ANNA)] == [ToDo.FINISH_SEARCH]
    clock.move(minutes=1)
    assert (keeper.run_once()["given-up"], keeper.run_once()["given-up"]) == (1, 0)
    assert states(way.desk) == ["lapsed"]
    assert view_search(way.desk, ANNA, request).state is SearchState.EXPIRED
    told = [each.public["reason"] for each in entries(log, "search-interrupted")]
    assert told == ["lease-over", "approval-over"]
    assert [each.public["reason"] for each in entries(log, "request-moved")][-1] == "approval-over"
    anna = dataclasses.replace(ANNA, stepped_up_at=clock())
    with pytest.raises(StateError, match="not finished while its approval"):
        run_search(way.desk, anna, request, means=way.means)
    assert (my_work(way.desk, ANNA), unfinished(way.desk, ANNA)) == ([], [])
    with way.desk.store.reading() as db:
        case_id = db.scalars(select(Search.case_id)).one()
        assert hindrance(db, db.get_one(Case, case_id)) is None
        assert outcomes(db)["lapsed"] == 1


def test_a_search_that_is_at_work_when_its_approval_ends_is_let_finish(
    way: Way, clock: Any
) -> None:
    request = begun_and_dead(way)

    def still_at_work(db: Any) -> None:
        lease = clock() + datetime.timedelta(hours=24, minutes=1)
        db.scalars(select(Search)).one().lease_until = lease

    way.desk.store.write(still_at_work)
    clock.move(hours=24)
    assert Keeper(way.desk, means=way.means).run_once()["given-up"] == 0
    assert view_search(way.desk, ANNA, request).state is SearchState.RUNNING


def test_a_search_that_was_permitted_and_never_begun_lapses(way: Way, clock: Any) -> None:
    ready = way.begun()
    keeper = Keeper(way.desk)
    clock.move(hours=24)
    assert keeper.run_once()["given-up"] == 1
    assert states(way.desk) == ["lapsed"]
    with pytest.raises(StateError):
        run_search(way.desk, dataclasses.replace(ANNA, stepped_up_at=clock()), ready.id,
                   means=way.means)  # fmt: skip


def test_a_search_with_a_list_does_not_end_with_its_approval(way: Way, clock: Any) -> None:
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    clock.move(hours=25)
    assert Keeper(way.desk).run_once()["given-up"] == 0
    assert view_search(way.desk, ANNA, ready.id).state is SearchState.OPEN


def test_nothing_is_opened_while_the_desk_is_down(way: Way) -> None:
    ready = way.begun()
    way.means.publisher.error = CountenanceError("no witness")  # type: ignore[attr-defined]
    with pytest.raises(CountenanceError):
        run_search(way.desk, ANNA, ready.id, means=way.means)
    way.means.publisher.error = None  # type: ignore[attr-defined]
    switch = standing.ask(way.desk, MIA, standing.Direction.DOWN, grounds="order of the board",
                          reason=standing.Reason.ORDER)  # fmt: skip
    standing.confirm(way.desk, BEN, switch, standing.Direction.DOWN)
    assert "sealed" not in Keeper(way.desk, means=way.means).run_once()
    with way.desk.store.reading() as db:
        assert db.scalars(select(Search.state)).one() == SearchState.SEALED


def test_what_became_of_a_lead_is_asked_for_until_it_is_told(
    way: Way, clock: Any, log: Log
) -> None:
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    way.examine("eve", True)
    way.examine("fay", True)
    ((lead, _, due),) = list_leads(way.desk, ANNA)
    keeper = Keeper(way.desk)
    clock.now = due - datetime.timedelta(seconds=1)
    assert keeper.run_once()["reminders"] == 0
    clock.now = due
    assert keeper.run_once()["reminders"] == 1
    assert keeper.run_once()["reminders"] == 0
    clock.move(days=29)
    assert keeper.run_once()["reminders"] == 0
    clock.move(days=1, seconds=1)
    assert keeper.run_once()["reminders"] == 1
    assert [each.public["days"] for each in entries(log, "lead-reminded")] == [0, 30]
    give_outcome(way.desk, ANNA, lead, Outcome.NOT_FOLLOWED, words="the case was closed",
                 keys=KEYS)  # fmt: skip
    clock.move(days=60)
    assert keeper.run_once()["reminders"] == 0


def test_many_keepers_at_once_do_each_thing_once(desk: Desk, clock: Any, log: Log) -> None:
    submitted(desk, house())
    clock.move(hours=72)
    gate, done = threading.Barrier(4), list[int]()

    def run() -> None:
        gate.wait()
        done.append(Keeper(desk).run_once()["requests"])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(done) == [0, 0, 0, 1]
    assert len(list(entries(log, "request-moved"))) == 1


def test_one_duty_that_fails_keeps_no_other_from_being_done(
    desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(desk, house())
    clock.move(hours=72)

    def broken(*_: Any, **__: Any) -> None:
        raise StateError("broken")

    monkeypatch.setattr(purging, "schedule", broken)
    done = Keeper(desk).run_once()
    assert "purges" not in done
    assert done["requests"] == 1


def test_it_runs_until_it_is_stopped(desk: Desk, clock: Any) -> None:
    submitted(desk, house())
    clock.move(hours=72)
    stop = threading.Event()
    thread = threading.Thread(target=Keeper(desk).run, args=(stop,), kwargs={"idle_s": 0.01})
    thread.start()
    for _ in range(500):
        if states(desk) == [RequestState.LAPSED.value]:
            break
        stop.wait(0.01)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert states(desk) == ["lapsed"]


@pytest.mark.parametrize(
    "action", ["request.lapse", "search.finish", "search.interrupt", "lead.remind",
               "account.expire-invitations"],
)  # fmt: skip
def test_nobody_but_the_desk_does_these(desk: Desk, action: str) -> None:
    for actor in (ANNA, BEN, MIA):
        with pytest.raises(NotAllowedError):
            desk.act(actor, action, lambda _: None)
