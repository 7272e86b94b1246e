"""The public counts: what anybody can add up from the log without opening anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from countenance.record.entries import Entry


@dataclass(slots=True)
class PublicCounts:
    """Counts over entries; add entries one by one, in memory that does not grow with them.

    Attributes
    ----------
    entries
        How many entries were added.
    unknown
        How many of them are of a kind or version that this program does not know.
    kinds, months
        How many of each kind; how many in each month of the writer's clock, as ``2026-11``.
    decisions, reasons
        Of `search-decided`: how many permitted and refused, by place; refusals by reason code.
    lists, empty_lists, candidates
        Of `search-returned`: how many lists, how many of them empty, candidates in all.
    """

    entries: int = 0
    unknown: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    empty_lists: int = 0
    candidates: int = 0

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.entries += 1
        self.kinds[entry.kind] += 1
        self.months[entry.time[:7]] += 1
        if not entry.known:
            self.unknown += 1
            return
        public = entry.public
        if entry.kind == "search-decided":
            self.decisions[public["jurisdiction"], public["decision"]] += 1
            if public["decision"] == "refused":
                self.reasons[public["reason"]] += 1
        elif entry.kind == "search-returned":
            self.lists += 1
            self.empty_lists += public["candidates"] == 0
            self.candidates += public["candidates"]

    def to_json(self) -> dict[str, Any]:
        """As an object with sorted keys."""
        places: dict[str, dict[str, int]] = {}
        for (place, decision), n in sorted(self.decisions.items()):
            places.setdefault(place, {})[decision] = n
        return {
            "entries": self.entries,
            "unknown": self.unknown,
            "kinds": dict(sorted(self.kinds.items())),
            "months": dict(sorted(self.months.items())),
            "decisions": places,
            "reasons": dict(sorted(self.reasons.items())),
            "lists": self.lists,
            "empty_lists": self.empty_lists,
            "candidates": self.candidates,
        }


def count_public(entries: Iterable[Entry]) -> PublicCounts:
    """The public counts of some entries."""
    counts = PublicCounts()
    for entry in entries:
        counts.add(entry)
    return counts
