"""`countenance law`: what the rules say of a request, and what is wrong with the rules."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from countenance.law.library import Library

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RequestFile = Annotated[
    Path, typer.Argument(metavar="REQUEST", help="The request: a TOML or JSON file.")
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="PACK",
        help="Whose permission it takes; repeatable (default: the strict pack `model`).",
    ),
]
Packs = Annotated[
    list[Path] | None,
    typer.Option("--packs", metavar="FOLDER", help="Packs of your own beside ours; repeatable."),
]
Place = Annotated[
    list[str] | None,
    typer.Option("--place", metavar="PLACE", help="Only this place, as us/md; repeatable."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="The day it is judged on (default: today)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


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
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Read the rules of this day instead."),
    ] = None,
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

    library = _library(packs)
    asked = _request(request, as_of)
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
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Read the rules of this day instead."),
    ] = None,
    json: Json = False,
) -> None:
    """List the smallest sets of facts that would turn a denial into a permission.

    What can be done is told apart from facts of the case, which may be corrected, never chosen.
    """
    from countenance.core import pretty_json
    from countenance.law import explain_ways
    from countenance.law import what_if as find

    found = find(_request(request, as_of), library=_library(packs), policy=tuple(policy or ()))
    if json:
        typer.echo(pretty_json(found.to_json()), nl=False)
    else:
        typer.echo(explain_ways(found), nl=False)


@app.command(short_help="Find what is wrong, or stale, in packs.")
def check(
    packs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...", help="Folders of packs (default: those that come along)."
        ),
    ] = None,
    as_of: AsOf = None,
    max_age: Annotated[
        int, typer.Option("--max-age", metavar="DAYS", help="How long a verification stays fresh.")
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
    from countenance.core import pretty_json
    from countenance.law import bundled_scenarios, check_scenarios, load_scenarios
    from countenance.law import check as find

    library = _library(packs)
    own = _own(packs)
    findings = find(library, as_of=_day(as_of), max_age_days=max_age, only=own)
    told = bundled_scenarios() if scenarios is None else load_scenarios(scenarios)
    findings += check_scenarios(library, told, only=own)
    if json:
        typer.echo(pretty_json([finding.to_json() for finding in findings]), nl=False)
    else:
        show_findings(findings, quiet=quiet)
    return 1 if any(finding.is_fault for finding in findings) else 0


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
        _library(packs), _day(start, "--from"), _day(end, "--to"),
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
    from countenance.law import matrix as compare
    from countenance.law import matrix_page

    day = _day(as_of)
    rows = compare(_library(packs), day, places=tuple(place or ()))
    if page is not None:
        _write(page, matrix_page(rows, day).encode())
    if json:
        typer.echo(pretty_json(matrix_json(rows)), nl=False)
    elif page is None:
        show_matrix(rows, day)


@app.command("list", short_help="List the packs.")
def list_(place: Place = None, packs: Packs = None) -> None:
    """List the packs: place, dates, rules, and how far they were checked."""
    from countenance.cli.lawviews import show_packs

    show_packs(_library(packs), tuple(place or ()))


@app.command(no_args_is_help=True, short_help="Show one pack in plain language.")
def show(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Its id, or the file of one.")],
    packs: Packs = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write it as a web page.")
    ] = None,
    cedar: Annotated[
        bool, typer.Option("--cedar", help="The Cedar policies it becomes, instead.")
    ] = False,
) -> None:
    """Show one pack: every rule in plain language, with its citation and source."""
    from countenance.cli.lawviews import show_pack
    from countenance.law import compile_pack, pack_page

    found = _pack(pack, packs)
    if page is not None:
        _write(page, pack_page(found).encode())
    elif cedar:
        typer.echo(compile_pack(found), nl=False)
    else:
        show_pack(found)


@app.command(short_help="List the facts a rule may turn on.")
def facts(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Only facts with this word.")] = "",
) -> None:
    """List the facts a rule may turn on, with the question that is asked for each."""
    from countenance.cli.lawviews import show_facts_of

    show_facts_of(word)


@app.command(short_help="Print a pack to begin from.")
def template(
    pack: Annotated[
        str, typer.Argument(metavar="[ID]", help="Its id: place/name.")
    ] = "us/xx/name-of-the-act",
) -> None:
    """Print a commented pack to begin from; docs/law-writing.md goes through it."""
    from countenance.law import pack_template

    typer.echo(pack_template(pack, day=_day(None).isoformat()), nl=False)


@app.command(short_help="Run scenarios, and print them as a lawyer would.")
def scenarios(
    pack: Annotated[str, typer.Argument(metavar="[PACK]", help="Only those of this pack.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="FOLDER", help="Scenarios of your own instead."),
    ] = None,
    packs: Packs = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that fail.")] = False,
) -> int:
    """Run scenarios: a story, a day, and what must come of it. The exit code is 1 if one fails."""
    from countenance.cli.lawviews import show_scenarios
    from countenance.law import bundled_scenarios, load_scenarios, run_scenarios

    told = bundled_scenarios() if folder is None else load_scenarios(folder)
    chosen = [one for one in told if not pack or one.pack == pack or one.file == pack]
    results = run_scenarios(chosen, _library(packs))
    show_scenarios(results, failed_only=failed)
    return 1 if any(result.faults for result in results) else 0


@app.command("compile", no_args_is_help=True, short_help="Write the Cedar policies of packs.")
def compile_(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they go.")],
    packs: Packs = None,
) -> None:
    """Write every pack, the Cedar policies it becomes beside it, and the Cedar schema."""
    from countenance.law import cedar_schema, compile_pack

    for pack in _library(packs).values():
        place = out / f"{pack.id}.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, pack.text)
        _write(place.with_suffix(".cedar"), compile_pack(pack).encode())
    _write(out / "schema.cedarschema", cedar_schema().encode())


@app.command(short_help="Print a JSON schema: pack, request or record.")
def schema(
    of: Annotated[str, typer.Argument(metavar="[OF]", help="pack, request or record.")] = "pack",
) -> None:
    """Print the JSON schema of a pack, of a request, or of a decision's record."""
    from countenance.cli.parsing import choice
    from countenance.core import pretty_json
    from countenance.law import schemas

    typer.echo(pretty_json(schemas()[choice(of, ("pack", "request", "record"), option="OF")]))


