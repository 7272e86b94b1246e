"""`countenance serve` over a demonstration's folder, where something dies at a chosen step.

::

    faultrunner.py serve FOLDER [OPTIONS]
    faultrunner.py forks      orders as lines of JSON; what is forked has no imports to do

``FAULT_FILE`` names a file "LEFT PID [STEP]": kill -9 of PID (0: whoever does it) at the LEFTth
step from now, or the LEFTth of that name, towards or from a disk, in whichever process: before and
after each commit, append to the log, write to the vault, published checkpoint, part of a backup,
and before an answer leaves. What the step was is written beside it. ``FAULT_CLOCK_S`` moves the
clock; ``FAULT_OUTSIDE`` leaves the witness to whoever started this.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import functools
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import countenance.web
from countenance.cli.app import app
from countenance.desk import backup, clock, doors, jobs, localwitness, opening, parts, reviewing
from countenance.desk.configuration import read_configuration
from countenance.desk.events import Recorder
from countenance.desk.searching import Means
from countenance.desk.store import Store
from countenance.faces import read_picture
from countenance.record import Log, SQLiteVault
from countenance.web import guarding
from countenance.web.demo.drawings import DrawingEngine, Invented, portrait

FAULT = Path()


def _step(name: str) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with FAULT.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            first, second, *only = (file.read().rstrip("\n") or "0 0").split(" ", 2)
            left, pid = int(first), int(second)
            if left == 0 or (only and only[0] != name):
                return
            file.seek(0)
            file.write(" ".join((str(left - 1), second, *only)) + "\n")
            file.truncate()
        if left == 1 and pid:
            os.kill(pid, signal.SIGKILL)
        if left == 1:
            with FAULT.with_suffix(".steps").open("a") as told:
                told.write(f"{name}\n")
            if not pid:
                os.kill(os.getpid(), signal.SIGKILL)


def _instead(of: Any, name: str, value: Any) -> None:
    setattr(of, name, value)


def _around(of: Any, name: str) -> None:
    inner = getattr(of, name)

    @functools.wraps(inner)
    def outer(*given: Any, **named: Any) -> Any:
        _step(f"before {name}")
        result = inner(*given, **named)
        _step(f"after {name}")
        return result

    setattr(of, name, outer)


def _before_commit(write: Callable[..., Any]) -> Callable[..., Any]:
    """Also between the last statement of a transaction and its commit."""

    def writing(self: Store, work: Callable[[Any], Any]) -> Any:
        def then(db: Any) -> Any:
            result = work(db)
            db.flush()
            _step("before commit")
            return result

        result = write(self, then)
        _step("after commit")
        return result

    return writing


def _answering(app: Any) -> Any:
    async def outer(self: Any, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start" and not waits:
                _step("before answer")
            await send(message)

        path = scope.get("path", "")
        waits = path == "/healthz" or "/imports/" in path  # somebody looks whether it is done
        await app(self, scope, receive, sending)

    return outer


def configure() -> None:
    """Make of this program what its environment says; in each process of the service."""
    global FAULT
    if "FAULT_FILE" in os.environ:
        FAULT = Path(os.environ["FAULT_FILE"])
        Store.write = _before_commit(Store.write)  # type: ignore[method-assign]
        for of, names in (
            (Log, ("append", "publish")), (SQLiteVault, ("keep_each",)), (Recorder, ("_bring",)),
            (backup, ("copy_out", "copy_sqlite", "copy_log", "write_private")),
        ):  # fmt: skip
            for name in names:
                _around(of, name)
        guarding.Guard.__call__ = _answering(guarding.Guard.__call__)  # type: ignore[method-assign]
    ahead = datetime.timedelta(seconds=int(os.environ.get("FAULT_CLOCK_S", "0")))
    if ahead:
        moved = lambda: clock.system_clock() + ahead  # noqa: E731
        opening.open_deployment.__wrapped__.__kwdefaults__["clock"] = moved  # type: ignore[attr-defined]
    if "FAULT_OUTSIDE" in os.environ:
        _instead(opening, "local_witness", lambda _: contextlib.nullcontext())
    reviewing.KNOWN_ONE_IN = 2**62
    wide = doors.Bucket(10**6, 0.001)  # hundreds join from one address
    limits = dict.fromkeys(doors.Door, doors.Limits(wide, wide))
    doors.knock.__kwdefaults__["limits"] = limits  # type: ignore[index]
    _instead(opening, "load_engine", lambda _: DrawingEngine())
    # What another process seems to be searching is taken over after two seconds, not five minutes;
    # what it seems to be working on as soon, not after a minute.
    _instead(opening, "Means", functools.partial(Means, lease_s=2))
    jobs.LEASE_S = 2
    jobs.MOST_ATTEMPTS = 10**6  # that its workers die is here no sign of a job that kills them
    jobs.Worker.__init__.__kwdefaults__["beat_s"] = 0.5  # type: ignore[index]
    _instead(jobs, "_BACKOFF_S", 0.2)


def _become(order: dict[str, Any]) -> None:
    """Be what was ordered, in a process that was just forked."""
    with Path(order["out"]).open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    if order["limit_bytes"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit_bytes"],) * 2)
    os.environ.update(order["env"])
    if order["do"] == "witness":
        localwitness.main(*order["arguments"])
    else:
        configure()
        app(["serve", *order["arguments"]])


def _made_before(create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The routes of all desks are the same, and making them is most of a start."""
    nobody = SimpleNamespace(name="", party=SimpleNamespace(origins=("http://localhost",)))
    app = create(nobody)

    def made(deployment: Any) -> Any:
        app.state.deployment, app.title = deployment, f"{deployment.name}: Countenance"
        app.user_middleware[0].kwargs["origins"] = deployment.party.origins
        return app

    return made


def forks() -> None:
    """Fork what is ordered; say its process, or what became of it."""
    import psycopg  # noqa: F401 - here, so that no child has to
    import uvicorn  # noqa: F401

    _instead(parts, "log_signer", functools.cache(parts.log_signer))
    _instead(countenance.web, "create_app", _made_before(countenance.web.create_app))
    DrawingEngine().enrol([read_picture(portrait(Invented(0), 0))])  # it learns what nobody is
    inputs: dict[int, int] = {}  # a witness ends with its standard input
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "ended":
            done = order["pid"] not in inputs
            if not done:
                done = bool(os.waitpid(order["pid"], 0 if order["wait"] else os.WNOHANG)[0])
                if done:
                    os.close(inputs.pop(order["pid"]))
            print(json.dumps(done), flush=True)
            continue
        if order["do"] == "serve":  # a key is slow to open by intent; here once, not each time
            parts.log_signer(read_configuration(Path(order["arguments"][0])).places)
        reads, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(reads, 0)
            os.closerange(3, 1024)
            try:
                _become(order)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(1)
        os.close(reads)
        inputs[pid] = writes
        print(json.dumps(pid), flush=True)
    for pid in inputs:  # nobody is there any more who would end them
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "forks":
        forks()
    else:
        configure()
        app(sys.argv[1:])
elif __name__ == "__mp_main__":  # a worker of several
    configure()
