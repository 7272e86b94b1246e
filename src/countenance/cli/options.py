"""Options that several commands share, each said once, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _print_version(asked: bool) -> None:
    if asked:
        from countenance import __version__

        typer.echo(f"countenance {__version__}")
        raise typer.Exit


def _check_page(text: str) -> str:
    from countenance.cli.parsing import choice

    return choice(text, ("a4", "letter"), option="--page")


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error; with any command.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: errors only.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FOLDER", help="Where the report goes (default: report)."),
]
Pdf = Annotated[
    bool | None,
    typer.Option(
        "--pdf/--no-pdf", help="Write report.pdf too (default: when the pdf extra is installed)."
    ),
]
Page = Annotated[
    str,
    typer.Option("--page", metavar="SIZE", callback=_check_page, help="Paper: a4 or letter."),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine", "-e", metavar="NAME", help="Which engine; see `countenance engines`."
    ),
]
Selection = Annotated[
    str,
    typer.Option(
        "--selection",
        metavar="RULE",
        help="Several faces in an image: `one` counts a failure, `largest` takes the largest.",
    ),
]
