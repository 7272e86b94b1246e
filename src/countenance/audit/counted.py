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
from countenance.core import InputError, Progress
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
        self.levels, self.needs = self._levels()
        self.operating = self._operating()
        curve = curve_levels(source, self.spread, self.everybody, settings.curve_points)
        own = {level.score: level.value for level in self.levels if level.score is not None}
        shown = dict.fromkeys(need.score for need in self.needs if need.score is not None)
        self.curve_values = {score: value for value, score in curve} | {
            score: value for score, value in own.items() if value is not None
        }
        self.grid = np.array(sorted({*self.curve_values, *shown}))
        wide = tally(source.counted, self.grid, labels, cross=False, progress=progress)
        few = np.array(sorted(own)) if own else self.grid[:1]
        narrow = tally(
            source.counted, few, labels, cross=True, progress=progress, stage="counting by cell"
        )
        self.few = few
        self.rates = [
            self._rates(index, grouped, wide, narrow)
            for index, grouped in enumerate(self.all_groupings)
        ]
        self.enrolment: tuple[GroupingEnrolment, ...] = enrolment(
            source, self.all_groupings, self.group_names, settings.level
        )

    def _levels(self) -> tuple[list[Level], list[GroupLevel]]:
        fixed = fixed_levels(self.source, self.settings.thresholds)
        targets, needs = target_levels(
            self.source,
            self.everybody,
            self.headline,
            self.all_groupings,
            self.spread,
            self.settings.fmr_targets,
            self.settings.failures,
        )
        if not self.source.comparisons.nonmated:
            if not fixed:
                raise InputError(
                    "there are no comparisons of different people to set a threshold with",
                    expected="a threshold",
                    do="give one: --threshold 0.5",
                )
            targets = []
        return fixed + targets, needs

    def _operating(self) -> int:
        if not self.levels:
            raise InputError(
                "there is no threshold to audit at",
                expected="an engine with a documented default, a threshold or a target FMR",
                do="give one: --threshold 0.5 or --fmr-target 0.001",
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
        """Failure-to-enrol rate of a group; None where attempts are not known."""
        if not self.enrolment:
            return None
        return self.enrolment[index].groups[group].fte.estimate


def _everybody(source: Material) -> Grouped:
    """All people as one group."""
    count = len(source.subjects)
    published = Grouping(attributes=(), label="", groups=(), not_stated=0)
    return Grouped(published, Labels(np.zeros(count, dtype=np.int32), 1))
