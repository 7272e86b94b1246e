"""`countenance record` and `countenance verify`: a record from its first day, through commands."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from countenance.cli import main

Capture = pytest.CaptureFixture[str]
ORIGIN = "example.org/record"
SCRIPT = "import sys; from countenance.cli import main; sys.exit(main())"
DIGEST = "ab" * 32
RULES = {
    "kind": "rules-changed",
    "public": {"jurisdiction": "US-NY", "pack": "ny", "digest": DIGEST, "change": "adopted"},
    "sealed": {"author": "Ada Lovelace"},
}
SHOWN = {
    "kind": "disclosed",
    "public": {"packet": DIGEST, "recipient": "defence"},
    "sealed": {"case": "17-CR-2026"},
}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are quickly opened: what scrypt costs is tested where keys are."""
    from countenance.record import keys

    monkeypatch.setattr(keys.ScryptCost.__init__, "__defaults__", (2**10, 8, 1))


@pytest.fixture
def record(tmp_path: Path, capsys: Capture) -> Path:
    """A record of two entries with a checkpoint."""
    path = tmp_path / "record"
    assert main(["record", "init", str(path), "--origin", ORIGIN]) == 0
    said(capsys)
    append(path, RULES, SHOWN)
    assert said(capsys) == "0\n1\n"
    assert main(["record", "checkpoint", str(path)]) == 0
    assert said(capsys).startswith(f"{ORIGIN}\n2\n")
    return path


def said(capsys: Capture) -> str:
    return capsys.readouterr().out


def append(record: Path, *events: object, code: int = 0) -> None:
    file = record.parent / "events.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")
    assert main(["record", "append", str(record), str(file), "--about", "case-17"]) == code


