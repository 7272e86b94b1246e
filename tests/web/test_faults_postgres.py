"""PostgreSQL killed under the service, whole or one of its processes, while people work.

The service is two processes that nobody starts again. Meanwhile it answers 503, with words.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from databases import postgres_cluster
from demosite import free_port
from faultkit import Service, held, service_of
from faultpeople import People
from test_faults import ways_of

from countenance.desk.making import make_deployment
from countenance.web.demo import making
from countenance.web.demo.story import Story

pytestmark = [
    pytest.mark.skipif(
        postgres_cluster.why_not() is not None, reason=str(postgres_cluster.why_not())
    ),
    pytest.mark.xdist_group("postgres"),
]
STEPS = (25, 120)
BACK_S = 60.0


class Short(Story):
    """Only what has to be there before a case."""

    def tell(self, audited: bytes, **_: object) -> None:
        self.clock.to(150)
        self.people()
        self.gallery()
        self.stated()
        self.measured(audited)
        self.clock.let_go()


class Postgres:
    """A server whose processes are killed, and which is started again."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.folder = Path(dsn.split()[0].removeprefix("host="))

    def postmaster(self) -> int:
        """The process that all others come from."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def backend(self, chance: random.Random) -> int:
        """A process that serves one connection of the desk."""
        import psycopg

        with psycopg.connect(self.dsn) as link:
            rows = link.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'desk'")
            return int(chance.choice([row[0] for row in rows.fetchall()]))

    def come_back(self) -> None:
        """Start it again, if it does not by itself, and wait until it can be asked."""
        import psycopg

        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder}"
        programs = postgres_cluster.server_programs()
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        ends = time.monotonic() + BACK_S
        while time.monotonic() < ends:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.dsn):
                return
            if not Path(f"/proc/{self.postmaster()}").exists():
                subprocess.run(
                    [programs / "pg_ctl", "-D", self.folder / "data", "-w", "-l",
                     self.folder / "log", "-o", options, "start"],
                    check=False, capture_output=True, cwd=self.folder, timeout=BACK_S,
                    user=user and user.pw_uid, group=user and user.pw_gid,
                    extra_groups=[] if user else None,
                )  # fmt: skip
            time.sleep(0.05)
        raise AssertionError("PostgreSQL is not back")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    psycopg = pytest.importorskip("psycopg")
    with postgres_cluster.cluster() as dsn:
        with psycopg.connect(dsn, autocommit=True) as link:
            link.execute("CREATE DATABASE desk")
        yield Postgres(dsn)


@pytest.fixture
def service(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    url = f"postgresql://tests@/desk?host={postgres.folder}"
    monkeypatch.setattr(making, "make_deployment", partial(make_deployment, database=url))
    monkeypatch.setattr(making, "Story", Short)
    folder = tmp_path / "desk"
    making.make_demo(folder, listen=f"127.0.0.1:{free_port()}")
    with service_of(folder, options=("--workers", "2")) as found:
        yield found


def soon(true: Callable[[], bool], *, within_s: float = BACK_S) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)


def killed_under(
    service: Service, postgres: Postgres, kills: int, seed: int
) -> tuple[Counter[str], Counter[str]]:
    """Walk ways while PostgreSQL is killed: how often at which step, and what was said."""
    chance = random.Random(seed)
    before = service.read().kinds.copy()
    people = People(service.folder, service.found.origins[0]).let_join()
    service.start()
    coming, at, over = ways_of(people), Counter[str](), threading.Event()
    ways = [next(coming)]

    def strike() -> None:
        while (struck := sum(service.steps().values())) < kills and not over.is_set():
            whole = chance.random() < 0.5
            victim = postgres.postmaster() if whole else postgres.backend(chance)
            service.arm(chance.randint(1, chance.choice(STEPS)), victim)
            soon(lambda: not service.is_armed() or over.is_set(), within_s=300)
            if sum(service.steps().values()) > struck:
                at[ways[-1].at] += 1
                time.sleep(chance.random() if whole else 0)
            postgres.come_back()
            soon(lambda: service.answers(200))  # by itself

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        try:
            while not striking.done():
                assert ways[-1].go(), "the service went, too"
                ways.append(next(coming))
        finally:
            over.set()
        striking.result()
    service.kill()
    held(service, before, ways)
    return at, people.told


def test_killed_under_the_service_it_comes_back_by_itself(
    service: Service, postgres: Postgres
) -> None:
    at, told = killed_under(service, postgres, 4, seed=3)
    assert sum(at.values()) == 4
    print(f"killed: {dict(at)}; said meanwhile: {dict(told)}")


@pytest.mark.slow
def test_killed_a_hundred_times(service: Service, postgres: Postgres) -> None:
    began = time.monotonic()
    at, told = killed_under(service, postgres, int(os.environ.get("FAULT_KILLS", "100")), seed=4)
    print(f"killed in {time.monotonic() - began:.0f} s: {dict(at)}; "
          f"{dict(service.steps())}; said meanwhile: {dict(told)}")  # fmt: skip
    assert told
