"""People into groups: one attribute, numbers in bins, and every crossing of what was asked.

Labels are the data set's own words. Somebody without a value for an attribute is in no group of
any grouping that uses it, and counts for everybody.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.audit.types import Group, Grouping
from countenance.core import InputError
from countenance.scores import Labels

#: More groups than this in one grouping say that an attribute was meant to be put in bins.
MOST_GROUPS = 200

Attributes = Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """A grouping as published, and as codes of people to count with."""

    published: Grouping
    labels: Labels

    def members(self, group: int) -> npt.NDArray[np.intp]:
        """The people of a group, by code."""
        return np.flatnonzero(self.labels.of == group)


def group_people(
    attributes: Attributes,
    asked: Sequence[str],
    bins: Mapping[str, Sequence[float]],
    images: npt.NDArray[np.int64],
) -> list[Grouped]:
    """Groupings for each attribute asked, then for every crossing of them, the finest last.

    Parameters
    ----------
    attributes
        For each attribute one value a person.
    asked
        Names of attributes, in the order in which labels name them.
    bins
        For numeric attributes, the lower edges of all bins but the first: ``(20, 35, 50)``.
    images
        int64 (people,): images of each person, for the counts shown.

    Raises
    ------
    InputError
        An unknown attribute, a value that is not a number where bins were asked for, edges that
        do not rise, or more than `MOST_GROUPS` groups.
    """
    if len(set(asked)) != len(asked):
        raise InputError("an attribute is asked for twice", where=f"--group {','.join(asked)}")
    values = {name: _values(name, attributes, bins) for name in asked}
    unused = sorted(set(bins) - set(asked))
    if unused:
        raise InputError(
            f"bins are given for {unused[0]!r}, which is not grouped by",
            do=f"add --group {unused[0]}",
        )
    return [
        _grouping(names, values, images)
        for size in range(1, len(asked) + 1)
        for names in itertools.combinations(asked, size)
    ]


def _values(
    name: str, attributes: Attributes, bins: Mapping[str, Sequence[float]]
) -> Sequence[str | None]:
    if name not in attributes:
        known = ", ".join(sorted(attributes)) or "none: give an attribute table"
        raise InputError(
            f"people have no attribute {name!r}", where="--group", expected=f"one of: {known}"
        )
    if name not in bins:
        return attributes[name]
    edges = list(bins[name])
    rising = all(a < b for a, b in itertools.pairwise(edges))
    if not edges or not rising or not all(map(math.isfinite, edges)):
        raise InputError(
            f"bins of {name} do not rise: {edges}", where="--bin", expected="age=20,35,50"
        )
    return [_binned(name, value, edges) for value in attributes[name]]


def _binned(name: str, value: str | None, edges: Sequence[float]) -> str | None:
    if value is None:
        return None
    number = _finite(value)
    if number is None:
        raise InputError(
            f"{name} {value!r} is not a number",
            where="--bin",
            expected="numbers only",
            do="leave the cell empty where nothing is stated",
        )
    place = bisect.bisect_right(edges, number)
    if place == 0:
        return f"under {edges[0]:g}"
    if place == len(edges):
        return f"{edges[-1]:g} and over"
    return f"{edges[place - 1]:g} to under {edges[place]:g}"


def _grouping(
    names: tuple[str, ...],
    values: Mapping[str, Sequence[str | None]],
    images: npt.NDArray[np.int64],
) -> Grouped:
    people = list(zip(*(values[name] for name in names), strict=True))
    stated = [tuple(map(str, p)) if None not in p else None for p in people]
    distinct = sorted({s for s in stated if s is not None}, key=_order)
    if len(distinct) > MOST_GROUPS:
        raise InputError(
            f"{' × '.join(names)} gives {len(distinct)} groups",
            where="--group",
            expected=f"at most {MOST_GROUPS}",
            do=f"put numbers in bins: --bin {names[0]}=20,35,50",
        )
    if not distinct:
        raise InputError(
            f"nobody has a value for {' and '.join(names)}",
            where="--group",
            expected="attributes of the people in the comparisons",
        )
    code = {values: index for index, values in enumerate(distinct)}
    of = np.array([-1 if s is None else code[s] for s in stated], dtype=np.int32)
    groups = tuple(
        Group(
            label=", ".join(group),
            values=group,
            people=int((of == index).sum()),
            images=int(images[of == index].sum()),
        )
        for index, group in enumerate(distinct)
    )
    called = [group.label for group in groups]
    double = next((name for name in called if called.count(name) > 1), None)
    if double is not None:
        raise InputError(
            f"two groups are both called {double!r}",
            where="--group",
            expected="values whose crossings have names of their own",
            do="take the commas out of the values",
        )
    label = " × ".join(names)
    not_stated = int((of < 0).sum())
    published = Grouping(attributes=names, label=label, groups=groups, not_stated=not_stated)
    return Grouped(published, Labels(of, len(distinct)))


def _order(values: tuple[str, ...]) -> tuple[tuple[int, float, str], ...]:
    """Alphabetical, but bins and numbers by size."""
    return tuple(_value_order(value) for value in values)


def _value_order(value: str) -> tuple[int, float, str]:
    first = value.removeprefix("under ").split(" ", 1)[0]
    number = _finite(first)
    if number is None:
        return (1, 0.0, value)
    return (0, number - 0.5 if value.startswith("under ") else number, value)


def _finite(text: str) -> float | None:
    """The number a text is; None for words, which ``nan`` and ``inf`` are here."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
