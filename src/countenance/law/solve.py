"""Whether facts exist under which conditions hold, and such facts.

The conditions of packs range over finite words, numbers with a few thresholds and sets of words,
so the question is decidable and small. Conditions are simplified by what is known; what is then
a single test is taken as met; of what is left, one test is tried true and then false (Davis,
Putnam, Logemann and Loveland's procedure, with the values that each fact can still have as its
theory). This is for explaining and checking packs; decisions are Cedar's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from countenance.law.conditions import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Atom,
    Condition,
    Facts,
    Not,
    atoms,
)
from countenance.law.rules import AS_OF
from countenance.law.vocabulary import MAX_NUMBER, Fact, Kind, Value, Vocabulary, vocabulary

MAX_STEPS = 20_000
_MAX_MENTIONS = 8  # words that one text may or may not mention: all combinations are tried
_DAY = Fact(AS_OF, "", Kind.NUMBER)


class SearchTooLongError(Exception):
    """Neither an answer nor its absence was found within the steps allowed."""


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
    words = vocabulary() if words is None else words
    goals = reduced(conditions, fixed=fixed or {}, free=free)
    return None if goals is None else _Search(_domains(goals, words)).run(goals)


def reduced(
    conditions: Iterable[Condition], *, fixed: Facts, free: frozenset[str] | None = None
) -> list[Condition] | None:
    """The same conditions, less all that facts which cannot be chosen settle; None: one fails.

    What turns on a fact that is neither known nor to be chosen can never come out true.
    """

    def literal(atom: Atom, wanted: bool) -> Condition:
        if (atom.fact not in fixed) if free is None else (atom.fact in free):
            return atom if wanted else Not(atom)
        known = atom.fact in fixed and atom.met(fixed[atom.fact]) is wanted
        return ALWAYS if known else NEVER

    return _goals(conditions, literal)


Literal = Callable[[Atom, bool], Condition]
"""What is left of a test that has to come out true (or false): itself, `ALWAYS` or `NEVER`."""


def _goals(conditions: Iterable[Condition], literal: Literal) -> list[Condition] | None:
    """What is left of each, the parts of all-of one by one; None where one has failed."""
    left: list[Condition] = []
    for condition in conditions:
        found = _simplified(condition, literal, wanted=True)
        if found is NEVER:
            return None
        if found is not ALWAYS:
            left.extend(found.parts if isinstance(found, AllOf) else [found])
    return left


def _simplified(condition: Condition, literal: Literal, *, wanted: bool) -> Condition:
    """With `Not` only around tests, without what is settled, `ALWAYS` and `NEVER` only alone."""
    match condition:
        case Atom():
            return literal(condition, wanted)
        case Not(part):
            return _simplified(part, literal, wanted=not wanted)
        case AllOf(parts) | AnyOf(parts):
            kind = AllOf if isinstance(condition, AllOf) is wanted else AnyOf
            nothing, ruin = (ALWAYS, NEVER) if kind is AllOf else (NEVER, ALWAYS)
            left: list[Condition] = []
            for part in parts:
                found = _simplified(part, literal, wanted=wanted)
                if found is ruin:
                    return ruin
                if found is not nothing:
                    left.extend(found.parts if isinstance(found, kind) else [found])
            return nothing if not left else left[0] if len(left) == 1 else kind(tuple(left))


@dataclass(slots=True)
class _Search:
    """The search; `domains` are the values that each fact can have, as far as they differ."""

    domains: Mapping[str, _Domain]
    steps: int = 0

    def run(self, goals: list[Condition]) -> dict[str, Value] | None:
        found = self._run(goals, _State(self.domains))
        return None if found is None else found.values()

    def _run(self, goals: list[Condition], state: _State) -> _State | None:
        while literals := [goal for goal in goals if not isinstance(goal, AnyOf)]:
            if not all(state.choose(*_read(literal)) for literal in literals):
                return None
            left = _goals((goal for goal in goals if isinstance(goal, AnyOf)), state.literal)
            if left is None:
                return None
            goals = left
        if not goals:
            return state
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise SearchTooLongError
        shortest = min(goals, key=lambda goal: len(goal.parts) if isinstance(goal, AnyOf) else 0)
        atom, truth = _read(next(_literals(shortest)))
        for wanted in (truth, not truth):
            branch = state.copy()
            if branch.choose(atom, wanted):
                left = _goals(goals, branch.literal)
                found = None if left is None else self._run(left, branch)
                if found is not None:
                    return found
        return None


def _read(literal: Condition) -> tuple[Atom, bool]:
    return (next(atoms(literal)), not isinstance(literal, Not))


def _literals(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _literals(part)
    else:
        yield condition


@dataclass(slots=True)
class _State:
    """What has been chosen of each fact so far: a domain's part that is left."""

    domains: Mapping[str, _Domain]
    left: dict[str, _Left] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(self.domains, dict(self.left))

    def choose(self, atom: Atom, truth: bool) -> bool:
        """Take a test as met or not; False where the fact then has no value any more."""
        left = self.domains[atom.fact].less(self.left.get(atom.fact), atom, truth)
        if left:
            self.left[atom.fact] = left
        return bool(left)

    def literal(self, atom: Atom, wanted: bool) -> Condition:
        domain, left = self.domains[atom.fact], self.left.get(atom.fact)
        if left is not None:
            if not domain.less(left, atom, not wanted):
                return ALWAYS
            if not domain.less(left, atom, wanted):
                return NEVER
        return atom if wanted else Not(atom)

    def values(self) -> dict[str, Value]:
        return {name: self.domains[name].value(left) for name, left in self.left.items()}


