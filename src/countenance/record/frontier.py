"""The right edge of a growing tree: all that appending needs to know of what came before.

It holds the roots of the complete subtrees that make up the tree (one for each bit of its size)
and the hashes of the tiles that are not yet full. Appending an entry costs one leaf hash and one
node hash on average, O(log n) at most, and reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from countenance.record.merkle import EMPTY_ROOT, node_hash
from countenance.record.tiles import (
    TILE_BYTES,
    WIDTH,
    Read,
    read_tile,
    tile_path,
    tile_root,
)


class Frontier:
    """Roots of complete subtrees, largest first, and the partial tile of each level."""

    __slots__ = ("levels", "size", "stack")

    def __init__(self) -> None:
        self.size = 0
        self.stack: list[bytes] = []
        self.levels: list[bytearray] = [bytearray()]

    def copy(self) -> Frontier:
        """One that can grow while this one stays as it is."""
        other = Frontier()
        other.size, other.stack = self.size, self.stack.copy()
        other.levels = [level[:] for level in self.levels]
        return other

    def root(self) -> bytes:
        """Root of the tree as it is."""
        if not self.stack:
            return EMPTY_ROOT
        node = self.stack[-1]
        for left in reversed(self.stack[:-1]):
            node = node_hash(left, node)
        return node

    def extend(self, leaves: Sequence[bytes]) -> dict[str, bytes]:
        """Append leaf hashes; the tiles that became full, by path."""
        full: dict[str, bytes] = {}
        for leaf in leaves:
            self._push(leaf, 0, full)
        return full

    def grow(self, node: bytes, height: int) -> dict[str, bytes]:
        """Append a complete subtree of 2^height entries; the tiles that became full.

        The size must be a multiple of 2^height, and `height` of 8: a whole tile at a time.
        """
        full: dict[str, bytes] = {}
        self._push(node, height, full)
        return full

    def catch_up(self, size: int, read: Read) -> None:
        """Grow to `size`, a multiple of 256, by reading full tiles, the highest there are.

        What was in the partial tile of level 0 is dropped and read again as part of its full tile.
        """
        if size % WIDTH or size < self.size - self.size % WIDTH:
            raise ValueError(f"cannot grow from {self.size} to {size}")
        for _ in range((self.size % WIDTH).bit_count()):
            self.stack.pop()
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
            tile_path(level, self.size >> (8 * (level + 1)), len(tile) // 32): bytes(tile)
            for level, tile in enumerate(self.levels)
            if tile
        }

    def _push(self, node: bytes, height: int, full: dict[str, bytes]) -> None:
        """Add the complete subtree `node` of 2^height entries, and merge what it completes."""
        count = self.size >> height
        self.size += 1 << height
        while True:
            if not height & 7:
                self._keep(node, height >> 3, count, full)
            if not count & 1:
                break
            node = node_hash(self.stack.pop(), node)
            count >>= 1
            height += 1
        self.stack.append(node)

    def _keep(self, node: bytes, level: int, count: int, full: dict[str, bytes]) -> None:
        while len(self.levels) <= level:
            self.levels.append(bytearray())
        tile = self.levels[level]
        tile += node
        if len(tile) == TILE_BYTES:
            full[tile_path(level, count >> 8)] = bytes(tile)
            tile.clear()
