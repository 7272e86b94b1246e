"""A witness in a process of its own: prints its address, then serves until it is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.record import (
    Ed25519Cosigner,
    Witness,
    WitnessedLog,
    WitnessServer,
    WitnessStore,
    parse_vkey,
)


def main() -> None:
    path, number, vkey = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    cosigner = Ed25519Cosigner.from_private_key(
        f"w{number}.example", key, clock=lambda: int(time.time())
    )
    store = WitnessStore(path) if path.exists() else WitnessStore.create(path)
    witness = Witness(
        [WitnessedLog("desk.example/log", (parse_vkey(vkey),))], signers=[cosigner], store=store,
        clock=lambda: int(time.time()),
    )  # fmt: skip
    port = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    server = WitnessServer(witness, port=port)
    print(server.url, flush=True)
    server.serve_forever()


main()
