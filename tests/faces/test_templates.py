"""Exact integer templates: the bound, the rounding, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from countenance.core import InputError, ScoreUnit
from countenance.faces import COSINE_SCALE, NORM_SQUARED_LIMIT, quantise

COSINE = ScoreUnit("cosine", "cosine similarity", COSINE_SCALE)
DISTANCE = ScoreUnit("distance", "Euclidean distance", 2000)

rows = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
    elements=st.floats(-1e3, 1e3).map(lambda v: v if abs(v) > 1e-6 else 1.0),
)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_a_cosine_template_is_the_unit_vector_times_4000(embeddings: np.ndarray) -> None:
    got = quantise(embeddings, COSINE)
    assert got.dtype == np.int16
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert np.abs(got - 4000 * unit).max() <= 0.5 + 1e-9
    assert (got.astype(np.int64) ** 2).sum(axis=1).max() < NORM_SQUARED_LIMIT


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(-60, 60))
def test_a_cosine_template_ignores_length(embeddings: np.ndarray, power: int) -> None:
    """By powers of two, which floating point multiplies exactly."""
    assert np.array_equal(quantise(embeddings, COSINE), quantise(embeddings * 2.0**power, COSINE))


@pytest.mark.parametrize("magnitude", [5e-324, 1e-300, 1e-160, 1e160, 1.7e308])
def test_neither_overflow_nor_underflow(magnitude: float) -> None:
    assert quantise([[magnitude, magnitude]], COSINE).tolist() == [[2828, 2828]]


@pytest.mark.parametrize("dimension", [1, 2, 128, 512, 36_000])
def test_the_bound_holds_when_every_component_is_rounded_up(dimension: int) -> None:
    """All components one half above an integer is the worst case of the Cauchy-Schwarz bound."""
    template = quantise(np.ones((1, dimension)), COSINE).astype(np.int64)
    assert (template**2).sum() < NORM_SQUARED_LIMIT
    assert (COSINE_SCALE + np.sqrt(36_000) / 2) ** 2 < NORM_SQUARED_LIMIT


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (6, 96), elements=st.floats(-1, 1)).filter(
        lambda a: bool((np.abs(a).max(axis=1) > 1e-3).all())
    ),
    st.randoms(use_true_random=False),
)
def test_float32_scores_are_exact_in_any_order(embeddings: np.ndarray, random: object) -> None:
    """Invariant 1: the float32 product equals the integer product, whatever the order of sums."""
    templates = quantise(embeddings, COSINE)
    exact = templates.astype(np.int64) @ templates.astype(np.int64).T
    order = list(range(96))
    random.shuffle(order)  # type: ignore[attr-defined]
    floats = templates.astype(np.float32)[:, order]
    assert np.array_equal((floats @ floats.T).astype(np.int64), exact)
    running = np.cumsum(floats[0] * floats[1], dtype=np.float32)
    assert running[-1] == exact[0, 1]


def test_rounding_is_half_to_even() -> None:
    halves = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, -2.5]]) / 2000
    assert quantise(halves, DISTANCE).tolist() == [[0, 2, 2, 0, -2, -2]]


def test_a_distance_template_keeps_its_length() -> None:
    assert quantise([[0.3, -1.2]], DISTANCE).tolist() == [[600, -2400]]
    assert quantise([[0.0, 0.0]], DISTANCE).tolist() == [[0, 0]]  # a point like any other


def test_the_limit_itself_is_outside() -> None:
    assert quantise([[4095 / 2000, 0]], DISTANCE).tolist() == [[4095, 0]]
    for norm in (4096 / 2000, 20.0, 1e300):
        with pytest.raises(InputError, match="not be exact"):
            quantise([[norm, 0.0]], DISTANCE)


@pytest.mark.parametrize(
    ("bad", "words"), [(np.nan, "finite"), (np.inf, "finite"), (-np.inf, "finite")]
)
@pytest.mark.parametrize("unit", [COSINE, DISTANCE])
def test_what_is_not_finite_is_refused_and_named(bad: float, words: str, unit: ScoreUnit) -> None:
    with pytest.raises(InputError, match=words) as refusal:
        quantise([[1.0, 1.0], [1.0, bad]], unit)
    assert refusal.value.where == "row 1"


def test_a_zero_vector_has_no_direction() -> None:
    with pytest.raises(InputError, match="direction"):
        quantise([[1.0, 0.0], [0.0, 0.0]], COSINE)


def test_shapes() -> None:
    assert quantise(np.empty((0, 128)), COSINE).shape == (0, 128)
    with pytest.raises(InputError, match="shape"):
        quantise(np.ones(128), COSINE)
    with pytest.raises(InputError, match="direction"):
        quantise(np.empty((1, 0)), COSINE)


def test_other_scores_have_no_templates() -> None:
    with pytest.raises(InputError, match="similarity"):
        quantise([[1.0]], ScoreUnit("similarity", "vendor score"))
