"""Commitments hide and bind; the vault keeps what opens them, and forgets it for good."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, canonical_json
from countenance.record.commitments import (
    MOST_VALUE_BYTES,
    Opening,
    Sealed,
    commit,
    parse_opening,
    seal,
    verify_opening,
)
from countenance.record.errors import StorageError, VerificationError
from countenance.record.kinds import KINDS
from countenance.record.vault import Erased, SQLiteVault, append_events

KIND = KINDS["disclosed"][-1]
PUBLIC = {"packet": "ab" * 32, "recipient": "defence"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def sealed(**private: Any) -> Sealed:
    return seal(KIND, time_s=1_790_000_000, public=PUBLIC, private=private)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[SQLiteVault]:
    with SQLiteVault(tmp_path / "vault.sqlite", clock=lambda: 77) as found:
        yield found


# --- commitments -------------------------------------------------------------------------------


def test_a_commitment_is_the_hmac_that_is_documented() -> None:
    salt = bytes(range(32))
    message = (
        b"countenance-record/commitment/v1\n"
        b'["countenance-record/disclosed","case",{"n":17,"of":"A"}]'
    )
    expected = hmac.new(salt, message, hashlib.sha256).hexdigest()
    assert commit({"of": "A", "n": 17}, salt=salt, kind="disclosed", field="case") == expected


def test_equal_values_have_different_commitments() -> None:
    """The log cannot be searched for a name, nor two entries be found to be of one case."""
    commitments = {value for _ in range(200) for value in sealed(case="17").entry.sealed.values()}
    assert len(commitments) == 400


def test_an_absent_value_looks_like_a_present_one() -> None:
    with_case, without = sealed(case="17").entry, sealed().entry
    assert with_case.sealed.keys() == without.sealed.keys() == {"case", "recipient_name"}
    assert all(len(value) == 64 for value in without.sealed.values())


@given(JSON)
def test_an_opening_opens_its_commitment_and_comes_through_its_file(value: Any) -> None:
    try:
        event = sealed(case=value)
    except InputError:  # a lone surrogate has no canonical form
        assert "\\ud" in json.dumps(value)
        return
    opening = parse_opening(event.openings[0].to_bytes())
    assert verify_opening(event.entry, opening) == value


@given(st.data())
def test_a_changed_opening_opens_nothing(data: st.DataObject) -> None:
    event = sealed(case="17", recipient_name="Ada")
    good = event.openings[0]
    salt = bytearray(good.salt)
    salt[data.draw(st.integers(0, 31))] ^= data.draw(st.integers(1, 255))
    for bad in (
        Opening(good.kind, good.field, bytes(salt), good.value),
        Opening(good.kind, good.field, good.salt, 17),
        Opening(good.kind, good.field, good.salt, ["17"]),
        Opening(good.kind, "recipient_name", good.salt, good.value),
        Opening(good.kind, "recipient", good.salt, good.value),
        Opening("opened", good.field, good.salt, good.value),
        Opening(good.kind, good.field, good.salt[:31], good.value),
        Opening(good.kind, good.field, good.salt + b"\0", good.value),
        Opening(good.kind, good.field, good.salt, float("nan")),
    ):
        with pytest.raises(VerificationError):
            verify_opening(event.entry, bad)


def test_an_opening_of_another_entry_opens_nothing() -> None:
    """Also where the value is the same: a salt is good for one field of one entry."""
    with pytest.raises(VerificationError):
        verify_opening(sealed(case="17").entry, sealed(case="17").openings[0])


def test_a_short_salt_is_refused_though_hmac_would_pad_it() -> None:
    """HMAC pads keys with zeros: of salts of any length, two would open one commitment."""
    for salt in (b"", bytes(31), bytes(33), bytes(64)):
        with pytest.raises(InputError):
            commit("x", salt=salt, kind="a", field="b")


def test_neither_salt_nor_value_shows_in_a_repr() -> None:
    opening = sealed(case="Jane Doe").openings[0]
    assert "Jane" not in repr(opening)
    assert opening.salt.hex() not in repr(opening).lower()
    assert repr(opening.salt) not in repr(opening)


@pytest.mark.parametrize(
    ("public", "private"),
    [
        (PUBLIC, {"name": "Ada"}),
        (PUBLIC, {"case": float("inf")}),
        (PUBLIC, {"case": 2**60}),
        (PUBLIC, {"case": object()}),
        (PUBLIC, {"case": "a" * MOST_VALUE_BYTES}),
        ({**PUBLIC, "recipient": "Ada"}, {}),
        ({"packet": "ab" * 32}, {}),
    ],
)
def test_what_cannot_be_sealed_is_refused(public: Any, private: Any) -> None:
    with pytest.raises(InputError):
        seal(KIND, time_s=0, public=public, private=private)


GOOD_FILE = json.loads(Opening("a", "b", bytes(32), None).to_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_are_an_opening_or_the_one_error(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_opening(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b" " * (MOST_VALUE_BYTES + 5000),
        canonical_json(GOOD_FILE).replace(b'"value":null', b'"value":1,"value":null'),
        canonical_json(GOOD_FILE).replace(b'"value":null', b'"value":{"a":1,"a":2}'),
        *(
            canonical_json(GOOD_FILE | change)
            for change in (
                {"version": 2}, {"version": True}, {"schema": "x"}, {"salt": "00"}, {"salt": 0},
                {"kind": None}, {"kind": "\x1b[2J"}, {"kind": ""}, {"field": "A b"},
                {"field": []}, {"more": 1},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_opening_gives_the_one_error(data: bytes) -> None:
    assert parse_opening(canonical_json(GOOD_FILE)).value is None
    with pytest.raises(VerificationError):
        parse_opening(data)


# --- the vault ---------------------------------------------------------------------------------


def test_what_is_kept_is_found_also_by_another_process(vault: SQLiteVault, tmp_path: Path) -> None:
    event = sealed(case={"number": 17})
    vault.keep(event.openings, about="17")
    with SQLiteVault(tmp_path / "vault.sqlite", clock=lambda: 0) as other:
        for opening in event.openings:
            assert other.find(opening.commitment) == opening
        assert other.find("00" * 32) is None


def remains(folder: Path) -> bytes:
    """Every byte of every file: the vault's and what SQLite puts beside it."""
    return b"".join(each.read_bytes() for each in folder.iterdir())


