"""`countenance reproduce`: the audit again from its inputs, compared byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Debug, Quiet


def reproduce(
    audit: Annotated[
        Path, typer.Argument(metavar="AUDIT.JSON", help="The audit to check.", show_default=False)
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Where the files named in the audit's command are (default: here, then beside the audit).",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor keep templates on this machine.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 -- read by `app.run`
) -> int:
    """Run an audit again and say whether every byte agrees.

    Leaves with code 1, naming the first difference, if not.
    """
    raise NotImplementedError
