"""One entry of the record; and opening a sealed field of it, told in the log first.

Only an auditor does it. What is opened is in a published checkpoint: a list that is sealed and not
yet published can be read nowhere else, and not here either.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.orm import Session

from countenance.core import InputError
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.kinds import KINDS
from countenance.desk.listings import EventLine, ReadableLog, event_line, published_size
from countenance.desk.publishing import Publisher
from countenance.desk.service import Actor, Desk, Doing, allow
from countenance.record import Entry, Opening, parse_entry
from countenance.record.vault import Erased

_READER = 200


class Basis(StrEnum):
    """Why a field is opened, in the public log."""

    COURT_ORDER = "court-order"
    DISCLOSURE = "disclosure"
    OVERSIGHT = "oversight"
    INTERNAL_REVIEW = "internal-review"
    SUBJECT_REQUEST = "subject-request"


def read_event(desk: Desk, actor: Actor, index: int, *, log: ReadableLog) -> EventLine:
    """One entry, as anybody may read it. NotAllowedError where there is none."""

    def work(_: Session) -> EventLine:
        entry_of(log, index)
        return event_line(log, index, published=published_size(log))

    return desk.look(actor, "record.read", work)


def open_field(
    desk: Desk, actor: Actor, index: int, field: str, *, basis: Basis, reader: str,
    log: ReadableLog, publisher: Publisher,
) -> Opening:  # fmt: skip
    """Open a sealed field of an entry; salt and value, which whoever has the log can check.

    `reader` is to whom it is opened: in the log, that is sealed itself.

    Raises
    ------
    InputError
        No reader is named in one line, or the entry has no such field.
    NotAllowedError
        There is no such entry.
    StateError
        The field was erased.
    RecordError
        The entry cannot be published, or the vault cannot be read.
    """
    if not reader.strip() or len(reader) > _READER or not reader.isprintable():
        raise InputError("not stated in one line", where="reader",
                         expected=f"1 to {_READER} characters")  # fmt: skip
    allow(actor, "record.open-field", desk.now())
    entry = entry_of(log, index)
    if field not in entry.sealed:
        raise InputError("the entry has no such sealed field", where="field")
    found = desk.recorder.kept(entry.sealed[field])
    if not isinstance(found, Opening):
        why = "was erased" if isinstance(found, Erased) else "is not in the vault of this desk"
        raise StateError(f"the field {why}: it cannot be opened")
    publisher.cover(index)

    def work(doing: Doing) -> None:
        doing.record.add(
            doing.db, "opened", about=f"entry:{index}", public={"fields": 1, "basis": basis.value},
            private={"reader": {"name": reader, "by": doing.actor.account},
                     "entries": [[index, field]]},
        )  # fmt: skip

    desk.act(actor, "record.open-field", work)
    return found


def entry_of(log: ReadableLog, index: int) -> Entry:
    """An entry of the log. Raises NotAllowedError where there is none."""
    if not 0 <= index < log.size:
        raise NotAllowedError("there is no such entry")
    return parse_entry(log.entry(index), kinds=KINDS)
