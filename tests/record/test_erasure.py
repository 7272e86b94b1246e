"""An erasure is whole and told once, whatever fails or is killed in between."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from logkit import open_log

from countenance.core import InputError
from countenance.record.commitments import Sealed, seal
from countenance.record.entries import parse_entry
from countenance.record.erasure import Told, erase_events, tell_erasures
from countenance.record.errors import RecordError, StorageError
from countenance.record.kinds import KINDS
from countenance.record.log import Log
from countenance.record.vault import Erased, SQLiteVault, append_events

NOW = 1_790_000_000
VALUES = ("Ada Lovelace, case 17", "Grace Hopper")


def told_by(fields: int) -> Sealed:
    public = {"fields": fields, "basis": "court-order"}
    return seal(KINDS["erased"][-1], time_s=NOW, public=public, private={"request": "A-5"})


def open_vault(path: Path) -> SQLiteVault:
    return SQLiteVault(path / "vault.sqlite", clock=lambda: 77)


def prepare(folder: Path) -> Sealed:
    """A log and a vault with two fields about person 1, and some about others."""
    public = {"packet": "ab" * 32, "recipient": "defence"}
    kind = KINDS["disclosed"][-1]
    fields = [dict(zip(kind.sealed, (f"{v}", "x" * i), strict=True)) for i, v in enumerate(VALUES)]
    first = seal(
        kind, time_s=NOW, public=public, private=dict(zip(kind.sealed, VALUES, strict=True))
    )
    with open_log(folder / "log") as log, open_vault(folder) as vault:
        append_events(log, vault, [first], about="person 1")
        others = [seal(kind, time_s=NOW, public=public, private=each) for each in fields * 20]
        append_events(log, vault, others, about="person 2")
    return first


def try_erasing(folder: Path) -> list[Told]:
    with open_log(folder / "log") as log, open_vault(folder) as vault:
        return erase_events(log, vault, about="person 1", event=told_by)


def check_whole(folder: Path, first: Sealed) -> None:
    """Nothing of person 1 is left, the log tells it once, and what tells of it can be opened."""
    for opening in first.openings:
        assert opening.salt not in (folder / "vault.sqlite").read_bytes()
    with open_log(folder / "log") as log, open_vault(folder) as vault:
        entries = [parse_entry(log.entry(i)) for i in range(log.size)]
        (erased,) = [entry for entry in entries if entry.kind == "erased"]
        assert erased.public["fields"] == 2
        assert vault.find(erased.sealed["request"]).value == "A-5"  # type: ignore[union-attr]
        assert {vault.find(o.commitment) for o in first.openings} == {Erased(77)}
        assert vault.untold() == []
        assert tell_erasures(log, vault) == []


class Failing:
    """A connection of which statement `at` fails, and with `stays` every one after it."""

    def __init__(self, db: sqlite3.Connection, at: int, *, stays: bool) -> None:
        self._db, self._left, self._stays = db, at, stays

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0 or (self._left < 0 and self._stays):
            raise sqlite3.OperationalError("database or disk is full")

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._db.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._db.executemany(*arguments)

    @property
    def unreached(self) -> bool:
        return self._left > 0


@pytest.mark.parametrize("stays", [False, True])
def test_a_full_disk_at_any_statement_of_the_vault(tmp_path: Path, stays: bool) -> None:
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        first = prepare(folder)
        vault = open_vault(folder)
        vault._db = failing = Failing(vault._db, at, stays=stays)  # type: ignore[assignment]
        error: StorageError | None = None
        with open_log(folder / "log") as log, vault:
            try:
                erase_events(log, vault, about="person 1", event=told_by)
            except StorageError as raised:
                error = raised
        if error is None:
            assert failing.unreached
            assert at > 10  # all statements had their turn
            check_whole(folder, first)
            return
        assert "the vault" in error.what
        try_erasing(folder)
        check_whole(folder, first)
    pytest.fail("an erasure of a hundred statements")


def test_a_file_that_cannot_be_written_anew_is_next_time(tmp_path: Path) -> None:
    """A real limit of the system on the size of files, met inside VACUUM."""
    resource = pytest.importorskip("resource")
    first = prepare(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    written: list[str] = []

    def limit(statement: str) -> None:
        if statement == "VACUUM":
            written.append(statement)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

    with open_log(tmp_path / "log") as log, open_vault(tmp_path) as vault:
        vault._db.set_trace_callback(limit)
        try:
            with pytest.raises(StorageError, match="not written anew"):
                erase_events(log, vault, about="person 1", event=told_by)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert log.size == 41  # not told before it is whole
        vault._db.set_trace_callback(written.append)
        assert tell_erasures(log, vault) == [Told(2, 41)]
    assert written.count("VACUUM") == 2
    check_whole(tmp_path, first)


class FailingLog:
    """A log that fails before or after what it was given is durable."""

    def __init__(self, log: Log, *, after: bool) -> None:
        self._log, self._after = log, after

    @property
    def size(self) -> int:
        return self._log.size

    def entry(self, index: int) -> bytes:
        return self._log.entry(index)

    def append(self, entries: list[bytes]) -> range:
        if self._after:
            self._log.append(entries)
        raise StorageError("the disk is full")


@pytest.mark.parametrize("after", [False, True])
def test_a_log_that_fails_is_told_the_next_time_and_once(tmp_path: Path, after: bool) -> None:
    first = prepare(tmp_path)
    with open_log(tmp_path / "log") as log, open_vault(tmp_path) as vault:
        for _ in range(2):
            with pytest.raises(StorageError, match="full"):
                erase_events(
                    FailingLog(log, after=after), vault, about="person 1", event=told_by
                )  # the second time it is found, or fails again
            if after:
                break
        log.append([b"something else in between"])
    assert [each.fields for each in try_erasing(tmp_path)] == [2]
    with open_log(tmp_path / "log") as log:
        assert log.entry(42 if after else 41) == b"something else in between"
        log_size = log.size
    assert log_size == 43
    check_whole_but_for_bytes(tmp_path, first)


def check_whole_but_for_bytes(folder: Path, first: Sealed) -> None:
    for opening in first.openings:
        assert opening.salt not in (folder / "vault.sqlite").read_bytes()
    with open_log(folder / "log") as log, open_vault(folder) as vault:
        assert sum(b"countenance-record/erased" in log.entry(i) for i in range(log.size)) == 1
        assert vault.untold() == []


def test_what_cannot_be_told_is_not_erased(tmp_path: Path) -> None:
    """A basis that no entry can hold is found out before the values are gone."""
    first = prepare(tmp_path)

    def wrong(fields: int) -> Sealed:
        public = {"fields": fields, "basis": "Court Order!"}
        return seal(KINDS["erased"][-1], time_s=NOW, public=public, private={})

    with open_log(tmp_path / "log") as log, open_vault(tmp_path) as vault:
        with pytest.raises(InputError, match="basis"):
            erase_events(log, vault, about="person 1", event=wrong)
        assert vault.find(first.openings[0].commitment) == first.openings[0]
        assert erase_events(log, vault, about="nobody", event=wrong) == []
    assert try_erasing(tmp_path) == [Told(2, 41)]
    assert try_erasing(tmp_path) == []
    check_whole(tmp_path, first)


def test_the_mark_of_another_process_is_not_taken_away(tmp_path: Path) -> None:
    """It erased after this one's file was written anew, and has not done so itself yet."""
    prepare(tmp_path)
    other = open_vault(tmp_path)
    marks: list[int] = []

    class Between(Failing):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            done = self._db.execute(*arguments)
            if arguments[0] == "VACUUM" and not marks:
                other._scrub = lambda: marks.append(1)  # type: ignore[method-assign]
                other.erase_about("person 2")
            return done

    with open_vault(tmp_path) as vault:
        vault._db = Between(vault._db, 10_000, stays=False)  # type: ignore[assignment]
        assert vault.erase_about("person 1") == 2
        assert marks == [1]
        assert vault._db.execute("PRAGMA user_version").fetchone() != (0,)
    other.close()
    with open_vault(tmp_path) as vault:
        assert vault._db.execute("PRAGMA user_version").fetchone() == (0,)
    assert b"Grace" not in (tmp_path / "vault.sqlite").read_bytes()


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from test_erasure import check_whole, open_log, open_vault, prepare, told_by, try_erasing
from countenance.record.erasure import erase_events