def _library(folders: list[Path] | None) -> Library:
    from countenance.law import bundled, load_library

    library = bundled()
    for folder in folders or ():
        library = library.adding(*load_library(folder).values())
    return library


def _write(path: Path, data: bytes) -> None:
    from countenance.core import atomic_write

    with atomic_write(path) as file:
        file.write(data)


def _own(folders: list[Path] | None) -> list[str] | None:
    """Ids of the packs in the folders named; None where none is, which means all."""
    from countenance.law import load_library

    if not folders:
        return None
    return [pack_id for folder in folders for pack_id in load_library(folder)]


def _pack(name: str, folders: list[Path] | None) -> Any:
    from countenance.core import InputError
    from countenance.law import load_pack

    path = Path(name)
    if path.suffix == ".toml" and path.exists():
        return load_pack(path)
    library = _library(folders)
    if name not in library:
        near = library.near(name)
        raise InputError(
            f"there is no pack `{name}`", where="PACK",
            do=f"did you mean {near}?" if near else "countenance law list",
        )  # fmt: skip
    return library[name]


def _request(path: Path, as_of: str | None) -> Any:
    from countenance.law import load_request

    request = load_request(path)
    return request if as_of is None else request.on(_day(as_of))


def _day(text: str | None, option: str = "--as-of") -> datetime.date:
    from countenance.core import InputError

    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no day", where=option, expected="2026-07-01") from error
