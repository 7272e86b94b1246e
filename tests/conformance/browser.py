"""A page as a real browser sees it: a probe beside it asks, and writes down what it saw."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
DARK = "--blink-settings=preferredColorScheme=0"
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--allow-file-access-from-files", "--dump-dom", "--window-size=1700,2600"),
)


def ask(
    folder: Path, probe: str, *flags: str, budget_ms: int = 4000, **words: str
) -> dict[str, Any]:
    """What a probe answers: a page that puts JSON into its body's `data-answer`.

    `words` are put in the place of their names in capitals. `budget_ms` is virtual time: it
    passes as fast as the page has nothing to do.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    for name, word in words.items():
        probe = probe.replace(name.upper(), word)
    page = folder / "probe.html"
    page.write_text(probe, encoding="utf-8")
    # A browser on a busy machine may give up before the page has answered: while another thread
    # of it computes, the page has nothing to do, and virtual time runs on. An answer is final.
    for attempt in range(4):
        done = subprocess.run(
            [
                CHROMIUM,
                *_QUIET,
                f"--virtual-time-budget={budget_ms}",
                f"--user-data-dir={folder / f'profile{attempt}'}",
                *flags,
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found = re.search(r'data-answer="([^"]*)"', done.stdout)
        if found:
            answer: dict[str, Any] = json.loads(unescape(found[1]))
            return answer
    pytest.fail(done.stdout[:500] + done.stderr[-500:])
