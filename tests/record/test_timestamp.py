"""RFC 3161 tokens, from an authority made on the spot with OpenSSL."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import InputError, MissingPartError
from countenance.record import timestamp
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.errors import RecordError, VerificationError
from countenance.record.note import Ed25519Signer, add_signatures, sign_note
from countenance.record.proof import Proof, parse_proof
from countenance.record.timestamp import (
    TimestampAuthority,
    attach_timestamp,
    attached_timestamp,
    http_send,
    request_timestamp,
    verify_timestamp,
)

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl command")
pytest.importorskip("rfc3161_client")

CONFIG = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Test
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
authorityKeyIdentifier = keyid
[signing]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,codeSigning
authorityKeyIdentifier = keyid
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
other_policies = 1.3.6.1.4.1.99999.2
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""

LOG = Ed25519Signer.from_private_key(
    "example.com/log", Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
)
NOTE = sign_note(Checkpoint("example.com/log", 7, b"r" * 32).text, LOG)
OTHER = sign_note(Checkpoint("example.com/log", 7, b"s" * 32).text, LOG)


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run([str(OPENSSL), *arguments], cwd=folder, check=True, capture_output=True)


@dataclass(frozen=True)
class Local:
    """A timestamp authority in a folder."""

    folder: Path

    @property
    def authority(self) -> TimestampAuthority:
        return TimestampAuthority.load(self.folder / "ca.pem")

    def answer(self, request: bytes) -> bytes:
        (self.folder / "request.tsq").write_bytes(request)
        openssl(
            self.folder, "ts", "-reply", "-queryfile", "request.tsq", "-config", "openssl.cnf",
            "-section", "tsa", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "answer.tsr",
        )  # fmt: skip
        return (self.folder / "answer.tsr").read_bytes()


def make(folder: Path, extension: str = "stamping") -> Local:
    folder.mkdir()
    (folder / "openssl.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    ec = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-config",
        "openssl.cnf",
    ]
    openssl(
        folder, "req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
        "-subj", "/CN=Root of a test", "-extensions", "ca",
    )  # fmt: skip
    openssl(
        folder, "req", *ec, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=A test's clock"
    )
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "20", "-extfile", "openssl.cnf", "-extensions", extension,
        "-out", "tsa.pem",
    )  # fmt: skip
    return Local(folder)


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


def test_a_proof_carries_its_token(local: Local, token: bytes) -> None:
    proof = Proof(0, (), NOTE)
    assert attached_timestamp(proof) is None
    file = attach_timestamp(proof, token).encode()
    found = attached_timestamp(parse_proof(file))
    assert found == token
    verify_timestamp(found, parse_proof(file).checkpoint, authority=local.authority)


def test_extra_data_that_is_there_is_kept_or_the_token_refused(token: bytes) -> None:
    kept = attach_timestamp(Proof(0, (), NOTE, b'{"note":"kept"}'), token)
    assert b'"note":"kept"' in (kept.extra or b"")
    assert attached_timestamp(kept) == token
    for extra in (b"binary", b"[]", b"\xff", b"[" * 100_000):
        with pytest.raises(InputError):
            attach_timestamp(Proof(0, (), NOTE, extra), token)
        assert attached_timestamp(Proof(0, (), NOTE, extra)) is None
    for extra in (b'{"rfc3161":1}', b'{"rfc3161":"!"}', '{"rfc3161":"é"}'.encode()):
        with pytest.raises(VerificationError):
            attached_timestamp(Proof(0, (), NOTE, extra))


def test_certificates_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        TimestampAuthority.load(tmp_path / "none.pem")
    (tmp_path / "some.pem").write_text("no certificate\n")
    with pytest.raises(InputError, match="no certificates"):
        TimestampAuthority.load(tmp_path / "some.pem")


@pytest.fixture
def served(local: Local) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            request = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/tsa":
                self.send_error(503)
                return
            answer = local.answer(request)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_over_http(local: Local, served: str) -> None:
    token = request_timestamp(NOTE, authority=local.authority, send=http_send(f"{served}/tsa"))
    verify_timestamp(token, NOTE, authority=local.authority)
    with pytest.raises(RecordError, match="did not answer"):
        request_timestamp(NOTE, authority=local.authority, send=http_send(f"{served}/other"))


def test_addresses_that_are_none() -> None:
    with pytest.raises(InputError):
        http_send("file:///etc/passwd")


def test_without_the_part_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, token: bytes, local: Local
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(timestamp.importlib, "import_module", absent)
    with pytest.raises(MissingPartError, match="timestamps"):
        verify_timestamp(token, NOTE, authority=local.authority)
