"""Whether facts exist under which conditions hold, and such facts.

The conditions of packs range over finite words, numbers with a few thresholds and sets of words,
so the question is decidable and small: atoms are tried true and false in the order in which the
conditions need them, and a choice is dropped as soon as one fact could not have a value that
agrees with all that was chosen of it (Davis, Putnam, Logemann and Loveland's procedure, with the
facts as its theory). This is for explaining and checking packs; decisions are Cedar's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from countenance.law.conditions import AllOf, AnyOf, Atom, Condition, Facts, Not, Truth
from countenance.law.packs import AS_OF
from countenance.law.vocabulary import MAX_NUMBER, Fact, Kind, Value, Vocabulary, vocabulary

MAX_STEPS = 200_000
_OTHER_TEXT = "somebody else"
_DAY = Fact(AS_OF, "", Kind.NUMBER)


class SearchTooLongError(Exception):
    """Neither an answer nor its absence was found within the steps allowed."""


@dataclass(slots=True)
class _Search:
    conditions: Sequence[Condition]
    fixed: Facts
    free: frozenset[str] | None  # facts that may be chosen; None: all that are not fixed
    words: Vocabulary
    chosen: dict[Atom, bool] = field(default_factory=dict)
    by_fact: dict[str, dict[Atom, bool]] = field(default_factory=dict)
    steps: int = 0

    def run(self) -> dict[str, Value] | None:
        wanted = self._open_atom()
        if wanted is _BROKEN:
            return None
        if not isinstance(wanted, Atom):
            return {name: self._value(name) for name in self.by_fact}
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise SearchTooLongError
        for truth in (True, False):
            mine = self.by_fact.setdefault(wanted.fact, {})
            self.chosen[wanted] = mine[wanted] = truth
            if _possible(self._fact(wanted.fact), mine):
                found = self.run()
                if found is not None:
                    return found
            del self.chosen[wanted], mine[wanted]
            if not mine:
                del self.by_fact[wanted.fact]
        return None

    def _open_atom(self) -> Atom | object | None:
        """An atom that a condition still turns on; `_BROKEN` where one cannot hold any more."""
        wanted: Atom | None = None
        for condition in self.conditions:
            truth, atom = self._look(condition)
            if truth is False or (truth is None and atom is None):
                return _BROKEN
            if truth is None and wanted is None:
                wanted = atom
        return wanted

    def _look(self, condition: Condition) -> tuple[Truth, Atom | None]:
        """Its truth so far and, where that is open, an atom that could settle it."""
        match condition:
            case Atom():
                if condition in self.chosen:
                    return self.chosen[condition], None
                if self.free is not None and condition.fact not in self.free:
                    known = condition.fact in self.fixed
                    return (condition.met(self.fixed[condition.fact]) if known else None), None
                if self.free is None and condition.fact in self.fixed:
                    return condition.met(self.fixed[condition.fact]), None
                return None, condition
            case Not(part):
                truth, atom = self._look(part)
                return (None if truth is None else not truth), atom
            case AllOf(parts) | AnyOf(parts):
                settles = isinstance(condition, AnyOf)
                open_, first = False, None
                for part in parts:
                    truth, atom = self._look(part)
                    if truth is settles:
                        return settles, None
                    if truth is None:
                        open_ = True
                        first = first or atom
                return (None, first) if open_ else (not settles, None)

    def _fact(self, name: str) -> Fact:
        return _DAY if name == AS_OF else self.words[name]

    def _value(self, name: str) -> Value:
        found = _possible(self._fact(name), self.by_fact[name])
        return next(iter(found))


_BROKEN = object()


def solve(
    conditions: Iterable[Condition], *, fixed: Facts | None = None,
    free: frozenset[str] | None = None, words: Vocabulary | None = None,
) -> dict[str, Value] | None:  # fmt: skip
    """Facts under which every condition is true, beside those fixed; None where there are none.

    Parameters
    ----------
    conditions
        Each must come out true, not merely open.
    fixed
        Facts that are known and stay.
    free
        The only facts that may be chosen, even against `fixed`; all others that are not fixed
        stay unknown. None: every fact that is not fixed may be chosen.
    words
        The vocabulary; that of this version, if not given.

    Raises
    ------
    SearchTooLongError
        Where `MAX_STEPS` choices did not settle it.
    """
    parts: list[Condition] = []
    for condition in conditions:
        parts.extend(condition.parts if isinstance(condition, AllOf) else [condition])
    words = vocabulary() if words is None else words
    return _Search(parts, fixed or {}, free, words).run()


def _possible(fact: Fact, chosen: Mapping[Atom, bool]) -> list[Value]:
    """At most one value of a fact for which each of its atoms is as chosen; empty if none is."""
    if fact.kind is Kind.SOME_OF:
        return _possible_set(fact, chosen)
    options: Iterable[Value]
    if fact.kind is Kind.NUMBER:
        edges = {int(v) for atom in chosen for v in atom.values}
        near = {e + d for e in edges for d in (-1, 0, 1)} | {0}
        options = sorted(n for n in near if 0 <= n <= MAX_NUMBER)
    elif fact.kind is Kind.YES_NO:
        options = (True, False)
    elif fact.kind is Kind.ONE_OF:
        options = fact.words
    else:
        options = [*dict.fromkeys(str(v) for atom in chosen for v in atom.values), _OTHER_TEXT]
    for value in options:
        if all(atom.met(value) is truth for atom, truth in chosen.items()):
            return [value]
    return []


def _possible_set(fact: Fact, chosen: Mapping[Atom, bool]) -> list[Value]:
    """The same for sets: the largest set that is not ruled out, less what must be missing."""
    out: set[str] = set()
    missing_one: list[tuple[str, ...]] = []
    for atom, truth in chosen.items():
        values = tuple(str(v) for v in atom.values)
        if atom.test == "any" and not truth:
            out.update(values)
        elif atom.test == "only" and truth:
            out.update(word for word in fact.words if word not in values)
        elif atom.test == "includes" and not truth:
            missing_one.append(values)
    for dropped in _droppings(missing_one, out):
        value = frozenset(word for word in fact.words if word not in dropped)
        if all(atom.met(value) is truth for atom, truth in chosen.items()):
            return [_smallest(value, chosen)]
    return []


def _droppings(missing_one: list[tuple[str, ...]], out: set[str]) -> Iterable[set[str]]:
    """Ways to leave out at least one word of each of these."""
    if not missing_one:
        yield out
        return
    first, *rest = missing_one
    if any(word in out for word in first):
        yield from _droppings(rest, out)
        return
    for word in first:
        yield from _droppings(rest, out | {word})


def _smallest(value: frozenset[str], chosen: Mapping[Atom, bool]) -> frozenset[str]:
    """A smaller set that does as well: an example ought to say no more than it must."""
    for word in sorted(value):
        less = value - {word}
        if all(atom.met(less) is truth for atom, truth in chosen.items()):
            value = less
    return value
