"""Doors: how often somebody without a session may knock, so that nobody can fill the desk.

A token bucket for each door and source, and one for each door and everybody: a knock takes a token
of both or, where one is empty, of neither, and is told when to come again. What a source is (an
address, a network) the caller decides and hands in as a hash; it is kept no longer than its bucket
takes to fill. Whoever is signed in passes no door, so no stranger can shut them out; a stranger
who empties everybody's bucket does keep other strangers out for that long.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Float, String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import UTC, Base
from countenance.desk.errors import DeskError
from countenance.desk.service import Desk

_SOURCE = re.compile(r"[0-9a-f]{16,64}")
_EVERYBODY = ""


class TooManyError(DeskError):
    """Too many came to this door; `retry_s` is when to come again, in seconds."""

    code = "desk-too-many"

    def __init__(self, retry_s: int) -> None:
        super().__init__("too many came to this door", do=f"try again in {retry_s} s")
        self.retry_s = retry_s


class Door(StrEnum):
    """Where somebody without a session comes in."""

    SIGN_IN = "sign-in"
    JOIN = "join"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many at once, and one more every `refill_s` seconds."""

    size: int
    refill_s: float

    @property
    def full_s(self) -> float:
        """How long an empty one takes to fill, in seconds."""
        return self.size * self.refill_s


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one door: for each source, and for everybody together."""

    source: Bucket
    everybody: Bucket


LIMITS: Mapping[Door, Limits] = MappingProxyType(
    {
        # A sign-in is two knocks; behind one address there may be a whole agency, in the morning.
        # Nothing can be guessed here: this bounds only what a stranger makes the database do.
        Door.SIGN_IN: Limits(Bucket(600, 0.5), Bucket(3000, 0.05)),
        Door.JOIN: Limits(Bucket(60, 10), Bucket(300, 1)),
        # every request leaves an event in the log
        Door.SUBJECT: Limits(Bucket(5, 3600), Bucket(60, 300)),
    }
)


class DoorBucket(Base):
    """What was left in a bucket at a time; `source` is empty for everybody's."""

    __tablename__ = "door_buckets"

    door: Mapped[Door] = mapped_column(String(16), primary_key=True)
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    tokens: Mapped[float] = mapped_column(Float)
    at: Mapped[datetime.datetime] = mapped_column(UTC, index=True)


def knock(desk: Desk, door: Door, source: str, *, limits: Mapping[Door, Limits] = LIMITS) -> None:
    """Come to a door once. `source` is a keyed hash of whence, 16 to 64 lower-case hex digits.

    Raises
    ------
    TooManyError
        Too many came from there, or in all; when to come again. Nothing was taken, so whoever is
        refused does not push the time away by trying.
    """
    if not _SOURCE.fullmatch(source):
        raise ValueError("a source is a hash in hex")
    of = limits[door]
    now = desk.clock()
    with desk.store.reading() as db:  # a flood of refusals writes nothing
        _refuse(_wait(db, door, source, of, now))

    def work(db: Session) -> float:
        wait = _wait(db, door, source, of, now)
        if not wait:
            _take(db, door, source, of.source, now)
            _take(db, door, _EVERYBODY, of.everybody, now)
        return wait

    _refuse(desk.store.write(work))


def sweep(db: Session, now: datetime.datetime, *, limits: Mapping[Door, Limits] = LIMITS) -> int:
    """Forget the buckets that are full again; how many."""
    gone = 0
    for door, of in limits.items():
        longest = datetime.timedelta(seconds=max(of.source.full_s, of.everybody.full_s))
        full = delete(DoorBucket).where(DoorBucket.door == door, DoorBucket.at < now - longest)
        gone += db.execute(full).rowcount  # type: ignore[attr-defined]
    return gone


def _wait(db: Session, door: Door, source: str, of: Limits, now: datetime.datetime) -> float:
    """Seconds until both buckets have a token; 0 if they have."""
    short = (
        (1 - _left(db.get(DoorBucket, (door, key)), bucket, now)) * bucket.refill_s
        for key, bucket in ((source, of.source), (_EVERYBODY, of.everybody))
    )
    return max(0.0, *short)


def _left(row: DoorBucket | None, bucket: Bucket, now: datetime.datetime) -> float:
    if row is None:
        return bucket.size
    since = max(0.0, (now - row.at).total_seconds())
    return min(float(bucket.size), row.tokens + since / bucket.refill_s)


def _take(db: Session, door: Door, key: str, bucket: Bucket, now: datetime.datetime) -> None:
    row = db.get(DoorBucket, (door, key))
    left = _left(row, bucket, now) - 1
    if row is None:
        db.add(DoorBucket(door=door, source=key, tokens=left, at=now))
    else:
        row.tokens, row.at = left, max(row.at, now)


def _refuse(wait: float) -> None:
    if wait:
        raise TooManyError(math.ceil(wait))
