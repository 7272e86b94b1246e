"""The service as an operator runs it: started for real, asked, killed, started again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import http.client
import json
import logging
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from countenance.cli import main
from countenance.cli.serve import _listening
from countenance.cli.servelog import JsonLines, bare_path

sys.path.insert(0, str(Path(__file__).parents[1] / "record"))
from postgres_cluster import cluster, why_not

pytest.importorskip("uvicorn")

Capture = pytest.CaptureFixture[str]
SCRIPT = "import sys; from countenance.cli import main; sys.exit(main())"
CODE = re.compile(r"^ {4}(\w{4}(?:-\w{4}){5})$", re.MULTILINE)
START_S = 60.0


def soon(true: Callable[[], object], *, within_s: float = 30.0) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Service:
    """A service in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    said: Path
    told: Path
    tls: ssl.SSLContext | None = None

    def get(self, path: str, *, host: str = "") -> tuple[int, str]:
        link: http.client.HTTPConnection
        if self.tls is None:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        else:
            link = http.client.HTTPSConnection(
                "localhost", self.port, timeout=20, context=self.tls
            )
        with contextlib.closing(link):
            link.request("GET", path, headers={"Host": host or f"localhost:{self.port}"})
            answer = link.getresponse()
            return answer.status, answer.read().decode()

    def well(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def lines(self) -> list[dict[str, object]]:
        whole = self.told.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


@contextlib.contextmanager
def served(
    folder: Path, *options: str, port: int, tls: ssl.SSLContext | None = None
) -> Iterator[Service]:
    said, told = folder.with_suffix(".out"), folder.with_suffix(".err")
    with said.open("wb") as out, told.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "serve", str(folder),
             "--listen", f"127.0.0.1:{port}", *options],
            stdout=out, stderr=err, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    service = Service(process, port, said, told, tls)
    try:
        ends = time.monotonic() + START_S
        while not service.well():
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < ends, told.read_text()
            time.sleep(0.1)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
        if process.poll() is None:
            service.kill()


def run(*arguments: str) -> int:
    return main([str(each) for each in arguments])


def test_an_empty_folder_becomes_a_service_that_survives_being_killed(
    tmp_path: Path, capsys: Capture
) -> None:
    folder, port = tmp_path / "desk", free_port()
    with served(folder, port=port) as service:
        out = service.said.read_text()
        assert len(CODE.findall(out)) == 1
        assert f"http://localhost:{port}/join" in out
        assert "everything is denied" in out
        assert service.get("/join?code=ABCD-1234")[0] == 200
        assert service.get("/healthz", host="elsewhere.example")[0] == 421
        # Another process is told what is the matter.
        assert run("serve", str(folder), "--listen", f"127.0.0.1:{free_port()}") == 2
        assert "another process has this desk open" in capsys.readouterr().err
        assert run("desk", "status", str(folder)) == 0
        out = capsys.readouterr().out
        assert "a process has it open" in out
        assert "SQLite" in out
        service.kill()
    witness = _witnesses(folder)
    soon(lambda: not any(_alive(pid) for pid in witness))
    with served(folder, port=port) as service:
        assert "says what it is" not in service.said.read_text()
        assert CODE.findall(service.said.read_text())  # nobody has an account yet
        assert service.end() == 0
        assert "Stopped." in service.said.read_text()
        lines = service.lines()
        assert any(line.get("path") == "/healthz" for line in lines)
        assert all("127.0.0.1" not in json.dumps(line) for line in lines if "path" in line)
        assert "code=" not in service.told.read_text()
    assert run("desk", "check", str(folder)) == 0
    out = capsys.readouterr().out
    assert "cosigned" in out
    assert "WRONG" not in out


def _witnesses(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if str(folder / "witness").encode() in words:
                found.append(int(entry.name))
    return found


def _alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def test_a_served_desk_is_backed_up_and_comes_back(tmp_path: Path, capsys: Capture) -> None:
    folder, new, saved = tmp_path / "desk", tmp_path / "new", tmp_path / "saved"
    port = free_port()
    words = tmp_path / "words"
    words.write_text("correct horse battery\n")
    with served(folder, port=port):
        assert run("desk", "backup", str(folder), str(saved)) == 0
        assert "entries of localhost/desk-" in capsys.readouterr().out
        assert run("desk", "backup", str(folder), str(saved)) == 2
        assert run("desk", "bootstrap", str(folder)) == 2
        assert run("desk", "check", str(folder)) == 2
        assert run("desk", "keys", str(folder), str(tmp_path / "keys"),
                   "--passphrase-file", str(words)) == 0  # fmt: skip
    capsys.readouterr()
    assert run("desk", "restore", str(saved), str(new)) == 2
    assert "no keys" in capsys.readouterr().err
    assert run("desk", "restore", str(saved), str(new), "--keys", str(tmp_path / "keys"),
               "--passphrase-file", str(words)) == 0  # fmt: skip
    assert "another, which has seen nothing" in capsys.readouterr().out
    assert run("desk", "migrate", str(new)) == 0
    assert run("desk", "bootstrap", str(new)) == 0
    code = capsys.readouterr().out.splitlines()[-1]
    assert CODE.fullmatch(f"    {code}")
    with served(new, port=port) as service:
        assert service.well()
        soon(lambda: (new / "log" / "checkpoint").exists())
    assert run("desk", "check", str(new)) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--workers", "2"], "SQLite"),
        (["--origin", "http://desk.example"], "origin"),
        (["--place", "Über"], "jurisdiction"),
        (["--tls-certificate", "x"], "TLS needs both"),
        (["--listen", "nowhere"], "address"),
        (["--listen", "203.0.113.7:1"], "nobody can listen"),
        (["--database", "postgresql://a:secret@db/x"], "password"),
    ],
)
def test_what_cannot_be_served_is_said(
    tmp_path: Path, capsys: Capture, options: list[str], match: str
) -> None:
    assert run("serve", str(tmp_path / "desk"), *options) == 2
    err = capsys.readouterr().err
    assert match in err
    assert "secret" not in err


