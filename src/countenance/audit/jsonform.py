"""`audit.json`: the typed audit to JSON and back, and the schema it obeys."""

from __future__ import annotations

from typing import Any

import msgspec

from countenance.audit.types import SCHEMA, SCHEMA_VERSION, Audit
from countenance.core import InputError, digest_json, pretty_json

SCHEMA_ID = "urn:countenance:schema:audit:1"


def to_json(audit: Audit) -> str:
    """Indented JSON, keys in the order of the types: readable, diffable, deterministic."""
    return pretty_json(msgspec.to_builtins(audit))


def digest(audit: Audit) -> str:
    """SHA-256 of the audit's RFC 8785 form, in hex: the audit's name in a log."""
    return digest_json(msgspec.to_builtins(audit))


def from_json(text: str | bytes) -> Audit:
    """Read an audit back, checking every type; fields of newer versions are ignored.

    Raises
    ------
    InputError
        Not JSON, not an audit, or an audit of another version.
    """
    try:
        raw = msgspec.json.decode(text)
        if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
            raise InputError(
                "this is not an audit", expected=f'a JSON object with "schema": "{SCHEMA}"'
            )
        if raw.get("version") != SCHEMA_VERSION:
            raise InputError(
                f"this audit has format version {raw.get('version')!r}",
                expected=f"version {SCHEMA_VERSION}",
                do="read it with the release of Countenance named in its `software` field",
            )
        return msgspec.convert(raw, Audit)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"this is not a readable audit: {error}") from error


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `audit.json`, made from the types and their docstrings."""
    made = msgspec.json.schema(Audit)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Countenance audit",
        **made,
    }
