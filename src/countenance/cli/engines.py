"""`countenance engines`: what is installed, with versions, hashes, licences and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from countenance.faces import EngineEntry


def engines(
    json: Annotated[bool, typer.Option("--json", help="Print the whole cards as JSON.")] = False,
) -> None:
    """List the engines: versions, model hashes, default thresholds, licences."""
    from countenance.cli.terminal import console, show_facts
    from countenance.core import pretty_json
    from countenance.faces import engine_cards

    entries = engine_cards()
    if json:
        typer.echo(pretty_json([_json(entry) for entry in entries]), nl=False)
        return
    for entry in entries:
        show_facts(console(), entry.name, _facts(entry))
    typer.echo("Whole hashes, settings and library versions: countenance engines --json")


def _json(entry: EngineEntry) -> dict[str, Any]:
    card = entry.card.to_json() if entry.card else {"name": entry.name}
    return card | {"installed": entry.installed, "problem": entry.problem}


def _facts(entry: EngineEntry) -> list[tuple[str, str]]:
    facts = [("installed", "yes" if entry.installed else f"no: {entry.problem}")]
    card = entry.card
    if card is None:
        return facts
    sign = "at least" if card.unit.higher_is_more_similar else "at most"
    facts += [
        ("version", f"{card.version}, identity {card.identity[:16]}"),
        ("default threshold", f"{card.unit.name} {sign} {card.default_threshold}"),
        ("documented in", card.threshold_source),
        ("several faces", f"selection {card.selection}"),
    ]
    for model in card.models:
        facts.append(("model", f"{model.name} ({model.licence}), SHA-256 {model.sha256[:16]}"))
    return [*facts, ("licence", card.licence), ("trained on", card.training_data)]
