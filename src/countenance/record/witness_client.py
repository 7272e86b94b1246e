"""The log's side of witnessing: collect cosignatures until a policy is satisfied, or say why not.

Every witness is asked at once, each in its own thread, and none is trusted: answers are bounded,
verified before they count, and a witness that drips or hangs is hung up on at the deadline.
"""

from __future__ import annotations

import http.client
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from countenance.core import CountenanceError
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import DEFAULT_TOLERANCE_S, split_time, time_findings
from countenance.record.errors import RecordError, VerificationError, printable
from countenance.record.note import (
    Signature,
    add_signatures,
    open_note,
    parse_decimal,
    parse_signatures,
    split_note,
)
from countenance.record.policy import Policy, TrustedWitness
from countenance.record.request import check_address
from countenance.record.witness import AddCheckpoint, checkpoint_in

MAX_ANSWER_BYTES = 64 * 1024
DEADLINE_S = 10.0
MAX_TRIES = 3
"""The first guess, the size the witness then tells, and once more if it moved meanwhile."""

Prove = Callable[[int, int], Sequence[bytes]]
"""`(old_size, new_size)` to a consistency proof of the log."""


class Result(StrEnum):
    """How a witness answered."""

    COSIGNED = "cosigned"
    AHEAD = "ahead"
    """It has cosigned a larger tree: the log went back, or another process moved it on."""
    INCONSISTENT = "inconsistent"
    """The log does not extend what it has cosigned."""
    FORGOT = "forgot"
    """It says less than it has cosigned here: its state was lost or restored. Retire its key."""
    UNPROVEN = "unproven"
    """The log itself could not make the proof that the witness needs."""
    REFUSED = "refused"
    INVALID = "invalid"
    """Its answer does not verify or is not of the specified form."""
    CLOCK = "clock"
    """A good cosignature with a time outside the tolerance; not counted."""
    UNREACHABLE = "unreachable"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one witness did. `size` is what it says it has cosigned, where it said so."""

    name: str
    result: Result
    text: str
    size: int | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """A checkpoint that satisfies its policy, and how each witness answered so far."""

    note: bytes
    outcomes: tuple[Outcome, ...]


class QuorumError(RecordError):
    """Too few witnesses cosigned: this checkpoint must not count as published.

    Attributes
    ----------
    outcomes
        How each witness answered.
    note
        The checkpoint with the cosignatures there are.
    """

    code = "record-quorum"

    def __init__(self, what: str, *, outcomes: tuple[Outcome, ...], note: bytes) -> None:
        told = "; ".join(f"{o.name}: {o.text}" for o in outcomes)
        super().__init__(what, where=told or None, do="the last published checkpoint still holds")
        self.outcomes = outcomes
        self.note = note


class WitnessPanel:
    """The witnesses of a policy, for the log that has to satisfy it.

    Parameters
    ----------
    policy
        Names the witnesses, those with an address being asked, and says when it is enough.
    clock
        POSIX seconds, against which the times of cosignatures are held.
    deadline_s
        For all witnesses together.
    tolerance_s
        How far a cosignature's time may be from `clock` to count.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clock: Callable[[], int],
        deadline_s: float = DEADLINE_S,
        tolerance_s: int = DEFAULT_TOLERANCE_S,
    ) -> None:
        self._witnesses = tuple(witness for witness in policy.witnesses if witness.url)
        for witness in self._witnesses:
            _endpoint(witness.url)
        self._policy = policy
        self._clock = clock
        self._deadline_s = deadline_s
        self._tolerance_s = tolerance_s
        # By origin and witness: what it said last, a guess of where to begin; and what it signed,
        # which it must never be behind.
        self._sizes: dict[tuple[str, str], int] = {}
        self._cosigned: dict[tuple[str, str], int] = {}

    def collect(self, note: bytes, *, prove: Prove) -> Collected:
        """Have a checkpoint cosigned; returns as soon as the policy is satisfied.

        Raises
        ------
        QuorumError
            If it is not, by the deadline or once every witness has answered.
        VerificationError
            If `note` is not a checkpoint.
        """
        checkpoint = checkpoint_in(note)
        deadline = time.monotonic() + self._deadline_s
        answers: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        calls = [_Call(w, deadline) for w in self._witnesses]
        for call in calls:
            of = checkpoint.origin, call.witness.name
            known, signed = self._sizes.get(of, 0), self._cosigned.get(of, 0)
            task = _Task(note, checkpoint, prove, known, signed)
            threading.Thread(
                target=self._ask, args=(call, task, answers), name="ask-witness", daemon=True
            ).start()
        outcomes: list[Outcome] = []
        try:
            while not self._enough(note):
                if len(outcomes) == len(calls):
                    break
                try:
                    outcome = answers.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    break
                outcomes.append(outcome)
                if outcome.size is not None:
                    self._sizes[checkpoint.origin, outcome.name] = outcome.size
                if outcome.signature is not None:
                    self._cosigned[checkpoint.origin, outcome.name] = checkpoint.size
                    note = add_signatures(note, (outcome.signature,))
        finally:
            for call in calls:
                call.hang_up()
        answered = {outcome.name for outcome in outcomes}
        enough = self._enough(note)
        outcomes += [
            Outcome(w.name, Result.LATE, "not waited for" if enough else "no answer in time")
            for w in self._witnesses
            if w.name not in answered
        ]
        if not enough:
            cosigned = sum(outcome.result is Result.COSIGNED for outcome in outcomes)
            raise QuorumError(
                f"{cosigned} of {len(calls)} witnesses cosigned: too few for the policy",
                outcomes=tuple(outcomes),
                note=note,
            )
        return Collected(note, tuple(outcomes))

    def _enough(self, note: bytes) -> bool:
        try:
            self._policy.check(note)
        except VerificationError:
            return False
        return True

    def _ask(self, call: _Call, task: _Task, answers: queue.SimpleQueue[Outcome]) -> None:
        name = call.witness.name
        try:
            outcome = self._dialogue(call, task)
        except VerificationError as error:
            outcome = Outcome(name, Result.INVALID, error.what)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # every wait ends at the deadline, and whoever is waited for then is late, not absent
            if isinstance(error, TimeoutError) or time.monotonic() >= call.deadline:
                outcome = Outcome(name, Result.LATE, "no answer in time")
            else:
                text = printable(f"{type(error).__name__}: {error}"[:200])
                outcome = Outcome(name, Result.UNREACHABLE, text)
        finally:
            call.close()
        answers.put(outcome)

    def _dialogue(self, call: _Call, task: _Task) -> Outcome:
        name, size = call.witness.name, task.checkpoint.size
        old = task.known_size if task.known_size <= size else 0
        for _ in range(MAX_TRIES):
            try:
                proof = tuple(task.prove(old, size)) if 0 < old < size else ()
            except CountenanceError as error:
                return Outcome(name, Result.UNPROVEN, error.what)
            answer = call.post(AddCheckpoint(old, proof, task.note).to_bytes())
            if answer.status == 200:
                return self._verified(call.witness, task, answer.body)
            if answer.status == 409:
                old = _told_size(answer.body)
                if old < task.signed_size:
                    text = f"it says it has cosigned {old:,} entries, and has {task.signed_size:,}"
                    return Outcome(name, Result.FORGOT, text)
                if old > size:
                    text = f"it has cosigned {old:,} entries, this checkpoint has {size:,}"
                    return Outcome(name, Result.AHEAD, text, old)
                continue
            if answer.status == 422:
                text = f"the log does not extend the {old:,} entries it has cosigned"
                return Outcome(name, Result.INCONSISTENT, text)
            told = answer.body[:200].decode("utf-8", "replace").strip().replace("\n", " ")
            return Outcome(name, Result.REFUSED, f"HTTP {answer.status}: {printable(told)}")
        return Outcome(name, Result.REFUSED, f"its size differed {MAX_TRIES} times")

    def _verified(self, witness: TrustedWitness, task: _Task, body: bytes) -> Outcome:
        # Only this witness's key counts here, and it is checked over our own text. One signature
        # is taken: a hundred good ones, of a hundred times, would leave no room for anybody else.
        text, _ = split_note(task.note)
        lines = b"".join(signature.line for signature in parse_signatures(body))
        note = open_note(text + b"\n" + lines, (witness.verifier,))
        own = max(note.verified, key=lambda signature: split_time(signature.signature)[0])
        if split_time(own.signature)[0] == 0:
            raise VerificationError("its cosignature states no time")
        findings = time_findings(
            (own,), (witness.verifier,), now=self._clock(), tolerance_s=self._tolerance_s
        )
        if findings:
            return Outcome(witness.name, Result.CLOCK, str(findings[0]), task.checkpoint.size)
        return Outcome(witness.name, Result.COSIGNED, "cosigned", task.checkpoint.size, own)


