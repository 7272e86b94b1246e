"""Bring one file over HTTP: resumed when the connection drops, checked before it takes its name.

A download lives in ``NAME.part`` until its length and hash are right. Beside it ``NAME.part.json``
keeps the address and the server's validator (ETag or Last-Modified), so that a resumed download is
a part of the same file: with ``If-Range`` (RFC 9110, 13.1.5) a server whose file has changed sends
all of it anew.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from countenance.core import InputError, IntegrityError, Progress, no_progress, sha256_file
from countenance.datasets.recorded_files import Recorded

_PIECE_BYTES = 256 * 1024
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class NotThereError(InputError):
    """The server has no such file (404 or 410)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait and how often to try again.

    Attributes
    ----------
    timeout_s
        Longest silence of the server.
    tries
        Attempts in a row that bring nothing new, before giving up.
    tries_in_all
        Attempts altogether, against a server that sends a byte at a time.
    pause_s
        Before the second attempt; doubled before each one after.
    max_bytes
        Largest file taken when no size is recorded.
    """

    timeout_s: float = 30.0
    tries: int = 4
    tries_in_all: int = 50
    pause_s: float = 0.5
    max_bytes: int = 4 * 2**30


PATIENT = Patience()


def is_url(source: str) -> bool:
    """Whether `source` is an address to fetch and not a path.

    Raises
    ------
    InputError
        It is an address of another kind than http or https.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", source)
    if scheme is None:
        return False
    if scheme[1].lower() not in ("http", "https"):
        raise InputError(
            f"{scheme[1]} addresses are not fetched",
            where=source,
            expected="http, https or a path",
        )
    return True


def download(
    url: str,
    target: Path,
    *,
    expected: Recorded | None = None,
    progress: Progress = no_progress,
    patience: Patience = PATIENT,
) -> None:
    """Fetch a file into a place where none is yet.

    Parameters
    ----------
    url
        Its address, http or https.
    target
        Where it goes once it is whole.
    expected
        What the file must be; None takes what comes.
    progress
        Called with "Downloading", bytes so far and bytes in all (as far as known).
    patience
        How long to wait, how often to try again.

    Raises
    ------
    InputError
        The server refuses, cannot be reached, or drops the connection too often. What came is
        kept, and the next call goes on from there.
    IntegrityError
        The length or the hash is not the recorded one. Only the ``.part`` is removed.
    """
    part = _Part(url, target)
    idle = attempts = 0
    trouble = ""
    while idle < patience.tries and attempts < patience.tries_in_all:
        if idle:
            time.sleep(patience.pause_s * 2 ** (idle - 1))
        attempts += 1
        before = part.size
        try:
            if _attempt(part, expected, progress, patience):
                _finish(part, expected)
                return
            trouble = f"the connection ended after {part.size:,} bytes"
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            trouble = _reason(error)
        idle = 0 if part.size > before else idle + 1
    raise InputError(
        f"could not be fetched: {trouble}",
        where=url,
        do="run the same command again: it goes on from what has come",
    )


