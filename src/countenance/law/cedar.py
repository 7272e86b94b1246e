"""Packs as Cedar policies, and the evaluation of them.

Every rule becomes a policy that can be read beside it:

===============  ==================================================================================
``pack#rule``    permit: the ground holds; or forbid, *unless* it is known that the rule is kept
``pack#!search`` forbid, unless a ground that the pack names for this act holds
``pack#+search`` the same of a deployment's policy, whoever the pack applies to
``pack#rule~``   permit, of the action ``after search``: the rule's duty attaches
===============  ==================================================================================

Cedar denies by default and a forbid beats every permit. So a request is allowed only where every
policy pack grants it and every rule of every governing pack is known to be kept. Whether a rule
that forbids is broken or only open is for the explanation, not for the decision.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from countenance.law.conditions import (
    NEVER,
    cedar_false,
    cedar_true,
)
from countenance.law.packs import AS_OF, Pack, Rule
from countenance.law.vocabulary import Kind as FactKind
from countenance.law.vocabulary import Value, vocabulary

_TYPES = {
    FactKind.YES_NO: "Bool",
    FactKind.NUMBER: "Long",
    FactKind.TEXT: "String",
    FactKind.ONE_OF: "String",
    FactKind.SOME_OF: "Set<String>",
}


def after(act: str) -> str:
    """The Cedar action under which an act's duties are asked for."""
    return f"after {act}"


@cache
def schema_text() -> str:
    """The Cedar schema of every request, made from the vocabulary."""
    words = vocabulary()
    facts = "\n".join(f'    "{fact.name}"?: {_TYPES[fact.kind]},' for fact in words.values())
    acts = words["act"].words
    actions = ",\n  ".join(f'"{name}"' for act in acts for name in (act, after(act)))
    return (
        "entity Agency;\nentity Matter;\n"
        f"action\n  {actions}\nappliesTo {{\n  principal: Agency,\n  resource: Matter,\n"
        f'  context: {{\n    "{AS_OF}": Long,\n{facts}\n  }}\n}};\n'
    )


@lru_cache(maxsize=512)
def compile_pack(pack: Pack) -> str:
    """The Cedar text of one pack: a pure function of the pack's bytes."""
    parts = [f"// {pack.name}: {pack.citation}\n// {pack.id}, version {pack.version}, "
             f"SHA-256 {pack.digest}\n"]  # fmt: skip
    for rule in pack:
        parts.append(_compile_rule(rule))
    for act in vocabulary()["act"].words:
        if pack.grounds(act):
            comment = f"{pack.name} permits this act only on the grounds it names."
            kept = cedar_false(pack.ungranted(act))
            parts.append(_policy("forbid", f"{pack.id}#!{act}", (act,), "unless", kept, comment))
    return "\n".join(parts)


@lru_cache(maxsize=512)
def compile_grant(pack: Pack) -> str:
    """What is added where a pack is a deployment's policy: what it does not grant is forbidden."""
    comment = "As a policy: what it does not grant is not granted."
    return "\n".join(
        _policy(
            "forbid", f"{pack.id}#+{act}", (act,), "unless", cedar_true(pack.granted(act)), comment
        )
        for act in vocabulary()["act"].words
    )


def _compile_rule(rule: Rule) -> str:
    parts = []
    if rule.grants:
        parts.append(
            _policy("permit", rule.id, rule.acts, "when", cedar_true(rule.scope), _about(rule))
        )
    elif rule.broken != NEVER:
        kept = cedar_false(rule.broken)
        parts.append(_policy("forbid", rule.id, rule.acts, "unless", kept, _about(rule)))
    if rule.duty is not None:
        acts = tuple(after(act) for act in rule.acts)
        out = cedar_false(rule.scope)
        parts.append(_policy("permit", f"{rule.id}~", acts, "unless", out, _about(rule)))
    if not parts:
        parts.append(_comment(_about(rule) + " (Not verified: it can grant nothing.)"))
    return "\n".join(parts)


def _about(rule: Rule) -> str:
    return f"{rule.says} [{rule.cite}; {rule.checked.tag}]"


def _policy(
    effect: str, name: str, acts: Sequence[str], word: str, condition: str, comment: str
) -> str:
    actions = ", ".join(f'Action::"{act}"' for act in acts)
    return (
        f'{_comment(comment)}@id("{name}")\n'
        f"{effect} (principal, action in [{actions}], resource)\n{word} {{ {condition} }};\n"
    )


def _comment(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text)
    return (
        "\n".join(textwrap.wrap(plain, 96, initial_indent="// ", subsequent_indent="// ")) + "\n"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cedar said of one request: the ids of the policies that decided, and of the duties."""

    allowed: bool
    policies: frozenset[str]
    duties: frozenset[str]


class Evaluator:
    """A fixed set of packs, parsed once."""

    def __init__(self, packs: Sequence[Pack], policy: Sequence[Pack]) -> None:
        import cedarpy

        self._cedar = cedarpy
        self.text = "\n".join([*map(compile_pack, packs), *map(compile_grant, policy)])
        self._policies = cedarpy.PolicySet.from_str(self.text)
        self._schema = cedarpy.Schema.from_str(schema_text())
        self._entities = cedarpy.Entities.from_json_str("[]")

    def ask(self, requests: Sequence[tuple[str, Mapping[str, Value]]]) -> list[Answer]:
        """Answers for (act, facts with `AS_OF`), in order."""
        asked = [
            _cedar_request(name, facts) for act, facts in requests for name in (act, after(act))
        ]
        found = self._cedar.is_authorized_batch(
            asked, self._policies, self._entities, self._schema
        )
        for result in found:
            # A policy that fails is skipped by Cedar; here that must never widen a permission.
            if result.diagnostics.errors or result.decision == self._cedar.Decision.NoDecision:
                raise RuntimeError(f"Cedar could not evaluate: {result.diagnostics.errors}")
        return [
            Answer(
                decided.allowed,
                frozenset(decided.diagnostics.id_annotations_by_reason.values()),
                frozenset(
                    name[:-1] for name in duties.diagnostics.id_annotations_by_reason.values()
                ),
            )
            for decided, duties in zip(found[::2], found[1::2], strict=True)
        ]


@lru_cache(maxsize=64)
def evaluator(packs: tuple[Pack, ...], policy: tuple[Pack, ...]) -> Evaluator:
    """The evaluator of these packs; kept, because parsing takes longer than deciding."""
    return Evaluator(packs, policy)


def validate(pack: Pack) -> list[str]:
    """What Cedar's own validator finds wrong in a pack's policies, against the schema."""
    import cedarpy

    text = compile_pack(pack) + compile_grant(pack)
    return [str(error) for error in cedarpy.validate_policies(text, schema_text()).errors]


def _cedar_request(action: str, facts: Mapping[str, Value]) -> dict[str, Any]:
    context = {k: sorted(v) if isinstance(v, frozenset) else v for k, v in facts.items()}
    return {
        "principal": {"type": "Agency", "id": str(facts.get("agency.name", ""))},
        "action": {"type": "Action", "id": action},
        "resource": {"type": "Matter", "id": ""},
        "context": context,
    }
