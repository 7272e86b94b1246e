"""Purges: what is due goes by itself, and what is not stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from deskgalleries import ADMIN, KEYS, brought, entries, folder, made
from sqlalchemy import select

from countenance.desk import purging
from countenance.desk.errors import NotAllowedError
from countenance.desk.galleries import list_galleries
from countenance.desk.gallery_tables import Gallery
from countenance.desk.jobs import Job, Worker
from countenance.desk.service import Desk, Standing
from countenance.record import Log, parse_entry

__all__ = ["folder"]


def test_what_is_due_goes_and_what_is_not_stays(
    desk: Desk, log: Log, clock: object, tmp_path: Path
) -> None:
    made(desk)
    rows = [{"subject": f"s{n}", "expires": "2026-12-01"} for n in range(4)]
    brought(desk, tmp_path, [*rows, {"subject": "stays"}])
    assert purging.purge(desk, "bookings", keys=KEYS) == 0
    clock.move(days=8)  # type: ignore[attr-defined]  # it is the first of December
    before = log.size
    assert purging.purge(desk, "bookings", keys=KEYS) == 4
    assert len(entries(desk)) == 1
    told = [parse_entry(log.entry(n), kinds=desk.recorder._kinds) for n in range(before, log.size)]
    assert [(t.public["removed"], t.public["reason"]) for t in told] == [
        (4, "expired"), (0, "finished"),
    ]  # fmt: skip


def test_a_day_with_nothing_due_is_recorded_too(desk: Desk, log: Log) -> None:
    made(desk)
    purging.purge(desk, "bookings", keys=KEYS)
    entry = parse_entry(log.entry(1), kinds=desk.recorder._kinds)
    assert (entry.public["removed"], entry.public["reason"]) == (0, purging.NOTHING)
    assert list_galleries(desk, ADMIN)["bookings"].purged_at == desk.clock()


def test_a_source_no_longer_admitted_and_a_shorter_keeping_purge(
    desk: Desk, tmp_path: Path
) -> None:
    made(desk)
    brought(desk, tmp_path, [{"captured": "2020-01-01", "expires": "2029-01-01"}, {}])

    def shorter(db: object) -> None:
        db.get_one(Gallery, "bookings").keep_days = 1000  # type: ignore[attr-defined]

    desk.store.write(shorter)
    assert purging.purge(desk, "bookings", keys=KEYS) == 1

    def other(db: object) -> None:
        db.get_one(Gallery, "bookings").sources = "passports"  # type: ignore[attr-defined]

    desk.store.write(other)
    assert purging.purge(desk, "bookings", keys=KEYS) == 1
    assert entries(desk) == []


def test_every_gallery_once_a_day_by_itself(desk: Desk, clock: object) -> None:
    made(desk)
    made(desk, code="second")
    worker = Worker(desk, {purging.PURGE: purging.handler(KEYS)})
    for _ in range(3):
        purging.schedule(desk)
    assert [worker.run_once() for _ in range(3)] == [True, True, False]
    clock.move(days=1)  # type: ignore[attr-defined]
    purging.schedule(desk)
    assert worker.run_once()
    with desk.store.reading() as db:
        assert len(db.scalars(select(Job.id)).all()) == 4


def test_it_goes_on_while_the_desk_stands_down(desk: Desk, clock: object, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"expires": "2026-12-01"}])
    desk.store.write(lambda db: setattr(db.get_one(Standing, 1), "down_since", desk.clock()))
    clock.move(days=30)  # type: ignore[attr-defined]
    assert purging.purge(desk, "bookings", keys=KEYS) == 1


def test_nobody_purges_in_the_desks_name(desk: Desk) -> None:
    for action in ("gallery.purged", "gallery.imported"):
        with pytest.raises(NotAllowedError):
            desk.act(ADMIN, action, lambda _: None)
    with pytest.raises(NotAllowedError):
        desk.itself("gallery.erase-person", lambda _: None)
    with pytest.raises(NotAllowedError):
        desk.itself("no.such", lambda _: None)
