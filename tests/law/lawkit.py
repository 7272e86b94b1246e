"""What the tests of this room share: packs written as values, and strategies that make them."""

from __future__ import annotations

import datetime
import json
from typing import Any

from hypothesis import strategies as st

from countenance.law.library import Library, bundled
from countenance.law.packs import Pack, read_pack
from countenance.law.request import Request, request_of
from countenance.law.scenarios import law_alone
from countenance.law.vocabulary import Kind, vocabulary

ALONE = ("scenario/law-alone",)
WORDS = vocabulary()
# One fact of every kind, and a rising one: enough for anything the logic could get wrong.
FACTS = (
    *("case.number", "use.mode", "suspicion.level", "gallery.size", "offence.kinds"),
    *("engine.vendor", "probe.edited", "use.purpose", "gallery.sources"),
)
TEXTS = ("acme", "acme face", "other", 'a "quoted" \\ back*slash', "straße", "日本")
NUMBERS = (0, 1, 5, 6, 100, 2**53 - 1)


def toml(value: Any) -> str:
    """A value as inline TOML."""
    match value:
        case bool():
            return str(value).lower()
        case datetime.date():
            return value.isoformat()
        case int() | float():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            parts = (f"{toml(key)} = {toml(part)}" for key, part in value.items())
            return "{" + ", ".join(parts) + "}"
    raise TypeError(value)


def pack_bytes(head: dict[str, Any] | None = None, *rules: dict[str, Any]) -> bytes:
    """A pack's file; what is not said is harmless."""
    whole = {
        "id": "us/xx/code-1", "name": "A code", "jurisdiction": "us/xx", "level": "state",
        "instrument": "An act", "citation": "Code § 1", "status": "in-force", "version": "1",
        "summary": "It says something.",
        "checked": {"tag": "V", "source": "the text", "on": datetime.date(2026, 1, 1)},
        **(head or {}),
    }  # fmt: skip
    lines = ["[pack]", *(f"{toml(k)} = {toml(v)}" for k, v in whole.items() if v is not None)]
    for n, rule in enumerate(rules or ({},)):
        full = {
            "id": f"rule-{n}", "kind": "prohibit", "says": f"Rule {n} forbids it.",
            "cite": f"Code § 1({n})", "acts": ["search"], **rule,
        }  # fmt: skip
        lines += [
            "[[rule]]",
            *(f"{toml(k)} = {toml(v)}" for k, v in full.items() if v is not None),
        ]
    return "\n".join(lines).encode()


def pack_of(head: dict[str, Any] | None = None, *rules: dict[str, Any]) -> Pack:
    """The same, read."""
    return read_pack(pack_bytes(head, *rules))


def library_of(*packs: Pack) -> Library:
    """These packs, the policy that grants everything, and the model."""
    return Library([*packs, law_alone(), bundled()["model"]])


def asking(facts: dict[str, Any] | None = None, **other: Any) -> Request:
    """A request to search in us/xx on a day of 2026."""
    return request_of(
        {
            "at": "2026-03-01", "jurisdictions": ["us/xx"],
            "facts": {"act": "search", "behalf.of": "own-agency", **(facts or {})}, **other,
        }
    )  # fmt: skip


def values(name: str) -> st.SearchStrategy[Any]:
    """Values of a fact, as a request states them."""
    fact = WORDS[name]
    match fact.kind:
        case Kind.YES_NO:
            return st.booleans()
        case Kind.NUMBER:
            return st.sampled_from(NUMBERS)
        case Kind.TEXT:
            return st.sampled_from(TEXTS)
        case Kind.ONE_OF:
            return st.sampled_from(fact.words[:6])
        case _:
            return st.lists(st.sampled_from(fact.words[:5]), unique=True)


