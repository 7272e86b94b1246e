"""`countenance desk`: what an operator does beside serving: back up, put back, check, migrate."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli.options import Quiet
from countenance.cli.recordfolder import PassphraseFile, passphrase
from countenance.cli.serve import DeskFolder

if TYPE_CHECKING:
    from countenance.core import Progress
    from countenance.desk.configuration import Configuration
    from countenance.desk.jobs import Progress as JobProgress
    from countenance.desk.store import Store
    from countenance.record import FolderStorage, HttpStorage, Log

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_LOOK_S = 0.5
_UNTAKEN_S = 20.0


@app.callback()
def desk() -> None:
    """Operate a desk: its work, its backups, its checks."""


@app.command(no_args_is_help=True, short_help="Do background work only, beside a service.")
def work(folder: DeskFolder) -> None:
    """Do the background work of a desk on PostgreSQL, until Ctrl-C or SIGTERM.

    Imports, purges, what falls due. A desk on SQLite does that in the process that serves it.
    """
    import logging.config
    import threading

    from countenance.cli.servelog import CONFIGURATION
    from countenance.desk.opening import open_deployment

    logging.config.dictConfig(CONFIGURATION)
    with contextlib.suppress(KeyboardInterrupt), open_deployment(folder, background=True) as found:
        typer.echo(f"{found.name}: at work.")
        sys.stdout.flush()
        threading.Event().wait()
    typer.echo("Stopped.")


@app.command(no_args_is_help=True, short_help="Say how a desk stands.")
def status(folder: DeskFolder) -> None:
    """Say how a desk stands: whether it is open, its database, its log, its work.

    Nothing is changed, and a desk that is being served can be asked.
    """
    from sqlalchemy import func, select

    from countenance.desk.account_tables import Account, AccountState
    from countenance.desk.configuration import read_configuration
    from countenance.desk.errors import StateError
    from countenance.desk.events import Outgoing
    from countenance.desk.folder import holding
    from countenance.desk.jobs import Job, JobState
    from countenance.desk.service import Standing
    from countenance.desk.store import REVISION, Store

    found = read_configuration(folder)
    try:
        with holding(found.places, alone=True, patience_s=0.0):
            is_open = "no process has it open"
    except StateError:
        is_open = "a process has it open"
    typer.echo(f"{found.name}, {found.origins[0]}: {is_open}")
    if found.is_sqlite and not found.places.database.exists():
        typer.echo("The database was not made yet: serve it once.")
        return
    with contextlib.closing(Store.open(found.database_url)) as store:
        store.check(empty=False)
        with store.reading() as db:
            people = db.scalar(
                select(func.count()).select_from(Account).where(
                    Account.state == AccountState.ACTIVE)
            )  # fmt: skip
            entries = db.scalar(select(func.max(Outgoing.place)))
            waiting = db.scalar(select(func.count()).where(Outgoing.place.is_(None)))
            standing = db.get(Standing, 1)
            jobs = db.execute(select(Job.state, func.count()).group_by(Job.state))
            by_state = {row[0]: row[1] for row in jobs}
    down = standing is None or standing.down_since is not None
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    typer.echo(f"The desk {'stands down' if down else 'works'}; {people:,} accounts are active.")
    typer.echo(f"Database: {kind}, revision {REVISION}.")
    typer.echo(
        f"Log: {0 if entries is None else entries + 1:,} entries by the database; "
        f"{waiting:,} events on their way."
    )
    told = ", ".join(f"{by_state.get(state, 0):,} {state.value}" for state in JobState)
    typer.echo(f"Background work: {told}.")
    with contextlib.suppress(StateError):
        _tell_witnesses(found)


@app.command(no_args_is_help=True, short_help="Print the first administrator's code.")
def bootstrap(
    folder: DeskFolder,
    administrator: Annotated[
        str, typer.Option("--administrator", metavar="NAME", help="Whom the code is for.")
    ] = "First administrator",
) -> None:
    """Print a one-time code for the first administrator, as long as nobody has an account.

    A code printed before is void. A desk on SQLite must not be being served: `serve` prints one.
    """
    from countenance.desk import invitations
    from countenance.desk.opening import open_deployment

    with open_deployment(folder, background=False) as found:
        typer.echo(invitations.bootstrap(found.desk, administrator))


@app.command(no_args_is_help=True, short_help="Bring the database to this program's revision.")
def migrate(folder: DeskFolder) -> None:
    """Bring the database to the revision of this program. Make a backup first.

    No process may have the desk open. Killed on the way, nothing has changed.
    """
    from countenance.desk import migrations
    from countenance.desk.configuration import read_configuration
    from countenance.desk.folder import holding
    from countenance.desk.store import REVISION, Store

    found = read_configuration(folder)
    with (
        holding(found.places, alone=True),
        contextlib.closing(Store.open(found.database_url, any_revision=True)) as store,
    ):
        migrations.upgrade(store)
        store.check(empty=False)
    typer.echo(f"The database is of revision {REVISION}.")


@app.command(no_args_is_help=True, short_help="Back up a desk, also while it works.")
def backup(
    folder: DeskFolder,
    target: Annotated[
        Path,
        typer.Argument(metavar="BACKUP", help="A folder that is not there.", show_default=False),
    ],
    quiet: Quiet = False,
) -> None:
    """Write a backup: database, vault and log of one instant, and the configuration.

    The keys are not in it, and nothing that is encrypted opens without them: see `desk keys`.
    What the vault holds is not encrypted: keep a backup as carefully as the desk.
    A desk on SQLite that is being served makes the backup itself.
    """
    from countenance.cli.terminal import progress
    from countenance.core import InputError
    from countenance.desk.backup import read_backup, take_backup
    from countenance.desk.clock import system_clock
    from countenance.desk.configuration import read_configuration
    from countenance.desk.errors import StateError
    from countenance.desk.folder import holding
    from countenance.desk.parts import open_log, open_store

    found, target = read_configuration(folder), target.absolute()
    if target.exists():
        raise InputError(
            "there is something of this name", where=str(target), expected="a name that is free"
        )
    with progress(quiet=quiet) as report, contextlib.ExitStack() as stack:
        try:
            stack.enter_context(holding(found.places, alone=found.is_sqlite, patience_s=0.0))
        except StateError:
            _ask_service(found, target, report)
            said = read_backup(target)
        else:
            store = stack.enter_context(contextlib.closing(open_store(found)))
            log = stack.enter_context(open_log(found))
            said = take_backup(found, store, log, target, now=system_clock(), progress=report)
    if not quiet:
        typer.echo(
            f"{target}: {said.size:,} entries of {said.origin}, {said.at:%Y-%m-%d %H:%M} UTC"
        )


@app.command(no_args_is_help=True, short_help="Write the keys into a sealed file.")
def keys(
    folder: DeskFolder,
    target: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A file that is not there.", show_default=False),
    ],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the desk's keys into one file, sealed under a passphrase.

    Keep it apart from the backups: both together are the whole desk.
    """
    from countenance.desk.configuration import read_configuration
    from countenance.desk.sealedkeys import seal_keys

    found = read_configuration(folder)
    seal_keys(found.places, target, passphrase=passphrase(passphrase_file, new=True))
    typer.echo(f"{target}: the keys, sealed.")


