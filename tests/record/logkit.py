"""What several tests of the log need: a key, entries, and the tree as RFC 6962 defines it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.record.checkpoint import Checkpoint, open_checkpoint
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.note import Ed25519Signer, parse_vkey
from countenance.record.storage import Reader
from countenance.record.tiles import read_bundle
from countenance.record.verifylog import Verified, verify_log

ORIGIN = "log.example/tests"


def signer(seed: int = 1, name: str = ORIGIN) -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Signer.from_private_key(name, key)


def entry(index: int) -> bytes:
    """An entry that says which it is; lengths vary, 0 among them."""
    return b"" if index % 97 == 3 else b"entry %d " % index + b"x" * (index * 7 % 50)


def entries(stop: int, start: int = 0) -> list[bytes]:
    return [entry(index) for index in range(start, stop)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]) written down from RFC 6962 section 2.1, of entries."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    parts = naive_root(leaves[:k]) + naive_root(leaves[k:])
    return hashlib.sha256(b"\x01" + parts).digest()


def naive_inclusion(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_inclusion(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_inclusion(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(m: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), RFC 6962 section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_consistency(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_consistency(m - k, leaves[k:], False), naive_root(leaves[:k])]


class NaiveHashes:
    """Hashes of complete subtrees, from the entries each time."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.asked = 0

    def __call__(self, level: int, index: int, /) -> bytes:
        self.asked += 1
        part = self.leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return naive_root(part)


def published(storage: Reader) -> Checkpoint:
    """The stored checkpoint, opened with the tests' key."""
    note = storage.read("checkpoint")
    assert note is not None
    return open_checkpoint(note, [parse_vkey(signer().vkey)])[0]


def verify_published(storage: Reader, workers: int = 1) -> Verified:
    return verify_log(storage, published(storage), workers=workers)


def everything(log: Log) -> list[bytes]:
    """All entries of a log that was just opened (its full bundles are files by then)."""
    edge = log.size - log.size % 256
    full = [entry for at in range(edge // 256) for entry in read_bundle(log.read, at, 256)]
    return full + [log.entry(index) for index in range(edge, log.size)]


def open_log(path: object, **options: object) -> Log:
    return Log.open(FolderStorage(path, **options), signer())  # type: ignore[arg-type]


class DeadlyStorage:
    """Ends the process that reads from it, as a machine out of memory does."""

    def read(self, path: str) -> bytes | None:  # noqa: ARG002
        os._exit(9)
