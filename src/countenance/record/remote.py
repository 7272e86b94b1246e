"""A log read over HTTP, from any server that speaks `tlog-tiles`. Read-only."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
import zlib

from countenance.record.errors import StorageError
from countenance.record.request import answered
from countenance.record.storage import CHECKPOINT, MAX_CHECKPOINT
from countenance.record.tiles import parse_path

TIMEOUT_S = 30.0
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class HttpStorage:
    """Reads the log under `base_url` (``https://log.example/2026``).

    Answers are read up to the size a resource can have and no further, compressed or not; each
    request has `timeout_s` in all. Redirects are not followed: a log is where its address says.
    """

    def __init__(self, base_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise StorageError(
                "this is not the address of a log", where=base_url, expected="http(s)://host/path"
            )
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s

    def __reduce__(self) -> tuple[type[HttpStorage], tuple[str]]:
        """For another process."""
        return HttpStorage, (self.base_url,)

    def read(self, path: str) -> bytes | None:
        """What the server has under a path; None where it says 404."""
        limit = MAX_CHECKPOINT if path == CHECKPOINT else parse_path(path).max_bytes
        address = f"{self.base_url}/{path}"
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            address, headers={"Accept-Encoding": "gzip", "User-Agent": "countenance"}
        )
        try:
            with answered(request, timeout_s=self._timeout_s) as answer:
                return _bounded(answer, limit, address)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise StorageError(f"the server answered {error.code}", where=address) from error
        except (OSError, http.client.HTTPException, zlib.error, UnicodeError) as error:
            raise StorageError(f"reading failed: {error}", where=address) from error


def _bounded(answer: http.client.HTTPResponse, limit: int, address: str) -> bytes:
    """The body, unpacked, but never more than `limit` bytes of it in memory."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise StorageError(f"an encoding that was not asked for: {encoding[:40]}", where=address)
    unpack = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    body = bytearray()
    while len(body) <= limit:
        piece = answer.read(min(_PIECE, limit + 1))
        if not piece:
            break
        body += unpack.decompress(piece, limit + 1 - len(body)) if unpack else piece
    if len(body) > limit:
        raise StorageError("an answer larger than it can be", where=address)
    if unpack is not None and not unpack.eof:
        raise StorageError("the answer breaks off", where=address)
    length = answer.headers.get("Content-Length")
    if unpack is None and length is not None and length != str(len(body)):
        raise StorageError("the answer breaks off", where=address)
    return bytes(body)
