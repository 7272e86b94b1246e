"""The engine `dlib`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from drawing import drawn_face, picture
from engine_suite import EngineSuite

from countenance.core import MissingPartError
from countenance.faces import Engine, Status, load_engine, read_model, read_picture
from countenance.faces.dlib_resnet import DISTANCE_SCALE, INSTALL, LANDMARKS, RESNET, DlibEngine

dlib = pytest.importorskip("dlib", reason="the extra countenance[dlib] is not installed")


class TestDlib(EngineSuite):
    name = "dlib"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine("dlib")


def reference(pixels: np.ndarray, tmp_path: Path) -> np.ndarray:
    """What `face_recognition.face_encodings(pixels)` does, written with dlib's own calls."""
    paths = []
    for model in (LANDMARKS, RESNET):
        paths.append(tmp_path / model.file)
        paths[-1].write_bytes(read_model(model, install=""))
    found = dlib.get_frontal_face_detector()(pixels, 1)
    shape = dlib.shape_predictor(str(paths[0]))(pixels, found[0])
    network = dlib.face_recognition_model_v1(str(paths[1]))
    return np.array(network.compute_face_descriptor(pixels, shape, 1))


def test_the_template_is_what_face_recognition_gives(engine: Engine, tmp_path: Path) -> None:
    pixels = drawn_face()
    template = engine.enrol([picture(pixels)])[0].template
    assert template is not None
    assert np.array_equal(template, np.rint(reference(pixels, tmp_path) * DISTANCE_SCALE))


def test_the_68_point_model_is_never_touched(engine: Engine) -> None:
    assert [m.file for m in engine.card.models] == [LANDMARKS.file, RESNET.file]
    assert "68" not in "".join(m.file for m in engine.card.models)


def test_the_threshold_lies_on_the_documented_side(engine: Engine) -> None:
    """Distance <= 0.6 is a candidate; in integers, 1200 squared."""
    assert engine.card.unit.threshold(engine.card.default_threshold) == -(1200**2)


def test_colour_order_matters(engine: Engine) -> None:
    pixels = drawn_face()
    right, swapped = engine.enrol([picture(pixels), picture(pixels[:, :, ::-1])])
    assert right.template is not None
    assert swapped.template is not None
    change = (right.template.astype(int) - swapped.template) / DISTANCE_SCALE
    assert np.linalg.norm(change) > 0.05


@pytest.mark.london
def test_norms_on_the_london_set_leave_the_margin_that_was_measured(
    london: Path, engine: Engine
) -> None:
    names = sorted((london / "neutral").glob("*.jpg"))[:12]
    enrolments = engine.enrol([read_picture(name) for name in names])
    assert {e.status for e in enrolments} == {Status.OK}
    norms = [
        np.linalg.norm(e.template.astype(float)) / DISTANCE_SCALE
        for e in enrolments
        if e.template is not None
    ]
    assert min(norms) > 1.25
    assert max(norms) < 1.7


def test_without_dlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    assert DlibEngine.missing() == INSTALL
    with pytest.raises(MissingPartError, match=r"countenance\[dlib\]"):
        load_engine("dlib")
