"""Fixtures that several rooms use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Machines that run tests are shared: how long one example takes says nothing about the code.
settings.register_profile("countenance", deadline=None)
settings.load_profile("countenance")

TESTS = Path(__file__).parent
LONDON = TESTS.parent.parent / "shared" / "data" / "london"

# So that any room's tests can say `from engine_suite import EngineSuite` or `import drawing`.
sys.path.insert(0, str(TESTS / "conformance"))


@pytest.fixture(scope="session")
def london() -> Path:
    """Folder of the Face Research Lab London Set; its photographs are not in the repository."""
    if not (LONDON / "manifest.csv").is_file():
        pytest.skip("the London Set is not beside the repository (../shared/data/london)")
    return LONDON