def prove(record: Path, index: int, name: str = "proof") -> Path:
    path = record.parent / name
    assert main(["record", "prove", str(record), str(index), "-o", str(path)]) == 0
    return path


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """A command in a process of its own; the first line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line, process.stderr.read() if process.stderr else ""
        yield line
    finally:
        process.terminate()
        _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_a_proof_verifies_with_nothing_but_itself_and_the_policy(
    record: Path, capsys: Capture
) -> None:
    proof = prove(record, 1)
    said(capsys)
    assert main(["verify", str(proof), "--policy", str(record / "policy")]) == 0
    shown = said(capsys)
    for part in (ORIGIN, "1 of 2", "disclosed", "defence", "sealed", "no witness"):
        assert part in shown
    assert "17-CR" not in shown
    assert main(["verify", str(proof), "--policy", str(record / "policy"), "--json"]) == 0
    value = json.loads(said(capsys))
    assert (value["origin"], value["index"], value["size"]) == (ORIGIN, 1, 2)
    assert value["entry"]["schema"] == "countenance-record/disclosed"


def test_nothing_sealed_is_in_what_is_published(record: Path) -> None:
    for path in (record / "log").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"Lovelace" not in data
            assert b"17-CR" not in data
    assert b"Lovelace" in (record / "vault.sqlite").read_bytes()


def test_what_was_meddled_with_is_1(record: Path, capsys: Capture, tmp_path: Path) -> None:
    proof = prove(record, 1)
    data = proof.read_bytes()
    policy = ["--policy", str(record / "policy")]
    for bad in (data.replace(b"index 1", b"index 0"), data[:-9], b"", data.upper()):
        proof.write_bytes(bad)
        assert main(["verify", str(proof), *policy]) == 1
        assert "Does not verify" in capsys.readouterr().err
    proof.write_bytes(data)
    other = tmp_path / "other"
    assert main(["record", "init", str(other), "--origin", ORIGIN]) == 0
    assert main(["verify", str(proof), "--policy", str(other / "policy")]) == 1
    entry = tmp_path / "entry"
    entry.write_bytes(b"another entry")
    assert main(["verify", str(proof), *policy, "--entry", str(entry)]) == 1


def test_a_whole_log_verifies_until_a_byte_of_it_changes(record: Path, capsys: Capture) -> None:
    assert main(["record", "verify", str(record)]) == 0
    assert "All 2 entries" in said(capsys)
    assert main(["record", "verify", str(record), "-q"]) == 0
    assert said(capsys) == ""
    path = record / "log" / "tile" / "entries" / "000.p" / "2"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"defence", b"subject"))
    assert main(["record", "verify", str(record)]) == 1
    error = capsys.readouterr().err
    assert "Does not verify" in error
    assert "entry 1" in error


def test_a_field_is_opened_to_one_reader_and_that_is_logged_first(
    record: Path, capsys: Capture
) -> None:
    proof, opening = prove(record, 1), record.parent / "opening.json"
    said(capsys)
    where = ["--basis", "court-order", "--reader", "Judge Roe", "-o", str(opening)]
    assert main(["record", "open", str(record), "1", "case", *where]) == 0
    assert "logged as entry 2" in said(capsys)
    assert stat.S_IMODE(opening.stat().st_mode) == 0o600
    policy = ["--policy", str(record / "policy")]
    assert main(["verify", str(proof), *policy, "--opening", str(opening)]) == 0
    assert "17-CR-2026" in said(capsys)
    other = prove(record, 0, "other")
    assert main(["verify", str(other), *policy, "--opening", str(opening)]) == 1
    for index, field in (("9", "case"), ("1", "name"), ("0", "case")):
        assert main(["record", "open", str(record), index, field, "--basis", "court-order"]) == 2
    assert main(["record", "open", str(record), "1", "case", "--basis", "No Code"]) == 2


def test_what_is_erased_cannot_be_opened_and_the_log_still_verifies(
    record: Path, capsys: Capture
) -> None:
    assert main(["record", "erase", str(record), "case-17", "--basis", "subject-request"]) == 0
    assert said(capsys) == "3 fields erased; logged as entry 2\n"
    assert b"17-CR" not in (record / "vault.sqlite").read_bytes()
    assert main(["record", "open", str(record), "1", "case", "--basis", "court-order"]) == 2
    assert "erased" in capsys.readouterr().err
    assert main(["record", "erase", str(record), "case-17", "--basis", "subject-request"]) == 2
    assert main(["record", "checkpoint", str(record)]) == 0
    assert main(["record", "verify", str(record)]) == 0


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("text", "no event"),
        ({"kind": "gossip"}, "no such kind"),
        ({"kind": ["opened"]}, "no such kind"),
        ({"kind": "opened"}, "lacks"),
        ({**SHOWN, "note": "x"}, "no event"),
        ({**SHOWN, "public": []}, "no event"),
        ({**SHOWN, "public": {**SHOWN["public"], "recipient": "Ada"}}, "recipient"),  # type: ignore[dict-item]
        ({**SHOWN, "sealed": {"name": "Ada"}}, "no sealed field"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_appended(
    record: Path, capsys: Capture, event: object, message: str
) -> None:
    append(record, RULES, event, code=2)
    error = capsys.readouterr().err
    assert "line 2" in error
    assert message in error
    append(record, RULES)
    assert said(capsys) == "2\n"


def test_wrong_uses_are_2_and_say_what_would_be_right(
    record: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = str(tmp_path / "nowhere")
    policy = str(record / "policy")
    for arguments, part in (
        (["record", "append", nowhere], "no record"),
        (["record", "init", str(record), "--origin", ORIGIN], "never overwritten"),
        (["record", "init", nowhere, "--origin", "with space"], "name"),
        (["record", "init", nowhere, "--origin", ORIGIN, "--quorum", "1"], "--quorum"),
        (["record", "init", nowhere, "--origin", ORIGIN, "--witness", "x"], "--witness"),
        (["record", "prove", str(record), "2"], "publish a checkpoint"),
        (["record", "prove", nowhere, "0"], "nowhere"),
        (["record", "verify", nowhere], "nowhere"),
        (["record", "verify", str(record / "log")], "--policy"),
        (["record", "serve", str(record), "--listen", "8600"], "HOST:PORT"),
        (["record", "witness", nowhere], "--log"),
        (["record", "monitor", nowhere, "--policy", policy], "--place"),
        (["record", "monitor", nowhere, "--policy", policy, "--every", "0"], "--every"),
        (["verify", str(record / "policy"), "--policy", nowhere], "nowhere"),
        (["verify", nowhere, "--policy", policy], "nowhere"),
    ):
        assert main(arguments) == 2, arguments
        assert part in capsys.readouterr().err, arguments
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "wrong horse")
    assert main(["record", "checkpoint", str(record)]) == 2
    assert "passphrase" in capsys.readouterr().err
    monkeypatch.delenv("COUNTENANCE_PASSPHRASE")
    monkeypatch.setattr(os, "isatty", lambda _: False)
    assert main(["record", "checkpoint", str(record)]) == 2
    assert "--passphrase-file" in capsys.readouterr().err
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    assert main(["record", "checkpoint", str(record), "--passphrase-file", str(secret)]) == 0


def test_only_one_process_writes(
    record: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from countenance.record.folder import FolderStorage

    monkeypatch.setattr("countenance.cli.recordfolder.PATIENCE_S", 0.2)
    holder = FolderStorage(record / "log")
    holder.open()
    try:
        append(record, RULES, code=2)
        assert "another process" in capsys.readouterr().err
        assert main(["record", "verify", str(record)]) == 0  # reading needs no turn
    finally:
        holder.close()


@pytest.mark.parametrize(
    "command",
    ["", "init", "append", "checkpoint", "prove", "verify", "open", "erase", "witness", "monitor",
     "serve", "rotate", "kinds", "timestamp"],
)  # fmt: skip
def test_help_fits_80_columns(command: str, capsys: Capture) -> None:
    arguments = ["record", command] if command else ["record"]
    assert main([*arguments, "--help"]) == 0
    lines = said(capsys).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines[1:])


def test_pages_are_written(record: Path, capsys: Capture) -> None:
    pages = record.parent / "pages"
    assert main(["record", "serve", str(record), "--pages", str(pages)]) == 0
    assert "2 entries" in said(capsys)
    assert "verified" in (pages / "index.html").read_text("utf-8")


def test_witnesses_and_a_monitor_see_to_it_that_it_stays_one_log(
    tmp_path: Path, capsys: Capture
) -> None:
    """Two witnesses, the pages' server and the monitor, each a process, and a log that turns."""
    keys = []
    for name in ("w1", "w2"):
        folder = str(tmp_path / name)
        assert main(["record", "witness", folder, "--new", f"witness.example/{name}"]) == 0
        keys.append(said(capsys).strip())
        assert main(["record", "witness", folder, "--new", "again"]) == 2
    here = tmp_path / "record"
    names = [f"w{i + 1}={key}" for i, key in enumerate(keys)]
    start = ["record", "init", str(here), "--origin", ORIGIN, "--quorum", "2"]
    assert main([*start, *(part for name in names for part in ("--witness", name))]) == 0
    vkey = said(capsys).split()[-1]
    witness = ["--log", vkey, "--listen", "127.0.0.1:0"]
    append(here, RULES)
    with (
        running("record", "witness", str(tmp_path / "w1"), *witness) as one,
        running("record", "witness", str(tmp_path / "w2"), *witness) as two,
        running("record", "serve", str(here), "--listen", "127.0.0.1:0") as pages,
    ):
        policy = here / "policy"
        text = policy.read_text("utf-8")
        for key, url in zip(keys, (one, two), strict=True):
            text = text.replace(key, f"{key} {url}")
        policy.write_text(text.replace(vkey, f"{vkey} {pages}"), encoding="utf-8")
        capsys.readouterr()
        assert main(["record", "checkpoint", str(here)]) == 0
        note = said(capsys)
        assert len(re.findall(r"^— ", note, re.M)) == 3
        assert main(["record", "verify", pages, "--policy", str(policy)]) == 0
        proof = tmp_path / "proof"
        assert main(["record", "prove", pages, "0", "-o", str(proof)]) == 0
        said(capsys)
        assert main(["verify", str(proof), "--policy", str(policy)]) == 0
        assert "w1, 2" in said(capsys)

        monitor = ["record", "monitor", str(tmp_path / "monitor"), "--policy", str(policy)]
        assert main(monitor) == 0
        assert said(capsys) == f"{ORIGIN}: 1 entries verified, 1 new\n"

        # The log turns: it signs another history and shows it somewhere else.
        other = tmp_path / "other"
        other.mkdir(mode=0o700)
        (other / "log.key").write_bytes((here / "log.key").read_bytes())
        (other / "log.key").chmod(0o600)
        (other / "policy").write_bytes(f"log {vkey}\nquorum none\n".encode())
        append(other, SHOWN)
        capsys.readouterr()
        assert main(["record", "checkpoint", str(other)]) == 0
        assert main([*monitor, "--place", str(other), "--json"]) == 1
        out = said(capsys)
        report = json.loads(out[out.index("{") :])
        alerts = {alert["kind"] for log in report["logs"] for alert in log["alerts"]}
        assert "split-view" in alerts
        assert list((tmp_path / "monitor").glob("*split*")) or any(
            alert.get("evidence") for log in report["logs"] for alert in log["alerts"]
        )
        (other / "policy").write_bytes(policy.read_bytes())
        append(other, SHOWN)
        capsys.readouterr()
        assert main(["record", "checkpoint", str(other), "--deadline", "5"]) == 2
        assert "0 of 2 witnesses cosigned" in capsys.readouterr().err


