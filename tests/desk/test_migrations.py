"""Migrations: up and down on both databases, with records in them; and no other revision opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import server, url
from deskgalleries import ADMIN, KEYS, brought, entries, made
from sqlalchemy import inspect, select, text

from countenance.desk import migrations, subjects
from countenance.desk.base import Base, import_tables
from countenance.desk.errors import DeskError
from countenance.desk.events import Recorder
from countenance.desk.galleries import erase_person, list_galleries
from countenance.desk.kinds import KINDS
from countenance.desk.knownanswers import KnownAnswer
from countenance.desk.purging import purge
from countenance.desk.service import Desk
from countenance.desk.store import REVISION, Store
from countenance.desk.timeline import CaseEvent
from countenance.record import Log, SQLiteVault

__all__ = ["server", "url"]


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


def test_the_tables_are_the_models(url: str) -> None:
    """Whoever changes a model without a migration learns it here."""
    store = Store.open(url)
    migrations.upgrade(store)
    import_tables()
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    store.close()


def test_the_programs_revision_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [REVISION]


def test_a_migrated_desk_works_and_its_records_are_not_migrated_away(
    url: str, log: Log, clock: object, tmp_path: Path
) -> None:
    store = Store.open(url)
    with pytest.raises(DeskError, match="empty"):
        Recorder(store, log, SQLiteVault(tmp_path / "v.db", clock=lambda: 0), clock)  # type: ignore[arg-type]
    migrations.upgrade(store)
    migrations.upgrade(store)  # nothing to do
    vault = SQLiteVault(tmp_path / "v.db", clock=lambda: 0)
    desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)  # type: ignore[arg-type]
    made(desk)
    brought(desk, tmp_path, [{}, {}])
    with pytest.raises(DeskError, match="records"):
        migrations.downgrade(store, "base")
    assert len(entries(desk)) == 2
    purge(desk, "bookings", keys=KEYS)
    assert list_galleries(desk, ADMIN)["bookings"].people == 2
    store.close()
    again = Store.open(url)
    assert tables(again) == {*Base.metadata.tables, "alembic_version"}
    again.close()


def test_down_to_nothing_and_up_again(url: str) -> None:
    store = Store.open(url)
    migrations.upgrade(store)
    migrations.downgrade(store, "base")
    assert tables(store) <= {"alembic_version"}
    store.close()
    store = Store.open(url)
    migrations.upgrade(store)
    assert tables(store) == {*Base.metadata.tables, "alembic_version"}
    store.close()


def test_from_the_first_release_with_its_records_and_back(
    url: str, log: Log, clock: object, tmp_path: Path
) -> None:
    store = Store.open(url)
    migrations.upgrade(store, "0001")
    with store.engine.begin() as connection:  # a record of then
        connection.execute(text(
            "INSERT INTO cases (id, number, state, opened_by, opened_at, version) "
            "VALUES ('c1', '24-1', 'open', 'anna', '2026-11-01 09:00:00', 1)"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO galleries (code, holder, sources, basis, purpose, keep_days, notice, "
            "engine, engine_name, changes, made_at) VALUES ('g', 'fbi', 'passports', 'b', 'p', "
            "9, TRUE, 'e', 'e', 3, '2026-11-01 09:00:00')"
        ))  # fmt: skip
        for person in ("p1", "p2"):
            connection.execute(text(
                "INSERT INTO gallery_people (id, gallery) VALUES (:who, 'g')"
            ), {"who": person})  # fmt: skip
        for entry, person, state in (
            ("e1", "p1", "active"), ("e2", "p1", "active"), ("e3", "p2", "removed"),
        ):  # fmt: skip
            connection.execute(text(
                "INSERT INTO gallery_entries (id, gallery, person, state, source, disposition, "
                "captured_on, expires_on, added_at, imported, change, swept) VALUES (:entry, 'g', "
                ":person, :state, 'passports', 'documented', '2024-01-01', '2030-01-01', "
                "'2026-11-01 09:00:00', 'i', 1, FALSE)"
            ), {"entry": entry, "person": person, "state": state})  # fmt: skip
    store.close()
    with pytest.raises(DeskError, match=f"revision 0001.*{REVISION}"):
        Store.open(url)
    store = Store(store.engine)
    migrations.upgrade(store)
    vault = SQLiteVault(tmp_path / "v.db", clock=lambda: 0)
    desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)  # type: ignore[arg-type]
    held = list_galleries(desk, ADMIN)["g"]
    assert (held.people, held.images, held.sources) == (1, 2, {"passports": 2})
    subjects.ask(desk, subjects.Asked("A Person", "by post"), keys=KEYS, source="0" * 16)
    with pytest.raises(DeskError, match="records"):
        migrations.downgrade(store, "0001")
    with store.engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM subject_requests")) == 1
        connection.execute(text("DELETE FROM subject_requests"))
    migrations.downgrade(store, "0001")
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT number FROM cases")) == "24-1"
    assert not {"subject_requests", "door_buckets"} & tables(store)
    migrations.upgrade(store)
    assert tables(store) == {*Base.metadata.tables, "alembic_version"}
    store.close()


def test_from_the_second_release_with_its_records_and_back(
    url: str, log: Log, clock: object, tmp_path: Path
) -> None:
    store = Store.open(url)
    migrations.upgrade(store, "0002")
    with store.engine.begin() as connection:  # records of then
        for number in range(1, 201):
            connection.execute(text(
                "INSERT INTO case_events (number, case_id, at, kind, public, leaf) VALUES "
                "(:n, 'c1', '2026-11-01 09:00:00', 'case-changed', '{}', :leaf)"
            ), {"n": number, "leaf": f"{number:064x}"})  # fmt: skip
        connection.execute(text(
            "INSERT INTO standing_switches (id, direction, state, reason, grounds, asked_by, "
            "asked_at) VALUES ('s1', 'down', 'lapsed', 'order', 'an order', 'mia', "
            "'2026-11-01 09:00:00')"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO known_answers (id, by, at, retired, truth_box, probe_box) VALUES "
            "('k1', 'ulf', '2026-11-01 09:00:00', FALSE, '', '')"
        ))  # fmt: skip
    store.close()
    with pytest.raises(DeskError, match=f"revision 0002.*{REVISION}"):
        Store.open(url)
    store = Store(store.engine)
    migrations.upgrade(store)
    assert "ix_case_events_leaf" in indexes(store)
    found = select(CaseEvent.number).where(CaseEvent.leaf == f"{177:064x}")
    with store.reading() as db:
        assert db.scalars(found).all() == [177]
        assert db.scalars(select(KnownAnswer.erased_at)).all() == [None]
        if store.is_sqlite:
            asks = "EXPLAIN QUERY PLAN SELECT number FROM case_events WHERE leaf = 'x'"
            plan = db.execute(text(asks)).all()
            assert "ix_case_events_leaf" in str(plan)
    vault = SQLiteVault(tmp_path / "v.db", clock=lambda: 0)
    desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)  # type: ignore[arg-type]
    made(desk)
    brought(desk, tmp_path, [{}])
    erase_person(desk, ADMIN, "bookings", "s0", grounds="by order", keys=KEYS)
    with pytest.raises(DeskError, match="records"):
        migrations.downgrade(store, "0002")  # who is kept out would come back
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM gallery_kept_out"))
    migrations.downgrade(store, "0002")
    assert "ix_case_events_leaf" not in indexes(store)
    assert not {"gallery_kept_out", "known_erasures"} & tables(store)
    with store.engine.connect() as connection:
        counted = [connection.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608
                   for name in ("case_events", "standing_switches", "known_answers")]  # fmt: skip
    assert counted == [200, 1, 1]
    migrations.upgrade(store)
    assert tables(store) == {*Base.metadata.tables, "alembic_version"}
    store.close()


def indexes(store: Store) -> set[str | None]:
    return {each["name"] for each in inspect(store.engine).get_indexes("case_events")}


@pytest.mark.parametrize("other", ["0000", "9999"])
def test_a_database_of_another_revision_is_refused_with_what_to_do(url: str, other: str) -> None:
    store = Store.open(url)
    migrations.upgrade(store)
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{other}'"))  # noqa: S608
    store.close()
    with pytest.raises(DeskError, match=f"revision {other}.*{REVISION}") as caught:
        Store.open(url)
    assert "migrate" in str(caught.value)


def test_somebody_elses_database_is_refused(url: str) -> None:
    store = Store.open(url)
    with store.engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (number INTEGER)"))
    store.close()
    with pytest.raises(DeskError, match="no migration"):
        Store.open(url)


KILLED = """
import os, signal, sys
from sqlalchemy import event
from countenance.desk import migrations, subjects
from countenance.desk.store import Store
store = Store.open(sys.argv[1])
made = 0
@event.listens_for(store.engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    global made
    made += statement.lstrip().startswith("CREATE TABLE")
    if made == 20:
        os.kill(os.getpid(), signal.SIGKILL)
migrations.upgrade(store)
"""


def test_killed_in_the_middle_nothing_has_changed(url: str) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, url], capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr.decode()
    store = Store.open(url)
    assert tables(store) == set()
    migrations.upgrade(store)
    store.close()
