"""JSON in two forms: canonical bytes (RFC 8785) to hash, indented text to read."""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from countenance.core.files import sha256_bytes


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value: the one form that is hashed."""
    return rfc8785.dumps(value)


def digest_json(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hex: independent of spaces and key order."""
    return sha256_bytes(canonical_json(value))


def pretty_json(value: Any) -> str:
    """Indented JSON for people, the same text for the same value; NaN is refused."""
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
