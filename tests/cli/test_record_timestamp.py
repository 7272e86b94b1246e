"""Time stamps on checkpoints through commands, from an authority made with OpenSSL on loopback."""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from countenance.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "record"))
from stamping import OPENSSL, LocalAuthority, answering, make_authority, reply, serving

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl command")
pytest.importorskip("rfc3161_client")

Capture = pytest.CaptureFixture[str]
ORIGIN = "example.org/record"
EVENT = {"kind": "disclosed", "public": {"packet": "ab" * 32, "recipient": "defence"}}
POLICY = ["--policy", "record/policy"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "two")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from countenance.record import keys

    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")
    monkeypatch.setattr(keys.ScryptCost.__init__, "__defaults__", (2**10, 8, 1))
    monkeypatch.chdir(tmp_path)


def believed(local: LocalAuthority, name: str = "tsa.example") -> list[str]:
    return ["--timestamp-authority", f"{name}={local.folder / 'ca.pem'}"]


def init(*more: str) -> None:
    assert main(["record", "init", "record", "--origin", ORIGIN, *more]) == 0
    append()


def append() -> None:
    Path("events").write_text(f"{json.dumps(EVENT)}\n")
    assert main(["record", "append", "record", "events"]) == 0


def test_asked_for_at_the_checkpoint_and_verified_offline_by_the_policy_alone(
    local: LocalAuthority, capsys: Capture
) -> None:
    init(*believed(local))
    with serving(local) as url:
        assert main(["record", "checkpoint", "record", "--timestamp", url]) == 0
    assert "— rfc3161-timestamp " in capsys.readouterr().out
    year = time.strftime("%Y-", time.gmtime())
    assert main(["record", "verify", "record"]) == 0
    assert f"existed at {year}" in capsys.readouterr().out
    assert main(["record", "prove", "record", "0", "-o", "proof"]) == 0
    capsys.readouterr()
    assert main(["verify", "proof", *POLICY]) == 0
    said = capsys.readouterr().out
    assert "existed at" in said
    assert "by the clock of tsa.example" in " ".join(said.split())
    assert main(["verify", "proof", *POLICY, "--json"]) == 0
    (stamp,) = json.loads(capsys.readouterr().out)["timestamps"]
    assert stamp["authority"] == "tsa.example"
    assert stamp["time"].startswith(year)
    assert stamp["policy"] == "1.3.6.1.4.1.99999.1"


def test_one_is_needed_only_by_those_who_ask(
    local: LocalAuthority, stranger: LocalAuthority, capsys: Capture
) -> None:
    init()
    assert main(["record", "checkpoint", "record"]) == 0
    assert main(["record", "prove", "record", "0", "-o", "bare"]) == 0
    with serving(local) as url:
        assert main(["record", "timestamp", "record", "--url", url, *believed(local)]) == 0
    assert main(["record", "prove", "record", "0", "-o", "proof"]) == 0
    assert main(["verify", "bare", *POLICY]) == 0
    assert main(["verify", "proof", *POLICY]) == 0
    assert "no timestamp authority is trusted" in " ".join(capsys.readouterr().out.split())
    for verify in (["verify", "proof", *POLICY], ["record", "verify", "record"]):
        assert main([*verify, *believed(local)]) == 0
        assert main([*verify, *believed(stranger), *believed(local)]) == 0
        capsys.readouterr()
        assert main([*verify, *believed(stranger, "stranger")]) == 1
        assert "no time stamp by stranger" in capsys.readouterr().err
    assert main(["verify", "bare", *POLICY, *believed(local)]) == 1
    assert "there is none at all" in capsys.readouterr().err
    # What the policy believes is not what the option asked for.
    line = next(x for x in lines_of(local) if x.startswith("#timestamp-authority"))
    policy = Path("record/policy")
    policy.write_text(f"{policy.read_text()}{line}\n")
    assert main(["verify", "proof", *POLICY]) == 0
    assert "tsa.example" in capsys.readouterr().out
    assert main(["verify", "proof", *POLICY, *believed(stranger, "stranger")]) == 1


def lines_of(local: LocalAuthority) -> list[str]:
    start = ["record", "init", "lines", "--origin", "lines.example", *believed(local)]
    assert main(start) == 0
    return Path("lines/policy").read_text().splitlines()


