"""Checkpoints: the three lines, and what is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.record.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from countenance.record.errors import VerificationError
from countenance.record.note import Ed25519Signer, parse_vkey, sign_note, split_note

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "record" / "notes.json").read_text()
)
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
SIGNER = Ed25519Signer.from_private_key(
    "example.com/log", Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
)


def test_the_specification_s_example() -> None:
    text, signatures = split_note(VECTORS["specification_checkpoint"]["note"].encode())
    checkpoint = parse_checkpoint(text)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20852163
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.extensions == ()
    assert checkpoint.text.encode() == text
    assert [s.name for s in signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        f"log\n1\n{ROOT}",  # cut off
        f"log\n1\n{ROOT}\nmore",
        "log\n1\n",
        f"log\n01\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n1 \n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"log\n1\n{ROOT[:-1]}\n",
        f"log\n1\n{ROOT[:-2]}J=\n",  # the same 32 bytes, written otherwise
        f"log\n1\n{ROOT[:40]}\n",
        f"log\n1\n{ROOT}\n\n",  # an empty extension line
        f"log\n1\n{ROOT}\nok\n\nok\n",
        f"lo\tg\n1\n{ROOT}\n",
        f"log\r\n1\r\n{ROOT}\r\n",
        f"log\n1\n{ROOT}\n" + "x" * 70_000 + "\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(VerificationError):
        parse_checkpoint(text)
    with pytest.raises(VerificationError):
        parse_checkpoint(text.encode())


def test_not_utf8() -> None:
    with pytest.raises(VerificationError):
        parse_checkpoint(f"l\ud800g\n1\n{ROOT}\n")
    with pytest.raises(VerificationError):
        parse_checkpoint(b"l\xffg\n1\n" + ROOT.encode() + b"\n")


@pytest.mark.parametrize(
    ("size", "root"), [(-1, bytes(32)), (2**63, bytes(32)), (1, bytes(31)), (1, b"")]
)
def test_values_no_checkpoint_can_have(size: int, root: bytes) -> None:
    with pytest.raises(VerificationError):
        Checkpoint("log", size, root)


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1, max_size=80),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1), max_size=3),
)
def test_both_ways(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert parse_checkpoint(checkpoint.text) == checkpoint
    assert parse_checkpoint(checkpoint.text.encode()) == checkpoint


def test_opening_verifies() -> None:
    checkpoint = Checkpoint("example.com/log", 5, b"r" * 32)
    data = sign_note(checkpoint.text, SIGNER)
    opened, note = open_checkpoint(data, [parse_vkey(SIGNER.vkey)])
    assert opened == checkpoint
    assert note.text.decode() == checkpoint.text
    with pytest.raises(VerificationError):
        open_checkpoint(data.replace(b"\n5\n", b"\n6\n"), [parse_vkey(SIGNER.vkey)])


def test_a_signed_note_that_is_no_checkpoint() -> None:
    with pytest.raises(VerificationError, match="not a checkpoint"):
        open_checkpoint(sign_note("hello\n", SIGNER), [parse_vkey(SIGNER.vkey)])
