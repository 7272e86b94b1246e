"""How many people an audit needs, and what a given number can show.

Comparisons are many but people are few: n people give n(n-1)/2 comparisons and only n
independent draws. For the logarithm of a false match rate f over all pairs of n people
(docs/measures.md, 3; checked by simulation there)

    Var(ln FMR) = 4 CV2 / n + 2 / (n (n-1) f)

where CV2 is the squared coefficient of variation of people's own false match rates: some faces
resemble many. A ratio r between two groups of n people each is shown with the given power if

    8 CV2 / n + (2 / (n (n-1) f)) (1 + 1/r) <= (ln r / (z[1 - alpha/2m] + z[power]))^2

with f the lower of the two rates and m the number of comparisons planned beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from countenance.core import InputError, read_decimal

# In the model of latent-normal people (docs/statistics.md, 7.1) CV2 is about 1 where 10 % of the
# score's variance lies with the people and 3.5 to 7 where 30 % does (FMR 1e-3 and 1e-4). 2 lies
# between, and the formula's power was checked there. An audit estimates its own.
DEFAULT_CV2 = 2.0
# Of misses within a person. No published figure is behind it: the coverage of the clustered
# interval was simulated at .1 to .6 (docs/statistics.md, 7.5). An audit has its own.
DEFAULT_ICC = 0.25
_MOST_PEOPLE = 10**9

Number = str | float | Fraction


@dataclass(frozen=True, slots=True)
class Plan:
    """What an audit needs to show one ratio at one rate.

    Attributes
    ----------
    rate_name
        ``FMR`` or ``FNMR``.
    rate
        The lower of the two rates to be told apart.
    ratio, power, alpha
        The ratio to show, the chance of showing it if it is there, and the two-sided level.
    groups, comparisons
        Number of groups, and of pre-planned comparisons among them (Bonferroni).
    people_per_group, images_per_person
        What is needed; every person has as many images.
    comparisons_per_group
        Non-mated pairs of people (FMR) or mated pairs of images (FNMR) in one group.
    expected_errors
        Errors expected in one group at `rate`.
    assumption
        The number that is assumed about people and may be measured instead: ``CV2 = 2``.
    """

    rate_name: str
    rate: float
    ratio: float
    power: float
    alpha: float
    groups: int
    comparisons: int
    people_per_group: int
    images_per_person: int
    comparisons_per_group: int
    expected_errors: float
    assumption: str

    @property
    def people(self) -> int:
        """People in all groups together."""
        return self.people_per_group * self.groups

    @property
    def images(self) -> int:
        """Images in all groups together."""
        return self.people * self.images_per_person

    @property
    def sentence(self) -> str:
        """The plan in plain words."""
        each = "one image" if self.images_per_person == 1 else f"{self.images_per_person} images"
        pairs = "non-mated pairs of people" if self.rate_name == "FMR" else "mated pairs of images"
        several = (
            "one planned comparison"
            if self.comparisons == 1
            else f"{self.comparisons} planned comparisons"
        )
        return (
            f"To show a {self.ratio:g}-fold difference in {self.rate_name} at a rate of "
            f"{self.rate:g}, each of {self.groups} groups needs {self.people_per_group:,} people "
            f"with {each} each ({self.people:,} people and {self.images:,} images in all; "
            f"{self.comparisons_per_group:,} {pairs} in a group, of which "
            f"about {_about(self.expected_errors)} are expected to be errors). "
            f"Power {100 * self.power:g} %, level {100 * self.alpha:g} % two-sided over "
            f"{several}; "
            f"assumes {self.assumption}."
        )


def plan(
    fmr: Number,
    ratio: Number,
    *,
    groups: int = 2,
    cv2: float = DEFAULT_CV2,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int | None = None,
) -> Plan:
    """People and images per group that show a `ratio` between two groups' FMR at `fmr`.

    Parameters
    ----------
    fmr
        The lower of the two false match rates, between 0 and 1; text as typed, or a number.
    ratio
        The ratio to be shown, above 1; ``fmr * ratio`` is at most 1.
    groups
        Number of groups of this size.
    cv2
        Squared coefficient of variation of people's own false match rates. The default of 2 is
        for planning before any data; `estimate_cv2` measures it.
    power, alpha
        Chance of showing a ratio that is there; two-sided level over all comparisons.
    comparisons
        Number of pre-planned comparisons; by default every pair of groups.

    Raises
    ------
    InputError
        A rate, ratio, level or count outside its range.
    """
    fmr, ratio = _number(fmr), _number(ratio)
    m = _comparisons(groups, comparisons)
    n = people_needed(fmr, ratio, cv2=cv2, power=power, alpha=alpha, comparisons=m)
    pairs = n * (n - 1) // 2
    return Plan(
        rate_name="FMR",
        rate=fmr,
        ratio=ratio,
        power=power,
        alpha=alpha,
        groups=groups,
        comparisons=m,
        people_per_group=n,
        images_per_person=1,
        comparisons_per_group=pairs,
        expected_errors=pairs * fmr,
        assumption=f"CV2 = {cv2:g} (how unevenly false matches fall on people)",
    )


def people_needed(
    fmr: float,
    ratio: float,
    *,
    cv2: float = DEFAULT_CV2,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> int:
    """Smallest n per group that satisfies the inequality at the top of this module.

    One image a person, every pair compared. More images of the same people lower the second
    term only, and less than in proportion; more people lower both.
    """
    _need_rate(fmr, ratio)
    if not cv2 >= 0 or not math.isfinite(cv2):
        raise InputError(f"CV2 of {cv2}", expected="a number from 0 up")
    bound = _bound(ratio, power, alpha, comparisons)

    def enough(n: int) -> bool:
        return 8 * cv2 / n + 2 / (n * (n - 1) * fmr) * (1 + 1 / ratio) <= bound

    return _smallest(enough)


def detectable_ratio(
    fmr: float,
    people: int,
    *,
    cv2: float = DEFAULT_CV2,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float | None:
    """Smallest ratio that `people` per group can show at `fmr`; None where no ratio can be.

    The largest ratio there can be is ``1 / fmr``.
    """
    _need_people(people)
    _need_rate(fmr, 1 / fmr if fmr > 0 else 2)
    noise = 8 * cv2 / people, 2 / (people * (people - 1) * fmr)

    def enough(log_ratio: float) -> bool:
        bound = _bound(math.exp(log_ratio), power, alpha, comparisons)
        return noise[0] + noise[1] * (1 + math.exp(-log_ratio)) <= bound

    low, high = 0.0, -math.log(fmr)
    if not enough(high):
        return None
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 0 and enough(middle) else (middle, high)
    return math.exp(high)


def smallest_auditable_fmr(
    people: int,
    ratio: float,
    *,
    cv2: float = DEFAULT_CV2,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float | None:
    """Smallest FMR at which `people` per group can show `ratio`; None where at no rate.

    None means that the people themselves differ too much for so few of them, whatever the rate.
    """
    _need_people(people)
    room = _bound(ratio, power, alpha, comparisons) - 8 * cv2 / people
    if room <= 0:
        return None
    smallest = 2 * (1 + 1 / ratio) / (people * (people - 1) * room)
    return smallest if smallest * ratio <= 1 else None


def fmr_for_errors(people: int, *, errors: int = 10) -> float:
    """The FMR at which `people` of one group, all compared, are expected to give `errors`.

    Below it no estimate is supported: `interval.MIN_EVENTS` errors are asked for.
    """
    _need_people(people)
    return errors / (people * (people - 1) / 2)


def estimate_cv2(
    fmr: float, variance: float, *, people: int, pairs: float | None = None
) -> float | None:
    """CV2 from an audited group: ``max(0, V_U - U(1-U)/N) * n / (4 U^2)``.

    It solves the variance at the top of this module for CV2.
    `variance` is V_U of `variance.fmr_within`; `pairs` defaults to all n(n-1)/2. None where no
    false match was seen.
    """
    _need_people(people)
    if not 0 < fmr <= 1:
        return None
    N = people * (people - 1) / 2 if pairs is None else pairs
    return max(0.0, variance - fmr * (1 - fmr) / N) * people / (4 * fmr**2)


def plan_fnmr(
    fnmr: Number,
    ratio: Number,
    *,
    groups: int = 2,
    images_per_person: int = 2,
    icc: float = DEFAULT_ICC,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int | None = None,
) -> Plan:
    """People with mated pairs per group that show a `ratio` between two groups' FNMR at `fnmr`.

    People are independent here, so the ratio estimator of `variance.fnmr` gives, with k mated
    pairs a person and intra-person correlation icc of misses (both mated pairs of one bad
    photograph fail together), ``Var(ln FNMR) = (1 - p)(1 + (k-1) icc) / (n k p)`` for each group.
    """
    fnmr, ratio = _number(fnmr), _number(ratio)
    m = _comparisons(groups, comparisons)
    _need_rate(fnmr, ratio)
    if images_per_person < 2:
        raise InputError(
            f"{images_per_person} image a person makes no mated pair", expected="2 or more"
        )
    if not 0 <= icc <= 1:
        raise InputError(f"icc of {icc}", expected="a number from 0 to 1")
    k = images_per_person * (images_per_person - 1) // 2
    bound = _bound(ratio, power, alpha, m)
    odds = (1 - fnmr) / fnmr + (1 - fnmr * ratio) / (fnmr * ratio)
    n = _smallest(lambda n: odds * (1 + (k - 1) * icc) / (n * k) <= bound)
    return Plan(
        rate_name="FNMR",
        rate=fnmr,
        ratio=ratio,
        power=power,
        alpha=alpha,
        groups=groups,
        comparisons=m,
        people_per_group=n,
        images_per_person=images_per_person,
        comparisons_per_group=n * k,
        expected_errors=n * k * fnmr,
        assumption=f"a correlation of {icc:g} between the misses of one person",
    )


def _number(value: Number) -> float:
    exact = value if isinstance(value, Fraction) else read_decimal(str(value))
    if exact is None:
        raise InputError(f"{value!r} is not a number", expected="for example 1e-3")
    return float(exact)


def _about(number: float) -> str:
    """A count in two significant digits below 100, whole above."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def _bound(ratio: float, power: float, alpha: float, comparisons: int) -> float:
    """Largest variance of a log ratio that still shows `ratio`."""
    if not ratio > 1:
        raise InputError(f"a ratio of {ratio} is no difference", expected="a number above 1")
    if not 0 < alpha < 1 or not 0.5 <= power < 1:
        raise InputError(
            f"level {alpha} and power {power}", expected="0 < level < 1 and 0.5 <= power < 1"
        )
    if comparisons < 1:
        raise InputError(f"{comparisons} comparisons", expected="1 or more")
    z = NormalDist().inv_cdf
    return (math.log(ratio) / (z(1 - alpha / (2 * comparisons)) + z(power))) ** 2


def _comparisons(groups: int, comparisons: int | None) -> int:
    if groups < 2:
        raise InputError(f"{groups} group has nothing to be compared with", expected="2 or more")
    return groups * (groups - 1) // 2 if comparisons is None else comparisons


def _need_rate(rate: float, ratio: float) -> None:
    if not 0 < rate < 1:
        raise InputError(f"{rate} is not a rate to plan for", expected="between 0 and 1")
    if not ratio > 1:
        raise InputError(f"a ratio of {ratio} is no difference", expected="a number above 1")
    if rate * ratio > 1 + 1e-12:
        raise InputError(f"{ratio:g} times a rate of {rate:g} is above 1", expected="at most 1")


def _need_people(people: int) -> None:
    if people < 2:
        raise InputError(f"{people} people make no pair", expected="2 or more")


def _smallest(enough: Callable[[int], bool]) -> int:
    """Smallest n >= 2 that is enough; `enough` stays true once it is."""
    high = 2
    while not enough(high):
        high *= 2
        if high > _MOST_PEOPLE:
            raise InputError(
                f"more than {_MOST_PEOPLE:,} people would be needed",
                expected="a larger ratio or a higher rate",
            )
    low = max(2, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high
