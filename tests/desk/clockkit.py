"""A clock for tests."""

from __future__ import annotations

import datetime


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += datetime.timedelta(**by)
