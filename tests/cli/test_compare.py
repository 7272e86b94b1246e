"""One comparison: what is said, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from countenance import faces
from countenance.audit import Audit
from countenance.cli import main
from countenance.cli.onfile import audits_folder, keep_on_file, on_file
from countenance.cli.reading import PER, read_score
from countenance.core import ScoreUnit
from countenance.faces import EngineCard, Enrolment, Picture, Status, Unreadable

Capture = pytest.CaptureFixture[str]
CARD = EngineCard(
    name="test",
    version="1",
    models=(),
    unit=ScoreUnit("cosine", "cosine similarity", 4000),
    dimension=2,
    default_threshold="0.5",
    threshold_source="this test",
    licence="none",
    training_data="none",
)


@dataclass
class Shades:
    """An engine that knows how red and how green a picture is, and fails on black ones."""

    card: EngineCard = CARD

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        return [self._enrol(picture) for picture in pictures]

    def _enrol(self, picture: Picture | Unreadable) -> Enrolment:
        if isinstance(picture, Unreadable):
            return Enrolment(Status.UNREADABLE, picture.reason)
        red, green, blue = picture.pixels.reshape(-1, 3).mean(axis=0)
        if blue > 200:
            return Enrolment(Status.MULTIPLE_FACES, "2 faces were found", faces_found=2)
        if red + green == 0:
            return Enrolment(Status.NO_FACE, "no face was found")
        vector = np.array([red, green]) / np.hypot(red, green) * 4000
        return Enrolment(Status.OK, template=np.rint(vector).astype(np.int16), faces_found=1)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_name: str, **_options: object) -> Shades:
        return Shades()

    monkeypatch.setattr(faces, "load_engine", load)
    monkeypatch.setattr(faces, "engine_names", lambda: ("test",))


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, colour in {
        "red.png": (200, 0, 0),
        "amber.png": (200, 100, 0),
        "green.png": (0, 200, 0),
        "black.png": (0, 0, 0),
        "blue.png": (0, 0, 255),
    }.items():
        Image.new("RGB", (8, 8), colour).save(name)
    Path("text.jpg").write_text("no picture")


@pytest.fixture
def of_engine(grouped: Audit) -> Audit:
    """An audit of the test's engine. Its curves are those of the small table."""
    return dataclasses.replace(grouped, engine=CARD.to_json(), title="Trees")


@pytest.mark.usefixtures("pictures")
def test_the_score_stands_beside_the_threshold(capsys: Capture) -> None:
    assert main(["compare", "red.png", "amber.png", "-e", "test"]) == 0
    said = capsys.readouterr().out
    assert "cosine similarity 0.894" in said
    assert "threshold  0.5, the engine's default" in said
    assert "the pair is a candidate, a lead" in said
    assert "No audit of this engine is on file" in said
    assert main(["compare", "red.png", "green.png", "-e", "test"]) == 0
    said = capsys.readouterr().out
    assert "cosine similarity 0.0000" in said
    assert "is no candidate" in said


@pytest.mark.usefixtures("pictures")
def test_no_chance_of_identity_is_ever_printed(of_engine: Audit, capsys: Capture) -> None:
    keep_on_file(of_engine)
    assert main(["compare", "red.png", "amber.png", "-e", "test"]) == 0
    said = capsys.readouterr().out
    assert "This is no chance that the two are one person" in said
    assert re.findall(r"\d ?%", said) == ["5 %"]  # of "95 % interval"
    assert not re.search(r"\b(match|identi(?!ty [0-9a-f]{16})\w*|same person)\b", said)


@pytest.mark.usefixtures("pictures")
def test_the_audit_on_file_is_named_and_read(of_engine: Audit, capsys: Capture) -> None:
    keep_on_file(of_engine)
    assert main(["compare", "red.png", "amber.png", "-e", "test"]) == 0
    said = capsys.readouterr().out
    assert "Trees, undated" in said
    assert "24 people" in said
    for reading in read_score(of_engine, 0.8944, higher_is_more_similar=True):
        assert f"{reading.events:,} of {reading.trials:,}" in said


