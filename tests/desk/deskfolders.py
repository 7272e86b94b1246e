"""Deployments that are made and opened quickly: cheap passphrases, a witness in a thread."""

from __future__ import annotations

import functools
from typing import Self

import pytest

from countenance.desk.configuration import Configuration
from countenance.desk.folder import check_address, read_passphrase
from countenance.desk.parts import now_s
from countenance.record import (
    Ed25519Cosigner,
    Witness,
    WitnessedLog,
    WitnessServer,
    WitnessStore,
    load_signer,
    parse_vkey,
    read_vkey,
)
from countenance.record.keys import ScryptCost


class ThreadWitness:
    """The witness beside a desk, with its real key and state, without a process of its own."""

    def __init__(self, found: Configuration) -> None:
        folder = found.places.witness
        signer = load_signer(
            folder / "witness.key", passphrase=read_passphrase(folder / "passphrase"), clock=now_s
        )
        assert isinstance(signer, Ed25519Cosigner)
        key = parse_vkey(read_vkey(found.places.log_key))
        self._store = WitnessStore(folder / "state.sqlite")
        witness = Witness(
            [WitnessedLog(key.name, (key,))], signers=[signer], store=self._store, clock=now_s
        )
        host, port = check_address(found.local_witness)
        self._server = WitnessServer(witness, host=host, port=port)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._store.close()


def make_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are of something else than passphrases and processes."""
    cheap = functools.partial(ScryptCost, n=2**4)
    monkeypatch.setattr("countenance.record.keys.ScryptCost", cheap)
    monkeypatch.setattr("countenance.desk.sealedkeys._COST", 2**4)
    for place in ("opening", "restoring"):
        monkeypatch.setattr(f"countenance.desk.{place}.local_witness", ThreadWitness)
