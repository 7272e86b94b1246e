"""Signed notes: a text and the lines of those who signed it.

Format and rules: C2SP ``signed-note`` v1.0.0. The text of a note means nothing until `open_note`
returns it: that is the only way to it, and it needs at least one good signature by a key the
caller already trusts, and no bad one.

A signer is whatever can sign the text of a note and tell its verifier key, so that a key in a
hardware module or at a key service needs no more than a `Signer` of its own: see `keys`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from countenance.record.errors import VerificationError
from countenance.record.vkey import ED25519, KeySigner, NamedKey, split_vkey

# Whoever reads notes reads these writings too, and may take them from here.
from countenance.record.vkey import check_name as check_name
from countenance.record.wire import MAX_INTEGER as MAX_INTEGER
from countenance.record.wire import decode_base64 as decode_base64
from countenance.record.wire import encode_base64 as encode_base64
from countenance.record.wire import parse_decimal as parse_decimal

# The bounds of Go's sumdb/note, so that what one opens the other does too.
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_DASH = "\u2014 "
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")


class Signer(Protocol):
    """Whatever signs notes. A key in hardware or at a key service is one more class of these."""

    @property
    def name(self) -> str:
        """The key's name: the origin, for a log."""

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""

    @property
    def vkey(self) -> str:
        """What others need to verify: `parse_vkey` reads it."""

    def sign(self, message: bytes) -> bytes:
        """Sign the text of a note, its last newline included."""


class Verifier(Protocol):
    """One key somebody trusts."""

    @property
    def name(self) -> str:
        """The key's name."""

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if `signature` is this key's over the note text `message`, or raise.

        Raises
        ------
        VerificationError
            Whatever is wrong with the signature.
        """


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and the bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> bytes:
        """The line as it stands in a note, with its newline."""
        encoded = encode_base64(self.key_id + self.signature)
        return f"{_DASH}{self.name} {encoded}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was opened: `text` is what every one of `verified` signed.

    `verified` holds signatures by known keys, in the note's order; one key may be there more than
    once, so whoever counts must count keys. `unverified` are by unknown keys and prove nothing.
    """

    text: bytes
    verified: tuple[Signature, ...]
    unverified: tuple[Signature, ...]


def parse_vkey(vkey: str) -> Verifier:
    """Make the verifier of a verifier key: Ed25519 (0x01), or a cosigner's (0x04, 0x06).

    Raises
    ------
    VerificationError
        It is not a verifier key, or of a kind not known here.
    MissingPartError
        An ML-DSA-44 key where the `cryptography` installed does not offer ML-DSA.
    """
    name, kind, public_key = split_vkey(vkey)
    if kind == ED25519:
        return Ed25519Verifier(name, public_key)
    # Cosignatures build on notes, so notes look them up only when a key asks for them.
    from countenance.record.cosignature import cosignature_verifier

    return cosignature_verifier(name, kind, public_key)


