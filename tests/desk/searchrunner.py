"""Makes a search in a process of its own and dies by kill -9 where it is told to.

``searchrunner.py FOLDER STEP``. The rest is for the test, to look at what was left and go on.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from reviewkit import READY, World
from sqlalchemy import select

from countenance.desk import reviewing, searching
from countenance.desk.errors import NotAllowedError
from countenance.desk.events import Outgoing, Recorder
from countenance.desk.kinds import KINDS
from countenance.desk.searches import Search, SearchState, opened_list
from countenance.desk.service import Desk, Standing
from countenance.desk.store import Store
from countenance.record import (
    FolderStorage,
    Log,
    SQLiteVault,
    open_note,
    parse_checkpoint,
    parse_entry,
    parse_vkey,
)
from countenance.record.note import Ed25519Signer

SIGNER = Ed25519Signer.from_private_key(
    "desk.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32))
)


def die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(world: World, step: str) -> None:
    """Arrange for this process to be killed at a step."""
    act, cover = world.desk.act, world.publisher.cover

    def acting(actor: Any, action: str, work: Any) -> Any:
        if step == "sealed-uncommitted" and action == "search.seal":
            return act(actor, action, lambda doing: (work(doing), doing.db.flush(), die()))
        result = act(actor, action, work)
        after = {"claimed": "search.run", "sealed": "search.seal", "opened": "search.open"}
        if after.get(step) == action:
            die()
        return result

    def covering(index: int | None) -> int:
        size = cover(index)
        if step == "published":
            die()
        return size

    world.desk.act = acting  # type: ignore[method-assign]
    world.publisher.cover = covering  # type: ignore[method-assign]
    if step == "searched":
        searching._seal = die


def told(world: World, examiner: str) -> dict[str, Any]:
    """What the desk shows, and what is in its log."""
    log = world.log
    view = searching.view_search(world.desk, world.requester, READY.id)
    note = log.latest_checkpoint()
    published = 0
    if note is not None:
        published = parse_checkpoint(open_note(note, [parse_vkey(SIGNER.vkey)]).text).size
    with world.desk.store.reading() as db:
        row = db.scalars(select(Search)).one()
        entry = db.scalar(select(Outgoing.place).where(Outgoing.number == row.entry))
        shown = None
        if row.state == SearchState.OPEN:
            shown = [[c.id, c.score] for c in opened_list(db, world.keys, row).candidates]
        else:
            try:
                opened_list(db, world.keys, row)
            except NotAllowedError:
                pass
            else:
                raise AssertionError("a list that is not open was shown")
    kinds = [parse_entry(log.entry(n), kinds=KINDS).kind for n in range(log.size)]
    tasks = reviewing.take(world.desk, world.examiner(examiner)) is not None
    return {
        "candidates": view.candidates, "published": published, "entry": entry, "list": shown,
        "returned": kinds.count("search-returned"), "tasks": tasks,
    }  # fmt: skip


@contextlib.contextmanager
def opened(folder: Path, seconds: int) -> Iterator[World]:
    """The desk of a folder, `seconds` after the case began."""
    start = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
    now = start + datetime.timedelta(seconds=seconds)
    with contextlib.ExitStack() as stack:
        store = Store.open(f"sqlite:///{folder / 'desk.db'}")
        stack.callback(store.close)
        if not (folder / "vault.db").exists():
            store.create()
            store.write(lambda db: db.add(Standing(number=1)))
        vault = SQLiteVault(folder / "vault.db", clock=lambda: int(now.timestamp()))
        stack.callback(vault.close)
        log = stack.enter_context(Log.open(FolderStorage(folder / "log"), SIGNER))
        desk = Desk(store, Recorder(store, log, vault, lambda: now, KINDS), clock=lambda: now)
        yield World(desk, lambda: now, log)


if __name__ == "__main__":
    with opened(Path(sys.argv[1]), 0) as found:
        dying(found, sys.argv[2])
        found.search()
