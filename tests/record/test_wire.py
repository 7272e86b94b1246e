"""The quick way to canonical JSON and the plain one are one way."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countenance.core import canonical_json
from countenance.record import wire
from countenance.record.wire import MAX_EXACT, read_json, write_json

# Everything `json` takes, and what it takes for something else than RFC 8785 does.
KEYS = st.text(max_size=4) | st.text("ab~\x7f\x00é\ud800\U0001f600\uffff", max_size=2)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | KEYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(KEYS | st.integers(-2, 2) | st.booleans() | st.none(), inner, max_size=4)
    ),
    max_leaves=8,
)


def plain(value: Any) -> bytes | None:
    """By the reference implementation; None for what has no canonical form."""
    try:
        return canonical_json(value)
    except ValueError:
        return None


def quick(value: Any) -> bytes | None:
    try:
        return write_json(value)
    except ValueError:
        return None


@given(ANY)
@example({1: "a", "1": "b"})
@example({"b": 1.0, "a": -0.0})
@example([MAX_EXACT, -MAX_EXACT])
@example([MAX_EXACT + 1])
@example({"\ue000": 1, "\U00010000": 2})  # UTF-16 sorts these the other way round
@example('\x00\x1f\x7f\\"/\b\f\n\r\t')
@example({True: 1})
@example(({"a": (1,)},))
@example("\ud800")
def test_both_ways_write_the_same_or_refuse_the_same(value: Any) -> None:
    assert quick(value) == plain(value)


def test_what_is_no_json_is_refused_as_before() -> None:
    class Kind(enum.IntEnum):
        ONE = 1

    assert quick({"a": Kind.ONE}) == plain({"a": Kind.ONE}) == b'{"a":1}'
    for value in (object(), b"x", {1, 2}, [object()], 2**53, float("nan"), {b"k": 1}):
        with pytest.raises(ValueError):  # noqa: PT011 - whichever the library has
            write_json(value)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises((ValueError, RecursionError)):
        write_json(endless)


def test_most_values_do_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would compare a function with itself."""

    def never(value: Any) -> bytes:
        raise AssertionError(value)

    monkeypatch.setattr(wire, "canonical_json", never)
    value = {"z": [1, "two", None, True], "a": {"b": "\x7f\n"}}
    assert json.loads(write_json(value)) == value
    with pytest.raises(AssertionError):
        write_json({"é": 1})


@pytest.mark.parametrize(
    "data",
    [b"", b"1.0", b"1e3", b"NaN", b"-Infinity", b"%d" % (MAX_EXACT + 1), b"9" * 5000, b"\xff",
     b"\xef\xbb\xbf1", b"1 2", b'"\xed\xa0\x80"', "1".encode("utf-16")],
)  # fmt: skip
def test_only_exact_numbers_in_utf8_are_read(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever the library has
        read_json(data)
