"""Rates and findings in plain words: the one place where numbers become sentences.

A rate is never said without its counts and interval. Rounding never turns "some" into "none" or
"nearly all" into "all". Labels are quoted, because they are the data set's words and not ours.
"""

from __future__ import annotations

import math
import unicodedata

from countenance.audit.types import Audit, Differential, GroupResult, Rate, Threshold

_UNSEEN = ("Cc", "Cf", "Cs", "Cn")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(n: int) -> str:
    """A whole number with thousands separators."""
    return f"{n:,}"


def number(x: float, digits: int = 3) -> str:
    """A number to so many significant digits, without an exponent where that stays readable."""
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else ("∞" if x > 0 else "−∞")
    exponent = math.floor(math.log10(abs(x)))
    if exponent < -7:
        return f"{x / 10**exponent:.1f} × 10{str(exponent).translate(_SUPERSCRIPT)}"
    places = max(0, digits - 1 - exponent)
    text = f"{x:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if places else text).replace("-", "−")


def percent(p: float) -> str:
    """A proportion in per cent, without the sign: two significant digits, no false 0 or 100.

    From 10 to 99 whole numbers; above 99 so many places that what is missing shows.
    """
    if p <= 0 or p >= 1:
        return "0" if p <= 0 else "100"
    value = 100 * p
    if value > 99:
        missing = max(100 * (1 - p), 1e-7)
        text = f"{100 - missing:.{max(0, -math.floor(math.log10(missing)))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.0f}" if value >= 10 else number(value, 2)


def interval(low: float, high: float) -> str:
    """Both ends of an interval of a proportion: ``28–93 %``.

    A lower end under one in a million is said as 0: an interval may be rounded outwards.
    """
    return f"{percent(low if low >= 1e-6 else 0.0)}–{percent(high)} %"


def say_rate(rate: Rate, noun: str = "comparisons", *, people: bool = False) -> str:
    """A rate in the house form.

    ``75 of 112 comparisons (67 %, 95 % interval 28–93 %)``; with no events
    ``0 of 56 comparisons (at most 53 %, 95 % one-sided bound)``.

    Parameters
    ----------
    rate
        The rate.
    noun
        What was counted.
    people
        Also say how many people carry the estimate.
    """
    if rate.trials == 0 or rate.estimate is None:
        return f"no {noun}"
    return (
        f"{count(rate.events)} of {count(rate.trials)} {noun} "
        f"({say_uncertainty(rate, people=people)})"
    )


def say_uncertainty(rate: Rate, *, people: bool = False) -> str:
    """What stands in brackets after the counts: the percentage and how far to trust it."""
    if rate.trials == 0 or rate.estimate is None:
        return "nothing was compared"
    level = f"{percent(rate.level)} %"
    low, high = rate.low, rate.high
    if rate.events == 0:
        known = high is not None and high < 1
        text = (
            f"at most {percent(high)} %, {level} one-sided bound"
            if known and high
            else ("too few people for a bound")
        )
    elif rate.events == rate.trials:
        known = low is not None and low > 0
        text = (
            f"at least {percent(low)} %, {level} one-sided bound"
            if known and low
            else ("too few people for a bound")
        )
    else:
        text = f"{percent(rate.estimate)} %"
        if abs(rate.estimate - rate.events / rate.trials) > 0.005 * rate.estimate:
            text += " when each pair of people counts once"
        if low is None or high is None or (low <= 0 and high >= 1):
            text += ", too few people for an interval"
        else:
            text += f", {level} interval {interval(low, high)}"
    if people:
        text += f"; {count(rate.people)} {'person' if rate.people == 1 else 'people'}"
    return text


