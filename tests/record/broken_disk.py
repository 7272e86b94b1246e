"""Disks that fail: at the n-th operation, from then on, within a write, or by power loss."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

from countenance.record.fileops import FileOps


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
        self._durable: dict[Path, int | None] = {root: None}

    def _step(self) -> None:
        self.count += 1
        if self.count >= self.off_at:
            raise PowerLoss

    def create(self, path: Path, *, private: bool = False) -> int:
        self._step()
        handle = super().create(path, private=private)
        self._open[handle] = self._names[path] = len(self._contents)
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
        super().rename(source, target)

    def make_folder(self, path: Path) -> None:
        self._step()
        self._names[path] = None
        super().make_folder(path)

    def fsync_folder(self, path: Path) -> None:
        self._step()
        for known in (self._names, self._durable):
            for name in [name for name in known if name.parent == path]:
                if name in self._names:
                    self._durable[name] = self._names[name]
                else:
                    del self._durable[name]

    def image(self, target: Path, *, lucky: bool, seed: int) -> None:
        """The folder after the power came back.

        Unlucky: all that was not synced is gone. Lucky: names are as they were last, and contents
        that were not synced are there up to a random point.
        """
        chance = random.Random(seed)
        target.mkdir()
        names = self._names if lucky else self._durable
        for path, number in sorted(names.items(), key=lambda item: len(item[0].parts)):
            place = target / path.relative_to(self.root)
            if number is None:
                if place.parent.is_dir():
                    place.mkdir(exist_ok=True)
                continue
            synced = self._synced[number] or b""
            if lucky:
                whole = self._contents[number]
                data = bytes(whole[: chance.randint(len(synced), len(whole))])
            else:
                data = synced
            if place.parent.is_dir():
                place.write_bytes(data)
