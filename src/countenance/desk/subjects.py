"""Subject requests: "am I in a gallery, was I returned?", asked by anybody, answered on paper.

A person asks at the public form, or an administrator enters what they asked at the counter. Who
they are is checked outside, by a person who records how; another one has the answer computed from
the records (`subjectanswers`) and hands it over. So nobody looks up a person alone, and no page
says anything: what the form and the status do is the same whoever is in a gallery, because neither
reads a gallery at all.

What the person wrote, how they were checked and what they were told is sealed under the request.
"""

from __future__ import annotations

import datetime
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.ceremonies import at_the_door
from countenance.desk.doors import Door, knock
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

ANSWER_DAYS = 30
"""By when it is to be answered; a month is what the laws that set a time give at most."""
KEEP_DAYS = 366
"""So long after its end a request is kept; then of it only its state and times are left."""
_REFERENCE = re.compile(r"[0-9a-f]{32}")
_LINE, _TEXT, _NAMES = 200, 2000, 5


class Channel(StrEnum):
    """How a request came."""

    FORM = "form"
    COUNTER = "counter"


class SubjectState(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    BEING_CHECKED = "being-checked"  # who asks is known, and the answer is being made
    ANSWERED = "answered"
    REFUSED = "refused"


_S = SubjectState
MOVES: Mapping[SubjectState, frozenset[SubjectState]] = {
    _S.RECEIVED: frozenset({_S.BEING_CHECKED, _S.REFUSED}),
    _S.BEING_CHECKED: frozenset({_S.ANSWERED, _S.REFUSED}),
    _S.ANSWERED: frozenset(),
    _S.REFUSED: frozenset(),
}


class Shown(StrEnum):
    """How somebody showed who they are."""

    DOCUMENT_IN_PERSON = "document-in-person"
    DOCUMENT_BY_POST = "document-by-post"
    REPRESENTATIVE = "representative"
    COURT = "court"


class RefusedFor(StrEnum):
    """Why there is no answer."""

    NOT_SHOWN = "identity-not-shown"
    RESTRICTED = "restricted-by-law"
    WITHDRAWN = "withdrawn"
    OTHER = "other"


KINDS: tuple[EventKind, ...] = (
    EventKind(
        "subject-request", 1, "somebody asked what the desk holds of them, or it went on",
        {
            "subject": Field("digest"),
            "change": Field("code", tuple(SubjectState)),
            "channel": Field("code", tuple(Channel)),
            "reason": Field("code", (*Shown, *RefusedFor), optional=True),
        },
        ("author", "details"),
    ),
)  # fmt: skip


class SubjectRequest(Base):
    """One request. `reference` is the hash of what the person was given."""

    __tablename__ = "subject_requests"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[SubjectState] = mapped_column(String(16), index=True)
    channel: Mapped[Channel] = mapped_column(String(8))
    received_at: Mapped[datetime.datetime] = mapped_column(UTC, index=True)
    due_at: Mapped[datetime.datetime] = mapped_column(UTC)
    checked_by: Mapped[str | None] = mapped_column(String(32), default=None)
    checked_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    closed_by: Mapped[str | None] = mapped_column(String(32), default=None)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)
    check_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    answer_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)

    @property
    def handle(self) -> str:
        """What everything of this request is sealed under."""
        return f"subject:{self.id}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wrote.

    Attributes
    ----------
    name, contact
        Who asks, and how they can be reached: by these their identity is checked.
    known_as
        What a source may call them: a booking number, the number of a licence.
    words
        Anything else.
    """

    name: str
    contact: str
    known_as: tuple[str, ...] = ()
    words: str = ""

    def __post_init__(self) -> None:
        for where, text in (("name", self.name), ("contact", self.contact)):
            _line(text, where)
        for text in self.known_as:
            _line(text, "known_as")
        if len(self.known_as) > _NAMES:
            raise InputError("too many", where="known_as", expected=f"at most {_NAMES}")
        _text(self.words, "words", least=0)


@dataclass(frozen=True, slots=True)
class SubjectLine:
    """A request in the list: who asks is not in it."""

    id: str
    state: SubjectState
    channel: Channel
    received_at: datetime.datetime
    due_at: datetime.datetime
    checked_by: str | None


def ask(desk: Desk, asked: Asked, *, keys: Secrets, source: str) -> str:
    """Take a request from the public form; the reference under which its status can be asked.

    `source` as `doors.knock` takes it. It does the same work whoever asks.

    Raises
    ------
    TooManyError
        Too many came.
    """
    knock(desk, Door.SUBJECT, source)
    reference = secrets.token_hex(16)
    at_the_door(
        desk, lambda doing: _open(doing, keys, asked, Channel.FORM, reference),
        sorry=NotAllowedError("this was not taken", do="ask at the counter"),
    )  # fmt: skip
    return reference


def status(desk: Desk, reference: str) -> SubjectState | None:
    """Where the request of a reference stands; None where there is none. For anybody who has it.

    One row by its hash: nothing of galleries is read.
    """
    wanted = _hash(reference) if _REFERENCE.fullmatch(reference) else ""
    find = select(SubjectRequest.state).where(SubjectRequest.reference == wanted)
    desk.recorder.flush()
    with desk.store.reading() as db:
        if desk.recorder.pending(db):
            desk.recorder.flush()
        found = db.scalar(find)
    return None if found is None else SubjectState(found)


def enter(desk: Desk, actor: Actor, asked: Asked, *, keys: Secrets) -> tuple[str, str]:
    """Enter what somebody asked at the counter or by post; the request's id and its reference."""
    reference = secrets.token_hex(16)
    return (
        desk.act(
            actor, "subject.enter",
            lambda doing: _open(doing, keys, asked, Channel.COUNTER, reference),
        ),
        reference,
    )  # fmt: skip


