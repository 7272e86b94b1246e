"""What the API says of itself: every operation, who may, and each answer; and that it is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from webkit import Site

from countenance.desk.roles import ACTIONS, Role
from countenance.web.access import ANY, OPEN

NOT_HERE = {
    "gallery.imported", "gallery.purged", "search.seal", "search.open", "desk.standing",
}  # fmt: skip


@pytest.fixture
def document(site: Site) -> dict[str, Any]:
    answer = site.public().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, raw in methods.items():
            yield path, method, raw


def test_it_holds_the_api_and_no_page(document: dict[str, Any]) -> None:
    found = list(operations(document))
    assert len(found) >= 122
    assert all(path.startswith("/api/v1/") for path, _, _ in found)


def test_an_operation_is_called_by_words_and_once(document: dict[str, Any]) -> None:
    names = [raw["operationId"] for _, _, raw in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_a_value_is_called_by_one_name(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"]
    assert not [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z]+", name)]


def test_it_says_who_may_and_what_the_passkey_confirms(document: dict[str, Any]) -> None:
    for _, _, raw in operations(document):
        action = raw["x-action"]
        assert ("security" in raw) == (action != OPEN)
        if action in (OPEN, ANY):
            assert raw["x-step-up"] is False
            continue
        rule = ACTIONS[action]
        assert raw["x-step-up"] == rule.step_up
        assert {Role(each) for each in raw["x-roles"]} == rule.roles


def test_every_action_of_a_person_has_an_operation(document: dict[str, Any]) -> None:
    there = {raw["x-action"] for _, _, raw in operations(document)}
    missing = {name for name, rule in ACTIONS.items() if rule.roles} - there - NOT_HERE
    assert not missing


def test_every_refusal_is_problem_details(document: dict[str, Any]) -> None:
    for path, method, raw in operations(document):
        answers = {int(status) for status in raw["responses"]}
        assert {403, 409, 421, 503} <= answers
        assert (401 in answers) == ("security" in raw)
        assert (404 in answers) == ("{" in path)
        if method == "post":
            assert {413, 415, 422} <= answers
        for status, answer in raw["responses"].items():
            if int(status) >= 400:
                assert "application/problem+json" in answer["content"], (path, status)


def test_no_text_comes_in_without_a_shape(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    left: list[tuple[str, Any]] = []
    for path, _, raw in operations(document):
        left += [(path, each["schema"]) for each in raw.get("parameters", ())]
        left += [
            (path, content["schema"])
            for kind, content in raw.get("requestBody", {}).get("content", {}).items()
            if kind == "application/json"
        ]
    seen, bounded = set(), 0
    while left:
        path, schema = left.pop()
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in seen:
                continue
            seen.add(name)
            assert "enum" in schemas[name] or schemas[name]["additionalProperties"] is False, name
            left.append((name, schemas[name]))
        for several in ("anyOf", "oneOf", "allOf"):
            left += [(path, each) for each in schema.get(several, ())]
        left += [(f"{path}.{name}", each) for name, each in schema.get("properties", {}).items()]
        for inside in ("items", "additionalProperties", "propertyNames"):
            if isinstance(schema.get(inside), dict):
                left.append((f"{path}.{inside}", schema[inside]))
        left += [(path, each) for each in schema.get("patternProperties", {}).values()]
        if schema.get("type") == "string":
            shaped = {"enum", "const", "format", "pattern"} & schema.keys()
            assert shaped, path
            bounded += "maxLength" in schema
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
    assert bounded > 60
