"""`countenance compare`: one comparison, and what the audit on file says of such a score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Debug, EngineName, Selection


def compare(
    probe: Annotated[
        Path, typer.Argument(metavar="PROBE", help="An image of one face.", show_default=False)
    ],
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Another.", show_default=False)
    ],
    engine: EngineName = "sface",
    selection: Selection = "one",
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="The audit to read the score by (default: the one on file).",
        ),
    ] = None,
    debug: Debug = False,  # noqa: ARG001 -- read by `app.run`
) -> int:
    """Compare two images and say what the audit on file says of such a score.

    A score is not a chance that two people are one. It can only be read beside how often
    different people score as high.
    """
    raise NotImplementedError
