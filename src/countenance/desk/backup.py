"""A backup of a deployment that goes on working: database, vault and log, of one instant.

::

    BACKUP/backup.json       what it is of: when, the log's name, size and root, a hash a file
    BACKUP/desk.toml         the configuration, with the files it names
    BACKUP/database.sqlite   or tables/, one file a table
    BACKUP/vault.sqlite      salts and clear values: keep a backup as carefully as the desk
    BACKUP/log/              every entry there was at that instant, and the checkpoint then

What is not in it: the keys (see `sealedkeys`), for without them nothing that is encrypted opens;
the searchable files, which the desk makes again; and what the witness beside the desk has seen,
for a witness that is put back has forgotten.

The order matters. No event is written while the view of the database begins and the log's size is
read, so that neither has an event that the other lacks: an event of the view is in that much of
the log, or still in the outbox, from where it is brought there. The vault is copied after both: it
may hold what opens entries that came later, and never lacks what opens one.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from countenance.core import (
    InputError,
    IntegrityError,
    Progress,
    no_progress,
    pretty_json,
    sha256_file,
)
from countenance.desk.configuration import FILE, Configuration
from countenance.desk.folder import make_private_folder, write_private
from countenance.desk.jobs import Handler, Working
from countenance.desk.logcopy import copy_log
from countenance.desk.parts import log_signer, policy_of
from countenance.desk.store import REVISION, Store
from countenance.desk.tablecopy import copy_out, copy_sqlite, instant
from countenance.record import FolderStorage, Log

BACKUP: Final = "backup"
"""The kind of job by which a running service is asked for one."""
NOTE: Final = "backup.json"
VAULT: Final = "vault.sqlite"
LOG: Final = "log"
_SCHEMA: Final = "countenance/backup"
_MOST_BYTES: Final = 64 << 20


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``backup.json`` says of a backup.

    Attributes
    ----------
    at
        When, in UTC.
    revision
        Of the database's tables.
    origin, size, root
        The log: its name, how many entries, their root in hex.
    published
        Whether there is a checkpoint with it.
    files
        SHA-256 of every file, by its path.
    """

    schema: str
    version: int
    at: datetime.datetime
    revision: str
    sqlite: bool
    origin: str
    size: int
    root: str
    published: bool
    files: dict[str, str]


def take_backup(
    found: Configuration, store: Store, log: Log, target: Path, *, now: datetime.datetime,
    progress: Progress = no_progress,
) -> Described:  # fmt: skip
    """Write a backup into a folder that is not there yet; whole, or not under that name.

    Parameters
    ----------
    found, store, log
        The deployment, opened; others may be writing.
    target
        The folder.
    now
        What the backup says of when it was made.
    progress
        Told of the entries of the log, which take longest.

    Raises
    ------
    InputError
        There is something under that name, or it cannot be written.
    IntegrityError
        What was copied does not fit together: the deployment is damaged.
    """
    if target.exists():
        raise InputError("there is something of this name", where=str(target),
                         expected="a name that is free")  # fmt: skip
    draft = target.with_name(f"{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    make_private_folder(draft)
    try:
        with instant(store, log) as view:
            copy_out(store, view.connection, draft)
            size, note = view.size, view.note
        copy_sqlite(found.places.vault, draft / VAULT)
        root = copy_log(
            log, FolderStorage(draft / LOG), log_signer(found.places), size=size, note=note,
            verifiers=policy_of(found, public=True).verifiers, progress=progress,
        )  # fmt: skip
        (draft / LOG / "lock").unlink()
        _copy_configuration(found, draft)
        said = Described(
            _SCHEMA, 1, now, REVISION, store.is_sqlite, log.origin, size, root.hex(),
            note is not None, _hashes(draft),
        )  # fmt: skip
        text = pretty_json(json.loads(msgspec.json.encode(said)))
        write_private(draft / NOTE, text.encode())
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return said


def handler(found: Configuration, log: Log) -> Handler:
    """For `jobs.Worker`: a backup into the folder that the operator's command named."""

    def work(working: Working) -> None:
        desk, target = working.desk, Path(working.payload["target"])
        if working.attempt > 1 and (target / NOTE).exists():
            read_backup(target)  # whole: whoever made it died before they could say so
            return
        take_backup(
            found, desk.store, log, target, now=desk.clock(),
            progress=lambda _, done, total: working.tell(done, total),
        )  # fmt: skip

    return work


def read_backup(folder: Path) -> Described:
    """What a backup is of, after a look at every byte of it.

    Raises
    ------
    InputError
        It is no backup.
    IntegrityError
        A file was changed, or is missing, or is not of it.
    """
    path = folder / NOTE
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        said = msgspec.json.decode(data, type=Described)
    except OSError as error:
        raise InputError(
            f"this is no backup ({error.strerror})", where=str(path),
            expected="a folder that `countenance desk backup` wrote",
        ) from error  # fmt: skip
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError("this describes no backup", where=str(path)) from error
    if (said.schema, said.version) != (_SCHEMA, 1):
        raise InputError("a backup of another version of this program", where=str(path))
    check_files(folder, said.files)
    return said


def check_files(folder: Path, wanted: Mapping[str, str]) -> None:
    """Raise IntegrityError where the files of a backup are not exactly these."""
    there = _hashes(folder)
    for name in sorted(there.keys() | wanted.keys()):
        if there.get(name) != wanted.get(name):
            what = "is missing" if name not in there else (
                "is not of this backup" if name not in wanted else "was changed"
            )  # fmt: skip
            raise IntegrityError(f"a file of the backup {what}", where=str(folder / name),
                                 do="take another backup")  # fmt: skip


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NOTE
    }


def _copy_configuration(found: Configuration, draft: Path) -> None:
    """``desk.toml`` and the roots it names, where they are in the deployment's folder."""
    write_private(draft / FILE, (found.folder / FILE).read_bytes())
    names = {root for model in found.authenticator for root in model.roots}
    for name in sorted(names):
        source = (found.folder / name).resolve()
        if not source.is_relative_to(found.folder.resolve()):
            continue  # it is where it is; docs/serving.md says so
        target = draft / source.relative_to(found.folder.resolve())
        make_private_folder(target.parent)
        write_private(target, source.read_bytes())
