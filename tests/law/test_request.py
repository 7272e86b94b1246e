"""Requests: read, changed, written, hashed."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lawkit import asking, known

from countenance.core import canonical_json, digest_json, pretty_json
from countenance.law.errors import RequestError
from countenance.law.request import Request, load_request, read_facts, request_of

TOML = """
at = 2026-06-30T23:30:00-04:00
jurisdictions = ["us/va", "us/va/richmond"]

[facts]
act = "search"
offence.kinds = ["felony"]
gallery.size = 5
"use.mode" = "still"
[facts.engine]
vendor = "Straße  Vision"
"""


def test_a_file_becomes_a_request(tmp_path: Path) -> None:
    path = tmp_path / "request.toml"
    path.write_text(TOML, encoding="utf-8")
    request = load_request(path)
    assert request.act == "search"
    assert request.facts["engine.vendor"] == "strasse vision"
    assert request.facts["offence.kinds"] == frozenset({"felony"})
    assert request.jurisdictions == ("us/va", "us/va/richmond")
    (tmp_path / "again.json").write_text(pretty_json(request.to_json()), encoding="utf-8")
    assert load_request(tmp_path / "again.json") == request


@given(known(), st.sampled_from(["2026-06-30", "2026-06-30T23:30:00-04:00", None]))
def test_what_is_written_is_read_as_the_same(facts: dict[str, Any], at: str | None) -> None:
    request = asking(facts, at=at)
    again = request_of(request.to_json())
    assert again == request
    assert again.digest == request.digest
    assert hash(again) == hash(request)
    assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301


@given(known())
def test_the_digest_is_of_the_canonical_json(facts: dict[str, Any]) -> None:
    """A quicker writer is used for it, so it is compared with the general one."""
    request = asking(facts)
    assert request.digest == digest_json(request.to_json())
    turned = request_of({**request.to_json(), "facts": dict(reversed(request.facts.items()))})
    assert turned.digest == request.digest
    assert canonical_json(turned.to_json()) == canonical_json(request.to_json())


def test_the_day_is_that_of_the_requests_own_zone() -> None:
    """Half past eleven in the evening of 30 June in Richmond is 1 July in London."""
    richmond = asking(at="2026-06-30T23:30:00-04:00")
    london = asking(at="2026-07-01T03:30:00Z")
    assert richmond.at == london.at
    assert richmond.as_of == datetime.date(2026, 6, 30)
    assert london.as_of == datetime.date(2026, 7, 1)
    assert request_of(richmond.to_json()).as_of == richmond.as_of
    assert asking(at="2026-06-30").as_of == datetime.date(2026, 6, 30)
    assert asking(at=datetime.date(2026, 6, 30)).as_of == datetime.date(2026, 6, 30)
    assert asking().on(datetime.date(2020, 2, 29)).as_of == datetime.date(2020, 2, 29)


def test_facts_are_learned_and_forgotten_in_copies() -> None:
    request = asking({"use.mode": "live"})
    other = request.knowing({"use": {"mode": "still"}, "case.number": True})
    assert other.facts["use.mode"] == "still"
    assert request.facts["use.mode"] == "live"
    less = other.without("use.mode", "case.number", "not.there")
    assert set(less.facts) == set(request.facts) - {"use.mode"}
    assert less.without() == less
    with pytest.raises(TypeError):
        request.facts["use.mode"] = "live"  # type: ignore[index]


def test_places_are_a_set() -> None:
    request = asking(jurisdictions=["us/xx/b", "us/xx/a", "us/xx/b"])
    assert request.jurisdictions == ("us/xx/a", "us/xx/b")


def test_an_error_says_what_would_be_right() -> None:
    for facts, said in (
        ({"probe.kinds": "x"}, "probe.kind"),
        ({"use.mode": "film"}, "stored-video"),
        ({"gallery.size": -1}, "whole number of people"),
        ({"case.number": "yes"}, "true or false"),
        ({"offence.kinds": "felony"}, "a list of these words"),
    ):
        with pytest.raises(RequestError) as caught:
            read_facts(facts)
        assert said in str(caught.value)


def test_nothing_is_known_of_an_empty_request() -> None:
    assert Request() == request_of({})
    assert Request().act is None
    assert Request().as_of is None
