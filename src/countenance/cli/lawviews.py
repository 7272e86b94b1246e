"""What `countenance law` shows at a terminal."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from countenance.cli.terminal import console, plain

if TYPE_CHECKING:
    from countenance.law import Difference, Fact, Finding, Pack, Result, Row, Rule, Window
    from countenance.law.diff import Change as RuleChange

_WIDTH = 80


def show_findings(findings: Sequence[Finding], *, quiet: bool) -> None:
    """Faults in full; what is good to know counted, and in full unless `quiet`."""
    out = console()
    faults = [finding for finding in findings if finding.is_fault]
    notices = [finding for finding in findings if not finding.is_fault]
    for finding in faults:
        out.print(plain(f"{finding.code}: {', '.join(finding.rules)}"))
        _print(finding.sentence)
        if finding.example:
            _print(f"for example: {finding.shown_example}")
    if not quiet:
        _show_notices(notices)
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    told = ", ".join(f"{count} {code}" for code, count in counts.items())
    out.print(f"{len(faults)} to mend, {len(notices)} to know{f': {told}' if told else ''}.")


def _show_notices(notices: Iterable[Finding]) -> None:
    """What is said of many rules is said once."""
    said: dict[tuple[str, str], list[Finding]] = {}
    for finding in notices:
        said.setdefault((finding.code, finding.says), []).append(finding)
    for (code, says), findings in said.items():
        console().print(plain(code))
        _print(f"{says} [{'; '.join(dict.fromkeys(finding.cite for finding in findings))}]")
        for finding in findings:
            _print(", ".join(finding.rules), indent="  - ")


def show_difference(found: Difference) -> None:
    """Rules that begin and end, then the requests that come out otherwise."""
    out = console()
    out.print(f"From {found.start} to {found.end}")
    out.print()
    together: dict[tuple[bool, datetime.date, str], list[RuleChange]] = {}
    for change in found.changes:
        key = (change.begins, change.day, change.pack.id)
        together.setdefault(key, []).append(change)
    for (begins, day, pack), changes in together.items():
        sign = "+" if begins else "-"
        if len(changes) < _MANY:
            for change in changes:
                out.print(plain(f"{sign} {day} {change.rule.id} ({change.rule.checked.tag})"))
                _print(f"{change.rule.says} [{change.rule.cite}]")
        else:
            verb = "begin" if begins else "end"
            out.print(plain(f"{sign} {day} {pack}: {len(changes)} rules {verb}"))
            _print(f"{changes[0].pack.name}. [{changes[0].pack.citation}]")
            _print(", ".join(change.rule.name for change in changes))
    if not found.changes:
        out.print("No rule begins or ends.")
    out.print()
    turned: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for turn in found.turns:
        why = tuple(reason.sentence for reason in turn.after.reasons[:3])
        key_ = (turn.before.outcome.value, turn.after.outcome.value, why)
        turned.setdefault(key_, []).append(turn.title)
    for (before, after, why), titles in turned.items():
        out.print(plain(f"{before} -> {after}, because"))
        for sentence in why:
            _print(sentence)
        for title in titles:
            _print(title, indent="  - ")
    out.print(f"{len(found.turns)} of {found.tried} scenarios come out otherwise.")


_CODES = {
    "permit-if": "Gr", "require:authority": "Or", "prohibit": "Pr", "live-ban": "Lv",
    "no-sole-basis": "So", "require:evidence": "Ev", "require:disclosure": "Di",
    "require:report": "Re", "require:notice": "No", "require:test": "Ac", "require:review": "Hu",
    "require:training": "Tr", "require:record": "Rc", "gallery-limit": "Ga", "retention": "Rt",
    "penalty": "Pe",
}  # fmt: skip
_MANY = 4  # rules of one pack that begin or end together: told as one
_NAME = 30  # columns for a pack's name: what is left of 80


def show_matrix(rows: Sequence[Row], day: datetime.date) -> None:
    """A line a pack; a column a kind of rule, with the best verification of its rules."""
    from countenance.law import COLUMNS

    out = console()
    out.print(
        f"Rules as of {day}, by their best check: V text read, 2 second hand, U not verified."
    )
    out.print("In brackets: a bill or model, or not in force on that day.")
    out.print()
    legend = [f"{_CODES[column]} {name}" for column, name in COLUMNS.items()]
    for one, two, three in zip_longest(*[iter(legend)] * 3, fillvalue=""):
        out.print(plain(f"{one:29}{two:27}{three}".rstrip()))
    out.print()
    out.print(plain(" " * _NAME + " " + " ".join(_CODES[column] for column in COLUMNS)))
    place = None
    for row in rows:
        if row.pack.jurisdiction != place:
            place = row.pack.jurisdiction
            out.print(plain(place), style="bold")
        name = row.pack.id.rpartition("/")[2]
        cut = _cut(f"  {name}" if row.standing == "in force" else f"  [{name}]", _NAME)
        marks = " ".join(f"{_mark(row, column):2}" for column in COLUMNS)
        out.print(plain(f"{cut:{_NAME}} {marks}".rstrip()))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "\u2026"


def _mark(row: Row, column: str) -> str:
    tag = row.tag(column)
    return "" if tag is None else {"V": "V", "V2": "2", "U": "U"}[tag.value]


def matrix_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for machines: every rule of every cell."""
    return [
        {
            "pack": row.pack.id, "jurisdiction": row.pack.jurisdiction, "standing": row.standing,
            "cells": {
                column: [rule_json(rule) for rule in rules] for column, rules in row.cells.items()
            },
        }
        for row in rows
    ]  # fmt: skip


