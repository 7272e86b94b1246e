"""Erasures that the log tells of, each of them, and each once, whatever fails in between.

Three things have to happen in two places: openings are erased from the vault, the vault's file is
written anew, and an entry in the log says how many there were. The entry is made and kept in the
one transaction that erases (`vault.Untold`); the rest is done from there, by this call or by the
next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from countenance.record.commitments import Sealed
from countenance.record.vault import AppendsEntries, Tell, Vault


@dataclass(frozen=True, slots=True)
class Told:
    """An erasure of `fields` openings that entry `index` of the log tells of."""

    fields: int
    index: int


class TellingLog(AppendsEntries, Protocol):
    """What `erase_events` needs of a log."""

    @property
    def size(self) -> int:
        """How many entries there are."""

    def entry(self, index: int) -> bytes:
        """One of them."""


def erase_events(
    log: TellingLog, vault: Vault, *, about: str, event: Callable[[int], Sealed]
) -> list[Told]:
    """Erase all that is kept under a handle, and log how much it was.

    What an earlier call began and could not finish is finished too, whatever its handle was:
    after a failure, the same call again is what to do.

    Parameters
    ----------
    log, vault
        Where entries go, and where openings are.
    about
        The handle.
    event
        Makes the entry that tells of an erasure of so many fields. It is called before anything
        is erased for good, and if it raises nothing is.

    Returns
    -------
    list of Told
        Every erasure that is now told, this one last; empty if nothing was kept under the handle
        and nothing was unfinished.

    Raises
    ------
    StorageError
        The vault or the log failed. If something was erased, it will be told by the next call.
    """
    vault.erase_about(about, tell=Tell(event, log.size))
    return tell_erasures(log, vault)


def tell_erasures(log: TellingLog, vault: Vault) -> list[Told]:
    """Log the erasures that are done and not yet told; see `erase_events`."""
    found = []
    for each in vault.untold():
        # A crash after the append and before `told` leaves both: look before it is told again.
        there = (i for i in range(each.since, log.size) if log.entry(i) == each.entry)
        index = next(there, None)
        if index is None:
            index = log.append([each.entry]).start
        vault.told(each.number)
        found.append(Told(each.fields, index))
    return found
