"""One against many: what a search returns for a stated gallery, and for whom.

The expected number of false candidates of a probe group is linear in the gallery's composition
and exact without any independence between comparisons: ``E[a] = sum_g N_g FMR(a, g)``
(docs/measures.md, 4). The chance that a search returns any (FPIR) is not: people who resemble
many draw candidates together, so the binomial formula is an upper bound and is named one.

Engines that normalise scores by the gallery or search an index are not N one-to-one comparisons;
for them only searches of a real gallery count (`search_rates`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.core import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GalleryRisk:
    """What one probe group meets in a search of a stated gallery.

    Attributes
    ----------
    group
        The probe's group.
    false_candidates
        Expected false candidates per search.
    low, high
        The same at the low and the high end of every cross-group FMR at once: wider than an
        interval of the sum. None without interval ends.
    fpir_at_most
        ``1 - prod_g (1 - FMR(a, g))^N_g``: upper bound of the chance of any false candidate.
    """

    group: str
    false_candidates: float
    low: float | None
    high: float | None
    fpir_at_most: float

    def yearly(self, searches: float) -> float:
        """Expected false candidates in a year of so many searches."""
        return self.false_candidates * searches


def gallery_risk(
    fmr: npt.ArrayLike,
    gallery: Sequence[int],
    *,
    groups: Sequence[str],
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
) -> tuple[GalleryRisk, ...]:
    """Expected false candidates of every probe group in a gallery of stated composition.

    Parameters
    ----------
    fmr
        Cross-group FMR at one threshold, shape (groups, groups): row probe, column gallery.
    gallery
        Identities of each group in the gallery, shape (groups,).
    groups
        Names, shape (groups,).
    low, high
        Ends of the cells' intervals, shapes as `fmr`. Use the upper bound for cells without
        an error: their FMR is not zero.

    Raises
    ------
    InputError
        Shapes that do not fit, or numbers that are no rates or no counts.
    """
    F, N = _rates(fmr, len(groups)), np.asarray(gallery, dtype=np.float64)
    if N.shape != (len(groups),) or np.any(N < 0) or not np.all(np.isfinite(N)):
        raise InputError("the gallery's composition does not fit", expected="one count a group")
    ends = [None if end is None else _rates(end, len(groups)) @ N for end in (low, high)]
    expected = F @ N
    with np.errstate(divide="ignore", invalid="ignore"):
        none = np.where(N > 0, N * np.log1p(-F), 0.0).sum(axis=1)
    any_ = -np.expm1(none)
    return tuple(
        GalleryRisk(
            group=name,
            false_candidates=float(expected[i]),
            low=None if ends[0] is None else float(ends[0][i]),
            high=None if ends[1] is None else float(ends[1][i]),
            fpir_at_most=float(any_[i]),
        )
        for i, name in enumerate(groups)
    )


def fpir_at_most(fmr: float, gallery_size: int) -> float:
    """``1 - (1 - FMR)^N``: FPIR if false matches fell evenly on people; else an upper bound."""
    if not 0 <= fmr <= 1 or gallery_size < 0:
        raise InputError(f"FMR {fmr} and a gallery of {gallery_size}", expected="0 to 1; 0 up")
    if fmr == 1:
        return float(gallery_size > 0)
    return -math.expm1(gallery_size * math.log1p(-fmr))


def predictive_value(prior: float, *, fnir: float, fpir: float) -> float | None:
    """Chance that a search with a candidate is of someone enrolled (Bayes).

    ``prior (1-FNIR) / (prior (1-FNIR) + (1-prior) FPIR)``. `prior`, the chance that the probe is
    enrolled at all, has no default: no measurement of an engine supplies it. None where neither
    kind of search returns anything.
    """
    for name, rate in (("prior", prior), ("FNIR", fnir), ("FPIR", fpir)):
        if not 0 <= rate <= 1:
            raise InputError(f"{name} of {rate}", expected="a number from 0 to 1")
    found, false = prior * (1 - fnir), (1 - prior) * fpir
    return found / (found + false) if found + false > 0 else None


@dataclass(frozen=True, slots=True)
class SearchRates:
    """Counts and rates of real searches of one gallery at one threshold.

    Attributes
    ----------
    mated_searches, nonmated_searches
        Searches by people who are, and who are not, in the gallery; failures included.
    misses
        Mated searches with the mate outside the first `rank` or below the threshold.
    searches_with_candidate, false_candidates
        Non-mated searches with a candidate, and candidates in all of them.
    failed_mated, failed_nonmated
        Searches whose probe gave no template: misses, and searches without candidates.
    """

    gallery_size: int
    threshold: float
    rank: int
    mated_searches: int
    nonmated_searches: int
    misses: int
    searches_with_candidate: int
    false_candidates: int
    failed_mated: int
    failed_nonmated: int

    @property
    def fnir(self) -> float | None:
        """FNIR(N, R, T); None without mated searches."""
        return self.misses / self.mated_searches if self.mated_searches else None

    @property
    def fpir(self) -> float | None:
        """FPIR(N, T); None without non-mated searches."""
        n = self.nonmated_searches
        return self.searches_with_candidate / n if n else None

    @property
    def selectivity(self) -> float | None:
        """SEL(N, T, L): false candidates per non-mated search."""
        return self.false_candidates / self.nonmated_searches if self.nonmated_searches else None


def search_rates(
    scores: npt.ArrayLike,
    mate: npt.ArrayLike,
    *,
    threshold: float = -math.inf,
    rank: int | None = None,
    list_length: int | None = None,
    strict: bool = False,
    failed: npt.ArrayLike | None = None,
) -> SearchRates:
    """FNIR, FPIR and selectivity from the scores of whole searches.

    Parameters
    ----------
    scores
        Shape (searches, gallery), growing with similarity. Rows of failed probes are ignored.
    mate
        Column of each search's mate, -1 where the person is not enrolled. Shape (searches,).
    threshold, strict
        A candidate has ``score >= threshold`` (NIST), ``>`` with `strict` (ISO/IEC 19795-1).
    rank, list_length
        R and L: how far down a mate counts, how long a list is. By default the whole gallery.
        A mate's rank is 1 + the non-mates with a score at least its own: pessimistic in ties.
    failed
        True where the probe gave no template. Shape (searches,).
    """
    table, mates, lost = _searches(scores, mate, failed)
    gallery = table.shape[1]
    L = gallery if list_length is None else list_length
    R = L if rank is None else rank
    if R < 1 or L < 1:
        raise InputError(f"rank {R} of a list of {L}", expected="1 or more")
    passes = table > threshold if strict else table >= threshold
    mated = mates >= 0
    live = mated & ~lost
    own = np.flatnonzero(live)
    found = (_ranks(table, mates, own) <= min(R, L)) & passes[own, mates[own]]
    candidates = np.minimum(passes[~mated & ~lost].sum(axis=1), L)
    return SearchRates(
        gallery_size=gallery,
        threshold=float(threshold),
        rank=min(R, L),
        mated_searches=int(mated.sum()),
        nonmated_searches=int((~mated).sum()),
        misses=int(mated.sum()) - int(found.sum()),
        searches_with_candidate=int((candidates > 0).sum()),
        false_candidates=int(candidates.sum()),
        failed_mated=int((mated & lost).sum()),
        failed_nonmated=int((~mated & lost).sum()),
    )


def cmc(
    scores: npt.ArrayLike, mate: npt.ArrayLike, *, failed: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Mated searches with the mate at rank k or better, for k = 1 .. gallery size: counts.

    Over the number of mated searches it is the cumulative match characteristic, closed set
    only: ``CMC(k) = 1 - FNIR(N, k, -inf)``. Ties are pessimistic; failed probes never match.
    """
    S, mates, lost = _searches(scores, mate, failed)
    ranks = _ranks(S, mates, np.flatnonzero((mates >= 0) & ~lost))
    return np.cumsum(np.bincount(ranks, minlength=S.shape[1] + 1)[1:]).astype(np.int64)


