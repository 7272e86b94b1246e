"""Conditions over facts: read from a pack, evaluated with unknowns, written as Cedar.

The logic is Kleene's strong three-valued one: a condition is true, false, or undecided because a
fact it turns on is unknown. It is monotone in information: learning a fact can settle an undecided
condition and never turns a true one false. Everything the room promises about unknown facts rests
on that, so there is no way in this grammar to ask whether a fact is known.

In a pack a condition is a TOML table, all of whose lines must hold::

    when = { use.mode = "live", use.purpose = ["find-missing-person", "identify-deceased"] }
    when = [{ ... }, { ... }]                  # one of these tables
    unless = { any = [{ ... }, { ... }] }      # the same, nested; also all = [...] and not = {...}

A line is a fact and what it must be: a value, a list of values (one of them), or a table of
``at-least``, ``at-most``, ``more-than``, ``less-than`` (numbers, and words in rising order),
``any-of``, ``includes``, ``only``, ``none-of`` (sets of words), ``mentions`` (text that has one of
these in it), ``not`` (a value or list).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from countenance.law.errors import shown
from countenance.law.vocabulary import Fact, Kind, Value, Vocabulary

MAX_PARTS = 400  # atoms in one condition: packs are read by people
_MAX_DEPTH = 12

Facts: TypeAlias = Mapping[str, Value]
Truth: TypeAlias = bool | None


@dataclass(frozen=True, slots=True)
class Atom:
    """One fact and what it must be.

    `test` is one of ``in``, ``>=``, ``<=``, ``any``, ``includes``, ``only``, ``mentions``; all
    others of the grammar are written with these and `Not`.
    """

    fact: str
    test: str
    values: tuple[bool | int | str, ...]

    def met(self, value: Value) -> bool:
        """Whether a value of the fact passes the test."""
        return _TESTS[self.test](value, self.values)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; true where there are none."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; false where there are none."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = Atom | AllOf | AnyOf | Not

ALWAYS: Condition = AllOf()
NEVER: Condition = AnyOf()


def both(*parts: Condition) -> Condition:
    """All of these, without needless nesting."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, AllOf) else [part])
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


def negated(part: Condition) -> Condition:
    """The opposite, without double negation."""
    return part.part if isinstance(part, Not) else Not(part)


def holds(condition: Condition, facts: Facts) -> Truth:
    """True, False, or None where facts that decide it are unknown."""
    if isinstance(condition, Atom):
        return condition.met(facts[condition.fact]) if condition.fact in facts else None
    if isinstance(condition, Not):
        found = holds(condition.part, facts)
        return None if found is None else not found
    settling = isinstance(condition, AnyOf)
    found = not settling
    for part in condition.parts:
        truth = holds(part, facts)
        if truth is settling:
            return settling
        if truth is None:
            found = None
    return found


def open_facts(condition: Condition, facts: Facts) -> tuple[str, ...]:
    """The unknown facts that keep a condition undecided, in the order they are written."""
    if holds(condition, facts) is not None:
        return ()
    match condition:
        case Atom(fact, _, _):
            return (fact,)
        case Not(part):
            return open_facts(part, facts)
        case AllOf(parts) | AnyOf(parts):
            found = [name for part in parts for name in open_facts(part, facts)]
            return tuple(dict.fromkeys(found))


