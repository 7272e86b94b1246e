"""The audit as a value: everything that is published, typed, and nothing that is not.

`Audit` is what `audit.json` holds; the HTML and PDF reports are views of it. What was found is in
`findings`; here is what it was found in, and the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from countenance.audit.findings import (
    Cell,
    Concentration,
    Differential,
    GroupingResult,
    GroupResult,
    MeasureResult,
    Parity,
    Rate,
    Ratio,
    Threshold,
    ThresholdResult,
)
from countenance.core import Note

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Audit",
    "Cell",
    "Concentration",
    "Counts",
    "Curve",
    "Differential",
    "Distribution",
    "EnrolmentResult",
    "Group",
    "GroupResult",
    "GroupThreshold",
    "Grouping",
    "GroupingEnrolment",
    "GroupingResult",
    "HighComparison",
    "InputFile",
    "MeasureResult",
    "Parity",
    "Planned",
    "Protocol",
    "Rate",
    "Ratio",
    "Reason",
    "Settings",
    "Software",
    "Threshold",
    "ThresholdResult",
]

SCHEMA = "countenance/audit"
SCHEMA_VERSION = 1


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
