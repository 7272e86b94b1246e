"""A request in words: what was asked, what was stated, what the records said, how it was judged.

What an approver's passkey signs is the digest of the frozen JSON; these are that JSON's own
values, each beside the law's question that it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from countenance.desk.assembling import RequestForm, form_of
from countenance.desk.facts import REQUESTER
from countenance.faces import EngineCard
from countenance.law import (
    Caveat,
    Decision,
    Effect,
    Need,
    Obligation,
    Outcome,
    PackUse,
    Reason,
    bundled_vocabulary,
)
from countenance.web.rendering import words


@dataclass(frozen=True, slots=True)
class Answer:
    """One fact: the question, and the answer in words."""

    ask: str
    says: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A submitted request in words.

    Attributes
    ----------
    form
        What was filled in.
    stated, recorded
        Facts that the requester stated, and those of the records and the deployment.
    threshold
        In the engine's own unit; empty where the engine is another by now, or none is in force.
    """

    form: RequestForm
    stated: tuple[Answer, ...]
    recorded: tuple[Answer, ...]
    case: Mapping[str, Any]
    probe: Mapping[str, Any]
    requester: str
    submitted_at: str
    jurisdictions: tuple[str, ...]
    policy: tuple[str, ...]
    threshold: str
    list_length: int | None


def frozen_words(frozen: Mapping[str, Any], card: EngineCard) -> Frozen:
    """What was frozen (`requests.RequestView.frozen`), in words."""
    standing, facts = frozen["standing"], frozen["law"]["facts"]
    setting, threshold = standing["setting"], ""
    if setting and standing["form"]["engine"] == card.identity:
        threshold = f"{card.unit.name} {card.unit.to_unit(setting['threshold']):.6g}"
    return Frozen(
        form=form_of(standing["form"]),
        stated=answers(facts, (name for name in facts if name in REQUESTER)),
        recorded=answers(facts, (name for name in facts if name not in REQUESTER)),
        case=standing["case"], probe=standing["probe"], requester=standing["requester"],
        submitted_at=frozen["submitted-at"], jurisdictions=tuple(standing["jurisdictions"]),
        policy=tuple(standing["policy"]), threshold=threshold,
        list_length=setting["list-length"] if setting else None,
    )  # fmt: skip


def answers(facts: Mapping[str, Any], names: Iterable[str]) -> tuple[Answer, ...]:
    """Facts as questions and answers, in the vocabulary's order."""
    wanted = set(names)
    return tuple(
        Answer(fact.ask, _in_words(facts[name], fact.unit))
        for name, fact in bundled_vocabulary().items() if name in wanted
    )  # fmt: skip


def decision_of(value: Mapping[str, Any]) -> Decision:
    """The inverse of `Decision.to_json`."""
    return Decision(
        Outcome(value["outcome"]), value["as-of"], value["request-digest"],
        tuple(Reason(**{**_part(each), "effect": Effect(each["effect"])})
              for each in value["reasons"]),
        tuple(Need(**_part(each)) for each in value["needs"]),
        tuple(Obligation(**_part(each)) for each in value["obligations"]),
        tuple(Caveat(**_part(each)) for each in value["warnings"]),
        tuple(PackUse(**_part(each)) for each in value["packs"]),
        tuple(value["policy"]),
    )  # fmt: skip


def _part(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.replace("-", "_"): tuple(each) if isinstance(each, list) else each
        for name, each in value.items()
    }


def _in_words(value: Any, unit: str) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,} {unit}".rstrip()
        case str():
            return words(value)
    return ", ".join(sorted(words(each) for each in value)) or "none of these"
