"""Files are whole or not there, whatever interrupts their writing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countenance.core import atomic_folder, atomic_write, sha256_bytes, sha256_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_name_only_when_whole(tmp_path: Path):
    target = tmp_path / "a" / "x.txt"
    with atomic_write(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["x.txt"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_file_leaves_the_old_one_and_nothing_else(tmp_path: Path, interruption):
    target = tmp_path / "x.txt"
    target.write_bytes(b"old")

    def write() -> None:
        with atomic_write(target) as file:
            file.write(b"half of the n")
            raise interruption

    with pytest.raises(interruption):
        write()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["x.txt"]


def test_an_interrupted_folder_leaves_the_old_files(tmp_path: Path):
    target = tmp_path / "report"
    target.mkdir()
    (target / "keep.txt").write_text("mine")
    (target / "report.html").write_text("old")

    def write() -> None:
        with atomic_folder(target) as folder:
            (folder / "report.html").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert (target / "report.html").read_text() == "old"
    assert names(tmp_path) == ["report"]
    with atomic_folder(target) as folder:
        (folder / "plots").mkdir()
        (folder / "plots" / "a.svg").write_text("<svg/>")
        (folder / "report.html").write_text("new")
    assert (target / "report.html").read_text() == "new"
    assert (target / "keep.txt").read_text() == "mine"
    assert (target / "plots" / "a.svg").exists()


def test_a_killed_writer_never_leaves_half_a_file(tmp_path: Path):
    """A child rewrites one file for ever; killed at any time, it leaves one of its versions."""
    target = tmp_path / "x.bin"
    code = (
        "import sys; from pathlib import Path; from countenance.core import atomic_write\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with atomic_write(Path(sys.argv[1])) as file:\n"
        "        for _ in range(64): file.write(bytes([n % 251]) * 4096)\n"
    )
    for round_ in range(5):
        child = subprocess.Popen([sys.executable, "-c", code, str(target)])
        deadline = time.monotonic() + 20
        while not target.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05 + 0.03 * round_)
        child.send_signal(signal.SIGKILL)
        child.wait()
        data = target.read_bytes()
        assert len(data) == 64 * 4096
        assert set(data) == {data[0]}


def test_hashes_of_files_and_bytes(tmp_path: Path):
    data = os.urandom(3_000_001)
    path = tmp_path / "x"
    path.write_bytes(data)
    assert sha256_file(path) == sha256_bytes(data) == hashlib.sha256(data).hexdigest()
