"""An audit as asked: checked, spelt as a command, read back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.cli.request import COLUMNS, ask, asked_in, file_name
from countenance.core import InputError

NAMES = st.text(
    st.characters(exclude_characters=",=/\\\0", exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]),
    min_size=1,
    max_size=10,
).filter(lambda name: name not in (".", "..") and name == name.strip() and not name.isspace())
RATES = st.sampled_from(["0.1", "1e-3", "0.00001", "1"])
NUMBERS = st.sampled_from(["0.363", "-1", "0", "1e-5", "0.6"])
EDGES = st.lists(st.integers(-99, 99), min_size=1, max_size=4, unique=True).map(sorted)


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """Keywords of `ask` in any combination that goes together."""
    maybe = {
        "engine": NAMES,
        "layout": NAMES,
        "selection": st.sampled_from(["one", "largest"]),
        "group": st.lists(NAMES, unique=True, max_size=3),
        "threshold": st.lists(NUMBERS, unique=True, max_size=3),
        "fmr_target": st.lists(RATES, unique=True, max_size=3),
        "claim": RATES,
        "attributes": NAMES.map(Path),
        "columns": st.dictionaries(st.sampled_from(COLUMNS), NAMES, max_size=3).map(
            lambda pairs: [f"{a}={b}" for a, b in pairs.items()]
        ),
        "direction": st.sampled_from(["similarity", "dissimilarity"]),
        "unit": NAMES,
        "failures": st.sampled_from(["exclude", "positive", "negative"]),
        "level": st.sampled_from(["0.95", "0.9", "0.99"]),
        "seed": st.integers(0, 10**9),
        "date": st.dates().map(str),
        "title": st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(maybe))))
    keywords: dict[str, Any] = {name: draw(maybe[name]) for name in sorted(chosen)}
    names = draw(st.lists(NAMES, unique=True, max_size=2))
    keywords["bins"] = [f"{name}={','.join(map(str, draw(EDGES)))}" for name in names]
    which = draw(st.sampled_from(["neither", "split", "pairs"]))
    if which == "split":
        attribute = draw(NAMES)
        keywords["probe"] = f"{attribute}={draw(NAMES)}"
        keywords["reference"] = f"{attribute}={draw(NAMES)}"
    elif which == "pairs":
        keywords["pairs"] = Path(draw(NAMES))
    return keywords


@given(NAMES, asked())
def test_the_command_says_all_of_the_request(data: str, keywords: dict[str, Any]) -> None:
    request = ask(Path(data), **keywords)
    assert asked_in(request.command()) == request


@given(asked())
def test_the_command_names_no_folder(keywords: dict[str, Any]) -> None:
    here = ask(Path("scores.parquet"), **keywords).command()
    there = ask(Path("/somebody/private/scores.parquet"), **keywords).command()
    assert here == there


def test_folders_are_named_by_their_own_name(tmp_path: Path, monkeypatch: Any) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    monkeypatch.chdir(faces)
    assert file_name(Path()) == "faces"
    assert file_name(Path("x/faces/")) == "faces"
    assert file_name(Path("..")) == tmp_path.name


def test_the_command_can_be_typed() -> None:
    request = ask(
        Path("my scores.csv"), group=["gender,ethnicity"], threshold=["0.363"], title="It's late"
    )
    assert shlex.split(request.command()) == [
        *("countenance", "audit", "my scores.csv", "--group", "gender,ethnicity"),
        *("--threshold", "0.363", "--title", "It's late"),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "countenance",
        "countenance audit",
        "countenance plan x",
        "rm -rf x",
        "countenance audit x --group",
        "countenance audit x --wipe y",
        "countenance audit x 'unclosed",
        "countenance audit x --direction sideways",
        "countenance audit x --level 2",
    ],
)
def test_a_command_of_another_kind_is_refused(command: str) -> None:
    with pytest.raises(InputError):
        asked_in(command)


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        ({"direction": "up"}, "--direction"),
        ({"selection": "both"}, "--selection"),
        ({"failures": "ignore"}, "--failures"),
        ({"level": "95"}, "--level"),
        ({"level": "1"}, "--level"),
        ({"date": "23.11.2026"}, "--date"),
        ({"date": "2026-02-30"}, "--date"),
        ({"claim": "0.1%"}, "--claim"),
        ({"claim": "0"}, "--claim"),
        ({"fmr_target": ["2"]}, "--fmr-target"),
        ({"threshold": ["high"]}, "--threshold"),
        ({"probe": "expression=neutral"}, "--probe"),
        ({"reference": "expression=neutral"}, "--reference"),
        ({"probe": "a=1", "reference": "b=2"}, "--probe"),
        ({"probe": "a=1,b=2", "reference": "a=1,b=3"}, "--probe"),
        ({"probe": "a=1", "reference": "a=2", "pairs": Path("p.csv")}, "--pairs"),
        ({"columns": ["score"]}, "--columns"),
        ({"columns": ["scroe=s"]}, "'score'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(keywords: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as error:
        ask(Path("x"), **keywords)
    assert named in error.value.diagnostics()
    assert error.value.expected
