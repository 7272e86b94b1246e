"""Encryption at rest: what is erased is gone, and no box opens out of its place."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.core import InputError, IntegrityError
from countenance.desk.secrets_at_rest import DataKey, ErasedError, Secrets
from countenance.desk.store import Store

NOW = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC)
KEYS = Secrets(bytes(range(32)))


def sealed(store: Store, about: str, clear: bytes, purpose: str = "probe 1") -> bytes:
    return store.write(lambda db: KEYS.seal(db, about, clear, purpose=purpose, now=NOW))


def opened(
    store: Store, about: str, box: bytes, purpose: str = "probe 1", keys: Secrets = KEYS
) -> bytes:
    return store.write(lambda db: keys.open(db, about, box, purpose=purpose))


def test_what_is_sealed_is_opened_and_no_clear_text_is_in_the_database(
    store: Store, tmp_path: Path
) -> None:
    clear = b"a very particular sentence" * 10
    box = sealed(store, "case-1", clear)
    assert opened(store, "case-1", box) == clear
    assert clear[:26] not in box
    with store.reading() as db:
        row = db.get(DataKey, "case-1")
        assert row is not None
        assert row.wrapped is not None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
          max_examples=40)  # fmt: skip
@given(at=st.integers(0, 60), flip=st.integers(1, 255))
def test_a_changed_box_does_not_open(store: Store, at: int, flip: int) -> None:
    box = bytearray(sealed(store, "case-1", bytes(40)))
    box[at % len(box)] ^= flip
    with pytest.raises(IntegrityError):
        opened(store, "case-1", bytes(box))


def test_a_box_opens_nowhere_else(store: Store) -> None:
    box = sealed(store, "case-1", b"x")
    sealed(store, "case-2", b"y")
    for about, purpose in (("case-2", "probe 1"), ("case-1", "probe 2"), ("none", "probe 1")):
        with pytest.raises(IntegrityError):
            opened(store, about, box, purpose)
    for short in (b"", b"\x01", b"\x01" + bytes(12), b"\x02" + box[1:]):
        with pytest.raises(IntegrityError):
            opened(store, "case-1", short)


def test_handle_and_purpose_cannot_be_shifted_into_each_other(store: Store) -> None:
    box = sealed(store, "ab", b"x", "c")
    sealed(store, "a", b"x", "z")
    with pytest.raises(IntegrityError):
        opened(store, "a", box, "bc")


def test_a_wrapped_key_moved_to_another_row_does_not_unwrap(store: Store) -> None:
    box = sealed(store, "case-1", b"x")
    sealed(store, "case-2", b"y")

    def swap(db):  # type: ignore[no-untyped-def]
        one, two = db.get(DataKey, "case-1"), db.get(DataKey, "case-2")
        one.wrapped, two.wrapped = two.wrapped, one.wrapped

    store.write(swap)
    with pytest.raises(IntegrityError):
        opened(store, "case-1", box)


def test_erased_is_gone_and_the_handle_is_not_used_again(store: Store) -> None:
    box = sealed(store, "case-1", b"x")
    assert store.write(lambda db: KEYS.destroy(db, "case-1", now=NOW))
    assert not store.write(lambda db: KEYS.destroy(db, "case-1", now=NOW))
    with pytest.raises(ErasedError):
        opened(store, "case-1", box)
    with pytest.raises(ErasedError):
        sealed(store, "case-1", b"y")
    assert not store.write(lambda db: KEYS.destroy(db, "case-9", now=NOW))
    with pytest.raises(ErasedError):
        sealed(store, "case-9", b"y")


def test_another_master_key_opens_nothing_until_keys_are_brought_under_it(store: Store) -> None:
    other = Secrets(KEYS.successor())
    boxes = {f"case-{n}": sealed(store, f"case-{n}", b"%d" % n) for n in range(5)}
    store.write(lambda db: KEYS.destroy(db, "case-4", now=NOW))
    with pytest.raises(IntegrityError):
        opened(store, "case-1", boxes["case-1"], keys=other)
    done = [store.write(lambda db: KEYS.rewrap(db, other, most=3)) for _ in range(3)]
    assert done == [3, 1, 0]
    assert opened(store, "case-1", boxes["case-1"], keys=other) == b"1"
    with pytest.raises(IntegrityError):
        opened(store, "case-1", boxes["case-1"])
    with pytest.raises(ErasedError):
        opened(store, "case-4", boxes["case-4"], keys=other)


def test_the_master_key_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(InputError):
        Secrets.from_file(path)
    path.write_bytes(bytes(32))
    path.chmod(0o640)
    with pytest.raises(InputError, match="others"):
        Secrets.from_file(path)
    path.chmod(0o600)
    assert Secrets.from_file(path).name == Secrets(bytes(32)).name
    path.write_bytes(KEYS.successor())
    assert Secrets.from_file(path).fingerprint("a", purpose="b") == KEYS.fingerprint(
        "a", purpose="b"
    )
    for wrong in (b"", bytes(31), bytes(33), bytes(63), bytes(65)):
        path.write_bytes(wrong)
        with pytest.raises(InputError):
            Secrets.from_file(path)
    assert "00" * 8 not in repr(Secrets(bytes(32)))


def test_a_master_key_that_would_find_nobody_again_is_refused(store: Store) -> None:
    sealed(store, "case-1", b"x")
    for other in (Secrets(bytes(32)), Secrets(bytes(64))):
        with pytest.raises(InputError, match="find"):
            store.write(lambda db, other=other: KEYS.rewrap(db, other))
    one, two = Secrets(KEYS.successor()), Secrets(KEYS.successor())
    assert len({KEYS.name, one.name, two.name}) == 3
    assert store.write(lambda db: KEYS.rewrap(db, one)) == 1
    assert store.write(lambda db: one.rewrap(db, two)) == 1
    assert two.fingerprint("a", purpose="b") == KEYS.fingerprint("a", purpose="b")
