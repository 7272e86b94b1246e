"""The keys of a deployment in one file, sealed under a passphrase: to be kept apart from backups.

Whoever has a backup and its keys can read everything in it; whoever has a backup alone, what is
not encrypted in it: names of accounts, and in the vault what events say in private. AES-256-GCM
under a key that scrypt (RFC 7914) makes of the passphrase.
"""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from countenance.core import InputError, IntegrityError
from countenance.desk.folder import Places, make_private_folder, read_private, write_private

_SCHEMA: Final = "countenance/keys"
_COST: Final = 2**17  # 128 MiB a guess
_LEAST = 8
_MOST_BYTES = 1 << 20
_HEAD = b"countenance sealed keys\x00\x01"


def seal_keys(places: Places, path: Path, *, passphrase: str) -> None:
    """Write the keys of a deployment into a file that is not there yet.

    Raises InputError where the passphrase is too short, or the file cannot be written.
    """
    if len(passphrase) < _LEAST:
        raise InputError("the passphrase is too short", expected=f"at least {_LEAST} characters")
    keys = {
        each.name: base64.b64encode(read_private(each, "a key", most=_MOST_BYTES)).decode()
        for each in sorted(places.keys.iterdir())
    }
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_derive(passphrase, salt)).encrypt(nonce, json.dumps(keys).encode(), _HEAD)
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    value = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    write_private(path, json.dumps({"schema": _SCHEMA, "version": 1, **value}).encode() + b"\n")


def unseal_keys(path: Path, places: Places, *, passphrase: str) -> None:
    """Put the keys in a file where a deployment has them; a key that is there is never replaced.

    Raises
    ------
    InputError
        It is no such file, or there are keys already.
    IntegrityError
        It is another passphrase, or the file was changed.
    """
    if places.keys.exists() and any(places.keys.iterdir()):
        raise InputError("there are keys here already", where=str(places.keys))
    try:
        value: dict[str, Any] = json.loads(read_private(path, "the keys", most=_MOST_BYTES))
        if (value["schema"], value["version"]) != (_SCHEMA, 1):
            raise ValueError(value["schema"])
        salt, nonce, sealed = (base64.b64decode(value[n]) for n in ("salt", "nonce", "sealed"))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("this holds no sealed keys", where=str(path)) from error
    try:
        clear = AESGCM(_derive(passphrase, salt)).decrypt(nonce, sealed, _HEAD)
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(
            "the keys do not open", where=str(path),
            do="check the passphrase; if it is right, the file was changed",
        ) from error  # fmt: skip
    make_private_folder(places.keys)
    for name, data in json.loads(clear).items():
        write_private(places.keys / Path(name).name, base64.b64decode(data))


def _derive(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
