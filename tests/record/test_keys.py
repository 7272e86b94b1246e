"""Key files: sealed, for their owner only, and not to be changed without being noticed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from countenance.core import InputError, MissingPartError
from countenance.record import keys
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import generate_mldsa44
from countenance.record.errors import ConflictError, StorageError, VerificationError
from countenance.record.keys import (
    KeyKind,
    ScryptCost,
    generate_key,
    load_signer,
    open_key,
    read_vkey,
)
from countenance.record.note import open_note, parse_vkey, sign_note

PASSPHRASE = "correct horse battery staple"
QUICK = ScryptCost(n=2**4)
NOW = 1_800_000_000
TEXT = Checkpoint("example.com/log", 7, b"r" * 32).text

try:
    generate_mldsa44()
    KINDS = list(KeyKind)
except MissingPartError:
    KINDS = [KeyKind.LOG, KeyKind.WITNESS]


def clock() -> int:
    return NOW


def make(path: Path, kind: KeyKind = KeyKind.LOG, **more: Any) -> str:
    return generate_key(
        path, "example.com/log", passphrase=PASSPHRASE, kind=kind, cost=QUICK, **more
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_signs_after_it_was_at_rest(tmp_path: Path, kind: KeyKind) -> None:
    path = tmp_path / "log.key"
    vkey = make(path, kind)
    signer = load_signer(path, passphrase=PASSPHRASE, clock=clock)
    assert signer.vkey == vkey == read_vkey(path)
    assert open_note(sign_note(TEXT, signer), [parse_vkey(vkey)]).verified


@pytest.mark.parametrize(
    ("n", "r", "p"),
    [(3, 8, 1), (1, 8, 1), (2**16, 1, 1), (2**17, 1, 1), (2**23, 8, 1), (2, 8, 2**20), (2, 0, 1)],
)
def test_a_cost_that_scrypt_does_not_have_or_no_machine_can_pay(n: int, r: int, p: int) -> None:
    with pytest.raises(VerificationError, match="bounds"):
        ScryptCost(n=n, r=r, p=p)
    assert ScryptCost(n=2**15, r=1)


def test_too_little_memory_for_the_passphrase_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poor:
        def __init__(self, **_: object) -> None:
            pass

        def derive(self, _: bytes) -> bytes:
            raise MemoryError

    make(tmp_path / "log.key")
    monkeypatch.setattr(keys, "Scrypt", Poor)
    with pytest.raises(StorageError, match="memory"):
        load_signer(tmp_path / "log.key", passphrase=PASSPHRASE, clock=clock)


def test_the_default_cost_is_not_a_toy(tmp_path: Path) -> None:
    assert 128 * ScryptCost().n * ScryptCost().r >= 128 * 2**20
    path = tmp_path / "log.key"
    generate_key(path, "example.com/log", passphrase=PASSPHRASE)
    assert json.loads(path.read_text())["scrypt"] == {"n": 2**17, "r": 8, "p": 1}
    load_signer(path, passphrase=PASSPHRASE, clock=clock)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    before = os.umask(0)
    try:
        make(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o620, 0o666):
        path.chmod(mode)
        with pytest.raises(InputError, match="others may read"):
            load_signer(path, passphrase=PASSPHRASE, clock=clock)
    path.chmod(0o400)
    load_signer(path, passphrase=PASSPHRASE, clock=clock)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    make(path)
    before = path.read_bytes()
    with pytest.raises(ConflictError):
        make(path)
    assert path.read_bytes() == before


def test_another_passphrase_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    make(path)
    for wrong in ("", PASSPHRASE + " ", PASSPHRASE.upper()):
        with pytest.raises(VerificationError, match="does not open"):
            load_signer(path, passphrase=wrong, clock=clock)


def test_neither_passphrase_nor_key_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    make(path)
    assert PASSPHRASE.encode() not in path.read_bytes()
    assert set(json.loads(path.read_text())) == {
        "schema", "version", "kind", "vkey", "scrypt", "salt", "nonce", "sealed",
    }  # fmt: skip


def test_two_keys_of_one_passphrase_share_nothing(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    one, two = (json.loads((tmp_path / name).read_text()) for name in "ab")
    for field in ("vkey", "salt", "nonce", "sealed"):
        assert one[field] != two[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "ed25519-cosignature"),
        ("vkey", "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
        ("scrypt", {"n": 32, "r": 8, "p": 1}),
        ("salt", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("nonce", "AAAAAAAAAAAAAAAA"),
        ("sealed", "A" * 64),
    ],
)
def test_a_changed_field_does_not_open(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "log.key"
    make(path)
    changed = json.dumps({**json.loads(path.read_text()), field: value}).encode()
    with pytest.raises(VerificationError, match="does not open"):
        open_key(changed, passphrase=PASSPHRASE, clock=clock)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "another"},
        {"version": 2},
        {"version": True},
        {"version": "1"},
        {"kind": "rsa"},
        {"kind": 1},
        {"vkey": None},
        {"vkey": "\ud800"},  # a lone surrogate, which has no canonical form
        {"salt": "AAAA"},
        {"salt": "!"},
        {"nonce": ""},
        {"sealed": "AAAA"},
        {"scrypt": None},
        {"scrypt": {"n": 16, "r": 8}},
        {"scrypt": {"n": 16.0, "r": 8, "p": 1}},
        {"scrypt": {"n": 17, "r": 8, "p": 1}},
        {"scrypt": {"n": 0, "r": 8, "p": 1}},
        {"scrypt": {"n": -16, "r": 8, "p": 1}},
        {"scrypt": {"n": 2**40, "r": 8, "p": 1}},
        {"scrypt": {"n": 2**20, "r": 32, "p": 1}},
        {"scrypt": {"n": 16, "r": 8, "p": 10**9}},
        {"scrypt": {"n": 2**19, "r": 8, "p": 3}},
        {"extra": 1},
    ],
)
def test_what_is_no_key_file(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "log.key"
    make(path)
    changed = json.dumps({**json.loads(path.read_text()), **change}).encode()
    with pytest.raises(VerificationError):
        open_key(changed, passphrase=PASSPHRASE, clock=clock)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b"null", b"[" * 10_000, b" " * 20_000]
)
def test_bytes_that_are_no_key_file(data: bytes) -> None:
    with pytest.raises(VerificationError):
        open_key(data, passphrase=PASSPHRASE, clock=clock)


def test_what_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short"):
        generate_key(tmp_path / "k", "example.com/log", passphrase="1234567")
    with pytest.raises(InputError, match="key name"):
        generate_key(tmp_path / "k", "two words", passphrase=PASSPHRASE)
    with pytest.raises(StorageError):
        make(tmp_path / "nowhere" / "k")
    with pytest.raises(InputError, match="cannot be read"):
        load_signer(tmp_path / "k", passphrase=PASSPHRASE, clock=clock)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        make(tmp_path / "log.key")
    assert list(tmp_path.iterdir()) == []


def test_salt_and_nonce_come_from_the_source_given(tmp_path: Path) -> None:
    make(tmp_path / "k", random=lambda size: b"\7" * size)
    value = json.loads((tmp_path / "k").read_text())
    assert value["salt"] == "BwcHBwcHBwcHBwcHBwcHBw=="
    load_signer(tmp_path / "k", passphrase=PASSPHRASE, clock=clock)
