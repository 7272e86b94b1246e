"""The demonstration, and the report made again from what it wrote."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NoReturn

import pytest

from countenance.audit import Audit
from countenance.cli import main
from countenance.cli.demonstration import ENGINES
from countenance.cli.onfile import audits_on_file

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `countenance demo` wrote, with every door to a network shut."""
    folder = tmp_path_factory.mktemp("demo") / "report"

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the demonstration needs no network")

    with pytest.MonkeyPatch.context() as shut:
        shut.setattr(socket.socket, "connect", refuse)
        shut.setattr(socket, "getaddrinfo", refuse)
        assert main(["demo", "--out", str(folder), "--no-pdf", "--quiet"]) == 0
    return folder


def test_it_audits_both_engines_and_sets_them_side_by_side(shown: Path) -> None:
    index = (shown / "index.html").read_text("utf-8")
    for engine in ENGINES:
        audit = Audit.from_json((shown / engine / "audit.json").read_bytes())
        assert audit.engine is not None
        assert audit.engine["name"] == engine
        assert audit.counts.people == 102
        assert audit.counts.nonmated == 10_302
        assert f"{engine}/report.html" in index
        assert (shown / engine / "report.html").is_file()


def test_it_leaves_nothing_on_this_machine_but_the_report(shown: Path, home: Path) -> None:
    assert audits_on_file() == []
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert not [path for path in shown.parent.rglob("*") if path.name.endswith(".part")]


def test_it_can_be_reproduced_from_anywhere(
    shown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", str(shown / "sface" / "audit.json")]) == 0
    assert "every byte" in capsys.readouterr().out


def test_a_report_is_made_again_byte_for_byte(
    shown: Path, tmp_path: Path, capsys: Capture
) -> None:
    source = shown / "dlib"
    again = tmp_path / "again"
    assert main(["report", str(source), "--out", str(again), "--no-pdf"]) == 0
    assert str(again / "report.html") in capsys.readouterr().out
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    unlike = [n for n in files if (again / n).read_bytes() != (source / n).read_bytes()]
    assert unlike == []


def test_several_audits_make_an_index(shown: Path, tmp_path: Path, capsys: Capture) -> None:
    audits = [str(shown / engine / "audit.json") for engine in ENGINES]
    assert main(["report", *audits, "--out", str(tmp_path / "both"), "--no-pdf"]) == 0
    assert "index.html" in capsys.readouterr().out
    same = (tmp_path / "both" / "index.html").read_bytes() == (shown / "index.html").read_bytes()
    assert same
