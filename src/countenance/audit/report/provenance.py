"""What was tested, who was tested, what the run met, and how to do it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from countenance.audit.report.blocks import (
    Block,
    Code,
    Facts,
    Items,
    Part,
    Piece,
    Text,
)
from countenance.audit.report.model import Column, Table
from countenance.audit.report.view import View
from countenance.audit.sentences import count, percent
from countenance.audit.types import (
    Grouping,
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


#: Keys of cards that readers ask for first, in this order; the rest follow by name.
_FIRST = (
    *("name", "version", "title", "source", "url", "doi", "licence", "consent", "withdrawal"),
    *("labels", "label_note", "sessions", "warnings", "citation", "default_threshold"),
    *("threshold_source", "unit", "selection", "settings", "parts", "training_data"),
)
_NAMES = {"url": "address", "doi": "DOI", "sha256": "SHA-256", "min_face_px": "smallest face, px"}
_FAILURES = {
    "exclude": "left out of the rates",
    "positive": "counted as misses",
    "negative": "counted as false matches",
}


def tested(view: View) -> tuple[Block, ...]:
    """The system as its card has it, and which images were compared."""
    audit = view.audit
    blocks: list[Block] = []
    if audit.engine:
        models = [m for m in audit.engine.get("models") or () if isinstance(m, Mapping)]
        blocks.append(_card(audit.engine, skip=("models",)))
        blocks += [
            Part(str(model.get("name", "Model")), (_card(model, skip=("name",)),))
            for model in models
        ]
    else:
        blocks.append(Text("The scores came without a description of the system that made them."))
    c = audit.counts
    said = audit.protocol.description
    failed = f"; {count(c.failed_comparisons)} could not be made" if c.failed_comparisons else ""
    blocks.append(
        Part(
            "What was compared",
            (
                Text(
                    f"{said.rstrip('.')}. {count(c.mated)} comparisons of the same person, "
                    f"{count(c.nonmated)} of different people, {count(c.nonmated_same_group)} of "
                    f"these within one group{failed}. Protocol: {audit.protocol.name}."
                ),
            ),
        )
    )
    return tuple(blocks)


def who(view: View) -> tuple[Block, ...]:
    """The data set as its card has it, and how many people each group has."""
    audit = view.audit
    blocks: list[Block] = [
        _card(audit.dataset)
        if audit.dataset
        else Text(
            "The data set has no description: its source, licence and consent are not stated."
        )
    ]
    return (*blocks, *(_people(g) for g in audit.groupings))


def notes(view: View) -> tuple[Block, ...]:
    """What the run met and went on from."""
    said = []
    for note in view.audit.notes:
        where = "; ".join(note.where)
        more = note.count - len(note.where)
        if where and more > 0:
            where += f"; {count(more)} more"
        said.append(f"{note.text} ({where})" if where else note.text)
    return (Items(tuple(said)),) if said else ()


def again(view: View) -> tuple[Block, ...]:
    """Command, versions, settings and hashes: all that another run needs."""
    audit, settings = view.audit, view.audit.settings
    parts = "".join(f", {name} {version}" for name, version in audit.software.parts.items())
    rows: list[tuple[str, tuple[Piece, ...]]] = [
        (name, (Piece("text", text),))
        for name, text in (
            (
                "Software",
                f"{audit.software.name} {audit.software.version}, Python "
                f"{audit.software.python}{parts}",
            ),
            ("Seed", str(settings.seed)),
            ("Confidence", f"{percent(settings.level)} %"),
            ("Groups", ", ".join(settings.groups) or "none"),
            ("Target FMR", ", ".join(settings.fmr_targets) or "none"),
            ("Claimed FMR", settings.claimed_fmr or "none"),
            ("Failed images", _FAILURES[settings.failures]),
        )
    ]
    for file in audit.inputs:
        size = f", {count(file.rows)} rows" if file.rows is not None else ""
        rows.append(
            (
                "Input",
                (
                    Piece("text", f"{file.name}{size}, SHA-256"),
                    Piece("hash", file.sha256, f"hash of {file.name}"),
                ),
            )
        )
    return (
        Text(
            "The same inputs, version and settings give the same audit.json, byte for byte; "
            "this report is a view of it."
        ),
        Code(audit.command or "(made through the library, without a command)"),
        Facts(tuple(rows)),
    )


def _people(grouping: Grouping) -> Table:
    columns = (
        Column("group", "Group"),
        Column("people", "People", "count"),
        Column("images", "Images", "count"),
    )
    rest = f"; {count(grouping.not_stated)} not labelled" if grouping.not_stated else ""
    return Table(
        f"People by {grouping.label}{rest}",
        columns,
        tuple((g.label, g.people, g.images) for g in grouping.groups),
    )


def _card(card: Mapping[str, Any], *, skip: tuple[str, ...] = ()) -> Facts:
    """A card as its room wrote it: every key that says something, those people ask for first."""
    first = {key: i for i, key in enumerate(_FIRST)}
    rows = []
    for key in sorted(card, key=lambda k: (first.get(k, len(first)), k)):
        pieces = tuple(_pieces(card[key], key))
        if key not in skip and pieces:
            rows.append((_name(key), pieces))
    return Facts(tuple(rows))


def _name(key: str) -> str:
    words = _NAMES.get(key, key.replace("_", " "))
    return words[:1].upper() + words[1:]


def _pieces(value: Any, name: str) -> Iterable[Piece]:
    if value is None or value == "":
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            pieces = list(_pieces(inner, str(key)))
            said = str(key).replace("_", " ")
            if len(pieces) == 1 and pieces[0].kind == "text":
                yield Piece("text", f"{said}: {pieces[0].value};")
            elif pieces:
                yield Piece("text", f"{said}:")
                yield from pieces
    elif isinstance(value, (list, tuple)):
        if value and all(isinstance(v, (int, float)) for v in value):
            yield Piece("text", ", ".join(str(v) for v in value))
        else:
            for inner in value:
                yield from _pieces(inner, name)
    elif isinstance(value, bool):
        yield Piece("text", "yes" if value else "no")
    elif isinstance(value, int):
        yield Piece("text", count(value))
    elif isinstance(value, str) and _SHA256.fullmatch(value):
        yield Piece("hash", value, name)
    elif isinstance(value, str) and value.startswith(("https://", "http://")) and " " not in value:
        yield Piece("link", value)
    else:
        yield Piece("text", str(value))
