"""A record on this machine: one folder with the log, its key, its policy and its vault.

::

    RECORD/log/            what may be published: checkpoint and tiles, with journal and lock
    RECORD/storage         instead of log/, where the log is in a database: its name there
    RECORD/log.key         the log's key, sealed under a passphrase
    RECORD/policy          who must have signed a checkpoint for it to count (tlog-policy)
    RECORD/vault.sqlite    salts and clear values of sealed fields; never to be published
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from countenance.core import InputError
    from countenance.record.log import Log
    from countenance.record.note import Signer
    from countenance.record.policy import Policy
    from countenance.record.storage import Reader, Storage
    from countenance.record.vault import SQLiteVault

PASSPHRASE = "COUNTENANCE_PASSPHRASE"  # noqa: S105 - the name of a variable
PATIENCE_S = 5.0  # for another process that has the log open

Folder = Annotated[
    Path, typer.Argument(metavar="RECORD", help="The record's folder.", show_default=False)
]
LogPlace = Annotated[
    str,
    typer.Argument(
        metavar="LOG",
        help="A record, the folder of a log, its address, or postgresql://HOST/DATABASE#ORIGIN.",
        show_default=False,
    ),
]
Index = Annotated[
    int,
    typer.Argument(metavar="INDEX", min=0, help="The entry, from 0 on.", show_default=False),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help=f"Where the key's passphrase is (default: ${PASSPHRASE}, or it is asked for).",
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Whose signatures count (default: RECORD's)."),
]
Listen = Annotated[
    str, typer.Option("--listen", metavar="HOST:PORT", help="Where to answer; port 0: any free.")
]


@dataclass(frozen=True, slots=True)
class Record:
    """The parts of a record's folder."""

    path: Path

    @property
    def log(self) -> Path:
        """The folder of the log itself."""
        return self.path / "log"

    @property
    def key(self) -> Path:
        """The file of the log's key."""
        return self.path / "log.key"

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.path / "policy"

    @property
    def vault(self) -> Path:
        """The file of salts and clear values."""
        return self.path / "vault.sqlite"

    @property
    def storage_name(self) -> Path:
        """The file that says where the log is, if it is in a database."""
        return self.path / "storage"

    def need(self) -> Record:
        """The record itself, if there is one."""
        if not self.key.is_file() or not self.policy.is_file():
            raise wrong(
                "there is no record here",
                where=str(self.path),
                expected="a folder that `countenance record init` made",
            )
        return self

    def load_policy(self) -> Policy:
        """Who must have signed a checkpoint for it to count."""
        return load_policy(self.policy)

    def log_name(self) -> str | None:
        """The name of the log in a database; None if it is in this folder."""
        from countenance.cli.recorddatabase import NAME, is_database

        if not self.storage_name.exists():
            return None
        name = read_text(self.storage_name, "the name of the log's storage")
        if not is_database(name) or "#" not in name:
            raise wrong("this names no log", where=str(self.storage_name), expected=NAME)
        return name

    def open_storage(self) -> Storage:
        """Where the log is kept."""
        from countenance.cli.recorddatabase import database
        from countenance.record.folder import FolderStorage

        name = self.log_name()
        return FolderStorage(self.log) if name is None else database(name)

    def hold(self) -> Storage:
        """The log's storage, open for writing; another process that has it may finish first."""
        from countenance.record.errors import ConflictError

        storage = self.open_storage()
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                storage.open()
            except ConflictError:
                if time.monotonic() >= until:
                    raise
            except BaseException:
                storage.close()
                raise
            else:
                return storage
            time.sleep(0.05)

    def open_log(self, signer: Signer) -> Log:
        """The log, for writing."""
        from countenance.record.log import Log

        return Log.open(self.hold(), signer)

    def signer(self, secret: str) -> Signer:
        """The log's key."""
        from countenance.record.keys import load_signer

        return load_signer(self.key, passphrase=secret, clock=now_s)

    def open_vault(self) -> SQLiteVault:
        """The vault."""
        from countenance.record.vault import SQLiteVault

        return SQLiteVault(self.vault, clock=now_s)


def wrong(
    what: str, *, where: str | None = None, expected: str | None = None, do: str | None = None
) -> InputError:
    """An `InputError`, whose room is entered only when one is needed: `--help` is to be quick."""
    from countenance.core import InputError

    return InputError(what, where=where, expected=expected, do=do)


def now_s() -> int:
    """The clock of this machine, POSIX seconds."""
    return int(time.time())


