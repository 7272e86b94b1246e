"""The desk under load: 200 people, 50,000 cases, a gallery of a million, two witnesses.

    python bench/desk.py [--folder DIR] [--cases 50000] [--rows 1000000] [--users 200]
                         [--think 5] [--seconds 600] [--database postgresql://... --workers 2]

Prints Markdown; exit code 1 where something wanted was not met. The deployment is made once
(`loadmade.py` says how, and what is not as in reality) and kept in the folder for reruns. It is
served by `countenance serve`, with a witness beside it and another, each a process; everything on
this machine, over loopback, with those who ask on the same processors as those who answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.loadmade import CAST, GALLERY, MADE, WITNESS, make
from bench.loadusers import Seen, run

from countenance.desk.configuration import read_configuration
from countenance.record import read_vkey

PAGE_S, SEARCH_S = 0.3, 2.0
_GROWTH = 1.10  # of memory, between the middle of the first and of the last third


def answers(url: str, within_s: float, process: subprocess.Popen[Any]) -> None:
    """Wait until a page answers."""
    ends = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"the service does not answer at {url}")
        time.sleep(0.2)


@contextlib.contextmanager
def served(folder: Path, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[Any], float]]:
    """The deployment, served for real, and its second witness; how long it took to answer."""
    found = read_configuration(folder)
    host, _, port = found.witness[0].url.rpartition("//")[2].partition(":")
    witness = subprocess.Popen(
        [sys.executable, "-m", "countenance.desk.localwitness", str(folder / WITNESS),
         f"{host}:{port}", read_vkey(found.places.log_key)], stdin=subprocess.PIPE,
    )  # fmt: skip
    began = time.monotonic()
    log = (folder / "served.log").open("ab")
    service = subprocess.Popen(
        [sys.executable, "-m", "bench.loadserve", str(folder), "--workers", str(workers)],
        stdout=log, stderr=log, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    try:
        answers(f"{found.origins[0]}/healthz", 300, service)
        yield found.origins[0], service, time.monotonic() - began
    finally:
        service.terminate()
        service.wait(60)
        assert witness.stdin is not None
        witness.stdin.close()
        witness.wait(20)
        log.close()


def rss_mib(*roots: int) -> float:
    """Resident memory of processes and their children."""
    total = 0.0
    for root in roots:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{root}/status").read_text("ascii")
            total += int(next(x for x in text.splitlines() if x.startswith("VmRSS")).split()[1])
            for task in Path(f"/proc/{root}/task").iterdir():
                children = (task / "children").read_text("ascii").split()
                total += 1024 * rss_mib(*map(int, children))
    return total / 1024


def processor_s(root: int) -> float:
    """Processor time of a process and its children so far."""
    total = 0.0
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{root}/stat").read_text("ascii").rpartition(")")[2].split()
        total = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                total += processor_s(int(child))
    return total


def quantiles(times: list[float]) -> str:
    """Count, median, 95th and 99th percentile, worst; in ms."""
    times = sorted(times)
    at = [times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.95, 0.99)]
    return " | ".join([f"{len(times):,}", *(f"{1000 * one:,.0f}" for one in (*at, times[-1]))])


def p95(times: list[float]) -> float:
    """The 95th percentile; infinite where nothing was measured."""
    return sorted(times)[int(0.95 * len(times))] if times else float("inf")


def size_mib(folder: Path) -> float:
    """Bytes of the files below a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 2**20


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--folder", type=Path, default=Path(__file__).parent / "out" / "desk")
    ask.add_argument("--cases", type=int, default=50_000)
    ask.add_argument("--rows", type=int, default=1_000_000)
    ask.add_argument("--users", type=int, default=200)
    ask.add_argument("--think", type=float, default=5.0)
    ask.add_argument("--warm", type=float, default=60.0)
    ask.add_argument("--seconds", type=float, default=600.0)
    ask.add_argument("--port", type=int, default=8840)
    ask.add_argument("--database", default="", help="a new one, instead of SQLite")
    ask.add_argument("--workers", type=int, default=1, help="processes that serve")
    args = ask.parse_args(argv)
    if not (args.folder / MADE).exists():
        make(args.folder, cases=args.cases, rows=args.rows, listen=f"127.0.0.1:{args.port}",
             database=args.database)  # fmt: skip
    made = json.loads((args.folder / MADE).read_text())
    cast = json.loads((args.folder / CAST).read_text())
    memory: list[tuple[float, float]] = []
    logged = size_mib(args.folder / "log")
    spent: list[float] = []
    with served(args.folder, args.workers) as (origin, service, ready_s):

        async def each(seen: Seen) -> None:
            memory.append((time.monotonic(), rss_mib(service.pid)))
            spent.append(processor_s(service.pid))
            pages = [t for name, some in seen.times.items() if name.startswith("page")
                     for t in some]  # fmt: skip
            print(f"{len(pages)} pages, p95 {1000 * p95(pages):.0f} ms; "
                  f"{seen.done['searches']} searches, p95 "
                  f"{p95(seen.times['search search']):.2f} s; "
                  f"{memory[-1][1]:.0f} MiB; wrong: {dict(seen.wrong)}",
                  file=sys.stderr, flush=True)  # fmt: skip

        seen = asyncio.run(run(
            cast, origin, rows=made["rows"], users=args.users, think_s=args.think,
            warm_s=args.warm, seconds=args.seconds, each=each,
        ))  # fmt: skip
    grown = size_mib(args.folder / "log") - logged
    share = (spent[-1] - spent[0]) / (memory[-1][0] - memory[0][0])
    return told(args, made, seen, memory, ready_s, grown, share)


