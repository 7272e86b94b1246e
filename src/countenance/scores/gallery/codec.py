"""How a template stands in a row: as it is, or sealed under a key of its own person."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from countenance.core import IntegrityError
from countenance.scores.gallery.layout import ID_BYTES

Int16 = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: For each id, 32 bytes; None where the key was destroyed, which erased the template.
Keys = Callable[[Sequence[str]], Sequence[bytes | None]]

_NONCE: Final = 12
_TAG: Final = 16


@dataclass(frozen=True, slots=True)
class Opened:
    """Rows as they are compared.

    Attributes
    ----------
    ids
        uint8 (n, `ID_BYTES`).
    templates
        int16 (n, d).
    missing
        bool (n,): True where there is no template to be had; None where there is one everywhere.
    squares
        int32 (n,): squared lengths of the templates, where they are known (`square_lengths`).
    """

    ids: Bytes
    templates: Int16
    missing: Mask | None
    squares: npt.NDArray[np.int32] | None = None


class Codec(Protocol):
    """Writes templates into rows and reads them back. Called from several threads at once."""

    @property
    def name(self) -> str:
        """As it stands in the gallery's header."""

    def payload_bytes(self, dimension: int) -> int:
        """Bytes of one template as written."""

    def seal(self, rows: Bytes, templates: Int16, *, gallery: str) -> None:
        """Write templates (n, d) into rows (n, row_bytes) that begin with their ids."""

    def held(self, mark: bytes) -> Opened | None:
        """Rows that were verified and opened before under this mark, if they are held: see `open`.

        They are not read again.
        """

    def open(self, rows: Bytes, *, gallery: str, gone: Mask | None, mark: bytes) -> Opened:
        """Verified rows, opened.

        `gone` marks deleted rows, which are zeros; None where there are none. `mark` is of these
        rows and of no others. Raises IntegrityError where a row does not open with the key it
        should.
        """


class Plain:
    """Templates as they are, little-endian."""

    name = "plain"

    def payload_bytes(self, dimension: int) -> int:
        """Two a component."""
        return 2 * dimension

    def seal(self, rows: Bytes, templates: Int16, *, gallery: str) -> None:  # noqa: ARG002
        """Copy them."""
        rows[:, ID_BYTES:].view("<i2")[:] = templates

    def held(self, mark: bytes) -> Opened | None:  # noqa: ARG002
        """Nothing."""
        return None

    def open(
        self,
        rows: Bytes,
        *,
        gallery: str,  # noqa: ARG002
        gone: Mask | None,
        mark: bytes,  # noqa: ARG002
    ) -> Opened:
        """A view of the rows: nothing is copied."""
        return Opened(rows[:, :ID_BYTES], rows[:, ID_BYTES:].view("<i2"), gone)


@dataclass(frozen=True, slots=True)
class SealedRows:
    """AES-256-GCM, one key a person: destroying the key erases the template, in backups too.

    The row is nonce (12 random bytes), ciphertext, tag (16 bytes); the gallery and the id are
    bound to it as associated data, so that a row moved to another id does not open.
    """

    keys: Keys
    name: str = "aes-256-gcm"

    def payload_bytes(self, dimension: int) -> int:
        """Two a component, and 28."""
        return 2 * dimension + _NONCE + _TAG

    def seal(self, rows: Bytes, templates: Int16, *, gallery: str) -> None:
        """Encrypt each under its key and a nonce of its own."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        ids = [row[:ID_BYTES].tobytes() for row in rows]
        for row, raw, key, template in zip(
            rows, ids, self.keys(_names(ids)), templates, strict=True
        ):
            if key is None:
                raise IntegrityError("a template cannot be kept: its key was destroyed")
            nonce = secrets.token_bytes(_NONCE)
            sealed = AESGCM(key).encrypt(
                nonce, template.astype("<i2").tobytes(), bytes.fromhex(gallery) + raw
            )
            row[ID_BYTES:] = np.frombuffer(nonce + sealed, np.uint8)

    def held(self, mark: bytes) -> Opened | None:  # noqa: ARG002
        """Nothing."""
        return None

    def open(
        self,
        rows: Bytes,
        *,
        gallery: str,
        gone: Mask | None,
        mark: bytes,  # noqa: ARG002
    ) -> Opened:
        """Decrypt each, into memory of this call alone."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        missing = np.zeros(len(rows), bool) if gone is None else gone.copy()
        there = np.flatnonzero(~missing).tolist()
        width, size = rows.shape[1], rows.shape[1] - ID_BYTES - _NONCE - _TAG
        raw, bound = rows.tobytes(), bytes.fromhex(gallery)  # slices of bytes: the loop is hot
        ids = [raw[at * width : at * width + ID_BYTES] for at in there]
        out = [bytes(size)] * len(rows)
        for at, name, key in zip(there, ids, self.keys(_names(ids)), strict=True):
            if key is None:
                missing[at] = True
                continue
            nonce = at * width + ID_BYTES
            sealed = nonce + _NONCE
            try:
                out[at] = AESGCM(key).decrypt(
                    raw[nonce:sealed], raw[sealed : (at + 1) * width], bound + name
                )
            except (InvalidTag, ValueError) as error:
                raise IntegrityError(
                    "a template does not open with its key", do="look into the store of keys"
                ) from error
        templates = np.frombuffer(b"".join(out), "<i2").reshape(len(rows), -1)
        return Opened(rows[:, :ID_BYTES], templates, missing if missing.any() else None)


def _names(ids: Sequence[bytes]) -> list[str]:
    return [raw.rstrip(b"\0").decode() for raw in ids]
