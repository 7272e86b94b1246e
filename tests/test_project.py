"""The project keeps its word: documents agree with the code, the house is in order."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "countenance"
ROOMS = ("core", "faces", "datasets", "scores", "audit", "law", "record", "desk", "web", "cli")
MODULES = sorted(SRC.rglob("*.py"))
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name not in ("words.md", "BENCHMARKS.md")
)
HEAVY = (
    *("numpy", "polars", "altair", "vl_convert", "cv2", "onnx", "onnxruntime", "PIL"),
    *("dlib", "_dlib_pybind11", "typst", "pandas", "pyarrow", "jinja2", "msgspec", "scipy"),
    "cedarpy",
)


def named(paths: list[Path]) -> Any:
    """Parametrise over files, each test named by its path."""
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


# --- the house ---------------------------------------------------------------------------------


@named([path for path in MODULES if "versions" not in path.parts])  # a migration is a list
def test_a_module_holds_one_idea(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= 400


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_exported_name_is_there(room: str) -> None:
    module = importlib.import_module(f"countenance.{room}" if room else "countenance")
    exported = module.__all__
    assert list(exported) == sorted(set(exported), key=exported.index)
    for name in exported:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        _ = module.no_such_name


@pytest.mark.parametrize(
    "code",
    [
        "import countenance",
        *(
            f"import countenance.{room}"
            for room in ("scores", "datasets", "audit", "law", "record", "desk", "web", "cli")
        ),
        "from countenance.cli import main; main(['--help'])",
        "from countenance.cli import main; main(['audit', '--help'])",
        "from countenance.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str) -> None:
    done = python(f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    allowed = {"numpy"} if code in ("import countenance.datasets",) else set()
    assert loaded & set(HEAVY) <= allowed


def test_it_works_without_the_optional_parts(tmp_path: Path) -> None:
    """What `pip install .` brings is enough: the extras are blocked, and the HTML comes out."""
    parts = ("dlib", "_dlib_pybind11", "face_recognition_models", "typst", "pandas", "pyarrow",
             "scipy", "numba", "sklearn")  # fmt: skip
    block = (
        f"import sys\nsys.modules.update(dict.fromkeys({parts!r}))\n"  # as if not installed
        "from countenance.cli import main\n"
    )
    demo = python(f"{block}sys.exit(main(['demo', '--no-pdf', '--out', {str(tmp_path / 'd')!r}]))")
    assert demo.returncode == 0, demo.stderr
    assert (tmp_path / "d" / "index.html").is_file()
    engines = python(f"{block}sys.exit(main(['engines']))")
    assert engines.returncode == 0, engines.stderr
    assert "countenance[dlib]" in engines.stdout
    missing = python(f"{block}sys.exit(main(['compare', 'a.jpg', 'b.jpg', '-e', 'dlib']))")
    assert missing.returncode == 2
    assert "countenance[dlib]" in missing.stderr
    asked = ["demo", "--pdf", "--out", str(tmp_path / "p")]
    pdf = python(f"{block}sys.exit(main({asked!r}))")
    assert pdf.returncode == 2
    assert "countenance[pdf]" in pdf.stderr
    assert not (tmp_path / "p").exists()


def test_no_image_template_or_model_is_tracked() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    tracked = [Path(name) for name in listed.stdout.split("\0") if name]
    assert len(tracked) > 50
    forbidden = (
        *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic"),
        *(".onnx", ".dat", ".pt", ".pth", ".npz", ".npy", ".pkl", ".pickle", ".h5", ".tflite"),
    )
    assert [str(path) for path in tracked if path.suffix.lower() in forbidden] == []
    assert [str(path) for path in tracked if (ROOT / path).stat().st_size > 1_000_000] == []


def test_the_lock_holds_exact_versions_of_published_packages() -> None:
    lines = [
        line
        for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    locked = {re.sub(r"[._]", "-", line.split("==")[0]).lower() for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "base": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    names = {
        part: {re.split(r"[\[<>=!~ ]", each)[0].lower() for each in parts if isinstance(each, str)}
        for part, parts in wanted.items()
    }
    assert set().union(*names.values()) - {"countenance"} <= locked
    assert not names["base"] & {"scipy", "numba", "scikit-learn"}  # docs/adr/0002
    assert "countenance" not in locked


# --- documents ---------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with the click command behind it."""
    import typer

    from countenance.cli.app import app

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        yield name, command
        for child, below in getattr(command, "commands", {}).items():
            yield from walk(f"{name} {child}".strip(), below)

    yield from walk("", typer.main.get_command(app))


