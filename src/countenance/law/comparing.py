"""The comparison of jurisdictions: what each place's rules are, kind by kind, on one day."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from countenance.law.library import Library
from countenance.law.packs import Kind, Pack, Rule, Tag

COLUMNS: Mapping[str, str] = {
    "permit-if": "only on named grounds",
    "require:authority": "order or approval",
    "prohibit": "prohibitions",
    "live-ban": "live ban",
    "no-sole-basis": "no sole basis",
    "require:evidence": "other evidence",
    "require:disclosure": "disclosure to the accused",
    "require:report": "report",
    "require:notice": "notice to the public",
    "require:test": "accuracy",
    "require:review": "human review",
    "require:training": "training",
    "require:record": "record",
    "gallery-limit": "gallery limit",
    "retention": "retention",
    "penalty": "penalty",
}
"""Columns in reading order: a rule's kind, and of a requirement what of; and what to call it."""

_TAGS = (Tag.VERIFIED, Tag.SECOND_HAND, Tag.UNVERIFIED)


@dataclass(frozen=True, slots=True)
class Row:
    """One pack. `cells` holds the rules of each column that is not empty."""

    pack: Pack
    standing: str  # in force | ended | not yet | bill | model
    cells: Mapping[str, tuple[Rule, ...]]

    def tag(self, column: str) -> Tag | None:
        """The best verification among the rules of a cell; None where there is none."""
        tags = {rule.checked.tag for rule in self.cells.get(column, ())}
        return next((tag for tag in _TAGS if tag in tags), None)


def column_of(rule: Rule) -> str:
    """The column a rule stands in."""
    return f"require:{rule.of}" if rule.kind is Kind.REQUIRE else rule.kind.value


def matrix(library: Library, as_of: datetime.date, *, places: Iterable[str] = ()) -> list[Row]:
    """A row a pack, in order of place; only of these places and what is inside, if any are named.

    Rules that are not in force on the day are left out of a pack that is.
    """
    wanted = tuple(places)
    rows = []
    for pack in sorted(library.values(), key=lambda pack: (pack.jurisdiction, pack.id)):
        if wanted and not any((pack.jurisdiction + "/").startswith(p + "/") for p in wanted):
            continue
        standing = _standing(pack, as_of)
        cells: dict[str, list[Rule]] = {}
        for rule in pack:
            if standing != "in force" or rule.window.holds(as_of):
                cells.setdefault(column_of(rule), []).append(rule)
        rows.append(Row(pack, standing, {name: tuple(rules) for name, rules in cells.items()}))
    return rows


def _standing(pack: Pack, day: datetime.date) -> str:
    if not pack.binding:
        return pack.status
    if pack.window.holds(day):
        return "in force"
    return "ended" if pack.window.end and pack.window.end <= day else "not yet"
