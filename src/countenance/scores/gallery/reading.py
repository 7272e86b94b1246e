"""A gallery open for reading: verified as a whole, then block by block at every search.

Opening reads everything once and checks it against the SHA-256 digests in the ledger. It notes of
every block a GMAC (NIST SP 800-38D) under a random key that never leaves this process. A search
checks each block it reads against that, at several times the speed of SHA-256: so what is searched
is what was verified, whatever happened to the file in between.

Files are read into a buffer, not mapped: a mapped file counts as the process's memory, and one
that is cut short ends the process.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, IntegrityError, Progress, no_progress
from countenance.scores.comparisons import in_order
from countenance.scores.gallery.codec import Codec, Plain
from countenance.scores.gallery.errors import ConflictError, StorageError
from countenance.scores.gallery.layout import RESTORE, GalleryHeader, check_hex
from countenance.scores.gallery.ledger import Ledger, Log
from countenance.scores.gallery.state import (
    Block,
    Handle,
    Moved,
    State,
    block_mac,
    buffer_for,
    flat,
    read_rows,
)

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
#: What else to do with each block while a gallery is verified: its first row, and its rows.
Sink = Callable[[int, Bytes], None]

LEDGER_FILE: Final = "gallery"
#: Bytes of rows read at once: near any processor, large beside the overheads.
BLOCK_BYTES: Final = 1 << 21
_ATTEMPTS: Final = 20


class Gallery:
    """A gallery open for reading, while others may append to it, delete from it and compact it.

    Made by `open_gallery`; to be used in a ``with`` block or closed. Any number of threads may
    search it at once.
    """

    def __init__(self, path: Path, *, codec: Codec, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = path
        self.codec = codec
        self._block_bytes = block_bytes
        self._lock = threading.Lock()
        self._state: State | None = None

    def __enter__(self) -> Gallery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files once the searches that use them have ended."""
        with self._lock:
            self._state = None

    @property
    def header(self) -> GalleryHeader:
        """What the gallery says of itself."""
        return self.state().header

    @property
    def digest(self) -> str:
        """Commits to all that is in it, and to every change since the last compaction; hex."""
        return self.state().digest

    def __len__(self) -> int:
        """Templates that are not deleted."""
        ledger = self.state().ledger
        return ledger.rows - ledger.deleted

    def state(self) -> State:
        """The gallery as it is now; what is new is verified."""
        with self._lock:
            self._state = self._follow(self.loaded(), no_progress, None)
            return self._state

    def loaded(self) -> State:
        """The gallery as it was when last looked at."""
        if self._state is None:
            raise InputError("the gallery is closed", where=str(self.path))
        return self._state

    def load(self, progress: Progress, sink: Sink | None = None, *, recover: bool = False) -> None:
        """Read and verify everything. Called once, by `open_gallery` or a writer."""
        with self._lock:
            self._state = self._follow(None, progress, sink, recover=recover)

    def open_all(self, progress: Progress = no_progress) -> None:
        """Open every row, as a search does: for a codec that holds them from then on."""
        state = self.state()
        buffer = buffer_for(state, max((block.rows for block in state.blocks), default=0))
        for block in state.blocks:
            try:
                state.opened(block, self.codec, buffer)
            except Moved:
                self.recheck(block, state)  # if not damaged, changed: a search opens it anew
            progress("opening templates", block.first + block.rows, state.ledger.rows)

    def read(self, state: State, block: Block, buffer: Bytes) -> Bytes:
        """The rows of a block, for the one writer: nobody else changes them meanwhile."""
        for _ in range(_ATTEMPTS):
            try:
                return state.read(block, buffer)
            except Moved:
                self.recheck(block, state)
        raise StorageError("the disk gives another answer every time", where=state.where)

    def recheck(self, block: Block, state: State) -> None:
        """Raise IntegrityError if a block that was not as verified is damaged.

        Returns where the gallery was changed meanwhile, or the disk now gives what it should.
        """
        with self._lock:
            if self._state is not None:
                self._state = self._follow(self._state, no_progress, None)
            if self._state is state:
                _verified(state, block.chunks, buffer_for(state, block.rows))

    def _follow(
        self, old: State | None, progress: Progress, sink: Sink | None, *, recover: bool = False
    ) -> State:
        """Read on until the ledger and the rows fit, though a writer may be at work."""
        where = str(self.path / LEDGER_FILE)
        for _ in range(_ATTEMPTS):
            try:
                fresh = _opened(self.path, old)
                log = Log(fresh.log.number, where)
                ledger = log.follow(fresh.ledger, recover=recover)
                if old is not None and fresh is old and ledger is old.ledger:
                    return old
                _check_codec(ledger.header, self.codec, where)
                try:
                    return self._verify(fresh, ledger, progress, sink)
                except IntegrityError:
                    # A writer that deleted or compacted meanwhile is no damage.
                    if (
                        _same_file(fresh.log, self.path)
                        and log.follow(ledger, recover=recover) is ledger
                    ):
                        raise
            except FileNotFoundError as error:
                if not (self.path / LEDGER_FILE).exists():
                    raise InputError("there is no gallery here", where=where) from error
                if old is None or not _same_file(old.log, self.path):
                    continue  # compacted between two looks
                raise
            except OSError as error:
                raise StorageError(f"reading failed: {error.strerror}", where=where) from error
        raise ConflictError("the gallery changes faster than it can be read", where=where)

    def _verify(
        self, fresh: State, ledger: Ledger, progress: Progress, sink: Sink | None
    ) -> State:
        state = State(ledger, (), fresh.log, fresh.rows, fresh.key, fresh.where)
        kept = {(b.chunks.start, b.chunks.stop): b for b in fresh.blocks}
        plan = list(_plan(ledger, fresh, self._block_bytes))
        size = max((ledger.starts[p.stop] - ledger.starts[p.start] for p in plan), default=0)
        store = threading.local()

        def block(chunks: range) -> tuple[Block, Bytes | None]:
            first, last = ledger.starts[chunks.start], ledger.starts[chunks.stop]
            known = kept.get((chunks.start, chunks.stop))
            if (
                known is not None
                and ledger.digests[chunks.start : chunks.stop]
                == (fresh.ledger.digests[chunks.start : chunks.stop])
            ):
                return known, None
            if not hasattr(store, "buffer"):
                store.buffer = buffer_for(state, size)
            rows = _verified(state, chunks, store.buffer)
            gone = _gone(ledger, first, last)
            made = Block(first, last - first, chunks, gone, block_mac(state.key, first, rows))
            return made, rows if sink is None else rows.copy()

        blocks: list[Block] = []
        for made, rows in in_order(block, plan):
            if sink is not None and rows is not None:
                sink(made.first, rows)
            blocks.append(made)
            progress("verifying the gallery", made.first + made.rows, ledger.rows)
        return State(ledger, tuple(blocks), fresh.log, fresh.rows, fresh.key, fresh.where)


