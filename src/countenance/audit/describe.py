"""What is told of the comparisons beside their rates: spread, failures, concentration, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.audit.grouping import Grouped
from countenance.audit.interval import rate_interval
from countenance.audit.material import Material
from countenance.audit.rates import published
from countenance.audit.types import (
    Concentration,
    Distribution,
    EnrolmentResult,
    GroupingEnrolment,
    HighComparison,
    Reason,
)
from countenance.audit.variance import RateVariance, failures_to_enrol
from countenance.core import Note, ScoreUnit
from countenance.scores import Rows, Spread

#: Bars of a published histogram, about.
BARS = 72
QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.999)
#: How many of the highest non-mated scores are listed.
HIGHEST = 10

Names = Callable[[int], tuple[str, list[str]]]


def distributions(
    spread: Spread, groupings: Sequence[Grouped], names: Names, unit: ScoreUnit
) -> list[Distribution]:
    """Histograms and quantiles of every group's scores, in the unit shown, low values first."""
    edges = unit.to_units(spread.bins.edges())
    descending = len(edges) > 1 and edges[0] > edges[-1]
    wanted = np.linspace(edges.min(), edges.max(), BARS + 1)
    rising = edges[::-1] if descending else edges
    cut = np.unique(np.clip(np.searchsorted(rising, wanted), 0, len(rising) - 1))
    cut[0], cut[-1] = 0, len(rising) - 1
    out = []
    for index in [len(groupings) - 1, *range(len(groupings) - 1)]:
        label, groups = names(index)
        for group, name in enumerate(groups):
            other, own = spread.nonmated[index][group], spread.mated[index][group]
            if descending:
                other, own = other[::-1], own[::-1]
            out.append(
                Distribution(
                    grouping=label,
                    group=name,
                    edges=tuple(float(e) for e in rising[cut]),
                    nonmated=_bars(other, cut),
                    mated=_bars(own, cut),
                    nonmated_quantiles=_quantiles(other, rising),
                    mated_quantiles=_quantiles(own, rising),
                )
            )
    return out


def _bars(counts: npt.NDArray[np.int64], cut: npt.NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(int(c) for c in np.add.reduceat(counts, cut[:-1]))


def _quantiles(
    counts: npt.NDArray[np.int64], edges: npt.NDArray[np.float64]
) -> tuple[float, ...] | None:
    """Upper edges of the fine bins that hold the quantiles."""
    total = int(counts.sum())
    if not total:
        return None
    reached = counts.cumsum()
    places = [int(np.searchsorted(reached, q * total)) for q in QUANTILES]
    return tuple(float(edges[min(place, len(counts) - 1) + 1]) for place in places)


def enrolment(
    source: Material, groupings: Sequence[Grouped], names: Names, level: float
) -> tuple[GroupingEnrolment, ...]:
    """Failures to enrol of every group, everybody last; empty where attempts are not known.

    Images of one person fail together, so people are the unit of inference here too.
    """
    if source.enrolled is None:
        return ()
    attempted = np.array(source.enrolled.attempted, dtype=np.float64)
    failed = np.array(source.enrolled.failures, dtype=np.float64)
    by_status = {s: np.array(c) for s, c in source.enrolled.failed.items()}
    out = []
    for index, grouped in enumerate(groupings):
        label, groups = names(index)
        results = []
        for group, name in enumerate(groups):
            people = grouped.members(group)
            v = failures_to_enrol(failed[people], attempted[people])
            rate = published(
                v,
                rate_interval(v, level=level),
                0,
                int(failed[people].sum()),
                int(attempted[people].sum()),
            )
            reasons = tuple(
                Reason(status=status, images=int(counts[people].sum()))
                for status, counts in by_status.items()
                if counts[people].sum()
            )
            results.append(EnrolmentResult(group=name, fte=rate, reasons=reasons))
        out.append(GroupingEnrolment(grouping=label, groups=tuple(results)))
    return tuple(out)


def concentration(everybody: RateVariance, k: int) -> Concentration:
    """How the false matches at threshold k are spread over people.

    From the influences: each false match counts for both of its people, in shares of a pair where
    a pair was compared several times.
    """
    carried = everybody.psi[k] * everybody.trials + everybody.estimate[k] * everybody.degree
    carried = np.sort(np.maximum(np.round(carried, 9), 0.0))[::-1]
    total = float(carried.sum())
    some = carried[carried > 0]
    return Concentration(
        people=everybody.people,
        people_in_any=len(some),
        most=round(float(some[0])) if len(some) else 0,
        shares=tuple(float(s) for s in np.round(np.cumsum(some) / total, 6)) if total else (),
    )


def highest_nonmated(
    source: Material, spread: Spread, everybody: int
) -> tuple[HighComparison, ...]:
    """The highest scores between people who are said to be different: labels to be checked."""
    counts = spread.nonmated[everybody][0]
    if not counts.sum():
        return ()
    reached = counts[::-1].cumsum()[::-1]
    floor = spread.bins.edges()[int(np.flatnonzero(reached >= min(HIGHEST, reached[0]))[-1])]
    highest = float(floor) - 1e-9  # an edge may be rounded above the score it was made from
    blocks = source.comparisons.over(lambda tiles: [tile.at_least(highest) for tile in tiles])
    found: list[Rows] = [rows for block in blocks for rows in block]
    probe = np.concatenate([rows.probe for rows in found])
    reference = np.concatenate([rows.reference for rows in found])
    score: npt.NDArray[Any] = np.concatenate([rows.score for rows in found])
    top = np.lexsort((reference, probe, -score.astype(np.float64)))[:HIGHEST]
    rows = Rows(probe[top], reference[top], score[top])
    return tuple(
        HighComparison(
            probe=names[0],
            reference=names[1],
            probe_subject=source.subjects[one],
            reference_subject=source.subjects[other],
            value=source.unit.to_unit(float(value)),
        )
        for names, one, other, value in zip(
            source.names(rows), rows.probe, rows.reference, rows.score, strict=True
        )
    )


def unlabelled(source: Material, groupings: Sequence[Grouped]) -> tuple[Note, ...]:
    """A note for each attribute that some people have no value for."""
    notes = []
    for grouped in groupings:
        if len(grouped.published.attributes) > 1 or not grouped.published.not_stated:
            continue
        name = grouped.published.attributes[0]
        without = [
            subject
            for subject, code in zip(source.subjects, grouped.labels.of, strict=True)
            if code < 0
        ]
        who = "1 person has" if len(without) == 1 else f"{len(without)} people have"
        notes.append(
            Note(
                "not-stated",
                len(without),
                f"{who} no {name}: counted for everybody and for no group of {name}.",
                tuple(without[:5]),
            )
        )
    return tuple(notes)
