"""The folder's files: layout, the journal's torn and damaged records, what may be read."""

from __future__ import annotations

import errno
import shutil
import stat
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from broken_disk import Late, NoSync, at_once
from logkit import entries, naive_root, open_log, verify_published

from countenance.record.errors import StorageError, VerificationError
from countenance.record.folder import Beside, FolderStorage
from countenance.record.log import Log


def test_layout_of_the_worked_example(tmp_path: Path) -> None:
    """Size 70,000, as `tlog-tiles` counts its files."""
    with open_log(tmp_path) as log:
        log.append([b"%d" % i for i in range(70_000)])
        log.publish()
    tiles = tmp_path / "tile"
    found = {str(path.relative_to(tmp_path)) for path in tiles.rglob("*") if path.is_file()}
    for name in ("0", "entries"):
        wanted = {f"tile/{name}/{i:03d}" for i in range(273)} | {f"tile/{name}/273.p/112"}
        assert wanted <= found
        found -= wanted
    assert found == {"tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert all((tiles / f"0/{i:03d}").stat().st_size == 8192 for i in range(273))


def test_what_is_not_published_is_private(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append([b"one"])
        log.publish()
    for name in ("journal", "lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    for path in ("journal", "lock", "../x", "/etc/hostname", "tile/0/../../journal", ""):
        with pytest.raises(VerificationError):
            FolderStorage(tmp_path).read(path)


def test_a_file_larger_than_it_can_be_is_not_read_whole(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append(entries(256))
        log.publish()
    (tmp_path / "tile/0/000").write_bytes(bytes(10_000))
    with pytest.raises(StorageError, match="larger than it can be"):
        FolderStorage(tmp_path).read("tile/0/000")


def three_records(folder: Path) -> tuple[Path, bytes, list[int]]:
    """A journal of three records after its first, and where they begin."""
    journal, marks = folder / "journal", []
    with open_log(folder) as log:
        for step in range(3):
            marks.append(journal.stat().st_size)
            log.append([b"entry %d" % step, b"and"])
    return journal, journal.read_bytes(), marks


def test_a_torn_record_is_dropped_at_every_length(tmp_path: Path) -> None:
    journal, data, marks = three_records(tmp_path)
    for cut in range(marks[2], len(data)):
        journal.write_bytes(data[:cut])
        with open_log(tmp_path) as log:
            assert log.size == 4
            assert log.entry(3) == b"and"
    journal.write_bytes(data[: marks[2]] + bytes(len(data) - marks[2]))  # names came, blocks not
    with open_log(tmp_path) as log:
        assert log.append([b"new"]) == range(4, 5)
        assert log.root() == naive_root([b"entry 0", b"and", b"entry 1", b"and", b"new"])


def test_a_flipped_bit_before_whole_records_is_said(tmp_path: Path) -> None:
    journal, data, marks = three_records(tmp_path)
    for place in range(marks[2]):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        journal.write_bytes(flipped)
        with pytest.raises(StorageError, match="damaged"):
            open_log(tmp_path)
        assert journal.read_bytes() == flipped, "what is damaged is left for whoever examines it"


def test_records_in_another_order_are_said(tmp_path: Path) -> None:
    journal, data, marks = three_records(tmp_path)
    first, second, third = data[: marks[1]], data[marks[1] : marks[2]], data[marks[2] :]
    for changed in (first + third + second, first + second + second, first + third):
        journal.write_bytes(changed)
        with pytest.raises(StorageError, match="damaged"):
            open_log(tmp_path)


def test_an_entry_that_looks_like_a_record_does_not_make_damage(tmp_path: Path) -> None:
    journal, data, marks = three_records(tmp_path)
    with open_log(tmp_path) as log:
        before = journal.stat().st_size
        log.append([data[marks[0] :] + b"." * 100])  # whole records of another journal
    torn = journal.read_bytes()[:-40]
    assert len(torn) > before
    journal.write_bytes(torn)
    with open_log(tmp_path) as log:
        assert log.size == 6


def test_a_missing_journal_is_not_an_empty_log(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append([b"one"])
        log.publish()
    (tmp_path / "journal").unlink()
    with pytest.raises(StorageError, match="journal is gone"):
        open_log(tmp_path)


def test_a_tile_that_differs_is_not_overwritten(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append(entries(255))
        log.publish()
        other = tmp_path / "tile/entries/000"
        other.write_bytes(b"somebody else's")
        log.append(entries(257, 255))
        with pytest.raises(StorageError, match="not what the journal says"):
            log.publish()
    assert other.read_bytes() == b"somebody else's"


def test_entries_before_they_are_published(tmp_path: Path) -> None:
    """Full bundles are held in memory until they are files; readers of this log see them."""
    with open_log(tmp_path) as log:
        log.append(entries(1_000))
        assert not (tmp_path / "tile").exists()
        assert [log.entry(i) for i in (0, 255, 256, 767, 768, 999)] == [
            entries(1_000)[i] for i in (0, 255, 256, 767, 768, 999)
        ]
        log.publish()
    verify_published(FolderStorage(tmp_path))


class NoTiles(NoSync):
    """A disk on which no tile can be made, while `broken`."""

    broken = True

    def create(self, path: Path, *, private: bool = False) -> int:
        if self.broken and not private:
            raise OSError(errno.ENOSPC, "no room for tiles")
        return super().create(path, private=private)


def two_journals(folder: Path, **options: object) -> Log:
    """A log of 310 entries, 300 of them in the first journal, whose bundle is not yet a file."""
    log = open_log(folder, settle_bytes=3_000, **{"beside": Late} | options)
    log.append(entries(300))
    log.append(entries(310, 300))
    return log


def test_two_journals_are_one_log(tmp_path: Path) -> None:
    log = two_journals(tmp_path / "log")
    names = {"journal", "journal.next", "lock"}
    assert {path.name for path in (tmp_path / "log").iterdir()} == names
    assert stat.S_IMODE((tmp_path / "log/journal.next").stat().st_mode) == 0o600
    assert [log.entry(i) for i in (0, 255, 256, 309)] == [
        entries(310)[i] for i in (0, 255, 256, 309)
    ]
    merkle_root = log.root()
    shutil.copytree(tmp_path / "log", tmp_path / "crashed")
    with open_log(tmp_path / "crashed") as other:
        assert other.root() == merkle_root == naive_root(entries(310))
        assert not (tmp_path / "crashed/journal.next").exists()
        assert other.append([b"new"]) == range(310, 311)
        other.publish()
    verify_published(FolderStorage(tmp_path / "crashed"))
    log.publish()
    assert not (tmp_path / "log/journal.next").exists()
    log.close()
    verify_published(FolderStorage(tmp_path / "log"))


def test_a_second_journal_that_does_not_follow_is_said(tmp_path: Path) -> None:
    two_journals(tmp_path / "log")
    with open_log(tmp_path / "other") as log:  # other entries from 256 on
        log.append([b"other"] * 310)
    with open_log(tmp_path / "later", settle_bytes=3_000, beside=at_once) as log:
        log.append(entries(700))  # a journal from 512 on

    def damaged(name: str, change: Callable[[Path], object], said: str) -> None:
        folder = tmp_path / name
        shutil.copytree(tmp_path / "log", folder)
        change(folder)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(StorageError, match=said):
            open_log(folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def take(source: str) -> Callable[[Path], object]:
        return lambda folder: shutil.copy(tmp_path / source, folder / "journal.next")

    damaged("gone", lambda folder: (folder / "journal").unlink(), "the first is not")
    damaged("swapped", take("other/journal"), "damaged at entry 300")
    damaged("gap", take("later/journal"), "damaged at entry 300")
    first = (tmp_path / "log/journal").read_bytes()
    damaged("short", lambda folder: (folder / "journal").write_bytes(first[:-40]), "damaged")
    second = (tmp_path / "log/journal.next").read_bytes()
    damaged("cut", lambda folder: (folder / "journal.next").write_bytes(second[:50]), "damaged")


@pytest.mark.parametrize("beside", [at_once, Late])
def test_tiles_that_cannot_be_written_beside_are_said(tmp_path: Path, beside: Beside) -> None:
    """At the next append, publication or closing; and nothing acknowledged is lost."""
    # Late: the next journal is the first that has to wait for the work.
    more = 1 if beside is at_once else 400
    ends: dict[str, Callable[[Log], object]] = {
        "publish": Log.publish,
        "close": Log.close,
        "append": lambda log: log.append(entries(300 + more, 300)),
    }
    for name, end in ends.items():
        ops = NoTiles()
        log = open_log(tmp_path / name, settle_bytes=3_000, beside=beside, ops=ops)
        log.append(entries(300))
        with pytest.raises(StorageError, match="no room for tiles"):
            end(log)
        assert log.entry(299) == entries(300)[299]
        if name != "close":
            with pytest.raises(StorageError, match="no room for tiles"):
                log.publish()
            ops.broken = False
            first_new = log.append([b"new"])[0]
            log.publish()
            log.close()
        with open_log(tmp_path / name) as log:
            assert [log.entry(i) for i in range(300)] == entries(300)
            if name != "close":
                assert log.entry(first_new) == b"new"
            log.publish()
        verify_published(FolderStorage(tmp_path / name))


def test_appends_wait_when_they_are_a_whole_journal_ahead(tmp_path: Path) -> None:
    """Between two journals there is no third: the work on the first is waited for."""
    held, works = threading.Event(), []

    def beside(work: Callable[[], None]) -> Future[None]:
        from countenance.record.folder import in_thread

        works.append(in_thread(lambda: work() if held.wait(10) else None))
        return works[-1]

    with open_log(tmp_path, settle_bytes=3_000, beside=beside) as log:
        log.append(entries(300))
        log.append(entries(310, 300))
        assert (tmp_path / "journal.next").exists()
        assert log.size == 310, "appends go on while tiles are not written"
        thread = threading.Thread(target=log.append, args=(entries(700, 310),))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert len(works) == 1
        held.set()
        thread.join(10)
        assert len(works) == 2
        assert works[0].done()
        log.publish()
    assert verify_published(FolderStorage(tmp_path)).size == 700
