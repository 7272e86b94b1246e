"""Against a verifier that is not Python: Go's `sumdb/note` and `sumdb/tlog`.

Needs Debian's `golang-go` and `golang-golang-x-mod-dev`; skipped, with that reason, elsewhere.
`interop/main.go` is compiled once; what we make it must accept, what it makes we must accept, and
on damaged notes and proofs the two must not disagree in the dangerous direction.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.errors import VerificationError
from countenance.record.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from countenance.record.note import (
    Ed25519Signer,
    add_signatures,
    open_note,
    parse_vkey,
    sign_note,
)
from countenance.record.policy import make_policy
from countenance.record.proof import Proof, verify_proof

SOURCE = Path(__file__).parent / "interop" / "main.go"
GOPATH = Path("/usr/share/gocode")
GO = shutil.which("go")
pytestmark = pytest.mark.skipif(
    GO is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
    reason="no Go with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)",
)

Go = Callable[..., dict[str, Any]]
ORIGIN = "example.com/log"
LOG = Ed25519Signer.from_private_key(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\1" * 32))
WITNESSES = [
    Ed25519Cosigner.from_private_key(
        f"w{n}.example", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), clock=lambda: 9
    )
    for n in (2, 3)
]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    folder = tmp_path_factory.mktemp("go")
    program = folder / "verifier"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run(
        [str(GO), "build", "-o", str(program), str(SOURCE)],
        check=True, env=environment, capture_output=True,
    )  # fmt: skip

    def ask(**cases: Any) -> dict[str, Any]:
        done = subprocess.run(
            [str(program)], input=json.dumps(cases, default=_plain).encode(),
            check=True, capture_output=True,
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return ask


def _plain(value: object) -> str:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()


def hashes_of(entries: list[bytes]) -> Callable[[int, int], bytes]:
    def subtree(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(entries[index])
        return node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))

    return subtree


def published(entries: list[bytes], witnesses: list[Ed25519Cosigner] = WITNESSES) -> bytes:
    root = root_of(len(entries), hashes_of(entries))
    note = sign_note(Checkpoint(ORIGIN, len(entries), root).text, LOG)
    return add_signatures(note, [cosign(note, w, time=1_800_000_000) for w in witnesses])


def proved(entries: list[bytes], index: int) -> bytes:
    hashes = inclusion_proof(index, len(entries), hashes_of(entries))
    return Proof(index, tuple(hashes), published(entries), b"extra").encode()


def test_go_opens_what_we_sign(go: Go) -> None:
    note = published([b"a", b"b"])
    vkeys = [LOG.vkey, *(w.vkey for w in WITNESSES)]
    plain = sign_note("a text\n\nwith — an empty line\n", LOG)
    answer = go(
        Notes=[
            {"Vkeys": vkeys, "Note": note},
            {"Vkeys": [LOG.vkey], "Note": note},
            {"Vkeys": [WITNESSES[0].vkey], "Note": note},
            {"Vkeys": [LOG.vkey], "Note": plain},
            {"Vkeys": vkeys, "Note": note.replace(b"\n2\n", b"\n3\n")},
        ]
    )
    text = note[: note.rindex(b"\n\n") + 1].decode()
    assert answer["Notes"] == [text] * 3 + ["a text\n\nwith — an empty line\n", None]


def test_we_open_what_go_signs(go: Go) -> None:
    texts = ["hello\n", "two\n\nparts\n", "\n", "é — \u2028\n"]
    for text, signed in zip(texts, go(Sign=texts)["Sign"], strict=True):
        data = base64.b64decode(signed["Note"])
        assert open_note(data, [parse_vkey(signed["Vkey"])]).text.decode() == text


def test_roots_and_proofs_are_the_same_on_random_trees(go: Go) -> None:
    source = random.Random(2)
    trees = [
        [source.randbytes(source.randrange(40)) for _ in range(size)]
        for size in (*range(1, 20), 31, 32, 33, 64, 100)
    ]
    for entries, theirs in zip(trees, go(Trees=trees)["Trees"], strict=True):
        size, hashes = len(entries), hashes_of(entries)
        assert root_of(size, hashes) == base64.b64decode(theirs["Root"])
        for index in range(size):
            ours = inclusion_proof(index, size, hashes)
            assert ours == [base64.b64decode(h) for h in theirs["Inclusion"][index]]
            ours = consistency_proof(index + 1, size, hashes)
            assert ours == [base64.b64decode(h) for h in theirs["Consistency"][index]]


def test_go_verifies_our_proof_files_and_refuses_false_ones(go: Go) -> None:
    entries = [f"entry {n}".encode() for n in range(13)]
    case = {"Log": LOG.vkey, "Witnesses": [w.vkey for w in WITNESSES], "Quorum": 2}
    cases = [{**case, "File": proved(entries, n), "Entry": entries[n]} for n in range(13)]
    wrong = [
        {**cases[5], "Entry": b"another"},
        {**cases[5], "File": proved(entries, 6)},
        {**cases[5], "Quorum": 3},
        {**cases[5], "File": cases[5]["File"].replace(b"index 5", b"index 4")},
    ]
    answer = go(Proofs=cases + wrong)["Proofs"]
    assert answer[:13] == [""] * 13
    assert all(told.startswith("wrong") for told in answer[13:])


def test_go_verifies_our_consistency_proofs(go: Go) -> None:
    entries = [f"entry {n}".encode() for n in range(20)]
    roots = [root_of(n, hashes_of(entries[:n])) for n in range(21)]
    cases = []
    for old, new in ((1, 1), (1, 20), (7, 8), (8, 16), (12, 19), (19, 20)):
        proof = consistency_proof(old, new, hashes_of(entries[:new]))
        case = {"Old": old, "New": new, "Proof": proof}
        cases.append({**case, "OldRoot": roots[old], "NewRoot": roots[new]})
        cases.append({**case, "OldRoot": roots[old], "NewRoot": bytes(32)})
    answer = go(Consistency=cases)["Consistency"]
    assert answer[::2] == [""] * 6
    assert all(told.startswith("wrong") for told in answer[1::2])


def test_on_damaged_notes_we_open_nothing_that_go_refuses(go: Go) -> None:
    source = random.Random(3)
    good = published([b"a", b"b", b"c"])
    vkeys = [LOG.vkey, *(w.vkey for w in WITNESSES)]
    keys = [parse_vkey(vkey) for vkey in vkeys]
    damaged = []
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(source.randint(1, 2)):
            at = source.randrange(len(data))
            what = source.randrange(4)
            if what == 0:
                data[at] ^= 1 << source.randrange(8)
            elif what == 1:
                del data[at : at + source.randint(1, 5)]
            elif what == 2:
                data[at:at] = source.choice([b"\n", b"\n\n", b" ", b"=", b"+", b"A", b"\xff"])
            else:
                lines = bytes(data).split(b"\n")
                source.shuffle(lines)
                data = bytearray(b"\n".join(lines))
        damaged.append(bytes(data))
    theirs = go(Notes=[{"Vkeys": vkeys, "Note": data} for data in damaged])["Notes"]
    opened = 0
    for data, text in zip(damaged, theirs, strict=True):
        try:
            ours = open_note(data, keys).text.decode()
        except VerificationError:
            # Stricter than Go only in the writing of Base64 and in verifying repeated lines.
            continue
        assert ours == text
        opened += 1
    assert opened > 20, "the damage must leave some notes good"


def test_on_damaged_proofs_we_accept_nothing_that_go_refuses(go: Go) -> None:
    source = random.Random(4)
    entries = [f"entry {n}".encode() for n in range(13)]
    policy = make_policy(logs=[LOG.vkey], witnesses=[(w.name, w.vkey, "") for w in WITNESSES], k=2)
    good = proved(entries, 5)
    damaged = [good]
    for _ in range(1000):
        data = bytearray(good)
        at = source.randrange(len(data))
        if source.random() < 0.5:
            data[at] = source.randrange(256)
        else:
            del data[at : at + source.randint(1, 3)]
        damaged.append(bytes(data))
    case = {"Log": LOG.vkey, "Witnesses": [w.vkey for w in WITNESSES], "Quorum": 2}
    cases = [{**case, "File": data, "Entry": entries[5]} for data in damaged]
    for data, told in zip(damaged, go(Proofs=cases)["Proofs"], strict=True):
        try:
            verify_proof(data, entries[5], policy)
        except VerificationError:
            continue
        assert told == ""
