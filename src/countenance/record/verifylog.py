"""The whole of a log checked against its checkpoint, from nothing but what is published.

Every entry is hashed, every tile compared, every tile's root found in the tile above, and the
root in the checkpoint. Where something does not fit, the error names the first entry concerned.
Memory does not grow with the log: one bundle and the hashes of one tile a level are held.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from countenance.core import Progress, no_progress
from countenance.record.checkpoint import Checkpoint
from countenance.record.errors import RecordError, StorageError, VerificationError
from countenance.record.frontier import Frontier
from countenance.record.merkle import HASH_SIZE
from countenance.record.storage import Reader
from countenance.record.tiles import (
    WIDTH,
    decode_bundle,
    encode_bundle,
    entries_path,
    parse_path,
    read_tile,
    tile_root,
    width_at,
)

_PIECE = 64  # bundles a worker is given at a time


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked."""

    size: int
    root: bytes
    bundles: int
    tiles: int
    entry_bytes: int


def verify_log(
    storage: Reader,
    checkpoint: Checkpoint,
    *,
    earlier: Sequence[Checkpoint] = (),
    workers: int = 1,
    progress: Progress = no_progress,
) -> Verified:
    """Check every entry and tile of a log against a checkpoint that is already trusted.

    Parameters
    ----------
    storage
        Where the log is read from: a folder, a database, an address.
    checkpoint
        Opened before with keys that are trusted (`open_checkpoint` or a policy).
    earlier
        Other checkpoints of the same log, trusted too. Each must be of a prefix of this one; where
        somebody rewrote tiles as well, they narrow down where the change begins.
    workers
        Processes that hash; more than one needs a main module that can be imported.
    progress
        Called with what is done and the whole, in entries.

    Raises
    ------
    VerificationError
        Naming the first entry that is not what the tree says.
    StorageError
        Where something could not be read at all.
    """
    marks = sorted({(mark.size, mark.root) for mark in (*earlier, checkpoint)})
    if marks[-1][0] > checkpoint.size:
        raise VerificationError("an earlier checkpoint is larger than the one to verify against")
    frontier, sound, tiles, entry_bytes = Frontier(), 0, 0, 0
    bundles = -(-checkpoint.size // WIDTH)
    for index, (found, its_bytes) in enumerate(_checked(storage, checkpoint.size, workers)):
        first, width = index * WIDTH, width_at(0, index, checkpoint.size)
        entry_bytes += its_bytes
        while marks and marks[0][0] < first + width:
            inside = frontier.copy()
            if marks[0][0] > first:
                tile = read_tile(storage.read, 0, index, width)
                inside.extend(_hashes(tile[: HASH_SIZE * (marks[0][0] - first)]))
            sound = _check_mark(inside, marks.pop(0)[1], sound)
        full = frontier.grow(found, 8) if width == WIDTH else frontier.extend(_hashes(found))
        for path, computed in full.items():
            _compare_tile(storage, path, computed)
        tiles += 1 + len(full)
        progress("entries", first + width, checkpoint.size)
    for path, computed in frontier.partial_tiles().items():
        if parse_path(path).level:  # the partial tile of level 0 was compared with its entries
            _compare_tile(storage, path, computed)
            tiles += 1
    for _, root in marks:
        sound = _check_mark(frontier, root, sound)
    return Verified(checkpoint.size, frontier.root(), bundles, tiles, entry_bytes)


def _checked(storage: Reader, size: int, workers: int) -> Iterator[tuple[bytes, int]]:
    """Root of each bundle's tile (or the partial tile) and bytes of its entries, in order."""
    bundles = -(-size // WIDTH)
    pieces = range(0, bundles, _PIECE)
    if workers <= 1 or len(pieces) < 2:
        for at in pieces:
            yield from _check_bundles(storage, at, min(at + _PIECE, bundles), size)
        return
    fresh = multiprocessing.get_context("spawn")  # forking a process with threads is not safe
    with ProcessPoolExecutor(min(workers, len(pieces)), mp_context=fresh) as pool:
        waiting: deque[Future[list[tuple[bytes, int]]]] = deque()
        try:
            for at in pieces:
                stop = min(at + _PIECE, bundles)
                waiting.append(pool.submit(_check_bundles, storage, at, stop, size))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise StorageError(
                "a process that checked entries was ended from outside",
                do="try again with fewer workers: each needs memory for its bundles",
            ) from error


def _check_bundles(storage: Reader, at: int, stop: int, size: int) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    for index in range(at, stop):
        data, tile = _read(storage, index, size)
        _check_leaves(index * WIDTH, data, tile)
        width = len(tile) // HASH_SIZE
        found.append((tile_root(tile) if width == WIDTH else tile, len(data) - 2 * width))
    return found


def _read(storage: Reader, index: int, size: int) -> tuple[bytes, bytes]:
    """Bundle and tile `index` at `size`, cut to that size where only the full ones are left."""
    width, first = width_at(0, index, size), index * WIDTH
    try:
        tile = read_tile(storage.read, 0, index, width)
    except RecordError as error:
        raise VerificationError(f"the hash of entry {first} cannot be read: {error}") from error
    data = storage.read(entries_path(index, width))
    if data is None and width < WIDTH:
        data = storage.read(entries_path(index))
        if data is not None:
            data = encode_bundle(decode_bundle(data, width=WIDTH)[:width])
    if data is None:
        raise VerificationError(f"entry {first} is missing", where=entries_path(index, width))
    return data, tile


def _check_leaves(first: int, data: bytes, tile: bytes) -> None:
    """Every entry of a bundle hashes to its leaf in the tile, and nothing is left over.

    The 0x00 before an entry is put in place of its length's second byte, so that nothing is
    copied: what this takes decides how long checking a whole log takes.
    """
    buffer = bytearray(data)
    view, sha256, at, end = memoryview(buffer), hashlib.sha256, 0, len(data)
    leaves: list[bytes] = []
    width = len(tile) // HASH_SIZE
    while at + 2 <= end and len(leaves) < width:
        start = at + 1
        at += 2 + ((buffer[at] << 8) | buffer[start])
        if at > end:
            break
        buffer[start] = 0
        leaves.append(sha256(view[start:at]).digest())
    if at == end and b"".join(leaves) == tile:
        return
    bad = next((i for i, leaf in enumerate(leaves) if tile[32 * i : 32 * i + 32] != leaf), None)
    index = first + (len(leaves) if bad is None else bad)
    raise VerificationError(
        f"entry {index} is not the one in the tree",
        where=f"bundle {first // WIDTH}", expected="an entry whose hash is in its tile",
    )  # fmt: skip


def _compare_tile(storage: Reader, path: str, computed: bytes) -> None:
    at = parse_path(path)
    level = at.level or 0
    stored = read_tile(storage.read, level, at.index, at.width)
    if stored == computed:
        return
    bad = next(
        i
        for i in range(at.width)
        if stored[32 * i : 32 * i + 32] != computed[32 * i : 32 * i + 32]
    )
    first = (at.index * WIDTH + bad) << (8 * level)
    raise VerificationError(
        f"entry {first} or one of the {(1 << 8 * level) - 1} after it is not the one in the tree",
        where=path, expected="the hash of the tile below",
    )  # fmt: skip


def _check_mark(frontier: Frontier, root: bytes, sound: int) -> int:
    if frontier.root() != root:
        raise VerificationError(
            f"the first {frontier.size} entries do not have the root of their checkpoint",
            where=f"entries {sound} to {frontier.size - 1}",
            expected=f"an unchanged entry {sound} and those after it",
        )
    return frontier.size


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]