def test_a_monitor_goes_on_until_it_is_told_to_stop(record: Path, tmp_path: Path) -> None:
    arguments = ["--policy", str(record / "policy"), "--place", str(record), "--every", "0.1"]
    began = time.monotonic()
    with running("record", "monitor", str(tmp_path / "m"), *arguments) as first:
        assert first == f"{ORIGIN}: 2 entries verified, 2 new"
    assert time.monotonic() - began < 20


def test_a_monitor_goes_on_although_nobody_can_be_told(
    tmp_path: Path,
    record: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two visits that alert, and nobody listens at the webhook; then somebody stops it."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("countenance.cli.recordwatch.time.sleep", nap)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    watch = ["record", "monitor", str(tmp_path / "m"), "--policy", str(record / "policy")]
    watch += ["--place", str(record), "--place", f"http://127.0.0.1:{port}/log"]
    watch += ["--webhook", f"http://127.0.0.1:{port}/"]
    assert main([*watch, "--every", "60"]) == 130
    said = capsys.readouterr()
    assert said.out.count("ALERT") == 2
    assert said.err.count("the alert is not told") == 2
    assert naps == [60, 60]
    assert main(watch) == 2  # once only: whoever started it has to know


def test_a_key_is_followed_by_the_next_as_the_printed_steps_say(
    record: Path, capsys: Capture
) -> None:
    from countenance.record.folder import FolderStorage
    from countenance.record.policy import Policy
    from countenance.record.rotation import follow_rotation
    from countenance.record.tiles import decode_bundle, entries_path

    policy, key = record / "policy", record / "log.key"
    before = policy.read_text()
    assert main(["record", "rotate", str(record)]) == 0
    vkey = re.findall(r"new verifier key: (\S+)", said(capsys))[0]
    assert main(["record", "rotate", str(record)]) == 2  # one at a time
    assert "begun already" in capsys.readouterr().err
    assert stat.S_IMODE((record / "log.key.new").stat().st_mode) == 0o600
    assert policy.read_text() == before
    assert main(["record", "checkpoint", str(record)]) == 0
    proof = prove(record, 2, "rotation")
    bundle = FolderStorage(record / "log").read(entries_path(0, 3))
    assert bundle is not None
    entry = decode_bundle(bundle, width=3)[2]
    followed = follow_rotation(Policy.load(policy), entry, proof.read_bytes())
    assert [log.vkey for log in followed.logs] == [vkey]
    assert followed.text == (record / "policy.new").read_text()
    (record / "policy.new").replace(policy)
    (record / "log.key.new").replace(key)
    append(record, SHOWN)
    assert main(["record", "checkpoint", str(record)]) == 0
    assert main(["record", "verify", str(record)]) == 0
    assert main(["verify", str(prove(record, 3)), "--policy", str(policy)]) == 0
    (record / "old").write_text(before)
    assert main(["verify", str(prove(record, 3)), "--policy", str(record / "old")]) == 1
    assert main(["verify", str(proof), "--policy", str(record / "old")]) == 0
