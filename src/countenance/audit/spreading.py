"""How far apart groups are at one threshold: bounds that hold, and summaries with their floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from countenance.audit.differentials import (
    OVER_DRAWS,
    Measure,
    combined_differentials,
    differentials,
)
from countenance.audit.noise import Floor, NoiseFloor, noise_floor
from countenance.audit.rates import Rates
from countenance.audit.simultaneous import Comparison, compare
from countenance.audit.types import Differential, MeasureResult, Parity, Ratio

#: A ratio of worst to best that, once shown not to be exceeded, is called bounded.
BOUND = 2.0
_WORDS = {"fmr": "false match rate", "fnmr": "false non-match rate"}


def differential(
    rate: Literal["fmr", "fnmr"],
    names: Sequence[str],
    rates: Sequence[Rates],
    k: int,
    *,
    level: float,
    seed: int,
    target: float | None = None,
) -> Differential:
    """Compare one rate of all groups of a grouping at threshold k.

    `names` and `rates` are in group order; `target` is the nominal rate, where there is one.
    """
    told = [(name, each) for name, each in zip(names, rates, strict=True) if each.trials]
    comparison = compare(
        [each.cell(name, k) for name, each in told], level=level, bound=BOUND, seed=seed
    )
    estimates = [float(each.variance.estimate[k]) for _, each in told]
    floor = None
    if len(told) > 1 and any(estimates):
        floor = noise_floor([each.variance for _, each in told], k, OVER_DRAWS, seed=seed)
    return Differential(
        rate=rate,
        verdict=comparison.verdict,
        sentence=_sentence(rate, comparison, level),
        at_least=comparison.at_least if comparison.verdict == "shown" else None,
        at_most=comparison.at_most,
        ratios=tuple(
            Ratio(a=r.a, b=r.b, estimate=r.estimate, low=r.low, high=r.high)
            for r in comparison.ratios
        ),
        measures=_measures([each for _, each in told], k, floor, target),
        insufficient=comparison.insufficient,
        parity=_parity(rate, [name for name, _ in told], floor),
    )


def combined(fmr: Sequence[Rates], fnmr: Sequence[Rates], k: int) -> tuple[MeasureResult, ...]:
    """The published measures that mix both rates, where every group has both."""
    both = [
        (float(a.variance.estimate[k]), float(b.variance.estimate[k]))
        for a, b in zip(fmr, fnmr, strict=True)
        if a.trials and b.trials
    ]
    if not both:
        return ()
    first, second = zip(*both, strict=True)
    return tuple(_result(m, None) for m in combined_differentials(first, second))


def _measures(
    rates: Sequence[Rates], k: int, floor: NoiseFloor | None, target: float | None
) -> tuple[MeasureResult, ...]:
    if not rates:
        return ()
    estimates = [float(each.variance.estimate[k]) for each in rates]
    upper = [float(each.intervals.upper_guaranteed[k]) for each in rates]
    floors = floor.floors if floor else {}
    return tuple(
        _result(measure, floors.get(measure.name))
        for measure in differentials(estimates, upper=upper, target=target)
    )


def _parity(rate: str, names: Sequence[str], floor: NoiseFloor | None) -> Parity | None:
    if floor is None or floor.farthest is None:
        return None
    distance, p_value = floor.deviation.value, floor.deviation.p_value
    if distance is None or p_value is None:
        return None
    group, above = names[floor.farthest], round(p_value * (1 + floor.draws)) - 1
    share = f"in none of {floor.draws:,}" if not above else f"in {above:,} of {floor.draws:,}"
    return Parity(
        group=group,
        distance=distance,
        p_value=p_value,
        draws=floor.draws,
        sentence=(
            f"Of all groups, “{group}” lies farthest from the {_WORDS[rate]} of all together, by "
            f"{distance:.2g} standard errors. Had every group the same rate and were people as "
            f"alike as here, {share} simulated studies of this size would some group lie as far "
            "out. This tests parity; it does not say how large the differences are."
        ),
    )


def _result(measure: Measure, floor: Floor | None) -> MeasureResult:
    reason = measure.why_not
    if measure.at_least is not None:
        reason += f"; at least {measure.at_least:.3g} if each stood at its upper bound"
    median = p95 = p_value = None
    if floor is not None:
        # a parity draw with a group without errors stands above every ratio that is defined
        median = floor.median if floor.undefined < 0.5 else None
        p95 = floor.p95 if floor.undefined < 0.05 else None
        p_value = floor.p_value
        if floor.undefined >= 0.05 and not reason:
            share = f"{100 * floor.undefined:.0f} %"
            reason = f"at parity {share} of such studies have a group without errors"
    return MeasureResult(
        name=measure.name,
        title=measure.label,
        source=measure.source,
        value=measure.value,
        reason=reason or measure.note,
        floor_median=median,
        floor_p95=p95,
        p_value=p_value,
    )


def _sentence(rate: str, found: Comparison, level: float) -> str:
    words, sure = _WORDS[rate], f"{100 * level:g} % confidence over all groups at once"
    if found.verdict == "undefined":
        return f"Fewer than two groups have comparisons, so their {words}s cannot be compared."
    if found.verdict == "shown" and found.between is not None:
        worse, better = found.between
        return (
            f"The {words} of “{worse}” is at least {found.at_least:.3g} times that of "
            f"“{better}” ({sure})."
        )
    if found.verdict == "bounded":
        return f"No group's {words} is more than {found.at_most:.3g} times another's ({sure})."
    return (
        f"These data neither show that {words}s differ between groups nor that they are within "
        f"{BOUND:g} times of each other: too few people. That is not evidence that they are alike."
    )
