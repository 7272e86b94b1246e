"""Decisions as text: the answer first, then why; nothing definite is left out."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from lawkit import ALONE, asking, known, library_of, pack_of, packs

from countenance.law import (
    Decision,
    Library,
    Outcome,
    Pack,
    Request,
    bundled,
    bundled_scenarios,
    decide,
    explain,
    explain_ways,
    what_if,
)
from countenance.law.explaining import _cited
from countenance.law.scenarios import law_alone

HEADS = {
    Outcome.PERMIT: "PERMITTED, as of ",
    Outcome.DENY: "DENIED, as of ",
    Outcome.NEEDS: "DENIED until more is known, as of ",
}


def flat(text: str) -> str:
    """Text without its line ends, so that a sentence can be looked for."""
    return " ".join(text.split())


def judged(library: Library, request: Request) -> Decision:
    return decide(request, library=library, policy=ALONE)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(packs(place="us/xx"), known())
def test_the_full_text_holds_every_part_with_its_citation(
    pack: Pack, facts: dict[str, object]
) -> None:
    decision = judged(library_of(pack), asking(facts))
    text = explain(decision, full=True)
    assert text.startswith(HEADS[decision.outcome])
    assert max(map(len, text.splitlines())) <= 80
    told = flat(text)
    for part in (*decision.reasons, *decision.obligations):
        assert flat(part.sentence) in told
    for need in decision.needs:
        assert flat(need.ask) in told
        assert need.fact in told
    for use in decision.packs:
        assert use.id in told
    short = flat(explain(decision))
    for reason in decision.reasons[:8]:
        if reason.effect.value not in ("open", "incomplete"):
            assert flat(reason.sentence) in short


def test_most_decisions_of_one_law_fit_a_screen() -> None:
    library = bundled().adding(law_alone())
    lengths = [
        explain(decide(scenario.request, library=library, policy=expect.policy)).count("\n")
        for scenario in bundled_scenarios()[::5]
        for expect in scenario.expects
        if expect.policy == ALONE
    ]
    assert sum(length <= 24 for length in lengths) > 0.75 * len(lengths)
    assert max(lengths) <= 60


def test_a_denial_shows_its_prohibition_before_what_is_open_and_says_that_more_is() -> None:
    wants = [
        {"kind": "require", "of": "record", "must": {name: True}}
        for name in ("case.number", "probe.suitable", "offence.stated", "person.trained",
                     "narrative.given", "person.own-account")
    ]  # fmt: skip
    library = library_of(pack_of(None, *wants, {"when": {"use.mode": "live"}}))
    text = explain(judged(library, asking({"use.mode": "live"})))
    assert text.index("Rule 6 forbids it.") < text.index("Not known, which leaves 6 rules open")
    assert "and 3 more (--full, --json)" in text
    assert text.count("can be done") == 3
    open_ = explain(judged(library, asking({"use.mode": "still"})))
    assert open_.count("can be done") == 6  # all of them: they are the whole answer


def test_caveats_are_said_once_with_all_their_citations() -> None:
    rules = [{"when": {"use.mode": "live"}, "tag": "V2"} for _ in range(3)]
    text = flat(explain(judged(library_of(pack_of(None, *rules)), asking({"use.mode": "live"}))))
    assert text.count("checked at second hand") == 1
    assert "[Code §§ 1(0), 1(1), 1(2)]" in text


@pytest.mark.parametrize(
    ("cites", "told"),
    [
        ("Code § 1", "Code § 1"),
        ("Code § 1; Other; Code § 3(a)", "Code §§ 1, 3(a); Other"),
        ("Code; Code § 2", "Code; Code § 2"),
        ("Code §§ 1, 2; Code § 4", "Code §§ 1, 2; Code § 4"),
        ("a; b [c]", "a; b [c]"),
    ],
)
def test_sections_of_one_code_are_cited_together(cites: str, told: str) -> None:
    assert _cited(f"Is it [so]? [{cites}]") == f"Is it [so]? [{told}]"


def test_a_requirement_that_is_not_met_is_told_as_such() -> None:
    rules = [
        {"kind": "require", "of": "record", "must": {"case.number": True}, "says": "It has one."},
        {"kind": "permit-if", "tag": "U", "says": "It may be."},
    ]
    request = asking({"case.number": False})
    text = flat(explain(judged(library_of(pack_of(None, *rules)), request)))
    assert "- Not met: It has one. [" in text
    assert "- Nobody has verified that it permits: It may be. [" in text


def test_what_the_ways_share_is_said_once() -> None:
    rules = [
        {"kind": "require", "of": "record", "must": {"case.number": True}},
        {"kind": "permit-if", "when": {"authority.given": "warrant"}},
        {"kind": "permit-if", "when": {"emergency.present": True}},
    ]
    found = what_if(asking(), library=library_of(pack_of(None, *rules)), policy=ALONE)
    text = explain_ways(found)
    assert text.startswith("2 smallest ways to a permission.\n\nAll of them share this\n")
    assert text.count("Is there a case number? yes") == 1
    assert re.search(r"\n1\. Besides\n(.*\n)+\n2\. Besides\n", text)
    assert max(map(len, text.splitlines())) <= 80


def test_numbers_and_sets_are_told_by_their_bounds() -> None:
    rules = [
        {"kind": "require", "of": "record", "must": {"gallery.size": {"at-most": 500}}},
        {"kind": "require", "of": "record", "must": {"review.examiners": {"at-least": 2}}},
        {"kind": "gallery-limit", "must": {"gallery.sources": {"none-of": ["scraped-web"]}}},
    ]
    found = what_if(asking(), library=library_of(pack_of(None, *rules)), policy=ALONE)
    told = flat(explain_ways(found))
    for part in ("0 to 500 [", "at least 2 [", "none of scraped-web ["):
        assert part in told
    assert found.to_json()["ways"][0]["changes"][0]["most"] == 500


def test_a_permission_is_not_explained_away() -> None:
    request = asking()
    found = what_if(request, library=library_of(pack_of(None, {"when": {"act": "rely"}})),
                    policy=ALONE)  # fmt: skip
    assert explain_ways(found) == "It is permitted as it is.\n"
