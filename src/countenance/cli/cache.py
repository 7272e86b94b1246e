"""`countenance cache`: what is kept on this machine, and `clear` to remove it."""

from __future__ import annotations

import typer

from countenance.cli.options import Debug

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def cache(context: typer.Context, debug: Debug = False) -> None:  # noqa: ARG001
    """Show the templates kept on this machine. A template is biometric data: clear what you do not need."""
    if context.invoked_subcommand is not None:
        return
    from countenance.scores import TemplateCache

    kept = TemplateCache()
    typer.echo(kept.describe())


@app.command("clear")
def clear(debug: Debug = False) -> None:  # noqa: ARG001
    """Remove every template kept on this machine."""
    from countenance.scores import TemplateCache

    removed = TemplateCache().clear()
    typer.echo(f"{removed:,} templates removed")
