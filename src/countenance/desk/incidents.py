"""Incidents: something went wrong, and what it concerns is suspended until an approver is content.

A lead that turned out to be of somebody else opens one by itself and suspends the engine, so that
nobody has to decide to stop; going on is what takes a decision (failures F11, F23).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, LargeBinary, String, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field


class Cause(StrEnum):
    """Why an incident was opened."""

    WRONG_LEAD = "wrong-lead"
    COMPLAINT = "complaint"
    FAULT = "fault"
    MISUSE = "misuse"


class Finding(StrEnum):
    """What an incident came to. What is withdrawn from use is not searched with again."""

    CORRECTED = "corrected"
    NO_FAULT_FOUND = "no-fault-found"
    WITHDRAWN_FROM_USE = "withdrawn-from-use"


class IncidentState(StrEnum):
    """Where an incident stands. Closed is for good; another one may be opened."""

    OPEN = "open"
    CLOSED = "closed"


MOVES: Mapping[IncidentState, frozenset[IncidentState]] = {
    IncidentState.OPEN: frozenset({IncidentState.CLOSED}),
    IncidentState.CLOSED: frozenset(),
}

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "incident-opened", 1, "something went wrong; what it concerns is suspended",
        {
            "incident": Field("digest"),
            "cause": Field("code", tuple(Cause)),
            "engine": Field("digest", optional=True),
            "gallery": Field("code", optional=True),
        },
        ("author", "grounds"),
    ),
    EventKind(
        "incident-closed", 1, "an approver ended an incident; what it suspended is used again "
        "unless it was withdrawn from use",
        {"incident": Field("digest"), "finding": Field("code", tuple(Finding))},
        ("author", "grounds"),
    ),
)  # fmt: skip


class Incident(Base):
    """One incident. `engine` and `gallery` are what it suspends while it is open."""

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[IncidentState] = mapped_column(String(16), index=True)
    cause: Mapped[Cause] = mapped_column(String(16))
    engine: Mapped[str | None] = mapped_column(String(64), default=None)
    gallery: Mapped[str | None] = mapped_column(String(64), default=None)
    lead: Mapped[str | None] = mapped_column(String(32), default=None)
    approved_by: Mapped[str | None] = mapped_column(String(32), default=None)
    opened_by: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime.datetime] = mapped_column(UTC)
    closed_by: Mapped[str | None] = mapped_column(String(32), default=None)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    finding: Mapped[Finding | None] = mapped_column(String(32), default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)
    closing_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident, without its grounds."""

    id: str
    state: IncidentState
    cause: Cause
    engine: str | None
    gallery: str | None
    opened_at: datetime.datetime
    closed_at: datetime.datetime | None
    finding: Finding | None


def open_incident(
    desk: Desk, actor: Actor, *, keys: Secrets, cause: Cause, grounds: str,
    engine: str | None = None, gallery: str | None = None,
) -> str:  # fmt: skip
    """Open an incident, which suspends the engine or gallery named; its id."""
    return desk.act(
        actor, "incident.open",
        lambda doing: begin(doing, keys, cause=cause, grounds=grounds, engine=engine,
                            gallery=gallery),
    )  # fmt: skip


def begin(
    doing: Doing, keys: Secrets, *, cause: Cause, grounds: str, engine: str | None = None,
    gallery: str | None = None, lead: str | None = None, approved_by: str | None = None,
) -> str:  # fmt: skip
    """Open an incident as part of another action. `approved_by` approved what went wrong."""
    need_grounds(grounds)
    identity = new_id()
    doing.db.add(
        Incident(
            id=identity, state=IncidentState.OPEN, cause=cause, engine=engine, gallery=gallery,
            lead=lead, approved_by=approved_by, opened_by=doing.actor.account,
            opened_at=doing.now,
            box=_seal(doing, keys, identity, grounds, "opening"),
        )
    )  # fmt: skip
    named = {"engine": engine, "gallery": gallery}
    doing.record.add(
        doing.db, "incident-opened", about=_handle(identity),
        public={"incident": identity * 2, "cause": cause.value,
                **{name: value for name, value in named.items() if value is not None}},
        private={"author": doing.actor.account, "grounds": _digest(grounds)},
    )  # fmt: skip
    return identity


def close_incident(
    desk: Desk, actor: Actor, incident: str, *, keys: Secrets, finding: Finding, grounds: str
) -> None:
    """End an incident, and what it had suspended; `Finding.WITHDRAWN_FROM_USE` leaves that so.

    Raises
    ------
    NotAllowedError
        The actor opened it, or approved what went wrong; or there is no such incident.
    StateError
        It is closed.
    """
    need_grounds(grounds)

    def work(doing: Doing) -> None:
        row = doing.db.get(Incident, incident, with_for_update=True)
        if row is None or doing.actor.account in (row.opened_by, row.approved_by):
            raise NotAllowedError("this is not yours to close")
        if row.state != IncidentState.OPEN:
            raise StateError("somebody else closed this incident")
        row.state, row.finding = IncidentState.CLOSED, finding
        row.closed_by, row.closed_at = doing.actor.account, doing.now
        row.closing_box = _seal(doing, keys, incident, grounds, "closing")
        doing.record.add(
            doing.db, "incident-closed", about=_handle(incident),
            public={"incident": incident * 2, "finding": finding.value},
            private={"author": doing.actor.account, "grounds": _digest(grounds)},
        )  # fmt: skip

    desk.act(actor, "incident.close", work)


def list_incidents(desk: Desk, actor: Actor) -> list[IncidentView]:
    """All incidents, the newest first."""

    def work(db: Session) -> list[IncidentView]:
        rows = db.scalars(select(Incident).order_by(Incident.opened_at.desc(), Incident.id))
        return [
            IncidentView(
                row.id, IncidentState(row.state), Cause(row.cause), row.engine, row.gallery,
                row.opened_at, row.closed_at, Finding(row.finding) if row.finding else None,
            )
            for row in rows
        ]  # fmt: skip

    return desk.look(actor, "incident.read", work)


def suspended(db: Session, *, engine: str, gallery: str) -> bool:
    """Whether an incident suspends the engine or the gallery: open, or withdrawn from use."""
    return bool(suspending(db, engine=engine, gallery=gallery))


def suspending(db: Session, *, engine: str, gallery: str) -> Sequence[Incident]:
    """The incidents that do."""
    of = or_(Incident.engine == engine, Incident.gallery == gallery)
    return db.scalars(select(Incident).where(in_force(), of)).all()


def in_force() -> ColumnElement[bool]:
    """Which incidents suspend what they name: open ones, and those that withdrew it from use."""
    return or_(
        Incident.state == IncidentState.OPEN, Incident.finding == Finding.WITHDRAWN_FROM_USE
    )


def need_grounds(grounds: str) -> None:
    """Raise InputError for a reason that says too little or too much."""
    if not 10 <= len(grounds.strip()) <= 4000:
        raise InputError("the reason says too little or too much", where="grounds",
                         expected="10 to 4,000 characters")  # fmt: skip


def _digest(grounds: str) -> dict[str, str]:
    return {"sha256": sha256_bytes(grounds.encode())}


def _handle(identity: str) -> str:
    return f"incident:{identity}"


def _seal(doing: Doing, keys: Secrets, identity: str, grounds: str, which: str) -> bytes:
    return keys.seal(doing.db, _handle(identity), grounds.encode(),
                     purpose=f"incident {which}", now=doing.now)  # fmt: skip