def test_a_made_desk_says_itself_what_it_is(tmp_path: Path, capsys: Capture) -> None:
    from countenance.desk.making import make_deployment

    make_deployment(tmp_path / "desk")
    assert run("serve", str(tmp_path / "desk"), "--name", "Other") == 2
    assert "desk.toml" in capsys.readouterr().err
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "one.txt").write_text("mine")
    assert run("serve", str(tmp_path / "thesis")) == 2
    assert "other things" in capsys.readouterr().err
    assert run("desk", "status", str(tmp_path / "desk")) == 0
    assert "serve it once" in capsys.readouterr().out


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "chain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return folder / "chain.pem", folder / "key.pem"


def test_it_answers_https(tmp_path: Path) -> None:
    chain, key = _certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(chain))
    port = free_port()
    with served(
        tmp_path / "desk", "--tls-certificate", str(chain), "--tls-key", str(key),
        "--origin", f"https://localhost:{port}", port=port, tls=context,
    ) as service:  # fmt: skip
        assert service.get("/healthz") == (200, "well\n")


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.xdist_group("postgres")
def test_a_small_answer_leaves_at_once() -> None:
    """What asyncio asks of a socket before it turns off Nagle's waiting (TCP_NODELAY)."""
    with _listening("127.0.0.1:0") as door:
        assert (door.proto, door.type) == (socket.IPPROTO_TCP, socket.SOCK_STREAM)


def test_several_processes_serve_one_desk_on_postgresql(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    import psycopg

    folder, port = tmp_path / "desk", free_port()
    with cluster() as dsn:
        socket_folder = dsn.split()[0].removeprefix("host=")
        with psycopg.connect(dsn, autocommit=True) as link:
            link.execute("CREATE DATABASE desk")
        url = f"postgresql://tests@/desk?host={socket_folder}"
        with served(folder, "--workers", "2", "--database", url, port=port) as service:
            workers = _asked(service, 2)
            victim = workers.pop()
            os.kill(victim, signal.SIGKILL)
            soon(lambda: len(_asked(service, 1) - {victim}) >= 1)
            again = _asked(service, 2, but={victim})
            assert victim not in again
            assert run("desk", "backup", str(folder), str(tmp_path / "saved"), "--quiet") == 0
            service.kill()  # the parent: nobody else ends its workers
        soon(lambda: not any(_alive(pid) for pid in again))
        with served(folder, "--workers", "2", port=port) as service:
            _asked(service, 2)
            assert service.end() == 0
        assert _worked(folder) == (0, "A new desk: at work.\nStopped.\n")
        assert run("desk", "check", str(folder)) == 0


def _worked(folder: Path) -> tuple[int, str]:
    """Background work alone, until it is asked to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "desk", "work", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as out:
        first = out.readline()
        process.terminate()
        return process.wait(60), first + out.read()


def _asked(service: Service, processes: int, but: set[int] | None = None) -> set[int]:
    """Processes that answered, once there are so many beside `but`; asked several at a time."""
    ends = time.monotonic() + 90
    seen: set[int] = set()
    start = len(service.told.read_text().splitlines())
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        while len(seen) < processes:
            assert time.monotonic() < ends, f"{seen} of {processes} answered"
            list(threads.map(lambda _: service.well(), range(16)))
            for line in service.lines()[start:]:
                if line.get("path") == "/healthz":
                    seen.add(int(str(line["process"])))
            seen -= but or set()
    return seen


@pytest.mark.parametrize(
    ("path", "bare"),
    [
        ("/cases?name=Anna", "/cases"),
        ("/cases/0123456789abcdef0123456789abcdef/probe", "/cases/-/probe"),
        ("/join/B29P-RYPA-F114-0ZST-9C41-4ZEJ", "/join/-"),
        ("/static/desk.css", "/static/desk.css"),
        ("/a" * 500, "/a" * 100),
        ("/healthz#x", "/healthz"),
    ],
)
def test_a_path_is_told_without_what_could_be_of_somebody(path: str, bare: str) -> None:
    assert bare_path(path) == bare


def test_an_error_is_told_without_its_words() -> None:
    def failing(name: str) -> None:
        raise ValueError(f"no such person: {name}")

    try:
        failing("Anna Example")
    except ValueError:
        info = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "a fault", (), info)
    line = JsonLines().format(record)
    assert "Anna" not in line
    assert json.loads(line)["error"]["kind"] == "ValueError"
    assert "failing" in line


def test_a_line_is_one_line_whatever_is_asked_for() -> None:
    path = '/x\n{"level": "forged"}\x1b[2J'
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 1, '%s - "%s %s HTTP/%s" %d',
        ("198.51.100.7:1234", "GET", path, "1.1", 404), None,
    )  # fmt: skip
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert "198.51.100.7" not in line
    assert json.loads(line)["status"] == 404
