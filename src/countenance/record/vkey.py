"""Verifier keys: a public key under a name, as people keep it in a policy file.

Format: C2SP ``signed-note`` v1.0.0, "Verifier keys": ``<name>+<key id>+<Base64 of type and key>``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import ClassVar, Final

from countenance.record.errors import VerificationError
from countenance.record.wire import decode_base64, encode_base64

MAX_NAME_BYTES: Final = 255
"""As Go's sumdb/note has it, so that what one opens the other does too."""

ED25519: Final = 0x01
ED25519_COSIGNATURE: Final = 0x04
MLDSA44_COSIGNATURE: Final = 0x06

_HEX8 = re.compile(r"[0-9a-f]{8}")


def check_name(name: str) -> str:
    """Return a key name that the format allows.

    Raises
    ------
    VerificationError
        Empty, longer than 255 bytes of UTF-8, or with a space, a plus or a control character.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise VerificationError("a key name is not Unicode text") from error
    bad = any(character.isspace() or character == "+" or character < " " for character in name)
    if not 0 < size <= MAX_NAME_BYTES or bad:
        raise VerificationError(
            "a key name the format does not allow",
            expected="1 to 255 bytes without spaces, + or control characters",
        )
    return name


def key_hash(name: str, kind: int, public_key: bytes) -> bytes:
    """The key id: SHA-256(name || newline || kind || public key), its first four bytes."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def format_vkey(name: str, kind: int, public_key: bytes) -> str:
    """The verifier key of a public key, as people keep it in a policy file."""
    check_name(name)
    encoded = encode_base64(bytes([kind]) + public_key)
    return f"{name}+{key_hash(name, kind, public_key).hex()}+{encoded}"


def split_vkey(vkey: str) -> tuple[str, int, bytes]:
    """Take a verifier key apart: name, kind, public key. Its key id is checked.

    Raises
    ------
    VerificationError
        It is not a verifier key, or its key id is another key's.
    """
    parts = vkey.split("+", 2) if len(vkey) <= 4096 else []
    if len(parts) != 3 or not _HEX8.fullmatch(parts[1]):
        raise VerificationError(
            "this is not a verifier key", expected="<name>+<8 hex digits>+<Base64>"
        )
    name = check_name(parts[0])
    material = decode_base64(parts[2], what="the key of a verifier key")
    if not material:
        raise VerificationError("a verifier key without a key", where=name)
    kind, public_key = material[0], material[1:]
    if key_hash(name, kind, public_key).hex() != parts[1]:
        raise VerificationError("the key id is not that of this name and key", where=name)
    return name, kind, public_key


class NamedKey:
    """A public key under a name: what a `Verifier` tells of itself."""

    __slots__ = ("key_id", "name", "public_key")
    kind: ClassVar[int]
    """The signature type of signed notes."""

    def __init__(self, name: str, public_key: bytes) -> None:
        self.name = check_name(name)
        self.public_key = public_key
        self.key_id = key_hash(name, self.kind, public_key)

    @property
    def vkey(self) -> str:
        """The verifier key this was made of."""
        return format_vkey(self.name, self.kind, self.public_key)


class KeySigner:
    """What every `Signer` with a key pair tells of itself: what its public half does."""

    __slots__ = ("_key", "_sign_raw")

    def __init__(self, key: NamedKey, sign_raw: Callable[[bytes], bytes]) -> None:
        self._key = key
        self._sign_raw = sign_raw

    @property
    def name(self) -> str:
        """The key's name."""
        return self._key.name

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return self._key.key_id

    @property
    def vkey(self) -> str:
        """What others need to verify."""
        return self._key.vkey
