"""The Merkle tree of RFC 6962 over SHA-256: roots, proofs, and the checks of proofs.

Proofs are made from a function that gives the hash of any *complete* subtree, so this module
neither knows nor cares where hashes are kept. Subtree `(level, index)` spans the 2^level entries
from `index * 2^level`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from countenance.record.errors import VerificationError

HASH_SIZE = 32
MAX_SIZE = 1 << 62  # far beyond any log, so that arithmetic on sizes from outside stays bounded
MAX_PROOF = 64
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without entries (RFC 6962 section 2.1)."""


class Hashes(Protocol):
    """Where the hashes of complete subtrees come from."""

    def __call__(self, level: int, index: int, /) -> bytes:
        """Hash of the complete subtree over entries `[index << level, (index + 1) << level)`."""
        ...


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry), RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each entry, at less cost than one call for each."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(size: int, hashes: Hashes) -> bytes:
    """Root of the first `size` entries, from O(log size) hashes."""
    _check_size(size)
    return _range_root(0, size, hashes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """Audit path of entry `index` in the tree of `size` entries, leaf's sibling first.

    RFC 6962 section 2.1.1. Raises VerificationError where there is no such entry.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise VerificationError(f"no entry {index} in a tree of {size}")
    low, high = 0, size
    siblings: list[tuple[int, int]] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            siblings.append((middle, high))
            high = middle
        else:
            siblings.append((low, middle))
            low = middle
    return [_range_root(a, b, hashes) for a, b in reversed(siblings)]


def consistency_proof(old_size: int, new_size: int, hashes: Hashes) -> list[bytes]:
    """Proof that the tree of `new_size` begins with the tree of `old_size`.

    RFC 6962 section 2.1.2. Empty where the sizes are equal or the old tree was empty.
    """
    _check_size(old_size)
    _check_size(new_size)
    if old_size > new_size:
        raise VerificationError(f"a tree of {new_size} cannot contain an older one of {old_size}")
    if old_size in (0, new_size):
        return []
    low, high = 0, new_size
    ranges: list[tuple[int, int]] = []
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:  # the old tree's root is known to the verifier only where this subtree is all of it
        ranges.append((low, high))
    return [_range_root(a, b, hashes) for a, b in reversed(ranges)]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion proof as RFC 9162 section 2.1.3.2 says.

    `leaf` is the leaf *hash*. Raises VerificationError; returning means it holds.
    """
    _check_size(size)
    _check_hashes("inclusion proof", proof, leaf, root)
    if not 0 <= index < size:
        raise VerificationError(f"no entry {index} in a tree of {size}")
    sha256 = hashlib.sha256
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError("the inclusion proof is too long")
        if position & 1 or position == last:
            node = sha256(b"\x01" + sibling + node).digest()
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        position >>= 1
        last >>= 1
    if last:
        raise VerificationError("the inclusion proof is too short")
    if node != root:
        raise VerificationError(f"the inclusion proof of entry {index} leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check a consistency proof as RFC 9162 section 2.1.4.2 says.

    Raises VerificationError; returning means the old tree is a prefix of the new one. RFC 9162
    leaves the empty old tree open: here it needs its own root and an empty proof, as
    `tlog-witness` asks.
    """
    _check_size(old_size)
    _check_size(new_size)
    _check_hashes("consistency proof", proof, old_root, new_root)
    if old_size > new_size:
        raise VerificationError(f"the tree of {new_size} is older than the one of {old_size}")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise VerificationError("the root of the empty tree is another")
    if new_size == 0 and new_root != EMPTY_ROOT:
        raise VerificationError("the root of the empty tree is another")
    if old_size in (0, new_size):
        if proof:
            raise VerificationError("the consistency proof must be empty here")
        if old_size == new_size and old_root != new_root:
            raise VerificationError(f"two roots for one size, {new_size}")
        return
    if not proof:
        raise VerificationError("the consistency proof is empty")
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError("the consistency proof is too long")
        if position & 1 or position == last:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            after = node_hash(after, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise VerificationError("the consistency proof is too short")
    if before != old_root:
        raise VerificationError(f"the consistency proof does not lead to the root at {old_size}")
    if after != new_root:
        raise VerificationError(f"the consistency proof does not lead to the root at {new_size}")


def _split(size: int) -> int:
    """Largest power of two smaller than `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(low: int, high: int, hashes: Hashes) -> bytes:
    """Root over `[low, high)`, where `low` is a multiple of the largest piece's size."""
    pieces: list[bytes] = []
    at, left = low, high - low
    while left:
        level = left.bit_length() - 1
        pieces.append(hashes(level, at >> level))
        at += 1 << level
        left -= 1 << level
    node = pieces.pop()
    while pieces:
        node = node_hash(pieces.pop(), node)
    return node


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise VerificationError("this is not the size of a tree", expected=f"0 to {MAX_SIZE}")


def _check_hashes(what: str, proof: Sequence[bytes], *others: bytes) -> None:
    if len(proof) > MAX_PROOF:
        raise VerificationError(f"the {what} has {len(proof)} hashes, more than any tree needs")
    if any(len(digest) != HASH_SIZE for digest in (*proof, *others)):
        raise VerificationError(f"a hash of the {what} is not {HASH_SIZE} bytes")
