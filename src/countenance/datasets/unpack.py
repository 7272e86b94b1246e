"""Take wanted files out of a zip archive that may mean harm.

Nothing in an archive decides where a file goes: the caller maps member names to places. Names that
climb out of the archive, links, bombs and damaged members refuse the whole archive.
"""

from __future__ import annotations

import errno
import filecmp
import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from countenance.core import InputError, IntegrityError, Progress, no_progress

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may unfold to, counted while unfolding and not from what it says of itself.

    Attributes
    ----------
    members
        Names in one archive.
    file_bytes
        One wanted file.
    total_bytes
        Everything taken out, archives in the archive included.
    """

    members: int = 100_000
    file_bytes: int = 64 * 2**20
    total_bytes: int = 4 * 2**30


MODERATE = Limits()


def unpack(
    archive: Path,
    into: Path,
    *,
    wants: Callable[[str], str | None],
    progress: Progress = no_progress,
    limits: Limits = MODERATE,
) -> list[str]:
    """Take the wanted files out of an archive.

    Archives directly in the archive are opened too, as data repositories wrap one in another;
    archives in those are not.

    Parameters
    ----------
    archive
        A zip file.
    into
        The folder that wanted files go to.
    wants
        From a member's name to the relative path it gets, or None to leave it.
    progress
        Called with "Unpacking" and members done.
    limits
        What it may unfold to.

    Returns
    -------
    The relative paths written.

    Raises
    ------
    InputError
        It is not a zip archive, or is encrypted.
    IntegrityError
        A name leads out, a member is a link or damaged, two members claim one place, or more
        unfolds than `limits` allows.
    """
    job = _Job(into, wants, progress, limits)
    job.open(archive, where=archive.name, nested=False)
    return job.written


class _Job:
    def __init__(
        self, into: Path, wants: Callable[[str], str | None], progress: Progress, limits: Limits
    ) -> None:
        self.into = into
        self.wants = wants
        self.progress = progress
        self.limits = limits
        self.written: list[str] = []
        self.bytes = 0

    def open(self, archive: Path, *, where: str, nested: bool) -> None:
        """Go through one archive."""
        try:
            with zipfile.ZipFile(archive) as zipped:
                members = zipped.infolist()
                if len(members) > self.limits.members:
                    raise IntegrityError(f"holds {len(members):,} files", where=where)
                for done, member in enumerate(members, start=1):
                    self._member(zipped, member, where=where, nested=nested)
                    self.progress("Unpacking", done, len(members))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
            damaged = zipfile.is_zipfile(archive)
            kind = IntegrityError if damaged else InputError
            raise kind(
                f"is damaged: {error}" if damaged else "is not a zip archive", where=where
            ) from error
        except (
            OSError,
            ValueError,
        ) as error:  # its directory points before it
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            raise IntegrityError(f"is damaged: {error}", where=where) from error
        except (NotImplementedError, RuntimeError) as error:  # a password, or a rare compression
            raise InputError(f"cannot be opened: {error}", where=where) from error

    def _member(
        self, zipped: zipfile.ZipFile, member: zipfile.ZipInfo, *, where: str, nested: bool
    ) -> None:
        name = member.filename
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise IntegrityError(f"holds a name that leads out: {name!r}", where=where)
        if member.is_dir():
            return
        target = self.wants(name)
        inner = target is None and not nested and name.lower().endswith(".zip")
        if target is None and not inner:
            return
        if stat.S_ISLNK(member.external_attr >> 16):
            raise IntegrityError(f"holds a link: {name!r}", where=where)
        with zipped.open(member) as source:
            if target is not None:
                self._write(source, target, where=f"{where}: {name}")
            else:
                self._inner(source, where=f"{where}: {name}")

    def _write(self, source: IO[bytes], target: str, *, where: str) -> None:
        if target in self.written:
            raise IntegrityError(f"is a second file for {target}", where=where)
        path = self.into / target
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            self._copy(source, file, most=self.limits.file_bytes, where=where)
        self.written.append(target)

    def _inner(self, source: IO[bytes], *, where: str) -> None:
        """An archive in the archive: copied out first, as reading it needs to seek."""
        with tempfile.TemporaryDirectory(dir=self.into, prefix=".inner-") as folder:
            copy = Path(folder) / "inner.zip"
            with copy.open("xb") as file:
                self._copy(source, file, most=self.limits.total_bytes, where=where)
            self.open(copy, where=where, nested=True)

    def _copy(self, source: IO[bytes], file: IO[bytes], *, most: int, where: str) -> None:
        size = 0
        while piece := source.read(_PIECE_BYTES):
            size += len(piece)
            self.bytes += len(piece)
            if size > most or self.bytes > self.limits.total_bytes:
                raise IntegrityError(
                    f"unfolds to more than {min(most, self.limits.total_bytes):,} bytes",
                    where=where,
                    do="nothing of it was kept",
                )
            file.write(piece)


def copy_wanted(
    folder: Path,
    into: Path,
    *,
    wants: Callable[[str], str | None],
    progress: Progress = no_progress,
) -> list[str]:
    """The same from a folder: wanted files are copied, zip archives directly in it unpacked.

    A second copy of a file is passed over; two different files for one place are refused.
    """
    written: list[str] = []
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    for done, file in enumerate(files, start=1):
        name = file.relative_to(folder).as_posix()
        if name.startswith(".") or "/." in name:  # hidden, and `into` when it lies in `folder`
            continue
        target = wants(name)
        if target is not None:
            if target in written:
                if filecmp.cmp(file, into / target, shallow=False):
                    continue
                raise IntegrityError(f"is another file for {target}", where=str(file))
            (into / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, into / target)
            written.append(target)
        elif file.suffix.lower() == ".zip" and file.parent == folder:
            try:
                written += unpack(file, into, wants=wants)
            except FileExistsError as error:
                raise IntegrityError(f"holds a second {error.filename}", where=name) from error
        progress("Copying", done, len(files))
    return written
