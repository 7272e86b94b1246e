"""What must hold of every pack and every request: unknowns, more law, order, time, words."""

from __future__ import annotations

import datetime
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from lawkit import ALONE, FACTS, asking, conditions, known, library_of, pack_of, packs

from countenance.core import canonical_json
from countenance.law.cedar import cedar_schema
from countenance.law.conditions import (
    cedar_false,
    cedar_true,
    holds,
    negated,
    open_facts,
    read_condition,
)
from countenance.law.decision import Decision, Effect, Outcome
from countenance.law.judging import decide, decide_many
from countenance.law.library import Library, bundled
from countenance.law.packs import Pack
from countenance.law.request import Request
from countenance.law.scenarios import bundled_scenarios, law_alone, run_scenarios
from countenance.law.vocabulary import vocabulary

cedarpy = pytest.importorskip("cedarpy")
SOME = settings(max_examples=25, suppress_health_check=list(HealthCheck))
TERMS = pack_of(
    {"id": "vendor/acme/terms", "jurisdiction": "vendor/acme", "level": "vendor",
     "status": "contract"},
    {"id": "not-for-police", "acts": ["search", "ask"]},
)  # fmt: skip
EVERYTHING = pack_of({"id": "us/zz/all", "jurisdiction": "us/zz"}, {"kind": "permit-if"})
PLACES = st.lists(st.sampled_from(["us/xx", "us/xx/city"]), min_size=1, unique=True)
FACT_VALUES = known(*FACTS, "behalf.of")


def data(decision: Decision) -> bytes:
    return canonical_json(decision.to_json())


@st.composite
def laws(draw: st.DrawFn) -> list[Pack]:
    """One to three packs of different ids, so that at least one covers the place."""
    return [
        draw(packs(name="first", place="us/xx")),
        *(draw(packs(name=name)) for name in ("second", "third")[: draw(st.integers(0, 2))]),
    ]


def judged(library: Library, request: Request, *policy: str) -> Decision:
    return decide(request, library=library, policy=policy or ALONE)


def stated(facts: dict[str, Any], places: list[str]) -> Request:
    return asking(facts, jurisdictions=places)


# --- unknown facts -------------------------------------------------------------------------------


@SOME
@given(laws(), FACT_VALUES, PLACES, st.data())
def test_removing_facts_never_permits(
    law: list[Pack], facts: dict[str, Any], places: list[str], data: st.DataObject
) -> None:
    request, library = stated(facts, places), library_of(*law, TERMS)
    names = sorted(request.facts)
    several = data.draw(st.lists(st.sampled_from(names), unique=True))
    less = [request.without(*some) for some in (several, *([name] for name in names))]
    policy = data.draw(st.sampled_from([ALONE, (law[0].id,), (law[-1].id, *ALONE)]))
    whole, *rest = decide_many([request, *less], library=library, policy=policy)
    assert whole.permitted or not any(decision.permitted for decision in rest)


def test_forgetting_the_vendor_does_not_lift_its_terms() -> None:
    library = library_of(pack_that_says_nothing(), TERMS)
    request = asking({"engine.vendor": "Acme Face"})
    assert judged(library, request).outcome is Outcome.DENY
    assert judged(library, request.without("engine.vendor")).outcome is Outcome.NEEDS
    assert judged(library, asking({"engine.vendor": "other"})).permitted


def test_removing_facts_from_the_scenarios_never_permits() -> None:
    rng = random.Random(4)
    library = bundled().adding(law_alone())
    chosen = rng.sample(bundled_scenarios(), k=min(250, len(bundled_scenarios())))
    for policy in (ALONE, ("model",)):
        whole = decide_many([s.request for s in chosen], library=library, policy=policy)
        less: list[Request] = []
        denied: list[Request] = []
        for scenario, decision in zip(chosen, whole, strict=True):
            turning = {fact for reason in decision.reasons for fact in reason.facts}
            names = sorted(set(scenario.request.facts) - {"act"})
            for _ in range(3 if not decision.permitted else 0):
                removed = rng.sample(names, k=min(len(names), rng.choice((1, 1, 2, 40))))
                less.append(scenario.request.without(*removed))
                denied.append(scenario.request)
            assert decision.outcome is not Outcome.NEEDS or turning
        after = decide_many(less, library=library, policy=policy)
        assert len(after) > 100
        assert [d.outcome for d in after if d.permitted] == []


def test_a_request_without_its_time_act_place_or_asker_is_not_permitted() -> None:
    request = asking()
    library = library_of(pack_that_says_nothing())
    assert judged(library, request).permitted
    for less, fact in (
        (Request(None, request.jurisdictions, (), request.facts), "at"),
        (Request(request.at, (), (), request.facts), "jurisdictions"),
        (request.without("act"), "act"),
        (request.without("behalf.of"), "behalf.of"),
        (request.knowing({"behalf.of": "other-agency"}), "behalf-jurisdictions"),
    ):
        decision = judged(library, less)
        assert decision.outcome is Outcome.NEEDS
        assert [need.fact for need in decision.needs] == [fact]


