"""What is asked of others and what comes from them: the tables, the states, the kinds of event."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from countenance.desk.base import UTC, Base
from countenance.record import EventKind, Field

_DECIDED = Field("code", ("permitted", "refused"))
_RUNNER = Field("code")


class AskState(StrEnum):
    """Where something asked of others stands."""

    REFUSED = "refused"
    WAITING = "waiting"  # for a second person
    ASKED = "asked"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


ASK_MOVES: Mapping[AskState, frozenset[AskState]] = {
    AskState.REFUSED: frozenset(),
    AskState.WAITING: frozenset({AskState.ASKED, AskState.REFUSED, AskState.WITHDRAWN}),
    AskState.ASKED: frozenset({AskState.ANSWERED, AskState.WITHDRAWN}),
    AskState.ANSWERED: frozenset({AskState.ANSWERED}),  # a second answer counts, too
    AskState.WITHDRAWN: frozenset(),
}


class ResultState(StrEnum):
    """Where something that came stands."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    RELEASED = "released"


RESULT_MOVES: Mapping[ResultState, frozenset[ResultState]] = {
    ResultState.RECEIVED: frozenset(),
    ResultState.QUARANTINED: frozenset({ResultState.RELEASED}),
    ResultState.RELEASED: frozenset(),
}

READABLE = frozenset({ResultState.RECEIVED, ResultState.RELEASED})

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "outside-asked", 1, "somebody was to be asked to search: submitted, then approved",
        {
            "ask": Field("digest"),
            "runner": _RUNNER,
            "step": Field("code", ("submitted", "approved")),
            "decision": _DECIDED,
        },
        ("case", "author", "whom", "facts"),
    ),
    EventKind(
        "outside-withdrawn", 1, "what was asked of somebody else was withdrawn",
        {"ask": Field("digest")},
        ("case", "author"),
    ),
    EventKind(
        "outside-received", 1, "a result of somebody else's search came in",
        {
            "ask": Field("digest", optional=True),
            "runner": _RUNNER,
            "unsolicited": Field("flag"),
            "decision": _DECIDED,
            "kept": Field("code", (ResultState.RECEIVED.value, ResultState.QUARANTINED.value)),
        },
        ("case", "author", "source", "content"),
    ),
    EventKind(
        "quarantine-decided", 1, "an approver decided on a result in quarantine",
        {"result": Field("digest"), "decision": _DECIDED},
        ("case", "author", "facts"),
    ),
)  # fmt: skip


class OutsideAsk(Base):
    """Something asked of another agency or network, or that was not allowed to be."""

    __tablename__ = "outside_asks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(32), index=True)
    handle: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(32), index=True)
    runner: Mapped[str] = mapped_column(String(32))
    state: Mapped[AskState] = mapped_column(String(16))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    approved_by: Mapped[str | None] = mapped_column(String(32), default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)


class OutsideResult(Base):
    """Something that came. `box` is opened for nobody while it is in quarantine."""

    __tablename__ = "outside_results"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ask: Mapped[str | None] = mapped_column(ForeignKey("outside_asks.id"), index=True)
    case_id: Mapped[str] = mapped_column(String(32), index=True)
    handle: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(32), index=True)
    runner: Mapped[str] = mapped_column(String(32))
    unsolicited: Mapped[bool] = mapped_column()
    state: Mapped[ResultState] = mapped_column(String(16), index=True)
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    released_by: Mapped[str | None] = mapped_column(String(32), default=None)
    box: Mapped[bytes] = mapped_column(LargeBinary)
    source_box: Mapped[bytes] = mapped_column(LargeBinary)