def open_gallery(
    path: Path | str,
    *,
    codec: Codec | None = None,
    issuer: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress = no_progress,
) -> Gallery:
    """Open a gallery for reading and verify every byte of it.

    Parameters
    ----------
    path
        The gallery's folder.
    codec
        How its templates are written; `Plain` when None.
    issuer
        The Ed25519 public key, in hex, whose permits it must ask for. Say it wherever the gallery
        could have been swapped for one that asks for another's.
    block_bytes
        Rows that are read together; many where a codec holds them, so that fewer steps are made.
    progress
        Told how many rows are verified.

    Raises
    ------
    InputError
        No gallery, of another version, codec or issuer.
    IntegrityError
        Any byte of it is not what was written.
    StorageError, ConflictError
        It cannot be read, or is changed faster than it can be.
    """
    gallery = Gallery(
        Path(path), codec=codec if codec is not None else Plain(), block_bytes=block_bytes
    )
    gallery.load(progress)
    if issuer is not None:
        check_hex(issuer, what="issuer")
        if gallery.header.issuer != issuer:
            raise InputError(
                "the gallery asks for permits of another issuer", where=str(path), expected=issuer
            )
    return gallery


def _opened(path: Path, old: State | None) -> State:
    """The open files of `old` if the gallery still is in them; else opened anew."""
    if old is not None and _same_file(old.log, path):
        return old
    log = Handle(path / LEDGER_FILE)
    ledger = Log(log.number, str(path / LEDGER_FILE)).start()
    rows_path = path / ledger.header.rows_file
    try:
        rows = Handle(rows_path)
    except FileNotFoundError:
        if not _same_file(log, path):
            raise  # compacted between two looks
        raise IntegrityError(
            "the file with the gallery's rows is gone", where=str(rows_path), do=RESTORE
        ) from None
    return State(ledger, (), log, rows, secrets.token_bytes(16), str(rows_path))


def _same_file(handle: Handle, path: Path) -> bool:
    there, here = (path / LEDGER_FILE).stat(), os.fstat(handle.number)
    return (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev)


def _plan(ledger: Ledger, before: State, block_bytes: int) -> Iterator[range]:
    """Runs of chunks to read together; those before keep theirs, but for the last."""
    most = max(1, block_bytes // ledger.header.row_bytes)
    start = 0
    for block in before.blocks[:-1]:
        yield block.chunks
        start = block.chunks.stop
    chunks = len(ledger.digests)
    while start < chunks:
        stop = max(ledger.chunk_of(ledger.starts[start] + most), start + 1)
        stop = min(stop, chunks)
        yield range(start, stop)
        start = stop


def _verified(state: State, chunks: range, buffer: Bytes) -> Bytes:
    """Rows of some chunks, read and checked against the ledger."""
    ledger = state.ledger
    first, last = ledger.starts[chunks.start], ledger.starts[chunks.stop]
    rows = read_rows(state, first, last - first, buffer)
    gone = _gone(ledger, first, last)
    if gone is not None:
        rows[gone] = 0
    for chunk in chunks:
        part = rows[ledger.starts[chunk] - first : ledger.starts[chunk + 1] - first]
        if hashlib.sha256(flat(part)).digest() != ledger.digests[chunk]:
            raise IntegrityError(
                f"rows {ledger.starts[chunk]:,} to {ledger.starts[chunk + 1] - 1:,} of the "
                "gallery are damaged",
                where=state.where,
                do=RESTORE,
            )
    return rows


def _gone(ledger: Ledger, first: int, last: int) -> Mask | None:
    gone = np.frombuffer(bytes(ledger.gone[first:last]), bool)
    return gone if gone.any() else None


def _check_codec(header: GalleryHeader, codec: Codec, where: str) -> None:
    if header.codec != codec.name:
        raise InputError(
            f"the gallery's templates are written as {header.codec!r}",
            where=where,
            expected=codec.name,
        )
    if header.payload_bytes != codec.payload_bytes(header.dimension):
        raise InputError("the gallery's rows are not as long as its codec makes them", where=where)
