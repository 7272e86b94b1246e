"""A small score table with two groups, and a home of its own for every test."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

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


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Every pair of two images of 24 people; people of one group resemble each other more."""
    draw = random.Random(1)
    path = tmp_path / "scores.csv"
    images = [(f"p{p:02}", f"p{p:02}-{i}") for p in range(PEOPLE) for i in range(2)]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["probe", "reference", "probe_subject", "reference_subject", "score"])
        for first, (subject, image) in enumerate(images):
            for other, another in images[first + 1 :]:
                mean = 0.9 if subject == other else 0.5 if _group(subject) == "hazel" else 0.3
                out.writerow([image, another, subject, other, f"{draw.gauss(mean, 0.1):.4f}"])
    return path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """The groups of the 24 people."""
    path = tmp_path / "people.csv"
    rows = "".join(f"p{p:02},{_group(f'p{p:02}')}\n" for p in range(PEOPLE))
    path.write_text(f"subject,tree\n{rows}")
    return path


def _group(subject: str) -> str:
    return GROUPS[int(subject[1:]) % 2]
