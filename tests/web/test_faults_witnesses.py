"""Two witnesses that every list needs, each of them killed while cases go on."""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from demosite import copied, made
from faultkit import Service, quiet_port, service_of
from faultpeople import People
from faultstrikes import killed_under, soon
from faultways import CaseWay

from countenance.desk.configuration import FILE
from countenance.desk.localwitness import make_witness
from countenance.record import read_vkey

STEPS = ((60, ""), (1, "before publish"), (1, "after publish"))
Started = tuple[Service, Callable[[], int]]


@pytest.fixture
def witnessed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Started]:
    """A service that asks two witnesses, and what starts the one that is not its own."""
    folder = copied(made(tmp_path_factory), tmp_path / "desk", quiet_port())
    other, address = tmp_path / "second", f"127.0.0.1:{quiet_port()}"
    key = make_witness(other, name="second.example/w")
    config = folder / FILE
    text, changed = re.subn(r"(?m)^quorum = 1", "quorum = 2", config.read_text())
    assert changed == 1
    config.write_text(
        f'{text}\n[[witness]]\nname = "second"\nkey = "{key}"\nurl = "http://{address}"\n'
    )
    with service_of(folder) as service:
        log = read_vkey(service.found.places.log_key)
        yield (
            service,
            lambda: service.forks.fork("witness", str(other), address, log, out=service.out),
        )


def cases_of(people: People) -> Iterator[CaseWay]:
    return (CaseWay(people, f"K-{number:04d}") for number in count())


def killed(service: Service, start: Callable[[], int], kills: int, seed: int) -> Counter[str]:
    second = start()

    def victim(chance: random.Random) -> int:
        return chance.choice((service.witness(), second))

    def come_back() -> None:
        nonlocal second
        if service.forks.has_ended(second):
            second = start()
        soon(service.has_witness)  # its own, by itself

    at, told = killed_under(
        service, victim, come_back, kills=kills, seed=seed, steps=STEPS, ways=cases_of
    )
    assert all("witness" in words for words in told), told
    print(f"killed: {dict(at)}; {dict(service.steps())}; said meanwhile: {dict(told)}")
    return at


def test_killed_witnesses_delay_a_list_and_lose_nothing(witnessed: Started) -> None:
    assert sum(killed(*witnessed, 3, seed=2).values()) == 3


@pytest.mark.slow
def test_witnesses_killed_a_hundred_times(witnessed: Started) -> None:
    began = time.monotonic()
    at = killed(*witnessed, int(os.environ.get("FAULT_KILLS", "100")), seed=3)
    print(f"killed in {time.monotonic() - began:.0f} s")
    assert at["searched"]
