"""What the desk does by itself: imports, purges, searchable files, and what falls due.

Any number of these may run, in any number of processes: the queue sees to it that each job has one
worker, and what falls due is found done by whoever comes second.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from sqlalchemy import update

from countenance.core import CountenanceError
from countenance.desk import imports, purging, workingset
from countenance.desk.ceremonies import tell_refusals
from countenance.desk.errors import DeskError
from countenance.desk.imports import Import
from countenance.desk.jobs import Handler, Job, JobState, Worker, Working
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk
from countenance.faces import Engine

_TELL = logging.getLogger(__name__)
_IDLE_S = 1.0
_AFTER_FAILURE_S = 5.0
_DUE_S = 600.0
_GRACE_S = 2.0
_LONGEST_STEP_S = 30.0


def handlers(
    desk: Desk, *, keys: Secrets, engine: Engine, imports_root: Path, galleries: Path, issuer: str
) -> dict[str, Handler]:
    """What is done with each kind of job of a deployment.

    What came into a gallery or went from it is brought into its searchable file afterwards, by a
    job of its own.
    """
    bring_in = imports.handler(keys, imports_root, engine)
    purge = purging.handler(keys)

    def imported(working: Working) -> None:
        bring_in(working)
        with desk.store.reading() as db:
            gallery = db.get_one(Import, working.payload["import"]).gallery
        workingset.request_sync(desk, gallery)

    def purged(working: Working) -> None:
        purge(working)
        workingset.request_sync(desk, working.payload["gallery"])

    return {
        imports.IMPORT: imported,
        purging.PURGE: purged,
        workingset.SYNC: workingset.handler(keys, galleries, engine.card, issuer),
    }


class Background:
    """A worker and a keeper, each in a thread of its own, until it is closed."""

    def __init__(self, desk: Desk, jobs: Mapping[str, Handler]) -> None:
        self._desk = desk
        self._in_hand: Working | None = None
        self._worker = Worker(desk, {kind: self._noting(each) for kind, each in jobs.items()})
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(step, idle_s), name=name, daemon=True)
            for name, step, idle_s in (
                ("desk-worker", self._worker.run_once, _IDLE_S),
                ("desk-keeper", self._keep, _DUE_S),
            )
        ]

    def start(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        """Take no other job; one in hand that is long goes back into the queue where it is."""
        self._over.set()
        ends = time.monotonic() + _GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        job = self._in_hand
        if job is not None:
            with contextlib.suppress(DeskError):  # then its lease runs out
                _give_back(self._desk, job)
        for thread in self._threads:
            thread.join(_LONGEST_STEP_S)

    def wait(self) -> None:
        """Until somebody else closes it."""
        self._over.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _noting(self, handler: Handler) -> Handler:
        def work(working: Working) -> None:
            self._in_hand = working
            try:
                handler(working)
            finally:
                self._in_hand = None

        return work

    def _keep(self) -> bool:
        purging.schedule(self._desk)
        tell_refusals(self._desk)
        return False

    def _run(self, step: Callable[[], bool], idle_s: float) -> None:
        """Do a step again and again; whatever fails, the next one is tried."""
        while not self._over.is_set():
            try:
                more = step()
            except CountenanceError as error:
                _TELL.error("background work waits: %s (%s)", type(error).__name__, error.code)
                self._over.wait(_AFTER_FAILURE_S)
            except Exception:
                _TELL.exception("a fault in the background")
                self._over.wait(_AFTER_FAILURE_S)
            else:
                if not more:
                    self._over.wait(idle_s)


def _give_back(desk: Desk, working: Working) -> None:
    """Let another worker have a job; its handler here is stopped by its next fence."""
    mine = (Job.id == working.job, Job.lease == working.lease, Job.state == JobState.RUNNING)
    again = update(Job).where(*mine).values(
        state=JobState.WAITING, lease=None, lease_until=None, attempts=Job.attempts - 1
    )  # fmt: skip
    desk.store.write(lambda db: db.execute(again))