def told(
    args: argparse.Namespace, made: dict[str, Any], seen: Seen,
    memory: list[tuple[float, float]], ready_s: float, grown: float, share: float,
) -> int:  # fmt: skip
    """Print what was measured; 0 where all that is wanted was met."""
    kinds = {
        "page": "pages",
        "form": "forms sent",
        "search": "searches, sealed with two witnesses",
    }
    groups = {kind: [t for name, some in seen.times.items() if name.startswith(f"{kind} ")
                     for t in some] for kind in kinds}  # fmt: skip
    count = sum(map(len, seen.times.values()))
    sqlite = read_configuration(args.folder).is_sqlite
    kept = ("One process, SQLite, log in files" if sqlite else
            f"Processes that serve: {args.workers}; PostgreSQL, with the log in it")  # fmt: skip
    third = max(1, len(memory) // 3)
    early = max(rss for _, rss in memory[:third])
    late = max(rss for _, rss in memory[-third:])
    print(
        f"{args.users} users for {args.seconds:.0f} s, each thinking {args.think:g} s on average "
        f"between two pages: {count:,} requests, {count / args.seconds:.1f} a second. "
        f"{made['cases']:,} cases and {made['events']:,} events before; gallery `{GALLERY}` of "
        f"{made['rows']:,} templates of 512 components, sealed. {kept}, two witnesses, each a "
        "process. Those who ask share the processors. Engine and people are made up "
        "(`bench/loadmade.py` says what else is not as in reality).\n"
    )
    print("| what | requests | median ms | p95 ms | p99 ms | worst ms |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: |")  # fmt: skip
    for kind, name in kinds.items():
        if groups[kind]:
            print(f"| **{name}** | {quantiles(groups[kind])} |")
    for name, times in sorted(seen.times.items(), key=lambda one: -len(one[1])):
        if times:
            print(f"| {name} | {quantiles(times)} |")
    wrong = sum(seen.wrong.values())
    met = {
        "page p95": (f"{1000 * p95(groups['page']):.0f} ms", "< 300 ms",
                     p95(groups["page"]) < PAGE_S),
        "search p95, sealed": (f"{p95(groups['search']):.2f} s", "< 2 s",
                               p95(groups["search"]) < SEARCH_S),
        "errors": (f"{wrong}", "0", not wrong),
        "memory, largest of the first third and of the last":
            (f"{early:,.0f} and {late:,.0f} MiB", "flat", late < _GROWTH * early),
    }  # fmt: skip
    print("\n| what | measured | wanted | |\n| --- | ---: | ---: | --- |")
    for name, (found, wanted, good) in met.items():
        print(f"| {name} | {found} | {wanted} | {'met' if good else '**not met**'} |")
    print(
        f"| start to first answer | {ready_s:.1f} s | | |\n| log grew by | {grown:.1f} MiB | | |\n"
        f"| the service's share of one processor | {share:.2f} | | |"
    )
    if wrong:
        print(f"\nErrors: {dict(seen.wrong)}")
    return int(not all(good for _, _, good in met.values()))


if __name__ == "__main__":
    sys.exit(main())
