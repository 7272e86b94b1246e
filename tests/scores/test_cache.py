"""A cache that is never believed: damaged, foreign, shared and interrupted."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.faces import Enrolment, Status
from countenance.scores import cache as cache_module
from countenance.scores.cache import KEPT, TemplateCache, default_cache_folder

D = 8
GOOD = Enrolment(Status.OK, "", np.arange(-4, 4, dtype=np.int16), (1, -2, 30, 40), 1, 30)
NONE = Enrolment(Status.NO_FACE, "no face was found", None, None, 0, None)
FAR = Enrolment(Status.TOO_SMALL, "12 px, at least 20 needed", None, (0, 0, 12, 12), 1, 12)
A, B, C = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def cache(tmp_path: Path) -> TemplateCache:
    return TemplateCache(tmp_path / "x" / "templates")


def fill(cache: TemplateCache) -> Path:
    with cache.open("e1", D) as shelf:
        shelf.put({A: GOOD, B: NONE, C: FAR})
        assert shelf.notes == ()
    (file,) = cache.folder.glob("e1*")
    return file


def test_what_was_put_is_got(cache: TemplateCache) -> None:
    fill(cache)
    with cache.open("e1", D) as shelf:
        found = shelf.get([A, B, C, "d" * 64])
        assert found == {A: GOOD, B: NONE, C: FAR}
        assert found[A].template is not None
        assert found[A].template.dtype == np.int16
        assert shelf.notes == ()
    assert cache.size_bytes() > 0


def test_another_engine_finds_nothing(cache: TemplateCache) -> None:
    fill(cache)
    with cache.open("e2", D) as shelf:
        assert shelf.get([A, B]) == {}


def test_only_lasting_outcomes_are_kept(cache: TemplateCache) -> None:
    outcomes = {
        f"{i}": Enrolment(status, "" if status is Status.OK else "why", GOOD.template)
        if status is Status.OK
        else Enrolment(status, "why")
        for i, status in enumerate(Status)
    }
    with cache.open("e1", D) as shelf:
        shelf.put(outcomes)
        assert {e.status for e in shelf.get(list(outcomes)).values()} == KEPT
    assert Status.UNREADABLE not in KEPT
    assert Status.ENGINE_ERROR not in KEPT


def test_more_images_than_sqlite_takes_at_once(cache: TemplateCache) -> None:
    many = {f"{i:064x}": GOOD if i % 2 else NONE for i in range(2500)}
    with cache.open("e1", D) as shelf:
        shelf.put(many)
        assert shelf.get(list(many)) == many


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_it(cache: TemplateCache) -> None:
    old = os.umask(0)
    try:
        cache.folder.mkdir(parents=True, mode=0o777)
        file = fill(cache)
    finally:
        os.umask(old)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    fill(cache)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (cache.folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172")


def test_clear(cache: TemplateCache) -> None:
    assert cache.clear() == 0
    fill(cache)
    (cache.folder / "notes.txt").write_text("mine")
    with cache.open("e2", D) as shelf:
        shelf.put({A: GOOD})
    assert cache.clear() == 2
    assert {p.name for p in cache.folder.iterdir()} == {"CACHEDIR.TAG", "notes.txt"}
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {}


@pytest.mark.parametrize(
    "damage",
    [
        "update enrolment set template = zeroblob(16) where image = :a",
        "update enrolment set template = zeroblob(14) where image = :a",
        "update enrolment set template = null where image = :a",
        "update enrolment set template = 'text' where image = :a",
        "update enrolment set outcome = 'x' where image = :a",
        "update enrolment set outcome = x'00' where image = :a",
        "update enrolment set mark = '' where image = :a",
        "update enrolment set outcome = (select outcome from enrolment where image = :b), template"
        " = null, mark = (select mark from enrolment where image = :b) where image = :a",
    ],
)
def test_a_damaged_row_is_a_miss_and_is_replaced(cache: TemplateCache, damage: str) -> None:
    file = fill(cache)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(damage, {"a": A, "b": B} if ":b" in damage else {"a": A})
    with cache.open("e1", D) as shelf:
        assert shelf.get([A, B, C]) == {B: NONE, C: FAR}
        assert [(n.code, n.count) for n in shelf.notes] == [("cache-damaged", 1)]
        shelf.put({A: GOOD})
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {A: GOOD}
        assert shelf.notes == ()


def test_a_template_of_another_length_is_a_miss(cache: TemplateCache) -> None:
    fill(cache)
    with cache.open("e1", D + 1) as shelf:
        assert shelf.get([A, B]) == {B: NONE}


def test_a_row_that_verifies_but_makes_no_sense_is_a_miss(cache: TemplateCache) -> None:
    file = fill(cache)
    outcome = '{"status": "ok", "reason": "but why", "box": 3}'
    mark = cache_module._mark(A, outcome, None)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("update enrolment set outcome=?, template=null, mark=?", (outcome, mark))
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {}


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_file_is_started_anew(cache: TemplateCache, content: bytes) -> None:
    file = fill(cache)
    file.write_bytes(content)
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {}
        shelf.put({A: GOOD})
        assert shelf.get([A]) == {A: GOOD}
        assert [n.code for n in shelf.notes] == ["cache-replaced"]
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {A: GOOD}


def test_a_disk_that_damages_everything_is_given_up(
    cache: TemplateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*args: object, **kwargs: object) -> sqlite3.Connection:
        error = sqlite3.DatabaseError("file is not a database")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error

    monkeypatch.setattr(cache_module.sqlite3, "connect", connect)
    with cache.open("e1", D) as shelf:
        shelf.put({A: GOOD})
        assert shelf.get([A]) == {}
        assert [n.code for n in shelf.notes] == ["cache-off", "cache-replaced"]


def test_a_database_of_something_else(cache: TemplateCache) -> None:
    file = fill(cache)
    file.unlink()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("create table enrolment (something text)")
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {}
        shelf.put({A: GOOD})
        assert [n.code for n in shelf.notes] == ["cache-off"]


@given(at=st.integers(0, 8191), flips=st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_no_flipped_byte_gives_another_outcome(
    tmp_path_factory: pytest.TempPathFactory, at: int, flips: int
) -> None:
    cache = TemplateCache(tmp_path_factory.mktemp("c"))
    file = fill(cache)
    data = bytearray(file.read_bytes())
    data[at % len(data)] ^= flips
    file.write_bytes(data)
    with cache.open("e1", D) as shelf:
        found = shelf.get([A, B, C])
        assert all(found[image] == {A: GOOD, B: NONE, C: FAR}[image] for image in found)
        shelf.put({A: GOOD})


def test_a_folder_that_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with TemplateCache(tmp_path / "file" / "x").open("e1", D) as shelf:
        shelf.put({A: GOOD})
        assert shelf.get([A]) == {}
        assert [n.code for n in shelf.notes] == ["cache-off"]


def test_a_link_in_the_way_is_not_followed(cache: TemplateCache, tmp_path: Path) -> None:
    file = fill(cache)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    file.unlink()
    file.symlink_to(victim)
    with cache.open("e1", D) as shelf:
        shelf.put({A: GOOD})
        assert [n.code for n in shelf.notes] == ["cache-off"]
    assert victim.read_text() == "mine"


def test_somebody_elses_folder(cache: TemplateCache, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache)
    other = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: other)
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {}
        assert "belongs to somebody else" in shelf.notes[0].text


def test_a_locked_cache_is_done_without(
    cache: TemplateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_BUSY_S", 0.05)
    file = fill(cache)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with cache.open("e1", D) as shelf:
            assert shelf.get([A]) == {}
            shelf.put({A: GOOD})
            assert "locked" in shelf.notes[0].text
    with cache.open("e1", D) as shelf:
        assert shelf.get([A]) == {A: GOOD}


_KILLED = """
import itertools
import sys
import time
from pathlib import Path
from countenance.faces import Enrolment, Status
from countenance.scores.cache import TemplateCache

