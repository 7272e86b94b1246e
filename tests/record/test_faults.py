"""Every operation on a file fails once, and for good; the power goes at every operation.

What must hold each time: a clear error, nothing acknowledged that is lost, the checkpoint before
stays valid, and the log opens again by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_disk import FailingOps, Late, NoSync, PowerLoss, PowerOps, at_once
from logkit import ORIGIN, entry, everything, open_log, published, signer, verify_published

from countenance.record.errors import RecordError, StorageError, VerificationError
from countenance.record.fileops import FileOps
from countenance.record.folder import Beside, FolderStorage
from countenance.record.log import Log

SETTLE = 3_000  # bytes of journal: bundles become files after a few appends
# Entries appended; published after every fourth. So there are appends to a second journal, and
# third journals before the work on the first is waited for.
STEPS = (1, 3, 250, 1, 2, 300, 5, 270, 0, 7, 600, 1)


class Told:
    """What the log acknowledged, as its users saw it."""

    def __init__(self) -> None:
        self.entries: dict[int, bytes] = {}
        self.roots: dict[int, bytes] = {}
        self.failures = 0

    def run(self, log: Log, steps: tuple[int, ...] = STEPS) -> None:
        for number, step in enumerate(steps):
            new = [b"%d/%d/" % (number, i) + entry(i) for i in range(step)]
            try:
                at = log.append(new)
            except StorageError:
                self.failures += 1
            else:
                assert not set(at) & self.entries.keys()
                self.entries.update(zip(at, new, strict=True))
            if number % 4 == 0:
                try:
                    log.publish()
                except StorageError:
                    self.failures += 1
                else:
                    self.note(log)

    def close(self, log: Log) -> None:
        try:
            log.close()
        except StorageError:
            self.failures += 1

    def note(self, log: Log) -> None:
        checkpoint = published(log)
        assert self.roots.setdefault(checkpoint.size, checkpoint.root) == checkpoint.root

    def check(self, folder: Path) -> None:
        """Another process opens the log."""
        reader = FolderStorage(folder)
        if self.roots:
            assert published(reader).size >= max(self.roots)
            verify_published(reader)
        with open_log(folder, ops=NoSync()) as log:
            there = everything(log)
            for index, expected in self.entries.items():
                assert there[index] == expected
            for size, root in self.roots.items():
                assert log.root(size) == root
            assert log.size >= len(self.entries)
            first_new = log.append([b"after"])[0]
            assert log.entry(first_new) == b"after"
            log.publish()
            self.note(log)
        verify_published(reader)


def storage(folder: Path, ops: FileOps, beside: Beside) -> FolderStorage:
    return FolderStorage(folder, ops=ops, settle_bytes=SETTLE, beside=beside)


def start(folder: Path, ops: FileOps, beside: Beside = at_once) -> Log | None:
    try:
        return Log.open(storage(folder, ops, beside), signer())
    except StorageError:
        return None


EVERY = pytest.param(1, marks=pytest.mark.slow, id="every")
SOME = pytest.param(11, id="some")
BESIDE = pytest.mark.parametrize("beside", [at_once, Late])


def each_operation(attempt: Callable[[int], bool], stride: int, kind: str) -> int:
    """Call `attempt` with every `stride`-th number until the fault was not reached.

    `kind` moves where it begins, so that small runs of several kinds do not try the same places.
    """
    at = 1 if stride == 1 else 1 + sum(kind.encode()) % stride
    while attempt(at):
        at += stride
    return at


@BESIDE
@pytest.mark.parametrize("stride", [SOME, EVERY])
@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "short"])
def test_one_failure_anywhere(tmp_path: Path, kind: str, stride: int, beside: Beside) -> None:
    def attempt(at: int) -> bool:
        folder, told = tmp_path / str(at), Told()
        ops = FailingOps(at, kind)
        log = start(folder, ops, beside)
        if log is None:
            log = start(folder, ops, beside)
            told.failures += 1
        assert log is not None, "a failure that is over must not keep the log shut"
        told.run(log)
        told.close(log)
        assert told.failures == int(ops.fired)
        told.check(folder)
        return ops.fired

    assert each_operation(attempt, stride, kind) > 60


@BESIDE
@pytest.mark.parametrize("stride", [SOME, EVERY])
@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "short"])
def test_a_disk_that_stays_broken(tmp_path: Path, kind: str, stride: int, beside: Beside) -> None:
    def attempt(at: int) -> bool:
        folder, told = tmp_path / str(at), Told()
        ops = FailingOps(at, kind, stays=True)
        log = start(folder, ops, beside)
        if log is not None:
            told.run(log)
            if ops.fired:
                with pytest.raises(StorageError):
                    log.append([b"no"])
                told.failures += 1
            told.close(log)
            assert bool(told.failures) == ops.fired
        told.check(folder)
        return ops.fired

    assert each_operation(attempt, stride, kind) > 60


@BESIDE
@pytest.mark.parametrize("stride", [SOME, EVERY])
@pytest.mark.parametrize("luck", ["none", "some", "all"])
def test_power_loss_anywhere(tmp_path: Path, luck: str, stride: int, beside: Beside) -> None:
    def attempt(at: int) -> bool:
        folder, told = tmp_path / str(at), Told()
        folder.mkdir()
        ops = PowerOps(folder, at)
        on = False
        with contextlib.suppress(PowerLoss):
            log = Log.open(storage(folder, ops, beside), signer())
            told.run(log)
            told.close(log)
            on = True
        after = tmp_path / f"{at}-after"
        ops.image(after, luck=luck, seed=at)
        told.check(after)
        return not on

    assert each_operation(attempt, stride, luck) > 60


def test_a_reader_of_a_failing_log_still_has_the_old_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with open_log(folder) as log:
        log.append([b"one"])
        before = log.publish()
    log = start(folder, FailingOps(20, "ENOSPC", stays=True))
    assert log is not None
    with log, contextlib.suppress(StorageError):
        for _ in range(20):
            log.append([b"more"])
            log.publish()
    told = FolderStorage(folder)
    verify_published(told)
    assert published(told).size >= 1
    assert before is not None


def test_a_readonly_folder_is_said(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"not a folder")
    with pytest.raises(StorageError, match="cannot be written"):
        open_log(place / "log")


def test_a_failed_witness_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    def no_quorum(note: bytes) -> bytes:
        raise RecordError("no quorum")

    with open_log(tmp_path) as log:
        log.append([b"one"])
        before = log.publish()
        log.append([b"two"])
        with pytest.raises(RecordError, match="no quorum"):
            log.publish(no_quorum)
        assert log.latest_checkpoint() == before
        with pytest.raises(VerificationError, match="another text"):
            log.publish(lambda _: before)
        assert log.latest_checkpoint() == before
        log.append([b"three"])
        log.publish(lambda note: note)
        assert published(log).size == 3
        assert log.origin == ORIGIN