def test_erasing_leaves_a_tombstone_and_no_byte_of_salt_or_value(tmp_path: Path) -> None:
    """The entry stays and verifies; what it was of, the vault's file does not tell any more."""
    path = tmp_path / "vault.sqlite"
    events = [sealed(case=f"case-of-{i}-" + "x" * 50, recipient_name="Ada") for i in range(50)]
    with SQLiteVault(path, clock=lambda: 77) as vault:
        for i, event in enumerate(events):
            # The last dash is needed: a commitment in hex may follow a handle in the file.
            vault.keep(event.openings, about=f"handle-{i}-")
        for i, gone in enumerate(events):
            assert gone.openings[0].salt in path.read_bytes()
            assert vault.erase_about(f"handle-{i}-") == 2
            assert vault.erase_about(f"handle-{i}-") == 0
            left = remains(tmp_path)
            for opening in gone.openings:
                assert opening.salt not in left
                assert vault.find(opening.commitment) == Erased(77)
            assert f"case-of-{i}-".encode() not in left
            assert f"handle-{i}-".encode() not in left
            if i + 1 < len(events):
                kept = events[i + 1].openings[0]
                assert vault.find(kept.commitment) == kept


@pytest.fixture
def twice(tmp_path: Path) -> tuple[Path, Opening, str]:
    """A vault in whose file SQLite left a second copy of a row, as it split a page; its handle.

    A few rows in a thousand have one, which `secure_delete` does not reach. Seeded: each version
    of SQLite always finds the same.
    """
    for seed in range(40):
        random = Random(seed)
        path = tmp_path / f"{seed}" / "vault.sqlite"
        path.parent.mkdir()
        kept = [
            Opening("disclosed@1", "case", random.randbytes(32), "x" * random.randint(0, 60))
            for _ in range(50)
        ]
        with SQLiteVault(path, clock=lambda: 77) as vault:
            for i, opening in enumerate(kept):
                vault.keep([opening], about=f"handle-{i}-")
        written = path.read_bytes()
        for i, opening in enumerate(kept):
            if written.count(opening.salt) > 1:
                return path, opening, f"handle-{i}-"
    pytest.skip("this SQLite leaves no copies behind")


