"""The witness over HTTP, asked politely and otherwise."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from witnessing import NOW, ORIGIN, TestableLog, policy_for, witness_for

from countenance.record.witness import MAX_REQUEST_BYTES, Answer, origin_hash
from countenance.record.witness_client import Result, WitnessPanel
from countenance.record.witness_server import WitnessServer


@pytest.fixture
def log() -> TestableLog:
    return TestableLog(b"entry %d" % i for i in range(40))


AMPLE_S = 30.0  # for what must not happen too early, however busy the machine


@pytest.fixture
def server(tmp_path: Path, log: TestableLog):
    witness, store = witness_for(tmp_path, log)
    with WitnessServer(
        witness,
        prefix="/w",
        max_connections=4,
        request_deadline_s=AMPLE_S,
        idle_deadline_s=AMPLE_S,
    ).start() as server:
        yield server
    store.close()


@contextlib.contextmanager
def impatient(folder: Path, log: TestableLog, **deadlines: float) -> Iterator[WitnessServer]:
    """A server one of whose deadlines comes soon, and no other."""
    given = {"request_deadline_s": AMPLE_S, "idle_deadline_s": AMPLE_S, **deadlines}
    witness, store = witness_for(folder, log)
    with WitnessServer(witness, prefix="/w", **given).start() as server:  # type: ignore[arg-type]
        yield server
    store.close()


def connect(server: WitnessServer) -> http.client.HTTPConnection:
    host, port = server.url.removeprefix("http://").removesuffix("/w").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=AMPLE_S)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b""):
    connection.request(method, path, body or None)
    with connection.getresponse() as response:
        return response.status, response.headers["Content-Type"], response.read()


def raw(server: WitnessServer, data: bytes) -> bytes:
    connection = connect(server)
    connection.connect()
    with connection.sock as sock:
        sock.sendall(data)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return answer


def test_one_connection_carries_every_status_of_the_specification(
    server: WitnessServer, log: TestableLog
) -> None:
    stranger = TestableLog(log.entries, seed="stranger")
    unknown = TestableLog(log.entries, origin="other.example")
    fork = TestableLog([b"fork"] * 40)
    connection = connect(server)
    add = "/w/add-checkpoint"
    got = [
        ask(connection, "POST", add, body)
        for body in (
            log.request(0, 20),
            log.request(20, 10),
            stranger.request(20),
            unknown.request(0),
            log.request(0),
            fork.request(20, 40),
            fork.request(20, 20),
        )
    ]
    assert [status for status, _, _ in got] == [200, 400, 403, 404, 409, 422, 422]
    assert got[0][2].startswith("— w1.example ".encode())
    assert got[4] == (409, "text/x.tlog.size", b"20\n")
    status, _, served = ask(connection, "GET", f"/w/{origin_hash(ORIGIN)}/checkpoint")
    assert (status, served) == (200, log.note(20) + got[0][2])
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/add-checkpoint", 404),
        ("POST", "/w/add-checkpoint/", 404),
        ("POST", "/w/add-checkpoint?x", 404),
        ("GET", "/w/add-checkpoint", 404),
        ("GET", "/w/checkpoint", 404),
        ("GET", f"/w/{'0' * 64}/checkpoint", 404),
        ("GET", f"/w/{'0' * 63}/checkpoint", 404),
        ("GET", "/../../etc/passwd", 404),
        ("PUT", "/w/add-checkpoint", 501),
    ],
)
def test_other_addresses_and_methods(
    server: WitnessServer, method: str, path: str, status: int
) -> None:
    connection = connect(server)
    assert ask(connection, method, path, b"x" if method != "GET" else b"")[0] == status
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"", 411),
        (b"Transfer-Encoding: chunked\r\n", 411),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 411),
        (b"Content-Length: 3\r\nContent-Length: 4\r\n", 411),
        (b"Content-Length: -3\r\n", 400),
        (b"Content-Length: +3\r\n", 400),
        (b"Content-Length: 3x\r\n", 400),
        (b"Content-Length: 9999999999999\r\n", 400),
        (b"Content-Length: %d\r\n" % (MAX_REQUEST_BYTES + 1), 413),
        (b"X: y\r\n" * 200, 431),
        (b"X: " + b"y" * 70_000 + b"\r\n", 431),
    ],
)
def test_requests_meant_to_confuse_or_fill_are_refused_and_hung_up_on(
    server: WitnessServer, headers: bytes, status: int
) -> None:
    answer = raw(server, b"POST /w/add-checkpoint HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\nold")
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "head", [b"Content-Length: %d\r\n", b"Transfer-Encoding: chunked\r\nX: %d\r\n"]
)
def test_the_body_of_a_get_is_not_taken_for_the_next_request(
    server: WitnessServer, head: bytes
) -> None:
    hidden = b"POST /w/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    path = b"/w/%s/checkpoint" % origin_hash(ORIGIN).encode()
    answer = raw(
        server, b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n%s" % (path, head % len(hidden), hidden)
    )
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "head",
    [b"P", b"POST /w/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"],
)
def test_dripping_bytes_buy_no_time(tmp_path: Path, log: TestableLog, head: bytes) -> None:
    """Each byte comes well before any timeout of one read; the request as a whole does not."""
    with impatient(tmp_path, log, request_deadline_s=0.5) as server:
        connection = connect(server)
        connection.connect()
        started = time.monotonic()
        with connection.sock as sock:
            sock.sendall(head)
            sock.settimeout(0.05)
            with contextlib.suppress(OSError):  # reset: it was hung up on
                while time.monotonic() - started < AMPLE_S:
                    sock.sendall(b"x")
                    with contextlib.suppress(TimeoutError):
                        if not sock.recv(100):
                            break
        assert 0.4 < time.monotonic() - started < AMPLE_S


def test_an_idle_connection_is_hung_up_on(tmp_path: Path, log: TestableLog) -> None:
    with impatient(tmp_path, log, idle_deadline_s=0.5) as server:
        started = time.monotonic()
        assert raw(server, b"") == b""
        assert 0.4 < time.monotonic() - started < AMPLE_S


def test_a_body_that_breaks_off_changes_nothing(server: WitnessServer, log: TestableLog) -> None:
    body = log.request(0)
    head = b"POST /w/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    connection = connect(server)
    connection.connect()
    with connection.sock as sock:
        sock.sendall(head % len(body) + body[:-1])
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""
    connection = connect(server)
    assert ask(connection, "GET", f"/w/{origin_hash(ORIGIN)}/checkpoint")[0] == 404
    connection.close()


def test_connections_past_the_bound_get_503_and_places_come_back(
    server: WitnessServer, log: TestableLog
) -> None:
    held = [connect(server) for _ in range(4)]
    for connection in held:
        connection.connect()
    # Connections are taken in the order in which they came: these four were before the fifth.
    assert raw(server, b"").startswith(b"HTTP/1.1 503 ")
    for connection in held:
        connection.close()
    for _ in range(100):  # until the server has seen that they are gone
        connection = connect(server)
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = ask(connection, "POST", "/w/add-checkpoint", log.request(0))[0]
            connection.close()
            if status != 503:
                break
        time.sleep(0.1)
    assert status == 200


def test_many_clients_at_once_leave_one_history(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    with WitnessServer(witness).start() as server:

        def push(size: int) -> int:
            host, port = server.url.removeprefix("http://").split(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=10)
            status, _, _ = ask(connection, "POST", "/add-checkpoint", log.request(0, size))
            connection.close()
            return status

        with ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(push, range(1, 31)))
    assert sorted(statuses) == [200] + [409] * 29
    store.close()


def test_a_failure_inside_is_500_and_says_nothing_of_the_machine(
    tmp_path: Path, log: TestableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, store = witness_for(tmp_path, log)
    with WitnessServer(witness).start() as server:
        connection = connect(server)
        store._db.execute("PRAGMA query_only = 1")
        failed = ask(connection, "POST", "/add-checkpoint", log.request(0))
        assert failed[0] == 500
        assert b"sqlite" not in failed[2]
        assert str(tmp_path).encode() not in failed[2]
        store._db.execute("PRAGMA query_only = 0")

        def defect(body: bytes) -> Answer:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(witness, "add_checkpoint", defect)
        assert ask(connection, "POST", "/add-checkpoint", b"x")[0] == 500
        monkeypatch.undo()
        assert ask(connection, "POST", "/add-checkpoint", log.request(0))[0] == 200
        other = sqlite3.connect(tmp_path / "w1.db")
        other.execute("UPDATE cosigned SET size = 41")
        other.commit()
        other.close()
        assert ask(connection, "GET", f"/{origin_hash(ORIGIN)}/checkpoint")[0] == 500
        connection.close()
    store.close()


def test_closing_frees_the_port_and_hangs_up(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    server = WitnessServer(witness, idle_deadline_s=60).start()
    connection = connect(server)
    connection.connect()
    while not server._server._open:  # taken, not only on its way
        time.sleep(0.01)
    server.close()
    assert connection.sock.recv(10) == b""
    connection.close()
    port = int(server.url.rsplit(":", 1)[1])
    WitnessServer(witness, port=port).close()
    store.close()


def test_a_machine_out_of_threads_keeps_its_places(
    server: WitnessServer, log: TestableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        for _ in range(6):  # two more than there are places
            assert raw(server, b"") == b""
    connection = connect(server)
    assert ask(connection, "POST", "/w/add-checkpoint", log.request(0))[0] == 200
    connection.close()


def test_it_listens_on_ipv6_too(tmp_path: Path, log: TestableLog) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    witness, store = witness_for(tmp_path, log)
    with WitnessServer(witness, host="::1").start() as server:
        policy = policy_for(log, ("w1", server.url))
        panel = WitnessPanel(policy, clock=lambda: NOW, deadline_s=AMPLE_S)
        assert panel.collect(log.note(), prove=log.prove).outcomes[0].result is Result.COSIGNED
    store.close()
