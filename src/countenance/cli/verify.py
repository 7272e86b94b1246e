"""`countenance verify`: what a proof file shows, with nothing but the file and whom to trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countenance.cli.recordfolder import load_policy, read_bytes, wrong
from countenance.cli.recordstamp import AuthorityFiles, examine, stamp_facts, stamp_values

if TYPE_CHECKING:
    from countenance.record.entries import Entry
    from countenance.record.policy import Verdict
    from countenance.record.stamped import Stamps


def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The proof file.", show_default=False)
    ],
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="Whose signatures count.")
    ],
    entry: Annotated[
        Path | None,
        typer.Option("--entry", metavar="FILE", help="The entry (default: the one in the proof)."),
    ] = None,
    opening: Annotated[
        list[Path] | None,
        typer.Option(
            "--opening", metavar="FILE", help="What opens a sealed field of it; repeatable."
        ),
    ] = None,
    authority: AuthorityFiles = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Say whether a proof file shows an entry to be in a log, offline.

    The policy names the logs and witnesses you trust, and how many of them it takes. With
    --timestamp-authority it takes a time stamp of one of those too. The code is 1 where the file
    does not show it.
    """
    from countenance.record.commitments import parse_opening, verify_opening
    from countenance.record.entries import parse_entry
    from countenance.record.errors import VerificationError
    from countenance.record.proof import MAX_PROOF_BYTES, examine_proof, parse_proof

    if file.is_dir():
        raise wrong(
            "this is a folder, not a proof file",
            where=str(file),
            do="a whole log is checked by `countenance record verify`",
        )
    trusted = load_policy(policy)
    data = read_bytes(file, "the proof", most=MAX_PROOF_BYTES)
    try:
        carried = parse_proof(data).extra
        raw = carried if entry is None else read_bytes(entry, "the entry", most=65_535)
        if raw is None:
            raise wrong(
                "the proof does not carry its entry", where=str(file), expected="--entry FILE"
            )
        proof, verdict = examine_proof(data, raw, trusted)
        stamps = examine(proof.checkpoint, policy, authority)
        event = _event(raw) if not opening else parse_entry(raw)
        opened = {}
        for each in opening or ():
            found = parse_opening(read_bytes(each, "the opening", most=2 << 20))
            if event is not None:
                opened[found.field] = verify_opening(event, found)
    except VerificationError as error:
        typer.echo(f"Does not verify: {file}\n{error.diagnostics()}", err=True)
        raise typer.Exit(1) from error
    _show(verdict, stamps, proof.index, event, raw, opened, json=json)


def _event(raw: bytes) -> Entry | None:
    """The entry as an event; None for bytes that are none, which a log may hold."""
    from countenance.record.entries import parse_entry
    from countenance.record.errors import VerificationError

    try:
        return parse_entry(raw)
    except VerificationError:
        return None


def _show(
    verdict: Verdict,
    stamps: Stamps,
    index: int,
    event: Entry | None,
    raw: bytes,
    opened: dict[str, object],
    *,
    json: bool,
) -> None:
    from countenance.cli.terminal import console, show_facts
    from countenance.core import pretty_json, sha256_bytes
    from countenance.record.entries import format_time

    checkpoint = verdict.checkpoint
    witnesses = [(each.witness, format_time(each.time)) for each in verdict.cosigned]
    if json:
        value = {
            "origin": checkpoint.origin,
            "index": index,
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "entry_sha256": sha256_bytes(raw),
            "entry": event.to_json() if event else None,
            "cosigned": [{"witness": name, "time": time} for name, time in witnesses],
            "timestamps": stamp_values(stamps),
            "opened": opened,
        }
        typer.echo(pretty_json(value), nl=False)
        return
    facts = [
        ("log", checkpoint.origin),
        ("entry", f"{index:,} of {checkpoint.size:,}"),
        ("cosigned by", "; ".join(f"{n}, {t}" for n, t in witnesses) or "no witness"),
        *stamp_facts(stamps),
    ]
    if event is None:
        facts.append(("content", f"{len(raw):,} bytes that are no event"))
    else:
        facts += [("event", event.kind), ("written", event.time)]
        facts += [(name, _plainly(value)) for name, value in sorted(event.public.items())]
        facts += [
            (name, _plainly(opened[name]) if name in opened else "sealed")
            for name in sorted(event.sealed)
        ]
    show_facts(console(), "This entry is in the log", facts)


def _plainly(value: object) -> str:
    import json as jsonlib

    return value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False)
