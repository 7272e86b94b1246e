"""Which smallest sets of facts would turn a denial into a permission, or that none would.

This is for somebody who wants to do right: get the warrant, have the second person approve, train
the examiner. So facts are of two kinds. What is *to do* may be done. A *fact of the case* is as it
is; a way that needs one to be otherwise says that the case would have to be another one, and a
fact may be corrected where it was stated wrongly, never chosen for its effect.

Who asks, what for act, where and when is no such fact: with another of these it is another
request, and where one of them is not stated, that has to be stated first.

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
from countenance.law.decision import Decision, Effect, Need, Reason
from countenance.law.judging import decide, effective_policy, grantors
from countenance.law.library import Library
from countenance.law.packs import AS_OF, Kind, day_number
from countenance.law.request import Request
from countenance.law.solve import SearchTooLongError, solve
from countenance.law.vocabulary import Fact, Value, Vocabulary
from countenance.law.vocabulary import Kind as FactKind

MAX_SEARCHES = 40  # of one new way each
MAX_NODES = 2_000
_ASKER = ("agency.kind", "agency.name", "agency.part-of-dhs", "behalf.of", "behalf.kind")
_GIVEN = frozenset(("act", AS_OF, *_ASKER))


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that would have to be so. `was` is None where it is unknown.

    `also` are other values that would do as well, the rest being as said; of a number, the
    largest up to which all do (`most`; None: any larger one). Of a set of words, `never` are those
    that must not be in it.
    """

    fact: str
    ask: str
    to_do: bool
    was: Value | None
    becomes: Value
    also: tuple[Value, ...] = ()
    most: int | None = None
    never: tuple[str, ...] = ()
    cite: str = ""

    @property
    def sentence(self) -> str:
        """What a person reads: it ends in a citation."""
        now = "" if self.was is None else f"; now: {shown(self.was)}"
        return f"{self.ask} {self._becomes}{now} [{self.cite}]"

    @property
    def _becomes(self) -> str:
        match self.becomes:
            case bool() | str():
                return " or ".join(map(shown, (self.becomes, *self.also)))
            case int():
                if self.most is None:
                    return f"at least {self.becomes}" if self.becomes else "any number"
                return shown(self.becomes) if self.most == self.becomes else (
                    f"{self.becomes} to {self.most}"
                )  # fmt: skip
            case _:
                never = f"none of {', '.join(self.never)}" if self.never else ""
                some = shown(self.becomes) if self.becomes or not never else ""
                return ", and ".join(part for part in (some, never) if part)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "fact": self.fact, "ask": self.ask, "to-do": self.to_do, "was": _json(self.was),
            "becomes": _json(self.becomes), "also": [_json(value) for value in self.also],
            "most": self.most, "never": list(self.never), "cite": self.cite,
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
        The smallest ways found, by size. Where there is an honest one, only honest ones are
        looked for.
    complete
        Whether these are all the smallest ways (of that sort) there are.
    why_none
        Reasons that no fact can change, where there is no way.
    unstated
        Facts of who asks that have to be stated first, where there is no way without them.
    """

    decision: Decision
    ways: tuple[Way, ...]
    complete: bool
    why_none: tuple[Reason, ...] = ()
    unstated: tuple[Need, ...] = ()

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
            "unstated": [need.fact for need in self.unstated],
        }


def what_if(
    request: Request, *, library: Library, policy: Sequence[str] = (), most: int = 5
) -> WhatIf:
    """The smallest ways from a denial to a permission, at most `most` of them.

    The request's time, places, act and asker stay as they are: with another of these it is another
    request. Raises RequestError as `decide` does.
    """
    decision = decide(request, library=library, policy=policy)
    stuck = tuple(r for r in decision.reasons if r.effect in (Effect.NO_PACK, Effect.INCOMPLETE))
    if decision.permitted or stuck:
        missing = {fact for reason in stuck for fact in reason.facts}
        unstated = tuple(need for need in decision.needs if need.fact in missing)
        return WhatIf(decision, (), complete=True, why_none=stuck, unstated=unstated)
    problem = _Problem.of(request, library, effective_policy(policy, library))
    case = {n for n in problem.facts if n in problem.open and not problem.words[n].to_do}
    ways, complete = problem.ways(problem.open - case, most)
    if not ways:
        ways, complete = problem.ways(problem.open, most)
    if ways:
        return WhatIf(decision, tuple(ways), complete=complete)
    unstated = tuple(
        need for need in decision.needs if need.fact in _ASKER and need.fact not in problem.facts
    )
    alone = {point.id for point in problem.points if not problem.enough([point], problem.open)}
    why = tuple(r for r in decision.reasons if (r.rule or r.pack) in alone) or decision.reasons
    return WhatIf(decision, (), complete=complete, why_none=why, unstated=unstated)


@dataclass(frozen=True, slots=True)
class _Point:
    """One thing that must hold for a permission, and whose it is: a rule's, or a pack's."""

    must: Condition
    id: str
    cite: str


@dataclass(slots=True)
class _Problem:
    """What must hold for a permission, and the facts that may be otherwise."""

    points: Sequence[_Point]
    facts: Mapping[str, Value]
    open: frozenset[str]
    words: Vocabulary
    too_long: bool = False  # a search was given up: there may be more ways than were found

    @classmethod
    def of(cls, request: Request, library: Library, policy: Sequence[str]) -> _Problem:
        act = request.act or ""
        points: list[_Point] = []
        # With no fact known, no vendor's terms are left out: the vendor may be among the changes.
        packs = library.governing(request.without(*request.facts), policy)
        granting = grantors(packs, policy)
        for pack in packs:
            points += [
                _Point(negated(rule.broken), rule.id, rule.cite)
                for rule in pack
                if act in rule.acts and rule.kind is not Kind.PERMIT_IF
            ]
            points.append(_Point(negated(pack.ungranted(act)), pack.id, pack.citation))
            if pack in granting:
                points.append(_Point(pack.granted(act), pack.id, pack.citation))
        facts = dict(request.facts)
        if request.as_of is not None:
            facts[AS_OF] = day_number(request.as_of)
        mentioned = {atom.fact for point in points for atom in atoms(point.must)}
        return cls(points, facts, frozenset(mentioned) - _GIVEN, library.words)

    def ways(self, free: frozenset[str], most: int) -> tuple[list[Way], bool]:
        """Smallest ways that change only these facts, and whether they are all there are."""
        self.too_long = False
        found: list[frozenset[str]] = []
        dead: list[frozenset[str]] = []  # barring these facts leaves no way
        seen: set[frozenset[str]] = set()
        queue: deque[frozenset[str]] = deque([frozenset()])
        searches = 0
        while queue and searches < MAX_SEARCHES and len(seen) < MAX_NODES:
            barred = queue.popleft()
            if any(end <= barred for end in dead):
                continue
            way = next((way for way in found if not way & barred), None)
            if way is None:
                searches += 1
                way = self._least(free - barred)
                if way is None:
                    dead.append(barred)
                    continue
                found.append(way)
            children = [barred | {fact} for fact in sorted(way)]
            queue.extend(child for child in children if child not in seen)
            seen.update(children)
        ways = [told for facts in found if (told := self._way(facts)) is not None]
        ways.sort(key=lambda way: (len(way.changes), [change.fact for change in way.changes]))
        return ways[:most], not queue and len(ways) <= most and not self.too_long

    def _least(self, free: frozenset[str]) -> frozenset[str] | None:
        """A set of facts that is enough and of which none can be spared, if there is one."""
        found = self._needed(free)
        if found is None:
            return None
        for dear in (2, 1):  # whole kinds of facts at once, as far as that goes
            rest = frozenset(fact for fact in free if self._dear(fact) != dear)
            less = self._needed(rest)
            if less is not None:
                free, found = rest, less
        free = found
        for fact in sorted(found, key=lambda fact: (-self._dear(fact), fact)):
            less = self._needed(free - {fact}) if fact in free else None
            if less is not None:
                free = less
        return free

    def _dear(self, name: str) -> int:
        """How loath one is to ask for another value: known facts of the case the most."""
        if self.words[name].to_do:
            return 0
        return 2 if name in self.facts else 1

    def _needed(self, free: frozenset[str]) -> frozenset[str] | None:
        """Those of some facts whose change is enough; None where even all of them are not."""
        found = self._solved(self.points, free)
        if found is None:
            return None
        return frozenset(name for name, value in found.items() if value != self.facts.get(name))

    def enough(self, points: Iterable[_Point], free: frozenset[str]) -> bool:
        """Whether these facts could be such that these points hold."""
        return self._solved(points, free) is not None

    def _solved(self, points: Iterable[_Point], free: frozenset[str]) -> dict[str, Value] | None:
        conditions = [point.must for point in points]
        try:
            return solve(conditions, fixed=self.facts, free=free, words=self.words)
        except SearchTooLongError:
            self.too_long = True
            return None

    def _way(self, facts: frozenset[str]) -> Way | None:
        """Values for these facts; None where looking for them had to be given up."""
        found = self._solved(self.points, facts)
        if found is None:
            return None
        for name, value in found.items():
            before = self.facts.get(name)
            if isinstance(value, frozenset) and isinstance(before, frozenset):
                more = {**found, name: value | before}  # keep what is there, if one may
                if not self._failing(more):
                    found = more
        return Way(tuple(self._change(name, found) for name in sorted(facts)))

    def _change(self, name: str, found: Mapping[str, Value]) -> Change:
        fact, becomes = self.words[name], found[name]
        most: int | None = None
        never: tuple[str, ...] = ()
        if isinstance(becomes, int) and not isinstance(becomes, bool):
            most = self._most(name, becomes, found)
        elif isinstance(becomes, frozenset):
            never = tuple(
                word for word in fact.words
                if self._failing({**found, name: becomes | {word}})
            )  # fmt: skip
        also = tuple(
            value for value in _plain_values(fact)
            if value not in (becomes, self.facts.get(name))
            and not self._failing({**found, name: value})
        )  # fmt: skip
        return Change(
            name, fact.ask, fact.to_do, self.facts.get(name), becomes, also, most, never,
            self._cite(name, found),
        )  # fmt: skip

    def _most(self, name: str, becomes: int, found: Mapping[str, Value]) -> int | None:
        """The largest number up to which all do as well; None where any larger one does."""
        tests = (a for point in self.points for a in atoms(point.must) if a.fact == name)
        edges = {int(value) + step for a in tests for value in a.values for step in (-1, 0, 1)}
        most = becomes
        for edge in sorted(edge for edge in edges if edge > becomes):
            if self._failing({**found, name: edge}):
                return most
            most = edge
        return None

    def _cite(self, name: str, found: Mapping[str, Value]) -> str:
        """What is not kept without this change, all the others made."""
        rest = {fact: value for fact, value in found.items() if fact != name}
        return "; ".join(dict.fromkeys(point.cite for point in self._failing(rest)))

    def _failing(self, changes: Mapping[str, Value]) -> list[_Point]:
        facts = {**self.facts, **changes}
        return [point for point in self.points if not holds(point.must, facts)]


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
