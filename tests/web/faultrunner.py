"""`countenance serve` over a demonstration's folder, in a process that dies where it is told to.

``faultrunner.py FOLDER [NUMBER]``: kill -9 at the NUMBERth step towards or from a disk, counted
from the first request on: before and after each commit, append to the log, write to the vault,
published checkpoint, and before an answer leaves. ``FAULT_CLOCK_S`` moves the clock.
"""

from __future__ import annotations

import datetime
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from countenance.cli.app import app
from countenance.desk import clock, opening, reviewing
from countenance.desk.events import Recorder
from countenance.desk.searching import Means
from countenance.desk.store import Store
from countenance.record import Log, SQLiteVault
from countenance.web import guarding
from countenance.web.demo.drawings import DrawingEngine

_left = int(sys.argv[2]) if len(sys.argv) > 2 else 0
_turn = threading.Lock()
_armed = threading.Event()


def _step() -> None:
    global _left
    if _armed.is_set():
        with _turn:
            _left -= 1
            if _left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _around(of: type, name: str) -> None:
    inner = getattr(of, name)

    @functools.wraps(inner)
    def outer(*given: Any, **named: Any) -> Any:
        _step()
        result = inner(*given, **named)
        _step()
        return result

    setattr(of, name, outer)


def _before_commit(write: Callable[..., Any]) -> Callable[..., Any]:
    """Also between the last statement of a transaction and its commit."""

    def writing(self: Store, work: Callable[[Any], Any]) -> Any:
        def then(db: Any) -> Any:
            result = work(db)
            db.flush()
            _step()
            return result

        result = write(self, then)
        _step()
        return result

    return writing


def _answering(app: Any) -> Any:
    async def outer(self: Any, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                _step()
            await send(message)

        if scope["type"] == "http" and scope["path"] != "/healthz":
            _armed.set()
        await app(self, scope, receive, sending)

    return outer


def main() -> None:
    """Serve."""
    if _left:
        Store.write = _before_commit(Store.write)  # type: ignore[method-assign]
        for of, names in ((Log, ("append", "publish")), (SQLiteVault, ("keep",)),
                          (Recorder, ("_bring",))):  # fmt: skip
            for name in names:
                _around(of, name)
        guarding.Guard.__call__ = _answering(guarding.Guard.__call__)  # type: ignore[method-assign]
    ahead = datetime.timedelta(seconds=int(os.environ.get("FAULT_CLOCK_S", "0")))
    if ahead:
        moved = lambda: clock.system_clock() + ahead  # noqa: E731
        opening.open_deployment.__wrapped__.__kwdefaults__["clock"] = moved  # type: ignore[attr-defined]
    reviewing.KNOWN_ONE_IN = 2**62
    opening.load_engine = lambda _: DrawingEngine()  # type: ignore[assignment]
    # What another process seems to be searching is taken over after a second, not five minutes.
    opening.Means = functools.partial(Means, lease_s=1)  # type: ignore[assignment, misc]
    app(["serve", sys.argv[1]])


if __name__ == "__main__":
    main()
