"""`countenance record rotate`: from one key of a log to the next, in the open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from countenance.cli.recordfolder import (
    Folder,
    PassphraseFile,
    Record,
    now_s,
    passphrase,
    read_bytes,
    wrong,
)

if TYPE_CHECKING:
    from pathlib import Path


def rotate(folder: Folder, passphrase_file: PassphraseFile = None) -> None:
    """Make a new key and log an entry signed by both, by which readers can follow.

    The old key stays in use until you put the new one in its place: what to do, and in which
    order, is printed. The new key has the passphrase of the old one.
    """
    from countenance.record.keys import generate_key, load_signer
    from countenance.record.policy import MAX_POLICY_BYTES
    from countenance.record.rotation import rotation_entry
    from countenance.record.stamped import format_authorities, parse_authorities

    here = Record(folder).need()
    key, policy = _beside(here.key), _beside(here.policy)
    for path in (key, policy):
        if path.exists():
            raise wrong(
                "a rotation was begun already",
                where=str(path),
                do="finish it; if its entry is not in the log, remove this file",
            )
    now = here.load_policy()
    known = read_bytes(here.policy, "the policy", most=MAX_POLICY_BYTES)
    believed = format_authorities(parse_authorities(known, where=str(here.policy)))
    secret = passphrase(passphrase_file)
    old = load_signer(here.key, passphrase=secret, clock=now_s)
    vkey = generate_key(key, old.name, passphrase=secret)
    # The policy first: one that does not list the old key is told before the entry is for ever.
    try:
        text = now.replace_log_key(old.vkey, vkey).text + believed
        policy.write_text(text, encoding="utf-8", errors="surrogateescape")
        new = load_signer(key, passphrase=secret, clock=now_s)
        with here.open_log(old) as log:
            (index,) = log.append([rotation_entry(old, new, time_s=now_s())])
    except BaseException:
        typer.echo(f"Not finished: look whether the log has the entry; {key} is kept.", err=True)
        raise
    typer.echo(
        f"The new verifier key: {vkey}\n"
        f"Entry {index} says so, signed by both keys. Now, in this order:\n"
        f"1. countenance record checkpoint {folder}    (still with the old key)\n"
        f"2. write the proof of entry {index} to a file, as of any other entry\n"
        "3. publish that proof, the new verifier key and the new policy; give the new key\n"
        "   to every witness as a further --log\n"
        f"4. keep {here.policy} as it is elsewhere, for proofs made before;\n"
        f"   then move {policy} to {here.policy}\n"
        f"5. move {key} to {here.key}\n"
        f"6. countenance record checkpoint {folder}    (with the new key)"
    )


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".new")
