"""A record whose log is in PostgreSQL, through commands: a private cluster is started for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from countenance.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "record"))
from postgres_cluster import cluster, why_not

psycopg = pytest.importorskip("psycopg")
pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.xdist_group("postgres"),
]

Capture = pytest.CaptureFixture[str]
ORIGIN = "example.org/record"
SCRIPT = "import sys; from countenance.cli import main; sys.exit(main())"
SECRET = "hunter-2-hunter"
EVENT = {
    "kind": "disclosed",
    "public": {"packet": "ab" * 32, "recipient": "defence"},
    "sealed": {"case": "17-CR-2026"},
}


@dataclass(frozen=True)
class Server:
    """A cluster by its folder; `guarded` is a role that needs a password."""

    folder: str

    def url(self, user: str = "tests") -> str:
        return f"postgresql://{user}@{quote(self.folder, safe='')}/postgres"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with cluster() as dsn:
        folder = dsn.split()[0].removeprefix("host=")
        with psycopg.connect(dsn, autocommit=True) as link:
            link.execute(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{SECRET}'")
            (rules,) = link.execute("SHOW hba_file").fetchone() or ("",)
            first = "local all guarded scram-sha-256\n"
            Path(rules).write_text(first + Path(rules).read_text())
            link.execute("SELECT pg_reload_conf()")
        yield Server(folder)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests, and keys that are quickly opened."""
    from countenance.record import keys

    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "no-such-file"))
    monkeypatch.setenv("COUNTENANCE_PASSPHRASE", "correct horse")
    monkeypatch.setattr(keys.ScryptCost.__init__, "__defaults__", (2**10, 8, 1))
    monkeypatch.chdir(tmp_path)


def init(server: Server, origin: str, *more: str) -> int:
    return main(["record", "init", "record", "--origin", origin, "--storage", server.url(), *more])


def append(*events: object, record: str = "record") -> int:
    Path("events").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return main(["record", "append", record, "events", "--about", "case-17"])


def test_a_record_from_its_first_day(server: Server, capsys: Capture) -> None:
    assert init(server, "first.example/log") == 0
    assert not Path("record/log").exists()
    name = f"{server.url()}#first.example/log"
    assert Path("record/storage").read_text() == f"{name}\n"
    assert append(EVENT, EVENT, EVENT) == 0
    assert capsys.readouterr().out.endswith("0\n1\n2\n")
    assert main(["record", "verify", "record"]) == 2
    assert "no checkpoint was published" in capsys.readouterr().err
    assert main(["record", "checkpoint", "record"]) == 0
    policy = ["--policy", "record/policy"]
    for place in ("record", name, name.replace("postgresql:", "postgres:")):
        assert main(["record", "verify", place, *policy]) == 0
        assert main(["record", "prove", place, "1", "-o", "proof"]) == 0
        assert main(["verify", "proof", *policy]) == 0
        assert main(["record", "serve", place, *policy, "--pages", "pages"]) == 0
    assert main(["record", "open", "record", "1", "case", "--basis", "court-order"]) == 0
    assert main(["verify", "proof", *policy, "--opening", "1-case.json"]) == 0
    assert main(["record", "erase", "record", "case-17", "--basis", "court-order"]) == 0
    assert main(["record", "checkpoint", "record"]) == 0
    watch = ["record", "monitor", "monitor", *policy]
    capsys.readouterr()
    assert main([*watch, "--place", f"first.example/log={name}"]) == 0
    assert "5 entries verified, 5 new" in capsys.readouterr().out
    assert main(["record", "rotate", "record"]) == 0
    assert main(["record", "checkpoint", "record"]) == 0
    Path("record/policy.new").replace("record/policy")
    Path("record/log.key.new").replace("record/log.key")
    assert append(EVENT) == 0
    assert main(["record", "checkpoint", "record"]) == 0
    assert main(["record", "verify", "record"]) == 0


def test_a_log_of_one_name_is_one_log(server: Server, capsys: Capture) -> None:
    assert init(server, "one.example/log") == 0
    assert append(EVENT) == 0
    Path("record").rename("kept")
    assert init(server, "one.example/log") == 2
    said = capsys.readouterr().err
    assert "has a log of this name" in said
    assert "choose another --origin" in said
    assert not Path("record").exists()
    # A copy of the folder is the same record, and an unlike key is told at the next checkpoint.
    assert append(EVENT, record="kept") == 0
    assert main(["record", "checkpoint", "kept"]) == 0


def test_a_reader_needs_no_right_but_to_read(server: Server, capsys: Capture) -> None:
    assert init(server, "read.example/log") == 0
    assert append(EVENT) == 0
    assert main(["record", "checkpoint", "record"]) == 0
    with psycopg.connect(server.url(), autocommit=True) as link:
        link.execute("CREATE ROLE auditor LOGIN")
        link.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
    place = f"{server.url('auditor')}#read.example/log"
    policy = ["--policy", "record/policy"]
    assert main(["record", "verify", place, *policy]) == 0
    assert main(["record", "prove", place, "0", "-o", "proof"]) == 0
    assert main(["verify", "proof", *policy]) == 0
    Path("record/storage").write_text(f"{place}\n")
    assert append(EVENT) == 2
    assert "permission denied" in capsys.readouterr().err
    assert main(["record", "verify", "record"]) == 0


