"""Thresholds are read exactly and fall on the documented side."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import (
    InputError,
    ScoreUnit,
    canonical_json,
    digest_json,
    pretty_json,
    read_decimal,
)

COSINE = ScoreUnit("cosine", "cosine similarity", 4000)
DISTANCE = ScoreUnit("distance", "Euclidean distance", 2000)
SIMILARITY = ScoreUnit("similarity", "score")
DISSIMILARITY = ScoreUnit("dissimilarity", "distance")


def test_documented_thresholds():
    assert COSINE.threshold("0.363") == 5_808_000
    assert DISTANCE.threshold("0.6") == -1_440_000
    assert SIMILARITY.threshold("80") == 80.0
    assert DISSIMILARITY.threshold("0.4") == -0.4


def test_a_float_means_the_decimal_that_names_it():
    """0.6 as a binary number lies below 6/10: read as such, a score of exactly 0.6 would miss."""
    assert DISTANCE.threshold(0.6) == DISTANCE.threshold("0.6")
    assert COSINE.threshold(0.363) == COSINE.threshold(Fraction(363, 1000))


@pytest.mark.parametrize(
    "text", ["", "x", "nan", "inf", "-inf", "0,5", "1e100", "1e-100", "1e999999999", "٣٫٥"]
)
def test_what_is_no_number_is_refused(text):
    assert read_decimal(text) is None
    with pytest.raises(InputError):
        COSINE.threshold(text)


def test_a_negative_distance_is_refused():
    with pytest.raises(InputError, match="not a distance"):
        DISTANCE.threshold("-0.1")


@pytest.mark.parametrize(
    ("kind", "scale"), [("cosine", None), ("distance", None), ("similarity", 3), ("angle", 1)]
)
def test_units_that_make_no_sense_are_refused(kind, scale):
    with pytest.raises(InputError):
        ScoreUnit(kind, "x", scale)


@given(s=st.integers(-16_000_000, 16_000_000))
def test_units_and_back(s):
    for unit in (COSINE, DISTANCE, SIMILARITY, DISSIMILARITY):
        value = unit.to_unit(min(s, 0) if unit is DISTANCE else s)
        array = unit.to_units(np.array([min(s, 0) if unit is DISTANCE else s]))
        assert array[0] == pytest.approx(value)
        assert unit.stored(unit.stored(np.array([s])))[0] == s
        assert ScoreUnit.from_json(unit.to_json()) == unit


def test_json_forms():
    value = {"b": [1, 2.5, "ü"], "a": None}
    assert canonical_json(value) == '{"a":null,"b":[1,2.5,"ü"]}'.encode()
    assert digest_json(value) == digest_json(dict(reversed(value.items())))
    assert pretty_json({"b": 1}) == '{\n "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        pretty_json({"x": float("nan")})