def atoms(condition: Condition) -> Iterator[Atom]:
    """Every atom, in order."""
    match condition:
        case Atom():
            yield condition
        case Not(part):
            yield from atoms(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from atoms(part)


def _among(value: Any, values: tuple[Any, ...]) -> bool:
    return value in values


_TESTS: dict[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "in": _among,
    ">=": lambda value, values: value >= values[0],
    "<=": lambda value, values: value <= values[0],
    "any": lambda value, values: not value.isdisjoint(values),
    "includes": lambda value, values: value.issuperset(values),
    "only": lambda value, values: value.issubset(values),
    "mentions": lambda value, values: any(part in value for part in values),
}


def read_condition(value: object, words: Vocabulary) -> Condition:
    """A condition out of TOML's tables and lists. Raises ValueError with a plain sentence."""
    found = _read(value, words, 0)
    if sum(1 for _ in atoms(found)) > MAX_PARTS:
        raise ValueError(f"a condition of more than {MAX_PARTS} lines")
    return found


def _read(value: object, words: Vocabulary, depth: int) -> Condition:
    if depth > _MAX_DEPTH:
        raise ValueError("tables within tables, too deep to read")
    if isinstance(value, list):
        if not value:
            raise ValueError("an empty list of conditions")
        return _one_or(AnyOf, [_read(part, words, depth + 1) for part in value])
    if not isinstance(value, dict):
        raise ValueError(f"a condition is a table of facts, not {shown(value)}")
    if not value:
        raise ValueError("an empty condition")
    return _one_or(AllOf, _lines(value, "", words, depth))


def _one_or(kind: type[AllOf] | type[AnyOf], parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _lines(
    table: Mapping[str, object], prefix: str, words: Vocabulary, depth: int
) -> list[Condition]:
    parts: list[Condition] = []
    for key, value in table.items():
        name = prefix + key
        if not prefix and key in ("any", "all"):
            if not isinstance(value, list) or not value:
                raise ValueError(f"`{key}` takes a list of conditions")
            branch = [_read(part, words, depth + 1) for part in value]
            parts.append(_one_or(AnyOf if key == "any" else AllOf, branch))
        elif not prefix and key == "not":
            parts.append(negated(_read(value, words, depth + 1)))
        elif name in words:
            parts.append(_line(words[name], value))
        elif isinstance(value, dict) and any(fact.startswith(name + ".") for fact in words):
            parts += _lines(value, name + ".", words, depth)
        else:
            raise ValueError(f"there is no fact {shown(name)}; {words.near(name)}")
    return parts


def _line(fact: Fact, value: object) -> Condition:
    try:
        if isinstance(value, dict):
            if not value:
                raise ValueError("an empty table")
            return _one_or(AllOf, [_test(fact, word, wanted) for word, wanted in value.items()])
        return _equal(fact, value)
    except ValueError as error:
        raise ValueError(f"`{fact.name}`: expected {error}") from None


def _equal(fact: Fact, value: object) -> Condition:
    options = value if isinstance(value, list) else [value]
    if not options:
        raise ValueError("at least one value")
    if fact.kind is Kind.SOME_OF:
        return Atom(fact.name, "any", _words(fact, options))
    return Atom(fact.name, "in", tuple(_single(fact, option) for option in options))


def _single(fact: Fact, value: object) -> bool | int | str:
    accepted = fact.accept(value)
    if isinstance(accepted, frozenset):
        raise ValueError("one value")
    return accepted


def _words(fact: Fact, values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError("a list of words")
    fact.accept(values)
    return tuple(dict.fromkeys(values))  # in the pack's order, for its reader


def _test(fact: Fact, word: str, wanted: object) -> Condition:
    if word == "not":
        return negated(_equal(fact, wanted))
    if fact.kind is Kind.SOME_OF and word in ("any-of", "includes", "only", "none-of"):
        values = _words(fact, wanted)
        if not values and word != "only":
            raise ValueError(f"words after `{word}`")
        if word == "none-of":
            return Not(Atom(fact.name, "any", values))
        return Atom(fact.name, "any" if word == "any-of" else word, values)
    if word == "mentions" and fact.kind is Kind.TEXT:
        parts = wanted if isinstance(wanted, list) else [wanted]
        texts = tuple(str(_single(fact, part)) for part in parts)
        if not texts or not all(texts):
            raise ValueError("text after `mentions`")
        return Atom(fact.name, "mentions", texts)
    if word in _ORDERS and fact.kind is Kind.NUMBER:
        number = _single(fact, wanted)
        match word:
            case "at-least":
                return Atom(fact.name, ">=", (number,))
            case "at-most":
                return Atom(fact.name, "<=", (number,))
            case "more-than":
                return Not(Atom(fact.name, "<=", (number,)))
            case _:
                return Not(Atom(fact.name, ">=", (number,)))
    if word in _ORDERS and fact.rising:
        above = fact.words[_ORDERS[word](fact.words.index(str(_single(fact, wanted))))]
        if not above:
            raise ValueError(f"a word that leaves something {word.replace('-', ' ')} it")
        return Atom(fact.name, "in", above)
    raise ValueError(f"a test that this fact has (it is {fact.kind}), not {shown(word)}")


_ORDERS: dict[str, Callable[[int], slice]] = {
    "at-least": lambda at: slice(at, None),
    "at-most": lambda at: slice(at + 1),
    "more-than": lambda at: slice(at + 1, None),
    "less-than": lambda at: slice(at),
}


def cedar_true(condition: Condition) -> str:
    """A Cedar expression that is true exactly where the condition is true."""
    return _cedar(condition, wanted=True)


def cedar_false(condition: Condition) -> str:
    """A Cedar expression that is true exactly where the condition is false (not undecided)."""
    return _cedar(condition, wanted=False)


def _cedar(condition: Condition, *, wanted: bool) -> str:
    match condition:
        case Atom(fact, test, values):
            name = _literal(fact)
            sign = "" if wanted else "!"
            return f"(context has {name} && {sign}{_cedar_test(f'context[{name}]', test, values)})"
        case Not(part):
            return _cedar(part, wanted=not wanted)
        case AllOf(parts) | AnyOf(parts):
            every = isinstance(condition, AllOf) == wanted
            if not parts:
                return "true" if every else "false"
            return "(" + (" && " if every else " || ").join(
                _cedar(part, wanted=wanted) for part in parts
            ) + ")"  # fmt: skip


def _literal(value: bool | int | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower()


def _pattern(part: str) -> str:
    """A Cedar pattern for text with this in it; a star of the text itself is escaped."""
    return '"*' + _literal(part)[1:-1].replace("*", "\\*") + '*"'


def _cedar_test(value: str, test: str, values: tuple[bool | int | str, ...]) -> str:
    literals = "[" + ", ".join(map(_literal, values)) + "]"
    match test:
        case "in" if len(values) == 1:
            return f"({value} == {_literal(values[0])})"
        case "in":
            return f"{literals}.contains({value})"
        case "any":
            return f"{value}.containsAny({literals})"
        case "includes":
            return f"{value}.containsAll({literals})"
        case "mentions":
            likes = [f"({value} like {_pattern(str(part))})" for part in values]
            return likes[0] if len(likes) == 1 else "(" + " || ".join(likes) + ")"
        case "only" if not values:
            return f"{value}.isEmpty()"
        case "only":
            return f"{literals}.containsAll({value})"
        case _:
            return f"({value} {test} {values[0]})"
