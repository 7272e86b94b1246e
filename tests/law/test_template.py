"""The template is a pack that can be read as it is, whatever its id."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lawkit import library_of

from countenance.law import PackError, Tag, check, pack_template, read_pack
from countenance.law.rules import Kind

DAY = datetime.date(2026, 3, 1)
PARTS = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(PARTS, min_size=2, max_size=5).map("/".join))
def test_it_is_a_pack_of_its_id(pack_id: str) -> None:
    pack = read_pack(pack_template(pack_id, day="2026-03-01").encode(), expected_id=pack_id)
    assert pack.id == pack_id
    assert pack.jurisdiction == pack_id.rpartition("/")[0]
    assert pack.checked.on == DAY


def test_it_has_nothing_to_mend_and_permits_nothing_before_somebody_reads_the_text() -> None:
    pack = read_pack(pack_template("us/xx/act", day="2026-03-01").encode())
    assert {rule.checked.tag for rule in pack} == {Tag.UNVERIFIED}
    assert not any(rule.grants for rule in pack)
    assert {rule.kind for rule in pack} >= {Kind.PERMIT_IF, Kind.PROHIBIT, Kind.REQUIRE}
    findings = check(library_of(pack), as_of=DAY, only=[pack.id])
    assert {finding.code for finding in findings} == {"unverified"}


@pytest.mark.parametrize(
    "pack_id",
    ["", "name", "/a/b", "a/b/", "a//b", "../a", "a/../b", "A/b", "a/b c", 'a/"b', "a/b\n", "a/ü",
     "a/" + "b" * 200, "a/{day}"],
)  # fmt: skip
def test_an_id_that_is_none_is_refused(pack_id: str) -> None:
    with pytest.raises(PackError, match="no id"):
        pack_template(pack_id, day="2026-03-01")
