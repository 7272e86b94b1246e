"""A desk on a database, a log and a vault of its own, with a clock that a test moves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.desk.events import Recorder
from countenance.desk.kinds import KINDS
from countenance.desk.service import Desk, Standing
from countenance.desk.store import Store
from countenance.record import FolderStorage, Log, SQLiteVault
from countenance.record.note import Ed25519Signer

sys.path.insert(0, str(Path(__file__).parent))  # `from people import ...`

from clockkit import MovingClock


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with Log.open(
        FolderStorage(tmp_path / "log"), Ed25519Signer.from_private_key("desk.example/log", key)
    ) as log:
        yield log


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    yield store
    store.close()


@pytest.fixture
def desk(store: Store, log: Log, clock: MovingClock, tmp_path: Path) -> Desk:
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: int(clock().timestamp()))
    return Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)
