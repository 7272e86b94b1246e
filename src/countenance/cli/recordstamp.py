"""`countenance record timestamp`: a time from outside on a checkpoint, by HTTP or by hand.

Its options, and its words for what came of it, are those of `record checkpoint`, `record verify`
and `verify` too.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countenance.cli.recordfolder import (
    PolicyFile,
    Record,
    own_policy,
    read_bytes,
    reading,
    unpublished,
    write_file,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from countenance.record.stamped import NamedAuthority, Stamps

AuthorityFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--timestamp-authority",
        metavar="[NAME=]FILE",
        help="Certificates (PEM) of those whose time stamps are believed; repeatable.",
    ),
]


def timestamp(
    place: Annotated[
        str,
        typer.Argument(
            metavar="RECORD|FILE",
            help="A record, for its published checkpoint; or the file of a proof or a checkpoint.",
            show_default=False,
        ),
    ],
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Ask this authority (RFC 3161, over HTTP)."),
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option("--request", metavar="FILE", help="Write the request, to carry by hand."),
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option("--answer", metavar="FILE", help="Attach the answer that was brought back."),
    ] = None,
    authority: AuthorityFiles = None,
    policy: PolicyFile = None,
    deadline: Annotated[
        float,
        typer.Option("--deadline", metavar="SECONDS", help="How long the authority may take."),
    ] = 15.0,
) -> None:
    """Put a time stamp on a checkpoint: it existed then, by a clock that is not the log's.

    Nothing is attached that does not verify by the authorities of the policy file or of
    --timestamp-authority. An answer about a checkpoint that is no longer the published one can
    still be attached to a proof file that was made of it.
    """
    from countenance.core import InputError
    from countenance.record.errors import VerificationError
    from countenance.record.stamped import verify_by_any
    from countenance.record.timestamp import MAX_TOKEN_BYTES, write_request

    if [url, request, answer].count(None) != 2:
        raise wrong("what is to be done?", expected="one of --url, --request and --answer")
    note = _note_of(place)
    if request is not None:
        write_file(request, write_request(note))
        typer.echo(request)
        return
    trusted = authorities(policy or own_policy(place), authority, need=True)
    token = read_bytes(answer, "the answer", most=MAX_TOKEN_BYTES) if answer is not None else b""
    if url is not None:
        token = asking(url, trusted, deadline_s=deadline)(note)
    try:
        name, stamp = verify_by_any(token, note, trusted)
    except VerificationError as error:
        raise InputError(
            f"not attached: {error.what}",
            where=str(answer or url),
            expected=f"the answer of a trusted authority to the request for {place}",
            do="an answer about an older checkpoint: attach it to a proof made of that one",
        ) from error
    _attach(place, note, token)
    typer.echo(f"existed at {_time(stamp.time_s)}, by the clock of {name}")


def authorities(
    policy: Path | None, given: Sequence[str] | None, *, need: bool = False
) -> tuple[NamedAuthority, ...]:
    """Whose time stamps count: those given as options first, then those of the policy file."""
    from countenance.record.policy import MAX_POLICY_BYTES
    from countenance.record.stamped import NamedAuthority, parse_authorities
    from countenance.record.timestamp import TimestampAuthority

    found = []
    for text in given or ():
        name, sign, file = text.partition("=")
        if not sign or Path(text).is_file():
            name, file = Path(text).stem, text
        found.append(NamedAuthority(name, TimestampAuthority.load(Path(file))))
    if policy is not None:
        data = read_bytes(policy, "the policy", most=MAX_POLICY_BYTES)
        found += parse_authorities(data, where=str(policy))
    if need and not found:
        raise wrong(
            "whose time stamps are to be believed?",
            where=str(policy) if policy else None,
            expected="--timestamp-authority FILE, or a line #timestamp-authority in the policy",
        )
    return tuple(found)


def asking(
    url: str, trusted: Sequence[NamedAuthority], *, deadline_s: float
) -> Callable[[bytes], bytes]:
    """From a checkpoint to a verified token on it; an address that is none is told at once."""
    from countenance.record.timestamp import TimestampAuthority, http_send, request_timestamp

    everybody = TimestampAuthority(tuple(x for t in trusted for x in t.authority.certificates))
    send = http_send(url, timeout_s=deadline_s)
    return lambda note: request_timestamp(note, authority=everybody, send=send)


def examine(note: bytes, policy: Path, given: Sequence[str] | None) -> Stamps:
    """The time stamps on a checkpoint; with authorities given as options, one of them is needed.

    Raises
    ------
    VerificationError
        None of those given vouches for a time stamp here.
    """
    from countenance.core import MissingPartError
    from countenance.record.errors import VerificationError
    from countenance.record.stamped import Stamps, examine_tokens, tokens_of

    trusted = authorities(policy, given)
    try:
        stamps = examine_tokens(note, trusted)
    except MissingPartError as error:
        if given:
            raise
        stamps = Stamps((), tuple(f"{error.what} ({error.do})" for _ in tokens_of(note)))
    asked = {each.name for each in trusted[: len(given or ())]}
    if asked and not any(name in asked for name, _ in stamps.verified):
        raise VerificationError(
            "no time stamp by " + " or ".join(sorted(asked)),
            where="the checkpoint",
            expected="; ".join(dict.fromkeys(stamps.unverified))
            or "one, and there is none at all",
        )
    return stamps


def stamp_facts(stamps: Stamps) -> list[tuple[str, str]]:
    """The time stamps in words."""
    facts = [("existed at", f"{_time(x.time_s)}, by the clock of {n}") for n, x in stamps.verified]
    facts += [("time stamp", f"not verified: {why}") for why in stamps.unverified]
    return facts


def stamp_values(stamps: Stamps) -> list[dict[str, Any]]:
    """The time stamps as JSON."""
    found: list[dict[str, Any]] = [
        {"authority": name, "time": _time(x.time_s), "serial": str(x.serial), "policy": x.policy}
        for name, x in stamps.verified
    ]
    return found + [{"unverified": why} for why in stamps.unverified]


def _time(time_s: int) -> str:
    from countenance.record.entries import format_time

    return format_time(time_s)


def _note_of(place: str) -> bytes:
    """The checkpoint that is published at a place, or stands in a file."""
    from countenance.record.note import split_note
    from countenance.record.proof import HEADER, MAX_PROOF_BYTES, parse_proof
    from countenance.record.storage import CHECKPOINT

    if Path(place).is_file():
        data = read_bytes(Path(place), "the file", most=MAX_PROOF_BYTES)
        if data.startswith(HEADER.encode()):
            return parse_proof(data).checkpoint
        split_note(data)
        return data
    with reading(place) as reader:
        note = reader.read(CHECKPOINT)
    if note is None:
        raise unpublished(place)
    return note


def _attach(place: str, note: bytes, token: bytes) -> None:
    """Put a token where the checkpoint was taken from."""
    from countenance.record.checkpoint import parse_checkpoint
    from countenance.record.note import split_note
    from countenance.record.proof import HEADER, MAX_PROOF_BYTES, parse_proof
    from countenance.record.stamped import add_token, tokens_of
    from countenance.record.storage import CHECKPOINT

    path = Path(place)
    if path.is_file():
        data = read_bytes(path, "the file", most=MAX_PROOF_BYTES)
        stamped = add_token(note, token)
        if data.startswith(HEADER.encode()):
            stamped = replace(parse_proof(data), checkpoint=stamped).encode()
        write_file(path, stamped)
        return
    text = split_note(note)[0]
    with contextlib.closing(Record(path).need().hold()) as storage:
        now = storage.read(CHECKPOINT)  # cosignatures may have come, or a later checkpoint
        if now is not None and split_note(now)[0] == text:
            storage.put_checkpoint(add_token(now, token), size=parse_checkpoint(text).size)
            now = storage.read(CHECKPOINT)  # a database keeps a later one that came in between
            if now is not None and token in tokens_of(now):
                return
    raise wrong(
        "a later checkpoint was published meanwhile",
        where=place,
        do="ask for a time stamp of that one",
    )
