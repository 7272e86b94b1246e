"""What every engine must do. Inherit it, name the engine, and pytest runs it all.

::

    class TestMine(EngineSuite):
        name = "mine"

It needs no photograph: see `drawing`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing import drawn_face, drawn_pair, picture

from countenance.core import IntegrityError
from countenance.faces import (
    NORM_SQUARED_LIMIT,
    Engine,
    EngineEntry,
    Enrolment,
    Picture,
    Status,
    Unreadable,
    engine_cards,
    engine_names,
    load_engine,
    read_model,
)


class EngineSuite:
    """One engine's conformance; subclasses set `name`."""

    name: str

    @classmethod
    def entry(cls) -> EngineEntry:
        return next(entry for entry in engine_cards() if entry.name == cls.name)

    @classmethod
    def load(cls, **options: Any) -> Engine:
        if not cls.entry().installed:
            pytest.skip(f"the engine {cls.name} is not installed: {cls.entry().problem}")
        return load_engine(cls.name, **options)

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Engine:
        return cls.load()

    @pytest.fixture(scope="class")
    @classmethod
    def pictures(cls) -> list[Picture | Unreadable]:
        """Every kind of outcome, some more than once."""
        rng = np.random.default_rng(20120401)
        return [
            picture(drawn_face()),
            picture(np.full((64, 64, 3), 128, np.uint8)),
            Unreadable(None, "gone.jpg", "there is no such file"),
            picture(drawn_face(skin=(110, 80, 60), eyes=33, mouth=60)),
            picture(drawn_pair()),
            picture(rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)),
            picture(drawn_face(size=0.7)),
            picture(drawn_face()),
        ]

    @pytest.fixture(scope="class")
    @classmethod
    def enrolments(cls, engine: Engine, pictures: list[Picture | Unreadable]) -> list[Enrolment]:
        return engine.enrol(pictures)

    # What it says of itself

    def test_it_is_registered(self) -> None:
        assert self.name in engine_names()

    def test_the_card_is_complete(self) -> None:
        card = self.entry().card
        assert card is not None
        assert card.name == self.name
        for text in (card.version, card.licence, card.training_data, card.threshold_source):
            assert text.strip()
        assert card.unit.exact
        assert card.dimension > 0
        card.unit.threshold(card.default_threshold)
        assert card.settings
        assert "not installed" not in card.parts.values() or not self.entry().installed
        for model in card.models:
            assert len(model.sha256) == 64
            assert model.bytes > 0
            assert model.licence
            assert model.source.startswith("https://")
        json.dumps(card.to_json(), allow_nan=False)

    def test_the_loaded_engine_is_what_its_card_said(self, engine: Engine) -> None:
        assert engine.card == self.entry().card

    def test_options_change_the_identity(self) -> None:
        card = self.entry().card
        assert card is not None
        other = self.load(selection="largest", workers=1).card
        limited = self.load(min_face_px=card.min_face_px + 1, workers=1).card
        assert len({card.identity, other.identity, limited.identity}) == 3
        assert len({card.digest, other.digest, limited.digest}) == 3

    # What it returns

    def test_each_outcome(self, enrolments: list[Enrolment]) -> None:
        assert [e.status for e in enrolments] == [
            Status.OK,
            Status.NO_FACE,
            Status.UNREADABLE,
            Status.OK,
            Status.MULTIPLE_FACES,
            Status.NO_FACE,
            Status.OK,
            Status.OK,
        ]
        assert enrolments[2].reason == "there is no such file"
        assert enrolments[4].faces_found == 2

    def test_templates(self, engine: Engine, enrolments: list[Enrolment]) -> None:
        for enrolment in enrolments:
            if enrolment.template is None:
                assert enrolment.reason
                continue
            template = enrolment.template
            assert template.dtype == np.int16
            assert template.shape == (engine.card.dimension,)
            assert 0 < int((template.astype(np.int64) ** 2).sum()) < NORM_SQUARED_LIMIT
            assert enrolment.faces_found == 1
            assert enrolment.box is not None
            assert enrolment.face_px == min(enrolment.box[2:])

    def test_the_box_is_where_the_face_is(self, engine: Engine) -> None:
        at = (330, 190)
        found = engine.enrol([picture(drawn_face(at=at, shape=(400, 500)))])[0]
        assert found.box is not None
        x, y, width, height = found.box
        assert abs(x + width / 2 - at[0]) < 20
        assert abs(y + height / 2 - at[1]) < 40
        assert 100 < width < 220

    def test_a_repeated_picture_has_the_same_template(self, enrolments: list[Enrolment]) -> None:
        assert enrolments[0] == enrolments[-1]

    def test_a_different_face_has_a_different_template(self, enrolments: list[Enrolment]) -> None:
        assert not np.array_equal(enrolments[0].template, enrolments[3].template)  # type: ignore[arg-type]

    # What must not matter

    def test_order_and_company_do_not_matter(
        self,
        engine: Engine,
        pictures: list[Picture | Unreadable],
        enrolments: list[Enrolment],
    ) -> None:
        assert engine.enrol(pictures[::-1]) == enrolments[::-1]
        assert [engine.enrol([one])[0] for one in pictures] == enrolments
        assert engine.enrol([]) == []

    def test_threads_do_not_matter(
        self, pictures: list[Picture | Unreadable], enrolments: list[Enrolment]
    ) -> None:
        assert self.load(workers=1).enrol(pictures) == enrolments
        assert self.load(workers=3).enrol(pictures) == enrolments

    def test_pictures_are_not_written_to(self, engine: Engine) -> None:
        one = picture(drawn_face())
        before = one.pixels.copy()
        engine.enrol([one])
        assert np.array_equal(one.pixels, before)

    # Choosing

    def test_largest_takes_the_largest(self) -> None:
        found = self.load(selection="largest").enrol([picture(drawn_pair())])[0]
        assert found.ok
        assert found.faces_found == 2
        assert found.box is not None
        assert found.box[0] > 300

    def test_too_small_says_how_small(self) -> None:
        found = self.load(min_face_px=400).enrol([picture(drawn_face())])[0]
        assert found.status is Status.TOO_SMALL
        assert found.template is None
        assert str(found.face_px) in found.reason
        assert "400" in found.reason

    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (16, 4000)])
    def test_odd_shapes_are_answered(self, engine: Engine, shape: tuple[int, int]) -> None:
        found = engine.enrol([picture(np.full((*shape, 3), 90, np.uint8))])[0]
        assert found.status is Status.NO_FACE, found.reason

    # Models

    def test_a_changed_model_is_refused(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        models = engine.card.models
        if not models:
            pytest.skip("the engine has no model files")
        for model in models:
            (tmp_path / model.file).write_bytes(read_model(model, install=""))
        monkeypatch.setenv("COUNTENANCE_MODELS", str(tmp_path))
        for model in models:
            good = tmp_path / model.file
            data = bytearray(good.read_bytes())
            data[len(data) // 2] ^= 1
            shutil.move(good, tmp_path / "kept")
            good.write_bytes(data)
            with pytest.raises(IntegrityError, match=model.sha256) as refusal:
                self.load()
            assert model.file in str(refusal.value)
            shutil.move(tmp_path / "kept", good)
        assert self.load().card == engine.card
