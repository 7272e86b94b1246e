"""The audit as a value: everything that is published, typed, and nothing that is not.

`Audit` is what `audit.json` holds; the HTML and PDF reports are views of it. Every rate is a
`Rate` and carries its counts, its people, its interval and its method: there is no bare float
that could be quoted alone. Labels are the data set's own words.

Numbers in the unit shown to people (cosine, distance, a vendor's score) are called ``value``;
the internal number that grows with similarity is called ``score`` (see `core.ScoreUnit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from countenance.core import Note

if TYPE_CHECKING:
    import polars as pl

SCHEMA = "countenance/audit"
SCHEMA_VERSION = 1


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
class Group:
    """One value of an attribute, or of a crossing of several, in the data set's words.

    `label` joins the values with a comma and a space, in the order of the grouping's attributes.
    """

    label: str
    values: tuple[str, ...]
    people: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """People divided by one attribute or a crossing; people not labelled are in no group."""

    attributes: tuple[str, ...]
    label: str
    groups: tuple[Group, ...]
    not_stated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Images that failed for one reason: ``no_face``, ``multiple_faces``, ``unreadable``."""

    status: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentResult:
    """Failure to enrol in one group (`group` is empty for everybody)."""

    group: str
    fte: Rate
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingEnrolment:
    """Failures to enrol of every group of one grouping."""

    grouping: str
    groups: tuple[EnrolmentResult, ...]


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
    score: float | None
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
        Generalised rates that count failures to enrol (ISO/IEC 19795-1); None where undefined.
    smallest_rate
        The smallest FMR that this many people can tell from zero.
    people_needed
        People needed in this group before a rate as low as the pooled FMR could be told from zero.
    """

    group: str
    fmr: Rate
    fmr_any: Rate
    fnmr: Rate
    gfar: float | None
    gfrr: float | None
    smallest_rate: float | None
    people_needed: int | None


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
        data set were this size; None where not computed.
    p_value
        Share of such parity draws at or above `value`.
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
        Simultaneous 95 % bounds on the ratio of the worst to the best group.
    ratios
        Every pair of groups with enough errors, larger rate first.
    measures
        The published summaries.
    insufficient
        Groups with too few errors to enter a ratio; never dropped silently.
    """

    rate: Literal["fmr", "fnmr"]
    verdict: Literal["shown", "bounded", "inconclusive", "undefined"]
    sentence: str
    at_least: float | None
    at_most: float | None
    ratios: tuple[Ratio, ...]
    measures: tuple[MeasureResult, ...]
    insufficient: tuple[str, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Rates of one group over thresholds, as columns of one length, strictest threshold last.

    `group` is empty for everybody. FMR columns are None where there are no non-mated comparisons
    within the group, FNMR columns where there are no mated ones.
    """

    grouping: str
    group: str
    values: tuple[float, ...]
    fmr_events: tuple[int, ...]
    fmr_trials: int
    fmr: tuple[float | None, ...]
    fmr_low: tuple[float | None, ...]
    fmr_high: tuple[float | None, ...]
    fnmr_events: tuple[int, ...]
    fnmr_trials: int
    fnmr: tuple[float | None, ...]
    fnmr_low: tuple[float | None, ...]
    fnmr_high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupThreshold:
    """The threshold one group would need for a target FMR, and what everybody would pay for it.

    `fnmr` is the FNMR of everybody at that threshold: one deployed threshold is what people meet.
    """

    grouping: str
    group: str
    target: str
    value: float | None
    achieved: Rate | None
    fnmr: Rate | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Histogram of one group's scores in the unit shown, and quantiles of it.

    `edges` has one more entry than each of the two counts. Quantiles are at 1, 5, 50, 95 and
    99.9 % and None where there are no such comparisons. Non-mated scores are within the group.
    """

    grouping: str
    group: str
    edges: tuple[float, ...]
    nonmated: tuple[int, ...]
    mated: tuple[int, ...]
    nonmated_quantiles: tuple[float, ...] | None
    mated_quantiles: tuple[float, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HighComparison:
    """One of the highest non-mated scores, listed because it may be a labelling error."""

    probe: str
    reference: str
    probe_subject: str
    reference_subject: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What went in."""

    people: int
    images: int
    comparisons: int
    mated: int
    nonmated: int
    nonmated_same_group: int
    failed_comparisons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """People a group needs before a stated ratio can be shown (docs/measures.md)."""

    fmr: str
    ratio: float
    people_per_group: int
    smallest_group: str
    smallest_group_people: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Which images were compared with which."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file the audit was made from."""

    name: str
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that, with the inputs, determines every byte of the audit."""

    groups: tuple[str, ...]
    bins: dict[str, tuple[float, ...]]
    thresholds: tuple[str, ...]
    fmr_targets: tuple[str, ...]
    claimed_fmr: str | None
    level: float
    seed: int
    failures: Literal["exclude", "positive", "negative"]
    curve_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What computed it."""

    name: str
    version: str
    python: str
    parts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A whole audit. `results[operating]` is the threshold people meet.

    `headline` indexes `groupings`: the finest crossing, in which comparisons of different people
    are demographically matched; -1 where no group was asked for. `engine` and `dataset` are the
    cards of those rooms as written.
    `same_session` is True where mated images come from one sitting: FNMR then says nothing of use.
    """

    schema: str
    version: int
    title: str
    performed_on: str | None
    software: Software
    engine: dict[str, Any] | None
    dataset: dict[str, Any] | None
    inputs: tuple[InputFile, ...]
    unit: dict[str, Any]
    protocol: Protocol
    counts: Counts
    notes: tuple[Note, ...]
    groupings: tuple[Grouping, ...]
    enrolment: tuple[GroupingEnrolment, ...]
    results: tuple[ThresholdResult, ...]
    operating: int
    headline: int
    curves: tuple[Curve, ...]
    group_thresholds: tuple[GroupThreshold, ...]
    distributions: tuple[Distribution, ...]
    highest_nonmated: tuple[HighComparison, ...]
    plan: Planned | None
    same_session: bool
    settings: Settings
    command: str
    summary: str

    def to_json(self) -> str:
        """Indented JSON that obeys the published schema, the same for the same audit."""
        from countenance.audit.jsonform import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Audit:
        """The inverse of `to_json`; `InputError` for anything else."""
        from countenance.audit.jsonform import from_json

        return from_json(text)

    def frame(self) -> pl.DataFrame:
        """One row a group and threshold, with every count and interval end, for analysis."""
        from countenance.audit.frames import frame

        return frame(self)

    def to_html(self) -> str:
        """The report as one self-contained HTML page."""
        from countenance.audit.report import to_html

        return to_html(self)
