"""Cosignatures: a witness's word that it saw a checkpoint, and when.

Format: C2SP ``tlog-cosignature``. Two kinds: Ed25519 (type 0x04), which signs two lines and then
the whole text of the checkpoint; and ML-DSA-44 (type 0x06, FIPS 204), which signs a binary
structure with the cosigner's name, stays sound against quantum computers and is recommended for
new logs and witnesses. A log may also sign its own checkpoints with the second kind.

The time is the witness's, covered by its signature. It is not what orders entries: the index is.
`time_findings` reports times that are off, for people to look into.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import InputError, MissingPartError
from countenance.record.checkpoint import parse_checkpoint
from countenance.record.errors import VerificationError
from countenance.record.note import (
    MAX_INTEGER,
    Signature,
    Signer,
    Verifier,
    load_ed25519,
    split_note,
    verify_ed25519,
)
from countenance.record.vkey import (
    ED25519_COSIGNATURE,
    MLDSA44_COSIGNATURE,
    KeySigner,
    NamedKey,
)

DEFAULT_TOLERANCE_S: Final = 24 * 3600
_MLDSA44_SIGNATURE: Final = 2420
_MLDSA44_PUBLIC: Final = 1312
_LABEL: Final = b"subtree/v1\n\0"

Clock = Callable[[], int]


class Cosigner(Signer, Protocol):
    """A signer whose signatures carry a time."""

    def sign_at(self, message: bytes, *, time: int) -> bytes:
        """Sign the text of a checkpoint as of `time` (POSIX seconds)."""


def split_time(signature: bytes) -> tuple[int, bytes]:
    """Take a cosignature apart: its time in POSIX seconds, and the bare signature.

    The time is whatever the bytes say: believe it only of a signature that was verified.

    Raises
    ------
    VerificationError
        Too short, or a time past 2^63 - 1.
    """
    if len(signature) <= 8:
        raise VerificationError("too short for a cosignature")
    time = int.from_bytes(signature[:8], "big")
    if time > MAX_INTEGER:
        raise VerificationError("a cosignature's time is out of range")
    return time, signature[8:]


def ed25519_message(text: bytes, time: int) -> bytes:
    """What an Ed25519 cosigner signs: two lines, then the whole text of the checkpoint."""
    return b"cosignature/v1\ntime %d\n" % time + text


def subtree_message(
    cosigner: str, *, origin: str, end: int, root: bytes, time: int, start: int = 0
) -> bytes:
    """What an ML-DSA-44 cosigner signs: the ``cosigned_message`` structure, big-endian.

    Parameters
    ----------
    cosigner
        The cosigner's key name, 1 to 255 bytes.
    origin
        The log's origin, 1 to 255 bytes.
    end, start
        The leaves covered: [start, end). A checkpoint is [0, size).
    root
        32 bytes, the root of that subtree.
    time
        POSIX seconds; 0 where the cosigner does not say that this is the largest tree it saw,
        as it must be where `start` is not 0.

    Raises
    ------
    VerificationError
        A field the structure cannot hold.
    """
    names = [cosigner.encode(), origin.encode()]
    if any(not 0 < len(name) <= 255 for name in names):
        raise VerificationError("a name or origin longer than 255 bytes cannot be cosigned")
    if len(root) != 32 or not 0 <= start <= end <= MAX_INTEGER or not 0 <= time <= MAX_INTEGER:
        raise VerificationError("a subtree, root or time out of range")
    if start and time:
        raise VerificationError("a cosigned subtree that does not start at 0 must have time 0")
    return b"".join(
        (
            _LABEL,
            bytes([len(names[0])]),
            names[0],
            struct.pack(">Q", time),
            bytes([len(names[1])]),
            names[1],
            struct.pack(">QQ", start, end),
            root,
        )
    )


class Ed25519CosignatureVerifier(NamedKey):
    """Verifies cosignatures of type 0x04."""

    __slots__ = ("_key",)
    kind = ED25519_COSIGNATURE

    def __init__(self, name: str, public_key: bytes) -> None:
        super().__init__(name, public_key)
        self._key = load_ed25519(public_key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Verify over the text of a checkpoint; nothing else can be cosigned."""
        time, bare = split_time(signature)
        verify_ed25519(self._key, bare, self.message(message, time), name=self.name)

    def message(self, text: bytes, time: int) -> bytes:
        """What is signed: two lines, then the whole text, which must be a checkpoint's."""
        parse_checkpoint(text)
        return ed25519_message(text, time)


