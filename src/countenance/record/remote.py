"""A log read over HTTP, from any server that speaks `tlog-tiles`. Read-only."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
import zlib

from countenance.core import InputError
from countenance.record.errors import StorageError
from countenance.record.request import answered, check_address, read_body, why
from countenance.record.storage import CHECKPOINT, MAX_CHECKPOINT
from countenance.record.tiles import parse_path

TIMEOUT_S = 30.0


class HttpStorage:
    """Reads the log under `base_url` (``https://log.example/2026``).

    Answers are read up to the size a resource can have and no further, compressed or not; each
    request has `timeout_s` in all. Redirects are not followed: a log is where its address says.
    """

    def __init__(self, base_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        try:
            check_address(base_url, what="the address of a log")
        except InputError as error:
            raise StorageError(error.what, where=error.where, expected=error.expected) from error
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
                return read_body(answer, limit, where=address)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise StorageError(f"the server answered {error.code}", where=address) from error
        except (OSError, http.client.HTTPException, zlib.error, UnicodeError) as error:
            raise StorageError(
                f"reading failed: {why(error)}", where=address,
                do="see whether the address is right, and whether the server answers",
            ) from error  # fmt: skip
