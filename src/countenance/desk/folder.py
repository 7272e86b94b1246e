"""The folder of a deployment: what lies where, who may read it, and who has it open.

::

    desk.toml          what the deployment is meant to be (see `configuration`)
    keys/              the master key, the keys of log, permits and pages; for the owner only
    desk.sqlite        the operational database, unless that is PostgreSQL
    vault.sqlite       salts and clear values of sealed fields
    log/               the public log, unless that is in PostgreSQL
    galleries/         searchable files, which the desk makes again from the database
    imports/           what can be brought into galleries
    witness/           the witness beside the desk: its key, and what it must never forget
    lock               held by whoever has the deployment open
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from countenance.core import FileOps, InputError, write_all
from countenance.desk.errors import StateError

KEY_BYTES: Final = 32
PASSPHRASE: Final = "COUNTENANCE_PASSPHRASE"  # noqa: S105 - the name of a variable
PATIENCE_S: Final = 5.0
RESTORING: Final = "restoring"
"""A file that is there while a deployment is put back from a backup."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a deployment are."""

    folder: Path

    @property
    def keys(self) -> Path:
        """The folder of keys."""
        return self.folder / "keys"

    @property
    def master_key(self) -> Path:
        """Wraps what personal data is encrypted under."""
        return self.keys / "master.key"

    @property
    def permit_key(self) -> Path:
        """Signs permits to search."""
        return self.keys / "permits.key"

    @property
    def page_key(self) -> Path:
        """Signs what a page carries to its next request."""
        return self.keys / "pages.key"

    @property
    def log_key(self) -> Path:
        """Signs the log's checkpoints; its name is the log's."""
        return self.keys / "log.key"

    @property
    def passphrase(self) -> Path:
        """Opens the log's key, where the operator does not give it in the environment."""
        return self.keys / "passphrase"

    @property
    def database(self) -> Path:
        """The database, where it is SQLite."""
        return self.folder / "desk.sqlite"

    @property
    def vault(self) -> Path:
        """Salts and clear values of sealed fields."""
        return self.folder / "vault.sqlite"

    @property
    def log(self) -> Path:
        """The public log, where it is in files."""
        return self.folder / "log"

    @property
    def galleries(self) -> Path:
        """Searchable files."""
        return self.folder / "galleries"

    @property
    def witness(self) -> Path:
        """The witness beside the desk."""
        return self.folder / "witness"

    @property
    def lock(self) -> Path:
        """Held by whoever has the deployment open."""
        return self.folder / "lock"


def make_private_folder(path: Path) -> None:
    """Make a folder for its owner only, if it is not there. Raises InputError."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)  # also one that was there
    except OSError as error:
        raise InputError(
            f"the folder cannot be made ({error.strerror})", where=str(path),
            expected="a folder, or a name that is free",
        ) from error  # fmt: skip


def write_private(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, for its owner only, durably. Raises InputError."""
    ops = FileOps()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(ops, handle, data)
            ops.fsync(handle)
        finally:
            ops.close(handle)
        ops.fsync_folder(path.parent)
    except OSError as error:
        raise InputError(
            f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error


def read_private(path: Path, what: str, *, most: int = 4096) -> bytes:
    """A file that only its owner may read. Raises InputError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(
            f"{what} cannot be read ({error.strerror})", where=str(path),
            do="restore it from where keys are kept; nothing opens without it",
        ) from error  # fmt: skip
    if os.name == "posix" and mode & 0o077:
        raise InputError(f"{what} can be read by others", where=str(path),
                         expected="permissions 0600", do=f"chmod 600 {path}")  # fmt: skip
    if len(data) > most:
        raise InputError(f"too long for {what}", where=str(path))
    return data


def read_key(path: Path, what: str) -> bytes:
    """A key of 32 bytes. Raises InputError."""
    data = read_private(path, what)
    if len(data) != KEY_BYTES:
        raise InputError(f"{what} has {len(data)} bytes", where=str(path),
                         expected=f"{KEY_BYTES} bytes")  # fmt: skip
    return data


def read_passphrase(path: Path) -> str:
    """The passphrase of a key: from its file, or where that is not there the environment."""
    given = os.environ.get(PASSPHRASE)
    if given and not path.exists():
        return given
    return read_private(path, f"the passphrase (or the variable {PASSPHRASE})").decode().rstrip()


def check_address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` in its two parts. Raises InputError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{text!r} is no address to listen at", expected="HOST:PORT")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def holding(places: Places, *, alone: bool, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Have the deployment open until the block ends, alone or with others who do not ask for that.

    Raises
    ------
    StateError
        Another process has it.
    """
    try:
        handle = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(
            f"the folder cannot be written ({error.strerror})", where=str(places.folder)
        ) from error
    try:
        _take(handle, places, alone=alone, patience_s=patience_s)
        yield
    finally:
        os.close(handle)  # and with it the lock


def _take(handle: int, places: Places, *, alone: bool, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise StateError(
                    "another process has this desk open", where=str(places.folder),
                    do="end it first; with SQLite one process does everything",
                ) from None  # fmt: skip
            time.sleep(0.05)
        else:
            return
