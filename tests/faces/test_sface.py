"""The engine `sface`, against OpenCV's own implementation as an independent oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from drawing import Pixels, drawn_face, drawn_pair, picture
from engine_suite import EngineSuite

from countenance.core import IntegrityError
from countenance.faces import Status, find_model, read_model, read_picture
from countenance.faces._align import crop
from countenance.faces._onnx import fold_weights, open_session
from countenance.faces._yunet import Face
from countenance.faces.sface import SFACE, YUNET, SFaceEngine, cut_factor


class TestSFace(EngineSuite):
    name = "sface"


@pytest.fixture(scope="module")
def engine() -> SFaceEngine:
    return SFaceEngine()


@pytest.fixture(scope="module")
def opencv() -> tuple[Any, Any]:
    """OpenCV's detector and recogniser on the same files, its defaults spelled out."""
    detector, recogniser = find_model(YUNET), find_model(SFACE)
    return (
        cv2.FaceDetectorYN.create(str(detector), "", (640, 640), 0.9, 0.3, 5000),
        cv2.FaceRecognizerSF.create(str(recogniser), ""),
    )


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def compare_with_opencv(pixels: Pixels, engine: SFaceEngine, opencv: tuple[Any, Any]) -> int:
    """Assert that both see the same faces and describe them alike; how many faces."""
    detector, recogniser = opencv
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    height, width = pixels.shape[:2]
    canvas = np.zeros((640, 640, 3), np.uint8)
    canvas[:height, :width] = bgr
    theirs = detector.detect(canvas)[1]
    theirs = [] if theirs is None else theirs
    ours = engine.detect(pixels)
    assert len(ours) == len(theirs)
    for face, row in zip(ours, theirs, strict=True):
        # Two inference libraries: boxes and landmarks agree to a hundredth of a pixel ...
        assert np.allclose(face.box, row[:4], atol=0.01)
        assert np.allclose(face.landmarks.ravel(), row[4:14], atol=0.01)
        assert face.score == pytest.approx(row[14], abs=1e-4)
        # ... so the bilinear weights, which OpenCV rounds to 1/32, may differ by one step.
        aligned = recogniser.alignCrop(bgr, row)
        difference = crop(pixels, face.landmarks)[:, :, ::-1].astype(int) - aligned
        assert np.abs(difference).max() <= 8
        assert np.abs(difference).mean() < 0.05
        assert cosine(engine.embed(pixels, face), recogniser.feature(aligned)[0]) > 0.9999
    return len(ours)


def test_drawings_agree_with_opencv(engine: SFaceEngine, opencv: tuple[Any, Any]) -> None:
    # OpenCV is given the 640-pixel canvas, since it pads smaller pictures to another size and the
    # network's input is fixed; it aligns from the picture itself.
    for pixels in (drawn_face(), drawn_face(size=1.5, at=(300, 290), shape=(640, 640))):
        assert compare_with_opencv(pixels, engine, opencv) == 1
    pair = drawn_pair()[:, :640]
    assert compare_with_opencv(pair, engine, opencv) == 2
    assert compare_with_opencv(np.zeros((640, 640, 3), np.uint8), engine, opencv) == 0


@pytest.mark.london
def test_photographs_agree_with_opencv(
    london: Path, engine: SFaceEngine, opencv: tuple[Any, Any]
) -> None:
    for path in sorted((london / "smiling").glob("*.jpg"))[::9]:
        read = read_picture(path)
        assert compare_with_opencv(read.pixels, engine, opencv) == 1  # type: ignore[union-attr]


def test_embeddings_agree_with_opencv_away_from_faces(
    engine: SFaceEngine, opencv: tuple[Any, Any]
) -> None:
    """Noise and tilted landmarks, where a wrong channel or a wrong transform cannot hide."""
    rng = np.random.default_rng(7)
    for angle in (-0.5, 0.0, 0.3):
        pixels = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = np.array([[-30, -20], [30, -20], [0, 5], [-25, 35], [25, 35]]) @ turn.T * 1.7
        landmarks = (points + np.array([200, 150])).astype(np.float32)
        face = Face((120, 60, 160, 180), landmarks, 0.95)
        row = np.concatenate([face.box, landmarks.ravel(), [0.95]]).astype(np.float32)
        bgr = np.ascontiguousarray(pixels[:, :, ::-1])
        recogniser = opencv[1]
        expected = recogniser.feature(recogniser.alignCrop(bgr, row))[0]
        assert cosine(engine.embed(pixels, face), expected) > 0.9999


def test_colour_order_matters(engine: SFaceEngine) -> None:
    """A swap raises no error; it lowers the score, here from 1 to about 0.95."""
    pixels = drawn_face()
    face = engine.detect(pixels)[0]
    swapped = np.ascontiguousarray(pixels[:, :, ::-1])
    assert cosine(engine.embed(pixels, face), engine.embed(swapped, face)) < 0.97


def test_two_drawings_have_the_score_they_had(engine: SFaceEngine) -> None:
    """Drift: a known score, 2026-11, onnxruntime 1.32 and opencv 4.14 on x86-64."""
    first, second = engine.enrol(
        [picture(drawn_face()), picture(drawn_face(skin=(110, 80, 60), eyes=33, mouth=60))]
    )
    assert first.template is not None
    assert second.template is not None
    score = int(first.template.astype(np.int64) @ second.template)
    assert engine.card.unit.to_unit(score) == pytest.approx(0.7667, abs=0.003)


