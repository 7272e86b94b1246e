"""Audits that count, and thresholds that nobody lowers alone or unseen."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
from typing import Any

import pytest
from casework import (
    BEN,
    CARD,
    KEYS,
    MIA,
    NOW,
    POLICY,
    ULF,
    UNIT,
    audit,
    audited,
    person,
    set_up,
)  # fmt: skip
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk.audits import (
    AcceptedAudit,
    AuditState,
    WithdrawnFor,
    accept_audit,
    audit_of,
    current_audit,
    shortfalls,
    withdraw_audit,
)  # fmt: skip
from countenance.desk.consequences import consequences
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.kinds import KINDS
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.settings import (
    SettingState,
    approve_setting,
    propose_setting,
    read_settings,
    refuse_setting,
    setting_in_force,
    withdraw_setting,
)  # fmt: skip
from countenance.desk.settingviews import judge_audit
from countenance.record import Log, parse_entry

ENGINE = CARD.identity
LINE = UNIT.threshold("0.363")
REASON = "to get fewer false candidates"


def propose(desk: Desk, threshold: str = "0.4", **other: Any) -> str:
    given: dict[str, Any] = {"list_length": 20, "reason": REASON, **other}
    return propose_setting(desk, MIA, keys=KEYS, engine=ENGINE, threshold=threshold, **given)


def digest_of(desk: Desk, setting: str) -> str:
    views = read_settings(desk, ULF, keys=KEYS, engine=ENGINE)
    return next(view.digest for view in views if view.id == setting)


def codes(policy: Any, *, score: int = int(LINE), now: datetime.datetime = NOW) -> set[str]:
    return {each.code for each in shortfalls(audit(), policy, score=score, now=now)}


# ---- audits ------------------------------------------------------------------------------------
def test_f23_an_audit_counts_until_it_is_too_old(desk: Desk) -> None:
    audited(desk)
    with desk.store.reading() as db:
        assert current_audit(db, ENGINE, NOW) is not None
        assert current_audit(db, "0" * 64, NOW) is None
        end = datetime.datetime(2027, 11, 1, tzinfo=datetime.UTC)
        assert current_audit(db, ENGINE, end - datetime.timedelta(seconds=1)) is not None
        assert current_audit(db, ENGINE, end) is None
        assert current_audit(db, ENGINE, NOW - datetime.timedelta(seconds=1)) is None


@pytest.mark.parametrize("day", [None, "", "yesterday", "2026-11-24", "2025-11-23"])
def test_f23_no_date_a_future_or_an_old_one_is_not_accepted(desk: Desk, day: str | None) -> None:
    with pytest.raises(InputError):
        audited(desk, performed_on=day)


def test_what_is_no_audit_is_not_accepted(desk: Desk, log: Log) -> None:
    good = json.loads(audit().to_json())
    broken = [
        b"", b"[]", b"{}", b"\xff", json.dumps({**good, "version": 9}).encode(),
        *(json.dumps({**good, **wrong}).encode() for wrong in (
            {"engine": None}, {"engine": {}}, {"engine": {"identity": "../../etc"}},
            {"unit": {}}, {"unit": {"kind": "similarity", "name": "x", "scale": None}},
            {"headline": 9}, {"headline": -2}, {"groupings": []}, {"counts": 1},
        )),
    ]  # fmt: skip
    for data in broken:
        with pytest.raises(InputError):
            accept_audit(desk, ULF, data=data, policy=POLICY, operational=True)
    assert log.size == 0


def test_an_audit_whose_parts_do_not_fit_is_neither_shown_nor_accepted(desk: Desk) -> None:
    good = json.loads(audit().to_json())
    astray = json.loads(audit().to_json())
    for at in astray["results"]:
        at["groupings"] = []
    for wrong in ({**good, "headline": 9}, {**good, "headline": -2}, astray):
        data = json.dumps(wrong).encode()
        with pytest.raises(InputError):
            judge_audit(desk, ULF, data, card=CARD, policy=POLICY)
        with pytest.raises(InputError):
            accept_audit(desk, ULF, data=data, policy=POLICY, operational=True)


def test_a_newer_audit_takes_the_place_of_the_older(desk: Desk) -> None:
    first = audited(desk)
    with pytest.raises(StateError, match="current one already"):
        audited(desk)
    second = audited(desk, seed=8)
    with desk.store.reading() as db:
        row = current_audit(db, ENGINE, NOW)
        assert row is not None
        assert row.id == second
        assert db.get_one(AcceptedAudit, first).state == AuditState.REPLACED
    withdraw_audit(desk, ULF, second, reason=WithdrawnFor.ERROR_FOUND, grounds="wrong labels")
    with desk.store.reading() as db:
        assert current_audit(db, ENGINE, NOW) is None  # the replaced one does not come back
    with pytest.raises(StateError):
        withdraw_audit(desk, ULF, second, reason=WithdrawnFor.OTHER, grounds="again")


def test_an_audit_changed_in_the_database_is_found_out(desk: Desk) -> None:
    audited(desk)

    def forge(db: Any) -> None:
        row = db.scalars(select(AcceptedAudit)).one()
        row.body = row.body.replace(b'"headline": 0', b'"headline": -1')

    desk.store.write(forge)
    with desk.store.reading() as db:
        row = current_audit(db, ENGINE, NOW)
        assert row is not None
        with pytest.raises(StateError):
            audit_of(row)


def test_f24_each_line_of_the_policy_can_fail_alone() -> None:
    assert codes(POLICY) == set()
    assert codes(dataclasses.replace(POLICY, most_days=20)) == {"age"}
    assert codes(POLICY, now=NOW - datetime.timedelta(days=30)) == {"age"}
    assert codes(dataclasses.replace(POLICY, least_people=13)) == {"people"}
    assert codes(dataclasses.replace(POLICY, most_worst_fmr=1e-9)) == {"worst-group"}
    assert codes(dataclasses.replace(POLICY, most_ratio=1.0)) == {"differential"}
    assert codes(POLICY, score=int(LINE) + 1) == {"threshold"}
    blind = dataclasses.replace(audit(), headline=-1)
    assert [s.code for s in shortfalls(blind, POLICY, score=int(LINE), now=NOW)] == ["no-groups"]


def test_f24_a_group_left_out_of_the_results_is_no_way_round_the_policy() -> None:
    whole = audit()
    for keep in ((0,), (1,), (), (0, 0)):
        results = tuple(
            dataclasses.replace(at, groupings=tuple(
                dataclasses.replace(one, groups=tuple(one.groups[n] for n in keep))
                for one in at.groupings
            )) for at in whole.results
        )  # fmt: skip
        cut = dataclasses.replace(whole, results=results)
        found = shortfalls(cut, POLICY, score=int(LINE), now=NOW)
        assert [each.code for each in found] == ["worst-group"]


def test_f24_it_is_the_upper_end_of_the_worst_group_that_counts() -> None:
    at = next(each for each in audit().results if each.threshold.score == LINE)
    highs = [group.fmr.high for group in at.groupings[0].groups]
    worst = max(high for high in highs if high is not None)
    assert codes(dataclasses.replace(POLICY, most_worst_fmr=worst)) == set()
    below = dataclasses.replace(POLICY, most_worst_fmr=worst * 0.999)
    (only,) = shortfalls(audit(), below, score=int(LINE), now=NOW)
    assert "of" in only.says
    assert "interval" in only.says


# ---- consequences ------------------------------------------------------------------------------
def test_f18_the_table_has_every_group_with_counts_and_bounds_between_thresholds() -> None:
    then = int(UNIT.threshold("0.3"))
    table = consequences(audit(), digest="d" * 64, unit=UNIT, now=int(LINE), then=then)
    assert {line.group for line in table.lines} == {"female", "male"}
    for line in table.lines:
        assert line.fmr_now is not None
        assert line.fmr_then is not None
        assert line.fmr_now.exact
        assert line.fmr_then.events >= line.fmr_now.events  # laxer: no fewer false matches
        assert line.fmr_then.trials > 0
    again = consequences(audit(), digest="d" * 64, unit=UNIT, now=int(LINE), then=then)
    assert again.digest == table.digest
    assert consequences(
        audit(), digest="d" * 64, unit=UNIT, now=int(LINE), then=then + 1
    ).digest != table.digest  # fmt: skip


def test_f18_a_bound_between_thresholds_is_on_the_safe_side() -> None:
    curve = next(c for c in audit().curves if c.group == "male" and c.grouping == "gender")
    for value, later in zip(curve.values, curve.values[1:], strict=False):
        between = int(UNIT.threshold((value + later) / 2))
        table = consequences(audit(), digest="d" * 64, unit=UNIT, now=None, then=between)
        line = next(each for each in table.lines if each.group == "male")
        if line.fmr_then is None or line.fnmr_then is None or line.fmr_then.exact:
            continue
        at, after = curve.values.index(value), curve.values.index(later)
        assert line.fmr_then.events == curve.fmr_events[at]
        assert line.fnmr_then.events == curve.fnmr_events[after]


# ---- settings ----------------------------------------------------------------------------------
def test_f18_the_whole_way_is_in_the_log(desk: Desk, log: Log) -> None:
    audited(desk)
    first = set_up(desk)
    second = propose(desk, "0.4", list_length=10)
    with desk.store.reading() as db:
        row = setting_in_force(db, ENGINE)
        assert row is not None
        assert row.id == first  # a proposal changes nothing
    approve_setting(desk, BEN, second, digest=digest_of(desk, second))
    with desk.store.reading() as db:
        row = setting_in_force(db, ENGINE)
        assert row is not None
        assert (row.id, row.threshold, row.list_length) == (second, UNIT.threshold("0.4"), 10)
    entry = parse_entry(log.entry(log.size - 1), kinds=KINDS)
    assert (entry.public["change"], entry.public["threshold"]) == ("approved", "0.4")
    views = read_settings(desk, ULF, keys=KEYS, engine=ENGINE)
    assert {view.state for view in views} == {SettingState.IN_FORCE, SettingState.REPLACED}
    assert REASON in {view.reason for view in views}
    assert REASON.encode() not in b"".join(log.entry(i) for i in range(log.size))


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": "a lot"}, {"threshold": "NaN"}, {"threshold": "-0.2"}, {"threshold": "1e90"},
     {"list_length": 0}, {"list_length": 51}, {"reason": "more leads"}, {"reason": "x" * 2001}],
)  # fmt: skip
def test_f18_what_is_no_setting_is_not_proposed(desk: Desk, wrong: dict[str, Any]) -> None:
    audited(desk)
    with pytest.raises(InputError):
        propose(desk, **wrong)


def test_f18_without_an_audit_nobody_can_say_what_it_means(desk: Desk) -> None:
    with pytest.raises(StateError, match="audit"):
        propose(desk)


def test_f18_nobody_approves_what_they_proposed(desk: Desk) -> None:
    audited(desk)
    made = propose(desk)
    with pytest.raises(NotAllowedError):
        approve_setting(desk, person("mia", Role.APPROVER), made, digest=digest_of(desk, made))
    with pytest.raises(NotAllowedError):
        approve_setting(desk, MIA, made, digest=digest_of(desk, made))


def test_f18_another_table_is_not_approved(desk: Desk) -> None:
    audited(desk)
    first, second = propose(desk, "0.4"), propose(desk, "0.3")
    with pytest.raises(StateError):
        approve_setting(desk, BEN, second, digest=digest_of(desk, first))
    approve_setting(desk, BEN, first, digest=digest_of(desk, first))
    with pytest.raises(StateError):  # its table compares with what was in force before
        approve_setting(desk, BEN, second, digest=digest_of(desk, second))


def test_f18_an_audit_that_came_between_is_not_passed_over(desk: Desk) -> None:
    audited(desk)
    made = propose(desk)
    audited(desk, seed=8)
    with pytest.raises(StateError, match="audit"):
        approve_setting(desk, BEN, made, digest=digest_of(desk, made))


def test_a_proposal_is_decided_on_once(desk: Desk) -> None:
    audited(desk)
    refused, taken_back = propose(desk, "0.4"), propose(desk, "0.5")
    refuse_setting(desk, BEN, refused, reason="the worst group pays for it alone")
    with pytest.raises(NotAllowedError):
        withdraw_setting(desk, person("max", Role.ADMINISTRATOR), taken_back)
    withdraw_setting(desk, MIA, taken_back)
    for made in (refused, taken_back, "0" * 32):
        for again in (
            lambda made=made: approve_setting(desk, BEN, made, digest="0" * 64),
            lambda made=made: refuse_setting(desk, BEN, made, reason="a reason of some length"),
            lambda made=made: withdraw_setting(desk, MIA, made),
        ):
            with pytest.raises(StateError):
                again()


def test_two_approvers_of_two_settings_racing_bring_one_into_force(desk: Desk) -> None:
    audited(desk)
    made = [propose(desk, text) for text in ("0.3", "0.4", "0.5")]
    digests = [digest_of(desk, each) for each in made]
    out: list[str] = []

    def run(setting: str, digest: str, name: str) -> None:
        try:
            approve_setting(desk, person(name, Role.APPROVER), setting, digest=digest)
            out.append("in force")
        except StateError:
            out.append("late")

    threads = [
        threading.Thread(target=run, args=(s, d, f"ben{n}"))
        for n, (s, d) in enumerate(zip(made, digests, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(out) == ["in force", "late", "late"]
