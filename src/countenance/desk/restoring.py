"""Putting a deployment back from a backup, and being honest about what that means.

A backup is of the past. If anything was published since, the log in it is an *old copy*: right in
itself, and refused by every witness that saw more. There are two honest ways on, and this module
has both: catch up, from anybody's copy of the log, with the entries that are missing here (what
they tell of is lost from the database, and an event says how many they are); or begin another log
under another name, which everybody who trusted the first one has to be told. There is no third.

The witness beside the desk is never in a backup. Where its folder is still there it is used, and
says what it has seen; where it is lost, another is made, under another name and key.
"""

from __future__ import annotations

import contextlib
import datetime
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from countenance.core import InputError, sha256_file
from countenance.desk import migrations
from countenance.desk.account_tables import guard
from countenance.desk.backup import BACKUP, LOG, NOTE, VAULT, Described, read_backup
from countenance.desk.clock import Clock, system_clock
from countenance.desk.configuration import FILE, Configuration, read_configuration
from countenance.desk.errors import DeskError
from countenance.desk.events import Recorder
from countenance.desk.folder import (
    RESTORING,
    Places,
    holding,
    make_private_folder,
    read_passphrase,
    write_private,
)
from countenance.desk.gallery_tables import Gallery
from countenance.desk.jobs import OPEN, Job, JobState, enqueue
from countenance.desk.kinds import KINDS
from countenance.desk.localwitness import make_witness
from countenance.desk.logcopy import catch_up, copy_log
from countenance.desk.parts import (
    local_witness,
    log_signer,
    log_storage,
    now_s,
    open_log,
    open_store,
    policy_of,
)
from countenance.desk.published import refuse_old_log
from countenance.desk.restored import tell_restored
from countenance.desk.sealedkeys import unseal_keys
from countenance.desk.service import Desk
from countenance.desk.store import REVISION, Store
from countenance.desk.tablecopy import SQLITE, TABLES, copy_in, copy_sqlite
from countenance.desk.workingset import SYNC
from countenance.record import (
    FolderStorage,
    HttpStorage,
    Log,
    Signer,
    SQLiteVault,
    generate_key,
    parse_vkey,
    read_vkey,
)

_KEPT: Final = frozenset({"keys", "witness", "lock", "imports", FILE})
"""What may be in the folder already; its own ``desk.toml`` goes before the backup's."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring came to.

    Attributes
    ----------
    said
        What the backup is of.
    unknown
        Entries that came from a copy of the log.
    origin
        The log's name now.
    new_log, new_witness
        See `restored.tell_restored`.
    """

    said: Described
    unknown: int
    origin: str
    new_log: bool
    new_witness: bool


def restore(
    backup: Path, folder: Path, *, keys: Path | None = None, passphrase: str = "",
    copy_of_log: HttpStorage | FolderStorage | None = None, new_log: str = "",
    clock: Clock = system_clock,
) -> Restored:  # fmt: skip
    """Put a deployment back into a folder that holds at most its keys and its witness.

    And a ``desk.toml``, where it is to be another than the backup's: for another database, say.

    Parameters
    ----------
    backup, folder
        From where, and where to.
    keys, passphrase
        A file of sealed keys, where the folder does not hold them.
    copy_of_log
        Where the log can be read as it was published last, to catch up with that.
    new_log
        Instead: the name of another log, with another key, in which the entries are kept on.
    clock
        As `open_deployment`.

    Raises
    ------
    InputError
        It is no backup, or the folder holds something else, or there are no keys.
    IntegrityError
        The backup was changed, or what is put together does not fit.
    OldLogError
        More was published since the backup was made, and neither way on was given. What was put
        back is taken away again.
    DeskError
        The database is not empty, or the backup is of tables of another revision.
    """
    if copy_of_log is not None and new_log:
        raise InputError("either catch up with the log, or begin another")
    said = read_backup(backup)
    places = Places(folder.absolute())
    _check_target(places)
    make_private_folder(places.folder)
    with holding(places, alone=True):
        (places.folder / RESTORING).touch(mode=0o600)
        with contextlib.ExitStack() as undo:
            undo.callback(_remove, places)
            _keys(places, keys, passphrase, undo)
            for name in said.files:
                target = places.folder / name
                parts = (LOG + "/", f"{TABLES}/", SQLITE, VAULT)
                if not name.startswith(parts) and not target.exists():
                    make_private_folder(target.parent)
                    undo.callback(target.unlink)
                    write_private(target, (backup / name).read_bytes())
            found = read_configuration(places.folder, restoring=True)
            for path in (places.galleries, found.imports_root):
                make_private_folder(path)
            result = _restore(found, backup, said, undo, copy_of_log, new_log, clock)
            undo.pop_all()
        (places.folder / RESTORING).unlink()
    return result


