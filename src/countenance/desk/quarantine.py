"""Quarantine: what came from others and may not be read, until somebody who may decides.

Nothing but ids, times and kinds of sender is shown of what is in it.
"""

from __future__ import annotations

import datetime
import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.outside import OutsideMeans, Source, mark, said
from countenance.desk.outside_tables import READABLE, RESULT_MOVES, OutsideResult, ResultState
from countenance.desk.reliance import at
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.law import Decision


def read_result(desk: Desk, actor: Actor, result: str, *, keys: Secrets) -> tuple[Source, bytes]:
    """What came, for whoever took it in. NotAllowedError for others, and out of quarantine."""

    def work(db: Session) -> tuple[Source, bytes]:
        row = db.get(OutsideResult, result)
        if row is None or row.by != actor.account or row.state not in READABLE:
            raise NotAllowedError("there is nothing here for you to read")
        source = keys.open(db, row.handle, row.source_box, purpose=f"outside source {result}")
        content = keys.open(db, row.handle, row.box, purpose=f"outside result {result}")
        return Source(**json.loads(source)), content

    return desk.look(actor, "outside.read", work)


def release(desk: Desk, actor: Actor, result: str, *, means: OutsideMeans) -> Decision:
    """Let a result out of quarantine, if the law permits relying on it; the decision.

    Raises
    ------
    NotAllowedError
        There is no such result, or the actor took it in or opened its case.
    StateError
        It is not in quarantine any more.
    """

    def work(doing: Doing) -> Decision:
        row = doing.db.get(OutsideResult, result, with_for_update=True)
        if row is None or row.by == doing.actor.account:
            raise NotAllowedError("there is nothing here for you to release")
        case = means.case(doing.db, row.case_id)
        if case.owner == doing.actor.account:
            raise NotAllowedError("there is nothing here for you to release")
        if ResultState.RELEASED not in RESULT_MOVES[ResultState(row.state)]:
            raise StateError("this is not in quarantine")
        clear = means.keys.open(
            doing.db, row.handle, row.source_box, purpose=f"outside source {result}"
        )
        request = at(case.base, doing.now).knowing(
            {"act": "rely", "reliance.for": "lead", "runner.kind": row.runner,
             "result.unsolicited": row.unsolicited,
             "result.source-recorded": Source(**json.loads(clear)).recorded}
        )  # fmt: skip
        decision = means.judge(request)
        if decision.permitted:
            row.state, row.released_by = ResultState.RELEASED, doing.actor.account
        doing.record.add(
            doing.db, "quarantine-decided", about=row.handle,
            public={"result": mark(result), "decision": said(decision)},
            private={"case": row.case_id, "author": doing.actor.account,
                     "facts": {"request": request.digest, "decision": decision.digest}},
        )  # fmt: skip
        return decision

    return desk.act(actor, "outside.release", work)


def in_quarantine(desk: Desk, actor: Actor) -> list[tuple[str, datetime.datetime, str]]:
    """(id, when it came, who ran it) of all that is in quarantine; nothing of what it says."""

    def work(db: Session) -> list[tuple[str, datetime.datetime, str]]:
        rows = db.scalars(
            select(OutsideResult).where(OutsideResult.state == ResultState.QUARANTINED)
            .order_by(OutsideResult.at, OutsideResult.id)
        )  # fmt: skip
        return [(row.id, row.at, row.runner) for row in rows]

    return desk.look(actor, "outside.quarantine", work)
