"""Audits: what an engine was found to do, for whom, and in what that falls short of the policy.

An audit can be looked at before it is accepted. Accepting one that falls short changes nothing
for searches: they are refused all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.audits import AuditState, WithdrawnFor, accept_audit, withdraw_audit
from countenance.desk.listings import list_audits, read_audit
from countenance.desk.settingviews import JudgedAudit, judge_audit, read_audit_file
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.reasons import at_field, read_grounds
from countenance.web.rendering import notice, words
from countenance.web.saying import say_rate

router = APIRouter()
Reads = Annotated[At, needs("setting.read")]
Accepts = Annotated[At, needs("audit.accept")]
Withdraws = Annotated[At, needs("audit.withdraw")]

MOST_BYTES = 48 * 2**20
_ACCEPTED = notice("audit-accepted", "The audit is accepted. What it falls short in stands below.")
_WITHDRAWN = notice(
    "audit-withdrawn", "The audit no longer counts: its engine is not searched with until another "
    "is accepted.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group at one threshold, each rate with its counts and interval."""

    group: str
    people: int
    fmr: str
    fnmr: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit says at the threshold it is judged at, or at its own where it has none there.

    `there` says which of the two. `sentences` has of each rate the verdict on how far the groups
    are apart.
    """

    threshold: str
    there: bool
    grouping: str
    overall: GroupLine
    groups: tuple[GroupLine, ...]
    sentences: tuple[tuple[str, str], ...]


@router.get("/audits")
def audits_page(at: Reads) -> Response:
    """Every audit that was ever accepted here."""
    return at.page(
        "settings/audits.html.j2", audits=list_audits(at.desk, at.looker()),
        identity=at.deployment.engine.card.identity,
    )  # fmt: skip


@router.get("/audits/accept")
def accept_page(at: Accepts) -> Response:
    """Ask for the file."""
    return at.page("settings/accept.html.j2", policy=at.deployment.house.audit_policy,
                   card=at.deployment.engine.card)  # fmt: skip


@router.post("/audits/check")
def check(at: Accepts) -> Response:
    """What a file says and in what it falls short; nothing is accepted."""

    def work() -> Response:
        data = at.fields.file("audit", most_bytes=MOST_BYTES)
        found = _judge(at, data)
        return at.page("settings/check.html.j2", judged=found, findings=_findings(found))

    return at.attempt(work, accept_page)


@router.post("/audits/accept")
def accept(at: Accepts) -> Response:
    """Accept it as the current audit of its engine."""

    def work() -> Response:
        operational = at.fields.one_of("operational", ("yes", "no")) == "yes"
        data = at.fields.file("audit", most_bytes=MOST_BYTES)
        _judge(at, data)  # what cannot be shown is not accepted
        with at_field("audit"):
            made = accept_audit(
                at.desk, at.actor(), data=data, policy=at.deployment.house.audit_policy,
                operational=operational,
            )  # fmt: skip
        return at.see(f"/audits/{made}", done=_ACCEPTED)

    return at.attempt(work, accept_page)


@router.get("/audits/{audit}")
def audit_page(at: Reads, audit: Id) -> Response:
    """One audit: its findings, and in what it falls short."""
    found = read_audit_file(
        at.desk, at.looker(), audit, card=at.deployment.engine.card,
        policy=at.deployment.house.audit_policy,
    )  # fmt: skip
    return at.page(
        "settings/audit.html.j2", file=found, judged=found.judged,
        findings=_findings(found.judged), counts=found.line.state is AuditState.ACCEPTED,
        now=at.desk.now(),
    )  # fmt: skip


@router.get("/audits/{audit}/audit.json")
def audit_file(at: Reads, audit: Id) -> Response:
    """Its bytes, as they were accepted."""
    return Response(
        read_audit(at.desk, at.looker(), audit), media_type="application/json",
        headers={"content-disposition": 'attachment; filename="audit.json"'},
    )  # fmt: skip


@router.get("/audits/{audit}/withdraw")
def withdraw_page(at: Withdraws, audit: Id) -> Response:
    """Ask why it no longer counts."""
    found = read_audit_file(
        at.desk, at.looker(), audit, card=at.deployment.engine.card,
        policy=at.deployment.house.audit_policy,
    )  # fmt: skip
    return at.page("settings/withdraw_audit.html.j2", file=found,
                   reasons=[(each.value, words(each.value)) for each in WithdrawnFor])  # fmt: skip


@router.post("/audits/{audit}/withdraw")
def withdraw(at: Withdraws, audit: Id) -> Response:
    """Withdraw it."""

    def work() -> Response:
        reason = at.fields.choice("reason", WithdrawnFor)
        grounds = read_grounds(at.fields)
        withdraw_audit(at.desk, at.actor(), audit, reason=reason, grounds=grounds)
        return at.see(f"/audits/{audit}", done=_WITHDRAWN)

    return at.attempt(work, lambda at: withdraw_page(at, audit))


def _judge(at: At, data: bytes) -> JudgedAudit:
    with at_field("audit"):
        return judge_audit(
            at.desk, at.looker(), data, card=at.deployment.engine.card,
            policy=at.deployment.house.audit_policy,
        )  # fmt: skip


def _findings(judged: JudgedAudit) -> Findings | None:
    """None of an audit that says nothing at any threshold."""
    audit = judged.audit
    there = next((one for one in audit.results if one.threshold.score == judged.score), None)
    own = audit.results[audit.operating : audit.operating + 1] or audit.results[:1]
    result = there or next(iter(own), None)
    if result is None:
        return None
    overall = result.overall
    label = audit.groupings[audit.headline].label if audit.headline >= 0 else ""
    found = next((one for one in result.groupings if label and one.grouping == label), None)
    groups = audit.groupings[audit.headline].groups if label else ()
    people = {one.label: one.people for one in groups}
    return Findings(
        result.threshold.label, there is not None, label,
        GroupLine("everybody", audit.counts.people, say_rate(overall.fmr), say_rate(overall.fnmr)),
        () if found is None else tuple(
            GroupLine(one.group, people.get(one.group, one.fmr.people), say_rate(one.fmr),
                      say_rate(one.fnmr))
            for one in found.groups
        ),
        () if found is None else (
            ("False matches", found.fmr.sentence), ("False non-matches", found.fnmr.sentence),
        ),
    )  # fmt: skip
