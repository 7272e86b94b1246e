"""A small score table with two groups, and a home of its own for every test."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from countenance.audit import Audit

PEOPLE = 24
GROUPS = ("hazel", "willow")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches and audits on file go to a folder of this test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``scores.csv`` and ``people.csv``; tests read it and write nothing into it.

    Every pair of two images of 24 people; the people of one group resemble each other more.
    """
    folder = tmp_path_factory.mktemp("shelf")
    draw = random.Random(1)
    images = [(f"p{p:02}", f"p{p:02}-{i}") for p in range(PEOPLE) for i in range(2)]
    with (folder / "scores.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["probe", "reference", "probe_subject", "reference_subject", "score"])
        for first, (subject, image) in enumerate(images):
            for other, another in images[first + 1 :]:
                mean = 0.9 if subject == other else 0.5 if _group(subject) == "hazel" else 0.3
                out.writerow([image, another, subject, other, f"{draw.gauss(mean, 0.1):.4f}"])
    rows = "".join(f"p{p:02},{_group(f'p{p:02}')}\n" for p in range(PEOPLE))
    (folder / "people.csv").write_text(f"subject,tree\n{rows}")
    return folder


@pytest.fixture
def scores(shelf: Path) -> Path:
    """The score table."""
    return shelf / "scores.csv"


@pytest.fixture
def people(shelf: Path) -> Path:
    """The groups of its people."""
    return shelf / "people.csv"


@pytest.fixture(scope="session")
def grouped(shelf: Path) -> Audit:
    """Its audit at 0.5 by group, through the command's own request."""
    from countenance.cli.pipeline import run_audit
    from countenance.cli.request import ask
    from countenance.core import no_progress

    request = ask(
        shelf / "scores.csv",
        attributes=shelf / "people.csv",
        group=["tree"],
        threshold=["0.5"],
        fmr_target=["0.1"],
    )
    return run_audit(request, cache=False, progress=no_progress)


def _group(subject: str) -> str:
    return GROUPS[int(subject[1:]) % 2]
