"""The page in a real browser: width of a phone, script under its policy, and the dark theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import browser
import pytest

from countenance.audit.report import to_html, write_index
from countenance.audit.report.palette import DARK, LIGHT
from countenance.audit.types import Audit

pytestmark = browser.NEEDS_CHROMIUM

#: A page that holds the report in a frame of the width asked for and asks it questions.
PROBE = Path(__file__).with_name("report_probe.html").read_text(encoding="utf-8")


def ask(folder: Path, page: str, width: int, *flags: str) -> dict[str, Any]:
    """What the browser sees of a page at a width."""
    return browser.ask(folder, PROBE, *flags, report=page, width=str(width))


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize("name", ["rich", "hostile"])
def test_a_phone_shows_it_all_without_scrolling_sideways(
    name: str, shapes: dict[str, Audit], tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text(to_html(shapes[name]), encoding="utf-8")
    seen = ask(tmp_path, "report.html", 360)
    assert seen["scroll"] <= seen["client"] <= 360, seen["wide"]
    assert not seen["wide"]
    assert seen["narrowDrawings"] > 5
    assert seen["wideDrawings"] == 0
    assert seen["smallest"] >= 13


def test_a_desk_shows_the_wide_drawings_and_the_script_runs_under_its_policy(
    shapes: dict[str, Audit], tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text(to_html(shapes["rich"]), encoding="utf-8")
    seen = ask(tmp_path, "report.html", 1400)
    assert seen["scroll"] <= 1400
    assert not seen["wide"]
    assert seen["narrowDrawings"] == 0
    assert seen["copy"] >= 4
    assert seen["switches"] == seen["parts"] == len(shapes["rich"].results)
    assert seen["shown"] == 1
    counts = [int(c.replace(",", "")) for c in seen["sorted"]]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    assert seen["ground"] == rgb(LIGHT["paper"])


def test_the_dark_theme_reaches_the_drawings(shapes: dict[str, Audit], tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(to_html(shapes["rich"]), encoding="utf-8")
    seen = ask(tmp_path, "report.html", 800, browser.DARK)
    assert seen["ground"] == rgb(DARK["paper"])
    assert seen["ink"] in {rgb(DARK["muted"]), rgb(DARK["ink"])}


def test_the_index_fits_a_phone(shapes: dict[str, Audit], tmp_path: Path) -> None:
    write_index([shapes["rich"], shapes["distance"]], tmp_path, pdf=False)
    seen = ask(tmp_path, "index.html", 360)
    assert seen["scroll"] <= seen["client"] <= 360, seen["wide"]
