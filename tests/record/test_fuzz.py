"""Any bytes whatever give `VerificationError` or a value, in bounded time: every parser here.

Two sources of bytes: Hypothesis, and a loop that takes a good sample and damages it (which gets
deeper than bytes out of nothing). `COUNTENANCE_FUZZ=100000` sets how many of the latter each
parser gets; without it a few hundred, so that every run of the tests has some.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.record import tiles
from countenance.record.checkpoint import Checkpoint, parse_checkpoint
from countenance.record.commitments import Opening, parse_opening
from countenance.record.cosignature import Ed25519Cosigner, cosign, split_time
from countenance.record.entries import parse_entry
from countenance.record.errors import VerificationError
from countenance.record.evidence import Evidence, parse_evidence, verify_evidence
from countenance.record.keys import ScryptCost, generate_key, open_key
from countenance.record.merkle import leaf_hash
from countenance.record.note import (
    Ed25519Signer,
    add_signatures,
    encode_base64,
    open_note,
    parse_signatures,
    parse_vkey,
    sign_note,
)
from countenance.record.policy import Policy, make_policy
from countenance.record.proof import Proof, parse_proof, verify_proof
from countenance.record.rotation import parse_rotation, rotation_entry
from countenance.record.witness import parse_add_checkpoint

COUNT = int(os.environ.get("COUNTENANCE_FUZZ", "300"))
SLOWEST_S = 5.0  # far above what any input takes; machines that run tests are shared

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "record" / "notes.json").read_text()
)


def _signer(seed: int) -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Signer.from_private_key("example.com/log", key)


LOG = _signer(1)
WITNESS = Ed25519Cosigner.from_private_key(
    "w.example", Ed25519PrivateKey.from_private_bytes(b"\2" * 32), clock=lambda: 9
)
ENTRY = b"an entry"
_NOTE = sign_note(Checkpoint("example.com/log", 1, leaf_hash(ENTRY)).text, LOG)
NOTE = add_signatures(_NOTE, [cosign(_NOTE, WITNESS, time=9)])
FORK = sign_note(Checkpoint("example.com/log", 1, bytes(32)).text, LOG)
POLICY = make_policy(logs=[LOG.vkey], witnesses=[("w", WITNESS.vkey, "https://w.example/")], k=1)
OPENING = Opening("disclosed", "case", bytes(32), {"a": [1, "\u00e9", None]}).to_bytes()
KEYS = [parse_vkey(LOG.vkey), parse_vkey(WITNESS.vkey)]
PROOF = Proof(0, (), NOTE, b"extra").encode()
LONG_PROOF = Proof(5, (bytes(32),) * 20, NOTE).encode()
PASSPHRASE = "a passphrase"
ROTATION = rotation_entry(LOG, _signer(3), time_s=9)


def _key_file(folder: Path) -> bytes:
    generate_key(folder / "k", "example.com/log", passphrase=PASSPHRASE, cost=ScryptCost(n=2))
    return (folder / "k").read_bytes()


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Target:
    """A parser, and good inputs of it."""

    parse: Callable[[bytes], object]
    samples: tuple[bytes, ...]


TARGETS = {
    "note": Target(lambda data: open_note(data, KEYS), (NOTE, sign_note("a\n\nb\n", LOG))),
    "signatures": Target(parse_signatures, (NOTE[NOTE.rindex(b"\n\n") + 2 :],)),
    "vkey": Target(
        _text(parse_vkey),
        (LOG.vkey.encode(), WITNESS.vkey.encode(), VECTORS["mldsa_subtree"]["vkey"].encode()),
    ),
    "checkpoint": Target(parse_checkpoint, (Checkpoint("o", 7, bytes(32), ("x",)).text.encode(),)),
    "cosignature": Target(split_time, (bytes(72),)),
    "policy": Target(Policy.parse, (POLICY.text.encode(),)),
    "policy check": Target(POLICY.check, (NOTE,)),
    "proof": Target(parse_proof, (PROOF, LONG_PROOF)),
    "proof verification": Target(lambda data: verify_proof(data, ENTRY, POLICY), (PROOF,)),
    "opening": Target(parse_opening, (OPENING,)),
    "rotation": Target(parse_rotation, (ROTATION,)),
    "entry": Target(parse_entry, (ROTATION,)),
    "bundle": Target(
        lambda data: tiles.decode_bundle(data, width=3),
        (tiles.encode_bundle([b"a", b"", b"ccc"]),),
    ),
    "tile path": Target(
        _text(tiles.parse_path),
        (tiles.tile_path(1, 1234067, 5).encode(), tiles.entries_path(7).encode()),
    ),
    "add-checkpoint": Target(
        parse_add_checkpoint, (b"old 0\n\n" + NOTE, b"old 1\n" + b"A" * 43 + b"=\n\n" + NOTE)
    ),
    "evidence": Target(
        lambda data: verify_evidence(parse_evidence(data), KEYS[:1]),
        (Evidence(NOTE, FORK).to_bytes(),),
    ),
}

PIECES = [
    b"\n", b"\n\n", b"\xe2\x80\x94 ", b" ", b"+", b"=", b"\0", b"\r\n", b"\xff", b"\xed\xa0\x80",
    b"index ", b"extra ", b"old ", b"log ", b"witness ", b"group g all w", b"quorum none\n",
    b"-1", b"0", b"00", b"18446744073709551616", b"9" * 5000, b"A" * 44, b"{", b"[" * 2000, b'"',
    b"null", b"1e400", b"\\ud800", b"\xc2\xa0", b"x001/", b".p/", b"_",
]  # fmt: skip


def damage(source: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        at = source.randrange(len(out) + 1)
        to = min(len(out), at + source.choice((0, 1, 1, 4, 40)))
        what = source.randrange(7)
        if what == 0 and at < len(out):
            out[at] ^= 1 << source.randrange(8)
        elif what == 1:
            out[at:to] = source.choice(PIECES)
        elif what == 2:
            out[at:at] = out[at:to] * source.randrange(1, 30)
        elif what == 3:
            del out[at:to]
        elif what == 4:
            out[at:to] = source.randbytes(to - at)
        elif what == 5:
            del out[at:]
        else:
            lines = bytes(out).split(b"\n")
            source.shuffle(lines)
            out = bytearray(b"\n".join(lines))
    return bytes(out)


def feed(parse: Callable[[bytes], object], data: bytes, *, slowest_s: float = SLOWEST_S) -> None:
    start = time.monotonic()
    message = ""
    try:
        parse(data)
    except VerificationError as error:
        message = str(error)
    assert time.monotonic() - start < slowest_s
    assert len(message) < 2000, "what is told of hostile bytes must stay short enough to log"


@pytest.mark.parametrize("name", TARGETS)
def test_the_samples_are_good(name: str) -> None:
    for sample in TARGETS[name].samples:
        TARGETS[name].parse(sample)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_samples(name: str) -> None:
    target = TARGETS[name]
    source = random.Random(name)
    for _ in range(COUNT):
        feed(target.parse, damage(source, source.choice(target.samples)))


@pytest.mark.parametrize("name", TARGETS)
def test_large_and_empty_inputs(name: str) -> None:
    target = TARGETS[name]
    for data in (
        b"", b"\n", b"\0", b"\n" * 500_000, b"A" * 2_000_000, b"\xff" * 100_000, b"[" * 100_000,
        b"{" * 100_000, b'{"a":' * 20_000, b"9" * 1_000_000, b"A\n" * 400_000, b"a b\n" * 200_000,
        "— a AAAAAAAA\n".encode() * 50_000, b"\n\n" + "— a AAAAAAAA\n".encode() * 50_000,
        b"quorum none\n" * 100_000,
        b"c2sp.org/tlog-proof@v1\nindex 0\n" + (b"A" * 43 + b"=\n") * 30_000,
        b"\x00\x00" * 300_000,
    ):  # fmt: skip
        feed(target.parse, data)
    for sample in target.samples:
        feed(target.parse, sample * (2_000_000 // len(sample)))
        for at in range(0, len(sample), max(1, len(sample) // 200)):
            feed(target.parse, sample[:at])


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(data=st.data())
def test_bytes_of_any_kind(name: str, data: st.DataObject) -> None:
    pieces = st.sampled_from([*PIECES, *TARGETS[name].samples])
    drawn = data.draw(st.lists(pieces | st.binary(max_size=20), max_size=6))
    feed(TARGETS[name].parse, b"".join(drawn))


def test_key_files(tmp_path: Path) -> None:
    sample = _key_file(tmp_path)
    source = random.Random(5)

    def parse(data: bytes) -> object:
        return open_key(data, passphrase=PASSPHRASE, clock=lambda: 9)

    parse(sample)
    for _ in range(COUNT):
        # A damaged file may ask for four times the work of a real one, which is slow on purpose.
        feed(parse, damage(source, sample), slowest_s=60)


def test_openings() -> None:
    source = random.Random(6)
    sample = json.dumps({"schema": "x", "version": 1, "salt": encode_base64(bytes(32))}).encode()
    for _ in range(COUNT):
        feed(parse_opening, damage(source, sample))
