"""A whole deployment behind its pages, and people who visit it with devices of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "desk"))  # `from casework import ...`
sys.path.insert(0, str(Path(__file__).parent))  # `from webkit import ...`

from clockkit import MovingClock
from webkit import Site


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def site(tmp_path: Path, clock: MovingClock) -> Iterator[Site]:
    with Site.opened(tmp_path, clock) as made:
        yield made