with TemplateCache(Path(sys.argv[1])).open("e1", 8) as shelf:
    for batch in itertools.count():
        rows = range(101 * batch, 101 * (batch + 1))
        shelf.put({f"{i:064x}": Enrolment(Status.NO_FACE, "x") for i in rows})
        print(batch, flush=True)
"""


def test_a_killed_process_leaves_whole_batches(cache: TemplateCache) -> None:
    command = [sys.executable, "-c", _KILLED, str(cache.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        for _ in range(3):
            running.stdout.readline()
        time.sleep(0.03)
        running.kill()
    with cache.open("e1", D) as shelf:
        found = shelf.get([f"{i:064x}" for i in range(100_000)])
        assert shelf.notes == ()
    assert len(found) >= 303
    assert len(found) % 101 == 0


_WRITER = """
import sys
import time
from pathlib import Path
import numpy as np
from countenance.faces import Enrolment, Status
from countenance.scores.cache import TemplateCache

start = int(sys.argv[2])
with TemplateCache(Path(sys.argv[1])).open("e1", 8) as shelf:
    for i in range(start, start + 40):
        shelf.put({f"{i:064x}": Enrolment(Status.OK, "", np.full(8, i, np.int16))})
        shelf.get([f"{j:064x}" for j in range(120)])
    assert shelf.notes == (), shelf.notes
"""


def test_processes_side_by_side(cache: TemplateCache) -> None:
    command = [sys.executable, "-c", _WRITER, str(cache.folder)]
    running = [subprocess.Popen([*command, str(start)]) for start in (0, 20, 60)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with cache.open("e1", D) as shelf:
        found = shelf.get([f"{i:064x}" for i in range(100)])
    assert len(found) == 100
    for i in range(100):
        template = found[f"{i:064x}"].template
        assert template is not None
        assert (template == i).all()


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache_folder() == tmp_path / ".cache" / "countenance" / "templates"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert TemplateCache().folder == tmp_path / "c" / "countenance" / "templates"
