"""A log on a folder: files exactly as `tlog-tiles` serves them, and a journal beside them.

::

    checkpoint, tile/...   what is published; any web server can serve these as they are
    journal, journal.next  entries that are durable and not yet in full bundles (not to be served)
    lock                   held by the one process that writes

A tile or bundle takes its name only when it is whole and durable. A journal is replaced only when
everything in it that fills a bundle is. So at every moment the folder holds every acknowledged
entry, and opening it again is the whole of crash recovery.

When a journal is long enough, its bundles become files beside the appends, in a thread that ends
with that work. There is one such thread at most: appends wait when they are a whole journal ahead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from countenance.record.errors import ConflictError, RecordError, StorageError
from countenance.record.fileops import FileOps, write_all
from countenance.record.journal import Journal, read_journals
from countenance.record.storage import CHECKPOINT, MAX_CHECKPOINT, Batch
from countenance.record.tiles import parse_path

SETTLE_BYTES = 4 << 20  # journal size at which bundles become files: bounds memory and recovery

_FSYNCS = 8  # at the same time


Beside = Callable[[Callable[[], None]], "Future[None]"]
"""Does some work beside the appends; the future is done when the work is."""


def in_thread(work: Callable[[], None]) -> Future[None]:
    """Do it in a thread of its own."""
    thread = ThreadPoolExecutor(1)
    done = thread.submit(work)
    thread.shutdown(wait=False)
    return done


class FolderStorage:
    """Keeps one log in `path`.

    Reading needs nothing opened and may go on in other processes while one writes.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        ops: FileOps | None = None,
        settle_bytes: int = SETTLE_BYTES,
        beside: Beside = in_thread,
    ) -> None:
        self.path = Path(path)
        self._settle_bytes = settle_bytes
        self._beside = beside
        self._ops = ops if ops is not None else FileOps()
        self._journal = Journal(self.path / "journal", self._ops)
        self._lock: int | None = None
        self._pending: dict[str, bytes] = {}  # full, durable in the journal, not yet files
        self._settling: dict[str, bytes] = {}  # those of the first journal where there are two
        self._work: Future[None] | None = None
        self._edge = 0
        self._tail: Sequence[bytes] = ()

    def __reduce__(self) -> tuple[type[FolderStorage], tuple[Path]]:
        """Another process gets one that reads."""
        return FolderStorage, (self.path,)

    def read(self, path: str) -> bytes | None:
        """What is kept under a path; None where nothing is."""
        if path == CHECKPOINT:
            limit = MAX_CHECKPOINT
        else:
            limit = parse_path(path).max_bytes
            for held in (self._pending, self._settling):  # they move on in this order, to files
                if (pending := held.get(path)) is not None:
                    return pending
        try:
            with (self.path / path).open("rb", buffering=0) as file:
                # Asked for by its own size: a buffer of the limit's size costs more than reading.
                length = os.fstat(file.fileno()).st_size
                data = file.readall() if length <= limit else b""
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _failed("reading failed", self.path / path, error) from error
        if max(length, len(data)) > limit:
            raise StorageError(
                "larger than it can be", where=str(self.path / path), expected=f"{limit} bytes"
            )
        return data

    def open(self) -> None:
        """Make the folder if need be and hold its lock until `close`."""
        if self._lock is not None:
            return
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                self._ops.fsync_folder(self.path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            handle = os.open(self.path / "lock", flags, 0o600)
        except OSError as error:
            raise _failed("the folder cannot be written", self.path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise ConflictError(
                "another process has this log open", where=str(self.path),
                do="let it do the appending, or end it first",
            ) from error  # fmt: skip
        self._lock = handle

    def recover(self) -> tuple[int, list[bytes]]:
        """Entries of the journals, and the index of the first."""
        self._need_lock()
        with contextlib.suppress(OSError, RecordError):  # it is done again from the start
            self._join()
        try:
            found = read_journals(self._journal.path)
        except OSError as error:
            raise _failed("reading failed", self._journal.path, error) from error
        if found is None:
            if self.read(CHECKPOINT) is not None or (self.path / "tile").exists():
                raise StorageError(
                    "the journal is gone, and with it entries that may have been acknowledged",
                    where=str(self._journal.path),
                    do="restore the folder from a copy; then check it with a witness",
                )
            found = (0, [])
        self._edge, self._tail = found
        return found

    @contextlib.contextmanager
    def turn(self) -> Iterator[int]:
        """The lock is held all the time, so this only says how far the journal goes."""
        self._need_lock()
        yield self._edge + len(self._tail)

    def append(self, batch: Batch) -> None:
        """One record in the journal, one fsync. Fails, too, where writing tiles beside it has."""
        with self._failing("appending failed"):
            if self._work is not None and self._work.done():
                self._join()
            if batch.entries:
                self._journal.append(batch.first, batch.entries)
            self._pending.update(batch.full)
            self._edge, self._tail = batch.edge, batch.tail
            if batch.entries and self._journal.size_bytes > self._settle_bytes:
                self._settle_beside()

    def settle(self) -> None:
        """Write full tiles and bundles as files and begin a new journal after them."""
        with self._failing("writing tiles failed"):
            self._join()
            self._settle()

    def keep(self, resources: Mapping[str, bytes]) -> None:
        """Write partial tiles and bundles."""
        with self._failing("writing tiles failed"):
            self._join()
            if self._pending:
                self._settle()
            self._write_missing(resources)

    def put_checkpoint(self, note: bytes, *, size: int) -> None:  # noqa: ARG002
        """Replace the checkpoint. The one process that may write is also in order of size."""
        with self._failing("writing the checkpoint failed"):
            self._write({CHECKPOINT: note})

    def close(self) -> None:
        """Let go of the journal and the lock.

        Raises StorageError where writing tiles beside the appends has failed since the last of
        them: every acknowledged entry is in the journals all the same.
        """
        if self._lock is None:
            return
        try:
            with self._failing("writing tiles failed"):
                self._join()
        finally:
            self._journal.close()
            os.close(self._lock)
            self._lock = None

    def _settle(self) -> None:
        self._write_missing(self._pending)
        self._journal.replace(self._edge, self._tail)
        settled, self._pending, self._settling = self._pending, {}, {}
        self._drop_partial(settled)

    def _settle_beside(self) -> None:
        self._join()
        self._journal.begin_second(self._edge, self._tail)
        self._settling = self._pending
        self._pending = {}
        self._work = self._beside(self._settle_first)

    def _settle_first(self) -> None:
        self._write_missing(self._settling)
        self._journal.promote_second()
        settled, self._settling = self._settling, {}
        self._drop_partial(settled)

    def _join(self) -> None:
        """Wait for the work beside the appends; what was raised in it is raised here."""
        work, self._work = self._work, None
        if work is not None:
            work.result()

    def _write_missing(self, resources: Mapping[str, bytes]) -> None:
        self._write({p: data for p, data in resources.items() if not self._has(p, data)})

    def _drop_partial(self, settled: Mapping[str, bytes]) -> None:
        for path in settled:  # their partial forms are no longer owed to anybody
            shutil.rmtree(self.path / f"{path}.p", ignore_errors=True)

    def _has(self, path: str, data: bytes) -> bool:
        """Whether these very bytes are there; other bytes there are damage, never overwritten."""
        try:
            there = (self.path / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if there != data:
            raise StorageError(
                "this file is not what the journal says it must be", where=str(self.path / path),
                do="keep the folder as it is, and restore it from a copy",
            )  # fmt: skip
        return True

    def _write(self, resources: Mapping[str, bytes]) -> None:
        """Write files, each whole or not at all, and return when all are durable."""
        ops, folders = self._ops, set[Path]()
        named: list[tuple[Path, Path]] = []
        handles: list[int] = []
        try:
            for path, data in resources.items():
                target = self.path / path
                self._make_folders(target.parent, folders)
                # One writer, so one temporary name is enough; a crash leaves at most that.
                temporary = target.with_name(target.name + ".tmp")
                handles.append(ops.create(temporary))
                write_all(ops, handles[-1], data)
                named.append((temporary, target))
            if len(handles) > 2:  # several at a time: the disk's journal commits once for them
                with ThreadPoolExecutor(_FSYNCS) as threads:
                    list(threads.map(ops.fsync, handles))
            else:
                for handle in handles:
                    ops.fsync(handle)
        finally:
            for handle in handles:
                ops.close(handle)
        for temporary, target in named:
            ops.rename(temporary, target)
            folders.add(target.parent)
        for folder in sorted(folders):
            ops.fsync_folder(folder)

    def _make_folders(self, folder: Path, changed: set[Path]) -> None:
        if folder in changed or folder.is_dir():
            return
        self._make_folders(folder.parent, changed)
        self._ops.make_folder(folder)
        changed.update((folder, folder.parent))

    def _need_lock(self) -> None:
        if self._lock is None:
            raise StorageError("this log is not open for writing", where=str(self.path))

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        self._need_lock()
        try:
            yield
        except RecordError:
            raise
        except OSError as error:
            raise _failed(what, self.path, error) from error


def _failed(what: str, where: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{what}: {error.strerror or error}", where=str(error.filename or where),
        do="nothing was acknowledged; mend the cause and try again",
    )  # fmt: skip
