"""Entries: what one event leaves in the log, as canonical JSON and nothing personal.

An entry is an RFC 8785 JSON object of at most 65,535 bytes::

    {"public": {"decision": "refused", ...},        fields an oversight reader needs to count
     "schema": "countenance-record/search-decided",  the event kind
     "sealed": {"case": "9f86d0...", ...},           salted commitments (see `commitments`)
     "time": "2026-11-23T16:30:00Z",                 what the writer's clock said
     "version": 1}                                   of this kind's fields

What a kind may say in the open is a closed list of typed fields: codes, digests, counts, never
free text, so that a name cannot slip in by way of a remark. Everything else is sealed. Every
sealed field of a kind is always there, an absent value being committed like any other, so that
not even the presence of a value is told.

An entry of a kind or version that this program does not know, written by a newer one, is read as
far as its envelope goes (`Entry.known` is False): it is counted and verified, not refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from countenance.core import InputError, canonical_json
from countenance.record.errors import VerificationError
from countenance.record.wire import MAX_EXACT, ascii_json, read_json, write_json

MOST_BYTES = 65_535
"""An entry's length is a uint16 in its bundle (tlog-tiles)."""

SCHEMA_PREFIX = "countenance-record/"

LAST_S = 253_402_300_799
"""9999-12-31T23:59:59Z: no later time has the form entries write."""

_ENVELOPE = {"public", "schema", "sealed", "time", "version"}
_KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+){0,7}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,47}")
_HEX32 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(  # 1970 to 9999, what `format_time` writes; which days a month has is checked
    r"(?:19[7-9]|[2-9][0-9]{2})[0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z"
)
_MOST_FIELDS = 64
_MOST_CODES = 64
_NESTS = (dict, list)
_MOST_DEPTH = 16  # of an entry from elsewhere: what a reader's stack can take must not decide

Json = str | int | bool | list[str]


@dataclass(frozen=True, slots=True)
class Field:
    """What one public field may hold.

    Attributes
    ----------
    type
        ``code`` (short, lower case, no spaces), ``codes`` (a sorted list of them), ``digest``
        (SHA-256 in hex), ``count`` (0 to 2^53 - 1), ``flag``, ``time`` (to the second, UTC),
        ``place`` (ISO 3166 code, as ``US`` or ``US-NY``) or ``statement`` (a signed note, which
        says only what keys say).
    choices
        For a code: the only ones allowed, where there is a list.
    optional
        True if it may be left out.
    """

    type: str
    choices: tuple[str, ...] = ()
    optional: bool = False

    def check(self, value: object) -> str | None:
        """What would be right, if `value` is not; None if it is."""
        expected = _EXPECTED[self.type]
        if self.type == "codes":
            right = (
                isinstance(value, list)
                and len(value) <= _MOST_CODES
                and all(isinstance(each, str) and _CODE.fullmatch(each) for each in value)
                and value == sorted(set(value))
            )
        elif self.type == "count":
            right = type(value) is int and 0 <= value <= MAX_EXACT
        elif self.type == "flag":
            right = type(value) is bool
        elif self.type == "time":
            right = isinstance(value, str) and _is_time(value)
        else:
            right = isinstance(value, str) and _TEXT[self.type].fullmatch(value) is not None
            if self.choices:
                right = right and value in self.choices
                expected = " or ".join(self.choices)
        return None if right else expected


_CODE = re.compile(r"[a-z0-9](?:[a-z0-9._@/-]{0,62}[a-z0-9])?")
_TEXT = {
    "code": _CODE,
    "digest": _HEX32,
    "place": re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?"),
    "statement": re.compile(r"[^\x00-\x09\x0b-\x1f]{0,8190}\n"),
}
_EXPECTED = {
    "code": "a code of at most 64 of a-z 0-9 . _ @ / -",
    "codes": "a sorted list of at most 64 different codes",
    "digest": "64 hex digits",
    "count": "a whole number from 0 up",
    "flag": "true or false",
    "time": "a time as 2026-11-23T16:30:00Z",
    "place": "an ISO 3166 code, as US or US-NY",
    "statement": "a signed note of at most 8,192 characters",
}


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event: its public fields with their types, and the names of the sealed ones."""

    name: str
    version: int
    says: str
    public: Mapping[str, Field] = field(default_factory=dict)
    sealed: tuple[str, ...] = ()


Kinds = Mapping[str, tuple[EventKind, ...]]
"""Every version of every kind, by name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the log holds it. `known` is False for a kind or version from elsewhere."""

    kind: str
    version: int
    time: str
    public: Mapping[str, Any]
    sealed: Mapping[str, str]
    known: bool = True

    @property
    def time_s(self) -> int:
        """POSIX seconds of `time`: the writer's clock, not the order; the index is the order."""
        return int(dt.datetime.fromisoformat(self.time).timestamp())

    def to_json(self) -> dict[str, Any]:
        """As an object, for people and programs."""
        return {
            "schema": SCHEMA_PREFIX + self.kind,
            "version": self.version,
            "time": self.time,
            "public": dict(self.public),
            "sealed": dict(self.sealed),
        }

    def to_bytes(self) -> bytes:
        """The bytes that are hashed and stored (RFC 8785)."""
        return write_json(self.to_json())


