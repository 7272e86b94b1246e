"""Every published measure of a demographic differential, with its edge cases answered.

One number for the spread of an error rate over groups hides which groups, in which direction and
how surely; the audit prints these so that its findings can be laid beside published ones, each
next to its counts and its parity noise floor (`noise`). The headline is elsewhere: simultaneous
intervals of all ratios (`simultaneous`).

Edge cases are answers, not exceptions (docs/measures.md, 2): a cell with zero errors makes a
ratio undefined and gives a bound from below where the caller knows an upper bound of that cell;
all equal is 0 (or 1 for a ratio); all zero is undefined. No epsilon is added anywhere: it makes
impossible values below 1 out of perfect parity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from countenance.audit._draws import OVER_DRAWS as OVER_DRAWS
from countenance.audit._draws import over_draws as over_draws
from countenance.core import InputError

Rates = Sequence[float]
_FRTE = "NIST FRTE demographics page"
_ISO = (
    "attributed to ISO/IEC 19795-10 by arXiv 2608.12971 eq. 5; the text of the standard itself "
    "was not read"
)
_COMMENT = "a comment in published code, which puts ln 0 = 0"


@dataclass(frozen=True, slots=True)
class Measure:
    """One differential measure of one set of rates.

    Attributes
    ----------
    name
        Stable, for machines: ``max_over_min``.
    label
        For people: ``NIST max/min``.
    value
        The number, or None where it is undefined.
    source
        Where the formula is from, and how it is known when the original was not read.
    why_not
        Why it is undefined; empty where it is defined.
    note
        What a reader has to know beside the number.
    at_least
        Where zero cells make a ratio undefined: the ratio if each zero cell were at the upper
        bound the caller gave, so a one-sided bound at that bound's level. None if not known or
        not above parity.
    headline
        False for a measure that must never stand alone.
    """

    name: str
    label: str
    value: float | None
    source: str
    why_not: str = ""
    note: str = ""
    at_least: float | None = None
    headline: bool = True

    @property
    def defined(self) -> bool:
        """True where there is a value."""
        return self.value is not None


def max_over_min(rates: Rates, *, upper: Rates | None = None) -> Measure:
    """NIST Max/Min: the largest rate over the smallest. `upper`: upper bounds of the cells."""
    return _ratio("max_over_min", "NIST max/min", rates, upper, min, f"{_FRTE}, column 6")


def max_over_mean(rates: Rates) -> Measure:
    """NIST Max/Mean: the largest rate over the arithmetic mean; defined with zero cells."""
    blank = Measure("max_over_mean", "NIST max/mean", None, source=f"{_FRTE}, column 7")
    return _unless(blank, rates, lambda a: max(a) / _mean(a))


def max_over_geomean(rates: Rates, *, upper: Rates | None = None) -> Measure:
    """NIST Max/GeoMean: the largest rate over the geometric mean; NISTIR 8429's candidate."""
    source = f"{_FRTE}, column 8; NISTIR 8429"
    return _ratio("max_over_geomean", "NIST max/geomean", rates, upper, _geomean, source)


def vary_geomean(rates: Rates) -> Measure:
    """NIST Vary GeoMean: mean over groups of ``|log10(rate / geometric mean)|``."""
    blank = Measure(
        "vary_geomean", "NIST vary geomean", None, source=f"{_FRTE}, column 9", note="in decades"
    )
    return _unless(
        blank, rates, lambda a: _mean([abs(math.log10(x / _geomean(a))) for x in a]), positive=True
    )


def gini(rates: Rates, *, corrected: bool = True) -> Measure:
    """Gini coefficient: ``sum_ij |a_i - a_j| / (2 n^2 mean)``, times ``n/(n-1)`` if corrected.

    Corrected it reaches 1 for (0, .., 0, 1), plain ``(n-1)/n``. Papers use both; for two groups
    they differ by a factor of two.
    """

    def spread(a: Rates) -> float:
        n = len(a)
        differences = math.fsum(abs(x - y) for i, x in enumerate(a) for y in a[:i])
        pairs = n - 1 if corrected else n
        return differences / (pairs * math.fsum(a))

    blank = Measure(
        "gini_corrected" if corrected else "gini_plain",
        "Gini, corrected n/(n-1) (FPD on FMR, FND on FNMR)" if corrected else "Gini, plain",
        None,
        note="the form NIST's printed numbers fit" if corrected else "at most (n-1)/n",
        source=_ISO if corrected else "arXiv 2603.25613, seen in a secondary note only",
    )
    return _unless(blank, rates, spread)


def worst_case(rates: Rates) -> Measure:
    """The largest rate: what the worst-served group meets. Always reported."""
    _checked(rates)
    return Measure("worst_case", "worst group's rate", max(rates), source="a rate as observed")


def ser(errors: Rates, *, upper: Rates | None = None) -> Measure:
    """Skewed error ratio: the largest error over the smallest."""
    return _ratio("ser", "SER", errors, upper, min, "RFW authors' code")


