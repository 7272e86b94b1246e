"""Where time stamps stand on a checkpoint, and whose are believed.

A token stands in the checkpoint itself, as one more signature line: type 0xff of ``signed-note``
with an identifier of our own. Verifiers that do not know it set it aside, as the format asks, and
wherever the checkpoint goes (a mirror, a proof file) the time goes with it.

Authorities stand in the policy file, one certificate a line, in comments: ``tlog-policy`` has no
line for them, and other tools are to read the same file::

    #timestamp-authority <name> <Base64 of an X.509 certificate, DER>

A time never decides whether a checkpoint counts; a reader may ask that there be one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from countenance.record.errors import VerificationError
from countenance.record.note import (
    Signature,
    add_signatures,
    check_name,
    decode_base64,
    encode_base64,
    split_note,
)
from countenance.record.timestamp import (
    MAX_TOKEN_BYTES,
    Timestamp,
    TimestampAuthority,
    verify_timestamp,
)

LINE_NAME: Final = "rfc3161-timestamp"
LINE_ID: Final = hashlib.sha256(
    LINE_NAME.encode() + b"\n\xffRFC 3161 TimeStampResp in DER over the text of the note"
).digest()[:4]
"""``SHA-256(name || newline || 0xff || identifier)``, its first four bytes."""
MAX_TOKENS: Final = 8
KEYWORD: Final = "#timestamp-authority"


@dataclass(frozen=True, slots=True)
class NamedAuthority:
    """An authority under the name that whoever trusts it gave it."""

    name: str
    authority: TimestampAuthority


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the time stamps on a checkpoint come to.

    Attributes
    ----------
    verified
        Names of authorities and what their tokens say, the earliest first.
    unverified
        Of every other token, why no trusted authority vouches for it.
    """

    verified: tuple[tuple[str, Timestamp], ...]
    unverified: tuple[str, ...]


def add_token(note: bytes, token: bytes) -> bytes:
    """A checkpoint with one more token. Nothing is verified here.

    Raises
    ------
    VerificationError
        It is no note, the token is too large, or there are eight already.
    """
    if not 0 < len(token) <= MAX_TOKEN_BYTES:
        raise VerificationError("no size for a token", expected=f"1 to {MAX_TOKEN_BYTES:,} bytes")
    found = add_signatures(note, [Signature(LINE_NAME, LINE_ID, token)])
    if len(tokens_of(found)) > MAX_TOKENS:
        raise VerificationError(f"there are {MAX_TOKENS} time stamps on it already")
    split_note(found)  # the bounds of a note
    return found


def tokens_of(note: bytes) -> tuple[bytes, ...]:
    """The tokens on a checkpoint, in its order, not verified.

    Raises
    ------
    VerificationError
        It is no note.
    """
    lines = split_note(note)[1]
    return tuple(x.signature for x in lines if (x.name, x.key_id) == (LINE_NAME, LINE_ID))


def verify_by_any(
    token: bytes, note: bytes, authorities: Iterable[NamedAuthority]
) -> tuple[str, Timestamp]:
    """The first authority that vouches for a token on this checkpoint, and what the token says.

    Raises
    ------
    VerificationError
        None does.
    MissingPartError
        The extra ``timestamps`` is not installed.
    """
    why = VerificationError("no timestamp authority is trusted")
    for each in authorities:
        try:
            return each.name, verify_timestamp(token, note, authority=each.authority)
        except VerificationError as error:
            why = error
    raise why


def examine_tokens(note: bytes, authorities: Sequence[NamedAuthority]) -> Stamps:
    """Verify the tokens on a checkpoint, without a network. At most eight are looked at.

    Raises
    ------
    VerificationError
        It is no note.
    MissingPartError
        The extra ``timestamps`` is not installed, and there is something to verify.
    """
    verified: list[tuple[str, Timestamp]] = []
    unverified: list[str] = []
    for token in tokens_of(note)[:MAX_TOKENS]:
        try:
            verified.append(verify_by_any(token, note, authorities))
        except VerificationError as error:
            unverified.append(error.what)
    return Stamps(tuple(sorted(verified, key=lambda x: x[1].time_s)), tuple(unverified))


def parse_authorities(policy: bytes, *, where: str = "policy") -> tuple[NamedAuthority, ...]:
    """The authorities in a policy file; lines of one name are certificates of one authority.

    Raises
    ------
    VerificationError
        A line that begins as one of an authority and is none; the message names it.
    """
    found: dict[str, list[x509.Certificate]] = {}
    for number, line in enumerate(policy.split(b"\n"), 1):
        words = line.split()
        if not words or words[0] != KEYWORD.encode():
            continue
        try:
            _, name, encoded = (word.decode("ascii") for word in words)
            certificate = x509.load_der_x509_certificate(
                decode_base64(encoded, what="the certificate")
            )
        except (ValueError, VerificationError) as error:
            raise VerificationError(
                "not the line of a timestamp authority", where=f"{where}, line {number}",
                expected=f"{KEYWORD} NAME BASE64-OF-A-CERTIFICATE",
            ) from error  # fmt: skip
        found.setdefault(name, []).append(certificate)
    return tuple(NamedAuthority(n, TimestampAuthority(tuple(c))) for n, c in found.items())


def format_authorities(authorities: Iterable[NamedAuthority]) -> str:
    """The lines of a policy file that say whom to believe about time.

    Raises
    ------
    VerificationError
        A name with a space, a plus or a control character, or that is not ASCII.
    """
    lines = []
    for each in authorities:
        if not check_name(each.name).isascii():
            raise VerificationError("the name of an authority is not ASCII", where=each.name)
        for certificate in each.authority.certificates:
            encoded = encode_base64(certificate.public_bytes(Encoding.DER))
            lines.append(f"{KEYWORD} {each.name} {encoded}\n")
    return "".join(lines)
