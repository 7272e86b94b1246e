"""A served deployment whose processes are killed and started again, and what must hold after."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
from faultways import Way

from countenance.desk.backup import read_backup
from countenance.desk.configuration import read_configuration
from countenance.desk.kinds import KINDS
from countenance.desk.parts import log_signer, log_storage
from countenance.record import Log, leaf_hash, parse_entry, read_vkey

RUNNER = Path(__file__).parent / "faultrunner.py"
START_S = 60


def quiet_port() -> int:
    """A port below those that systems give to outgoing connections.

    Who asks again and again at one of those while nobody listens connects to itself in the end.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port


class Forks:
    """Processes that have every import behind them: a start costs what the desk's opening does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(RUNNER), "forks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def _ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def fork(
        self, do: str, *arguments: str, out: Path, limit_bytes: int = 0, **env: str
    ) -> int:  # fmt: skip
        """Start one; its process."""
        return int(self._ask(do=do, arguments=arguments, out=str(out), limit_bytes=limit_bytes,
                             env=env))  # fmt: skip

    def has_ended(self, pid: int, *, wait: bool = False) -> bool:
        """Whether it ended; with `wait`, once it has."""
        return bool(self._ask(do="ended", pid=pid, wait=wait))

    def kill(self, pid: int) -> None:
        """Kill -9, and wait."""
        if not self.has_ended(pid):
            os.kill(pid, signal.SIGKILL)
            self.has_ended(pid, wait=True)

    def close(self) -> None:
        """End; witnesses end with it."""
        self._process.communicate()


@dataclass
class Seen:
    """Of the log on the disk, as far as it was read: what must stay as it is."""

    size: int = 0
    root: bytes = b""
    kinds: Counter[str] = field(default_factory=Counter)
    leaves: set[str] = field(default_factory=set)


class Service:
    """The service of a folder, as a process.

    Parameters
    ----------
    folder, forks
        The deployment, and what starts its processes.
    options
        Of the command.
    keeps_witness
        Whether it keeps the witness beside it, as the command does; else that one stays alive
        when the service is killed.
    """

    def __init__(
        self, folder: Path, forks: Forks, *, options: tuple[str, ...] = (),
        keeps_witness: bool = True,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._options = options
        self.forks = forks
        self.found = read_configuration(folder)
        self.seen = Seen()
        self._signer = log_signer(self.found.places)
        self.looked_at: set[Path] = set()
        self._pid: int | None = None
        self._fault = folder.with_name("fault")
        self._env = {"FAULT_FILE": str(self._fault)}
        self._witness: int | None = None
        if not keeps_witness:
            self._env["FAULT_OUTSIDE"] = "yes"
            self._witness = forks.fork(
                "witness", str(self.found.places.witness), self.found.local_witness,
                read_vkey(self.found.places.log_key), out=self.out,
            )  # fmt: skip

    @property
    def out(self) -> Path:
        """What its processes say."""
        return self.folder.with_name("served.txt")

    def arm(self, number: int, pid: int = 0, only: str = "") -> None:
        """Let the NUMBERth step from now, or of a name, kill a process (0: the service's own)."""
        self._fault.touch()
        with self._fault.open("r+") as file:  # the service may be counting a step right now
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{number} {pid} {only}".rstrip() + "\n")
            file.truncate()

    def is_armed(self) -> bool:
        """Whether the step has not come yet."""
        return self._fault.exists() and not self._fault.read_text().startswith("0 ")

    def steps(self) -> Counter[str]:
        """At which steps something was killed."""
        told = self._fault.with_name("fault.steps")
        return Counter(told.read_text().splitlines() if told.exists() else ())

    def start(self, *, limit_bytes: int = 0, **env: str) -> bool:
        """Start it until it answers; False if it is killed on the way."""
        self._pid = self.forks.fork(
            "serve", str(self.folder), *self._options, out=self.out, limit_bytes=limit_bytes,
            **{**self._env, **env},
        )  # fmt: skip
        killed, ends = sum(self.steps().values()), time.monotonic() + START_S
        while not self.answers():
            if self.is_dead():
                if sum(self.steps().values()) > killed:
                    return False
                raise AssertionError(self.out.read_text()[-2000:])
            assert time.monotonic() < ends, self.out.read_text()[-2000:]
            time.sleep(0.02)
        return True

    def dies(self, within_s: float = 20) -> bool:
        """Wait until it is dead; False if it lives on."""
        ends = time.monotonic() + within_s
        while not self.is_dead():
            if time.monotonic() > ends:
                return False
            time.sleep(0.005)
        return True

    def answers(self, status: int = 599) -> bool:
        """Whether it says how it is, with this status or a better one."""
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(
                f"http://{self.found.listen}/healthz", timeout=5, verify=False,
                headers={"host": self.found.origins[0].partition("://")[2]},
            )  # fmt: skip
            return answer.status_code <= status
        return False

    def kill(self) -> None:
        """Kill -9."""
        if self._pid is not None:
            self.forks.kill(self._pid)
            self._pid = None

    def close(self) -> None:
        """Leave nothing running."""
        self.kill()
        if self._witness is not None:
            self.forks.kill(self._witness)

    def is_dead(self) -> bool:
        """Whether it was killed."""
        assert self._pid is not None
        return self.forks.has_ended(self._pid)

    def witness(self) -> int:
        """The process of the witness beside the desk."""
        if self._witness is not None:
            return self._witness
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if str(self.found.places.witness).encode() in words:
                    return int(process.name)
        raise AssertionError("no witness runs")

    def has_witness(self) -> bool:
        """Whether the witness beside the desk runs and answers."""
        with contextlib.suppress(AssertionError, httpx.HTTPError):
            self.witness()
            httpx.get(f"http://{self.found.local_witness}/", timeout=5, verify=False)
            return True
        return False

    def read(self) -> Seen:
        """What came into the log since it was last read; what was there is still there."""
        seen = self.seen
        with Log.open(log_storage(self.found, self._signer.name), self._signer) as log:
            assert log.size >= seen.size, "the log became shorter"
            assert not seen.size or log.root(seen.size) == seen.root, "the log is another"
            for index in range(seen.size, log.size):
                entry = log.entry(index)
                seen.kinds[parse_entry(entry, kinds=KINDS).kind] += 1
                leaf = leaf_hash(entry).hex()
                assert leaf not in seen.leaves, "an event is in the log twice"
                seen.leaves.add(leaf)
            seen.size, seen.root = log.size, log.root()
        return seen


def held(service: Service, before: Counter[str], ways: Iterable[Way]) -> None:
    """What was acknowledged or shown is in the log on the disk, and no backup is half of one."""
    ways = list(ways)
    seen = service.read()
    for kind in {kind for way in ways for kind in way.acknowledged}:
        told = sum(way.acknowledged[kind] for way in ways)
        assert seen.kinds[kind] - before[kind] >= told, (kind, seen.kinds[kind], told)
    for way in ways:
        missing = way.shown - seen.leaves
        assert not missing, missing
    for backup in set(service.folder.parent.glob("backup-*")) - service.looked_at:
        if backup.suffix != ".part":
            read_backup(backup)  # looks at every byte
            service.looked_at.add(backup)
    assert "a fault at" not in service.out.read_text()


@contextlib.contextmanager
def service_of(
    folder: Path, *, options: tuple[str, ...] = (), keeps_witness: bool = True
) -> Iterator[Service]:
    """A service that is not left running."""
    with contextlib.closing(Forks()) as forks:
        made = Service(folder, forks, options=options, keeps_witness=keeps_witness)
        with contextlib.closing(made):
            yield made
