"""A timestamp authority made on the spot with OpenSSL, in a folder and over HTTP on loopback."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from countenance.record.timestamp import TimestampAuthority

OPENSSL = shutil.which("openssl")

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


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run([str(OPENSSL), *arguments], cwd=folder, check=True, capture_output=True)


@dataclass(frozen=True)
class LocalAuthority:
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


def make_authority(folder: Path, extension: str = "stamping") -> LocalAuthority:
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
    return LocalAuthority(folder)


Reply = Callable[[BaseHTTPRequestHandler, bytes], None]


def reply(handler: BaseHTTPRequestHandler, body: bytes, **headers: str) -> None:
    """Answer 200, as an authority does unless the headers say otherwise."""
    status = int(headers.pop("status", "200"))
    handler.send_response(status)
    said = {"Content_Type": "application/timestamp-reply", "Content_Length": str(len(body))}
    for name, value in (said | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def answering(answer: Reply) -> Iterator[str]:
    """The address of a server that gives every POST this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            with contextlib.suppress(OSError):
                answer(self, request)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def serving(local: LocalAuthority) -> Iterator[str]:
    """The address of an honest authority."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        assert handler.headers["Content-Type"] == "application/timestamp-query"
        if handler.path == "/tsa":
            reply(handler, local.answer(request))
        else:
            handler.send_error(503)

    with answering(answer) as address:
        yield f"{address}/tsa"