def plain(label: str) -> str:
    """A label on one line, without characters that are invisible or turn the text around them."""
    seen = "".join(c for c in label if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    return " ".join(seen.split())


def quoted(label: str, limit: int = 72) -> str:
    """A group's label as the data set's own words; very long ones are cut, and say so."""
    text = plain(label)
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    # Isolated, so that a label written from right to left cannot reorder the sentence around it.
    return f"“\u2068{text}\u2069”" if not text.isascii() else f"“{text}”"


def system_name(audit: Audit) -> str:
    """The engine's name, or words for a system that gave none."""
    name = (audit.engine or {}).get("name")
    return str(name) if name else "the system"


def times(x: float) -> str:
    """A ratio, rounded down in the digits it is worth: ``1.9``, ``12``, ``2,500``."""
    if x < 10:
        return number(math.floor(x * 10 + 1e-9) / 10, 2)
    scale = 10 ** (math.floor(math.log10(x)) - 1)
    return count(int(math.floor(x / scale + 1e-9) * scale))


def summary(audit: Audit) -> str:
    """The opening sentences: the finding at the operating threshold, with its interval.

    Written from `audit.results[audit.operating]` in the headline grouping; whatever stands in
    ``audit.summary`` is not read. It names the group whose rate is most surely high (largest lower
    bound) against the one most surely low (smallest upper bound), so that a group of two people
    does not become the headline by chance.
    """
    if not audit.results:
        return "This audit holds no threshold, so nothing can be said."
    result = audit.results[audit.operating]
    if result.threshold.value is None:
        return (
            f"No threshold could be set: {result.threshold.note or result.threshold.label}. So "
            "nothing can be said of errors."
        )
    opening = _at(result.threshold, audit)
    name = system_name(audit)
    overall = result.overall
    if overall.fmr.trials == 0:
        said = (
            "These data hold no comparisons of different people, so they say nothing of false "
            "matches."
        )
        if overall.fnmr.trials:
            said += f" {opening} {name} missed {_missed(overall)}."
        return said
    grouping = result.groupings[audit.headline] if result.groupings else None
    groups = [g for g in grouping.groups if g.fmr.trials] if grouping else []
    if grouping is None or len(groups) < 2:
        pooled = (
            f"{opening} {name} falsely matched "
            f"{say_rate(overall.fmr, 'comparisons of different people', people=True)}."
        )
        why = (
            "No groups were asked for"
            if grouping is None
            else "Only one group has comparisons of different people"
        )
        return f"{pooled} {why}, so no difference between groups can be measured."
    if not any(g.fmr.events for g in groups):
        return f"{opening} {_none(groups, name)}"
    worst, best = worst_and_best(groups)
    text = (
        f"{opening} {name} falsely matched {count(worst.fmr.events)} of "
        f"{count(worst.fmr.trials)} comparisons of different people labelled "
        f"{quoted(worst.group)} ({say_uncertainty(worst.fmr, people=True)})"
    )
    if best is not None:
        text += (
            f", against {count(best.fmr.events)} of {count(best.fmr.trials)} labelled "
            f"{quoted(best.group)} ({say_uncertainty(best.fmr, people=True)})"
        )
    return f"{text}. {say_differential(grouping.fmr, audit.settings.level)}"


def worst_and_best(groups: list[GroupResult]) -> tuple[GroupResult, GroupResult | None]:
    """The group most surely high in FMR, and of the others the one most surely low.

    `groups` must hold one with a false match. The second is None where no other is bounded.
    """
    worst = max(
        (g for g in groups if g.fmr.events),
        key=lambda g: (g.fmr.low or 0.0, g.fmr.estimate or 0.0, g.group),
    )
    others = [g for g in groups if g is not worst and g.fmr.high is not None and g.fmr.high < 1]
    best = min(others, key=lambda g: (g.fmr.high, g.fmr.estimate, g.group), default=None)
    return worst, best


def say_differential(differential: Differential, level: float) -> str:
    """The ratio of worst to best group as far as the data carry it."""
    which = "false match rate" if differential.rate == "fmr" else "false non-match rate"
    sure = f"{percent(level)} % confidence, all groups compared at once"
    if differential.verdict == "shown" and differential.at_least is not None:
        if differential.at_least >= 1.1:
            return (
                f"The {which} of the worst-served group is at least "
                f"{times(differential.at_least)} times that of the best-served ({sure})."
            )
        return (
            f"The {which} of the worst-served group is higher than that of the best-served "
            f"({sure})."
        )
    if differential.verdict == "bounded" and differential.at_most is not None:
        most = number(math.ceil(differential.at_most * 10 - 1e-9) / 10, 3)
        return f"The {which} of no group is more than {most} times that of another ({sure})."
    return differential.sentence or (
        "These data cannot say how far apart the groups are; that is not evidence that they are "
        "alike."
    )


def _at(threshold: Threshold, audit: Audit) -> str:
    """The opening words: where the line is drawn, and by whom."""
    value = number(threshold.value if threshold.value is not None else math.nan, 6)
    unit = str(audit.unit.get("name", "score"))
    if threshold.source == "default":
        which = "its documented threshold" if threshold.documented else "its default threshold"
        return f"At {which} {value} ({unit}),"
    if threshold.source == "given":
        return f"At the threshold {value} ({unit}) given for this audit,"
    on = (
        "all comparisons"
        if threshold.population in (None, "all")
        else quoted(threshold.population)
    )
    return (
        f"At {value} ({unit}), the threshold set for a false match rate of {threshold.target} on "
        f"{on} of these same data,"
    )


def _none(groups: list[GroupResult], name: str) -> str:
    """No false match within any group: what that does and does not show."""
    trials = sum(g.fmr.trials for g in groups)
    weakest = max(groups, key=lambda g: (1.0 if g.fmr.high is None else g.fmr.high, g.group))
    bound = say_uncertainty(weakest.fmr, people=True)
    return (
        f"{name} falsely matched 0 of {count(trials)} comparisons of different people within the "
        f"{count(len(groups))} groups. That does not show that its rate is zero, or the same for "
        f"all: of those labelled {quoted(weakest.group)} these {count(weakest.fmr.trials)} "
        f"comparisons say no more than this ({bound})."
    )


def _missed(overall: GroupResult) -> str:
    return say_rate(overall.fnmr, "comparisons of the same person", people=True)
