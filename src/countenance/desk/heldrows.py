"""Templates of a sealed gallery, opened once and then held in memory for the searches after.

To open a million rows, each under a key of its own, takes some ten seconds: too long for every
search. At rest, and in every backup, a template stays sealed. Whatever is held here is forgotten
when its key is: at the first search after an entry went, its template is overwritten, before
anything is compared.

While rows are opened the service answers: after every few of them, others get their turn.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from countenance.scores import Gallery, SealedRows

Int16 = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_ID_BYTES = 64  # of a row; its nonce comes next (docs/search.md, "The files")
_NAMED_BYTES = _ID_BYTES + 12
_PART = 512  # rows; to open so many takes one or two milliseconds
_REST_S = 0.001


class Keys(Protocol):
    """Row keys by id, and how far they are known; see `workingset.RowKeys`."""

    @property
    def change(self) -> int:
        """Grows when a key comes or goes."""

    def __call__(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        """For each id its key; None where there is none."""


@dataclass(slots=True)
class _Held:
    """The templates of some rows, as of a change of the keys."""

    change: int
    templates: Int16
    missing: Mask


class HeldRows:
    """As `SealedRows`, but each row is opened once. For one search at a time.

    Rows are known again by their ids and nonces: a nonce is made anew at each sealing, and the
    gallery has checked by then that the rows are those which it verified.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._sealed = SealedRows(keys)
        self._held: dict[bytes, _Held] = {}
        self._used: dict[bytes, _Held] = {}
        self.name = self._sealed.name

    def payload_bytes(self, dimension: int) -> int:
        """As sealed."""
        return self._sealed.payload_bytes(dimension)

    def seal(self, rows: Bytes, templates: Int16, *, gallery: str) -> None:
        """As `SealedRows`; nothing is held."""
        self._sealed.seal(rows, templates, gallery=gallery)

    def unseal(self, rows: Bytes, *, gallery: str, gone: Mask | None) -> tuple[Int16, Mask | None]:
        """See `Codec`. Raises IntegrityError where a row does not open with its key."""
        named = np.ascontiguousarray(rows[:, :_NAMED_BYTES])
        mark = hashlib.sha256(gallery.encode() + named.data).digest()
        held = self._held.get(mark)
        if held is None or not self._still(held, named):
            held = self._opened(rows, gallery=gallery, gone=gone)
        self._held[mark] = self._used[mark] = held
        return held.templates, held.missing if held.missing.any() else None

    def forget_unused(self) -> None:
        """After a search: what it did not ask for is in the gallery no more."""
        self._held, self._used = self._used, {}

    def _opened(self, rows: Bytes, *, gallery: str, gone: Mask | None) -> _Held:
        change = self._keys.change  # before the keys: what goes meanwhile is taken out next time
        size = self._sealed.payload_bytes(0)
        dimension = (rows.shape[1] - _ID_BYTES - size) // 2
        held = _Held(change, np.empty((len(rows), dimension), "<i2"), np.zeros(len(rows), bool))
        for first in range(0, len(rows), _PART):
            part = slice(first, first + _PART)
            held.templates[part], missing = self._sealed.unseal(
                rows[part], gallery=gallery, gone=None if gone is None else gone[part]
            )
            if missing is not None:
                held.missing[part] = missing
            time.sleep(_REST_S)
        return held

    def _still(self, held: _Held, named: Bytes) -> bool:
        """Whether what is held is right with the keys of now; those that went are taken out."""
        change = self._keys.change
        if held.change == change:
            return True
        ids = [row[:_ID_BYTES].tobytes().rstrip(b"\0").decode() for row in named]
        keyless = np.array([key is None for key in self._keys(ids)])
        if (held.missing & ~keyless).any():
            return False  # a key that was not there came: open them all again
        held.templates[keyless] = 0
        held.missing |= keyless
        held.change = change
        return True


def unseal_all(gallery: Gallery, *, over: Callable[[], bool] = lambda: False) -> None:
    """Open every row of a gallery, as a search does; ends early where `over` says so."""
    state = gallery.state()
    size = max((block.rows for block in state.blocks), default=0)
    buffer = np.empty((size, state.header.row_bytes), np.uint8)
    for block in state.blocks:
        if over():
            return
        rows = gallery.read(state, block, buffer)
        gallery.codec.unseal(rows, gallery=state.header.gallery, gone=block.gone)
