"""`countenance record witness` and `monitor`: those who see to it that a log stays one log."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli.options import Quiet
from countenance.cli.recordfolder import (
    Listen,
    PassphraseFile,
    address,
    listening,
    load_policy,
    make_folder,
    naming,
    now_s,
    passphrase,
    reading,
    wrong,
)

if TYPE_CHECKING:
    from countenance.record.monitor import FollowedLog
    from countenance.record.monitor_report import MonitorReport
    from countenance.record.policy import Policy


def witness(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The witness's folder.", show_default=False),
    ],
    new: Annotated[
        str | None,
        typer.Option("--new", metavar="NAME", help="Make the witness: a key and empty state."),
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option("--log", metavar="VKEY", help="A log to cosign for; repeatable."),
    ] = None,
    listen: Listen = "127.0.0.1:8700",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Be a witness: cosign a log's checkpoints as long as it only grows.

    Losing the folder means to begin again under another name: a witness that forgot what it saw
    could be led to cosign a second history.
    """
    from countenance.record.cosignature import Ed25519Cosigner, MLDSA44Cosigner
    from countenance.record.keys import KeyKind, generate_key, load_signer
    from countenance.record.note import parse_vkey
    from countenance.record.witness import Witness, WitnessedLog
    from countenance.record.witness_server import WitnessServer
    from countenance.record.witness_store import WitnessStore

    key, state = folder / "witness.key", folder / "state.sqlite"
    if new is not None:
        secret = passphrase(passphrase_file, new=True)
        make_folder(folder)
        vkey = generate_key(key, new, passphrase=secret, kind=KeyKind.WITNESS)
        WitnessStore.create(state).close()
        typer.echo(vkey)
        return
    address(listen)
    verifiers = []
    for each in log or ():
        with naming(f"--log {each}"):
            verifiers.append(parse_vkey(each))
    if not verifiers:
        raise wrong(
            "no log to cosign for",
            expected="--log VKEY, the verifier key that `countenance record init` printed",
            do=f"to make the witness first: countenance record witness {folder} --new NAME",
        )
    if not key.is_file():
        raise wrong(
            "there is no witness here",
            where=str(folder),
            do=f"countenance record witness {folder} --new NAME",
        )
    by_origin = {
        origin: tuple(each for each in verifiers if each.name == origin)
        for origin in dict.fromkeys(each.name for each in verifiers)
    }
    signer = load_signer(key, passphrase=passphrase(passphrase_file), clock=now_s)
    if not isinstance(signer, Ed25519Cosigner | MLDSA44Cosigner):
        raise wrong("this key is a log's, not a witness's", where=str(key))
    with contextlib.closing(WitnessStore(state)) as store:
        known = [WitnessedLog(origin, keys) for origin, keys in by_origin.items()]
        who = Witness(known, signers=[signer], store=store, clock=now_s)
        with listening(listen) as (host, port):
            server = WitnessServer(who, host=host, port=port)
        with contextlib.closing(server):
            typer.echo(server.url)
            sys.stdout.flush()
            server.serve_forever()


def monitor(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Where the monitor keeps what it saw.", show_default=False
        ),
    ],
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="The logs to follow, and their keys.")
    ],
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            metavar="[ORIGIN=]ADDRESS",
            help="Where a log can be seen too: a LOG as `record verify` takes it; repeatable.",
        ),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="SECONDS", help="Go on, one visit in so many seconds."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Where alerts are sent, as JSON."),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option("--max-age", metavar="SECONDS", help="How old a cosignature may be."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    quiet: Quiet = False,
) -> None:
    """Visit logs: read every new entry, compare all that can be seen, keep what contradicts.

    The code is 1 if there is something to look at. The first place of a log is its address in
    the policy; the addresses of the policy's witnesses are places too.
    """
    from countenance.cli.terminal import progress
    from countenance.core import CountenanceError, pretty_json
    from countenance.record.monitor import Monitor
    from countenance.record.monitor_report import post_webhook
    from countenance.record.request import check_address

    if every is not None and every <= 0:
        raise wrong("a time between visits that is none", where="--every", expected="60")
    if webhook is not None:
        check_address(webhook, what="the address of a webhook", query=True)
    with contextlib.ExitStack() as stack:
        logs = _followed(load_policy(policy), place or [], stack)
        make_folder(folder)
        while True:
            # A bar for each visit: what is told after it would run into one that is still there.
            with progress(quiet=quiet or json) as report:
                watch = Monitor(folder, clock=now_s, max_age_s=max_age, progress=report)
                found = watch.visit(logs)
            if json:
                typer.echo(pretty_json(found.to_json()), nl=False)
            else:
                _tell(found, quiet=quiet)
            sys.stdout.flush()
            if webhook is not None and found.alerts:
                try:
                    post_webhook(webhook, found)
                except CountenanceError as error:
                    if every is None:
                        raise
                    # Whoever watches must not go blind because somebody cannot be told.
                    typer.echo(f"the alert is not told: {error}", err=True)
            if every is None:
                raise typer.Exit(found.exit_code)
            time.sleep(every)


def _followed(policy: Policy, places: list[str], stack: contextlib.ExitStack) -> list[FollowedLog]:
    """Every log of a policy with all the places where it can be seen."""
    from countenance.record.monitor import FollowedLog, Place
    from countenance.record.remote import HttpStorage
    from countenance.record.witness import origin_hash

    seen: dict[str, list[Place]] = {}
    for log in policy.logs:
        at = seen.setdefault(log.origin, [])
        if log.url and log.url not in {each.name for each in at}:
            at.append(Place(log.url, HttpStorage(log.url)))
    for text in places:
        origin, sign, where = text.partition("=")
        if not sign or origin not in seen:
            if len(seen) != 1:
                raise wrong(
                    f"of which log is {text!r} a place?",
                    where="--place",
                    expected=f"ORIGIN=ADDRESS, with one of {', '.join(seen)}",
                )
            origin, where = next(iter(seen)), text
        if where not in {each.name for each in seen[origin]}:
            seen[origin].append(Place(where, stack.enter_context(reading(where))))
    followed = []
    for origin, at in seen.items():
        if not at:
            raise wrong(
                f"nobody says where to find the log {origin}",
                expected="an address in the policy, or --place",
            )
        for each in policy.witnesses:
            if each.url:
                address_ = f"{each.url.rstrip('/')}/{origin_hash(origin)}"
                at.append(Place(each.name, HttpStorage(address_), has_tiles=False))
        followed.append(FollowedLog(origin, policy, tuple(at)))
    return followed


def _tell(report: MonitorReport, *, quiet: bool) -> None:
    """One line a log, and one for everything that somebody has to look at."""
    for log in report.logs:
        if not quiet:
            typer.echo(f"{log.origin}: {log.size:,} entries verified, {log.new_entries:,} new")
        for alert in log.alerts:
            kept = f" (kept: {alert.evidence})" if alert.evidence else ""
            typer.echo(f"ALERT {log.origin}: {alert.kind}: {alert.place}: {alert.text}{kept}")
