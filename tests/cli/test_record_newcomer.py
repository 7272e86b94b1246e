"""Every record command as a newcomer may use it: wrongly. No traceback, code 2, and what to do."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from countenance.cli import main

Capture = pytest.CaptureFixture[str]
EVENT = {"kind": "disclosed", "public": {"packet": "ab" * 32, "recipient": "defence"},
         "sealed": {"case": "17"}}  # fmt: skip
LINE = f"{json.dumps(EVENT)}\n"
SCRIPT = "import sys; from countenance.cli import main; sys.exit(main())"
POLICY = ["--policy", "R/policy"]
BASIS = ["--basis", "court-order"]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty desk with a few things on it that are none of ours."""
    from countenance.record import keys

    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")
    monkeypatch.setattr(keys.ScryptCost.__init__, "__defaults__", (2**10, 8, 1))
    monkeypatch.setattr("countenance.cli.recordfolder.PATIENCE_S", 0.1)
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_text("x\n")
    Path("empty").touch()
    Path("binary").write_bytes(bytes(range(256)))
    Path("events").write_text(LINE)


@pytest.fixture
def record(capsys: Capture) -> str:
    """A record of one entry with a checkpoint, the entry's proof, and a witness beside it."""
    assert main(["record", "init", "R", "--origin", "o.example"]) == 0
    assert main(["record", "append", "R", "events", "--about", "h"]) == 0
    assert main(["record", "checkpoint", "R"]) == 0
    assert main(["record", "prove", "R", "0", "-o", "proof"]) == 0
    assert main(["record", "witness", "W", "--new", "w.example"]) == 0
    capsys.readouterr()
    return Path("R/policy").read_text().split()[1]


def wrong(arguments: list[str], capsys: Capture, *parts: str, code: int = 2) -> str:
    """What a command says that is used wrongly; it has to say what would be right."""
    assert main(arguments) == code, arguments
    said = capsys.readouterr().err
    for part in parts:
        assert part in said, (arguments, said)
    assert "Traceback" not in said
    assert "defect" not in said
    if code != 1:  # where verifying was what was asked, the answer is all there is to say
        assert re.search(r"^  (expected|to do): ", said, re.M), (arguments, said)
    return said


def test_before_there_is_a_record(capsys: Capture) -> None:
    init = ["record", "init"]
    wrong([*init, "R"], capsys, "--origin", "--help")
    for place in ("file", "file/below"):
        wrong([*init, place, "--origin", "o"], capsys, place, "cannot be made")
    for name in ("", "two words", "a+b"):
        wrong([*init, "R", "--origin", name], capsys, "--origin")
    for file in ("nowhere", "folder", "empty", "binary"):
        wrong([*init, "R", "--origin", "o", "--passphrase-file", file], capsys, file, "passphrase")
    wrong([*init, "R", "--origin", "o", "--witness", "x"], capsys, "--witness")
    bad = "a=b+00000000+AAAA"
    wrong([*init, "R", "--origin", "o", "--witness", bad], capsys, f"--witness {bad}", "key id")
    wrong([*init, "R", "--origin", "o", "--quorum", "2"], capsys, "--quorum")
    wrong([*init, "R", "--origin", "o", "--storage", "folder"], capsys, "names no database")
    wrong([*init, "R", "--origin", "o", "--timestamp-authority", "empty"], capsys, "empty")
    assert not Path("R").exists()
    for command in (["append"], ["checkpoint"], ["open", "0", "case", *BASIS],
                    ["erase", "h", *BASIS], ["rotate"]):  # fmt: skip
        for place in ("nowhere", "folder", "file"):
            arguments = ["record", command[0], place, *command[1:]]
            wrong(arguments, capsys, f"{place}: there is no record", "record init")
    for command in (["prove", "0"], ["verify"], ["serve"], ["timestamp", "--request", "x"]):
        arguments = ["record", command[0], "nowhere", *command[1:]]
        wrong(arguments, capsys, "nowhere: no such folder", "http(s)://")
    wrong(["record", "verify", "folder", "--policy", "file"], capsys)
    wrong(["record", "verify", "file"], capsys, "this is a file", "countenance verify")


