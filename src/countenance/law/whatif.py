"""Which smallest sets of facts would turn a denial into a permission, or that none would.

This is for somebody who wants to do right: get the warrant, have the second person approve, train
the examiner. So facts are of two kinds. What is *to do* may be done. A *fact of the case* is as it
is; a way that needs one to be otherwise says that the case would have to be another one, and a
fact may be corrected where it was stated wrongly, never chosen for its effect.

The ways are found by deletion and by Reiter's hitting-set tree over a solver: take all facts as
open, drop one after the other while a permission remains possible, forbid one of what is left and
begin again. Where the tree was walked to its end, every smallest way is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countenance.law.conditions import Condition, atoms, holds, negated
from countenance.law.decision import Decision, Effect, Reason
from countenance.law.judging import decide, effective_policy, grantors
from countenance.law.library import Library
from countenance.law.packs import AS_OF, Kind, day_number
from countenance.law.request import Request
from countenance.law.solve import SearchTooLongError, solve
from countenance.law.vocabulary import Fact, Value, Vocabulary, vocabulary
from countenance.law.vocabulary import Kind as FactKind

MAX_NODES = 40
_GIVEN = ("act", "agency.kind", "behalf.of", AS_OF)  # of another asker it is another request


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that would have to be so. `was` is None where it is unknown.

    `also` are other values that would do as well, the rest being as said.
    """

    fact: str
    ask: str
    to_do: bool
    was: Value | None
    becomes: Value
    also: tuple[Value, ...] = ()
    cite: str = ""

    @property
    def sentence(self) -> str:
        """What a person reads: it ends in a citation."""
        now = "" if self.was is None else f"; now: {shown(self.was)}"
        also = f" (or {', '.join(map(shown, self.also))})" if self.also else ""
        return f"{self.ask} {shown(self.becomes)}{also}{now} [{self.cite}]"

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "fact": self.fact, "ask": self.ask, "to-do": self.to_do, "was": _json(self.was),
            "becomes": _json(self.becomes), "also": [_json(value) for value in self.also],
            "cite": self.cite,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """A smallest set of changes: with all of them it is permitted, without one of them it is not.

    `honest` where nothing that is known of the case would have to be otherwise: every change is
    something to do, or states what nobody has stated yet.
    """

    changes: tuple[Change, ...]

    @property
    def honest(self) -> bool:
        """Whether it asks nobody to say anything else of the case than is known of it."""
        return all(change.to_do or change.was is None for change in self.changes)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would have to change.

    Attributes
    ----------
    decision
        The decision on the request as it is.
    ways
        The smallest ways found, honest ones first, then by size.
    complete
        Whether these are all the smallest ways there are.
    why_none
        Reasons that no fact can change, where there is no way.
    """

    decision: Decision
    ways: tuple[Way, ...]
    complete: bool
    why_none: tuple[Reason, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "outcome": self.decision.outcome.value,
            "complete": self.complete,
            "ways": [
                {"honest": way.honest, "changes": [change.to_json() for change in way.changes]}
                for way in self.ways
            ],
            "why-none": [reason.sentence for reason in self.why_none],
        }


def what_if(
    request: Request, *, library: Library, policy: Sequence[str] = (), most: int = 5
) -> WhatIf:
    """The smallest ways from a denial to a permission, at most `most` of each kind.

    The request's time, places, act and asker stay as they are: with another of these it is another
    request. Raises RequestError as `decide` does.
    """
    decision = decide(request, library=library, policy=policy)
    stuck = tuple(r for r in decision.reasons if r.effect in (Effect.NO_PACK, Effect.INCOMPLETE))
    if decision.permitted or stuck:
        return WhatIf(decision, (), complete=True, why_none=stuck)
    problem = _Problem.of(request, library, effective_policy(policy, library))
    case = {n for n in problem.facts if n in problem.open and not problem.words[n].to_do}
    honest, all_honest = problem.ways(problem.open - case, most)
    ways, whole = honest, all_honest
    if not honest:
        ways, whole = problem.ways(problem.open, most)
    if ways:
        return WhatIf(decision, tuple(ways), complete=whole)
    return WhatIf(decision, (), complete=whole, why_none=decision.reasons)


@dataclass(frozen=True, slots=True)
class _Problem:
    """What must hold for a permission, and the facts that may be otherwise."""

    must: tuple[Condition, ...]
    cites: Mapping[str, str]
    facts: Mapping[str, Value]
    open: frozenset[str]
    words: Vocabulary

    @classmethod
    def of(cls, request: Request, library: Library, policy: Sequence[str]) -> _Problem:
        act = request.act or ""
        must: list[tuple[Condition, str]] = []
        packs = library.governing(request, policy)
        granting = grantors(packs, policy)
        for pack in packs:
            for rule in pack:
                if act in rule.acts and rule.kind is not Kind.PERMIT_IF:
                    must += [(negated(rule.broken), rule.cite)]
            must.append((negated(pack.ungranted(act)), pack.citation))
            if pack in granting:
                must.append((pack.granted(act), pack.citation))
        cites: dict[str, dict[str, None]] = {}
        for condition, cite in must:
            for atom in atoms(condition):
                cites.setdefault(atom.fact, {})[cite] = None
        facts = dict(request.facts)
        if request.as_of is not None:
            facts[AS_OF] = day_number(request.as_of)
        return cls(
            tuple(condition for condition, _ in must),
            {fact: "; ".join(found) for fact, found in cites.items()},
            facts, frozenset(cites) - {*_GIVEN}, vocabulary(),
        )  # fmt: skip

    def ways(self, free: frozenset[str], most: int) -> tuple[list[Way], bool]:
        """Smallest ways that change only these facts, and whether they are all there are."""
        found: list[frozenset[str]] = []
        seen: set[frozenset[str]] = set()
        queue: deque[frozenset[str]] = deque([frozenset()])
        nodes = 0
        while queue and len(found) < most and nodes < MAX_NODES:
            barred = queue.popleft()
            nodes += 1
            known = next((way for way in found if not way & barred), None)
            way = known or self._least(free - barred)
            if way is None:
                continue
            if way not in found:
                found.append(way)
            for fact in sorted(way):
                child = barred | {fact}
                if child not in seen:
                    seen.add(child)
                    queue.append(child)
        ways = [self._way(facts) for facts in found]
        ways.sort(key=lambda way: (len(way.changes), [change.fact for change in way.changes]))
        return ways, not queue

    def _least(self, free: frozenset[str]) -> frozenset[str] | None:
        """A set of facts that is enough and of which none can be spared, if there is one."""
        if not self._enough(free):
            return None
        for fact in sorted(free, key=self._dear, reverse=True):
            if self._enough(free - {fact}):
                free -= {fact}
        return free

    def _dear(self, name: str) -> tuple[int, str]:
        """How loath one is to ask for another value: known facts of the case the most."""
        if name in self.facts and not self.words[name].to_do:
            return 2, name
        return (0 if self.words[name].to_do else 1), name

    def _enough(self, free: frozenset[str]) -> bool:
        try:
            return solve(self.must, fixed=self.facts, free=free) is not None
        except SearchTooLongError:
            return False

    def _way(self, facts: frozenset[str]) -> Way:
        found = solve(self.must, fixed=self.facts, free=facts) or {}
        for name, value in found.items():
            before = self.facts.get(name)
            if isinstance(value, frozenset) and isinstance(before, frozenset):
                more = {**found, name: value | before}  # keep what is there, if one may
                if self._holds(more):
                    found = more
        return Way(
            tuple(
                Change(
                    name, self.words[name].ask, self.words[name].to_do, self.facts.get(name),
                    found[name], tuple(self._also(name, found)), self.cites[name],
                )
                for name in sorted(facts)
            )
        )  # fmt: skip

    def _also(self, name: str, found: Mapping[str, Value]) -> Iterable[Value]:
        for value in _plain_values(self.words[name]):
            if value not in (found[name], self.facts.get(name)) and self._holds(
                {**found, name: value}
            ):
                yield value

    def _holds(self, changes: Mapping[str, Value]) -> bool:
        facts = {**self.facts, **changes}
        return all(holds(condition, facts) for condition in self.must)


def _plain_values(fact: Fact) -> Iterable[Value]:
    if fact.kind is FactKind.YES_NO:
        return (True, False)
    return fact.words if fact.kind is FactKind.ONE_OF else ()


def _json(value: Value | None) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def shown(value: Value | None) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case frozenset():
            return ", ".join(sorted(value)) if value else "none of them"
        case _:
            return str(value)
