"""A log over HTTP, from an honest server and from hostile ones."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import urllib.error
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from logkit import entries, open_log, verify_published

from countenance.record.errors import StorageError, VerificationError
from countenance.record.folder import FolderStorage
from countenance.record.remote import HttpStorage
from countenance.record.request import _Line

Answer = Callable[[BaseHTTPRequestHandler, str], None]


@contextlib.contextmanager
def served(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                answer(self, self.path.lstrip("/"))

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(
    handler: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, **headers: str
) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize("packed", [False, True])
def test_an_honest_server(tmp_path: Path, packed: bool) -> None:
    with open_log(tmp_path) as log:
        log.append(entries(600))
        log.publish()
    folder = FolderStorage(tmp_path)

    def answer(handler: BaseHTTPRequestHandler, path: str) -> None:
        data = folder.read(path.removeprefix("log/"))
        if data is None:
            send(handler, b"", status=404)
        elif packed:
            send(handler, gzip.compress(data), Content_Encoding="gzip")
        else:
            send(handler, data)

    with served(answer) as address:
        remote = HttpStorage(address + "/log/")
        assert verify_published(remote).size == 600
        assert remote.read("tile/0/999") is None
        for path in ("journal", "../checkpoint", "tile/0/1"):
            with pytest.raises(VerificationError):
                remote.read(path)


def oversize(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, bytes(40_000))


def endless(handler: BaseHTTPRequestHandler, _: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65_536))


def bomb(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")


def cut(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, bytes(100), Content_Length="8192")
    handler.close_connection = True


def cut_gzip(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, gzip.compress(b"x" * 100)[:-5], Content_Encoding="gzip")


def no_gzip(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, b"not packed at all", Content_Encoding="gzip")


def other_encoding(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, zlib.compress(b"x"), Content_Encoding="br")


def redirect(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, b"", status=302, Location="file:///etc/hostname")


def broken(handler: BaseHTTPRequestHandler, _: str) -> None:
    send(handler, b"sorry", status=500)


def garbage(handler: BaseHTTPRequestHandler, _: str) -> None:
    handler.wfile.write(b"\x00\xff" * 200 + b"\r\n\r\n")


def drip(handler: BaseHTTPRequestHandler, _: str) -> None:
    """A byte each time before a timeout of the socket would be over, and whole if one waits."""
    handler.send_response(200)
    handler.send_header("Content-Length", "200")
    handler.end_headers()
    for _second in range(200):
        time.sleep(0.1)
        handler.wfile.write(b"x")


def drip_without_a_length(handler: BaseHTTPRequestHandler, _: str) -> None:
    """Cut short, it looks as if it were whole."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        time.sleep(0.1)
        handler.wfile.write(b"x")


def drip_headers(handler: BaseHTTPRequestHandler, _: str) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Y: ")
    while True:
        time.sleep(0.1)
        handler.wfile.write(b"x")


def silence(handler: BaseHTTPRequestHandler, _: str) -> None:
    handler.rfile.read(1)


@pytest.mark.parametrize(
    "answer",
    [oversize, endless, bomb, cut, cut_gzip, no_gzip, other_encoding, redirect, broken, garbage,
     silence, drip, drip_without_a_length, drip_headers],
)  # fmt: skip
def test_a_hostile_server_gives_one_error_in_bounded_time(answer: Answer) -> None:
    with served(answer) as address:
        began = time.monotonic()
        with pytest.raises(StorageError):
            HttpStorage(address, timeout_s=0.5).read("tile/0/000")
        assert time.monotonic() - began < 5


def test_the_deadline_holds_for_a_handshake_too() -> None:
    """A record of 16 kB begun, a byte at a time: TLS waits for the rest."""

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                time.sleep(0.1)
                connection.sendall(b"\0")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        remote = HttpStorage(f"https://127.0.0.1:{listening.getsockname()[1]}", timeout_s=0.5)
        began = time.monotonic()
        with pytest.raises(StorageError, match="no whole answer"):
            remote.read("checkpoint")
        assert time.monotonic() - began < 5
        thread.join()


def test_nobody_listens() -> None:
    with served(broken) as address:
        pass
    with pytest.raises(StorageError, match="reading failed"):
        HttpStorage(address, timeout_s=2).read("checkpoint")


@pytest.mark.parametrize(
    "address",
    ["file:///etc", "ftp://x/y", "log.example", "", "http://", "http://x/?q", "http://x/#f",
     "http://x:port/", "http://x:0/", "http://x y/", "http://x/\r\nHost: y", "http://[x/"],
)  # fmt: skip
def test_only_addresses_of_logs(address: str) -> None:
    with pytest.raises(StorageError, match="not the address"):
        HttpStorage(address)


@pytest.mark.parametrize(
    "address", ["http://ada:secret@x/", "https://secret@x/", "http://ada:sec/ret@x/"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(StorageError) as caught:
        HttpStorage(address)
    assert "sec" not in caught.value.diagnostics()


def test_whoever_notices_first_that_the_time_is_over_says_the_same() -> None:
    """The timer of the whole request, or the socket, whose timeout is as long."""
    for error in (TimeoutError("timed out"), urllib.error.URLError(TimeoutError("timed out"))):
        line = _Line(60)
        with pytest.raises(TimeoutError, match="no whole answer in 60 s"), line:
            raise error
    with pytest.raises(ConnectionResetError), _Line(60):
        raise ConnectionResetError
