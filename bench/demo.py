"""Time and peak memory of `make demo` on a prepared machine, as whole processes.

One run before prepares the machine (environment, caches) and is not counted. Then the command is
timed, with nothing else of ours running, and run once more while the proportional memory of all
its processes together is sampled every 10 ms.

    python bench/demo.py [--runs 5] [--command "make demo"]
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMIT_S, LIMIT_MIB = 10.0, 600.0


def clean_env() -> dict[str, str]:
    hindered = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {k: v for k, v in os.environ.items() if k not in hindered}


def start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=ROOT, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    said = process.communicate()[1].decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise SystemExit(f"the command failed ({process.returncode}): {'; '.join(said[-3:])}")


def timed(command: list[str]) -> float:
    begin = time.perf_counter()
    finish(start(command))
    return time.perf_counter() - begin


def family(root: int) -> list[int]:
    """`root` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2]
            except OSError:  # gone meanwhile
                continue
            children.setdefault(int(after_name.split()[1]), []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def proportional_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(s.split()[1]) for s in text.splitlines() if s.startswith("Pss:")), 0)


def peak_mib(command: list[str]) -> float:
    process, peak = start(command), 0
    while process.poll() is None:
        peak = max(peak, sum(map(proportional_kib, family(process.pid))))
        time.sleep(0.01)
    finish(process)
    return peak / 1024


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--command", default="make demo")
    args = ask.parse_args(argv)
    command = shlex.split(args.command)
    timed(command)
    seconds = [timed(command) for _ in range(args.runs)]
    median, peak = statistics.median(seconds), peak_mib(command)
    print(
        f"`{args.command}` on a prepared machine, whole process, {args.runs} runs after one that "
        "is not counted; memory is the largest sum of the proportional set sizes (PSS) of all its "
        "processes in one further run, sampled every 10 ms.\n\n"
        "| | measured | wanted |\n| --- | --- | --- |\n"
        f"| median wall time | {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}) | "
        f"under {LIMIT_S:g} s |\n"
        f"| peak memory | {peak:.0f} MiB | under {LIMIT_MIB:g} MiB |"
    )
    return int(median >= LIMIT_S or peak >= LIMIT_MIB)


if __name__ == "__main__":
    sys.exit(main())
