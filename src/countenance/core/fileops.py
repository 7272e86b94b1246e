"""The few operations on files that durability rests on, as one seam.

Everything that must survive a crash goes through an object like `FileOps`, so that a test can make
the n-th write, fsync or rename fail, and see what is left.
"""

from __future__ import annotations

import os
from pathlib import Path

_MODE_PUBLIC, _MODE_PRIVATE = 0o644, 0o600


class FileOps:
    """Files and folders of a POSIX file system. Every method may raise OSError."""

    def create(self, path: Path, *, private: bool = False) -> int:
        """Open an empty file for writing; what was there is gone."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        return os.open(path, flags, _MODE_PRIVATE if private else _MODE_PUBLIC)

    def open(self, path: Path) -> int:
        """Open a file that is there, to change it in place."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def write(self, handle: int, data: bytes | memoryview) -> int:
        """Write some of `data`; how many bytes."""
        return os.write(handle, data)

    def write_at(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        """Write some of `data` at an offset from the file's begin; how many bytes."""
        return os.pwrite(handle, data, offset)

    def truncate(self, handle: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(handle, size)

    def fsync(self, handle: int) -> None:
        """Return when the file's bytes, and all that is needed to read them, are on the disk."""
        os.fdatasync(handle)

    def close(self, handle: int) -> None:
        """Let go of a file."""
        os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, at one stroke."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Take a name away."""
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """Make one folder; fine if it is there."""
        path.mkdir(exist_ok=True)

    def fsync_folder(self, path: Path) -> None:
        """Return when the names in a folder are on the disk."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_all(ops: FileOps, handle: int, data: bytes) -> None:
    """Write every byte, however few the system takes at a time."""
    rest = memoryview(data)
    while rest:
        done = ops.write(handle, rest)
        if done <= 0:
            raise OSError("the file took no more bytes")
        rest = rest[done:]


def write_all_at(ops: FileOps, handle: int, data: bytes | memoryview, offset: int) -> None:
    """Write every byte at an offset, however few the system takes at a time."""
    rest = memoryview(data).cast("B")
    while rest:
        done = ops.write_at(handle, rest, offset)
        if done <= 0:
            raise OSError("the file took no more bytes")
        rest, offset = rest[done:], offset + done
