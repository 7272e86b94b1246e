"""The data set card: where pictures and labels come from, and on what terms.

A rate by group is only as good as the labels behind it, and a face may only be used as the person
in the picture agreed. So every data set has a card, and a card that says nothing says so: each
field that nobody filled in reads "not stated", in the report as well.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from countenance.core import InputError, Note

NOT_STATED = "not stated"
CARD_FILE = "dataset.toml"

Labels = Literal["self-reported", "assigned", "records", "predicted", "not stated"]
LABEL_SOURCES: tuple[Labels, ...] = get_args(Labels)
Sessions = Literal["one", "several", "not stated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCard:
    """What a reader must know of a data set before believing a number made from it.

    Attributes
    ----------
    name
        What the set is called.
    version
        Release, date or commit of the set.
    source
        Who made it, and how the pictures were taken.
    url
        DOI or address where it is published.
    licence
        The terms of use, as the source names them.
    consent
        What the people in the pictures agreed to.
    labels
        Where group labels come from: ``self-reported``, ``assigned`` (by another person),
        ``records`` (an administration's), ``predicted`` (by software) or ``not stated``.
    label_note
        Anything more a reader should know of the labels.
    sessions
        Whether the images of a person were taken in ``one`` sitting or in ``several``. In one,
        mated images are so alike that false non-match rates say nothing of use.
    citation
        How the source asks to be cited.
    withdrawal
        How a person can have their pictures taken out.
    warnings
        What the set cannot support, one sentence each.
    """

    name: str = NOT_STATED
    version: str = NOT_STATED
    source: str = NOT_STATED
    url: str = NOT_STATED
    licence: str = NOT_STATED
    consent: str = NOT_STATED
    labels: Labels = "not stated"
    label_note: str = NOT_STATED
    sessions: Sessions = "not stated"
    citation: str = NOT_STATED
    withdrawal: str = NOT_STATED
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As written into audits: every field, in the order above."""
        return {
            f.name: list(self.warnings) if f.name == "warnings" else getattr(self, f.name)
            for f in fields(self)
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DatasetCard:
        """The inverse of `to_json`; fields left out read "not stated".

        Raises
        ------
        InputError
            A key is unknown, a value has the wrong type, or `labels` is not one of its words.
        """
        return cls(**_checked(value, where="data set card"))

    def blanks(self) -> tuple[str, ...]:
        """Names of the fields that nobody filled in."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) == NOT_STATED)

    def notes(self) -> list[Note]:
        """What the run's summary has to say of this card."""
        found = []
        blank = [name for name in self.blanks() if name in _WEIGHTY]
        if blank:
            found.append(
                Note(
                    code="card-not-stated",
                    count=len(blank),
                    text=f"The data set does not state: {', '.join(blank)}. "
                    f"Write a {CARD_FILE} beside the images to say so in the report.",
                )
            )
        if self.labels == "predicted":
            found.append(
                Note(
                    code="predicted-labels",
                    count=1,
                    text="The group labels were predicted by software: errors of that software "
                    "and errors of the engine under audit cannot be told apart.",
                )
            )
        return found


_WEIGHTY = ("source", "licence", "consent", "labels")


@dataclass(frozen=True, slots=True)
class CardFile:
    """What a ``dataset.toml`` holds: the card, and how to read the rows beside it.

    Attributes
    ----------
    card
        The data set card.
    not_stated
        Values that mean "no answer" in this set's own vocabulary: ``NA``, ``prefer not to say``.
    withdrawn
        Subjects who took back their consent: their rows are passed over.
    """

    card: DatasetCard
    not_stated: frozenset[str] = field(default_factory=frozenset)
    withdrawn: frozenset[str] = field(default_factory=frozenset)

    def over(self, known: CardFile) -> CardFile:
        """What the file says, and where it says nothing, what is known of the set."""
        said = {
            f.name: getattr(self.card, f.name)
            for f in fields(DatasetCard)
            if getattr(self.card, f.name) not in (NOT_STATED, ())
        }
        return CardFile(
            dataclasses.replace(known.card, **said),
            self.not_stated | known.not_stated,
            self.withdrawn | known.withdrawn,
        )


def read_card(folder: Path) -> CardFile | None:
    """Read ``dataset.toml`` in `folder`; None where there is none.

    Raises
    ------
    InputError
        It is not TOML, has a key nobody knows, or a value of the wrong type.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"cannot be read: {error}", where=str(path), expected="a TOML file in UTF-8"
        ) from error
    lists = {key: _texts(values.pop(key, []), key, str(path)) for key in _ROW_KEYS}
    return CardFile(
        card=DatasetCard(**_checked(values, where=str(path))),
        not_stated=frozenset(lists["not_stated"]),
        withdrawn=frozenset(lists["withdrawn"]),
    )


_ROW_KEYS = ("not_stated", "withdrawn")


def _checked(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Keyword arguments for a card, each of the right type."""
    known = [f.name for f in fields(DatasetCard)]
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(
                f"unknown key {key!r}", where=where, expected=", ".join((*known, *_ROW_KEYS))
            )
        if key == "warnings":
            checked[key] = _texts(value, key, where)
        elif not isinstance(value, str):
            raise InputError(f"{key} is {value!r}", where=where, expected="text in quotes")
        else:
            checked[key] = value.strip() or NOT_STATED
    for key, words in (("labels", LABEL_SOURCES), ("sessions", get_args(Sessions))):
        value = checked.get(key, NOT_STATED)
        if value not in words:
            raise InputError(
                f"{key} is {value!r}", where=where, expected=", ".join(map(repr, words))
            )
    return checked


def _texts(value: object, key: str, where: str) -> tuple[str, ...]:
    """A list of texts, or an InputError that names the key."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{key} is {value!r}", where=where, expected='a list: ["one", "two"]')
    return tuple(item.strip() for item in cast("list[str]", value))
