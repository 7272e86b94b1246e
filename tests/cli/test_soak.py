"""Minutes rather than seconds (`make soak`): real commands, interrupted whenever."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's"),
]
DEMO = [sys.executable, "-c", "import sys; from countenance.cli import main; sys.exit(main())",
        "demo", "--quiet", "--out", "report"]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_interrupted_at_any_moment_leaves_whole_files_only(
    tmp_path: Path, number: signal.Signals
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    began = time.monotonic()
    subprocess.run(DEMO, cwd=whole, check=True, timeout=120)
    takes_s = time.monotonic() - began
    expected = files(whole)
    draw = random.Random(int(number))
    for attempt in range(12):
        place = tmp_path / str(attempt)
        place.mkdir()
        process = subprocess.Popen(DEMO, cwd=place, stderr=subprocess.PIPE, text=True)
        # From when Python has taken over the signals to past the end of most runs.
        time.sleep(draw.uniform(0.5, takes_s))
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        # Before the command has begun or after it has ended, the signal ends Python itself.
        assert process.returncode in (0, 130, -number), error
        assert "Traceback" not in error
        left = files(place)
        assert not [name for name in left if name.endswith(".part") or "/." in f"/{name}"]
        assert {name for name, text in left.items() if expected[name] != text} == set()