class MLDSA44Verifier(NamedKey):
    """Verifies cosignatures of type 0x06, by a witness or by a log itself."""

    __slots__ = ("_key",)
    kind = MLDSA44_COSIGNATURE

    def __init__(self, name: str, public_key: bytes) -> None:
        super().__init__(name, public_key)
        if len(public_key) != _MLDSA44_PUBLIC:
            raise VerificationError("not an ML-DSA-44 public key", expected="1,312 bytes")
        try:
            self._key = load_mldsa().MLDSA44PublicKey.from_public_bytes(public_key)
        except ValueError as error:
            raise VerificationError("not an ML-DSA-44 public key") from error
        except UnsupportedAlgorithm as error:
            raise _no_mldsa() from error

    def verify(self, message: bytes, signature: bytes) -> None:
        """Verify over the first three lines of a checkpoint: the rest is not covered."""
        time, bare = split_time(signature)
        if len(bare) != _MLDSA44_SIGNATURE:
            raise VerificationError("not an ML-DSA-44 signature", where=self.name)
        self.verify_message(bare, self.message(message, time))

    def message(self, text: bytes, time: int) -> bytes:
        """What is signed: this cosigner's name, and what the text says of the whole tree."""
        head = parse_checkpoint(text)
        return subtree_message(
            self.name, origin=head.origin, end=head.size, root=head.root, time=time
        )

    def verify_message(self, bare: bytes, message: bytes) -> None:
        """Verify the bare signature of a `subtree_message`."""
        try:
            self._key.verify(bare, message)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError("the signature does not verify", where=self.name) from error


def cosignature_verifier(name: str, kind: int, public_key: bytes) -> Verifier:
    """The verifier of a cosigner's key, by the type byte of its verifier key."""
    if kind == ED25519_COSIGNATURE:
        return Ed25519CosignatureVerifier(name, public_key)
    if kind == MLDSA44_COSIGNATURE:
        return MLDSA44Verifier(name, public_key)
    raise VerificationError(
        f"keys of type 0x{kind:02x} are not known here", where=name, expected="0x01, 0x04 or 0x06"
    )


class _Cosigner(KeySigner):
    """What both kinds do: put the time before the signature, and verify what came out."""

    __slots__ = ("_clock", "_verifier")

    def __init__(
        self,
        verifier: Ed25519CosignatureVerifier | MLDSA44Verifier,
        sign_raw: Callable[[bytes], bytes],
        clock: Clock,
    ) -> None:
        super().__init__(verifier, sign_raw)
        self._verifier = verifier
        self._clock = clock

    def sign(self, message: bytes) -> bytes:
        """Cosign the text of a checkpoint as of now."""
        return self.sign_at(message, time=self._clock())

    def sign_at(self, message: bytes, *, time: int) -> bytes:
        """Cosign the text of a checkpoint as of `time`: 8 bytes of time, then the signature."""
        signature = _time_bytes(time) + self._sign_raw(self._verifier.message(message, time))
        self._verifier.verify(message, signature)
        return signature


class Ed25519Cosigner(_Cosigner):
    """Makes cosignatures of type 0x04. `clock` gives the time where the caller gives none.

    One Ed25519 key must not serve two cosigners: this kind does not sign the cosigner's name.
    """

    __slots__ = ()

    def __init__(
        self, name: str, public_key: bytes, *, sign_raw: Callable[[bytes], bytes], clock: Clock
    ) -> None:
        super().__init__(Ed25519CosignatureVerifier(name, public_key), sign_raw, clock)

    @classmethod
    def from_private_key(
        cls, name: str, key: Ed25519PrivateKey, *, clock: Clock
    ) -> Ed25519Cosigner:
        """A cosigner that holds its key in memory."""
        return cls(name, key.public_key().public_bytes_raw(), sign_raw=key.sign, clock=clock)


