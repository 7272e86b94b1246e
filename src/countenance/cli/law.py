"""`countenance law`: what the rules say of a request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli import lawpacks
from countenance.cli.lawoptions import (
    AsOf,
    Json,
    Packs,
    Place,
    Policy,
    RequestFile,
    RulesOf,
    day,
    library_of,
    request_from,
    rows_of,
    write,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def law() -> None:
    """Read, check and apply rules about face recognition, with their citations.

    Nothing here is legal advice. Each rule says how far it was checked.
    """


@app.command(no_args_is_help=True, short_help="Decide on a request; say why.")
def decide(
    request: RequestFile,
    policy: Policy = None,
    packs: Packs = None,
    as_of: RulesOf = None,
    json: Json = False,
    full: Annotated[
        bool, typer.Option("--full", help="Tell everything, not only what fits a screen.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FOLDER",
            help="Keep the decision's record and the packs it was read from, to check it later.",
        ),
    ] = None,
) -> int:  # fmt: skip
    """Decide on a request: permitted, denied, or denied until more is known.

    The exit code is 0 only for a permission, and 1 for every denial.
    """
    from countenance.core import pretty_json
    from countenance.law import decide as judge
    from countenance.law import explain, keep_record

    library = library_of(packs)
    asked = request_from(request, as_of)
    decision = judge(asked, library=library, policy=tuple(policy or ()))
    if out is not None:
        keep_record(out, asked, decision, library)
    if json:
        typer.echo(pretty_json(decision.to_json()), nl=False)
    else:
        typer.echo(explain(decision, full=full), nl=False)
    return 0 if decision.permitted else 1


@app.command(no_args_is_help=True, short_help="Decide again from a kept record.")
def recheck(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What `law decide --out` wrote.")
    ],
) -> int:
    """Decide again from a kept record and its packs; say whether every byte agrees."""
    from countenance.law import recheck_record

    differences = recheck_record(folder)
    for line in differences:
        typer.echo(line)
    if not differences:
        typer.echo("The decision comes out the same, byte for byte.")
    return 1 if differences else 0


@app.command("what-if", no_args_is_help=True, short_help="Say what would change a denial.")
def what_if(
    request: RequestFile,
    policy: Policy = None,
    packs: Packs = None,
    as_of: RulesOf = None,
    json: Json = False,
) -> None:
    """List the smallest sets of facts that would turn a denial into a permission.

    What can be done is told apart from facts of the case, which may be corrected, never chosen.
    """
    from countenance.core import pretty_json
    from countenance.law import explain_ways
    from countenance.law import what_if as find

    found = find(
        request_from(request, as_of), library=library_of(packs), policy=tuple(policy or ())
    )
    if json:
        typer.echo(pretty_json(found.to_json()), nl=False)
    else:
        typer.echo(explain_ways(found), nl=False)


@app.command(short_help="Say what changes between two days.")
def diff(
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The other day.")],
    place: Place = None,
    packs: Packs = None,
    json: Json = False,
) -> None:
    """List the rules that begin and end between two days, and the scenarios that turn."""
    from countenance.cli.lawviews import show_difference
    from countenance.core import pretty_json
    from countenance.law import bundled_scenarios, difference

    found = difference(
        library_of(packs), day(start, "--from"), day(end, "--to"),
        scenarios=bundled_scenarios(), places=tuple(place or ()),
    )  # fmt: skip
    if json:
        typer.echo(pretty_json(found.to_json()), nl=False)
    else:
        show_difference(found)


@app.command(short_help="Compare places, kind of rule by kind of rule.")
def matrix(
    place: Place = None,
    as_of: AsOf = None,
    packs: Packs = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write it as a web page, with filters."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare what the places' rules are, with how far each was checked."""
    from countenance.cli.lawviews import matrix_json, show_matrix
    from countenance.core import pretty_json
    from countenance.law import matrix_page

    judged = day(as_of)
    rows = rows_of(library_of(packs), judged, place)
    if page is not None:
        write(page, matrix_page(rows, judged).encode())
    if json:
        typer.echo(pretty_json(matrix_json(rows)), nl=False)
    elif page is None:
        show_matrix(rows, judged)


lawpacks.add_to(app)
