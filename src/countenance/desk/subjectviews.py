"""One subject request as an administrator sees it: what was asked, how checked, how it ended.

The list of requests is in `subjects`, what the person is told in `subjectanswers`.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass

from sqlalchemy.orm import Session

from countenance.desk.casefile import account_names
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk
from countenance.desk.subjects import (
    Asked,
    Channel,
    SubjectRequest,
    SubjectState,
    the_request,
)


@dataclass(frozen=True, slots=True)
class SubjectView:
    """One request.

    Attributes
    ----------
    checked_by, closed_by
        Names of accounts; None where nobody did yet.
    how
        How the person showed who they are.
    refusal
        Why there is no answer, of one that was refused.
    mine
        Whoever looks did the checking, so somebody else makes the answer.
    """

    id: str
    state: SubjectState
    channel: Channel
    received_at: datetime.datetime
    due_at: datetime.datetime
    asked: Asked
    checked_by: str | None
    checked_at: datetime.datetime | None
    how: str | None
    closed_by: str | None
    closed_at: datetime.datetime | None
    refusal: str | None
    mine: bool


def read_subject_request(desk: Desk, actor: Actor, request: str, *, keys: Secrets) -> SubjectView:
    """One request, whole but for its answer. NotAllowedError where there is none."""

    def work(db: Session) -> SubjectView:
        row = the_request(db, request)
        names = account_names(db, filter(None, (row.checked_by, row.closed_by)))
        said = json.loads(keys.open(db, row.handle, row.box, purpose=f"asked {row.id}"))
        refused = row.state == SubjectState.REFUSED
        return SubjectView(
            row.id, SubjectState(row.state), Channel(row.channel), row.received_at, row.due_at,
            Asked(**{**said, "known_as": tuple(said["known_as"])}),
            names.get(row.checked_by or ""), row.checked_at,
            _words(db, keys, row, row.check_box, "check"),
            names.get(row.closed_by or ""), row.closed_at,
            _words(db, keys, row, row.answer_box, "refusal") if refused else None,
            row.checked_by == actor.account,
        )  # fmt: skip

    return desk.look(actor, "subject.read", work)


def _words(
    db: Session, keys: Secrets, row: SubjectRequest, box: bytes | None, what: str
) -> str | None:
    if box is None:
        return None
    return keys.open(db, row.handle, box, purpose=f"{what} {row.id}").decode()
