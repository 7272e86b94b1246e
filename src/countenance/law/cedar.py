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

Policies are checked against a schema made from the vocabulary (`validate`), and the facts of a
request against the same vocabulary when the request is made; Cedar gets only those facts that the
policies of the act turn on.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from countenance.law.conditions import NEVER, Condition, atoms, cedar_false, cedar_true
from countenance.law.rules import AS_OF, Pack, Rule
from countenance.law.vocabulary import Kind as FactKind
from countenance.law.vocabulary import Value, Vocabulary, vocabulary

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


@lru_cache(maxsize=8)
def cedar_schema(words: Vocabulary | None = None) -> str:
    """The Cedar schema of every request, made from the vocabulary."""
    words = vocabulary() if words is None else words
    facts = "\n".join(f'    "{fact.name}"?: {_TYPES[fact.kind]},' for fact in words.values())
    actions = ",\n  ".join(f'"{name}"' for act in words.acts for name in (act, after(act)))
    return (
        "entity Agency;\nentity Matter;\n"
        f"action\n  {actions}\nappliesTo {{\n  principal: Agency,\n  resource: Matter,\n"
        f'  context: {{\n    "{AS_OF}": Long,\n{facts}\n  }}\n}};\n'
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """One Cedar policy.

    Attributes
    ----------
    id
        As it is in the answer of Cedar.
    acts
        For which it is made.
    duty
        It says where a duty attaches; otherwise it decides.
    turns_on
        What it is made of: true where a permit or a duty holds, or where a forbid forbids.
    """

    id: str
    acts: tuple[str, ...]
    duty: bool
    turns_on: Condition
    effect: str
    clause: str
    comment: str

    @property
    def text(self) -> str:
        """As it is read, with what it says in words."""
        acts = (after(act) if self.duty else act for act in self.acts)
        return _comment(self.comment) + self._written(
            f"action in [{', '.join(map(_action, acts))}]"
        )

    def text_for(self, act: str) -> str:
        """The same for one act alone, which is how it is evaluated: it is a fifth faster."""
        return self._written(f"action == {_action(after(act) if self.duty else act)}")

    def _written(self, action: str) -> str:
        return f'@id("{self.id}")\n{self.effect} (principal, {action}, resource)\n{self.clause};\n'


def _action(name: str) -> str:
    return f'Action::"{name}"'


@lru_cache(maxsize=1024)
def policies_of(pack: Pack) -> tuple[Policy, ...]:
    """A pack's policies: a pure function of its bytes and its vocabulary."""
    found = [policy for rule in pack for policy in _of_rule(rule)]
    comment = f"{pack.name} permits this act only on the grounds it names."
    found += [
        _forbid(f"{pack.id}#!{act}", (act,), pack.ungranted(act), comment)
        for act in pack.words.acts
        if pack.grounds(act)
    ]
    return tuple(found)


@lru_cache(maxsize=512)
def grants_of(pack: Pack) -> tuple[Policy, ...]:
    """What is added where a pack is a deployment's policy: what it does not grant is forbidden."""
    comment = "As a policy: what it does not grant is not granted."
    return tuple(
        _forbid(f"{pack.id}#+{act}", (act,), pack.ungranted_as_policy(act), comment)
        for act in pack.words.acts
    )


def compile_pack(pack: Pack) -> str:
    """The Cedar text of one pack, to be read."""
    title = f"{pack.name}: {pack.citation} ({pack.id}, version {pack.version})"
    silent = [
        _comment(f"{_about(rule)} (Not verified: it can grant nothing.)")
        for rule in pack
        if not any(True for _ in _of_rule(rule))
    ]
    parts = [_comment(title) + f"// SHA-256 {pack.digest}\n", *silent]
    return "\n".join([*parts, *(policy.text for policy in policies_of(pack))])


def compile_grant(pack: Pack) -> str:
    """The Cedar text of what is added where a pack is a deployment's policy."""
    return "\n".join(policy.text for policy in grants_of(pack))


def _of_rule(rule: Rule) -> Iterator[Policy]:
    if rule.grants:
        yield _policy("permit", rule.id, rule.acts, rule.scope, _about(rule))
    elif rule.broken != NEVER:
        yield _forbid(rule.id, rule.acts, rule.broken, _about(rule))
    if rule.duty is not None:
        yield _policy("permit", f"{rule.id}~", rule.acts, rule.scope, _about(rule), duty=True)


def _about(rule: Rule) -> str:
    return f"{rule.says} [{rule.cite}; {rule.checked.tag}]"


def _forbid(name: str, acts: tuple[str, ...], broken: Condition, comment: str) -> Policy:
    return _policy("forbid", name, acts, broken, comment)


def _policy(
    effect: str, name: str, acts: tuple[str, ...], condition: Condition, comment: str,
    *, duty: bool = False,
) -> Policy:  # fmt: skip
    """A policy. What restricts or obliges does so *unless* its condition is known to be false."""
    careful = effect == "forbid" or duty
    clause = f"unless {{ {cedar_false(condition)} }}" if careful else (
        f"when {{ {cedar_true(condition)} }}"
    )  # fmt: skip
    return Policy(name, acts, duty, condition, effect, clause, comment)


def _comment(text: str) -> str:
    """Text as a comment that it cannot leave: no character in it ends a line or is hidden."""
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
    """The policies of some packs for one act, parsed once.

    Attributes
    ----------
    policies
        Every policy for the act, in the order of packs and rules.
    """

    def __init__(self, packs: Sequence[Pack], policy: Sequence[Pack], act: str) -> None:
        every = [*(p for pack in packs for p in policies_of(pack)),
                 *(p for pack in policy for p in grants_of(pack))]  # fmt: skip
        # Of a pack that must grant, `+` forbids all that `!` would.
        said_again = {f"{pack.id}#!{act}" for pack in policy}
        self.policies = tuple(p for p in every if act in p.acts and p.id not in said_again)
        self._deciding = _Set([p for p in self.policies if not p.duty], act)
        self._obliging = _Set([p for p in self.policies if p.duty], act)

    def ask(self, requests: Sequence[Mapping[str, Value]]) -> list[Answer]:
        """Answers for the facts of each (with `AS_OF`), in order."""
        decided = self._deciding.ask(requests)
        obliged = self._obliging.ask(requests)
        return [
            Answer(allowed, policies, frozenset(name[:-1] for name in duties))
            for (allowed, policies), (_, duties) in zip(decided, obliged, strict=True)
        ]


class _Set:
    """A parsed set of policies for one action, and the facts that they turn on."""

    def __init__(self, policies: Sequence[Policy], act: str) -> None:
        import cedarpy

        action = after(act) if policies and policies[0].duty else act

        self._cedar = cedarpy
        self._names = sorted({atom.fact for p in policies for atom in atoms(p.turns_on)})
        self._policies = cedarpy.PolicySet.from_str("".join(p.text_for(act) for p in policies))
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._request = {
            "principal": {"type": "Agency", "id": ""},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Matter", "id": ""},
        }
        self._empty = not policies

    def ask(self, requests: Sequence[Mapping[str, Value]]) -> list[tuple[bool, frozenset[str]]]:
        if self._empty:  # Cedar's own default deny, without asking
            return [(False, frozenset())] * len(requests)
        asked = [{**self._request, "context": self._context(facts)} for facts in requests]
        found = self._cedar.is_authorized_batch(asked, self._policies, self._entities)
        allow, none = self._cedar.Decision.Allow, self._cedar.Decision.NoDecision
        answers = []
        for result in found:
            decision, diagnostics = result.decision, result.diagnostics
            # A policy that fails is skipped by Cedar; here that must never widen a permission.
            if diagnostics.errors or decision is none:
                raise RuntimeError(f"Cedar could not evaluate: {diagnostics.errors}")
            ids = frozenset(diagnostics.id_annotations_by_reason.values())
            answers.append((decision is allow, ids))
        return answers

    def _context(self, facts: Mapping[str, Value]) -> str:
        known = {name: facts[name] for name in self._names if name in facts}
        return msgspec.json.encode(known).decode()


def validate(pack: Pack) -> list[str]:
    """What Cedar's own validator finds wrong in a pack's policies, against the schema."""
    import cedarpy

    text = compile_pack(pack) + compile_grant(pack)
    return [
        str(error) for error in cedarpy.validate_policies(text, cedar_schema(pack.words)).errors
    ]
