"""A small world of logs and witnesses in memory, in which an operator can lie at will."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner
from countenance.record.entries import make_entry
from countenance.record.kinds import newest
from countenance.record.merkle import consistency_proof, leaf_hash, node_hash, root_of
from countenance.record.note import Ed25519Signer, parse_vkey, sign_note
from countenance.record.policy import Policy, make_policy
from countenance.record.tiles import encode_bundle, parse_path
from countenance.record.witness import AddCheckpoint, Witness, WitnessedLog
from countenance.record.witness_store import WitnessStore

ORIGIN = "log.example/2026"
NOW = 1_800_000_000


def private_key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())


def log_signer(seed: str = "log", origin: str = ORIGIN) -> Ed25519Signer:
    return Ed25519Signer.from_private_key(origin, private_key(seed))


def cosigner(name: str, clock: Callable[[], int] = lambda: NOW) -> Ed25519Cosigner:
    return Ed25519Cosigner.from_private_key(f"{name}.example", private_key(name), clock=clock)


def event(number: int, *, candidates: int = 3) -> bytes:
    """A valid entry, a different one for every number."""
    kind = newest("search-returned")
    assert kind is not None
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    public = {
        "request": digest,
        "jurisdiction": "US-NY",
        "engine": "0" * 64,
        "audit": "1" * 64,
        "gallery": "g1",
        "gallery_size": 1000,
        "candidates": candidates,
    }
    sealed = {name: hashlib.sha256(f"{name}{number}".encode()).hexdigest() for name in kind.sealed}
    return make_entry(kind, time_s=NOW + number, public=public, sealed=sealed).to_bytes()


class Clock:
    """A clock a test can move."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class TestableLog:
    """A log whose every tile is computed from its entries, and which may be forked or edited."""

    __test__ = False

    def __init__(
        self, entries: Iterable[bytes] = (), *, seed: str = "log", origin: str = ORIGIN
    ) -> None:
        self.signer = log_signer(seed, origin)
        self.origin = origin
        self.entries = list(entries)
        self.shown: bytes | None = None
        self._nodes: dict[tuple[int, int], bytes] = {}

    def hashes(self, level: int, index: int) -> bytes:
        found = self._nodes.get((level, index))
        if found is None:
            if level == 0:
                found = leaf_hash(self.entries[index])
            else:
                found = node_hash(
                    self.hashes(level - 1, 2 * index), self.hashes(level - 1, 2 * index + 1)
                )
            self._nodes[level, index] = found
        return found

    def append(self, *entries: bytes) -> None:
        self.entries += entries

    def fork(self, at: int) -> TestableLog:
        """Another history under the same key, equal up to entry `at`."""
        other = TestableLog(self.entries[:at])
        other.signer = self.signer
        return other

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(self.origin, size, root_of(size, self.hashes))

    def note(self, size: int | None = None) -> bytes:
        return sign_note(self.checkpoint(size).text, self.signer)

    def prove(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, self.hashes)

    def request(self, old: int, size: int | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        proof = self.prove(old, size) if 0 < old <= size else []
        return AddCheckpoint(old, tuple(proof), self.note(size)).to_bytes()

    def show(self, note: bytes | None = None) -> None:
        self.shown = self.note() if note is None else note

    def read(self, path: str) -> bytes | None:
        if path == "checkpoint":
            return self.shown
        at = parse_path(path)
        if at.level is None:
            entries = self.entries[256 * at.index : 256 * at.index + at.width]
            return encode_bundle(entries) if len(entries) == at.width else None
        last = 256 * at.index + at.width
        if last << (8 * at.level) > len(self.entries):
            return None
        return b"".join(self.hashes(8 * at.level, i) for i in range(256 * at.index, last))


def witness_for(
    folder: Path, *logs: TestableLog, name: str = "w1", clock: Callable[[], int] = lambda: NOW
) -> tuple[Witness, WitnessStore]:
    path = folder / f"{name}.db"
    store = WitnessStore(path) if path.exists() else WitnessStore.create(path)
    known = [WitnessedLog(log.origin, (parse_vkey(log.signer.vkey),)) for log in logs]
    return Witness(known, signers=[cosigner(name)], store=store, clock=clock), store


def policy_for(log: TestableLog, *witnesses: tuple[str, str], k: int | None = None) -> Policy:
    """A policy of witnesses (name, url); all of them by default."""
    listed = [(name, cosigner(name).vkey, url) for name, url in witnesses]
    return make_policy(logs=[log.signer.vkey], witnesses=listed, k=len(listed) if k is None else k)
