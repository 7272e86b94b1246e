"""What a log asks of the place it is kept in: a few verbs, the same for a folder and a database.

Reading needs only `read`, by the paths of `tlog-tiles`. Writing is one `Batch` a group commit
inside a `turn`; what `append` was given is durable when the turn has ended without an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

CHECKPOINT = "checkpoint"
MAX_CHECKPOINT = 1_000_000


class Reader(Protocol):
    """What anybody who checks a log needs."""

    def read(self, path: str) -> bytes | None:
        """What is kept under ``checkpoint`` or the path of a tile or bundle; None where nothing.

        Raises VerificationError for another path, StorageError where reading failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One group commit.

    Attributes
    ----------
    first
        Index of the first new entry.
    entries
        The new entries.
    full
        Tiles and bundles they made full, by path.
    edge
        First index of the bundle that is not full yet, a multiple of 256.
    tail
        All entries from `edge` on, new or not: fewer than 256.
    """

    first: int
    entries: Sequence[bytes] = ()
    full: Mapping[str, bytes] = field(default_factory=dict)
    edge: int = 0
    tail: Sequence[bytes] = ()


class Storage(Reader, Protocol):
    """What a log that is written needs as well.

    After any error the log calls `recover` before it appends again.
    """

    def open(self) -> None:
        """Take hold for writing. ConflictError where somebody else holds it."""
        ...

    def recover(self) -> tuple[int, list[bytes]]:
        """First index and content of what is durable and not yet settled in full bundles."""
        ...

    def turn(self) -> AbstractContextManager[int]:
        """The sole right to append, for as long as the block lasts; gives the durable size."""
        ...

    def append(self, batch: Batch) -> None:
        """Record a batch, inside a turn."""
        ...

    def settle(self) -> None:
        """Make full tiles and bundles of all that can be, durably."""
        ...

    def keep(self, resources: Mapping[str, bytes]) -> None:
        """Store partial tiles and bundles durably: a checkpoint will need them."""
        ...

    def put_checkpoint(self, note: bytes, *, size: int) -> None:
        """Store a checkpoint durably in place of an older one; never in place of a newer one."""
        ...

    def close(self) -> None:
        """Let go. Whatever was durable stays so."""
        ...
