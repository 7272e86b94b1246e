"""An insider with the disk: every edit is found, and the first bad entry is named."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from logkit import (
    ORIGIN,
    DeadlyStorage,
    entries,
    naive_root,
    open_log,
    published,
    verify_published,
)

from countenance.record.checkpoint import Checkpoint
from countenance.record.errors import RecordError, StorageError, VerificationError
from countenance.record.folder import FolderStorage
from countenance.record.log import State
from countenance.record.tiles import decode_bundle, encode_bundle
from countenance.record.verifylog import verify_log

SIZE = 900


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    with open_log(folder) as log:
        log.append(entries(SIZE))
        log.publish()
    return folder


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def edited(folder: Path, bundle: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = folder / "tile/entries" / bundle
    width = int(path.name) if path.parent.suffix == ".p" else 256
    path.write_bytes(encode_bundle(change(decode_bundle(path.read_bytes(), width=width))))


def refused(folder: Path) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_published(FolderStorage(folder))
    return str(caught.value)


def test_a_sound_log(sound: Path) -> None:
    done = verify_published(FolderStorage(sound))
    assert (done.size, done.root) == (SIZE, naive_root(entries(SIZE)))
    assert (done.bundles, done.entry_bytes) == (4, sum(map(len, entries(SIZE))))
    assert done.tiles == 4 + 1  # level 0, and a partial one of level 1


def test_progress_is_told(sound: Path) -> None:
    told: list[tuple[str, int, int]] = []
    reader = FolderStorage(sound)
    verify_log(reader, published(reader), progress=lambda *said: told.append(said))
    assert told[-1] == ("entries", SIZE, SIZE)


@pytest.mark.parametrize(
    ("bundle", "change", "index"),
    [
        ("000", lambda e: [*e[:17], b"edited", *e[18:]], 17),
        ("001", lambda e: [*e[:5], e[6], e[5], *e[7:]], 261),  # reordered
        ("002", lambda e: [*e[:9], *e[10:]], 521),  # deleted
        ("000", lambda e: [*e[:3], b"inserted", *e[3:]], 3),
        ("003.p/132", lambda e: [*e[:-1], b"last"], SIZE - 1),
        ("003.p/132", lambda e: e[:-1], SIZE - 1),
        ("003.p/132", lambda e: [*e, b"one more"], SIZE),
    ],
)
def test_an_edit_names_the_first_bad_entry(
    copy: Path, bundle: str, change: Callable[[list[bytes]], list[bytes]], index: int
) -> None:
    edited(copy, bundle, change)
    assert re.search(rf"\bentry {index}\b", refused(copy))


def test_a_missing_bundle_or_tile_names_its_first_entry(copy: Path) -> None:
    (copy / "tile/entries/001").unlink()
    assert "entry 256 is missing" in refused(copy)
    (copy / "tile/0/000").unlink()
    assert "entry 0 cannot be read" in refused(copy)


def test_an_edit_with_its_leaf_hash_is_found_a_level_up(copy: Path) -> None:
    bad = entries(SIZE)
    bad[300] = b"edited"
    _, full = State().grown(bad)
    for path in ("tile/entries/001", "tile/0/001"):
        (copy / path).write_bytes(full[path])
    assert "entry 256 or one of the 255 after it" in refused(copy)


def test_a_whole_tree_made_again_does_not_have_the_checkpoints_root(copy: Path) -> None:
    bad = entries(SIZE)
    bad[300] = b"edited"
    state, full = State().grown(bad)
    for path, data in (full | state.partial()).items():
        (copy / path).write_bytes(data)
    assert f"the first {SIZE} entries do not have the root" in refused(copy)
    earlier = [Checkpoint(ORIGIN, n, naive_root(entries(n))) for n in (0, 100, 280, 512, 600)]
    reader = FolderStorage(copy)
    with pytest.raises(VerificationError, match="entries 280 to 511"):
        verify_log(reader, published(reader), earlier=earlier)


def test_earlier_checkpoints_of_the_same_log_hold(sound: Path) -> None:
    reader = FolderStorage(sound)
    earlier = [Checkpoint(ORIGIN, n, naive_root(entries(n))) for n in (0, 1, 256, 257, 768, SIZE)]
    verify_log(reader, published(reader), earlier=earlier)
    later = Checkpoint(ORIGIN, SIZE + 1, naive_root(entries(SIZE + 1)))
    with pytest.raises(VerificationError, match="larger"):
        verify_log(reader, published(reader), earlier=[later])
    other = Checkpoint(ORIGIN, 300, bytes(32))
    with pytest.raises(VerificationError, match="first 300 entries"):
        verify_log(reader, published(reader), earlier=[other])


def test_any_flipped_bit_in_any_published_file_is_found(copy: Path) -> None:
    """Three bits of every file; a bit of the checkpoint's unused signature bits may not matter."""
    chance = random.Random(7)
    for path in sorted(p for p in (copy / "tile").rglob("*") if p.is_file()):
        data = path.read_bytes()
        for _ in range(3):
            bit = chance.randrange(8 * len(data))
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            refused(copy)
        path.write_bytes(data)
    note = copy / "checkpoint"
    data = note.read_bytes()
    text = data.index(b"\n\n")
    for place in chance.sample(range(text), 20):
        flipped = bytearray(data)
        flipped[place] ^= 1
        note.write_bytes(flipped)
        refused(copy)


def test_truncation_of_any_file_is_found(copy: Path) -> None:
    for path in sorted(p for p in (copy / "tile").rglob("*") if p.is_file()):
        data = path.read_bytes()
        for cut in (0, 1, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:cut])
            refused(copy)
        path.write_bytes(data + b"\x00")
        with pytest.raises(RecordError):
            verify_published(FolderStorage(copy))
        path.write_bytes(data)


def test_several_processes_find_the_same(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append([b"%d" % i for i in range(40_000)])
        log.publish()
    reader = FolderStorage(tmp_path)
    assert verify_published(reader, workers=2) == verify_published(reader)
    edited(tmp_path, "100", lambda e: [*e[:7], b"edited", *e[8:]])
    with pytest.raises(VerificationError, match="entry 25607 is not"):
        verify_published(reader, workers=2)


def test_a_process_that_is_killed_is_an_error_that_says_so() -> None:
    large = Checkpoint(ORIGIN, 40_000, bytes(32))
    with pytest.raises(StorageError, match="ended from outside"):
        verify_log(DeadlyStorage(), large, workers=2)
