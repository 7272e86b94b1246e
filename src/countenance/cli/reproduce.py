"""`countenance reproduce`: the audit again from its inputs, compared byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countenance.cli.options import Quiet

if TYPE_CHECKING:
    from countenance.cli.request import AuditRequest


def reproduce(
    audit: Annotated[
        Path, typer.Argument(metavar="AUDIT.JSON", help="The audit to check.", show_default=False)
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Where the files it was made from are (default: here, or beside the audit).",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor keep templates on this machine.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Make an audit again from its inputs and say whether every byte agrees.

    Runs the command that the audit carries. Leaves with code 1, naming the first difference, if
    the bytes are not the same.
    """
    from countenance.cli.demonstration import demonstration_folder
    from countenance.cli.onfile import read_audit
    from countenance.cli.pipeline import run_audit
    from countenance.cli.request import asked_in
    from countenance.cli.terminal import progress

    published = read_audit(audit)
    text = (audit / "audit.json" if audit.is_dir() else audit).read_text("utf-8")
    beside = audit if audit.is_dir() else audit.parent
    places = [inputs] if inputs else [Path(), beside, beside.parent, demonstration_folder()]
    request = _found(asked_in(published.command), places)
    with progress(quiet=quiet) as report:
        again = run_audit(request, cache=not no_cache, progress=report)
    made = again.to_json()
    if made == text:
        typer.echo(f"Reproduced: every byte of {audit} agrees ({len(text.encode()):,} bytes).")
        return 0
    differences = list(differing(json.loads(text), json.loads(made)))
    if not differences:
        typer.echo(f"Not reproduced: {audit} holds the same values in another form.")
        return 1
    where, before, now = differences[0]
    many = "1 value differs" if len(differences) == 1 else f"{len(differences):,} values differ"
    typer.echo(f"Not reproduced: {many}. The first is {where}:")
    typer.echo(f"  published: {_short(before)}\n  now:       {_short(now)}")
    return 1


def differing(a: Any, b: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each place where two JSON values differ, with both values, in reading order."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys((*a, *b)):
            yield from differing(a.get(key), b.get(key), f"{where}.{key}" if where else key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from differing(left, right, f"{where}[{index}]")
    elif a != b or type(a) is not type(b):
        yield where, a, b


def _found(request: AuditRequest, places: Sequence[Path]) -> AuditRequest:
    """The request with its file names replaced by where the files are."""
    return replace(
        request,
        data=_find(request.data, places),
        attributes=_find(request.attributes, places) if request.attributes else None,
        pairs=_find(request.pairs, places) if request.pairs else None,
    )


def _find(name: Path, places: Sequence[Path]) -> Path:
    from countenance.core import InputError

    for place in places:
        for path in (place / name.name, place):
            if path.exists() and path.resolve().name == name.name:
                return path
    raise InputError(
        "a file of the audit's command cannot be found",
        where=name.name,
        expected=f"in one of: {', '.join(str(place.resolve()) for place in places)}",
        do="say where it is: --inputs FOLDER",
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} ..."
