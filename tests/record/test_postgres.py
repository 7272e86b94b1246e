"""A log in PostgreSQL that several processes append to; a private cluster is started for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from logkit import entries, naive_root, published, signer, verify_published
from postgres_cluster import cluster, why_not

from countenance.record import merkle
from countenance.record.errors import StorageError, VerificationError
from countenance.record.log import Log
from countenance.record.postgres import PostgresStorage

psycopg = pytest.importorskip("psycopg")
pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.xdist_group("postgres"),
]

APPENDER = """
import os, sys, threading
from logkit import signer
from countenance.record.log import Log
from countenance.record.postgres import PostgresStorage
log = Log.open(PostgresStorage(sys.argv[1], sys.argv[2]), signer())
def append(thread):
    for number in range(int(sys.argv[4])):
        for index in log.append([f"{sys.argv[3]} {thread} {number}".encode()]):
            os.write(1, f"{index} {sys.argv[3]} {thread} {number}\\n".encode())
        if number % 20 == 0:
            log.publish()
threads = [threading.Thread(target=append, args=(n,)) for n in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
log.close()
"""


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with cluster() as found:
        yield found


def open_log(dsn: str, name: str) -> Log:
    return Log.open(PostgresStorage(dsn, name), signer())


def verified(dsn: str, name: str) -> int:
    with contextlib.closing(PostgresStorage(dsn, name)) as reader:
        return verify_published(reader).size


def start(dsn: str, name: str, who: int, count: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent),
                                                               *sys.path])}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, dsn, name, str(who), str(count)],
        stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip


def test_a_log_in_the_database_is_the_same_log(dsn: str) -> None:
    with open_log(dsn, "same") as log:
        for stop in (0, 1, 2, 255, 256, 257, 600, 1500):
            log.append(entries(stop, log.size))
            log.publish()
            assert published(log).root == naive_root(entries(stop))
    with open_log(dsn, "same") as log:
        assert log.size == 1500
        for index in (0, 255, 256, 1499):
            assert log.entry(index) == entries(1500)[index]
            merkle.verify_inclusion(
                merkle.leaf_hash(log.entry(index)), index, 1500, log.prove(index), log.root()
            )
    assert verified(dsn, "same") == 1500
    with psycopg.connect(dsn) as link:
        left = link.execute("SELECT path FROM tlog_resource WHERE path LIKE '%.p/%'").fetchall()
    assert sorted(path for (path,) in left if "/005.p" not in path) == [
        f"tile/1/000.p/{n}" for n in (1, 2, 5)
    ]  # of the level whose tile is not full, every one a checkpoint needs


class Overtaken(PostgresStorage):
    """Just before the checkpoint is read for the first time, another process publishes more."""

    def __init__(self, dsn: str, name: str) -> None:
        super().__init__(dsn, name)
        self._other: tuple[str, str] | None = (dsn, name)

    def read(self, path: str) -> bytes | None:
        if path == "checkpoint" and self._other is not None:
            other, self._other = self._other, None
            with open_log(*other) as log:
                log.append([b"meanwhile"])
                log.publish()
        return super().read(path)


def test_a_log_that_grows_while_it_is_opened_is_opened(dsn: str) -> None:
    with open_log(dsn, "overtaken") as log:
        log.append([b"before"])
        log.publish()
    with Log.open(Overtaken(dsn, "overtaken"), signer()) as log:
        assert log.size == 2
    assert verified(dsn, "overtaken") == 2


def test_several_processes_append_in_one_order(dsn: str) -> None:
    with open_log(dsn, "many") as log:
        children = [start(dsn, "many", who, 60) for who in range(3)]
        told: dict[int, bytes] = {}
        for number in range(60):
            at = log.append([b"here %d" % number])
            told[at[0]] = b"here %d" % number
        for child in children:
            said = child.communicate()[0].decode().splitlines()
            assert child.returncode == 0
            for line in said:
                index, content = line.split(" ", 1)
                assert int(index) not in told
                told[int(index)] = content.encode()
        assert sorted(told) == list(range(60 + 3 * 3 * 60))
        assert log.refresh() == len(told)
        assert log.root() == naive_root([told[i] for i in range(len(told))])
        log.publish()
    assert verified(dsn, "many") == len(told)


def test_killed_processes_lose_nothing_acknowledged(dsn: str) -> None:
    for who in range(4):
        child = start(dsn, "killed", who, 100_000)
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(80)]
        child.kill()
        said += child.communicate()[0].splitlines(keepends=True)
        assert len(said) >= 80
        assert all(said[:80])
        with open_log(dsn, "killed") as log:
            for line in said:
                if line.endswith(b"\n"):
                    index, content = line.rstrip().split(b" ", 1)
                    assert log.entry(int(index)) == content
            log.publish()
        verified(dsn, "killed")


def test_a_later_checkpoint_is_not_replaced_by_an_earlier_one(dsn: str) -> None:
    with open_log(dsn, "order") as one, open_log(dsn, "order") as two:
        one.append([b"a"])

        def meanwhile(note: bytes) -> bytes:
            two.append([b"b"])
            two.publish()
            return note

        one.publish(meanwhile)
        assert published(one).size == published(two).size == 2


def test_a_cut_connection_is_an_error_and_then_mended(dsn: str) -> None:
    with open_log(dsn, "cut") as log:
        log.append([b"one"])
        with psycopg.connect(dsn, autocommit=True) as link:
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        with pytest.raises(StorageError):
            log.append([b"two"])
        assert log.size == 1
        at = log.append([b"three"])[0]
        assert log.entry(at) == b"three"


def test_an_edited_database_is_refused(dsn: str) -> None:
    with open_log(dsn, "edited") as log:
        log.append(entries(300))
        log.publish()
    with psycopg.connect(dsn, autocommit=True) as link:
        link.execute("DELETE FROM tlog_entry WHERE name = 'edited' AND index = 280")
    with pytest.raises(StorageError, match="not all there"):
        open_log(dsn, "edited")
    with psycopg.connect(dsn, autocommit=True) as link:
        link.execute("INSERT INTO tlog_entry VALUES ('edited', 280, 'another')")
    with pytest.raises(VerificationError, match="not those of the last checkpoint"):
        open_log(dsn, "edited")


def test_threads_of_one_process(dsn: str) -> None:
    with open_log(dsn, "threads") as log:
        threads = [
            threading.Thread(target=lambda n=n: [log.append([b"%d" % n]) for _ in range(30)])
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.size == 240


def test_no_database_is_a_clear_error() -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        open_log("host=/nonexistent dbname=x connect_timeout=1", "x")


def test_every_commit_waits_for_the_disk_also_where_the_database_would_not(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries, tiles and checkpoints: none may be taken back by a power cut once it was shown."""
    real, seen = psycopg.Connection.execute, []

    def execute(link: object, query: str, *more: object, **named: object) -> object:
        done = real(link, query, *more, **named)
        if query.startswith(("UPDATE", "SET LOCAL")):
            shown = real(link, "SHOW synchronous_commit").fetchone()
            seen.append((query.startswith("UPDATE"), shown))
        return done

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    with open_log(f"{dsn} options='-c synchronous_commit=off'", "careless") as log:
        log.append(entries(3))
        log.publish()
    assert {shown for _, shown in seen} == {("on",)}
    assert True in {update for update, _ in seen}
