"""What a person at a terminal sees: tables on stdout, progress on stderr.

Both work without colour, without a terminal and in 80 columns. Progress is drawn only on a
terminal and only once a stage has taken a second, so that short runs stay quiet.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from countenance.core import Progress, no_progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

PATIENCE_S = 1.0


def console(*, stderr: bool = False) -> Console:
    """A Rich console without syntax colouring: numbers are not decorated."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """A progress callback that draws one bar a stage on stderr, while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    )
    began: dict[str, float] = {}
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        first = began.setdefault(stage, time.monotonic())
        if stage in tasks:
            bars.update(tasks[stage], completed=done, total=total)
        elif time.monotonic() - first >= PATIENCE_S:
            bars.start()
            tasks[stage] = bars.add_task(stage, completed=done, total=total)

    try:
        yield report
    finally:
        bars.stop()
