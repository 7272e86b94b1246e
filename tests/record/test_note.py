"""Signed notes: published vectors, forgeries, and every way a line can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.record import note as notes
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Ed25519Signer,
    Ed25519Verifier,
    Signature,
    add_signatures,
    decode_base64,
    encode_base64,
    open_note,
    parse_decimal,
    parse_signatures,
    parse_vkey,
    sign_note,
    split_note,
)
from countenance.record.vkey import (
    check_name,
    format_vkey,
    split_vkey,
)

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "record" / "notes.json").read_text()
)


def signer(name: str = "example.com/log", seed: int = 1) -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Signer.from_private_key(name, key)


@pytest.mark.parametrize("vector", ["signed_note", "go_note"])
def test_published_notes_open(vector: str) -> None:
    data = VECTORS[vector]["note"].encode()
    opened = open_note(data, [parse_vkey(VECTORS[vector]["vkey"])])
    assert opened.text == data[: data.rindex(b"\n\n") + 1]
    assert len(opened.verified) == 1
    assert opened.unverified == ()


def test_signing_gives_the_published_bytes() -> None:
    vector = VECTORS["go_note"]
    seed = decode_base64(vector["seed_base64"])
    peter = Ed25519Signer.from_private_key(
        "PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed)
    )
    assert peter.vkey == vector["vkey"]
    assert sign_note(vector["text"], peter) == vector["note"].encode()


def test_a_signature_by_an_unknown_key_is_set_aside() -> None:
    vector = VECTORS["go_note"]
    opened = open_note(vector["two_signers"].encode(), [parse_vkey(vector["vkey"])])
    assert [s.name for s in opened.verified] == ["PeterNeumann"]
    assert [s.name for s in opened.unverified] == ["EnochRoot"]


@pytest.mark.parametrize("vkey", VECTORS["go_bad_vkeys"]["vkeys"])
def test_published_bad_keys_are_refused(vkey: str) -> None:
    with pytest.raises(VerificationError):
        parse_vkey(vkey)


def test_no_known_key_no_text() -> None:
    data = sign_note("text\n", signer())
    with pytest.raises(VerificationError, match="no known key"):
        open_note(data, [])
    with pytest.raises(VerificationError, match="no known key"):
        open_note(data, [parse_vkey(signer(seed=2).vkey)])


def test_one_bad_signature_by_a_known_key_rejects_the_note() -> None:
    one, two = signer(seed=1), signer("example.com/other", seed=2)
    good = sign_note("text\n", one)
    forged = add_signatures(good, [Signature(two.name, two.key_id, bytes(64))])
    assert open_note(forged, [parse_vkey(one.vkey)]).text == b"text\n"
    with pytest.raises(VerificationError, match="does not verify"):
        open_note(forged, [parse_vkey(one.vkey), parse_vkey(two.vkey)])


def test_the_name_alone_or_the_id_alone_is_an_unknown_key() -> None:
    one = signer()
    data = sign_note("text\n", one)
    other_id = add_signatures(data, [Signature(one.name, b"\0\0\0\0", bytes(64))])
    other_name = add_signatures(data, [Signature("example.com/x", one.key_id, bytes(64))])
    for each in (other_id, other_name):
        assert len(open_note(each, [parse_vkey(one.vkey)]).unverified) == 1


def test_a_signature_moved_to_another_text_does_not_verify() -> None:
    data = sign_note("text\n", signer()).replace(b"text", b"tent")
    with pytest.raises(VerificationError, match="does not verify"):
        open_note(data, [parse_vkey(signer().vkey)])


def test_every_flipped_bit_of_a_note_is_seen() -> None:
    one = signer()
    data = sign_note("a\nb\n", one)
    keys = [parse_vkey(one.vkey)]
    for at in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            with pytest.raises(VerificationError):
                open_note(bytes(flipped), keys)


def test_the_text_ends_at_the_last_empty_line() -> None:
    one = signer()
    text = "first\n\n— looks like a signature AAAAAAAA\n"
    assert open_note(sign_note(text, one), [parse_vkey(one.vkey)]).text == text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        b"text\n\n- example.com/log AAAAAAAA\n",
        "text\n\n— example.com/log AAAAAAAA".encode(),  # no last newline
        "text\n\n— example.com/log AAAA\n".encode(),  # shorter than a key id
        "text\n\n— example.com/log AAAAAA==\n".encode(),  # a key id and nothing else
        "text\n\n— example.com/log AAAAAAAB=\n".encode(),
        "text\n\n— example.com/log AAAAAAAAAB==\n".encode(),  # another writing of the same bytes
        "text\n\n— example.com/log  AAAAAAAA\n".encode(),
        "text\n\n— example.com/log\u00a0x AAAAAAAA\n".encode(),
        "text\n\n— a+b AAAAAAAA\n".encode(),
        "text\n\n—  AAAAAAAA\n".encode(),
        "text\r\n\n— example.com/log AAAAAAAA\n".encode(),
        "te\0xt\n\n— example.com/log AAAAAAAA\n".encode(),
        b"te\xffxt\n\n\xe2\x80\x94 example.com/log AAAAAAAA\n",
        b"text\n\n" + "— example.com/log AAAAAAAA\n".encode() * 101,
        b"x" * 1_000_001 + "\n\n— example.com/log AAAAAAAA\n".encode(),
    ],
)
def test_what_is_no_note(data: bytes) -> None:
    with pytest.raises(VerificationError):
        open_note(data, [parse_vkey(signer().vkey)])


def test_bounds_hold_for_good_notes_too() -> None:
    one = signer()
    text = b"x" * 1_000_000 + b"\n"
    data = text + b"\n" + Signature(one.name, one.key_id, one.sign(text)).line
    with pytest.raises(VerificationError, match="too large"):
        open_note(data, [parse_vkey(one.vkey)])
    with pytest.raises(VerificationError, match="shorter than its key id"):
        parse_signatures("— example.com/log AAAAAA==\n".encode())


def test_a_hundred_signatures_open() -> None:
    one = signer()
    many = [Signature("example.com/x", n.to_bytes(4, "big"), b"s") for n in range(99)]
    data = add_signatures(sign_note("text\n", one), many)
    assert len(open_note(data, [parse_vkey(one.vkey)]).unverified) == 99
    with pytest.raises(VerificationError, match="too many"):
        split_note(add_signatures(data, [Signature("example.com/y", b"1234", b"s")]))


def test_adding_what_is_there_changes_nothing() -> None:
    data = sign_note("text\n", signer())
    assert add_signatures(data, split_note(data)[1]) == data


@pytest.mark.parametrize(
    "text", ["no newline", "", "tab\there\n", "nul\0\n", "cr\r\n", "\ud800\n"]
)
def test_texts_no_note_can_carry(text: str) -> None:
    with pytest.raises(VerificationError):
        sign_note(text, signer())


def test_a_note_needs_a_signer() -> None:
    with pytest.raises(VerificationError):
        sign_note("text\n")


def test_two_known_keys_of_one_name_and_id_are_refused() -> None:
    vkey = signer().vkey
    with pytest.raises(VerificationError, match="share"):
        open_note(sign_note("text\n", signer()), [parse_vkey(vkey), parse_vkey(vkey)])


def test_a_key_that_signs_wrongly_is_caught_before_its_signature_is_used() -> None:
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    faulty = Ed25519Signer("example.com/log", key, sign_raw=lambda _: bytes(64))
    with pytest.raises(VerificationError, match="does not verify"):
        sign_note("text\n", faulty)


def test_a_key_elsewhere_signs_as_one_in_memory() -> None:
    # What a PKCS#11 module or a key service offers: bytes in, 64 bytes out.
    class Module:
        def __init__(self) -> None:
            self._key = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
            self.asked: list[bytes] = []

        def public_key(self) -> bytes:
            return self._key.public_key().public_bytes_raw()

        def eddsa(self, message: bytes) -> bytes:
            self.asked.append(message)
            return self._key.sign(message)

    module = Module()
    remote = Ed25519Signer("example.com/log", module.public_key(), sign_raw=module.eddsa)
    assert sign_note("text\n", remote) == sign_note("text\n", signer())
    assert module.asked == [b"text\n"]


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+0000000g+AQ==",
        "name+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "x" * 5000,
        "\ud800+00000000+AQ==",
    ],
)
def test_what_is_no_verifier_key(vkey: str) -> None:
    with pytest.raises(VerificationError):
        parse_vkey(vkey)


@pytest.mark.parametrize(
    "name", ["", "a b", "a\u2003b", "a\u0085b", "a+b", "a\nb", "\x1f", "x" * 256, "\ud800"]
)
def test_names_the_format_does_not_allow(name: str) -> None:
    with pytest.raises(VerificationError):
        check_name(name)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "01", " 1", "1 ", "1_0", "1\n", "٣", "0x1", "9223372036854775808"]
)
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(VerificationError):
        parse_decimal(text)


def test_the_largest_number() -> None:
    assert parse_decimal(str(2**63 - 1)) == 2**63 - 1
    assert parse_decimal("0") == 0


@given(st.binary(max_size=100))
def test_base64_both_ways(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data


@given(st.text(alphabet="ABCDwxyz0189+/= \n-_", max_size=24))
def test_base64_has_one_writing(text: str) -> None:
    try:
        data = decode_base64(text)
    except VerificationError:
        return
    assert encode_base64(data) == text


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda s: not any(c.isspace() or c == "+" or c < " " for c in s) and len(s.encode()) < 256
)
texts = st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n"), max_size=200).map(
    lambda s: s + "\n"
)


@given(names, texts, st.integers(0, 255))
def test_what_is_signed_opens(name: str, text: str, seed: int) -> None:
    one = signer(name, seed)
    opened = open_note(sign_note(text, one), [parse_vkey(one.vkey)])
    assert opened.text == text.encode()


@given(names, st.sampled_from([1, 4, 6]), st.binary(min_size=1, max_size=40))
def test_verifier_keys_both_ways(name: str, kind: int, key: bytes) -> None:
    assert split_vkey(format_vkey(name, kind, key)) == (name, kind, key)


def test_signature_lines_of_a_witness_answer() -> None:
    assert parse_signatures(b"") == ()
    line = Signature("w.example", b"\1\2\3\4", b"signature").line
    assert parse_signatures(line * 2) == (Signature("w.example", b"\1\2\3\4", b"signature"),) * 2


def test_private_keys_are_in_no_repr() -> None:
    assert "01010101" not in repr(signer())
    assert isinstance(parse_vkey(signer().vkey), Ed25519Verifier)
    assert notes.MAX_SIGNATURES >= 16  # the format's least