def sed(rates: Rates) -> Measure:
    """Standard deviation over groups (population form) of the accuracies, so of the errors."""
    _checked(rates)
    mean = _mean(rates)
    value = math.sqrt(math.fsum((x - mean) ** 2 for x in rates) / len(rates))
    return Measure(
        "sed", "SED", value, note="shrinks as rates shrink", source="RFW's tables, of accuracies"
    )


def mape(rates: Rates, *, target: float) -> Measure:
    """``(100/n) sum |a_g - target| / target``: mean distance from the nominal rate, in percent."""
    blank = Measure(
        "mape",
        "MAPE from the nominal rate (%)",
        None,
        note="formula from a one-line description",
        source="a one-line description; the original was not found",
    )
    _checked(rates)
    if not target > 0:
        return replace(blank, why_not="the nominal rate is zero")
    return replace(blank, value=100 * _mean([abs(x - target) / target for x in rates]))


def log_ratios_to_average(rates: Rates) -> tuple[Measure, ...]:
    """``ln(a_g / mean)`` of each group, in order. A zero cell has none (not 0: not average)."""
    _checked(rates)
    mean = _mean(rates)
    blank = Measure("log_ratio_to_average", "log ratio to the average", None, source=_COMMENT)
    return tuple(
        replace(blank, value=math.log(x / mean))
        if x > 0
        else replace(blank, why_not="no errors in this group: the logarithm is undefined")
        for x in rates
    )


def reliability_bias(rates: Rates) -> Measure:
    """Mean over groups of ``|ln(a_g / mean)|``."""
    blank = Measure("reliability_bias", "mean |log ratio to the average|", None, source=_COMMENT)
    return _unless(
        blank, rates, lambda a: _mean([abs(math.log(x / _mean(a))) for x in a]), positive=True
    )


def marginal_ratio(first: Rates, second: Rates) -> Measure:
    """NIST marginal ratio: geometric mean of one group's cells over that of another's.

    The cells are matched: the same other attributes in the same order (25 region-by-age cells of
    women against those of men). Near 1 is parity; either side may be the larger.
    """
    blank = Measure(
        "marginal_ratio", "NIST marginal ratio", None, source=f"{_FRTE}, columns 11-15"
    )
    for cells in (first, second):
        _checked(cells)
    if len(first) != len(second):
        raise InputError(
            f"{len(first)} cells against {len(second)}", expected="matched cells, as many of each"
        )
    zeros = sum(x == 0 for x in (*first, *second))
    if zeros:
        return replace(blank, why_not=_zero_cells(zeros))
    return replace(blank, value=_geomean(first) / _geomean(second))


def inequity_rate(fmr: Rates, fnmr: Rates, *, alpha: float = 0.5, beta: float = 0.5) -> Measure:
    """IR (Grother): ``(max/min FMR)^alpha * (max/min FNMR)^beta``."""
    a, b = max_over_min(fmr), max_over_min(fnmr)
    blank = Measure(
        "inequity_rate",
        "inequity rate (IR)",
        None,
        note=_MIXED,
        source="P. Grother (NIST), as published code has it",
    )
    return _combined(blank, a, b, lambda x, y: x**alpha * y**beta)


def werm(fmr: Rates, fnmr: Rates, *, alpha: float = 0.5, beta: float = 0.5) -> Measure:
    """WERM: ``(max/GM FMR)^alpha * (max/GM FNMR)^beta``, without the published epsilon.

    With alpha = beta = 1/2 it is ``sqrt(MaxGM_fmr * MaxGM_fnmr)``.
    """
    a, b = max_over_geomean(fmr), max_over_geomean(fnmr)
    note = f"{_MIXED}; no epsilon, so it can differ from published tables"
    blank = Measure("werm", "WERM", None, note=note, source="code of AIML-IfI/score-norm-fairness")
    return _combined(blank, a, b, lambda x, y: x**alpha * y**beta)


def garbe(fmr: Rates, fnmr: Rates, *, alpha: float = 0.5) -> Measure:
    """GARBE: ``alpha * Gini(FMR) + (1 - alpha) * Gini(FNMR)``, corrected Gini."""
    blank = Measure("garbe", "GARBE", None, note=_MIXED, source="arXiv 2203.05051")
    return _combined(blank, gini(fmr), gini(fnmr), lambda x, y: alpha * x + (1 - alpha) * y)


