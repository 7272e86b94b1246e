"""What the figures and the page ask of an audit: the operating result, picked groups, colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from countenance.audit.report.palette import DASHES, GROUPS, LIGHT, SHAPES
from countenance.audit.sentences import count, number
from countenance.audit.types import (
    Audit,
    Curve,
    Distribution,
    Grouping,
    GroupingResult,
    GroupResult,
    ThresholdResult,
)

T = TypeVar("T")

ROWS = 30
PANELS = 8
CELLS = 10


class View:
    """One audit, seen at its operating threshold in its headline grouping."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.operating: ThresholdResult | None = (
            audit.results[audit.operating] if audit.results else None
        )
        self.grouping: Grouping | None = (
            audit.groupings[audit.headline] if audit.groupings else None
        )
        self.unit = str(audit.unit.get("name", "score"))
        self.lower_is_stricter = audit.unit.get("kind") in ("distance", "dissimilarity")
        self._order = {label: i for i, label in enumerate(self._coloured())}

    @property
    def result(self) -> GroupingResult | None:
        """Rates of the headline groups at the operating threshold, worst first."""
        return self.result_of(self.grouping.label) if self.grouping else None

    @property
    def groups(self) -> tuple[GroupResult, ...]:
        """The headline groups, worst FMR first."""
        result = self.result
        return result.groups if result else ()

    def result_of(self, grouping: str) -> GroupingResult | None:
        """The same of any grouping."""
        if self.operating is None:
            return None
        return next((g for g in self.operating.groupings if g.grouping == grouping), None)

    def people(self, grouping: str, group: str) -> int | None:
        """How many people a group has."""
        for candidate in self.audit.groupings:
            if candidate.label == grouping:
                return next((g.people for g in candidate.groups if g.label == group), None)
        return None

    def _coloured(self) -> list[str]:
        """Groups in the order of their colours: that of the grouping, where there are enough.

        People alone in a group cannot be compared within it and come last. Where there are more
        groups than colours, those that the panels draw get one.
        """
        if self.grouping is None:
            return []
        labels = [g.label for g in sorted(self.grouping.groups, key=lambda g: g.people < 2)]
        if sum(g.people > 1 for g in self.grouping.groups) <= len(GROUPS):
            return labels
        return [g.group for g in pick(self.groups, PANELS)[0]]

    def colour(self, label: str) -> str:
        """A group's colour: by its place in the grouping, so it is the same in every figure."""
        place = self._order.get(label)
        return GROUPS[place] if place is not None and place < len(GROUPS) else LIGHT["muted"]

    def shape(self, label: str) -> str:
        """A group's mark."""
        return SHAPES[self._order.get(label, 0) % len(SHAPES)]

    def dash(self, label: str) -> tuple[float, ...]:
        """A group's line."""
        return DASHES[self._order.get(label, 0) % len(DASHES)]

    def curves(self) -> list[Curve]:
        """Curves of the headline groups, in the order of `groups`."""
        if self.grouping is None:
            return [c for c in self.audit.curves if not c.group]
        found = {c.group: c for c in self.audit.curves if c.grouping == self.grouping.label}
        ordered = [found[g.group] for g in self.groups if g.group in found]
        return ordered or [c for c in self.audit.curves if not c.group]

    def distributions(self) -> list[Distribution]:
        """Histograms of the headline groups, in the order of `groups`."""
        label = self.grouping.label if self.grouping else ""
        found = {d.group: d for d in self.audit.distributions if d.grouping == label}
        return [found[g.group] for g in self.groups if g.group in found] or list(found.values())

    def value(self, value: float | None) -> str:
        """A threshold or score in the unit shown."""
        return "–" if value is None else number(value, 4)


def pick(items: Sequence[T], limit: int) -> tuple[list[T], str]:
    """At most `limit` of items that are in order, worst first, and the rule in words.

    Three quarters from the worst end, the rest from the best: what is left out is the middle.
    """
    if len(items) <= limit:
        return list(items), ""
    worst = limit - limit // 4
    best = limit - worst
    rule = (
        f"{count(limit)} of {count(len(items))} groups are drawn: the {count(worst)} highest and "
        f"the {count(best)} lowest in false match rate. The table has all of them."
    )
    return [*items[:worst], *items[-best:]], rule


def group_name(label: str) -> str:
    """A group's label, or the word for all of them."""
    return label or "everybody"
