"""The pages and the log's static endpoints over HTTP, for one process or behind any WSGI server.

What never changes is served as immutable (full and partial tiles, entry bundles, the bytes of an
entry); the checkpoint and whatever depends on it may be kept for seconds only. TLS and request
limits belong to the proxy before it.
"""

from __future__ import annotations

import io
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from countenance.record.bounded import BoundedServer, DeadlineReader
from countenance.record.errors import RecordError, VerificationError
from countenance.record.explorer.pages import Pages, content_policy
from countenance.record.explorer.view import LogView, read_event
from countenance.record.tiles import parse_path, width_at

FOREVER = "public, max-age=31536000, immutable"
SECONDS = "public, max-age=5"
NEVER = "no-store"
READING_S = 10.0
WRITING_S = 60.0
"""For all of an answer: a bundle of the largest entries has 16 MiB."""

_ENTRY = re.compile(r"entry/(0|[1-9][0-9]{0,17})\.(html|json|tlog-proof)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_OCTETS = "application/octet-stream"

_log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    body: bytes
    type: str = _HTML
    caching: str = SECONDS
    status: HTTPStatus = HTTPStatus.OK


def respond(view: LogView, pages: Pages, path: str, *, query: str = "") -> Response:
    """The answer to a GET of `path`, which has no slash before it."""
    up = "../" if path.startswith("entry/") else ""
    try:
        return _found(view, pages, path, query) or _page(
            pages.missing(up=up, what="Nothing is at this address."), HTTPStatus.NOT_FOUND
        )
    except RecordError as error:
        _log.error("not served: %s: %s", path, error.what)
        what = f"The log cannot be read as it should be: {error.what}."
        return _page(pages.missing(up=up, what=what), HTTPStatus.INTERNAL_SERVER_ERROR)


def application(view: LogView, pages: Pages) -> Application:
    """A WSGI application that serves one log."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD", "")
        extra = []
        if method not in ("GET", "HEAD"):
            status = HTTPStatus.METHOD_NOT_ALLOWED
            response = Response(b"only GET and HEAD are answered\n", _TEXT, NEVER, status)
            extra.append(("Allow", "GET, HEAD"))
        else:
            # WSGI hands paths over as Latin-1; ours are ASCII, and no other one is found.
            path = str(environ.get("PATH_INFO", "")).removeprefix("/")
            try:
                response = respond(
                    view, pages, path, query=str(environ.get("QUERY_STRING", ""))[:200]
                )
            except Exception:
                _log.exception("a defect while answering")
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                response = Response(b"a defect in the explorer\n", _TEXT, NEVER, status)
        headers = [
            ("Content-Type", response.type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", response.caching),
            ("X-Content-Type-Options", "nosniff"),
            ("Access-Control-Allow-Origin", "*"),  # anybody's page may check this log
            *extra,
        ]
        if response.type == _HTML:
            policy = f"{content_policy()}; frame-ancestors 'none'"
            headers += [("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer")]
        start_response(f"{response.status.value} {response.status.phrase}", headers)
        return [] if method == "HEAD" else [response.body]

    return answer


def http_server(app: Application, *, host: str = "127.0.0.1", port: int = 0) -> WSGIServer:
    """A bound server of the application; call its `serve_forever`. Port 0 takes a free one."""
    return make_server(host, port, app, server_class=_Server, handler_class=_Handler)


class _Server(BoundedServer, WSGIServer):
    pass


class _Handler(WSGIRequestHandler):
    server_version = "countenance-record"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        raw = DeadlineReader(self.connection, deadline=time.monotonic() + READING_S)
        self.rfile = io.BufferedReader(raw)

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self.connection.settimeout(WRITING_S)  # the request is read; now it is the answer's turn
        return parsed

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)


def _found(view: LogView, pages: Pages, path: str, query: str) -> Response | None:
    if path == "verify.html":
        return _page(pages.check())
    snapshot = view.snapshot()
    if path in ("", "index.html"):
        before = parse_qs(query).get("before", [""])[0]
        wanted = int(before) if _NUMBER.fullmatch(before) else None
        return _page(pages.index(snapshot, before=wanted))
    if snapshot is None:
        return None
    if path == "checkpoint":
        return Response(snapshot.note, _TEXT)
    entry = _ENTRY.fullmatch(path)
    if entry is not None:
        index = int(entry[1])
        if index >= snapshot.checkpoint.size:
            return None
        if entry[2] == "html":
            return _page(pages.entry(snapshot, index))
        if entry[2] == "json":
            data = view.entry(snapshot, index)
            kind = _OCTETS if read_event(data) is None else "application/json"
            return Response(data, kind, FOREVER)
        return Response(pages.proof_file(snapshot, index), _OCTETS)
    return _tile(view, path, snapshot.checkpoint.size)


def _tile(view: LogView, path: str, size: int) -> Response | None:
    """A tile or bundle, if the checkpoint covers it: what is immutable must be published."""
    try:
        place = parse_path(path)
    except VerificationError:
        return None
    if width_at(place.level or 0, place.index, size) < place.width:
        return None
    data = view.read(path)
    return None if data is None else Response(data, _OCTETS, FOREVER)


def _page(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    caching = SECONDS if status is HTTPStatus.OK else NEVER
    return Response(text.encode(), _HTML, caching, status)
