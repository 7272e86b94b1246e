"""Packs, requests and folders of somebody who means harm, or of a program that went wrong."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lawkit import asking, library_of, pack_bytes, pack_of, rules, toml

from countenance.law.cedar import cedar_schema, compile_grant, compile_pack, policies_of, validate
from countenance.law.errors import PackError, RequestError, ScenarioError
from countenance.law.judging import decide
from countenance.law.library import bundled, load_library
from countenance.law.packs import MAX_PACK_BYTES, MAX_RULES, read_pack
from countenance.law.request import Request, load_request, request_of
from countenance.law.scenarios import load_scenarios
from countenance.law.vocabulary import read_vocabulary

cedarpy = pytest.importorskip("cedarpy")
SECONDS = 2.0  # the promise is one; a busy machine may need another


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Nothing here may take long, whatever it is given."""
    began = time.process_time()
    yield
    assert time.process_time() - began < 20 * SECONDS


def refused(data: bytes, *said: str) -> PackError:
    """A pack's bytes are refused, at once and without filling memory."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(PackError) as caught:
        read_pack(data, where="evil.toml")
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 10 * SECONDS  # tracing makes it several times slower
    assert peak < 200 << 20
    text = str(caught.value)
    assert "evil.toml" in text
    assert len(text) < 3000
    for part in said:
        assert part in text
    return caught.value


# --- packs ---------------------------------------------------------------------------------------

DEEP = 5000
HUGE = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "not UTF-8": b'[pack]\nid = "\xff\xfe"',
    "too long": b"#" * (MAX_PACK_BYTES + 1),
    "long comment": b"#" * MAX_PACK_BYTES,
    "deep lists": b"x = " + b"[" * DEEP + b"]" * DEEP,
    "deep tables": b"x = " + b"{a=" * DEEP + b"1" + b"}" * DEEP,
    "deep names": b"[" + b".".join([b"a"] * DEEP) + b"]\n",
    "many tables": b"[[rule]]\n" * (MAX_PACK_BYTES // 10),
    "deep condition": pack_bytes(None, {"when": {"case.number": True}}).replace(
        b'{"case.number" = true}',
        b"{not = " * 500 + b'{"case.number" = true}' + b"}" * 500,
    ),
    "wide condition": pack_bytes(
        None, {"when": {"any": [{"case.number": True}] * (MAX_RULES + 1)}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE.keys())
def test_a_pack_too_large_or_deep_is_refused_at_once(data: bytes) -> None:
    refused(data)


def test_a_pack_of_a_million_rules_is_refused_by_its_length() -> None:
    rule = b'[[rule]]\nid="a"\nkind="prohibit"\nsays="No."\ncite="x"\nacts=["search"]\n'
    refused(pack_bytes() + rule * 1_000_000, "too long")
    many = pack_bytes(None, *({"id": f"r{n}"} for n in range(MAX_RULES + 1)))
    refused(many, f"{MAX_RULES} rules")


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unknown key": ({"command": "rm -rf"}, {}, "command"),
    "unknown key of a rule": ({}, {"exec": "1"}, "rule-0"),
    "number for text": ({}, {"says": 5}, "rule-0"),
    "text for a list": ({}, {"acts": "search"}, "rule-0"),
    "no act": ({}, {"acts": []}, "acts"),
    "an act twice": ({}, {"acts": ["search", "search"]}, "acts"),
    "an act that is none": ({}, {"acts": ["surveil"]}, "acts"),
    "a kind that is none": ({}, {"kind": "allow-all"}, "rule-0"),
    "a fact that is none": ({}, {"when": {"x.y": 1}}, "x.y"),
    "a word that is none": ({}, {"when": {"use.mode": "astral"}}, "use.mode"),
    "a test that is none": ({}, {"when": {"use.mode": {"matches": ".*"}}}, "matches"),
    "NaN": ({}, {"when": {"gallery.size": float("nan")}}, "gallery.size"),
    "infinity": ({}, {"when": {"gallery.size": {"at-most": float("inf")}}}, "gallery.size"),
    "negative": ({}, {"when": {"gallery.size": {"at-most": -1}}}, "gallery.size"),
    "huge": ({}, {"when": {"gallery.size": {"at-most": 2**64}}}, "gallery.size"),
    "yes for one": ({}, {"when": {"gallery.size": True}}, "gallery.size"),
    "words of no order": ({}, {"when": {"use.mode": {"at-least": "live"}}}, "use.mode"),
    "none above": ({}, {"when": {"suspicion.level": {"more-than": "probable-cause"}}}, "leaves"),
    "empty when": ({}, {"when": {}}, "empty"),
    "empty any": ({}, {"when": {"any": []}}, "any"),
    "a must beside a ban": ({}, {"must": {"case.number": True}}, "no `must`"),
    "a must beside a permit": ({}, {"kind": "permit-if", "must": {"case.number": True}}, "must"),
    "a requirement of nothing": ({}, {"kind": "require", "of": "review"}, "requirement"),
    "a limit without one": ({}, {"kind": "gallery-limit"}, "must"),
    "says without a full stop": ({}, {"says": "No"}, "says"),
    "says on two lines": ({}, {"says": "No.\nYes."}, "says"),
    "says with a hidden turn": ({}, {"says": "No \u202e.sey"}, "says"),
    "says too much": ({}, {"says": "No. " * 200 + "."}, "says"),
    "no citation": ({}, {"cite": " "}, "cite"),
    "a duty for ever": ({}, {"duty": {"what": "wait", "within-days": 10**9}}, "time"),
    "a duty before now": ({}, {"duty": {"what": "wait", "within-hours": -1}}, "time"),
    "a day that is none": ({}, {"duty": {"what": "wait", "yearly": "02-30"}}, "yearly"),
    "an item that is none": ({}, {"duty": {"what": "tell", "items": ["gossip"]}}, "gossip"),
    "id with a path": ({"id": "us/xx/../../etc/passwd"}, {}, "no id"),
    "id of the root": ({"id": "/etc/passwd"}, {}, "no id"),
    "id of another place": ({"id": "us/yy/code"}, {}, "not in the jurisdiction"),
    "id too long": ({"id": "us/xx/" + "a" * 500}, {}, "no id"),
    "rule id with a quote": ({}, {"id": 'a") permit'}, "no id"),
    "rule id with a slash": ({}, {"id": "a/b"}, "no id"),
    "ends before it begins": ({"from": __import__("datetime").date(2026, 1, 1),
                               "to": __import__("datetime").date(2025, 1, 1)}, {}, "before"),
    "expired without a day": ({"status": "expired"}, {}, "when it ends"),
    "a vendor without one": ({"level": "vendor"}, {}, "vendor"),
    "a model in force": ({"level": "model"}, {}, "model"),
    "name with a bell": ({"name": "A\x07code"}, {}, "name"),
    "no name": ({"name": ""}, {}, "name"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "rule", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_pack_is_refused_with_its_reason(
    head: dict[str, Any], rule: dict[str, Any], said: str
) -> None:
    error = refused(pack_bytes(head, rule), said)
    if rule and "id" not in rule:
        assert "rule-0" in str(error)


def test_two_rules_of_one_id_are_refused() -> None:
    refused(pack_bytes(None, {"id": "a"}, {"id": "a"}), "rule `a`", "two rules")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_done_to_a_pack_it_is_read_or_refused(data: st.DataObject) -> None:
    good = pack_bytes(None, {"kind": "permit-if", "when": {"use.mode": ["live", "still"]}})
    at = data.draw(st.integers(0, len(good) - 1))
    what = data.draw(
        st.binary(max_size=8) | st.sampled_from([b'"', b"]", b"{", b"\n", b"[[", b"="])
    )
    harmed = good[:at] + what + good[at + data.draw(st.integers(0, 30)) :]
    try:
        pack = read_pack(harmed)
    except PackError as error:
        assert len(str(error)) < 3000  # noqa: PT017
    else:
        assert validate(pack) == []


# --- the Cedar text ------------------------------------------------------------------------------

INJECTION = (
    '"); permit(principal, action, resource);//',
    "\npermit(principal, action, resource);\n",
    "*/ permit(principal, action, resource); /*",
    '\\"); permit(principal, action, resource);',
    "\\",
    '"',
    "日本 ☃ 😀",
    "permit(principal, action, resource);",
    '@id("x") permit(principal, action, resource);',
    "\u2028permit(principal, action, resource);",
    "like * \\* ",
)
_TEXT = st.sampled_from(INJECTION) | st.text(max_size=30)


def policies_in(text: str) -> list[tuple[str, str, int]]:
    """Id, effect and number of conditions of each policy, as Cedar itself parsed them."""
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    assert parsed["templates"] == {}
    return sorted(
        (each["annotations"]["id"], each["effect"], len(each["conditions"]))
        for each in parsed["staticPolicies"].values()
    )


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(rules(), st.data())
def test_no_text_of_a_pack_gets_into_its_policies(
    rule: dict[str, Any], data: st.DataObject
) -> None:
    said = data.draw(_TEXT)
    head = {name: data.draw(_TEXT) for name in ("name", "instrument", "citation", "version")}
    rule = {
        **rule, "says": said + ".", "cite": data.draw(_TEXT), "source": data.draw(_TEXT),
        "note": data.draw(_TEXT), "caution": data.draw(_TEXT),
        "unless": {"engine.vendor": {"mentions": data.draw(_TEXT)},
                   "agency.name": [data.draw(_TEXT), data.draw(_TEXT)]},
    }  # fmt: skip
    try:
        pack = pack_of(head, rule)
    except PackError:
        return
    text = compile_pack(pack) + compile_grant(pack)
    written = [(p.id, p.effect, 1) for p in policies_of(pack)]
    acts = pack.words.acts
    wanted = [*written, *((f"{pack.id}#+{act}", "forbid", 1) for act in acts)]
    assert policies_in(text) == sorted(wanted)
    allowed = {f"{pack.id}#rule-0", f"{pack.id}#rule-0~", *(f"{pack.id}#!{act}" for act in acts)}
    assert {name for name, _, _ in written} <= allowed
    # Outside comments and strings there is nothing but the grammar's own words.
    code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"(?m)^//.*$", "", text))
    assert set(re.findall(r"[a-zA-Z]+", code)) <= {
        "id", "permit", "forbid", "principal", "action", "resource", "in", "Action", "when",
        "unless", "context", "has", "contains", "containsAny", "containsAll", "isEmpty", "like",
        "true", "false",
    }  # fmt: skip


def test_the_injections_reach_the_compiler_at_all() -> None:
    """Some of them are good text for a reader, and are kept from the policies by quoting alone."""
    evil = '"); permit(principal, action, resource);//'
    rule = {"says": evil + ".", "cite": evil, "when": {"engine.vendor": evil}}
    pack = pack_of({"name": evil, "citation": evil}, rule)
    assert [effect for _, effect, _ in policies_in(compile_pack(pack))] == ["forbid"]
    assert validate(pack) == []
    two_lines = pack_of({"name": "A\npermit(principal, action, resource);"})
    assert [effect for _, effect, _ in policies_in(compile_pack(two_lines))] == ["forbid"]
    request = asking({"engine.vendor": evil})
    assert not decide(request, library=library_of(pack), policy=("scenario/law-alone",)).permitted


def test_every_bundled_pack_becomes_exactly_its_policies() -> None:
    schema = cedarpy.Schema.from_str(cedar_schema())
    for pack in bundled().values():
        text = compile_pack(pack)
        wanted = sorted((p.id, p.effect, 1) for p in policies_of(pack))
        assert policies_in(text) == wanted
        assert cedarpy.validate_policies(text + compile_grant(pack), schema).errors == []


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_with_loops_links_pipes_and_others(tmp_path: Path) -> None:
    place = tmp_path / "packs" / "us" / "xx"
    place.mkdir(parents=True)
    (place / "code-1.toml").write_bytes(pack_bytes())
    (place / "loop").symlink_to(tmp_path / "packs", target_is_directory=True)
    (place / "self.toml").symlink_to(place / "self.toml")
    os.mkfifo(place / "pipe.toml")
    (place / "folder.toml").mkdir()
    assert list(load_library(tmp_path / "packs")) == ["us/xx/code-1"]
    (tmp_path / "secret.toml").write_text("password = 'x'")
    (place / "away.toml").symlink_to(tmp_path / "secret.toml")
    with pytest.raises(PackError, match="link that leads out") as caught:
        load_library(tmp_path / "packs")
    assert "password" not in str(caught.value)


def test_a_pack_at_another_place_than_its_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "us").mkdir()
    (tmp_path / "us" / "code-1.toml").write_bytes(pack_bytes())
    with pytest.raises(PackError, match="its place: us/code-1"):
        load_library(tmp_path)
    with pytest.raises(PackError, match="no pack here"):
        load_library(tmp_path / "nowhere")


# --- requests ------------------------------------------------------------------------------------

REQUESTS: dict[str, Any] = {
    "a list": [],
    "a number": 5,
    "unknown key": {"at": "2026-01-01", "sudo": True},
    "key that is no text": {1: 2, "x": 3},
    "no fact": {"facts": {"probe.smell": "x"}},
    "name of a megabyte": {"facts": {"x" * 1_000_000: 1}},
    "value of a megabyte": {"facts": {"agency.name": "x" * 1_000_000}},
    "a word of another fact": {"facts": {"use.mode": "search"}},
    "surrogate": {"facts": {"agency.name": "\ud800"}},
    "control": {"facts": {"agency.name": "a\x00b"}},
    "folds too long": {"facts": {"agency.name": "\ufdfa" * 900}},
    "NaN": {"facts": {"gallery.size": float("nan")}},
    "negative": {"facts": {"gallery.size": -1}},
    "huge": {"facts": {"gallery.size": 10**5000}},
    "yes for a number": {"facts": {"gallery.size": True}},
    "one for yes": {"facts": {"case.number": 1}},
    "word twice over": {"facts": {"use.mode": ["live"]}},
    "set with a list in it": {"facts": {"offence.kinds": [["felony"]]}},
    "stated twice": {"facts": {"use.mode": "live", "use": {"mode": "still"}}},
    "time without zone": {"at": "2026-01-01T10:00:00"},
    "time in no zone": {"at": "2026-01-01T10:00:00+23:00"},
    "time long ago": {"at": "0001-01-01"},
    "time that ends time": {"at": "9999-12-31T23:59:59-14:00"},
    "no time": {"at": "soon"},
    "seconds as time": {"at": 10**12},
    "place of a path": {"jurisdictions": ["../../etc"]},
    "place that is none": {"jurisdictions": ["US"]},
    "text for places": {"jurisdictions": "us/xx"},
    "too many places": {"jurisdictions": ["us/xx"] * 1000},
    "place of a megabyte": {"jurisdictions": ["a" * 1_000_000]},
}


@pytest.mark.parametrize("value", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_bad_request_is_refused(value: Any) -> None:
    began = time.process_time()
    with pytest.raises(RequestError) as caught:
        request_of(value)
    assert time.process_time() - began < SECONDS
    assert len(str(caught.value)) < 1500
    str(caught.value).encode()


def test_a_request_made_by_hand_is_checked_too() -> None:
    with pytest.raises(RequestError, match=r"offence\.kinds"):
        Request(facts={"offence.kinds": "felony"})
    with pytest.raises(RequestError, match="zone"):
        Request(at=__import__("datetime").datetime(2026, 1, 1))


def test_a_request_nested_in_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    with pytest.raises(RequestError, match="no fact"):
        request_of({"facts": loop})


FILES = {
    "a.json": b'{"facts": {"use.mode": "live", "use.mode": "still"}}',
    "b.json": b"[" * 100_000,
    "c.json": b'{"facts": {"gallery.size": 1e999}}',
    "d.json": b'{"facts": {"gallery.size": ' + b"9" * 5000 + b"}}",
    "e.json": b'{"at": "2026-01-01"',
    "f.toml": b"x = " + b"[" * 100_000,
    "g.toml": b"\xff",
    "h.toml": b"#" * (1 << 20),
    "i.toml": b"facts.gallery.size = 0x" + b"f" * 5000,
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_request_file_is_refused_with_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    with pytest.raises(RequestError) as caught:
        load_request(tmp_path / name)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_a_request_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        load_request(tmp_path / "none.toml")


# --- scenarios and vocabularies ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["x = 1", "[[scenario]]\ntitle = 1", 'scenario = "x"', "[[scenario]]", "\udcff", "[" * 5000,
     '[[scenario]]\ntitle="a"\nlike="nobody"\nexpect=[{decision="deny"}]',
     '[[scenario]]\ntitle="a"\nexpect=[{decision="allow"}]',
     '[[scenario]]\ntitle="a"\nexpect=[]',
     '[[scenario]]\ntitle="a"\nfacts.x.y=1\nexpect=[{decision="deny"}]'],
)  # fmt: skip
def test_a_bad_scenario_file_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "bases.toml").write_text("[search]\nfacts.act = 'search'\n")
    (tmp_path / "bad.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises((ScenarioError, RequestError)) as caught:
        load_scenarios(tmp_path)
    assert "bad" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "x = 1", '["act"]\nask = "?"', '["act"]\nask = "What?"\none-of = []',
     '["act"]\nask = "What?"\none-of = ["a", "a"]', '["act"]\nask = "What?"\none-of = ["a\\"b"]',
     '["act"]\nask = "What?"\none-of = ["a"]\n["act.b"]\nask = "?"\ntype = "text"',
     '["act"]\nask = "What?"\none-of = ["a"]\n["b c"]\nask = "?"\ntype = "text"',
     '["act"]\nask = "What?"\ntype = "regex"', "[" * 5000],
)  # fmt: skip
def test_a_bad_vocabulary_is_refused(text: str) -> None:
    with pytest.raises(PackError, match="vocabulary"):
        read_vocabulary(text.encode())


def test_toml_of_the_tests_is_toml() -> None:
    import tomllib

    value = {"a": [1, True, 'x"\\\n\t'], "b": {"c d": "é"}}
    assert tomllib.loads(f"v = {toml(value)}")["v"] == value