def list_subject_requests(
    desk: Desk, actor: Actor, *, open_only: bool = True, most: int = 200
) -> list[SubjectLine]:
    """Requests, what is due first; with `open_only` those that wait for something."""

    def work(db: Session) -> list[SubjectLine]:
        rows = select(SubjectRequest).order_by(SubjectRequest.due_at, SubjectRequest.id)
        if open_only:
            rows = rows.where(SubjectRequest.state.in_((_S.RECEIVED, _S.BEING_CHECKED)))
        return [
            SubjectLine(row.id, SubjectState(row.state), Channel(row.channel), row.received_at,
                        row.due_at, row.checked_by)
            for row in db.scalars(rows.limit(most))
        ]  # fmt: skip

    return desk.look(actor, "subject.list", work)


def read_asked(desk: Desk, actor: Actor, request: str, *, keys: Secrets) -> Asked:
    """What a person wrote, for whoever checks who they are."""

    def work(db: Session) -> Asked:
        row = the_request(db, request)
        value = json.loads(keys.open(db, row.handle, row.box, purpose=f"asked {row.id}"))
        return Asked(**{**value, "known_as": tuple(value["known_as"])})

    return desk.look(actor, "subject.read", work)


def check_identity(
    desk: Desk, actor: Actor, request: str, *, shown: Shown, how: str, keys: Secrets
) -> None:
    """Record that somebody showed who they are, and how. StateError where it is past that."""
    _text(how, "how", least=10)

    def work(doing: Doing) -> None:
        row = the_request(doing.db, request, lock=True)
        move(row, _S.BEING_CHECKED)
        row.checked_by, row.checked_at = doing.actor.account, doing.now
        row.check_box = _seal(doing, keys, row, how.encode(), "check")
        tell(doing, row, how.encode(), reason=shown)

    desk.act(actor, "subject.check", work)


def refuse(
    desk: Desk, actor: Actor, request: str, *, reason: RefusedFor, grounds: str, keys: Secrets
) -> None:
    """Give no answer, and say why. StateError where it is answered or refused already."""
    _text(grounds, "grounds", least=10)

    def work(doing: Doing) -> None:
        row = the_request(doing.db, request, lock=True)
        move(row, _S.REFUSED)
        row.closed_by, row.closed_at = doing.actor.account, doing.now
        row.answer_box = _seal(doing, keys, row, grounds.encode(), "refusal")
        tell(doing, row, grounds.encode(), reason=reason)

    desk.act(actor, "subject.refuse", work)


