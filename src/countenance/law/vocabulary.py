"""The facts a rule may turn on: their names, types, words and questions, out of one file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from countenance.law.errors import PackError

Value: TypeAlias = bool | int | str | frozenset[str]
"""What a fact may be: yes or no, a number, a word or text, or a set of words."""

MAX_NUMBER = 2**53 - 1  # exact in JSON everywhere
MAX_TEXT = 1000


class Kind(StrEnum):
    """What a fact's value is."""

    YES_NO = "yes-no"
    NUMBER = "number"
    TEXT = "text"
    ONE_OF = "one-of"
    SOME_OF = "some-of"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the vocabulary.

    Attributes
    ----------
    name
        Dotted: ``probe.kind``.
    words
        Of one-of and some-of, in the file's order; empty for the others.
    rising
        The words are in rising order, so that "at least" means something.
    to_do
        Somebody can still go and do or obtain it; otherwise it is a fact of the case.
    """

    name: str
    ask: str
    kind: Kind
    words: tuple[str, ...] = ()
    unit: str = ""
    rising: bool = False
    to_do: bool = False

    def accept(self, value: object) -> Value:
        """The value in its stored form. Raises ValueError saying what would be right."""
        if self.kind is Kind.YES_NO:
            if isinstance(value, bool):
                return value
            raise ValueError("true or false")
        if self.kind is Kind.NUMBER:
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER:
                return value
            raise ValueError(f"a whole number of {self.unit}, not negative")
        if self.kind is Kind.TEXT:
            if isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable():
                return " ".join(value.casefold().split())
            raise ValueError(f"text of one line, at most {MAX_TEXT} characters")
        if self.kind is Kind.ONE_OF:
            if isinstance(value, str) and value in self.words:
                return value
            raise ValueError("one of " + ", ".join(self.words))
        if isinstance(value, (list, tuple, set, frozenset)) and all(
            v in self.words for v in value
        ):
            return frozenset(value)
        raise ValueError("a list of these words, [] for none: " + ", ".join(self.words))


class _Entry(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    ask: str
    type: str | None = None
    one_of: list[str] | None = None
    some_of: list[str] | None = None
    unit: str = ""
    rising: bool = False
    to_do: bool = False


class Vocabulary(Mapping[str, Fact]):
    """Facts by name."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._facts = MappingProxyType(dict(facts))

    def __getitem__(self, name: str) -> Fact:
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def near(self, name: str) -> str:
        """What somebody who wrote `name` may have meant, as a hint."""
        found = difflib.get_close_matches(name, self._facts, n=3, cutoff=0.5)
        return (
            "did you mean " + " or ".join(found) + "?" if found else "see: countenance law facts"
        )


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with this version."""
    text = resources.files("countenance.law").joinpath("vocabulary.toml").read_bytes()
    return read_vocabulary(text)


def read_vocabulary(data: bytes) -> Vocabulary:
    """Facts out of the bytes of a vocabulary file."""
    entries = msgspec.toml.decode(data, type=dict[str, _Entry])
    facts = {name: _fact(name, entry) for name, entry in entries.items()}
    for name in facts:
        # agency and agency.kind could not both be keys of one TOML table
        if any(other.startswith(name + ".") for other in facts):
            raise PackError("a fact's name begins another's", where=f"vocabulary, {name}")
    return Vocabulary(facts)


def _fact(name: str, entry: _Entry) -> Fact:
    if entry.one_of is not None:
        kind, words = Kind.ONE_OF, entry.one_of
    elif entry.some_of is not None:
        kind, words = Kind.SOME_OF, entry.some_of
    else:
        kind, words = Kind(entry.type or ""), []
    if len(set(words)) != len(words):
        raise PackError("a word is given twice", where=f"vocabulary, {name}")
    return Fact(name, entry.ask, kind, tuple(words), entry.unit, entry.rising, entry.to_do)
