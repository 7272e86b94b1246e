"""What a score means: how many comparisons of different people score as high, by the audit.

A score is no probability that it is the person (failure F7). All that an audit can say is how
often two *different* people of one group score this high or higher, out of comparisons that were
counted, and so how many false candidates a search of this size is to be expected to return. Where
the audit does not reach, that is said.

No group is ever read off a face. All groups of the audit are shown; the one that is recorded of a
gallery image, if one is, is marked by whoever shows them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from countenance.audit import Audit
from countenance.core import ScoreUnit

PER = 10_000


@dataclass(frozen=True, slots=True)
class Meaning:
    """How often different people of one group score at least so high.

    Attributes
    ----------
    group
        In the audit's words; empty for everybody together.
    measured_at
        The score at which it was counted: the nearest measured one that is not above; None where
        the audit has none, and then the rest is None, too.
    events, trials
        Comparisons of two different people that scored so high, and all of them.
    rate, low, high
        The share, and the ends of its interval at `level`.
    """

    group: str
    measured_at: float | None
    events: int | None
    trials: int | None
    rate: float | None
    low: float | None
    high: float | None
    level: float

    @property
    def known(self) -> bool:
        """Whether the audit says anything here."""
        return self.rate is not None

    @property
    def sentence(self) -> str:
        """In words, with its counts and its interval."""
        whom = f"of the group {self.group}" if self.group else "in the audit"
        if self.rate is None or self.events is None or self.trials is None:
            return f"How often different people {whom} score this high is not known."
        span = "no interval can be given"
        if self.low is not None and self.high is not None:
            span = f"interval at level {self.level:g}: {_number(self.low)} to {_number(self.high)}"
        return (
            f"Of {PER:,} comparisons of different people {whom}, about {_number(self.rate)} score "
            f"this high ({self.events:,} of {self.trials:,} observed; {span})."
        )


@dataclass(frozen=True, slots=True)
class FalseCandidates:
    """How many false candidates a search of so many is to be expected to return, for one group.

    Expected is gallery size times FMR at the threshold, as if all of the gallery were of the
    probe's group: exact in the mean without any independence (docs/measures.md, 4). None where
    the audit does not say, or where no threshold limits the list.
    """

    group: str
    compared: int
    expected: float | None
    low: float | None
    high: float | None
    level: float

    @property
    def sentence(self) -> str:
        """In words."""
        whom = f"for a person of the group {self.group}" if self.group else "for anybody"
        if self.expected is None:
            return f"How many false candidates to expect {whom} is not known."
        span = ""
        if self.low is not None and self.high is not None:
            ends = f"{_plain(self.low)} to {_plain(self.high)}"
            span = f" (interval at level {self.level:g}: {ends})"
        return (
            f"A search of {self.compared:,} is to be expected to return about "
            f"{_plain(self.expected)} false candidates {whom}{span}, whether or not the person "
            "searched for is in the gallery."
        )


def meanings(audit: Audit | None, unit: ScoreUnit, score: int) -> tuple[Meaning, ...]:
    """What a score means, for everybody and for each group of the audit's finest grouping.

    Parameters
    ----------
    audit
        The one the search was made under; None where it cannot be read any more.
    unit, score
        Of the search's list: its unit, and the exact integer.
    """
    if audit is None:
        return (Meaning("", None, None, None, None, None, None, 0.95),)
    return tuple(_at(audit, unit, unit.to_unit(score)))


def false_candidates(
    audit: Audit | None, unit: ScoreUnit, *, threshold: int | None, compared: int
) -> tuple[FalseCandidates, ...]:
    """False candidates to be expected, for everybody and for each group."""
    if audit is None or threshold is None:
        return (FalseCandidates("", compared, None, None, None, 0.95),)
    return tuple(
        FalseCandidates(
            each.group, compared, _times(each.rate, compared), _times(each.low, compared),
            _times(each.high, compared), each.level,
        )
        for each in _at(audit, unit, unit.to_unit(threshold))
    )  # fmt: skip


def _at(audit: Audit, unit: ScoreUnit, value: float) -> Iterable[Meaning]:
    level = audit.settings.level
    headline = audit.groupings[audit.headline].label if audit.headline >= 0 else None
    for curve in audit.curves:
        if curve.group and curve.grouping != headline:
            continue
        places = [
            n
            for n, at in enumerate(curve.values)
            if (at <= value if unit.higher_is_more_similar else at >= value)
        ]
        if not places or not curve.fmr_trials or curve.fmr[places[-1]] is None:
            yield Meaning(curve.group, None, None, None, None, None, None, level)
            continue
        n = places[-1]  # the strictest that is not stricter than the score: never too few
        yield Meaning(
            curve.group, curve.values[n], curve.fmr_events[n], curve.fmr_trials, curve.fmr[n],
            curve.fmr_low[n], curve.fmr_high[n], level,
        )  # fmt: skip


def _times(rate: float | None, compared: int) -> float | None:
    return None if rate is None else rate * compared


def _number(rate: float) -> str:
    return _plain(rate * PER)


def _plain(value: float) -> str:
    """Two figures that count, without an exponent."""
    if value <= 0:
        return "0"
    places = min(12, max(0, 1 - math.floor(math.log10(value))))
    return f"{value:,.{places}f}"
