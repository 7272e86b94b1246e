"""Entries: what may be said in the open, in one form only, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, canonical_json
from countenance.record.commitments import seal
from countenance.record.counts import count_public
from countenance.record.entries import (
    LAST_S,
    MOST_BYTES,
    Entry,
    EventKind,
    Field,
    format_time,
    make_entry,
    parse_entry,
)
from countenance.record.errors import VerificationError
from countenance.record.kinds import KINDS, newest

DIGEST = "ab" * 32
GOOD: dict[str, Any] = {
    "code": "booking-2026",
    "codes": ["ny@3", "us/fed@1"],
    "digest": DIGEST,
    "count": 12,
    "flag": True,
    "time": "2026-11-23T16:30:00Z",
    "place": "US-NY",
    "statement": "a signed note\n",
}
BAD: dict[str, list[Any]] = {
    "code": ["Jane Doe", "", "a" * 65, "-a", "a-", "é", 5, None, ["a"], "a\n"],
    "codes": [["b", "a"], ["a", "a"], "a", ["A"], [1], [["a"]], [f"{i:03}" for i in range(65)]],
    "digest": ["AB" * 32, "ab" * 31, "ab" * 32 + "\n", 0],
    "count": [-1, 2**53, True, "1", None],
    "flag": [0, 1, "true", None],
    "time": ["2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T16:30:00+01:00", 0,
             "2026-11-23T24:00:00Z", "٢٠٢٦-11-23T16:30:00Z"],
    "place": ["us", "USA", "US-", "US-TOOLONG", "US\n"],
    "statement": ["", "no newline", "\x00\n", "a" * 8192 + "\n", 1],
}  # fmt: skip


def nested(depth: int) -> Any:
    """Lists in one another; canonical_json writes no more of them than the stack takes."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def valid(kind: EventKind) -> dict[str, Any]:
    return {
        name: field.choices[0] if field.choices else GOOD[field.type]
        for name, field in kind.public.items()
    }


def event(name: str = "search-decided", **public: Any) -> Entry:
    kind = newest(name)
    assert kind is not None
    return seal(kind, time_s=1_790_000_000, public=valid(kind) | public, private={}).entry


def changed(**changes: Any) -> bytes:
    return canonical_json(event().to_json() | changes)


@pytest.mark.parametrize("name", KINDS)
def test_an_event_of_every_kind_comes_back_as_it_went(name: str) -> None:
    entry = event(name)
    assert parse_entry(entry.to_bytes()) == entry
    assert entry.known
    assert entry.time_s == 1_790_000_000


def test_the_bytes_of_an_entry_are_these() -> None:
    """The form is for ever: entries written today must be read by every later version."""
    kind = EventKind("opened", 1, "", {"fields": Field("count"), "basis": Field("code")}, ())
    entry = make_entry(kind, time_s=0, public={"fields": 1, "basis": "court"}, sealed={})
    assert entry.to_bytes() == (
        b'{"public":{"basis":"court","fields":1},"schema":"countenance-record/opened",'
        b'"sealed":{},"time":"1970-01-01T00:00:00Z","version":1}'
    )


