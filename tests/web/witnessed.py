"""A site whose checkpoints a witness cosigned, and the command line that checks them."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result
from webkit import Site

from countenance.cli.app import app as cli
from countenance.desk.passkeys import RelyingParty
from countenance.record import Ed25519Cosigner, Log, cosign, make_policy
from countenance.record.note import Ed25519Signer, add_signatures
from countenance.web import create_app

_KEY = Ed25519PrivateKey.from_private_bytes
LOG_KEY = Ed25519Signer.from_private_key("desk.example/log", _KEY(bytes(32))).vkey


@dataclass
class Witnessed:
    """Publishes with one witness, here; refuses while a test says so."""

    log: Log
    witness: Ed25519Cosigner
    error: Exception | None = None

    def cover(self, index: int | None) -> int:
        del index
        if self.error is not None:
            raise self.error
        self.log.publish(
            lambda note: add_signatures(note, [cosign(note, self.witness, time=int(time.time()))])
        )
        return self.log.size


def witnessed(site: Site) -> Witnessed:
    """Give a site a witness and the policy that says so; what publishes its checkpoints."""
    witness = Ed25519Cosigner.from_private_key(
        "witness.example/1", _KEY(bytes([91]) * 32), clock=lambda: int(time.time())
    )
    made = site.deployment
    publisher = Witnessed(made.log, witness)
    policy = make_policy(logs=[LOG_KEY], witnesses=[("w1", witness.vkey, "")], k=1)
    means = dataclasses.replace(made.means, publisher=publisher)
    site.deployment = dataclasses.replace(made, policy=policy.text, means=means)
    site.app = create_app(site.deployment)
    return publisher


@contextlib.contextmanager
def served(site: Site) -> Iterator[str]:
    """The site on a port of this machine; its address."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        address = f"http://localhost:{door.getsockname()[1]}"
        party = RelyingParty(id="localhost", name="Desk", origins=(address,))
        app = create_app(dataclasses.replace(site.deployment, party=party))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()


def ran(*arguments: object) -> Result:
    """A command of `countenance`."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])
