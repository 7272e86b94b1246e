"""Collecting a quorum, from honest, absent and hostile witnesses: real processes and sockets."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from witnessing import NOW, ORIGIN, Clock, TestableLog, cosigner, policy_for, witness_for

from countenance.core import InputError
from countenance.record.cosignature import cosign
from countenance.record.errors import VerificationError
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.note import Signature, open_note, parse_vkey, split_note
from countenance.record.policy import make_policy
from countenance.record.witness import AddCheckpoint, checkpoint_in, parse_add_checkpoint
from countenance.record.witness_client import Collected, QuorumError, Result, WitnessPanel
from countenance.record.witness_server import WitnessServer

AMPLE_S = 15.0  # for those who answer: a busy machine must not turn one result into another
SHORT_S = 2.0  # for those who never do


def now() -> int:
    return NOW


@pytest.fixture
def log() -> TestableLog:
    return TestableLog(b"entry %d" % i for i in range(40))


@contextlib.contextmanager
def serving(folder: Path, log: TestableLog, *names: str) -> Iterator[list[tuple[str, str]]]:
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        addresses = []
        for name in names:
            witness, store = witness_for(folder, log, name=name)
            stack.callback(store.close)
            server = stack.enter_context(WitnessServer(witness).start())
            addresses.append((name, server.url))
        yield addresses


@contextlib.contextmanager
def hostile(respond: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that reads one request a connection and then does as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            respond(connection, body)

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    host, port = listener.getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def http_answer(status: int, body: bytes, extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), extra, body)


def collect(
    log: TestableLog,
    *addresses: tuple[str, str],
    k: int | None = None,
    deadline_s: float = AMPLE_S,
) -> Collected:
    panel = WitnessPanel(policy_for(log, *addresses, k=k), clock=now, deadline_s=deadline_s)
    return panel.collect(log.note(), prove=log.prove)


def refused(log: TestableLog, *addresses: tuple[str, str], **more) -> QuorumError:
    with pytest.raises(QuorumError) as caught:
        collect(log, *addresses, **more)
    return caught.value


def result_of(
    log: TestableLog,
    respond: Callable[[socket.socket, bytes], None],
    *,
    deadline_s: float = AMPLE_S,
) -> Result:
    """How a witness that answers so is judged."""
    started = time.monotonic()
    with hostile(respond) as url:
        error = refused(log, ("bad", url), deadline_s=deadline_s)
    assert time.monotonic() - started < deadline_s + 5
    (outcome,) = error.outcomes
    assert split_note(error.note)[1] == split_note(log.note())[1]  # nothing of it was taken
    return outcome.result


def test_two_of_three_are_enough_and_more_are_welcome(tmp_path: Path, log: TestableLog) -> None:
    with serving(tmp_path, log, "w1", "w2", "w3") as addresses:
        collected = collect(log, *addresses, k=2)
        verdict = policy_for(log, *addresses, k=2).examine(collected.note)
        assert verdict.checkpoint == log.checkpoint()
        assert len(verdict.cosigned) >= 2
        everyone = collect(log, *addresses, k=3)
        assert {o.result for o in everyone.outcomes} == {Result.COSIGNED}


def test_the_log_need_not_know_how_far_a_witness_is(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log, name="w1")
    assert witness.add_checkpoint(log.request(0, 17)).status == 200
    store.close()
    with serving(tmp_path, log, "w1", "w2") as addresses:
        panel = WitnessPanel(policy_for(log, *addresses), clock=now, deadline_s=AMPLE_S)
        for size in (20, 20, 33, 40):
            collected = panel.collect(log.note(size), prove=log.prove)
            assert checkpoint_in(collected.note).size == size


def test_one_absent_witness_does_not_stop_a_quorum_and_two_do(
    tmp_path: Path, log: TestableLog
) -> None:
    with serving(tmp_path, log, "w1", "w2") as addresses, socket.create_server(("", 0)) as free:
        gone = ("w3", f"http://127.0.0.1:{free.getsockname()[1]}")
        free.close()
        assert collect(log, *addresses, gone, k=2).note
        error = refused(log, addresses[0], ("w2", gone[1]), gone, k=2)
    results = sorted(outcome.result for outcome in error.outcomes)
    assert results == [Result.COSIGNED, Result.UNREACHABLE, Result.UNREACHABLE]
    assert "1 of 3" in error.what
    with pytest.raises(VerificationError):
        policy_for(log, *addresses, k=2).check(error.note)


def test_a_slow_witness_costs_no_more_than_the_deadline(log: TestableLog) -> None:
    def silent(connection: socket.socket, body: bytes) -> None:
        connection.recv(1)

    assert result_of(log, silent, deadline_s=SHORT_S) is Result.LATE


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
)
def test_a_witness_that_drips_is_hung_up_on(log: TestableLog, start: bytes) -> None:
    ended = threading.Event()

    def drip(connection: socket.socket, body: bytes) -> None:
        try:
            connection.sendall(start)
            while True:
                connection.sendall(b"X")
                time.sleep(0.05)
        finally:
            ended.set()

    assert result_of(log, drip, deadline_s=SHORT_S) is Result.LATE
    assert ended.wait(3)


def test_a_handshake_that_drips_is_hung_up_on(log: TestableLog) -> None:
    """TLS reads as long as bytes come, each in time: the thread must not wait for days."""
    ended = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB begins
            while connection.send(b"x"):
                time.sleep(0.05)
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        error = refused(log, ("bad", url), deadline_s=SHORT_S)
        assert [o.result for o in error.outcomes] == [Result.LATE]
        assert ended.wait(3)


def test_what_a_witness_says_reaches_no_terminal_as_it_is(log: TestableLog) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http_answer(403, "\x1b[2J\x9b1m no \u202e\r\nALERT".encode()))

    with hostile(answer) as url:
        error = refused(log, ("bad", url))
    assert error.outcomes[0].text == "HTTP 403: \ufffd[2J\ufffd1m no \ufffd\ufffd ALERT"


def test_an_oversize_answer_is_not_read_to_its_end(log: TestableLog) -> None:
    def flood(connection: socket.socket, body: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert result_of(log, flood) is Result.INVALID


def test_endless_headers_are_not_read_to_their_end(log: TestableLog) -> None:
    def flood(connection: socket.socket, body: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: y\r\n" * 1000)

    assert result_of(log, flood) is Result.UNREACHABLE


def line_by(log: TestableLog, name: str, *, time_: int = NOW, size: int | None = None) -> bytes:
    return cosign(log.note(size), cosigner(name), time=time_).line


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"cosigned, trust me\n",
        b"\xff\xfe",
        Signature("bad.example", b"\0\0\0\0", bytes(72)).line,
        Signature("bad.example", cosigner("bad").key_id, bytes(72)).line,
        Signature("bad.example", cosigner("bad").key_id, b"x").line,
    ],
)
def test_lying_answers_are_invalid(log: TestableLog, body: bytes) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http_answer(200, body))

    assert result_of(log, answer) is Result.INVALID


def test_a_forged_or_replayed_cosignature_does_not_count(log: TestableLog) -> None:
    fork = TestableLog([*log.entries[:-1], b"other"])
    for line in (
        line_by(log, "bad", size=39),  # replayed from an older checkpoint
        line_by(fork, "bad"),  # of another history
        line_by(log, "w1"),  # by another witness
        line_by(log, "bad")[:-3] + b"A=\n",
        line_by(log, "bad").replace(b"bad.example", b"w1.example"),
        line_by(log, "bad", time_=0),
    ):

        def answer(connection: socket.socket, _: bytes, line: bytes = line) -> None:
            connection.sendall(http_answer(200, line))

        assert result_of(log, answer) is Result.INVALID


@pytest.mark.parametrize("off", [-100_000, 100_000])
def test_a_cosignature_outside_the_tolerance_is_told_and_not_counted(
    log: TestableLog, off: int
) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http_answer(200, line_by(log, "bad", time_=NOW + off)))

    assert result_of(log, answer) is Result.CLOCK


def test_a_witness_cannot_smuggle_another_ones_cosignature_in(
    tmp_path: Path, log: TestableLog
) -> None:
    """Even a genuine one: each is judged by what it says itself."""

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http_answer(200, line_by(log, "bad") + line_by(log, "w2")))

    with hostile(answer) as url:
        error = refused(log, ("bad", url), ("w2", "http://127.0.0.1:9"), k=2)
    assert [s.name for s in split_note(error.note)[1]] == [ORIGIN, "bad.example"]


def test_a_witness_cannot_crowd_the_others_out_with_good_cosignatures(
    tmp_path: Path, log: TestableLog
) -> None:
    """A hundred of them, each of another second: with them, the note would be past its bound."""
    lines = b"".join(line_by(log, "bad", time_=NOW - i) for i in range(100))

    def crowd(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http_answer(200, lines))

    with serving(tmp_path, log, "w1", "w2") as honest, hostile(crowd) as url:
        collected = collect(log, ("bad", url), *honest, k=3)
    names = [signature.name for signature in split_note(collected.note)[1]]
    assert sorted(names[1:]) == ["bad.example", "w1.example", "w2.example"]


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (409, b"41\n", Result.AHEAD),
        (409, b"9223372036854775807\n", Result.AHEAD),
        (409, b"7\n", Result.REFUSED),  # again and again
        (409, b"99999999999999999999999\n", Result.INVALID),
        (409, b"17", Result.INVALID),
        (409, b"-7\n", Result.INVALID),
        (409, "٣\n".encode(), Result.INVALID),
        (422, b"", Result.INCONSISTENT),
        (403, b"no", Result.REFUSED),
        (500, b"\xff" * 1000, Result.REFUSED),
        (302, b"", Result.REFUSED),
    ],
)
def test_refusals_are_told_apart(
    log: TestableLog, status: int, body: bytes, result: Result
) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        extra = b"Location: http://127.0.0.1:9/\r\nConnection: close\r\n"
        connection.sendall(http_answer(status, body, extra))

    assert result_of(log, answer) is result


def test_a_lie_about_the_size_is_forgiven_the_next_time(log: TestableLog) -> None:
    lies = [http_answer(409, b"1000000\n")]
    asked: list[AddCheckpoint] = []

    def answer(connection: socket.socket, body: bytes) -> None:
        asked.append(parse_add_checkpoint(body))
        connection.sendall(lies.pop() if lies else http_answer(200, line_by(log, "bad")))

    with hostile(answer) as url:
        panel = WitnessPanel(policy_for(log, ("bad", url)), clock=now, deadline_s=AMPLE_S)
        with pytest.raises(QuorumError):
            panel.collect(log.note(), prove=log.prove)
        assert panel.collect(log.note(), prove=log.prove).note
    assert [request.old_size for request in asked] == [0, 0]


def test_honest_witnesses_are_enough_beside_hostile_ones(tmp_path: Path, log: TestableLog) -> None:
    def silent(connection: socket.socket, body: bytes) -> None:
        connection.recv(1)

    def liar(connection: socket.socket, body: bytes) -> None:
        connection.sendall(http_answer(200, b"lies\n"))

    with (
        serving(tmp_path, log, "w1", "w2") as honest,
        hostile(silent) as first,
        hostile(liar) as second,
    ):
        started = time.monotonic()
        collected = collect(log, ("slow", first), ("liar", second), *honest, k=2)
        assert time.monotonic() - started < AMPLE_S / 2
    keys = [parse_vkey(cosigner(name).vkey) for name in ("w1", "w2")]
    assert len(open_note(collected.note, keys).verified) == 2


def test_a_witness_that_forgot_what_it_signed_does_not_count(
    tmp_path: Path, log: TestableLog
) -> None:
    """Restored from an old copy it could cosign a second history, and would not know it."""
    with serving(tmp_path / "a", log, "w1") as before:
        (old,) = before
        panel = WitnessPanel(policy_for(log, old), clock=now, deadline_s=AMPLE_S)
        panel.collect(log.note(20), prove=log.prove)
        shutil.copytree(tmp_path / "a", tmp_path / "backup")
        panel.collect(log.note(30), prove=log.prove)
    witness, store = witness_for(tmp_path / "backup", log, name="w1")
    port = int(old[1].rsplit(":", 1)[1])
    with WitnessServer(witness, port=port).start():
        with pytest.raises(QuorumError, match="cosigned 20 entries, and has 30") as caught:
            panel.collect(log.note(), prove=log.prove)
        assert [outcome.result for outcome in caught.value.outcomes] == [Result.FORGOT]
        with pytest.raises(QuorumError):  # nor the next time
            panel.collect(log.note(), prove=log.prove)
    store.close()


def test_one_panel_serves_the_several_logs_of_a_policy(tmp_path: Path, log: TestableLog) -> None:
    other = TestableLog([b"x"] * 30, origin="other.example", seed="other")
    witness, store = witness_for(tmp_path, log, other, name="w1")
    with WitnessServer(witness).start() as server:
        listed = [("w1", cosigner("w1").vkey, server.url)]
        keys = [each.signer.vkey for each in (log, other)]
        policy = make_policy(logs=keys, witnesses=listed, k=1)
        assert witness.add_checkpoint(other.request(0, 5)).status == 200
        panel = WitnessPanel(policy, clock=now, deadline_s=AMPLE_S)
        for each, size in ((log, 40), (other, 10), (log, 40), (other, 30)):
            found = panel.collect(each.note(size), prove=each.prove)
            assert policy.check(found.note) == each.checkpoint(size)
    store.close()


def test_a_log_that_cannot_prove_says_so(tmp_path: Path, log: TestableLog) -> None:
    def cannot(old: int, new: int) -> list[bytes]:
        raise VerificationError("a tile is missing")

    witness, store = witness_for(tmp_path, log, name="w1")
    assert witness.add_checkpoint(log.request(0, 5)).status == 200
    store.close()
    with serving(tmp_path, log, "w1") as addresses:
        panel = WitnessPanel(policy_for(log, *addresses), clock=now, deadline_s=AMPLE_S)
        with pytest.raises(QuorumError, match="a tile is missing") as caught:
            panel.collect(log.note(), prove=cannot)
    assert [o.result for o in caught.value.outcomes] == [
        Result.UNPROVEN
    ]  # not the witness's fault


@pytest.mark.parametrize("url", ["ftp://x", "http://", "file:///etc/passwd", "http://x:99999/"])
def test_an_address_that_is_none(log: TestableLog, url: str) -> None:
    with pytest.raises(InputError):
        WitnessPanel(policy_for(log, ("w1", url)), clock=Clock())


SERVER = """
import sys
sys.path[:0] = {path!r}
from witnessing import NOW, TestableLog, witness_for
from countenance.record.witness_server import WitnessServer
from pathlib import Path
witness, store = witness_for(Path({folder!r}), TestableLog(), name={name!r})
server = WitnessServer(witness)
print(server.url, flush=True)
server.serve_forever()
"""


def start_witness(folder: Path, name: str) -> subprocess.Popen[bytes]:
    script = SERVER.format(path=sys.path, folder=str(folder), name=name)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)


def url_of(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def stop(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def test_witnesses_as_processes_killed_and_started_again(tmp_path: Path) -> None:
    """A real log on a folder, three witness processes, one of them killed at any time."""
    simulated = TestableLog()
    names = ("w1", "w2", "w3")
    children = {name: start_witness(tmp_path, name) for name in names}
    try:
        urls = {name: url_of(child) for name, child in children.items()}
        policy = policy_for(simulated, *urls.items(), k=2)

        def publish(log: Log, deadline_s: float = AMPLE_S) -> bytes:
            panel = WitnessPanel(policy, clock=now, deadline_s=deadline_s)
            return log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)

        with Log.open(FolderStorage(tmp_path / "log"), simulated.signer) as log:
            for round_, name in enumerate(names[:2]):
                log.append([b"round %d entry %d" % (round_, i) for i in range(50)])
                stop(children[name])
                note = publish(log)
                assert policy.check(note).size == 50 * (round_ + 1)
                assert log.latest_checkpoint() == note
                children[name] = start_witness(tmp_path, name)
                urls[name] = url_of(children[name])
                policy = policy_for(simulated, *urls.items(), k=2)
            for child in children.values():
                stop(child)
            log.append([b"one more"])
            with pytest.raises(QuorumError):
                publish(log)
            assert log.latest_checkpoint() == note
    finally:
        for child in children.values():
            stop(child)
