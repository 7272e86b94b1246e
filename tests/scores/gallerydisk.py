"""Disks that fail under a gallery: at the n-th operation, within a write, or by power loss."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

from gallerykit import NoSync

from countenance.core import FileOps


class FailingOps(NoSync):
    """Fails at operation `at` (counted from 1) and, with `stays`, at every one after it.

    kind: ``ENOSPC``, ``EIO``, or ``short`` (a write takes half, and the next fails).
    """

    def __init__(self, at: int, kind: str, *, stays: bool = False) -> None:
        self.at, self.kind, self.stays = at, kind, stays
        self.count = 0
        self.fired = False
        self._next = False

    def _step(self, *, writing: bool = False) -> bool:
        self.count += 1
        if self._next and writing:
            self._next = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.count == self.at or (self.stays and self.count > self.at):
            self.fired = True
            if self.kind == "short" and writing:
                self._next = True
                return True
            number = errno.ENOSPC if self.kind == "short" else getattr(errno, self.kind)
            raise OSError(number, os.strerror(number))
        return False

    def create(self, path: Path, *, private: bool = False) -> int:
        self._step()
        return super().create(path, private=private)

    def open(self, path: Path) -> int:
        self._step()
        return super().open(path)

    def write_at(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        if self._step(writing=True):
            data = data[: max(1, len(data) // 2)]
        return super().write_at(handle, data, offset)

    def truncate(self, handle: int, size: int) -> None:
        self._step()
        super().truncate(handle, size)

    def fsync(self, handle: int) -> None:
        self._step()
        super().fsync(handle)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def fsync_folder(self, path: Path) -> None:
        self._step()
        super().fsync_folder(path)


class PowerLoss(BaseException):
    """The machine is off. Nothing in the code under test may catch this and go on."""


class _File:
    """What a file holds now, what of it is surely on the disk, and what was done since."""

    def __init__(self, data: bytes = b"") -> None:
        self.now = bytearray(data)
        self.synced = bytes(data)
        self.since: list[tuple[int, bytes] | int] = []  # writes at an offset, or a new size

    def change(self, what: tuple[int, bytes] | int) -> None:
        self.since.append(what)
        _apply(self.now, what)


def _apply(data: bytearray, what: tuple[int, bytes] | int) -> None:
    if isinstance(what, int):
        del data[what:]
    else:
        at, piece = what
        data.extend(bytes(max(0, at + len(piece) - len(data))))
        data[at : at + len(piece)] = piece


class PowerOps(FileOps):
    """Remembers what a disk owes: contents after fsync, names after fsync of their folder.

    Nothing is promised of the rest; `image` writes down what a disk may hold after power loss.
    """

    def __init__(self, folder: Path, off_at: int) -> None:
        self.folder, self.off_at, self.count = folder, off_at, 0
        self._names: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._open: dict[int, _File] = {}
        if folder.is_dir():
            for path in folder.iterdir():
                self._names[path.name] = _File(path.read_bytes())
        self._durable.update(self._names)

    def _step(self) -> None:
        self.count += 1
        if self.count >= self.off_at:
            raise PowerLoss

    def create(self, path: Path, *, private: bool = False) -> int:
        self._step()
        handle = super().create(path, private=private)
        self._open[handle] = self._names[path.name] = _File()
        return handle

    def open(self, path: Path) -> int:
        self._step()
        handle = super().open(path)
        self._open[handle] = self._names[path.name]
        return handle

    def write_at(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        if self.count + 1 >= self.off_at:  # what is under way may be there in part
            self._open[handle].change((offset, bytes(data[: len(data) * 2 // 3])))
        self._step()
        self._open[handle].change((offset, bytes(data)))
        return super().write_at(handle, data, offset)

    def truncate(self, handle: int, size: int) -> None:
        self._step()
        self._open[handle].change(size)
        super().truncate(handle, size)

    def fsync(self, handle: int) -> None:
        self._step()
        file = self._open[handle]
        file.synced, file.since = bytes(file.now), []

    def close(self, handle: int) -> None:
        self._open.pop(handle, None)
        super().close(handle)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        self._names[target.name] = self._names.pop(source.name)
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        del self._names[path.name]
        super().remove(path)

    def fsync_folder(self, path: Path) -> None:
        self._step()
        if path == self.folder:
            self._durable = dict(self._names)

    def image(self, target: Path, chance: random.Random, *, kind: str) -> None:
        """The folder after the power came back.

        ``unlucky``: all that was not synced is gone. ``lucky``: all of it is there. ``some``: any
        of the changes since, each whole, in part or not at all.
        """
        target.mkdir(mode=0o700)
        names = self._names if kind == "lucky" else self._durable
        if kind == "some":  # of each name, the file it stood for at one time or the other
            both = [(self._names, self._durable)[chance.randrange(2)] for _ in range(20)]
            every = sorted(self._names | self._durable)
            names = {
                name: since[name]
                for name, since in zip(every, both, strict=False)
                if name in since
            }
        for name, file in names.items():
            data = bytearray(file.synced)
            for what in file.since:
                luck = chance.random()
                if kind == "lucky" or (kind == "some" and luck < 0.4):
                    _apply(data, what)
                elif kind == "some" and luck < 0.7 and not isinstance(what, int):
                    _apply(data, (what[0], what[1][: chance.randint(0, len(what[1]))]))
            (target / name).write_bytes(data)
