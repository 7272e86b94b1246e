"""How the command line ends: exit codes, messages, no traceback, nothing half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from countenance.cli import app, main
from countenance.core import InputError, IntegrityError, MissingPartError

Capture = pytest.CaptureFixture[str]
SCRIPT = "import sys; from countenance.cli import main; sys.exit(main())"


def ends_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `countenance schema` end with an error."""

    def raise_it() -> None:
        raise error

    command = next(c for c in app.app.registered_commands if c.name == "schema")
    monkeypatch.setattr(command, "callback", raise_it)


@pytest.mark.parametrize("kind", [InputError, IntegrityError, MissingPartError])
def test_an_error_of_ours_is_2_with_its_facts_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, kind: type[InputError]
) -> None:
    ends_with(monkeypatch, kind("is torn", where="a.csv", expected="a whole one", do="mend it"))
    assert main(["schema"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "a.csv: is torn\n  expected: a whole one\n  to do:    mend it\n"


def test_a_file_that_cannot_be_opened_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    ends_with(monkeypatch, PermissionError(13, "Permission denied", "/secret"))
    assert main(["schema"]) == 2
    assert capsys.readouterr().err == "/secret: Permission denied\n"


def test_a_defect_is_3_and_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    ends_with(monkeypatch, ZeroDivisionError("by nothing"))
    assert main(["schema"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("This is a defect in Countenance: ZeroDivisionError: by nothing\n")
    assert "--debug" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [["--debug", "schema"], ["schema", "--debug"]])
def test_debug_shows_the_traceback_and_changes_no_code(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, arguments: list[str]
) -> None:
    ends_with(monkeypatch, InputError("is torn"))
    assert main(arguments) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    ends_with(monkeypatch, KeyboardInterrupt())
    assert main(["schema"]) == 130
    assert "Nothing half-written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audti"], "Did you mean 'audit'?"),
        (["audit", "x", "--grup", "a"], "--group"),
        (["audit", "--engine"], "requires an argument"),
        (["audit", "x", "--seed", "many"], "--seed"),
        (["audit", "x", "--seed", "-1"], "--seed"),
        (["compare", "a.jpg"], "REFERENCE"),
        (["compare", "a", "b", "c"], "c"),
        (["plan", "--fmr", "0.1%"], "percentage"),
        (["plan"], "--fmr"),
        (["plan", "--fmr", "1e-3", "--fnmr", "1e-3"], "one rate"),
        (["plan", "--fmr", "1e-3", "--ratio", "1"], "above 1"),
        (["plan", "--fmr", "1e-3", "--groups", "1"], "2 or more"),
        (["plan", "--fmr", "1e-3", "--cv2", "-1"], "CV2"),
        (["plan", "--fmr", "1e-3", "--power", "high"], "--power"),
        (["datasets", "gte"], "Did you mean 'get'?"),
        (["datasets", "get", "lodnon"], "london"),
        (["compare", "a.jpg", "b.jpg", "--engine", "sfac"], "sface"),
        (["compare", "a.jpg", "b.jpg", "--selection", "al"], "one, largest"),
        (["audit", "nowhere"], "nowhere"),
        (["audit", ".", "--fail-if", "bias > 0"], "worst-fmr"),
        (["audit", ".", "--page", "a5"], "letter"),
        (["report", "nowhere.json"], "nowhere.json"),
        (["reproduce", "nowhere.json"], "nowhere.json"),
        (["--vresion"], "--version"),
    ],
)
def test_wrong_arguments_are_2_and_name_what_would_be_right(
    capsys: Capture, arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    message = capsys.readouterr()
    assert said in message.err
    assert "Traceback" not in message.err
    assert message.out == ""


def test_no_command_shows_the_help(capsys: Capture) -> None:
    assert main([]) == 2
    assert "countenance demo" in capsys.readouterr().err


def test_help_and_version_are_0(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    assert "Start with `countenance demo`" in capsys.readouterr().out
    assert main(["audit", "-h"]) == 0
    assert "--fail-if" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "countenance 0.1.0\n"


def test_help_fits_80_columns(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], ["audit"], ["compare"], ["plan"], ["datasets", "get"], ["reproduce"]):
        assert main([*arguments, "--help"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80
        assert not any(line.endswith("...") and len(line) > 78 for line in lines)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("command", ["schema", "engines", "datasets", "plan --fmr 1e-3"])
def test_a_reader_that_leaves_early_is_no_error(command: str) -> None:
    """Also where Rich prints, which would leave with 1 by itself."""
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -c "$0" {command} | true', SCRIPT],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.fixture
def long_audit(tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """A command that runs for as long as it is left to, in a folder of its own."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from countenance.core import atomic_folder\n"
        "from countenance.cli import app\n"
        "def slow() -> None:\n"
        "    with atomic_folder(Path('report')) as folder:\n"
        "        (folder / 'report.html').write_text('half')\n"
        "        print('begun', flush=True)\n"
        "        time.sleep(60)\n"
        "next(c for c in app.app.registered_commands if c.name == 'schema').callback = slow\n"
        "sys.argv[1:] = ['schema']\n"
        "sys.exit(app.run())\n"
    )

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    return start


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    long_audit: Callable[[], subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    process = long_audit()
    began = time.monotonic()
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert process.returncode == 130
    assert "Nothing half-written" in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
