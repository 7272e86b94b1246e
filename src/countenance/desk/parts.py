"""The parts of a deployment that are opened before there is a desk: database, log, witness, keys.

Everything that works on a deployment goes through these: the service, its backups, its checks.
"""

from __future__ import annotations

import time

from countenance.desk import migrations
from countenance.desk.configuration import Configuration
from countenance.desk.errors import DeskError
from countenance.desk.folder import Places, read_passphrase, write_private
from countenance.desk.localwitness import LocalWitness, witness_key
from countenance.desk.store import Store
from countenance.record import (
    FolderStorage,
    Log,
    Policy,
    PostgresStorage,
    Signer,
    load_signer,
    read_vkey,
)


def local_witness(found: Configuration) -> LocalWitness:
    """The witness beside a desk, to be started."""
    places = found.places
    return LocalWitness(places.witness, found.local_witness, log=read_vkey(places.log_key))


def open_store(found: Configuration) -> Store:
    """The database of a deployment; an empty one is given its tables.

    Raises DeskError where it is of another revision, or cannot be opened.
    """
    if found.is_sqlite and not found.places.database.exists():
        write_private(found.places.database, b"")  # SQLite's other files take its permissions
    store = Store.open(found.database_url)
    try:
        try:
            store.check(empty=False)
        except DeskError:  # `open` has refused all but an empty one
            migrations.upgrade(store)
            store.check(empty=False)
    except BaseException:
        store.close()
        raise
    return store


def open_log(found: Configuration) -> Log:
    """The log of a deployment, for writing. Raises RecordError."""
    signer = log_signer(found.places)
    return Log.open(log_storage(found, signer.name), signer)


def log_storage(found: Configuration, origin: str) -> FolderStorage | PostgresStorage:
    """Where the log of this name is kept; nothing is opened yet."""
    if found.is_sqlite:
        return FolderStorage(found.places.log)
    return PostgresStorage(found.database, origin)


def log_signer(places: Places) -> Signer:
    """The log's key. Raises InputError, or VerificationError where the passphrase is another."""
    return load_signer(
        places.log_key, passphrase=read_passphrase(places.passphrase), clock=now_s
    )  # fmt: skip


def policy_of(found: Configuration, *, public: bool) -> Policy:
    """Who must have signed a checkpoint of this deployment; see `Configuration.witness_policy`."""
    here = witness_key(found.places.witness) if found.local_witness else ""
    return found.witness_policy(read_vkey(found.places.log_key), here, public=public)


def now_s() -> int:
    """The machine's clock, POSIX seconds."""
    return int(time.time())