@pytest.mark.usefixtures("pictures")
def test_an_audit_of_another_engine_is_refused(
    of_engine: Audit, tmp_path: Path, capsys: Capture
) -> None:
    other = dataclasses.replace(CARD, version="2")
    path = tmp_path / "other.json"
    path.write_text(dataclasses.replace(of_engine, engine=other.to_json()).to_json(), "utf-8")
    assert main(["compare", "red.png", "amber.png", "-e", "test", "--audit", str(path)]) == 2
    said = capsys.readouterr()
    assert CARD.identity[:16] in said.err
    assert other.identity[:16] in said.err
    assert "says nothing of this score" in said.err


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("black.png", "no face"),
        ("blue.png", "multiple faces"),
        ("text.jpg", "unreadable"),
        ("absent.jpg", "unreadable"),
        (".", "unreadable"),
    ],
)
def test_a_failure_to_enrol_is_explained(capsys: Capture, name: str, why: str) -> None:
    for pair in (("red.png", name), (name, "red.png")):
        assert main(["compare", *pair, "-e", "test"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"{name}: gives no template ({why})")
        assert ("--selection largest" in said.err) == (name == "blue.png")


def test_a_score_is_read_at_a_point_that_is_not_stricter(grouped: Audit) -> None:
    headline = grouped.groupings[grouped.headline].label
    curves = [c for c in grouped.curves if c.group == "" or c.grouping == headline]
    grid = curves[0].values
    for value in (grid[0], grid[5], grid[5] + 1e-9, (grid[5] + grid[6]) / 2, grid[-1], 9.0):
        readings = read_score(grouped, value, higher_is_more_similar=True)
        assert len(readings) == len(curves)
        assert readings[0].group == ""
        for reading in readings:
            assert reading.reached
            assert reading.value <= value
            above = [v for v in grid if v > value]
            assert not above or reading.value == max(v for v in grid if v <= value)
    below = read_score(grouped, grid[0] - 1, higher_is_more_similar=True)
    assert not any(reading.reached for reading in below)


def test_distances_are_read_the_other_way_round(grouped: Audit) -> None:
    turned = dataclasses.replace(
        grouped,
        curves=tuple(
            dataclasses.replace(curve, values=tuple(-v for v in curve.values))
            for curve in grouped.curves
        ),
    )
    for value in (0.2, 0.31, 0.5, 0.77):
        ahead = read_score(grouped, value, higher_is_more_similar=True)
        back = read_score(turned, -value, higher_is_more_similar=False)
        assert [(r.group, r.events, r.reached) for r in ahead] == [
            (r.group, r.events, r.reached) for r in back
        ]


def test_worst_first_and_counts_are_the_curves(grouped: Audit) -> None:
    readings = read_score(grouped, 0.6, higher_is_more_similar=True)
    lows = [reading.low or 0.0 for reading in readings[1:]]
    assert lows == sorted(lows, reverse=True)
    for reading in readings:
        assert 0 <= reading.events <= reading.trials
        assert reading.rate is None or 0 <= PER * reading.rate <= PER


def test_the_file_on_file_is_the_owners_alone(of_engine: Audit) -> None:
    keep_on_file(of_engine)
    path = on_file("test")
    assert path is not None
    assert audits_folder().stat().st_mode & 0o077 == 0
    assert Audit.from_json(path.read_bytes()) == of_engine


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "a\0b"])
def test_an_engines_name_cannot_choose_the_path(of_engine: Audit, name: str) -> None:
    keep_on_file(dataclasses.replace(of_engine, engine={"name": name}))
    assert not audits_folder().parent.exists() or [
        path.name for path in audits_folder().parent.rglob("*.json")
    ] == [path.name for path in audits_folder().glob("*.json")]
