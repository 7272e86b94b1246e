"""The demonstration: found again, told as a story that holds, and nowhere but in its own app."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from demosite import Demo, demo_of, made
from starlette.testclient import TestClient
from typer.testing import CliRunner
from webkit import Site

from countenance.cli.app import app as cli
from countenance.desk.dashboards import outcomes
from countenance.desk.incidents import IncidentState, list_incidents
from countenance.desk.publicfigures import public_figures
from countenance.desk.quality import read_upload
from countenance.web.access import declared_accesses
from countenance.web.demo.cast import ROLES
from countenance.web.demo.device import SimulatedDevice
from countenance.web.demo.drawings import CARD, DrawingEngine, Invented, portrait


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_of(tmp_path_factory) as found:
        yield found


def test_its_routes_are_in_no_other_app(site: Site, demo: Demo) -> None:
    """A desk that is none has no way to be somebody."""
    real = {path for _, path, _ in declared_accesses(site.app)}
    played = {path for _, path, _ in declared_accesses(demo.app)}
    assert played - real == {"/demo", "/passkey/demo"}
    assert site.public().get("/demo").status_code == 404
    assert site.public().call("/passkey/demo", {}).status_code == 404


def test_a_real_desk_trusts_no_device_of_the_demonstration(site: Site, demo: Demo) -> None:
    device = demo.cast["Ada"].device
    assert device.origin not in site.deployment.party.origins
    visitor = site.public()
    begun = visitor.call("/passkey/sign-in/begin").json()
    answer = device.get(begun["options"])
    assert visitor.call("/passkey/sign-in/finish", {"answer": answer}).status_code == 401


def test_everybody_can_be(demo: Demo) -> None:
    for name in ROLES:
        with TestClient(demo.app, base_url=demo.address.replace("http:", "https:")) as http:
            answer = http.post("/demo", data={"name": name})
            assert answer.status_code == 200
            assert str(answer.url).endswith("/tasks")
            assert "A demonstration: nobody here exists" in answer.text


def test_nobody_else_can_be(demo: Demo) -> None:
    with TestClient(demo.app, base_url=demo.address.replace("http:", "https:")) as http:
        assert http.post("/demo", data={"name": "Mallory"}).status_code == 422
        assert http.post("/passkey/demo", json={"challenge": "AA", "rpId": "x"}).status_code == 401


def test_the_story_has_what_a_page_can_show(demo: Demo) -> None:
    desk = demo.of.desk
    with desk.store.reading() as db:
        found = outcomes(db)
    for each in ("refused", "declined", "pending", "approved", "open-empty", "disagreed"):
        assert found[each] >= 1, (each, found)
    incidents = list_incidents(desk, demo.cast["Ulla"].to(demo.of, "incident.read"))
    assert [one.state for one in incidents] == [IncidentState.CLOSED]
    figures = public_figures(desk, demo.of.house, demo.of.log)
    assert len(figures.months) >= 5
    assert any(month.requests == 0 for month in figures.months)


def test_devices_that_were_kept_do_not_count_again(demo: Demo) -> None:
    """Killed before it kept them, the demonstration is no copied device afterwards."""
    emma = demo.cast["Emma"]
    kept = json.loads(json.dumps(emma.device.to_json()))
    for _ in range(3):
        emma.sign_in(demo.of)
    time.sleep(1.1)  # what a restart takes, and more
    emma.device = SimulatedDevice.from_json(kept)
    emma.sign_in(demo.of)


def test_a_person_is_found_among_others_and_nothing_in_an_empty_page() -> None:
    engine = DrawingEngine()
    first, second, other = engine.enrol([
        read_upload(portrait(Invented(4), 0)), read_upload(portrait(Invented(4), 1)),
        read_upload(portrait(Invented(6), 0)),
    ])  # fmt: skip
    assert first.template is not None
    assert second.template is not None
    assert other.template is not None

    def score(one: object, two: object) -> int:
        return int((one.astype("int64") * two.astype("int64")).sum())  # type: ignore[attr-defined]

    threshold = CARD.unit.threshold(CARD.default_threshold)
    assert score(first.template, second.template) >= threshold
    assert score(first.template, other.template) < threshold
    assert portrait(Invented(4), 1) == portrait(Invented(4), 1)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    result = CliRunner().invoke(cli, ["demo-desk", "--folder", str(tmp_path), "--no-serve"])
    assert result.exit_code != 0
    assert "holds something else" in str(result.exception)
    assert [one.name for one in tmp_path.iterdir()] == ["letter.txt"]


def test_one_that_was_made_is_found_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = made(tmp_path_factory)
    result = CliRunner().invoke(cli, ["demo-desk", "--folder", str(folder), "--no-serve"])
    assert result.exit_code == 0, result.output
    assert "Visit it" in result.output
