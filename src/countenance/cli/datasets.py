"""`countenance datasets`: which known sets there are, and `get` to bring one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli.options import Quiet

if TYPE_CHECKING:
    from countenance.datasets import DatasetCard

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def datasets(context: typer.Context) -> None:
    """List the known data sets, with source, licence and consent, or bring one."""
    if context.invoked_subcommand is not None:
        return
    from countenance.cli.terminal import console, show_facts
    from countenance.datasets import known_datasets

    for known in known_datasets():
        show_facts(console(), known.name, _facts(known.card))


@app.command("get", no_args_is_help=True)
def get(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Which set, as london.", show_default=False)
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH_OR_URL",
            help="Where to take it from (default: its publisher).",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="Where to put it (default: a folder of its name, here).",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Bring a known data set.

    Files are checked by their hashes, an interrupted download goes on where it stopped, and
    nothing that is there already is overwritten.
    """
    from countenance.cli.terminal import console, plain, progress
    from countenance.datasets import get_dataset

    folder = into or Path(name)
    with progress(quiet=quiet) as report:
        dataset = get_dataset(name, source=source, into=folder, progress=report)
    if not quiet:
        out = console()
        out.print(f"{len(dataset.samples):,} images of {len(dataset.subjects):,} people")
        out.print(f"in {plain(str(folder))}", soft_wrap=True)


def _facts(card: DatasetCard) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), text)
        for name, value in card.to_json().items()
        for text in ([value] if isinstance(value, str) else value)
        if name != "name"
    ]
