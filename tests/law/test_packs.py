"""Packs as values: what a file's lines become."""

from __future__ import annotations

import datetime
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lawkit import asking, pack_bytes, pack_of

from countenance.law.conditions import NEVER, Atom, holds
from countenance.law.errors import PackError
from countenance.law.library import bundled
from countenance.law.packs import Kind, Tag, Window, load_pack, read_pack
from countenance.law.schema import schemas
from countenance.law.vocabulary import vocabulary

DAYS = st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1))


def test_what_a_rule_leaves_out_is_its_packs() -> None:
    pack = pack_of(
        {
            "from": datetime.date(2024, 1, 1), "to": datetime.date(2027, 1, 1),
            "checked": {
                "tag": "V2", "source": "a page", "on": datetime.date(2026, 1, 1), "by": "us"
            },
        },
        {"id": "plain"},
        {"id": "own", "tag": "U", "source": "memory", "from": datetime.date(2025, 1, 1),
         "to": datetime.date(2030, 1, 1), "checked-on": datetime.date(2026, 2, 2)},
    )  # fmt: skip
    plain, own = pack.rules
    assert (plain.checked.tag, plain.checked.source) == (Tag.SECOND_HAND, "a page")
    assert plain.window == pack.window
    assert (own.checked.tag, own.checked.source, own.checked.by) == (
        Tag.UNVERIFIED,
        "memory",
        "us",
    )
    assert own.window == Window(datetime.date(2025, 1, 1), datetime.date(2027, 1, 1))
    assert own.checked.on == datetime.date(2026, 2, 2)
    assert own.id == "us/xx/code-1#own"
    assert pack.rule("own") is own
    with pytest.raises(KeyError):
        pack.rule("none")


@given(st.none() | DAYS, st.none() | DAYS, DAYS)
def test_a_window_and_its_condition_say_the_same(
    start: datetime.date | None, end: datetime.date | None, day: datetime.date
) -> None:
    window = Window(start, end)
    number = day.year * 10_000 + day.month * 100 + day.day
    assert holds(window.condition, {"as-of": number}) is window.holds(day)


def test_a_law_begins_on_its_first_day_and_has_ended_on_the_day_named() -> None:
    window = Window(datetime.date(2022, 7, 1), datetime.date(2026, 7, 1))
    for day, inside in (
        ((2022, 6, 30), False),
        ((2022, 7, 1), True),
        ((2026, 6, 30), True),
        ((2026, 7, 1), False),
    ):
        assert window.holds(datetime.date(*day)) is inside


# What a rule of each kind does where it applies, `must` holds or not.
BROKEN = [
    ("prohibit", {}, True),
    ("live-ban", {}, True),
    ("prohibit", {"duty": {"what": "stop"}}, True),
    ("permit-if", {}, False),
    ("penalty", {"duty": {"what": "fine"}}, False),
    ("require", {"of": "review", "must": {"case.number": True}}, None),
    ("require", {"of": "review", "duty": {"what": "tell"}}, False),
    ("require", {"of": "review", "must": {"case.number": True}, "duty": {"what": "tell"}}, None),
    ("retention", {"duty": {"what": "delete", "keep-days": 30}}, False),
    ("retention", {"must": {"case.number": True}}, None),
    ("gallery-limit", {"must": {"case.number": True}}, None),
    ("no-sole-basis", {"must": {"case.number": True}}, None),
]


@pytest.mark.parametrize(("kind", "more", "broken"), BROKEN)
def test_when_a_rule_is_broken(kind: str, more: dict[str, Any], broken: bool | None) -> None:
    rule = pack_of(None, {"kind": kind, **more}).rules[0]
    assert holds(rule.broken, {}) is broken
    assert holds(rule.broken, {"case.number": True}) is bool(broken)
    if broken is None:
        assert holds(rule.broken, {"case.number": False}) is True
    if broken is False:
        assert rule.broken == NEVER


def test_only_a_verified_ground_grants() -> None:
    for tag, grants in (("V", True), ("V2", True), ("U", False)):
        assert pack_of(None, {"kind": "permit-if", "tag": tag}).rules[0].grants is grants
    assert not pack_of(None, {"kind": "prohibit"}).rules[0].grants


def test_a_vendors_terms_turn_on_the_vendor() -> None:
    vendor = {"id": "vendor/acme/terms", "jurisdiction": "vendor/acme", "level": "vendor",
              "status": "contract"}  # fmt: skip
    rule = pack_of(vendor).rules[0]
    assert rule.scope == Atom("engine.vendor", "mentions", ("acme",))
    for name, truth in (("ACME Face Ltd.", True), ("other", False), (None, None)):
        facts = asking({} if name is None else {"engine.vendor": name}).facts
        assert holds(rule.broken, facts) is truth


def test_packs_are_the_same_where_bytes_and_words_are() -> None:
    data = pack_bytes()
    assert read_pack(data) == read_pack(data)
    assert hash(read_pack(data)) == hash(read_pack(data))
    assert read_pack(data) != read_pack(data + b"\n")
    assert read_pack(data) != data


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"none\.toml.*cannot be read"):
        load_pack(tmp_path / "none.toml")


def _json(value: Any) -> Any:
    match value:
        case dict():
            return {key: _json(part) for key, part in value.items()}
        case list():
            return [_json(part) for part in value]
        case datetime.date():
            return value.isoformat()
        case _:
            return value


def test_the_schema_takes_every_bundled_pack_and_no_unknown_word() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    every = schemas()
    for schema in every.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(every["pack"])
    for pack in bundled().values():
        assert list(valid.iter_errors(_json(tomllib.loads(pack.text.decode())))) == []
    bad_rules: list[dict[str, Any]] = [
        {"when": {"use.mode": "astral"}}, {"when": {"x": 1}}, {"acts": ["fly"]}, {"exec": "x"},
        {"kind": "allow"}, {"when": {"use.mode": {"mentions": "a"}}},
    ]  # fmt: skip
    for rule in bad_rules:
        bad = _json(tomllib.loads(pack_bytes(None, rule).decode()))
        assert list(valid.iter_errors(bad))
    asked = jsonschema.Draft202012Validator(every["request"])
    assert list(asked.iter_errors(asking({"use.mode": "live"}).to_json())) == []
    assert list(asked.iter_errors({"facts": {"use": {"mode": "live"}}})) == []
    assert list(asked.iter_errors({"facts": {"use": {"mode": "astral"}}}))
    json.dumps(every, allow_nan=False)


@pytest.mark.parametrize("pack_id", list(bundled()))
def test_every_bundled_pack_says_where_it_was_read(pack_id: str) -> None:
    pack = bundled()[pack_id]
    assert pack.words is vocabulary()
    for rule in pack:
        assert rule.checked.source.strip()
        assert rule.cite.strip()
        assert rule.checked.on <= datetime.date(2027, 1, 1)
        assert rule.kind in Kind
