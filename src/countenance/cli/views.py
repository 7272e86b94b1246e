"""An audit as a person meets it at a terminal: the finding, worst first, with counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.audit.sentences import count, interval, percent
from countenance.cli.terminal import plain, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from countenance.audit import Audit, GroupingResult, GroupResult, Rate
    from countenance.core import Note

MOST_GROUPS = 12
"""Groups shown at a terminal; the report has all of them."""


def show_audit(out: Console, audit: Audit) -> None:
    """The finding in words, the groups at the operating threshold, and what was met on the way."""
    counts = audit.counts
    out.print(f"\n[bold]{plain(audit.title)}[/bold]")
    out.print(
        f"{count(counts.people)} people, {count(counts.images)} images, "
        f"{count(counts.nonmated)} comparisons of different people, {count(counts.mated)} of one "
        "person\n"
    )
    out.print(plain(audit.summary))
    result = audit.results[audit.operating]
    if result.groupings:
        out.print()
        out.print(_groups_table(audit, result.groupings[audit.headline], result.overall))
    show_notes(out, audit.notes)


def show_notes(out: Console, notes: Sequence[Note]) -> None:
    """What the run met and went on from, each with a few places."""
    if not notes:
        return
    out.print("\n[bold]To know[/bold]")
    for note in notes:
        out.print(f"- {plain(note.text)}")
        for place in note.where:
            out.print(f"    {plain(place)}")


def show_written(out: Console, written: Sequence[Path], *, pdf: bool | None) -> None:
    """Where to look first, then what else is of use; `pdf` is what was asked."""
    pages = [path for path in written if path.suffix == ".html"]
    first = next(
        (path for path in pages if path.name == "index.html"), pages[0] if pages else None
    )
    if first is not None:
        out.print(f"\nReport: {plain(str(first))}", soft_wrap=True)
    for path in written:
        if path.suffix == ".pdf" or path.name == "audit.json":
            out.print(f"        {plain(str(path))}", soft_wrap=True)
    if pdf is None and not any(path.suffix == ".pdf" for path in written):
        out.print("No PDF was made: pip install 'countenance[pdf]' brings what it needs.")


def _groups_table(audit: Audit, grouping: GroupingResult, overall: GroupResult) -> Table:
    threshold = audit.results[audit.operating].threshold
    view = table(f"False matches within each group at {threshold.label}, worst first")
    view.add_column(grouping.grouping)
    for head in (
        "people",
        "false matches",
        "rate",
        f"{percent(audit.settings.level)} % interval",
        "missed",
    ):
        view.add_column(head, justify="right", no_wrap=True)
    shown = [*grouping.groups[:MOST_GROUPS], overall]
    for group in shown:
        if group is overall:
            view.add_section()
        view.add_row(
            plain(group.group or "everybody"),
            count(max(group.fmr.people, group.fnmr.people)),
            _of(group.fmr),
            _estimate(group.fmr),
            bounds(group.fmr),
            _of(group.fnmr),
        )
    more = len(grouping.groups) - MOST_GROUPS
    view.caption = "missed: false non-matches, comparisons of one person beyond the threshold"
    if more > 0:
        view.caption += f"\n{more} more groups are in the report"
    view.caption_justify = "left"
    view.caption_style = "dim"
    return view


def bounds(rate: Rate) -> str:
    """The interval of a rate in a table's cell: two-sided, one-sided, or that there is none."""
    if rate.estimate is None:
        return "not compared"
    if rate.events == 0 and rate.high is not None and rate.high < 1:
        return f"at most {percent(rate.high)} %"
    if rate.events == rate.trials and rate.low is not None and rate.low > 0:
        return f"at least {percent(rate.low)} %"
    if rate.low is None or rate.high is None or (rate.low <= 0 and rate.high >= 1):
        return "too few people"
    return interval(rate.low, rate.high)


def _estimate(rate: Rate) -> str:
    """The point estimate; no errors are "none", for nought per cent is more than was measured."""
    if rate.estimate is None:
        return "–"
    return f"{percent(rate.estimate)} %" if rate.events else "none"


def _of(rate: Rate) -> str:
    return f"{count(rate.events)} of {count(rate.trials)}" if rate.trials else "–"