class _Part:
    """The unfinished file and what is known of where it comes from."""

    def __init__(self, url: str, target: Path) -> None:
        self.url = url
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._about = target.with_name(target.name + ".part.json")
        self.validator = self._told()
        if self.validator is None:
            self.path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def start(self, validator: str | None) -> None:
        """Forget what came before; what comes now has this validator."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        self.validator = validator
        about = json.dumps({"url": self.url, "validator": validator})
        self._about.write_text(about, encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)
        self.validator = None

    def place(self) -> None:
        """Give the finished file its name; never over another file."""
        place_new(self.path, self.target)
        self._about.unlink(missing_ok=True)

    def _told(self) -> str | None:
        try:
            about = json.loads(self._about.read_text(encoding="utf-8"))
            same = about["url"] == self.url and isinstance(about["validator"], str)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return str(about["validator"]) if same else None


def place_new(source: Path, target: Path) -> None:
    """Rename `source` to `target` unless something is there.

    Raises
    ------
    InputError
        `target` exists.
    """
    try:
        os.link(source, target)  # unlike a rename, a link is refused where a file exists
        source.unlink()
    except FileExistsError as error:
        raise InputError("exists already and is not replaced", where=str(target)) from error
    except OSError as error:  # a file system without links
        if target.exists():
            raise InputError("exists already and is not replaced", where=str(target)) from error
        source.rename(target)


class _Response(Protocol):
    status: int
    headers: http.client.HTTPMessage

    def read(self, amount: int, /) -> bytes: ...


def _attempt(
    part: _Part, expected: Recorded | None, progress: Progress, patience: Patience
) -> bool:
    """One request. True when the whole file is there, False when the connection ended early."""
    headers = {"User-Agent": "countenance", "Accept-Encoding": "identity"}
    have = part.size
    if have and part.validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": part.validator}
    try:
        # The opener knows only http and https.
        request = urllib.request.Request(part.url, headers=headers)  # noqa: S310
        answer = _opener().open(request, timeout=patience.timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, part, have)
    except (ValueError, http.client.InvalidURL) as error:
        raise InputError(f"is not an address: {error}", where=part.url) from error
    with answer:
        response = cast("_Response", answer)
        total = _total(response, part, have)
        if expected is not None and expected.size_bytes not in (None, total) and total is not None:
            part.remove()
            raise IntegrityError(
                f"the server offers {total:,} bytes",
                where=part.url,
                expected=f"{expected.size_bytes:,} bytes, as recorded",
            )
        limit = (expected.size_bytes if expected else None) or patience.max_bytes
        have = part.size
        with part.path.open("ab") as file:
            while piece := response.read(_PIECE_BYTES):
                have += len(piece)
                if have > limit:
                    file.close()
                    part.remove()
                    raise IntegrityError(
                        f"more than {limit:,} bytes came", where=part.url, do="nothing was kept"
                    )
                file.write(piece)
                file.flush()
                progress("Downloading", have, max(have, total or 0))
    return total is None or have == total


def _total(response: _Response, part: _Part, have: int) -> int | None:
    """Length of the whole file, None if not told; starts the part anew unless it goes on."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        told = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if told is not None and told[1] is not None and int(told[1]) == have and told[3] != "*":
            return int(told[3])
        part.remove()
        raise http.client.HTTPException("the server sent another part than the one asked for")
    part.start(_validator(response.headers))
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _refused(error: urllib.error.HTTPError, part: _Part, have: int) -> bool:
    """What an answer other than success means: finished, try again, or an error."""
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
        told = _CONTENT_RANGE.fullmatch((error.headers.get("Content-Range") or "").strip())
        if told is not None and told[3] == str(have):
            return True  # all of it is here already
        part.remove()
        raise http.client.HTTPException("the server's file has changed") from error
    if error.code in _PASSING:
        raise http.client.HTTPException(f"the server says {error.code} {error.reason}") from error
    if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise NotThereError(
            f"the server says {error.code} {error.reason}", where=part.url, do="check the address"
        ) from error
    if 300 <= error.code < 400:
        what = "is redirected in a circle, too often, or to an address that is not fetched"
    else:
        what = f"the server says {error.code} {error.reason}"
    raise InputError(what, where=part.url, do="check the address") from error


def _validator(headers: http.client.HTTPMessage) -> str | None:
    """A strong ETag, or the date of the last change; weak ETags do not identify bytes."""
    etag = headers.get("ETag")
    if etag and etag.startswith('"'):
        return etag
    return headers.get("Last-Modified")


def _finish(part: _Part, expected: Recorded | None) -> None:
    """Check the hash and give the file its name."""
    if expected is not None:
        found = sha256_file(part.path)
        if found != expected.sha256:
            part.remove()
            raise IntegrityError(
                f"has the SHA-256 {found}",
                where=part.url,
                expected=expected.sha256,
                do="what came was removed; fetch it again, or from another place",
            )
    part.place()


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(cause) or type(cause).__name__


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects; none to another protocol, none from https down to http."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request to make instead, or None to refuse."""
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new == "http"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https and nothing else: no file, no ftp, no data."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
