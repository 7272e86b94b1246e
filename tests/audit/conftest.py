"""Synthetic audits, made once for all tests of the report."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from countenance.audit.types import Audit


def _load() -> ModuleType:
    place = Path(__file__).with_name("report_fixture.py")
    spec = importlib.util.spec_from_file_location("report_fixture", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_fixture"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def invented() -> ModuleType:
    """The module that invents audits."""
    return _load()


@pytest.fixture(scope="session")
def shapes(invented: ModuleType) -> dict[str, Audit]:
    """Every shape of audit the report must survive, by name."""
    return invented.shapes()