def test_erasing_reaches_the_copies_that_sqlite_left_behind(
    twice: tuple[Path, Opening, str],
) -> None:
    path, opening, handle = twice
    with SQLiteVault(path, clock=lambda: 77) as vault:
        assert vault.erase_about(handle) == 1
        assert opening.salt not in remains(path.parent)
        assert vault.find(opening.commitment) == Erased(77)


def test_an_erasure_that_broke_off_is_finished_at_the_next_opening(
    twice: tuple[Path, Opening, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_: SQLiteVault) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    path, opening, _ = twice
    with SQLiteVault(path, clock=lambda: 77) as vault, monkeypatch.context() as patch:
        patch.setattr(SQLiteVault, "_scrub", disk_full)
        with pytest.raises(StorageError, match="not written anew"):
            vault.erase([opening.commitment])
    assert opening.salt in remains(path.parent)
    with SQLiteVault(path, clock=lambda: 78) as vault:
        assert opening.salt not in remains(path.parent)
        assert vault.find(opening.commitment) == Erased(77)


def test_the_vault_asks_sqlite_for_what_erasing_and_power_cuts_need(vault: SQLiteVault) -> None:
    names = ("synchronous", "journal_mode", "secure_delete", "temp_store")
    asked = [vault._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert asked == [3, "delete", 1, 2]


def test_single_fields_can_be_erased(vault: SQLiteVault) -> None:
    event = sealed(case="17", recipient_name="Ada")
    vault.keep(event.openings)
    first, second = (opening.commitment for opening in event.openings)
    assert vault.erase([first, first, "00" * 32]) == 1
    assert vault.find(first) == Erased(77)
    assert vault.find(second) == event.openings[1]


def test_nothing_is_kept_twice_and_all_or_none(vault: SQLiteVault) -> None:
    event, other = sealed(case="17"), sealed(case="18")
    vault.keep(event.openings)
    with pytest.raises(StorageError):
        vault.keep([*other.openings, event.openings[0]])
    assert vault.find(other.openings[0].commitment) is None
    vault.erase([event.openings[0].commitment])
    with pytest.raises(StorageError):  # what was erased does not come back
        vault.keep([event.openings[0]])


def test_threads_share_a_vault(vault: SQLiteVault) -> None:
    events = [sealed(case=i) for i in range(40)]

    def keep(mine: Sequence[Sealed]) -> None:
        for event in mine:
            vault.keep(event.openings)

    threads = [threading.Thread(target=keep, args=(events[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for event in events:
        assert vault.find(event.openings[0].commitment) == event.openings[0]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_vault_is_for_its_owner_only(vault: SQLiteVault, tmp_path: Path) -> None:
    vault.keep(sealed(case="17").openings)
    assert stat.S_IMODE((tmp_path / "vault.sqlite").stat().st_mode) == 0o600


def test_a_vault_that_is_none_is_an_error_that_says_where(tmp_path: Path) -> None:
    path = tmp_path / "vault.sqlite"
    path.write_bytes(b"this is no database, however long it may be" * 100)
    with pytest.raises(StorageError, match=r"vault\.sqlite"):
        SQLiteVault(path, clock=lambda: 0)
    with pytest.raises(StorageError):
        SQLiteVault(tmp_path / "nowhere" / "vault", clock=lambda: 0)


def test_a_closed_vault_keeps_nothing(tmp_path: Path) -> None:
    vault = SQLiteVault(tmp_path / "vault.sqlite", clock=lambda: 0)
    vault.close()
    with pytest.raises(StorageError):
        vault.keep(sealed().openings)
    with pytest.raises(StorageError):
        vault.find("00" * 32)


class FailingLog:
    """A log whose disk is full; it remembers what the vault held when it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0

    def append(self, entries: Sequence[bytes]) -> range:  # noqa: ARG002
        db = sqlite3.connect(self.path)
        (self.rows,) = db.execute("SELECT count(*) FROM openings").fetchone()
        db.close()
        raise StorageError("the disk is full")


def test_openings_are_durable_before_the_log_is_asked(vault: SQLiteVault, tmp_path: Path) -> None:
    """A crash between the two leaves an opening of no entry, never an entry nobody can open."""
    log = FailingLog(tmp_path / "vault.sqlite")
    with pytest.raises(StorageError, match="full"):
        append_events(log, vault, [sealed(case="17")])
    assert log.rows == 2
