"""`countenance plan`: how many people a finding needs, before anybody is photographed."""

from __future__ import annotations

from typing import Annotated

import typer

from countenance.cli.options import Debug


def plan(
    fmr: Annotated[
        str,
        typer.Option(
            "--fmr",
            metavar="RATE",
            help="The false match rate expected, for example 1e-3.",
            show_default=False,
        ),
    ],
    ratio: Annotated[
        str,
        typer.Option(
            "--ratio",
            metavar="FACTOR",
            help="The ratio between two groups that must not go unseen.",
        ),
    ] = "2",
    groups: Annotated[
        int, typer.Option("--groups", min=2, help="How many groups are compared.")
    ] = 2,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,  # noqa: ARG001 -- read by `app.run`
) -> None:
    """Say how many people and images each group needs to show a difference of a stated size."""
    from countenance.audit.planning import plan as plan_audit
    from countenance.cli.parsing import number, rate
    from countenance.cli.terminal import console
    from countenance.cli.views import show_plan

    expected = "a number above 1, for example 2"
    found = plan_audit(
        rate(fmr, option="--fmr"),
        number(ratio, option="--ratio", expected=expected),
        groups=groups,
    )
    show_plan(console(), found)
