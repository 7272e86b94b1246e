"""A gallery as it was at one moment: its open files, and its blocks as they were verified."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from countenance.scores.gallery.codec import Codec, Opened
from countenance.scores.gallery.layout import GalleryHeader
from countenance.scores.gallery.ledger import Ledger

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are read together: whole chunks, and their GMAC with zeros for deleted rows."""

    first: int
    rows: int
    chunks: range
    gone: Mask | None
    mac: bytes


class Handle:
    """An open file that is closed when nobody uses it any more, in whichever thread."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._close = weakref.finalize(self, os.close, self.number)

    def close(self) -> None:
        """Close it now."""
        self._close()


class Moved(Exception):  # noqa: N818  # never seen outside: it says "read the ledger again"
    """A block is not as it was when it was verified."""

    def __init__(self, block: Block) -> None:
        self.block = block


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A gallery as it was at one moment. Never changes, and can be read from many threads."""

    ledger: Ledger
    blocks: tuple[Block, ...]
    log: Handle
    rows: Handle
    key: bytes
    where: str

    @property
    def header(self) -> GalleryHeader:
        """The gallery's header."""
        return self.ledger.header

    @property
    def digest(self) -> str:
        """The gallery's digest, in hex."""
        return self.ledger.digest.hex()

    def read(self, block: Block, buffer: Bytes) -> Bytes:
        """The rows of a block in `buffer`, uint8 (rows, row_bytes). Raises `Moved`."""
        rows = read_rows(self, block.first, block.rows, buffer)
        if block.gone is not None:
            rows[block.gone] = 0
        if rows.size and block_mac(self.key, block.first, rows) != block.mac:
            raise Moved(block)
        return rows

    def opened(self, block: Block, codec: Codec, buffer: Bytes) -> Opened:
        """The rows of a block as they are compared; read into `buffer` where they are not held.

        Raises `Moved`, and IntegrityError where a row does not open.
        """
        mark = block.first.to_bytes(8, "big") + block.mac
        held = codec.held(mark)
        if held is not None:
            return held
        rows = self.read(block, buffer)
        return codec.open(rows, gallery=self.header.gallery, gone=block.gone, mark=mark)


def buffer_for(state: State, rows: int) -> Bytes:
    """Room for so many rows."""
    return np.empty((rows, state.header.row_bytes), np.uint8)


def read_rows(state: State, first: int, count: int, buffer: Bytes) -> Bytes:
    """`count` rows from `first` on; what the file does not hold is left as zeros."""
    width = state.header.row_bytes
    out = buffer[:count]
    view = flat(out)
    done = 0
    while done < len(view):
        got = os.preadv(state.rows.number, [view[done:]], first * width + done)
        if got == 0:
            view[done:] = bytes(len(view) - done)
            break
        done += got
    return out


def flat(rows: Bytes) -> memoryview:
    """The bytes of rows that lie one after the other."""
    return rows.reshape(-1).data


def block_mac(key: bytes, first: int, rows: Bytes) -> bytes:
    """GMAC of a block. The nonce may come again, since no tag is ever shown to anybody."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(first.to_bytes(12, "big"), b"", flat(rows))
