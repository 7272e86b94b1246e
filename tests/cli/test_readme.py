"""The README keeps its word: every command and line of code in it runs as it stands."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files the README's commands name."""
    import polars as pl

    from countenance import london_scores

    folder = tmp_path_factory.mktemp("desk")
    scores = london_scores("sface")
    scores.frame().write_parquet(folder / "scores.parquet")
    people = scores.people()
    people.write_csv(folder / "people.csv")
    assert isinstance(people, pl.DataFrame)
    london = ROOT.parent / "shared" / "data" / "london"
    if london.is_dir():
        (folder / "photos").mkdir()
        rows = (london / "manifest.csv").read_text("utf-8").splitlines()
        few = [row for row in rows[1:] if "/00" in row or "/01" in row]
        (folder / "photos" / "manifest.csv").write_text("\n".join([rows[0], *few]), "utf-8")
        for name in (row.split(",")[0] for row in few):
            (folder / "photos" / name).parent.mkdir(exist_ok=True)
            shutil.copy(london / name, folder / "photos" / name)
        shutil.copy(london / "neutral" / "001.jpg", folder / "a.jpg")
        shutil.copy(london / "smiling" / "001.jpg", folder / "b.jpg")
    return folder


def blocks(language: str) -> list[str]:
    """The README's code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_the_readmes_commands_run_as_they_stand(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from countenance.cli import main

    monkeypatch.chdir(desk)
    monkeypatch.setenv("XDG_CACHE_HOME", str(desk / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(desk / "data"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    assert len(lines) >= 8
    for line in lines:
        program, *arguments = shlex.split(line)
        if program == "make":
            assert re.search(rf"^{arguments[0]}:", makefile, re.M), line
        elif program == "pip":
            extras = re.findall(r"\[(\w+)\]", line)
            assert set(extras) <= set(project["project"]["optional-dependencies"]), line
        else:
            assert program == "countenance", line
            if {"photos/", "a.jpg"} & set(arguments) and not (desk / "photos").exists():
                continue
            assert main(arguments) == 0, (line, capsys.readouterr().err)


def test_the_readmes_library_code_runs_as_it_stands(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 -- our own README
    assert "falsely matched" in capsys.readouterr().out


def test_the_readme_opens_with_what_the_code_measures() -> None:
    place = ROOT / "scripts" / "readme_opening.py"
    spec = importlib.util.spec_from_file_location("readme_opening", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    picture, sentence = module.opening()
    again = "run `make figure` and look at what has changed"
    assert f"\n> {sentence}\n" in README, again
    assert picture == module.PICTURE.read_text("utf-8"), again
