"""`countenance record kinds`: which events there are, and what each may say in the open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from countenance.record.entries import EventKind, Field


def kinds(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """List the kinds of events: their public fields, and which are sealed.

    Public fields are needed unless they may be left out; sealed ones may all be.
    """
    from countenance.core import pretty_json
    from countenance.record.kinds import KINDS

    known = [kind for versions in KINDS.values() for kind in versions]
    if json:
        typer.echo(pretty_json({"kinds": [_value(kind) for kind in known]}), nl=False)
        return
    for kind in known:
        typer.echo(f"{kind.name}, version {kind.version}: {kind.says}")
        width = max(map(len, kind.public), default=0)
        for name, field in kind.public.items():
            typer.echo(f"  {name:<{width}}  {_form(field)}")
        typer.echo(f"  sealed: {', '.join(kind.sealed) or 'nothing'}\n")


def _form(field: Field) -> str:
    """What a field may hold, in the words that refuse anything else."""
    form = field.check(None) or field.type
    return f"{form}; may be left out" if field.optional else form


def _value(kind: EventKind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "version": kind.version,
        "says": kind.says,
        "public": {
            name: {"type": f.type, "choices": list(f.choices), "optional": f.optional}
            for name, f in kind.public.items()
        },
        "sealed": list(kind.sealed),
    }
