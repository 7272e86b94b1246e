"""Audits that were accepted here: without a current one that meets the policy, no search."""

from __future__ import annotations

import datetime
from typing import Annotated

from starlette.responses import Response

from countenance.desk.audits import AuditState, WithdrawnFor, accept_audit, withdraw_audit
from countenance.desk.listings import AuditLine, list_audits, read_audit
from countenance.web.access import needs
from countenance.web.api.base import In, Lines, Made, Out
from countenance.web.api.routing import FILE, UPLOAD, Router, bytes_of
from countenance.web.at import At
from countenance.web.guarding import MOST_BODY_BYTES
from countenance.web.ids import Id

router = Router("audits")


class AuditAccepted(Out):
    """An audit that was accepted here."""

    id: str
    engine: str
    digest: str
    state: AuditState
    operational: bool
    accepted_at: datetime.datetime
    until: datetime.datetime


class AuditWithdrawal(In):
    """Why an audit no longer counts."""

    reason: WithdrawnFor
    grounds: Annotated[str, Lines(2000)]


@router.get("/audits", response_model=list[AuditAccepted])
def find_audits(at: Annotated[At, needs("setting.read")]) -> list[AuditLine]:
    """Audits that were ever accepted, the newest first."""
    return list_audits(at.desk, at.looker())


@router.post("/audits", status_code=201, response_model=Made, openapi_extra=UPLOAD)
def accept_an_audit(
    at: Annotated[At, needs("audit.accept")], operational: bool,
    data: Annotated[bytes, bytes_of(MOST_BODY_BYTES)],
) -> Made:  # fmt: skip
    """Take an audit (``audit.json``) as the current one of its engine.

    `operational`: it was made under the conditions of this use, with images such as probes are.
    """
    made = accept_audit(
        at.desk, at.actor(), data=data, policy=at.deployment.house.audit_policy,
        operational=operational,
    )  # fmt: skip
    return Made(id=made)


@router.get("/audits/{audit}/content", response_class=Response, responses=FILE)
def show_audit(at: Annotated[At, needs("setting.read")], audit: Id) -> Response:
    """The very bytes of an audit as they were accepted."""
    return Response(
        read_audit(at.desk, at.looker(), audit), media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="audit-{audit}.json"'},
    )  # fmt: skip


@router.post("/audits/{audit}/withdraw", status_code=204)
def withdraw_an_audit(
    at: Annotated[At, needs("audit.withdraw")], audit: Id, sent: AuditWithdrawal
) -> None:
    """Say that an audit no longer counts: its engine is not searched with from then on."""
    withdraw_audit(at.desk, at.actor(), audit, reason=sent.reason, grounds=sent.grounds)
