"""Rates and findings in words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countenance.audit.sentences import (
    count,
    interval,
    number,
    percent,
    plain,
    quoted,
    say_differential,
    say_rate,
    summary,
    times,
    worst_and_best,
)
from countenance.audit.types import Differential, Rate


def rate(events: int, trials: int, low: float | None, high: float | None, **more: object) -> Rate:
    given_ = {
        "events": events,
        "trials": trials,
        "people": 8,
        "estimate": events / trials if trials else None,
        "low": low,
        "high": high,
        "level": 0.95,
        "method": "wilson",
        "supported": True,
    }
    return Rate(**{**given_, **more})  # type: ignore[arg-type]


def test_the_house_form() -> None:
    said = say_rate(rate(75, 112, 0.28, 0.93))
    assert said == "75 of 112 comparisons (67 %, 95 % interval 28–93 %)"


def test_counts_have_thousands_separators_and_people_when_asked() -> None:
    said = say_rate(rate(4, 1122, 0.001, 0.012), "comparisons of different people", people=True)
    assert said == (
        "4 of 1,122 comparisons of different people (0.36 %, 95 % interval 0.1–1.2 %; 8 people)"
    )


def test_no_events_is_a_bound_and_never_nought_per_cent() -> None:
    said = say_rate(rate(0, 56, 0.0, 0.41))
    assert said == "0 of 56 comparisons (at most 41 %, 95 % one-sided bound)"
    assert say_rate(rate(0, 1, 0.0, 1.0)) == "0 of 1 comparisons (too few people for a bound)"


def test_all_events_is_a_lower_bound() -> None:
    said = say_rate(rate(8, 8, 0.688, 1.0))
    assert said == "8 of 8 comparisons (at least 69 %, 95 % one-sided bound)"


def test_nothing_compared() -> None:
    assert say_rate(rate(0, 0, None, None), "images") == "no images"


def test_no_interval_is_said() -> None:
    assert "too few people for an interval" in say_rate(rate(1, 2, 0.0, 1.0))
    assert "too few people for an interval" in say_rate(rate(1, 2, None, None))


def test_a_mean_over_pairs_of_people_says_that_it_is_not_the_quotient() -> None:
    said = say_rate(rate(10, 100, 0.05, 0.3, estimate=0.2))
    assert "10 of 100" in said
    assert "20 % when each pair of people counts once" in said


@given(st.floats(min_value=1e-15, max_value=1, exclude_max=True))
@example(0.00999)
@example(0.0999999)
@example(0.9999999)
@example(1 - 2**-53)
@example(0.99949999)
@example(1e-6)
def test_a_percentage_is_never_a_false_nought_or_hundred(p: float) -> None:
    text = percent(p)
    assert text not in ("0", "100", "0.0", "100.0")
    if "×" in text:
        value = float(text.split(" ×")[0]) * 10 ** int(
            text.split("10")[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        )
    else:
        value = float(text)
    assert value == pytest.approx(100 * p, rel=0.051)
    assert 0 < value < 100


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (36 / 56, "64"),
        (4 / 1122, "0.36"),
        (1e-6, "0.0001"),
        (3.6e-5, "0.0036"),
        (0.05, "5"),
        (0.0996, "10"),
        (0.99, "99"),
        (0.996, "99.6"),
        (0.99999, "99.999"),
    ],
)
def test_percentages(p: float, text: str) -> None:
    assert percent(p) == text


def test_an_intervals_lower_end_may_round_outwards_but_not_its_upper() -> None:
    assert interval(4.7e-19, 0.22) == "0–22 %"
    assert interval(0.0, 5e-9) != "0–0 %"


@given(st.floats(min_value=1.0, max_value=1e9))
def test_a_ratio_is_never_said_larger_than_it_is(x: float) -> None:
    assert float(times(x).replace(",", "")) <= x * (1 + 1e-9)


def test_numbers() -> None:
    assert count(1234567) == "1,234,567"
    assert number(-0.25) == "−0.25"
    assert number(0.000000012) == "1.2 × 10⁻⁸"
    assert number(12345.678, 3) == "12,346"


@given(st.text(max_size=200))
def test_a_quoted_label_is_one_short_line(label: str) -> None:
    text = quoted(label)
    assert len(text) <= 76
    assert "\n" not in text
    assert not re.search("[\u202a-\u202e\x00-\x1f]", text)


def test_labels_lose_only_what_cannot_be_seen() -> None:
    assert plain("a\u202eb\x00 \n c") == "ab c"
    assert plain("قهوة") == "قهوة"


def test_the_opening_names_system_threshold_counts_and_interval(shapes: dict) -> None:
    text = summary(shapes["rich"])
    assert text.startswith("At its documented threshold 0.363 (cosine similarity), sface falsely")
    assert re.search(r"\d+ of [\d,]+ comparisons of different people labelled “male, black”", text)
    assert text.count("95 % interval") + text.count("one-sided bound") == 2
    assert "against" in text


def test_each_shape_has_an_honest_opening(shapes: dict) -> None:
    said = {name: summary(audit) for name, audit in shapes.items()}
    assert "no comparisons of different people" in said["no_nonmated"]
    assert "No groups were asked for" in said["no_groups"]
    assert "no difference between groups can be measured" in said["one_group"]
    assert "That does not show that its rate is zero" in said["zero_events"]
    assert "the system falsely matched" in said["bare"]
    for text in said.values():
        assert "None" not in text
        assert "nan" not in text.lower()
        assert text.endswith(".")


def test_the_opening_does_not_read_a_summary_that_is_there(shapes: dict) -> None:
    audit = shapes["rich"]
    assert summary(replace(audit, summary="Nothing to see.")) == summary(audit)


def test_two_people_do_not_become_the_headline(shapes: dict) -> None:
    audit = shapes["rich"]
    groups = list(audit.results[0].groupings[-1].groups)
    tiny = replace(groups[-1], group="two people", fmr=rate(2, 2, 0.05, 1.0, people=2))
    worst, best = worst_and_best([tiny, *groups])
    assert worst.group == "male, black"
    assert best is not None
    assert best.group != "two people"


def test_thresholds_say_who_set_them(shapes: dict) -> None:
    audit = shapes["rich"]
    target = next(
        i
        for i, r in enumerate(audit.results)
        if r.threshold.source == "target" and r.threshold.value
    )
    said = summary(replace(audit, operating=target))
    assert "the threshold set for a false match rate of 0.01 on all comparisons" in said
    unreachable = next(i for i, r in enumerate(audit.results) if r.threshold.value is None)
    assert summary(replace(audit, operating=unreachable)).startswith("No threshold could be set")


@pytest.mark.parametrize(
    ("verdict", "at_least", "at_most", "words"),
    [
        ("shown", 12.9, 400.0, "at least 12 times"),
        ("shown", 1.04, 3.0, "is higher than"),
        ("bounded", 1.0, 1.84, "no group is more than 1.9 times"),
        ("inconclusive", 1.0, 40.0, "the sentence given"),
        ("undefined", None, None, "the sentence given"),
    ],
)
def test_the_ratio_in_words(
    verdict: str, at_least: float | None, at_most: float | None, words: str
) -> None:
    differential = Differential(
        rate="fmr",
        verdict=verdict,  # type: ignore[arg-type]
        sentence="the sentence given",
        at_least=at_least,
        at_most=at_most,
        ratios=(),
        measures=(),
        insufficient=(),
        parity=None,
    )
    assert words in say_differential(differential, 0.95)
