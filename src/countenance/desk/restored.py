"""That a desk was put back from a backup is an event like any other: in the log, for everybody."""

from __future__ import annotations

from typing import Final

from countenance.desk.service import Desk, Doing
from countenance.record import EventKind, Field

RESTORED: Final = "desk-restored"

KINDS: tuple[EventKind, ...] = (
    EventKind(
        RESTORED, 1, "the desk was put back from a backup",
        {"backup": Field("digest"), "entries": Field("count"), "unknown": Field("count"),
         "new_log": Field("flag"), "new_witness": Field("flag")},
    ),
)  # fmt: skip


def tell_restored(
    desk: Desk, *, backup: str, entries: int, unknown: int, new_log: bool, new_witness: bool
) -> None:
    """Tell of it.

    Parameters
    ----------
    desk
        The one that was put back.
    backup
        SHA-256 of what describes the backup, in hex.
    entries
        Of the log, in the backup.
    unknown
        Entries that were taken from a copy of the log: what they tell of is lost here.
    new_log
        The log begins anew under another name.
    new_witness
        The witness beside the desk has seen nothing before this.
    """

    def work(doing: Doing) -> None:
        doing.record.add(
            doing.db, RESTORED,
            public={"backup": backup, "entries": entries, "unknown": unknown,
                    "new_log": new_log, "new_witness": new_witness},
        )  # fmt: skip

    desk.itself("desk.restored", work)
