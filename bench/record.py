"""The record: durable appends, proofs, verification, storage and memory of a log on a folder.

    python bench/record.py [--entries 10000000] [--verify 1000000] [--seconds 5] [--folder DIR]

Prints Markdown; exit code 1 where something wanted was not met. Appends are durable (fsync before
each is acknowledged) wherever they are timed. The large log for the proofs is built without
fsync, which changes none of its bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib.util
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import FileOps
from countenance.record import merkle
from countenance.record.asynclog import AsyncLog
from countenance.record.checkpoint import Checkpoint
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.note import Ed25519Signer
from countenance.record.verifylog import verify_log

KIB = 1024
WRITERS = 64
BATCH = 8192


class NoSync(FileOps):
    def fsync(self, handle: int) -> None:
        pass

    def fsync_folder(self, path: Path) -> None:
        pass


def signer() -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    return Ed25519Signer.from_private_key("log.example/bench", key)


def kib_entry(number: int) -> bytes:
    return number.to_bytes(8) * (KIB // 8)


def small_entry(number: int) -> bytes:
    return number.to_bytes(8)


def fsync_rate(folder: Path, size: int, seconds: float) -> float:
    """Writes of `size` bytes at a file's end, each made durable before the next."""
    path, data, done = folder / "fsync", os.urandom(size), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        os.write(handle, data)
        os.fdatasync(handle)
        done += 1
    os.close(handle)
    path.unlink()
    return done / seconds


def appended(append: Callable[[bytes], object], writers: int, seconds: float) -> float:
    """Entries of 1 KiB a second, each acknowledged before its writer goes on."""
    counts, until = [0] * writers, time.perf_counter() + seconds

    def write(writer: int) -> None:
        while time.perf_counter() < until:
            append(kib_entry(writer << 40 | counts[writer]))
            counts[writer] += 1

    begin = time.perf_counter()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begin)


def handover_rate(seconds: float) -> float:
    """How often a second one thread wakes another, which wakes the first, and so on."""
    turns, count, until = (threading.Lock(), threading.Lock()), 0, time.perf_counter() + seconds
    turns[0].acquire()
    turns[1].acquire()

    def answer() -> None:
        while turns[1].acquire() and time.perf_counter() < until:
            turns[0].release()
        turns[0].release()

    thread = threading.Thread(target=answer)
    thread.start()
    while time.perf_counter() < until:
        turns[1].release()
        turns[0].acquire()
        count += 2
    turns[1].release()
    thread.join()
    return count / seconds


class Shared:
    """Writers that share a write and an fsync of their entries, and keep no log.

    The least that any log in this interpreter must do for threads that each wait for their own
    entry: the first to come writes for all who come while the group before is written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "shared"
        self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._joining, self._writing = threading.Lock(), threading.Lock()
        self._group: tuple[list[bytes], threading.Lock] | None = None

    def append(self, entry: bytes) -> None:
        with self._joining:
            group, leads = self._group, self._group is None
            if group is None:
                group = self._group = ([], threading.Lock())
                group[1].acquire()
            group[0].append(entry)
        if leads:
            with self._writing:
                with self._joining:
                    self._group = None
                os.write(self._handle, b"".join(group[0]))
                os.fdatasync(self._handle)
            group[1].release()
        else:
            with group[1]:
                pass

    def close(self) -> None:
        os.close(self._handle)
        self.path.unlink()


def shared_rate(folder: Path, writers: int, seconds: float) -> float:
    shared = Shared(folder)
    rate = appended(shared.append, writers, seconds)
    shared.close()
    return rate


def log_rate(folder: Path, writers: int, seconds: float) -> float:
    place = folder / f"appends-{writers}"
    with Log.open(FolderStorage(place), signer()) as log:
        rate = appended(lambda entry: log.append([entry]), writers, seconds)
    shutil.rmtree(place)
    return rate


def task_rate(folder: Path, writers: int, seconds: float) -> float:
    """As `log_rate`, each writer being a task of one event loop instead of a thread."""
    place, counts = folder / "tasks", [0] * writers

    async def write(appends: AsyncLog, writer: int, until: float) -> None:
        while time.perf_counter() < until:
            await appends.append([kib_entry(writer << 40 | counts[writer])])
            counts[writer] += 1

    async def run(log: Log) -> None:
        async with AsyncLog(log) as appends:
            until = time.perf_counter() + seconds
            await asyncio.gather(*(write(appends, n, until) for n in range(writers)))

    with Log.open(FolderStorage(place), signer()) as log:
        begin = time.perf_counter()
        asyncio.run(run(log))
        rate = sum(counts) / (time.perf_counter() - begin)
    shutil.rmtree(place)
    return rate


def pymerkle_rate(folder: Path, writers: int, seconds: float) -> float | None:
    """Its SQLite store as it comes: one transaction an entry, synchronous=FULL."""
    if importlib.util.find_spec("pymerkle") is None:
        return None
    import pymerkle

    path = folder / "pymerkle.db"
    tree = pymerkle.SqliteTree(str(path))
    rate = appended(tree.append_entry, writers, seconds)
    tree.close()
    path.unlink()
    return rate


def build(folder: Path, size: int, entry: Callable[[int], bytes]) -> Checkpoint:
    with Log.open(FolderStorage(folder, ops=NoSync()), signer()) as log:
        for at in range(0, size, BATCH):
            log.append([entry(i) for i in range(at, min(at + BATCH, size))])
        log.publish()
        return Checkpoint(log.origin, log.size, log.root())


def bytes_on_disk(folder: Path) -> tuple[int, int]:
    """Bytes of all files, and bytes of the blocks they take."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(s.st_size for s in stats), sum(s.st_blocks * 512 for s in stats)


