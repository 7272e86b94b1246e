"""Keys at rest: a file for its owner only, sealed under a passphrase.

A key file is JSON. The private key (32 bytes: an Ed25519 key or an ML-DSA-44 seed) is sealed with
AES-256-GCM under a key that scrypt (RFC 7914) makes of the passphrase; everything else in the file
is bound to it as associated data, so that a file whose name, kind or cost was changed does not
open. Files are made with permissions 0600 and are refused if others may read them.

A key need not be in a file. Whatever has the four members of `note.Signer` can sign: for a
PKCS#11 module or a key service, give `note.Ed25519Signer` (or a cosigner of `cosignature`) the
public key and, as `sign_raw`, the one call that makes an Ed25519 or ML-DSA-44 signature.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from countenance.core import InputError, canonical_json
from countenance.core.fileops import FileOps
from countenance.record.cosignature import (
    Ed25519Cosigner,
    MLDSA44Cosigner,
    generate_mldsa44,
    load_mldsa,
)
from countenance.record.errors import ConflictError, StorageError, VerificationError
from countenance.record.note import (
    Ed25519Signer,
    decode_base64,
    encode_base64,
)
from countenance.record.vkey import (
    ED25519,
    ED25519_COSIGNATURE,
    MLDSA44_COSIGNATURE,
    check_name,
    format_vkey,
)

SCHEMA: Final = "countenance/key"
VERSION: Final = 1
MAX_KEY_FILE_BYTES: Final = 16_384
_FIELDS: Final = {"schema", "version", "kind", "vkey", "scrypt", "salt", "nonce", "sealed"}

Clock = Callable[[], int]
FileSigner = Ed25519Signer | Ed25519Cosigner | MLDSA44Cosigner


class KeyKind(Enum):
    """What a key is for: a log's own, or a witness's (or a log's that signs with ML-DSA-44)."""

    LOG = "ed25519"
    WITNESS = "ed25519-cosignature"
    MLDSA44 = "ml-dsa-44"

    @property
    def type_byte(self) -> int:
        """The signature type of signed notes."""
        return _TYPES[self]


_TYPES = {
    KeyKind.LOG: ED25519,
    KeyKind.WITNESS: ED25519_COSIGNATURE,
    KeyKind.MLDSA44: MLDSA44_COSIGNATURE,
}


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """The cost of one guess at the passphrase: 128 × n × r bytes of memory, p times.

    The default takes 128 MiB and some tenths of a second.
    """

    n: int = 2**17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        power = self.n >= 2 and self.n & (self.n - 1) == 0
        # Bounded, so that a file from elsewhere takes neither the machine's memory nor its day.
        small = self.r >= 1 and self.p >= 1 and 128 * self.n * self.r * self.p <= 2**29
        if not (power and small and self.n.bit_length() <= 16 * self.r):
            raise VerificationError(
                "scrypt parameters out of bounds",
                expected="n a power of 2 below 2^(16 r), and 128 n r p at most 512 MiB",
            )


def generate_key(
    path: Path,
    name: str,
    *,
    passphrase: str,
    kind: KeyKind = KeyKind.LOG,
    cost: ScryptCost | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> str:
    """Make a key, write its file (which must not be there yet) and return its verifier key.

    Parameters
    ----------
    path
        The file; its folder must exist.
    name
        The key's name: for a log its origin.
    passphrase
        At least 8 characters: whoever copies the file can guess at leisure.
    kind
        What the key is for.
    cost
        Of one guess; for tests. The default is for real keys.
    random
        Source of salt and nonce; the key itself always comes from the operating system.

    Raises
    ------
    ConflictError
        The file is there: a key is never overwritten.
    InputError
        The passphrase is too short, or the name is not one the format allows.
    MissingPartError
        An ML-DSA-44 key where `cryptography` has no ML-DSA.
    StorageError
        The file could not be written.
    """
    if len(passphrase) < 8:
        raise InputError("the passphrase is too short", expected="at least 8 characters")
    try:
        check_name(name)
    except VerificationError as error:
        raise InputError(error.what, where="key name", expected=error.expected) from error
    key = generate_mldsa44() if kind is KeyKind.MLDSA44 else Ed25519PrivateKey.generate()
    vkey = format_vkey(name, kind.type_byte, key.public_key().public_bytes_raw())
    cost = cost or ScryptCost()
    salt, nonce = random(16), random(12)
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "kind": kind.value,
        "vkey": vkey,
        "scrypt": {"n": cost.n, "r": cost.r, "p": cost.p},
        "salt": encode_base64(salt),
        "nonce": encode_base64(nonce),
    }
    sealed = AESGCM(_derive(passphrase, salt, cost)).encrypt(
        nonce, key.private_bytes_raw(), canonical_json(head)
    )
    data = json.dumps({**head, "sealed": encode_base64(sealed)}, indent=1).encode() + b"\n"
    _write_new(path, data)
    return vkey


def load_signer(path: Path, *, passphrase: str, clock: Clock) -> FileSigner:
    """Open a key file and return the signer of its kind.

    Parameters
    ----------
    path
        The file `generate_key` made.
    passphrase
        What it was sealed under.
    clock
        POSIX seconds, for the kinds whose signatures carry a time.

    Raises
    ------
    InputError
        The file cannot be read, or others than its owner may read it.
    VerificationError
        Not a key file, changed since it was made, or another passphrase.
    MissingPartError
        An ML-DSA-44 key where `cryptography` has no ML-DSA.
    """
    return open_key(_read_private(path), passphrase=passphrase, clock=clock, where=str(path))


def open_key(data: bytes, *, passphrase: str, clock: Clock, where: str = "key") -> FileSigner:
    """As `load_signer`, of the bytes of a key file."""
    head, cost, sealed = _parse(data, where)
    salt, nonce = (decode_base64(head[field], what=f"the {field}") for field in ("salt", "nonce"))
    if len(salt) != 16 or len(nonce) != 12 or len(sealed) != 48:
        _bad("salt, nonce or key of a wrong length", where)
    try:
        bound = canonical_json(head)
    except ValueError as error:
        raise VerificationError("not a key file", where=where) from error
    try:
        private = AESGCM(_derive(passphrase, salt, cost)).decrypt(nonce, sealed, bound)
    except InvalidTag as error:
        raise VerificationError(
            "the key file does not open",
            where=where,
            do="check the passphrase; if it is right, the file was changed: restore it",
        ) from error
    kind = KeyKind(head["kind"])
    name = head["vkey"].split("+", 1)[0]
    signer: FileSigner
    if kind is KeyKind.MLDSA44:
        key = load_mldsa().MLDSA44PrivateKey.from_seed_bytes(private)
        signer = MLDSA44Cosigner.from_private_key(name, key, clock=clock)
    elif kind is KeyKind.WITNESS:
        signer = Ed25519Cosigner.from_private_key(
            name, Ed25519PrivateKey.from_private_bytes(private), clock=clock
        )
    else:
        signer = Ed25519Signer.from_private_key(
            name, Ed25519PrivateKey.from_private_bytes(private)
        )
    if signer.vkey != head["vkey"]:
        _bad("the verifier key is not this key's", where)
    return signer


def read_vkey(path: Path) -> str:
    """The verifier key of a key file, without its passphrase: a hint, not yet verified.

    Raises
    ------
    InputError
        The file cannot be read.
    VerificationError
        Not a key file.
    """
    head, _, _ = _parse(_read_private(path), str(path))
    vkey: str = head["vkey"]
    return vkey


def _parse(data: bytes, where: str) -> tuple[dict[str, Any], ScryptCost, bytes]:
    if len(data) > MAX_KEY_FILE_BYTES:
        _bad("too large for a key file", where)
    try:
        value = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise VerificationError("not a key file", where=where) from error
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        _bad("not a key file", where)
    if value["schema"] != SCHEMA or type(value["version"]) is not int:
        _bad("not a key file", where)
    if value["version"] != VERSION:
        _bad("a key file of another version of this program", where)
    if any(not isinstance(value[x], str) for x in ("kind", "vkey", "salt", "nonce", "sealed")):
        _bad("not a key file", where)
    if value["kind"] not in {kind.value for kind in KeyKind}:
        _bad("a kind of key not known here", where)
    numbers = value["scrypt"]
    if not isinstance(numbers, dict) or numbers.keys() != {"n", "r", "p"}:
        _bad("a key file without its scrypt parameters", where)
    if any(type(number) is not int for number in numbers.values()):
        _bad("scrypt parameters that are not whole numbers", where)
    cost = ScryptCost(**numbers)
    sealed = decode_base64(value.pop("sealed"), what="the sealed key")
    return value, cost, sealed


def _derive(passphrase: str, salt: bytes, cost: ScryptCost) -> bytes:
    try:
        secret = passphrase.encode()
    except UnicodeEncodeError as error:
        raise InputError("the passphrase is not Unicode text") from error
    try:
        return Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(secret)
    except MemoryError as error:
        raise StorageError(
            "not enough memory to try the passphrase",
            expected=f"{128 * cost.n * cost.r * cost.p >> 20} MiB",
        ) from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise InputError(
                    f"others may read this key file (permissions {mode:04o})",
                    where=str(path),
                    do=f"chmod 600 {path}, and ask who may have copied it",
                )
            return file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the key file cannot be read ({error.strerror})", where=str(path)
        ) from error


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet, for its owner only, durably."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConflictError(
            "a file of this name is there, and a key is never overwritten", where=str(path)
        ) from error
    except OSError as error:
        raise StorageError(f"cannot write ({error.strerror})", where=str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        FileOps().fsync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise StorageError(f"cannot write ({error.strerror})", where=str(path)) from error


def _bad(what: str, where: str) -> NoReturn:
    raise VerificationError(what, where=where)
