"""`countenance record`: keep a log, publish it, show what is in it, and check all of it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli import (
    recordappend,
    recordinit,
    recordkey,
    recordkinds,
    recordstamp,
    recordvault,
    recordwatch,
)
from countenance.cli.options import Quiet
from countenance.cli.recordfolder import (
    Folder,
    Index,
    Listen,
    LogPlace,
    PassphraseFile,
    PolicyFile,
    Record,
    address,
    listening,
    load_policy,
    now_s,
    own_policy,
    passphrase,
    reading,
    unpublished,
    write_file,
    wrong,
)
from countenance.cli.recordstamp import AuthorityFiles, asking, authorities, examine, stamp_facts

if TYPE_CHECKING:
    from countenance.core import CountenanceError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def record() -> None:
    """Keep a record that nobody can quietly edit, and that anyone can check."""


app.command(
    "init", short_help="Make a record: a key, a policy, an empty log.", no_args_is_help=True
)(recordinit.init)
app.command("append", short_help="Append events, durably.", no_args_is_help=True)(
    recordappend.append
)
app.command("kinds", short_help="List the kinds of events, and their fields.")(recordkinds.kinds)


@app.command(no_args_is_help=True, short_help="Sign, have cosigned, and publish the log as it is.")
def checkpoint(
    folder: Folder,
    deadline: Annotated[
        float,
        typer.Option(
            "--deadline",
            metavar="SECONDS",
            help="How long witnesses, and then the authority, may take.",
        ),
    ] = 10.0,
    timestamp: Annotated[
        str | None,
        typer.Option("--timestamp", metavar="URL", help="Ask this authority (RFC 3161) the time."),
    ] = None,
    authority: AuthorityFiles = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign the log as it is, have witnesses cosign it, and publish that.

    Without the quorum of the record's policy nothing is published, and the checkpoint before
    stays. Without the time stamp of --timestamp it is published all the same, and the code is 2.
    """
    from countenance.core import CountenanceError
    from countenance.record.stamped import add_token
    from countenance.record.witness_client import WitnessPanel

    here = Record(folder).need()
    policy = here.load_policy()
    ask = None
    if timestamp is not None:
        trusted = authorities(here.policy, authority, need=True)
        ask = asking(timestamp, trusted, deadline_s=deadline)
    missed: list[CountenanceError] = []
    with here.open_log(here.signer(passphrase(passphrase_file))) as log:
        panel = WitnessPanel(policy, clock=now_s, deadline_s=deadline)

        def complete(note: bytes) -> bytes:
            note = panel.collect(note, prove=log.prove_consistency).note
            if ask is not None:
                try:
                    note = add_token(note, ask(note))
                except CountenanceError as error:
                    missed.append(error)
            return note

        note = log.publish(complete)
    typer.echo(note.decode(), nl=False)
    if missed:
        raise _unstamped(missed[0], folder)


@app.command(no_args_is_help=True, short_help="Write the offline proof of an entry.")
def prove(
    place: LogPlace,
    index: Index,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to (default: INDEX.tlog-proof)."),
    ] = None,
) -> None:  # fmt: skip
    """Write the offline proof that an entry is in the published log, with the entry in it."""
    from countenance.record.explorer import LogView, Pages

    with reading(place) as reader:
        view = LogView(reader.read)
        snapshot = view.snapshot()
        if snapshot is None:
            raise unpublished(place)
        size = snapshot.checkpoint.size
        if index >= size:
            raise wrong(
                f"entry {index} is not under the published checkpoint",
                where=place,
                expected=f"0 to {size - 1}" if size else "nothing: the checkpoint is of no entry",
                do="if it was appended since, publish a checkpoint",
            )
        data = Pages(view).proof_file(snapshot, index)
    path = out or Path(f"{index}.tlog-proof")
    write_file(path, data)
    typer.echo(path)