_Left = int | tuple[tuple[Atom, bool], ...]


class _Domain:
    """The values of a fact that conditions can tell apart; a part of them is a number's bits."""

    def __init__(self, options: Iterable[Value]) -> None:
        self.options = tuple(dict.fromkeys(options))
        self._masks: dict[Atom, int] = {}

    def less(self, left: _Left | None, atom: Atom, truth: bool) -> _Left:
        """Those of `left` (None: all) for which a test comes out so; false where there is none."""
        every = (1 << len(self.options)) - 1
        mask = self._masks.get(atom)
        if mask is None:
            met = (atom.met(value) << n for n, value in enumerate(self.options))
            mask = self._masks[atom] = sum(met)
        part = every if not isinstance(left, int) else left
        return part & (mask if truth else every & ~mask)

    def value(self, left: _Left) -> Value:
        """The first of those left."""
        bits = left if isinstance(left, int) else 1
        return self.options[(bits & -bits).bit_length() - 1]


class _SetDomain(_Domain):
    """Sets of words: too many to list, so a part of them is what was chosen of them."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(())
        self._words = words

    def less(self, left: _Left | None, atom: Atom, truth: bool) -> _Left:
        chosen = left if isinstance(left, tuple) else ()
        if (atom, truth) not in chosen:
            chosen = (*chosen, (atom, truth))
        return () if self._set(chosen) is None else chosen

    def value(self, left: _Left) -> Value:
        """A small set: an example ought to say no more than it must."""
        chosen = left if isinstance(left, tuple) else ()
        value = self._set(chosen) or frozenset()
        for word in sorted(value):
            less = value - {word}
            if all(atom.met(less) is truth for atom, truth in chosen):
                value = less
        return value

    def _set(self, chosen: tuple[tuple[Atom, bool], ...]) -> frozenset[str] | None:
        """The largest set that is not ruled out, less what must be missing."""
        out: set[str] = set()
        missing_one: list[tuple[str, ...]] = []
        for atom, truth in chosen:
            values = tuple(str(value) for value in atom.values)
            if atom.test == "any" and not truth:
                out.update(values)
            elif atom.test == "only" and truth:
                out.update(word for word in self._words if word not in values)
            elif atom.test == "includes" and not truth:
                missing_one.append(values)
        for dropped in _droppings(missing_one, out):
            value = frozenset(word for word in self._words if word not in dropped)
            if all(atom.met(value) is truth for atom, truth in chosen):
                return value
        return None


def _droppings(missing_one: list[tuple[str, ...]], out: set[str]) -> Iterator[set[str]]:
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


def _domains(goals: Iterable[Condition], words: Vocabulary) -> dict[str, _Domain]:
    tests: dict[str, list[Atom]] = {}
    for goal in goals:
        for atom in atoms(goal):
            tests.setdefault(atom.fact, []).append(atom)
    return {
        name: _domain(_DAY if name == AS_OF else words[name], mine) for name, mine in tests.items()
    }


def _domain(fact: Fact, tests: list[Atom]) -> _Domain:
    match fact.kind:
        case Kind.SOME_OF:
            return _SetDomain(fact.words)
        case Kind.ONE_OF:
            return _Domain(fact.words)
        case Kind.YES_NO:
            return _Domain((True, False))
        case Kind.NUMBER:
            edges = {int(value) for atom in tests for value in atom.values}
            near = {edge + step for edge in edges for step in (-1, 0, 1)} | {0}
            return _Domain(sorted(n for n in near if 0 <= n <= MAX_NUMBER))
        case Kind.TEXT:
            return _Domain(_texts(tests))


def _texts(tests: list[Atom]) -> Iterator[str]:
    """Texts that are one of those named, that mention any of these words, or none of them."""
    named = dict.fromkeys(
        str(value) for atom in tests if atom.test == "in" for value in atom.values
    )
    parts = dict.fromkeys(
        str(value) for atom in tests if atom.test == "mentions" for value in atom.values
    )
    if len(parts) > _MAX_MENTIONS:
        raise SearchTooLongError
    letters = (letter * 3 for letter in "xzqjkvwy")
    for text in ("none of those named", *letters):  # first: an example ought to name nobody
        if text not in named and not any(part in text for part in parts):
            yield text
            break
    yield from named
    for size in range(1, len(parts) + 1):
        yield from map(", ".join, combinations(parts, size))
