"""kill -9, failing disks, power loss: nothing acknowledged is lost, nothing deleted stays."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gallerydisk import FailingOps, PowerLoss, PowerOps
from gallerykit import NoSync, card, found, lists, made, names, public, slowly, templates

from countenance.core import FileOps
from countenance.scores import (
    ConflictError,
    GalleryWriter,
    StorageError,
    create_gallery,
    open_gallery,
)

HERE = Path(__file__).parent
SEED = int(os.environ.get("COUNTENANCE_SEED", "1"))
ENGINE = card().identity
ROWS = templates(60, seed=11)
PROBE = templates(1, seed=12)


def content(path: Path, most: int = 5000) -> list[tuple[str, int]]:
    """Every id with its score against one probe."""
    with open_gallery(path) as gallery:
        return lists(found(gallery, PROBE, rank=most))[0]


class Told:
    """What a writer acknowledged, and what it had begun."""

    def __init__(self) -> None:
        self.live: dict[str, int] = {}  # id to number of the row in ROWS
        self.begun: set[str] = set()  # appends and deletions that may or may not be
        self.erased: set[int] = set()

    def run(self, path: Path, ops: FileOps) -> None:
        """A life of a gallery; stops at the first failure."""
        with GalleryWriter(path, ops=ops) as writer:
            self.append(writer, 0, 3)
            self.append(writer, 3, 4)
            self.delete(writer, ["n-1", "n-3"])
            self.append(writer, 4, 9)
            self.delete(writer, ["n-6"])
            writer.compact()
            self.append(writer, 9, 12)
            self.delete(writer, ["n-0", "n-10"])

    def append(self, writer: GalleryWriter, first: int, last: int) -> None:
        ids = [f"n-{n}" for n in range(first, last)]
        self.begun = set(ids)
        writer.append(ids, ROWS[first:last], engine=ENGINE)
        self.live.update(zip(ids, range(first, last), strict=True))
        self.begun = set()

    def delete(self, writer: GalleryWriter, ids: list[str]) -> None:
        self.begun = set(ids)
        writer.delete(ids)
        for each in ids:
            self.erased.add(self.live.pop(each))
        self.begun = set()

    def check(self, path: Path) -> None:
        """As another process finds it: first by reading, then opened for writing."""
        numbers = {f"n-{n}": n for n in range(len(ROWS))}
        sure = {name for name in self.live if name not in self.begun}
        seen = None
        for opened in (False, True):
            if opened:
                with GalleryWriter(path, ops=NoSync()):
                    pass
            there = dict(content(path))
            assert sure <= set(there) <= sure | self.begun
            ids = sorted(there)
            rows = ROWS[[numbers[name] for name in ids]]
            assert content(path) == slowly(ids, rows, PROBE)[0]
            if seen is not None:
                assert set(seen) ^ set(there) <= self.begun  # what was begun is finished or not
            seen = there
        everything = b"".join(p.read_bytes() for p in path.iterdir())
        for number in self.erased | {numbers[name] for name in self.begun - set(seen or ())}:
            assert ROWS[number].tobytes() not in everything
        assert {p.name for p in path.iterdir()} - {"gallery", "lock"} == {
            p.name for p in path.glob("rows-*")
        }
        assert len(list(path.glob("rows-*"))) == 1
        with GalleryWriter(path, ops=NoSync()) as writer:
            writer.append(["after"], ROWS[59:60], engine=ENGINE)
        assert "after" in dict(content(path))


def each_place(attempt: Callable[[int], bool], stride: int) -> int:
    """Call `attempt` with 1, 1 + stride, ... until the fault was not reached."""
    at = 1
    while attempt(at):
        at += stride
    return at


EVERY = pytest.param(1, marks=pytest.mark.slow, id="every")
SOME = pytest.param(3, id="some")


@pytest.mark.parametrize("stride", [SOME, EVERY])
@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "short"])
def test_every_operation_fails_once_and_for_good(
    tmp_path: Path, kind: str, stays: bool, stride: int
) -> None:
    def attempt(at: int) -> bool:
        path = tmp_path / str(at)
        create_gallery(path, card(), issuer=public(), ops=NoSync())
        told, ops = Told(), FailingOps(at, kind, stays=stays)
        try:
            told.run(path, ops)
        except StorageError:
            assert ops.fired
        told.check(path)
        return ops.fired

    assert each_place(attempt, stride) > 60


@pytest.mark.parametrize("stride", [SOME, EVERY])
@pytest.mark.parametrize("kind", ["lucky", "unlucky", "some"])
def test_the_power_goes_at_every_operation(tmp_path: Path, kind: str, stride: int) -> None:
    chance = random.Random(SEED)

    def attempt(at: int) -> bool:
        path, after = tmp_path / f"{at}", tmp_path / f"{at}-after"
        create_gallery(path, card(), issuer=public(), ops=NoSync())
        told, ops = Told(), PowerOps(path, at)
        try:
            told.run(path, ops)
        except PowerLoss:
            ops.image(after, chance, kind=kind)
            told.check(after)
            return True
        return False

    assert each_place(attempt, stride) > 60


def test_the_power_goes_while_compacting(tmp_path: Path) -> None:
    """Each operation, each with several ways in which the disk may have kept its names."""

    def attempt(at: int) -> bool:
        path = tmp_path / str(at)
        create_gallery(path, card(), issuer=public(), ops=NoSync())
        told = Told()
        with GalleryWriter(path, ops=NoSync()) as writer:
            told.append(writer, 0, 5)
            told.delete(writer, ["n-2"])
        ops = PowerOps(path, at)
        try:
            with GalleryWriter(path, ops=ops) as writer:
                writer.compact()
        except PowerLoss:
            for seed in range(6):
                after = tmp_path / f"{at}-{seed}"
                ops.image(after, random.Random(seed), kind="some")
                told.check(after)
            return True
        return False

    assert each_place(attempt, 1) > 15


@pytest.mark.parametrize("kind", ["lucky", "unlucky", "some"])
def test_the_power_goes_while_a_gallery_is_made(tmp_path: Path, kind: str) -> None:
    def attempt(at: int) -> bool:
        path, after = tmp_path / f"{at}", tmp_path / f"{at}-after"
        ops = PowerOps(path, at)
        try:
            create_gallery(path, card(), issuer=public(), ops=ops)
        except PowerLoss:
            ops.image(after, random.Random(at), kind=kind)
            if not (after / "gallery").exists():
                create_gallery(after, card(), issuer=public(), ops=NoSync())
            assert content(after) == []
            Told().run(after, NoSync())
            return True
        return False

    assert each_place(attempt, 1) > 5


def test_power_lost_again_while_recovering(tmp_path: Path) -> None:
    """Recovery is stopped at each of its own operations, then tried again."""
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public(), ops=NoSync())
    told, ops = Told(), PowerOps(path, 10**9)
    told.run(path, ops)
    total = ops.count
    chance = random.Random(SEED)
    for at in range(total - 12, total, 3):  # within the last deletion
        once = tmp_path / f"{at}"
        create_gallery(once, card(), issuer=public(), ops=NoSync())
        told, ops = Told(), PowerOps(once, at)
        with pytest.raises(PowerLoss):
            told.run(once, ops)
        for again in range(1, 12):
            first, second = tmp_path / f"{at}-{again}-a", tmp_path / f"{at}-{again}-b"
            ops.image(first, random.Random(again), kind="some")
            ops_again = PowerOps(first, again)
            try:
                with GalleryWriter(first, ops=ops_again):
                    pass
            except PowerLoss:
                ops_again.image(second, chance, kind="some")
                told.check(second)


@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_kill_nine(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public())
    chance = random.Random(SEED)
    live: set[str] = set()
    gone: set[str] = set()
    changes = 0
    for run in range(1, kills + 1):
        command = [sys.executable, str(HERE / "galleryuser.py"), str(path), str(run), str(run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            said = child.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            child.kill()
            said += child.stdout.read()
        lines = said.decode().splitlines()
        assert lines[0] == "open"
        maybe: set[str] = set()
        for at in range(1, len(lines), 2):
            kind, *ids = lines[at].split()
            if at + 1 == len(lines):
                maybe = set(ids)
                continue
            assert lines[at + 1] == "ok"
            changes += 1
            live = live | set(ids) if kind == "a" else live - set(ids)
            gone |= set(ids) if kind == "d" else set()
        with open_gallery(path) as gallery:
            there = dict(lists(found(gallery, PROBE, rank=10_000))[0])
        assert live - maybe <= set(there) <= live | maybe
        with GalleryWriter(path, ops=NoSync()):
            pass
        again = dict(content(path, 10_000))
        assert set(there) <= set(again) | maybe
        gone |= {each for each in maybe if each not in again}
        live = set(again)
        for name in random.Random(run).sample(sorted(again), min(5, len(again))):
            row = templates(1, seed=int(name))
            assert again[name] == int((row.astype(int) * PROBE.astype(int)).sum())
        if run % 10 == 0:
            everything = b"".join(p.read_bytes() for p in path.iterdir())
            assert not any(templates(1, seed=int(name)).tobytes() in everything for name in gone)
    assert changes > kills


def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a disk that fills while rows are written."""
    path = tmp_path / "g"
    made(path, 50)
    script = (
        "import resource, signal, sys\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from gallerykit import *; from countenance.scores import GalleryWriter, StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"w = GalleryWriter({str(path)!r})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        "for n in range(50, 100):\n"
        "    try:\n"
        "        w.append([f'id-{n}'], templates(1, seed=n), engine=card().identity)\n"
        "    except StorageError as error:\n"
        "        print(n); break\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reached = int(done.stdout)
    assert 50 < reached < 100
    with GalleryWriter(path) as writer:
        assert len(writer) == reached
    assert {name for name, _ in content(path)} == set(names(reached))


def test_two_processes_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public())
    command = [sys.executable, str(HERE / "galleryuser.py"), str(path), "1", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        try:
            with pytest.raises(ConflictError):
                GalleryWriter(path)
            with open_gallery(path) as gallery:
                for _ in range(20):
                    found(gallery, PROBE, rank=3)
        finally:
            child.kill()
    with GalleryWriter(path) as writer:
        writer.append(["mine"], np.ascontiguousarray(PROBE), engine=ENGINE)
