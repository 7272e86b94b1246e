"""Conditions: what a pack may write, and what it then means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lawkit import conditions

from countenance.law.conditions import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Atom,
    Not,
    atoms,
    both,
    cedar_false,
    cedar_true,
    holds,
    negated,
    open_facts,
    read_condition,
)
from countenance.law.vocabulary import vocabulary

WORDS = vocabulary()


def read(value: Any) -> Any:
    return read_condition(value, WORDS)


# Worked by hand: condition, facts, and what it is then.
ANSWERS: list[tuple[Any, dict[str, Any], bool | None]] = [
    ({"use.mode": "live"}, {"use.mode": "live"}, True),
    ({"use.mode": "live"}, {"use.mode": "still"}, False),
    ({"use.mode": "live"}, {}, None),
    ({"use": {"mode": ["live", "still"]}}, {"use.mode": "still"}, True),
    ({"use.mode": {"not": "live"}}, {"use.mode": "still"}, True),
    ({"use.mode": {"not": ["live", "still"]}}, {"use.mode": "still"}, False),
    ({"use.mode": {"not": "live"}}, {}, None),
    ({"gallery.size": {"at-least": 5}}, {"gallery.size": 5}, True),
    ({"gallery.size": {"at-least": 5}}, {"gallery.size": 4}, False),
    ({"gallery.size": {"more-than": 5}}, {"gallery.size": 5}, False),
    ({"gallery.size": {"more-than": 5}}, {"gallery.size": 6}, True),
    ({"gallery.size": {"at-most": 5}}, {"gallery.size": 5}, True),
    ({"gallery.size": {"less-than": 5}}, {"gallery.size": 5}, False),
    ({"gallery.size": {"at-least": 2, "less-than": 5}}, {"gallery.size": 5}, False),
    ({"gallery.size": {"at-least": 2, "less-than": 5}}, {"gallery.size": 4}, True),
    ({"suspicion.level": {"at-least": "reasonable"}}, {"suspicion.level": "probable-cause"}, True),
    ({"suspicion.level": {"at-least": "reasonable"}}, {"suspicion.level": "hunch"}, False),
    ({"suspicion.level": {"less-than": "reasonable"}}, {"suspicion.level": "hunch"}, True),
    ({"suspicion.level": {"at-most": "hunch"}}, {"suspicion.level": "reasonable"}, False),
    ({"offence.kinds": "felony"}, {"offence.kinds": frozenset({"felony", "theft"})}, True),
    ({"offence.kinds": ["felony", "drug"]}, {"offence.kinds": frozenset({"theft"})}, False),
    ({"offence.kinds": {"includes": ["felony", "drug"]}}, {"offence.kinds": frozenset({"drug"})},
     False),
    ({"offence.kinds": {"only": ["felony", "drug"]}}, {"offence.kinds": frozenset({"drug"})},
     True),
    ({"offence.kinds": {"only": ["felony"]}}, {"offence.kinds": frozenset()}, True),
    ({"offence.kinds": {"only": []}}, {"offence.kinds": frozenset({"drug"})}, False),
    ({"offence.kinds": {"none-of": ["felony"]}}, {"offence.kinds": frozenset()}, True),
    ({"offence.kinds": {"none-of": ["felony"]}}, {}, None),
    ({"engine.vendor": {"mentions": "amazon"}}, {"engine.vendor": "amazon web services"}, True),
    ({"engine.vendor": {"mentions": ["ibm", "AMAZON"]}}, {"engine.vendor": "amazon"}, True),
    ({"engine.vendor": {"mentions": "a*n"}}, {"engine.vendor": "amazon"}, False),
    ([{"case.number": True}, {"use.mode": "live"}], {"case.number": True}, True),
    ([{"case.number": True}, {"use.mode": "live"}], {"case.number": False}, None),
    ({"case.number": True, "use.mode": "live"}, {"case.number": False}, False),
    ({"case.number": True, "use.mode": "live"}, {"case.number": True}, None),
    ({"not": {"case.number": True, "use.mode": "live"}}, {"case.number": False}, True),
    ({"any": [{"case.number": True}, {"probe.edited": True}], "use.mode": "live"},
     {"probe.edited": True, "use.mode": "live"}, True),
    ({"all": [{"case.number": True}, {"probe.edited": True}]}, {"probe.edited": False}, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "facts", "answer"), ANSWERS)
def test_known_answers(value: Any, facts: dict[str, Any], answer: bool | None) -> None:
    condition = read(value)
    assert holds(condition, facts) is answer
    opposite = holds(negated(condition), facts)
    assert opposite is (None if answer is None else not answer)
    assert bool(open_facts(condition, facts)) == (answer is None)


def test_only_what_could_decide_is_asked_for() -> None:
    condition = read({"any": [{"case.number": True, "use.mode": "live"}, {"probe.edited": True}]})
    assert open_facts(condition, {}) == ("case.number", "use.mode", "probe.edited")
    assert open_facts(condition, {"case.number": False}) == ("probe.edited",)
    assert open_facts(condition, {"probe.edited": True}) == ()


@given(conditions())
def test_reading_is_what_it_says(value: Any) -> None:
    condition = read(value)
    assert {atom.fact for atom in atoms(condition)} <= set(WORDS)
    assert negated(negated(condition)) == condition
    assert cedar_true(negated(condition)) == cedar_false(condition)
    assert read(value) == condition


@given(st.lists(st.sampled_from([True, False, None]), max_size=4))
def test_all_and_any_are_kleenes(truths: list[bool | None]) -> None:
    names = [f"fact{n}" for n in range(len(truths))]
    facts = {name: truth for name, truth in zip(names, truths, strict=True) if truth is not None}
    parts = tuple(Atom(name, "in", (True,)) for name in names)
    rank = {False: 0, None: 1, True: 2}
    least, most = min(truths, key=rank.get, default=True), max(truths, key=rank.get, default=False)
    assert holds(AllOf(parts), facts) is least
    assert holds(AnyOf(parts), facts) is most


def test_both_and_negated_keep_what_is_written_short() -> None:
    a, b = Atom("x", "in", (True,)), Atom("y", "in", (True,))
    assert both(a) == a
    assert both(a, AllOf((b,))) == AllOf((a, b))
    assert negated(Not(a)) == a
    assert holds(ALWAYS, {}) is True
    assert holds(NEVER, {}) is False


@pytest.mark.parametrize(
    "value",
    [5, "x", None, [], {}, {"any": {}}, {"not": 5}, {"use": 5}, {"use": {"speed": 1}},
     {"offence.kinds": {"includes": []}}, {"offence.kinds": {"includes": "felony"}},
     {"offence.kinds": {"at-least": "felony"}}, {"use.mode": {}}, {"use.mode": []},
     {"case.number": {"at-least": 1}}, {"engine.vendor": {"mentions": ""}},
     {"engine.vendor": {"mentions": []}}, {"use.mode": {"mentions": "live"}},
     {"case.number": {"not": {"not": True}}}],
)  # fmt: skip
def test_what_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(value)


def test_whether_a_fact_is_known_cannot_be_asked() -> None:
    """The one question that would break the promise about unknown facts has no words."""
    for word in ("known", "unknown", "has", "exists", "is-known", "missing"):
        with pytest.raises(ValueError, match="a test that this fact has"):
            read({"case.number": {word: True}})
