"""The packs' own tests are run here, and every rule must decide one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lawkit import library_of, pack_of

from countenance.law.decision import Outcome
from countenance.law.errors import ScenarioError
from countenance.law.library import bundled
from countenance.law.scenarios import (
    bundled_scenarios,
    load_scenarios,
    run_scenarios,
    undecided_rules,
    without,
)

BASES = "[search]\nat = 2026-03-01\njurisdictions = ['us/xx']\nfacts.act = 'search'\n" \
        "facts.behalf.of = 'own-agency'\nfacts.use.mode = 'still'\n"  # fmt: skip
FILE = """
pack = "us/xx/code-1"
[base]
like = "search"
[[scenario]]
title = "A live search"
facts.use.mode = "live"
[[scenario.expect]]
decision = "deny"
because = ["us/xx/code-1#no-live"]
packs = { "us/xx/code-1" = "forbids" }
[[scenario]]
title = "A still one"
[[scenario.expect]]
decision = "permit"
obligations = ["tell"]
no-obligations = ["two-reviewers"]
[[scenario]]
title = "Nobody says how"
unknown = ["use.mode"]
[[scenario.expect]]
decision = "needs"
needs = ["use.mode"]
"""
RULES = (
    {"id": "no-live", "kind": "live-ban", "when": {"use.mode": "live"}},
    {"id": "tell", "kind": "require", "of": "notice", "duty": {"what": "tell"}},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bases.toml").write_text(BASES)
    (tmp_path / "code.toml").write_text(FILE)
    return tmp_path


@pytest.mark.parametrize("file", sorted({s.file for s in bundled_scenarios()}))
def test_the_scenarios_come_out_as_a_lawyer_wrote_them(file: str) -> None:
    chosen = [scenario for scenario in bundled_scenarios() if scenario.file == file]
    faults = {r.scenario.title: r.faults for r in run_scenarios(chosen, bundled()) if r.faults}
    assert faults == {}


@pytest.mark.parametrize("pack_id", list(bundled()))
def test_every_rule_decides_a_scenario(pack_id: str) -> None:
    """The mutation check: delete any rule, and a scenario of its pack fails."""
    found = undecided_rules(bundled()[pack_id], bundled_scenarios(), bundled())
    assert [rule.name for rule in found] == []


def test_the_parts_are_read(folder: Path) -> None:
    scenarios = load_scenarios(folder)
    pack = pack_of(None, *RULES)
    results = run_scenarios(scenarios, library_of(pack))
    assert [r.faults for r in results] == [(), (), ()]
    assert [r.decision.outcome for r in results] == [Outcome.DENY, Outcome.PERMIT, Outcome.NEEDS]
    assert undecided_rules(pack, scenarios, library_of(pack)) == []


def test_a_rule_that_decides_nothing_is_found(folder: Path) -> None:
    idle = (
        {"id": "no-masks", "when": {"probe.kind": "mask-or-statue", "use.mode": "live"}},
        {"id": "also-tell", "kind": "require", "of": "notice", "duty": {"what": "tell-more"}},
        {"id": "guess", "kind": "permit-if", "tag": "U", "acts": ["rely"]},
    )
    pack = pack_of(None, *RULES, *idle)
    found = undecided_rules(pack, load_scenarios(folder), library_of(pack))
    assert [rule.name for rule in found] == ["no-masks", "also-tell", "guess"]


def test_a_faulty_pack_fails_its_scenarios(folder: Path) -> None:
    pack = pack_of(None, *RULES)
    for rule, wanted in zip(pack, ([0, 2], [1]), strict=True):
        results = run_scenarios(load_scenarios(folder), library_of(without(pack, rule)))
        assert [n for n, result in enumerate(results) if result.faults] == wanted


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ('because = ["us/xx/code-1#tell"]', "expected the reason"),
        ('not-because = ["us/xx/code-1#no-live"]', "unexpected reason"),
        ('needs = ["case.number"]', "expected the need"),
        ('obligations = ["tell"]', "expected the obligation"),
        ('warnings = ["us/xx/code-1#no-live"]', "expected the warning"),
        ('packs = { "us/xx/code-1" = "silent" }', "to say silent, got forbids"),
        ('packs = { "us/yy/code-1" = "silent" }', "got nothing"),
    ],
)
def test_every_sort_of_expectation_can_fail(folder: Path, line: str, faults: str) -> None:
    text = FILE.split("[[scenario]]")
    first = text[1].split("because")[0] + line + "\n"
    (folder / "code.toml").write_text(text[0] + "[[scenario]]" + first)
    (result,) = run_scenarios(load_scenarios(folder), library_of(pack_of(None, *RULES)))
    assert len(result.faults) == 1
    assert faults in result.faults[0]


def test_an_unknown_fact_that_is_none_is_refused(folder: Path) -> None:
    (folder / "code.toml").write_text(FILE.replace('["use.mode"]\n[[', '["use.mood"]\n[['))
    with pytest.raises(ScenarioError, match=r"use\.mood"):
        load_scenarios(folder)
