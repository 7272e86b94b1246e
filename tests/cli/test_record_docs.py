"""docs/record.md keeps its word: its commands run as they stand, and print what it shows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from countenance.cli import main
from countenance.record import keys

sys.path.insert(0, str(Path(__file__).parents[1] / "record"))
from postgres_cluster import cluster, why_not
from stamping import OPENSSL, make_authority, serving

pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.skipif(
        None in (OPENSSL, shutil.which("bash"), shutil.which("curl")), reason="no shell for this"
    ),
    pytest.mark.xdist_group("postgres"),
]
for part in ("psycopg", "rfc3161_client"):
    pytest.importorskip(part)

TEXT = (Path(__file__).parents[2] / "docs" / "record.md").read_text("utf-8")
EVENT = {"kind": "disclosed", "public": {"packet": "ab" * 32, "recipient": "defence"}}
PROGRAM = "import sys; from countenance.cli import main; sys.exit(main())"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the page, and the lines it is shown to print."""
    for block in re.findall(r"^```console\n(.*?)^```", TEXT, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *shown = re.sub(r"\\\n\s*", "", part).splitlines()
            yield command, shown


def test_the_commands_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keys.ScryptCost.__init__, "__defaults__", (2**10, 8, 1))
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "countenance").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM}" "$@"\n'
    )
    (tmp_path / "countenance").chmod(0o755)
    variables, vkey, ran = "", "", 0

    def run(command: str) -> list[str]:
        """The lines a command prints; one that needs a shell, or goes on, gets a process."""
        if command.startswith("countenance ") and "|" not in command and "--listen" not in command:
            capsys.readouterr()
            assert main(shlex.split(command)[1:]) == 0, (command, capsys.readouterr().err)
            return capsys.readouterr().out.splitlines()
        lasting = "exec " if "--listen" in command else ""
        with subprocess.Popen(
            ["bash", "-c", f"set -o pipefail\n{variables}{lasting}{command}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            if not lasting:
                printed = process.stdout.read().splitlines()
                assert process.wait(60) == 0, command
                return printed
            first = process.stdout.readline()  # it goes on until it is told to stop
            process.terminate()
            assert process.wait(60) == 130
            return [first.rstrip("\n")]

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(cluster()).split()[0].removeprefix("host=")
        local = make_authority(tmp_path / "tsa")
        stands_for = {
            "http://tsa.example/tsr": stack.enter_context(serving(local)),
            "postgresql://db.example/records": f"postgresql://tests@{quote(folder, '')}/postgres",
            "127.0.0.1:8700": "127.0.0.1:0",
        }
        for written, shown in commands():
            command = written
            if " record init " in command:
                desk = tmp_path / f"desk{ran}"
                desk.mkdir()
                monkeypatch.chdir(desk)
                shutil.copy(local.folder / "ca.pem", "ca.pem")
                Path("events.jsonl").write_text(f"{json.dumps(EVENT)}\n")
            for name, value in {**stands_for, "example.org/record+\u2026": vkey}.items():
                command = command.replace(name, value)
            assert "\u2026" not in command
            if re.match(r"\w+=", command):
                variables += f"{command}\n"
                continue
            printed = run(command)
            for number, line in enumerate(shown):
                form = re.escape(line).replace("\u2026", ".+").replace("8700", "[0-9]+")
                assert re.fullmatch(form, printed[number]), (command, printed)
            if " record init " in command:
                vkey = printed[0].split()[-1]
            ran += 1
    assert ran >= 18
