"""A log that is being written: appends, roots, proofs, checkpoints.

Many threads may append at once; they share commits. The first to come commits what has gathered,
the others wait, and one of them is next: no thread is kept in the background, and each `append`
returns only when its entries are durable.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from countenance.record import merkle
from countenance.record.checkpoint import Checkpoint, parse_checkpoint
from countenance.record.errors import StorageError, VerificationError
from countenance.record.frontier import Frontier
from countenance.record.note import Signer, sign_note, split_note
from countenance.record.storage import CHECKPOINT, Batch, Storage
from countenance.record.tiles import (
    MAX_ENTRY,
    WIDTH,
    TileCache,
    TileHashes,
    encode_bundle,
    entries_path,
    parse_path,
    read_bundle,
    width_at,
)

COMMIT_BYTES = 4 << 20  # of entries in one commit: bounds the memory of a huge append
_SLOT = 64  # bytes an entry counts for beside its own
_MOST_GATHERING_S = 0.002
_RETURN_S = 0.00002  # what the interpreter needs for a writer to be woken and come back, about


@dataclass(frozen=True, slots=True)
class State:
    """The log at one size. Never changed, so readers need no lock."""

    frontier: Frontier = field(default_factory=Frontier)
    tail: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Entries in it."""
        return self.frontier.size

    @property
    def edge(self) -> int:
        """First index of the bundle that is not full."""
        return self.size - self.size % WIDTH

    def grown(self, entries: Sequence[bytes]) -> tuple[State, dict[str, bytes]]:
        """The log with more entries, and the tiles and bundles they made full."""
        frontier = self.frontier.copy()
        full = frontier.extend(merkle.leaf_hashes(entries))
        tail = [*self.tail, *entries]
        bundle = self.edge // WIDTH
        whole = len(tail) - len(tail) % WIDTH
        for at in range(0, whole, WIDTH):
            full[entries_path(bundle + at // WIDTH)] = encode_bundle(tail[at : at + WIDTH])
        return State(frontier, tuple(tail[whole:])), full

    def partial(self) -> dict[str, bytes]:
        """The partial tiles and bundle that belong to this size."""
        found = self.frontier.partial_tiles()
        if self.tail:
            found[entries_path(self.size // WIDTH, len(self.tail))] = encode_bundle(self.tail)
        return found

    def read(self, path: str) -> bytes | None:
        """A partial tile or bundle out of memory, at this width or a smaller one."""
        wanted = parse_path(path)
        level = wanted.level or 0
        if wanted.width == WIDTH or wanted.width > width_at(level, wanted.index, self.size):
            return None
        if wanted.index != self.size >> (8 * (level + 1)):
            return None
        if wanted.level is None:
            return encode_bundle(self.tail[: wanted.width])
        return bytes(self.frontier.levels[level][: 32 * wanted.width])


class _Group:
    """Calls of `append` that share a commit. The first to come leads, the others wait."""

    __slots__ = ("calls", "error", "firsts", "full", "gate", "wanted")

    def __init__(self, wanted: int) -> None:
        self.calls: list[list[bytes]] = []
        self.firsts: list[int] = []  # index of each call's first entry, once all are durable
        self.error: BaseException | None = None
        self.wanted = wanted  # so many calls, and it is not worth waiting for more
        self.full = threading.Lock()  # released when there are as many as wanted
        self.full.acquire()
        # Released when all is done. Each who passes lets the next pass: so one thread at a time
        # wakes, and does not sit waiting for the interpreter behind all the others.
        self.gate = threading.Lock()
        self.gate.acquire()


class Log:
    """A log open for writing; use `Log.open`. Safe across threads."""

    def __init__(self, storage: Storage, signer: Signer) -> None:
        self._storage = storage
        self._signer = signer
        self._state = State()
        self._stale = True  # what is in memory must be read again before it is built upon
        self._cache = TileCache()
        self._writing = threading.Lock()
        self._publishing = threading.Lock()
        self._joining = threading.Lock()
        self._group: _Group | None = None  # the one that can still be joined
        self._wanted = 1
        self._took_s = 0.0

    @classmethod
    def open(cls, storage: Storage, signer: Signer) -> Self:
        """Open a log, making an empty one where there is none, and recover from any crash.

        The signer's name is the log's origin. Raises ConflictError where another process holds
        the log, VerificationError where what is stored is not what its last checkpoint says.
        """
        storage.open()
        log = cls(storage, signer)
        try:
            log.refresh()
            log._check_published()
        except BaseException:
            storage.close()
            raise
        return log

    def close(self) -> None:
        """Let go of the storage. Every acknowledged entry stays."""
        with self._publishing, self._writing:
            self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """The log's name, in every checkpoint."""
        return self._signer.name

    @property
    def size(self) -> int:
        """How many entries are durable, as far as this process knows."""
        return self._state.size

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` entries (all, if not given)."""
        state = self._at(size)
        if size is None or size == state.size:
            return state.frontier.root()
        return merkle.root_of(size, self._hashes(state, size))

    def append(self, entries: Sequence[bytes]) -> range:
        """Append entries together; their indices, once all of them are durable.

        Raises VerificationError for an entry that no bundle can hold, StorageError where they may
        or may not be in the log: then nothing of them was acknowledged.
        """
        new = check_entries(entries)
        if not new:
            size = self.size
            return range(size, size)
        with self._joining:
            group = self._group
            if group is None:
                group = self._group = _Group(self._wanted)
            place = len(group.calls)
            group.calls.append(new)
            if place + 1 == group.wanted:
                group.full.release()
        if place:
            with group.gate:
                pass
        else:
            self._lead(group)
        if place >= len(group.firsts):
            what = getattr(group.error, "what", "the commit failed")
            raise StorageError(what, where=getattr(group.error, "where", None)) from group.error
        first = group.firsts[place]
        return range(first, first + len(new))

    def publish(self, complete: Callable[[bytes], bytes] | None = None) -> bytes:
        """Sign a checkpoint of the present size and store it; the note.

        `complete` may add to the note before it is stored (cosignatures of witnesses, a time
        stamp) or raise, and then the checkpoint before stays the published one. Appends go on
        meanwhile. Everything a reader of this size needs is durable before it is signed.
        """
        with self._publishing:
            with self._writing, self._turn() as state:
                self._storage.keep(state.partial())
            checkpoint = Checkpoint(self.origin, state.size, state.frontier.root())
            note = sign_note(checkpoint.text, self._signer)
            if complete is not None:
                note = complete(note)
                if split_note(note)[0] != checkpoint.text.encode():
                    raise VerificationError("the note came back with another text")
            with self._writing:
                self._storage.put_checkpoint(note, size=state.size)
            return note

    def latest_checkpoint(self) -> bytes | None:
        """The note published last, by this or another process."""
        return self._storage.read(CHECKPOINT)

    def read(self, path: str) -> bytes | None:
        """A published resource, by its `tlog-tiles` path."""
        return self._storage.read(path)

    def entry(self, index: int) -> bytes:
        """One entry. VerificationError where there is no such one."""
        state = self._at(index + 1 if index >= 0 else None)
        if not 0 <= index < state.size:
            raise VerificationError(f"no entry {index} in a log of {state.size}")
        if index >= state.edge:
            return state.tail[index - state.edge]
        return read_bundle(self._storage.read, index // WIDTH, WIDTH)[index % WIDTH]

    def prove(self, index: int, size: int | None = None) -> list[bytes]:
        """Inclusion proof of an entry in the tree of `size` (the present one, if not given)."""
        state = self._at(size)
        size = state.size if size is None else size
        return merkle.inclusion_proof(index, size, self._hashes(state, size))

    def prove_consistency(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """Proof that the tree of `new_size` (the present one) begins with that of `old_size`."""
        state = self._at(new_size)
        new_size = state.size if new_size is None else new_size
        return merkle.consistency_proof(old_size, new_size, self._hashes(state, new_size))

    def refresh(self) -> int:
        """See what other processes appended; the size now."""
        with self._writing, self._turn() as state:
            return state.size

    def _at(self, size: int | None) -> State:
        """A state of at least `size` entries."""
        if size is not None and size > self._state.size:
            self.refresh()
            if size > self._state.size:
                raise VerificationError(f"the log has {self._state.size} entries, not {size}")
        return self._state

    def _hashes(self, state: State, size: int) -> TileHashes:
        return TileHashes(partial(self._read_at, state), size, self._cache)

    def _read_at(self, state: State, path: str) -> bytes | None:
        found = state.read(path)
        return found if found is not None else self._storage.read(path)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[State]:
        """A turn of the storage, with what is in memory brought up to it. Hold `_writing`."""
        try:
            with self._storage.turn() as size:
                if self._stale or size != self._state.size:
                    self._reload()
                yield self._state
        except BaseException:
            self._stale = True
            raise

    def _reload(self) -> None:
        first, entries = self._storage.recover()
        known = State() if self._stale or first < self._state.edge else self._state
        frontier = known.frontier.copy()
        frontier.catch_up(first, self._storage.read)
        state, full = State(frontier).grown(entries)
        if state.size < self._state.size:
            raise StorageError(f"the log had {self._state.size} entries and now has {state.size}")
        self._storage.append(Batch(state.size, (), full, state.edge, state.tail))
        self._storage.settle()
        self._state, self._stale = state, False

    def _lead(self, group: _Group) -> None:
        """Commit what has gathered when the commit before is done, and wake the others."""
        try:
            with self._writing:
                if group.wanted > 1:
                    group.full.acquire(timeout=min(self._took_s / 2, _MOST_GATHERING_S))
                self._close(group)
                began = time.monotonic()
                self._commit(group)
                self._took_s = time.monotonic() - began
                self._look_ahead(group)
        except BaseException as error:  # Ctrl-C too: nobody else will wake them
            self._close(group)
            group.error = error
            raise
        finally:
            group.gate.release()

    def _close(self, group: _Group) -> None:
        """Let nobody else join."""
        with self._joining:
            if self._group is group:
                self._group = None

    def _look_ahead(self, group: _Group) -> None:
        """How many the group after the next should wait for.

        On a slow disk, all writers: without waiting for those whom the last commit woke, they fall
        into two halves that take turns, and every other commit is one too many. On a quick one
        the two halves are best: the interpreter, which one thread at a time can use, is busy with
        one of them while the disk is with the other.
        """
        with self._joining:
            writers = len(group.calls) + (len(self._group.calls) if self._group else 0)
            quick = self._took_s < writers * _RETURN_S
            self._wanted = (writers + 1) // 2 if quick else writers

    def _commit(self, group: _Group) -> None:
        while len(group.firsts) < len(group.calls):
            part: list[bytes] = []
            counts, weight = [], 0
            for new in group.calls[len(group.firsts) :]:
                part += new
                counts.append(len(new))
                weight += sum(map(len, new)) + _SLOT * len(new)
                if weight > COMMIT_BYTES:
                    break
            with self._turn() as before:
                state, full = before.grown(part)
                self._storage.append(Batch(before.size, part, full, state.edge, state.tail))
            self._state = state
            group.firsts += itertools.accumulate(counts[:-1], initial=before.size)

    def _check_published(self) -> None:
        """Refuse to go on from a log that is not the one its last checkpoint is of."""
        note = self._storage.read(CHECKPOINT)
        if note is None:
            return
        published = parse_checkpoint(split_note(note)[0])
        if published.origin != self.origin:
            raise VerificationError(
                "this is another log's storage", where=published.origin, expected=self.origin
            )
        if published.size > self.size:
            self.refresh()  # another process may have appended, and published, in between
        if published.size > self.size:
            raise VerificationError(
                f"the log holds {self.size} entries, fewer than its last checkpoint of "
                f"{published.size}", do="restore the storage from a newer copy",
            )  # fmt: skip
        if self.root(published.size) != published.root:
            raise VerificationError(
                f"the first {published.size} entries are not those of the last checkpoint",
                do="keep the storage as it is; verifying it names the first bad entry",
            )


def check_entries(entries: Sequence[bytes]) -> list[bytes]:
    """The entries as a list. Raises VerificationError for one that no bundle can hold."""
    new = list(entries)
    for entry in new:
        if type(entry) is not bytes or len(entry) > MAX_ENTRY:
            raise _no_entry(entry)
    return new


def _no_entry(entry: object) -> VerificationError:
    if type(entry) is not bytes:
        return VerificationError("an entry is bytes", expected="bytes")
    return VerificationError(
        f"an entry of {len(entry)} bytes is too long", expected=f"at most {MAX_ENTRY}"
    )