def test_several_processes_append_at_once(server: Server, capsys: Capture) -> None:
    assert init(server, "many.example/log") == 0
    count, processes = 30, 3
    lines = f"{json.dumps(EVENT)}\n" * count
    Path("events").write_text(lines)
    capsys.readouterr()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "record", "append", "record", *file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for file in ([], [], ["events"])
    ]  # fmt: skip
    for _ in range(3):  # checkpoints go on meanwhile
        assert main(["record", "checkpoint", "record"]) == 0
    told: list[int] = []
    for process in running:
        out, error = process.communicate(lines if process is not running[-1] else None, timeout=60)
        assert (process.returncode, error) == (0, "")
        told += map(int, out.split())
    assert sorted(told) == list(range(count * processes))
    assert main(["record", "checkpoint", "record"]) == 0
    capsys.readouterr()
    assert main(["record", "verify", "record"]) == 0
    assert f"All {count * processes} entries" in capsys.readouterr().out
    assert main(["record", "open", "record", str(told[-1]), "case", "--basis", "x"]) == 0


def test_a_password_comes_from_where_libpq_takes_it(
    server: Server, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ["record", "init", "record", "--origin", "guarded.example/log"]
    start += ["--storage", server.url("guarded")]
    assert main(start) == 2
    assert "password" in capsys.readouterr().err
    monkeypatch.setenv("PGPASSWORD", "wrong-" + SECRET)
    assert main(["--debug", *start]) == 2
    said = capsys.readouterr()
    assert "password authentication failed" in said.err
    assert SECRET not in said.err + said.out
    assert not Path("record").exists()
    monkeypatch.setenv("PGPASSWORD", SECRET)
    assert main(start) == 0
    monkeypatch.delenv("PGPASSWORD")
    Path("pass").write_text(f"*:*:*:guarded:{SECRET}\n")
    Path("pass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(Path("pass").absolute()))
    assert append(EVENT) == 0
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("HOME", str(Path.cwd()))
    Path(".pgpass").write_bytes(Path("pass").read_bytes())
    Path(".pgpass").chmod(0o600)
    assert main(["record", "checkpoint", "record"]) == 0
    Path(".pgpass").unlink()
    lines = ["[records]", f"host={server.folder}", "dbname=postgres", "user=guarded",
             f"password={SECRET}", ""]  # fmt: skip
    Path("service").write_text("\n".join(lines))
    monkeypatch.setenv("PGSERVICEFILE", str(Path("service").absolute()))
    place = "postgresql:///?service=records#guarded.example/log"
    assert main(["record", "verify", place, "--policy", "record/policy"]) == 0
    said = capsys.readouterr()
    assert SECRET not in said.err + said.out
    for path in Path("record").rglob("*"):
        assert SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@db/records",
        f"postgres://:{SECRET}@db/records",
        f"postgresql://u:a@b{SECRET}@db/records",
        f"postgresql://u:a#b{SECRET}@db/records",
        f"postgresql://u:a/b{SECRET}@db/records",
        f"postgresql://u:a?b{SECRET}@db/records",
        f"postgresql://db/records?password={SECRET}",
        f"postgresql://db/records?sslmode=require&sslpassword={SECRET}",
        f"postgresql://db/records?pass%77ord={SECRET}",
        f"postgresql://db/records?PASSWORD={SECRET}",
        f"u:{SECRET}@db/records",
        f"mysql://u:{SECRET}@db/records",
    ],
)
def test_a_password_in_an_argument_is_refused_and_not_repeated(url: str, capsys: Capture) -> None:
    for arguments in (
        ["record", "init", "record", "--origin", ORIGIN, "--storage", url],
        ["--debug", "record", "init", "record", "--origin", ORIGIN, "--storage", url],
        ["record", "verify", f"{url}#{ORIGIN}"],
    ):
        if arguments[1] == "verify" and not url.startswith("postgres"):
            continue
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        assert "expected: postgresql://HOST/DATABASE" in said.err
    assert not Path("record").exists()


def test_names_that_lead_nowhere(server: Server, capsys: Capture) -> None:
    somewhere = server.url().replace("/postgres", "/nosuch")
    nobody = f"postgresql://{quote(server.folder + 'x', safe='')}/records"
    for url, part in (
        ("postgresql://127.0.0.1:1/records", "Connection refused"),
        (nobody, "No such file"),
        (somewhere, 'database "nosuch" does not exist'),
        ("postgresql:///?service=nosuch", 'service "nosuch" not found'),
        ("postgresql://db/records?colour=red", "colour"),
        ("folder/of/mine", "names no database"),
        (f"{server.url()}#another", "another log than --origin"),
    ):
        for _ in range(2):  # nothing is left behind that would be in the way
            start = ["record", "init", "record", "--origin", ORIGIN, "--storage", url]
            assert main(start) == 2, url
            said = capsys.readouterr().err
            assert part in said, url
            assert "expected:" in said or "to do:" in said
        assert not Path("record").exists()
    assert main(["record", "verify", server.url()]) == 2
    assert "which log" in capsys.readouterr().err
    assert main(["record", "verify", f"{server.url()}#nosuch"]) == 2
    assert init(server, "lost.example/log") == 0
    Path("record/storage").write_text(f"{somewhere}#lost.example/log\n")
    assert append(EVENT) == 2
    assert "nosuch" in capsys.readouterr().err


def test_a_database_without_logs_says_so(server: Server, capsys: Capture) -> None:
    with psycopg.connect(server.url(), autocommit=True) as link:
        link.execute("CREATE DATABASE bare")
    place = server.url().replace("/postgres", "/bare") + f"#{ORIGIN}"
    assert main(["record", "verify", place]) == 2
    assert "there is no log in this database" in capsys.readouterr().err


def test_without_the_part_the_extra_is_named(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert main(["record", "verify", f"postgresql://db/records#{ORIGIN}"]) == 2
    assert "countenance[postgres]" in capsys.readouterr().err
