"""Background work in a durable queue on the desk's own database.

A job is written in the transaction that asks for it, so it is there if and only if what asked for
it is. A worker *claims* one for a while (a lease, renewed while it works) by compare-and-set; when
the worker dies, the lease runs out and another takes the job up. So a job runs at least once, and
a handler must be able to run again: it keeps what it has done in the database, and every
transaction of its own begins with `Working.fence`, in which a worker that lost its lease without
knowing does nothing. What a handler does to the desk goes through `Desk.itself` and is in the log.
"""

from __future__ import annotations

import datetime
import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, Integer, String, Text, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import CountenanceError, InputError
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import DeskError, StateError
from countenance.desk.service import Desk

_TELL = logging.getLogger(__name__)
LEASE_S = 60
MOST_ATTEMPTS = 8
_BACKOFF_S = 5
_LONGEST_WAIT_S = 3600


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobState.WAITING, JobState.RUNNING)


class Job(Base):
    """One piece of background work. `payload` names rows, and holds nothing personal."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_waiting", "state", "not_before"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str | None] = mapped_column(String(128), unique=True, default=None)
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=JobState.WAITING)
    not_before: Mapped[datetime.datetime] = mapped_column(UTC)
    lease: Mapped[str | None] = mapped_column(String(32), default=None)
    lease_until: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    problem: Mapped[str | None] = mapped_column(String(64), default=None)
    made_at: Mapped[datetime.datetime] = mapped_column(UTC)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


class LostLeaseError(DeskError):
    """Another worker has the job now; this one must do nothing more."""

    code = "desk-lost-lease"


class CancelledError(DeskError):
    """Somebody asked for the job to be stopped."""

    code = "desk-job-cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """A job as pages show it. `problem` is an error's code, never its text."""

    id: str
    kind: str
    state: JobState
    done: int
    total: int
    attempts: int
    problem: str | None


def enqueue(
    db: Session, kind: str, payload: Mapping[str, Any], *, now: datetime.datetime,
    key: str | None = None,
) -> str:  # fmt: skip
    """Put a job into the queue, as part of the caller's transaction; its id.

    With a `key`, only if there never was one of that key: else the id of that one.
    """
    if key is not None:
        there = db.scalar(select(Job.id).where(Job.key == key))
        if there is not None:
            return there
    identity = new_id()
    db.add(
        Job(
            id=identity, kind=kind, key=key, payload=json.dumps(payload, sort_keys=True),
            state=JobState.WAITING, not_before=now, made_at=now,
        )
    )  # fmt: skip
    return identity


def cancel(db: Session, job: str, *, now: datetime.datetime) -> None:
    """Stop a job: at once if it waits, at its next step if it runs.

    Raises StateError where it has ended.
    """
    row = db.get(Job, job)
    if row is None or row.state not in OPEN:
        raise StateError("this has ended")
    row.cancel = True
    if row.state == JobState.WAITING:
        row.state, row.ended_at = JobState.CANCELLED, now


def progress(db: Session, job: str) -> Progress | None:
    """How far a job is. One that is to be stopped does nothing more, so it counts as stopped."""
    row = db.get(Job, job)
    if row is None:
        return None
    state = JobState.CANCELLED if row.cancel and row.state in OPEN else JobState(row.state)
    return Progress(row.id, row.kind, state, row.done, row.total, row.attempts, row.problem)


@dataclass(frozen=True, slots=True)
class Working:
    """A claimed job, as its handler sees it."""

    desk: Desk
    job: str
    lease: str
    payload: Mapping[str, Any]
    attempt: int

    def fence(self, db: Session) -> None:
        """Begin every transaction of a handler with this.

        Raises
        ------
        LostLeaseError
            Another worker has the job.
        CancelledError
            It is to be stopped.
        """
        row = db.get(Job, self.job, with_for_update=True, populate_existing=True)
        if row is None or row.state != JobState.RUNNING or row.lease != self.lease:
            raise LostLeaseError("another worker has this job")
        if row.cancel:
            raise CancelledError("somebody stopped this job")

    def tell(self, done: int, total: int) -> None:
        """Say how far it is, and keep the lease. Raises as `fence`."""

        def step(db: Session) -> None:
            self.fence(db)
            row = db.get_one(Job, self.job)
            row.done, row.total = done, total
            row.lease_until = self.desk.clock() + datetime.timedelta(seconds=LEASE_S)

        self.desk.store.write(step)

    def renew(self) -> bool:
        """Keep the lease; whether it was still there to be kept."""
        until = self.desk.clock() + datetime.timedelta(seconds=LEASE_S)
        return _settle(self, lease_until=until)


