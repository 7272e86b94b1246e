"""What a monitor remembers of a log between two visits: a few hundred bytes, whatever its size.

The roots of the complete subtrees of what it has read are enough to check that new entries
continue the old ones, so no entry is read twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from countenance.core import atomic_write, canonical_json
from countenance.core.fileops import FileOps
from countenance.record.checkpoint import Checkpoint, parse_checkpoint
from countenance.record.counts import PublicCounts
from countenance.record.errors import StorageError, VerificationError
from countenance.record.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from countenance.record.note import MAX_INTEGER, decode_base64, encode_base64, split_note
from countenance.record.witness import origin_hash

SCHEMA = "countenance.record/monitor-state"
VERSION = 1
MAX_PENDING = 32
MAX_STATE_BYTES = 64 << 20
MAX_DISTINCT = 10_000
OTHER = "other"


class Edge:
    """Roots of the complete subtrees of a tree, largest first: one for each bit of its size."""

    __slots__ = ("size", "stack")

    def __init__(self, size: int = 0, stack: Iterable[bytes] = ()) -> None:
        self.size = size
        self.stack = list(stack)

    def push(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        count = self.size
        while count & 1:
            leaf = node_hash(self.stack.pop(), leaf)
            count >>= 1
        self.stack.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Root of the tree (RFC 6962 section 2.1)."""
        if not self.stack:
            return EMPTY_ROOT
        node = self.stack[-1]
        for left in reversed(self.stack[:-1]):
            node = node_hash(left, node)
        return node

    def copy(self) -> Edge:
        """One that grows apart from this one."""
        return Edge(self.size, self.stack)


@dataclass(slots=True)
class LogState:
    """What is known of one log.

    Attributes
    ----------
    origin
        The log.
    note
        The largest checkpoint all of whose entries were read and verified; None before the first.
    edge
        The tree's right edge at that size.
    counts
        Public counts over those entries.
    bad_entries
        How many of them were not what their kind says.
    pending
        Signed checkpoints seen somewhere and not yet shown to agree with `note`.
    """

    origin: str
    note: bytes | None = None
    edge: Edge = field(default_factory=Edge)
    counts: PublicCounts = field(default_factory=PublicCounts)
    bad_entries: int = 0
    pending: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def head(self) -> Checkpoint | None:
        """The checkpoint in `note`."""
        return None if self.note is None else parse_checkpoint(split_note(self.note)[0])


def load_state(folder: Path, origin: str) -> LogState:
    """Read what is remembered of a log; a fresh state if nothing is.

    Raises
    ------
    StorageError
        If the file cannot be read or is damaged. Delete it to verify the log from its beginning;
        what was seen before is then no longer held against the log.
    """
    path = _path(folder, origin)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return LogState(origin)
    except OSError as error:
        raise StorageError(f"the monitor's state cannot be read: {error}") from error
    try:
        state = _from_json(json.loads(data))
        head = state.head
        size, root = (0, EMPTY_ROOT) if head is None else (head.size, head.root)
        if state.origin != origin or (state.edge.size, state.edge.root()) != (size, root):
            raise VerificationError("its parts do not belong together")
    except (ValueError, KeyError, TypeError, AttributeError, VerificationError) as error:
        raise StorageError(
            "the monitor's state is damaged",
            where=str(path),
            do="keep a copy, delete it, and the log is verified from its beginning",
        ) from error
    return state


def save_state(folder: Path, state: LogState) -> None:
    """Write what is remembered, whole or not at all, durably."""
    value = {
        "schema": SCHEMA,
        "version": VERSION,
        "origin": state.origin,
        "note": None if state.note is None else state.note.decode("utf-8"),
        "size": str(state.edge.size),  # JSON numbers end at 2^53
        "edge": [encode_base64(node) for node in state.edge.stack],
        "counts": state.counts.to_json(),
        "bad_entries": state.bad_entries,
        "pending": [
            {"place": place, "note": note.decode("utf-8")}
            for place, note in state.pending[:MAX_PENDING]
        ],
    }
    try:
        with atomic_write(_path(folder, state.origin)) as file:
            file.write(canonical_json(value))
        FileOps().fsync_folder(folder)
    except OSError as error:
        raise StorageError(f"the monitor's state cannot be written: {error}") from error


def copy_counts(counts: PublicCounts) -> PublicCounts:
    """Counts that can be added to apart from these."""
    return _counts(counts.to_json())


def bound_counts(counts: PublicCounts) -> None:
    """Count what is new under `OTHER` where there are too many different values already.

    Called after every entry, so that a log made to exhaust a monitor's memory cannot.
    """
    for counter in (counts.kinds, counts.reasons):
        if len(counter) > MAX_DISTINCT:
            _, count = counter.popitem()  # the newest
            counter[OTHER] += count
    if len(counts.decisions) > MAX_DISTINCT:
        _, count = counts.decisions.popitem()
        counts.decisions[OTHER, OTHER] += count


def _path(folder: Path, origin: str) -> Path:
    return folder / f"log-{origin_hash(origin)[:32]}.json"


def _from_json(value: Any) -> LogState:
    if (value["schema"], value["version"]) != (SCHEMA, VERSION):
        raise VerificationError("of another kind or version")
    stack = [decode_base64(text, what="a hash") for text in value["edge"]]
    size = int(value["size"])
    if not 0 <= size <= MAX_INTEGER or len(stack) != size.bit_count():
        raise VerificationError("a size without its edge")
    if any(len(node) != HASH_SIZE for node in stack):
        raise VerificationError("a hash of another length")
    note = value["note"]
    return LogState(
        value["origin"],
        None if note is None else note.encode("utf-8"),
        Edge(size, stack),
        _counts(value["counts"]),
        int(value["bad_entries"]),
        [(each["place"], each["note"].encode("utf-8")) for each in value["pending"]],
    )


def _counts(value: dict[str, Any]) -> PublicCounts:
    return PublicCounts(
        entries=value["entries"],
        unknown=value["unknown"],
        kinds=Counter(value["kinds"]),
        months=Counter(value["months"]),
        decisions=Counter(
            {
                (place, decision): n
                for place, of_place in value["decisions"].items()
                for decision, n in of_place.items()
            }
        ),
        reasons=Counter(value["reasons"]),
        lists=value["lists"],
        empty_lists=value["empty_lists"],
        candidates=value["candidates"],
    )
