"""PostgreSQL killed under the service, whole or one of its processes, while people work.

The service is two processes that nobody starts again. Meanwhile it answers 503, with words.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from databases import postgres_cluster
from faultkit import Service, quiet_port, service_of
from faultstrikes import BACK_S, killed_under

from countenance.desk.making import make_deployment
from countenance.web.demo import making
from countenance.web.demo.story import Story

pytestmark = [
    pytest.mark.skipif(
        postgres_cluster.why_not() is not None, reason=str(postgres_cluster.why_not())
    ),
    pytest.mark.xdist_group("postgres"),
]
STEPS = ((25, ""), (120, ""))


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
    making.make_demo(folder, listen=f"127.0.0.1:{quiet_port()}")
    with service_of(folder, options=("--workers", "2")) as found:
        yield found


def killed(
    service: Service, postgres: Postgres, kills: int, seed: int
) -> tuple[Counter[str], Counter[str]]:
    def victim(chance: random.Random) -> int:
        return postgres.postmaster() if chance.random() < 0.5 else postgres.backend(chance)

    return killed_under(
        service, victim, postgres.come_back, kills=kills, seed=seed, steps=STEPS
    )  # fmt: skip


def test_killed_under_the_service_it_comes_back_by_itself(
    service: Service, postgres: Postgres
) -> None:
    at, told = killed(service, postgres, 4, seed=3)
    assert sum(at.values()) == 4
    print(f"killed: {dict(at)}; said meanwhile: {dict(told)}")


@pytest.mark.slow
def test_killed_a_hundred_times(service: Service, postgres: Postgres) -> None:
    began = time.monotonic()
    at, told = killed(service, postgres, int(os.environ.get("FAULT_KILLS", "100")), seed=4)
    print(f"killed in {time.monotonic() - began:.0f} s: {dict(at)}; "
          f"{dict(service.steps())}; said meanwhile: {dict(told)}")  # fmt: skip
    assert told
