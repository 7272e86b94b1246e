"""A record on this machine: one folder with the log, its key, its policy and its vault.

::

    RECORD/log/            what may be published: checkpoint and tiles, with journal and lock
    RECORD/log.key         the log's key, sealed under a passphrase
    RECORD/policy          who must have signed a checkpoint for it to count (tlog-policy)
    RECORD/vault.sqlite    salts and clear values of sealed fields; never to be published
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from countenance.core import InputError
    from countenance.record.log import Log
    from countenance.record.note import Signer
    from countenance.record.policy import Policy
    from countenance.record.storage import Reader
    from countenance.record.vault import SQLiteVault

PASSPHRASE = "COUNTENANCE_PASSPHRASE"  # noqa: S105 - the name of a variable

Folder = Annotated[
    Path, typer.Argument(metavar="RECORD", help="The record's folder.", show_default=False)
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
        from countenance.record.policy import Policy

        return Policy.load(self.policy)

    def open_log(self, passphrase_file: Path | None) -> Log:
        """The log, for writing."""
        from countenance.record.folder import FolderStorage
        from countenance.record.log import Log

        return Log.open(FolderStorage(self.log), self.signer(passphrase_file))

    def signer(self, passphrase_file: Path | None) -> Signer:
        """The log's key."""
        from countenance.record.keys import load_signer

        return load_signer(self.key, passphrase=passphrase(passphrase_file), clock=now_s)

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
        return file.read_text(encoding="utf-8").rstrip("\r\n")
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


def reader(place: str) -> Reader:
    """What is published at a place: an address, a record's folder, or the folder of a log."""
    from countenance.record.folder import FolderStorage
    from countenance.record.remote import HttpStorage

    if place.startswith(("http://", "https://")):
        return HttpStorage(place)
    folder = Path(place)
    if not folder.is_dir():
        raise wrong("no such folder", where=place, expected="a record, a log or an address")
    inner = Record(folder).log
    return FolderStorage(inner if inner.is_dir() else folder)


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
