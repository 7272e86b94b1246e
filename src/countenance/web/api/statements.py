"""What only a person can say of a gallery: stated with a reason and an end, and taken back."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AwareDatetime

from countenance.desk.gallerystatements import (
    Question,
    StatementView,
    list_statements,
    state,
    withdraw,
)
from countenance.web.access import needs
from countenance.web.api.base import In, Lines, Made, OneOf, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Code, Id

router = Router("statements")
Asked = Annotated[str, OneOf(Question)]
States = Annotated[At, needs("gallery.state")]


class Statement(Out):
    """Something stated of a gallery. `counts`: the law is told so now."""

    id: str
    question: Asked
    holds: bool
    reason: str
    by: str
    at: datetime.datetime
    until: datetime.datetime
    withdrawn_at: datetime.datetime | None
    counts: bool


class NewStatement(In):
    """What is stated, why, and until when that counts."""

    question: Asked
    holds: bool
    until: AwareDatetime
    reason: Annotated[str, Lines(2000)]


class StatementWithdrawal(In):
    """Why it is taken back."""

    reason: Annotated[str, Lines(2000)]


@router.get("/galleries/{gallery}/statements", response_model=list[Statement])
def find_statements(
    at: Annotated[At, needs("gallery.list")], gallery: Code
) -> list[StatementView]:
    """All that was ever stated of a gallery, the newest first."""
    return list_statements(at.desk, at.looker(), gallery, keys=at.deployment.keys)


@router.post("/galleries/{gallery}/statements", status_code=201, response_model=Made)
def state_of_gallery(at: States, gallery: Code, sent: NewStatement) -> Made:
    """State something of a gallery as it is now; it replaces an earlier statement."""
    made = state(
        at.desk, at.actor(), gallery, Question(sent.question), holds=sent.holds, until=sent.until,
        reason=sent.reason, keys=at.deployment.keys,
    )  # fmt: skip
    return Made(id=made)


@router.post("/statements/{statement}/withdraw", status_code=204)
def withdraw_statement(at: States, statement: Id, sent: StatementWithdrawal) -> None:
    """Take a statement back; an earlier one does not count again."""
    withdraw(at.desk, at.actor(), statement, reason=sent.reason)