class Ed25519Verifier(NamedKey):
    """A key that signs the text itself (signature type 0x01)."""

    __slots__ = ("_key",)
    kind = ED25519

    def __init__(self, name: str, public_key: bytes) -> None:
        super().__init__(name, public_key)
        self._key = load_ed25519(public_key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """RFC 8032 verification over the text of the note."""
        verify_ed25519(self._key, signature, message, name=self.name)


class Ed25519Signer(KeySigner):
    """Signs the text itself (type 0x01), with a key it holds or one it only asks.

    Parameters
    ----------
    name
        The key's name: the origin, for a log.
    public_key
        32 bytes, RFC 8032.
    sign_raw
        Makes the 64-byte Ed25519 signature of a message: the one call a PKCS#11 module (mechanism
        ``CKM_EDDSA``) or a key service has to offer.
    """

    __slots__ = ("_verifier",)

    def __init__(
        self, name: str, public_key: bytes, *, sign_raw: Callable[[bytes], bytes]
    ) -> None:
        self._verifier = Ed25519Verifier(name, public_key)
        super().__init__(self._verifier, sign_raw)

    @classmethod
    def from_private_key(cls, name: str, key: Ed25519PrivateKey) -> Ed25519Signer:
        """A signer that holds its key in memory."""
        return cls(name, key.public_key().public_bytes_raw(), sign_raw=key.sign)

    def sign(self, message: bytes) -> bytes:
        """Sign the text of a note.

        What a module or service returns is verified before it is used: a faulty Ed25519 signature
        can give its key away, and a wrong one would lie in the log for good.
        """
        signature = self._sign_raw(message)
        self._verifier.verify(message, signature)
        return signature


def load_ed25519(public_key: bytes) -> Ed25519PublicKey:
    """Load 32 bytes as a public key, or raise `VerificationError`."""
    try:
        return Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise VerificationError("not an Ed25519 public key", expected="32 bytes") from error


def verify_ed25519(key: Ed25519PublicKey, signature: bytes, message: bytes, *, name: str) -> None:
    """Verify one Ed25519 signature, or raise `VerificationError`."""
    try:
        key.verify(signature, message)
    except InvalidSignature as error:
        raise VerificationError("the signature does not verify", where=name) from error


def sign_note(text: bytes | str, *signers: Signer) -> bytes:
    """Sign a text: the note, with one line for each signer in their order.

    Raises
    ------
    VerificationError
        A text that no note can carry: not UTF-8, without a last newline, or with control
        characters.
    """
    # A lone surrogate has no UTF-8: passed on, it is refused as the bytes it would be.
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _check_bytes(raw)
    if not raw.endswith(b"\n"):
        raise VerificationError("the text of a note must end in a newline")
    if not signers:
        raise VerificationError("a note needs at least one signer")
    lines = [Signature(s.name, s.key_id, s.sign(raw)).line for s in signers]
    return raw + b"\n" + b"".join(lines)


def split_note(data: bytes) -> tuple[bytes, tuple[Signature, ...]]:
    """Take a note apart without verifying anything. For inspection and routing only.

    Raises
    ------
    VerificationError
        It is not a note, or larger than 1,000,000 bytes or 100 signatures.
    """
    _check_bytes(data)
    at = data.rfind(b"\n\n")
    if at < 0:
        raise VerificationError("not a signed note", expected="a text, an empty line, signatures")
    signatures = parse_signatures(data[at + 2 :])
    if not signatures:
        raise VerificationError("a note without signatures")
    return data[: at + 1], signatures


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Read signature lines, as they stand in a note or in a witness's answer; none is none.

    Raises
    ------
    VerificationError
        A line is not a signature line, or there are more than 100.
    """
    _check_bytes(data)
    if not data:
        return ()
    if not data.endswith(b"\n"):
        raise VerificationError("the last signature line does not end in a newline")
    lines = data.decode().removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise VerificationError("too many signatures", expected=f"at most {MAX_SIGNATURES}")
    return tuple(_parse_signature(line) for line in lines)


def _parse_signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not encoded:
        raise VerificationError("not a signature line", expected="\u2014 <name> <Base64>")
    raw = decode_base64(encoded, what="a signature")
    if len(raw) < 5:
        raise VerificationError("a signature shorter than its key id", where=name[:80])
    return Signature(check_name(name), raw[:4], raw[4:])


def add_signatures(data: bytes, signatures: Iterable[Signature]) -> bytes:
    """Add signature lines to a note, leaving out any that it has already.

    Nothing is verified. The same text stays under the same signatures.
    """
    text, present = split_note(data)
    lines = dict.fromkeys([*present, *signatures])
    return text + b"\n" + b"".join(signature.line for signature in lines)


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Verify a note and return its text.

    Signatures by unknown keys are set aside, even where they share a known key's name or id. One
    bad signature by a known key rejects the whole note: somebody meddled with it.

    Raises
    ------
    VerificationError
        The one error of this function, whatever the bytes.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) is not verifier:
            # Two trusted keys that cannot be told apart: neither may stand in for the other.
            raise VerificationError("two known keys share name and key id", where=verifier.name)
    text, signatures = split_note(data)
    verified: list[Signature] = []
    unverified: list[Signature] = []
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            unverified.append(signature)
        else:
            key.verify(text, signature.signature)
            verified.append(signature)
    if not verified:
        raise VerificationError(
            "no known key signed this note", do="check that the policy names the right keys"
        )
    return Note(text, tuple(verified), tuple(unverified))


def _check_bytes(data: bytes) -> None:
    if len(data) > MAX_NOTE_BYTES:
        raise VerificationError("too large for a note", expected=f"{MAX_NOTE_BYTES:,} bytes")
    if _CONTROL.search(data):
        raise VerificationError("a control character in a note")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise VerificationError("a note is not UTF-8") from error
