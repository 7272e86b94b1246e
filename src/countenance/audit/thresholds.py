"""Thresholds and error counts of a set of comparisons, exact to the single comparison.

The decision rule is NIST's (FRTE's pages: "at or above a threshold", "below threshold"): a
comparison is a match iff ``s >= T``; scores grow with similarity.
FMR(T) is the share of non-mated comparisons at or above T, FNMR(T) the share of mated ones below
(docs/measures.md, 1). Whether a target rate is met is decided in integers, never by comparing
floats: one false match lost to rounding moves a threshold by hundreds of ranks.

These are plain counts over comparisons. How sure one may be of them, given that comparisons
share people, is `variance` and `interval`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from countenance.audit._runs import Ints, SortedScores
from countenance.core import InputError, read_decimal

System = Literal["positive", "negative"]
Target = str | int | float | Decimal | Fraction
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FmrThreshold:
    """The threshold for a target FMR, and what it achieves.

    Attributes
    ----------
    target
        The rate asked for, exact.
    allowed
        ``floor(target * trials)``: false matches the target allows; below zero where failures to
        enrol alone exceed it.
    T
        Smallest observed non-mated score with at most `allowed` false matches; the next value
        above all scores where ties at the top exceed `allowed`; None where unattainable.
    errors, trials
        False matches at T (failures included in a negative system), and non-mated comparisons
        (failures always included).
    why_not
        Empty, or why no threshold attains the target.
    """

    target: Fraction
    allowed: int
    T: int | float | None
    errors: int
    trials: int
    why_not: str = ""

    @property
    def attainable(self) -> bool:
        """True where some threshold keeps the false matches within the target."""
        return self.T is not None

    @property
    def achieved(self) -> float | None:
        """The FMR at T; None where there is no T."""
        return None if self.T is None else self.errors / self.trials


@dataclass(frozen=True, slots=True)
class Eer:
    """Equal error rate in its three variants, which differ. Never a basis for a decision.

    Attributes
    ----------
    midpoint, midpoint_threshold
        ``(FMR + FNMR) / 2`` at the observed score where ``|FMR - FNMR|`` is least, the lower
        such score in a tie (torchmetrics and others).
    fvc, fvc_low, fvc_high, fvc_threshold
        FVC2000 interval between ``max{t: FNMR <= FMR}`` and ``min{t: FNMR >= FMR}``, its
        midpoint, and the one of the two thresholds with the smaller sum of errors (pyeer).
    """

    midpoint: float
    midpoint_threshold: float
    fvc: float
    fvc_low: float
    fvc_high: float
    fvc_threshold: float


@dataclass(frozen=True, slots=True)
class Det:
    """Points of the detection error trade-off curve, thresholds rising: arrays of one length."""

    threshold: npt.NDArray[Any]
    fmr: Floats
    fnmr: Floats
    false_matches: Ints
    false_non_matches: Ints
    nonmated_trials: int
    mated_trials: int


class ScoreDistribution:
    """Non-mated and mated scores, sorted once, that answer every threshold question exactly.

    Parameters
    ----------
    nonmated, mated
        One-dimensional arrays, integer or float, finite, growing with similarity. `mated` may be
        left out where only FMR is asked for. Memory: one sorted copy of each.
    nonmated_failures, mated_failures
        Comparisons that gave no score because an image gave no template. They stay in the
        denominators.
    system
        ``positive``: a failure is no match (raises FNMR). ``negative`` (a watch-list): a failure
        counts as a match (raises FMR). The convention of NIST staff's R package NistBiom.

    Raises
    ------
    InputError
        NaN, infinities, not numbers, not one-dimensional; an unknown system; or, when asked,
        a rate without any comparison.
    """

    def __init__(
        self,
        nonmated: npt.ArrayLike,
        mated: npt.ArrayLike = (),
        *,
        nonmated_failures: int = 0,
        mated_failures: int = 0,
        system: System = "positive",
    ) -> None:
        if system not in ("positive", "negative"):
            raise InputError(f"unknown system {system!r}", expected="positive or negative")
        if nonmated_failures < 0 or mated_failures < 0:
            raise InputError("a count of failures is below zero", expected="0 or more")
        self._non, self._mat = _prepared(nonmated, mated)
        negative = system == "negative"
        self.nonmated_trials = self._non.size + nonmated_failures
        self.mated_trials = self._mat.size + mated_failures
        self._failed_as_match = nonmated_failures if negative else 0
        self._failed_as_miss = 0 if negative else mated_failures

    def false_matches(self, T: npt.ArrayLike) -> Ints:
        """Non-mated comparisons at or above each T, with failures in a negative system."""
        return self._non.count_at_or_above(T) + self._failed_as_match

    def false_non_matches(self, T: npt.ArrayLike) -> Ints:
        """Mated comparisons below each T, with failures in a positive system."""
        return self._mat.count_below(T) + self._failed_as_miss

    def fmr(self, T: npt.ArrayLike) -> Floats:
        """False match rate at each T; the counts are `false_matches` over `nonmated_trials`."""
        return np.asarray(self.false_matches(T) / self._need_nonmated(), dtype=np.float64)

    def fnmr(self, T: npt.ArrayLike) -> Floats:
        """False non-match rate at each T; `false_non_matches` over `mated_trials`."""
        return np.asarray(self.false_non_matches(T) / self._need_mated(), dtype=np.float64)

    def threshold_at_fmr(self, target: Target) -> FmrThreshold:
        """Smallest observed non-mated score that keeps the FMR at or below `target`.

        Conservative: mated scores are no candidates, so T does not peek at them. Any T up to it
        from the next lower non-mated score gives the same FMR, not the same FNMR.
        """
        return self.thresholds_at_fmr([target])[0]

    def thresholds_at_fmr(self, targets: Iterable[Target]) -> list[FmrThreshold]:
        """`threshold_at_fmr` for several targets, in the order given."""
        trials = self._need_nonmated()
        asked = [_exact_rate(target) for target in targets]
        allowed = [math.floor(target * trials) - self._failed_as_match for target in asked]
        if self._non.size == 0:
            why = "every non-mated comparison failed: there is no score to set a threshold by"
            return [
                FmrThreshold(rate, k, None, 0, trials, why)
                for rate, k in zip(asked, allowed, strict=True)
            ]
        values, counts = self._non.smallest_with_at_most(np.maximum(allowed, 0))
        found: list[FmrThreshold] = []
        for rate, k, value, count in zip(
            asked, allowed, values.tolist(), counts.tolist(), strict=True
        ):
            if k < 0:
                why = (
                    f"{self._failed_as_match} of {trials} comparisons failed and count as "
                    "matches: FMR cannot be lower than the failure rate"
                )
                found.append(FmrThreshold(rate, k, None, 0, trials, why))
                continue
            T, errors = (value, count) if count >= 0 else (self._non.above(), 0)
            found.append(FmrThreshold(rate, k, T, errors + self._failed_as_match, trials))
        return found

    def eer(self) -> Eer:
        """Equal error rate over the observed scores: midpoint and FVC variants.

        `eer_rocch` gives the third. ``FMR - FNMR`` falls strictly from one observed score to the
        next, so the crossing is found by bisection in integers.
        """
        self._need_both_scored()
        t2 = self._first(lambda T: self._lead(T) <= 0)
        t1 = t2 if self._lead(t2) == 0 else self._before(t2)
        fm, fnm = self.false_matches([t1, t2]), self.false_non_matches([t1, t2])
        fmr = (fm / self.nonmated_trials).tolist()
        fnmr = (fnm / self.mated_trials).tolist()
        near = 0 if abs(self._lead(t1)) <= abs(self._lead(t2)) else 1
        # Sums compared in integers too: FM/N + FNM/M over the common denominator N*M.
        sums = [
            int(fm[i]) * self.mated_trials + int(fnm[i]) * self.nonmated_trials for i in (0, 1)
        ]
        best = 0 if sums[0] <= sums[1] else 1
        low, high = sorted((fmr[best], fnmr[best]))
        ends = (float(t1), float(t2))
        return Eer(
            midpoint=(fmr[near] + fnmr[near]) / 2,
            midpoint_threshold=ends[near],
            fvc=(low + high) / 2,
            fvc_low=low,
            fvc_high=high,
            fvc_threshold=ends[best],
        )

    def eer_rocch(self) -> float:
        """Equal error rate on the convex hull of the ROC (BOSARIS).

        Only the one hull edge that crosses FMR = FNMR is found: from the chord between the two
        extreme corners, step to the corner farthest below it and keep the half that crosses.
        """
        self._need_both_scored()
        N, M = self.nonmated_trials, self.mated_trials
        kind = np.int64 if N * M < 1 << 61 else object  # areas below must not wrap
        corners = np.unique(np.concatenate([np.unique(run) for run in self._mat.runs]))
        x = np.append(self.false_matches(corners), self._failed_as_match).astype(kind)
        y = np.append(self.false_non_matches(corners), self._mat.size + self._failed_as_miss)
        y = y.astype(kind)
        # The two ends: accept everything, accept nothing.
        a = (self._non.size + self._failed_as_match, self._failed_as_miss)
        b = (int(x[-1]), int(y[-1]))
        while True:
            depth = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
            deepest = int(np.argmax(depth))
            if depth[deepest] <= 0:
                break
            corner = (int(x[deepest]), int(y[deepest]))
            a, b = (a, corner) if corner[1] * N >= corner[0] * M else (corner, b)
        run, rise = Fraction(a[0] - b[0], N), Fraction(b[1] - a[1], M)
        return float((Fraction(a[0], N) * rise + Fraction(a[1], M) * run) / (run + rise))

    def det(self, points: int = 1000) -> Det:
        """At most `points` points of the DET curve, evenly spread over both logarithmic axes.

        Half the thresholds are those of log-spaced false match counts, half those of log-spaced
        false non-match counts, so both tails are resolved; every count is exact. Small sets have
        fewer distinct points.
        """
        if points < 2:
            raise InputError(f"{points} points do not make a curve", expected="2 or more")
        self._need_both_scored()
        half = points // 2
        # Falling counts give rising values, which NumPy looks up twice as fast.
        counts = _log_counts(self._non.size, points - half)[::-1]
        by_match, ok = self._non.smallest_with_at_most(counts)
        by_miss = self._mat.smallest_with_at_most(
            self._mat.size - np.append(0, _log_counts(max(self._mat.size - 1, 1), half - 1))
        )[0]
        T = np.unique(np.concatenate([by_match[ok >= 0], by_miss]))
        fm, fnm = self.false_matches(T), self.false_non_matches(T)
        return Det(
            threshold=T,
            fmr=fm / self.nonmated_trials,
            fnmr=fnm / self.mated_trials,
            false_matches=fm,
            false_non_matches=fnm,
            nonmated_trials=self.nonmated_trials,
            mated_trials=self.mated_trials,
        )

    def auc(self) -> float:
        """P(mated score > non-mated score), ties counted one half (Mann-Whitney).

        Over the comparisons that gave a score.
        """
        self._need_both_scored()
        wins = 0
        for run in self._mat.runs:
            below = self._non.count_below(run)
            up_to = self._non.size - self._non.count_above(run)
            wins += int(below.sum()) + int(up_to.sum())
        return wins / (2 * self._non.size * self._mat.size)

    def _lead(self, T: Any) -> int:
        """``FMR - FNMR`` at T times both denominators: an exact integer."""
        fm, fnm = int(self.false_matches(T)), int(self.false_non_matches(T))
        return fm * self.mated_trials - fnm * self.nonmated_trials

    def _first(self, holds: Callable[[Any], bool]) -> Any:
        """Smallest observed score at which `holds` (false, then true along T) is true."""
        found: list[Any] = []
        for run in (*self._non.runs, *self._mat.runs):
            low, high = 0, len(run)
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if holds(run[middle]) else (middle + 1, high)
            if low < len(run):
                found.append(run[low])
        return min(found) if found else max(self._non.above(), self._mat.above())

    def _before(self, T: Any) -> Any:
        """Largest observed score below T; T itself where it is the smallest."""
        below = [
            run[i - 1]
            for run in (*self._non.runs, *self._mat.runs)
            if (i := int(np.searchsorted(run, T))) > 0
        ]
        return max(below) if below else T

    def _need_nonmated(self) -> int:
        if self.nonmated_trials == 0:
            raise InputError(
                "there is no non-mated comparison", expected="at least one", do="add people"
            )
        return self.nonmated_trials

    def _need_mated(self) -> int:
        if self.mated_trials == 0:
            raise InputError(
                "there is no mated comparison",
                expected="at least one person with two images",
                do="add a second image of some people",
            )
        return self.mated_trials

    def _need_both_scored(self) -> None:
        self._need_nonmated()
        self._need_mated()
        if self._non.size == 0 or self._mat.size == 0:
            raise InputError(
                "every comparison of one kind failed", expected="scores of both kinds"
            )


def threshold_at_fmr(
    nonmated: npt.ArrayLike, target: Target, *, failures: int = 0, system: System = "positive"
) -> FmrThreshold:
    """One threshold from non-mated scores alone; see `ScoreDistribution.threshold_at_fmr`."""
    scores = ScoreDistribution(nonmated, nonmated_failures=failures, system=system)
    return scores.threshold_at_fmr(target)


def _prepared(nonmated: npt.ArrayLike, mated: npt.ArrayLike) -> tuple[SortedScores, SortedScores]:
    """Both sorted, in one type, so that a score of one is an exact threshold for the other."""
    non, mat = np.asarray(nonmated), np.asarray(mated)
    if non.size and mat.size and {non.dtype.kind, mat.dtype.kind} <= set("iuf"):
        common = np.result_type(non, mat)
        non, mat = non.astype(common, copy=False), mat.astype(common, copy=False)
    elif non.size and not mat.size:
        mat = np.empty(0, dtype=non.dtype)
    return (
        SortedScores(non, what="non-mated scores"),
        SortedScores(mat, what="mated scores"),
    )


def _exact_rate(value: Target) -> Fraction:
    """A rate as people write it: "1e-3", "1/1000", 0.001 (the shortest decimal), a Fraction."""
    text = str(value)
    try:
        # Fraction("1e-999999999") would take all memory there is; read_decimal refuses it.
        rate = Fraction(text) if "/" in text else read_decimal(text)
    except (ValueError, ZeroDivisionError):
        rate = None
    if rate is None or not 0 <= rate <= 1:
        raise InputError(f"{value!r} is not a rate", expected="a number from 0 to 1")
    return rate


def _log_counts(most: int, points: int) -> Ints:
    """Up to `points` different whole numbers from 1 to `most`, evenly spread on a log axis."""
    spread = np.rint(np.geomspace(1, most, points)).astype(np.int64)
    step = np.arange(spread.size)
    # Rounding makes the first ones equal: push each at least one above the one before.
    return np.minimum(np.maximum.accumulate(spread - step) + step, most)
