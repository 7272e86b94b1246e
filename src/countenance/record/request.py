"""One HTTP request: answered by one deadline, and by the address it was sent to."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any

from countenance.core import InputError
from countenance.record.errors import StorageError

_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


def check_address(url: str, *, what: str, query: bool = False) -> str:
    """Return an address that requests can be sent to.

    Raises
    ------
    InputError
        No scheme ``http`` or ``https``, no host, a port that is none, a query where none may be, a
        space, or a user and password, which everybody who sees the address would be told.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        open_secret = parts.username is not None
    except ValueError:
        good = open_secret = False
    if any(character.isspace() or not character.isprintable() for character in url):
        good = False
    if open_secret:
        raise InputError(f"a user or password in {what}", expected="http(s)://host/path")
    if not good or "#" in url or ("?" in url and not query):
        shown = None if "@" in url else url  # which may be a password, badly written
        raise InputError(f"this is not {what}", where=shown, expected="http(s)://host/path")
    return url


def why(error: Exception) -> str:
    """The cause of a failed request, without the numbers and wrappings it comes in."""
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    return str(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)


def read_body(answer: http.client.HTTPResponse, limit: int, *, where: str) -> bytes:
    """The body of an answer, unpacked, but never more than `limit` bytes of it in memory.

    Raises
    ------
    StorageError
        It is larger, breaks off, or is encoded otherwise than with gzip.
    """
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise StorageError(f"an encoding that was not asked for: {encoding[:40]}", where=where)
    unpack = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    body = bytearray()
    while len(body) <= limit:
        piece = answer.read(min(_PIECE, limit + 1))
        if not piece:
            break
        body += unpack.decompress(piece, limit + 1 - len(body)) if unpack else piece
    if len(body) > limit:
        raise StorageError("an answer larger than it can be", where=where)
    length = answer.headers.get("Content-Length")
    if (unpack is not None and not unpack.eof) or (
        unpack is None and length is not None and length != str(len(body))
    ):
        raise StorageError("the answer breaks off", where=where)
    return bytes(body)


@contextlib.contextmanager
def answered(
    request: urllib.request.Request, *, timeout_s: float
) -> Iterator[http.client.HTTPResponse]:
    """Send a request; the answer, to be read within the context.

    `timeout_s` is for all of it: a timeout of the socket alone starts anew with every byte, so
    that a server could drip for days. Only looking up the name is not bounded by it, and a host
    with several addresses may take as long for each that does not answer. Redirects are not
    followed: they could lead into a network of one's own.

    Raises
    ------
    OSError
        It failed; `TimeoutError` once the time is over, also where what was read until then looks
        whole; `urllib.error.HTTPError` if the status is not 2xx.
    http.client.HTTPException
        What came is not HTTP.
    """
    with _Line(timeout_s) as line:
        opener = urllib.request.build_opener(_NoRedirects, _Plain(line), _Secure(line))
        with opener.open(request, timeout=timeout_s) as answer:
            yield answer


class _Line:
    """What a request is connected by, cut when the time is over."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(timeout_s, self._cut)
        self._timer.daemon = True

    def add(self, connected: socket.socket) -> None:
        # A duplicate: TLS takes the socket itself away, and may hang in its handshake.
        with self._lock:
            self._sockets.append(connected.dup())
            over = self._over
        if over:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self._over = True
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Line:
        self._timer.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()
        # The socket's own timeout may be the first to notice; it is the same answer.
        cause = getattr(error, "reason", error)
        over = self._over or isinstance(cause, TimeoutError)
        if over and (error is None or isinstance(error, Exception)):
            raise TimeoutError(f"no whole answer in {self._timeout_s:g} s") from error


class _Connection(http.client.HTTPConnection):
    line: _Line

    def connect(self) -> None:
        super().connect()
        self.line.add(self.sock)


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """In this order of bases, so that the line has the socket before the handshake."""


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, /, **how: Any) -> _Connection:
        connection = _Connection(host, **how)
        connection.line = self._line
        return connection


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, /, **how: Any) -> _SecureConnection:
        connection = _SecureConnection(host, **how)
        connection.line = self._line
        return connection


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
