"""The form of a request: what it asks, and how what was typed becomes a `RequestForm`.

Its questions are the law's vocabulary, as far as the requester has to answer for them. Those on
which the rules of this place turn come first; every other one is there, too, folded away. A
question left open stays unknown, which permits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from countenance.core import InputError
from countenance.desk.assembling import Document, RequestForm
from countenance.desk.facts import REQUESTER
from countenance.law import Fact, Request, bundled_vocabulary
from countenance.web.fields import Fields

MOST_DOCUMENTS = 12
MOST_LINES = 50
NONE = "none-of-these"
"""The answer that a set of words is empty: something else than no answer."""
_MOST_NUMBER = 10**6
_OF_A_DOCUMENT = {
    "kind": "what it is", "reference": "its number or reference", "issued_by": "issued by",
    "issued_on": "issued on",
}  # fmt: skip
_LABELS = {
    "probe": "Probe", "gallery": "Gallery", "documents_none": "There is no such document",
    "elsewhere": "Searches that others made", "elsewhere_none": "There was no search elsewhere",
    "behalf_places": "Whose law binds those it is done for",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of a form: those to answer first, and the others."""

    first: tuple[Fact, ...]
    others: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A field that does not count yet. `says`: what is wrong; empty where something is missing."""

    name: str
    label: str
    says: str


def questions(fields: Fields, needed: Iterable[str]) -> Questions:
    """First what is needed and what was answered, each in the vocabulary's order."""
    wanted = set(needed)
    every = [fact for name, fact in bundled_vocabulary().items() if name in REQUESTER]
    first = tuple(
        fact for fact in every if fact.name in wanted or any(fields.all_typed(fact.name))
    )
    return Questions(first, tuple(fact for fact in every if fact not in first))


def read_form(fields: Fields, *, case: str, engine: str) -> RequestForm:
    """What was typed, half full or full. Raises InputError with the field's name."""
    gallery = fields.typed("gallery")
    if len(gallery) > 64:
        raise InputError("choose one of these", where="gallery")
    return RequestForm(
        case, fields.id("probe") if fields.typed("probe") else "", gallery, engine,
        dict(_stated(fields)), _documents(fields), _elsewhere(fields), _places(fields),
    )  # fmt: skip


def read_so_far(
    fields: Fields, *, case: str, engine: str
) -> tuple[RequestForm, tuple[Unread, ...]]:
    """What can be read of a form that is being filled in, and what of it cannot be counted yet.

    A row of a document counts once all of it can be read.
    """
    unread: list[Unread] = []
    while True:
        try:
            return read_form(fields, case=case, engine=engine), tuple(unread)
        except InputError as error:
            where = error.where or ""
            unread.append(Unread(where, label_of(where), _says(fields, where, error)))
            part, _, row = where.rpartition("-")
            names = [f"{each}-{row}" for each in _OF_A_DOCUMENT]
            rest = fields.without(names if part in _OF_A_DOCUMENT else [where])
            if len(rest) == len(fields):
                raise  # it is about no field, so leaving one out does not help
            fields = rest


def _says(fields: Fields, where: str, error: InputError) -> str:
    """What is wrong with a field; nothing where there is only nothing in it yet."""
    if not fields.typed(where).strip():
        return ""
    return error.what + (f" ({error.expected})" if error.expected else "")


def label_of(name: str) -> str:
    """A field's name as the form has it."""
    part, _, row = name.rpartition("-")
    if part in _OF_A_DOCUMENT:
        return f"Document {row}: {_OF_A_DOCUMENT[part]}"
    fact = bundled_vocabulary().get(name)
    return _LABELS[name] if fact is None else fact.ask


def rows_of(fields: Fields) -> int:
    """How many rows for documents to show: one more than are filled in."""
    filled = [row for row in range(1, MOST_DOCUMENTS + 1) if _is_filled(fields, row)]
    return min(MOST_DOCUMENTS, max(2, max(filled, default=0) + 1))


def typed_pairs(fields: Fields) -> Iterator[tuple[str, str]]:
    """Every field that has something in it, to be sent again as it is."""
    rows = range(1, MOST_DOCUMENTS + 1)
    documents = [f"{part}-{row}" for row in rows for part in _OF_A_DOCUMENT]
    for name in ("probe", "gallery", *sorted(REQUESTER), *documents, "documents_none",
                 "elsewhere", "elsewhere_none", "behalf_places"):  # fmt: skip
        for value in fields.all_typed(name):
            if value:
                yield name, value


def _stated(fields: Fields) -> Iterator[tuple[str, object]]:
    for name in sorted(REQUESTER):
        value = _answer(fields, bundled_vocabulary()[name])
        if value is not None:
            yield name, value


def _answer(fields: Fields, fact: Fact) -> object:
    """One answer; None where the question is left open."""
    typed = [value for value in fields.all_typed(fact.name) if value.strip()]
    if not typed:
        return None
    match fact.kind.value:
        case "yes-no":
            return fields.answer(fact.name)
        case "number":
            return fields.number(fact.name, least=0, most=_MOST_NUMBER)
        case "one-of":
            return fields.one_of(fact.name, fact.words)
        case "some-of":
            chosen = fields.choices(fact.name, (*fact.words, NONE))
            if NONE in chosen and len(chosen) > 1:
                raise InputError("none of these, or some of them", where=fact.name)
            return [word for word in chosen if word != NONE]
    return fields.line(fact.name)


def _places(fields: Fields) -> tuple[str, ...]:
    places = tuple(fields.lines("behalf_places", most=1000, needed=False).split())
    try:
        return Request(behalf_jurisdictions=places).behalf_jurisdictions
    except InputError as error:  # the law's word for where is not the field's
        raise InputError(error.what, where="behalf_places", expected=error.expected) from None


def _documents(fields: Fields) -> tuple[Document, ...] | None:
    rows = [row for row in range(1, MOST_DOCUMENTS + 1) if _is_filled(fields, row)]
    none = fields.ticked("documents_none")
    if none and rows:
        raise InputError("there is none, or there are these", where="documents_none")
    if not rows:
        return () if none else None
    return tuple(_document(fields, row) for row in rows)


def _is_filled(fields: Fields, row: int) -> bool:
    return any(fields.typed(f"{part}-{row}").strip() for part in _OF_A_DOCUMENT)


def _document(fields: Fields, row: int) -> Document:
    return Document(
        fields.one_of(f"kind-{row}", bundled_vocabulary()["authority.given"].words),
        fields.line(f"reference-{row}", most=300), fields.line(f"issued_by-{row}", most=300),
        fields.date(f"issued_on-{row}"),
    )  # fmt: skip


def _elsewhere(fields: Fields) -> tuple[str, ...] | None:
    text = fields.lines("elsewhere", needed=False)
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    none = fields.ticked("elsewhere_none")
    if none and lines:
        raise InputError("there is none, or there are these", where="elsewhere_none")
    if len(lines) > MOST_LINES:
        raise InputError("too many", where="elsewhere", expected=f"at most {MOST_LINES} lines")
    return lines or (() if none else None)
