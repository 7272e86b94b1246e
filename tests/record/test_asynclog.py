"""Appends from tasks: shared commits, each told of its own, and of nobody else's failure."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.record.logkit import signer

from countenance.core.fileops import FileOps
from countenance.record import FolderStorage, Log, StorageError, VerificationError
from countenance.record.asynclog import AsyncLog


class Counting(FileOps):
    """Counts what is made durable, and fails from then on when told to."""

    def __init__(self) -> None:
        self.syncs, self.broken = 0, False

    def fsync(self, handle: int) -> None:
        self.syncs += 1
        if self.broken:
            raise OSError(28, "No space left on device")
        super().fsync(handle)


def test_each_task_is_told_where_its_own_entries_are(tmp_path: Path) -> None:
    ops = Counting()

    async def run(log: Log) -> list[range]:
        async with AsyncLog(log) as appends:
            tasks = [appends.append([b"%d-%d" % (n, k) for k in range(n % 3)]) for n in range(64)]
            return await asyncio.gather(*tasks)

    with Log.open(FolderStorage(tmp_path / "log", ops=ops), signer()) as log:
        before = ops.syncs
        found = asyncio.run(run(log))
        assert ops.syncs - before <= 3, "64 tasks were to share commits"
        for n, places in enumerate(found):
            assert [log.entry(i) for i in places] == [b"%d-%d" % (n, k) for k in range(n % 3)]
        assert log.size == sum(n % 3 for n in range(64))


def test_tasks_that_come_again_and_again(tmp_path: Path) -> None:
    async def writer(appends: AsyncLog, name: int) -> list[int]:
        return [(await appends.append([b"%d/%d" % (name, n)])).start for n in range(50)]

    async def run(log: Log) -> list[list[int]]:
        async with AsyncLog(log) as appends:
            return await asyncio.gather(*(writer(appends, name) for name in range(8)))

    with Log.open(FolderStorage(tmp_path / "log"), signer()) as log:
        found = asyncio.run(run(log))
        assert sorted(i for places in found for i in places) == list(range(400))
        for name, places in enumerate(found):
            assert [log.entry(i) for i in places] == [b"%d/%d" % (name, n) for n in range(50)]


def test_one_that_cannot_be_held_hurts_nobody_else(tmp_path: Path) -> None:
    async def run(log: Log) -> list[object]:
        async with AsyncLog(log) as appends:
            return await asyncio.gather(
                appends.append([b"a"]), appends.append([bytes(65_536)]), appends.append([b"b"]),
                return_exceptions=True,
            )  # fmt: skip

    with Log.open(FolderStorage(tmp_path / "log"), signer()) as log:
        one, two, three = asyncio.run(run(log))
        assert (one, three) == (range(1), range(1, 2))
        assert isinstance(two, VerificationError)


def test_a_failed_commit_is_told_to_all_who_were_in_it_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    ops = Counting()

    async def run(log: Log) -> None:
        async with AsyncLog(log) as appends:
            ops.broken = True
            failed = await asyncio.gather(
                appends.append([b"a"]), appends.append([b"b"]), return_exceptions=True
            )
            assert [type(each) for each in failed] == [StorageError, StorageError]
            assert failed[0] is not failed[1]
            ops.broken = False
            place = await appends.append([b"c"])
            assert log.entry(place.start) == b"c"

    with Log.open(FolderStorage(tmp_path / "log", ops=ops), signer()) as log:
        asyncio.run(run(log))


def test_a_cancelled_task_holds_nobody_up(tmp_path: Path) -> None:
    async def run(log: Log) -> None:
        async with AsyncLog(log) as appends:
            lost = asyncio.ensure_future(appends.append([b"lost"]))
            kept = asyncio.ensure_future(appends.append([b"kept"]))
            await asyncio.sleep(0)
            lost.cancel()
            place = await kept
            assert log.entry(place.start) == b"kept"
            with pytest.raises(asyncio.CancelledError):
                await lost

    with Log.open(FolderStorage(tmp_path / "log"), signer()) as log:
        asyncio.run(run(log))
        assert log.size == 2


def test_nothing_to_append(tmp_path: Path) -> None:
    async def run(log: Log) -> range:
        async with AsyncLog(log) as appends:
            return await appends.append([])

    with Log.open(FolderStorage(tmp_path / "log"), signer()) as log:
        assert asyncio.run(run(log)) == range(0)
