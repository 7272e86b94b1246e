"""Whether the service is well: the database and the log are asked, and nothing else is told."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError
from webkit import Site

from countenance.desk.errors import DeskError
from countenance.record import StorageError


def test_a_service_that_is_well(site: Site) -> None:
    answer = site.public().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "well\n")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "error", [DeskError("/srv/desk.db is gone"),
              OperationalError("SELECT", {}, sqlite3.OperationalError("/srv/desk.db"))],
)  # fmt: skip
def test_without_its_database_it_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def gone() -> None:
        raise error

    monkeypatch.setattr(site.desk.store, "reading", gone)
    answer = site.public().get("/healthz")
    assert (answer.status_code, answer.text) == (503, "not well\n")


@pytest.mark.parametrize("error", [StorageError("/srv/log cannot be read"), OSError(28, "full")])
def test_without_its_log_it_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def gone() -> int:
        raise error

    monkeypatch.setattr(site.deployment.log, "refresh", gone)
    answer = site.public().get("/healthz")
    assert (answer.status_code, answer.text) == (503, "not well\n")


def test_it_is_asked_without_an_account_also_while_the_desk_is_down(site: Site) -> None:
    for visitor in (site.public(), site.administrator()):
        assert visitor.get("/healthz").text == "well\n"
