"""Decisions: what permits, what denies, what is asked for, what follows."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from lawkit import ALONE, asking, library_of, pack_of

from countenance.core import canonical_json, digest_json
from countenance.law.decision import FORMAT, Decision, Effect, Outcome
from countenance.law.errors import PackError, RequestError
from countenance.law.judging import decide, decide_many, effective_policy
from countenance.law.library import Library, bundled
from countenance.law.packs import Pack
from countenance.law.scenarios import bundled_scenarios, law_alone, without
from countenance.law.workers import decide_in_processes

LIVE = {"id": "no-live", "kind": "live-ban", "when": {"use.mode": "live"}}
TWO = {"id": "two", "kind": "require", "of": "review",
       "must": {"review.examiners": {"at-least": 2}}}  # fmt: skip
LIST = {"id": "list", "kind": "permit-if", "when": {"offence.kinds": "felony"}}
GOOD = {"use.mode": "still", "review.examiners": 2, "offence.kinds": ["felony"]}


def judged(pack: Pack, facts: dict[str, Any], *policy: str, **other: Any) -> Decision:
    return decide(asking(facts, **other), library=library_of(pack), policy=policy or ALONE)


def effects(decision: Decision) -> list[tuple[str, str]]:
    return [(r.effect.value, r.rule.partition("#")[2] or r.pack) for r in decision.reasons]


# --- what denies ---------------------------------------------------------------------------------


def test_nothing_is_permitted_by_nobody() -> None:
    """Default deny: a pack that forbids nothing permits nothing, without a policy that does."""
    pack = pack_of(None, LIVE)
    assert judged(pack, GOOD).permitted
    assert not judged(pack, GOOD, "model").permitted
    with pytest.raises(RequestError, match="model"):
        decide(asking(GOOD), library=Library([pack]))


def test_a_prohibition_beats_every_permission() -> None:
    pack = pack_of(None, LIST, LIVE, {"id": "more", "kind": "permit-if"})
    denied = judged(pack, {**GOOD, "use.mode": "live"}, pack.id)
    assert denied.outcome is Outcome.DENY
    assert effects(denied) == [("prohibits", "no-live")]
    assert judged(pack, GOOD, pack.id).permitted


def test_a_pack_that_names_its_grounds_permits_nothing_else() -> None:
    pack = pack_of(None, LIST)
    assert judged(pack, GOOD).permitted
    denied = judged(pack, {**GOOD, "offence.kinds": ["theft"]})
    assert effects(denied) == [("no-ground", "us/xx/code-1")]
    assert denied.reasons[0].rules == ("us/xx/code-1#list",)
    # For an act of which it says nothing, it is no list.
    assert judged(pack, {**GOOD, "act": "rely", "offence.kinds": ["theft"]}).permitted


def test_a_denial_does_not_hide_an_open_question() -> None:
    pack = pack_of(None, LIVE, TWO, LIST)
    decision = judged(pack, {"use.mode": "live"})
    assert decision.outcome is Outcome.DENY
    assert effects(decision) == [("prohibits", "no-live"), ("open", "two"),
                                 ("open", "us/xx/code-1")]  # fmt: skip
    assert [need.fact for need in decision.needs] == ["review.examiners", "offence.kinds"]
    assert {use.id: use.says for use in decision.packs}["us/xx/code-1"] == "forbids"


def test_what_is_only_unknown_is_needed() -> None:
    pack = pack_of(None, TWO)
    decision = judged(pack, {})
    assert decision.outcome is Outcome.NEEDS
    assert not decision.permitted
    (need,) = decision.needs
    assert (need.fact, need.to_do, need.rules) == (
        "review.examiners", True, ("us/xx/code-1#two",))  # fmt: skip
    assert judged(pack, {"review.examiners": 1}).outcome is Outcome.DENY


@pytest.mark.parametrize("policy", [ALONE, ("us/xx/code-1",)])
def test_an_unverified_ground_is_shown_and_grants_nothing(policy: tuple[str, ...]) -> None:
    pack = pack_of(None, {**LIST, "tag": "U"}, {**LIST, "id": "other", "tag": "U",
                                               "when": {"use.mode": "live"}})  # fmt: skip
    decision = judged(pack, GOOD, *policy)
    assert decision.outcome is Outcome.DENY
    assert effects(decision) == [("unverified", "list")]
    assert [w.code for w in decision.warnings] == ["unverified"]
    # One that does not hold is not said to; that it is unknown would not change a denial.
    assert effects(judged(pack, {**GOOD, "offence.kinds": []}, *policy))[0][0] == "no-ground"
    assert effects(judged(pack, {"use.mode": "still"}, *policy))[0][0] == "no-ground"
    verified = pack_of(None, {**LIST, "tag": "U"}, {**LIST, "id": "read"})
    assert judged(verified, GOOD, *policy).permitted


def test_a_vendor_is_asked_for_only_where_its_terms_could_matter() -> None:
    terms = pack_of({"id": "vendor/acme/terms", "jurisdiction": "vendor/acme", "level": "vendor",
                     "status": "contract"}, {"id": "no-police"})  # fmt: skip
    library = library_of(terms, pack_of(None, LIVE))
    open_ = decide(asking(GOOD), library=library, policy=ALONE)
    assert open_.outcome is Outcome.NEEDS
    assert [need.fact for need in open_.needs] == ["engine.vendor"]
    for vendor, outcome in (("Acme Ltd", Outcome.DENY), ("nobody", Outcome.PERMIT)):
        request = asking({**GOOD, "engine.vendor": vendor})
        assert decide(request, library=library, policy=ALONE).outcome is outcome


def test_several_places_take_the_strictest_on_each_point() -> None:
    city = pack_of({"id": "us/xx/city/code", "jurisdiction": "us/xx/city", "level": "city"}, LIVE)
    library = library_of(city, pack_of(None, TWO))
    places = {"jurisdictions": ["us/xx/city"]}

    def outcome(mode: str, people: int) -> list[tuple[str, str]]:
        facts = {"use.mode": mode, "review.examiners": people}
        return effects(decide(asking(facts, **places), library=library, policy=ALONE))

    assert outcome("live", 1) == [("prohibits", "no-live"), ("lacks", "two")]
    assert outcome("live", 2) == [("prohibits", "no-live")]
    assert outcome("still", 1) == [("lacks", "two")]


def test_asking_a_neighbour_is_judged_under_the_askers_law() -> None:
    """The searches that San Francisco's officers asked others for."""
    city = pack_of({"id": "us/xx/city/code", "jurisdiction": "us/xx/city", "level": "city"},
                   {"id": "no-use", "acts": ["search", "ask", "receive"]})  # fmt: skip
    library = library_of(city, pack_of({"id": "us/yy/code", "jurisdiction": "us/yy"}, TWO))
    facts = {**GOOD, "act": "ask", "behalf.of": "own-agency"}
    asked = decide(asking(facts, jurisdictions=["us/xx/city"]), library=library, policy=ALONE)
    assert effects(asked) == [("prohibits", "no-use")]
    run = asking({**GOOD, "behalf.of": "other-agency"}, jurisdictions=["us/yy"],
                 **{"behalf-jurisdictions": ["us/xx/city"]})  # fmt: skip
    assert effects(decide(run, library=library, policy=ALONE)) == [("prohibits", "no-use")]


