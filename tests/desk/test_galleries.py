"""Galleries: nothing without source, basis and dates; everything that goes is gone everywhere."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest
from deskgalleries import ADMIN, CARD, KEYS, NEW, Toy, brought, entries, made
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from countenance.core import InputError, IntegrityError
from countenance.desk import imports, workingset
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.galleries import (
    OLDEST_BAND,
    RecordedGalleries,
    erase_person,
    list_galleries,
    make_gallery,
    set_disposition,
)
from countenance.desk.gallery_tables import Enrolled, Entry, Gallery
from countenance.desk.jobs import Worker
from countenance.desk.keptout import readmit
from countenance.desk.lawful import REFUSED_SOURCES, Facts, is_minor, why_not
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import DataKey, ErasedError, Secrets, Wrapped
from countenance.desk.service import Desk
from countenance.desk.workingset import RowKeys, codec, handler, place_of, request_sync, sync
from countenance.record import Log, parse_entry
from countenance.scores import GalleryWriter, open_gallery

ISSUER = "ab" * 32


@pytest.mark.parametrize("source", sorted(REFUSED_SOURCES))
def test_f13_f22_a_gallery_of_refused_sources_is_not_made(
    source: str, desk: Desk, log: Log
) -> None:
    with pytest.raises(InputError, match="refused"):
        made(desk, sources=frozenset({"booking-photos", source}))
    assert log.size == 0


@pytest.mark.parametrize(
    "change",
    [{"basis": " "}, {"purpose": ""}, {"keep_days": 0}, {"keep_days": 10**6},
     {"sources": frozenset()}, {"holder": "private-company"}],
)  # fmt: skip
def test_f22_a_gallery_without_basis_purpose_or_end_is_not_made(
    change: dict[str, object], desk: Desk
) -> None:
    with pytest.raises(InputError):
        made(desk, **change)


@pytest.mark.parametrize(
    "code", ["", "a/../../etc/x", "..", "a.b", "A", "a b", "-a", "a-", "a\n", "a" * 49, "\u0430"]
)
def test_a_gallery_s_name_leads_nowhere(desk: Desk, code: str) -> None:
    with pytest.raises(InputError):
        made(desk, code=code)
    assert desk.recorder._log.size == 0


def test_making_one_is_recorded_and_no_two_have_one_name(desk: Desk, log: Log) -> None:
    made(desk)
    entry = parse_entry(log.entry(0), kinds=desk.recorder._kinds)
    assert (entry.kind, entry.public["sources"]) == ("gallery-made", ["booking-photos"])
    with pytest.raises(StateError):
        made(desk)
    requester = dataclasses.replace(ADMIN, roles=frozenset({Role.REQUESTER}))
    with pytest.raises(NotAllowedError):
        make_gallery(desk, requester, NEW)


def test_what_is_in_it_is_always_visible(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    rows = [{"captured": "2026-06-01"}, {"captured": "2023-06-01"}, {"subject": "s1"}]
    brought(desk, tmp_path, rows)
    (what,) = list_galleries(desk, ADMIN).values()
    assert (what.people, what.images) == (2, 3)
    assert what.ages == {"under 1 year": 1, "1 to 5 years": 2}
    assert OLDEST_BAND not in what.ages
    assert what.sources == {"booking-photos": 3}
    assert what.oldest_on == datetime.date(2023, 6, 1)
    assert what.next_expiry_on == datetime.date(2030, 5, 1)


def test_facts_for_the_law_are_those_of_the_record(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{}, {}])
    known = RecordedGalleries(KEYS)
    with desk.store.reading() as db:
        facts = known.facts(db, "bookings", engine=CARD.identity, now=desk.clock())
        assert known.facts(db, "bookings", engine="0" * 64, now=desk.clock()) is None
        assert known.facts(db, "other", engine=CARD.identity, now=desk.clock()) is None
    assert facts is not None
    assert facts["gallery.size"] == 2
    assert "gallery.purged-days" not in facts  # never purged: unknown, so a denial where asked
    assert "gallery.justified" not in facts


def test_nothing_personal_is_in_clear_in_the_database(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": "Theophilus Quince", "basis": "booking 987654321"}])
    image = (tmp_path / "in/batch/0.png").read_bytes()
    desk.store.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("desk.db*"))
    for clear in (b"Theophilus", b"987654321", b"1980-02-03", image[20:60]):
        assert clear not in raw


def test_a_picture_is_shown_by_its_entry_alone(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"group.sex": "female"}])
    known, (entry,) = RecordedGalleries(KEYS), entries(desk)
    with desk.store.reading() as db:
        image = known.reference(db, "bookings", entry.id)
        about = known.about(db, "bookings", entry.id)
        with pytest.raises(NotAllowedError):
            known.reference(db, "elsewhere", entry.id)
        with pytest.raises(NotAllowedError):
            known.reference(db, "bookings", "0" * 32)
    assert image == (tmp_path / "in/batch/0.png").read_bytes()
    assert (about.captured_on, about.groups) == (datetime.date(2024, 5, 1), {"sex": "female"})


def test_a_box_moved_to_another_entry_does_not_open(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": "s"}, {"subject": "s"}])
    one, two = entries(desk)

    def swap(db: object) -> None:
        a, b = db.get_one(Entry, one.id), db.get_one(Entry, two.id)  # type: ignore[attr-defined]
        a.image_box, b.image_box = b.image_box, a.image_box

    desk.store.write(swap)
    with desk.store.reading() as db, pytest.raises(IntegrityError):
        RecordedGalleries(KEYS).reference(db, "bookings", one.id)


@pytest.mark.parametrize("disposition", ["dismissed", "expunged", "acquitted", "minor"])
def test_f13_dismissed_expunged_acquitted_go_at_once(
    disposition: str, desk: Desk, log: Log, tmp_path: Path
) -> None:
    made(desk)
    brought(desk, tmp_path, [{}, {"subject": "other"}])
    entry = entries(desk)[0]
    set_disposition(
        desk, ADMIN, "bookings", entry.id, disposition, grounds="court order", keys=KEYS
    )
    assert len(entries(desk)) == 1
    public = parse_entry(log.entry(log.size - 1), kinds=desk.recorder._kinds).public
    assert public == {
        "gallery": "bookings", "gallery_size": 1, "removed": 1, "reason": disposition
    }  # fmt: skip
    with desk.store.reading() as db:
        row = db.get_one(Entry, entry.id)
        assert row.image_box is row.template_box is row.row_key_box is row.about_box is None
        with pytest.raises(ErasedError):
            KEYS.open(db, db.get_one(Enrolled, row.person).handle, b"", purpose="")
    with pytest.raises(NotAllowedError):
        set_disposition(desk, ADMIN, "bookings", entry.id, "pending", grounds="x", keys=KEYS)


def test_erasing_says_the_same_whether_the_person_was_there(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": "s"}, {"subject": "s"}, {"subject": "t"}])
    for subject in ("s", "nobody", "s"):
        erase_person(desk, ADMIN, "bookings", subject, grounds="asked", keys=KEYS)
    assert len(entries(desk)) == 1
    brought(desk, tmp_path, [{"subject": "s"}], "again")
    assert len(entries(desk)) == 1
    readmit(desk, ADMIN, "bookings", "s", basis="booking 99 of today", grounds="a new arrest",
            keys=KEYS)  # fmt: skip
    brought(desk, tmp_path, [{"subject": "s"}], "anew")  # a new record is a new person here
    assert len(entries(desk)) == 2


def test_deletion_reaches_the_searchable_file(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(30)])
    root = tmp_path / "files"
    arguments = {"keys": KEYS, "root": root, "card": CARD, "issuer": ISSUER}
    assert sync(desk, "bookings", **arguments) == (30, 0)  # type: ignore[arg-type]
    assert sync(desk, "bookings", **arguments) == (0, 0)  # type: ignore[arg-type]
    row_keys = RowKeys(desk, "bookings", KEYS)
    row_keys.refresh()
    gone = entries(desk)[0]
    with desk.store.reading() as db:
        assert row_keys([gone.id])[0] is not None
    set_disposition(desk, ADMIN, "bookings", gone.id, "expunged", grounds="order", keys=KEYS)
    row_keys.refresh()
    assert row_keys([gone.id]) == [None]  # not compared from now on, before any file is written
    request_sync(desk, "bookings")
    assert Worker(desk, {"sync": handler(KEYS, root, CARD, ISSUER)}).run_once()
    place = place_of(root, "bookings", CARD.identity)
    with GalleryWriter(place, codec=codec(row_keys)) as writer:
        assert len(writer) == 29
        assert gone.id not in writer
    assert gone.id.encode() not in b"".join(f.read_bytes() for f in place.iterdir())
    with open_gallery(place, codec=codec(row_keys), issuer=ISSUER) as gallery:
        assert gallery.header.engine == CARD.identity
    with desk.store.reading() as db:
        assert db.scalar(select(func.count()).where(Entry.swept)) == 1


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workingset, "_STEP", 3)
    monkeypatch.setattr(workingset, "_PART", 2)


def expunge(desk: Desk, entry: str) -> None:
    set_disposition(desk, ADMIN, "bookings", entry, "expunged", grounds="order", keys=KEYS)


@pytest.mark.usefixtures("small_steps")
def test_row_keys_are_learned_in_steps(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(20)])
    known = RowKeys(desk, "bookings", KEYS)
    known.refresh()
    ids = [each.id for each in entries(desk)]
    with desk.store.reading() as db:
        expected = [
            KEYS.open(db, f"person:{row.person}", row.row_key_box or b"",
                      purpose=f"row_key {row.id}")
            for row in (db.get_one(Entry, each) for each in ids)
        ]  # fmt: skip
    assert known(ids) == expected
    assert len(set(expected)) == 20


@pytest.mark.usefixtures("small_steps")
def test_what_comes_and_goes_while_row_keys_are_learned(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(20)])
    known, done = RowKeys(desk, "bookings", KEYS), []

    def meanwhile(*_: object) -> None:
        there = [each.id for each in entries(desk)]
        learned = [each for each, key in zip(there, known(there), strict=True) if key]
        if not done and 4 < len(learned) < 16:
            coming = next(each for each in there if each not in learned)
            done.extend([learned[0], coming])
            expunge(desk, learned[0])
            expunge(desk, coming)
            brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(21)], "again")

    known.refresh(meanwhile)
    assert known(done) == [None, None]
    there = [each.id for each in entries(desk)]
    assert len(there) == 19  # whoever was expunged is kept out
    assert None not in known(there)
    assert set(known._known) == set(there)


@pytest.mark.usefixtures("small_steps")
def test_row_keys_left_half_way_are_learned_later(desk: Desk, tmp_path: Path) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(20)])
    ids = [each.id for each in entries(desk)]
    known = RowKeys(desk, "bookings", KEYS)
    for times in range(6):
        parts = iter(range(times))
        with pytest.raises(StopIteration):
            known.refresh(lambda *_, parts=parts: next(parts))  # type: ignore[misc]
    assert 0 < sum(key is not None for key in known(ids)) < 20
    expunge(desk, ids[3])
    known.refresh()
    assert [at for at, key in enumerate(known(ids)) if key is None] == [3]
    with desk.store.reading() as db:
        assert known.change == db.get_one(Gallery, "bookings").changes


def test_a_key_that_stays_is_never_away(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(desk)
    brought(desk, tmp_path, [{}])
    (entry,), known = entries(desk), RowKeys(desk, "bookings", KEYS)
    known.refresh()
    known._change = -1  # as of an entry that was changed and stays
    open_with = Secrets.open_with

    def looking(*given: object, **named: object) -> bytes:
        assert known([entry.id]) != [None]  # a search may ask right now
        return open_with(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Secrets, "open_with", looking)
    known.refresh()
    assert known.change >= 0


@pytest.mark.parametrize("error", [ErasedError, IntegrityError])
def test_an_entry_without_its_person_s_key_is_told(
    error: type[Exception], desk: Desk, tmp_path: Path
) -> None:
    made(desk)
    brought(desk, tmp_path, [{}, {"subject": "other"}])
    entry = entries(desk)[0]

    def lose(db: Session) -> None:
        key = db.get_one(DataKey, f"person:{entry.person}")
        if error is ErasedError:
            key.wrapped = None
        else:
            db.delete(key)

    desk.store.write(lose)
    known = RowKeys(desk, "bookings", KEYS)
    with pytest.raises(error):
        known.refresh()
    assert known([entry.id]) == [None]
    assert known.change == -1
    with pytest.raises(error):
        sync(desk, "bookings", keys=KEYS, root=tmp_path / "files", card=CARD, issuer=ISSUER)


def test_the_file_is_brought_up_to_date_without_the_keys_of_what_is_there(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(12)])
    arguments = {"keys": KEYS, "root": tmp_path / "files", "card": CARD, "issuer": ISSUER}
    sync(desk, "bookings", **arguments)  # type: ignore[arg-type]
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(13)], "again")
    opened, open_with = [], Secrets.open_with

    def counting(self: Secrets, key: Wrapped, box: bytes, *, purpose: str) -> bytes:
        opened.append(purpose.split()[0])
        return open_with(self, key, box, purpose=purpose)

    monkeypatch.setattr(Secrets, "open_with", counting)
    assert sync(desk, "bookings", **arguments) == (1, 0)  # type: ignore[arg-type]
    assert opened == ["template", "row_key"]


def test_a_file_holds_its_own_gallery_and_no_other(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workingset, "BATCH", 2)
    made(desk)
    made(desk, code="other")
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(7)])
    root = tmp_path / "in"
    plan = imports.dry_run(desk, ADMIN, "other", "batch", root=root, keys=KEYS)
    imports.begin_import(desk, ADMIN, "other", "batch", plan=plan, root=root)
    assert Worker(desk, {imports.IMPORT: imports.handler(KEYS, root, Toy())}).run_once()
    there = [each for each in entries(desk) if each.gallery == "bookings"]
    expunge(desk, there.pop().id)
    arguments = {"keys": KEYS, "root": tmp_path / "files", "card": CARD, "issuer": ISSUER}
    assert sync(desk, "bookings", **arguments) == (6, 0)  # type: ignore[arg-type]
    known = RowKeys(desk, "bookings", KEYS)
    place = place_of(tmp_path / "files", "bookings", CARD.identity)
    with GalleryWriter(place, codec=codec(known)) as writer:
        assert all(each.id in writer for each in there)


def test_who_goes_while_the_file_is_written_does_not_come_into_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": f"s{n}"} for n in range(12)])
    gone, opened = entries(desk)[4].id, workingset._opened

    def late(*given: object) -> object:
        found = opened(*given)  # type: ignore[arg-type]
        expunge(desk, gone)
        return found

    monkeypatch.setattr(workingset, "_opened", late)
    arguments = {"keys": KEYS, "root": tmp_path / "files", "card": CARD, "issuer": ISSUER}
    assert sync(desk, "bookings", **arguments) == (11, 0)  # type: ignore[arg-type]
    raw = b"".join(f.read_bytes() for f in place_of(
        tmp_path / "files", "bookings", CARD.identity
    ).iterdir())  # fmt: skip
    assert gone.encode() not in raw


FULL = Facts("booking-photos", "booking 1", datetime.date(2024, 1, 1), datetime.date(2030, 1, 1),
             "convicted", datetime.date(1980, 1, 1))  # fmt: skip


@given(st.fixed_dictionaries({}, optional={
    "basis": st.just(""), "captured_on": st.none(), "expires_on": st.none(),
    "disposition": st.sampled_from(["", "dismissed", "x"]), "born_on": st.none(),
    "source": st.sampled_from(["", "scraped-web", "passports"]),
}))  # fmt: skip
def test_an_image_comes_in_only_if_everything_is_stated(missing: dict[str, object]) -> None:
    found = why_not(
        dataclasses.replace(FULL, **missing),  # type: ignore[arg-type]
        sources=frozenset({"booking-photos"}), keep_days=3650, today=datetime.date(2026, 11, 23),
    )  # fmt: skip
    assert (found is None) == (not missing)


@pytest.mark.parametrize(
    ("born", "on", "minor"),
    [("2008-11-23", "2026-11-23", False), ("2008-11-24", "2026-11-23", True),
     ("2008-02-29", "2026-02-28", True), ("2008-02-29", "2026-03-01", False)],
)  # fmt: skip
def test_of_age_on_the_eighteenth_birthday(born: str, on: str, minor: bool) -> None:
    day = datetime.date.fromisoformat
    assert is_minor(day(born), day(on)) is minor


def test_after_a_change_of_the_master_key_people_are_found_and_erased(
    desk: Desk, tmp_path: Path
) -> None:
    made(desk)
    brought(desk, tmp_path, [{"subject": "s"}, {"subject": "t"}])
    new = Secrets(KEYS.successor())
    desk.store.write(lambda db: KEYS.rewrap(db, new))
    again = imports.dry_run(desk, ADMIN, "bookings", "batch", root=tmp_path / "in", keys=new)
    assert again.refusals() == {"duplicate": 2}
    erase_person(desk, ADMIN, "bookings", "s", grounds="asked", keys=new)
    assert len(entries(desk)) == 1
