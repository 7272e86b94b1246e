"""Paths, bundles and tiles: the specification's examples, round trips, hostile bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logkit import NaiveHashes, entries, naive_root

from countenance.record import merkle
from countenance.record.errors import RecordError, StorageError, VerificationError
from countenance.record.frontier import Frontier
from countenance.record.log import State
from countenance.record.tiles import (
    MAX_ENTRY,
    TileCache,
    TileHashes,
    TilePath,
    decode_bundle,
    encode_bundle,
    entries_path,
    parse_path,
    tile_path,
    width_at,
)


def test_paths_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(2, 0, 1) == "tile/2/000.p/1"
    assert entries_path(999) == "tile/entries/999"
    assert entries_path(1000, 17) == "tile/entries/x001/000.p/17"


@given(
    level=st.none() | st.integers(0, 63), index=st.integers(0, 10**21 - 1),
    width=st.integers(1, 256),
)  # fmt: skip
def test_paths_parse_back(level: int | None, index: int, width: int) -> None:
    path = TilePath(level, index, width)
    assert parse_path(str(path)) == path


@pytest.mark.parametrize(
    "path",
    ["", "tile", "tile/0", "tile/0/", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0",
     "tile/0/0000", "tile/0/000/000", "tile/0/x000/000", "tile/0/x001/x000", "tile/0/001.p/0",
     "tile/0/001.p/256", "tile/0/001.p/999", "tile/0/001.p/01", "tile/0/001.p/", "/tile/0/000",
     "tile/0/000\n", "tile/0/٠٠٠", "tile/0/../../checkpoint", "tile/entries/x1/000",
     "tile/0/" + "x001/" * 100 + "000", "checkpoint", "journal", "lock"],
)  # fmt: skip
def test_no_other_path_is_one(path: str) -> None:
    with pytest.raises(VerificationError):
        parse_path(path)


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(VerificationError):
        assert str(parse_path(text)) == text


def test_widths_of_the_worked_example() -> None:
    """Size 70,000 in `tlog-tiles`: 273 full and one of 112, one full and one of 17, one of 1."""
    widths = {
        (level, index): width_at(level, index, 70_000)
        for level in range(4)
        for index in range(276)
    }
    assert {key: w for key, w in widths.items() if 0 < w < 256} == {
        (0, 273): 112, (1, 1): 17, (2, 0): 1,
    }  # fmt: skip
    assert sum(w == 256 for (level, _), w in widths.items() if level == 0) == 273
    assert widths[1, 0] == 256
    assert (width_at(0, 0, 256), width_at(1, 0, 256)) == (256, 1)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_decode_back(bundle: list[bytes]) -> None:
    data = encode_bundle(bundle)
    assert decode_bundle(data, width=len(bundle)) == bundle
    for wrong in (data + b"\x00", data[:-1] if data else b"\x00\x01"):
        with pytest.raises(VerificationError):
            decode_bundle(wrong, width=len(bundle))
    with pytest.raises(VerificationError):
        decode_bundle(data, width=len(bundle) + 1)


@given(st.binary(max_size=400), st.integers(0, 256))
def test_any_bytes_decode_or_are_refused(data: bytes, width: int) -> None:
    with contextlib.suppress(VerificationError):
        assert encode_bundle(decode_bundle(data, width=width)) == data


def test_the_longest_entry_fits() -> None:
    longest = bytes(MAX_ENTRY)
    assert decode_bundle(encode_bundle([longest]), width=1) == [longest]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 700, 1024 + 3])
def test_tiles_give_every_subtree(size: int) -> None:
    leaves = entries(size)
    state, tiles = State().grown(leaves)
    tiles |= state.partial()
    assert state.frontier.root() == naive_root(leaves)
    hashes, naive = TileHashes(tiles.get, size, TileCache(2)), NaiveHashes(leaves)
    for level in range(size.bit_length()):
        for index in range(size >> level):
            if level < 2 or index % 7 == 0:
                assert hashes(level, index) == naive(level, index)
        with pytest.raises(VerificationError):
            hashes(level, size >> level)


def test_the_full_tile_serves_where_the_partial_one_is_gone() -> None:
    leaves = entries(300)
    _, full = State().grown(leaves)
    assert merkle.root_of(200, TileHashes(full.get, 200)) == naive_root(leaves[:200])
    with pytest.raises(StorageError):
        merkle.root_of(300, TileHashes(full.get, 300))


def test_tiles_of_a_wrong_length_are_refused() -> None:
    _, full = State().grown(entries(256))
    for change in (b"", bytes(8191), bytes(8193)):
        with pytest.raises(RecordError):
            merkle.root_of(256, TileHashes((full | {"tile/0/000": change}).get, 256))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_the_edge_grows_the_same_in_any_steps(steps: list[int]) -> None:
    leaves = [merkle.leaf_hash(entry) for entry in entries(sum(steps))]
    slow, at = Frontier(), 0
    full: dict[str, bytes] = {}
    for step in steps:
        full |= slow.extend(leaves[at : at + step])
        at += step
    at_once = Frontier()
    assert at_once.extend(leaves) == full
    assert at_once.root() == slow.root()
    assert at_once.partial_tiles() == slow.partial_tiles()
    read_again = Frontier()
    read_again.catch_up(at - at % 256, full.get)
    read_again.extend(leaves[at - at % 256 :])
    assert read_again.root() == slow.root()
    assert read_again.partial_tiles() == slow.partial_tiles()


def test_the_edge_of_a_large_tree_is_read_from_few_tiles() -> None:
    """Tiles of every hash alike stand for 5 million entries without storing them."""
    size, asked = 256 * 256 * 76 + 256 * 9, []
    same = [bytes(32)]
    for _ in range(24):
        same.append(merkle.node_hash(same[-1], same[-1]))

    def read(path: str) -> bytes:
        asked.append(path)
        return same[8 * (parse_path(path).level or 0)] * 256

    edge = Frontier()
    edge.catch_up(size, read)
    assert len(asked) == 76 + 9
    assert edge.root() == merkle.root_of(size, lambda level, _: same[level])
    before = len(asked)
    edge.catch_up(size + 256, read)
    assert len(asked) == before + 1
