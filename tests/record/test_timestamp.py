"""RFC 3161 tokens, from an authority made on the spot with OpenSSL."""

from __future__ import annotations

import gzip
import random
import subprocess
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stamping import OPENSSL, Reply, answering, reply, serving
from stamping import LocalAuthority as Local
from stamping import make_authority as make

from countenance.core import InputError, MissingPartError
from countenance.record import timestamp
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.errors import RecordError, VerificationError
from countenance.record.note import Ed25519Signer, add_signatures, sign_note
from countenance.record.timestamp import (
    TimestampAuthority,
    http_send,
    request_timestamp,
    verify_timestamp,
    write_request,
)

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl command")
pytest.importorskip("rfc3161_client")

LOG = Ed25519Signer.from_private_key(
    "example.com/log", Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
)
NOTE = sign_note(Checkpoint("example.com/log", 7, b"r" * 32).text, LOG)
OTHER = sign_note(Checkpoint("example.com/log", 7, b"s" * 32).text, LOG)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    return make(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def token(local: Local) -> bytes:
    return request_timestamp(NOTE, authority=local.authority, send=local.answer)


def test_a_token_verifies_offline(local: Local, token: bytes) -> None:
    stamp = verify_timestamp(token, NOTE, authority=local.authority)
    assert abs(stamp.time_s - time.time()) < 600
    assert stamp.policy == "1.3.6.1.4.1.99999.1"
    assert stamp.serial > 0


def test_cosignatures_may_come_later(local: Local, token: bytes) -> None:
    witness = Ed25519Cosigner.from_private_key("w", Ed25519PrivateKey.generate(), clock=lambda: 9)
    later = add_signatures(NOTE, [cosign(NOTE, witness, time=9)])
    verify_timestamp(token, later, authority=local.authority)


def test_a_token_of_another_checkpoint_is_refused(local: Local, token: bytes) -> None:
    with pytest.raises(VerificationError):
        verify_timestamp(token, OTHER, authority=local.authority)


def test_an_authority_not_trusted_is_refused(local: Local, token: bytes, tmp_path: Path) -> None:
    stranger = make(tmp_path / "two")
    with pytest.raises(VerificationError):
        verify_timestamp(token, NOTE, authority=stranger.authority)
    with pytest.raises(VerificationError):
        request_timestamp(NOTE, authority=stranger.authority, send=local.answer)
    with pytest.raises(VerificationError):
        verify_timestamp(token, NOTE, authority=TimestampAuthority(()))


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    # OpenSSL itself does not stamp with such a certificate; a rogue authority would.
    rogue = make(tmp_path / "rogue", "signing")
    with pytest.raises((VerificationError, subprocess.CalledProcessError)):
        request_timestamp(NOTE, authority=rogue.authority, send=rogue.answer)


def test_a_replayed_answer_is_refused(local: Local, token: bytes) -> None:
    # The same checkpoint, an honest token, but not the answer to this request.
    with pytest.raises(VerificationError, match="Nonce"):
        request_timestamp(NOTE, authority=local.authority, send=lambda _: token)


def test_a_refusal_is_refused(local: Local) -> None:
    with pytest.raises(VerificationError):
        request_timestamp(NOTE, authority=local.authority, send=lambda _: local.answer(b"junk"))


def test_any_bytes_give_the_one_error(local: Local, token: bytes) -> None:
    stamp = verify_timestamp(token, NOTE, authority=local.authority)
    source = random.Random(1)
    for _ in range(300):
        changed = bytearray(token)
        for _ in range(source.randint(1, 4)):
            changed[source.randrange(len(changed))] = source.randrange(256)
        try:
            found = verify_timestamp(bytes(changed), NOTE, authority=local.authority)
        except VerificationError:
            continue
        # Some bytes of the envelope mean nothing; what was signed must stand.
        assert found == stamp
    for junk in (b"", token[:-1], token[:20], b"\x30" * 100, b"\0" * 70_000):
        with pytest.raises(VerificationError):
            verify_timestamp(junk, NOTE, authority=local.authority)


def test_certificates_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        TimestampAuthority.load(tmp_path / "none.pem")
    (tmp_path / "some.pem").write_text("no certificate\n")
    with pytest.raises(InputError, match="no certificates"):
        TimestampAuthority.load(tmp_path / "some.pem")


def test_over_http(local: Local) -> None:
    with serving(local) as address:
        token = request_timestamp(NOTE, authority=local.authority, send=http_send(address))
        verify_timestamp(token, NOTE, authority=local.authority)
        with pytest.raises(RecordError, match="answered 503"):
            http_send(f"{address}/other")(b"request")
    with pytest.raises(RecordError, match="did not answer"):
        http_send(address)(b"request")


def oversize(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, bytes(timestamp.MAX_TOKEN_BYTES + 1))


def endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/timestamp-reply")
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65_536))


def bomb(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")


def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """A byte each time before a timeout of the socket would be over, and whole if one waits."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/timestamp-reply")
    handler.send_header("Content-Length", "200")
    handler.end_headers()
    for _second in range(200):
        time.sleep(0.1)
        handler.wfile.write(b"x")


def drip_headers(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Y: ")
    while True:
        time.sleep(0.1)
        handler.wfile.write(b"x")


def silence(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.rfile.read(1)


def cut(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, bytes(100), Content_Length="8192")
    handler.close_connection = True


def a_page(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, b"<h1>Please log in</h1>", Content_Type="text/html; charset=utf-8")


def no_type(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x")


def elsewhere(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, b"", status="302", Location="file:///etc/hostname")


def itself(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, b"", status="307", Location=handler.path)


def garbage(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"\x00\xff" * 200 + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (oversize, "larger than it can be"),
        (endless, "larger than it can be|did not answer"),
        (bomb, "larger than it can be"),
        (drip, "no whole answer"),
        (drip_headers, "no whole answer"),
        (silence, "no whole answer"),
        (cut, "breaks off"),
        (a_page, "answered with text/html"),
        (no_type, "answered with text/plain"),
        (elsewhere, "answered 302"),
        (itself, "answered 307"),
        (garbage, "did not answer"),
    ],
)
def test_a_hostile_authority_gives_one_error_in_bounded_time(answer: Reply, message: str) -> None:
    late = message == "no whole answer"
    with answering(answer) as address:
        began = time.monotonic()
        with pytest.raises(RecordError, match=message):
            http_send(address, timeout_s=0.5 if late else 20)(b"request")
        assert time.monotonic() - began < (5 if late else 25)


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "", "tsa.example", "http://", "http://h:port/", "http://h:99999/",
     "http://a b/", "http://h/\n", "https://ada:secret@h/", "https://ada:sec/ret@h/"],
)  # fmt: skip
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InputError) as caught:
        http_send(address)
    assert "sec" not in caught.value.diagnostics()


def test_an_address_may_ask_a_question() -> None:
    http_send("http://tsa.example/?td=sha256")


def test_a_request_carried_by_hand(local: Local) -> None:
    token = local.answer(write_request(NOTE))
    verify_timestamp(token, NOTE, authority=local.authority)
    with pytest.raises(VerificationError):
        verify_timestamp(token, OTHER, authority=local.authority)


def test_without_the_part_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, token: bytes, local: Local
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(timestamp.importlib, "import_module", absent)
    with pytest.raises(MissingPartError, match="timestamps"):
        verify_timestamp(token, NOTE, authority=local.authority)