def test_carried_by_hand(local: LocalAuthority, capsys: Capture) -> None:
    init(*believed(local))
    assert main(["record", "checkpoint", "record"]) == 0
    assert main(["record", "timestamp", "record", "--request", "a.tsq"]) == 0
    Path("a.tsr").write_bytes(local.answer(Path("a.tsq").read_bytes()))
    assert main(["record", "timestamp", "record", "--answer", "a.tsr"]) == 0
    assert "existed at" in capsys.readouterr().out
    assert main(["record", "verify", "record", *believed(local)]) == 0
    # The log goes on; the answer about the checkpoint before belongs to proofs made of that one.
    assert main(["record", "prove", "record", "0", "-o", "proof"]) == 0
    Path("saved").write_bytes(Path("record/log/checkpoint").read_bytes())
    for place in ("proof", "saved"):
        assert main(["record", "timestamp", place, "--request", "b.tsq"]) == 0
    Path("b.tsr").write_bytes(local.answer(Path("b.tsq").read_bytes()))
    append()
    assert main(["record", "checkpoint", "record"]) == 0
    before = Path("record/log/checkpoint").read_bytes()
    capsys.readouterr()
    assert main(["record", "timestamp", "record", "--answer", "b.tsr"]) == 2
    assert "attach it to a proof" in capsys.readouterr().err
    assert Path("record/log/checkpoint").read_bytes() == before
    for place in ("proof", "saved"):
        arguments = ["record", "timestamp", place, "--answer", "b.tsr", *POLICY]
        assert main(arguments) == 0
    assert Path("saved").read_text().count("— rfc3161-timestamp") == 2
    capsys.readouterr()
    assert main(["verify", "proof", *POLICY, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["timestamps"]) == 2


def test_a_silent_authority_does_not_hold_the_checkpoint_up(
    local: LocalAuthority, stranger: LocalAuthority, capsys: Capture
) -> None:
    init(*believed(local))

    def page(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        reply(handler, b"<p>no</p>", Content_Type="text/html")

    def silence(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.rfile.read(1)

    stamp = ["record", "checkpoint", "record", "--deadline", "0.5", "--timestamp"]
    for number, (answer, part) in enumerate(((page, "text/html"), (silence, "no whole answer"))):
        append()
        with answering(answer) as url:
            assert main([*stamp, url]) == 2
        said = capsys.readouterr()
        assert f"{ORIGIN}\n{number + 2}\n" in said.out
        assert "published, but without a time stamp" in said.err
        assert part in said.err
        assert "to do:" in said.err
        assert main(["record", "verify", "record"]) == 0
    with serving(stranger) as url:  # an honest authority, but nobody said to believe it
        assert main([*stamp, url]) == 2
    assert "does not verify" in capsys.readouterr().err
    assert "rfc3161-timestamp" not in Path("record/log/checkpoint").read_text()


def test_a_checkpoint_that_came_meanwhile_stays(local: LocalAuthority, capsys: Capture) -> None:
    init(*believed(local))
    assert main(["record", "checkpoint", "record"]) == 0

    def slow(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        append()
        assert main(["record", "checkpoint", "record"]) == 0
        reply(handler, local.answer(request))

    with answering(slow) as url:
        assert main(["record", "timestamp", "record", "--url", url]) == 2
    assert "a later checkpoint was published meanwhile" in capsys.readouterr().err
    note = Path("record/log/checkpoint").read_text()
    assert note.startswith(f"{ORIGIN}\n2\n")
    assert "rfc3161-timestamp" not in note
    assert main(["record", "verify", "record"]) == 0


def test_wrong_uses(local: LocalAuthority, capsys: Capture) -> None:
    init()
    assert main(["record", "timestamp", "record", "--request", "a.tsq"]) == 2
    assert "no checkpoint was published" in capsys.readouterr().err
    assert main(["record", "checkpoint", "record"]) == 0
    Path("empty").touch()
    Path("page").write_bytes(b"<html>")
    for arguments, part in (
        ([], "one of --url, --request and --answer"),
        (["--url", "http://h/", "--request", "x"], "one of --url, --request and --answer"),
        (["--url", "http://h/"], "whose time stamps"),
        (["--url", "ftp://h/", *believed(local)], "not the address"),
        (["--answer", "nowhere", *believed(local)], "nowhere: the answer cannot be read"),
        (["--answer", "record", *believed(local)], "record: the answer cannot be read"),
        (["--answer", "empty", *believed(local)], "empty: not attached"),
        (["--answer", "page", *believed(local)], "page: not attached"),
        (["--answer", "page", "--timestamp-authority", "nowhere.pem"], "nowhere.pem"),
        (["--answer", "page", "--timestamp-authority", "empty"], "no certificates"),
    ):
        assert main(["record", "timestamp", "record", *arguments]) == 2, arguments
        assert part in capsys.readouterr().err, arguments
    before = Path("record/log/checkpoint").read_bytes()
    append()
    assert main(["record", "checkpoint", "record", "--timestamp", "http://h/"]) == 2
    assert "whose time stamps" in capsys.readouterr().err
    stamp = ["record", "checkpoint", "record", *believed(local), "--timestamp"]
    for address in ("ftp://h/", "h", "http://ada:secret@h/"):
        assert main([*stamp, address]) == 2
        said = capsys.readouterr().err
        assert "expected: http(s)://host/path" in said
        assert "secret" not in said
    assert Path("record/log/checkpoint").read_bytes() == before  # told before anything is signed
    Path("record/policy").write_text(
        Path("record/policy").read_text() + "#timestamp-authority tsa.example AAAA\n"
    )
    for arguments in (["record", "verify", "record"], ["record", "rotate", "record"]):
        assert main(arguments) in (1, 2)
        assert "not the line of a timestamp authority" in capsys.readouterr().err
    assert not Path("record/log.key.new").exists()


def test_a_new_key_keeps_whom_the_old_policy_believed(local: LocalAuthority) -> None:
    init(*believed(local))
    assert main(["record", "rotate", "record"]) == 0
    wanted = [x for x in Path("record/policy").read_text().splitlines() if x[0] == "#"]
    assert wanted
    assert [x for x in Path("record/policy.new").read_text().splitlines() if x[0] == "#"] == wanted


def test_without_the_part_a_proof_still_verifies(
    local: LocalAuthority, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(*believed(local))
    with serving(local) as url:
        assert main(["record", "checkpoint", "record", "--timestamp", url]) == 0
    assert main(["record", "prove", "record", "0", "-o", "proof"]) == 0
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    capsys.readouterr()
    assert main(["verify", "proof", *POLICY]) == 0
    assert "countenance[timestamps]" in capsys.readouterr().out
    assert main(["verify", "proof", *POLICY, *believed(local)]) == 2
    assert "countenance[timestamps]" in capsys.readouterr().err
