"""What changes between two days."""

from __future__ import annotations

import datetime

from lawkit import library_of, pack_of

from countenance.law import Difference, bundled, bundled_scenarios, difference, load_scenarios

EVE, DAY = datetime.date(2026, 6, 30), datetime.date(2026, 7, 1)


def virginia(start: datetime.date, end: datetime.date) -> Difference:
    return difference(
        bundled(), start, end, scenarios=bundled_scenarios(), places=["us/va"]
    )  # fmt: skip


def test_virginias_authorised_uses_end_on_the_first_of_july() -> None:
    found = virginia(EVE, DAY)
    ends = {change.rule.id for change in found.changes if not change.begins}
    begins = {change.rule.id for change in found.changes if change.begins}
    assert "us/va/code-15-2-1723-2-of-2022#use-i-suspect" in ends
    assert "us/va/code-15-2-1723-2-of-2026#local-police" in begins
    assert not {change.pack.id for change in found.changes if change.begins} & {
        change.pack.id for change in found.changes if not change.begins
    }
    assert all(change.day == DAY for change in found.changes)
    assert all(change.sentence.endswith("]") for change in found.changes)
    turns = [(t.before.outcome.value, t.after.outcome.value) for t in found.turns]
    assert turns.count(("permit", "deny")) >= 20
    for turn in found.turns:
        assert turn.before.as_of == "2026-06-30"
        assert turn.after.as_of == "2026-07-01"
        assert turn.before.outcome is not turn.after.outcome


def test_backwards_it_is_the_same_the_other_way_round() -> None:
    there, back = virginia(EVE, DAY), virginia(DAY, EVE)
    assert {(c.rule.id, c.begins, c.day) for c in there.changes} == {
        (c.rule.id, not c.begins, c.day) for c in back.changes
    }
    assert [(t.title, t.before, t.after) for t in there.turns] == [
        (t.title, t.after, t.before) for t in back.turns
    ]


def test_from_a_day_to_itself_nothing_changes() -> None:
    found = virginia(DAY, DAY)
    assert not found.changes
    assert not found.turns
    assert found.tried > 50


def test_only_places_that_are_named_and_those_around_and_inside_them() -> None:
    dates = {"from": DAY}
    packs = [
        pack_of({"id": f"{place}/act", "jurisdiction": place, **dates})
        for place in ("us", "us/xx", "us/xx/city", "us/xxy", "us/yy")
    ]
    found = difference(library_of(*packs), EVE, DAY, places=["us/xx"])
    assert [c.pack.jurisdiction for c in found.changes] == ["us", "us/xx", "us/xx/city"]


def test_a_bill_changes_nothing_and_a_rule_within_the_days_is_missed_by_neither() -> None:
    bill = pack_of({"status": "bill", "from": DAY})
    assert not difference(library_of(bill), EVE, DAY).changes
    brief = pack_of(None, {"from": datetime.date(2026, 6, 10), "to": datetime.date(2026, 6, 20)})
    assert not difference(library_of(brief), datetime.date(2026, 6, 1), EVE).changes
    (change,) = difference(library_of(brief), datetime.date(2026, 6, 15), EVE).changes
    assert not change.begins
    assert change.day == datetime.date(2026, 6, 20)


def test_a_scenario_is_tried_under_each_of_its_policies(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "x.toml").write_text(
        """
        [[scenario]]
        title = "Twice"
        at = 2026-03-01
        jurisdictions = ["us/xx"]
        facts = { act = "search", behalf.of = "own-agency" }
        [[scenario.expect]]
        decision = "deny"
        [[scenario.expect]]
        decision = "needs"
        policy = ["model"]
        """,
        "utf-8",
    )
    library = library_of(pack_of({"from": DAY}))
    found = difference(library, EVE, DAY, scenarios=load_scenarios(folder))
    assert found.tried == 2
    assert [(t.policy, t.before.outcome.value, t.after.outcome.value) for t in found.turns] == [
        (("model",), "needs", "deny"),
        (("scenario/law-alone",), "permit", "deny"),
    ]
    assert found.to_json()["turns"][0]["policy"] == ["model"]
