"""The checker: one planted case for every finding, and nothing where nothing is wrong."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from lawkit import library_of, pack_of

from countenance.law import (
    Finding,
    Library,
    Pack,
    bundled,
    check,
    check_scenarios,
    load_scenarios,
)
from countenance.law.checking import FAULTS, NOTICES
from countenance.law.conditions import holds
from countenance.law.rules import AS_OF, day_number

DAY = datetime.date(2026, 3, 1)
CHECKED = {"tag": "V", "source": "the text", "on": DAY}
REQUIRE = {"kind": "require", "of": "record"}
ME = "us/xx/code-1"


def found(*packs: Pack, **options: Any) -> list[Finding]:
    options.setdefault("as_of", DAY)
    return check(library_of(*packs), only=[pack.id for pack in packs], **options)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def of_rules(*rules: dict[str, Any], **head: Any) -> list[Finding]:
    return found(pack_of({"checked": CHECKED, **head}, *rules))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    rules = [
        {"kind": "permit-if", "when": {"offence.kinds": "felony"}},
        {"when": {"probe.kind": "sketch"}},
        {**REQUIRE, "must": {"case.number": True}},
        {**REQUIRE, "must": {"review.examiners": {"at-least": 2}}, "acts": ["rely"]},
    ]
    assert of_rules(*rules) == []


PLANTED = {
    "overlap": [
        {"when": {"probe.kind": ["sketch", "composite"]}},
        {"when": {"probe.kind": "sketch", "use.mode": "still"}},
    ],
    "contradiction": [
        {**REQUIRE, "must": {"gallery.size": {"at-least": 10}}},
        {**REQUIRE, "must": {"gallery.size": {"less-than": 10}}},
    ],
    "shadowed": [
        {**REQUIRE, "when": {"case.number": False}, "must": {"case.number": True}},
        {**REQUIRE, "must": {"use.mode": "still"}},
        {**REQUIRE, "when": {"case.number": False, "use.mode": "live"},
         "must": {"gallery.size": {"at-most": 5}, "use.mode": "still"}},
    ],
    "unreachable": [{"when": {"use.mode": "still", "not": {"use.mode": ["still", "live"]}}}],
    "permits-nothing": [
        {"kind": "permit-if", "when": {"use.mode": "live"}},
        {"kind": "permit-if", "when": {"use.mode": "still"}},
        {"kind": "live-ban", "when": {"use.mode": "live"}},
    ],
    "unverified": [{"tag": "U"}],
}  # fmt: skip


@pytest.mark.parametrize("code", PLANTED)
def test_each_planted_case_is_found(code: str) -> None:
    findings = of_rules(*PLANTED[code])
    assert code in codes(findings)
    for finding in findings:
        assert finding.sentence.endswith("]")
        assert finding.is_fault == (finding.code in FAULTS)
        assert finding.rules
        assert finding.to_json()["code"] == finding.code


def test_a_rule_that_says_less_is_named_first_and_twins_are_named_as_such() -> None:
    (finding,) = of_rules(*PLANTED["overlap"])
    assert finding.rules == (f"{ME}#rule-1", f"{ME}#rule-0")
    (twins,) = of_rules({"when": {"case.number": True}}, {"when": {"not": {"case.number": False}}})
    assert twins.says == "The two rules say the same."
    # A duty of its own is a reason to be there; so is another act.
    duty = {"what": "two-reviewers"}
    plain, owing = (
        {**REQUIRE, "must": {"case.number": True}, **more} for more in ({}, {"duty": duty})
    )
    for rules in ((plain, owing), (owing, plain)):
        (finding,) = of_rules(*rules)
        assert finding.says.startswith("All that the first")
        assert finding.rules[0] == f"{ME}#rule-{rules.index(plain)}"
    assert of_rules({"acts": ["search"]}, {"acts": ["rely"]}) == []
    # An unverified ground does not stand in for one that somebody read.
    ground = {"kind": "permit-if", "when": {"case.number": True}}
    assert "overlap" not in {
        f.code for f in of_rules(ground, {**ground, "tag": "U"}) if f.rules[0] == f"{ME}#rule-0"
    }


def test_a_contradiction_comes_with_facts_that_show_it() -> None:
    (finding,) = of_rules(
        {**REQUIRE, "when": {"use.mode": "still"}, "must": {"review.examiners": {"at-least": 3}}},
        {**REQUIRE, "unless": {"case.number": False}, "must": {"review.examiners": 2}},
    )
    assert finding.code == "contradiction"
    assert finding.example == {"use.mode": "still", "case.number": True}
    assert "use.mode: still" in finding.shown_example


def test_a_ban_on_just_what_is_asked_for_is_a_contradiction() -> None:
    ask = {**REQUIRE, "when": {"use.mode": "still"}, "must": {"gallery.probe-enrolled": True}}
    (finding,) = of_rules(ask, {"when": {"gallery.probe-enrolled": True}})
    assert finding.code == "contradiction"
    assert finding.rules == (f"{ME}#rule-0", f"{ME}#rule-1")
    # A ban on the whole use asks for nothing else; that is no contradiction.
    assert codes(of_rules(ask, {"when": {"use.mode": ["still", "live"]}})) == ["overlap"]


def test_packs_that_govern_together_are_compared_and_others_are_not() -> None:
    big = {**REQUIRE, "must": {"gallery.size": {"at-least": 10}}}
    small = {**REQUIRE, "must": {"gallery.size": {"less-than": 10}}}
    state = pack_of({"checked": CHECKED}, big)

    def city(**head: Any) -> Pack:
        own = {"id": "us/xx/city/code-1", "jurisdiction": "us/xx/city", "checked": CHECKED}
        return pack_of({**own, **head}, small)

    assert codes(found(state, city())) == ["contradiction"]
    begins = datetime.date(2026, 1, 1)
    assert found(pack_of({"checked": CHECKED, "to": begins, "status": "sunset"}, big),
                 city(**{"from": begins}), as_of=datetime.date(2025, 6, 1)) != []  # fmt: skip
    earlier = pack_of({"checked": CHECKED, "to": begins, "status": "sunset"}, big)
    assert "contradiction" not in codes(found(earlier, city(**{"from": begins})))
    assert found(state, city(id="us/yy/code-1", jurisdiction="us/yy")) == []
    assert found(state, city(status="bill")) == []
    terms = city(id="vendor/acme/terms", jurisdiction="vendor/acme", level="vendor")
    assert found(state, terms) == []


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({"status": "in-force", "to": DAY}, "misdated"),
        ({"status": "expired", "to": datetime.date(2027, 1, 1)}, "misdated"),
        ({"status": "expired", "to": DAY}, "expired"),
        ({"from": datetime.date(2026, 3, 2)}, "not-yet"),
    ],
)
def test_dates_that_do_not_agree_or_are_past(head: dict[str, Any], code: str) -> None:
    assert code in codes(of_rules({}, **head))


def test_a_pack_is_in_force_on_its_first_day_and_not_on_its_end() -> None:
    dates = {"from": DAY, "to": datetime.date(2026, 4, 1), "status": "sunset"}
    assert of_rules({}, **dates) == []
    pack = pack_of({"checked": CHECKED, **dates})
    assert codes(found(pack, as_of=datetime.date(2026, 4, 1))) == ["expired"]
    assert codes(found(pack, as_of=datetime.date(2026, 2, 28))) == ["not-yet"]


def test_a_rule_whose_days_miss_those_of_its_pack_is_unreachable_and_said_once() -> None:
    rule = {"from": datetime.date(2027, 1, 1)}
    findings = of_rules(rule, to=datetime.date(2026, 6, 1), status="sunset")
    assert codes(findings) == ["unreachable"]


def test_a_rule_that_ended_before_its_pack_is_told_of() -> None:
    findings = of_rules({"to": datetime.date(2026, 1, 1)}, {"when": {"case.number": True}})
    assert codes(findings) == ["expired"]
    assert findings[0].rules == (f"{ME}#rule-0",)


def test_a_rule_goes_stale_by_its_own_day() -> None:
    old = {"checked-on": datetime.date(2025, 2, 28), "when": {"case.number": True}}
    findings = of_rules(old, {"when": {"case.number": False}})
    assert codes(findings) == ["stale"]
    assert "366 days ago" in findings[0].says
    pack = pack_of({"checked": CHECKED}, old)
    assert found(pack, max_age_days=366) == []


def test_what_cedar_refuses_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countenance.law.checking.validate", lambda _: ["no such attribute"])
    (finding,) = of_rules({})
    assert finding.code == "invalid"
    assert "no such attribute" in finding.says


def test_what_is_too_long_to_settle_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from countenance.law.solve import SearchTooLongError

    def never(*_: object, **__: object) -> None:
        raise SearchTooLongError

    monkeypatch.setattr("countenance.law.checking.solve", never)
    findings = of_rules(*PLANTED["contradiction"], *PLANTED["overlap"])
    assert set(codes(findings)) == {"not-settled"}
    assert "not-settled" in NOTICES


SCENARIOS = """
pack = "us/xx/code-1"
[base]
at = 2026-03-01
jurisdictions = ["us/xx"]
facts = { act = "search", behalf.of = "own-agency", case.number = true, probe.kind = "sketch" }
[[scenario]]
title = "A sketch"
[[scenario.expect]]
decision = "DECISION"
"""


def test_scenarios_that_fail_and_rules_that_decide_none(tmp_path: Path) -> None:
    pack = pack_of(
        {"checked": CHECKED}, {"when": {"probe.kind": "sketch"}}, {"when": {"case.number": False}}
    )
    library = library_of(pack)

    def told(decision: str) -> list[Finding]:
        (tmp_path / "x.toml").write_text(SCENARIOS.replace("DECISION", decision), "utf-8")
        return check_scenarios(library, load_scenarios(tmp_path), only=[pack.id])

    (idle,) = told("deny")
    assert (idle.code, idle.rules) == ("decides-nothing", (f"{ME}#rule-1",))
    failing = told("permit")
    assert codes(failing)[0] == "scenario"
    assert "expected permit, got deny" in failing[0].says
    other = library_of(pack, pack_of({"id": "us/yy/code-1", "jurisdiction": "us/yy"}))
    assert check_scenarios(other, load_scenarios(tmp_path), only=["us/yy/code-1"]) == []


def test_faults_come_first_and_in_one_order() -> None:
    findings = of_rules(*PLANTED["unverified"], *PLANTED["unreachable"], *PLANTED["overlap"])
    order = [(*FAULTS, *NOTICES).index(code) for code in codes(findings)]
    assert order == sorted(order)


def test_progress_is_told_of_every_pack() -> None:
    told: list[tuple[str, int, int]] = []
    library = library_of(pack_of())
    check(library, as_of=DAY, progress=lambda *step: told.append(step))
    assert told == [("packs", n + 1, len(library)) for n in range(len(library))]


def test_the_packs_that_come_along_have_no_fault() -> None:
    library = bundled()
    findings = check(library, as_of=DAY)
    assert [f for f in findings if f.is_fault] == []
    assert not {"contradiction", "overlap", "not-settled"} & set(codes(findings))
    assert all(finding.sentence.endswith("]") for finding in findings)


def test_examples_are_facts_under_which_both_rules_apply() -> None:
    library = Library([*bundled().values(), pack_of(
        {"checked": CHECKED, "id": "us/md/odd", "jurisdiction": "us/md"},
        {**REQUIRE, "must": {"agency.responsible-person": False}},
    )])  # fmt: skip
    findings = [
        f for f in check(library, as_of=DAY, only=["us/md/odd"]) if f.code == "contradiction"
    ]
    assert findings
    for finding in findings:
        facts = {AS_OF: day_number(DAY), **finding.example}
        for rule_id in finding.rules:
            pack_id, _, name = rule_id.partition("#")
            assert holds(library[pack_id].rule(name).scope, facts)
