"""The database: two people racing have one outcome, and a reader cannot write."""

from __future__ import annotations

import threading
import traceback

import pytest
from databases import server, url
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError, TimeoutError
from sqlalchemy.orm import Session

from countenance.desk.errors import DeskError, StateError
from countenance.desk.service import Standing
from countenance.desk.store import Store

__all__ = ["server", "url"]


def test_of_two_racing_one_wins(url: str) -> None:
    store = Store.open(url)
    store.create()
    gate = threading.Barrier(6)
    outcomes: list[str] = []

    def race() -> None:
        def work(db: object) -> None:
            if db.get(Standing, 1) is not None:  # type: ignore[attr-defined]
                raise StateError("somebody was first")
            db.add(Standing(number=1))  # type: ignore[attr-defined]

        gate.wait()
        try:
            store.write(work)
            outcomes.append("won")
        except StateError:
            outcomes.append("second")

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["second"] * 5 + ["won"]
    store.close()


def test_a_reader_cannot_write(url: str) -> None:
    store = Store.open(url)
    store.create()
    with store.reading() as db:
        db.add(Standing(number=1))
        with pytest.raises(Exception, match=r"read.?only"):
            db.flush()
        db.rollback()
    store.write(lambda db: db.add(Standing(number=1)))  # the connection is as it was
    with store.reading() as db:
        assert db.scalar(select(Standing.number)) == 1
    store.close()


def test_a_view_stays_as_it_was(url: str) -> None:
    store = Store.open(url)
    store.create()
    with store.reading() as db:
        assert db.scalar(select(Standing.number)) is None
        store.write(lambda db: db.add(Standing(number=1)))
        assert db.scalar(select(Standing.number)) is None
    store.close()


def test_when_the_database_went_away_nobody_says_that_nothing_was_done(url: str) -> None:
    store = Store.open(url)
    store.create()

    def gone(db: object) -> None:
        raise OperationalError("commit", {}, OSError("gone"), connection_invalidated=True)

    with pytest.raises(DeskError, match="not known"):
        store.write(gone)
    store.close()


def test_a_database_that_is_away_is_said_to_be_so_to_who_reads(url: str) -> None:
    store = Store.open(url)
    store.create()

    def gone() -> None:
        raise OperationalError("select", {}, OSError("gone"), connection_invalidated=True)

    with pytest.raises(DeskError, match="does not answer"), store.reading():
        gone()
    with store.reading() as db:
        assert db.scalar(select(Standing.number)) is None
    store.close()


def test_where_no_connection_is_to_be_had_all_say_so(url: str) -> None:
    store = Store.open(url)
    store.create()
    with pytest.MonkeyPatch.context() as patch:
        for error in (OperationalError("connect", {}, OSError("refused")), TimeoutError("full")):

            def refused(*_: object, of: Exception = error, **__: object) -> None:
                raise of

            patch.setattr(store.engine, "connect", refused)
            with pytest.raises(DeskError, match="does not answer"), store.reading():
                pass
            with pytest.raises(DeskError) as caught:
                store.write(lambda db: db.scalar(select(Standing.number)))
            assert caught.value.do == "nothing was changed; try again"
            if isinstance(error, OperationalError):
                assert not store.scrub()
    assert store.scrub()
    store.close()


def test_no_error_repeats_what_a_statement_was_given(url: str) -> None:
    store = Store.open(url)
    store.create()
    secret = " ".join(("Ada", "Lovelace"))

    def work(db: Session) -> None:
        db.execute(text("INSERT INTO nothing_of_the_kind VALUES (:who)"), {"who": secret})

    with pytest.raises(DeskError) as caught:
        store.write(work)
    told = "".join(traceback.format_exception(caught.value))
    assert "nothing_of_the_kind" in told
    assert secret not in told
    store.close()
