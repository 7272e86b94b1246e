"""Sorted scores in a few runs: every count and order statistic, exact, with no merge.

Sorting is the only expensive step of a threshold question. The scores are sorted in as many runs
as there are cores (NumPy's sort lets other threads work meanwhile) and the runs are never merged:
a count over all scores is the sum of the runs' counts, so the answers do not depend on the
number of runs.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, processors

Ints = npt.NDArray[np.int64]
_RUN_FROM = 1 << 20  # below about a million scores a second thread costs more than it saves
_MOST_RUNS = 4


class SortedScores:
    """Finite scores, integer or float, prepared once for counting.

    Parameters
    ----------
    scores
        One-dimensional array of integers or floats; it is copied, not changed.
    what
        Names the scores in an error.
    runs
        Number of sorted runs; by default one a core from a million scores up, at most four.

    Raises
    ------
    InputError
        Not one-dimensional, not numbers, or NaN or infinite somewhere.
    """

    __slots__ = ("dtype", "exact", "runs", "size")

    def __init__(
        self, scores: npt.ArrayLike, *, what: str = "scores", runs: int | None = None
    ) -> None:
        array = np.asarray(scores)
        if array.size == 0 and array.dtype.kind not in "iuf":
            array = np.empty(0)
        if array.ndim != 1:
            raise InputError(f"{what} have {array.ndim} dimensions", expected="one dimension")
        if array.dtype.kind not in "iuf":
            raise InputError(
                f"{what} are {array.dtype}, not numbers", expected="integers or floats"
            )
        if array.dtype == np.float16 or array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        self.dtype = array.dtype
        self.exact = array.dtype.kind in "iu"
        self.size = int(array.size)
        self.runs = _sorted_runs(array, _default_runs(self.size) if runs is None else runs)
        for run in self.runs:
            # NaN sorts last and the infinities sort to the ends: two looks are enough.
            if not self.exact and not (np.isfinite(run[0]) and np.isfinite(run[-1])):
                raise InputError(
                    f"{what} hold NaN or an infinity",
                    expected="finite numbers",
                    do="give comparisons that failed as a count (failures=), not as a score",
                )

    @property
    def smallest(self) -> Any:
        """The smallest score, in the array's own type."""
        return min(run[0] for run in self.runs)

    @property
    def largest(self) -> Any:
        """The largest score, in the array's own type."""
        return max(run[-1] for run in self.runs)

    def above(self) -> int | float:
        """The next value above every score: largest + 1 for integers, the next float else.

        "Next" is taken in the array's own precision, for only then does a comparison with the
        array see the difference.
        """
        if self.size == 0:
            return 0
        top = self.largest
        if self.exact:
            return int(top) + 1
        return float(np.nextafter(top, self.dtype.type(np.inf)))

    def count_at_or_above(self, thresholds: npt.ArrayLike) -> Ints:
        """``#{s >= T}`` for each T, int64, of the shape of `thresholds`."""
        return self.size - self.count_below(thresholds)

    def count_below(self, thresholds: npt.ArrayLike) -> Ints:
        """``#{s < T}`` for each T, int64, of the shape of `thresholds`."""
        given = np.asarray(thresholds)
        keys, beyond = self._keys(given.reshape(-1))
        counts = np.zeros(keys.shape, dtype=np.int64)
        for run in self.runs:
            counts += np.searchsorted(run, keys, side="left")
        counts[beyond] = self.size
        return counts.reshape(given.shape)

    def count_above(self, scores: npt.NDArray[Any]) -> Ints:
        """``#{s > v}`` for values v of the array's own type or a narrower one."""
        counts = np.full(scores.shape, self.size, dtype=np.int64)
        for run in self.runs:
            counts -= np.searchsorted(run, scores, side="right")
        return counts

    def smallest_with_at_most(self, allowed: npt.ArrayLike) -> tuple[npt.NDArray[Any], Ints]:
        """For each k the smallest score v with ``#{s >= v} <= k``, and that count.

        Where no score qualifies (fewer than the ties at the top are allowed) the count is -1 and
        the value is the largest score. One bisection a run, all k at once.
        """
        wanted = np.asarray(allowed, dtype=np.int64).reshape(-1)
        best = np.full(wanted.shape, self.largest, dtype=self.dtype)
        found = np.zeros(wanted.shape, dtype=bool)
        for run in self.runs:
            last = len(run)
            low = np.maximum(last - wanted, 0).clip(max=last)  # v has len - i >= 1 at or above it
            high = np.full(wanted.shape, last)
            while np.any(open_ := low < high):
                middle = (low + high) // 2
                fits = self._count(run[np.minimum(middle, last - 1)]) <= wanted
                high = np.where(open_ & fits, middle, high)
                low = np.where(open_ & ~fits, middle + 1, low)
            here = high < last
            value = run[np.minimum(high, last - 1)]
            best = np.where(here & (~found | (value < best)), value, best)
            found |= here
        return best, np.where(found, self._count(best), -1)

    def _count(self, values: npt.NDArray[Any]) -> Ints:
        """``#{s >= v}`` for values already of the array's type."""
        counts = np.full(values.shape, self.size, dtype=np.int64)
        for run in self.runs:
            counts -= np.searchsorted(run, values, side="left")
        return counts

    def _keys(self, given: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """The smallest value of the array's own type that is >= each T, and where there is none.

        Searching with another type would make NumPy convert all scores; this converts the few
        thresholds instead and stays exact.
        """
        if given.dtype.kind not in "iufO":
            raise InputError(f"a threshold is {given.dtype}, not a number")
        if given.dtype == self.dtype and self.exact:
            return given, np.zeros(given.shape, dtype=bool)
        if self.exact:
            keys = np.zeros(given.shape, dtype=self.dtype)
            beyond = np.zeros(given.shape, dtype=bool)
            least, most = int(np.iinfo(self.dtype).min), int(np.iinfo(self.dtype).max)
            for i, threshold in enumerate(given.tolist()):
                if threshold != threshold:
                    raise InputError("a threshold is NaN", expected="a number")
                if threshold > most:
                    beyond[i] = True
                else:
                    keys[i] = least if threshold <= least else -(-threshold // 1)
            return keys, beyond
        wide = given.astype(np.float64)
        if np.any(np.isnan(wide)):
            raise InputError("a threshold is NaN", expected="a number")
        if self.dtype == np.float64:
            return wide, np.zeros(given.shape, dtype=bool)
        with np.errstate(over="ignore"):  # beyond float32 becomes an infinity, which is right
            keys = wide.astype(self.dtype)
        up = np.nextafter(keys, self.dtype.type(np.inf))
        return np.where(keys < wide, up, keys), np.zeros(given.shape, dtype=bool)


def _default_runs(size: int) -> int:
    if size < _RUN_FROM:
        return 1
    return min(processors(), _MOST_RUNS)


def _sorted_runs(array: npt.NDArray[Any], runs: int) -> tuple[npt.NDArray[Any], ...]:
    if array.size == 0:
        return ()
    cuts = [array.size * i // runs for i in range(runs + 1)]
    parts = [array[a:b] for a, b in itertools.pairwise(cuts) if b > a]
    if len(parts) == 1:
        return (np.sort(parts[0]),)
    with ThreadPoolExecutor(len(parts)) as pool:
        return tuple(pool.map(np.sort, parts))
