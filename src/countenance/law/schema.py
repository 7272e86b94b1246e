"""JSON schemas of what is written and read: a pack's file, a request, a decision's record.

They are made from the types that read the files and from the vocabulary, so that they cannot say
anything else. What they cannot say (a must beside a prohibition, a window that ends before it
begins) the readers check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from countenance.law.decision import FORMAT as DECISION_FORMAT
from countenance.law.decision import Decision
from countenance.law.packs import MAX_RULES, PackFile
from countenance.law.records import FORMAT as RECORD_FORMAT
from countenance.law.vocabulary import MAX_NUMBER, MAX_TEXT, Fact, Kind, Vocabulary, vocabulary

Schema: TypeAlias = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ORDERS = ("at-least", "at-most", "more-than", "less-than")
_TIME = "a time with its zone (2026-06-30T10:00:00-04:00), or a day"


def schemas(words: Vocabulary | None = None) -> dict[str, Schema]:
    """The schemas by name: ``pack``, ``request``, ``record``."""
    words = vocabulary() if words is None else words
    request = request_schema(words)
    return {"pack": pack_schema(words), "request": request, "record": record_schema(request)}


def pack_schema(words: Vocabulary) -> Schema:
    """Of a pack's file, as the JSON value that its TOML stands for."""
    schema = msgspec.json.schema(PackFile)
    parts = schema["$defs"]
    parts["condition"] = {
        "description": "One table, all of whose lines must hold; or a list, one of which must.",
        "anyOf": [
            {"$ref": "#/$defs/table"},
            {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1},
        ],
    }
    each = {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}
    table = _nested(words, _test)
    table["properties"] |= {"any": each, "all": each, "not": {"$ref": "#/$defs/condition"}}
    parts["table"] = {**table, "minProperties": 1}
    for name in ("when", "unless", "must"):
        parts["_Rule"]["properties"][name] = {"$ref": "#/$defs/condition"}
    parts["_Rule"]["properties"]["acts"]["items"] = {"enum": list(words.acts)}
    parts["_Pack"]["properties"]["applies"] = {"$ref": "#/$defs/condition"}
    rules = parts["PackFile"]["properties"]["rule"]
    rules |= {"minItems": 1, "maxItems": MAX_RULES}
    return {"$schema": _DIALECT, "title": "A rule pack of Countenance", **schema}


def request_schema(words: Vocabulary) -> Schema:
    """Of a request. Facts may be written nested (as TOML does) or with dotted names."""
    places = {"type": "array", "items": {"type": "string"}, "maxItems": 16}
    return {
        "$schema": _DIALECT,
        "title": "A request of Countenance",
        "type": "object",
        "properties": {
            "at": {"type": ["string", "null"], "description": _TIME},
            "jurisdictions": places,
            "behalf-jurisdictions": places,
            "facts": _nested(words, _value),
        },
        "additionalProperties": False,
    }


def record_schema(request: Schema) -> Schema:
    """Of a decision's record."""
    (decision,), parts = msgspec.json.schema_components([Decision], ref_template="#/$defs/{name}")
    parts = {name: _kebab(part) for name, part in parts.items()}
    parts["Decision"]["properties"]["format"] = {"const": DECISION_FORMAT}
    parts["Decision"]["required"] = ["format", *parts["Decision"]["required"]]
    parts["Decision"]["additionalProperties"] = False
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    properties = {
        "format": {"const": RECORD_FORMAT},
        "code": {"type": "string"},
        "library": digest,
        "vocabulary": digest,
        "request": {key: value for key, value in request.items() if key != "$schema"},
        "decision": decision,
    }
    return {
        "$schema": _DIALECT,
        "title": "The record of a decision of Countenance",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": parts,
    }


def _kebab(part: Schema) -> Schema:
    """A dataclass's schema under the names its JSON has; an enumeration's as it is."""
    if "properties" not in part:
        return part
    return {
        **part,
        "properties": {
            name.replace("_", "-"): value for name, value in part["properties"].items()
        },
        "required": [name.replace("_", "-") for name in part["properties"]],
    }


def _nested(words: Mapping[str, Fact], of: Callable[[Fact], Schema]) -> Schema:
    """An object with a property a fact, under its dotted name and in nested tables."""
    top: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
    for fact in words.values():
        schema = {"description": fact.ask, **of(fact)}
        top["properties"][fact.name] = schema
        *path, last = fact.name.split(".")
        at = top
        for step in path:
            inner: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
            at = at["properties"].setdefault(step, inner)
        at["properties"][last] = schema
    return top


def _value(fact: Fact) -> Schema:
    """A value of a fact."""
    match fact.kind:
        case Kind.YES_NO:
            return {"type": "boolean"}
        case Kind.NUMBER:
            return {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
        case Kind.TEXT:
            return {"type": "string", "maxLength": MAX_TEXT}
        case Kind.ONE_OF:
            return {"enum": list(fact.words)}
        case Kind.SOME_OF:
            return {"type": "array", "items": {"enum": list(fact.words)}}


def _test(fact: Fact) -> Schema:
    """What a rule may ask of a fact: a value, one of several, or a table of tests."""
    value = {"enum": list(fact.words)} if fact.kind is Kind.SOME_OF else _value(fact)
    several = {"type": "array", "items": value, "minItems": 1}
    tests: Schema = {"not": {"anyOf": [value, several]}}
    if fact.kind is Kind.SOME_OF:
        tests |= dict.fromkeys(("any-of", "includes", "none-of"), several)
        tests["only"] = {"type": "array", "items": value}
    elif fact.kind is Kind.TEXT:
        tests["mentions"] = {"anyOf": [value, several]}
    elif fact.kind is Kind.NUMBER or fact.rising:
        tests |= dict.fromkeys(_ORDERS, value)
    table = {"type": "object", "properties": tests, "additionalProperties": False,
             "minProperties": 1}  # fmt: skip
    return {"anyOf": [value, several, table]}
