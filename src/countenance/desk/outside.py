"""Others: what is asked of other agencies and networks, and what comes from them.

A ban is not evaded by asking a neighbour (failure F2): asking and receiving are events under the
asker's own rules. What comes without being asked for, or against the rules, is kept, sealed and
counted, in *quarantine*: nobody reads it or relies on it until an approver releases it under a
decision that permits relying on it. The strict policy permits that of no unsolicited result.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.facts import APPROVAL
from countenance.desk.outside_tables import (
    ASK_MOVES,
    AskState,
    OutsideAsk,
    OutsideResult,
    ResultState,
)
from countenance.desk.reliance import Judge, at
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.law import Decision, Request

MOST_BYTES = 20 * 2**20


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
class AskView:
    """Something that is to be asked, or was."""

    id: str
    state: AskState
    runner: str
    whom: str
    what: str


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
    """Submit what is to be asked of somebody else; its id, and the decision but for approval.

    It is asked only once a second person has approved it (`approve_ask`). A refusal is kept and
    logged like a permission. `runner` is a word of ``runner.kind``; `whom` and `what` are sealed.
    """
    _words(whom=whom, what=what)

    def work(doing: Doing) -> tuple[str, Decision]:
        case = _own_case(doing, case_id, means)
        request = _asking(case, runner, doing.now)
        decision = means.judge(request)
        identity = new_id()
        state = AskState.WAITING if decision.permitted else AskState.REFUSED
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
            public={"ask": mark(identity), "runner": runner, "step": "submitted",
                    "decision": said(decision)},
            private={"case": case.id, "author": doing.actor.account, "whom": whom,
                     "facts": {"request": request.digest, "decision": decision.digest}},
        )  # fmt: skip
        return identity, decision

    return desk.act(actor, "outside.ask", work)


def approve_ask(desk: Desk, actor: Actor, asked: str, *, means: OutsideMeans) -> Decision:
    """A second person approves what is asked; the law's decision of now, which may refuse it.

    Raises
    ------
    NotAllowedError
        There is no such thing, or the actor submitted it or opened its case.
    StateError
        It does not wait any more.
    """

    def work(doing: Doing) -> Decision:
        row = doing.db.get(OutsideAsk, asked, with_for_update=True)
        if row is None or row.by == doing.actor.account:
            raise NotAllowedError("there is nothing here for you to approve")
        case = means.case(doing.db, row.case_id)
        if case.owner == doing.actor.account:
            raise NotAllowedError("there is nothing here for you to approve")
        if AskState.ASKED not in ASK_MOVES[AskState(row.state)]:
            raise StateError(f"this is {AskState(row.state).value}")
        request = _asking(case, row.runner, doing.now)
        decision = means.judge(request)
        row.state = AskState.ASKED if decision.permitted else AskState.REFUSED
        row.approved_by = doing.actor.account
        doing.record.add(
            doing.db, "outside-asked", about=row.handle,
            public={"ask": mark(asked), "runner": row.runner, "step": "approved",
                    "decision": said(decision)},
            private={"case": row.case_id, "author": doing.actor.account,
                     "facts": {"request": request.digest, "decision": decision.digest}},
        )  # fmt: skip
        return decision

    return desk.act(actor, "outside.approve", work)


def read_ask(desk: Desk, actor: Actor, asked: str, *, keys: Secrets) -> AskView:
    """What is to be asked of whom, for whoever submitted it and for approvers."""

    def work(db: Session) -> AskView:
        row = db.get(OutsideAsk, asked)
        if row is None or not (row.by == actor.account or Role.APPROVER in actor.roles):
            raise NotAllowedError("there is no such thing for you")
        words = json.loads(keys.open(db, row.handle, row.box, purpose=f"outside ask {asked}"))
        return AskView(asked, AskState(row.state), row.runner, words["whom"], words["what"])

    return desk.look(actor, "outside.read-ask", work)


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


def _asking(case: CaseAsk, runner: str, now: datetime.datetime) -> Request:
    """As if a second person had approved it: nothing is asked before one has."""
    return at(case.base, now).knowing({"act": "ask", "runner.kind": runner, APPROVAL: True})


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