def passphrase(file: Path | None, *, new: bool = False) -> str:
    """The passphrase of a key: from a file, the environment, or asked for at a terminal."""
    if file is not None:
        text = read_text(file, "the passphrase")
        if not text:
            raise wrong("the passphrase file is empty", where=str(file), expected="a passphrase")
        return text
    given = os.environ.get(PASSPHRASE)
    if given:
        return given
    if not os.isatty(0):
        raise wrong(
            "the key's passphrase is not known",
            expected=f"--passphrase-file FILE, the variable {PASSPHRASE}, or a terminal to ask at",
        )
    asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    return asked


def read_text(path: Path, what: str) -> str:
    """One line of text from a file, without its end."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise wrong(
            f"{what} cannot be read ({why})", where=str(path), expected="a file of one line"
        ) from error
    return text.rstrip("\r\n")


def read_bytes(path: Path, what: str, *, most: int) -> bytes:
    """The bytes of a file that somebody named, at most so many."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise wrong(
            f"{what} cannot be read ({error.strerror})", where=str(path), expected="a file"
        ) from error
    if len(data) > most:
        raise wrong(f"too large for {what}", where=str(path), expected=f"{most:,} bytes at most")
    return data


def load_policy(path: Path) -> Policy:
    """A policy file that somebody named."""
    from countenance.record.errors import VerificationError
    from countenance.record.policy import MAX_POLICY_BYTES, Policy

    data = read_bytes(path, "the policy", most=MAX_POLICY_BYTES)
    try:
        return Policy.parse(data, where=str(path))
    except VerificationError as error:
        form = error.expected or "a policy file, as `countenance record init` writes one"
        raise VerificationError(error.what, where=error.where, expected=form) from error


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one nobody else can read at any moment."""
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not private:
            temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise wrong(
            f"the file cannot be written ({error.strerror})",
            where=str(path),
            expected="the name of a file in a folder that is there",
        ) from error


@contextlib.contextmanager
def naming(where: str) -> Iterator[None]:
    """Say which option a key or name was given in that is none."""
    from countenance.record.errors import VerificationError

    try:
        yield
    except VerificationError as error:
        again = None if error.expected else "copy it again, whole, from where it is published"
        raise wrong(error.what, where=where, expected=error.expected, do=again) from error


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, if it is not there."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise wrong(
            f"the folder cannot be made ({error.strerror})",
            where=str(path),
            expected="a folder, or a name that is free",
        ) from error


@contextlib.contextmanager
def reading(place: str) -> Iterator[Reader]:
    """What is published at a place: an address, a database, a record, or the folder of a log."""
    from countenance.cli.recorddatabase import database, is_database, need_log
    from countenance.record.folder import FolderStorage
    from countenance.record.remote import HttpStorage

    if place.startswith(("http://", "https://")):
        yield HttpStorage(place)
        return
    folder = Record(Path(place))
    name = place if is_database(place) else folder.log_name()
    if name is not None:
        with contextlib.closing(database(name)) as storage:
            need_log(storage, name)
            yield storage
        return
    if not folder.path.is_dir():
        raise wrong(
            "this is a file" if folder.path.exists() else "no such folder",
            where=place,
            expected="a record, the folder of a log, http(s)://… or postgresql://…",
            do="a proof file is checked by `countenance verify`" if folder.path.exists() else None,
        )
    yield FolderStorage(folder.log if folder.log.is_dir() else folder.path)


def own_policy(place: str) -> Path | None:
    """The policy of a record; None where the place is no record."""
    own = Record(Path(place)).policy
    return own if own.is_file() else None


def unpublished(place: str) -> InputError:
    """That there is no checkpoint, and what to do."""
    return wrong(
        "no checkpoint was published here",
        where=place,
        do="look whether this is a log; `countenance record checkpoint RECORD` publishes one",
    )


@contextlib.contextmanager
def listening(listen: str) -> Iterator[tuple[str, int]]:
    """Host and port of ``HOST:PORT``; an address that cannot be had ends with a message."""
    try:
        yield address(listen)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise wrong(
            f"nobody can listen there ({why})",
            where=f"--listen {listen}",
            expected="an address of this machine and a port that is free; port 0 takes any",
        ) from error


def address(listen: str) -> tuple[str, int]:
    """``HOST:PORT`` in its two parts."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise wrong(
            f"{listen!r} is no address to listen at",
            where="--listen",
            expected="HOST:PORT, as 127.0.0.1:8600",
        )
    return host.strip("[]"), int(port)
