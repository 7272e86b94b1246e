"""kill -9 in a loop, with several threads appending and checkpoints being published."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from appender import content
from logkit import open_log, published, signer, verify_published

from countenance.record.errors import ConflictError
from countenance.record.folder import FolderStorage

HERE = Path(__file__).parent
SEED = int(os.environ.get("COUNTENANCE_SEED", "1"))


def kill_once(folder: Path, run: int, chance: random.Random) -> list[list[str]]:
    """Start the appender, kill it some time after its first words; what it had said."""
    command = [sys.executable, str(HERE / "appender.py"), str(folder), str(run), "4"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        time.sleep(chance.uniform(0, 0.08))
        child.kill()
        said += child.stdout.read()
    return [line.split() for line in said.decode().splitlines()]


@pytest.mark.parametrize("kills", [12, pytest.param(500, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_and_no_root_changes(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)
    roots: dict[int, str] = {}
    acknowledged = size = 0
    for run in range(kills):
        said = kill_once(tmp_path, run, chance)
        assert said, "the appender died before it said anything"
        reader = FolderStorage(tmp_path)
        if reader.read("checkpoint") is not None:
            at_rest = published(reader)
            assert roots.setdefault(at_rest.size, at_rest.root.hex()) == at_rest.root.hex()
        with open_log(tmp_path) as log:
            assert log.size >= size
            for kind, *rest in said:
                if kind == "a":
                    index, thread, number = map(int, rest)
                    assert log.entry(index) == content(run, thread, number)
                    acknowledged += 1
                else:
                    assert roots.setdefault(int(rest[0]), rest[1]) == rest[1]
                    assert at_rest.size >= int(rest[0])
            size = log.size
            for known in list(roots)[-20:]:
                assert log.root(known).hex() == roots[known]
            log.publish()
            assert roots.setdefault(size, log.root().hex()) == log.root().hex()
        if run % 25 == 0:
            verify_published(reader)
    with open_log(tmp_path) as log:
        assert all(log.root(known).hex() == root for known, root in roots.items())
    assert verify_published(FolderStorage(tmp_path)).size == size
    assert acknowledged > kills
    leftovers = [path.name for path in tmp_path.iterdir()]
    assert set(leftovers) <= {"checkpoint", "checkpoint.tmp", "journal", "journal.new",
                              "journal.next", "lock", "tile"}  # fmt: skip


def test_two_processes_one_wins(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "appender.py"), str(tmp_path), "0", "1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        while not child.stdout.readline().startswith(b"c"):
            pass
        try:
            with pytest.raises(ConflictError, match="another process"):
                open_log(tmp_path)
            assert published(FolderStorage(tmp_path)).origin == signer().name  # reading goes on
        finally:
            child.kill()
    with open_log(tmp_path) as log:  # the lock went with the process
        assert log.append([b"mine"])[0] == log.size - 1


def test_two_openings_in_one_process_conflict(tmp_path: Path) -> None:
    with open_log(tmp_path), pytest.raises(ConflictError):
        open_log(tmp_path)
    with open_log(tmp_path) as log:
        log.append([b"one"])
