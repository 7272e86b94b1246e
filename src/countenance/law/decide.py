"""The decision on a request: Cedar decides, the packs explain.

Default deny. Permitted is only what every policy pack grants, what no governing pack forbids, and
what no unknown fact leaves open.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from countenance.law.cedar import Answer, evaluator
from countenance.law.conditions import Facts, holds, negated, open_facts
from countenance.law.decision import (
    Decision,
    Effect,
    Need,
    Obligation,
    Outcome,
    PackUse,
    Reason,
    Caveat,
)
from countenance.law.errors import RequestError
from countenance.law.library import MODEL, Library, bundled
from countenance.law.packs import AS_OF, Duty, Kind, Pack, Rule, Tag, day_number
from countenance.law.request import Request
from countenance.law.vocabulary import vocabulary

HOUSE = "Countenance, default deny: docs/law.md"
_OPEN = (Effect.OPEN, Effect.INCOMPLETE)


def decide(
    request: Request, *, library: Library | None = None, policy: Sequence[str] = ()
) -> Decision:
    """Judge a request.

    Parameters
    ----------
    request
        What is asked. Its time says as of which day the rules are read.
    library
        The packs at hand; those that come with this version, if not given.
    policy
        Ids of the packs whose permission it takes, all of them: the deployment's own policy, or a
        statute that the deployment applies as it stands. The strict `model` where none is named.
        One that only restricts (a bill to keep as if it were law) need not grant, beside others.

    Raises
    ------
    RequestError
        Where `policy` names a pack that is not at hand.
    """
    return decide_many([request], library=library, policy=policy)[0]


def decide_many(
    requests: Iterable[Request], *, library: Library | None = None, policy: Sequence[str] = ()
) -> list[Decision]:
    """Judge many requests; those under the same packs share one evaluation."""
    library = bundled() if library is None else library
    policy = tuple(sorted(set(policy))) or (MODEL,)
    for name in policy:
        if name not in library:
            raise RequestError(
                f"there is no pack `{name}`", where="policy", do="countenance law list"
            )
    matters = [_Matter.of(request, library, policy) for request in requests]
    groups: dict[tuple[Pack, ...], list[_Matter]] = {}
    for matter in matters:
        if matter.judgeable:
            groups.setdefault(matter.packs, []).append(matter)
    for packs, group in groups.items():
        asked = evaluator(packs, _grantors(packs, policy))
        for matter, answer in zip(
            group, asked.ask([(m.request.act or "", m.facts) for m in group]), strict=True
        ):
            matter.answer = answer
    return [_decision(matter) for matter in matters]


@dataclass(slots=True)
class _Matter:
    """One request on its way to its decision."""

    request: Request
    packs: tuple[Pack, ...]
    policy: tuple[str, ...]
    facts: Facts
    incomplete: tuple[Reason, ...]
    answer: Answer | None = None

    @classmethod
    def of(cls, request: Request, library: Library, policy: tuple[str, ...]) -> _Matter:
        day = request.as_of
        facts = dict(request.facts)
        if day is not None:
            facts[AS_OF] = day_number(day)
        packs = library.governing(request, policy)
        return cls(request, packs, policy, facts, tuple(_incomplete(request, library)))

    @property
    def judgeable(self) -> bool:
        """Whether there is enough to ask Cedar at all."""
        return self.request.act is not None and self.request.at is not None


def _grantors(packs: Iterable[Pack], policy: Sequence[str]) -> tuple[Pack, ...]:
    """The policy packs that must grant: all that name grounds for anything.

    One that names none (a bill that only forbids) restricts what the others grant. Alone it grants
    nothing.
    """
    named = tuple(pack for pack in packs if pack.id in policy)
    return tuple(p for p in named if any(r.kind is Kind.PERMIT_IF for r in p)) or named


def _incomplete(request: Request, library: Library) -> Iterable[Reason]:
    """What keeps a request from being judged, whatever any pack says."""
    if request.at is None:
        yield Reason(
            Effect.INCOMPLETE, "It is not stated when this is to be done.", HOUSE, facts=("at",)
        )
    if request.act is None:
        yield Reason(
            Effect.INCOMPLETE, "It is not stated what is to be done.", HOUSE, facts=("act",)
        )
    if not request.jurisdictions:
        yield Reason(Effect.INCOMPLETE, "It is not stated whose law binds the agency.", HOUSE,
                     facts=("jurisdictions",))  # fmt: skip
    behalf = request.facts.get("behalf.of")
    if behalf is None:
        yield Reason(Effect.INCOMPLETE, "It is not stated on whose behalf this is done.", HOUSE,
                     facts=("behalf.of",))  # fmt: skip
    elif behalf != "own-agency" and not request.behalf_jurisdictions:
        yield Reason(
            Effect.INCOMPLETE,
            "It is not stated whose law binds those on whose behalf this is done.", HOUSE,
            facts=("behalf-jurisdictions",),
        )  # fmt: skip
    for place in dict.fromkeys(request.jurisdictions + request.behalf_jurisdictions):
        if not library.covers(place):
            yield Reason(Effect.NO_PACK, f"There is no rule pack for {place}.", HOUSE)


def _decision(matter: _Matter) -> Decision:
    reasons = [*matter.incomplete]
    obligations: list[Obligation] = []
    allowed = False
    if matter.answer is not None:
        allowed = matter.answer.allowed and not matter.incomplete
        for pack in matter.packs:
            reasons += _reasons(pack, matter)
        if not allowed:
            reasons = [reason for reason in reasons if reason.effect is not Effect.PERMITS]
        obligations = _obligations(matter, allowed)
    if allowed:
        outcome = Outcome.PERMIT
    elif all(reason.effect in _OPEN for reason in reasons):
        outcome = Outcome.NEEDS
    else:
        outcome = Outcome.DENY
    as_of = matter.request.as_of
    return Decision(
        outcome, "" if as_of is None else as_of.isoformat(), matter.request.digest,
        tuple(reasons), tuple(_needs(reasons)), tuple(obligations),
        tuple(_warnings(matter, reasons, obligations)),
        tuple(_use(pack, matter) for pack in matter.packs), matter.policy,
    )  # fmt: skip


def _reasons(pack: Pack, matter: _Matter) -> Iterable[Reason]:
    """What one pack has to say, in the order of its rules."""
    said = matter.answer.policies
    for rule in pack:
        if rule.id not in said:
            continue
        if rule.kind is not Kind.PERMIT_IF and holds(rule.broken, matter.facts) is None:
            yield _reason(rule, Effect.OPEN, open_facts(rule.broken, matter.facts))
        else:
            yield _reason(rule, _EFFECTS.get(rule.kind, Effect.LACKS))
    yield from _on_grounds(pack, matter)


def _on_grounds(pack: Pack, matter: _Matter) -> Iterable[Reason]:
    """What follows from the grounds a pack names, or as a policy does not name."""
    assert matter.answer is not None
    said, act = matter.answer.policies, matter.request.act or ""
    for sign, effect, refused in (
        ("!", Effect.NO_GROUND, pack.ungranted(act)),
        ("+", Effect.NOT_GRANTED, negated(pack.granted(act))),
    ):
        if f"{pack.id}#{sign}{act}" not in said:
            continue
        truth = holds(refused, matter.facts)
        unread = [
            rule for rule in pack.grounds(act)
            if not rule.grants and holds(rule.scope, matter.facts) is not False
        ]  # fmt: skip
        if truth is None:
            yield _of_pack(pack, Effect.OPEN, act, open_facts(refused, matter.facts))
        elif unread:
            yield _reason(unread[0], Effect.UNVERIFIED)
        else:
            yield _of_pack(pack, effect, act)
        if truth:
            return  # as a policy it would only say the same again


_EFFECTS = {
    Kind.PERMIT_IF: Effect.PERMITS,
    Kind.PROHIBIT: Effect.PROHIBITS,
    Kind.LIVE_BAN: Effect.PROHIBITS,
}
_OF_GROUNDS = {
    Effect.OPEN: "Whether one of the grounds of {name} holds is not known.",
    Effect.NO_GROUND: "None of the grounds on which {name} permits this holds.",
    Effect.NOT_GRANTED: "{name}, the policy this deployment named, does not grant this.",
}


def _reason(rule: Rule, effect: Effect, facts: tuple[str, ...] = ()) -> Reason:
    return Reason(
        effect, rule.says, rule.cite, rule.pack, rule.id, rule.checked.tag.value,
        rule.checked.source, rule.checked.on.isoformat(), facts=facts,
    )  # fmt: skip


def _of_pack(pack: Pack, effect: Effect, act: str, facts: tuple[str, ...] = ()) -> Reason:
    return Reason(
        effect, _OF_GROUNDS[effect].format(name=pack.name), pack.citation, pack.id, "", pack.checked.tag.value,
        pack.checked.source, pack.checked.on.isoformat(),
        tuple(rule.id for rule in pack.grounds(act)), facts,
    )  # fmt: skip


def _needs(reasons: Iterable[Reason]) -> Iterable[Need]:
    """Every open fact once, with the rules that turn on it."""
    asked: dict[str, list[Reason]] = {}
    for reason in reasons:
        for fact in reason.facts:
            asked.setdefault(fact, []).append(reason)
    words = vocabulary()
    for name, turning in asked.items():
        fact = words.get(name)
        yield Need(
            name, fact.ask if fact else turning[0].says, bool(fact and fact.to_do),
            tuple(dict.fromkeys(reason.rule or reason.pack for reason in turning)),
            "; ".join(dict.fromkeys(reason.cite for reason in turning)),
        )  # fmt: skip


def _obligations(matter: _Matter, allowed: bool) -> list[Obligation]:
    assert matter.answer is not None
    wanted = ("permit", "always") if allowed else ("deny", "always")
    at = matter.request.at
    assert at is not None
    return [
        _obligation(rule, rule.duty, at)
        for pack in matter.packs
        for rule in pack
        if rule.duty is not None and rule.duty.attaches in wanted
        if rule.id in matter.answer.duties
    ]


def _obligation(rule: Rule, duty: Duty, at: datetime.datetime) -> Obligation:
    due, when = _due(duty, at)
    return Obligation(
        rule.id, duty.what, rule.says, rule.cite, rule.checked.tag.value, rule.kind.value, duty.to,
        due, when, duty.keep_days, duty.at_most, duty.items,
    )  # fmt: skip


def _due(duty: Duty, at: datetime.datetime) -> tuple[str, str]:
    """When a duty falls due: as a day or time, and in words."""
    if duty.within_hours is not None:
        due = at + datetime.timedelta(hours=duty.within_hours)
        return due.isoformat(), f"within {duty.within_hours} hours"
    if duty.within_days is not None:
        due = at + datetime.timedelta(days=duty.within_days)
        return due.date().isoformat(), f"within {duty.within_days} days"
    if duty.yearly:
        month, day = map(int, duty.yearly.split("-"))
        this = datetime.date(at.year, month, day)
        due_day = this if this > at.date() else datetime.date(at.year + 1, month, day)
        return due_day.isoformat(), "every year"
    if duty.before:
        return "", f"before {duty.before}"
    return "", f"every {duty.every}" if duty.every else ""


def _warnings(
    matter: _Matter, reasons: Sequence[Reason], obligations: Sequence[Obligation]
) -> Iterable[Caveat]:
    rules = {rule.id: rule for pack in matter.packs for rule in pack}
    for reason in reasons:
        rule = rules.get(reason.rule)
        if rule is not None and rule.caution and reason.effect is Effect.PERMITS:
            yield Caveat("caution", rule.caution, rule.cite, rule.id)
    for used in dict.fromkeys([r.rule for r in reasons if r.rule] + [o.rule for o in obligations]):
        rule = rules[used]
        if rule.checked.tag is not Tag.VERIFIED:
            yield Caveat(
                "unverified" if rule.checked.tag is Tag.UNVERIFIED else "second-hand",
                f"Read the section before you rely on this: {rule.checked.tag.words}.",
                rule.cite, rule.id,
            )  # fmt: skip


def _use(pack: Pack, matter: _Matter) -> PackUse:
    said = "silent"
    if matter.answer is not None:
        act, facts = matter.request.act or "", matter.facts
        refusals = [rule.broken for rule in pack if act in rule.acts]
        refusals.append(pack.ungranted(act))
        if pack in _grantors(matter.packs, matter.policy):
            refusals.append(negated(pack.granted(act)))
        truths = [holds(refusal, facts) for refusal in refusals]
        if True in truths:
            said = "forbids"
        elif None in truths:
            said = "open"
        elif holds(pack.granted(act), facts):
            said = "permits"
    return PackUse(pack.id, pack.version, pack.digest, pack.id in matter.policy, said)