class MLDSA44Cosigner(_Cosigner):
    """Makes cosignatures of type 0x06: for witnesses, and for logs that sign with it."""

    __slots__ = ()

    def __init__(
        self, name: str, public_key: bytes, *, sign_raw: Callable[[bytes], bytes], clock: Clock
    ) -> None:
        super().__init__(MLDSA44Verifier(name, public_key), sign_raw, clock)

    @classmethod
    def from_private_key(cls, name: str, key: Any, *, clock: Clock) -> MLDSA44Cosigner:
        """A cosigner that holds its key (a ``MLDSA44PrivateKey``) in memory."""
        return cls(name, key.public_key().public_bytes_raw(), sign_raw=key.sign, clock=clock)


def cosign(note: bytes, cosigner: Cosigner, *, time: int) -> Signature:
    """Cosign the checkpoint of a note; `.line` of what is returned is what a witness answers.

    The note's own signatures are *not* looked at: whoever calls this has opened it, and has made
    sure that it extends all it has cosigned before.
    """
    text, _ = split_note(note)
    return Signature(cosigner.name, cosigner.key_id, cosigner.sign_at(text, time=time))


@dataclass(frozen=True, slots=True)
class TimeFinding:
    """A cosignature whose time is off, for a person to look into.

    `off_s` is how many seconds before (negative) or after (positive) the reference time it is.
    """

    name: str
    time: int
    off_s: int

    def __str__(self) -> str:
        side = "before" if self.off_s < 0 else "after"
        return f"{self.name} cosigned {abs(self.off_s):,} s {side} the time it is compared with"


def time_findings(
    signatures: Sequence[Signature],
    verifiers: Sequence[Verifier],
    *,
    now: int,
    tolerance_s: int = DEFAULT_TOLERANCE_S,
) -> list[TimeFinding]:
    """Report verified cosignatures with a time further than `tolerance_s` from `now`.

    `signatures` must be those `open_note` verified. A clock that is off makes no entry invalid,
    so this reports and does not raise. An ML-DSA-44 time of 0 says nothing and is passed over.
    """
    kinds = {
        (v.name, v.key_id): isinstance(v, MLDSA44Verifier)
        for v in verifiers
        if isinstance(v, Ed25519CosignatureVerifier | MLDSA44Verifier)
    }
    findings = []
    for signature in signatures:
        mldsa = kinds.get((signature.name, signature.key_id))
        if mldsa is None:
            continue
        time, _ = split_time(signature.signature)
        if abs(time - now) > tolerance_s and not (mldsa and time == 0):
            findings.append(TimeFinding(signature.name, time, time - now))
    return findings


def load_mldsa() -> Any:
    """The ML-DSA module of `cryptography`, or `MissingPartError` where it has none."""
    try:
        return importlib.import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
    except ImportError as error:
        raise _no_mldsa() from error


def generate_mldsa44() -> Any:
    """A fresh ``MLDSA44PrivateKey``, or `MissingPartError`."""
    try:
        return load_mldsa().MLDSA44PrivateKey.generate()
    except UnsupportedAlgorithm as error:
        raise _no_mldsa() from error


def _no_mldsa() -> MissingPartError:
    return MissingPartError(
        "the cryptography package installed here has no ML-DSA",
        do="pip install --upgrade cryptography (48 or newer), or use Ed25519 keys",
    )


def _time_bytes(time: int) -> bytes:
    if not 0 <= time <= MAX_INTEGER:
        raise InputError("a time before 1970 or past 2^63 - 1 cannot be signed")
    return struct.pack(">Q", time)