def false_candidates_by_probe(
    scores: npt.ArrayLike, *, threshold: float, gallery_size: int
) -> Floats:
    """Expected false candidates of each probe in a gallery of `gallery_size` like this one.

    `scores`: shape (probes, others), non-mated only. The mean over probes hides that false
    candidates gather on few people: report quantiles of this (docs/measures.md, 4).
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0 or np.any(np.isnan(table)):
        raise InputError("scores do not fit", expected="shape (probes, others), no NaN")
    return np.asarray((table >= threshold).mean(axis=1) * gallery_size, dtype=np.float64)


def _rates(values: npt.ArrayLike, groups: int) -> Floats:
    F = np.asarray(values, dtype=np.float64)
    if F.shape != (groups, groups):
        raise InputError(f"FMR of shape {F.shape}", expected=f"({groups}, {groups})")
    if not np.all((F >= 0) & (F <= 1)):
        raise InputError("a cell is not a rate", expected="numbers from 0 to 1")
    return F


def _searches(
    scores: npt.ArrayLike, mate: npt.ArrayLike, failed: npt.ArrayLike | None
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    S, mates = np.asarray(scores), np.asarray(mate)
    if S.ndim != 2 or mates.shape != S.shape[:1] or S.shape[1] == 0:
        raise InputError("searches do not fit", expected="scores (searches, gallery), mate a row")
    if mates.size and (mates.dtype.kind not in "iu" or mates.min() < -1):
        raise InputError("a mate is not a column", expected="a column number, or -1 for none")
    if mates.size and mates.max() >= S.shape[1]:
        raise InputError("a mate is outside the gallery", expected=f"below {S.shape[1]}")
    lost = np.zeros(mates.shape, bool) if failed is None else np.asarray(failed, dtype=bool)
    if lost.shape != mates.shape:
        raise InputError("failures do not fit", expected="one a search")
    if np.any(np.isnan(S[~lost])):
        raise InputError("a score is NaN", expected="numbers", do="mark the search as failed")
    return S, mates.astype(np.int64), lost


def _ranks(
    S: Floats, mates: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """1 + non-mates scoring at least the mate; the mate itself is counted once."""
    own = S[rows, mates[rows]]
    return np.asarray((S[rows] >= own[:, None]).sum(axis=1), dtype=np.int64)
