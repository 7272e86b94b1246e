"""Cosignatures of both kinds: vectors from elsewhere, forgery, replay, clocks that are off."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import InputError, MissingPartError
from countenance.record import cosignature
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import (
    Cosigner,
    Ed25519Cosigner,
    MLDSA44Cosigner,
    MLDSA44Verifier,
    cosign,
    generate_mldsa44,
    split_time,
    subtree_message,
    time_findings,
)
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Ed25519Signer,
    Signature,
    add_signatures,
    decode_base64,
    open_note,
    parse_signatures,
    parse_vkey,
    sign_note,
    split_note,
)

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "record" / "notes.json").read_text()
)
NOW = 1_800_000_000
CHECKPOINT = Checkpoint("example.com/log", 7, b"r" * 32)
LOG = Ed25519Signer.from_private_key(
    "example.com/log", Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
)
NOTE = sign_note(CHECKPOINT.text, LOG)

try:
    MLDSA_KEY: Any = generate_mldsa44()
except MissingPartError:
    MLDSA_KEY = None
needs_mldsa = pytest.mark.skipif(MLDSA_KEY is None, reason="cryptography here has no ML-DSA")


def make(kind: str, name: str = "witness.example/w") -> Cosigner:
    if kind == "ml-dsa-44":
        return MLDSA44Cosigner.from_private_key(name, MLDSA_KEY, clock=lambda: NOW)
    key = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
    return Ed25519Cosigner.from_private_key(name, key, clock=lambda: NOW)


both = pytest.mark.parametrize("kind", ["ed25519", pytest.param("ml-dsa-44", marks=needs_mldsa)])


@needs_mldsa
def test_an_ml_dsa_44_cosignature_made_by_another_program() -> None:
    vector = VECTORS["mldsa_subtree"]
    key = parse_vkey(vector["vkey"])
    assert isinstance(key, MLDSA44Verifier)
    (signature,) = parse_signatures(vector["line"].encode())
    assert (signature.name, signature.key_id) == (key.name, key.key_id)
    time, bare = split_time(signature.signature)
    assert time == vector["time"]
    root = decode_base64(vector["root_base64"])
    span = {"start": vector["start"], "end": vector["end"], "root": root, "time": time}
    key.verify_message(bare, subtree_message(key.name, origin=vector["origin"], **span))
    for change in (
        {"start": 0},
        {"end": 14},
        {"root": bytes(32)},
        {"origin": "example.com/lo"},
    ):
        changed = {"origin": vector["origin"], **span, **change}
        with pytest.raises(VerificationError):
            key.verify_message(bare, subtree_message(key.name, **changed))


def test_a_public_witness_s_key() -> None:
    vkey = VECTORS["ed25519_cosigner"]["vkey"]
    assert parse_vkey(vkey).name == "remora.n621.de"


def test_the_time_in_published_cosignatures() -> None:
    vector = VECTORS["cosignature_time"]
    raw = decode_base64(vector["signature_base64"])
    assert split_time(raw[4:])[0] == vector["time"]
    vector = VECTORS["specification_checkpoint"]
    witness = split_note(vector["note"].encode())[1][1]
    time, bare = split_time(witness.signature)
    assert (time, len(bare)) == (vector["time"], 64)


def test_the_signed_message_is_the_specification_s() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosignature.ed25519_message(text.encode(), 1679315147).decode() == (
        "cosignature/v1\ntime 1679315147\n" + text
    )


def test_the_subtree_structure_field_by_field() -> None:
    message = subtree_message("w", origin="log", start=0, end=7, root=b"r" * 32, time=9)
    expected = b"subtree/v1\n\0" + b"\1w" + struct.pack(">Q", 9) + b"\3log"
    expected += struct.pack(">QQ", 0, 7) + b"r" * 32
    assert message == expected


@both
def test_cosigned_notes_open(kind: str) -> None:
    witness = make(kind)
    line = cosign(NOTE, witness, time=NOW).line
    whole = add_signatures(NOTE, parse_signatures(line))
    opened = open_note(whole, [parse_vkey(LOG.vkey), parse_vkey(witness.vkey)])
    assert [s.name for s in opened.verified] == [LOG.name, witness.name]
    assert split_time(opened.verified[1].signature)[0] == NOW
    # The log's key alone opens it too: the cosignature is then one of an unknown key.
    assert len(open_note(whole, [parse_vkey(LOG.vkey)]).unverified) == 1


@both
def test_a_cosigner_is_a_signer_that_takes_the_clock_s_time(kind: str) -> None:
    witness = make(kind)
    opened = open_note(sign_note(CHECKPOINT.text, witness), [parse_vkey(witness.vkey)])
    assert split_time(opened.verified[0].signature)[0] == NOW


@both
@pytest.mark.parametrize("what", ["time", "size", "root", "origin", "bit", "cut", "long", "empty"])
def test_forged_and_replayed_cosignatures(kind: str, what: str) -> None:
    witness = make(kind)
    text = CHECKPOINT.text.encode()
    good = cosign(NOTE, witness, time=NOW).signature
    key = parse_vkey(witness.vkey)
    key.verify(text, good)
    forged = {
        "time": struct.pack(">Q", NOW + 1) + good[8:],
        "bit": good[:-1] + bytes([good[-1] ^ 1]),
        "cut": good[:-1],
        "long": good + b"\0",
        "empty": good[:8],
    }.get(what, good)
    replayed = {
        "size": Checkpoint("example.com/log", 8, b"r" * 32),
        "root": Checkpoint("example.com/log", 7, b"s" * 32),
        "origin": Checkpoint("example.com/lag", 7, b"r" * 32),
    }.get(what, CHECKPOINT)
    with pytest.raises(VerificationError):
        key.verify(replayed.text.encode(), forged)


@both
def test_only_checkpoints_are_cosigned(kind: str) -> None:
    witness = make(kind)
    with pytest.raises(VerificationError):
        witness.sign(b"a text that is no checkpoint\n")
    with pytest.raises(VerificationError):
        cosign(sign_note("no checkpoint\n", LOG), witness, time=NOW)
    with pytest.raises(VerificationError):
        parse_vkey(witness.vkey).verify(b"no checkpoint\n", bytes(72))


def test_a_good_signature_of_no_checkpoint_is_no_cosignature() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
    text = b"no checkpoint\n"
    signature = struct.pack(">Q", NOW) + key.sign(cosignature.ed25519_message(text, NOW))
    with pytest.raises(VerificationError, match="not a checkpoint"):
        parse_vkey(make("ed25519").vkey).verify(text, signature)


@needs_mldsa
def test_ml_dsa_44_signs_the_cosigner_s_name() -> None:
    signature = cosign(NOTE, make("ml-dsa-44"), time=NOW)
    other = make("ml-dsa-44", "witness.example/other")
    with pytest.raises(VerificationError):
        parse_vkey(other.vkey).verify(CHECKPOINT.text.encode(), signature.signature)


def test_ed25519_covers_extension_lines_and_ml_dsa_44_does_not() -> None:
    extended = Checkpoint("example.com/log", 7, b"r" * 32, ("more",)).text.encode()
    witness = make("ed25519")
    signature = cosign(NOTE, witness, time=NOW).signature
    with pytest.raises(VerificationError):
        parse_vkey(witness.vkey).verify(extended, signature)
    if MLDSA_KEY is not None:
        witness = make("ml-dsa-44")
        signature = cosign(NOTE, witness, time=NOW).signature
        parse_vkey(witness.vkey).verify(extended, signature)


@needs_mldsa
def test_a_log_may_sign_with_ml_dsa_44() -> None:
    log = make("ml-dsa-44", "example.com/log")
    note = sign_note(CHECKPOINT.text, LOG, log)
    assert len(open_note(note, [parse_vkey(LOG.vkey), parse_vkey(log.vkey)]).verified) == 2


@both
@pytest.mark.parametrize("time", [-1, 2**63])
def test_times_that_cannot_be_signed(kind: str, time: int) -> None:
    with pytest.raises((InputError, VerificationError)):
        cosign(NOTE, make(kind), time=time)


def test_a_time_past_the_bound_is_no_cosignature() -> None:
    with pytest.raises(VerificationError, match="out of range"):
        split_time(struct.pack(">Q", 2**63) + bytes(64))
    with pytest.raises(VerificationError):
        split_time(bytes(8))


@pytest.mark.parametrize(
    "change",
    [
        {"cosigner": "x" * 256},
        {"cosigner": ""},
        {"origin": "x" * 256},
        {"root": b""},
        {"start": 8},
        {"end": -1},
        {"end": 2**63},
        {"start": 1, "time": 1},
    ],
)
def test_what_the_subtree_structure_cannot_hold(change: dict[str, Any]) -> None:
    values: dict[str, Any] = {"origin": "log", "start": 0, "end": 7, "root": bytes(32), "time": 0}
    values |= change
    with pytest.raises(VerificationError):
        subtree_message(values.pop("cosigner", "w"), **values)


@both
def test_clocks_that_are_off_are_reported_and_do_not_reject(kind: str) -> None:
    witness = make(kind)
    key = parse_vkey(witness.vkey)
    for time, count in ((NOW, 0), (NOW - 60, 0), (NOW - 61, 1), (NOW + 61, 1), (NOW + 10**6, 1)):
        whole = add_signatures(NOTE, [cosign(NOTE, witness, time=time)])
        opened = open_note(whole, [parse_vkey(LOG.vkey), key])
        found = time_findings(
            opened.verified, [parse_vkey(LOG.vkey), key], now=NOW, tolerance_s=60
        )
        assert [(f.name, f.time, f.off_s) for f in found] == [
            (witness.name, time, time - NOW)
        ] * count
        for finding in found:
            assert ("before" if time < NOW else "after") in str(finding)


def test_a_time_of_zero_says_nothing_only_with_ml_dsa_44() -> None:
    witness = make("ed25519")
    signature = cosign(NOTE, witness, time=0)
    assert len(time_findings([signature], [parse_vkey(witness.vkey)], now=NOW)) == 1
    if MLDSA_KEY is not None:
        witness = make("ml-dsa-44")
        signature = cosign(NOTE, witness, time=0)
        assert time_findings([signature], [parse_vkey(witness.vkey)], now=NOW) == []


def test_a_faulty_module_s_cosignature_is_not_used() -> None:
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    faulty = Ed25519Cosigner("w", key, sign_raw=lambda _: bytes(64), clock=lambda: NOW)
    with pytest.raises(VerificationError):
        cosign(NOTE, faulty, time=NOW)


def test_one_key_as_log_and_as_witness_has_two_ids() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    witness = Ed25519Cosigner.from_private_key(LOG.name, key, clock=lambda: NOW)
    assert witness.key_id != LOG.key_id
    # A log's signature is not taken for a cosignature, nor the other way round.
    log_line = Signature(LOG.name, witness.key_id, struct.pack(">Q", NOW) + LOG.sign(b"a\n1\n"))
    with pytest.raises(VerificationError):
        open_note(add_signatures(NOTE, [log_line]), [parse_vkey(witness.vkey)])


def test_without_ml_dsa_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosignature.importlib, "import_module", _absent)
    with pytest.raises(MissingPartError, match="ML-DSA"):
        generate_mldsa44()
    with pytest.raises(MissingPartError, match="ML-DSA"):
        parse_vkey(VECTORS["mldsa_subtree"]["vkey"])
    parse_vkey(VECTORS["ed25519_cosigner"]["vkey"])


def _absent(name: str) -> Any:
    raise ImportError(name)


def test_kinds_of_keys_not_known() -> None:
    with pytest.raises(VerificationError, match="0x02"):
        cosignature.cosignature_verifier("w", 2, bytes(32))
    with pytest.raises(VerificationError):
        cosignature.cosignature_verifier("w", 6, bytes(32))
    with pytest.raises(VerificationError):
        cosignature.cosignature_verifier("w", 4, bytes(31))
