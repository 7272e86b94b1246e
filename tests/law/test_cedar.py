"""Packs as Cedar: what is written, what is asked, what comes back."""

from __future__ import annotations

import json

import pytest
from lawkit import ALONE, asking, library_of, pack_of

from countenance.law.cedar import (
    Evaluator,
    cedar_schema,
    compile_grant,
    compile_pack,
    policies_of,
    validate,
)
from countenance.law.judging import decide
from countenance.law.library import bundled
from countenance.law.vocabulary import vocabulary

cedarpy = pytest.importorskip("cedarpy")


def test_the_schema_has_every_fact_and_act_and_nothing_else() -> None:
    schema = cedar_schema()
    cedarpy.Schema.from_str(schema)
    for fact in vocabulary().values():
        assert f'"{fact.name}"?: ' in schema
    assert schema.count("?: ") == len(vocabulary())
    assert schema.count('"after ') == len(vocabulary().acts)


@pytest.mark.parametrize("pack_id", list(bundled()))
def test_every_bundled_pack_fits_the_schema(pack_id: str) -> None:
    assert validate(bundled()[pack_id]) == []


def test_the_validator_would_notice_a_fact_of_another_type() -> None:
    text = compile_pack(pack_of(None, {"when": {"use.mode": "live"}}))
    harmed = text.replace('== "live"', "< 5")
    assert not cedarpy.validate_policies(harmed, cedar_schema()).validation_passed
    assert cedarpy.validate_policies(text, cedar_schema()).validation_passed


def test_a_policy_reads_as_its_rule() -> None:
    pack = pack_of(
        None,
        {"id": "list", "kind": "permit-if", "says": "Only for these.", "cite": "§ 2",
         "when": {"offence.kinds": ["felony"]}, "unless": {"use.mode": "live"}},
        {"id": "two", "kind": "require", "of": "review", "says": "Two people look.", "cite": "§ 3",
         "must": {"review.examiners": {"at-least": 2}}, "duty": {"what": "two-reviewers"}},
        {"id": "guess", "kind": "permit-if", "tag": "U", "says": "Perhaps.", "cite": "§ 4"},
    )  # fmt: skip
    text = compile_pack(pack)
    assert "// Only for these. [§ 2; V]" in text
    assert "// Perhaps. [§ 4; U] (Not verified: it can grant nothing.)" in text
    policies = {policy.id: policy for policy in policies_of(pack)}
    assert [(p.id.partition("#")[2], p.effect) for p in policies.values()] == [
        ("list", "permit"), ("two", "forbid"), ("two~", "permit"), ("!search", "forbid"),
    ]  # fmt: skip
    assert policies["us/xx/code-1#two"].clause == (
        'unless { (context has "review.examiners" && (context["review.examiners"] >= 2)) }'
    )
    assert 'action in [Action::"after search"]' in policies["us/xx/code-1#two~"].text
    assert compile_grant(pack).count("forbid") == len(vocabulary().acts)


def test_what_is_evaluated_for_one_act_is_what_is_read() -> None:
    for pack in list(bundled().values())[::8]:
        for policy in policies_of(pack):
            for act in policy.acts:
                whole, one = (
                    json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]["policy0"]
                    for text in (policy.text, policy.text_for(act))
                )
                assert (whole["effect"], whole["conditions"]) == (one["effect"], one["conditions"])
                action = whole["action"]
                each = action["entities"] if "entities" in action else [action["entity"]]
                named = [entity["id"] for entity in each]
                assert one["action"]["op"] == "=="
                assert one["action"]["entity"]["id"] in named
                assert len(named) == len(policy.acts)


def test_only_the_facts_that_policies_turn_on_are_sent() -> None:
    pack = pack_of(None, {"when": {"use.mode": "live"}})
    evaluator = Evaluator([pack], [], "search")
    sent = evaluator._deciding._context(asking({"use.mode": "live", "case.number": True}).facts)
    assert json.loads(sent) == {"use.mode": "live"}


def test_a_policy_that_fails_is_never_passed_over() -> None:
    """Cedar leaves out a policy that cannot be evaluated; for a forbid that would permit."""
    pack = pack_of(None, {"when": {"gallery.size": {"more-than": 5}}})
    evaluator = Evaluator([pack], [], "search")
    with pytest.raises(RuntimeError, match="could not evaluate"):
        evaluator.ask([{"gallery.size": "many", "as-of": 20260101}])


def test_an_unverified_ground_is_no_policy_and_closes_the_list() -> None:
    pack = pack_of(None, {"kind": "permit-if", "tag": "U", "when": {"case.number": True}})
    assert [policy.effect for policy in policies_of(pack)] == ["forbid"]
    request = asking({"case.number": True})
    assert not decide(request, library=library_of(pack), policy=ALONE).permitted
