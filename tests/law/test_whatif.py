"""What-if: each way works, is smallest, and changes nobody and nothing that it must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lawkit import ALONE, asking, library_of, pack_of

from countenance.law import (
    Effect,
    Library,
    Request,
    Scenario,
    WhatIf,
    bundled,
    bundled_scenarios,
    decide,
    decide_many,
    explain_ways,
    what_if,
)
from countenance.law.vocabulary import vocabulary

GIVEN = {"act", "agency.kind", "agency.name", "agency.part-of-dhs", "behalf.of", "behalf.kind"}
# Facts of several sorts: to do, of the case, a word, a set. Every value that a rule could tell
# from another is there, so that trying all of them is a proof.
SMALL: dict[str, list[Any]] = {
    "case.number": [True, False],
    "probe.edited": [True, False],
    "use.mode": ["still", "live", "verify", "stored-video"],
    "authority.given": [
        [
            word
            for word, bit in zip(("warrant", "supervisor", "court-order"), bits, strict=True)
            if bit
        ]
        for bits in product((0, 1), repeat=3)
    ],
}
LINES = {
    "case.number": st.booleans(),
    "probe.edited": st.booleans(),
    "use.mode": st.sampled_from(["still", "live", ["still", "verify"], {"not": "live"}]),
    "authority.given": st.sampled_from(
        [
            "warrant",
            {"includes": ["warrant", "supervisor"]},
            {"only": ["supervisor"]},
            {"only": []},
        ]
    ),
}
TABLES = st.fixed_dictionaries({}, optional=LINES).filter(bool)
RULES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"when": TABLES}),
        st.fixed_dictionaries(
            {"kind": st.just("require"), "of": st.just("record"), "must": TABLES},
            optional={"when": TABLES, "unless": TABLES},
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("permit-if"),
                "when": TABLES,
                "tag": st.sampled_from(["V", "V2", "U"]),
            }
        ),
    ),
    min_size=1,
    max_size=4,
)
STATED = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in SMALL.items()}
)


def applied(request: Request, found: WhatIf) -> Iterator[tuple[Any, Request]]:
    for way in found.ways:
        yield way, request.knowing({c.fact: plain(c.becomes) for c in way.changes})


def plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def check_ways(request: Request, library: Library, policy: tuple[str, ...], found: WhatIf) -> None:
    """All changes of a way: permitted. One of them less: not permitted."""
    for way, whole in applied(request, found):
        assert way.changes
        assert decide(whole, library=library, policy=policy).permitted
        for change in way.changes:
            assert change.fact not in GIVEN
            assert change.becomes != change.was
            assert change.sentence.endswith("]")
            assert "[]" not in change.sentence
            less = (
                whole.without(change.fact)
                if change.was is None
                else whole.knowing({change.fact: plain(change.was)})
            )
            assert not decide(less, library=library, policy=policy).permitted
            for value in change.also:
                other = whole.knowing({change.fact: plain(value)})
                assert decide(other, library=library, policy=policy).permitted
    sizes = [len(way.changes) for way in found.ways]
    assert sizes == sorted(sizes)
    assert len({way.honest for way in found.ways}) <= 1  # an honest one leaves out all others


def smallest(request: Request, library: Library, names: list[str]) -> set[frozenset[str]]:
    """By trying everything: the sets of facts whose change is enough, less those with more."""
    tried: list[dict[str, Any]] = [{}]
    for name in names:
        tried += [{**changes, name: value} for changes in tried for value in SMALL[name]]
    asked = [request.knowing(changes) for changes in tried]
    decisions = decide_many(asked, library=library, policy=ALONE)
    enough = {
        frozenset(changes)
        for changes, decision in zip(tried, decisions, strict=True)
        if decision.permitted
    }
    return {way for way in enough if not any(other < way for other in enough)}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(RULES, STATED)
def test_it_finds_every_smallest_way_and_no_other(
    rules: list[dict[str, Any]], facts: dict[str, Any]
) -> None:
    library = library_of(pack_of(None, *rules))
    request = asking(facts)
    found = what_if(request, library=library, policy=ALONE, most=50)
    assert found.complete
    check_ways(request, library, ALONE, found)
    if found.decision.permitted:
        assert not found.ways
        return
    case = [n for n in SMALL if n in request.facts and not vocabulary()[n].to_do]
    honest = smallest(request, library, [n for n in SMALL if n not in case])
    wanted = honest or smallest(request, library, list(SMALL))
    assert {frozenset(c.fact for c in way.changes) for way in found.ways} == wanted
    assert all(way.honest for way in found.ways) == bool(honest) or not found.ways


@pytest.mark.parametrize("policy", [(), ALONE], ids=["model", "law-alone"])
def test_the_ways_of_real_packs_work_and_are_found_quickly(policy: tuple[str, ...]) -> None:
    from countenance.law.scenarios import law_alone

    library = bundled().adding(law_alone())
    longest = 0.0
    for scenario in some_scenarios(every=40):
        begin = time.process_time()
        found = what_if(scenario.request, library=library, policy=policy)
        longest = max(longest, time.process_time() - begin)
        check_ways(scenario.request, library, policy, found)
        assert found.ways or found.decision.permitted or found.why_none
    assert longest < 2


def some_scenarios(*, every: int) -> list[Scenario]:
    return [one for one in bundled_scenarios() if one.request.act][::every]


def test_an_unconditional_ban_has_no_way_out_and_says_why() -> None:
    library = library_of(
        pack_of(
            None,
            {"says": "No search is made.", "cite": "Code § 9"},
            {"kind": "require", "of": "record", "must": {"case.number": True}},
        )
    )
    found = what_if(asking({"case.number": False}), library=library, policy=ALONE)
    assert not found.ways
    assert found.complete
    assert [reason.cite for reason in found.why_none] == ["Code § 9"]  # not the case's number
    told = explain_ways(found)
    assert told.startswith("No facts would change this.")
    assert "No search is made. [Code § 9]" in told
    assert "case" not in told.lower()


def test_what_can_be_done_comes_before_what_would_have_to_be_otherwise() -> None:
    grounds = [
        {"kind": "permit-if", "when": {"use.purpose": "identify-deceased"}},
        {"kind": "permit-if", "when": {"use.purpose": "identify-suspect",
                                       "authority.given": "warrant"}},
    ]  # fmt: skip
    library = library_of(pack_of(None, *grounds))
    facts = {"use.purpose": "identify-suspect", "authority.given": ["supervisor"]}
    found = what_if(asking(facts), library=library, policy=ALONE)
    (way,) = found.ways
    (change,) = way.changes
    assert way.honest
    assert change.fact == "authority.given"
    assert change.becomes == frozenset(["supervisor", "warrant"])  # what was there is kept
    assert "\nDo\n" in explain_ways(found)
    assert "never chosen" not in explain_ways(found)
    never = library_of(pack_of(None, grounds[0]))
    (way,) = what_if(asking(facts), library=never, policy=ALONE).ways
    assert not way.honest
    assert "never chosen" in explain_ways(what_if(asking(facts), library=never, policy=ALONE))


def test_who_asks_is_never_changed_and_has_to_be_said_first() -> None:
    library = library_of(
        pack_of(None, {"kind": "permit-if", "when": {"agency.kind": "state-police"}})
    )
    other = what_if(asking({"agency.kind": "sheriff"}), library=library, policy=ALONE)
    assert not other.ways
    assert not other.unstated
    unsaid = what_if(asking(), library=library, policy=ALONE)
    assert not unsaid.ways
    assert [need.fact for need in unsaid.unstated] == ["agency.kind"]
    assert explain_ways(unsaid).startswith("First it has to be stated who asks")
    nobody = what_if(asking().without("behalf.of"), library=library, policy=ALONE)
    assert "behalf.of" in {need.fact for need in nobody.unstated}
    assert "No facts" not in explain_ways(nobody)


def test_where_nobody_wrote_the_law_down_facts_do_not_help() -> None:
    found = what_if(asking(jurisdictions=["us/yy"]), library=library_of(pack_of()), policy=ALONE)
    assert not found.ways
    assert {reason.effect for reason in found.why_none} == {Effect.NO_PACK}


def test_another_vendors_terms_are_kept_too() -> None:
    """A way that changes the engine's maker is judged under that maker's terms as well."""
    place = pack_of(None, {"when": {"engine.vendor": {"mentions": "bolt"}}})
    terms = pack_of(
        {"id": "vendor/acme/terms", "jurisdiction": "vendor/acme", "level": "vendor"},
        {"when": {"case.number": False}},
    )
    library = library_of(place, terms)
    request = asking({"engine.vendor": "bolt", "case.number": False})
    found = what_if(request, library=library, policy=ALONE)
    assert found.ways
    check_ways(request, library, ALONE, found)


def test_a_search_that_is_given_up_says_that_there_may_be_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [
        {"kind": "permit-if", "when": {"case.number": True}},
        {"kind": "permit-if", "when": {"request.in-writing": True}},
    ]
    library = library_of(pack_of(None, *rules))
    whole = what_if(asking(), library=library, policy=ALONE)
    assert len(whole.ways) == 2
    assert whole.complete
    cut = what_if(asking(), library=library, policy=ALONE, most=1)
    assert len(cut.ways) == 1
    assert not cut.complete
    assert "There may be more" in explain_ways(cut)
    monkeypatch.setattr("countenance.law.whatif.MAX_SEARCHES", 1)
    assert not what_if(asking(), library=library, policy=ALONE).complete
