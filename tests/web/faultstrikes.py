"""What the service needs is killed under it, again and again, while people go their ways."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from faulthouse import HouseWay
from faultkit import Service, held
from faultpeople import People
from faultways import CaseWay, Way

BACK_S = 60.0


def ways_of(people: People) -> Iterator[Way]:
    """One after another: of cases, and of the house."""
    for number in count():
        yield HouseWay(people, f"H-{number:04d}")
        yield CaseWay(people, f"K-{number:04d}")


def soon(true: Callable[[], bool], *, within_s: float = BACK_S) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)


def killed_under(
    service: Service, victim: Callable[[random.Random], int], come_back: Callable[[], None], *,
    kills: int, seed: int, steps: Sequence[tuple[int, str]],
    ways: Callable[[People], Iterator[Way]] = ways_of,
) -> tuple[Counter[str], Counter[str]]:  # fmt: skip
    """Walk ways while `victim` is killed: how often at which step, and what was said meanwhile.

    The service is started once. Each kill comes within one of `steps` (how many towards a disk, or
    of which name) after what was killed before had come back.
    """
    chance = random.Random(seed)
    before = service.read().kinds.copy()
    people = People(service.folder, service.found.origins[0]).let_join()
    service.start()
    coming, at, over = ways(people), Counter[str](), threading.Event()
    begun = [next(coming)]

    def strike() -> None:
        while (struck := sum(service.steps().values())) < kills and not over.is_set():
            most, only = chance.choice(steps)
            service.arm(chance.randint(1, most), victim(chance), only)
            soon(lambda: not service.is_armed() or over.is_set(), within_s=300)
            if sum(service.steps().values()) > struck:
                at[begun[-1].at] += 1
            come_back()
            soon(lambda: service.answers(200))  # by itself

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        try:
            while not striking.done():
                assert begun[-1].go(), "the service went, too"
                begun.append(next(coming))
        finally:
            over.set()
        striking.result()
    service.kill()
    held(service, before, begun)
    return at, people.told