def rule_json(rule: Rule) -> dict[str, Any]:
    """What a rule says and how far that was checked."""
    return {
        "rule": rule.id, "kind": rule.kind.value, "of": rule.of, "says": rule.says,
        "cite": rule.cite, "acts": list(rule.acts), "tag": rule.checked.tag.value,
        "source": rule.checked.source, "checked-on": rule.checked.on.isoformat(),
        "from": _iso(rule.window.start), "to": _iso(rule.window.end), "caution": rule.caution,
        "note": rule.note,
    }  # fmt: skip


def rules_json(pack: Pack) -> list[dict[str, Any]]:
    """Every rule of a pack."""
    return [rule_json(rule) for rule in pack]


def pack_json(pack: Pack) -> dict[str, Any]:
    """A pack without its rules."""
    tags = [rule.checked.tag.value for rule in pack]
    return {
        "pack": pack.id, "name": pack.name, "jurisdiction": pack.jurisdiction,
        "level": pack.level, "citation": pack.citation, "status": pack.status,
        "from": _iso(pack.window.start), "to": _iso(pack.window.end), "version": pack.version,
        "sha256": pack.digest, "tags": {tag: tags.count(tag) for tag in ("V", "V2", "U")},
    }  # fmt: skip


def _iso(day: datetime.date | None) -> str | None:
    return None if day is None else day.isoformat()


def show_packs(packs: Iterable[Pack]) -> None:
    """A line a pack: its status, its dates, and how many of its rules were checked how far."""
    out = console()
    out.print(plain(f"{'':37} {'status':8} {'from':10} {'to':10}   V  V2   U"))
    place = None
    for pack in packs:
        if pack.jurisdiction != place:
            place = pack.jurisdiction
            out.print(plain(place), style="bold")
        tags = [rule.checked.tag.value for rule in pack]
        counts = "".join(f"{tags.count(tag) or '-':>4}" for tag in ("V", "V2", "U"))
        name = _cut(f"  {pack.id.rpartition('/')[2]}", 37)
        start, end = (_iso(day) or "" for day in (pack.window.start, pack.window.end))
        out.print(plain(f"{name:37} {pack.status:8} {start:10} {end:10}{counts}"))


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


def facts_with(word: str) -> list[Fact]:
    """Facts whose name, question or words hold `word`."""
    from countenance.law import bundled_vocabulary

    return [
        fact
        for fact in bundled_vocabulary().values()
        if word.casefold() in " ".join((fact.name, fact.ask, *fact.words)).casefold()
    ]


def show_facts(facts: Iterable[Fact]) -> None:
    """Each with its question and its words."""
    out = console()
    for fact in facts:
        unit = f", {fact.unit}" if fact.unit else ""
        can = "; can be done" if fact.to_do else ""
        out.print(plain(f"{fact.name} ({fact.kind}{unit}{can})"))
        _print(fact.ask)
        if fact.words:
            _print(", ".join(fact.words))


def facts_json(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {"fact": fact.name, "ask": fact.ask, "kind": fact.kind.value, "words": list(fact.words),
         "unit": fact.unit, "rising": fact.rising, "to-do": fact.to_do}
        for fact in facts
    ]  # fmt: skip


def scenarios_json(results: Iterable[Result], *, failed_only: bool) -> list[dict[str, Any]]:
    """What came of each expectation."""
    return [
        {
            "file": result.scenario.file, "title": result.scenario.title,
            "policy": list(result.expect.policy), "expected": result.expect.decision.value,
            "got": result.decision.outcome.value, "faults": list(result.faults),
            "because": [reason.sentence for reason in result.decision.reasons],
        }
        for result in results
        if result.faults or not failed_only
    ]  # fmt: skip


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


def _print(text: str, *, indent: str = "  ") -> None:
    rest = " " * len(indent)
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=rest, break_on_hyphens=False
    ):
        console().print(plain(line), soft_wrap=True)
