"""Offline proofs and key rotation: a tree written out by the book, and everything one may forge.

The tree here is RFC 6962 section 2.1 word for word, slow and independent of the one under test.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, canonical_json
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Ed25519Signer,
    add_signatures,
    encode_base64,
    open_note,
    parse_vkey,
    sign_note,
)
from countenance.record.policy import Policy, make_policy
from countenance.record.proof import Proof, examine_proof, parse_proof, verify_proof
from countenance.record.rotation import follow_rotation, parse_rotation, rotation_entry

NOW = 1_800_000_000
ORIGIN = "example.com/log"


def signer(seed: int = 1, name: str = ORIGIN) -> Ed25519Signer:
    return Ed25519Signer.from_private_key(
        name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    )


WITNESS = Ed25519Cosigner.from_private_key(
    "w.example", Ed25519PrivateKey.from_private_bytes(b"\7" * 32), clock=lambda: NOW
)
POLICY = make_policy(logs=[signer().vkey], witnesses=[("w", WITNESS.vkey, "")], k=1)


def mth(entries: list[bytes]) -> bytes:
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = 1 << (len(entries) - 1).bit_length() - 1
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def publish(entries: list[bytes], key: Ed25519Signer | None = None) -> bytes:
    note = sign_note(Checkpoint(ORIGIN, len(entries), mth(entries)).text, key or signer())
    return add_signatures(note, [cosign(note, WITNESS, time=NOW)])


def prove(index: int, entries: list[bytes]) -> Proof:
    return Proof(index, tuple(path(index, entries)), publish(entries))


ENTRIES = [f"entry {n}".encode() for n in range(11)]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=40), st.data())
def test_what_was_logged_is_proved(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    file = prove(index, entries).encode()
    checkpoint = verify_proof(file, entries[index], POLICY)
    assert (checkpoint.size, checkpoint.root) == (len(entries), mth(entries))
    with pytest.raises(VerificationError):
        verify_proof(file, entries[index] + b"x", POLICY)


def test_the_file_is_the_specification_s() -> None:
    proof = prove(10, ENTRIES)
    lines = proof.encode().decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "index 10"
    assert lines[2:4] == [encode_base64(h) for h in proof.hashes]
    assert lines[4] == ""
    assert lines[5:8] == publish(ENTRIES).decode().split("\n")[:3]
    with_extra = proof.with_extra(b"more").encode().decode().split("\n")
    assert with_extra[1] == "extra bW9yZQ=="
    assert with_extra[2:] == lines[1:]
    assert parse_proof("\n".join(with_extra).encode()) == proof.with_extra(b"more")


def test_every_wrong_index_is_refused() -> None:
    for index in range(len(ENTRIES)):
        good = prove(index, ENTRIES)
        for wrong in (*range(20), 2**63 - 1):
            file = Proof(wrong, good.hashes, good.checkpoint).encode()
            if wrong == index:
                verify_proof(file, ENTRIES[index], POLICY)
            else:
                with pytest.raises(VerificationError):
                    verify_proof(file, ENTRIES[index], POLICY)


def test_hashes_left_out_added_or_swapped_are_refused() -> None:
    good = prove(5, ENTRIES)
    h = good.hashes
    for wrong in (h[1:], h[:-1], (*h, bytes(32)), (bytes(32), *h), h[::-1], ()):
        with pytest.raises(VerificationError):
            verify_proof(Proof(5, wrong, good.checkpoint).encode(), ENTRIES[5], POLICY)


def test_a_node_is_not_an_entry() -> None:
    # Without the two prefixes, the pair of hashes below a node would pass for an entry.
    good = prove(0, ENTRIES)
    pair = (
        hashlib.sha256(b"\0" + ENTRIES[0]).digest() + hashlib.sha256(b"\0" + ENTRIES[1]).digest()
    )
    with pytest.raises(VerificationError):
        verify_proof(Proof(0, good.hashes[1:], good.checkpoint).encode(), pair, POLICY)


def test_every_flipped_bit_of_a_proof_is_seen() -> None:
    file = prove(5, ENTRIES).encode()
    for at in range(len(file)):
        flipped = bytearray(file)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            verify_proof(bytes(flipped), ENTRIES[5], POLICY)


def test_extra_data_is_not_trusted_and_does_not_matter() -> None:
    proof, verdict = examine_proof(
        prove(5, ENTRIES).with_extra(b"anything").encode(), ENTRIES[5], POLICY
    )
    assert proof.extra == b"anything"
    assert verdict.cosigned[0].witness == "w"


@pytest.mark.parametrize(
    "change",
    [
        (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
        (b"index 5", b"index 05"),
        (b"index 5", b"index  5"),
        (b"index 5", b"index -5"),
        (b"index 5", b"index 5\r"),
        (b"index 5", b"index 9223372036854775808"),
        (b"index 5\n", b""),
        (b"index 5", b"extra !\nindex 5"),
        (b"index 5", b"extra bW9yZQ=\nindex 5"),
        (b"index 5", b"extra bW9yZR==\nindex 5"),
        (b"index 5", b"extra bW9yZQ==\nextra bW9yZQ==\nindex 5"),
        (b"index 5\n", b"index 5\nbW9yZQ==\n"),
        (b"index 5\n", b"index 5\n\n"),
        (b"index 5\n", b"index 5\n" + encode_base64(bytes(32)).encode() + b"\n" * 1),
        (b"index 5\n", b"index 5\n" + (encode_base64(bytes(32)).encode() + b"\n") * 64),
        (b"index 5", b"ind\xc3\xa9x 5"),
        ("— w.example".encode(), b"- w.example"),
    ],
)
def test_what_is_no_good_proof(change: tuple[bytes, bytes]) -> None:
    file = prove(5, ENTRIES).encode()
    assert change[0] in file
    with pytest.raises(VerificationError):
        verify_proof(file.replace(*change), ENTRIES[5], POLICY)


def test_a_proof_that_could_not_be_read_back_is_not_written() -> None:
    note = publish(ENTRIES)
    for bad in (
        Proof(-1, (), note),
        Proof(0, (b"short",), note),
        Proof(0, (bytes(32),) * 64, note),
        Proof(0, (), b"no note"),
        Proof(0, (), note, b"x" * 262_145),
    ):
        with pytest.raises(VerificationError):
            bad.encode()
    with pytest.raises(VerificationError, match="too large"):
        parse_proof(b"x" * 1_400_001)


# Key rotation


def test_a_rotation_is_followed() -> None:
    old, new = signer(1), signer(2)
    entry = rotation_entry(old, new, time_s=NOW)
    rotation = parse_rotation(entry)
    assert (rotation.origin, rotation.old_vkey, rotation.new_vkey) == (ORIGIN, old.vkey, new.vkey)
    entries = [*ENTRIES, entry]
    policy = follow_rotation(POLICY, entry, prove(11, entries).encode())
    later = [*entries, b"after"]
    with pytest.raises(VerificationError):
        POLICY.check(publish(later, new))
    assert policy.check(publish(later, new)).size == 13
    with pytest.raises(VerificationError):
        policy.check(publish(later, old))


def test_a_rotation_outside_the_log_is_not_followed() -> None:
    entry = rotation_entry(signer(1), signer(2), time_s=NOW)
    with pytest.raises(VerificationError):
        follow_rotation(POLICY, entry, prove(5, ENTRIES).encode())


def test_a_rotation_needs_the_quorum() -> None:
    entry = rotation_entry(signer(1), signer(2), time_s=NOW)
    note = sign_note(Checkpoint(ORIGIN, 1, mth([entry])).text, signer(1))
    with pytest.raises(VerificationError, match="no quorum"):
        follow_rotation(POLICY, entry, Proof(0, (), note).encode())


def test_a_rotation_from_a_key_not_trusted_is_not_followed() -> None:
    entry = rotation_entry(signer(3), signer(2), time_s=NOW)
    with pytest.raises(VerificationError, match="does not list"):
        follow_rotation(POLICY, entry, prove(0, [entry]).encode())


def test_a_rotation_of_another_log_is_not_followed() -> None:
    other = "example.com/other"
    entry = rotation_entry(signer(1, other), signer(2, other), time_s=NOW)
    policy = make_policy(
        logs=[signer().vkey, signer(3, other).vkey], witnesses=[("w", WITNESS.vkey, "")], k=1
    )
    with pytest.raises(VerificationError, match="another log"):
        follow_rotation(policy, entry, prove(0, [entry]).encode())


def _statement(text: str, *signers: Ed25519Signer) -> bytes:
    value = json.loads(rotation_entry(signer(1), signer(2), time_s=NOW))
    value["public"]["statement"] = sign_note(text, *signers).decode()
    return canonical_json(value)


def _text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


HEADER = "countenance/key-rotation/v1"


def test_both_keys_must_sign() -> None:
    old, new = signer(1), signer(2)
    text = _text(HEADER, ORIGIN, old.vkey, new.vkey)
    assert parse_rotation(_statement(text, new, old)).new_vkey == new.vkey
    for signers in ((old,), (new,), (old, old), (new, new), (signer(3),)):
        with pytest.raises(VerificationError):
            parse_rotation(_statement(text, *signers))


@pytest.mark.parametrize(
    "text",
    [
        _text(HEADER + "2", ORIGIN, signer(1).vkey, signer(2).vkey),
        _text(HEADER, ORIGIN, signer(1).vkey),
        _text(HEADER, ORIGIN, signer(1).vkey, signer(2).vkey, "more"),
        _text(HEADER, "example.com/other", signer(1).vkey, signer(2).vkey),
        _text(HEADER, ORIGIN, signer(1).vkey, signer(1).vkey),
        _text(HEADER, ORIGIN, signer(1).vkey, "no key"),
        _text(HEADER, ORIGIN, signer(1).vkey, WITNESS.vkey),
    ],
)
def test_statements_that_are_none(text: str) -> None:
    with pytest.raises(VerificationError):
        parse_rotation(_statement(text, signer(1), signer(2)))


@pytest.mark.parametrize("statement", [None, 1, "", "x", "\n\n", "a\n\n— b AAAAAAAA\n"])
def test_entries_that_are_no_rotation(statement: Any) -> None:
    value = json.loads(rotation_entry(signer(1), signer(2), time_s=NOW))
    value["public"]["statement"] = statement
    with pytest.raises(VerificationError):
        parse_rotation(canonical_json(value))
    for other in (b"", b"{}", b"\xff"):
        with pytest.raises(VerificationError):
            parse_rotation(other)


def test_a_rotation_cannot_pass_for_a_checkpoint() -> None:
    entry = json.loads(rotation_entry(signer(1), signer(2), time_s=NOW))
    note = entry["public"]["statement"].encode()
    assert open_note(note, [parse_vkey(signer(1).vkey)]).text.decode().startswith(HEADER)
    with pytest.raises(VerificationError):
        make_policy(logs=[signer(1).vkey]).check(note)


def test_keys_that_cannot_follow_each_other() -> None:
    for old, new in (
        (signer(1), signer(1)),
        (signer(1), signer(2, "example.com/other")),
        (signer(1, "w.example"), WITNESS),
        (WITNESS, WITNESS),
    ):
        with pytest.raises(InputError):
            rotation_entry(old, new, time_s=NOW)


def test_policies_and_proofs_are_values() -> None:
    assert prove(1, ENTRIES) == prove(1, ENTRIES)
    assert isinstance(hash(prove(1, ENTRIES)), int)
    assert Policy.parse(POLICY.text.encode()).text == POLICY.text
