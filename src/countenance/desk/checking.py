"""Does a deployment fit together: database, log, vault, and what witnesses have seen.

Everything is read and nothing changed, so that it can be asked of a desk that works, of one that
was put back from a backup, and of one that somebody else says is whole.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from countenance.core import CountenanceError, Progress, no_progress
from countenance.desk.configuration import Configuration
from countenance.desk.events import Outgoing
from countenance.desk.kinds import KINDS
from countenance.desk.logcopy import entries_of
from countenance.desk.parts import log_storage, policy_of
from countenance.desk.published import ask_witnesses
from countenance.desk.restored import RESTORED
from countenance.desk.store import Store
from countenance.desk.timeline import CaseEvent
from countenance.record import Log, SQLiteVault, leaf_hash, parse_entry, verify_log

_DIRECT = frozenset({"erased", "key-rotated"})
"""Kinds whose entries do not come by way of the database."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `right` where it is as it must be."""

    right: bool
    says: str


@dataclass(slots=True)
class _Counts:
    """What reading the whole log gave."""

    unreadable: int = 0
    elsewhere: int = 0  # events that are not where the database says
    unknown: int = 0  # to the database
    told: int = 0  # of those, how many a restoring has told of
    fields: int = 0
    lost: list[int] = field(default_factory=list)  # entries with a field that nobody can open


def check_desk(
    found: Configuration, store: Store, log: Log, vault: SQLiteVault, *,
    progress: Progress = no_progress,
) -> list[Finding]:  # fmt: skip
    """Look at everything; one finding each, right or not."""
    return list(_findings(found, store, log, vault, progress))


def _findings(
    found: Configuration, store: Store, log: Log, vault: SQLiteVault, progress: Progress
) -> Iterator[Finding]:
    yield from _files(found)
    yield from _published(found, log)
    size = log.refresh()
    with store.reading() as db:
        leaves = set(db.scalars(select(CaseEvent.leaf)))
        events = len(leaves)
        waiting = 0
        for entry in db.scalars(select(Outgoing.entry).where(Outgoing.place.is_(None))):
            leaves.discard(leaf_hash(entry).hex())
            waiting += 1
        places = db.execute(
            select(Outgoing.place, Outgoing.time_s).where(Outgoing.place.is_not(None))
            .order_by(Outgoing.place).execution_options(yield_per=1000)
        )  # fmt: skip
        known = ((int(place or 0), time_s) for place, time_s in places)
        counts = _read(log, size, known, leaves, vault, progress)
    yield _either(
        not counts.elsewhere,
        f"every event that is in the log by the database is there ({size:,} entries; "
        f"{waiting:,} events on their way)",
        f"{counts.elsewhere:,} events are in the log by the database, and not there, or not "
        "alone there",
    )
    yield _either(
        not leaves,
        f"all {events:,} lines of cases are entries of the log",
        f"{len(leaves):,} of {events:,} lines of cases are of no entry",
    )
    gap = f"{counts.unknown:,} entries are of events that the database does not know"
    yield _either(
        counts.unknown == counts.told,
        f"{gap}, as restoring has told" if counts.unknown
        else "every entry is of an event that the database knows",
        f"{gap}: it is older than the log",
    )  # fmt: skip
    yield _either(
        not counts.unreadable,
        "every entry is what its kind says",
        f"{counts.unreadable:,} entries are of no kind that is known here",
    )
    first = counts.lost[0] if counts.lost else 0
    yield _either(
        not counts.lost,
        f"all {counts.fields:,} sealed fields can be opened, or were erased",
        f"the vault has neither kept nor erased what {len(counts.lost):,} entries seal; the "
        f"first is entry {first:,}",
    )
    for seen in ask_witnesses(log, policy_of(found, public=False)):
        yield Finding(seen.fits, seen.says)


def _either(right: bool, good: str, bad: str) -> Finding:
    return Finding(right, good if right else bad)


def _files(found: Configuration) -> Iterator[Finding]:
    paths = [found.places.vault]
    if found.is_sqlite:
        paths.append(found.places.database)
    for path in paths:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)
        ) as link:
            (said,) = link.execute("PRAGMA quick_check(1)").fetchone()
        right = said == "ok"
        yield Finding(right, f"{path.name} is {'whole' if right else f'damaged: {said}'}")


def _published(found: Configuration, log: Log) -> Iterator[Finding]:
    note = log.latest_checkpoint()
    if note is None:
        yield Finding(True, "no checkpoint was published yet")
        return
    try:
        checkpoint = policy_of(found, public=True).check(note)
        with contextlib.closing(log_storage(found, log.origin)) as storage:
            verified = verify_log(storage, checkpoint)
    except CountenanceError as error:
        yield Finding(False, f"what is published of the log is not right: {error.what}")
    else:
        yield Finding(True, f"the published checkpoint of {verified.size:,} entries is cosigned "
                            "and right")  # fmt: skip


def _read(
    log: Log, size: int, known: Iterator[tuple[int, int]], leaves: set[str], vault: SQLiteVault,
    progress: Progress,
) -> _Counts:  # fmt: skip
    """Read every entry once, beside what the database says of its place and time, in order."""
    counts = _Counts()
    event = next(known, None)
    for index, data in enumerate(entries_of(log, 0, size)):
        if index % 1000 == 0:
            progress("entries of the log", index, size)
        leaves.discard(leaf_hash(data).hex())
        times = []
        while event is not None and event[0] <= index:
            times.append(event[1])
            event = next(known, None)
        counts.elsewhere += max(0, len(times) - 1)
        try:
            entry = parse_entry(data, kinds=KINDS)
        except CountenanceError:
            counts.unreadable += 1
            continue
        counts.unreadable += not entry.known
        counts.elsewhere += times[:1] not in ([], [entry.time_s])
        if not times and entry.kind not in _DIRECT:
            counts.unknown += 1
            continue  # what it seals is as lost as what the database said of it
        if entry.kind == RESTORED:
            counts.told += int(str(entry.public["unknown"]))
        counts.fields += len(entry.sealed)
        if any(vault.find(each) is None for each in entry.sealed.values()):
            counts.lost.append(index)
    counts.elsewhere += sum(1 for _ in known) + (event is not None)
    return counts
