"""`countenance cache`: what is kept on this machine, and `clear` to remove it."""

from __future__ import annotations

import typer

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def cache(context: typer.Context) -> None:
    """Show or clear the templates kept on this machine.

    Templates are kept so that a second audit of a folder is quick. They are biometric data, as
    sensitive as the images: clear what is not needed.
    """
    if context.invoked_subcommand is not None:
        return
    from countenance.cli.onfile import audits_folder, audits_on_file
    from countenance.cli.terminal import console, show_facts
    from countenance.scores import TemplateCache

    kept = TemplateCache()
    on_file = [path.stem for path in audits_on_file()]
    show_facts(
        console(),
        "Kept on this machine",
        [
            ("templates", f"{kept.size_bytes() / 1e6:,.1f} MB in {kept.folder}"),
            ("audits on file", f"{', '.join(on_file) or 'none'} in {audits_folder()}"),
        ],
    )


@app.command("clear")
def clear() -> None:
    """Remove every template kept on this machine; audits on file stay."""
    from countenance.scores import TemplateCache

    kept = TemplateCache()
    megabytes = kept.size_bytes() / 1e6
    engines = kept.clear()
    typer.echo(f"Removed {megabytes:,.1f} MB of templates, of {engines:,} engine(s).")
