"""Disks that fail: at the n-th operation, from then on, within a write, or by power loss."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from countenance.record.fileops import FileOps


def at_once(work: Callable[[], None]) -> Future[None]:
    """For `beside` of a `FolderStorage`: the work is done before appending goes on."""
    done = Late(work)
    done.run()
    return done


class Late(Future[None]):
    """For `beside`: the work is done when it is waited for, and not a moment before."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # not power loss: that ends everything at once
            self.set_exception(error)
        else:
            self.set_result(None)

    def result(self, timeout: float | None = None) -> None:
        if not self.done():
            self.run()
        return super().result(timeout)


class NoSync(FileOps):
    """Does not wait for the disk: for tests that are not about losing power."""

    def fsync(self, handle: int) -> None:
        pass

    def fsync_folder(self, path: Path) -> None:
        pass


class FailingOps(NoSync):
    """Fails at operation `at` (counted from 1), once or from then on.

    kind: ``ENOSPC``, ``EIO``, or ``short`` (a write takes half, and the next fails).
    """

    def __init__(self, at: int, kind: str, *, stays: bool = False) -> None:
        self.at, self.kind, self.stays = at, kind, stays
        self.count = 0
        self.fired = False
        self._next_write_fails = False

    def _step(self, *, writing: bool = False) -> bool:
        """Whether this operation is to be cut short; raises where it is to fail."""
        self.count += 1
        if self._next_write_fails and writing:
            self._next_write_fails = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.count == self.at or (self.stays and self.count > self.at):
            self.fired = True
            if self.kind == "short" and writing:
                self._next_write_fails = True
                return True
            number = errno.ENOSPC if self.kind == "short" else getattr(errno, self.kind)
            raise OSError(number, os.strerror(number))
        return False

    def create(self, path: Path, *, private: bool = False) -> int:
        self._step()
        return super().create(path, private=private)

    def write(self, handle: int, data: bytes | memoryview) -> int:
        if self._step(writing=True):
            data = data[: max(1, len(data) // 2)]
        return super().write(handle, data)

    def fsync(self, handle: int) -> None:
        self._step()
        super().fsync(handle)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def fsync_folder(self, path: Path) -> None:
        self._step()
        super().fsync_folder(path)


class PowerLoss(BaseException):
    """The machine is off. Nothing in the code under test may catch this and go on."""


class PowerOps(FileOps):
    """Remembers what a disk owes: contents after fsync, names after fsync of their folder.

    Nothing is promised of the rest; `image` writes down what a disk may hold after power loss.
    """

    def __init__(self, root: Path, off_at: int) -> None:
        self.root, self.off_at, self.count = root, off_at, 0
        self._contents: list[bytearray] = []
        self._synced: list[bytes | None] = []
        self._open: dict[int, int] = {}
        self._names: dict[Path, int | None] = {root: None}  # None: a folder
        self._past = [dict(self._names)]  # names after each change of one
        self._synced_at: dict[Path, int] = {}  # of each folder, how much of the past is durable

    def _step(self) -> None:
        self.count += 1
        if self.count >= self.off_at:
            raise PowerLoss

    def create(self, path: Path, *, private: bool = False) -> int:
        self._step()
        handle = super().create(path, private=private)
        self._open[handle] = self._names[path] = len(self._contents)
        self._past.append(dict(self._names))
        self._contents.append(bytearray())
        self._synced.append(None)
        return handle

    def write(self, handle: int, data: bytes | memoryview) -> int:
        if self.count + 1 >= self.off_at:  # what was under way may be there in part
            self._contents[self._open[handle]] += data[: len(data) * 2 // 3]
        self._step()
        self._contents[self._open[handle]] += data
        return super().write(handle, data)

    def fsync(self, handle: int) -> None:
        self._step()
        number = self._open[handle]
        self._synced[number] = bytes(self._contents[number])

    def close(self, handle: int) -> None:
        self._open.pop(handle, None)
        super().close(handle)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        self._names[target] = self._names.pop(source)
        self._past.append(dict(self._names))
        super().rename(source, target)

    def make_folder(self, path: Path) -> None:
        self._step()
        self._names[path] = None
        self._past.append(dict(self._names))
        super().make_folder(path)

    def fsync_folder(self, path: Path) -> None:
        self._step()
        self._synced_at[path] = len(self._past) - 1

    def image(self, target: Path, *, luck: str, seed: int) -> None:
        """The folder after the power came back.

        ``none``: all that was not synced is gone. ``all``: names are as they were last, and
        contents that were not synced are there up to a random point. ``some``: contents likewise,
        and of the changes of names in each folder since it was synced, the first few.
        """
        chance = random.Random(seed)
        target.mkdir()
        for path, number in sorted(
            self._kept(luck, chance).items(), key=lambda i: len(i[0].parts)
        ):
            place = target / path.relative_to(self.root)
            if number is None:
                if place.parent.is_dir():
                    place.mkdir(exist_ok=True)
                continue
            data = synced = self._synced[number] or b""
            if luck != "none":
                whole = self._contents[number]
                data = bytes(whole[: chance.randint(len(synced), len(whole))])
            if place.parent.is_dir():
                place.write_bytes(data)

    def _kept(self, luck: str, chance: random.Random) -> dict[Path, int | None]:
        now, kept = len(self._past) - 1, {self.root: None}
        for folder in {path.parent for names in self._past for path in names}:
            synced = self._synced_at.get(folder, 0)
            at = {"none": synced, "all": now, "some": chance.randint(synced, now)}[luck]
            kept |= {p: n for p, n in self._past[at].items() if p.parent == folder}
        return kept
