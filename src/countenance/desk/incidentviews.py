"""One incident with its words: for whoever opened it, and for those who have to judge it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from countenance.desk.casefile import account_names
from countenance.desk.errors import NotAllowedError
from countenance.desk.incidents import Cause, Finding, Incident, IncidentState, IncidentView
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk


@dataclass(frozen=True, slots=True)
class IncidentFile:
    """An incident, with the reasons for which it was opened and closed.

    Attributes
    ----------
    opened_by, closed_by
        Names; `closed_by` is empty while it is open.
    grounds, closing
        Why it was opened and closed; None for whoever is not to read that.
    closable
        The actor could close it now: an approver who neither opened it nor approved what went
        wrong.
    """

    view: IncidentView
    opened_by: str
    closed_by: str
    grounds: str | None
    closing: str | None
    closable: bool


def read_incident(desk: Desk, actor: Actor, incident: str, *, keys: Secrets) -> IncidentFile:
    """One incident: that there is one is for all accounts, its words for fewer.

    The words are for whoever opened it, approvers and auditors. NotAllowedError where there is
    none.
    """

    def work(db: Session) -> IncidentFile:
        row = db.get(Incident, incident)
        if row is None:
            raise NotAllowedError("there is no such incident for you")
        judges = bool(actor.roles & {Role.APPROVER, Role.AUDITOR})
        reads = judges or row.opened_by == actor.account
        names = account_names(db, [row.opened_by, *([row.closed_by] if row.closed_by else [])])
        view = IncidentView(
            row.id, IncidentState(row.state), Cause(row.cause), row.engine, row.gallery,
            row.opened_at, row.closed_at, Finding(row.finding) if row.finding else None,
        )  # fmt: skip

        def words(box: bytes | None, which: str) -> str | None:
            if box is None or not reads:
                return None
            handle = f"incident:{incident}"
            return keys.open(db, handle, box, purpose=f"incident {which}").decode()

        return IncidentFile(
            view, names.get(row.opened_by, ""), names.get(row.closed_by or "", ""),
            words(row.box, "opening"), words(row.closing_box, "closing"),
            Role.APPROVER in actor.roles and row.state == IncidentState.OPEN
            and actor.account not in (row.opened_by, row.approved_by),
        )  # fmt: skip

    return desk.look(actor, "incident.read", work)
