"""`countenance engines`: what is installed, with versions, hashes, licences and thresholds."""

from __future__ import annotations

from typing import Annotated

import typer

from countenance.cli.options import Debug


def engines(
    json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
    debug: Debug = False,  # noqa: ARG001 -- read by `app.run`
) -> None:
    """List the engines: models and hashes, unit, default threshold, licence."""
    from countenance.cli.terminal import console
    from countenance.cli.views import show_engines
    from countenance.faces import engine_cards

    show_engines(console(), engine_cards())
