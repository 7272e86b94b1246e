"""Every example in a docstring and in the documents runs as it stands."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
MODULES = [
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SRC.rglob("*.py"))
    if ">>>" in path.read_text("utf-8")
]
# The README's own code is tested with its commands, in tests/cli/test_readme.py.
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCKS = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    )
]
# Code in a list is indented, or marked `py`: the outline of something, with gaps to fill.
OUTLINES = [
    pytest.param(textwrap.dedent(code), id=f"{page.stem}-{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"^(?: +```python|```py)\n(.*?)^ *```", page.read_text("utf-8"), re.M | re.S)
    )
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name; its images are drawn."""
    from PIL import Image

    from countenance import london_scores

    folder = tmp_path_factory.mktemp("desk")
    scores = london_scores("sface")
    scores.frame().write_parquet(folder / "scores.parquet")
    scores.people().write_csv(folder / "people.csv")
    for number, name in enumerate(("Ann/1.jpg", "Ann/2.jpg", "Bo/1.jpg")):
        (folder / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), (0, 40 * number, 90)).save(folder / "faces" / name)
    (folder / "faces" / "people.csv").write_text("subject,gender\nAnn,female\nBo,male\n", "utf-8")
    shutil.copy(folder / "faces" / "Ann" / "1.jpg", folder / "a.jpg")
    return folder


def test_there_are_examples() -> None:
    assert "countenance" in MODULES
    assert len(BLOCKS) >= 3
    assert OUTLINES


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("code", BLOCKS)
def test_the_code_in_the_documents_runs(
    code: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    exec(compile(code, "docs", "exec"), {})  # noqa: S102 -- our own documents


@pytest.mark.parametrize("code", OUTLINES)
def test_the_outlines_in_the_documents_are_python(code: str) -> None:
    compile(code, "docs", "exec")
