"""What the pages read: the published checkpoint, and entries and proofs under it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from countenance.record.checkpoint import Checkpoint, parse_checkpoint
from countenance.record.cosignature import split_time
from countenance.record.entries import LAST_S, Entry, parse_entry
from countenance.record.errors import StorageError, VerificationError
from countenance.record.merkle import inclusion_proof
from countenance.record.note import Signature, Verifier, split_note
from countenance.record.tiles import WIDTH, Read, TileCache, TileHashes, read_bundle, width_at

_COSIGNED = (8 + 64, 8 + 2420)
"""Lengths of a time and an Ed25519 or ML-DSA-44 signature (tlog-cosignature)."""


CACHE_BYTES = 16 << 20
"""Of entries in full bundles, which never change."""

_MOST_TIMES = 4096
_OBJECT_BYTES = 64  # that an entry takes beside its own


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature line of the checkpoint, as a reader meets it.

    `standing` is ``verified`` or ``does not verify`` where the explorer was given the key, else
    ``not checked here``. `time_s` is what a cosignature says of its own time.
    """

    name: str
    key_id: str
    time_s: int | None
    standing: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log as its published checkpoint commits to it."""

    checkpoint: Checkpoint
    note: bytes
    hashes: TileHashes


class LogView:
    """Reads a log through what it publishes.

    Parameters
    ----------
    read
        Gives what is published under a path, or None: ``checkpoint``, ``tile/0/000`` and so on.
        Any storage's `read`.
    verifiers
        Keys to check the checkpoint's signatures with, for show: a reader who does not trust this
        server checks them in the browser or with the command.
    """

    def __init__(self, read: Read, *, verifiers: Iterable[Verifier] = ()) -> None:
        self.read = read
        self._verifiers = {(each.name, each.key_id): each for each in verifiers}
        self._cache = TileCache()
        self._bundles = _Recent(CACHE_BYTES)
        self._times = _Recent(_MOST_TIMES)

    def snapshot(self) -> Snapshot | None:
        """The log at its published checkpoint; None if none was published yet.

        Raises
        ------
        VerificationError
            What stands in the checkpoint's place is none.
        """
        note = self.read("checkpoint")
        if note is None:
            return None
        text, _ = split_note(note)
        checkpoint = parse_checkpoint(text)
        return Snapshot(checkpoint, note, TileHashes(self.read, checkpoint.size, self._cache))

    def entry(self, snapshot: Snapshot, index: int) -> bytes:
        """The bytes of one entry.

        Raises
        ------
        StorageError, VerificationError
            Its bundle is missing, or is none.
        """
        size = snapshot.checkpoint.size
        if not 0 <= index < size:
            raise StorageError(f"there is no entry {index} in a log of {size}")
        bundle, place = divmod(index, WIDTH)
        return self._bundle(bundle, size)[place]

    def time_s(self, snapshot: Snapshot, index: int) -> int | None:
        """What an entry says of its time (POSIX seconds), None if it is no event; else as `entry`.

        Remembered apart from the entries, because a page about a whole log asks for times from
        all over it.
        """
        known: tuple[int | None] | None = self._times.get(index)
        if known is None:
            event = read_event(self.entry(snapshot, index))
            known = (None if event is None else event.time_s,)
            self._times.put(index, known, weight=1)
        return known[0]

    def entries(self, snapshot: Snapshot, start: int, end: int) -> list[bytes]:
        """The bytes of entries `start` to `end` (not included), each bundle read once."""
        size = snapshot.checkpoint.size
        start, end = max(0, start), min(end, size)
        found: list[bytes] = []
        for bundle in range(start // WIDTH, -(-end // WIDTH) if start < end else 0):
            entries = self._bundle(bundle, size)
            first = bundle * WIDTH
            found += entries[max(0, start - first) : end - first]
        return found

    def _bundle(self, index: int, size: int) -> list[bytes]:
        width = width_at(0, index, size)
        found: list[bytes] | None = self._bundles.get(index) if width == WIDTH else None
        if found is None:
            found = read_bundle(self.read, index, width)
            if width == WIDTH:
                self._bundles.put(
                    index, found, weight=sum(map(len, found)) + WIDTH * _OBJECT_BYTES
                )
        return found

    def proof(self, snapshot: Snapshot, index: int) -> list[bytes]:
        """The inclusion proof of an entry in the tree of the checkpoint."""
        return inclusion_proof(index, snapshot.checkpoint.size, snapshot.hashes)

    def signatures(self, snapshot: Snapshot) -> list[Signed]:
        """The checkpoint's signature lines, in their order."""
        text, lines = split_note(snapshot.note)
        return [
            Signed(line.name, line.key_id.hex(), _time(line), self._standing(text, line))
            for line in lines
        ]

    def _standing(self, text: bytes, line: Signature) -> str:
        verifier = self._verifiers.get((line.name, line.key_id))
        if verifier is None:
            return "not checked here"
        try:
            verifier.verify(text, line.signature)
        except VerificationError:
            return "does not verify"
        return "verified"


class _Recent:
    """What was used last, as long as its weights together stay in a bound. Safe across threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._kept: OrderedDict[int, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: int) -> Any:
        """The value, if it is still here; else None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: int, value: Any, *, weight: int) -> None:
        """Keep a value that is not None, and drop those longest unused while all is too heavy."""
        with self._lock:
            self._weight += weight - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = value, weight
            while self._weight > self._most:
                self._weight -= self._kept.popitem(last=False)[1][1]


def read_event(data: bytes) -> Entry | None:
    """An entry as an event; None for bytes that are none, which a log may hold."""
    try:
        return parse_entry(data)
    except VerificationError:
        return None


def _time(line: Signature) -> int | None:
    if len(line.signature) not in _COSIGNED:
        return None
    try:
        time_s = split_time(line.signature)[0]
    except VerificationError:
        return None
    return time_s if time_s <= LAST_S else None
