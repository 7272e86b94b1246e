"""A witness: it cosigns a log's checkpoint only if the log has kept everything it ever showed.

The rules are those of C2SP `tlog-witness`, July 2026 text, in its order; `add_checkpoint` reads
as the specification does. No HTTP here: bytes in, an `Answer` out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from countenance.core import CountenanceError
from countenance.record.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from countenance.record.cosignature import Cosigner, cosign
from countenance.record.errors import RecordError, StorageError, VerificationError
from countenance.record.evidence import kept_note
from countenance.record.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from countenance.record.note import (
    MAX_INTEGER,
    MAX_SIGNATURES,
    Note,
    Verifier,
    decode_base64,
    encode_base64,
    parse_decimal,
    split_note,
)
from countenance.record.witness_store import Cosigned, Turn, WitnessStore

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = 128 * 1024
"""16 post-quantum signatures of 5 kB in base64, 63 hashes, and room to spare."""
CLOCK_TOLERANCE_S = 60

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The body of an `add-checkpoint` request.

    Attributes
    ----------
    old_size
        Size from which the proof leads to the checkpoint.
    proof
        Consistency proof (RFC 6962 2.1.2), hashes of 32 bytes.
    note
        The checkpoint, a signed note, byte for byte.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """The request body."""
        lines = [f"old {self.old_size}\n"]
        lines += [encode_base64(h) + "\n" for h in self.proof]
        return "".join(lines).encode("ascii") + b"\n" + self.note


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read a request body; signatures and proof are not verified here.

    Raises
    ------
    VerificationError
        If it is too large or not of the specified form.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise VerificationError(f"the request is larger than {MAX_REQUEST_BYTES} bytes")
    head, blank, note = body.partition(b"\n\n")
    if not blank:
        raise VerificationError("the request has no empty line before the checkpoint")
    try:
        old_line, *proof_lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise VerificationError("the lines before the checkpoint are not ASCII") from error
    if not old_line.startswith("old "):
        raise VerificationError("the request does not begin with 'old' and a size")
    if len(proof_lines) > MAX_PROOF_LINES:
        raise VerificationError(f"more than {MAX_PROOF_LINES} lines of proof")
    proof = tuple(decode_base64(line, what="a line of the proof") for line in proof_lines)
    if any(len(digest) != HASH_SIZE for digest in proof):
        raise VerificationError(f"a line of the proof is not {HASH_SIZE} bytes")
    return AddCheckpoint(parse_decimal(old_line[4:], what="the old size"), proof, note)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class WitnessedLog:
    """A log this witness watches: its origin line and the keys it trusts for it."""

    origin: str
    verifiers: tuple[Verifier, ...]


class Witness:
    """Cosigns the checkpoints of the logs it knows; safe to call from several threads.

    Parameters
    ----------
    logs
        The logs to answer for; any other origin gets a 404.
    signers
        This witness's keys: one cosignature line each.
    store
        Its durable state.
    clock
        POSIX seconds. If it shows a time before the last cosignature by more than
        `CLOCK_TOLERANCE_S`, nothing is signed: the signed statement "at this time this was the
        largest tree I had seen" would be false.
    """

    def __init__(
        self,
        logs: Iterable[WitnessedLog],
        *,
        signers: Sequence[Cosigner],
        store: WitnessStore,
        clock: Callable[[], int],
    ) -> None:
        self._logs: dict[str, WitnessedLog] = {}
        for log in logs:
            if log.origin in self._logs:
                raise RecordError("this log is listed twice", where=log.origin)
            self._logs[log.origin] = log
        if not signers:
            raise RecordError("a witness without a key cannot cosign")
        self._by_hash = {origin_hash(origin): origin for origin in self._logs}
        self._signers = tuple(signers)
        self._store = store
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one request: the cosignature lines, or a status that says why not.

        Raises
        ------
        StorageError
            If the state cannot be read or written, or the clock cannot be right: nothing was
            cosigned as far as anyone outside can know.
        """
        try:
            request = parse_add_checkpoint(body)
            checkpoint = checkpoint_in(request.note)
        except VerificationError as error:
            return _refused(400, error)
        log = self._logs.get(checkpoint.origin)
        if log is None:
            return _refused(404, "this witness does not know the log")
        try:
            _, note = open_checkpoint(request.note, log.verifiers)
        except VerificationError as error:
            return _refused(403, error)
        if request.old_size > checkpoint.size:
            return _refused(400, "the old size is larger than the checkpoint's")
        with self._store.turn() as turn:
            return self._decide(turn, request, checkpoint, note)

    def checkpoint(self, hex_origin_hash: str) -> Answer:
        """The last cosigned checkpoint of a log, for monitors, by SHA-256 of its origin."""
        origin = self._by_hash.get(hex_origin_hash)
        last = None if origin is None else self._store.last(origin)
        if last is None:
            return _refused(404, "nothing was cosigned for that log")
        return Answer(200, last.note)

    def _decide(
        self, turn: Turn, request: AddCheckpoint, checkpoint: Checkpoint, note: Note
    ) -> Answer:
        last = turn.last(checkpoint.origin)
        if last is not None and last.size == checkpoint.size and last.root != checkpoint.root:
            # Signed twice by the log: this convicts it, whatever the answer below.
            turn.record_conflict(
                checkpoint.origin,
                checkpoint.size,
                checkpoint.root,
                first=last.note,
                second=kept_note(note),
            )
        known_size = 0 if last is None else last.size
        if request.old_size != known_size:
            return Answer(409, f"{known_size}\n".encode("ascii"), SIZE_TYPE)
        if len(set(note.verified)) + len(self._signers) > MAX_SIGNATURES:
            # One line more and nobody could read what this witness serves, itself included.
            return _refused(400, "the log's signatures leave no room for a cosignature")
        try:
            _verify_extends(request, checkpoint, last)
        except VerificationError as error:
            return _refused(422, error)
        now = self._now(last)
        own = [cosign(request.note, signer, time=now) for signer in self._signers]
        served = kept_note(note, own)
        turn.record(checkpoint.origin, Cosigned(checkpoint.size, checkpoint.root, served, now))
        return Answer(200, b"".join(signature.line for signature in own))

    def _now(self, last: Cosigned | None) -> int:
        now = self._clock()
        if not 0 < now <= MAX_INTEGER:
            raise StorageError("the clock does not show a time that can be signed")
        if last is None or now >= last.time:
            return now
        if last.time - now > CLOCK_TOLERANCE_S:
            raise StorageError(
                f"the clock shows {last.time - now} s before the last cosignature",
                do="set the clock; if the last cosignature was made with a clock ahead of time, "
                "no cosignature is possible until that time has come",
            )
        return last.time


def checkpoint_in(note: bytes) -> Checkpoint:
    """The checkpoint a note states, unverified: to find which keys to verify it with.

    Raises
    ------
    VerificationError
        If it is not a signed note, or its text is not a checkpoint.
    """
    return parse_checkpoint(split_note(note)[0])


def origin_hash(origin: str) -> str:
    """Where a witness serves a log's checkpoint: lower-case hex SHA-256 of the origin."""
    return hashlib.sha256(origin.encode("utf-8")).hexdigest()


def _verify_extends(request: AddCheckpoint, checkpoint: Checkpoint, last: Cosigned | None) -> None:
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise VerificationError("a tree of size 0 has the root of the empty tree")
    if request.old_size == 0 or last is None:
        if request.proof:
            raise VerificationError("a proof from size 0 is empty")
        return
    verify_consistency(
        request.old_size, last.root, checkpoint.size, checkpoint.root, list(request.proof)
    )


def _refused(status: int, why: CountenanceError | str) -> Answer:
    text = why if isinstance(why, str) else why.what
    return Answer(status, f"{text}\n".encode())
