"""Which packs are at hand, and which govern."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lawkit import asking, pack_bytes, pack_of

from countenance.law import Request, decide
from countenance.law.errors import PackError
from countenance.law.library import Library, bundled, load_library


def place(jurisdiction: str, name: str = "code", **head: Any) -> Any:
    vendor = jurisdiction.startswith("vendor/")
    return pack_of({"id": f"{jurisdiction}/{name}", "jurisdiction": jurisdiction,
                    "level": "vendor" if vendor else "city", **head})  # fmt: skip


LIBRARY = Library(
    [
        place("us"), place("us/xx"), place("us/xx/city"), place("us/yy"), place("eu"),
        place("vendor/acme"), place("us/xx", "old", to=datetime.date(2020, 1, 1)),
        place("us/xx", "bill", status="bill"), place("us/xxx"),
    ]
)  # fmt: skip


def governing(*policy: str, at: Any = "2026-03-01", **facts: Any) -> list[str]:
    known = {"engine.vendor": "other", **facts.pop("facts", {})}
    return [pack.id for pack in LIBRARY.governing(asking(known, at=at, **facts), policy)]


def test_the_laws_of_a_place_and_those_around_it() -> None:
    assert governing(jurisdictions=["us/xx/city"]) == ["us/code", "us/xx/city/code", "us/xx/code"]
    assert governing(jurisdictions=["us/xx"]) == ["us/code", "us/xx/code"]
    assert governing(jurisdictions=["us/zz"]) == ["us/code"]
    assert governing(jurisdictions=["eu/de"]) == ["eu/code"]
    assert governing(jurisdictions=[]) == []


def test_whoever_it_is_done_for_brings_their_law() -> None:
    found = governing(jurisdictions=["us/yy"], **{"behalf-jurisdictions": ["us/xx"]})
    assert found == ["us/code", "us/xx/code", "us/yy/code"]


def test_dates_and_bills() -> None:
    assert "us/xx/old" in governing(at="2019-12-31", jurisdictions=["us/xx"])
    assert "us/xx/old" not in governing(at="2020-01-01", jurisdictions=["us/xx"])
    assert "us/xx/old" in governing(at=None, jurisdictions=["us/xx"])
    assert "us/xx/bill" not in governing(jurisdictions=["us/xx"])
    assert "us/xx/bill" in governing("us/xx/bill", jurisdictions=["us/yy"])
    assert "us/xx/old" in governing("us/xx/old", jurisdictions=["us/yy"])
    day = datetime.date(2026, 1, 1)
    assert {p.id for p in LIBRARY.in_force(day)} == set(LIBRARY) - {"us/xx/old", "us/xx/bill"}


def test_a_vendors_terms_govern_its_engine_and_an_unknown_one() -> None:
    assert "vendor/acme/code" in governing(facts={"engine.vendor": "Acme Vision, Inc."})
    assert "vendor/acme/code" not in governing()
    request = asking()
    assert "vendor/acme/code" in [p.id for p in LIBRARY.governing(request, ())]


def test_a_country_does_not_stand_in_for_its_states() -> None:
    for covered in ("us", "us/xx", "us/xx/city", "us/xx/other-city", "us/yy", "eu"):
        assert LIBRARY.covers(covered)
    for unknown in ("us/zz", "eu/de", "uk", "us/x", "us/zz/city", "vendor/acme", "model"):
        assert not LIBRARY.covers(unknown)


def test_a_pack_of_the_same_id_takes_the_others_place() -> None:
    other = place("us/xx", version="2")
    more = LIBRARY.adding(other)
    assert more["us/xx/code"].version == "2"
    assert LIBRARY["us/xx/code"].version == "1"
    assert len(more) == len(LIBRARY)
    with pytest.raises(PackError, match="two packs"):
        Library([other, place("us/xx")])


def test_near_ids_are_offered() -> None:
    assert LIBRARY.near("us/xx/cod") == "us/xx/code"
    assert LIBRARY.near("q" * 10**6) == ""


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "us" / "xx").mkdir(parents=True)
    (tmp_path / "us" / "xx" / "code-1.toml").write_bytes(pack_bytes())
    (tmp_path / "README.md").write_text("not a pack")
    library = load_library(tmp_path)
    assert list(library) == ["us/xx/code-1"]
    assert library["us/xx/code-1"].text == pack_bytes()
    assert list(bundled()) == sorted(bundled())


def test_a_country_with_states_is_no_place_for_a_local_body() -> None:
    """Otherwise a local force that names only its country would escape its state's ban."""
    facts = {"act": "search", "behalf.of": "own-agency", "agency.kind": "local-police"}
    at = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    local = Request(at=at, jurisdictions=("us",), facts=facts)
    reasons = [r for r in decide(local).reasons if "in which state" in r.says]
    assert [r.facts for r in reasons] == [("jurisdictions",)]
    for other in (
        local.knowing({"agency.kind": "federal-law-enforcement"}),
        replace(local, jurisdictions=("us", "us/al")),
        replace(local, jurisdictions=("uk",)),
    ):
        assert not [r for r in decide(other).reasons if "in which state" in r.says]
    asker = {**facts, "agency.kind": "federal-agency", "behalf.of": "other-agency"}
    behalf = replace(local, behalf_jurisdictions=("us",), facts=asker)
    assert [r for r in decide(behalf).reasons if "in which state" in r.says]
