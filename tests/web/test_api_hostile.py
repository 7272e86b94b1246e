"""Calls of the API that nobody well-meaning makes: broken bodies, other types, others' ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from apiway import Way
from clockkit import MovingClock
from fastapi.exceptions import RequestValidationError
from webkit import Site, Visitor

from countenance.desk import reviewing
from countenance.desk.roles import Role
from countenance.web.api.routing import read_json

CASE = "/api/v1/cases"
JSON = {"content-type": "application/json"}
NEW = {
    "number": "24-1", "purpose": "identify-suspect", "offence_kinds": ["felony"],
    "narrative": "x" * 40,
}  # fmt: skip


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all: nothing that is sent here is to do anything."""
    with Site.opened(tmp_path_factory.mktemp("site"), MovingClock()) as made:
        yield made


@pytest.fixture(scope="module")
def rita(one_site: Site) -> Visitor:
    return one_site.joined("Rita Ray", Role.REQUESTER)


@pytest.fixture(scope="module")
def ada(one_site: Site) -> Visitor:
    return one_site.administrator()


def sent(visitor: Visitor, body: bytes, kind: str = "application/json", path: str = CASE) -> Any:
    return visitor.http.post(path, content=body, headers={"content-type": kind})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nul", b"[]", b"3", b'"x"', b"null", b"NaN", b'{"number": Infinity}',
        b'{"number": -Infinity}', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{}{}", b"{'a': 1}",
        b'{"a": 1, "a": 2}', b'{"details": {"a": 1, "a": 2}}', b'{"number": "\\ud800"}',
        b'{"\\udfff": 1}', b'{"number": "\xed\xa0\x80"}', b'{"number": "\\u0000"}',
        b'{"__proto__": {}}', b'{"number": 1e400}', b"1" * 5000, b"[" * 200_000,
        b'{"a":' * 200_000, b"[" * 1000 + b"]" * 1000, b'{"number": ' + b"9" * 6000 + b"}",
        json.dumps({**NEW, "more": 1}).encode(),
        json.dumps({**NEW, "\udfff": 1}).encode(), json.dumps({**NEW, "number": 3}).encode(),
        json.dumps({**NEW, "number": None}).encode(), json.dumps({**NEW, "number": []}).encode(),
        json.dumps({**NEW, "number": "24-1\n"}).encode() + b"\x00",
        json.dumps({**NEW, "narrative": "\x1b[2J" * 20}).encode(),
        json.dumps({**NEW, "narrative": "\udcff" * 40}).encode(),
        json.dumps({**NEW, "offence_kinds": "felony"}).encode(),
        json.dumps({**NEW, "offence_kinds": ["felony"] * 10_000}).encode(),
        json.dumps({**NEW, "offence_section": "x" * 100_000}).encode(),
        json.dumps({**NEW, "narrative": "x" * 30_000}).encode(),
    ],
)  # fmt: skip
def test_a_broken_body_is_told_of_and_nothing_is_done(rita: Visitor, body: bytes) -> None:
    answer = sent(rita, body)
    assert answer.status_code == 422, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == 422
    assert told["where"]
    assert rita.get(CASE).json() == []


@pytest.mark.parametrize(
    "kind",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/xml", "text/json", "application/octet-stream", "application/jsonp",
        "application/json5", "image/png", "*/*", "application/json, text/plain",
    ],
)  # fmt: skip
def test_json_is_called_json(rita: Visitor, kind: str) -> None:
    assert sent(rita, json.dumps(NEW).encode(), kind).status_code == 415


def test_json_s_type_is_read_as_types_are(rita: Visitor) -> None:
    for kind in ("Application/JSON", "application/json; charset=utf-8", " application/json "):
        assert sent(rita, b"{}", kind).status_code == 422


def test_a_file_is_called_a_file(rita: Visitor) -> None:
    path = f"{CASE}/{'0' * 32}/probes?sort=cctv-frame&shows=unknown&known_by=document"
    for kind in ("application/json", "image/png", "text/html"):
        assert sent(rita, b"x", kind, path).status_code == 415
    assert sent(rita, b"x", "application/octet-stream", path).status_code == 422


def test_too_much_is_not_read(rita: Visitor) -> None:
    path = f"{CASE}/{'0' * 32}/probes?sort=cctv-frame&shows=unknown&known_by=document"
    assert sent(rita, b"x" * (9 * 2**20)).status_code == 413
    assert sent(rita, b"x" * (21 * 2**20), "application/octet-stream", path).status_code == 413
    assert sent(rita, b"x" * (65 * 2**20)).status_code == 413


def test_a_file_of_nobody_is_not_read_at_all(one_site: Site) -> None:
    path = f"{CASE}/{'0' * 32}/probes?sort=cctv-frame&shows=unknown&known_by=document"
    answer = sent(one_site.public(), b"x" * (21 * 2**20), "application/octet-stream", path)
    assert answer.status_code == 401
    assert sent(one_site.public(), b"{" + b"x" * (9 * 2**20)).status_code == 401


