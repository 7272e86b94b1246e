"""From what Cedar answered to what a person reads: reasons, needs, obligations, warnings.

Cedar says which policies decided. Here each becomes a reason with its citation, and a forbidding
rule that is only undecided names the unknown facts that it turns on.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from countenance.law.cedar import Answer, Evaluator
from countenance.law.conditions import Condition, Facts, atoms, holds, open_facts
from countenance.law.decision import (
    Caveat,
    Decision,
    Effect,
    Need,
    Obligation,
    Outcome,
    PackUse,
    Reason,
)
from countenance.law.request import Request
from countenance.law.rules import Duty, Kind, Pack, Rule, Tag
from countenance.law.vocabulary import Vocabulary

_OPEN = (Effect.OPEN, Effect.INCOMPLETE)
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
_NOT_IN_FORCE = "{name}, the policy this deployment named, is not in force on that day."


class Panel:
    """The packs that govern some requests for one act, ready to judge them.

    Parameters
    ----------
    packs
        All that govern, in order of their ids.
    grantors
        Those of them whose permission it takes.
    policy
        The ids of the deployment's policy.
    """

    def __init__(
        self,
        packs: tuple[Pack, ...],
        grantors: tuple[Pack, ...],
        policy: tuple[str, ...],
        act: str,
    ) -> None:
        self._packs, self._policy = packs, policy
        self.evaluator = Evaluator(packs, grantors, act)
        self._words = packs[0].words
        self._named = {pack.id: pack for pack in packs}
        self._grounds = {pack.id: pack.grounds(act) for pack in packs}
        self._ungranted = {pack.id: pack.ungranted(act) for pack in packs}
        self._rules = {rule.id: rule for pack in packs for rule in pack}
        own = [policy for policy in self.evaluator.policies if not policy.duty]
        self._broken = {policy.id: policy.turns_on for policy in own}
        place = {pack.id: n for n, pack in enumerate(packs)}
        # Packs in the order of their ids, in each its rules and then what its grounds leave out.
        order = sorted(own, key=lambda policy: place[policy.id.partition("#")[0]])
        self._order = {policy.id: n for n, policy in enumerate(order)}
        self._oblige = [
            (rule, rule.duty)
            for pack in packs
            for rule in pack
            if rule.duty is not None and act in rule.acts
        ]
        # Each rule's reason as it stands where nothing is unknown, and what to warn of.
        self._plain = {
            name: of_rule(rule, _EFFECTS.get(rule.kind, Effect.LACKS))
            for name, rule in self._rules.items()
        }
        self._cautions = {name: _caution(rule) for name, rule in self._rules.items()}
        self._unread = {name: _unread(rule) for name, rule in self._rules.items()}
        self._duty_facts = {atom.fact for rule, _ in self._oblige for atom in atoms(rule.scope)}

    def decide(
        self, request: Request, facts: Facts, answer: Answer, incomplete: tuple[Reason, ...]
    ) -> Decision:
        """The decision, from Cedar's answer and what the request leaves unsaid."""
        allowed = answer.allowed and not incomplete
        said = sorted(answer.policies, key=self._order.__getitem__)
        if allowed:
            reasons = [self._plain[name] for name in said]
        elif answer.allowed:  # the packs would permit it; what is missing lies before them
            reasons = [*incomplete]
        else:
            reasons = [*incomplete, *self._refusals(said, facts)]
        obligations = self._obligations(request, facts, answer, allowed)
        return make_decision(
            request, reasons, obligations, self._caveats(reasons, obligations),
            self._uses(reasons, answer, facts), self._policy, self._words, allowed=allowed,
        )  # fmt: skip

    def _refusals(self, said: Sequence[str], facts: Facts) -> Iterator[Reason]:
        for name in said:
            condition = self._broken[name]
            open_ = holds(condition, facts) is None
            if name not in self._rules:
                pack = self._named[name.partition("#")[0]]
                yield from self._on_grounds(pack, condition, open_, facts)
            elif open_:
                yield of_rule(self._rules[name], Effect.OPEN, open_facts(condition, facts))
            else:
                yield self._plain[name]

    def _on_grounds(
        self, pack: Pack, condition: Condition, open_: bool, facts: Facts
    ) -> Iterator[Reason]:
        """What follows where no ground of a pack is known to hold."""
        grounds = self._grounds[pack.id]
        unread = [r for r in grounds if not r.grants and holds(r.scope, facts)]
        if open_:
            yield _of_pack(pack, Effect.OPEN, grounds, open_facts(condition, facts))
        elif unread:
            yield from (of_rule(rule, Effect.UNVERIFIED) for rule in unread)
        elif holds(pack.window.condition, facts) is False:
            yield _of_pack(pack, Effect.NOT_GRANTED, (), says=_NOT_IN_FORCE)
        elif holds(self._ungranted[pack.id], facts):
            yield _of_pack(pack, Effect.NO_GROUND, grounds)
        else:
            yield _of_pack(pack, Effect.NOT_GRANTED, grounds)

    def _obligations(
        self, request: Request, facts: Facts, answer: Answer, allowed: bool
    ) -> list[Obligation]:
        wanted = ("permit", "always") if allowed else ("deny", "always")
        at = request.at
        if not answer.duties or at is None:
            return []
        sure = self._duty_facts <= facts.keys()
        return [
            _obligation(rule, duty, at, () if sure else open_facts(rule.scope, facts))
            for rule, duty in self._oblige
            if rule.id in answer.duties and duty.attaches in wanted
        ]

    def _caveats(
        self, reasons: Sequence[Reason], obligations: Sequence[Obligation]
    ) -> Iterator[Caveat]:
        for reason in reasons:
            if reason.effect is Effect.PERMITS:
                yield from self._cautions[reason.rule]
        used = [r.rule for r in reasons if r.rule] + [o.rule for o in obligations]
        for name in dict.fromkeys(used):
            yield from self._unread[name]

    def _uses(self, reasons: Sequence[Reason], answer: Answer, facts: Facts) -> Iterator[PackUse]:
        """What each pack alone says: the strictest of its reasons, else whether it grants."""
        said: dict[str, str] = {}
        for reason in reasons:
            if reason.effect is Effect.OPEN:
                said.setdefault(reason.pack, "open")
            elif reason.effect is not Effect.PERMITS:
                said[reason.pack] = "forbids"
        for pack in self._packs:
            what = said.get(pack.id)
            if what is None:
                what = "permits" if self._grants(pack, answer, facts) else "silent"
            yield _use(pack, pack.id in self._policy, what)

    def _grants(self, pack: Pack, answer: Answer, facts: Facts) -> bool:
        grounds = self._grounds[pack.id]
        if answer.allowed:  # Cedar then names every permit that holds
            return any(rule.id in answer.policies for rule in grounds)
        return any(rule.grants and holds(rule.scope, facts) for rule in grounds)


