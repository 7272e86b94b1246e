"""The tree against RFC 6962's own words, known answers, another library, and forged proofs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logkit import NaiveHashes, entries, naive_consistency, naive_inclusion, naive_root

from countenance.record import merkle
from countenance.record.errors import VerificationError

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/record/rfc6962.json").read_text(encoding="utf-8")
)
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
SIZES = st.integers(1, 70)


def test_known_roots() -> None:
    assert merkle.EMPTY_ROOT.hex() == VECTORS["empty_root"]
    assert merkle.root_of(0, NaiveHashes([])).hex() == VECTORS["empty_root"]
    for size, root in enumerate(VECTORS["roots"], 1):
        assert merkle.root_of(size, NaiveHashes(LEAVES)).hex() == root


@pytest.mark.parametrize("index", [0, 3, 4, 6])
def test_worked_example_of_the_rfc(index: int) -> None:
    """Each listed hash is subtree (level, index), or (level, index) joined with another."""
    hashes = NaiveHashes(LEAVES[:7])
    wanted = []
    for level, at, *rest in VECTORS["rfc6962_inclusion_of_7"][str(index)]:
        if rest:  # "l" of the RFC: the node over d4, d5 (level 1) and the single d6
            wanted.append(merkle.node_hash(hashes(1, 2), hashes(0, 6)))
        else:
            wanted.append(hashes(level, at))
    assert merkle.inclusion_proof(index, 7, hashes) == wanted


@given(size=SIZES)
def test_every_root_and_inclusion_proof_is_the_rfcs(size: int) -> None:
    leaves = entries(size)
    hashes = NaiveHashes(leaves)
    root = merkle.root_of(size, hashes)
    assert root == naive_root(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, hashes)
        assert proof == naive_inclusion(index, leaves)
        merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), index, size, proof, root)


@given(data=st.data(), new=SIZES)
def test_every_consistency_proof_is_the_rfcs(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    leaves = entries(new)
    proof = merkle.consistency_proof(old, new, NaiveHashes(leaves))
    assert proof == (naive_consistency(old, leaves) if old else [])
    merkle.verify_consistency(old, naive_root(leaves[:old]), new, naive_root(leaves), proof)


@given(data=st.data(), size=st.integers(2, 40))
def test_an_inclusion_proof_proves_nothing_else(data: st.DataObject, size: int) -> None:
    leaves = entries(size)
    index = data.draw(st.integers(0, size - 1))
    proof = naive_inclusion(index, leaves)
    leaf, root = merkle.leaf_hash(leaves[index]), naive_root(leaves)
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = proof.copy()
    flipped[place] = (int.from_bytes(proof[place]) ^ (1 << bit)).to_bytes(32)
    forged = [
        (leaf, other, size, proof, root),
        (merkle.leaf_hash(leaves[other] + b"!"), index, size, proof, root),
        (leaf, index, size, flipped, root),
        (leaf, index, size, proof[:-1], root),
        (leaf, index, size, [*proof, root], root),
        (leaf, index, size, [root, *proof], root),
        (leaf, index, size, proof, naive_root(leaves[:-1])),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
        (leaf, index, size, [proof[0][:31], *proof[1:]], root),
        (leaf[:-1], index, size, proof, root),
        (leaf, index, size, [bytes(32)] * 65, root),
        (leaf, index, 1 << 63, proof, root),
    ]
    for attempt in forged:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(*attempt)


@given(data=st.data(), new=st.integers(2, 40))
@example(data=None, new=8)
def test_a_consistency_proof_proves_nothing_else(data: st.DataObject | None, new: int) -> None:
    old = data.draw(st.integers(1, new - 1)) if data else 4
    leaves = entries(new)
    proof = naive_consistency(old, leaves)
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    changed = leaves.copy()
    changed[0] = b"another"
    place = data.draw(st.integers(0, len(proof) - 1)) if data else 0
    flipped = [*proof[:place], bytes(32), *proof[place + 1 :]]
    forged = [
        (old, naive_root(changed[:old]), new, after, proof),
        (old, before, new, naive_root(changed), naive_consistency(old, changed)),
        (old, before, new, after, flipped),
        (old, before, new, after, proof[:-1]),
        (old, before, new, after, [*proof, after]),
        (old, before, new, after, []),
        (new, after, old, before, proof),
        (old, before, old, after, []),
        (new, after, new, after, proof),
        (0, before, new, after, []),
        (0, merkle.EMPTY_ROOT, new, after, proof),
        (0, merkle.EMPTY_ROOT, 0, after, []),
        (old, before, new, after, [bytes(32)] * 65),
        (old, before[:5], new, after, proof),
        (-1, before, new, after, proof),
    ]
    for attempt in forged:
        with pytest.raises(VerificationError):
            merkle.verify_consistency(*attempt)


@given(
    size=st.integers(-5, 1 << 70),
    index=st.integers(-5, 1 << 70),
    old=st.integers(-5, 1 << 70),
    proof=st.lists(st.binary(min_size=0, max_size=40), max_size=70),
)
def test_whatever_comes_is_refused_with_the_one_error(
    size: int, index: int, old: int, proof: list[bytes]
) -> None:
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(b"\x01" * 32, index, size, proof, b"\x02" * 32)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, b"\x01" * 32, size, b"\x02" * 32, proof)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100, 255, 256, 257])
def test_pymerkle_agrees(size: int) -> None:
    pymerkle = pytest.importorskip("pymerkle")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    leaves = entries(size)
    for leaf in leaves:
        tree.append_entry(leaf)
    hashes = NaiveHashes(leaves)
    root = merkle.root_of(size, hashes)
    assert tree.get_root() == root
    chance = random.Random(size)
    for index in {0, size - 1, chance.randrange(size)}:
        theirs = tree.prove_inclusion(index + 1, size)
        pymerkle.verify_inclusion(merkle.leaf_hash(leaves[index]), root, theirs)
        ours = merkle.inclusion_proof(index, size, hashes)
        assert {digest.hex() for digest in ours} <= set(theirs.serialize()["path"])
        older = chance.randint(1, size)
        older = chance.randint(1, size)
        theirs = tree.prove_consistency(older, size)
        before = merkle.root_of(older, hashes)
        pymerkle.verify_consistency(before, root, theirs)


def test_a_proof_asks_for_few_hashes() -> None:
    """O(log n) of them: an append or proof in a log of millions must not walk it."""

    class Counting:
        def __init__(self) -> None:
            self.asked = 0

        def __call__(self, _level: int, _index: int, /) -> bytes:
            self.asked += 1
            return bytes(32)

    for size in (10_000_000, (1 << 24) - 1, 1 << 24):
        hashes = Counting()
        merkle.inclusion_proof(size // 3, size, hashes)
        merkle.consistency_proof(size // 3, size, hashes)
        merkle.root_of(size, hashes)
        assert hashes.asked < 6 * 24
