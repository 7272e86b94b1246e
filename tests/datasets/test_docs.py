"""The page on data sets says what every note means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "datasets.md"
MODULES = [
    *(ROOT / "src" / "countenance" / "datasets").glob("*.py"),
    ROOT / "src" / "countenance" / "scores" / "cache.py",
    ROOT / "src" / "countenance" / "scores" / "enrolment.py",
]


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not beside the tests")
def test_every_note_is_on_the_page_and_no_other() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    used = set(re.findall(r'(?:make_note|Note)\(\s*(?:code=)?"([a-z-]+)"', code))
    used |= set(re.findall(r'^    "[a-z_-]+": "([a-z]+(?:-[a-z]+)+)",$', code, re.MULTILINE))
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("## Notes") : page.index("## The template cache")]
    told = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\|([^|]*)\|", table, re.M))))
    assert used == told
