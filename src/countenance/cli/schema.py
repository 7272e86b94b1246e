"""`countenance schema`: the JSON schema of audit.json, to check an audit with any tool."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON schema that every audit.json obeys."""
    from countenance.audit.jsonform import schema as audit_schema
    from countenance.core import pretty_json

    typer.echo(pretty_json(audit_schema()), nl=False)
