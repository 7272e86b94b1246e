"""Thresholds of an audit: two routes that share no code, on the shipped London tables."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from countenance.audit.thresholds import ScoreDistribution
from countenance.scores import (
    Labels,
    Request,
    TableComparisons,
    london_scores,
    spread,
    tails,
)

#: From rates hardly any comparison reaches to rates most do; the first is met by no score.
TARGETS = ("1e-6", "1e-4", "0.001", "1/300", "0.01", "0.05", "0.1", "0.5", "0.999")


@pytest.mark.parametrize("engine", ["sface", "dlib"])
@pytest.mark.parametrize("grouped", [False, True])
def test_thresholds_through_histograms_are_those_of_sorted_scores(engine: str, grouped: bool):
    scores = london_scores(engine)
    values = scores.attributes["ethnicity"] if grouped else ("",) * len(scores.subjects)
    names = sorted({value for value in values if value is not None})
    of = np.array([-1 if v is None else names.index(v) for v in values], dtype=np.int32)
    labels = Labels(of, len(names))
    compared = TableComparisons(scores)
    found = spread(compared, [labels])
    probe = of[scores.sample_subject[scores.probe]]
    reference = of[scores.sample_subject[scores.reference]]
    asked = [Fraction(target) for target in TARGETS]
    for group in range(len(names)):
        own = ~scores.mated & (probe == group) & (reference == group)
        if not own.any():
            continue
        trials = int(own.sum())
        assert found.nonmated[0][group].sum() == trials
        requests = [Request(group, math.floor(target * trials)) for target in asked]
        mine = tails(compared, labels, found.nonmated[0], found.bins, requests)
        theirs = ScoreDistribution(scores.score[own]).thresholds_at_fmr(asked)
        for one, other in zip(mine, theirs, strict=True):
            assert one is not None
            assert (one.score, one.events) == (other.T, other.errors)
