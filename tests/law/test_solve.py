"""The solver against brute force: what it finds is so, and what it does not find is not there."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.law import read_vocabulary
from countenance.law.conditions import AllOf, AnyOf, Atom, Condition, Not, holds
from countenance.law.solve import SearchTooLongError, reduced, solve

WORDS = read_vocabulary(
    b"""
["act"]
ask = "What?"
one-of = ["search", "rely"]

["a.yes"]
ask = "Is it?"
type = "yes-no"

["a.word"]
ask = "Which?"
one-of = ["red", "green", "blue"]

["a.some"]
ask = "Which ones?"
some-of = ["x", "y", "z"]

["a.number"]
ask = "How many?"
type = "number"
unit = "days"

["a.text"]
ask = "Who?"
type = "text"
"""
)
VALUES: dict[str, list[Any]] = {
    "a.yes": [True, False],
    "a.word": ["red", "green", "blue"],
    "a.some": [
        frozenset(w for w, bit in zip("xyz", bits, strict=True) if bit)
        for bits in product((0, 1), repeat=3)
    ],
    "a.number": [0, 1, 2, 3, 4, 5, 6],
    "a.text": ["acme", "bolt", "acme bolt", "bolt acme corp", "corp", "nobody"],
}


def words_of(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


ATOMS = st.one_of(
    st.builds(Atom, st.just("a.yes"), st.just("in"), st.sampled_from([(True,), (False,)])),
    st.builds(Atom, st.just("a.word"), st.just("in"), words_of(["red", "green", "blue"])),
    st.builds(
        Atom,
        st.just("a.some"),
        st.sampled_from(["any", "includes", "only"]),
        words_of(["x", "y", "z"]),
    ),
    st.just(Atom("a.some", "only", ())),
    st.builds(
        Atom,
        st.just("a.number"),
        st.sampled_from([">=", "<=", "in"]),
        st.integers(1, 5).map(lambda n: (n,)),
    ),
    st.builds(Atom, st.just("a.text"), st.just("mentions"), words_of(["acme", "bolt"])),
    st.builds(Atom, st.just("a.text"), st.just("in"), st.just(("acme",))),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(tuple).map(AllOf),
        st.lists(inner, max_size=3).map(tuple).map(AnyOf),
    ),
    max_leaves=8,
)
GOALS = st.lists(CONDITIONS, min_size=1, max_size=3)
FACTS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
)


def brute(goals: list[Condition], fixed: dict[str, Any], free: frozenset[str]) -> bool:
    """Whether some choice of the free facts (or leaving them as they are) makes all true."""
    names = sorted(free)
    choices = [[None, *VALUES[name]] for name in names]
    for values in product(*choices):
        chosen = {n: v for n, v in zip(names, values, strict=True) if v is not None}
        if all(holds(goal, {**fixed, **chosen}) for goal in goals):
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(GOALS, FACTS, st.sets(st.sampled_from(sorted(VALUES)), max_size=3).map(frozenset))
def test_it_finds_facts_where_there_are_any_and_only_there(
    goals: list[Condition], fixed: dict[str, Any], free: frozenset[str]
) -> None:
    found = solve(goals, fixed=fixed, free=free, words=WORDS)
    assert (found is not None) == brute(goals, fixed, free)
    if found is not None:
        assert set(found) <= free
        assert all(holds(goal, {**fixed, **found}) for goal in goals)
        for name, value in found.items():  # an example that can be written in a request
            WORDS[name].accept(sorted(value) if isinstance(value, frozenset) else value)


@settings(max_examples=100, deadline=None)
@given(GOALS, FACTS)
def test_with_no_facts_named_all_that_are_not_fixed_are_free(
    goals: list[Condition], fixed: dict[str, Any]
) -> None:
    rest = frozenset(VALUES) - set(fixed)
    assert solve(goals, fixed=fixed, words=WORDS) == solve(
        goals, fixed=fixed, free=rest, words=WORDS
    )


@settings(max_examples=150, deadline=None)
@given(GOALS, FACTS, FACTS)
def test_reducing_keeps_what_is_true(
    goals: list[Condition], fixed: dict[str, Any], other: dict[str, Any]
) -> None:
    free = frozenset(other) - set(fixed)
    facts = {**fixed, **{name: other[name] for name in free}}
    left = reduced(goals, fixed=fixed, free=free)
    whole = all(holds(goal, facts) for goal in goals)
    assert whole == (left is not None and all(holds(goal, facts) for goal in left))


def test_every_three_tests_of_a_set_are_settled_rightly() -> None:
    subsets = [values for n in (1, 2, 3) for values in combinations("xyz", n)]
    tests = [Atom("a.some", kind, v) for kind in ("any", "includes", "only") for v in subsets]
    goals: list[Condition] = [Atom("a.some", "only", ()), *tests, *map(Not, tests)]
    for some in combinations(goals, 3):
        there = any(all(holds(g, {"a.some": v}) for g in some) for v in VALUES["a.some"])
        assert (solve(some, words=WORDS) is not None) == there, some


def test_a_fact_that_nobody_may_choose_stays_unknown() -> None:
    yes = Atom("a.yes", "in", (True,))
    either = AnyOf((yes, Not(yes)))  # true of every value, and open while there is none
    assert solve([either], free=frozenset(), words=WORDS) is None
    assert solve([either], words=WORDS) == {"a.yes": True}


def test_an_example_says_no_more_than_it_must() -> None:
    some = Atom("a.some", "any", ("y", "z"))
    found = solve([some], words=WORDS)
    assert found is not None
    assert len(found["a.some"]) == 1  # type: ignore[arg-type]
    assert solve([Not(some)], words=WORDS) == {"a.some": frozenset()}


def test_a_puzzle_without_an_answer_is_given_up_not_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seven pigeons in six holes: no facts exist, and showing it takes thousands of steps."""
    holes, pigeons = range(6), range(7)
    text = '["act"]\nask = "What?"\none-of = ["search"]\n' + "".join(
        f'["p{p}.h{h}"]\nask = "In?"\ntype = "yes-no"\n' for p in pigeons for h in holes
    )
    words = read_vocabulary(text.encode())

    def sits(p: int, h: int) -> Condition:
        return Atom(f"p{p}.h{h}", "in", (True,))

    goals: list[Condition] = [AnyOf(tuple(sits(p, h) for h in holes)) for p in pigeons]
    goals += [
        AnyOf((Not(sits(p, h)), Not(sits(q, h)))) for h in holes for p in pigeons for q in range(p)
    ]
    assert solve(goals[:6] + goals[7:], words=words) is not None
    monkeypatch.setattr("countenance.law.solve.MAX_STEPS", 30)
    with pytest.raises(SearchTooLongError):
        solve(goals, words=words)


def test_too_many_words_that_a_text_may_mention_are_not_guessed_either() -> None:
    named = [Atom("a.text", "mentions", (f"word{n}",)) for n in range(9)]
    with pytest.raises(SearchTooLongError):
        solve(named, words=WORDS)
    assert solve(named[:8], words=WORDS) is not None
    assert solve([*named[:8], Atom("a.text", "in", ("word1",))], words=WORDS) is None