def make_entry(
    kind: EventKind, *, time_s: int, public: Mapping[str, Any], sealed: Mapping[str, str]
) -> Entry:
    """An entry of a known kind; `sealed` holds commitments in hex (`commitments.seal` makes them).

    Raises
    ------
    InputError
        A field is missing, unknown or not of its type, or the entry is too long.
    """
    entry = Entry(kind.name, kind.version, format_time(time_s), dict(public), dict(sealed))
    wrong = _fields_wrong(entry, kind)
    if wrong is not None:
        what, expected = wrong
        raise InputError(what, where=f"event {kind.name}", expected=expected)
    if len(entry.to_bytes()) > MOST_BYTES:
        raise InputError(
            "the entry is too long",
            where=f"event {kind.name}",
            expected=f"at most {MOST_BYTES:,} bytes",
        )
    return entry


def parse_entry(data: bytes, *, kinds: Kinds | None = None) -> Entry:
    """Read the bytes of one entry, whoever wrote them.

    Parameters
    ----------
    data
        The bytes of the leaf.
    kinds
        The kinds to check fields against; those of this project if None.

    Raises
    ------
    VerificationError
        Not canonical JSON, not an entry, or not what its kind says.
    """
    if kinds is None:
        from countenance.record.kinds import KINDS

        kinds = KINDS
    value = _read_canonical(data)
    if not isinstance(value, dict) or not value.keys() >= _ENVELOPE:
        _refuse("this is no entry", expected="an object with " + ", ".join(sorted(_ENVELOPE)))
    schema, version = value["schema"], value["version"]
    public, sealed = value["public"], value["sealed"]
    if not isinstance(schema, str) or not schema.startswith(SCHEMA_PREFIX):
        _refuse("the entry is of another schema", expected=f"{SCHEMA_PREFIX}<kind>")
    kind = schema.removeprefix(SCHEMA_PREFIX)
    if len(kind) > 64 or _KIND.fullmatch(kind) is None:
        _refuse("the entry's kind is no name of a kind", expected="words of a-z 0-9 joined by -")
    if type(version) is not int or not 1 <= version <= MAX_EXACT:
        _refuse("the entry's version is no version", expected="a whole number from 1 up")
    if not isinstance(value["time"], str) or not _is_time(value["time"]):
        _refuse("the entry's time is no time", expected=_EXPECTED["time"])
    if not isinstance(public, dict) or not isinstance(sealed, dict):
        _refuse("the entry's fields are no fields", expected="two objects")
    if max(len(public), len(sealed)) > _MOST_FIELDS:
        _refuse("the entry has too many fields", expected=f"at most {_MOST_FIELDS} of each sort")
    if not all(_FIELD.fullmatch(name) for name in (*public, *sealed)):
        _refuse("the entry has a field whose name is no name", expected="a-z 0-9 _")
    if not all(isinstance(each, str) and _HEX32.fullmatch(each) for each in sealed.values()):
        _refuse("a sealed field is not a commitment", expected="64 hex digits")
    versions = kinds.get(kind, ())
    known = next((each for each in versions if each.version == version), None)
    if known is None:
        if _depth(value) > _MOST_DEPTH:
            _refuse("the entry is nested too deeply", expected=f"at most {_MOST_DEPTH} levels")
        newest = max((each.version for each in versions), default=0)
        if versions and version < newest:
            _refuse(f"no version {version} of {kind} was ever defined")
        return Entry(kind, version, value["time"], public, sealed, known=False)
    if value.keys() != _ENVELOPE:
        _refuse("the entry has a part that its version does not have")
    entry = Entry(kind, version, value["time"], public, sealed)
    wrong = _fields_wrong(entry, known)
    if wrong is not None:
        _refuse(wrong[0], expected=wrong[1])
    return entry


def format_time(time_s: int) -> str:
    """POSIX seconds as entries write them."""
    if not 0 <= time_s <= LAST_S:
        raise InputError(
            f"{time_s} is no time", expected="seconds since 1970, before the year 10000"
        )
    return dt.datetime.fromtimestamp(time_s, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields_wrong(entry: Entry, kind: EventKind) -> tuple[str, str | None] | None:
    """What is wrong with the fields of an entry of a known kind, and what would be right."""
    strange = entry.public.keys() - kind.public.keys()
    if strange:
        names = ", ".join(sorted(strange))
        return f"{kind.name} has no public field {names}", ", ".join(kind.public)
    for name, type_ in kind.public.items():
        if name not in entry.public:
            if not type_.optional:
                return f"{kind.name} lacks the public field {name}", _EXPECTED[type_.type]
            continue
        expected = type_.check(entry.public[name])
        if expected is not None:
            return f"the public field {name} is not what it must be", expected
    if entry.sealed.keys() != set(kind.sealed):
        return f"{kind.name} has not the sealed fields it must have", ", ".join(kind.sealed)
    if len(set(entry.sealed.values())) != len(entry.sealed):
        return "two sealed fields have one commitment", "a fresh salt for every field"
    return None


def _read_canonical(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        _refuse("the entry is too long", expected=f"at most {MOST_BYTES:,} bytes")
    try:
        value = read_json(data)
        same = (ascii_json(value) if data.isascii() else canonical_json(value)) == data
    except (ValueError, RecursionError) as error:
        raise VerificationError(
            "the entry is no canonical JSON", expected="RFC 8785, without fractions"
        ) from error
    if not same:
        _refuse("the entry is JSON, but not in canonical form", expected="RFC 8785")
    return value


def _depth(value: Any) -> int:
    """How deep lists and objects lie in one another, without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        lists = (x.values() if isinstance(x, dict) else x for x in level if isinstance(x, _NESTS))
        level = [child for children in lists for child in children]
    return depth


def _is_time(text: str) -> bool:
    if _TIME.fullmatch(text) is None or text[11:13] > "23":  # newer Pythons read 24:00:00 too
        return False
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refuse(what: str, *, expected: str | None = None) -> NoReturn:
    raise VerificationError(what, expected=expected)
