"""The right edge of a growing tree: all that appending needs to know of what came before.

It holds the hashes of the tiles that are not yet full, one tile a level: fewer than 256 hashes for
every 8 levels of the tree. Appending an entry costs one leaf hash and, once its tile is full, one
node hash; it reads nothing. The root is folded from the tiles when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from countenance.record.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from countenance.record.tiles import (
    TILE_BYTES,
    WIDTH,
    Read,
    parents,
    read_tile,
    tile_path,
    tile_root,
)


class Frontier:
    """The partial tile of each level, lowest first."""

    __slots__ = ("levels", "size")

    def __init__(self) -> None:
        self.size = 0
        self.levels: list[bytearray] = [bytearray()]

    def copy(self) -> Frontier:
        """One that can grow while this one stays as it is."""
        other = Frontier()
        other.size, other.levels = self.size, [level[:] for level in self.levels]
        return other

    def root(self) -> bytes:
        """Root of the tree as it is."""
        node = b""  # of all that lies right of the hashes looked at
        for tile in self.levels:
            row = bytes(tile)
            while row:
                if len(row) // HASH_SIZE & 1:
                    node = node_hash(row[-HASH_SIZE:], node) if node else row[-HASH_SIZE:]
                row = parents(row)
        return node or EMPTY_ROOT

    def extend(self, leaves: Sequence[bytes]) -> dict[str, bytes]:
        """Append leaf hashes; the tiles that became full, by path."""
        full: dict[str, bytes] = {}
        index = self.size // WIDTH
        self.size += len(leaves)
        row = self.levels[0]
        row += b"".join(leaves)
        whole = len(row) - len(row) % TILE_BYTES
        for at in range(0, whole, TILE_BYTES):
            self._fill(0, index + at // TILE_BYTES, bytes(row[at : at + TILE_BYTES]), full)
        del row[:whole]
        return full

    def grow(self, node: bytes, height: int) -> dict[str, bytes]:
        """Append a complete subtree of 2^height entries; the tiles that became full.

        The size must be a multiple of 2^height, and `height` of 8: a whole tile at a time.
        """
        full: dict[str, bytes] = {}
        self.size += 1 << height
        self._keep(height >> 3, (self.size >> height) - 1, node, full)
        return full

    def catch_up(self, size: int, read: Read) -> None:
        """Grow to `size`, a multiple of 256, by reading full tiles, the highest there are.

        What was in the partial tile of level 0 is dropped and read again as part of its full tile.
        """
        if size % WIDTH or size < self.size - self.size % WIDTH:
            raise ValueError(f"cannot grow from {self.size} to {size}")
        self.levels[0].clear()
        self.size -= self.size % WIDTH
        while self.size < size:
            level = 1
            step = WIDTH
            while self.size % (step * WIDTH) == 0 and self.size + step * WIDTH <= size:
                step *= WIDTH
                level += 1
            node = tile_root(read_tile(read, level - 1, self.size // step, WIDTH))
            self.grow(node, 8 * level)

    def partial_tiles(self) -> dict[str, bytes]:
        """The partial tiles a reader of this size needs, by path."""
        return {
            tile_path(level, self.size >> (8 * (level + 1)), len(tile) // HASH_SIZE): bytes(tile)
            for level, tile in enumerate(self.levels)
            if tile
        }

    def _keep(self, level: int, index: int, node: bytes, full: dict[str, bytes]) -> None:
        """Put hash `index` of a level in its tile."""
        while len(self.levels) <= level:
            self.levels.append(bytearray())
        tile = self.levels[level]
        tile += node
        if len(tile) == TILE_BYTES:
            whole = bytes(tile)
            tile.clear()
            self._fill(level, index // WIDTH, whole, full)

    def _fill(self, level: int, index: int, tile: bytes, full: dict[str, bytes]) -> None:
        """Take a full tile out of the edge: its root goes into the level above."""
        full[tile_path(level, index)] = tile
        self._keep(level + 1, index, tile_root(tile), full)