def erase_and_die(folder, at, inside):
    left = at
    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0
    with open_log(folder / "log") as log, open_vault(folder) as vault:
        if inside:
            vault._db.set_progress_handler(count, 150)
        else:
            vault._db.set_trace_callback(count)
        append = log.append
        def append_then(entries):
            count()
            found = append(entries)
            count()
            return found
        log.append = append_then
        erase_events(log, vault, about="person 1", event=told_by)

died = 0
for inside in (False, True):
    for at in range(1, 1000):
        folder = Path({folder!r}) / f"{{inside}}-{{at}}"
        folder.mkdir()
        first = prepare(folder)
        child = os.fork()
        if child == 0:
            erase_and_die(folder, at, inside)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status:
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            died += 1
            try_erasing(folder)
        check_whole(folder, first)
        if status == 0:
            break
print(died)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kill_9_at_any_moment_of_an_erasure(tmp_path: Path) -> None:
    script = KILLED.format(path=sys.path, folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 20


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Sealed]:
    return tmp_path, prepare(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "value = '\"other\"'", "value = 'no json'", "value = NULL", "salt = x'00'", "salt = 7",
        "kind = 'opened'", "field = NULL", "value = x'ff'",
    ],
)  # fmt: skip
def test_a_damaged_opening_is_said_to_be_one(kept: tuple[Path, Sealed], change: str) -> None:
    folder, first = kept
    db = sqlite3.connect(folder / "vault.sqlite")
    db.execute(f"UPDATE openings SET {change} WHERE about = 'person 1'")  # noqa: S608
    db.commit()
    db.close()
    with open_vault(folder) as vault, pytest.raises(RecordError, match="does not open"):
        vault.find(first.openings[0].commitment)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_vault_that_others_may_read_is_not_opened(kept: tuple[Path, Sealed], mode: int) -> None:
    (kept[0] / "vault.sqlite").chmod(mode)
    with pytest.raises(StorageError, match="others may read"):
        open_vault(kept[0])
