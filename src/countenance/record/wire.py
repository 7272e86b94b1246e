"""Base64, decimals and JSON in the one writing each value has, as notes and entries write them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final, NoReturn

from countenance.core import canonical_json
from countenance.record.errors import VerificationError

MAX_INTEGER: Final = 2**63 - 1
"""The largest size, index or time: what every implementation's integers hold."""

MAX_EXACT: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8785, 3.2.2.3)."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def encode_base64(data: bytes) -> str:
    """Standard Base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, what: str = "Base64") -> bytes:
    """Decode standard Base64, in its one canonical writing only.

    Two writings of the same bytes would be two files with the same meaning, which a reader who
    compares files must never meet.

    Raises
    ------
    VerificationError
        Not Base64, or not the writing `encode_base64` gives.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise VerificationError(f"{what} is not Base64") from error
    if encode_base64(data) != text:
        raise VerificationError(f"{what} is Base64 in another than its one canonical writing")
    return data


def parse_decimal(text: str, *, what: str = "number") -> int:
    """Read an ASCII decimal without leading zeros, at most 2^63 - 1.

    Raises
    ------
    VerificationError
        Anything else, a sign, a space, an underscore or a digit of another script included.
    """
    if not _DECIMAL.fullmatch(text) or (value := int(text)) > MAX_INTEGER:
        raise VerificationError(
            f"{what} is not a decimal number", expected="0 to 2^63 - 1, no leading zeros"
        )
    return value


def write_json(value: Any) -> bytes:
    """RFC 8785 bytes of a value: `canonical_json`, and for most values ten times as fast.

    In ASCII and without fractions the standard library writes RFC 8785 too. Whether a value is
    such a one is seen by reading it back: what is not, or comes back as something else (a key
    that was no text, a number no reader keeps exact), is left to `canonical_json` and its errors.

    Raises
    ------
    ValueError, RecursionError
        The value has no canonical form.
    """
    try:
        text = ascii_json(value)
        if text.isascii() and read_json(text) == value:
            return text
    except (TypeError, ValueError):
        pass
    return canonical_json(value)


def ascii_json(value: Any) -> bytes:
    """RFC 8785 bytes of a value that has neither fractions nor text beyond ASCII."""
    return _ENCODER.encode(value).encode()


def read_json(data: bytes) -> Any:
    """A JSON value in UTF-8 without fractions and without numbers that some readers would round.

    Raises
    ------
    ValueError, RecursionError
        It is none.
    """
    return _DECODER.decode(data.decode("utf-8"))


def _exact(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > MAX_EXACT:
        raise ValueError(f"{text[:20]} is not kept exact by every reader of JSON")
    return number


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a whole number")


# Made once: `json.dumps` and `json.loads` would make them anew for every value.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_DECODER = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float, parse_int=_exact)