@app.command(no_args_is_help=True, short_help="Check every entry and tile of a log.")
def verify(
    place: LogPlace,
    policy: PolicyFile = None,
    authority: AuthorityFiles = None,
    quiet: Quiet = False,
) -> None:
    """Check every entry and tile of a log against its checkpoint; name the first bad entry.

    With --timestamp-authority the checkpoint needs a time stamp of one of those too.
    """
    from countenance.cli.terminal import progress
    from countenance.record.errors import VerificationError
    from countenance.record.storage import CHECKPOINT
    from countenance.record.verifylog import verify_log

    with reading(place) as storage:
        given = policy or own_policy(place)
        if given is None:
            raise wrong(
                "whose signatures count?",
                where=place,
                expected="--policy FILE",
                do="take the file from somewhere other than the log",
            )
        trusted = load_policy(given)
        note = storage.read(CHECKPOINT)
        if note is None:
            raise unpublished(place)
        try:
            found = trusted.check(note)
            stamps = examine(note, given, authority)
            with progress(quiet=quiet) as report:
                verified = verify_log(storage, found, progress=report)
        except VerificationError as error:
            typer.echo(f"Does not verify: {place}\n{error.diagnostics()}", err=True)
            raise typer.Exit(1) from error
    if quiet:
        return
    typer.echo(
        f"All {verified.size:,} entries, in {verified.tiles:,} tiles, are what the checkpoint of "
        f"{found.origin} commits to."
    )
    for name, fact in stamp_facts(stamps):
        typer.echo(f"{name} {fact}")


@app.command(no_args_is_help=True, short_help="Serve the log, with pages to check it by.")
def serve(
    place: LogPlace,
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

    given = policy or own_policy(place)
    trusted = load_policy(given) if given else None
    keys: list[str] = []
    if trusted:
        keys = [*(x.vkey for x in trusted.logs), *(x.vkey for x in trusted.witnesses)]
    address(listen)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(reading(place))
        view = LogView(reader.read, verifiers=trusted.verifiers if trusted else ())
        pages = Pages(view, keys=keys)
        if pages_to is not None:
            if view.snapshot() is None:
                raise unpublished(place)
            with progress() as report:
                count = write_pages(view, pages, pages_to, last=last, progress=report)
            typer.echo(f"{pages_to / 'index.html'}: {count:,} entries")
            return
        with listening(listen) as (host, port):
            server = stack.enter_context(
                http_server(application(view, pages), host=host, port=port)
            )
        typer.echo(f"http://{host}:{server.server_port}/")
        sys.stdout.flush()
        server.serve_forever()


_brief = {  # one line each in `countenance record --help`
    "timestamp": "Put a time from outside on a checkpoint.",
    "open": "Open one sealed field to one reader; log that.",
    "erase": "Erase sealed values for good; log how many.",
    "rotate": "Log that a new key takes over, signed by both.",
    "witness": "Be a witness of logs.",
    "monitor": "Follow logs; report what is wrong with them.",
}
app.command("timestamp", short_help=_brief["timestamp"], no_args_is_help=True)(
    recordstamp.timestamp
)
app.command("open", short_help=_brief["open"], no_args_is_help=True)(recordvault.open_field)
app.command("erase", short_help=_brief["erase"], no_args_is_help=True)(recordvault.erase)
app.command("rotate", short_help=_brief["rotate"], no_args_is_help=True)(recordkey.rotate)
app.command("witness", short_help=_brief["witness"], no_args_is_help=True)(recordwatch.witness)
app.command("monitor", short_help=_brief["monitor"], no_args_is_help=True)(recordwatch.monitor)


def _unstamped(error: CountenanceError, folder: Path) -> CountenanceError:
    """What is said of a checkpoint that was published without the time stamp asked for."""
    from countenance.record.errors import RecordError

    again = f"countenance record timestamp {folder} --url URL"
    return RecordError(
        f"published, but without a time stamp: {error.what}",
        where=error.where,
        expected=error.expected,
        do=f"{error.do}; then {again}" if error.do else f"try again: {again}",
    )