def test_every_command_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for name, command in commands():
        assert f"countenance {name}".strip() in text
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-"):
                    assert f"`{option}`" in text, f"{name} {option}"


def test_every_documented_option_exists() -> None:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    existing = {
        option
        for _, command in commands()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "-h"}
    assert set(re.findall(r"`(--?[a-z-]+)`", text)) <= existing


def test_every_error_and_exit_code_is_documented() -> None:
    from countenance.cli import app
    from countenance.core import CountenanceError

    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for kind in CountenanceError.__subclasses__():
        assert f"| `{kind.code}` | {kind.exit_code} |" in text
    for code in (app.DONE, app.LIMITS_EXCEEDED, app.BAD_INPUT, app.DEFECT, app.INTERRUPTED):
        assert re.search(rf"^\| {code} \|", text, re.MULTILINE)


@named(DOCUMENTS)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if "://" not in target and not target.startswith("#"):
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_the_map_shows_every_module_and_no_other() -> None:
    text = (ROOT / "docs" / "map.md").read_text("utf-8")
    for place in re.findall(r"`((?:src|tests|docs|bench|scripts|\.ci)/[^`\s]*)`", text):
        assert (ROOT / place).exists(), place
    for room in ROOMS:
        section = re.search(rf"^### `{room}`.*?(?=^###|\Z)", text, re.M | re.S)
        assert section is not None, room
        shown = set(re.findall(r"^- `([^`]+)`", section[0], re.M))
        there = {path.stem for path in (SRC / room).glob("*.py")} - {"__init__"}
        there |= {f"{path.parent.name}/" for path in (SRC / room).glob("*/__init__.py")}
        assert shown == there, f"{room}: run `make map`"


def test_the_changelog_keeps_its_form() -> None:
    from countenance import __version__

    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    assert heads[1].startswith(f"[{__version__}]")
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security",
             "Measurement changes"}  # fmt: skip
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= known


def test_the_version_is_said_once() -> None:
    from countenance import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == __version__


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text("utf-8")
    for path in folder.glob("0*.md"):
        assert f"({path.name})" in index
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert re.search(r"^\d{4}-\d\d-\d\d\. (Accepted|Replaced by \d{4})\.", text, re.M)


# --- words -------------------------------------------------------------------------------------


def never() -> list[re.Pattern[str]]:
    """The patterns of docs/style/words.md."""
    text = (ROOT / "docs" / "style" / "words.md").read_text("utf-8")
    rows = re.findall(r"^\| `(.*)` \|", text[text.index("## Never") :], re.M)
    return [re.compile(row.replace(r"\|", "|"), re.IGNORECASE) for row in rows]


def spoken(path: Path) -> str:
    """What a file says to a reader: all of a document or template, the strings of a module."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return re.sub(r"`[^`]*`", "", text)  # a word may be named to be forbidden
    tree = ast.parse(text)
    inner = {  # docstrings of what no reader of a report or terminal meets
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and path.parent.name != "cli"
    }
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner
    )


SPEAKING = sorted(
    {
        *(SRC / "cli").glob("*.py"),
        *(SRC / "audit").rglob("*.py"),
        *(SRC / "audit" / "report").rglob("*.html"),
        *(SRC / "audit" / "report").rglob("*.j2"),
        *(SRC / "audit" / "report").rglob("*.typ"),
        *DOCUMENTS,
    }
)  # fmt: skip


def test_the_list_of_words_is_read() -> None:
    patterns = never()
    assert len(patterns) >= 8
    caught = ["an unbiased system", "95 % accurate", "this proves it", "a match found",
              "99% certain", "the suspect"]  # fmt: skip
    for text in caught:
        assert any(pattern.search(text) for pattern in patterns), text
    for text in ("an unbiased estimate", "falsely matched", "a false match"):
        assert not any(pattern.search(text) for pattern in patterns), text


@named(SPEAKING)
def test_no_word_promises_more_than_a_measurement_can(path: Path) -> None:
    text = spoken(path)
    found = [match[0] for pattern in never() for match in pattern.finditer(text)]
    assert found == []


# --- CI ---------------------------------------------------------------------------------------


def test_ci_runs_the_tests_then_style_and_types() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    for target in ("test", "lint", "types"):
        assert f"make {target}" in script
    assert "set -euo pipefail" in script
