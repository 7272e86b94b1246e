"""Findings as values: rates, thresholds, differentials, each with its counts and its interval.

Every rate is a `Rate` and carries its counts, its people, its interval and its method: there is no
bare float that could be quoted alone. Labels are the data set's own words.

Numbers in the unit shown to people (cosine, distance, a vendor's score) are called ``value``;
the internal number that grows with similarity is called ``score`` (see `core.ScoreUnit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A proportion that never travels alone.

    Attributes
    ----------
    events, trials
        Comparisons (or images) that count, and all of them.
    people
        Capture subjects that carry the estimate: the unit of inference.
    estimate
        The point estimate; None when there were no trials. It is ``events / trials`` where every
        pair of people was compared equally often, else the mean over pairs of people.
    low, high
        Ends of the interval at `level`; None when nothing can be said.
    level
        0.95 unless asked otherwise.
    method
        How the interval was made, a stable name explained in docs/statistics.md.
    supported
        False where the data cannot carry a statement; `note` then says why.
    note
        Plain words, empty when there is nothing to add.
    effective_n, design_effect
        Independent trials this is worth, and how many times the variance exceeds that of
        independent trials; None when not defined.
    naive_low, naive_high
        The binomial interval over comparisons that other tools print. Too narrow wherever
        comparisons share people; kept for comparison, never for a finding.
    high_if_independent
        Without events: the upper bound if no two comparisons shared a person. Optimistic; printed
        beside `high`, which holds however alike the people are.
    """

    events: int
    trials: int
    people: int
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    supported: bool
    note: str = ""
    effective_n: float | None = None
    design_effect: float | None = None
    naive_low: float | None = None
    naive_high: float | None = None
    high_if_independent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where the line is drawn, by whom, and what that gives.

    Attributes
    ----------
    label
        ``engine default 0.363``, ``FMR 0.001 on all``.
    source
        Who set it: the engine's documentation, the command line, or a target FMR.
    value, score
        In the unit shown to people, and internal; None when the target cannot be reached.
    rule
        The decision rule in words, so that ties are no question.
    target, population
        The FMR asked for and the non-mated comparisons it was set on (``all`` or a group).
    achieved
        The FMR this threshold gives on that population, on the same data: never above `target`.
    documented
        Where the engine's default is documented.
    note
        Why it is not attainable, or that it was set on the data it is judged on.
    """

    label: str
    source: Literal["default", "given", "target", "worst-group"]
    value: float | None
    score: int | float | None
    rule: str
    target: str | None = None
    population: str | None = None
    achieved: Rate | None = None
    documented: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What one group meets at one threshold (`group` is empty for everybody).

    Attributes
    ----------
    fmr
        False matches among comparisons of two different people *of this group*.
    fmr_any
        False matches of this group's probes against references of everybody else.
    fnmr
        Mated comparisons below the threshold.
    gfar, gfrr
        Generalised rates that count failures to enrol (docs/measures.md, 1). None where attempts
        are not known, and where `Settings.failures` counts failures in FMR and FNMR already.
    smallest_rate
        The smallest FMR that this many people can tell from zero.
    people_needed
        People needed in this group before a rate as low as the FMR within all groups of the
        grouping together could be told from zero, however alike they are.
    people_needed_alike
        The same if people vary as much as the groups of this grouping show.
    """

    group: str
    fmr: Rate
    fmr_any: Rate
    fnmr: Rate
    gfar: float | None
    gfrr: float | None
    smallest_rate: float | None
    people_needed: int | None
    people_needed_alike: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """FMR of probes of one group against references of another (ordered)."""

    probe: str
    reference: str
    fmr: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult:
    """One published summary of a differential beside what chance alone would show.

    Attributes
    ----------
    name, title, source
        Stable name, words, and where the formula comes from.
    value
        None where undefined; `reason` then says why (for example a group without errors).
    floor_median, floor_p95
        Median and 95th percentile of this measure if every group had the same true rate and the
        data set were this size; None where not computed, or where too many of these draws leave
        the measure undefined.
    p_value
        Share of such parity draws at or above `value`, one counted more of each; a draw that
        leaves the measure undefined counts as above (docs/statistics.md, 5.2).
    """

    name: str
    title: str
    source: str
    value: float | None
    reason: str = ""
    floor_median: float | None = None
    floor_p95: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Rate of group `a` over rate of group `b`, with an interval simultaneous over all pairs."""

    a: str
    b: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """A test of whether all groups have one rate, which groups of few people cannot drown.

    `group` lies farthest from the pooled rate, by `distance` standard errors; `p_value` is the
    share of `draws` simulated studies of this size, at parity and with people as alike as these,
    in which some group lies at least as far out, one counted more of each (docs/statistics.md,
    5.3).
    """

    group: str
    distance: float
    p_value: float
    draws: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Differential:
    """How far apart the groups are, and what of that the data can carry.

    Attributes
    ----------
    rate
        Which rate is compared.
    verdict
        ``shown``: the ratio of worst to best exceeds `at_least`. ``bounded``: it is at most
        `at_most`. ``inconclusive``: neither. ``undefined``: fewer than two groups can be compared.
    sentence
        The verdict in plain words, with its numbers.
    at_least, at_most
        Simultaneous bounds on the ratio of the worst to the best group, at the audit's level.
    ratios
        Every pair of groups with errors (for FNMR, enough of them), larger rate first.
    measures
        The published summaries.
    insufficient
        Groups without the errors to enter a ratio; never dropped silently.
    parity
        A test of parity of all groups together; None without errors or with one group.
    """

    rate: Literal["fmr", "fnmr"]
    verdict: Literal["shown", "bounded", "inconclusive", "undefined"]
    sentence: str
    at_least: float | None
    at_most: float | None
    ratios: tuple[Ratio, ...]
    measures: tuple[MeasureResult, ...]
    insufficient: tuple[str, ...]
    parity: Parity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingResult:
    """One grouping at one threshold; `groups` are worst FMR first, `cells` in group order.

    `combined` holds published measures that mix FMR and FNMR: for comparison, never a headline.
    """

    grouping: str
    groups: tuple[GroupResult, ...]
    cells: tuple[Cell, ...]
    fmr: Differential
    fnmr: Differential
    combined: tuple[MeasureResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """How few people carry the false matches at one threshold.

    `shares[i]` is the share of all false matches (each counted for both of its people) carried
    by the ``i + 1`` people who carry the most; `most` is the largest number for one person.
    """

    people: int
    people_in_any: int
    most: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdResult:
    """Everything at one threshold."""

    threshold: Threshold
    overall: GroupResult
    groupings: tuple[GroupingResult, ...]
    concentration: Concentration
