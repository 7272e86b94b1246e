"""The audit itself: scores and labels in, everything that is published out.

The order of work: group people; histogram the scores; set thresholds; count comparisons at them
(twice: at the few thresholds of interest by cell, at all of them by group); turn counts into rates
with intervals; compare groups. Nothing here depends on a clock, a thread or the order of rows.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np

from countenance.audit.describe import (
    concentration,
    distributions,
    enrolment,
    highest_nonmated,
    unlabelled,
)
from countenance.audit.grouping import Grouped, group_people
from countenance.audit.levels import (
    GroupLevel,
    Level,
    curve_levels,
    fixed_levels,
    read_rate,
    target_levels,
)
from countenance.audit.material import Failures, Material, material
from countenance.audit.planning import plan
from countenance.audit.rates import (
    Rates,
    any_rates,
    cells,
    group_result,
    mated_rates,
    within_rates,
)
from countenance.audit.sentences import summary
from countenance.audit.spreading import combined, differential
from countenance.audit.types import (
    SCHEMA,
    SCHEMA_VERSION,
    Audit,
    Counts,
    Curve,
    Grouping,
    GroupingEnrolment,
    GroupingResult,
    GroupThreshold,
    InputFile,
    Planned,
    Protocol,
    Settings,
    Software,
    Threshold,
    ThresholdResult,
)
from countenance.core import InputError, Progress, no_progress
from countenance.scores import (
    Cross,
    Labels,
    PairProtocol,
    Scores,
    Tally,
    TemplateSet,
    spread,
    tally,
)

FMR_TARGETS = ("0.01", "0.001")
#: The ratio between two groups that the plan is made for.
PLAN_RATIO = 2.0


def audit(
    data: Scores | TemplateSet,
    *,
    groups: Sequence[str] = (),
    bins: Mapping[str, Sequence[float]] | None = None,
    thresholds: Sequence[str] = (),
    fmr_targets: Sequence[str] = FMR_TARGETS,
    claimed_fmr: str | None = None,
    level: float = 0.95,
    seed: int = 1,
    failures: Failures = "exclude",
    protocol: PairProtocol | None = None,
    date: str | None = None,
    title: str | None = None,
    command: str = "",
    curve_points: int = 48,
    progress: Progress = no_progress,
) -> Audit:
    """Measure an engine's errors by group.

    Parameters
    ----------
    data
        A score table (`read_scores`) or the templates of a data set (`enrol`).
    groups
        Attributes to group people by; every crossing of them is measured too, the finest being
        the headline.
    bins
        Lower edges for numeric attributes: ``{"age": (20, 35, 50)}``.
    thresholds
        In the engine's unit, as text so that they are read exactly. The first one is the
        operating threshold; without one it is the engine's documented default, and without that
        the first target.
    fmr_targets
        False match rates to set thresholds for, on all comparisons and on the worst group.
    claimed_fmr
        The false match rate somebody claims, drawn as a line.
    level
        Confidence of all intervals.
    seed
        Of everything simulated.
    failures
        How comparisons count that could not be made; see `material`.
    protocol
        Which images are compared, for templates; every pair once by default.
    date
        ISO date written into the audit. An input: the same inputs give the same bytes.
    title, command
        Shown in the report; the command that reproduces it.
    curve_points
        About how many thresholds curves are drawn through.
    progress
        Called with the stage and how far it is.

    Raises
    ------
    InputError
        An attribute, threshold or target that does not fit, or no way to set a threshold.
    """
    settings = Settings(
        groups=tuple(groups),
        bins={name: tuple(float(e) for e in edges) for name, edges in (bins or {}).items()},
        thresholds=tuple(map(str, thresholds)),
        fmr_targets=tuple(map(str, fmr_targets)),
        claimed_fmr=None if claimed_fmr is None else str(claimed_fmr),
        level=level,
        seed=seed,
        failures=failures,
        curve_points=curve_points,
    )
    claimed = _checked(settings)
    source = material(data, protocol, failures)
    work = _Work(source, settings, claimed, progress)
    engine = source.engine or {}
    dataset = source.dataset or {}
    made = Audit(
        schema=SCHEMA,
        version=SCHEMA_VERSION,
        title=title or _title(engine, dataset),
        performed_on=date,
        software=_software(),
        engine=dict(engine) or None,
        dataset=dict(dataset) or None,
        inputs=tuple(InputFile(name=n, sha256=h, rows=r) for n, h, r in source.inputs),
        unit=source.unit.to_json() | {"rule": source.unit.rule},
        protocol=_protocol(source),
        counts=work.counts(),
        notes=source.notes + unlabelled(source, work.groupings),
        groupings=tuple(work.published()),
        enrolment=work.enrolment,
        results=tuple(work.result(k) for k in range(len(work.levels))),
        operating=work.operating,
        headline=work.headline,
        curves=tuple(work.curves()),
        group_thresholds=tuple(work.group_thresholds()),
        distributions=tuple(
            distributions(work.spread, work.all_groupings, work.group_names, source.unit)
        ),
        highest_nonmated=highest_nonmated(source, work.spread, work.everybody),
        plan=work.plan(),
        same_session=dataset.get("sessions") == "one",
        settings=settings,
        command=command,
        summary="",
    )
    return replace(made, summary=summary(made))


@dataclass(frozen=True, slots=True, eq=False)
class _GroupingRates:
    """All rates of one grouping: `fmr` and `fnmr` at every threshold, the others at the levels."""

    fmr: list[Rates]
    fnmr: list[Rates]
    fmr_any: list[Rates]
    cross: Cross


class _Work:
    """The steps of one audit and what they share.

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

    def _rates(self, index: int, grouped: Grouped, wide: Tally, narrow: Tally) -> _GroupingRates:
        level = self.settings.level
        return _GroupingRates(
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

    def counts(self) -> Counts:
        """What went in."""
        source = self.source
        mated = len(source.comparisons.mated().score)
        nonmated = source.comparisons.nonmated
        same = self.rates[self.headline].fmr if self.groupings else []
        return Counts(
            people=len(source.subjects),
            images=int(source.images.sum()),
            comparisons=mated + nonmated,
            mated=mated,
            nonmated=nonmated,
            nonmated_same_group=sum(rates.trials for rates in same),
            failed_comparisons=source.failed,
        )

    def result(self, place: int) -> ThresholdResult:
        """Everything at one of the levels."""
        level = self.levels[place]
        reached = level.score is not None
        score = level.score if level.score is not None else self.grid[-1]
        k = int(np.searchsorted(self.grid, score))
        few = int(np.searchsorted(self.few, score))
        groupings = [self._grouping(i, k, few) for i in range(len(self.groupings)) if reached]
        everybody = self.rates[self.everybody]
        return ThresholdResult(
            threshold=self._threshold(level, k),
            overall=group_result(
                "",
                k,
                few,
                fmr=everybody.fmr[0],
                fmr_any=everybody.fmr_any[0],
                fnmr=everybody.fnmr[0],
                fte=self._fte(self.everybody, 0),
                pooled=None,
            ),
            groupings=tuple(groupings),
            concentration=concentration(everybody.fmr[0].variance, k),
        )

    def _grouping(self, index: int, k: int, few: int) -> GroupingResult:
        label, names = self.group_names(index)
        rates, level = self.rates[index], self.settings.level
        trials = sum(r.trials for r in rates.fmr)
        pooled = sum(int(r.events[k]) for r in rates.fmr) / trials if trials else None
        results = [
            group_result(
                name,
                k,
                few,
                fmr=rates.fmr[g],
                fmr_any=rates.fmr_any[g],
                fnmr=rates.fnmr[g],
                fte=self._fte(index, g),
                pooled=pooled,
            )
            for g, name in enumerate(names)
        ]
        seed = self.settings.seed
        claimed = float(self.claimed) if self.claimed is not None else None
        return GroupingResult(
            grouping=label,
            groups=tuple(sorted(results, key=_worst_first)),
            cells=cells(rates.cross, rates.fmr, self.all_groupings[index], few, k, level),
            fmr=differential("fmr", names, rates.fmr, k, level=level, seed=seed, target=claimed),
            fnmr=differential("fnmr", names, rates.fnmr, k, level=level, seed=seed),
            combined=combined(rates.fmr, rates.fnmr, k),
        )

    def _threshold(self, level: Level, k: int) -> Threshold:
        achieved = None
        if level.population is not None and level.score is not None:
            index = self.everybody if level.source == "target" else self.headline
            _, names = self.group_names(index)
            group = 0 if level.source == "target" else names.index(level.population)
            achieved = self.rates[index].fmr[group].at(k)
        return Threshold(
            label=level.label,
            source=level.source,
            value=level.value,
            score=level.score,
            rule=self.source.unit.rule,
            target=level.target,
            population=level.population,
            achieved=achieved,
            documented=level.documented,
            note=level.note,
        )

    def _fte(self, index: int, group: int) -> float | None:
        if not self.enrolment:
            return None
        return self.enrolment[index].groups[group].fte.estimate

    def curves(self) -> list[Curve]:
        """Rates of everybody and of every group along the grid."""
        scores = sorted(self.curve_values)
        at = np.searchsorted(self.grid, scores)
        values = tuple(self.curve_values[score] for score in scores)
        order = [self.everybody, *range(len(self.groupings))]
        return [
            _curve(self.group_names(index)[0], name, values, fmr, fnmr, at)
            for index in order
            for name, fmr, fnmr in zip(
                self.group_names(index)[1],
                self.rates[index].fmr,
                self.rates[index].fnmr,
                strict=True,
            )
        ]

    def group_thresholds(self) -> list[GroupThreshold]:
        """What each group would need, and what everybody would pay."""
        everybody = self.rates[self.everybody]
        out = []
        for need in self.needs:
            label, names = self.group_names(need.grouping)
            achieved = fnmr = value = None
            if need.score is not None:
                k = int(np.searchsorted(self.grid, need.score))
                achieved = self.rates[need.grouping].fmr[need.group].at(k)
                fnmr = everybody.fnmr[0].at(k)
                value = self.source.unit.to_unit(need.score)
            out.append(
                GroupThreshold(
                    grouping=label,
                    group=names[need.group],
                    target=need.target,
                    value=value,
                    achieved=achieved,
                    fnmr=fnmr,
                    note=need.note,
                )
            )
        return out

    def plan(self) -> Planned | None:
        """People that would show a ratio of two at the FMR people meet here."""
        groups = self.groupings[self.headline].published.groups if self.groupings else ()
        if len(groups) < 2:
            return None
        rate = self.claimed or _round_rate(self._pooled())
        if rate is None or rate * Fraction(PLAN_RATIO) > 1:
            return None
        made = plan(rate, PLAN_RATIO, groups=len(groups))
        smallest = min(groups, key=lambda group: (group.people, group.label))
        return Planned(
            fmr=f"{float(rate):g}",
            ratio=PLAN_RATIO,
            people_per_group=made.people_per_group,
            smallest_group=smallest.label,
            smallest_group_people=smallest.people,
            sentence=made.sentence,
        )

    def _pooled(self) -> float:
        """FMR over all comparisons within headline groups at the operating threshold."""
        level = self.levels[self.operating]
        rates = self.rates[self.headline].fmr
        trials = sum(each.trials for each in rates)
        if level.score is None or not trials:
            return 0.0
        k = int(np.searchsorted(self.grid, level.score))
        return sum(int(each.events[k]) for each in rates) / trials


def _round_rate(rate: float) -> Fraction | None:
    """The power of ten at or below a rate: what one plans for."""
    if not rate:
        return None
    return Fraction(10) ** int(np.floor(np.log10(rate)))


def _curve(
    grouping: str, group: str, values: tuple[float, ...], fmr: Rates, fnmr: Rates, at: Any
) -> Curve:
    def column(array: Any, trials: int) -> tuple[float | None, ...]:
        return tuple(
            float(v) if trials and np.isfinite(v) else None for v in np.asarray(array)[at]
        )

    return Curve(
        grouping=grouping,
        group=group,
        values=values,
        fmr_events=tuple(int(e) for e in fmr.events[at]),
        fmr_trials=fmr.trials,
        fmr=column(fmr.variance.estimate, fmr.trials),
        fmr_low=column(fmr.intervals.low, fmr.trials),
        fmr_high=column(fmr.intervals.high, fmr.trials),
        fnmr_events=tuple(int(e) for e in fnmr.events[at]),
        fnmr_trials=fnmr.trials,
        fnmr=column(fnmr.variance.estimate, fnmr.trials),
        fnmr_low=column(fnmr.intervals.low, fnmr.trials),
        fnmr_high=column(fnmr.intervals.high, fnmr.trials),
    )


def _worst_first(result: Any) -> tuple[bool, float, str]:
    estimate = result.fmr.estimate
    return (estimate is None, -(estimate or 0.0), result.group)


def _everybody(source: Material) -> Grouped:
    """All people as one group."""
    count = len(source.subjects)
    published = Grouping(attributes=(), label="", groups=(), not_stated=0)
    return Grouped(published, Labels(np.zeros(count, dtype=np.int32), 1))


def _checked(settings: Settings) -> Fraction | None:
    """Refuse settings that say nothing; the claimed rate, exact."""
    if not 0.5 < settings.level < 1:
        raise InputError(f"a level of {settings.level:g}", expected="between 0.5 and 1")
    if settings.failures not in ("exclude", "positive", "negative"):
        raise InputError(
            f"failures cannot count as {settings.failures!r}",
            where="--failures",
            expected="exclude, positive or negative",
        )
    if settings.claimed_fmr is None:
        return None
    return read_rate(settings.claimed_fmr, where="--claim")


def _title(engine: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    return f"{engine.get('name') or 'Scores'} on {dataset.get('name') or 'a score table'}"


def _protocol(source: Material) -> Protocol:
    told = source.protocol or {}
    return Protocol(
        name=str(told.get("name", "as given")),
        description=str(
            told.get("description", "The comparisons listed in the score table, and no others.")
        ),
    )


def _software() -> Software:
    return Software(
        name="countenance",
        version=version("countenance"),
        python=platform.python_version(),
        parts={name: version(name) for name in ("numpy", "polars")},
    )
