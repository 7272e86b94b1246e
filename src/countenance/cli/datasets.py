"""`countenance datasets`: which known sets there are, and `get` to bring one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Debug, Quiet

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def datasets(context: typer.Context, debug: Debug = False) -> None:  # noqa: ARG001
    """List the known data sets, with source, licence and consent."""
    if context.invoked_subcommand is not None:
        return
    from countenance.cli.terminal import console
    from countenance.cli.views import show_datasets
    from countenance.datasets import known_datasets

    show_datasets(console(), known_datasets())


@app.command("get", no_args_is_help=True)
def get(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Which set, for example london.", show_default=False),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH_OR_URL",
            help="Where to take it from, if not from its publisher.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="Where to put it (default: a folder of its name here).",
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 -- read by `app.run`
) -> None:
    """Bring a known data set: checked by hash, resumed if interrupted, never overwriting."""
    from countenance.cli.terminal import console, progress
    from countenance.cli.views import show_dataset
    from countenance.datasets import get_dataset

    with progress(quiet=quiet) as report:
        dataset = get_dataset(name, source=source, into=into or Path(name), progress=report)
    if not quiet:
        show_dataset(console(), dataset, into or Path(name))