# --- policies ------------------------------------------------------------------------------------


def test_every_policy_named_must_grant() -> None:
    still = {"id": "still", "kind": "permit-if", "when": {"use.mode": "still"}}
    other = pack_of({"id": "us/yy/p", "jurisdiction": "us/yy"}, still)
    library = library_of(pack_of(None, LIST), other)
    names = ("us/xx/code-1", "us/yy/p")
    assert decide(asking(GOOD), library=library, policy=names).permitted
    live = decide(asking({**GOOD, "use.mode": "live"}), library=library, policy=names)
    assert effects(live) == [("no-ground", "us/yy/p")]
    assert live.policy == names


def test_a_policy_that_does_not_apply_does_not_grant() -> None:
    pack = pack_of({"applies": {"agency.kind": "sheriff"}}, LIST)
    facts = {**GOOD, "agency.kind": "local-police"}
    assert judged(pack, facts).permitted
    assert effects(judged(pack, facts, pack.id)) == [("not-granted", pack.id)]
    assert judged(pack, {**GOOD, "agency.kind": "sheriff"}, pack.id).permitted
    # Both a law that is open and a policy that is: one question, once.
    assert effects(judged(pack, GOOD, pack.id)) == [("open", pack.id)]


def test_a_policy_that_is_not_in_force_grants_nothing_and_says_so() -> None:
    pack = pack_of({"to": datetime.date(2026, 3, 1), "from": datetime.date(2025, 1, 1)}, LIST)
    assert judged(pack, GOOD, pack.id, at="2026-02-28").permitted
    for day in ("2026-03-01", "2024-12-31"):
        decision = judged(pack, GOOD, pack.id, at=day)
        assert effects(decision) == [("not-granted", pack.id)]
        assert "not in force on that day" in decision.reasons[0].says