def pack_that_says_nothing() -> Pack:
    return pack_of(None, {"acts": ["supply"]})


# --- more law ------------------------------------------------------------------------------------


@SOME
@given(laws(), packs(name="added"), FACT_VALUES, PLACES)
def test_adding_a_pack_to_those_that_govern_never_permits(
    law: list[Pack], added: Pack, facts: dict[str, Any], places: list[str]
) -> None:
    request = stated(facts, places)
    less, more = library_of(*law), library_of(*law, added)
    assert all(less.covers(place) for place in places)
    if judged(more, request).permitted:
        assert judged(less, request).permitted


@SOME
@given(laws(), packs(name="added") | st.just(EVERYTHING), FACT_VALUES)
def test_adding_a_pack_to_the_policy_never_permits(
    law: list[Pack], added: Pack, facts: dict[str, Any]
) -> None:
    request, library = asking(facts), library_of(*law, added)
    for policy in (ALONE, ("model",), (law[0].id,)):
        if not any(library[name].names_grounds for name in policy):
            continue  # then the model is the policy, and naming one that grants replaces it
        if judged(library, request, *policy, added.id).permitted:
            assert judged(library, request, *policy).permitted


def test_the_one_exception_a_pack_for_a_place_of_which_nothing_was_known() -> None:
    """Adding the first pack of a place lifts `no rule pack`: somebody has read that law now."""
    nothing = pack_that_says_nothing()
    before = judged(library_of(), asking())
    assert before.outcome is Outcome.DENY
    assert [reason.effect for reason in before.reasons] == [Effect.NO_PACK]
    assert judged(library_of(nothing), asking()).permitted


# --- order ---------------------------------------------------------------------------------------


@SOME
@given(laws(), packs(name="a-policy"), FACT_VALUES, PLACES, st.randoms(use_true_random=False))
def test_order_never_matters(
    law: list[Pack], policy: Pack, facts: dict[str, Any], places: list[str], rng: random.Random
) -> None:
    names = [policy.id, *ALONE]
    first = judged(library_of(*law, policy), stated(facts, places), *names)
    mixed = [*law, policy]
    rng.shuffle(mixed)
    turned = dict(rng.sample(sorted(facts.items(), key=str), k=len(facts)))
    other = judged(library_of(*mixed), stated(turned, places[::-1]), *names[::-1], names[0])
    assert data(first) == data(other)


def test_a_batch_decides_as_each_alone() -> None:
    requests = [scenario.request for scenario in bundled_scenarios()[::9]]
    library = bundled().adding(law_alone())
    together = decide_many(requests, library=library, policy=ALONE)
    backwards = decide_many(requests[::-1], library=library, policy=ALONE)[::-1]
    assert [data(d) for d in together] == [data(d) for d in backwards]
    for n in range(0, len(requests), 10):
        assert data(decide(requests[n], library=library, policy=ALONE)) == data(together[n])


def test_another_process_with_another_hash_seed_decides_the_same() -> None:
    code = (
        "from countenance.core import digest_json\n"
        "from countenance.law.scenarios import bundled_scenarios, law_alone\n"
        "from countenance.law.judging import decide_many\n"
        "from countenance.law.library import bundled\n"
        "found = decide_many([s.request for s in bundled_scenarios()[::7]],\n"
        "                    library=bundled().adding(law_alone()), policy=['model'])\n"
        "print(digest_json([d.to_json() for d in found]))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True,
            text=True, check=True, timeout=120,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(said) == 1


# --- Cedar and the explanation -------------------------------------------------------------------


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(conditions(), known())
@example({"engine.vendor": {"mentions": "*"}}, {"engine.vendor": "acme"})
@example({"engine.vendor": {"mentions": "a*b"}}, {"engine.vendor": "axb"})
@example({"offence.kinds": {"only": []}}, {"offence.kinds": []})
def test_cedar_and_three_valued_logic_agree(wanted: Any, facts: dict[str, Any]) -> None:
    condition = read_condition(wanted, vocabulary())
    request = asking(facts)
    text = "".join(
        f'@id("{name}") permit (principal, action, resource) when {{ {expression} }};'
        for name, expression in (("t", cedar_true(condition)), ("f", cedar_false(condition)))
    )
    context = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in request.facts.items()
    }
    asked = {"principal": 'Agency::""', "resource": 'Matter::""', "action": 'Action::"search"',
             "context": {**context, "as-of": 20260301}}  # fmt: skip
    schema = cedarpy.Schema.from_str(cedar_schema())
    found = cedarpy.is_authorized(asked, text, [], schema)
    assert found.diagnostics.errors == []
    truth = {frozenset("t"): True, frozenset("f"): False, frozenset(): None}
    said = truth[frozenset(found.diagnostics.id_annotations_by_reason.values())]
    assert holds(condition, request.facts) is said
    assert (said is None) == bool(open_facts(condition, request.facts))
    assert cedarpy.validate_policies(text, cedar_schema()).errors == []


