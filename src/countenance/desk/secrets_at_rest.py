"""What is personal is encrypted in the database, and erased by destroying its key.

One data key a person or a case (a *handle*), wrapped by the operator's master key, which is in a
file and never in the database. What is sealed under a handle is opened only with the handle's
key, under the handle and for the purpose it was sealed for: a box moved to another row, another
person or another column does not open. `Secrets.destroy` takes the wrapped key away, and with it
everything ever sealed under the handle, wherever copies of the boxes are.

A *backup* of the database still holds the wrapped key of its day. After an erasure, `rewrap` to a
new master key and destroy the old one: then no backup opens anything. A new master key is made by
`Secrets.successor`, with the same second half: by that marks are made, and a desk whose marks
changed would not find those again whom it is asked to erase.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; the same for wrapping.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, IntegrityError
from countenance.desk.base import UTC, Base
from countenance.desk.errors import StateError

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class ErasedError(StateError):
    """The key was destroyed: what was sealed under it cannot be read by anybody again."""

    code = "desk-erased"


class DataKey(Base):
    """One handle's key, wrapped; or that there was one, and when it was destroyed."""

    __tablename__ = "data_keys"

    about: Mapped[str] = mapped_column(String(64), primary_key=True)
    master: Mapped[str] = mapped_column(String(16))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    made_at: Mapped[datetime.datetime] = mapped_column(UTC)
    destroyed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class Wrapped(NamedTuple):
    """Columns of a `DataKey`, for who opens a million boxes; both None where there is no row."""

    about: str
    master: str | None
    wrapped: bytes | None


