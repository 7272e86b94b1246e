"""Non-maximum suppression, the decoding of YuNet's grids, and the similarity transform."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.core import InputError
from countenance.faces import _align, _yunet

boxes = st.lists(
    st.tuples(st.integers(-20, 60), st.integers(-20, 60), st.integers(1, 40), st.integers(1, 40)),
    min_size=1,
    max_size=25,
)


@given(boxes, st.randoms(use_true_random=False))
def test_suppression_agrees_with_opencv(
    where: list[tuple[int, int, int, int]], random: object
) -> None:
    scores = np.linspace(0.91, 0.99, len(where)).astype(np.float32)
    random.shuffle(scores)  # type: ignore[attr-defined]
    ours = _yunet.suppress(np.array(where, np.float32), scores)
    theirs = cv2.dnn.NMSBoxes(where, scores.tolist(), 0.9, 0.3, top_k=5000)
    assert ours == list(theirs)


def test_suppression_edge_cases() -> None:
    assert _yunet.suppress(np.empty((0, 4), np.float32), np.empty(0, np.float32)) == []
    same = np.tile(np.array([[5.0, 5, 10, 10]], np.float32), (3, 1))
    assert _yunet.suppress(same, np.array([0.95, 0.95, 0.95], np.float32)) == [0]
    nothing = np.zeros((2, 4), np.float32)  # boxes without area overlap nothing
    assert _yunet.suppress(nothing, np.array([0.95, 0.96], np.float32)) == [1, 0]


def blank() -> dict[str, np.ndarray]:
    outputs = {}
    for stride in _yunet.STRIDES:
        cells = (640 // stride) ** 2
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{name}_{stride}"] = np.zeros((1, cells, width), np.float32)
    return outputs


def test_a_blank_answer_has_no_faces() -> None:
    assert _yunet.decode(blank()) == []


@pytest.mark.parametrize("stride", _yunet.STRIDES)
def test_one_cell_decodes_to_where_it_must(stride: int) -> None:
    """By hand: centre (column + dx) * stride, side exp(d) * stride, landmark (column + dx)."""
    outputs = blank()
    column, row = 7, 3
    cell = row * (640 // stride) + column
    outputs[f"cls_{stride}"][0, cell] = 0.9216  # sqrt(0.9216 * 1) = 0.96
    outputs[f"obj_{stride}"][0, cell] = 1.7  # clipped to 1
    outputs[f"bbox_{stride}"][0, cell] = [0.5, -0.25, np.log(4), np.log(2)]
    outputs[f"kps_{stride}"][0, cell] = np.arange(10) / 10
    (face,) = _yunet.decode(outputs)
    assert face.score == pytest.approx(0.96, abs=1e-6)
    x, y = 7.5 * stride, 2.75 * stride
    assert face.box == pytest.approx((x - 2 * stride, y - stride, 4 * stride, 2 * stride))
    assert face.landmarks[4] == pytest.approx([7.8 * stride, 3.9 * stride])
    larger = face.scaled(2.5)
    assert larger.box == pytest.approx(tuple(2.5 * v for v in face.box))
    assert larger.landmarks == pytest.approx(2.5 * face.landmarks)


def test_the_score_threshold_is_on_the_square_root_of_the_product() -> None:
    outputs = blank()
    outputs["cls_8"][0, 5], outputs["obj_8"][0, 5] = 0.8, 1.0  # 0.894
    assert _yunet.decode(outputs) == []
    outputs["cls_8"][0, 5] = 0.82  # 0.906
    assert len(_yunet.decode(outputs)) == 1


def test_the_network_input_is_bgr_and_black_elsewhere() -> None:
    small = np.zeros((2, 3, 3), np.uint8)
    small[1, 2] = (10, 20, 30)
    blob = _yunet.network_input(small)
    assert blob.shape == (1, 3, 640, 640)
    assert blob[0, :, 1, 2].tolist() == [30, 20, 10]
    assert blob.sum() == 60


@given(st.floats(-np.pi, np.pi), st.floats(0.05, 20), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_known_similarity_is_found_again(
    angle: float, scale: float, dx: float, dy: float
) -> None:
    """Landmarks made from the template by a known transform come back to the template."""
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = scale * _align.TEMPLATE @ rotation.T + [dx, dy]
    matrix = _align.similarity(landmarks)
    back = landmarks @ matrix[:, :2].T + matrix[:, 2]
    # The template's mean is OpenCV's, rounded: up to 0.003 px from the exact one.
    assert np.abs(back - _align.TEMPLATE).max() < 0.005
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(1 / scale**2, rel=1e-3)


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=10, max_size=10))
def test_it_is_the_least_squares_similarity_and_never_a_mirror(noise: list[float]) -> None:
    """No nearby rotation, scale or shift does better, and the determinant is positive."""
    landmarks = _align.TEMPLATE * 2 + np.reshape(noise, (5, 2))
    matrix = _align.similarity(landmarks)
    a, b = matrix[0, 0], matrix[1, 0]
    assert matrix[0, 1] == pytest.approx(-b, abs=1e-9)
    assert matrix[1, 1] == pytest.approx(a, abs=1e-9)

    def cost(m: np.ndarray) -> float:
        return float(((landmarks @ m[:, :2].T + m[:, 2] - _align.TEMPLATE) ** 2).sum())

    best = cost(matrix)
    for da, db, dx, dy in np.eye(4) * [1e-3, 1e-3, 0.1, 0.1]:
        for sign in (-1, 1):
            near = matrix + sign * np.array([[da, -db, dx], [db, da, dy]])
            assert cost(near) >= best - 0.02  # again the rounded mean


def test_points_that_are_no_face_are_refused() -> None:
    with pytest.raises(InputError, match="distinct"):
        _align.similarity(np.full((5, 2), 7.0))
    with pytest.raises(InputError, match="distinct"):
        _align.similarity(np.full((5, 2), np.nan))


def test_points_on_a_line_give_a_rotation() -> None:
    matrix = _align.similarity(np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0.0]]))
    assert np.isfinite(matrix).all()
    assert np.linalg.det(matrix[:, :2]) >= 0


def test_shrinking_never_enlarges_and_keeps_a_pixel() -> None:
    pixels = np.full((700, 2, 3), 9, np.uint8)
    same, factor = _yunet.shrink(pixels, 1.5)
    assert same is pixels
    assert factor == 1.0
    thin, factor = _yunet.shrink(pixels, 0.1)
    assert thin.shape == (70, 1, 3)
    assert (thin == 9).all()
