"""What known answers say of examiners, and of all of them together: counts with their interval.

How often somebody is right is a share of the few known lists they examined, so it is never shown
without its counts and its interval. Between examiners the lists may be the same ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from countenance.desk.casefile import account_names
from countenance.desk.knownanswers import KnownResult, Result
from countenance.desk.service import Actor, Desk

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the ends of the interval at `LEVEL`."""

    events: int
    trials: int
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """In words; without a rate where there is nothing to make one of."""
        if not self.trials:
            return "none yet"
        rate, low, high, sure = (
            f"{100 * each:.0f}" for each in (self.events / self.trials, self.low, self.high, LEVEL)
        )
        return f"{self.events:,} of {self.trials:,} ({rate} %, {sure} % interval {low}–{high} %)"


@dataclass(frozen=True, slots=True)
class ExaminerFigures:
    """One examiner's results; `name` is empty for all of them together."""

    name: str
    counts: Mapping[Result, int]
    right: Share
    wrong: Share


def known_figures(desk: Desk, actor: Actor) -> list[ExaminerFigures]:
    """Of each examiner by name, and last of all of them together."""
    rows = (
        select(KnownResult.examiner, KnownResult.result, func.count())
        .group_by(KnownResult.examiner, KnownResult.result)
    )  # fmt: skip

    def work(db: Session) -> list[ExaminerFigures]:
        found: dict[str, Counter[Result]] = {}
        for examiner, result, count in db.execute(rows):
            found.setdefault(examiner, Counter())[Result(result)] = count
        names = account_names(db, found)
        each = sorted((names.get(who, who), counts) for who, counts in found.items())
        whole = sum((counts for _, counts in each), Counter[Result]())
        return [*(_figures(name, counts) for name, counts in each), _figures("", whole)]

    return desk.look(actor, "known-answer.results", work)


def share(events: int, trials: int) -> Share:
    """A share with its exact interval: Clopper and Pearson, Biometrika 26 (1934) 404.

    Either end is the rate at which so few (so many) would be seen with half of what is left of
    `LEVEL`. Nothing tried says nothing: 0 to 1.
    """
    if not 0 <= events <= trials:
        raise ValueError(f"{events} of {trials}")
    tail = (1 - LEVEL) / 2
    low = _solve(lambda p: 1 - _at_most(events - 1, trials, p) < tail) if events else 0.0
    high = _solve(lambda p: _at_most(events, trials, p) > tail) if events < trials else 1.0
    return Share(events, trials, low, high)


def _figures(name: str, counts: Mapping[Result, int]) -> ExaminerFigures:
    whole = {each: counts.get(each, 0) for each in Result}
    trials = sum(whole.values())
    return ExaminerFigures(
        name, whole, share(whole[Result.RIGHT], trials),
        share(whole[Result.WRONG_CANDIDATE], trials),
    )  # fmt: skip


def _at_most(k: int, n: int, p: float) -> float:
    """The chance of at most `k` of `n` at rate `p`, strictly between 0 and 1."""
    up, down = math.log(p), math.log1p(-p)
    whole = math.lgamma(n + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * up + (n - i) * down)
        for i in range(k + 1)
    )


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