def forget(desk: Desk, *, keys: Secrets, most: int = 50) -> int:
    """Erase what was written, checked and told in requests that ended long ago; how many.

    Raises StorageError where the vault or the log failed; the next call goes on.
    """
    over = desk.clock() - datetime.timedelta(days=KEEP_DAYS)
    with desk.store.reading() as db:
        rows = db.scalars(
            select(SubjectRequest)
            .where(SubjectRequest.closed_at <= over, SubjectRequest.box != b"")
            .order_by(SubjectRequest.closed_at).limit(most)
        ).all()  # fmt: skip
    for row in rows:
        desk.recorder.erase(row.handle, basis="retention-over", request=row.id)

    def work(db: Session) -> None:
        for row in rows:
            keys.destroy(db, row.handle, now=desk.clock())
            kept = db.get_one(SubjectRequest, row.id)
            kept.box, kept.check_box, kept.answer_box = b"", None, None

    if rows:
        desk.store.write(work)
    return len(rows)


def the_request(db: Session, request: str, *, lock: bool = False) -> SubjectRequest:
    """The request. Raises NotAllowedError where there is none."""
    row = db.get(SubjectRequest, request, with_for_update=True if lock else None)
    if row is None:
        raise NotAllowedError("there is no such request for you")
    return row


def move(row: SubjectRequest, to: SubjectState) -> None:
    """One step of a request. StateError where the table does not allow it."""
    if to not in MOVES[SubjectState(row.state)]:
        raise StateError(f"the request is {SubjectState(row.state).value}", do="look again")
    row.state = to


def tell(
    doing: Doing, row: SubjectRequest, details: bytes, *, reason: Shown | RefusedFor | None = None
) -> None:
    """Record a step; of the details there is a sealed hash, and nothing in it says who it is."""
    public = {
        "subject": sha256_bytes(row.id.encode()), "change": SubjectState(row.state).value,
        "channel": Channel(row.channel).value,
    }  # fmt: skip
    if reason is not None:
        public["reason"] = reason.value
    doing.record.add(
        doing.db, "subject-request", about=row.handle, public=public,
        private={"author": doing.actor.account, "details": {"sha256": sha256_bytes(details)}},
    )  # fmt: skip


def _open(doing: Doing, keys: Secrets, asked: Asked, channel: Channel, reference: str) -> str:
    row = SubjectRequest(
        id=new_id(), reference=_hash(reference), state=_S.RECEIVED, channel=channel,
        received_at=doing.now, due_at=doing.now + datetime.timedelta(days=ANSWER_DAYS),
    )  # fmt: skip
    clear = json.dumps(asdict(asked)).encode()
    row.box = _seal(doing, keys, row, clear, "asked")
    doing.db.add(row)
    tell(doing, row, clear)
    return row.id


def _seal(doing: Doing, keys: Secrets, row: SubjectRequest, clear: bytes, what: str) -> bytes:
    return keys.seal(doing.db, row.handle, clear, purpose=f"{what} {row.id}", now=doing.now)


def _hash(reference: str) -> str:
    return sha256_bytes(b"countenance subject reference\x00" + reference.encode())


def _line(text: str, where: str) -> None:
    if not text.strip() or len(text) > _LINE or not text.isprintable():
        raise InputError("not stated in one line", where=where,
                         expected=f"1 to {_LINE} characters")  # fmt: skip


def _text(text: str, where: str, *, least: int) -> None:
    plain = all(each.isprintable() or each in "\r\n\t" for each in text)
    if not least <= len(text.strip()) or len(text) > _TEXT or not plain:
        raise InputError("this says too little or too much", where=where,
                         expected=f"{least} to {_TEXT:,} characters")  # fmt: skip
