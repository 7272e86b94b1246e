"""Limits of `--fail-if`: read as documented, and never passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.audit import Audit, audit
from countenance.cli import main
from countenance.cli.limits import ENDS, MEASURES, exceeded, parse_limit
from countenance.core import InputError
from countenance.scores import read_scores

SIGNS = (">", ">=", "<", "<=")


@given(
    st.sampled_from(MEASURES),
    st.sampled_from(ENDS),
    st.sampled_from(SIGNS),
    st.floats(0, 100, allow_nan=False),
    st.sampled_from(["", " "]),
)
def test_every_form_is_read(measure: str, end: str, sign: str, bound: float, space: str) -> None:
    written = measure if end == "estimate" else f"{measure}.{end}"
    limit = parse_limit(f"{space}{written}{space}{sign}{space}{bound!r}{space}")
    assert (limit.measure, limit.end, limit.sign, limit.bound) == (measure, end, sign, bound)


@pytest.mark.parametrize(
    "text",
    ["", "fmr", "fmr 0.1", "fmr > x", "fmr = 0.1", "fmr == 0.1", "fmr > 1%", "bias > 1",
     "fmr.top > 1", "fmr > 1 > 2", "> 1", "fmr >", "fmr > nan", "fmr > inf"],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_limit(text)
    assert error.value.where == "--fail-if"
    assert error.value.expected


def test_the_nearest_measure_is_suggested() -> None:
    with pytest.raises(InputError) as error:
        parse_limit("wurst-fmr > 0.1")
    assert error.value.do == "did you mean 'worst-fmr'?"


def test_the_worst_group_is_named_with_its_rate(grouped: Audit) -> None:
    groups = grouped.results[grouped.operating].groupings[0].groups
    worst = max(group.fmr.estimate or 0 for group in groups)
    (sentence,) = exceeded(grouped, [parse_limit("worst-fmr > 0.1")])
    assert sentence == f"worst-fmr > 0.1: {worst:.4g}, hazel"
    assert exceeded(grouped, [parse_limit("worst-fmr > 0.99")]) == []


def test_everybody_is_not_the_worst_group(grouped: Audit) -> None:
    overall = grouped.results[grouped.operating].overall.fmr.estimate
    worst = max(
        g.fmr.estimate or 0 for g in grouped.results[grouped.operating].groupings[0].groups
    )
    assert overall is not None
    between = (overall + worst) / 2
    assert exceeded(grouped, [parse_limit(f"fmr > {between}")]) == []
    assert exceeded(grouped, [parse_limit(f"worst-fmr > {between}")])


def test_ends_surround_the_estimate(grouped: Audit) -> None:
    worst = max(
        g.fmr.estimate or 0 for g in grouped.results[grouped.operating].groupings[0].groups
    )
    assert exceeded(grouped, [parse_limit(f"worst-fmr.low >= {worst}")]) == []
    assert exceeded(grouped, [parse_limit(f"worst-fmr.high <= {worst}")]) == []


def test_the_four_comparisons(grouped: Audit) -> None:
    value = grouped.results[grouped.operating].overall.fmr.estimate
    told = {
        sign: bool(exceeded(grouped, [parse_limit(f"fmr {sign} {value!r}")])) for sign in SIGNS
    }
    assert told == {">": False, ">=": True, "<": False, "<=": True}


def test_what_cannot_be_judged_counts_as_exceeded(scores: Path) -> None:
    plain = audit(read_scores(scores), thresholds=["0.5"])
    for measure in ("worst-fmr", "worst-fnmr", "ratio", "ratio.low", "fte", "worst-fte"):
        (sentence,) = exceeded(plain, [parse_limit(f"{measure} > 0.5")])
        assert "cannot be judged" in sentence


def test_the_exit_code_follows(
    scores: Path, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        "audit",
        str(scores),
        "--attributes",
        str(people),
        "-g",
        "tree",
        "-t",
        "0.5",
        "--json",
    ]
    assert main([*asked, "--fail-if", "fmr > 0.9", "--fail-if", "worst-fmr>0.1"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("{")
    assert said.err.startswith("limit exceeded: worst-fmr>0.1: 0.")
    assert main([*asked, "--fail-if", "fmr > 0.9"]) == 0
    assert capsys.readouterr().err == ""