@pytest.mark.parametrize("factor", [2, 5])
def test_a_larger_copy_of_a_picture_has_nearly_the_same_template(
    engine: SFaceEngine, factor: int
) -> None:
    pixels = drawn_face(size=2, at=(320, 340), shape=(640, 640))
    large = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    first, second = engine.enrol([picture(pixels), picture(large)])
    assert first.template is not None
    assert second.template is not None
    assert cosine(first.template, second.template) > 0.98
    assert first.face_px is not None
    assert second.face_px == pytest.approx(factor * first.face_px, rel=0.03)


@pytest.mark.parametrize(
    ("picture_px", "face_px", "factor"),
    [
        (640, 600, 1.0),  # as OpenCV does
        (300, 280, 1.0),
        (3000, 100, 1.0),  # small in a large picture: every pixel of it is used
        (3000, 448, 0.5),
        (3000, 2000, 640 / 3000),
        (3000, 0, 1.0),
    ],
)
def test_the_size_a_face_is_cut_at(picture_px: int, face_px: float, factor: float) -> None:
    assert cut_factor(picture_px, face_px) == factor


def test_fine_grain_of_a_large_picture_is_averaged_and_not_sampled(engine: SFaceEngine) -> None:
    """Noise of 80 levels a pixel: 0.94 by averaging over 25 pixels, 0.58 by picking one."""
    clean = drawn_face(size=2, at=(320, 340), shape=(640, 640))
    large = np.kron(clean, np.ones((5, 5, 1), np.uint8))
    noise = np.random.default_rng(4).integers(-80, 81, large.shape)
    grainy = np.clip(large + noise, 0, 255).astype(np.uint8)
    first, second = engine.enrol([picture(clean), picture(grainy)])
    assert first.template is not None
    assert second.template is not None
    assert cosine(first.template, second.template) > 0.9


def test_a_face_small_in_a_large_picture_is_cut_from_the_full_resolution(
    engine: SFaceEngine,
) -> None:
    """At 640 pixels this face has 45; cut from there it would be a blur."""
    near = drawn_face()
    pixels = np.full((1920, 1920, 3), near[0, 0], np.uint8)
    pixels[700:1020, 800:1120] = near
    first, second = engine.enrol([picture(pixels), picture(near)])
    assert first.status is Status.OK, first.reason
    assert first.template is not None
    assert second.template is not None
    assert cosine(first.template, second.template) > 0.9


def test_a_face_that_fills_the_picture_is_found_at_the_second_look(engine: SFaceEngine) -> None:
    close = drawn_face(size=3.6, at=(260, 345), shape=(640, 520))
    assert len(engine.detect(close)) == 1


# Folding


def unfolded(model_bytes: bytes) -> onnxruntime.InferenceSession:
    """The network as published, without the inputs nothing reads."""
    model = onnx.load_from_string(model_bytes)
    used = {name for node in model.graph.node for name in node.input}
    stored = {tensor.name for tensor in model.graph.initializer}
    kept = [item for item in model.graph.input if item.name in used - stored]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def test_folding_changes_no_more_than_rounding() -> None:
    data = read_model(SFACE, install="")
    folded = open_session(fold_weights(data), expect="data")
    blob = np.random.default_rng(3).integers(0, 256, (1, 3, 112, 112)).astype(np.float32)
    before, after = (s.run(None, {"data": blob})[0] for s in (unfolded(data), folded))
    assert np.abs(before).max() > 0.1
    assert np.abs(before - after).max() < 1e-4


def small_model(axis: int, block: int, shape: tuple[int, int]) -> tuple[bytes, np.ndarray]:
    """``x @ dequantised`` with random blocks, and the dequantised weights by plain loops."""
    rng = np.random.default_rng(axis * 10 + block)
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    blocks = list(shape)
    blocks[axis] = -(-shape[axis] // block)
    scale = rng.uniform(0.01, 1, blocks).astype(np.float32)
    zero = rng.integers(-5, 6, blocks).astype(np.int8)
    expected = np.empty(shape, np.float32)
    for i in range(shape[0]):
        for j in range(shape[1]):
            b = (i // block, j) if axis == 0 else (i, j // block)
            expected[i, j] = np.float32(int(weights[i, j]) - int(zero[b])) * scale[b]
    make = onnx.helper
    graph = make.make_graph(
        [
            make.make_node(
                "DequantizeLinear", ["w", "s", "z"], ["d"], axis=axis, block_size=block
            ),
            make.make_node("Reshape", ["d", "shape"], ["r"]),
            make.make_node("MatMul", ["x", "r"], ["y"]),
        ],
        "g",
        [
            make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, shape[0]]),
            make.make_tensor_value_info("never_read", onnx.TensorProto.FLOAT, [3]),
        ],
        [make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, shape[1]])],
        [
            onnx.numpy_helper.from_array(array, name)
            for name, array in (
                ("w", weights),
                ("s", scale),
                ("z", zero),
                ("shape", np.array(shape, np.int64)),
            )
        ],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 21)], ir_version=10)
    return model.SerializeToString(), expected


@pytest.mark.parametrize(("axis", "block"), [(0, 4), (1, 4), (0, 3), (1, 5)])
def test_blocks_are_dequantised_as_the_operator_says(axis: int, block: int) -> None:
    data, expected = small_model(axis, block, (8, 6))
    session = open_session(fold_weights(data), expect="x")
    got = np.concatenate(
        [session.run(None, {"x": row[np.newaxis]})[0] for row in np.eye(8, dtype=np.float32)]
    )
    assert np.array_equal(got, expected)


def test_another_network_is_refused() -> None:
    data, _ = small_model(0, 4, (8, 6))
    with pytest.raises(IntegrityError, match="takes"):
        open_session(fold_weights(data), expect="data")
