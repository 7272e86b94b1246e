"""A card says what somebody stated, and plainly says so where nobody did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from countenance.core import InputError
from countenance.datasets import DatasetCard
from countenance.datasets.card import LABEL_SOURCES, CardFile, read_card

Write = Callable[[dict[str, bytes | str]], Path]


def test_nothing_stated_is_said() -> None:
    card = DatasetCard()
    told = card.to_json()
    assert set(told) - {"warnings"} == set(card.blanks())
    assert {value for key, value in told.items() if key != "warnings"} == {"not stated"}
    (note,) = card.notes()
    assert note.code == "card-not-stated"
    assert "source, licence, consent, labels" in note.text


def test_round_trip() -> None:
    card = DatasetCard(name="a", labels="records", warnings=("b", "c"), url="https://x")
    assert DatasetCard.from_json(card.to_json()) == card


def test_read(write: Write) -> None:
    root = write(
        {
            "dataset.toml": 'name = "A"\nlicence = " "\nlabels = "self-reported"\n'
            'warnings = ["small"]\nnot_stated = ["NA", "-"]\nwithdrawn = ["7"]\n'
        }
    )
    found = read_card(root)
    assert found is not None
    assert found.card == DatasetCard(name="A", labels="self-reported", warnings=("small",))
    assert (found.not_stated, found.withdrawn) == ({"NA", "-"}, {"7"})
    assert read_card(root.parent) is None


def test_a_known_sets_card_is_kept_where_the_file_says_nothing() -> None:
    known = CardFile(
        DatasetCard(name="K", consent="signed", labels="records", warnings=("w",)),
        frozenset({"NA"}),
    )
    own = CardFile(DatasetCard(name="Mine", labels="assigned"), withdrawn=frozenset({"7"}))
    assert own.over(known) == CardFile(
        DatasetCard(name="Mine", consent="signed", labels="assigned", warnings=("w",)),
        frozenset({"NA"}),
        frozenset({"7"}),
    )


def test_predicted_labels_are_named() -> None:
    stated = {"source": "x", "licence": "x", "consent": "x", "labels": "predicted"}
    assert [note.code for note in DatasetCard.from_json(stated).notes()] == ["predicted-labels"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('labels = "guessed"', ["labels is 'guessed'", *LABEL_SOURCES]),
        ('license = "MIT"', ["unknown key 'license'", "licence"]),
        ("name = 7", ["name is 7", "text in quotes"]),
        ('warnings = "one"', ["warnings is 'one'", "a list"]),
        ("withdrawn = [7]", ["withdrawn is [7]"]),
        ("name = ", ["cannot be read"]),
        (b'name = "\xe9"', ["cannot be read"]),
    ],
)
def test_refused(write: Write, text: str | bytes, words: list[str]) -> None:
    root = write({"dataset.toml": text})
    with pytest.raises(InputError) as caught:
        read_card(root)
    assert "dataset.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)