def test_an_init_that_fails_leaves_nothing_in_the_way(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("R/log").mkdir(parents=True)
    Path("R/log/lock").mkdir()  # so that the log cannot be made, when the key is there already
    assert main(["record", "init", "R", "--origin", "o"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert sorted(p.name for p in Path("R").iterdir()) == ["log"]
    Path("R/log/lock").rmdir()
    assert main(["record", "init", "R", "--origin", "o"]) == 0
    wrong(["record", "init", "R", "--origin", "o"], capsys, "never overwritten", "another folder")
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "short")
    wrong(["record", "init", "S", "--origin", "o"], capsys, "8 characters")
    assert main(["record", "verify", "R"]) == 2
    assert "no checkpoint was published" in capsys.readouterr().err


def test_events_that_are_none(record: str, capsys: Capture) -> None:
    for file in ("nowhere", "folder"):
        wrong(["record", "append", "R", file], capsys, file, "one event a line")
    for file in ("file", "binary"):
        wrong(["record", "append", "R", file], capsys, f"{file}, line 1")
    Path("long").write_bytes(LINE.encode() + b'{"' + b"x" * (4 << 20) + b'": 1}\n')
    wrong(["record", "append", "R", "long"], capsys, "long, line 2", "too long")
    assert main(["record", "append", "R", "empty"]) == 0
    assert "nothing was appended" in capsys.readouterr().err
    assert main(["record", "append", "R", "events"]) == 0
    assert capsys.readouterr().out == "1\n"


def test_every_kind_is_listed_with_what_it_may_say(record: str, capsys: Capture) -> None:
    assert main(["record", "kinds"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert main(["record", "kinds", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["kinds"]
    assert len(listed) >= 8
    for kind in listed:
        assert f"{kind['kind']}, version {kind['version']}: {kind['says']}" in said
        for name in (*kind["public"], *kind["sealed"]):
            assert name in said
    Path("events").write_text('{"kind": "disclosed"}\n')
    wrong(["record", "append", "R", "events"], capsys, "events, line 1", "record kinds")
    Path("events").write_text('{"kind": "gossip"}\n')
    wrong(["record", "append", "R", "events"], capsys, "disclosed", "record kinds")


def test_places_and_numbers(record: str, capsys: Capture) -> None:
    prove = ["record", "prove", "R"]
    wrong([*prove, "1"], capsys, "not under the published checkpoint", "0 to 0")
    wrong([*prove, "x"], capsys, "INDEX")
    for out in ("folder", "no/such/file", "file/below"):
        wrong([*prove, "0", "-o", out], capsys, f"{out}: the file cannot be written")
        wrong(["record", "open", "R", "0", "case", *BASIS, "-o", out], capsys, out)
        wrong(["record", "timestamp", "R", "--request", out], capsys, out)
    assert list(Path("folder").iterdir()) == []
    wrong(["record", "open", "R", "0", "name", *BASIS], capsys, "no sealed field name")
    wrong(["record", "open", "R", "0", "case", "--basis", "No Code"], capsys, "basis")
    wrong(["record", "open", "R", "9", "case", *BASIS], capsys, "no entry 9")
    wrong(["record", "erase", "R", "other", *BASIS], capsys, "other: nothing is kept", "--about")
    assert main(["record", "append", "R", "events"]) == 0
    assert capsys.readouterr().out == "1\n"  # nothing of the above went into the log
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = f"127.0.0.1:{busy.getsockname()[1]}"
        for command in (["serve", "R"], ["witness", "W", "--log", record]):
            for listen in ("8600", "h:http", "127.0.0.1:99999", taken, "192.0.2.1:80", "a..b:80"):
                arguments = ["record", *command, "--listen", listen]
                wrong(arguments, capsys, "--listen", listen)


def test_policies_and_proofs(record: str, capsys: Capture) -> None:
    for policy in ("nowhere", "folder"):
        for command in (
            ["record", "verify", "R"],
            ["verify", "proof"],
            ["record", "monitor", "M", "--place", "R"],
            ["record", "serve", "R"],
        ):
            wrong([*command, "--policy", policy], capsys, f"{policy}: the policy cannot be read")
    for policy in ("empty", "binary", "R/log.key"):
        wrong(["verify", "proof", "--policy", policy], capsys, policy)
    wrong(["verify", "nowhere", *POLICY], capsys, "nowhere: the proof cannot be read")
    wrong(["verify", "R", *POLICY], capsys, "this is a folder", "record verify")
    wrong(["verify", "proof"], capsys, "--policy")
    wrong(["verify", "empty", *POLICY], capsys, "Does not verify: empty", code=1)
    for option in ("--entry", "--opening"):
        wrong(["verify", "proof", *POLICY, option, "folder"], capsys, "folder")
        wrong(["verify", "proof", *POLICY, option, "empty"], capsys, "Does not verify", code=1)


def test_addresses_that_refuse(record: str, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    for place, part in ((address, "Connection refused"), ("http://nosuch.invalid", "known"),
                        ("http://", "not the address"), ("http://h:x/", "not the address"),
                        ("http://ada:secret@h/", "a user or password")):  # fmt: skip
        for command in (["verify", place, *POLICY], ["prove", place, "0"]):
            assert "secret" not in wrong(["record", *command], capsys, part)
    watch = ["record", "monitor", "M", *POLICY]
    wrong(watch, capsys, "where to find the log", "--place")
    wrong([*watch, "--place", "nowhere"], capsys, "nowhere")
    wrong([*watch, "--place", "R", "--webhook", "file:///x"], capsys, "webhook")
    assert not Path("M").exists()
    wrong(["record", "monitor", "file", *POLICY, "--place", "R"], capsys, "file: the folder")
    assert main([*watch, "--place", "R", "--place", "R"]) == 0


def test_witnesses_that_are_none(record: str, capsys: Capture) -> None:
    wrong(["record", "witness", "W"], capsys, "--log VKEY")
    wrong(["record", "witness", "W", "--log", "o+x"], capsys, "--log o+x")
    wrong(
        ["record", "witness", "nowhere", "--log", record], capsys, "there is no witness", "--new"
    )
    wrong(["record", "witness", "V", "--new", "two words"], capsys, "key name")
    wrong(["record", "witness", "file", "--new", "w"], capsys, "file: the folder")


def test_keys_and_files_that_were_touched(
    record: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = ["record", "checkpoint", "R"]
    key = Path("R/log.key").read_bytes()
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "another horse")
    wrong(publish, capsys, "R/log.key", "check the passphrase")
    wrong(["record", "witness", "W", "--log", record], capsys, "W/witness.key", "passphrase")
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")
    Path("R/log.key").chmod(0o644)
    wrong(publish, capsys, "chmod 600")
    Path("R/log.key").chmod(0o600)
    for data in (b"", b"{}", key[:-40]):
        Path("R/log.key").write_bytes(data)
        assert main(publish) == 2
        assert "R/log.key: not a key file" in capsys.readouterr().err
    Path("R/log.key").write_bytes(key)
    for name in ("", "hello", "postgresql://db/records"):
        Path("R/storage").write_text(name)
        wrong(["record", "verify", "R"], capsys, "R/storage: this names no log")
        wrong(publish, capsys, "R/storage: this names no log")
    Path("R/storage").unlink()
    policy = Path("R/policy").read_text()
    Path("R/policy").write_text(policy + "junk\n")
    wrong(publish, capsys, "R/policy, line")
    Path("R/policy").write_text(policy)
    Path("R/log/journal").unlink()
    wrong(publish, capsys, "the journal is gone")


def test_another_process_is_waited_for(record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from countenance.record.folder import FolderStorage

    monkeypatch.setattr("countenance.cli.recordfolder.PATIENCE_S", 30.0)
    holder = FolderStorage("R/log")
    holder.open()
    began = time.monotonic()
    timer = threading.Timer(0.4, holder.close)
    timer.start()
    assert main(["record", "append", "R", "events"]) == 0
    assert 0.3 < time.monotonic() - began < 20
    timer.join()


def test_several_processes_take_turns_at_a_folder(record: str) -> None:
    Path("many").write_text(LINE * 20)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "record", "append", "R", "many"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    told: list[int] = []
    for process in running:
        out, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (0, "")
        told += map(int, out.split())
    assert sorted(told) == list(range(1, 61))
    assert main(["record", "checkpoint", "R"]) == 0
    assert main(["record", "verify", "R"]) == 0


def test_what_comes_on_standard_input_is_appended_as_it_comes(record: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "record", "append", "R"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for index in (1, 2, 3):  # each is answered before the next is written
        process.stdin.write(LINE if index != 2 else f"\n{LINE}")
        process.stdin.flush()
        assert process.stdout.readline() == f"{index}\n"
    _, error = process.communicate(LINE + "oops\n" + LINE)
    assert process.returncode == 2
    assert "standard input, line 6" in error
    assert main(["record", "append", "R", "events"]) == 0
    assert main(["record", "checkpoint", "R"]) == 0
    assert main(["record", "verify", "R"]) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_read_once(record: str, capsys: Capture) -> None:
    os.mkfifo("pipe")
    feeder = threading.Thread(target=lambda: Path("pipe").write_text(LINE * 3))
    feeder.start()
    assert main(["record", "append", "R", "pipe"]) == 0
    feeder.join()
    assert capsys.readouterr().out == "1\n2\n3\n"


def test_many_lines_without_the_last_newline(record: str, capsys: Capture) -> None:
    count = 9000  # more than is read at once
    Path("many").write_text((LINE * count)[:-1])
    assert Path("many").stat().st_size > 1 << 20
    assert main(["record", "append", "R", "many"]) == 0
    assert capsys.readouterr().out.split() == [str(n) for n in range(1, count + 1)]


def test_bars_are_drawn_beside_what_is_printed(tmp_path: Path) -> None:
    """Standard error is a terminal, standard output a file, and every stage takes too long."""
    script = (
        "import sys; from countenance.cli import main, terminal; terminal.PATIENCE_S = -1.0\n"
        "from countenance.record import keys\n"
        "keys.ScryptCost.__init__.__defaults__ = (2**10, 8, 1)\n"
        "sys.exit(main())"
    )

    def run(*arguments: str) -> tuple[str, str]:
        terminal, theirs = pty.openpty()
        with Path("out").open("wb") as out:
            code = subprocess.call(
                [sys.executable, "-c", script, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=theirs,
                env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            )  # fmt: skip
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # EIO: that was all
            while piece := os.read(terminal, 65_536):
                drawn += piece
        os.close(terminal)
        assert code == 0, drawn
        return Path("out").read_text(), drawn.decode()

    run("record", "init", "R", "--origin", "o.example")
    Path("many").write_text(LINE * 9000)  # more than is read at once
    printed, drawn = run("record", "append", "R", "many")
    assert printed.split() == [str(n) for n in range(9000)]
    assert "KiB checked" in drawn
    assert "events appended" in drawn
    run("record", "checkpoint", "R")
    printed, drawn = run("record", "verify", "R")
    assert printed.startswith("All 9,000 entries")
    assert "entries" in drawn
    watch = ("record", "monitor", "M", *POLICY, "--place", "R")
    printed, drawn = run(*watch)
    assert printed == "o.example: 9,000 entries verified, 9,000 new\n"
    assert "entries" in drawn
    printed, drawn = run("record", "serve", "R", "--pages", "pages", "--last", "20")
    assert printed == "pages/index.html: 20 entries\n"
    printed, drawn = run("record", "verify", "R", "--quiet")
    assert (printed, drawn) == ("", "")
