"""What `countenance law` shows at a terminal."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from countenance.cli.terminal import console, plain, table

if TYPE_CHECKING:
    from countenance.law.checking import Finding
    from countenance.law.comparing import Row
    from countenance.law.diff import Difference
    from countenance.law.library import Library
    from countenance.law.packs import Pack, Window
    from countenance.law.scenarios import Result

_WIDTH = 80


def show_findings(findings: Sequence[Finding], *, quiet: bool) -> None:
    """Faults in full; what is good to know counted, and in full unless `quiet`."""
    out = console()
    faults = [finding for finding in findings if finding.is_fault]
    notices = [finding for finding in findings if not finding.is_fault]
    for finding in faults if quiet else (*faults, *notices):
        out.print(plain(f"{finding.code}: {', '.join(finding.rules)}"))
        _print(finding.sentence)
        if finding.example:
            _print("for example: " + "; ".join(_facts(finding.example)))
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    told = ", ".join(f"{count} {code}" for code, count in counts.items())
    out.print(f"{len(faults)} to mend, {len(notices)} to know{f': {told}' if told else ''}.")


def show_difference(found: Difference) -> None:
    """Rules that begin and end, then the requests that come out otherwise."""
    out = console()
    out.print(f"From {found.start} to {found.end}")
    out.print()
    for change in found.changes:
        sign = "+" if change.begins else "-"
        out.print(plain(f"{sign} {change.day} {change.rule.id} ({change.rule.checked.tag})"))
        _print(f"{change.rule.says} [{change.rule.cite}]")
    if not found.changes:
        out.print("No rule begins or ends.")
    out.print()
    for turn in found.turns:
        out.print(plain(f"{turn.before.outcome} -> {turn.after.outcome}: {turn.title}"))
        for reason in turn.after.reasons[:3]:
            _print(reason.sentence)
    out.print(f"{len(found.turns)} of {found.tried} scenarios come out otherwise.")


def show_matrix(rows: Sequence[Row], day: datetime.date) -> None:
    """A line a pack: the kinds of rule it has, each with the best verification of its rules."""
    from countenance.law.comparing import COLUMNS

    out = console()
    out.print(f"As of {day}. V: text read. V2: checked at second hand. U: not verified.")
    for row in rows:
        out.print()
        out.print(plain(f"{row.pack.id}  ({row.standing}{_dates(row.pack.window)})"))
        cells = [
            f"{COLUMNS.get(column, column)} {row.tag(column)}"
            + (f" x{len(row.cells[column])}" if len(row.cells[column]) > 1 else "")
            for column in COLUMNS
            if column in row.cells
        ]
        _print("; ".join(cells) if cells else "no rule on this day")


def matrix_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for machines: every rule of every cell."""
    return [
        {
            "pack": row.pack.id, "jurisdiction": row.pack.jurisdiction, "standing": row.standing,
            "cells": {
                column: [
                    {"rule": rule.id, "says": rule.says, "cite": rule.cite,
                     "tag": rule.checked.tag.value, "source": rule.checked.source}
                    for rule in rules
                ]
                for column, rules in row.cells.items()
            },
        }
        for row in rows
    ]  # fmt: skip


def show_packs(library: Library, places: Sequence[str]) -> None:
    """A table of packs."""
    view = table()
    for head in ("pack", "status", "dates", "rules"):
        view.add_column(head, overflow="fold")
    for tag in ("V", "V2", "U"):
        view.add_column(tag, justify="right")
    for pack in library.values():
        inside = any((pack.jurisdiction + "/").startswith(place + "/") for place in places)
        if places and not inside:
            continue
        tags = [rule.checked.tag.value for rule in pack]
        view.add_row(
            plain(pack.id), pack.status, _dates(pack.window)[2:] or "", str(len(tags)),
            *(str(tags.count(tag)) for tag in ("V", "V2", "U")),
        )  # fmt: skip
    console().print(view)


def show_pack(pack: Pack) -> None:
    """A pack in plain language."""
    out = console()
    out.print(plain(pack.name), style="bold")
    _print(f"{pack.instrument} [{pack.citation}]")
    _print(f"{pack.status}{_dates(pack.window)}; version {pack.version}; SHA-256 {pack.digest}")
    _print(pack.summary)
    for rule in pack:
        out.print()
        of = f" ({rule.of})" if rule.of else ""
        out.print(plain(f"{rule.name}: {rule.kind}{of}"))
        _print(f"{rule.says} [{rule.cite}]")
        checked = rule.checked
        dated = f", dated {checked.source_date}" if checked.source_date else ""
        _print(f"{checked.tag.words}: {checked.source}{dated}; checked on {checked.on}")
        for text in (rule.caution, rule.note):
            if text:
                _print(text)
    for note in pack.notes:
        out.print()
        _print(note)


def show_facts_of(word: str) -> None:
    """Facts whose name, question or words hold `word`."""
    from countenance.law.vocabulary import vocabulary

    out = console()
    for fact in vocabulary().values():
        if word.casefold() not in " ".join((fact.name, fact.ask, *fact.words)).casefold():
            continue
        unit = f", {fact.unit}" if fact.unit else ""
        can = "; can be done" if fact.to_do else ""
        out.print(plain(f"{fact.name} ({fact.kind}{unit}{can})"))
        _print(fact.ask)
        if fact.words:
            _print(", ".join(fact.words))


def show_scenarios(results: Iterable[Result], *, failed_only: bool) -> None:
    """Each scenario as a story, what came of it, and why."""
    out = console()
    told, failed, last = 0, 0, None
    for result in results:
        told += 1
        failed += bool(result.faults)
        if failed_only and not result.faults:
            continue
        if result.scenario is not last:
            out.print()
            out.print(plain(result.scenario.title), style="bold")
            if result.scenario.story:
                _print(result.scenario.story)
            last = result.scenario
        mark = "FAILS" if result.faults else "as expected"
        under = ", ".join(result.expect.policy)
        out.print(plain(f"  {result.decision.outcome} under {under}: {mark}"))
        for reason in result.decision.reasons[:4]:
            _print(reason.sentence, indent="    ")
        for fault in result.faults:
            _print(fault, indent="    ! ")
    out.print()
    out.print(f"{told - failed} of {told} expectations are met.")


def _dates(window: Window) -> str:
    """Its days, after a comma; empty where it has neither a beginning nor an end."""
    parts = []
    if window.start:
        parts.append(f"from {window.start}")
    if window.end:
        parts.append(f"to {window.end}")
    return ", " + " ".join(parts) if parts else ""


def _facts(example: Any) -> Iterator[str]:
    from countenance.law.whatif import shown

    return (f"{name}: {shown(value)}" for name, value in example.items())


def _print(text: str, *, indent: str = "  ") -> None:
    rest = " " * len(indent)
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=rest, break_on_hyphens=False
    ):
        console().print(plain(line), soft_wrap=True)
