"""The log over HTTP: what is immutable and what is not, and nothing beside it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logkit import signer
from sitekit import Site, site

from countenance.record.explorer import LogView, Pages, application, http_server, serve
from countenance.record.explorer.serve import Application, respond
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.remote import HttpStorage
from countenance.record.verifylog import verify_log

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("log"), 300)


@contextmanager
def served(app: Application) -> Iterator[int]:
    server = http_server(app)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def port(log: Site) -> Iterator[int]:
    with served(validator(application(log.view, log.pages))) as found:
        yield found


def get(port: int, path: str, *, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "type_", "caching"),
    [
        ("/checkpoint", "text/plain; charset=utf-8", "public, max-age=5"),
        ("/tile/0/000", "application/octet-stream", FOREVER),
        ("/tile/0/001.p/44", "application/octet-stream", FOREVER),
        ("/tile/1/000.p/1", "application/octet-stream", FOREVER),
        ("/tile/entries/000", "application/octet-stream", FOREVER),
        ("/tile/entries/001.p/44", "application/octet-stream", FOREVER),
        ("/", "text/html; charset=utf-8", "public, max-age=5"),
        ("/index.html?before=10", "text/html; charset=utf-8", "public, max-age=5"),
        ("/entry/7.html", "text/html; charset=utf-8", "public, max-age=5"),
        ("/entry/7.json", "application/json", FOREVER),
        ("/entry/2.json", "application/octet-stream", FOREVER),  # bytes that are no event
        ("/entry/7.tlog-proof", "application/octet-stream", "public, max-age=5"),
        ("/verify.html", "text/html; charset=utf-8", "public, max-age=5"),
    ],
)
def test_each_resource_has_its_type_and_caching(
    port: int, path: str, type_: str, caching: str
) -> None:
    answer, body = get(port, path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == type_
    assert answer.headers["Cache-Control"] == caching
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if type_.startswith("text/html"):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
    head, nothing = get(port, path, method="HEAD")
    assert (head.status, nothing) == (200, b"")
    assert head.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize(
    "path",
    [
        "/journal", "/lock", "/log.key", "/../log.key", "/%2e%2e/log.key", "/tile/../journal",
        "/tile/0/000.p/256", "/tile/0/0", "/tile/00/000", "/tile/0/x000/000", "/tile/0/002",
        "/tile/0/001", "/tile/0/001.p/45", "/tile/1/000", "/tile/2/000.p/1", "/tile/entries/002",
        "/entry/300.html", "/entry/-1.html", "/entry/007.html", "/entry/7", "/entry/7.html/",
        "/entry/99999999999999999999.json", "/%00", "/%ff", "/checkpoint/",
    ],
)  # fmt: skip
def test_there_is_nothing_else(port: int, path: str) -> None:
    answer, _ = get(port, path)
    assert answer.status == 404
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_log_is_read_only(log: Site, method: str) -> None:
    seen: list[str] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/checkpoint"}
    app = application(log.view, log.pages)
    body = b"".join(
        app(environ, lambda status, headers: seen.extend((status, *map(str, headers))))
    )
    assert seen[0] == "405 Method Not Allowed"
    assert any("GET, HEAD" in each for each in seen)
    assert b"countenance" not in body.lower()


def test_a_reader_far_away_verifies_the_whole_log(log: Site, port: int) -> None:
    storage = HttpStorage(f"http://127.0.0.1:{port}")
    note = storage.read("checkpoint")
    assert note is not None
    assert verify_log(storage, log.policy.check(note)).size == 300


def test_what_no_checkpoint_covers_is_not_served(tmp_path: Path) -> None:
    """An answer kept for ever must be of what was published, not of what a crash may yet undo."""
    storage = FolderStorage(tmp_path)
    view = LogView(storage.read)
    pages = Pages(view)
    with Log.open(storage, signer()) as log:
        log.append([b"a"] * 10)
        assert respond(view, pages, "checkpoint").status == 404
        assert respond(view, pages, "tile/entries/000.p/10").status == 404
        assert respond(view, pages, "").status == 200
        log.publish()
        log.append([b"b"] * 300)
        assert respond(view, pages, "tile/entries/000").status == 404
        assert respond(view, pages, "tile/entries/000.p/10").status == 200
        assert respond(view, pages, "entry/10.html").status == 404
        log.publish()
        assert respond(view, pages, "tile/entries/000").status == 200
        assert respond(view, pages, "entry/10.html").status == 200


@pytest.mark.parametrize("broken", ["checkpoint", "tile/0/000", "tile/entries/000"])
def test_a_damaged_log_is_an_error_and_says_so(tmp_path: Path, broken: str) -> None:
    here = site(tmp_path / "log", 300)
    (tmp_path / "log" / broken).write_bytes(b"torn")
    answer = respond(here.view, here.pages, "entry/7.html")
    assert answer.status == 500
    assert answer.caching == "no-store"
    assert b"cannot be read as it should be" in answer.body
    (tmp_path / "log" / broken).unlink()
    assert respond(here.view, here.pages, "entry/7.html").status in (404, 500)


@given(path=st.text(max_size=60), query=st.text(max_size=60))
def test_any_path_has_an_answer(log: Site, path: str, query: str) -> None:
    assert respond(log.view, log.pages, path, query=query).status in (200, 404)


def test_a_defect_is_an_answer_without_details(log: Site) -> None:
    class Broken(Pages):
        def check(self) -> str:
            raise ZeroDivisionError("secret")

    seen: list[str] = []
    app = application(log.view, Broken(log.view))
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/verify.html"}
    body = b"".join(app(environ, lambda status, _: seen.append(status)))
    assert seen == ["500 Internal Server Error"]
    assert b"secret" not in body


def test_connections_that_say_nothing_do_not_stop_it(log: Site) -> None:
    """More of them than there are places: the next are hung up on, and then it goes on."""
    with served(application(log.view, log.pages)) as port:
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(80)]
        try:
            hung_up = 0
            for each in silent[64:]:
                each.settimeout(30)
                told = b"".join(iter(lambda of=each: of.recv(1000), b""))
                hung_up += told.startswith(b"HTTP/1.1 503 ")
            assert hung_up == 16
        finally:
            for each in silent:
                each.close()
        for _ in range(50):
            try:
                answer, _body = get(port, "/checkpoint")
            except (OSError, http.client.HTTPException):
                continue  # the places of those who left are being freed
            assert answer.status == 200
            return
        pytest.fail("no answer after the silent ones had left")


def test_dripping_bytes_buy_no_time(log: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes well before a timeout of one read; 64 of such would else hold all places."""
    monkeypatch.setattr(serve, "READING_S", 0.5)
    with served(application(log.view, log.pages)) as port:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.settimeout(0.05)
            with contextlib.suppress(OSError):  # reset: it was hung up on
                connection.sendall(b"GET /checkpoint HTTP/1.1\r\nX: ")
                while time.monotonic() - began < 30:
                    connection.sendall(b"x")
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(1000):
                            break
        assert 0.4 < time.monotonic() - began < 25
        assert get(port, "/checkpoint")[0].status == 200
