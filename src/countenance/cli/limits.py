"""`--fail-if`: limits on an audit's findings, for use in the CI of an engine's own project.

The grammar, one comparison an option::

    limit    = quantity comparison number
    quantity = measure | measure ".low" | measure ".high"
    measure  = "fmr" | "worst-fmr" | "fnmr" | "worst-fnmr" | "fte" | "worst-fte" | "ratio"
    comparison = ">" | ">=" | "<" | "<="

A plain measure is the estimate, ``.low`` and ``.high`` the ends of its interval. ``fmr``,
``fnmr`` and ``fte`` are of everybody; ``worst-`` takes the largest over the groups of the headline
grouping; ``ratio`` is the FMR of the worst group over that of the best, its ends simultaneous over
all pairs of groups. All at the operating threshold. A limit that the data cannot judge counts as
exceeded: silence is no clean bill.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from countenance.cli.parsing import choice, number
from countenance.core import InputError

if TYPE_CHECKING:
    from countenance.audit import Audit, Rate

MEASURES = ("fmr", "worst-fmr", "fnmr", "worst-fnmr", "fte", "worst-fte", "ratio")
ENDS = ("estimate", "low", "high")
EXAMPLE = '"worst-fmr > 0.01", "ratio.low > 3"'
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_FORM = re.compile(r"\s*([A-Za-z-]+)(?:\.([A-Za-z]+))?\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as asked: `measure`, which `end` of it, the comparison and the number."""

    text: str
    measure: str
    end: str
    sign: str
    bound: float


def parse_limit(text: str) -> Limit:
    """Read one limit.

    Raises
    ------
    InputError
        Not of the grammar; the message says which part.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise InputError(f"{text!r} is not a limit", where="--fail-if", expected=EXAMPLE)
    measure, end, sign, bound = form.groups()
    return Limit(
        text=" ".join(text.split()),
        measure=choice(measure, MEASURES, option="--fail-if"),
        end=choice(end or "estimate", ENDS, option="--fail-if"),
        sign=sign,
        bound=float(Decimal(number(bound, option="--fail-if", expected=EXAMPLE))),
    )


def exceeded(audit: Audit, limits: Iterable[Limit]) -> list[str]:
    """One sentence for every limit that the audit exceeds or cannot judge."""
    sentences = []
    for limit in limits:
        value, whose = _value(audit, limit)
        if value is None:
            sentences.append(f"{limit.text}: cannot be judged, {whose}")
        elif _SIGNS[limit.sign](value, limit.bound):
            sentences.append(f"{limit.text}: {value:.4g}, {whose}")
    return sentences


def _value(audit: Audit, limit: Limit) -> tuple[float | None, str]:
    """The quantity of a limit and whose it is; None with the reason where there is none."""
    if limit.measure == "ratio":
        return _ratio(audit, limit.end)
    everybody = not limit.measure.startswith("worst-")
    rates = _rates(audit, limit.measure.removeprefix("worst-"), everybody=everybody)
    known = [
        (value, who) for who, rate in rates if (value := getattr(rate, limit.end)) is not None
    ]
    if not known:
        return None, "nothing was compared"
    value, who = max(known)
    return value, who or "everybody"


def _rates(audit: Audit, name: str, *, everybody: bool) -> list[tuple[str, Rate]]:
    """The named rate of everybody, or of every group of the headline grouping."""
    if name == "fte":
        wanted = "" if everybody else _headline(audit)
        return [
            (result.group, result.fte)
            for enrolment in audit.enrolment
            if everybody or enrolment.grouping == wanted
            for result in enrolment.groups
            if (result.group == "") == everybody
        ]
    at = audit.results[audit.operating]
    if everybody:
        return [("", getattr(at.overall, name))]
    for grouping in at.groupings:
        if grouping.grouping == _headline(audit):
            return [(result.group, getattr(result, name)) for result in grouping.groups]
    return []


def _ratio(audit: Audit, end: str) -> tuple[float | None, str]:
    at = audit.results[audit.operating]
    found = next((g.fmr for g in at.groupings if g.grouping == _headline(audit)), None)
    if found is None:
        return None, "no groups were asked for"
    if end != "estimate":
        bound = found.at_least if end == "low" else found.at_most
        if bound is None:
            return None, "too few errors or people to bound it"
        return bound, "worst over best group"
    if not found.ratios:
        return None, "fewer than two groups have enough errors"
    worst = max(found.ratios, key=lambda ratio: ratio.estimate)
    return worst.estimate, f"{worst.a} over {worst.b}"


def _headline(audit: Audit) -> str:
    return audit.groupings[audit.headline].label if audit.groupings else ""
