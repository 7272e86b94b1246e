"""Progress as an argument: the library reports, the command line draws."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with what is being done, how much of it is done and how much there is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` units of `stage` are finished."""


def no_progress(stage: str, done: int, total: int) -> None:
    """The default: say nothing."""