def test_a_bill_restricts_and_does_not_replace_the_model() -> None:
    bill = pack_of({"status": "bill"}, LIVE)
    library = library_of(bill)
    assert effective_policy([bill.id], library) == ("model", bill.id)
    assert effective_policy([], library) == ("model",)
    assert effective_policy([bill.id, *ALONE], library) == (*ALONE, bill.id)
    facts = {**GOOD, "use.mode": "live"}
    both = decide(asking(facts, jurisdictions=["us/yy"]), library=library,
                  policy=(bill.id, *ALONE))  # fmt: skip
    assert ("prohibits", "no-live") in effects(both)


@pytest.mark.parametrize("policy", [["us/none"], ["x" * 10**6], ["model", "us/none"]])
def test_a_policy_that_is_not_at_hand_is_an_error(policy: list[str]) -> None:
    with pytest.raises(RequestError, match="no pack") as caught:
        decide(asking(), library=library_of(), policy=policy)
    assert len(str(caught.value)) < 500


# --- time ----------------------------------------------------------------------------------------


def test_a_law_turns_at_the_local_midnight() -> None:
    pack = pack_of({"to": datetime.date(2026, 7, 1), "status": "sunset"}, LIVE)
    facts = {**GOOD, "use.mode": "live"}
    for at, permitted in (
        ("2026-06-30T23:59:59-04:00", False),  # 03:59 UTC of 1 July
        ("2026-07-01T00:00:00-04:00", True),
        ("2026-07-01T00:00:00+10:00", True),  # 14:00 UTC of 30 June
        ("2026-06-30T23:59:59+10:00", False),
    ):
        assert judged(pack, facts, at=at).permitted is permitted
    assert judged(pack, facts, at="2026-06-30T23:59:59-04:00").as_of == "2026-06-30"


DUES = [
    ({"within-hours": 48}, "2026-03-03T23:30:00-05:00", "within 48 hours"),
    ({"within-days": 30}, "2026-03-31", "within 30 days"),
    ({"yearly": "02-01"}, "2027-02-01", "every year"),
    ({"yearly": "03-01"}, "2027-03-01", "every year"),
    ({"yearly": "03-02"}, "2026-03-02", "every year"),
    ({"before": "trial"}, "", "before trial"),
    ({"every": "week"}, "", "every week"),
    ({"keep-days": 30, "at-most": True}, "", ""),
]


@pytest.mark.parametrize(("duty", "due", "when"), DUES)
def test_when_a_duty_falls_due(duty: dict[str, Any], due: str, when: str) -> None:
    pack = pack_of(None, {**TWO, "must": None, "duty": {"what": "tell", **duty}})
    (found,) = judged(pack, {}, at="2026-03-01T23:30:00-05:00").obligations
    assert (found.due, found.when) == (due, when)
    assert found.keep_days == duty.get("keep-days")


def test_no_deadline_ends_time() -> None:
    pack = pack_of(None, {**TWO, "must": None, "duty": {"what": "w", "within-days": 36_600}})
    assert judged(pack, {}, at="2199-12-31T23:59:59-14:00").obligations[0].due == "2300-03-17"


