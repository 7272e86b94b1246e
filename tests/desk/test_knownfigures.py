"""Shares of few trials, with the exact interval; by examiner and together."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

import pytest
from casework import EMMA, KEYS, NOW, ULF, picture
from hypothesis import given
from hypothesis import strategies as st

from countenance.desk.errors import NotAllowedError
from countenance.desk.knownanswers import KnownCase, KnownResult, Result, register
from countenance.desk.knownfigures import known_figures, share
from countenance.desk.service import Desk


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [  # by scipy.stats.binomtest(...).proportion_ci(0.95, method="exact")
        (0, 10, 0.0, 0.3084971), (10, 10, 0.6915029, 1.0), (9, 12, 0.4281415, 0.9451394),
        (1, 20, 0.001265089, 0.2487328), (50, 100, 0.3983211, 0.6016789),
    ],
)  # fmt: skip
def test_the_interval_is_the_exact_one(events: int, trials: int, low: float, high: float) -> None:
    found = share(events, trials)
    assert found.low == pytest.approx(low, abs=5e-7)
    assert found.high == pytest.approx(high, abs=5e-7)


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_and_is_its_own_mirror(of: tuple[int, int]) -> None:
    events, trials = of
    found, mirror = share(events, trials), share(trials - events, trials)
    assert 0 <= found.low <= (events / trials if trials else 0.5) <= found.high <= 1
    assert found.low == pytest.approx(1 - mirror.high, abs=1e-9)
    if trials:
        assert f"{events:,} of {trials:,} (" in found.sentence
    else:
        assert found.sentence == "none yet"


def test_it_agrees_with_another_program() -> None:
    stats = pytest.importorskip("scipy.stats")
    for events in range(0, 31, 3):
        exact = stats.binomtest(events, 30).proportion_ci(0.95, method="exact")
        assert (share(events, 30).low, share(events, 30).high) == pytest.approx(
            (exact.low, exact.high), abs=1e-9
        )


def test_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        share(3, 2)


def test_by_examiner_and_all_together(desk: Desk) -> None:
    made = [
        register(desk, ULF, KnownCase(picture(), (picture(seed=2),), None, "form 12"), keys=KEYS)
        for _ in range(3)
    ]
    assert [each.name for each in known_figures(desk, ULF)] == [""]

    def results(db: Any) -> None:
        for n, (known, who, what) in enumerate([
            (made[0], "emma", Result.RIGHT), (made[1], "emma", Result.WRONG_CANDIDATE),
            (made[2], "emma", Result.RIGHT), (made[0], "fay", Result.MISSED),
        ]):  # fmt: skip
            db.add(KnownResult(id=f"{n:032x}", known=known, examiner=who, result=what,
                               at=NOW + datetime.timedelta(hours=n)))  # fmt: skip

    desk.store.write(results)
    emma, fay, whole = known_figures(desk, ULF)
    assert (emma.name, fay.name, whole.name) == ("emma", "fay", "")
    assert (emma.right.events, emma.right.trials, emma.wrong.events) == (2, 3, 1)
    assert (fay.right.events, fay.right.trials) == (0, 1)
    assert (whole.right.events, whole.right.trials) == (2, 4)
    assert Counter(whole.counts) == Counter(
        {Result.RIGHT: 2, Result.WRONG_CANDIDATE: 1, Result.MISSED: 1}
    )
    with pytest.raises(NotAllowedError):
        known_figures(desk, EMMA)