Handler = Callable[[Working], None]


class Worker:
    """Takes jobs from the queue, one at a time. Any number of them, in any number of processes."""

    def __init__(
        self, desk: Desk, handlers: Mapping[str, Handler], *, beat_s: float = LEASE_S / 4
    ) -> None:
        self._desk = desk
        self._handlers = handlers
        self._beat_s = beat_s

    def run_once(self) -> bool:
        """Claim a job and work on it; whether there was one."""
        claimed = self._claim()
        if claimed is None:
            return False
        kind, working = claimed
        stop = threading.Event()
        beating = threading.Thread(target=self._beat, args=(working, stop), daemon=True)
        beating.start()
        try:
            self._handlers[kind](working)
        except LostLeaseError:
            return True
        except CancelledError:
            self._end(working, JobState.CANCELLED, None)
        except Exception as error:
            self._failed(working, error)
            if not isinstance(error, CountenanceError):
                _TELL.exception("a fault in a job of kind %s", kind)
        else:
            self._end(working, JobState.DONE, None)
        finally:
            stop.set()
            beating.join()
        return True

    def run(self, stop: threading.Event, *, idle_s: float = 1.0) -> None:
        """Work until `stop` is set. While the database or the log is away, wait for it."""
        while not stop.is_set():
            try:
                busy = self.run_once()
            except CountenanceError as error:
                _TELL.warning("no job can be taken or settled: %s", error.code)
                busy = False
            if not busy:
                stop.wait(idle_s)

    def _claim(self) -> tuple[str, Working] | None:
        lease = secrets.token_hex(16)

        def free() -> ColumnElement[bool]:
            now = self._desk.clock()
            return Job.kind.in_(self._handlers) & or_(
                and_(Job.state == JobState.WAITING, Job.not_before <= now),
                and_(Job.state == JobState.RUNNING, Job.lease_until <= now),
            )

        def work(db: Session) -> tuple[str, Working] | None:
            now = self._desk.clock()
            row = db.scalars(
                select(Job).where(free()).order_by(Job.not_before, Job.id)
                .limit(1).with_for_update(skip_locked=True)
            ).first()  # fmt: skip
            if row is None:
                return None
            if row.cancel or row.attempts >= MOST_ATTEMPTS:  # its workers died, each of them
                row.state = JobState.CANCELLED if row.cancel else JobState.FAILED
                row.problem = None if row.cancel else "worker-died"
                row.ended_at, row.lease = now, None
                return None
            row.state, row.lease, row.attempts = JobState.RUNNING, lease, row.attempts + 1
            row.lease_until = now + datetime.timedelta(seconds=LEASE_S)
            return row.kind, Working(
                self._desk, row.id, lease, json.loads(row.payload), row.attempts
            )

        with self._desk.store.reading() as db:  # most often there is none, and nobody is held up
            if db.scalar(select(Job.id).where(free()).limit(1)) is None:
                return None
        return self._desk.store.write(work)

    def _beat(self, working: Working, stop: threading.Event) -> None:
        while not stop.wait(self._beat_s):
            try:
                if not working.renew():
                    return
            except DeskError:
                continue  # the database is away; if it stays so, the lease runs out

    def _failed(self, working: Working, error: Exception) -> None:
        code = error.code if isinstance(error, CountenanceError) else "fault"
        final = isinstance(error, InputError) or working.attempt >= MOST_ATTEMPTS
        if final:
            self._end(working, JobState.FAILED, code)
            return
        wait_s = min(_BACKOFF_S * 2 ** (working.attempt - 1), _LONGEST_WAIT_S)
        again = self._desk.clock() + datetime.timedelta(seconds=wait_s)
        _settle(working, state=JobState.WAITING, lease=None, lease_until=None, problem=code,
                not_before=again)  # fmt: skip

    def _end(self, working: Working, state: JobState, problem: str | None) -> None:
        _settle(working, state=state, lease=None, lease_until=None, problem=problem,
                ended_at=self._desk.clock())  # fmt: skip


def _settle(working: Working, **values: object) -> bool:
    """Change the job if this worker still has it; whether it had."""
    mine = (Job.id == working.job, Job.lease == working.lease, Job.state == JobState.RUNNING)

    def work(db: Session) -> bool:
        changed = db.scalars(update(Job).where(*mine).values(**values).returning(Job.id)).all()
        return len(changed) == 1

    return working.desk.store.write(work)