class Secrets:
    """Seals and opens with the data keys that one master key wraps.

    Parameters
    ----------
    master
        32 bytes for wrapping, and 32 for fingerprints, which are made of the first where they are
        left out. Raises InputError for another length.
    """

    def __init__(self, master: bytes) -> None:
        if len(master) not in (KEY_BYTES, 2 * KEY_BYTES):
            raise InputError(
                f"the master key has {len(master)} bytes",
                expected=f"{KEY_BYTES} bytes, or {2 * KEY_BYTES} of one that came after another",
                do="make one with: openssl rand -out master.key 32",
            )  # fmt: skip
        master, marking = master[:KEY_BYTES], master[KEY_BYTES:]
        self._master = AESGCM(master)
        self._marking = marking or hmac.digest(master, b"countenance fingerprints", "sha256")
        self.name = hashlib.sha256(b"countenance master key\x00" + master).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Secrets({self.name})"  # never the key

    @classmethod
    def from_file(cls, path: Path) -> Secrets:
        """The master key in a file that only its owner may read.

        Raises
        ------
        InputError
            There is no such file, others may read it, or it holds no master key.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                master = file.read(2 * KEY_BYTES + 1)
        except OSError as error:
            raise InputError("the master key cannot be read", where=str(path)) from error
        if os.name == "posix" and mode & 0o077:
            raise InputError(
                "the master key can be read by others", where=str(path),
                expected="permissions 0600", do=f"chmod 600 {path}",
            )  # fmt: skip
        return cls(master)

    def seal(
        self, db: Session, about: str, clear: bytes, *, purpose: str, now: datetime.datetime
    ) -> bytes:
        """Encrypt under a handle's key, which is made if there was none yet.

        `purpose` says what it is and where it stands (``"probe <id>"``): the same is needed to
        open it. Raises ErasedError where the handle's key was destroyed: a handle is not reused.
        """
        row = db.get(DataKey, about)
        if row is None:
            key = AESGCM.generate_key(KEY_BYTES * 8)
            wrapped = _encrypt(self._master, key, _wrapping(about))
            db.add(DataKey(about=about, master=self.name, wrapped=wrapped, made_at=now))
        else:
            key = self._unwrap(_columns(row))
        return _encrypt(AESGCM(key), clear, _binding(about, purpose))

    def open(self, db: Session, about: str, box: bytes, *, purpose: str) -> bytes:
        """What was sealed.

        Raises
        ------
        ErasedError
            The key was destroyed.
        IntegrityError
            The box was changed, or was sealed elsewhere, or another master key is needed.
        """
        row = db.get(DataKey, about)
        key = Wrapped(about, None, None) if row is None else _columns(row)
        return self.open_with(key, box, purpose=purpose)

    def open_with(self, key: Wrapped, box: bytes, *, purpose: str) -> bytes:
        """As `open`, with the handle's key at hand."""
        return _decrypt(AESGCM(self._unwrap(key)), box, _binding(key.about, purpose))

    def destroy(self, db: Session, about: str, *, now: datetime.datetime) -> bool:
        """Erase all that is sealed under a handle; whether there was anything left to erase.

        Without a key yet, a tombstone is left, so that nothing is sealed under it later.
        """
        row = db.get(DataKey, about)
        if row is None:
            db.add(DataKey(about=about, master=self.name, made_at=now, destroyed_at=now))
            return False
        if row.wrapped is None:
            return False
        row.wrapped, row.destroyed_at = None, now
        return True

    def fingerprint(self, text: str, *, purpose: str) -> str:
        """A keyed mark of a text, 32 hex digits: the same texts have the same one.

        For finding what was seen before without keeping it. Another master key makes others, its
        `successor` the same.
        """
        message = purpose.encode() + b"\x00" + text.encode()
        return hmac.digest(self._marking, message, "sha256").hex()[:32]

    def successor(self) -> bytes:
        """What the file of a new master key is to hold, to `rewrap` to: fingerprints stay."""
        return secrets.token_bytes(KEY_BYTES) + self._marking

    def rewrap(self, db: Session, to: Secrets, *, most: int = 1000) -> int:
        """Bring up to so many data keys under another master key; how many. 0: all are.

        Data keys stay the same, so nothing is encrypted anew. Raises InputError where the other
        makes other fingerprints: people in galleries would not be found any more.
        """
        if not hmac.compare_digest(self._marking, to._marking):
            raise InputError("this master key would not find anybody again",
                             do="make it with Secrets.successor")  # fmt: skip
        rows = db.scalars(
            select(DataKey).where(DataKey.master == self.name, DataKey.wrapped.is_not(None))
            .order_by(DataKey.about).limit(most)
        ).all()  # fmt: skip
        for row in rows:
            row.wrapped = _encrypt(to._master, self._unwrap(_columns(row)), _wrapping(row.about))
            row.master = to.name
        return len(rows)

    def _unwrap(self, row: Wrapped) -> bytes:
        if row.master is None:
            raise IntegrityError("there is no key for this")
        if row.wrapped is None:
            raise ErasedError("this was erased", do="nothing brings it back")
        if row.master != self.name:
            raise IntegrityError(f"this is under the master key {row.master}, not {self.name}")
        return _decrypt(self._master, row.wrapped, _wrapping(row.about))


def _columns(row: DataKey) -> Wrapped:
    return Wrapped(row.about, row.master, row.wrapped)


def _encrypt(key: AESGCM, clear: bytes, binding: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + key.encrypt(nonce, clear, binding)


def _decrypt(key: AESGCM, box: bytes, binding: bytes) -> bytes:
    start = len(_VERSION) + _NONCE_BYTES
    if box[: len(_VERSION)] != _VERSION or len(box) < start:
        raise IntegrityError("this is not a sealed box of ours")
    try:
        return key.decrypt(box[len(_VERSION) : start], box[start:], binding)
    except InvalidTag as error:
        raise IntegrityError("a sealed box was changed, or is not in its place") from error


def _wrapping(about: str) -> bytes:
    return b"countenance data key\x00" + about.encode()


def _binding(about: str, purpose: str) -> bytes:
    """Lengths first, so that no two pairs of handle and purpose are written alike."""
    handle = about.encode()
    return b"countenance box\x00" + len(handle).to_bytes(4, "big") + handle + purpose.encode()
