"""The facts a rule may turn on: their names, types, words and questions, out of one file."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from countenance.core import sha256_bytes
from countenance.law.errors import PackError, shown

Value: TypeAlias = bool | int | str | frozenset[str]
"""What a fact may be: yes or no, a number, a word or text, or a set of words."""

MAX_NUMBER = 2**53 - 1  # exact in JSON everywhere
MAX_TEXT = 1000
MAX_VOCABULARY_BYTES = 1 << 18
_LONGEST_NAME = 100


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
        """The value in its stored form. Raises ValueError saying what would be right.

        Text is stored without case and in one of Unicode's forms of the same letters (NFKC), so
        that a rule about a name is not passed by its spelling.
        """
        if self.kind is Kind.YES_NO:
            if isinstance(value, bool):
                return value
            raise ValueError("true or false")
        if self.kind is Kind.NUMBER:
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER:
                return value
            raise ValueError(f"a whole number of {self.unit}, not negative")
        if self.kind is Kind.TEXT:
            text = _plain(value) if isinstance(value, str) and len(value) <= MAX_TEXT else None
            if text is not None and len(text) <= MAX_TEXT:
                return text
            raise ValueError(f"text of one line, at most {MAX_TEXT} characters")
        if self.kind is Kind.ONE_OF:
            if isinstance(value, str) and value in self.words:
                return value
            raise ValueError("one of " + ", ".join(self.words))
        if isinstance(value, (list, tuple, set, frozenset)) and all(
            isinstance(v, str) and v in self.words for v in value
        ):
            return frozenset(value)
        raise ValueError("a list of these words, [] for none: " + ", ".join(self.words))


def _plain(text: str) -> str | None:
    """Text folded to one spelling; None where it has characters that are not for reading."""
    for _ in range(2):  # folding can undo composing and the other way round; twice is stable
        if not text.isprintable():
            return None
        text = " ".join(unicodedata.normalize("NFKC", text.casefold()).split())
    return text if text.isprintable() else None


class _Entry(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    ask: str
    type: str | None = None
    one_of: list[str] | None = None
    some_of: list[str] | None = None
    unit: str = ""
    rising: bool = False
    to_do: bool = False


class Vocabulary(Mapping[str, Fact]):
    """Facts by name. Two are the same where their files have the same bytes.

    Attributes
    ----------
    digest
        SHA-256 of the file's bytes, in hex.
    text
        Those bytes.
    sets
        Names of the facts whose values are sets of words.
    """

    def __init__(self, facts: Mapping[str, Fact], text: bytes = b"") -> None:
        self._facts = MappingProxyType(dict(facts))
        self.text = text
        self.digest = sha256_bytes(text)
        self.sets = tuple(fact.name for fact in facts.values() if fact.kind is Kind.SOME_OF)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def acts(self) -> tuple[str, ...]:
        """What can be asked for, in the file's order."""
        return self._facts["act"].words

    def __getitem__(self, name: str) -> Fact:
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def near(self, name: str) -> str:
        """What somebody who wrote `name` may have meant, as a hint."""
        if len(name) > _LONGEST_NAME:
            return "see: countenance law facts"
        found = difflib.get_close_matches(name, self._facts, n=3, cutoff=0.5)
        return (
            "did you mean " + " or ".join(found) + "?" if found else "see: countenance law facts"
        )


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with this version."""
    text = resources.files("countenance.law").joinpath("vocabulary.toml").read_bytes()
    return read_vocabulary(text)


def bundled_vocabulary() -> Vocabulary:
    """`vocabulary`, under a name that is no module's."""
    return vocabulary()


def read_vocabulary(data: bytes, *, where: str = "vocabulary") -> Vocabulary:
    """Facts out of the bytes of a vocabulary file. Raises PackError."""
    if len(data) > MAX_VOCABULARY_BYTES:
        raise PackError("too long for a vocabulary", where=where)
    try:
        entries = msgspec.toml.decode(data, type=dict[str, _Entry])
    except (ValueError, RecursionError) as error:
        raise PackError(f"no vocabulary: {shown(str(error))}", where=where) from error
    facts = {name: _fact(name, entry, f"{where}, {name}") for name, entry in entries.items()}
    if "act" not in facts or facts["act"].kind is not Kind.ONE_OF:
        raise PackError("a vocabulary has the fact `act`, one of some words", where=where)
    for name in facts:
        # agency and agency.kind could not both be keys of one TOML table
        if any(other.startswith(name + ".") for other in facts):
            raise PackError("a fact's name begins another's", where=f"{where}, {name}")
    return Vocabulary(facts, data)


_NAME = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")


def _fact(name: str, entry: _Entry, where: str) -> Fact:
    words: list[str] = []
    if entry.one_of is not None:
        kind, words = Kind.ONE_OF, entry.one_of
    elif entry.some_of is not None:
        kind, words = Kind.SOME_OF, entry.some_of
    elif entry.type in ("yes-no", "number", "text"):
        kind = Kind(entry.type)
    else:
        raise PackError("a fact of no type", where=where, expected="type, one-of or some-of")
    if kind in (Kind.ONE_OF, Kind.SOME_OF) and not words:
        raise PackError("a fact without a word", where=where)
    for word in (name, *words):  # they become names in Cedar: nothing there may need escaping
        if len(word) > _LONGEST_NAME or not _NAME.fullmatch(word):
            raise PackError(
                f"{shown(word)} is no word", where=where, expected="small letters and dashes"
            )
    if len(set(words)) != len(words):
        raise PackError("a word is given twice", where=where)
    if not entry.ask.isprintable() or not entry.ask.endswith(("?", ")")):
        raise PackError("`ask` is not one plain question", where=where)
    return Fact(name, entry.ask, kind, tuple(words), entry.unit, entry.rising, entry.to_do)
