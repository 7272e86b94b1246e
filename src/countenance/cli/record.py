"""`countenance record`: keep a log, publish it, show what is in it, and check all of it."""

from __future__ import annotations

import contextlib
import json as jsonlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from countenance.cli import recordkey, recordvault, recordwatch
from countenance.cli.options import Quiet
from countenance.cli.recordfolder import (
    Folder,
    Listen,
    PassphraseFile,
    PolicyFile,
    Record,
    address,
    now_s,
    passphrase,
    reader,
    wrong,
)

if TYPE_CHECKING:
    from countenance.record.commitments import Sealed
    from countenance.record.explorer.view import LogView, Snapshot

MOST_LINE_BYTES = 4 << 20
_EVENT = {"kind", "public", "sealed"}
_WITNESS = re.compile(r"([^=]+)=([^+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)(?:@(https?://\S+))?")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def record() -> None:
    """Keep a record that nobody can quietly edit, and that anyone can check."""


@app.command(no_args_is_help=True, short_help="Make a record: a key, a policy, an empty log.")
def init(
    folder: Folder,
    origin: Annotated[
        str,
        typer.Option(
            "--origin", metavar="NAME", help="The log's name for good, as example.org/record."
        ),
    ],
    witness: Annotated[
        list[str] | None,
        typer.Option(
            "--witness",
            metavar="NAME=VKEY[@URL]",
            help="A witness whose cosignature counts; repeatable.",
        ),
    ] = None,
    quorum: Annotated[
        int, typer.Option("--quorum", metavar="COUNT", help="How many witnesses must cosign.")
    ] = 0,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a record: a key, a policy, an empty log."""
    from countenance.record.folder import FolderStorage
    from countenance.record.keys import generate_key, load_signer
    from countenance.record.log import Log
    from countenance.record.policy import make_policy

    here = Record(folder)
    witnesses = [_witness(each) for each in witness or ()]
    if not 0 <= quorum <= len(witnesses):
        raise wrong(
            f"a quorum of {quorum} among {len(witnesses)} witnesses",
            where="--quorum",
            expected="at most as many as there are witnesses",
        )
    secret = passphrase(passphrase_file, new=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    vkey = generate_key(here.key, origin, passphrase=secret)
    policy = make_policy(logs=[vkey], witnesses=witnesses, k=quorum)
    here.policy.write_text(policy.text, encoding="utf-8")
    Log.open(
        FolderStorage(here.log), load_signer(here.key, passphrase=secret, clock=now_s)
    ).close()
    here.open_vault().close()
    typer.echo(f"The log's verifier key, to publish wherever people look: {vkey}")


@app.command(no_args_is_help=True, short_help="Append events, durably.")
def append(
    folder: Folder,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Events, one a line; - is standard input.")
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
    "sealed" goes into the vault, and into the log only as salted commitments.
    """
    from countenance.record.vault import append_events

    here = Record(folder).need()
    events = [_event(line, n, file) for n, line in _lines(file)]
    with here.open_log(passphrase_file) as log, here.open_vault() as vault:
        for index in append_events(log, vault, events, about=about):
            typer.echo(index)


@app.command(no_args_is_help=True, short_help="Sign, have cosigned, and publish the log as it is.")
def checkpoint(
    folder: Folder,
    deadline: Annotated[
        float, typer.Option("--deadline", metavar="SECONDS", help="How long witnesses may take.")
    ] = 10.0,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign the log as it is, have witnesses cosign it, and publish that.

    Without the quorum of the record's policy nothing is published, and the checkpoint before
    stays.
    """
    from countenance.record.witness_client import WitnessPanel

    here = Record(folder).need()
    policy = here.load_policy()
    with here.open_log(passphrase_file) as log:
        panel = WitnessPanel(policy, clock=now_s, deadline_s=deadline)
        note = log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
    typer.echo(note.decode(), nl=False)


@app.command(no_args_is_help=True, short_help="Write the offline proof of an entry.")
def prove(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="RECORD", help="A record, the folder of a log, or its address.",
            show_default=False,
        ),
    ],
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to (default: INDEX.tlog-proof)."),
    ] = None,
) -> None:  # fmt: skip
    """Write the offline proof that an entry is in the published log, with the entry in it."""
    from countenance.core import atomic_write
    from countenance.record.explorer import LogView, Pages

    view = LogView(reader(folder).read)
    snapshot = _published(view, folder)
    if index >= snapshot.checkpoint.size:
        raise wrong(
            f"entry {index} is not under the published checkpoint",
            where=folder,
            expected=f"0 to {snapshot.checkpoint.size - 1}",
            do="if it was appended since, publish a checkpoint",
        )
    path = out or Path(f"{index}.tlog-proof")
    with atomic_write(path) as file:
        file.write(Pages(view).proof_file(snapshot, index))
    typer.echo(path)


@app.command(no_args_is_help=True, short_help="Check every entry and tile of a log.")
def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            help="A record, the folder of a log, or its address.",
            show_default=False,
        ),
    ],
    policy: PolicyFile = None,
    quiet: Quiet = False,
) -> None:
    """Check every entry and tile of a log against its checkpoint; name the first bad entry."""
    from countenance.cli.terminal import progress
    from countenance.record.errors import VerificationError
    from countenance.record.policy import Policy
    from countenance.record.storage import CHECKPOINT
    from countenance.record.verifylog import verify_log

    storage = reader(place)
    own = Record(Path(place)).policy
    if policy is None and not own.is_file():
        raise wrong("whose signatures count?", where=place, expected="--policy FILE")
    trusted = Policy.load(policy or own)
    note = storage.read(CHECKPOINT)
    if note is None:
        raise wrong("no checkpoint was published here", where=place)
    try:
        found = trusted.check(note)
        with progress(quiet=quiet) as report:
            verified = verify_log(storage, found, progress=report)
    except VerificationError as error:
        typer.echo(f"Does not verify.\n{error.diagnostics()}", err=True)
        raise typer.Exit(1) from error
    if not quiet:
        typer.echo(
            f"All {verified.size:,} entries and {verified.tiles:,} tiles are what the checkpoint "
            f"of {found.origin} commits to."
        )


@app.command(no_args_is_help=True, short_help="Serve the log, with pages to check it by.")
def serve(
    place: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            help="A record, the folder of a log, or its address.",
            show_default=False,
        ),
    ],
    listen: Listen = "127.0.0.1:8600",
    policy: PolicyFile = None,
    pages_to: Annotated[
        Path | None,
        typer.Option("--pages", metavar="FOLDER", help="Write the pages there, serve nothing."),
    ] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="COUNT", help="With --pages: the last entries.", min=0)
    ] = 1000,
) -> None:
    """Serve the log: checkpoint, tiles, and pages to read and check it by."""
    from countenance.cli.terminal import progress
    from countenance.record.explorer import (
        LogView,
        Pages,
        application,
        http_server,
        write_pages,
    )
    from countenance.record.policy import Policy

    own = Record(Path(place)).policy
    given = policy or (own if own.is_file() else None)
    trusted = Policy.load(given) if given else None
    view = LogView(reader(place).read, verifiers=trusted.verifiers if trusted else ())
    keys: list[str] = []
    if trusted:
        keys = [*(x.vkey for x in trusted.logs), *(x.vkey for x in trusted.witnesses)]
    pages = Pages(view, keys=keys)
    if pages_to is not None:
        with progress() as report:
            count = write_pages(view, pages, pages_to, last=last, progress=report)
        typer.echo(f"{pages_to / 'index.html'}: {count:,} entries")
        return
    host, port = address(listen)
    with http_server(application(view, pages), host=host, port=port) as server:
        typer.echo(f"http://{host}:{server.server_port}/")
        sys.stdout.flush()
        server.serve_forever()


_brief = {  # one line each in `countenance record --help`
    "open": "Open one sealed field to one reader; log that.",
    "erase": "Erase sealed values for good; log how many.",
    "rotate": "Log that a new key takes over, signed by both.",
    "witness": "Be a witness of logs.",
    "monitor": "Follow logs; report what is wrong with them.",
}
app.command("open", short_help=_brief["open"], no_args_is_help=True)(recordvault.open_field)
app.command("erase", short_help=_brief["erase"], no_args_is_help=True)(recordvault.erase)
app.command("rotate", short_help=_brief["rotate"], no_args_is_help=True)(recordkey.rotate)
app.command("witness", short_help=_brief["witness"], no_args_is_help=True)(recordwatch.witness)
app.command("monitor", short_help=_brief["monitor"], no_args_is_help=True)(recordwatch.monitor)


def _published(view: LogView, place: str) -> Snapshot:
    snapshot = view.snapshot()
    if snapshot is None:
        raise wrong("no checkpoint was published here", where=place)
    return snapshot


def _witness(text: str) -> tuple[str, str, str]:
    """``NAME=VKEY[@URL]`` in its parts."""
    form = _WITNESS.fullmatch(text)
    if form is None:
        raise wrong(
            f"{text!r} is no witness", where="--witness", expected="NAME=VKEY or NAME=VKEY@URL"
        )
    return form[1], form[2], form[3] or ""


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Numbered lines of a file or of standard input, without empty ones."""
    with contextlib.ExitStack() as stack:
        source: BinaryIO = sys.stdin.buffer
        if file != "-":
            source = stack.enter_context(Path(file).open("rb"))
        for n, line in enumerate(iter(lambda: source.readline(MOST_LINE_BYTES + 1), b""), 1):
            if len(line) > MOST_LINE_BYTES:
                raise wrong("the line is too long", where=f"{file}, line {n}")
            if line.strip():
                yield n, line


def _event(line: bytes, n: int, file: str) -> Sealed:
    """One line of events, sealed."""
    from countenance.core import InputError
    from countenance.record.commitments import seal
    from countenance.record.kinds import KINDS, newest

    where = f"{'standard input' if file == '-' else file}, line {n}"
    form = '{"kind": "...", "public": {...}, "sealed": {...}}'
    try:
        value: Any = jsonlib.loads(line)
    except (ValueError, RecursionError) as error:
        raise wrong("the line is no JSON", where=where, expected=form) from error
    if not isinstance(value, dict) or not _EVENT >= value.keys() >= {"kind"}:
        raise wrong("the line is no event", where=where, expected=form)
    public, private = value.get("public", {}), value.get("sealed", {})
    kind = newest(value["kind"]) if isinstance(value["kind"], str) else None
    if kind is None:
        raise wrong("no such kind of event", where=where, expected=", ".join(KINDS))
    if not isinstance(public, dict) or not isinstance(private, dict):
        raise wrong("the line is no event", where=where, expected=form)
    try:
        return seal(kind, time_s=now_s(), public=public, private=private)
    except InputError as error:
        raise wrong(error.what, where=where, expected=error.expected) from error
