"""A request: what somebody wants to do with face recognition, and what is known of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import msgspec

from countenance.core import digest_json
from countenance.law.errors import RequestError
from countenance.law.vocabulary import Value, Vocabulary, vocabulary

MAX_REQUEST_BYTES = 1 << 18
MAX_JURISDICTIONS = 16
_PLACE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+){0,4}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, by whom and when. A fact that is not in `facts` is unknown.

    Attributes
    ----------
    at
        When it is to be done. Rules are read as of this day (UTC). None: unknown.
    jurisdictions
        Whose law binds whoever acts, the smallest place of each: ``us/mi/detroit``. Laws of the
        places around it come along. Empty: unknown.
    behalf_jurisdictions
        The same of those on whose behalf it is done, where that is somebody else.
    facts
        Values by name, as the vocabulary says.
    """

    at: datetime.datetime | None = None
    jurisdictions: tuple[str, ...] = ()
    behalf_jurisdictions: tuple[str, ...] = ()
    facts: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def act(self) -> str | None:
        """What is to be done, if known."""
        act = self.facts.get("act")
        return act if isinstance(act, str) else None

    @property
    def as_of(self) -> datetime.date | None:
        """The day its rules are read of, in UTC."""
        return None if self.at is None else self.at.astimezone(datetime.UTC).date()

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON: what an approver signs."""
        return digest_json(self.to_json())

    def knowing(self, facts: Mapping[str, object]) -> Self:
        """The same request with these facts stated (or stated otherwise)."""
        return replace(self, facts={**self.facts, **read_facts(facts)})

    def without(self, *names: str) -> Self:
        """The same request with these facts unknown."""
        return replace(self, facts={k: v for k, v in self.facts.items() if k not in names})

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `request_of` reads back as the same request."""
        return {
            "at": None if self.at is None else self.at.astimezone(datetime.UTC).isoformat(),
            "jurisdictions": list(self.jurisdictions),
            "behalf-jurisdictions": list(self.behalf_jurisdictions),
            "facts": {
                name: sorted(value) if isinstance(value, frozenset) else value
                for name, value in sorted(self.facts.items())
            },
        }


def request_of(value: object, *, where: str = "request") -> Request:
    """A request out of the tables of a TOML or JSON file. Raises RequestError."""
    if not isinstance(value, Mapping):
        raise RequestError("a request is a table", where=where)
    known = {"at", "jurisdictions", "behalf-jurisdictions", "facts"}
    if extra := sorted(set(value) - known):
        raise RequestError(
            f"`{extra[0]}` does not belong here", where=where,
            expected=", ".join(sorted(known)), do="facts go under [facts]",
        )  # fmt: skip
    facts = value.get("facts", {})
    if not isinstance(facts, Mapping):
        raise RequestError("`facts` is a table", where=where)
    return Request(
        _instant(value.get("at"), where),
        _places(value.get("jurisdictions"), f"{where}, jurisdictions"),
        _places(value.get("behalf-jurisdictions"), f"{where}, behalf-jurisdictions"),
        read_facts(facts, where=where),
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
    decode = msgspec.json.decode if path.suffix == ".json" else msgspec.toml.decode
    try:
        return request_of(decode(data), where=str(path))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"not {path.suffix[1:] or 'TOML'}: {error}", where=str(path)) from error


def read_facts(value: Mapping[str, object], *, where: str = "facts") -> dict[str, Value]:
    """Facts out of nested or dotted tables, each checked against the vocabulary."""
    words = vocabulary()
    facts: dict[str, Value] = {}
    for name, given in _flat(value, "", words, where):
        try:
            facts[name] = words[name].accept(given)
        except ValueError as error:
            raise RequestError(
                f"{given!r} is no value of `{name}`", where=where, expected=str(error)
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
            raise RequestError(f"there is no fact `{name}`", where=where, do=words.near(name))


def _places(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_JURISDICTIONS:
        raise RequestError("a list of places", where=where, expected='["us/mi/detroit"]')
    for place in value:
        if not isinstance(place, str) or not _PLACE.fullmatch(place):
            raise RequestError(f"{place!r} is no place", where=where, expected="us/mi/detroit")
    return tuple(sorted(set(value)))


def _instant(value: object, where: str) -> datetime.datetime | None:
    """A time; a day alone means its noon, UTC, so that it is that day in most places."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise RequestError(f"{value!r} is no time", where=f"{where}, at") from None
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise RequestError(
                "a time without its zone", where=f"{where}, at", expected="2026-06-30T10:00:00Z"
            )
        return value.astimezone(datetime.UTC)
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, 12, tzinfo=datetime.UTC)
    raise RequestError(f"{value!r} is no time", where=f"{where}, at")
