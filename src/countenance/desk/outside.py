"""Others: what is asked of other agencies and networks, and what comes from them.

A ban is not evaded by asking a neighbour (failure F2): asking and receiving are events under the
asker's own rules. What comes without being asked for, or against the rules, is kept, sealed and
counted, in *quarantine*: nobody reads it or relies on it until an approver releases it under a
decision that permits relying on it. The strict policy permits that of no unsolicited result.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.reliance import Judge, at
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.law import Decision, Request
from countenance.record import EventKind, Field

MOST_BYTES = 20 * 2**20

_DECIDED = Field("code", ("permitted", "refused"))
_RUNNER = Field("code")


class AskState(StrEnum):
    """Where something asked of others stands."""

    REFUSED = "refused"
    ASKED = "asked"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


ASK_MOVES: Mapping[AskState, frozenset[AskState]] = {
    AskState.REFUSED: frozenset(),
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
        "outside-asked", 1, "somebody else was to be asked to search",
        {"ask": Field("digest"), "runner": _RUNNER, "decision": _DECIDED},
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


@dataclass(frozen=True, slots=True)
class CaseAsk:
    """The case that it is for, and what the law is to be asked with.

    Attributes
    ----------
    id, handle, owner
        The case, under which handle it is sealed, and who opened it.
    base
        The facts of the case, as a request of this agency: its places, on its own behalf or on
        whose it is done.
    """

    id: str
    handle: str
    owner: str
    base: Request


CaseOf = Callable[[Session, str], CaseAsk]
"""A case by its id. Raises NotAllowedError where there is none."""


@dataclass(frozen=True, slots=True)
class OutsideMeans:
    """What asking and receiving are judged with."""

    keys: Secrets
    case: CaseOf
    judge: Judge


@dataclass(frozen=True, slots=True)
class Source:
    """Who made a result, with which system, from which request; empty where it is not known."""

    who: str
    system: str = ""
    request: str = ""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if len(value) > 500 or not (value.isprintable()):
                raise InputError("one line of at most 500 characters", where=name)
        if not self.who.strip():
            raise InputError("it is not said who sent it", where="who")

    @property
    def recorded(self) -> bool:
        """Whether all three are known."""
        return all(value.strip() for value in (self.who, self.system, self.request))


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came.

    Attributes
    ----------
    ask
        The id of what was asked, where it is an answer; None where nobody asked.
    runner
        Who ran the comparison: a word of ``runner.kind``.
    """

    ask: str | None
    runner: str
    source: Source
    content: bytes

    def __post_init__(self) -> None:
        if not 0 < len(self.content) <= MOST_BYTES:
            raise InputError("empty, or too long", where="content",
                             expected=f"1 to {MOST_BYTES:,} bytes")  # fmt: skip


def ask(
    desk: Desk, actor: Actor, case_id: str, *, whom: str, runner: str, what: str,
    means: OutsideMeans,
) -> tuple[str, Decision]:  # fmt: skip
    """Ask somebody else to search, if the asker's own rules permit it; the id and the decision.

    A refusal is kept and logged like a permission. `runner` is a word of ``runner.kind``; `whom`
    and `what` are sealed.
    """
    _words(whom=whom, what=what)

    def work(doing: Doing) -> tuple[str, Decision]:
        case = _own_case(doing, case_id, means)
        request = at(case.base, doing.now).knowing({"act": "ask", "runner.kind": runner})
        decision = means.judge(request)
        identity = new_id()
        state = AskState.ASKED if decision.permitted else AskState.REFUSED
        doing.db.add(
            OutsideAsk(
                id=identity, case_id=case.id, handle=case.handle, by=doing.actor.account,
                runner=runner, state=state, at=doing.now,
                box=_seal(doing, means.keys, case.handle, {"whom": whom, "what": what},
                          f"outside ask {identity}"),
            )
        )  # fmt: skip
        doing.record.add(
            doing.db, "outside-asked", about=case.handle,
            public={"ask": mark(identity), "runner": runner, "decision": said(decision)},
            private={"case": case.id, "author": doing.actor.account, "whom": whom,
                     "facts": {"request": request.digest, "decision": decision.digest}},
        )  # fmt: skip
        return identity, decision

    return desk.act(actor, "outside.ask", work)


