"""`countenance record init`: a key, a policy, and an empty log in a folder or a database."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.recorddatabase import database, name_log, need_unused
from countenance.cli.recordfolder import (
    Folder,
    PassphraseFile,
    Record,
    make_folder,
    naming,
    now_s,
    passphrase,
    wrong,
)
from countenance.cli.recordstamp import AuthorityFiles, authorities

_WITNESS = re.compile(r"([^=]+)=([^+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)(?:@(https?://\S+))?")


def init(
    folder: Folder,
    origin: Annotated[
        str,
        typer.Option(
            "--origin", metavar="NAME", help="The log's name for good, as example.org/record."
        ),
    ],
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Keep the log in PostgreSQL, as postgresql://HOST/DATABASE, without a password.",
        ),
    ] = None,
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
    authority: AuthorityFiles = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a record: a key, a policy, an empty log.

    With --storage the log is kept in a database, to which several processes may append at once.
    Its password is taken from where libpq takes it: PGPASSWORD, PGPASSFILE, ~/.pgpass, PGSERVICE.
    """
    from countenance.record.keys import generate_key, load_signer
    from countenance.record.log import Log
    from countenance.record.note import check_name, parse_vkey
    from countenance.record.policy import make_policy
    from countenance.record.stamped import format_authorities

    here = Record(folder)
    witnesses = [_witness(each) for each in witness or ()]
    for word, (_, key, _) in zip(witness or (), witnesses, strict=True):
        with naming(f"--witness {word}"):
            parse_vkey(key)
    if not 0 <= quorum <= len(witnesses):
        raise wrong(
            f"a quorum of {quorum} among {len(witnesses)} witnesses",
            where="--quorum",
            expected="at most as many as there are witnesses",
        )
    with naming(f"--origin {origin}"):
        check_name(origin)
    with naming("--timestamp-authority"):
        times = format_authorities(authorities(None, authority))
    name = name_log(storage, origin) if storage is not None else None
    for path in (here.key, here.policy, here.storage_name, here.log / "journal"):
        if path.exists():
            raise wrong(
                "a record was made here already, and a key is never overwritten",
                where=str(path),
                do="choose another folder",
            )
    secret = passphrase(passphrase_file, new=True)
    if name is not None:
        with contextlib.closing(database(name)) as found:
            need_unused(found, name)
    make_folder(folder)
    with contextlib.ExitStack() as undo:
        vkey = generate_key(here.key, origin, passphrase=secret)
        for path in (here.key, here.policy, here.storage_name):
            undo.callback(path.unlink, missing_ok=True)
        policy = make_policy(logs=[vkey], witnesses=witnesses, k=quorum)
        _write_new(here.policy, policy.text + times)
        if name is not None:
            _write_new(here.storage_name, f"{name}\n")
        Log.open(here.hold(), load_signer(here.key, passphrase=secret, clock=now_s)).close()
        here.open_vault().close()
        undo.pop_all()
    typer.echo(f"The log's verifier key, to publish wherever people look: {vkey}")


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _witness(text: str) -> tuple[str, str, str]:
    """``NAME=VKEY[@URL]`` in its parts."""
    form = _WITNESS.fullmatch(text)
    if form is None:
        raise wrong(
            f"{text!r} is no witness", where="--witness", expected="NAME=VKEY or NAME=VKEY@URL"
        )
    return form[1], form[2], form[3] or ""
