"""The witness over HTTP: `POST /add-checkpoint` and `GET /<origin hash>/checkpoint`.

Standard library only, and small, because it stands in the open: a body, a header and a
connection have a largest size, every request has one deadline however slowly its bytes drip, and
the number of connections is bounded. TLS belongs to the proxy before it.
"""

from __future__ import annotations

import io
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

from countenance.record.bounded import MAX_CONNECTIONS, BoundedServer, DeadlineReader
from countenance.record.errors import StorageError
from countenance.record.witness import MAX_REQUEST_BYTES, Answer, Witness

REQUEST_DEADLINE_S = 10.0
IDLE_DEADLINE_S = 30.0

_log = logging.getLogger(__name__)


class WitnessServer:
    """Serves one witness until closed.

    Parameters
    ----------
    witness
        Who answers.
    host, port
        Where to listen; port 0 takes a free one, told by `url`.
    prefix
        Path before both endpoints: ``""`` or ``"/witness"``.
    request_deadline_s, idle_deadline_s
        Longest time for the bytes of one request and its answer; longest wait for the next one on
        an open connection.
    """

    def __init__(
        self,
        witness: Witness,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: str = "",
        max_connections: int = MAX_CONNECTIONS,
        request_deadline_s: float = REQUEST_DEADLINE_S,
        idle_deadline_s: float = IDLE_DEADLINE_S,
    ) -> None:
        self._server = _Server(
            (host, port),
            witness=witness,
            prefix=prefix.rstrip("/"),
            max_connections=max_connections,
            request_deadline_s=request_deadline_s,
            idle_deadline_s=idle_deadline_s,
        )
        self._thread: threading.Thread | None = None
        self._serving = False
        bound_host, bound_port = self._server.server_address[:2]
        shown = f"[{bound_host!s}]" if ":" in str(bound_host) else str(bound_host)
        self.url = f"http://{shown}:{bound_port}{prefix.rstrip('/')}"
        """The submission prefix, and the monitoring prefix."""

    def serve_forever(self) -> None:
        """Serve in this thread until `close` is called from another."""
        self._serving = True
        self._server.serve_forever(poll_interval=0.1)

    def start(self) -> WitnessServer:
        """Serve in a thread of its own."""
        self._serving = True
        self._thread = threading.Thread(target=self.serve_forever, name="witness", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Take no more requests, hang up on idle connections, and free the port."""
        if self._serving:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> WitnessServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(BoundedServer, HTTPServer):
    def __init__(
        self,
        address: tuple[str, int],
        *,
        witness: Witness,
        prefix: str,
        max_connections: int,
        request_deadline_s: float,
        idle_deadline_s: float,
    ) -> None:
        self.witness = witness
        self.prefix = prefix
        self.request_deadline_s = request_deadline_s
        self.idle_deadline_s = idle_deadline_s
        super().__init__(address, _Handler, max_connections=max_connections)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "countenance-witness"
    sys_version = ""
    disable_nagle_algorithm = True  # or a small answer waits 40 ms for the other side's word

    @property
    def _here(self) -> _Server:
        return cast(_Server, self.server)

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._raw = DeadlineReader(self.connection)
        self.rfile = self._buffered = io.BufferedReader(self._raw)

    def handle_one_request(self) -> None:
        # Waiting for a request may take long; once its first byte is there, the rest may not.
        self._raw.deadline = time.monotonic() + self._here.idle_deadline_s
        try:
            if not self._buffered.peek(1):
                self.close_connection = True
                return
            self._raw.deadline = time.monotonic() + self._here.request_deadline_s
            super().handle_one_request()
        except OSError:  # timed out, reset or gone: nobody is left to answer
            self.close_connection = True

    def do_POST(self) -> None:
        length = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(length) != 1:
            self._answer(Answer(411, b"send one Content-Length\n"), close=True)
            return
        digits = length[0].strip()
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
            self._answer(Answer(400, b"Content-Length is not a number\n"), close=True)
            return
        if int(digits) > MAX_REQUEST_BYTES:
            self._answer(Answer(413, b"the request is too large\n"), close=True)
            return
        body = self.rfile.read(int(digits))
        if len(body) < int(digits):
            self.close_connection = True
            return
        if self.path != f"{self._here.prefix}/add-checkpoint":
            self._answer(Answer(404, b"nothing is here\n"))
            return
        try:
            answer = self._here.witness.add_checkpoint(body)
        except StorageError as error:
            _log.error("not cosigned: %s", error.what)
            answer = Answer(500, b"the witness cannot sign at present\n")
        except Exception:
            _log.exception("a defect while answering")
            answer = Answer(500, b"a defect in the witness\n")
        self._answer(answer)

    def do_GET(self) -> None:
        if "Transfer-Encoding" in self.headers or "Content-Length" in self.headers:
            # Unread, a body would be taken for the next request: behind a proxy, for anybody's.
            self._answer(Answer(400, b"a GET has no body\n"), close=True)
            return
        rest = self.path.removeprefix(self._here.prefix + "/")
        hash_, slash, name = rest.partition("/")
        if not slash or name != "checkpoint" or len(hash_) != 64:
            self._answer(Answer(404, b"nothing is here\n"))
            return
        try:
            answer = self._here.witness.checkpoint(hash_)
        except StorageError as error:
            _log.error("not served: %s", error.what)
            answer = Answer(500, b"the witness cannot answer at present\n")
        self._answer(answer, headers={"Cache-Control": "max-age=5"})

    def _answer(
        self, answer: Answer, *, close: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        # A deadline for writing too: a client that does not read must not hold the thread.
        self.connection.settimeout(self._here.request_deadline_s)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)
