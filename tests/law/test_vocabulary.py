"""The facts: each can be asked, stated and folded to one spelling."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lawkit import WORDS, values

from countenance.law.conditions import atoms
from countenance.law.library import bundled
from countenance.law.vocabulary import Kind, read_vocabulary, vocabulary


@pytest.mark.parametrize("name", list(WORDS))
def test_every_fact_can_be_asked(name: str) -> None:
    fact = WORDS[name]
    assert fact.ask[0].isupper()
    assert fact.ask.endswith(("?", ")"))
    assert (fact.kind is Kind.NUMBER) == bool(fact.unit)
    assert bool(fact.words) == (fact.kind in (Kind.ONE_OF, Kind.SOME_OF))
    assert not fact.rising or fact.kind is Kind.ONE_OF
    for word in fact.words:
        fact.accept([word] if fact.kind is Kind.SOME_OF else word)


@pytest.mark.parametrize("name", list(WORDS))
def test_a_stored_value_is_its_own_stored_form(name: str) -> None:
    @given(values(name))
    def check(value: object) -> None:
        stored = WORDS[name].accept(value)
        assert WORDS[name].accept(stored) == stored

    check()


@given(st.text(max_size=1000))
@example("ŉ" * 400)
@example("ᾷ")
@example("\u0345\u0300a\u0345")
@example("ﷺ" * 70)
def test_text_is_folded_once_and_for_all(text: str) -> None:
    try:
        stored = WORDS["engine.vendor"].accept(text)
    except ValueError:
        return
    assert WORDS["engine.vendor"].accept(stored) == stored


@pytest.mark.parametrize(
    "spelling", ["Amazon", "AMAZON", " amazon ", "ａｍａｚｏｎ", "𝐀mazon", "Ａ𝒎azon"]
)
def test_spelling_hides_no_vendor(spelling: str) -> None:
    assert WORDS["engine.vendor"].accept(spelling) == "amazon"


def test_every_word_that_a_pack_uses_is_there() -> None:
    for pack in bundled().values():
        for rule in pack:
            for condition in (rule.scope, rule.broken):
                assert {atom.fact for atom in atoms(condition)} <= {*WORDS, "as-of"}


def test_near_names_are_offered() -> None:
    assert "probe.kind" in WORDS.near("probe.kinds")
    assert "see:" in WORDS.near("qqqqqqqq")
    assert "see:" in WORDS.near("probe.kind" * 100_000)


def test_two_vocabularies_are_the_same_where_their_bytes_are() -> None:
    again = read_vocabulary(vocabulary().text)
    assert again == vocabulary()
    assert hash(again) == hash(vocabulary())
    assert read_vocabulary(vocabulary().text + b"\n") != vocabulary()
