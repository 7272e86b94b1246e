"""Both databases of the desk, for tests that race: SQLite files, and PostgreSQL where it is."""

from __future__ import annotations

import importlib.util
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "desk_postgres_cluster", Path(__file__).parents[1] / "record" / "postgres_cluster.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
postgres_cluster = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = postgres_cluster
_SPEC.loader.exec_module(postgres_cluster)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Connection string of a private PostgreSQL."""
    pytest.importorskip("psycopg")
    if postgres_cluster.why_not() is not None:
        pytest.skip(postgres_cluster.why_not())
    with postgres_cluster.cluster() as found:
        yield found


def new_database(server: str) -> str:
    """URL of a fresh, empty database."""
    import psycopg

    name = "d" + secrets.token_hex(6)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    folder = server.split()[0].removeprefix("host=")
    return f"postgresql+psycopg://tests@/{name}?host={folder}"


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each sort."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'both.db'}"
    return new_database(request.getfixturevalue("server"))
