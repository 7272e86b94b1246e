"""A request: what somebody wants to do with face recognition, and what is known of it."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import msgspec

from countenance.core import sha256_bytes
from countenance.law.errors import RequestError, shown
from countenance.law.vocabulary import Value, Vocabulary, read_vocabulary, vocabulary

MAX_REQUEST_BYTES = 1 << 18
MAX_JURISDICTIONS = 16
_YEARS = range(1900, 2200)  # any deadline after them is still a date
_FURTHEST = datetime.timedelta(hours=14)
R = TypeVar("R", bound="Request")
_PLACE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+){0,4}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, by whom and when. A fact that is not in `facts` is unknown.

    Attributes
    ----------
    at
        When it is to be done, with its zone. Rules are read as of the day that it was there: a
        law that begins on 1 July begins at the local midnight. None: unknown.
    jurisdictions
        Whose law binds whoever acts, the smallest place of each: ``us/mi/detroit``. Laws of the
        places around it come along. Empty: unknown.
    behalf_jurisdictions
        The same of those on whose behalf it is done, where that is somebody else.
    facts
        Values by name, as the vocabulary says.
    words
        The vocabulary they were checked against.

    Raises
    ------
    RequestError
        Where one of them is not what it must be.
    """

    at: datetime.datetime | None = None
    jurisdictions: tuple[str, ...] = ()
    behalf_jurisdictions: tuple[str, ...] = ()
    facts: Mapping[str, Value] = field(default_factory=dict)
    words: Vocabulary = field(default_factory=vocabulary, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "at", _instant(self.at, "request"))
        put(self, "jurisdictions", _places(self.jurisdictions, "request, jurisdictions"))
        put(self, "behalf_jurisdictions", _places(self.behalf_jurisdictions, "request, behalf"))
        put(self, "facts", MappingProxyType(read_facts(self.facts, words=self.words)))

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def act(self) -> str | None:
        """What is to be done, if known."""
        act = self.facts.get("act")
        return act if isinstance(act, str) else None

    @property
    def as_of(self) -> datetime.date | None:
        """The day its rules are read of: the day of `at` in its own zone."""
        return None if self.at is None else self.at.date()

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON (RFC 8785): what an approver signs."""
        # Its keys are ASCII and its text has no control characters, so that sorted JSON without
        # spaces is canonical; msgspec writes that ten times faster than a general writer.
        return sha256_bytes(msgspec.json.encode(self.to_json(), order="sorted"))

    def __reduce__(self) -> tuple[object, ...]:
        values = (self.at, self.jurisdictions, self.behalf_jurisdictions, dict(self.facts))
        return _again, (*values, self.words.text)

    def on(self, day: datetime.date) -> Self:
        """The same request on another day (at noon, UTC)."""
        return replace(self, at=_instant(day, "request"))

    def knowing(self, facts: Mapping[str, object]) -> Self:
        """The same request with these facts stated (or stated otherwise)."""
        return replace(self, facts={**self.facts, **read_facts(facts, words=self.words)})

    def without(self, *names: str) -> Self:
        """The same request with these facts unknown."""
        facts = {k: v for k, v in self.facts.items() if k not in names}
        return _put(type(self), self.at, self.jurisdictions, self.behalf_jurisdictions, facts,
                    self.words)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `request_of` reads back as the same request."""
        facts: dict[str, Any] = dict(self.facts)
        for name in self.words.sets:
            if name in facts:
                facts[name] = sorted(facts[name])
        return {
            "at": None if self.at is None else self.at.isoformat(),
            "jurisdictions": list(self.jurisdictions),
            "behalf-jurisdictions": list(self.behalf_jurisdictions),
            "facts": facts,
        }


def _put(
    kind: type[R], at: datetime.datetime | None, jurisdictions: tuple[str, ...],
    behalf: tuple[str, ...], facts: dict[str, Value], words: Vocabulary,
) -> R:  # fmt: skip
    """A request of parts that were checked before."""
    made = object.__new__(kind)
    for name, value in zip(
        kind.__slots__,
        (at, jurisdictions, behalf, MappingProxyType(facts), words),
        strict=True,
    ):
        object.__setattr__(made, name, value)
    return made


@lru_cache(maxsize=8)
def _words(text: bytes) -> Vocabulary:
    return read_vocabulary(text)


def _again(
    at: datetime.datetime | None, jurisdictions: tuple[str, ...], behalf: tuple[str, ...],
    facts: dict[str, Value], words: bytes,
) -> Request:  # fmt: skip
    """A request that was sent between processes; a pickle is trusted like code, as all are."""
    return _put(Request, at, jurisdictions, behalf, facts, _words(words))


