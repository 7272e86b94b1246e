r"""Salted commitments: what an entry says of a value without saying the value.

The commitment to one field of one entry is::

    HMAC-SHA-256(key = salt, message = "countenance-record/commitment/v1\n" || RFC 8785 of
                 [schema, field, value])

with a fresh salt of 32 random bytes for every field of every entry. It hides: without the salt a
commitment is a random-looking 256-bit number, so neither a list of all names nor another entry
with the same value helps a guesser, and once the salt is erased nobody can link it to anything
again. It binds: to give a second value for one commitment is to find a collision of SHA-256 (the
salt has exactly one length, so that HMAC's padding of short keys opens no way round). The schema
and the field's name are under the HMAC, so that the opening of one field is none of another.

An opening (salt and value) can be handed to one person for one field, who checks it against the
public log and learns nothing of any other field.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as part
from typing import Any

from countenance.core import InputError
from countenance.record.entries import SCHEMA_PREFIX, Entry, EventKind, make_entry
from countenance.record.errors import VerificationError
from countenance.record.wire import write_json

SALT_BYTES = 32
MOST_VALUE_BYTES = 1 << 20
_DOMAIN = b"countenance-record/commitment/v1\n"
_OPENING = "countenance-record/opening"
_PARTS = {"schema", "version", "kind", "field", "salt", "value"}
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_HEX32 = re.compile(r"[0-9a-f]{64}")

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment. Neither the salt nor the value shows in its repr."""

    kind: str
    field: str
    salt: bytes = part(repr=False)
    value: Any = part(repr=False)

    @property
    def commitment(self) -> str:
        """The commitment that this opens, in hex."""
        return commit(self.value, salt=self.salt, kind=self.kind, field=self.field)

    def to_bytes(self) -> bytes:
        """The file that is handed to an authorised reader (canonical JSON)."""
        return write_json(
            {
                "schema": _OPENING,
                "version": 1,
                "kind": self.kind,
                "field": self.field,
                "salt": self.salt.hex(),
                "value": self.value,
            }
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry ready for the log, and the openings that must be kept before it goes there."""

    entry: Entry
    openings: tuple[Opening, ...]


def commit(value: Any, *, salt: bytes, kind: str, field: str) -> str:
    """The commitment to a JSON value, in hex.

    Raises
    ------
    InputError
        The salt has another length, or the value has no canonical JSON form or is over 1 MiB.
    """
    if len(salt) != SALT_BYTES:
        raise InputError(f"a salt of {len(salt)} bytes", expected=f"{SALT_BYTES} random bytes")
    try:
        message = write_json([SCHEMA_PREFIX + kind, field, value])
    except (ValueError, RecursionError) as error:
        raise InputError(
            "the value has no canonical JSON form",
            where=f"{kind}, {field}",
            expected="text, whole numbers, true, false, null, and lists and objects of them",
        ) from error
    if len(message) > MOST_VALUE_BYTES:
        raise InputError(
            "the value is too long", where=f"{kind}, {field}", expected="at most 1 MiB"
        )
    return hmac.new(salt, _DOMAIN + message, hashlib.sha256).hexdigest()


def seal(
    kind: EventKind,
    *,
    time_s: int,
    public: Mapping[str, Any],
    private: Mapping[str, Any],
    random: Random = secrets.token_bytes,
) -> Sealed:
    """Make an entry: public fields as they are, private ones as commitments.

    A sealed field of the kind that `private` lacks is committed as null, under a salt like any
    other.

    Raises
    ------
    InputError
        A field is unknown, missing or not of its type.
    """
    strange = private.keys() - set(kind.sealed)
    if strange:
        raise InputError(
            f"{kind.name} has no sealed field {', '.join(sorted(strange))}",
            where=f"event {kind.name}",
            expected=", ".join(kind.sealed) or "none",
        )
    openings = tuple(
        Opening(kind.name, name, random(SALT_BYTES), private.get(name)) for name in kind.sealed
    )
    sealed = {opening.field: opening.commitment for opening in openings}
    return Sealed(make_entry(kind, time_s=time_s, public=public, sealed=sealed), openings)


def verify_opening(entry: Entry, opening: Opening) -> Any:
    """The clear value of one field of an entry, shown by its opening.

    Raises
    ------
    VerificationError
        The opening is of another kind or field, or does not open this commitment.
    """
    where = f"{entry.kind}, {opening.field}"
    if opening.kind != entry.kind or opening.field not in entry.sealed:
        raise VerificationError(
            f"the opening is of {opening.kind}, {opening.field}: this entry has no such field",
            expected=f"one of {', '.join(entry.sealed) or 'no fields'} of {entry.kind}",
        )
    try:
        given = opening.commitment
    except InputError as error:
        raise VerificationError(error.what, where=where, expected=error.expected) from error
    if not hmac.compare_digest(given, entry.sealed[opening.field]):
        raise VerificationError("the opening does not open this entry's commitment", where=where)
    return opening.value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name stands twice: of two values, readers would show either."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def parse_opening(data: bytes) -> Opening:
    """Read the file of an opening.

    Raises
    ------
    VerificationError
        Not the file of an opening.
    """
    wrong = VerificationError(
        "this is no opening of a sealed field", expected=f"a {_OPENING} file, version 1"
    )
    if len(data) > MOST_VALUE_BYTES + 4096:
        raise wrong
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise wrong from error
    if not isinstance(value, dict) or value.keys() != _PARTS:
        raise wrong
    if value["schema"] != _OPENING or type(value["version"]) is not int or value["version"] != 1:
        raise wrong
    texts = (value["kind"], value["field"], value["salt"])
    if not all(isinstance(text, str) for text in texts) or not _HEX32.fullmatch(value["salt"]):
        raise wrong
    if not all(
        _NAME.fullmatch(text) for text in texts[:2]
    ):  # they are shown before they are checked
        raise wrong
    return Opening(value["kind"], value["field"], bytes.fromhex(value["salt"]), value["value"])
