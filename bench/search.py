"""Searching a gallery of a million templates: opening, latency, memory, beside other ways.

    python bench/search.py [--rows 1000000] [--dimension 512] [--runs 30] [--folder DIR]

Prints Markdown; exit code 1 where something wanted was not met. Templates are random; permits are
made here, by a key that exists for this run. Every way is measured in a process of its own, with
the gallery's file in the system's cache. The others hold everything in memory and check nothing:
they show what the arithmetic alone costs.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import FileOps, ScoreUnit
from countenance.faces import EngineCard
from countenance.scores import (
    Gallery,
    GalleryWriter,
    Permit,
    PermitTerms,
    SealedRows,
    create_gallery,
    open_gallery,
    probe_digest,
    search,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUER = KEY.public_key().public_bytes_raw().hex()
RANK, BATCH, MANY = 20, 10_000, 16
SEALED_ROWS = 50_000
WANTED_S, WANTED_MIB = 0.5, 1.2 * 1024


class NoSync(FileOps):
    def fsync(self, handle: int) -> None:
        pass


def card(dimension: int) -> EngineCard:
    unit = ScoreUnit("cosine", "cosine similarity", 4000)
    return EngineCard("random", "1", (), unit, dimension, "0.4", "none", "none", "none")


def made(rows: int, dimension: int, seed: int) -> Any:
    raw = np.random.default_rng(seed).standard_normal((rows, dimension), dtype=np.float32)
    raw *= 4000 / np.linalg.norm(raw, axis=1, keepdims=True)
    return np.rint(raw).astype(np.int16)


def keys(ids: Any) -> list[bytes | None]:
    """A key a person, found without any look-up: what is timed is decrypting."""
    return [name.encode().ljust(32, b"k")[:32] for name in ids]


def build(folder: Path, rows: int, dimension: int, codec: SealedRows | None = None) -> float:
    engine = card(dimension)
    began = time.perf_counter()
    create_gallery(folder, engine, issuer=ISSUER, codec=codec)
    with GalleryWriter(folder, codec=codec, ops=NoSync()) as writer:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            ids = [f"person-{n:09d}" for n in range(start, start + count)]
            writer.append(ids, made(count, dimension, start), engine=engine.identity)
    return time.perf_counter() - began


def permit(gallery: Gallery, probes: Any) -> Permit:
    header = gallery.header
    digests = tuple(probe_digest(row, engine=header.engine) for row in probes)
    terms = PermitTerms(
        "00" * 32, "11" * 32, header.gallery, header.engine, digests, None, RANK, 0, 2**40
    )
    return Permit(terms, KEY.sign(terms.message))


def timed(work: Callable[[int], Any], runs: int) -> dict[str, float]:
    work(0)
    times = []
    for number in range(runs):
        began = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - began)
    times.sort()
    return {"median": statistics.median(times), "p95": times[int(0.95 * (runs - 1))]}


def status(name: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def ours(folder: Path, dimension: int, runs: int) -> dict[str, Any]:
    began = time.perf_counter()
    gallery = open_gallery(folder, issuer=ISSUER)
    opened = time.perf_counter() - began
    probes = made(runs, dimension, 1 << 40)

    def one(number: int) -> None:
        row = probes[number : number + 1]
        search(gallery, row, permit=permit(gallery, row), rank=RANK)

    many = made(MANY, dimension, 1 << 41)
    allowed = permit(gallery, many)
    used = os.times()
    single = timed(one, runs)
    cpu = sum(os.times()[:2]) - sum(used[:2])
    batch = timed(lambda _: search(gallery, many, permit=allowed, rank=RANK), max(3, runs // 3))
    return {
        "open": opened, "single": single, "cpu": cpu / (runs + 1),
        "batch": {k: v / MANY for k, v in batch.items()}, "peak": status("VmHWM"),
    }  # fmt: skip


def sealed(folder: Path, dimension: int, runs: int) -> dict[str, Any]:
    gallery = open_gallery(folder, codec=SealedRows(keys), issuer=ISSUER)
    probes = made(1, dimension, 1 << 40)
    allowed = permit(gallery, probes)
    return timed(lambda _: search(gallery, probes, permit=allowed, rank=RANK), max(3, runs // 6))


def loaded(folder: Path, dimension: int) -> Any:
    """All templates of a gallery, int16 (n, d), by the page on the format alone."""
    raw = np.fromfile(next(folder.glob("rows-*")), np.uint8).reshape(-1, 64 + 2 * dimension)
    return np.ascontiguousarray(raw[:, 64:]).view("<i2")


def int32_loop(folder: Path, dimension: int, runs: int) -> dict[str, Any]:
    """Plain NumPy: blocks to int32, integer dot products, argpartition at the end."""
    rows = loaded(folder, dimension)
    probe = made(1, dimension, 1 << 40)[0].astype(np.int32)

    def one(_: int) -> None:
        scores = np.empty(len(rows), np.int32)
        for start in range(0, len(rows), 4096):
            scores[start : start + 4096] = rows[start : start + 4096].astype(np.int32) @ probe
        np.argpartition(scores, -RANK)[-RANK:]

    return {"single": timed(one, max(3, runs // 6)), "peak": status("VmHWM")}


def float32_blas(folder: Path, dimension: int, runs: int) -> dict[str, Any]:
    """NumPy with everything as float32 in memory: the least a product costs."""
    rows = loaded(folder, dimension).astype(np.float32)
    probes = made(MANY, dimension, 1 << 40).astype(np.float32)

    def best(count: int) -> Callable[[int], None]:
        def work(_: int) -> None:
            scores = rows @ probes[:count].T
            for column in scores.T:
                np.argpartition(column, -RANK)[-RANK:]

        return work

    single = timed(best(1), runs)
    batch = timed(best(MANY), max(3, runs // 6))
    return {"single": single, "batch": {k: v / MANY for k, v in batch.items()},
            "peak": status("VmHWM")}  # fmt: skip


def faiss_flat(folder: Path, dimension: int, runs: int) -> dict[str, Any] | None:
    """faiss IndexFlatIP on the same numbers as float32."""
    if importlib.util.find_spec("faiss") is None:
        return None
    import faiss

    index = faiss.IndexFlatIP(dimension)
    rows = loaded(folder, dimension)
    for start in range(0, len(rows), BATCH):
        index.add(rows[start : start + BATCH].astype(np.float32))
    del rows
    probes = made(MANY, dimension, 1 << 40).astype(np.float32)
    single = timed(lambda _: index.search(probes[:1], RANK), runs)
    batch = timed(lambda _: index.search(probes, RANK), max(3, runs // 3))
    return {"single": single, "batch": {k: v / MANY for k, v in batch.items()},
            "peak": status("VmHWM"), "version": faiss.__version__}  # fmt: skip


WAYS: dict[str, Callable[[Path, int, int], Any]] = {
    "ours": ours, "sealed": sealed, "int32": int32_loop, "float32": float32_blas,
    "faiss": faiss_flat,
}  # fmt: skip


def in_child(way: str, folder: Path, args: argparse.Namespace) -> Any:
    print(f"  {way} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, "--folder", str(folder),
         "--dimension", str(args.dimension), "--runs", str(args.runs)],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def report(found: dict[str, Any], built: float, args: argparse.Namespace) -> bool:
    mine = found["ours"]
    met = {
        "single": mine["single"]["p95"] < WANTED_S,
        "peak": mine["peak"] < WANTED_MIB,
    }
    size = args.rows * (64 + 2 * args.dimension)
    print(
        f"{args.rows:,} templates of {args.dimension} components, {size / 2**30:.2f} GiB on the "
        f"disk; the {RANK} best; all processors. Times are wall-clock on a shared machine.\n"
    )
    print("| way | one probe: median | p95 | 16 probes: each | peak memory |")
    print("| --- | ---: | ---: | ---: | ---: |")
    titles = {
        "ours": "**`search`**: permit, checks, exact, ties",
        "int32": f"NumPy {np.__version__}, int32 loop",
        "float32": "NumPy, all float32 in memory",
        "faiss": "faiss IndexFlatIP",
    }
    for way, title in titles.items():
        each = found[way]
        if each is None:
            print(f"| {title} | not installed | | | |")
            continue
        if "version" in each:
            title = f"{title} {each['version']}"
        batch = ms(each["batch"]["median"]) if "batch" in each else ""
        print(f"| {title} | {ms(each['single']['median'])} | {ms(each['single']['p95'])} "
              f"| {batch} | {each['peak']:,.0f} MiB |")  # fmt: skip
    print("\n| what | measured | wanted | |\n| --- | ---: | ---: | --- |")
    rows = [
        ("open, every byte verified", f"{mine['open']:.2f} s", "", None),
        ("processor time of one search", f"{mine['cpu']:.2f} s", "", None),
        ("one probe, p95", ms(mine["single"]["p95"]), f"< {ms(WANTED_S)}", met["single"]),
        ("peak memory", f"{mine['peak']:,.0f} MiB", f"< {WANTED_MIB:,.0f} MiB", met["peak"]),
        ("building the gallery (no fsync)", f"{built:.0f} s", "", None),
        (
            f"sealed rows (AES-256-GCM, a key each), {found['sealed_rows']:,} of them",
            ms(found["sealed"]["median"]),
            "",
            None,
        ),
        (
            f"the same for {args.rows:,}, extrapolated",
            f"{found['sealed']['median'] * args.rows / found['sealed_rows']:.1f} s",
            "",
            None,
        ),
    ]
    for what, measured, wanted, ok in rows:
        verdict = "" if ok is None else "met" if ok else "**not met**"
        print(f"| {what} | {measured} | {wanted} | {verdict} |")
    print(f"\nWith cryptography {importlib.metadata.version('cryptography')}.")
    return all(met.values())


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rows", type=int, default=1_000_000)
    ask.add_argument("--dimension", type=int, default=512)
    ask.add_argument("--runs", type=int, default=30)
    ask.add_argument("--folder", type=Path)
    ask.add_argument("--way", choices=WAYS)
    args = ask.parse_args()
    if args.way:
        print(json.dumps(WAYS[args.way](args.folder, args.dimension, args.runs)))
        return 0
    root = Path(tempfile.mkdtemp(dir=args.folder, prefix="search-"))
    try:
        print("  building ...", file=sys.stderr, flush=True)
        built = build(root / "plain", args.rows, args.dimension)
        found: dict[str, Any] = {"sealed_rows": min(SEALED_ROWS, args.rows)}
        build(root / "sealed", found["sealed_rows"], args.dimension, SealedRows(keys))
        for way in WAYS:
            found[way] = in_child(way, root / ("sealed" if way == "sealed" else "plain"), args)
    finally:
        shutil.rmtree(root)
    return 0 if report(found, built, args) else 1


if __name__ == "__main__":
    sys.exit(main())