@lru_cache(maxsize=512)
def panel(
    packs: tuple[Pack, ...], grantors: tuple[Pack, ...], policy: tuple[str, ...], act: str
) -> Panel:
    """The panel of these packs; kept, because parsing takes longer than deciding."""
    return Panel(packs, grantors, policy, act)


def make_decision(
    request: Request, reasons: Sequence[Reason], obligations: Iterable[Obligation],
    warnings: Iterable[Caveat], packs: Iterable[PackUse], policy: tuple[str, ...],
    words: Vocabulary, *, allowed: bool,
) -> Decision:  # fmt: skip
    """A decision, with what is needed out of its reasons."""
    if allowed:
        outcome = Outcome.PERMIT
    elif reasons and all(reason.effect in _OPEN for reason in reasons):
        outcome = Outcome.NEEDS
    else:
        outcome = Outcome.DENY
    as_of = request.as_of
    return Decision(
        outcome, "" if as_of is None else as_of.isoformat(), request.digest, tuple(reasons),
        tuple(_needs(reasons, words)), tuple(obligations), tuple(warnings), tuple(packs), policy,
    )  # fmt: skip


def unread_packs(packs: Iterable[Pack], policy: Sequence[str]) -> Iterator[PackUse]:
    """Packs that would govern and were not asked."""
    return (_use(pack, pack.id in policy, "silent") for pack in packs)


def of_rule(rule: Rule, effect: Effect, facts: tuple[str, ...] = ()) -> Reason:
    """What a rule says, as a reason."""
    return Reason(
        effect, rule.says, rule.cite, rule.pack, rule.id, rule.checked.tag.value,
        rule.checked.source, rule.checked.on.isoformat(), facts=facts,
    )  # fmt: skip


def _of_pack(
    pack: Pack,
    effect: Effect,
    rules: tuple[Rule, ...],
    facts: tuple[str, ...] = (),
    says: str = "",
) -> Reason:
    return Reason(
        effect, (says or _OF_GROUNDS[effect]).format(name=pack.name), pack.citation, pack.id, "",
        pack.checked.tag.value, pack.checked.source, pack.checked.on.isoformat(),
        tuple(rule.id for rule in rules), facts,
    )  # fmt: skip


def _needs(reasons: Iterable[Reason], words: Vocabulary) -> Iterator[Need]:
    """Every open fact once, with the rules that turn on it."""
    asked: dict[str, list[Reason]] = {}
    for reason in reasons:
        for name in reason.facts:
            asked.setdefault(name, []).append(reason)
    for name, turning in asked.items():
        fact = words.get(name)
        yield Need(
            name, fact.ask if fact else turning[0].says, fact.to_do if fact else False,
            tuple(dict.fromkeys(reason.rule or reason.pack for reason in turning)),
            "; ".join(dict.fromkeys(reason.cite for reason in turning)),
        )  # fmt: skip


def _obligation(
    rule: Rule, duty: Duty, at: datetime.datetime, facts: tuple[str, ...]
) -> Obligation:
    due, when = _due(duty, at)
    return Obligation(
        rule.id, duty.what, rule.says, rule.cite, rule.checked.tag.value, rule.kind.value, duty.to,
        due, when, duty.keep_days, duty.at_most, duty.items, facts,
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


def _caution(rule: Rule) -> tuple[Caveat, ...]:
    return (Caveat("caution", rule.caution, rule.cite, rule.id),) if rule.caution else ()


def _unread(rule: Rule) -> tuple[Caveat, ...]:
    tag = rule.checked.tag
    if tag is Tag.VERIFIED:
        return ()
    says = f"Read the section before you rely on this: {tag.words}."
    code = "unverified" if tag is Tag.UNVERIFIED else "second-hand"
    return (Caveat(code, says, rule.cite, rule.id),)


@lru_cache(maxsize=8192)
def _use(pack: Pack, policy: bool, says: str) -> PackUse:
    return PackUse(pack.id, pack.version, pack.digest, policy, says)