def drop_from_memory(folder: Path, paths: list[str]) -> None:
    """Ask the system to forget these files, so that reading them means the disk."""
    for path in paths:
        place = folder / path
        if place.exists():
            handle = os.open(place, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def proofs(folder: Path, size: int, count: int) -> dict[str, float]:
    """Seconds of proofs at random indices, warm and cold, and of their verification."""
    chance, found = random.Random(1), {"warm": [], "cold": [], "check": []}
    reads: list[str] = []
    with Log.open(FolderStorage(folder, ops=NoSync()), signer()) as log:
        root = log.root()
        for number in range(count):
            index = chance.randrange(size)
            begin = time.perf_counter()
            proof = log.prove(index)
            took = time.perf_counter() - begin
            if number >= count // 5:  # the upper tiles are in memory by then, as in a log at work
                found["warm"].append(took)
            leaf = merkle.leaf_hash(small_entry(index))
            begin = time.perf_counter()
            merkle.verify_inclusion(leaf, index, size, proof, root)
            found["check"].append(time.perf_counter() - begin)
    storage = FolderStorage(folder, ops=NoSync())
    read = storage.read
    storage.read = lambda path: (reads.append(path), read(path))[1]  # type: ignore[method-assign]
    with Log.open(storage, signer()) as log:
        for _ in range(count // 20):
            index = chance.randrange(size)
            reads.clear()
            log.prove(index)
            log._cache = type(log._cache)()  # nothing of it stays in this process
            drop_from_memory(folder, reads)
            begin = time.perf_counter()
            log.prove(index)
            found["cold"].append(time.perf_counter() - begin)
            log._cache = type(log._cache)()
    medians = {name: statistics.median(times) for name, times in found.items()}
    return medians | {f"{n} worst": max(times) for n, times in found.items()}


def child(folder: Path, size: int) -> None:
    """Build a log and prove from it in a process of its own: what it needed of memory."""
    began = time.perf_counter()
    build(folder, size, small_entry)
    built = time.perf_counter() - began
    times = proofs(folder, size, 2000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    print(json.dumps({"peak_mib": peak, "built_s": built, **times}))


def in_child(folder: Path, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", str(size), "--folder", str(folder)]
    done = subprocess.run(["nice", "-n", "10", *command], stdout=subprocess.PIPE, check=True)
    shutil.rmtree(folder, ignore_errors=True)
    return dict(json.loads(done.stdout))


def verification(folder: Path, size: int, runs: int) -> tuple[float, float, float, float]:
    """Seconds of hashlib over the leaves, of one process, of two; bytes an entry on disk."""
    checkpoint = build(folder, size, kib_entry)
    per_entry = bytes_on_disk(folder)[0] / size
    leaves, sha256 = [kib_entry(n) for n in range(min(size, 100_000))], hashlib.sha256
    times: dict[str, list[float]] = {"hashlib": [], "1": [], "2": []}
    for _ in range(runs):
        begin = time.perf_counter()
        for leaf in leaves:
            sha256(b"\x00" + leaf).digest()
        times["hashlib"].append((time.perf_counter() - begin) * size / len(leaves))
        for workers in (1, 2):
            begin = time.perf_counter()
            verify_log(FolderStorage(folder), checkpoint, workers=workers)
            times[str(workers)].append(time.perf_counter() - begin)
    shutil.rmtree(folder)
    base, one, two = (statistics.median(found) for found in times.values())
    return base, one, two, per_entry


class Table:
    def __init__(self) -> None:
        self.lines = ["| what | measured | wanted | |", "| --- | ---: | ---: | --- |"]
        self.passed = True

    def row(self, what: str, measured: str, wanted: str = "", held: bool | None = None) -> None:
        self.passed &= held is not False
        mark = {None: "", True: "met", False: "**not met**"}[held]
        self.lines.append(f"| {what} | {measured} | {wanted} | {mark} |")


def report(args: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    table = Table()
    rates = [fsync_rate(folder, size, 1.0) for size in (KIB, 64 * KIB)]
    table.row("fsyncs of 1 KiB a second, this disk", f"{rates[0]:,.0f}")
    table.row("fsyncs of 64 KiB a second", f"{rates[1]:,.0f}")
    ours, tasks, theirs, one, crowd, least = [], [], [], [], [], []
    for _ in range(3):  # in turn, so that both meet the same neighbours on the machine
        ours.append(log_rate(folder, WRITERS, args.seconds))
        theirs.append(pymerkle_rate(folder, 1, args.seconds / 2))
        tasks.append(task_rate(folder, WRITERS, args.seconds))
        one.append(log_rate(folder, 1, args.seconds / 2))
        crowd.append(pymerkle_rate(folder, WRITERS, args.seconds / 2))
        least.append(shared_rate(folder, WRITERS, args.seconds / 2))
    many, single = statistics.median(ours), statistics.median(one)
    table.row(f"durable appends of 1 KiB a second, {WRITERS} threads", f"{many:,.0f}",
              "≥ 20,000", many >= 20_000)  # fmt: skip
    service = statistics.median(tasks)
    table.row(f"the same, {WRITERS} tasks of one event loop (`AsyncLog`)", f"{service:,.0f}",
              "≥ 20,000", service >= 20_000)  # fmt: skip
    bare = statistics.median(least)
    table.row(f"the same {WRITERS} threads sharing fsyncs, and no log", f"{bare:,.0f}")
    table.row("the log beside that", f"{many / bare:.0%}")
    table.row("times a second that one thread wakes another", f"{handover_rate(1.0):,.0f}")
    table.row("a single writer, one entry a commit", f"{single:,.0f}", "≥ 1,000", single >= 1_000)
    if theirs[0] is None:
        table.row("pymerkle's SQLite store", "not installed")
    else:
        peer, peers = statistics.median(theirs), statistics.median(crowd)
        table.row("pymerkle's SQLite store, one writer", f"{peer:,.0f}")
        table.row(f"pymerkle's SQLite store, {WRITERS} writers", f"{peers:,.0f}")
        for who, rate in (("threads", many), ("tasks", service)):
            ratio = rate / max(peer, peers)
            table.row(f"{WRITERS} {who}, times pymerkle's better figure", f"{ratio:.1f}", "≥ 25",
                      ratio >= 25)  # fmt: skip
    small = in_child(folder / "small", 10_000)
    large = in_child(folder / "large", args.entries)
    of = f"log of {args.entries:,} entries"
    table.row(f"inclusion proof, {of}: median", f"{large['warm'] * 1e3:.2f} ms", "< 1 ms",
              large["warm"] < 1e-3)  # fmt: skip
    table.row("the same, no tile in memory: median", f"{large['cold'] * 1e3:.2f} ms", "< 20 ms",
              large["cold"] < 20e-3)  # fmt: skip
    table.row("its verification: median", f"{large['check'] * 1e6:.0f} µs", "< 100 µs",
              large["check"] < 100e-6)  # fmt: skip
    growth = large["peak_mib"] - small["peak_mib"]
    table.row(f"peak memory: 10,000 entries / {of}",
              f"{small['peak_mib']:.0f} / {large['peak_mib']:.0f} MiB", "+ < 32 MiB",
              growth < 32)  # fmt: skip
    table.row(f"building the {of} (no fsync)", f"{large['built_s']:.0f} s")
    base, alone, two, per_entry = verification(folder / "whole", args.verify, 3)
    table.row(f"SHA-256 of {args.verify:,} leaves of 1 KiB, one by one", f"{base:.2f} s")
    table.row("whole log verified from disk, one process", f"{alone / base:.2f} times that")
    table.row("the same, two processes", f"{two / base:.2f} times that")
    best = min(alone, two) / base
    table.row("the better of the two", f"{best:.2f} times that", "≤ 2", best <= 2)
    table.row("bytes on disk an entry of 1 KiB", f"{per_entry / KIB:.3f} KiB", "< 1.1 KiB",
              per_entry < 1.1 * KIB)  # fmt: skip
    return "\n".join(table.lines), table.passed


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    ask.add_argument("--entries", type=int, default=10_000_000)
    ask.add_argument("--verify", type=int, default=1_000_000)
    ask.add_argument("--seconds", type=float, default=5.0)
    ask.add_argument(
        "--folder", type=Path, help="where to put the logs (default: a temporary one)"
    )
    ask.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = ask.parse_args(argv)
    if args.child is not None:
        child(args.folder, args.child)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="record-bench-", dir=args.folder))
    try:
        text, passed = report(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