# --- what follows --------------------------------------------------------------------------------


def test_duties_attach_to_what_they_say_and_while_it_is_unknown() -> None:
    rules = [
        {"id": attaches, "kind": "require", "of": "notice", "when": {"use.mode": "live"},
         "duty": {"what": f"tell-{attaches}", "attaches": attaches}}
        for attaches in ("permit", "deny", "always")
    ]  # fmt: skip
    pack = pack_of(None, *rules, {"id": "no", "when": {"case.number": False}})
    for facts, duties in (
        ({"use.mode": "live", "case.number": True}, ["tell-permit", "tell-always"]),
        ({"use.mode": "live", "case.number": False}, ["tell-deny", "tell-always"]),
        ({"use.mode": "still", "case.number": True}, []),
        ({"use.mode": "still", "case.number": False}, []),
    ):
        assert [o.what for o in judged(pack, facts).obligations] == duties
    unknown = judged(pack, {"case.number": True})
    assert unknown.permitted
    assert [(o.what, o.facts) for o in unknown.obligations] == [
        ("tell-permit", ("use.mode",)), ("tell-always", ("use.mode",)),
    ]  # fmt: skip


def test_a_caution_comes_with_the_ground_that_permits() -> None:
    caution = "The statute permits; the agency's policy may not."
    pack = pack_of(None, {**LIST, "tag": "V2", "caution": caution})
    decision = judged(pack, GOOD, pack.id)
    assert decision.permitted
    assert [w.code for w in decision.warnings] == ["caution", "second-hand"]
    assert "agency's policy" in decision.warnings[0].sentence


def test_what_each_pack_alone_says() -> None:
    silent = pack_of({"id": "us/xx/a", "jurisdiction": "us/xx"}, {**LIVE, "acts": ["rely"]})
    permits = pack_of({"id": "us/xx/b", "jurisdiction": "us/xx"}, LIST)
    forbids = pack_of({"id": "us/xx/c", "jurisdiction": "us/xx"}, LIVE, TWO)
    library = library_of(silent, permits, forbids)
    for facts, said in (
        ({**GOOD, "use.mode": "live"}, ["silent", "permits", "forbids"]),
        ({"offence.kinds": ["felony"], "use.mode": "still"}, ["silent", "permits", "open"]),
        (GOOD, ["silent", "permits", "silent"]),
    ):
        decision = decide(asking(facts), library=library, policy=ALONE)
        assert [u.says for u in decision.packs if u.id.startswith("us/xx")] == said
        assert [u.policy for u in decision.packs] == [u.id in ALONE for u in decision.packs]


def test_the_json_of_a_decision() -> None:
    decision = judged(pack_of(None, TWO), {})
    value = decision.to_json()
    assert value["format"] == FORMAT
    assert value["outcome"] == "needs"
    assert value["request-digest"] == asking({}).digest
    assert decision.digest == digest_json(value)
    assert value["reasons"][0]["checked-on"] == "2026-01-01"
    assert Effect(value["reasons"][0]["effect"]) is Effect.OPEN


# --- many ----------------------------------------------------------------------------------------


def test_several_processes_decide_the_same() -> None:
    library = bundled().adding(law_alone())
    requests = [scenario.request for scenario in bundled_scenarios()[::20]]
    alone = decide_many(requests, library=library, policy=ALONE)
    found = decide_in_processes(requests, library=library, policy=ALONE, processes=2)
    assert [canonical_json(d.to_json()) for d in found] == [
        canonical_json(d.to_json()) for d in alone
    ]


def test_packs_that_are_in_no_file_cannot_be_sent() -> None:
    pack = pack_of(None, LIVE, TWO)
    library = library_of(without(pack, pack.rules[0]))
    with pytest.raises(PackError, match="cannot be sent"):
        next(decide_in_processes([asking()], library=library, policy=ALONE, processes=2))


def test_no_requests_no_decisions() -> None:
    assert decide_many([], library=library_of()) == []