@app.command(no_args_is_help=True, short_help="Put a desk back from a backup.")
def restore(
    source: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="The backup.", show_default=False)
    ],
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Where to: empty but for keys/, witness/ and desk.toml.",
            show_default=False,
        ),
    ],
    keys_file: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="The sealed keys, if FOLDER has none."),
    ] = None,
    catch_up: Annotated[
        str | None,
        typer.Option(
            "--catch-up",
            metavar="LOG",
            help="Where the log can be read as it was published last: a folder or an address.",
        ),
    ] = None,
    new_log: Annotated[
        str,
        typer.Option("--new-log", metavar="NAME", help="Instead: go on in another log."),
    ] = "",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Put a desk back from a backup, into a folder of its own or another's.

    If more was published since the backup was made, witnesses say so, and nothing is put back
    until it is said how to go on: --catch-up takes what is missing from a copy of the log,
    --new-log begins another. That it was put back is told in the log.
    """
    from countenance.desk.restoring import restore as put_back

    words = "" if keys_file is None else passphrase(passphrase_file)
    result = put_back(
        source, folder, keys=keys_file, passphrase=words, copy_of_log=_place(catch_up),
        new_log=new_log,
    )  # fmt: skip
    typer.echo(f"{folder}: put back, as it was at {result.said.at:%Y-%m-%d %H:%M} UTC.")
    if result.unknown:
        typer.echo(
            f"{result.unknown:,} entries of the log are of what happened since; the desk knows "
            "nothing else of it."
        )
    if result.new_log:
        typer.echo(
            f"The log is {result.origin} from now on: tell everybody who trusted it before."
        )
    if result.new_witness:
        typer.echo(
            "The witness beside the desk is another, which has seen nothing before: publish the "
            "new policy."
        )


@app.command(no_args_is_help=True, short_help="Check that all of a desk fits together.")
def check(folder: DeskFolder, quiet: Quiet = False) -> None:
    """Check database, log and vault against each other, and the log against its witnesses.

    The code is 1 if something does not fit. A desk on SQLite must not be being served.
    """
    from countenance.cli.terminal import progress
    from countenance.desk.checking import check_desk
    from countenance.desk.configuration import read_configuration
    from countenance.desk.folder import holding
    from countenance.desk.parts import local_witness, now_s, open_log, open_store
    from countenance.record import SQLiteVault

    found = read_configuration(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(holding(found.places, alone=found.is_sqlite))
        store = stack.enter_context(contextlib.closing(open_store(found)))
        log = stack.enter_context(open_log(found))
        vault = stack.enter_context(SQLiteVault(found.places.vault, clock=now_s))
        if found.local_witness and found.is_sqlite:  # else a service keeps it
            stack.enter_context(local_witness(found))
        with progress(quiet=quiet) as report:
            findings = check_desk(found, store, log, vault, progress=report)
    for finding in findings:
        if not finding.right:
            typer.echo(f"WRONG: {finding.says}")
        elif not quiet:
            typer.echo(f"{finding.says[0].upper()}{finding.says[1:]}.")
    if not all(finding.right for finding in findings):
        raise typer.Exit(1)


def _ask_service(found: Configuration, target: Path, report: Progress) -> None:
    """Let the process that has the desk open make the backup, and wait for it."""
    from countenance.core import InputError
    from countenance.desk.backup import BACKUP
    from countenance.desk.clock import system_clock
    from countenance.desk.errors import DeskError
    from countenance.desk.jobs import JobState, cancel, enqueue
    from countenance.desk.store import Store

    with contextlib.closing(Store.open(found.database_url)) as store:
        job = store.write(
            lambda db: enqueue(db, BACKUP, {"target": str(target)}, now=system_clock())
        )
        try:
            for told in _watch(store, job):
                report("entries of the log", told.done, told.total)
            if told.state is JobState.DONE:
                return
        except TimeoutError as error:
            store.write(lambda db: cancel(db, job, now=system_clock()))
            raise DeskError(
                "the service does no background work, so it makes no backup",
                do="end it for as long as the backup takes, or let `background` be true",
            ) from error
        raise InputError(
            f"the service could not make the backup ({told.problem or told.state.value})",
            where=str(target), do="see what it says, and whether it may write there",
        )  # fmt: skip


def _watch(store: Store, job: str) -> Iterator[JobProgress]:
    """A job until it has ended; TimeoutError where nobody takes it."""
    from countenance.desk.jobs import OPEN, JobState, progress

    until = time.monotonic() + _UNTAKEN_S
    while True:
        with store.reading() as db:
            told = progress(db, job)
        if told is None:
            raise TimeoutError
        yield told
        if told.state not in OPEN or (told.attempts and told.problem):
            return
        if told.state is JobState.WAITING and time.monotonic() > until:
            raise TimeoutError
        time.sleep(_LOOK_S)


def _place(text: str | None) -> HttpStorage | FolderStorage | None:
    """Where a log can be read: an address, a log's folder, or a desk's or record's."""
    from countenance.core import InputError
    from countenance.record import FolderStorage, HttpStorage

    if text is None:
        return None
    if text.startswith(("http://", "https://")):
        return HttpStorage(text)
    path = Path(text)
    if not path.is_dir():
        raise InputError("no such folder", where=f"--catch-up {text}")
    return FolderStorage(path / "log" if (path / "log").is_dir() else path)


def _tell_witnesses(found: Configuration) -> None:
    """What witnesses have seen, where the log can be opened beside whoever has it."""
    from countenance.desk.folder import holding
    from countenance.desk.parts import open_log, policy_of
    from countenance.desk.published import ask_witnesses

    with (
        holding(found.places, alone=found.is_sqlite, patience_s=0.0),
        contextlib.closing(open_log(found)) as log,
    ):
        opened: Log = log
        for seen in ask_witnesses(opened, policy_of(found, public=False)):
            typer.echo(f"Witness: {seen.says}.")