def _restore(
    found: Configuration, backup: Path, said: Described, undo: contextlib.ExitStack,
    copy_of_log: HttpStorage | FolderStorage | None, new_log: str, clock: Clock,
) -> Restored:  # fmt: skip
    places = found.places
    if said.sqlite != found.is_sqlite:
        raise InputError("the configuration names another sort of database than the backup has")
    signer = old = log_signer(places)
    if old.name != said.origin:
        raise InputError("these keys are of another desk", where=old.name, expected=said.origin)
    new_witness = bool(found.local_witness) and not places.witness.exists()
    if new_witness:
        make_witness(places.witness)
    with contextlib.ExitStack() as stack:
        # A copy: to open a log is to write into its folder, and a backup stays what it is.
        copied = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=places.folder)))
        shutil.copytree(backup / LOG, copied / LOG)
        source = stack.enter_context(Log.open(FolderStorage(copied / LOG), old))
        if new_log:
            signer = _new_log(places, new_log, undo)
        if found.local_witness:
            stack.enter_context(local_witness(found))
        if copy_of_log is None and not new_log:
            refuse_old_log(source, policy_of(found, public=False))
        verifiers = [parse_vkey(read_vkey(places.log_key))]
        store = stack.enter_context(contextlib.closing(_database(found, backup, said)))
        copy_sqlite(backup / VAULT, places.vault)
        copy_log(
            source, log_storage(found, signer.name), signer, size=said.size,
            note=None if new_log else source.latest_checkpoint(), verifiers=verifiers,
        )  # fmt: skip
        log = stack.enter_context(open_log(found))
        unknown = 0 if copy_of_log is None else catch_up(log, copy_of_log, verifiers)
        refuse_old_log(log, policy_of(found, public=False))
        vault = stack.enter_context(SQLiteVault(places.vault, clock=now_s))
        desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock, guard=guard)
        tell_restored(
            desk, backup=sha256_file(backup / NOTE), entries=said.size, unknown=unknown,
            new_log=bool(new_log), new_witness=new_witness,
        )  # fmt: skip
        store.write(lambda db: _jobs(db, clock()))
        return Restored(said, unknown, log.origin, bool(new_log), new_witness)


def _jobs(db: Session, now: datetime.datetime) -> None:
    """The backup is not to be made again; the searchable files, which it lacks, are."""
    db.execute(
        update(Job).where(Job.kind == BACKUP, Job.state.in_(OPEN))
        .values(state=JobState.CANCELLED, lease=None, lease_until=None, ended_at=now)
    )  # fmt: skip
    for code in db.scalars(select(Gallery.code)):
        enqueue(db, SYNC, {"gallery": code}, now=now)


def _keys(places: Places, keys: Path | None, words: str, undo: contextlib.ExitStack) -> None:
    if keys is not None:
        unseal_keys(keys, places, passphrase=words)
        undo.callback(shutil.rmtree, places.keys)
    if not places.log_key.exists() or not places.master_key.exists():
        raise InputError(
            "there are no keys here, and nothing opens without them", where=str(places.keys),
            do="put them there, or give the file that `countenance desk keys` wrote",
        )  # fmt: skip


def _new_log(places: Places, name: str, undo: contextlib.ExitStack) -> Signer:
    """Another key for another log. The old one is kept: it signed what was published before."""
    old = places.keys / f"log-{secrets.token_hex(4)}.old"
    places.log_key.rename(old)
    undo.callback(old.rename, places.log_key)
    generate_key(places.log_key, name, passphrase=read_passphrase(places.passphrase))
    return log_signer(places)


def _check_target(places: Places) -> None:
    if not places.folder.exists():
        return
    others = sorted(each.name for each in places.folder.iterdir() if each.name not in _KEPT)
    if others:
        raise InputError(
            "this folder holds more than keys and a witness", where=str(places.folder),
            expected=f"a folder without {', '.join(others[:4])}",
            do="move what is there away, and only keys/ and witness/ back",
        )  # fmt: skip


def _database(found: Configuration, backup: Path, said: Described) -> Store:
    if found.is_sqlite:
        copy_sqlite(backup / SQLITE, found.places.database)
        return open_store(found)
    if said.revision != REVISION:
        raise DeskError(
            f"the backup is of revision {said.revision}, this program of {REVISION}",
            do="restore with the version of the program that it is of; then migrate",
        )
    store = Store.open(found.database_url)
    try:
        migrations.upgrade(store)
        copy_in(store, backup)
    except BaseException:
        store.close()
        raise
    return store


def _remove(places: Places) -> None:
    """Take away what was put back, so that it can be tried again; keys and witness stay."""
    for each in places.folder.glob(f"{places.database.name}*"):
        each.unlink()
    for path in (places.vault, places.folder / RESTORING):
        path.unlink(missing_ok=True)
    for path in (places.log, places.galleries):
        shutil.rmtree(path, ignore_errors=True)
