"""Rates over pairs of people, and the variance that knows that pairs share people.

A group of n people gives n(n-1)/2 pairs but only n independent draws. Every estimator here works
from *row sums*: for each person, the sum of h over the partners that person was compared with,
where h_ij in [0, 1] is the mean over the image comparisons of that pair of "is an error". So the
cost is O(n) a threshold once the row sums are known, and a design in which not every pair was
compared (a vendor's sample) needs nothing more than each person's number of partners.

docs/statistics.md derives every formula.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from countenance.core import InputError

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Kind: TypeAlias = Literal["within", "between", "mated", "images"]


@dataclass(frozen=True, slots=True)
class RateVariance:
    """A rate at K thresholds with all that an interval, a ratio or a noise floor needs.

    Attributes
    ----------
    kind
        ``within`` one group (FMR), ``between`` two groups (FMR), ``mated`` (FNMR) or ``images``
        (FTE).
    estimate
        (K,) the rate; NaN when nothing was compared.
    variance
        (K,) estimated variance of the estimate, never below that of independent trials. NaN when
        the design cannot tell it (no two disjoint pairs, one person).
    jackknife
        (K,) the conservative alternative: the delete-one-person jackknife, which overstates the
        variance of rare errors up to 1.8 times (docs/statistics.md, 2.1).
    psi
        (K, n) influence of each person on the estimate; for ``between`` the people of the first
        group, then those of the second. Sums to zero.
    events
        (K,) sum of h over pairs (FMR) or of misses (FNMR).
    whole
        (K,) errors counted as whole pairs, (sum h)^2 / sum h^2: the pairs in error when each pair
        was compared once, between 1 and all of them when it was compared often. For FNMR and FTE
        the errors themselves.
    trials
        Pairs of people compared (FMR), mated comparisons (FNMR) or images (FTE).
    degree
        (n,) partners (FMR) or mated comparisons (FNMR) of each person, in the order of `psi`.
    people
        People who were in at least one comparison.
    affected
        (K,) people in at least one error.
    independent
        The number of independent comparisons that this design is sure to be worth, however alike
        the people are: floor(n/2) for all pairs of n people, min(nA, nB) between groups, the
        number of people for FNMR with equal numbers of images. See `interval.chernoff_upper`.
    freedom
        (K,) degrees of freedom of `variance`: Satterthwaite's from the influences, at most the
        number of people less one. Small when few people carry the errors.
    """

    kind: Kind
    estimate: Floats
    variance: Floats
    jackknife: Floats
    psi: Floats
    events: Floats
    whole: Floats
    trials: float
    degree: Floats
    people: int
    affected: Ints
    independent: float
    freedom: Floats


def fmr_within(row_sums: Floats, degree: Floats, square_sum: Floats) -> RateVariance:
    """FMR among the people of one group.

    Parameters
    ----------
    row_sums
        (K, n) sum over partners j of h_ij.
    degree
        (n,) number of partners each person was compared with; people with 0 do not count.
    square_sum
        (K,) sum over unordered pairs of h_ij squared.

    Returns
    -------
    RateVariance
        ``variance`` is U^2 - Q floored at U(1-U)/N, where Q averages h_ij h_kl over ordered
        pairs of *disjoint* pairs: the unbiased estimator (derived in docs/statistics.md, 2.1) for
        any set of compared pairs. NaN when no two pairs are disjoint.

    Raises
    ------
    InputError
        Shapes that do not fit, row sums outside [0, degree].
    """
    R, d = _checked(row_sums, degree, "row")
    S2 = _one_a_threshold(square_sum, R.shape[0])
    N = d.sum() / 2
    people = int(np.count_nonzero(d))
    events = R.sum(axis=1) / 2
    U = _divide(events, N)
    psi = _divide(R - U[:, None] * d, N)
    disjoint = N * N - (d @ d - N)
    Q = _divide(events**2 - ((R * R).sum(axis=1) - S2), disjoint)
    floor = _divide(U * (1 - U), N)
    variance = np.maximum(U * U - Q, floor)
    left = N - d
    if people > 1 and np.all(left[d > 0] > 0):
        shift = (U[:, None] * d - R)[:, d > 0] / left[d > 0]
        jackknife = (people - 1) / people * (shift * shift).sum(axis=1)
    else:
        jackknife = np.full_like(U, np.nan)
    # Any graph splits into (largest degree + 1) sets of disjoint pairs (Vizing); all pairs of an
    # even number of people need one set fewer.
    sets = float(d.max(initial=0.0)) + 1
    if people % 2 == 0 and bool(np.all(d[d > 0] == people - 1)):
        sets -= 1
    return RateVariance(
        kind="within",
        estimate=U,
        variance=variance,
        jackknife=jackknife,
        psi=psi,
        events=events,
        whole=_whole(events, S2),
        trials=float(N),
        degree=d,
        people=people,
        affected=np.count_nonzero(R > 0, axis=1),
        independent=float(N / sets) if N else 0.0,
        freedom=_freedom((psi, people)),
    )


def fmr_between(
    row_sums: Floats,
    row_degree: Floats,
    col_sums: Floats,
    col_degree: Floats,
    square_sum: Floats,
) -> RateVariance:
    """FMR between the people of group A (rows) and of group B (columns), who are not the same.

    Parameters
    ----------
    row_sums, row_degree
        (K, nA) and (nA,): as in `fmr_within`, over partners in B.
    col_sums, col_degree
        (K, nB) and (nB,): over partners in A.
    square_sum
        (K,) sum over compared pairs of h_ij squared.

    Returns
    -------
    RateVariance
        ``variance`` is the unbiased V_unb = U^2 - Q and ``jackknife`` the conservative V_cons,
        the squared influences of rows and of columns, both floored at U(1-U)/N. V_unb is the one
        used: with `interval.score_t` it covers .93 to .97, V_cons up to .99 (docs/statistics.md,
        2.2 and 7.4).

    Raises
    ------
    InputError
        Shapes that do not fit, sums outside [0, degree], rows and columns that do not add up.
    """
    R, d = _checked(row_sums, row_degree, "row")
    C, c = _checked(col_sums, col_degree, "column")
    S2 = _one_a_threshold(square_sum, R.shape[0])
    N = d.sum()
    if len(C) != len(R) or c.sum() != N or not np.allclose(R.sum(axis=1), C.sum(axis=1)):
        raise InputError(
            "rows and columns do not add up to the same comparisons",
            expected="both sides of the same table of pairs",
        )
    events = R.sum(axis=1)
    U = _divide(events, N)
    psi_row = _divide(R - U[:, None] * d, N)
    psi_col = _divide(C - U[:, None] * c, N)
    a, b = int(np.count_nonzero(d)), int(np.count_nonzero(c))
    floor = _divide(U * (1 - U), N)
    conservative = _spread(psi_row, a) + _spread(psi_col, b)
    disjoint = N * N - d @ d - c @ c + N
    Q = _divide(events**2 - (R * R).sum(axis=1) - (C * C).sum(axis=1) + S2, disjoint)
    # A two-sided graph splits into as many sets of disjoint pairs as its largest degree (König).
    sets = float(max(d.max(initial=0.0), c.max(initial=0.0)))
    return RateVariance(
        kind="between",
        estimate=U,
        variance=np.maximum(U * U - Q, floor),
        jackknife=np.maximum(conservative, floor),
        psi=np.concatenate([psi_row, psi_col], axis=1),
        events=events,
        whole=_whole(events, S2),
        trials=float(N),
        degree=np.concatenate([d, c]),
        people=a + b,
        affected=np.count_nonzero(R > 0, axis=1) + np.count_nonzero(C > 0, axis=1),
        independent=float(N / sets) if N else 0.0,
        freedom=_freedom((psi_row, a), (psi_col, b)),
    )


def fold(v: RateVariance, rows: Ints, columns: Ints) -> RateVariance:
    """A rate `fmr_between` two lists of people that overlap, such as one group against everybody.

    One person can stand on both sides, as a probe and as a reference. The person's two influences
    are added before they are squared, and pairs count as disjoint only if they share nobody on
    either side.

    Parameters
    ----------
    v
        From `fmr_between`.
    rows, columns
        (nA,) and (nB,) who the rows and the columns are.

    Returns
    -------
    RateVariance
        ``psi`` and ``degree`` are of everybody in ``np.union1d(rows, columns)``; ``variance`` is
        the conservative n/(n-1) sum psi^2, with its floor, and never below that of `v`.
    """
    everyone = np.union1d(rows, columns)
    place = np.searchsorted(everyone, np.concatenate([rows, columns]))
    psi = np.zeros((len(everyone), len(v.psi)))
    np.add.at(psi, place, v.psi.T)
    psi = psi.T
    degree = np.bincount(place, v.degree, minlength=len(everyone)).astype(np.float64)
    people = int(np.count_nonzero(degree))
    carried = psi * v.trials + v.estimate[:, None] * degree
    conservative = np.fmax(v.variance, _spread(psi, people))
    # A pair can be compared in both orders, so Vizing's bound for double edges: degree + 2.
    sets = float(degree.max(initial=0.0)) + 2
    return replace(
        v,
        psi=psi,
        degree=degree,
        variance=conservative,
        jackknife=np.fmax(v.jackknife, conservative),
        people=people,
        affected=np.count_nonzero(carried > 1e-9, axis=1),
        independent=v.trials / sets,
        freedom=_freedom((psi, people)),
    )


def fnmr(misses: Floats, mated: Floats) -> RateVariance:
    """FNMR over the people of one group: the ratio estimator clustered by person.

    Parameters
    ----------
    misses
        (K, n) mated comparisons of each person that fell below the threshold.
    mated
        (n,) mated comparisons of each person; people with 0 do not count.

    Returns
    -------
    RateVariance
        ``variance`` = n/(n-1) sum (k_i - p m_i)^2 / M^2 (docs/statistics.md, 2.3), floored at
        p(1-p)/M. ``jackknife`` deletes one person at a time.

    Raises
    ------
    InputError
        Shapes that do not fit, misses outside [0, mated].
    """
    k, m = _checked(misses, mated, "miss")
    M = m.sum()
    n = int(np.count_nonzero(m))
    events = k.sum(axis=1)
    p = _divide(events, M)
    psi = _divide(k - p[:, None] * m, M)
    left = M - m
    jackknife = np.full_like(p, np.nan)
    if n > 1:
        shift = (p[:, None] * m - k) / left
        jackknife = (n - 1) / n * (shift * shift).sum(axis=1)
    return RateVariance(
        kind="mated",
        estimate=p,
        variance=np.maximum(_spread(psi, n), _divide(p * (1 - p), M)),
        jackknife=jackknife,
        psi=psi,
        events=events,
        whole=events,
        trials=float(M),
        degree=m,
        people=n,
        affected=np.count_nonzero(k > 0, axis=1),
        independent=float(M / m.max()) if M else 0.0,
        freedom=_freedom((psi, n)),
    )


def failures_to_enrol(failed: Floats, attempted: Floats) -> RateVariance:
    """FTE over the people of one group: images of one person fail together, as misses do.

    Parameters
    ----------
    failed, attempted
        (n,) images of each person that gave no template, and all of them.

    Returns
    -------
    RateVariance
        One threshold (K = 1), the estimator of `fnmr`.

    Raises
    ------
    InputError
        As `fnmr`.
    """
    return replace(fnmr(failed[None, :], attempted), kind="images")


def _whole(events: Floats, square_sum: Floats) -> Floats:
    out = np.zeros_like(events)
    np.divide(events**2, square_sum, out=out, where=square_sum > 0)
    return out


def _spread(psi: Floats, people: int) -> Floats:
    """n/(n-1) times the sum of squared influences; NaN for fewer than two people."""
    squares: Floats = (psi * psi).sum(axis=1)
    return squares * people / (people - 1) if people > 1 else np.full_like(squares, np.nan)


def _freedom(*sides: tuple[Floats, int]) -> Floats:
    """Degrees of freedom of a sum of squared influences, sides combined as Welch does.

    For one side of n people: 2 / (sum psi^4 / (sum psi^2)^2 - 1/n), at most n - 1.
    """
    total = np.zeros(len(sides[0][0]))
    uncertain = np.zeros_like(total)
    least = max(1.0, min(people for _, people in sides) - 1.0)
    for psi, people in sides:
        squares = (psi * psi).sum(axis=1)
        fourths = (psi**4).sum(axis=1)
        relative = np.full_like(squares, 1 / max(people - 1, 1))
        some = squares > 0
        kurtosis = fourths[some] / squares[some] ** 2
        relative[some] = np.maximum(relative[some], (kurtosis - 1 / max(people, 1)) / 2)
        total += squares
        uncertain += squares**2 * relative
    out = np.full_like(total, least)
    np.divide(total**2, uncertain, out=out, where=uncertain > 0)
    return out


def _divide(a: Floats, b: float) -> Floats:
    """Quotient, NaN where there is nothing to divide by."""
    out: Floats = np.asarray(a) / b if b > 0 else np.full_like(a, np.nan)
    return out


def _one_a_threshold(values: Floats, k: int) -> Floats:
    out = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if out.shape != (k,):
        raise InputError(f"square_sum has shape {out.shape}", expected=f"({k},), one a threshold")
    return out


def _checked(sums: Floats, degree: Floats, side: str) -> tuple[Floats, Floats]:
    """Both as float64 arrays of shapes (K, n) and (n,), with 0 <= sums <= degree."""
    S = np.atleast_2d(np.asarray(sums, dtype=np.float64))
    d = np.asarray(degree, dtype=np.float64)
    if d.ndim != 1 or S.ndim != 2 or S.shape[1] != d.shape[0]:
        raise InputError(
            f"{side} sums of shape {S.shape} do not fit a degree of shape {d.shape}",
            expected="(K, n) and (n,)",
        )
    slack = 1e-9 * (1.0 + d)
    if not (np.all(d >= 0) and np.all(-slack <= S) and np.all(slack + d >= S)):
        raise InputError(
            f"a {side} sum is negative, not a number or larger than its number of comparisons",
            expected="0 <= sum <= comparisons, for every person and threshold",
        )
    return S, d
