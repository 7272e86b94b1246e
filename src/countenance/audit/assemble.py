"""The audit itself: scores and labels in, everything that is published out.

The order of work: group people; histogram the scores; set thresholds; count comparisons at them
(twice: at the few thresholds of interest by cell, at all of them by group); turn counts into rates
with intervals; compare groups. Nothing here depends on a clock, a thread or the order of rows.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np

from countenance.audit.counted import Counted
from countenance.audit.curves import curves, group_thresholds
from countenance.audit.describe import distributions, highest_nonmated, unlabelled
from countenance.audit.levels import read_rate
from countenance.audit.material import Failures, Material, material
from countenance.audit.planning import plan
from countenance.audit.results import threshold_result
from countenance.audit.sentences import summary
from countenance.audit.types import (
    SCHEMA,
    SCHEMA_VERSION,
    Audit,
    Counts,
    InputFile,
    Planned,
    Protocol,
    Settings,
    Software,
)
from countenance.core import InputError, Progress, no_progress
from countenance.scores import PairProtocol, Scores, TemplateSet

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
    counted = Counted(source, settings, claimed, progress)
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
        counts=_counts(counted),
        notes=(*source.notes, *unlabelled(source, counted.groupings), *counted.notes),
        groupings=tuple(counted.published()),
        enrolment=counted.enrolment,
        results=tuple(threshold_result(counted, k) for k in range(len(counted.levels))),
        operating=counted.operating,
        headline=counted.headline,
        curves=tuple(curves(counted)),
        group_thresholds=tuple(group_thresholds(counted)),
        distributions=tuple(
            distributions(counted.spread, counted.all_groupings, counted.group_names, source.unit)
        ),
        highest_nonmated=highest_nonmated(source, counted.spread, counted.everybody),
        plan=_plan(counted),
        same_session=dataset.get("sessions") == "one",
        settings=settings,
        command=command,
        summary="",
    )
    return replace(made, summary=summary(made))


def _counts(counted: Counted) -> Counts:
    """What went in."""
    source = counted.source
    mated = len(source.comparisons.mated().score)
    nonmated = source.comparisons.nonmated
    same = counted.rates[counted.headline].fmr if counted.groupings else []
    return Counts(
        people=len(source.subjects),
        images=int(source.images.sum()),
        comparisons=mated + nonmated,
        mated=mated,
        nonmated=nonmated,
        nonmated_same_group=sum(rates.trials for rates in same),
        failed_comparisons=source.failed,
    )


def _plan(counted: Counted) -> Planned | None:
    """People that would show a ratio of two at the FMR people meet here."""
    groups = counted.groupings[counted.headline].published.groups if counted.groupings else ()
    if len(groups) < 2:
        return None
    rate = counted.claimed or _round_rate(_pooled(counted))
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


def _pooled(counted: Counted) -> float:
    """FMR over all comparisons within headline groups at the operating threshold."""
    level = counted.levels[counted.operating]
    rates = counted.rates[counted.headline].fmr
    trials = sum(each.trials for each in rates)
    if not trials:
        return 0.0
    k = int(np.searchsorted(counted.grid, level.score))
    return sum(int(each.events[k]) for each in rates) / trials


def _round_rate(rate: float) -> Fraction | None:
    """The power of ten at or below a rate: what one plans for."""
    if not rate:
        return None
    return Fraction(10) ** int(np.floor(np.log10(rate)))


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
