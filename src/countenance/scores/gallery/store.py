"""The two files of a gallery as its writer sees them: every change, in an order a crash can stop.

Appending writes rows, then the records that make them part of the gallery, then the mark that
commits the records; deleting writes record and mark, then zeros over the row. Each step is on the
disk before the next begins. `Store.recover` finishes or undoes what a crash left: a row that
nothing commits and a row that is deleted are overwritten.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from countenance.core import FileOps, write_all_at
from countenance.scores.gallery.errors import ConflictError, StorageError
from countenance.scores.gallery.layout import (
    MARKS_AT,
    RECORD_BYTES,
    RECORDS_AT,
    GalleryHeader,
    Mark,
    Record,
    encode_record,
)
from countenance.scores.gallery.ledger import Ledger, Log
from countenance.scores.gallery.reading import LEDGER_FILE
from countenance.scores.gallery.state import flat

Bytes = npt.NDArray[np.uint8]

NEW_LEDGER: Final = LEDGER_FILE + ".new"
_LOCK: Final = "lock"
_PIECE: Final = 1 << 20


class Store:
    """The files of one gallery, open for writing."""

    def __init__(self, folder: Path, ledger: Ledger, ops: FileOps) -> None:
        self.folder, self.ledger, self._ops = folder, ledger, ops
        self._where = str(folder / LEDGER_FILE)
        self._log = ops.open(folder / LEDGER_FILE)
        try:
            self._rows = ops.open(folder / ledger.header.rows_file)
        except BaseException:
            ops.close(self._log)
            raise

    def close(self) -> None:
        """Let go of the files."""
        self._ops.close(self._log)
        self._ops.close(self._rows)

    def read(self, row: int, count: int = 1, *, width: int | None = None) -> bytes:
        """Bytes of rows as they are on the disk, unchecked; of the first `width` bytes of one."""
        row_bytes = self.ledger.header.row_bytes
        length = count * row_bytes if width is None else width
        return os.pread(self._rows, length, row * row_bytes)

    def put_rows(self, rows: Bytes, first: int) -> None:
        """Write rows, uint8 (n, row_bytes). They count for nothing before they are committed."""
        at = first * self.ledger.header.row_bytes
        write_all_at(self._ops, self._rows, flat(rows), at)

    def sync_rows(self) -> None:
        """Return when the rows are on the disk."""
        self._ops.fsync(self._rows)

    def commit(self, records: Sequence[Record]) -> None:
        """Add records to the ledger; then the mark that says they count. Durable on return."""
        ledger, data = self.ledger, []
        at = RECORDS_AT + ledger.records * RECORD_BYTES
        for record in records:
            raw = encode_record(record, ledger.digest)
            if not ledger.add(record, raw[-32:]):
                raise AssertionError("a record that makes no sense")
            data.append(raw)
        if data:
            write_all_at(self._ops, self._log, b"".join(data), at)
            self._ops.fsync(self._log)
            self._mark()

    def erase(self, rows: Sequence[int]) -> None:
        """Zeros over rows, durably."""
        width = self.ledger.header.row_bytes
        for row in rows:
            write_all_at(self._ops, self._rows, bytes(width), row * width)
        self._ops.fsync(self._rows)

    def recover(self) -> None:
        """Finish or undo what was under way when the last writer ended."""
        ledger, width = self.ledger, self.ledger.header.row_bytes
        marks = Log(self._log, self._where).marks(ledger.header_check)
        if Mark(ledger.records, ledger.digest) not in marks or None in marks:
            self._mark()
            self._mark()
        self.wipe_leftovers()
        self._cut(self._rows, ledger.rows * width)
        self._cut(self._log, RECORDS_AT + ledger.records * RECORD_BYTES)
        gone = np.flatnonzero(np.frombuffer(bytes(ledger.gone), np.uint8))
        left = [int(row) for row in gone if any(self.read(int(row)))]
        if left:
            self.erase(left)

    def wipe_leftovers(self) -> None:
        """Write zeros over files of a compaction that ended, or did not, and remove them."""
        for path in sorted(self.folder.iterdir()):
            old = path.name.startswith("rows-") and path.name != self.ledger.header.rows_file
            if old or path.name == NEW_LEDGER:
                handle = self._ops.open(path)
                try:
                    self._zero(handle, 0, os.fstat(handle).st_size)
                finally:
                    self._ops.close(handle)
                self._ops.remove(path)
                self._ops.fsync_folder(self.folder)

    def _mark(self) -> None:
        """Write the mark over the older of the two."""
        ledger = self.ledger
        marks = Log(self._log, self._where).marks(ledger.header_check)
        sizes = [-1 if mark is None else mark.records for mark in marks]
        mark = Mark(ledger.records, ledger.digest).encode(ledger.header_check)
        write_all_at(self._ops, self._log, mark, MARKS_AT[sizes.index(min(sizes))])
        self._ops.fsync(self._log)

    def _cut(self, handle: int, size: int) -> None:
        """Take away what is after `size`, once it is zeros."""
        there = os.fstat(handle).st_size
        if there > size:
            self._zero(handle, size, there)
            self._ops.truncate(handle, size)
            self._ops.fsync(handle)

    def _zero(self, handle: int, first: int, last: int) -> None:
        """Zeros from `first` up to `last`, durably."""
        for at in range(first, last, _PIECE):
            write_all_at(self._ops, handle, bytes(min(_PIECE, last - at)), at)
        self._ops.fsync(handle)


def write_ledger(
    ops: FileOps, path: Path, header: GalleryHeader, records: Sequence[Record]
) -> None:
    """A whole new ledger file, durable under a name of its own."""
    start = header.encode()
    check = digest = start[-32:]
    data = []
    for record in records:
        data.append(encode_record(record, digest))
        digest = data[-1][-32:]
    mark = Mark(len(records), digest).encode(check)
    handle = ops.create(path, private=True)
    try:
        write_all_at(ops, handle, b"".join((start, mark, mark, *data)), 0)
        ops.fsync(handle)
    finally:
        ops.close(handle)


def take_place(ops: FileOps, folder: Path) -> None:
    """The new ledger in the old one's place, at one stroke and durably."""
    ops.fsync_folder(folder)  # the rows it speaks of are there before it is
    ops.rename(folder / NEW_LEDGER, folder / LEDGER_FILE)
    ops.fsync_folder(folder)


@contextlib.contextmanager
def locked(folder: Path, *, make: bool = False) -> Iterator[None]:
    """Hold the lock of the one writer. Raises ConflictError where another holds it."""
    if make:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                "another writer has this gallery open", where=str(folder),
                do="let it do the writing, or end it first",
            ) from error  # fmt: skip
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Errors of the operating system as the gallery's own."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"writing failed: {error.strerror or error}", where=str(folder),
            do="see to the disk, then open the gallery again",
        ) from error  # fmt: skip
