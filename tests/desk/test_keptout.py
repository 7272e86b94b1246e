"""Who had to leave a gallery does not come back with the next import of the same folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from casework import ANNA, ULF
from deskgalleries import ADMIN, KEYS, Toy, entries, folder, made
from people import entries as events
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk import imports, purging
from countenance.desk.errors import NotAllowedError
from countenance.desk.galleries import erase_person, set_disposition
from countenance.desk.jobs import Worker
from countenance.desk.keptout import KeptOut, readmit
from countenance.desk.service import Desk
from countenance.record import Log

WHY = "the court's order 26-114 of yesterday"


@pytest.fixture
def root(desk: Desk, tmp_path: Path) -> Path:
    made(desk)
    return tmp_path / "in"


def refused(desk: Desk, root: Path, name: str = "batch") -> list[str | None]:
    """What a dry run says of each row."""
    plan = imports.dry_run(desk, _now(desk), "bookings", name, root=root, keys=KEYS)
    return [None if row.refused is None else row.refused[0] for row in plan.rows]


def bring(desk: Desk, root: Path, name: str = "batch", between: Any = None) -> int:
    """Import a folder; how many images are in the gallery then."""
    admin = _now(desk)
    plan = imports.dry_run(desk, admin, "bookings", name, root=root, keys=KEYS)
    imports.begin_import(desk, admin, "bookings", name, plan=plan, root=root)
    if between is not None:
        between()
    Worker(desk, {imports.IMPORT: imports.handler(KEYS, root, Toy())}).run_once()
    return inside(desk)


def inside(desk: Desk) -> int:
    return sum(each.state == "active" for each in entries(desk))


def marks(desk: Desk) -> list[KeptOut]:
    with desk.store.reading() as db:
        return list(db.scalars(select(KeptOut)))


def erase(desk: Desk, subject: str = "s0") -> None:
    erase_person(desk, _now(desk), "bookings", subject, grounds=WHY, keys=KEYS)


def again(desk: Desk, subject: str = "s0", **words: str) -> None:
    said = {"basis": "arrested anew on 2 November, booking 99", "grounds": WHY, **words}
    readmit(desk, _now(desk), "bookings", subject, keys=KEYS, **said)


def _now(desk: Desk) -> Any:
    return dataclasses.replace(ADMIN, stepped_up_at=desk.clock())


def test_f13_an_erased_person_stays_out_with_any_picture(desk: Desk, root: Path) -> None:
    folder(root, [{}, {"subject": "s0"}, {"subject": "s1"}])
    assert bring(desk, root) == 3
    erase(desk)
    assert refused(desk, root) == ["left-before", "left-before", "duplicate"]
    assert bring(desk, root) == 1
    folder(root, [{"subject": "x"}] * 8 + [{"subject": "s0"}, {"subject": "s2"}], "other")
    assert refused(desk, root, "other")[-2:] == ["left-before", None]  # another picture of s0
    folder(root, [{"subject": "renamed"}], "renamed")  # the same picture as another's
    assert refused(desk, root, "renamed") == ["left-before"]


def test_an_expunged_record_takes_its_image_and_with_the_last_one_the_person(
    desk: Desk, root: Path
) -> None:
    folder(root, [{}, {"subject": "s0"}])
    bring(desk, root)
    one, other = entries(desk)
    set_disposition(desk, ADMIN, "bookings", one.id, "expunged", grounds=WHY, keys=KEYS)
    assert sorted(map(str, refused(desk, root))) == ["duplicate", "left-before"]
    folder(root, [{"subject": "x"}] * 3 + [{"subject": "s0"}], "arrested")
    assert refused(desk, root, "arrested")[-1] is None  # another record of theirs stands
    set_disposition(desk, ADMIN, "bookings", other.id, "dismissed", grounds=WHY, keys=KEYS)
    assert refused(desk, root, "arrested")[-1] == "left-before"


def test_an_image_whose_time_was_over_stays_out_and_its_person_may_come(
    desk: Desk, root: Path, clock: Any
) -> None:
    folder(root, [{"expires": "2026-12-01"}, {"subject": "s1"}])
    bring(desk, root)
    clock.move(days=20)
    purging.purge(desk, "bookings", keys=KEYS)
    assert inside(desk) == 1
    folder(root, [{}, {"subject": "x"}, {"subject": "s0"}], "later")
    assert refused(desk, root, "later") == ["left-before", "duplicate", None]


def test_somebody_erased_while_an_import_is_under_way_is_not_brought(
    desk: Desk, root: Path
) -> None:
    folder(root, [{}, {"subject": "s1"}])
    assert bring(desk, root, between=lambda: erase(desk)) == 1
    assert bring(desk, root) == 1


def test_between_the_plan_of_the_job_and_its_images_it_is_looked_at_again(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(root, [{}, {"subject": "s1"}])
    read = imports.read_picture

    def late(*args: Any, **more: Any) -> Any:
        if inside(desk) == 0 and not marks(desk):
            erase(desk)
        return read(*args, **more)

    monkeypatch.setattr(imports, "read_picture", late)
    assert bring(desk, root) == 1
    with desk.store.reading() as db:
        assert db.scalars(select(imports.NotImported.code)).all() == ["left-before"]


def test_a_new_basis_lets_them_come_and_is_recorded(desk: Desk, root: Path, log: Log) -> None:
    folder(root, [{}, {"subject": "s1"}])
    bring(desk, root)
    erase(desk)
    for actor in (ANNA, ULF):
        with pytest.raises(NotAllowedError):
            readmit(desk, actor, "bookings", "s0", basis=WHY, grounds=WHY, keys=KEYS)
    for wrong in ({"basis": "new"}, {"grounds": ""}):
        with pytest.raises(InputError):
            again(desk, **wrong)
    again(desk, "s1")
    assert refused(desk, root) == ["left-before", "duplicate"]
    again(desk)
    assert refused(desk, root) == [None, "duplicate"]
    assert bring(desk, root) == 2
    assert [dict(each.public) for each in events(log, "gallery-readmitted")] == [
        {"gallery": "bookings"}
    ] * 2  # the same of somebody who was never kept out
    assert marks(desk) == []


def test_erasing_somebody_who_was_never_there_reads_the_same(desk: Desk, root: Path) -> None:
    folder(root, [{}])
    erase(desk)
    assert refused(desk, root) == ["left-before"]


def test_the_marks_go_when_the_image_would_be_too_old(desk: Desk, root: Path, clock: Any) -> None:
    folder(root, [{}])
    bring(desk, root)
    erase(desk)
    kept = marks(desk)
    assert len(kept) == 2
    assert len({each.person for each in kept}) == 1
    assert not any("s0" in each.mark + each.person for each in kept)
    clock.now = kept[0].until.replace(microsecond=0)
    purging.purge(desk, "bookings", keys=KEYS)
    clock.move(seconds=1)
    purging.purge(desk, "bookings", keys=KEYS)
    assert marks(desk) == []
