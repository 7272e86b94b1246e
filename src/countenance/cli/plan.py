"""`countenance plan`: how many people a finding needs, before anybody is photographed."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

import typer


def plan(
    fmr: Annotated[
        str | None,
        typer.Option("--fmr", metavar="RATE", help="Plan for this false match rate, as 1e-3."),
    ] = None,
    fnmr: Annotated[
        str | None,
        typer.Option("--fnmr", metavar="RATE", help="Plan for this false non-match rate."),
    ] = None,
    ratio: Annotated[
        str, typer.Option("--ratio", metavar="FACTOR", help="The ratio that must not go unseen.")
    ] = "2",
    groups: Annotated[
        int, typer.Option("--groups", metavar="COUNT", help="Groups that are compared.")
    ] = 2,
    images: Annotated[
        int, typer.Option("--images", metavar="COUNT", help="Images of a person, for --fnmr.")
    ] = 2,
    power: Annotated[
        str, typer.Option("--power", metavar="CHANCE", help="Chance of seeing it if it is there.")
    ] = "0.8",
    level: Annotated[
        str, typer.Option("--level", metavar="NUMBER", help="Level of the intervals.")
    ] = "0.95",
    cv2: Annotated[
        str,
        typer.Option(
            "--cv2",
            metavar="NUMBER",
            help="How unevenly false matches fall on people; an audit estimates it.",
        ),
    ] = "2",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Say how many people and images show a difference of a stated size.

    The rate is that of the better-served group; the other's is RATIO times as high.
    """
    from countenance.audit.planning import plan as plan_fmr
    from countenance.audit.planning import plan_fnmr
    from countenance.cli.parsing import number, rate
    from countenance.cli.terminal import console, show_facts
    from countenance.core import InputError, pretty_json

    factor = float(number(ratio, option="--ratio", expected="a number above 1, for example 2"))
    chance = float(number(power, option="--power", expected="a number from 0.5 to 1"))
    alpha = float(1 - Decimal(number(level, option="--level", expected="for example 0.95")))
    if fmr is not None and fnmr is None:
        found = plan_fmr(
            float(rate(fmr, option="--fmr")),
            factor,
            groups=groups,
            cv2=float(number(cv2, option="--cv2", expected="a number from 0 up")),
            power=chance,
            alpha=alpha,
        )
    elif fnmr is not None and fmr is None:
        found = plan_fnmr(
            float(rate(fnmr, option="--fnmr")),
            factor,
            groups=groups,
            images_per_person=images,
            power=chance,
            alpha=alpha,
        )
    else:
        raise InputError("one rate has to be given", expected="--fmr 1e-3 or --fnmr 0.01")
    if json:
        extra = {"people": found.people, "images": found.images, "sentence": found.sentence}
        typer.echo(pretty_json(asdict(found) | extra), nl=False)
        return
    show_facts(
        console(),
        f"To show a {found.ratio:g}-fold difference in {found.rate_name} at {found.rate:g}",
        [
            ("people in each group", f"{found.people_per_group:,}"),
            ("images of each person", f"{found.images_per_person:,}"),
            ("comparisons in each group", f"{found.comparisons_per_group:,}"),
            ("errors expected among them", f"{found.expected_errors:,.3g}"),
            ("people in all", f"{found.people:,} in {found.groups:,} groups"),
            ("images in all", f"{found.images:,}"),
            ("chance of showing it", f"{found.power:.0%}, at level {1 - found.alpha:.0%}"),
            ("assuming", found.assumption),
        ],
    )
