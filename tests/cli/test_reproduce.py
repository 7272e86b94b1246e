"""`countenance reproduce`: bytes agree, or the first difference is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.audit import Audit
from countenance.cli import main
from countenance.cli.reproduce import differing

Capture = pytest.CaptureFixture[str]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def published(
    grouped: Audit, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An audit with its inputs beside it, in the folder one is in."""
    for name in ("scores.csv", "people.csv"):
        shutil.copy(shelf / name, tmp_path / name)
    (tmp_path / "audit.json").write_text(grouped.to_json(), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "audit.json"


def test_the_same_inputs_give_every_byte(published: Path, capsys: Capture) -> None:
    assert main(["reproduce", "audit.json"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Reproduced: every byte of audit.json agrees")
    assert f"{published.stat().st_size:,} bytes" in said


def test_inputs_are_found_where_they_are_said_to_be(
    published: Path, shelf: Path, capsys: Capture
) -> None:
    for name in ("scores.csv", "people.csv"):
        (published.parent / name).unlink()
    assert main(["reproduce", "audit.json"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("scores.csv: ")
    assert "--inputs" in message
    assert main(["reproduce", "audit.json", "--inputs", str(shelf)]) == 0


def test_a_changed_number_is_named(published: Path, capsys: Capture) -> None:
    value = json.loads(published.read_text("utf-8"))
    value["counts"]["people"] += 1
    published.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert main(["reproduce", "audit.json"]) == 1
    said = capsys.readouterr().out
    assert "1 value differs. The first is counts.people:" in said
    assert "published: 25\n" in said
    assert "now:       24\n" in said


def test_changed_scores_are_noticed(published: Path, capsys: Capture) -> None:
    table = published.parent / "scores.csv"
    text = table.read_text()
    table.write_text(text.replace(text.splitlines()[5], text.splitlines()[5] + "9", 1))
    assert main(["reproduce", "audit.json"]) == 1
    assert "inputs[0].sha256" in capsys.readouterr().out


def test_the_same_values_in_another_form_are_not_the_same_bytes(
    published: Path, capsys: Capture
) -> None:
    published.write_text(json.dumps(json.loads(published.read_text("utf-8"))), "utf-8")
    assert main(["reproduce", "audit.json"]) == 1
    assert "another form" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"schema": "x"}', "\0"])
def test_what_is_no_audit_is_refused_by_name(tmp_path: Path, capsys: Capture, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert main(["reproduce", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


@given(JSON, JSON)
def test_differing_finds_a_difference_iff_there_is_one(a: object, b: object) -> None:
    same = json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    # JSON has one kind of nothing: a key that is missing and a key that is null read alike.
    found = list(differing(a, b))
    if same:
        assert found == []
    if found:
        assert not same


@given(JSON)
def test_nothing_differs_from_itself(a: object) -> None:
    assert list(differing(a, json.loads(json.dumps(a)))) == []
