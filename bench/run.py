"""`make bench`: run the benchmarks and write BENCHMARKS.md.

Each part is a script of its own that prints Markdown (or one JSON object) on standard output and
its progress on standard error. A part that was not run this time keeps its section, so that one
part can be repeated:

    python -m bench.run                      all parts
    python -m bench.run peers demo           these only
    python -m bench.run --quick              small sizes, to see that everything runs
    python -m bench.run --assemble           write the file anew from what was measured before
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
TARGET = HERE.parent / "BENCHMARKS.md"


@dataclass(frozen=True)
class Part:
    """One script, its heading, and its options for a whole and for a quick run."""

    title: str
    whole: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()


PARTS = {
    "peers": Part(
        "Thresholds, EER and DET against other tools",
        quick=("--nonmated", "200000", "--mated", "5000", "--runs", "3"),
    ),
    "coverage": Part(
        "Coverage of the intervals", whole=("--reps", "2000"), quick=("--reps", "100")
    ),
    "bootstrap": Part(
        "Bootstrap and closed form against resampling pairs",
        quick=("--people", "200", "--replicates", "200", "--pair-reps", "5"),
    ),
    "memory": Part(
        "Memory and time by number of comparisons",
        quick=("--tables", "100000", "--streams", "1000000"),
    ),
    "record": Part(
        "The record: appends, proofs, verification",
        quick=("--entries", "50000", "--verify", "20000", "--seconds", "1"),
    ),
    "law": Part(
        "The law: decisions a second, and Cedar's share",
        quick=("--requests", "3000", "--runs", "2"),
    ),
    "search": Part(
        "Searching a gallery", quick=("--rows", "20000", "--dimension", "128", "--runs", "5")
    ),
    "demo": Part("The demonstration", quick=("--runs", "1")),
    "desk": Part(
        "The desk under load",
        quick=(
            "--folder",
            str(OUT / "desk-quick"),
            "--cases",
            "200",
            "--rows",
            "2000",
            "--users",
            "20",
            "--think",
            "1",
            "--warm",
            "10",
            "--seconds",
            "20",
        ),
    ),
    "deskpg": Part(
        "The desk under load, on PostgreSQL with two processes",
        quick=("--cases", "100", "--rows", "1000", "--users", "20", "--think", "1",
               "--warm", "10", "--seconds", "20"),
    ),
}  # fmt: skip

HEAD = """# Benchmarks

Written by `make bench`; `python -m bench.run peers` repeats one part. What counts are the ratios
between tools measured in one run on one machine; absolute times are of that machine on that day.
"""


def machine() -> str:
    """Processor, cores, memory, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        model = found[1] if found else model
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, {pages / 2**30:.0f} GiB, {platform.system()}"


def versions() -> str:
    names = ("countenance", "numpy", "polars", "onnxruntime")
    parts = [f"{name} {importlib.metadata.version(name)}" for name in names]
    return ", ".join([f"Python {platform.python_version()}", *parts])


def run_part(name: str, *, quick: bool) -> bool:
    """Run one part, keep what it printed; False where it failed or is missing.

    A quick run is too small to be judged or kept: it only has to print something.
    """
    script, part = HERE / f"{name}.py", PARTS[name]
    if not script.exists():
        print(f"{name}: skipped, {script.name} is not there", file=sys.stderr)
        return False
    # These two make OpenBLAS slower than it is; a benchmark must not run with them.
    hindered = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    env = {k: v for k, v in os.environ.items() if k not in hindered}
    options = part.quick if quick else part.whole
    print(f"== {name} {' '.join(options)}", file=sys.stderr, flush=True)
    load, begin = os.getloadavg()[0], time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script), *options],
        stdout=subprocess.PIPE, text=True, env=env, check=False, cwd=HERE.parent,
    )  # fmt: skip
    if not done.stdout.strip():
        print(f"{name}: failed with exit code {done.returncode}", file=sys.stderr)
        return False
    if quick:
        return True
    kept = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "load": round(load, 1),  # of others, before the part began: it blurs what is timed
        "options": " ".join(options),
        "seconds": round(time.monotonic() - begin),
        "passed": done.returncode == 0,
        "text": as_markdown(done.stdout),
    }
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.part.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return done.returncode == 0


def as_markdown(text: str) -> str:
    """Markdown as it is; one JSON object as a table of its entries."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return text.strip()
    rows: list[tuple[str, object]] = []
    for key, value in found.items():
        if isinstance(value, dict):
            rows += [(f"{key}: {inner}", x) for inner, x in value.items()]
        else:
            rows.append((key, value))
    lines = ["| | |", "| --- | --- |"]
    for key, value in rows:
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"| {key.replace('_', ' ')} | {shown} |")
    return "\n".join(lines)


def assemble() -> str:
    """BENCHMARKS.md from the parts measured here, and the old sections of the others."""
    old = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    sections = [HEAD]
    for name, part in PARTS.items():
        begin, end = f"<!-- part: {name} -->", f"<!-- end: {name} -->"
        kept = OUT / f"{name}.part.json"
        if kept.exists():
            result = json.loads(kept.read_text(encoding="utf-8"))
            missed = "" if result["passed"] else "\n\n**This part did not meet what is wanted.**"
            options = f" (`{result['options']}`)" if result["options"] else ""
            body = (
                f"## {part.title}\n\n{result['date']}, {result['machine']}; "
                f"{result['versions']}; load before {result['load']}; took {result['seconds']} s"
                f"{options}.{missed}\n\n"
                f"{result['text']}"
            )
        else:
            before = re.search(f"{re.escape(begin)}\n(.*?)\n{re.escape(end)}", old, re.DOTALL)
            body = before[1] if before else f"## {part.title}\n\nNot measured yet."
        sections.append(f"{begin}\n{body}\n{end}\n")
    return "\n".join(sections)


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--assemble", action="store_true")
    args = ask.parse_args(argv)
    unknown = set(args.parts) - set(PARTS)
    if unknown:
        ask.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    names = [] if args.assemble else args.parts or list(PARTS)
    failed = [name for name in names if not run_part(name, quick=args.quick)]
    if args.quick:
        print("quick sizes: BENCHMARKS.md is left as it was", file=sys.stderr)
    else:
        TARGET.write_text(assemble(), encoding="utf-8")
        print(f"wrote {TARGET.name}", file=sys.stderr)
    if failed:
        print(f"failed or below what is wanted: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