def known(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these facts, stated."""
    names = names or FACTS
    return st.fixed_dictionaries({}, optional={name: values(name) for name in names})


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, Any]:
    """One line of a condition: a fact and what it must be."""
    name = draw(st.sampled_from(FACTS))
    fact = WORDS[name]
    single = st.sampled_from(fact.words[:5]) if fact.words else values(name)
    several = st.lists(single, min_size=1, max_size=3, unique=True)
    tests: dict[str, st.SearchStrategy[Any]] = {"not": single | several}
    if fact.kind is Kind.SOME_OF:
        tests |= {"any-of": several, "includes": several, "none-of": several,
                  "only": st.just([]) | several}  # fmt: skip
    elif fact.kind is Kind.TEXT:
        tests["mentions"] = single | several
    elif fact.kind is Kind.NUMBER:
        tests |= dict.fromkeys(("at-least", "at-most", "more-than", "less-than"), single)
    elif fact.rising:
        tests |= {"at-least": single, "at-most": single}
    table = st.sampled_from(sorted(tests)).flatmap(lambda w: st.fixed_dictionaries({w: tests[w]}))
    return name, draw(single | several | table)


def _table(part: Any) -> Any:
    """A list within a list has to be a table there."""
    return {"any": part} if isinstance(part, list) else part


def conditions() -> st.SearchStrategy[Any]:
    """Conditions as a pack writes them."""
    table = st.lists(lines(), min_size=1, max_size=3).map(dict)
    return st.recursive(
        table,
        lambda inner: st.one_of(
            st.lists(inner.map(_table), min_size=1, max_size=3),
            st.builds(lambda part: {"not": part}, inner),
            st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(
                lambda parts, more: {"all": parts, **more},
                st.lists(inner, min_size=1, max_size=3), table,
            ),
        ),
        max_leaves=5,
    )  # fmt: skip


_DAYS = st.sampled_from([datetime.date(y, m, 1) for y in (2024, 2025, 2026, 2027) for m in (1, 7)])
DUTY = {"what": "two-reviewers"}


_KINDS = ("prohibit", "live-ban", "permit-if", "permit-if", "require", "retention",
          "gallery-limit", "no-sole-basis", "penalty")  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule of any kind."""
    kind = draw(st.sampled_from(_KINDS))
    rule: dict[str, Any] = {
        "kind": kind,
        "acts": draw(
            st.lists(st.sampled_from(["search", "ask", "rely"]), min_size=1, unique=True)
        ),
        "tag": draw(st.sampled_from(["V", "V", "V2", "U"])),
    }
    for name in ("when", "unless"):
        rule[name] = draw(st.none() | conditions())
    if kind in ("gallery-limit", "no-sole-basis"):
        rule["must"] = draw(conditions())
    elif kind in ("require", "retention"):
        rule["must"] = draw(st.none() | conditions())
        rule["of"] = "review" if kind == "require" else None
    attaches = draw(st.sampled_from(["permit", "deny", "always"]))
    if kind == "penalty" or (kind in ("require", "retention") and rule.get("must") is None):
        rule["duty"] = {**DUTY, "attaches": attaches}
    if draw(st.integers(0, 5)) == 0:
        rule["from"] = draw(_DAYS)
    return rule


@st.composite
def packs(draw: st.DrawFn, *, name: str = "code-1", place: str | None = None) -> Pack:
    """A pack of a place, a vendor, or of nobody (a model)."""
    place = place or draw(st.sampled_from(["us/xx", "us/xx/city", "us", "vendor/acme", "us/yy"]))
    vendor = place.startswith("vendor/")
    head: dict[str, Any] = {
        "id": f"{place}/{name}", "jurisdiction": place, "name": f"The {name} of {place}",
        "level": "vendor" if vendor else "state",
        "status": draw(st.sampled_from(["in-force", "in-force", "in-force", "bill"])),
        "applies": draw(st.none() | conditions()),
    }  # fmt: skip
    start, end = draw(st.none() | _DAYS), draw(st.none() | _DAYS)
    if start and end and start >= end:
        start, end = (end, start) if start != end else (None, end)
    head["from"], head["to"] = start, end
    return pack_of(head, *draw(st.lists(rules(), min_size=1, max_size=4)))