@pytest.mark.parametrize("words", ["%ff", "%00", "%0a%0dset-cookie:x", "%ed%a0%80", "%1b", "a b"])
def test_words_in_headers_are_words(rita: Visitor, words: str) -> None:
    path = f"{CASE}/{'0' * 32}/probes?sort=cctv-frame&shows=unknown&known_by=document"
    answer = rita.http.post(
        path, content=b"x", headers={"content-type": "application/octet-stream",
                                     "explanation": words},
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.json()["where"] == "explanation"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "BREW"])
def test_other_methods_do_nothing(rita: Visitor, method: str) -> None:
    for path in (CASE, f"{CASE}/{'0' * 32}", f"{CASE}/{'0' * 32}/move", "/api/v1/me"):
        answer = rita.http.request(method, path, headers=JSON, content=b"{}")
        assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        f"{CASE}/..%2f..%2fetc%2fpasswd", f"{CASE}/%00", f"{CASE}/{'0' * 31}",
        f"{CASE}/{'0' * 33}", "/api/v1/record/events/1e3",
        f"{CASE}/{'A' * 32}", f"{CASE}/{'0' * 32}%0a", f"{CASE}//file",
        "/api/v1/galleries/Booking", "/api/v1/galleries/a%2fb", "/api/v1/galleries/-a",
        "/api/v1/record/events/-1", "/api/v1/record/events/" + "9" * 30,
        "/api/v1/record/events/x", "/api/v1/training/0/withdraw", "/api/v1", "/api/v1/",
        "/api/v2/me", "/api/v1/nothing",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(ada: Visitor, rita: Visitor, path: str) -> None:
    for visitor in (ada, rita):
        answer = visitor.get(path)
        assert answer.status_code in (403, 404, 405), path
        assert "passwd" not in answer.text


@pytest.mark.parametrize(
    "query",
    ["most=0", "most=201", "most=-1", "most=1e9", "most=x", "most=" + "9" * 5000, "after=%00",
     "after=" + "x" * 300, "after=%0a"],
)  # fmt: skip
def test_a_page_of_a_list_is_a_page(rita: Visitor, query: str) -> None:
    answer = rita.get(f"{CASE}?{query}")
    assert answer.status_code == 422
    assert answer.json()["where"] in ("most", "after")


@pytest.mark.parametrize("after", ["'; drop table cases; --", "%25", "\u202e", "é" * 50, "%5C"])
def test_where_a_page_begins_is_only_a_word(rita: Visitor, after: str) -> None:
    assert rita.http.get(CASE, params={"after": after}).json() == []


def test_another_site_cannot_call(rita: Visitor) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"},
                    {"origin": "null"}):  # fmt: skip
        answer = rita.http.post(CASE, content=b"{}", headers={**JSON, **headers})
        assert answer.status_code == 403
    assert rita.http.get(CASE, headers={"host": "evil.example"}).status_code == 421


def test_another_s_things_are_as_things_that_are_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    way = Way(site).prepared().asked().searched()
    way.lead()
    way.furnished()
    others = {
        Role.REQUESTER: site.joined("Rex Roy", Role.REQUESTER),
        Role.EXAMINER: site.joined("Eli Ent", Role.EXAMINER),
    }
    document = site.app.openapi()
    compared = 0
    for path, methods in document["paths"].items():
        raw = methods.get("get")
        if raw is None or "{" not in path or "gallery" in path:
            continue
        for role, visitor in others.items():
            if role not in raw.get("x-roles", ()):
                continue
            compared += 1
            word = path.split("/")[3]
            ids = {
                each["name"]: way.ids.get(f"{word}/{each['name']}", way.ids.get(each["name"]))
                for each in raw["parameters"] if each["in"] == "path"
            }  # fmt: skip
            if "audit" in ids:
                continue  # everybody's to read
            there = visitor.get(path.format(**ids))
            away = visitor.get(
                path.format(**{name: "0" * len(value) for name, value in ids.items()})
            )
            assert there.status_code == away.status_code == 403, path
            assert there.content == away.content, path
    assert compared > 15


def test_what_is_typed_comes_back_as_text_of_a_program(rita: Visitor) -> None:
    answer = sent(rita, json.dumps({**NEW, "<script>alert(1)</script>": 1}).encode())
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_slash_too_many_is_another_address(rita: Visitor) -> None:
    assert rita.get(f"{CASE}/").status_code == 404


@pytest.mark.parametrize(
    "data",
    [b'"\\ud800"', b'{"\\udc00": 1}', b"[NaN]", b'{"a": {"b": 1, "b": 2}}', b"[" * 33 + b"]" * 33],
)
def test_what_json_is_not_is_refused_before_any_model_sees_it(data: bytes) -> None:
    with pytest.raises(RequestValidationError):
        read_json(data)


def test_what_json_is_is_read() -> None:
    assert read_json(b'{"a": ["\\ud83d\\ude00", 1e3, null]}') == {
        "a": ["\U0001f600", 1000.0, None]
    }
    assert read_json(b"[" * 32 + b"]" * 32)
