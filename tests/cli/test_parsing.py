"""Options of more than one value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.cli.parsing import (
    choice,
    number,
    rate,
    split_bins,
    split_list,
    split_pairs,
)
from countenance.core import InputError

WORDS = st.text(st.characters(exclude_characters=",=", exclude_categories=["Cs", "Zs", "Cc"]),
                min_size=1, max_size=8).filter(lambda word: word == word.strip())  # fmt: skip


def test_a_list_may_be_given_together_or_one_by_one() -> None:
    assert split_list(["gender,ethnicity", " age "]) == ("gender", "ethnicity", "age")
    assert split_list(["a,a", "a"]) == ("a",)
    assert split_list(None) == ()


@given(st.lists(WORDS, unique=True))
def test_a_list_survives_joining(words: list[str]) -> None:
    assert split_list([",".join(words)]) == split_list(words) == tuple(words)


@given(st.dictionaries(WORDS, WORDS, max_size=5))
def test_pairs_survive_joining(pairs: dict[str, str]) -> None:
    text = ",".join(f"{name}={value}" for name, value in pairs.items())
    assert split_pairs([text], option="--x", example="a=b") == pairs


@pytest.mark.parametrize("text", ["a", "=b", "a=", "a=b,c", "=", "a=b,=d"])
def test_half_a_pair_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError) as error:
        split_pairs([text], option="--columns", example="score=distance")
    assert error.value.where == "--columns"
    assert error.value.expected == "score=distance"


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        split_pairs(["a=1", "a=2"], option="--columns", example="a=b")


def test_bins() -> None:
    assert split_bins(["age=20,35,50", "height=1.5"]) == {
        "age": (20.0, 35.0, 50.0),
        "height": (1.5,),
    }


@pytest.mark.parametrize(
    "text", ["age", "age=", "=20", "age=20,x", "age=35,20", "age=20,20", "age=nan", "age=inf"]
)
def test_bins_that_make_no_groups_are_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        split_bins([text])
    assert error.value.where == "--bin"


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_the_text_that_was_typed(value: Decimal) -> None:
    assert number(f" {value} ", option="--x", expected="a number") == str(value)


@pytest.mark.parametrize("text", ["", "x", "1,5", "nan", "inf", "-inf", "1e", "0x10", "１２x"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a number"):
        number(text, option="--x", expected="a number")


@pytest.mark.parametrize("text", ["1", "1e-3", "0.001", " 0.5 ", "1E-9"])
def test_rates(text: str) -> None:
    assert rate(text, option="--fmr") == text.strip()


@pytest.mark.parametrize("text", ["0", "-0.1", "1.0001", "1e3", "1/1000"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        rate(text, option="--fmr")


def test_a_percentage_is_named_as_the_slip() -> None:
    with pytest.raises(InputError, match="is a percentage"):
        rate("0.1%", option="--fmr")


def test_a_mistyped_choice_gets_the_nearest() -> None:
    assert choice("largest", ("one", "largest"), option="--selection") == "largest"
    with pytest.raises(InputError) as error:
        choice("larges", ("one", "largest"), option="--selection")
    assert error.value.do == "did you mean 'largest'?"
    assert error.value.expected == "one, largest"
