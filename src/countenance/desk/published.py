"""Is this the log that was published? What witnesses have seen says so, before anything is added.

A log that was put back from an old copy is right in itself. Only whoever saw what came after can
tell. So a deployment asks its witnesses *before* it appends anything: an entry appended to an old
copy makes it another history, which no witness will ever cosign.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from countenance.core import CountenanceError
from countenance.desk.errors import DeskError
from countenance.record import HttpStorage, Log, Policy, VerificationError, open_checkpoint

ASK_S = 3.0


class OldLogError(DeskError):
    """A witness has cosigned more of this log than is here, or other entries."""

    code = "desk-old-log"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one witness says it has cosigned of a log.

    Attributes
    ----------
    size
        None: it does not answer, or has seen nothing.
    fits
        Whether the log here has all of that.
    says
        In words, for the operator.
    """

    witness: str
    size: int | None
    fits: bool
    says: str


def ask_witnesses(log: Log, policy: Policy) -> list[Seen]:
    """What each witness that has an address has seen of a log."""
    return [
        _ask(log, policy, witness.name, witness.url) for witness in policy.witnesses if witness.url
    ]


def refuse_old_log(log: Log, policy: Policy) -> None:
    """Refuse to go on from a log that is not all of what was published.

    A witness that does not answer is not believed to have seen anything: without its cosignature
    nothing is published all the same.

    Raises
    ------
    OldLogError
        A witness has seen more, or other entries.
    """
    for seen in ask_witnesses(log, policy):
        if not seen.fits:
            raise OldLogError(
                seen.says, where=log.origin,
                do="docs/serving.md, “Restoring”: catch up from a copy of the log, or begin "
                "another log",
            )  # fmt: skip


def _ask(log: Log, policy: Policy, name: str, url: str) -> Seen:
    place = f"{url.rstrip('/')}/{hashlib.sha256(log.origin.encode()).hexdigest()}"
    try:
        note = HttpStorage(place, timeout_s=ASK_S).read("checkpoint")
    except CountenanceError:
        return Seen(name, None, True, f"the witness {name} does not answer")
    if note is None:
        return Seen(name, None, True, f"the witness {name} has seen nothing of this log yet")
    try:
        found, _ = open_checkpoint(note, [each.verifier for each in policy.logs])
    except VerificationError:
        return Seen(name, None, True, f"the witness {name} shows what no key here signed")
    if found.origin != log.origin:
        return Seen(name, None, True, f"the witness {name} shows another log")
    here = log.refresh()  # after asking: what others append meanwhile is not missing
    if found.size > here:
        return Seen(
            name, found.size, False,
            f"the witness {name} has cosigned {found.size:,} entries, and the log here has "
            f"{here:,}: it is an old copy",
        )  # fmt: skip
    if log.root(found.size) != found.root:
        return Seen(
            name, found.size, False,
            f"the log here has other entries than the {found.size:,} that the witness {name} "
            "has cosigned",
        )  # fmt: skip
    return Seen(name, found.size, True, f"the witness {name} has seen {found.size:,} entries, "
                                        "all of them here")  # fmt: skip
