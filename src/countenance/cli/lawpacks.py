"""`countenance law`: reading, checking and writing the packs themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.lawoptions import (
    AsOf,
    Json,
    Packs,
    Place,
    day,
    library_of,
    own_ids,
    pack_named,
    rows_of,
    scenarios_in,
    scenarios_of,
    write,
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to `countenance law`."""
    app.command(short_help="Find what is wrong, or stale, in packs.")(check)
    app.command("list", short_help="List the packs.")(list_)
    app.command(no_args_is_help=True, short_help="Show one pack in plain language.")(show)
    app.command(short_help="Run scenarios, and print them as a lawyer would.")(scenarios)
    app.command(short_help="List the facts a rule may turn on.")(facts)
    app.command(short_help="Print a pack to begin from.")(template)
    app.command("compile", no_args_is_help=True, short_help="Write the Cedar policies of packs.")(
        compile_
    )
    app.command(short_help="Print a JSON schema: pack, request or record.")(schema)


def check(
    packs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...", help="Folders of packs (default: those that come along)."
        ),
    ] = None,
    as_of: AsOf = None,
    max_age: Annotated[
        int,
        typer.Option(
            "--max-age", metavar="DAYS", min=0, help="How long a verification stays fresh."
        ),
    ] = 365,
    scenarios: Annotated[
        Path | None,
        typer.Option("--scenarios", metavar="FOLDER", help="Scenarios of packs of your own."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Faults only, not what is good to know.")
    ] = False,
    json: Json = False,
) -> int:
    """Find rules that contradict, overlap, can never apply, have expired or gone stale.

    Runs the scenarios, too, and names every rule that decides none. The exit code is 1 where there
    is something to mend.
    """
    from countenance.cli.lawviews import show_findings
    from countenance.cli.terminal import progress
    from countenance.core import pretty_json
    from countenance.law import check as find
    from countenance.law import check_scenarios

    judged = day(as_of)
    library, own = library_of(packs, option="FOLDER"), own_ids(packs)
    told = scenarios_in(scenarios, "--scenarios")
    with progress(quiet=quiet or json) as report:
        findings = find(library, as_of=judged, max_age_days=max_age, only=own, progress=report)
        findings += check_scenarios(library, told, only=own, progress=report)
    if json:
        typer.echo(pretty_json([finding.to_json() for finding in findings]), nl=False)
    else:
        show_findings(findings, quiet=quiet)
    return 1 if any(finding.is_fault for finding in findings) else 0


def list_(place: Place = None, packs: Packs = None, json: Json = False) -> None:
    """List the packs: place, dates, rules, and how far they were checked."""
    from countenance.cli.lawviews import pack_json, show_packs
    from countenance.core import pretty_json

    found = [row.pack for row in rows_of(library_of(packs), day(None), place)]
    if json:
        typer.echo(pretty_json([pack_json(pack) for pack in found]), nl=False)
    else:
        show_packs(found)


def show(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Its id, or the file of one.")],
    packs: Packs = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write it as a web page.")
    ] = None,
    cedar: Annotated[
        bool, typer.Option("--cedar", help="The Cedar policies it becomes, instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Show one pack: every rule in plain language, with its citation and source."""
    from countenance.cli.lawviews import pack_json, rules_json, show_pack
    from countenance.core import pretty_json
    from countenance.law import compile_pack, pack_page

    found = pack_named(pack, packs)
    if page is not None:
        write(page, pack_page(found).encode())
    if cedar:
        typer.echo(compile_pack(found), nl=False)
    elif json:
        typer.echo(pretty_json({**pack_json(found), "rules": rules_json(found)}), nl=False)
    elif page is None:
        show_pack(found)


def scenarios(
    pack: Annotated[str, typer.Argument(metavar="[PACK]", help="Only those of this pack.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="FOLDER", help="Scenarios of your own instead."),
    ] = None,
    packs: Packs = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that fail.")] = False,
    json: Json = False,
) -> int:
    """Run scenarios: a story, a day, and what must come of it. The exit code is 1 if one fails."""
    from countenance.cli.lawviews import scenarios_json, show_scenarios
    from countenance.core import pretty_json
    from countenance.law import run_scenarios

    chosen = scenarios_of(pack, scenarios_in(folder, "--folder"))
    results = run_scenarios(chosen, library_of(packs))
    if json:
        typer.echo(pretty_json(scenarios_json(results, failed_only=failed)), nl=False)
    else:
        show_scenarios(results, failed_only=failed)
    return 1 if any(result.faults for result in results) else 0


def facts(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Only facts with this word.")] = "",
    json: Json = False,
) -> None:
    """List the facts a rule may turn on, with the question that is asked for each."""
    from countenance.cli.lawviews import facts_json, facts_with, show_facts
    from countenance.core import InputError, pretty_json

    found = facts_with(word)
    if not found:
        raise InputError(
            f"no fact has the word {word!r}", where="WORD", do="countenance law facts"
        )
    if json:
        typer.echo(pretty_json(facts_json(found)), nl=False)
    else:
        show_facts(found)


def template(
    pack: Annotated[
        str, typer.Argument(metavar="[ID]", help="Its id: place/name.")
    ] = "us/xx/name-of-the-act",
) -> None:
    """Print a commented pack to begin from; docs/law-writing.md goes through it."""
    from countenance.law import pack_template

    typer.echo(pack_template(pack, day=day(None).isoformat()), nl=False)


def compile_(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they go.")],
    packs: Packs = None,
) -> None:
    """Write every pack, the Cedar policies it becomes beside it, and the Cedar schema."""
    from countenance.core import InputError
    from countenance.law import cedar_schema, compile_pack

    if out.exists() and not out.is_dir():
        raise InputError("this is a file", where=str(out), expected="a folder")
    for pack in library_of(packs).values():
        place = out / f"{pack.id}.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place, pack.text)
        write(place.with_name(f"{place.stem}.cedar"), compile_pack(pack).encode())
    write(out / "schema.cedarschema", cedar_schema().encode())


def schema(
    of: Annotated[str, typer.Argument(metavar="[OF]", help="pack, request or record.")] = "pack",
) -> None:
    """Print the JSON schema of a pack, of a request, or of a decision's record."""
    from countenance.cli.parsing import choice
    from countenance.core import pretty_json
    from countenance.law import schemas

    which = choice(of, ("pack", "request", "record"), option="OF")
    typer.echo(pretty_json(schemas()[which]), nl=False)