def fdr(fmr: Rates, fnmr: Rates, *, alpha: float = 0.5) -> Measure:
    """FDR (de Freitas Pereira): ``1 - [alpha max|a_i-a_j| + (1-alpha) max|b_i-b_j|]``.

    Never a headline: differences of small rates are small, so it measures accuracy. Over 126
    algorithms of NISTIR 8280, annex 15, its best was one that never matches anybody.
    """
    for rates in (fmr, fnmr):
        _checked(rates)
    spread = alpha * (max(fmr) - min(fmr)) + (1 - alpha) * (max(fnmr) - min(fnmr))
    return Measure(
        "fdr",
        "fairness discrepancy rate (FDR)",
        1 - spread,
        note=f"{_MIXED}; follows overall accuracy, blind to FMR at low rates",
        source="Idiap bob.bio.demographics documentation",
        headline=False,
    )


def differentials(
    rates: Rates, *, upper: Rates | None = None, target: float | None = None
) -> tuple[Measure, ...]:
    """Every measure of one error rate over groups, in the order of the documentation.

    Parameters
    ----------
    rates
        One rate a group, 0 to 1, all at one threshold. Shape (groups,).
    upper
        One upper bound a group, for the one-sided bounds of undefined ratios.
    target
        The nominal rate, for MAPE; left out where there is none.

    Raises
    ------
    InputError
        No rate, a rate outside 0 to 1 or NaN, or another number of bounds than of rates.
    """
    found = [
        worst_case(rates),
        max_over_min(rates, upper=upper),
        max_over_mean(rates),
        max_over_geomean(rates, upper=upper),
        vary_geomean(rates),
        gini(rates),
        gini(rates, corrected=False),
        sed(rates),
        reliability_bias(rates),
    ]
    return (*found, mape(rates, target=target)) if target is not None else tuple(found)


def combined_differentials(fmr: Rates, fnmr: Rates) -> tuple[Measure, ...]:
    """The measures that mix FMR and FNMR, for comparison with publications only."""
    if len(fmr) != len(fnmr):
        raise InputError(f"{len(fmr)} FMRs and {len(fnmr)} FNMRs", expected="one each a group")
    return (inequity_rate(fmr, fnmr), garbe(fmr, fnmr), werm(fmr, fnmr), fdr(fmr, fnmr))


_MIXED = "mixes FMR and FNMR, which hides the direction"


def _checked(rates: Rates) -> None:
    if len(rates) == 0:
        raise InputError("no rates", expected="one rate a group")
    for rate in rates:
        if not 0 <= rate <= 1:
            raise InputError(f"{rate} is not a rate", expected="a number from 0 to 1")


def _mean(values: Rates) -> float:
    return math.fsum(values) / len(values)


def _geomean(values: Rates) -> float:
    return math.exp(math.fsum(math.log(x) for x in values) / len(values))


def _zero_cells(zeros: int) -> str:
    cells = "one group has" if zeros == 1 else f"{zeros} groups have"
    return f"{cells} no errors, and nothing can be divided by zero"


def _why_not(rates: Rates, *, positive: bool) -> str:
    """Why a measure of spread is undefined for these rates, or nothing."""
    _checked(rates)
    if len(rates) == 1:
        return "there is one group only, and nothing to compare it with"
    zeros = sum(x == 0 for x in rates)
    if zeros == len(rates):
        return "no group has an error"
    return _zero_cells(zeros) if positive and zeros else ""


def _unless(
    blank: Measure, rates: Rates, value: Callable[[Rates], float], *, positive: bool = False
) -> Measure:
    """`blank` with its value, or with the reason why there is none."""
    why = _why_not(rates, positive=positive)
    if why:
        return replace(blank, why_not=why)
    # All equal is exactly parity; a mean of equal numbers may be off by one rounding.
    if max(rates) == min(rates):
        return replace(blank, value=1.0 if blank.name.startswith(("max_over", "ser")) else 0.0)
    return replace(blank, value=value(rates))


def _ratio(
    name: str,
    label: str,
    rates: Rates,
    upper: Rates | None,
    base: Callable[[Rates], float],
    source: str,
) -> Measure:
    """The largest rate over `base` of all, with a bound from below where cells are zero."""
    blank = Measure(name, label, None, source=source)
    found = _unless(blank, rates, lambda a: max(a) / base(a), positive=True)
    if upper is None or found.defined:
        return found
    _checked(upper)
    if len(upper) != len(rates):
        raise InputError(
            f"{len(upper)} bounds for {len(rates)} rates", expected="one each a group"
        )
    filled = [b if a == 0 else a for a, b in zip(rates, upper, strict=True)]
    if len(rates) == 1 or not any(rates) or not all(filled):
        return found
    bound = max(rates) / base(filled)
    note = "the bound takes the largest rate as observed and each zero cell at its upper bound"
    return replace(found, at_least=bound if bound > 1 else None, note=note if bound > 1 else "")


def _combined(
    blank: Measure, a: Measure, b: Measure, value: Callable[[float, float], float]
) -> Measure:
    if a.value is None or b.value is None:
        parts = [f"{what}: {m.why_not}" for what, m in (("FMR", a), ("FNMR", b)) if m.why_not]
        return replace(blank, why_not="; ".join(parts))
    return replace(blank, value=value(a.value, b.value))
