"""What several of these tests need: a folder of pretend images, and a server that misbehaves."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files below a fresh folder: names to bytes or text; the folder comes back."""

    def write(files: dict[str, bytes | str]) -> Path:
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write


class Server:
    """A loopback HTTP server; `respond` is called with the handler of every GET."""

    def __init__(self) -> None:
        self.respond: Callable[[http.server.BaseHTTPRequestHandler], None] = lambda _: None
        self.requests: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.requests.append((self.path, dict(self.headers)))
                self.close_connection = True
                outer.respond(self)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # clients that hang up are part of the tests

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve_files(self, files: dict[str, bytes]) -> None:
        """Answer as an ordinary file server without ranges does."""

        def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
            body = files.get(handler.path.lstrip("/"))
            handler.send_response(404 if body is None else 200)
            handler.send_header("Content-Length", str(len(body or b"")))
            handler.end_headers()
            handler.wfile.write(body or b"")

        self.respond = respond


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running `Server`, reached without the proxy a machine may have."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join()
