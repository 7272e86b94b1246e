"""Time stamps in a checkpoint's own lines, and authorities in a policy's comments."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logkit import signer
from stamping import OPENSSL, LocalAuthority, make_authority

from countenance.record.checkpoint import Checkpoint
from countenance.record.errors import VerificationError
from countenance.record.note import open_note, parse_vkey, sign_note, split_note
from countenance.record.policy import Policy, make_policy
from countenance.record.proof import Proof, parse_proof
from countenance.record.stamped import (
    MAX_TOKENS,
    NamedAuthority,
    add_token,
    examine_tokens,
    format_authorities,
    parse_authorities,
    tokens_of,
)
from countenance.record.timestamp import MAX_TOKEN_BYTES, TimestampAuthority, write_request

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl command")
pytest.importorskip("rfc3161_client")

NOTE = sign_note(Checkpoint("log.example/tests", 7, b"r" * 32).text, signer())
OTHER = sign_note(Checkpoint("log.example/tests", 8, b"r" * 32).text, signer())
POLICY = make_policy(logs=[signer().vkey])


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "two")


@pytest.fixture(scope="module")
def token(local: LocalAuthority) -> bytes:
    return local.answer(write_request(NOTE))


def named(local: LocalAuthority, name: str = "tsa.example") -> NamedAuthority:
    return NamedAuthority(name, local.authority)


def test_a_stamped_checkpoint_is_the_same_checkpoint_to_everybody_else(token: bytes) -> None:
    stamped = add_token(NOTE, token)
    assert split_note(stamped)[0] == split_note(NOTE)[0]
    assert POLICY.check(stamped) == POLICY.check(NOTE)
    opened = open_note(stamped, [parse_vkey(signer().vkey)])
    assert [line.signature for line in opened.unverified] == [token]
    assert tokens_of(stamped) == (token,)
    assert tokens_of(NOTE) == ()
    assert add_token(stamped, token) == stamped


def test_the_line_is_of_the_type_for_those_without_a_number(token: bytes) -> None:
    """signed-note: SHA-256(name || 0x0A || 0xff || a longer identifier), its first four bytes."""
    line = split_note(add_token(NOTE, token))[1][-1]
    said = b"rfc3161-timestamp\n\xffRFC 3161 TimeStampResp in DER over the text of the note"
    assert (line.name, line.key_id) == ("rfc3161-timestamp", hashlib.sha256(said).digest()[:4])


def test_a_proof_carries_the_time_of_its_checkpoint(local: LocalAuthority, token: bytes) -> None:
    file = Proof(0, (), add_token(NOTE, token), b"the entry").encode()
    stamps = examine_tokens(parse_proof(file).checkpoint, [named(local)])
    assert [name for name, _ in stamps.verified] == ["tsa.example"]


def test_each_authority_vouches_for_its_own(
    local: LocalAuthority, stranger: LocalAuthority, token: bytes
) -> None:
    both = add_token(add_token(NOTE, token), stranger.answer(write_request(NOTE)))
    stamps = examine_tokens(both, [named(stranger, "s"), named(local, "l")])
    assert sorted(name for name, _ in stamps.verified) == ["l", "s"]
    times = [stamp.time_s for _, stamp in stamps.verified]
    assert times == sorted(times)
    one = examine_tokens(both, [named(local, "l")])
    assert [name for name, _ in one.verified] == ["l"]
    assert len(one.unverified) == 1
    none = examine_tokens(both, [])
    assert none.verified == ()
    assert none.unverified == ("no timestamp authority is trusted",) * 2


def test_a_token_moved_to_another_checkpoint_shows_nothing(
    local: LocalAuthority, token: bytes
) -> None:
    stamps = examine_tokens(add_token(OTHER, token), [named(local)])
    assert stamps.verified == ()
    assert "does not verify" in stamps.unverified[0]


def test_there_is_an_end_to_it(local: LocalAuthority, token: bytes) -> None:
    note = NOTE
    for number in range(MAX_TOKENS):
        note = add_token(note, b"junk %d" % number)
    with pytest.raises(VerificationError, match="8 time stamps"):
        add_token(note, token)
    assert len(examine_tokens(note, [named(local)]).unverified) == MAX_TOKENS
    for size in (0, MAX_TOKEN_BYTES + 1):
        with pytest.raises(VerificationError, match="no size"):
            add_token(NOTE, bytes(size))
    with pytest.raises(VerificationError):
        add_token(b"no note", token)


def test_authorities_stand_in_the_policy_and_other_readers_pass_over_them(
    local: LocalAuthority, stranger: LocalAuthority
) -> None:
    two = TimestampAuthority(local.authority.certificates + stranger.authority.certificates)
    text = POLICY.text + format_authorities([named(local, "one"), NamedAuthority("two", two)])
    assert Policy.parse(text.encode()).text == POLICY.text
    assert parse_authorities(text.encode()) == (named(local, "one"), NamedAuthority("two", two))
    assert parse_authorities(POLICY.text.encode()) == ()
    assert parse_authorities(b"# a remark about #timestamp-authority\n") == ()


@pytest.mark.parametrize(
    "line", [b"", b" name", b" name !", b" name AAAA", b" name AA AA", b" na\xffme AAAA"]
)
def test_a_line_that_is_cut_is_named_and_not_passed_over(line: bytes) -> None:
    with pytest.raises(VerificationError, match="line 2"):
        parse_authorities(b"quorum none\n#timestamp-authority" + line + b"\n")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "\u00e9"])
def test_names_that_would_not_be_read_back(local: LocalAuthority, name: str) -> None:
    with pytest.raises(VerificationError):
        format_authorities([named(local, name)])


@given(st.binary(max_size=200))
def test_any_bytes_give_the_one_error(data: bytes) -> None:
    for read in (parse_authorities, tokens_of, lambda x: add_token(x, b"token")):
        try:
            read(data)
        except VerificationError:
            continue


@given(st.binary(min_size=1, max_size=300))
def test_any_token_is_only_not_verified(data: bytes) -> None:
    stamps = examine_tokens(add_token(NOTE, data), [NamedAuthority("n", TimestampAuthority(()))])
    assert len(stamps.unverified) == 1


def test_a_file_of_certificates(local: LocalAuthority, tmp_path: Path) -> None:
    both = (local.folder / "ca.pem").read_bytes() + (local.folder / "tsa.pem").read_bytes()
    (tmp_path / "both.pem").write_bytes(both)
    assert len(TimestampAuthority.load(tmp_path / "both.pem").certificates) == 2
