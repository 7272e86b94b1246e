"""What a person at a terminal sees: tables on stdout, progress on stderr.

Both work without colour, without a terminal and in 80 columns. Progress is drawn only on a
terminal and only once a stage has taken a second, so that short runs stay quiet.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from countenance.core import Progress, no_progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table

PATIENCE_S = 1.0


def console(*, stderr: bool = False) -> Console:
    """A Rich console without syntax colouring: numbers are not decorated."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Leave to `app.run` how it ends; Rich would leave with 1, a code that is taken."""
            raise BrokenPipeError

    return Plain(stderr=stderr, highlight=False, soft_wrap=False)


def table(title: str | None = None, *, heads: bool = True) -> Table:
    """A table of rules and space, no boxes: it survives being pasted into a plain letter."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD if heads else None,
        show_header=heads,
        header_style="",
        pad_edge=False,
        show_edge=False,
    )


def show_facts(out: Console, title: str, facts: Sequence[tuple[str, str]]) -> None:
    """A title and named facts, one a row, wrapped in their own column."""
    view = table(plain(title), heads=False)
    view.add_column(no_wrap=True, style="dim")
    view.add_column(overflow="fold")
    for name, fact in facts:
        view.add_row(name, plain(fact))
    out.print(view)
    out.print()


def plain(text: str) -> str:
    """Text as it is: no markup in it is obeyed, and no control character reaches the terminal."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text))


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
        BarColumn(complete_style="blue", finished_style="blue"),  # red is for refusals
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