def withdraw(desk: Desk, actor: Actor, asked: str) -> None:
    """Withdraw what was asked: an answer to it is unsolicited from then on."""

    def work(doing: Doing) -> None:
        row = doing.db.get(OutsideAsk, asked, with_for_update=True)
        if row is None or row.by != doing.actor.account:
            raise NotAllowedError("there is no such thing for you")
        if AskState.WITHDRAWN not in ASK_MOVES[AskState(row.state)]:
            raise StateError(f"this is {AskState(row.state).value}")
        row.state = AskState.WITHDRAWN
        doing.record.add(
            doing.db, "outside-withdrawn", about=row.handle, public={"ask": mark(asked)},
            private={"case": row.case_id, "author": doing.actor.account},
        )  # fmt: skip

    desk.act(actor, "outside.withdraw", work)


def receive(
    desk: Desk, actor: Actor, case_id: str, incoming: Incoming, *, means: OutsideMeans
) -> tuple[str, ResultState, Decision]:
    """Take in what came: its id, where it stands, and what the law says of receiving it.

    It may be read at once only where it answers what was asked in this case and still stands,
    and the decision permits receiving it. Everything else goes to quarantine, and is kept.
    """

    def work(doing: Doing) -> tuple[str, ResultState, Decision]:
        case = _own_case(doing, case_id, means)
        asked = _answered(doing, case, incoming)
        request = at(case.base, doing.now).knowing(
            {"act": "receive", "runner.kind": incoming.runner,
             "result.unsolicited": asked is None,
             "result.source-recorded": incoming.source.recorded}
        )  # fmt: skip
        decision = means.judge(request)
        open_ = asked is not None and decision.permitted
        state = ResultState.RECEIVED if open_ else ResultState.QUARANTINED
        identity = new_id()

        def box(clear: bytes, what: str) -> bytes:
            return means.keys.seal(doing.db, case.handle, clear, purpose=f"{what} {identity}",
                                   now=doing.now)  # fmt: skip

        doing.db.add(
            OutsideResult(
                id=identity, ask=None if asked is None else asked.id, case_id=case.id,
                handle=case.handle, by=doing.actor.account, runner=incoming.runner,
                unsolicited=asked is None, state=state, at=doing.now,
                box=box(incoming.content, "outside result"),
                source_box=box(json.dumps(asdict(incoming.source)).encode(), "outside source"),
            )
        )  # fmt: skip
        if asked is not None:
            asked.state = AskState.ANSWERED
        named: dict[str, Any] = {} if asked is None else {"ask": mark(asked.id)}
        doing.record.add(
            doing.db, "outside-received", about=case.handle,
            public={**named, "runner": incoming.runner, "unsolicited": asked is None,
                    "decision": said(decision), "kept": state.value},
            private={"case": case.id, "author": doing.actor.account,
                     "source": asdict(incoming.source),
                     "content": {"sha256": sha256_bytes(incoming.content)}},
        )  # fmt: skip
        return identity, state, decision

    return desk.act(actor, "outside.receive", work)


def _own_case(doing: Doing, case_id: str, means: OutsideMeans) -> CaseAsk:
    case = means.case(doing.db, case_id)
    if case.owner != doing.actor.account:
        raise NotAllowedError("there is no such case for you")
    return case


def _answered(doing: Doing, case: CaseAsk, incoming: Incoming) -> OutsideAsk | None:
    """What this answers: only what was asked in this case, of this runner, and still stands."""
    if incoming.ask is None:
        return None
    row = doing.db.get(OutsideAsk, incoming.ask, with_for_update=True)
    if row is None or row.case_id != case.id:
        raise NotAllowedError("nothing of the kind was asked in this case")
    stands = AskState.ANSWERED in ASK_MOVES[AskState(row.state)]
    return row if stands and row.runner == incoming.runner else None


def _words(**given: str) -> None:
    for where, text in given.items():
        if not 3 <= len(text.strip()) <= 4000:
            raise InputError("this says too little or too much", where=where,
                             expected="3 to 4,000 characters")  # fmt: skip


def _seal(doing: Doing, keys: Secrets, handle: str, value: Any, purpose: str) -> bytes:
    return keys.seal(doing.db, handle, json.dumps(value).encode(), purpose=purpose, now=doing.now)


def mark(identity: str) -> str:
    """What the public log calls something by."""
    return sha256_bytes(identity.encode())


def said(decision: Decision) -> str:
    """A decision as the public log has it."""
    return "permitted" if decision.permitted else "refused"
