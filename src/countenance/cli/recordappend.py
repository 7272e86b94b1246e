"""`countenance record append`: lines of JSON in, the index of each entry out."""

from __future__ import annotations

import contextlib
import json as jsonlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from countenance.cli.recordfolder import Folder, PassphraseFile, Record, now_s, passphrase, wrong

if TYPE_CHECKING:
    from countenance.core import Progress
    from countenance.record.commitments import Sealed

MOST_LINE_BYTES = 4 << 20
_PIECE = 1 << 20  # read at once, and appended together: bounds memory
_EVENT = {"kind", "public", "sealed"}
_FORM = '{"kind": "...", "public": {...}, "sealed": {...}}'
_STDIN = "standard input"

Line = tuple[int, bytes]


def append(
    folder: Folder,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Events, one a line; - is standard input.")
    ] = "-",
    about: Annotated[
        str | None,
        typer.Option(
            "--about", metavar="HANDLE", help="Handle under which sealed values can be erased."
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Append events; print the index of each once it is durable.

    An event is a line of JSON: {"kind": ..., "public": {...}, "sealed": {...}}. What is under
    "sealed" goes into the vault, and into the log only as salted commitments. `countenance
    record kinds` lists the kinds and their fields.

    All lines of a file are checked before the first is appended. What comes on standard input or
    through a pipe is appended as it comes; a line that is no event ends it, and those before it
    stay.
    """
    from countenance.cli.terminal import progress
    from countenance.record.vault import append_events

    here = Record(folder).need()
    name = _STDIN if file == "-" else file
    twice = Path(file).is_file()  # what a pipe gives, it gives once
    # The indices are what moves where they go to the terminal; a bar would be drawn into them.
    total = 0
    if twice:
        with progress(quiet=sys.stdout.isatty()) as report, _source(file) as source:
            total = _check(source, name, report)
    signer = here.signer(passphrase(passphrase_file))
    out = sys.stdout  # as it is before a bar takes it
    with (
        here.open_log(signer) as log,
        here.open_vault() as vault,
        progress(quiet=not twice or sys.stdout.isatty()) as report,
        _source(file) as source,
    ):
        done = 0
        for lines in _batches(source, name):
            events = [_event(line, n, name) for n, line in lines]
            for index in append_events(log, vault, events, about=about):
                out.write(f"{index}\n")
            out.flush()
            done += len(events)
            report("events appended", done, total)
    if not done:
        typer.echo(f"{name}: no events; nothing was appended", err=True)


@contextlib.contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below, outside of the try
    except OSError as error:
        raise wrong(
            f"the events cannot be read ({error.strerror})",
            where=file,
            expected="a file of one event a line, or - for standard input",
        ) from error
    with source:
        yield source


def _check(source: BinaryIO, name: str, report: Progress) -> int:
    """Whether every line is an event; how many there are."""
    size, read, count = Path(name).stat().st_size >> 10, 0, 0
    for lines in _batches(source, name):
        for n, line in lines:
            _event(line, n, name)
            read += len(line)
        count += len(lines)
        report("KiB checked", read >> 10, max(size, read >> 10))
    return count


def _batches(source: BinaryIO, name: str) -> Iterator[list[Line]]:
    """Numbered lines without empty ones, in lists of what is there at once; none is too long."""
    rest, n = b"", 0
    while True:
        piece = source.read1(_PIECE)  # type: ignore[attr-defined]
        rest += piece
        *whole, rest = rest.split(b"\n")
        if not piece and rest:
            whole, rest = [*whole, rest], b""
        lines = []
        for line in whole:
            n += 1
            _check_length(line, n, name)
            if line.strip():
                lines.append((n, line))
        if lines:
            yield lines
        if not piece:
            return
        _check_length(rest, n + 1, name)


def _check_length(line: bytes, n: int, name: str) -> None:
    if len(line) > MOST_LINE_BYTES:
        raise wrong(
            "the line is too long",
            where=f"{name}, line {n}",
            expected=f"{MOST_LINE_BYTES:,} bytes",
        )


def _event(line: bytes, n: int, name: str) -> Sealed:
    """One line of events, sealed."""
    from countenance.core import InputError
    from countenance.record.commitments import seal
    from countenance.record.kinds import KINDS, newest

    where = f"{name}, line {n}"
    try:
        value: Any = jsonlib.loads(line)
    except (ValueError, RecursionError) as error:
        raise wrong("the line is no JSON", where=where, expected=_FORM) from error
    if not isinstance(value, dict) or not _EVENT >= value.keys() >= {"kind"}:
        raise wrong("the line is no event", where=where, expected=_FORM)
    public, private = value.get("public", {}), value.get("sealed", {})
    kind = newest(value["kind"]) if isinstance(value["kind"], str) else None
    if kind is None:
        raise wrong(
            "no such kind of event",
            where=where,
            expected=", ".join(KINDS),
            do="`countenance record kinds` lists their fields",
        )
    if not isinstance(public, dict) or not isinstance(private, dict):
        raise wrong("the line is no event", where=where, expected=_FORM)
    try:
        return seal(kind, time_s=now_s(), public=public, private=private)
    except InputError as error:
        see = "`countenance record kinds` lists the fields of each kind"
        raise wrong(error.what, where=where, expected=error.expected, do=see) from error