@dataclass(frozen=True, slots=True)
class _Task:
    note: bytes
    checkpoint: Checkpoint
    prove: Prove
    known_size: int
    signed_size: int


@dataclass(frozen=True, slots=True)
class _HttpAnswer:
    status: int
    body: bytes


@dataclass(slots=True)
class _Call:
    """One conversation with a witness, which another thread may end."""

    witness: TrustedWitness
    deadline: float
    _connection: http.client.HTTPConnection | None = None
    _socket: socket.socket | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    def post(self, body: bytes) -> _HttpAnswer:
        left = self.deadline - time.monotonic()
        secure, host, port, path = _endpoint(self.witness.url)
        if left <= 0:
            raise TimeoutError("no time is left")
        if self._connection is None:
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self._connection = kind(host, port, timeout=left)
        connection = self._connection
        if connection.sock is None:
            connection.connect()  # Python bounds a TLS handshake as a whole
            # Kept apart: the connection forgets its socket while an answer is still being read.
            self._socket = connection.sock
        connection.sock.settimeout(left)
        if self._ended.is_set():
            raise TimeoutError("no time is left")
        connection.request("POST", path, body, {"Content-Type": "text/plain; charset=utf-8"})
        with connection.getresponse() as response:
            data = response.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise VerificationError(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")
        return _HttpAnswer(response.status, data)

    def hang_up(self) -> None:
        """End whatever the other thread is waiting for."""
        self._ended.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _told_size(body: bytes) -> int:
    try:
        text = body[:64].decode("ascii")
    except UnicodeDecodeError as error:
        raise VerificationError("its conflict answer is not a size") from error
    if not text.endswith("\n"):
        raise VerificationError("its conflict answer is not a size and a newline")
    return parse_decimal(text[:-1], what="the size in its conflict answer")


def _endpoint(url: str) -> tuple[bool, str, int | None, str]:
    """Whether TLS, host, port and path of a witness's `add-checkpoint`."""
    parts = urlsplit(check_address(url, what="the address of a witness"))
    path = parts.path.rstrip("/") + "/add-checkpoint"
    return parts.scheme == "https", str(parts.hostname), parts.port, path
