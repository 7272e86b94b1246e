"""The comparison of places: the cells of the reference's quick matrix (section 1.26)."""

from __future__ import annotations

import datetime

import pytest
from lawkit import library_of, pack_of

from countenance.law import COLUMNS, Row, Tag, bundled, matrix
from countenance.law.rules import Kind

DAY = datetime.date(2026, 3, 1)
ALL = datetime.date(2027, 12, 2)  # when the AI Act's later duties have begun, too

# Not among them: Montana's limit on evidence, which the reference has from memory and cut off; the
# pack's notes say that it is not encoded.
# Place, columns in any of which the fact must stand, how far it must have been checked at best.
CELLS = [
    ("us/wa", ["require:authority", "live-ban"], "V", "a warrant, for live use only"),
    ("us/wa", ["live-ban"], "V", "no live use but under a warrant or in an exigency"),
    ("us/wa", ["no-sole-basis"], "V", "no sole basis"),
    ("us/wa", ["require:disclosure"], "V", "notice to the defendant"),
    ("us/wa", ["require:notice", "require:report"], "V", "accountability report"),
    ("us/wa", ["require:test"], "V2", "tests through an interface"),
    ("us/co", ["live-ban", "require:authority"], "V", "a warrant is one of four"),
    ("us/co", ["no-sole-basis"], "V", "no sole basis"),
    ("us/co", ["require:disclosure"], "V", "notice to the defendant"),
    ("us/co", ["require:notice", "require:report"], "V", "as Washington"),
    ("us/va", ["permit-if"], "V", "fourteen uses"),
    ("us/va", ["live-ban", "prohibit"], "V2", "no live use"),
    ("us/va", ["no-sole-basis", "prohibit"], "V2", "not in an affidavit"),
    ("us/va", ["require:record", "require:disclosure"], "U", "records for discovery"),
    ("us/va", ["require:report"], "V", "by 1 April"),
    ("us/va", ["require:test"], "V2", "98 of 100 true positives in every group"),
    ("us/md", ["permit-if"], "V", "offence list"),
    ("us/md", ["live-ban"], "U", "no live use"),
    ("us/md", ["no-sole-basis"], "V", "no sole basis"),
    ("us/md", ["require:disclosure"], "V", "what is disclosed is listed"),
    ("us/md", ["require:report"], "V", "by 1 February"),
    ("us/md", ["gallery-limit"], "U", "licences and booking photographs"),
    ("us/mt", ["permit-if", "prohibit"], "V", "criminal investigations"),
    ("us/mt", ["require:authority", "permit-if"], "V2", "a warrant"),
    ("us/mt", ["live-ban"], "V", "stored video, too"),
    ("us/mt", ["require:disclosure"], "V", "before trial"),
    ("us/mt", ["require:report"], "V", "30 June, 1 September"),
    ("us/ut", ["permit-if"], "V", "felony, violence, threat to life"),
    ("us/ut", ["require:evidence", "permit-if", "require:authority"], "V", "fair probability"),
    ("us/ut", ["require:report"], "V", "1 August to 15 October"),
    ("us/ma", ["permit-if", "require:authority"], "V2", "an order or an emergency"),
    ("us/ma", ["require:report"], "V2", "to EOPSS"),
    ("us/ma", ["gallery-limit", "permit-if", "prohibit", "require:authority"], "U", "from whom"),
    ("us/me", ["permit-if"], "V2", "serious crime"),
    ("us/me", ["prohibit"], "V2", "ban"),
    ("us/al", ["no-sole-basis"], "V", "no sole basis"),
    ("us/mi/detroit", ["permit-if"], "V2", "Part 1, home invasion"),
    ("us/mi/detroit", ["live-ban"], "V2", "still images only"),
    ("us/mi/detroit", ["no-sole-basis", "prohibit", "require:evidence"], "V2", "and no line-up"),
    ("us/mi/detroit", ["require:disclosure"], "V2", "by the settlement"),
    ("us/mi/detroit", ["require:report"], "V2", "every week"),
    ("us/ny/new-york-city", ["no-sole-basis"], "V2", "a lead by the department's policy"),
    ("us/ny/new-york-city", ["require:report"], "V", "yearly audit"),
    ("eu", ["require:authority"], "V", "within 48 hours"),
    ("eu", ["live-ban", "prohibit"], "V2", "Article 5"),
    ("eu", ["no-sole-basis", "require:evidence"], "U", "no adverse decision on output alone"),
    ("eu", ["prohibit", "gallery-limit"], "V2", "no scraping"),
]
RANK = {Tag.VERIFIED: 2, Tag.SECOND_HAND: 1, Tag.UNVERIFIED: 0}


