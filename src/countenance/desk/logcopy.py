"""Copies of a log that are verified as they are made: entry by entry, to the same root.

Entries say nothing of where they are kept, so a copy may go from files to a database and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from countenance.core import IntegrityError, Progress, no_progress
from countenance.desk.errors import DeskError
from countenance.record import (
    FolderStorage,
    HttpStorage,
    Log,
    PostgresStorage,
    Signer,
    Verifier,
    open_checkpoint,
    read_bundle,
    verify_log,
)

_BUNDLE = 256
_BATCH = 1024


class Published(Protocol):
    """A log somewhere, as anybody may read it."""

    def read(self, path: str) -> bytes | None:
        """What is published under a path."""


def entries_of(log: Log, first: int, size: int) -> Iterator[bytes]:
    """Entries of an opened log from `first` up to `size`."""
    whole = size - size % _BUNDLE
    at = first
    while at < size:
        if at < whole:
            bundle = read_bundle(log.read, at // _BUNDLE, _BUNDLE)
            yield from bundle[at % _BUNDLE :]
            at += _BUNDLE - at % _BUNDLE
        else:
            yield log.entry(at)
            at += 1


def published_entries(place: Published, first: int, size: int) -> Iterator[bytes]:
    """Entries from `first` on of a log whose published checkpoint is of `size` entries."""
    for index in range(first // _BUNDLE, -(-size // _BUNDLE)):
        bundle = read_bundle(place.read, index, min(_BUNDLE, size - index * _BUNDLE))
        yield from bundle[max(0, first - index * _BUNDLE) :]


def copy_log(
    source: Log, storage: FolderStorage | PostgresStorage, signer: Signer, *, size: int,
    note: bytes | None = None, verifiers: Sequence[Verifier] = (),
    progress: Progress = no_progress,
) -> bytes:  # fmt: skip
    """Copy the first entries of a log to an empty place; the root.

    Parameters
    ----------
    source, size
        What to copy.
    storage, signer
        Where to, and the key of the log there: its own, or another's where it begins anew.
    note, verifiers
        A checkpoint that was published of no more than these entries, to be published there as it
        is, and whose keys are trusted.
    progress
        Told how many entries are copied.

    Raises
    ------
    DeskError
        There is a log already.
    IntegrityError
        What was copied is not what was read, or the checkpoint is of other entries.
    """
    with Log.open(storage, signer) as target:
        if target.size:
            raise DeskError("there is a log already", where=target.origin)
        at = 0
        if note is not None:
            checkpoint, _ = open_checkpoint(note, verifiers)
            if checkpoint.size > size:
                raise IntegrityError("the checkpoint is of more entries than are copied")
            at = append_all(target, entries_of(source, 0, checkpoint.size), progress, size)
            if target.root() != checkpoint.root:
                raise IntegrityError("the log is not the one that its checkpoint is of")
            target.publish(lambda _: note)
        append_all(target, entries_of(source, at, size), progress, size)
        root = target.root()
        if target.size != size or root != source.root(size):
            raise IntegrityError("what was copied of the log is not what is in it")
        return root


def append_all(
    log: Log, entries: Iterator[bytes], progress: Progress = no_progress, total: int = 0
) -> int:
    """Append entries in batches; the size then."""
    batch: list[bytes] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            log.append(batch)
            batch = []
            progress("entries of the log", log.size, total)
    log.append(batch)
    progress("entries of the log", log.size, total)
    return log.size


def catch_up(log: Log, place: HttpStorage | FolderStorage, verifiers: Sequence[Verifier]) -> int:
    """Append what a copy of this log holds beyond it; how many entries that was.

    The copy may be anybody's: what is taken must be what its checkpoint, which the log's own key
    signed, is of, and must begin with what is here.

    Raises
    ------
    DeskError
        The place publishes nothing.
    IntegrityError
        It is another log's, or does not begin with what is here: then nothing was taken.
    VerificationError
        It is not what its checkpoint is of: nothing was taken.
    """
    note = place.read("checkpoint")
    if note is None:
        raise DeskError("no checkpoint is published there", do="is it the place of a log?")
    checkpoint, _ = open_checkpoint(note, verifiers)
    if checkpoint.origin != log.origin:
        raise IntegrityError("that is another log", expected=log.origin)
    before = log.size
    if checkpoint.size <= before:
        if checkpoint.root != log.root(checkpoint.size):
            raise IntegrityError("that log does not go on from this one")
        return 0
    verify_log(place, checkpoint)
    theirs = published_entries(place, 0, checkpoint.size)
    if any(ours != next(theirs) for ours in entries_of(log, 0, before)):
        raise IntegrityError("that log does not begin with what is here")
    append_all(log, theirs)
    if log.root() != checkpoint.root:
        raise IntegrityError(
            "what was taken from there is not what its checkpoint is of",
            do="remove what was restored, and restore again from another place",
        )
    return log.size - before
