"""Base64 and decimals in the one writing each value has, as notes and proofs write them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from countenance.record.errors import VerificationError

MAX_INTEGER: Final = 2**63 - 1
"""The largest size, index or time: what every implementation's integers hold."""

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
