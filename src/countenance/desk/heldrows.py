"""Templates of a sealed gallery, opened once and then held in memory for the searches after.

To open a million rows, each under a key of its own, takes some ten seconds: too long for every
search. At rest, and in every backup, a template stays sealed. Whatever is held here is forgotten
when its key is: at the first search after an entry went, its template is overwritten, before
anything is compared.

A service opens all of them before it answers (`Gallery.open_all`). What comes in later is opened
by the first search after; then others get their turn after every few rows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from countenance.scores import ID_BYTES, Opened, SealedRows, square_lengths

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

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
    """Some rows, as of a change of the keys."""

    change: int
    rows: Opened
    missing: Mask


class HeldRows:
    """As `SealedRows`, but each row is opened once. For one search at a time.

    Rows are known again by the mark that the gallery gave them when it had verified them.

    Attributes
    ----------
    hurried
        Nobody is served yet, so that nobody needs a turn between two parts.
    """

    hurried = False

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._sealed = SealedRows(keys)
        self._held: dict[bytes, _Held] = {}
        self._used: dict[bytes, _Held] = {}
        self.name = self._sealed.name

    def payload_bytes(self, dimension: int) -> int:
        """As sealed."""
        return self._sealed.payload_bytes(dimension)

    def seal(self, rows: Bytes, templates: npt.NDArray[np.int16], *, gallery: str) -> None:
        """As `SealedRows`; nothing is held."""
        self._sealed.seal(rows, templates, gallery=gallery)

    def held(self, mark: bytes) -> Opened | None:
        """See `Codec`; what lost its key meanwhile is overwritten first."""
        held = self._held.get(mark)
        if held is None or not self._still(held):
            return None
        self._used[mark] = held
        return held.rows

    def open(self, rows: Bytes, *, gallery: str, gone: Mask | None, mark: bytes) -> Opened:
        """See `Codec`. Raises IntegrityError where a row does not open with its key."""
        held = self._opened(rows, gallery=gallery, gone=gone, mark=mark)
        self._held[mark] = self._used[mark] = held
        return held.rows

    def forget_unused(self) -> None:
        """After a search: what it did not ask for is in the gallery no more."""
        self._held, self._used = self._used, {}

    def _opened(self, rows: Bytes, *, gallery: str, gone: Mask | None, mark: bytes) -> _Held:
        change = self._keys.change  # before the keys: what goes meanwhile is taken out next time
        dimension = (rows.shape[1] - ID_BYTES - self._sealed.payload_bytes(0)) // 2
        templates = np.empty((len(rows), dimension), "<i2")
        missing = np.zeros(len(rows), bool)
        for first in range(0, len(rows), _PART):
            part = slice(first, first + _PART)
            opened = self._sealed.open(
                rows[part], gallery=gallery, gone=None if gone is None else gone[part], mark=mark
            )
            templates[part] = opened.templates
            if opened.missing is not None:
                missing[part] = opened.missing
            if not self.hurried:
                time.sleep(_REST_S)
        none = missing if missing.any() else None
        held = Opened(rows[:, :ID_BYTES].copy(), templates, none, square_lengths(templates))
        return _Held(change, held, missing)

    def _still(self, held: _Held) -> bool:
        """Whether what is held is right with the keys of now; those that went are taken out."""
        change = self._keys.change
        if held.change == change:
            return True
        ids = [row.tobytes().rstrip(b"\0").decode() for row in held.rows.ids]
        keyless = np.array([key is None for key in self._keys(ids)])
        if (held.missing & ~keyless).any():
            return False  # a key that was not there came: open them all again
        held.rows.templates[keyless] = 0
        held.missing |= keyless
        held.rows = replace(held.rows, missing=held.missing if held.missing.any() else None)
        held.change = change
        return True
