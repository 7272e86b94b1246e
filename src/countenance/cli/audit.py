"""`countenance audit`: images or scores in, a finding out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Out, Page, Pdf, Quiet

DATA = typer.Argument(
    metavar="DATA",
    help="A folder of images, a manifest (CSV with path and subject), or a table of scores "
    "(Parquet, CSV, TSV).",
    show_default=False,
)


def audit(
    data: Annotated[Path, DATA],
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            "-e",
            metavar="NAME",
            help="For images: the engine (default: sface); see `countenance engines`.",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            "-g",
            metavar="NAME[,NAME]",
            help="Attributes to divide people by; crossings of them are audited too.",
        ),
    ] = None,
    bins: Annotated[
        list[str] | None,
        typer.Option(
            "--bin",
            metavar="NAME=EDGES",
            help="Cut a number into groups: age=20,35,50 gives under 20, 20 to under 35, ...",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            "-t",
            metavar="NUMBER",
            help="Judge at this threshold, in the engine's unit (repeatable).",
        ),
    ] = None,
    fmr_target: Annotated[
        list[str] | None,
        typer.Option(
            "--fmr-target",
            metavar="RATE",
            help="Also find the threshold for this false match rate (default: 0.01 and 0.001).",
        ),
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option(
            "--claim",
            metavar="RATE",
            help="The false match rate the maker claims, to be drawn beside.",
        ),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            "--attributes", metavar="FILE", help="People: a CSV with subject and attributes."
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="OURS=THEIRS",
            help="Score tables: what the table calls probe, reference, probe_subject, "
            "reference_subject, score.",
        ),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            "--direction",
            metavar="WHICH",
            help="Score tables: similarity (larger is more alike) or dissimilarity.",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="WORDS", help="Score tables: what the score is called."),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            "--probe", metavar="NAME=VALUE", help="Images: compare only these as probes ..."
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference", metavar="NAME=VALUE", help="... against only these as references."
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs", metavar="FILE", help="Images: compare only the pairs listed here (CSV)."
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout", metavar="NAME", help="Images: how the folder is laid out, if not seen."
        ),
    ] = None,
    selection: Annotated[
        str | None,
        typer.Option(
            "--selection",
            metavar="RULE",
            help="Several faces in an image: `one` (default) counts a failure, "
            "`largest` takes the largest.",
        ),
    ] = None,
    failures: Annotated[
        str,
        typer.Option(
            "--failures",
            metavar="HOW",
            help="Images without a template: exclude them, or count them as a positive "
            "(never alike) or negative (always alike) system would.",
        ),
    ] = "exclude",
    out: Out = None,
    pdf: Pdf = None,
    page: Page = "a4",
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="LIMIT",
            help='Leave with code 1 if so: "worst-fmr > 0.01" (repeatable).',
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="YYYY-MM-DD", help="Date to write on the report (none by default)."
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="WORDS", help="Title of the report.")
    ] = None,
    level: Annotated[
        str, typer.Option("--level", metavar="NUMBER", help="Level of the intervals.")
    ] = "0.95",
    seed: Annotated[
        int,
        typer.Option(
            "--seed", min=0, metavar="NUMBER", help="Seed of everything drawn at random."
        ),
    ] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="Print audit.json; write a report only with --out.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor keep templates on this machine.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Measure a face-recognition system: how often it is wrong, and for whom.

    Give it images of known people and an engine, or the scores of any system.
    """
    from countenance.cli.limits import exceeded, parse_limit
    from countenance.cli.onfile import keep_on_file
    from countenance.cli.pipeline import check_folder, holds_images, run_audit, write
    from countenance.cli.request import ask
    from countenance.cli.terminal import console, progress
    from countenance.cli.views import show_audit, show_written

    limits = [parse_limit(text) for text in fail_if or ()]
    request = ask(
        data,
        engine=engine,
        group=group,
        bins=bins,
        threshold=threshold,
        fmr_target=fmr_target,
        claim=claim,
        attributes=attributes,
        columns=columns,
        direction=direction,
        unit=unit,
        probe=probe,
        reference=reference,
        pairs=pairs,
        layout=layout,
        selection=selection,
        failures=failures,
        date=date,
        title=title,
        level=level,
        seed=seed,
    )
    folder = out if out is not None or json else Path("report")
    if folder is not None:
        check_folder(folder)
    with progress(quiet=quiet) as report:
        found = run_audit(request, cache=not no_cache, progress=report)
        written = write(found, folder, pdf=pdf, page=page, progress=report) if folder else []
    if holds_images(data):
        keep_on_file(found)
    if json:
        typer.echo(found.to_json(), nl=False)
    elif not quiet:
        show_audit(console(), found)
        show_written(console(), written, pdf=pdf)
    broken = exceeded(found, limits)
    for sentence in broken:
        typer.echo(f"limit exceeded: {sentence}", err=True)
    return 1 if broken else 0