@SOME
@given(conditions(), known(), st.data())
def test_learning_a_fact_settles_and_never_unsettles(
    wanted: Any, facts: dict[str, Any], data: st.DataObject
) -> None:
    condition = read_condition(wanted, vocabulary())
    whole = asking(facts).facts
    names = data.draw(st.lists(st.sampled_from(sorted(whole)), unique=True))
    part = {name: value for name, value in whole.items() if name not in names}
    before = holds(condition, part)
    assert before is None or holds(condition, whole) is before
    opposite = holds(negated(condition), part)
    assert (before, opposite) in ((True, False), (False, True), (None, None))


@SOME
@given(laws(), FACT_VALUES, PLACES)
def test_reasons_agree_with_the_outcome(
    law: list[Pack], facts: dict[str, Any], places: list[str]
) -> None:
    decision = judged(library_of(*law), stated(facts, places))
    effects = {reason.effect for reason in decision.reasons}
    asked = {fact for reason in decision.reasons for fact in reason.facts}
    assert decision.reasons
    assert {need.fact for need in decision.needs} == asked
    if decision.permitted:
        assert effects == {Effect.PERMITS}
        assert not {use.says for use in decision.packs} & {"forbids", "open"}
    else:
        assert Effect.PERMITS not in effects
        open_ = {Effect.OPEN, Effect.INCOMPLETE}
        assert (decision.outcome is Outcome.NEEDS) == (effects <= open_)
        # An open question is told even where something definite denies.
        unsettled = {
            rule.id
            for use in decision.packs
            for rule in library_of(*law)[use.id]
            if "search" in rule.acts and holds(rule.broken, _with_day(facts)) is None
        }
        assert unsettled <= {r.rule for r in decision.reasons if r.effect is Effect.OPEN}


def _with_day(facts: dict[str, Any]) -> dict[str, Any]:
    return {**asking(facts).facts, "as-of": 20260301}


# --- words ---------------------------------------------------------------------------------------


def check_words(decision: Decision) -> None:
    for part in (*decision.reasons, *decision.needs, *decision.obligations, *decision.warnings):
        assert part.sentence.endswith("]")
        assert part.cite.strip()
        assert "[" in part.sentence
        assert part.sentence.isprintable()


@SOME
@given(laws(), FACT_VALUES)
def test_every_sentence_ends_in_a_citation(law: list[Pack], facts: dict[str, Any]) -> None:
    library = library_of(*law)
    check_words(judged(library, asking(facts)))
    check_words(judged(library, asking(facts, jurisdictions=[]), "model"))


def test_every_sentence_of_the_scenarios_ends_in_a_citation() -> None:
    for result in run_scenarios(bundled_scenarios()[::3], bundled()):
        check_words(result.decision)


# --- time ----------------------------------------------------------------------------------------


@SOME
@given(packs(name="dated", place="us/xx"), known())
def test_outside_its_dates_a_pack_is_silent(pack: Pack, facts: dict[str, Any]) -> None:
    assume((pack.window.start or pack.window.end) and pack.binding)
    library = library_of(pack)
    day = datetime.timedelta(days=1)
    outside = [pack.window.start - day] if pack.window.start else []
    outside += [pack.window.end] if pack.window.end else []
    for when in outside:
        decision = judged(library, asking(facts).on(when))
        assert decision.permitted
        assert pack.id not in {use.id for use in decision.packs}
        assert not decision.obligations
        # As a policy it is named, and grants nothing.
        alone = judged(library, asking(facts).on(when), pack.id, "model")
        assert alone.outcome is not Outcome.PERMIT


def test_no_bundled_pack_speaks_outside_its_dates() -> None:
    library = bundled().adding(law_alone())
    for pack in bundled().values():
        place = pack.jurisdiction
        for when in (pack.window.start, pack.window.end):
            if when is None or not pack.binding:
                continue
            day = when - datetime.timedelta(days=1) if when == pack.window.start else when
            request = asking(jurisdictions=[] if "vendor/" in place else [place]).on(day)
            decision = judged(library, request)
            assert pack.id not in {use.id for use in decision.packs}
            assert pack.id not in {reason.pack for reason in decision.reasons}
