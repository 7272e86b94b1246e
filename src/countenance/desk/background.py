"""What the desk does by itself: imports, purges, searchable files, and what falls due.

Any number of these may run, in any number of processes: the queue sees to it that each job has one
worker, and what falls due is found done by whoever comes second.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import update

from countenance.core import CountenanceError
from countenance.desk import imports, purging, workingset
from countenance.desk.errors import DeskError
from countenance.desk.imports import Import
from countenance.desk.jobs import Handler, Job, JobState, Worker, Working
from countenance.desk.keeper import Keeper
from countenance.desk.searching import Means
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk
from countenance.faces import Engine
from countenance.record import Log

_TELL = logging.getLogger(__name__)
_IDLE_S = 1.0
_AFTER_FAILURE_S = 5.0
_DUE_S = 60.0
_PUBLISH_S = 300.0
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
        try:
            bring_in(working)
        finally:  # what came in before it failed is searched, too
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


@dataclass(frozen=True, slots=True)
class Duty:
    """A step that is done again and again: at once where it says that there is more."""

    step: Callable[[], bool]
    idle_s: float


NO_DUTIES: Mapping[str, Duty] = {}


def duties_of(
    desk: Desk, log: Log, *, means: Means, zone: datetime.tzinfo
) -> dict[str, Duty]:  # fmt: skip
    """What a deployment does beside its jobs: what falls due, and publishing the log.

    What is published of the log is what outsiders can check; a desk without searches publishes,
    too.
    """
    keeper = Keeper(desk, means=means, zone=zone)

    def keep() -> bool:
        keeper.run_once()
        return False

    def publish() -> bool:
        size = log.refresh()
        if size:
            means.publisher.cover(size - 1)
        return False

    return {"keeper": Duty(keep, _DUE_S), "publisher": Duty(publish, _PUBLISH_S)}


class Background:
    """A worker, and whatever else is to be done again and again, until it is closed.

    Parameters
    ----------
    desk, jobs
        What is done with each kind of job.
    duties
        What else, by name; each in a thread of its own.
    """

    def __init__(
        self, desk: Desk, jobs: Mapping[str, Handler], *, duties: Mapping[str, Duty] = NO_DUTIES
    ) -> None:  # fmt: skip
        self._desk = desk
        self._in_hand: Working | None = None
        self._worker = Worker(desk, {kind: self._noting(each) for kind, each in jobs.items()})
        self._over = threading.Event()
        steps = {"worker": Duty(self._worker.run_once, _IDLE_S), **duties}
        self._threads = [
            threading.Thread(target=self._run, args=(duty,), name=f"desk-{name}", daemon=True)
            for name, duty in steps.items()
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

    def _run(self, duty: Duty) -> None:
        """Do it again and again; whatever fails, it is tried again."""
        while not self._over.is_set():
            try:
                more = duty.step()
            except CountenanceError as error:
                _TELL.error("background work waits: %s (%s)", type(error).__name__, error.code)
                self._over.wait(_AFTER_FAILURE_S)
            except Exception:
                _TELL.exception("a fault in the background")
                self._over.wait(_AFTER_FAILURE_S)
            else:
                if not more:
                    self._over.wait(duty.idle_s)


def _give_back(desk: Desk, working: Working) -> None:
    """Let another worker have a job; its handler here is stopped by its next fence."""
    mine = (Job.id == working.job, Job.lease == working.lease, Job.state == JobState.RUNNING)
    again = update(Job).where(*mine).values(
        state=JobState.WAITING, lease=None, lease_until=None, attempts=Job.attempts - 1
    )  # fmt: skip
    desk.store.write(lambda db: db.execute(again))
