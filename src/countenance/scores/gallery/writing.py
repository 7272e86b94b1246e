"""Changing a gallery: append, delete, compact, each durable when it returns, whatever fails."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from countenance.core import (
    FileOps,
    InputError,
    IntegrityError,
    Progress,
    no_progress,
    write_all_at,
)
from countenance.faces import EngineCard
from countenance.scores.exact import ExactTemplates
from countenance.scores.gallery.codec import Codec, Plain
from countenance.scores.gallery.errors import StorageError
from countenance.scores.gallery.ids import Ids
from countenance.scores.gallery.layout import (
    APPEND,
    DELETE,
    ID_BYTES,
    RESTORE,
    GalleryHeader,
    Record,
    encode_id,
)
from countenance.scores.gallery.reading import LEDGER_FILE, Gallery
from countenance.scores.gallery.state import State, flat
from countenance.scores.gallery.store import (
    NEW_LEDGER,
    Store,
    locked,
    take_place,
    told,
    write_ledger,
)

Int16 = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]


def create_gallery(
    path: Path | str,
    card: EngineCard,
    *,
    issuer: str,
    codec: Codec | None = None,
    ops: FileOps | None = None,
) -> GalleryHeader:
    """Make an empty gallery in a folder that holds none.

    Parameters
    ----------
    path
        The folder; made with permissions 0700.
    card
        The engine whose templates it will hold.
    issuer
        The Ed25519 public key, 32 bytes in hex, whose permits open it to searches.
    codec
        How templates are written; `Plain` when None.
    ops
        The file system; for tests.
    """
    folder, ops = Path(path), ops if ops is not None else FileOps()
    codec = codec if codec is not None else Plain()
    header = GalleryHeader(
        gallery=secrets.token_hex(32),
        engine=card.identity,
        unit=card.unit,
        dimension=card.dimension,
        issuer=issuer,
        codec=codec.name,
        payload_bytes=codec.payload_bytes(card.dimension),
    )
    with told(folder), locked(folder, make=True):
        if (folder / LEDGER_FILE).exists():
            raise InputError("there is a gallery here already", where=str(folder))
        ops.close(ops.create(folder / header.rows_file, private=True))
        write_ledger(ops, folder / NEW_LEDGER, header, ())
        take_place(ops, folder)
        ops.fsync_folder(folder.parent)
    return header


class GalleryWriter:
    """The one writer of a gallery; use it in a ``with`` block.

    Opening verifies the whole gallery and finishes what a crash interrupted. After a
    `StorageError` it does nothing more: open it again.

    Raises ConflictError while another writer is open.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        codec: Codec | None = None,
        progress: Progress = no_progress,
        ops: FileOps | None = None,
    ) -> None:
        self.path = Path(path)
        self._ops = ops if ops is not None else FileOps()
        self._codec = codec if codec is not None else Plain()
        self._lock = contextlib.ExitStack()
        self._open: Store | None = None
        if not (self.path / LEDGER_FILE).exists():
            raise InputError("there is no gallery here", where=str(self.path))
        try:
            with told(self.path):
                self._lock.enter_context(locked(self.path))
                self._load(progress)
                self._store.recover()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> GalleryWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files and the lock; everything is on the disk already."""
        if self._open is not None:
            self._open.close()
            self._open = None
        self._lock.close()

    @property
    def header(self) -> GalleryHeader:
        """What the gallery says of itself."""
        return self._store.ledger.header

    @property
    def digest(self) -> str:
        """The gallery's digest, in hex."""
        return self._store.ledger.digest.hex()

    def __len__(self) -> int:
        """Templates that are not deleted."""
        ledger = self._store.ledger
        return ledger.rows - ledger.deleted

    def __contains__(self, name: str) -> bool:
        return self._row_of(encode_id(name)) is not None

    def append(self, ids: Sequence[str], templates: Int16, *, engine: str) -> None:
        """Add templates, int16 (n, d), under ids that no other template has now.

        All are durable when this returns. If the machine stops before, the gallery holds the
        first few, or none.

        Raises
        ------
        InputError
            An id that is taken, given twice or too long; templates of another engine (`engine` is
            `EngineCard.identity`), dimension, type or length. Nothing was written.
        StorageError
            The disk failed.
        """
        header, first = self.header, self._store.ledger.rows
        if engine != header.engine:
            raise InputError(
                "the templates were made by another engine than the gallery's",
                expected=header.engine,
            )
        if templates.shape != (len(ids), header.dimension):
            raise InputError(
                f"templates of shape {templates.shape} for {len(ids)} ids",
                expected=f"({len(ids)}, {header.dimension})",
            )
        raw = self._new_ids(ids)
        parts = [slice(at, at + header.chunk_rows) for at in range(0, len(raw), header.chunk_rows)]
        for part in parts:
            ExactTemplates(templates[part], header.unit)  # refuses what is not exact
        with self._writing() as store:
            records = []
            for part in parts:
                rows = self._encoded(raw[part], templates[part])
                store.put_rows(rows, first + part.start)
                digest = hashlib.sha256(flat(rows)).digest()
                records.append(Record(APPEND, first + part.start, len(rows), digest))
            store.sync_rows()
            store.commit(records)
            self._ids.add(raw, first)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete templates for good: ids and templates are zeros on the disk when this returns.

        Raises InputError, and deletes nothing, where an id is not there or given twice.
        """
        rows: dict[int, None] = {}
        for name in ids:
            row = self._row_of(encode_id(name))
            if row is None or row in rows:
                raise InputError(
                    f"{name!r} is not in the gallery" if row is None else f"{name!r} comes twice"
                )
            rows[row] = None
        with self._writing() as store:
            records = []
            chunks: dict[int, bytearray] = {}
            for row in rows:
                chunk = store.ledger.chunk_of(row)
                if chunk not in chunks:
                    chunks[chunk] = self._chunk(chunk)
                at = (row - store.ledger.starts[chunk]) * self.header.row_bytes
                chunks[chunk][at : at + self.header.row_bytes] = bytes(self.header.row_bytes)
                records.append(Record(DELETE, row, 1, hashlib.sha256(chunks[chunk]).digest()))
            store.commit(records)
            store.erase(list(rows))

    def compact(self, progress: Progress = no_progress) -> None:
        """Write the gallery anew without its deleted rows, and zeros over the old one.

        The new gallery takes the old one's place at one stroke. Rows keep their order; the digest
        becomes another one, and the new header names the old.
        """
        with self._writing() as store:
            state = self._reading.state()
            header = replace(
                state.header, generation=state.header.generation + 1, previous=state.digest
            )
            records = list(self._copy(state, header, progress))
            write_ledger(self._ops, self.path / NEW_LEDGER, header, records)
            take_place(self._ops, self.path)
            store.close()
            self._open = None
            self._load(no_progress)
            self._store.wipe_leftovers()

    @property
    def _store(self) -> Store:
        if self._open is None:
            raise StorageError(
                "the gallery is not open for writing", where=str(self.path), do="open it again"
            )
        return self._open

    def _load(self, progress: Progress) -> None:
        """Read and verify everything, learn who is in it, and open it for writing."""
        self._ids = Ids()
        self._reading = Gallery(self.path, codec=self._codec)
        self._reading.load(progress, self._ids.learn, recover=True)
        self._ids.settle()
        self._open = Store(self.path, self._reading.loaded().ledger.copy(), self._ops)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Store]:
        """Whatever goes wrong inside leaves a writer that does nothing more."""
        store = self._store
        try:
            with told(self.path):
                yield store
        except BaseException:
            self.close()
            raise

    def _encoded(self, ids: Sequence[bytes], templates: Int16) -> Bytes:
        """Rows as they are written."""
        rows = np.zeros((len(ids), self.header.row_bytes), np.uint8)
        rows[:, :ID_BYTES] = np.frombuffer(b"".join(ids), np.uint8).reshape(-1, ID_BYTES)
        self._codec.seal(rows, templates, gallery=self.header.gallery)
        return rows

    def _chunk(self, chunk: int) -> bytearray:
        """A chunk with zeros for deleted rows, checked: a new digest must not make damage good."""
        ledger, width = self._store.ledger, self.header.row_bytes
        first, last = ledger.starts[chunk : chunk + 2]
        data = bytearray(self._store.read(first, last - first))
        for row in np.flatnonzero(np.frombuffer(bytes(ledger.gone[first:last]), np.uint8)):
            data[row * width : (row + 1) * width] = bytes(width)
        if hashlib.sha256(data).digest() != ledger.digests[chunk]:
            raise IntegrityError(
                f"rows {first:,} to {last - 1:,} of the gallery are damaged",
                where=str(self.path / self.header.rows_file),
                do=RESTORE,
            )
        return data

    def _copy(self, state: State, header: GalleryHeader, progress: Progress) -> Iterator[Record]:
        """Copy the rows that are left to a new file, chunk by chunk; what is to be recorded."""
        most = max((block.rows for block in state.blocks), default=0)
        buffer = np.empty((most, header.row_bytes), np.uint8)
        handle = self._ops.create(self.path / header.rows_file, private=True)
        try:
            written = 0
            for block in state.blocks:
                rows = self._reading.read(state, block, buffer)
                if block.gone is not None:
                    rows = rows[~block.gone]
                for start in range(0, len(rows), header.chunk_rows):
                    part = rows[start : start + header.chunk_rows]
                    write_all_at(self._ops, handle, flat(part),
                                 written * header.row_bytes)  # fmt: skip
                    yield Record(APPEND, written, len(part), hashlib.sha256(flat(part)).digest())
                    written += len(part)
                progress("compacting the gallery", block.first + block.rows, state.ledger.rows)
            self._ops.fsync(handle)
        finally:
            self._ops.close(handle)

    def _new_ids(self, ids: Sequence[str]) -> list[bytes]:
        """Ids as they stand in rows. Raises InputError where one is not to be had."""
        raw = [encode_id(name) for name in ids]
        seen: set[bytes] = set()
        for name, each, known in zip(ids, raw, self._ids.known(raw), strict=True):
            if each in seen or (known and self._row_of(each) is not None):
                raise InputError(
                    f"the id {name!r} is taken",
                    do="delete the template that has it, or take another",
                )
            seen.add(each)
        return raw

    def _row_of(self, raw: bytes) -> int | None:
        """The row, not deleted, that has this id."""
        store = self._store
        for row in self._ids.rows(raw):
            if not store.ledger.gone[row] and store.read(row, width=ID_BYTES) == raw:
                return row
        return None
