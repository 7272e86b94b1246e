"""Memory and time by number of comparisons: cost grows with them, memory does not.

Two ways in. A score table (Parquet, made in a temporary folder) is read and audited at 10^6 and
10^7 comparisons. Templates (random, 128 dimensions, 5 images a person, 8 groups) are audited as a
stream at 10^8 and 10^9 comparisons; beside it the bare float32 matrix product of the same
templates, tile by tile, which is the least any such audit costs and which an audit repeats once
for every time it goes over the comparisons. Every figure is of a process of its own.

    python bench/memory.py [--tables 1000000 10000000] [--streams 100000000 1000000000]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DIMENSION, IMAGES, GROUPS, SCALE = 128, 5, 8, 4000
WANTED_MIB = 650.0


def peak_mib() -> float:
    """Largest resident size of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike ru_maxrss, without what a parent held
        line = next(s for s in status.read_text("ascii").splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def make_table(size: int, folder: Path) -> dict[str, Any]:
    """All pairs of two images a person in rows without any order, names as text."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    images = math.isqrt(2 * size) + 1
    one, other = np.triu_indices(images, 1)
    order = rng.permutation(len(one))[:size]
    one, other = one[order].astype(np.int32), other[order].astype(np.int32)
    names = pl.Series([f"image-{i:06d}" for i in range(images)])
    people = pl.Series([f"person-{i // 2:06d}" for i in range(images)])
    score = rng.normal(size=len(one)) + 4.0 * (one // 2 == other // 2)
    pl.DataFrame(
        {
            "probe": names.gather(one),
            "reference": names.gather(other),
            "probe_subject": people.gather(one),
            "reference_subject": people.gather(other),
            "score": score,
        }
    ).write_parquet(folder / "scores.parquet")
    who = people.unique().sort()
    pl.DataFrame({"subject": who, "g": [f"g{i % GROUPS}" for i in range(len(who))]}).write_csv(
        folder / "people.csv"
    )
    return {}


def run_table(_: int, folder: Path) -> dict[str, Any]:
    """Read and audit the table of `make_table`."""
    import countenance as cn

    start = time.perf_counter()
    scores = cn.read_scores(folder / "scores.parquet", attributes=folder / "people.csv")
    read, peak_read = time.perf_counter() - start, peak_mib()
    cn.audit(scores, groups=["g"])
    return {
        "comparisons": len(scores),
        "read_s": read,
        "audit_s": time.perf_counter() - start - read,
        "read_mib": peak_read,
        "peak_mib": peak_mib(),
    }


def templates(size: int) -> Any:
    """Integer templates for so many comparisons, int16 (n, DIMENSION), person by person."""
    import numpy as np

    rng = np.random.default_rng(0)
    people = math.ceil(math.sqrt(2 * size) / IMAGES)
    out = np.empty((people * IMAGES, DIMENSION), np.int16)
    for person in range(people):
        faces = rng.normal(size=DIMENSION) + 0.6 * rng.normal(size=(IMAGES, DIMENSION))
        faces /= np.linalg.norm(faces, axis=1, keepdims=True)
        out[person * IMAGES : (person + 1) * IMAGES] = np.rint(SCALE * faces)
    return out


def run_stream(size: int, _: Path) -> dict[str, Any]:
    """Audit templates as a stream of tiles."""
    import polars as pl

    import countenance as cn
    from countenance.core import ScoreUnit
    from countenance.datasets import DatasetCard
    from countenance.scores import AllPairs, TemplateSet, stream

    made = templates(size)
    owner = [f"person-{i // IMAGES:06d}" for i in range(len(made))]
    group = [f"g{i // IMAGES % GROUPS}" for i in range(len(made))]
    data = TemplateSet(
        templates=made,
        names=tuple(f"image-{i:06d}" for i in range(len(made))),
        subjects=tuple(owner),
        attributes=pl.DataFrame({"path": owner, "subject": owner, "g": group}),
        people=pl.DataFrame({"subject": owner[::IMAGES], "g": group[::IMAGES]}),
        face_px=(None,) * len(made),
        failures=(),
        attempted=dict.fromkeys(owner, IMAGES),
        unit=ScoreUnit("cosine", "cosine similarity", SCALE),
        engine={"name": "random", "version": "1"},
        engine_digest="0" * 64,
        dataset=DatasetCard(name="random templates"),
        dataset_digest="0" * 64,
        notes=(),
    )
    before, start = peak_mib(), time.perf_counter()
    cn.audit(data, groups=["g"])
    return {
        "comparisons": stream(data, AllPairs()).nonmated + len(made) * (IMAGES - 1) // 2,
        "people": len(set(owner)),
        "audit_s": time.perf_counter() - start,
        "before_mib": before,
        "peak_mib": peak_mib(),
    }


def run_product(size: int, _: Path) -> dict[str, Any]:
    """The bare product of the same templates, each pair once, into one tile over and over."""
    import numpy as np

    values = templates(size).astype(np.float32)
    side, count, start = 1024, 0, time.perf_counter()
    tile = np.empty((side, side), np.float32)
    for row in range(0, len(values), side):
        rows = values[row : row + side]
        for column in range(row, len(values), side):
            columns = values[column : column + side]
            np.matmul(rows, columns.T, out=tile[: len(rows), : len(columns)])
            count += len(rows) * len(columns)
    return {"comparisons": count, "seconds": time.perf_counter() - start}


TASKS = {"make": make_table, "table": run_table, "stream": run_stream, "product": run_product}


def clean_env() -> dict[str, str]:
    hindered = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {k: v for k, v in os.environ.items() if k not in hindered}


def alone(task: str, size: int, folder: Path) -> dict[str, Any]:
    """One task in a process of its own."""
    print(f"{task} {size:,}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, __file__, "--one", task, str(size), str(folder)],
        env=clean_env(), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {found}", file=sys.stderr, flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--tables", type=int, nargs="*", default=[10**6, 10**7])
    ask.add_argument("--streams", type=int, nargs="*", default=[10**8, 10**9])
    ask.add_argument("--one", nargs=3, metavar=("TASK", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    args = ask.parse_args(argv)
    if args.one:
        task, size, folder = args.one
        print(json.dumps(TASKS[task](int(size), Path(folder))))
        return 0
    highest = 0.0
    print(
        "Peak resident memory of the whole process (some 50 MiB of it Python, NumPy and Polars) "
        f"with 48 points of the curve, {GROUPS} groups and everybody.\n\n"
        "| score table | read | audit | peak reading | peak |\n| --- | --- | --- | --- | --- |"
    )
    for size in args.tables:
        with tempfile.TemporaryDirectory() as name:
            alone("make", size, Path(name))
            found = alone("table", size, Path(name))
        highest = max(highest, found["peak_mib"])
        print(
            f"| {found['comparisons']:,} comparisons | {found['read_s']:.1f} s | "
            f"{found['audit_s']:.1f} s | {found['read_mib']:.0f} MiB | "
            f"{found['peak_mib']:.0f} MiB |"
        )
    print(
        f"\n| templates, streamed ({DIMENSION} dimensions, {IMAGES} images a person) | audit | "
        "comparisons a second | bare product once | peak before | peak |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    rate = 0.0
    for size in args.streams:
        found, product = alone("stream", size, Path()), alone("product", size, Path())
        highest = max(highest, found["peak_mib"])
        rate = found["comparisons"] / found["audit_s"]
        bare = product["comparisons"] / product["seconds"]
        print(
            f"| {found['comparisons']:,} comparisons of {found['people']:,} people | "
            f"{found['audit_s']:.0f} s | {rate / 1e6:.0f} million | {bare / 1e6:.0f} million | "
            f"{found['before_mib']:.0f} MiB | {found['peak_mib']:.0f} MiB |"
        )
    if rate:
        print(
            f"\nAt the last rate 10^10 comparisons take {1e10 / rate / 3600:.2f} hours on this "
            "machine (extrapolated, not run)."
        )
    print(f"\nWanted: under {WANTED_MIB:g} MiB everywhere.")
    return int(highest >= WANTED_MIB)


if __name__ == "__main__":
    sys.exit(main())
