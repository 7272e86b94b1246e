"""Comparisons counted: people in groups, thresholds set, rates at every one of them.

This is the part of an audit that reads comparisons; what follows only arranges its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from countenance.audit.describe import enrolment
from countenance.audit.grouping import Grouped, group_people
from countenance.audit.levels import (
    GroupLevel,
    Level,
    curve_levels,
    fixed_levels,
    target_levels,
)
from countenance.audit.material import Material
from countenance.audit.rates import Rates, any_rates, mated_rates, within_rates
from countenance.audit.types import Grouping, GroupingEnrolment, Settings
from countenance.core import InputError, Note, Progress
from countenance.scores import Cross, Labels, Tally, spread, tally


@dataclass(frozen=True, slots=True, eq=False)
class GroupingRates:
    """All rates of one grouping: `fmr` and `fnmr` at every threshold, the others at the levels."""

    fmr: list[Rates]
    fnmr: list[Rates]
    fmr_any: list[Rates]
    cross: Cross


class Counted:
    """One audit's comparisons, counted.

    `all_groupings` is what was asked for and, last, everybody as one group. `levels` are the
    thresholds of interest; `grid` is every threshold anything is counted at, rising.
    """

    def __init__(
        self, source: Material, settings: Settings, claimed: Fraction | None, progress: Progress
    ) -> None:
        self.source = source
        self.settings = settings
        self.claimed = claimed
        self.groupings = group_people(
            source.attributes, settings.groups, settings.bins, source.images
        )
        self.headline = len(self.groupings) - 1
        self.all_groupings = [*self.groupings, _everybody(source)]
        self.everybody = len(self.groupings)
        labels = [grouped.labels for grouped in self.all_groupings]
        self.spread = spread(source.comparisons, labels, progress=progress)
        self.levels, self.needs, self.notes = self._levels()
        self.operating = self._operating()
        curve = curve_levels(source, self.spread, self.everybody, settings.curve_points)
        own = {level.score: level.value for level in self.levels}
        needed = {need.score for need in self.needs if need.score is not None}
        self.curve_values = {score: value for value, score in curve} | own
        self.grid = np.array(sorted({*self.curve_values, *needed}))
        wide = tally(source.counted, self.grid, labels, cross=False, progress=progress)
        self.few = np.array(sorted(own))
        narrow = tally(
            source.counted,
            self.few,
            labels,
            cross=True,
            progress=progress,
            stage="counting by cell",
        )
        self.rates = [
            self._rates(index, grouped, wide, narrow)
            for index, grouped in enumerate(self.all_groupings)
        ]
        self.enrolment: tuple[GroupingEnrolment, ...] = enrolment(
            source, self.all_groupings, self.group_names, settings.level
        )

    def _levels(self) -> tuple[list[Level], list[GroupLevel], list[Note]]:
        fixed = fixed_levels(self.source, self.settings.thresholds)
        targets, needs, notes = target_levels(
            self.source,
            self.everybody,
            self.headline,
            self.all_groupings,
            self.spread,
            self.settings.fmr_targets,
            self.settings.failures,
        )
        return fixed + targets, needs, notes

    def _operating(self) -> int:
        if not self.levels:
            why = (
                "" if self.source.comparisons.nonmated else ": no comparisons of different people"
            )
            raise InputError(
                f"there is no threshold to audit at{why}",
                expected="an engine with a documented default, or a threshold",
                do="give one: --threshold 0.5",
            )
        wanted = {self.source.unit.threshold(text) for text in self.settings.thresholds[:1]}
        for index, level in enumerate(self.levels):
            if level.score in wanted:
                return index
        return 0

    def _rates(self, index: int, grouped: Grouped, wide: Tally, narrow: Tally) -> GroupingRates:
        level = self.settings.level
        return GroupingRates(
            fmr=within_rates(wide.within[index], grouped, level),
            fnmr=mated_rates(wide.mated, grouped, level),
            fmr_any=any_rates(narrow.cross[index], grouped, level),
            cross=narrow.cross[index],
        )

    def group_names(self, index: int) -> tuple[str, list[str]]:
        """Label of a grouping and of its groups; everybody is the empty label."""
        if index == self.everybody:
            return "", [""]
        published = self.all_groupings[index].published
        return published.label, [group.label for group in published.groups]

    def published(self) -> list[Grouping]:
        """The groupings asked for."""
        return [grouped.published for grouped in self.groupings]

    def fte(self, index: int, group: int) -> float | None:
        """Failure-to-enrol rate of a group, for rates that do not count failures themselves.

        None where attempts are not known, and where FMR and FNMR count failures already: a
        generalised rate made of both would count them twice.
        """
        if not self.enrolment or self.settings.failures != "exclude":
            return None
        return self.enrolment[index].groups[group].fte.estimate


def _everybody(source: Material) -> Grouped:
    """All people as one group."""
    count = len(source.subjects)
    published = Grouping(attributes=(), label="", groups=(), not_stated=0)
    return Grouped(published, Labels(np.zeros(count, dtype=np.int32), 1))