@pytest.mark.parametrize(
    ("place", "columns", "tag", "what"), CELLS, ids=[f"{c[0]}: {c[3]}" for c in CELLS]
)
def test_the_quick_matrix_of_the_reference_is_there(
    place: str, columns: list[str], tag: str, what: str
) -> None:
    """A fact stands in its cell, with a tag that is at least the reference's."""
    del what
    tags = [
        found
        for day in (DAY, ALL)
        for row in matrix(bundled(), day, places=[place])
        if row.standing == "in force" and row.pack.jurisdiction == place
        for column in columns
        if (found := row.tag(column)) is not None
    ]
    assert tags, "nothing is in that cell"
    assert max(RANK[found] for found in tags) >= RANK[Tag(tag)]


@pytest.mark.parametrize(
    ("place", "columns"),
    [
        ("us/al", {"permit-if", "require:authority", "live-ban", "gallery-limit", "require:test"}),
        ("us/wa", {"permit-if", "gallery-limit"}),
        ("us/co", {"gallery-limit"}),
        ("us/ny/new-york-city", {"permit-if", "live-ban", "require:test", "gallery-limit"}),
    ],
)
def test_cells_that_the_reference_leaves_empty_are_empty(place: str, columns: set[str]) -> None:
    for row in matrix(bundled(), DAY, places=[place]):
        if row.standing == "in force" and row.pack.jurisdiction == place:
            assert not columns & set(row.cells)


def test_every_rule_in_force_stands_in_one_cell_of_a_known_column() -> None:
    for row in matrix(bundled(), DAY):
        rules = [rule for cell in row.cells.values() for rule in cell]
        assert set(row.cells) <= set(COLUMNS)
        assert len(rules) == len(set(rules))
        if row.standing == "in force":
            assert {r.name for r in rules} == {r.name for r in row.pack if r.window.holds(DAY)}
        else:
            assert len(rules) == len(row.pack.rules)


def test_every_kind_of_rule_has_a_column() -> None:
    named = {column.partition(":")[0] for column in COLUMNS}
    assert named == {kind.value for kind in Kind}


@pytest.mark.parametrize(
    ("head", "standing"),
    [
        ({}, "in force"),
        ({"from": datetime.date(2026, 3, 2)}, "not yet"),
        ({"to": DAY}, "ended"),
        ({"status": "bill"}, "bill"),
        ({"status": "model", "level": "model"}, "model"),
    ],
)
def test_how_a_pack_stands_on_a_day(head: dict[str, object], standing: str) -> None:
    (row,) = matrix(library_of(pack_of(head)), DAY, places=["us/xx"])
    assert row.standing == standing


def test_the_mark_of_a_cell_is_that_of_its_best_checked_rule() -> None:
    pack = pack_of(None, {"tag": "U"}, {"tag": "V2"}, {"tag": "V2", "kind": "live-ban"})
    (row,) = matrix(library_of(pack), DAY, places=["us/xx"])
    assert isinstance(row, Row)
    assert row.tag("prohibit") is Tag.SECOND_HAND
    assert len(row.cells["prohibit"]) == 2
    assert row.tag("retention") is None


def test_a_place_is_not_another_whose_name_begins_alike() -> None:
    library = library_of(*(
        pack_of({"id": f"{place}/act", "jurisdiction": place})
        for place in ("us/x", "us/xx", "us/xx/city")
    ))  # fmt: skip
    assert [r.pack.jurisdiction for r in matrix(library, DAY, places=["us/x"])] == ["us/x"]
    assert len(matrix(library, DAY, places=["us/xx", "us/x"])) == 3
