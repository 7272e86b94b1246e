"""Tiles and entry bundles as C2SP `tlog-tiles` lays them out.

A tile is up to 256 neighbouring hashes of one tile level; a bundle is up to 256 entries. Both
have paths made of 3-digit groups, and a `.p/<width>` ending where they are not yet full.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from countenance.record.errors import StorageError, VerificationError
from countenance.record.merkle import HASH_SIZE, MAX_SIZE

WIDTH = 256
TILE_BYTES = WIDTH * HASH_SIZE
MAX_ENTRY = 65_535
MAX_BUNDLE = WIDTH * (2 + MAX_ENTRY)
MAX_LEVEL = 63

_LENGTH = struct.Struct(">H")
_PATH = re.compile(
    r"tile/(?:(?P<level>0|[1-9][0-9]?)|entries)/"
    r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)

Read = Callable[[str], bytes | None]
"""Gives what is stored under a path, or None where nothing is."""


@dataclass(frozen=True, slots=True)
class TilePath:
    """What a path names: a tile (level 0 to 63) or, where `level` is None, an entry bundle."""

    level: int | None
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        if self.level is None:
            return entries_path(self.index, self.width)
        return tile_path(self.level, self.index, self.width)

    @property
    def max_bytes(self) -> int:
        """The most bytes such a resource can have."""
        return self.width * (HASH_SIZE if self.level is not None else 2 + MAX_ENTRY)


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Path of a tile: `tile/0/x001/x234/067`, `tile/1/000.p/17`."""
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Path of an entry bundle: `tile/entries/x001/x234/067`, `tile/entries/000.p/17`."""
    return f"tile/entries/{_index_path(index, width)}"


def parse_path(path: str) -> TilePath:
    """Parse the path of a tile or bundle; only the one canonical spelling is accepted."""
    match = _PATH.fullmatch(path) if len(path) <= 100 else None
    if match is None:
        raise VerificationError("this is not the path of a tile or bundle", where=path[:100])
    level = None if match["level"] is None else int(match["level"])
    index = int(match["index"].replace("/", "").replace("x", ""))
    width = WIDTH if match["width"] is None else int(match["width"])
    found = TilePath(level, index, width)
    full_named = match["width"] is not None and width >= WIDTH
    if (level or 0) > MAX_LEVEL or full_named or str(found) != path:
        raise VerificationError("this is not the path of a tile or bundle", where=path[:100])
    return found


def width_at(level: int, index: int, size: int) -> int:
    """Width of tile `(level, index)` in a tree of `size` entries: 0 (none) to 256 (full)."""
    return max(0, min(WIDTH, (size >> (8 * level)) - index * WIDTH))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Each entry after its length as a big-endian uint16."""
    parts: list[bytes] = []
    for entry in entries:
        parts += (_LENGTH.pack(len(entry)), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, *, width: int) -> list[bytes]:
    """Entries of a bundle that must hold exactly `width` of them, and nothing else."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end and len(entries) < width:
        if at + 2 > end:
            break
        stop = at + 2 + ((data[at] << 8) | data[at + 1])
        if stop > end:
            break
        entries.append(data[at + 2 : stop])
        at = stop
    if at != end or len(entries) != width:
        raise VerificationError(
            f"entry {len(entries)} of this bundle is not whole", expected=f"{width} entries"
        )
    return entries


class Tile:
    """The hashes of one tile and, made when first asked for, of the subtrees inside it."""

    __slots__ = ("_rows", "width")

    def __init__(self, data: bytes) -> None:
        self.width = len(data) // HASH_SIZE
        self._rows = [data]

    def node(self, height: int, index: int) -> bytes:
        """Hash of complete subtree `index` at `height` (0 to 8) above the tile's own hashes."""
        while len(self._rows) <= height:
            self._rows.append(parents(self._rows[-1]))
        return self._rows[height][index * HASH_SIZE : (index + 1) * HASH_SIZE]


def parents(row: bytes) -> bytes:
    """Node hashes of neighbouring pairs; an odd last hash has no parent yet."""
    sha256 = hashlib.sha256
    last = len(row) - 2 * HASH_SIZE + 1
    return b"".join([sha256(b"\x01" + row[i : i + 64]).digest() for i in range(0, last, 64)])


def tile_root(tile: bytes) -> bytes:
    """Root of a full tile: the hash that stands for it one tile level up."""
    while len(tile) > HASH_SIZE:
        tile = parents(tile)
    return tile


class TileCache:
    """The last tiles used, so that many proofs read the upper tiles once. Safe across threads."""

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._tiles: OrderedDict[tuple[int, int], Tile] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[int, int]) -> Tile | None:
        """The tile, if it is still here."""
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
            return tile

    def put(self, key: tuple[int, int], tile: Tile) -> None:
        """Keep a full tile, and drop the one longest unused if there are too many."""
        with self._lock:
            self._tiles[key] = tile
            self._tiles.move_to_end(key)
            while len(self._tiles) > self._capacity:
                self._tiles.popitem(last=False)


class TileHashes:
    """`Hashes` of a tree of `size` entries, read from its tiles.

    Where a partial tile is gone, the full one that took its place is read, as `tlog-tiles` says.
    A cache given must be used for one log only; full tiles never change.
    """

    def __init__(self, read: Read, size: int, cache: TileCache | None = None) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise VerificationError(f"{size} is not the size of a tree")
        self.size = size
        self._read = read
        self._cache = cache if cache is not None else TileCache(64)
        self._partial: dict[tuple[int, int], Tile] = {}

    def __call__(self, level: int, index: int, /) -> bytes:
        """Hash of a complete subtree inside the tree."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise VerificationError(f"subtree {level}/{index} is not in a tree of {self.size}")
        tile_level, height = divmod(level, 8)
        tile_index, inside = divmod(index << height, WIDTH)
        return self._tile(tile_level, tile_index).node(height, inside >> height)

    def _tile(self, level: int, index: int) -> Tile:
        width = width_at(level, index, self.size)
        if width == WIDTH:
            tile = self._cache.get((level, index))
            if tile is None:
                tile = Tile(read_tile(self._read, level, index, width))
                self._cache.put((level, index), tile)
            return tile
        found = self._partial.get((level, index))
        if found is None:
            found = self._partial[level, index] = Tile(read_tile(self._read, level, index, width))
        return found


def read_tile(read: Read, level: int, index: int, width: int) -> bytes:
    """The `width` hashes of a tile, from the partial tile or the full one."""
    path = tile_path(level, index, width)
    data = read(path)
    if data is None and width < WIDTH:
        path = tile_path(level, index)
        data = read(path)
        whole = TILE_BYTES
    else:
        whole = width * HASH_SIZE
    if data is None:
        raise StorageError("a tile is missing", where=path)
    if len(data) != whole:
        raise VerificationError(
            f"this tile is {len(data)} bytes", where=path, expected=f"{whole} bytes"
        )
    return data[: width * HASH_SIZE]


def read_bundle(read: Read, index: int, width: int) -> list[bytes]:
    """The first `width` entries of a bundle, from the partial bundle or the full one."""
    path = entries_path(index, width)
    data, whole = read(path), width
    if data is None and width < WIDTH:
        path, whole = entries_path(index), WIDTH
        data = read(path)
    if data is None:
        raise StorageError("an entry bundle is missing", where=path)
    return decode_bundle(data, width=whole)[:width]


def _index_path(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= WIDTH:
        raise ValueError(f"no tile has index {index} and width {width}")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups) + ("" if width == WIDTH else f".p/{width}")
