"""Downloads from a real loopback server: dropped, resumed, lying, circling, changed."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countenance.core import InputError, IntegrityError
from countenance.datasets.download import NotThereError, Patience, _Redirects, download, is_url
from countenance.datasets.recorded_files import Recorded

Handler = http.server.BaseHTTPRequestHandler
BODY = bytes(range(256)) * 4000  # 1 MB: several pieces
RECORD = Recorded(hashlib.sha256(BODY).hexdigest(), len(BODY))
QUICK = Patience(timeout_s=5, tries=3, tries_in_all=20, pause_s=0)


class Files:
    """A server of BODY with ranges, that can be told to misbehave."""

    def __init__(self) -> None:
        self.etag = '"v1"'
        self.drop_after: list[int] = []
        self.ranges = True
        self.body = BODY

    def __call__(self, handler: Handler) -> None:
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if asked and self.ranges and handler.headers.get("If-Range") == self.etag:
            start = int(asked[1])
            if start >= len(self.body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(self.body)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            last = len(self.body) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.body)}")
        else:
            handler.send_response(200)
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(self.body) - start))
        handler.end_headers()
        end = start + self.drop_after.pop(0) if self.drop_after else len(self.body)
        handler.wfile.write(self.body[start:end])


@pytest.fixture
def files(server: Any) -> Files:
    server.respond = Files()
    return server.respond  # type: ignore[no-any-return]


def left(target: Path) -> set[str]:
    return {p.name for p in target.parent.iterdir()}


def test_whole(server: Any, files: Files, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    target = tmp_path / "deep" / "x.zip"
    download(
        server.url + "/x",
        target,
        expected=RECORD,
        progress=lambda *t: told.append(t),
        patience=QUICK,
    )
    assert target.read_bytes() == BODY
    assert left(target) == {"x.zip"}
    assert told[-1] == ("Downloading", len(BODY), len(BODY))
    assert [t[1] for t in told] == sorted(t[1] for t in told)


def test_dropped_connections_are_gone_on_from(server: Any, files: Files, tmp_path: Path) -> None:
    files.drop_after = [300_000, 0, 200_000]
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY
    assert [h.get("Range") for _, h in server.requests] == [
        None,
        "bytes=300000-",
        "bytes=300000-",
        "bytes=500000-",
    ]


def test_given_up_and_resumed_by_another_run(server: Any, files: Files, tmp_path: Path) -> None:
    files.drop_after = [300_000, 0, 0, 0, 0]
    target = tmp_path / "x"
    with pytest.raises(InputError, match=r"ended after 300,000 bytes[\s\S]*goes on") as caught:
        download(server.url + "/x", target, expected=RECORD, patience=QUICK)
    assert server.url in str(caught.value)
    assert left(target) == {"x.part", "x.part.json"}
    files.drop_after = []
    download(server.url + "/x", target, expected=RECORD, patience=QUICK)
    assert server.requests[-1][1]["Range"] == "bytes=300000-"
    assert target.read_bytes() == BODY
    assert left(target) == {"x"}


def test_an_interrupted_run_is_resumed(server: Any, files: Files, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    target = tmp_path / "x"
    with pytest.raises(KeyboardInterrupt):
        download(server.url + "/x", target, expected=RECORD, progress=stop, patience=QUICK)
    have = (tmp_path / "x.part").stat().st_size
    assert 500_000 < have < len(BODY)
    download(server.url + "/x", target, expected=RECORD, patience=QUICK)
    assert server.requests[-1][1]["Range"] == f"bytes={have}-"
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("change", ["etag", "ranges", "address", "no validator"])
def test_what_came_is_not_mixed_with_another_file(
    server: Any, files: Files, tmp_path: Path, change: str
) -> None:
    if change == "no validator":
        files.etag = ""
    files.drop_after = [300_000, 0, 0, 0]
    target = tmp_path / "x"
    with pytest.raises(InputError):
        download(server.url + "/old", target, patience=QUICK)
    files.drop_after = []
    files.body = BODY[::-1]
    files.etag = '"v2"' if change == "etag" else files.etag
    files.ranges = change != "ranges"
    download(server.url + ("/new" if change == "address" else "/old"), target, patience=QUICK)
    assert target.read_bytes() == BODY[::-1]


def test_a_weak_etag_does_not_identify_bytes(server: Any, files: Files, tmp_path: Path) -> None:
    files.etag = 'W/"v1"'
    files.drop_after = [300_000]
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert [h.get("Range") for _, h in server.requests] == [None, None]


def test_already_whole_when_resumed(server: Any, files: Files, tmp_path: Path) -> None:
    """The run was killed between the last byte and the rename: the server answers 416."""
    (tmp_path / "x.part").write_bytes(BODY)
    about = f'{{"url": "{server.url}/x", "validator": "\\"v1\\""}}'
    (tmp_path / "x.part.json").write_text(about)
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY
    assert len(server.requests) == 1


def test_416_for_a_shorter_file_starts_anew(server: Any, files: Files, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(BODY + b"more")
    about = f'{{"url": "{server.url}/x", "validator": "\\"v1\\""}}'
    (tmp_path / "x.part.json").write_text(about)
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.parametrize("about", ["", "{}", "[]", '{"url": 1, "validator": []}', "\xff"])
def test_a_damaged_note_of_the_part_starts_anew(
    server: Any, files: Files, tmp_path: Path, about: str
) -> None:
    (tmp_path / "x.part").write_bytes(b"rubbish")
    (tmp_path / "x.part.json").write_bytes(about.encode("latin-1"))
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY


def test_wrong_hash(server: Any, files: Files, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"mine")
    wrong = Recorded("0" * 64, len(BODY))
    with pytest.raises(IntegrityError, match=r"SHA-256 [0-9a-f]{64}[\s\S]*expected: 0{64}"):
        download(server.url + "/x", tmp_path / "x", expected=wrong, patience=QUICK)
    assert left(tmp_path / "x") == {"other"}
    assert len(server.requests) == 1


def test_wrong_length_is_refused_before_it_comes(
    server: Any, files: Files, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError, match=r"offers 1,024,000 bytes[\s\S]*5 bytes"):
        download(server.url, tmp_path / "x", expected=Recorded("0" * 64, 5), patience=QUICK)
    assert left(tmp_path / "x") == set()


def lie(length: int | None, body: bytes) -> Callable[[Handler], None]:
    def respond(handler: Handler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.send_header("ETag", '"x"')
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_a_length_that_promises_too_much(server: Any, tmp_path: Path) -> None:
    server.respond = lie(len(BODY) + 1, BODY)
    with pytest.raises(InputError, match="ended after 1,024,000 bytes"):
        download(server.url + "/x", tmp_path / "x", patience=QUICK)
    assert len(server.requests) == 1 + QUICK.tries
    assert not (tmp_path / "x").exists()


def test_a_length_that_promises_too_little(server: Any, tmp_path: Path) -> None:
    server.respond = lie(100, BODY)
    with pytest.raises(IntegrityError, match="SHA-256"):
        download(
            server.url + "/x", tmp_path / "x", expected=Recorded("0" * 64, None), patience=QUICK
        )


def test_no_length_and_no_end(server: Any, tmp_path: Path) -> None:
    server.respond = lie(None, BODY * 3)
    with pytest.raises(IntegrityError, match="more than 1,024,000 bytes"):
        download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert left(tmp_path / "x") == set()
    small = Patience(pause_s=0, max_bytes=10)
    with pytest.raises(IntegrityError, match="more than 10 bytes"):
        download(server.url + "/x", tmp_path / "x", patience=small)


def test_no_length_is_fine_with_a_hash(server: Any, tmp_path: Path) -> None:
    server.respond = lie(None, BODY)
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY


def test_another_part_than_the_one_asked_for(server: Any, tmp_path: Path) -> None:
    replies = [0]

    def respond(handler: Handler) -> None:
        replies[0] += 1
        handler.send_response(206 if replies[0] == 2 else 200)
        handler.send_header("Content-Range", "bytes 7-1023999/1024000")
        handler.send_header("ETag", '"x"')
        handler.send_header("Content-Length", str(len(BODY)))
        handler.end_headers()
        handler.wfile.write(BODY[:1000] if replies[0] == 1 else BODY)

    server.respond = respond
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY
    assert replies[0] == 3


def test_a_byte_at_a_time_ends(server: Any, files: Files, tmp_path: Path) -> None:
    files.drop_after = [1] * 100
    with pytest.raises(InputError, match="ended after 20 bytes"):
        download(server.url + "/x", tmp_path / "x", patience=QUICK)


def answer(code: int, **headers: str) -> Callable[[Handler], None]:
    def respond(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return respond


@pytest.mark.parametrize(
    ("code", "requests", "words"),
    [
        (404, 1, "404 Not Found"),
        (403, 1, "403"),
        (503, 3, "503"),
        (429, 3, "429"),
        (416, 1, "416"),
    ],
)
def test_refusals(server: Any, tmp_path: Path, code: int, requests: int, words: str) -> None:
    server.respond = answer(code)
    with pytest.raises(InputError, match=words) as caught:
        download(server.url + "/x", tmp_path / "x", patience=QUICK)
    assert isinstance(caught.value, NotThereError) == (code == 404)
    assert len(server.requests) == requests


def test_redirects(server: Any, files: Files, tmp_path: Path) -> None:
    def respond(handler: Handler) -> None:
        if handler.path == "/x":
            answer(302, Location="/y")(handler)
        else:
            files(handler)

    server.respond = respond
    files.drop_after = [1000]
    download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == BODY
    assert server.requests[-1][1]["Range"] == "bytes=1000-"


@pytest.mark.parametrize(
    "location", ["/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x"]
)
def test_redirects_that_are_not_followed(server: Any, tmp_path: Path, location: str) -> None:
    server.respond = answer(302, Location=location)
    with pytest.raises(InputError, match="redirected in a circle"):
        download(server.url + "/x", tmp_path / "x", patience=QUICK)
    assert left(tmp_path / "x") == set()


@pytest.mark.parametrize(
    ("old", "new", "followed"),
    [
        ("https://a/x", "https://b/x", True),
        ("http://a/x", "https://b/x", True),
        ("https://a/x", "http://b/x", False),
    ],
)
def test_never_from_https_down_to_http(old: str, new: str, followed: bool) -> None:
    request = urllib.request.Request(old, headers={"Range": "bytes=5-"})  # noqa: S310
    made = _Redirects().redirect_request(request, None, 302, "Found", {}, new)
    assert (made is not None) == followed
    if made is not None:
        assert made.get_header("Range") == "bytes=5-"


def test_a_silent_server(server: Any, tmp_path: Path) -> None:
    done = threading.Event()
    server.respond = lambda _: done.wait(5)
    patience = Patience(timeout_s=0.1, tries=2, pause_s=0)
    with pytest.raises(InputError, match="timed out"):
        download(server.url + "/x", tmp_path / "x", patience=patience)
    done.set()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be fetched"):
        download("http://127.0.0.1:9/x", tmp_path / "x", patience=QUICK)


@pytest.mark.parametrize("url", ["http://[::1/x", "http:///x", "http://127.0.0.1:port/x", "x\n"])
def test_not_an_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError):
        download(url, tmp_path / "x", patience=QUICK)


def test_never_over_another_file(server: Any, files: Files, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        download(server.url + "/x", tmp_path / "x", expected=RECORD, patience=QUICK)
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_which_sources_are_addresses() -> None:
    assert is_url("https://x/y.zip")
    assert is_url("HTTP://x")
    for path in ("x.zip", "C:\\x.zip", "/a//b", "a://"[:1], "."):
        assert not is_url(path)
    for other in ("file:///x", "ftp://x/y", "s3://x/y"):
        with pytest.raises(InputError, match="are not fetched"):
            is_url(other)
