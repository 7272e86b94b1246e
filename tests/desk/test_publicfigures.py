"""Public figures: months without a gap, counts that add up, and no small cell of a gallery."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from casework import (
    ANNA,
    BEN,
    CARD,
    KEYS,
    MIA,
    audited,
    case,
    form,
    house,
    probe,
    set_up,
)
from databases import server, url
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session
from wholeway import Way

from countenance.desk import standing
from countenance.desk.approvals import Declined, decline
from countenance.desk.cases import Case
from countenance.desk.dashboards import outcomes
from countenance.desk.errors import NotAllowedError
from countenance.desk.events import Outgoing
from countenance.desk.galleries import set_disposition
from countenance.desk.leads import Outcome, give_outcome
from countenance.desk.leadviews import list_leads
from countenance.desk.listings import page_entries
from countenance.desk.publicfigures import (
    LEAST,
    TOGETHER,
    Month,
    PublicFigures,
    months,
    public_audit,
    public_figures,
    shown_cells,
)
from countenance.desk.requests import SearchRequest, submit
from countenance.desk.searches import Search
from countenance.desk.searching import run_search
from countenance.desk.service import Desk
from countenance.desk.store import Store
from countenance.desk.subjects import Asked, ask
from countenance.desk.timeline import CaseEvent
from countenance.record import Log

__all__ = ["server", "url"]

DETROIT = ZoneInfo("America/Detroit")


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def figures(desk: Desk, log: Log, **other: Any) -> PublicFigures:
    return public_figures(desk, house(**other), log)


def test_an_empty_desk_has_this_month_and_no_request(desk: Desk, log: Log) -> None:
    found = figures(desk, log)
    (month,) = found.months
    assert (month.month, month.requests) == ("2026-11", 0)
    assert not any(month.outcomes.values())
    assert (found.log_size, found.checkpoint, found.down_since) == (0, None, None)
    assert found.engines == ()


def test_months_without_anything_are_there(desk: Desk, log: Log, clock: Any) -> None:
    case(desk)
    clock.now = datetime.datetime(2027, 3, 2, 12, 0, tzinfo=datetime.UTC)
    found = figures(desk, log)
    assert [each.month for each in found.months] == [
        "2026-11", "2026-12", "2027-01", "2027-02", "2027-03"
    ]  # fmt: skip
    assert [each.requests for each in found.months] == [0] * 5


def test_a_month_begins_where_the_desk_is(desk: Desk, log: Log, clock: Any) -> None:
    clock.now = datetime.datetime(2026, 12, 1, 4, 59, tzinfo=datetime.UTC)  # still November
    ask(desk, Asked("A", "b"), keys=KEYS, source="a" * 16)
    clock.now = datetime.datetime(2026, 12, 1, 5, 0, tzinfo=datetime.UTC)  # December in Detroit
    ask(desk, Asked("A", "b"), keys=KEYS, source="a" * 16)
    found = figures(desk, log, zone=DETROIT)
    assert [(each.month, each.subject_requests) for each in found.months] == [
        ("2026-11", 1), ("2026-12", 1)
    ]  # fmt: skip
    assert [each.subject_requests for each in figures(desk, log).months] == [2]


def test_no_entry_of_a_gallery_is_looked_at_to_count_those_that_went(desk: Desk, log: Log) -> None:
    """A million of them take eight seconds to walk through, sealed pictures and all."""
    asked: list[tuple[str, Any]] = []
    event.listen(desk.store.engine, "before_cursor_execute",
                 lambda _, __, text, given, *___: asked.append((text, given)))  # fmt: skip
    public_figures(desk, house(), log)
    of_entries = [each for each in asked if "gallery_entries" in each[0]]
    assert of_entries
    with desk.store.engine.connect() as connection:
        for text, given in of_entries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all()
            assert not [row for row in plan if "SCAN gallery_entries" in row[-1]], text


def test_what_happened_is_counted_once(way: Way, log: Log, clock: Any) -> None:
    desk = way.desk
    ready = way.begun()
    run_search(desk, ANNA, ready.id, means=way.means)
    before = figures(desk, log).months[0]
    assert before.outcomes["open-unreviewed"] == 1
    way.examine("eve", True)
    way.examine("fay", True)
    ((lead, _, _),) = list_leads(desk, ANNA)
    give_outcome(desk, ANNA, lead, Outcome.SOMEBODY_ELSE, words="he was in custody that day",
                 keys=KEYS)  # fmt: skip
    with desk.store.reading() as db:
        from sqlalchemy import select

        from countenance.desk.probes import Probe

        probe_id = db.scalars(select(Probe.id)).one()
    lacks = form(ready.case, probe_id, documents=())
    submit(desk, ANNA, house=way.house, form=lacks)
    waits = submit(desk, ANNA, house=way.house, form=form(ready.case, probe_id, elsewhere=("x",)))
    decline(desk, BEN, waits.id, reason=Declined.OTHER, grounds="there are other means first")
    (entry, *_) = page_entries(desk, MIA, "booking")
    set_disposition(desk, MIA, "booking", entry.id, "acquitted", grounds="court", keys=KEYS)
    clock.move(days=40)
    first, second, *_ = figures(desk, log).months
    assert first.requests == 3
    assert Counter(first.outcomes) == Counter(
        {"agreed-candidate": 1, "refused": 1, "declined": 1, **dict.fromkeys(
            set(first.outcomes) - {"agreed-candidate", "refused", "declined"}, 0)}
    )  # fmt: skip
    assert sum(first.refusals.values()) == 1
    assert (first.wrong_leads, first.incidents["wrong-lead"], first.leads_issued) == (1, 1, 0)
    assert first.purged["acquitted"] == 1
    assert second.requests == sum(second.incidents.values()) == 0
    assert all(isinstance(each, Month) for each in figures(desk, log).months)


def test_what_is_in_use_is_told_and_no_name_of_anybody(way: Way, log: Log, clock: Any) -> None:
    way.begun()
    log.publish()
    found = public_figures(way.desk, way.house, log)
    (engine,) = found.engines
    assert (engine.engine, engine.current) == (CARD.identity, True)
    assert (engine.threshold, engine.list_length) == ("0.363", 20)
    assert public_audit(way.desk, engine.audit).startswith(b"{")
    with pytest.raises(NotAllowedError):
        public_audit(way.desk, "0" * 64)
    (gallery,) = found.galleries
    assert (gallery.people, gallery.images) == (40, 40)
    assert gallery.sources == {"booking-photos": 40}
    assert any(pack.id.startswith("us-mi") or "detroit" in pack.id for pack in found.packs)
    assert found.checkpoint is not None
    assert found.checkpoint.startswith(f"{found.log}\n{found.log_size}\n")
    text = str(found)
    for name in ("anna", "ben", "emma", "mia", "24-1234", "Mack", *(f"'s{n}'" for n in range(40))):
        assert name not in text
    clock.now = engine.until
    assert not public_figures(way.desk, way.house, log).engines[0].current


def test_a_desk_that_is_down_says_since_when(desk: Desk, log: Log, clock: Any) -> None:
    switch = standing.ask(desk, MIA, standing.Direction.DOWN, reason=standing.Reason.ORDER,
                          grounds="order of the board")  # fmt: skip
    standing.confirm(desk, BEN, switch, standing.Direction.DOWN)
    found = figures(desk, log)
    assert found.down_since == clock()
    assert [each.until for each in found.suspensions] == [None]


def test_nothing_is_shown_that_is_not_in_the_log(
    desk: Desk, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited(desk)
    set_up(desk)
    of, case_id = house(), case(desk)
    made = probe(desk, of, case_id)
    flush = desk.recorder.flush
    monkeypatch.setattr(desk.recorder, "flush", lambda: 0)  # dies before the log has it
    submit(desk, ANNA, house=of, form=form(case_id, made, documents=()))
    monkeypatch.setattr(desk.recorder, "flush", flush)
    size = log.size
    assert figures(desk, log).months[0].requests == 1
    assert log.size > size


cells = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30), max_size=8)


@given(cells)
def test_no_cell_of_a_gallery_is_small_and_no_subtraction_gives_one_away(
    given_cells: dict[str, int],
) -> None:
    shown = shown_cells(given_cells)
    assert all(n % LEAST == 0 for n in shown.values())
    apart = [n for name, n in given_cells.items() if name in shown]
    assert all(n >= LEAST for n in apart)
    hidden = sum(given_cells.values()) - sum(apart)
    assert hidden == 0 or hidden >= LEAST or not apart
    assert (TOGETHER in shown) == (hidden > 0)
    for name, n in given_cells.items():
        if name in shown:
            assert abs(shown[name] - n) <= LEAST // 2


@given(
    st.datetimes(datetime.datetime(2020, 1, 1), datetime.datetime(2031, 1, 1),  # noqa: DTZ001
                 timezones=st.just(datetime.UTC)),
    st.integers(0, 4000),
    st.sampled_from([datetime.UTC, DETROIT, ZoneInfo("Pacific/Kiritimati")]),
)  # fmt: skip
def test_every_month_is_there_once(
    first: datetime.datetime, days: int, zone: datetime.tzinfo
) -> None:
    from countenance.desk.publicfigures import _begin, _names

    last = first + datetime.timedelta(days=days)
    names = _names(first.astimezone(zone).date(), last.astimezone(zone).date())
    assert names == sorted(set(names))
    begins = [_begin(name, zone) for name in names]
    assert begins[0] <= first
    assert begins[-1] <= last
    assert all(27 < (b - a).total_seconds() / 86400 < 32 for a, b in itertools.pairwise(begins))


def test_both_databases_can_count(url: str) -> None:
    store = Store.open(url)
    store.create()

    def fill(db: Session) -> None:
        then = datetime.datetime(2026, 9, 3, tzinfo=datetime.UTC)
        db.add(Case(id="c", number="24-1", state="open", opened_by="anna", opened_at=then))
        db.flush()
        for n, state in enumerate(("taken-up", "taken-up", "refused")):
            db.add(SearchRequest(id=f"r{n}", case_id="c", state=state, requester="anna", same="",
                                 submitted_at=then, expires_at=then, digest=str(n), frozen=b"",
                                 decision=b""))  # fmt: skip
        for n in (0, 1):
            db.add(Search(id=f"s{n}", request=f"r{n}", request_digest="", case_id="c", handle="",
                          requester="anna", approver="", place="", engine="", audit="",
                          decision="", gallery="", state="open", lease_until=then,
                          started_at=then, candidates=n))  # fmt: skip
        db.add(Outgoing(entry=b"", since=0, time_s=int(then.timestamp())))
        db.add(CaseEvent(number=1, case_id="c", at=then, kind="search-decided", leaf="",
                         public='{"decision": "refused", "reason": "pack/rule"}'))  # fmt: skip

    store.write(fill)
    with store.reading() as db:
        counts = outcomes(db)
        found = months(db, datetime.datetime(2026, 11, 3, tzinfo=datetime.UTC), DETROIT)
    assert (counts["open-empty"], counts["open-unreviewed"], counts["refused"]) == (1, 1, 1)
    assert [each.requests for each in found] == [3, 0, 0]
    assert found[0].refusals == {"pack/rule": 1}
    assert found[0].outcomes == counts
    store.close()