@pytest.mark.parametrize(("type_", "value"), [(t, v) for t, vs in BAD.items() for v in vs])
def test_a_public_field_takes_its_type_and_no_free_text(type_: str, value: Any) -> None:
    kind = EventKind("kind", 1, "", {"field": Field(type_)})
    kinds = {"kind": (kind,)}
    good = make_entry(kind, time_s=0, public={"field": GOOD[type_]}, sealed={})
    assert parse_entry(good.to_bytes(), kinds=kinds) == good
    with pytest.raises(InputError):
        make_entry(kind, time_s=0, public={"field": value}, sealed={})
    wrong = good.to_json() | {"public": {"field": value}}
    text = json.dumps(wrong, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with pytest.raises(VerificationError):
        parse_entry(text.encode(), kinds=kinds)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'"\\ud800"',
        b"1" * 5000,
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"a":1.5}',
        b"NaN",
        b"9" * 20,
        b" " * (MOST_BYTES + 1),
        event().to_bytes() + b"\n",
        b" " + event().to_bytes(),
        json.dumps(event().to_json()).encode(),
        event().to_bytes().replace(b'"version":1', b'"version":1,"version":1'),
        event().to_bytes().replace(b'"version":1', b'"version":1.0'),
        event().to_bytes().replace(b"search", b"se\\u0061rch"),
        changed(version=0),
        changed(version=True),
        changed(version="1"),
        changed(schema="countenance-record/Search"),
        changed(schema="other/search-decided"),
        changed(schema=7),
        changed(time="now"),
        changed(time="1969-12-31T23:59:59Z"),
        changed(time="0001-01-01T00:00:00Z"),
        changed(time="2026-11-23T24:00:00Z"),
        changed(time="2026-11-31T16:30:00Z"),
        changed(schema="countenance-record/new", public={"f": nested(15)}),
        changed(schema="countenance-record/new", more=nested(900)),
        changed(public=[]),
        changed(sealed={}),
        changed(sealed={"case": "name"}),
        changed(sealed={"case": DIGEST, "decider": DIGEST, "facts": DIGEST}),
        changed(sealed={"case": DIGEST, "decider": DIGEST, "facts": DIGEST, "more": DIGEST}),
        changed(remark="Jane Doe"),
        changed(public={**event().public, "name": "jane"}),
        changed(public={}),
        changed(schema="countenance-record/new", public={f"f{i}": 1 for i in range(65)}),
        changed(schema="countenance-record/new", public={"Not A Name": 1}),
    ],
)  # fmt: skip
def test_what_is_no_entry_gives_the_one_error(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_entry(data)


def test_how_deep_an_entry_from_elsewhere_may_be_is_not_a_matter_of_the_stack() -> None:
    deepest = changed(schema="countenance-record/new", public={"f": nested(14)})
    assert not parse_entry(deepest).known
    deeper = changed(schema="countenance-record/new", public={"f": nested(15)})

    def parse(frames: int) -> None:
        if frames:
            parse(frames - 1)
        else:
            with pytest.raises(VerificationError, match="nested"):
                parse_entry(deeper)

    parse(0)
    parse(200)


@given(st.integers(0, LAST_S))
def test_every_time_that_is_written_is_read_and_the_other_way_round(time_s: int) -> None:
    written = format_time(time_s)
    entry = parse_entry(changed(time=written))
    assert entry.time_s == time_s
    assert format_time(entry.time_s) == written


@given(st.binary(max_size=300))
def test_any_bytes_give_an_entry_or_the_one_error(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_entry(data)


@given(st.data())
def test_an_entry_with_any_byte_changed_never_passes_for_another_writing_of_itself(
    data: st.DataObject,
) -> None:
    whole = bytearray(event().to_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        entry = parse_entry(bytes(whole))
    except VerificationError:
        return
    assert entry.to_bytes() == bytes(whole)


WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) - 2, 2**53 + 2) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(value=WRITTEN, ascii_only=st.booleans())
def test_what_is_read_is_canonical_and_what_is_canonical_is_read(
    value: Any, ascii_only: bool
) -> None:
    """In an entry from elsewhere, which may hold anything, against the reference writer."""
    whole = event().to_json() | {"version": 2, "more": value}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only)
    try:
        data = text.encode()
        canonical = canonical_json(whole) == data
    except ValueError:  # a lone surrogate, or a number that is not exact everywhere
        data, canonical = text.encode("utf-8", "surrogatepass"), False
    try:
        assert not parse_entry(data).known
    except VerificationError:
        assert not canonical
    else:
        assert canonical


def test_what_a_newer_program_wrote_is_read_as_far_as_its_envelope_goes() -> None:
    for changes in ({"version": 2}, {"schema": "countenance-record/of-tomorrow"}):
        entry = parse_entry(changed(**changes, public={"anything": {"at": ["all"]}}))
        assert not entry.known
    more = parse_entry(changed(version=2, signature="x"))
    assert (more.kind, more.known) == ("search-decided", False)


def test_versions_of_a_kind_stand_side_by_side() -> None:
    old = EventKind("kind", 1, "", {"a": Field("count")})
    new = EventKind("kind", 3, "", {"b": Field("count")})
    kinds = {"kind": (old, new)}
    for kind, public in ((old, {"a": 1}), (new, {"b": 1})):
        entry = make_entry(kind, time_s=0, public=public, sealed={})
        assert parse_entry(entry.to_bytes(), kinds=kinds).known
    never = Entry("kind", 2, format_time(0), {"a": 1}, {})
    with pytest.raises(VerificationError, match="no version 2"):
        parse_entry(never.to_bytes(), kinds=kinds)
    assert newest("kind", kinds=kinds) is new
    assert newest("none", kinds=kinds) is None


def test_an_entry_that_no_bundle_can_hold_is_refused() -> None:
    kind = EventKind("kind", 1, "", {f"f{i}": Field("codes") for i in range(30)})
    codes = [f"{i:064}" for i in range(64)]
    with pytest.raises(InputError, match="too long"):
        make_entry(kind, time_s=0, public=dict.fromkeys(kind.public, codes), sealed={})


@pytest.mark.parametrize("time_s", [-1, LAST_S + 1, 10**30])
def test_a_time_without_a_form_is_refused(time_s: int) -> None:
    with pytest.raises(InputError):
        format_time(time_s)


def test_every_kind_of_this_project_is_sound() -> None:
    for name, versions in KINDS.items():
        assert [kind.version for kind in versions] == sorted({k.version for k in versions})
        for kind in versions:
            assert kind.name == name
            assert kind.says
            assert not set(kind.public) & set(kind.sealed)
            assert all(field.type in GOOD for field in kind.public.values())


def test_the_public_counts_need_nothing_opened() -> None:
    counts = count_public(
        [
            event(decision="refused", reason="no-audit"),
            event(decision="refused", reason="no-audit", jurisdiction="US"),
            event(decision="permitted", reason="ny/4"),
            event("search-returned", candidates=0),
            event("search-returned", candidates=3),
            parse_entry(changed(schema="countenance-record/of-tomorrow")),
        ]
    )
    assert counts.to_json() == {
        "entries": 6,
        "unknown": 1,
        "kinds": {"of-tomorrow": 1, "search-decided": 3, "search-returned": 2},
        "months": {"2026-09": 6},
        "decisions": {"US": {"refused": 1}, "US-NY": {"permitted": 1, "refused": 1}},
        "reasons": {"no-audit": 2},
        "lists": 2,
        "empty_lists": 1,
        "candidates": 3,
    }
