"""Two signed checkpoints that cannot both be true, in one file anyone can check.

A log that shows one history to one reader and another to the next has signed both. Kept together,
the two signed notes convict it without anybody's word being taken: the file verifies with the
log's public key alone. Two forms exist:

- *same size*: both notes state one size and different roots;
- *fork*: the sizes differ, and a consistency proof shows that the tree of the larger checkpoint
  had, at the smaller size, another root than the smaller checkpoint states.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from countenance.core import atomic_write, canonical_json, sha256_bytes
from countenance.core.fileops import FileOps
from countenance.record.checkpoint import Checkpoint, open_checkpoint
from countenance.record.errors import StorageError, VerificationError
from countenance.record.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from countenance.record.note import (
    Note,
    Signature,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    split_note,
)

SCHEMA = "countenance.record/split-view"
VERSION = 1
MAX_BYTES = 8 << 20
"""Two notes of the largest size, in JSON, and 63 hashes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two notes signed by one log, and what is needed to see that they contradict each other.

    Attributes
    ----------
    first, second
        The two signed notes, byte for byte as received; `first` has the smaller size.
    branch_root
        For a fork: the root that the tree of `second` has at the size of `first` (32 bytes).
        For one size: None.
    proof
        For a fork: consistency proof from `branch_root` to the root of `second`.
    """

    first: bytes
    second: bytes
    branch_root: bytes | None = None
    proof: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): one form, so that the same evidence has one hash."""
        value: dict[str, object] = {
            "schema": SCHEMA,
            "version": VERSION,
            "first": self.first.decode("utf-8"),
            "second": self.second.decode("utf-8"),
            "proof": [encode_base64(h) for h in self.proof],
        }
        if self.branch_root is not None:
            value["branch_root"] = encode_base64(self.branch_root)
        return canonical_json(value)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What verified evidence shows."""

    first: Checkpoint
    second: Checkpoint
    cosigned_both: tuple[str, ...]
    """Names of the witnesses with a good signature on both notes."""


def parse_evidence(data: bytes) -> Evidence:
    """Read an evidence file; nothing is verified yet.

    Raises
    ------
    VerificationError
        If the bytes are not such a file.
    """
    if len(data) > MAX_BYTES:
        raise VerificationError(f"evidence of {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise VerificationError("evidence is not JSON") from error
    if not isinstance(value, dict):
        raise VerificationError("evidence is not a JSON object")
    if value.get("schema") != SCHEMA or value.get("version") != VERSION:
        raise VerificationError(
            "this is not evidence of a split view", expected=f"{SCHEMA}, version {VERSION}"
        )
    notes = [value.get("first"), value.get("second")]
    proof = value.get("proof")
    if not isinstance(proof, list) or len(proof) > 63:
        raise VerificationError("the proof is not a list of at most 63 hashes")
    branch = value.get("branch_root")
    first, second = (_utf8(note) for note in notes)
    return Evidence(
        first, second, None if branch is None else _hash(branch), tuple(_hash(h) for h in proof)
    )


def verify_evidence(
    evidence: Evidence, log_keys: Sequence[Verifier], *, witnesses: Sequence[Verifier] = ()
) -> Contradiction:
    """Check that the two notes are signed by the log and irreconcilable.

    Both notes need a good signature by one of `log_keys` that has the log's origin as its name:
    of several logs that one trusts, none can be framed by another. `witnesses` only serve to name
    those who cosigned both sides, which convicts them as well.

    Raises
    ------
    VerificationError
        If a signature is missing or bad, or the notes can both be true.
    """
    first, second = (_signed(note, log_keys) for note in (evidence.first, evidence.second))
    if first.origin != second.origin:
        raise VerificationError("the two checkpoints are of different logs: no contradiction")
    if first.size > second.size:
        raise VerificationError("the larger checkpoint comes first; it must be the second")
    if first.size == second.size:
        if first.root == second.root:
            raise VerificationError("both checkpoints state the same root: no contradiction")
    else:
        _verify_fork(evidence, first, second)
    both = _cosigners(evidence.first, witnesses) & _cosigners(evidence.second, witnesses)
    return Contradiction(first, second, tuple(sorted(both)))


def _signed(data: bytes, log_keys: Sequence[Verifier]) -> Checkpoint:
    checkpoint, note = open_checkpoint(data, log_keys)
    if checkpoint.origin not in {signature.name for signature in note.verified}:
        raise VerificationError(
            "no key of this log signed the checkpoint", where=checkpoint.origin
        )
    return checkpoint


def _verify_fork(evidence: Evidence, first: Checkpoint, second: Checkpoint) -> None:
    branch = evidence.branch_root
    if branch is None:
        raise VerificationError("sizes differ and the root of the larger tree's branch is missing")
    if first.size == 0:  # every tree extends the empty one, whose root is known without a proof
        if branch != EMPTY_ROOT or evidence.proof:
            raise VerificationError("the branch at size 0 is not the empty tree")
    else:
        verify_consistency(first.size, branch, second.size, second.root, list(evidence.proof))
    if branch == first.root:
        raise VerificationError("the larger tree extends the smaller: no contradiction")


def _cosigners(data: bytes, witnesses: Sequence[Verifier]) -> set[str]:
    try:
        return {signature.name for signature in open_note(data, witnesses).verified}
    except VerificationError:
        return set()


def save_evidence(evidence: Evidence, folder: Path) -> Path:
    """Write evidence into `folder`, durably, and return its path.

    The name comes from what contradicts what, so the same contradiction met again, perhaps under
    more signatures, leaves the file that is there as it is.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    texts = sorted((split_note(evidence.first)[0], split_note(evidence.second)[0]))
    path = folder / f"split-view-{sha256_bytes(b''.join(texts))[:32]}.json"
    try:
        if not path.exists():
            with atomic_write(path) as file:
                file.write(evidence.to_bytes())
            FileOps().fsync_folder(folder)
    except OSError as error:
        raise StorageError(f"the evidence cannot be written: {error}") from error
    return path


def kept_note(note: Note, more: Iterable[Signature] = ()) -> bytes:
    """A note with its good signatures by known keys and `more`, each once, and no others.

    What is stored or passed on must not carry what a stranger added.
    """
    lines = dict.fromkeys(signature.line for signature in (*note.verified, *more))
    return note.text + b"\n" + b"".join(lines)


def _utf8(value: object) -> bytes:
    if not isinstance(value, str):
        raise VerificationError("a note in the evidence is not text")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise VerificationError("a note in the evidence is not Unicode text") from error


def _hash(value: object) -> bytes:
    data = decode_base64(value, what="a hash") if isinstance(value, str) else b""
    if len(data) != HASH_SIZE:
        raise VerificationError("a hash in the evidence is not 32 bytes of Base64")
    return data