_KEYS = ("at", "jurisdictions", "behalf-jurisdictions", "facts")


def request_of(
    value: object, *, where: str = "request", words: Vocabulary | None = None
) -> Request:
    """A request out of the tables of a TOML or JSON file. Raises RequestError."""
    if not isinstance(value, Mapping):
        raise RequestError("a request is a table", where=where)
    if extra := [key for key in value if key not in _KEYS]:
        raise RequestError(
            f"{shown(extra[0])} does not belong here", where=where,
            expected=", ".join(_KEYS), do="facts go under [facts]",
        )  # fmt: skip
    facts = value.get("facts", {})
    if not isinstance(facts, Mapping):
        raise RequestError("`facts` is a table", where=where)
    words = vocabulary() if words is None else words
    return Request(
        _instant(value.get("at"), where),
        _places(value.get("jurisdictions"), f"{where}, jurisdictions"),
        _places(value.get("behalf-jurisdictions"), f"{where}, behalf-jurisdictions"),
        read_facts(facts, where=where, words=words),
        words,
    )


def load_request(path: Path) -> Request:
    """Read a request from a TOML or JSON file. Raises RequestError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_REQUEST_BYTES + 1)
    except OSError as error:
        raise RequestError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_REQUEST_BYTES:
        raise RequestError("too long for a request", where=str(path))
    try:
        value = _json(data) if path.suffix == ".json" else msgspec.toml.decode(data)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise RequestError(f"not {kind}: {shown(str(error))}", where=str(path)) from error
    return request_of(value, where=str(path))


def _json(data: bytes) -> object:
    """JSON in which no name is given twice: two readers could take two different values."""

    def table(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{shown(twice)} is given twice")
        return found

    return json.loads(data, object_pairs_hook=table)


def read_facts(
    value: Mapping[str, object], *, where: str = "facts", words: Vocabulary | None = None
) -> dict[str, Value]:
    """Facts out of nested or dotted tables, each checked against the vocabulary."""
    words = vocabulary() if words is None else words
    facts: dict[str, Value] = {}
    for name, given in _flat(value, "", words, where):
        if name in facts:
            raise RequestError(f"`{name}` is stated twice", where=where)
        try:
            facts[name] = words[name].accept(given)
        except ValueError as error:
            raise RequestError(
                f"{shown(given)} is no value of `{name}`", where=where, expected=str(error)
            ) from None
    return facts


def _flat(
    value: Mapping[str, object], prefix: str, words: Vocabulary, where: str
) -> Iterator[tuple[str, object]]:
    for key, part in value.items():
        name = f"{prefix}{key}"
        if name in words:
            yield name, part
        elif isinstance(part, Mapping) and len(name) < 100:
            yield from _flat(part, name + ".", words, where)
        else:
            raise RequestError(f"there is no fact {shown(name)}", where=where, do=words.near(name))


def _places(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_JURISDICTIONS:
        raise RequestError("a list of places", where=where, expected='["us/mi/detroit"]')
    for place in value:
        if not isinstance(place, str) or len(place) > 200 or not _PLACE.fullmatch(place):
            raise RequestError(
                f"{shown(place)} is no place", where=where, expected="us/mi/detroit"
            )
    return tuple(sorted(set(value)))


def _instant(value: object, where: str) -> datetime.datetime | None:
    """A time; a day alone means its noon, which is a time of that day and of no other."""
    where = f"{where}, at"
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = (
                datetime.date.fromisoformat(value)
                if len(value) == len("2026-06-30")
                else datetime.datetime.fromisoformat(value)
            )
        except ValueError:
            raise RequestError(f"{shown(value)} is no time", where=where) from None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, 12, tzinfo=datetime.UTC)
    if not isinstance(value, datetime.datetime):
        raise RequestError(f"{shown(value)} is no time", where=where)
    offset = value.utcoffset()
    if offset is None:
        raise RequestError(
            "a time without its zone", where=where, expected="2026-06-30T10:00:00-04:00"
        )
    if abs(offset) > _FURTHEST or offset.total_seconds() % 60:
        raise RequestError(f"no place on Earth has the zone {offset}", where=where)
    if value.year not in _YEARS:
        raise RequestError(
            f"the year {value.year}", where=where, expected=f"{_YEARS[0]} to {_YEARS[-1]}"
        )
    return value.replace(tzinfo=datetime.timezone(offset)) if offset else (
        value.replace(tzinfo=datetime.UTC)
    )  # fmt: skip
