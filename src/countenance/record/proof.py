"""Offline proofs: one file that shows an entry to be in a log that witnesses saw.

Format: C2SP ``tlog-proof`` v1. Whoever has the file, the bytes of the entry and a policy file
needs no network and no trust in whoever handed them over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from countenance.record.checkpoint import Checkpoint
from countenance.record.errors import VerificationError
from countenance.record.merkle import leaf_hash, verify_inclusion
from countenance.record.note import (
    MAX_NOTE_BYTES,
    decode_base64,
    encode_base64,
    parse_decimal,
    split_note,
)
from countenance.record.policy import Policy, Verdict

HEADER: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
MAX_HASHES: Final = 63
MAX_EXTRA_BYTES: Final = 262_144
MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + 400_000


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof and the checkpoint it leads to.

    Attributes
    ----------
    index
        The entry's, from 0.
    hashes
        At most 63 of 32 bytes, the leaf's sibling first.
    checkpoint
        The signed note, byte for byte as the log and its witnesses gave it.
    extra
        Whatever the application put beside; *not* covered by anything.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The bytes of a ``.tlog-proof`` file.

        Raises
        ------
        VerificationError
            It could not be read back: too many hashes, too large, or no note.
        """
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [encode_base64(value) for value in self.hashes]
        data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint
        parse_proof(data)
        return data

    def with_extra(self, extra: bytes | None) -> Proof:
        """Replace the extra data."""
        return replace(self, extra=extra)


def parse_proof(data: bytes) -> Proof:
    """Read a proof file. Nothing in it is verified yet.

    Raises
    ------
    VerificationError
        Whatever is wrong with it.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise VerificationError("too large for a proof", expected=f"{MAX_PROOF_BYTES:,} bytes")
    head, empty, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise VerificationError("a proof is not ASCII up to its checkpoint") from error
    if lines[0] != HEADER:
        raise VerificationError("not a proof", expected=f"a first line {HEADER}")
    if not empty:
        raise VerificationError("a proof without a checkpoint")
    del lines[0]
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines[0].removeprefix("extra "), what="the extra data")
        if len(extra) > MAX_EXTRA_BYTES:
            raise VerificationError("too much extra data")
        del lines[0]
    if not lines or not lines[0].startswith("index "):
        raise VerificationError("a proof without an index")
    index = parse_decimal(lines[0].removeprefix("index "), what="the index")
    if len(lines) - 1 > MAX_HASHES:
        raise VerificationError("too many hashes in a proof", expected=f"at most {MAX_HASHES}")
    hashes = tuple(decode_base64(line, what="a proof's hash") for line in lines[1:])
    if any(len(value) != 32 for value in hashes):
        raise VerificationError("a hash of a proof is not 32 bytes")
    split_note(checkpoint)
    return Proof(index, hashes, checkpoint, extra)


def verify_proof(data: bytes, entry: bytes, policy: Policy) -> Checkpoint:
    """Return the checkpoint of the log that holds `entry`, as this file proves it.

    Raises
    ------
    VerificationError
        It proves no such thing.
    """
    return examine_proof(data, entry, policy)[1].checkpoint


def examine_proof(data: bytes, entry: bytes, policy: Policy) -> tuple[Proof, Verdict]:
    """As `verify_proof`, and say at which index and on whose word.

    The steps are those of ``tlog-proof``, "Verifying a tlog proof".

    Raises
    ------
    VerificationError
        It proves no such thing.
    """
    proof = parse_proof(data)
    leaf = leaf_hash(entry)  # 1. the leaf
    verdict = policy.examine(proof.checkpoint)  # 2. the log; 3. the witnesses
    checkpoint = verdict.checkpoint
    verify_inclusion(  # 4. the way from leaf to root
        leaf, proof.index, checkpoint.size, list(proof.hashes), checkpoint.root
    )
    return proof, verdict
