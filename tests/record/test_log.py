"""Appending, reading, proving and publishing; many threads; what a log refuses to be opened on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from broken_disk import NoSync
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logkit import entries, entry, naive_root, open_log, published, signer, verify_published

from countenance.record import merkle
from countenance.record.errors import StorageError, VerificationError
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.tiles import MAX_ENTRY


def test_an_empty_log(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        assert (log.size, log.root(), log.latest_checkpoint()) == (0, merkle.EMPTY_ROOT, None)
        assert log.append([]) == range(0)
        log.publish()
        assert published(log).size == 0
        for ask in (lambda: log.entry(0), lambda: log.entry(-1), lambda: log.prove(0)):
            with pytest.raises(VerificationError):
                ask()
    verify_published(FolderStorage(tmp_path))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 400), min_size=1, max_size=6), data=st.data())
def test_a_log_is_its_entries_however_they_came(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], data: st.DataObject
) -> None:
    folder, done = tmp_path_factory.mktemp("log"), 0
    log = Log.open(FolderStorage(folder, settle_bytes=4_000), signer())
    for step in steps:
        assert log.append(entries(done + step, done)) == range(done, done + step)
        done += step
        if data.draw(st.booleans()):
            log.publish()
        if data.draw(st.booleans()):
            log.close()
            log = open_log(folder)
    with log:
        leaves = entries(done)
        assert log.root() == naive_root(leaves)
        log.publish()
        size = data.draw(st.integers(1, done))
        index = data.draw(st.integers(0, size - 1))
        assert log.entry(index) == leaves[index]
        assert log.root(size) == naive_root(leaves[:size])
        merkle.verify_inclusion(
            merkle.leaf_hash(leaves[index]), index, size, log.prove(index, size), log.root(size)
        )
        proof = log.prove_consistency(size, done)
        merkle.verify_consistency(size, log.root(size), done, log.root(), proof)
    assert verify_published(FolderStorage(folder)).size == done


def test_every_published_size_can_be_read_and_proved(tmp_path: Path) -> None:
    """Partial tiles of every checkpoint are served, or the full tile that took their place."""
    sizes = [1, 2, 200, 255, 256, 257, 511, 700]
    checkpoints = []
    with open_log(tmp_path) as log:
        for size in sizes:
            log.append(entries(size, log.size))
            log.publish()
            checkpoints.append(published(log))
    from countenance.record.verifylog import verify_log

    reader = FolderStorage(tmp_path)
    for checkpoint in checkpoints:
        assert checkpoint.root == naive_root(entries(checkpoint.size))
        verify_log(reader, checkpoint)
    partial = sorted(path.name for path in tmp_path.rglob("*.p"))
    assert partial == ["000.p", "002.p", "002.p"]  # level 1, and bundle and tile of the edge


def test_many_threads_share_one_order(tmp_path: Path) -> None:
    got: dict[int, bytes] = {}
    lock, failures = threading.Lock(), []

    def append(thread: int) -> None:
        try:
            for number in range(40):
                group = [b"%d %d %d" % (thread, number, i) for i in range(1 + number % 3)]
                at = log.append(group)
                with lock:
                    assert not got.keys() & set(at)
                    got.update(zip(at, group, strict=True))
                if number % 10 == thread % 10:
                    log.publish()
                log.prove(at[0])
                assert log.entry(at[-1]) == group[-1]
        except BaseException as error:  # told to the main thread
            failures.append(error)

    with Log.open(FolderStorage(tmp_path, settle_bytes=5_000), signer()) as log:
        threads = [threading.Thread(target=append, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert sorted(got) == list(range(log.size))
        assert log.root() == naive_root([got[i] for i in range(log.size)])
        log.publish()
    verify_published(FolderStorage(tmp_path))


def test_threads_share_commits(tmp_path: Path) -> None:
    """While one commit is under way, the others gather for the next."""
    from countenance.record.fileops import FileOps

    held, entered = threading.Event(), threading.Event()
    commits = []

    class Slow(FileOps):
        def fsync(self, handle: int) -> None:
            commits.append(handle)
            entered.set()
            assert held.wait(10)
            super().fsync(handle)

    held.set()
    with Log.open(FolderStorage(tmp_path, ops=Slow()), signer()) as log:
        held.clear()
        entered.clear()
        commits.clear()
        threads = [threading.Thread(target=log.append, args=([b"%d" % n],)) for n in range(20)]
        threads[0].start()
        assert entered.wait(10)
        for thread in threads[1:]:
            thread.start()
        while log._group is None or len(log._group.calls) < 19:
            pass
        assert log.size == 0, "nothing is in the log before it is durable"
        held.set()
        for thread in threads:
            thread.join()
        assert log.size == 20
        assert len(commits) == 2


@pytest.mark.parametrize("raised", [OSError("no room"), KeyboardInterrupt()])
def test_who_leads_a_commit_wakes_the_others_whatever_happens(
    tmp_path: Path, raised: BaseException
) -> None:
    held, broken, told = threading.Event(), threading.Event(), []

    class Broken(NoSync):
        def write(self, handle: int, data: bytes | memoryview) -> int:
            assert held.wait(10)
            if broken.is_set():
                raise raised
            return super().write(handle, data)

    def append(number: int) -> None:
        try:
            told.append(log.append([b"%d" % number])[0])
        except BaseException as error:  # counted below
            told.append(error)

    held.set()
    with Log.open(FolderStorage(tmp_path, ops=Broken()), signer()) as log:
        held.clear()
        broken.set()
        threads = [threading.Thread(target=append, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        while log._group is None or len(log._group.calls) + 1 < 20:
            pass
        held.set()
        for thread in threads:
            thread.join(10)
        assert len(told) == 20
        assert all(isinstance(error, StorageError | type(raised)) for error in told)
        assert sum(error is raised for error in told) <= 2, "each leader is told as it was"
        broken.clear()
        assert log.append([b"new"]) == range(log.size - 1, log.size)
        log.publish()
    verify_published(FolderStorage(tmp_path))


def test_entries_no_bundle_can_hold(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append([bytes(MAX_ENTRY), b""])
        for wrong in (bytes(MAX_ENTRY + 1), "text", bytearray(b"x"), None):
            with pytest.raises(VerificationError):
                log.append([b"fine", wrong])  # type: ignore[list-item]
        assert log.size == 2
        log.publish()
    verify_published(FolderStorage(tmp_path))


def test_a_huge_append_is_one_range_in_several_commits(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        assert log.append([bytes(60_000)] * 300) == range(300)
        assert log.entry(299) == bytes(60_000)


def test_another_logs_folder_is_refused(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append([b"one"])
        log.publish()
    with pytest.raises(VerificationError, match="another log's storage"):
        Log.open(FolderStorage(tmp_path), signer(name="other.example"))
    with Log.open(FolderStorage(tmp_path), signer(seed=2)) as log:  # a new key, the same log
        assert log.size == 1


def test_a_log_rolled_back_below_its_checkpoint_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with open_log(tmp_path) as log:
        log.append([b"one"])
        old = journal.read_bytes()
        log.append([b"two"])
        log.publish()
    journal.write_bytes(old)
    with pytest.raises(VerificationError, match="fewer than its last checkpoint"):
        open_log(tmp_path)


def test_an_edited_log_is_not_signed_again(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append(entries(300))
        log.publish()
    tile = tmp_path / "tile/0/000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    with pytest.raises(VerificationError, match="not those of the last checkpoint"):
        open_log(tmp_path)


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([entry(0)])
    log.close()
    log.close()
    with pytest.raises(StorageError, match="not open"):
        log.append([entry(1)])
