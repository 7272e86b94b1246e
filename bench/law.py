"""The law: one decision, many decisions, and how much of that is Cedar.

Prints Markdown. Requests are those of the bundled scenarios of one act and a few places, as a
deployment would have them, each different from the others in what it states.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice

from countenance.core import canonical_json, processors
from countenance.law.judging import decide, decide_many, grantors
from countenance.law.library import MODEL, Library, bundled
from countenance.law.reasons import panel
from countenance.law.request import Request
from countenance.law.rules import AS_OF, Pack, day_number
from countenance.law.scenarios import LAW_ALONE, bundled_scenarios, law_alone
from countenance.law.workers import decide_in_processes

COLD = """
import time; began = time.perf_counter()
from countenance.law import decide, request_of
request = request_of({"at": "2026-03-01", "jurisdictions": ["us/md"], "facts": {"act": "search"}})
decide(request)
print(time.perf_counter() - began)
"""


def different(requests: list[Request], count: int) -> list[Request]:
    """This many requests, no two alike: each states another size of gallery, or less."""
    made = []
    for n in range(count):
        request = requests[n % len(requests)]
        made.append(request.knowing({"gallery.size": 1000 + n // len(requests)}))
    return made


def best(work: Callable[[], object], runs: int) -> float:
    """Seconds of processor time of the quickest of some runs: others may share the machine."""
    times = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def shares(requests: list[Request], library: Library, policy: tuple[str, ...], runs: int) -> str:
    """Microseconds a decision: all of it, Cedar's evaluation, and Cedar's reading of the facts."""
    import cedarpy

    cedar = reading = 0.0
    known = 0
    groups: dict[tuple[tuple[Pack, ...], str], list[Request]] = {}
    for request in requests:
        packs = library.governing(request, policy)
        groups.setdefault((packs, str(request.act)), []).append(request)
    nothing = cedarpy.PolicySet.from_str("permit (principal, action, resource);")
    for (packs, act), group in groups.items():
        judge = panel(packs, grantors(packs, policy), policy, act).evaluator
        facts = [{**r.facts, AS_OF: day_number(r.as_of)} for r in group if r.as_of]
        cedar += best(partial(judge.ask, facts), runs)
        deciding = judge._deciding
        asked = [{**deciding._request, "context": deciding._context(each)} for each in facts]
        known += sum(len(deciding._names) for _ in facts)
        read = partial(cedarpy.is_authorized_batch, asked, nothing, deciding._entities)
        reading += best(read, runs)
    whole = best(partial(decide_many, requests, library=library, policy=policy), runs)
    n = len(requests)
    return (
        f"{1e6 * whole / n:.0f} | {1e6 * cedar / n:.0f} | {1e6 * reading / n:.0f} | "
        f"{known / n:.0f} | {n / whole:,.0f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    library = bundled().adding(law_alone())
    scenarios = [
        s.request
        for s in bundled_scenarios()
        if s.pack.startswith(("us/md", "us/al", "us/va"))
        and s.request.act == "search" and s.request.at and s.request.jurisdictions
    ]  # fmt: skip
    rules = sum(len(pack.rules) for pack in bundled().values())
    print(
        f"{len(bundled())} packs, {rules} rules, {len(scenarios)} scenarios of a search in "
        "Alabama, Maryland and Virginia; no two requests are alike.\n"
    )

    one = scenarios[0]
    decide(one, library=library)
    times = []
    for n in range(200):
        request = one.knowing({"gallery.size": n})
        began = time.perf_counter()
        decide(request, library=library)
        times.append(time.perf_counter() - began)
    cold = [
        float(subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True,
                             check=True).stdout)
        for _ in range(3)
    ]  # fmt: skip
    print(
        f"One request, packs read before: {1e3 * statistics.median(times):.2f} ms (median of "
        f"{len(times)}; the slowest {1e3 * max(times):.1f} ms). In a fresh process, with the "
        f"import of everything and the reading of every pack: {min(cold):.2f} s.\n"
    )

    print(
        "| policy | µs of processor a decision | of which Cedar | of which its reading of the "
        "facts | facts sent | decisions/s, one process | two processes |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    many = different(scenarios, options.requests)
    policies = {"the statutes alone": LAW_ALONE, "the strict model beside them": MODEL}
    for name, policy in ((name, (pack,)) for name, pack in policies.items()):
        sample = many[:2000]
        decide_many(sample, library=library, policy=policy)
        row = shares(sample, library, policy, options.runs)
        # Beside the start of the processes, which a service pays once.
        made = decide_in_processes(many, library=library, policy=policy, processes=2)
        list(islice(made, 2000))
        began = time.perf_counter()
        rest = list(made)
        two = len(rest) / (time.perf_counter() - began)
        print(f"| {name} | {row} | {two:,.0f} |")
        assert [canonical_json(d.to_json()) for d in rest[-50:]] == [
            canonical_json(d.to_json())
            for d in decide_many(many[-50:], library=library, policy=policy)
        ]
    print(
        f"\nOn {processors()} processors. Cedar holds Python's lock while it evaluates: threads "
        "do not help, and processes do. Its share is what a decision costs at least: it reads "
        "the facts as JSON into values of its own at every question (only those are sent that "
        "the policies of the act turn on), and then tries every policy, because every "
        "reason is wanted and not the first alone."
    )


if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()
