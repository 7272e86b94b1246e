"""Which row has an id: a sorted table of 64-bit hashes, so that a million ids take 16 MB."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from countenance.scores.gallery.layout import ID_BYTES

_FRESH = 100_000  # added since the table was sorted


class Ids:
    """Ids and their rows. Finds every row of an id, and now and then one of another.

    The hash is multilinear with secret odd factors, so that ids cannot be chosen to collide.
    """

    def __init__(self) -> None:
        self._factors = np.frombuffer(secrets.token_bytes(ID_BYTES), np.uint64) | np.uint64(1)
        self._hashes = np.empty(0, np.uint64)
        self._rows = np.empty(0, np.int64)
        self._learnt: list[tuple[npt.NDArray[np.uint64], int]] = []
        self._fresh: dict[bytes, int] = {}

    def learn(self, first: int, rows: npt.NDArray[np.uint8]) -> None:
        """Take in rows, uint8 (n, row_bytes), the first of which is row `first`."""
        self._learnt.append((self._hash(np.ascontiguousarray(rows[:, :ID_BYTES])), first))

    def settle(self) -> None:
        """Sort what was learnt into the table."""
        hashes = [self._hashes, *(h for h, _ in self._learnt)]
        rows = [self._rows, *(np.arange(first, first + len(h)) for h, first in self._learnt)]
        every = np.concatenate(hashes)
        order = np.argsort(every, kind="stable")
        self._hashes, self._rows = every[order], np.concatenate(rows)[order]
        self._learnt = []
        self._fresh = {}

    def add(self, ids: Sequence[bytes], first: int) -> None:
        """Ids of new rows, `first` and those after it."""
        if not ids:
            return
        self._learnt.append((self._hash(_slots(ids)), first))
        self._fresh.update((each, first + at) for at, each in enumerate(ids))
        if len(self._fresh) > _FRESH:
            self.settle()

    def known(self, ids: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """False for an id that surely has no row."""
        if not ids:
            return np.zeros(0, bool)
        wanted = self._hash(_slots(ids))
        at = np.searchsorted(self._hashes, wanted)
        found = np.zeros(len(ids), bool)
        inside = at < len(self._hashes)
        found[inside] = self._hashes[at[inside]] == wanted[inside]
        found |= np.array([each in self._fresh for each in ids])
        return found

    def rows(self, raw: bytes) -> list[int]:
        """Rows that may have this id, deleted ones among them."""
        (wanted,) = self._hash(_slots([raw]))
        low, high = (
            int(np.searchsorted(self._hashes, wanted, side)) for side in ("left", "right")
        )
        found = [int(row) for row in self._rows[low:high]]
        if raw in self._fresh:
            found.append(self._fresh[raw])
        return found

    def _hash(self, slots: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
        words = slots.view(np.uint64)
        words = words ^ (words >> np.uint64(32))  # a product never carries high bits to low ones
        made: npt.NDArray[np.uint64] = (words * self._factors).sum(axis=1, dtype=np.uint64)
        return made


def _slots(ids: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(-1, ID_BYTES)
