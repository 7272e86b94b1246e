"""No audit, no search: which audit of an engine is current, and whether it meets the policy.

An auditor accepts an ``audit.json`` for the engine whose identity it names. It is checked against
its types, kept with its digest, and serves until it is too old, withdrawn, or another is accepted.
A vendor's figure is not one (failure F24): what counts is the groups, their people and the upper
ends of their intervals at the threshold in use (F23).
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.audit import Audit
from countenance.core import InputError, ScoreUnit, digest_json, sha256_bytes
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import StateError
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

_MOST_BYTES = 64 * 2**20
_MOST_PARSED = 8
_parsed: dict[str, Audit] = {}  # by the hash of their bytes: reading one anew takes tens of ms
_HEX32 = re.compile(r"[0-9a-f]{64}")

KINDS: tuple[EventKind, ...] = (
    EventKind("audit-withdrawn", 1, "an accepted audit no longer counts",
              {"engine": Field("digest"), "audit": Field("digest"), "reason": Field("code")},
              ("author", "grounds")),
)  # fmt: skip


class AuditState(StrEnum):
    """Where an accepted audit stands."""

    ACCEPTED = "accepted"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[AuditState, frozenset[AuditState]] = {
    AuditState.ACCEPTED: frozenset({AuditState.REPLACED, AuditState.WITHDRAWN}),
    AuditState.REPLACED: frozenset(),
    AuditState.WITHDRAWN: frozenset(),
}


class WithdrawnFor(StrEnum):
    """Why an audit no longer counts."""

    ERROR_FOUND = "error-found"
    DATA_WITHDRAWN = "data-withdrawn"
    INCIDENT = "incident"
    OTHER = "other"


class AcceptedAudit(Base):
    """An audit that an auditor accepted, as its bytes came."""

    __tablename__ = "audits"
    __table_args__ = (
        Index(
            "ux_audits_accepted", "engine", unique=True,
            sqlite_where=text("state = 'accepted'"), postgresql_where=text("state = 'accepted'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    engine: Mapped[str] = mapped_column(String(64), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[AuditState] = mapped_column(String(16))
    operational: Mapped[bool]
    accepted_by: Mapped[str] = mapped_column(String(32))
    accepted_at: Mapped[datetime.datetime] = mapped_column(UTC)
    until: Mapped[datetime.datetime] = mapped_column(UTC)
    sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPolicy:
    """What an audit must show before its engine may be searched with. The operator sets all of it.

    Attributes
    ----------
    most_days
        Since it was performed.
    least_people
        In every group of the finest crossing.
    most_worst_fmr
        Upper end of the FMR interval of the worst group at the threshold in use.
    most_ratio
        Upper bound on the ratio of the worst group's FMR to the best's; None where the operator
        sets no such limit, which the public page then says.
    """

    most_days: int
    least_people: int
    most_worst_fmr: float
    most_ratio: float | None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One respect in which an audit does not meet the policy."""

    code: str
    says: str


def accept_audit(
    desk: Desk, actor: Actor, *, data: bytes, policy: AuditPolicy, operational: bool
) -> str:
    """Take an audit as the current one of its engine; its id here.

    `operational`: the auditor states that it was made under the conditions of this use, with
    images such as the probes are. Raises InputError where it is no audit, names no engine or no
    date, is too old already, or is of the future.
    """
    audit = read_audit(data)
    engine, performed = _engine(audit), _performed(audit)
    until = performed + datetime.timedelta(days=policy.most_days)
    digest = audit_digest(audit)

    def work(doing: Doing) -> str:
        if performed > doing.now:
            raise InputError("the audit is of the future", where="performed_on")
        if until <= doing.now:
            raise InputError("the audit is too old", where="performed_on",
                             expected=f"at most {policy.most_days} days ago")  # fmt: skip
        current = doing.db.scalars(
            select(AcceptedAudit).where(
                AcceptedAudit.engine == engine, AcceptedAudit.state == AuditState.ACCEPTED
            ).with_for_update()
        ).all()  # fmt: skip
        for old in current:
            if old.digest == digest:
                raise StateError("this audit is the current one already")
            old.state = AuditState.REPLACED
        doing.db.flush()
        row = AcceptedAudit(
            id=new_id(), engine=engine, digest=digest, state=AuditState.ACCEPTED,
            operational=operational, accepted_by=actor.account, accepted_at=doing.now,
            until=until, sha256=sha256_bytes(data), body=data,
        )  # fmt: skip
        doing.db.add(row)
        doing.record.add(
            doing.db, "audit-accepted", about=f"audit:{row.id}",
            public={"engine": engine, "audit": digest,
                    "until": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
            private={"author": actor.account},
        )  # fmt: skip
        return row.id

    return desk.act(actor, "audit.accept", work)


def read_audit(data: bytes) -> Audit:
    """An audit out of bytes that somebody sent, whose parts fit together.

    Raises InputError where it is too long, no audit, or speaks of groupings that it does not have.
    """
    if len(data) > _MOST_BYTES:
        raise InputError("too long for an audit", expected=f"at most {_MOST_BYTES:,} bytes")
    audit = Audit.from_json(data)
    if not -1 <= audit.headline < len(audit.groupings):
        raise InputError("there is no such grouping", where="headline")
    labels = {grouping.label for grouping in audit.groupings}
    if any({found.grouping for found in at.groupings} != labels for at in audit.results):
        raise InputError("a result is not of the groupings that it names", where="results")
    return audit


def withdraw_audit(
    desk: Desk, actor: Actor, audit_id: str, *, reason: WithdrawnFor, grounds: str
) -> None:
    """Say that an audit no longer counts: from then on its engine is not searched with."""

    def work(doing: Doing) -> None:
        row = doing.db.get(AcceptedAudit, audit_id, with_for_update=True)
        if row is None or row.state != AuditState.ACCEPTED:
            raise StateError("it is not the current audit")
        row.state = AuditState.WITHDRAWN
        doing.record.add(
            doing.db, "audit-withdrawn", about=f"audit:{row.id}",
            public={"engine": row.engine, "audit": row.digest, "reason": reason.value},
            private={"author": actor.account, "grounds": grounds},
        )  # fmt: skip

    desk.act(actor, "audit.withdraw", work)


def current_audit(db: Session, engine: str, now: datetime.datetime) -> AcceptedAudit | None:
    """The audit that counts for an engine at a time, if any: policy not asked yet."""
    return db.scalar(
        select(AcceptedAudit).where(
            AcceptedAudit.engine == engine, AcceptedAudit.state == AuditState.ACCEPTED,
            AcceptedAudit.accepted_at <= now, AcceptedAudit.until > now,
        )
    )  # fmt: skip


def audit_of(row: AcceptedAudit) -> Audit:
    """The audit itself. Raises StateError where its bytes are not those that were accepted."""
    if sha256_bytes(row.body) != row.sha256:
        raise StateError("the audit is not the one that was accepted")
    audit = _parsed.get(row.sha256)
    if audit is None:
        audit = Audit.from_json(row.body)
        if len(_parsed) >= _MOST_PARSED:
            _parsed.clear()
        _parsed[row.sha256] = audit
    return audit


def audit_digest(audit: Audit) -> str:
    """SHA-256 of an audit's RFC 8785 form: its name in the log."""
    return digest_json(json.loads(audit.to_json()))


def shortfalls(
    audit: Audit, policy: AuditPolicy, *, score: int, now: datetime.datetime
) -> list[Shortfall]:
    """In what an audit falls short of a policy at a threshold (the exact integer); [] for none."""
    return list(_shortfalls(audit, policy, score, now))


def _shortfalls(
    audit: Audit, policy: AuditPolicy, score: int, now: datetime.datetime
) -> Iterator[Shortfall]:
    days = (now - _performed(audit)).days
    if not 0 <= days <= policy.most_days:
        yield Shortfall("age", f"it is of {days} days ago; at most {policy.most_days}")
    if audit.headline < 0:
        yield Shortfall("no-groups", "it tells no groups apart")
        return
    grouping = audit.groupings[audit.headline]
    few = [group for group in grouping.groups if group.people < policy.least_people]
    if few or len(grouping.groups) < 2:
        names = ", ".join(f"{group.label}: {group.people}" for group in few)
        yield Shortfall("people", f"people a group: at least {policy.least_people} are asked for "
                                  f"({names or 'fewer than two groups'})")  # fmt: skip
    at = next((each for each in audit.results if each.threshold.score == score), None)
    if at is None:
        yield Shortfall("threshold", "it says nothing at the threshold in use")
        return
    found = next(one for one in at.groupings if one.grouping == grouping.label)
    told = [each.group for each in found.groups]
    if sorted(told) != sorted(each.label for each in grouping.groups):
        yield Shortfall("worst-group", "it does not tell the rate of every group that it names")
    limit = policy.most_worst_fmr
    for group in found.groups:
        rate = group.fmr
        if rate.high is None or rate.high > limit:
            end = "not known" if rate.high is None else f"up to {rate.high:.2g}"
            yield Shortfall(
                "worst-group", f"FMR of {group.group}: {end} ({rate.events:,} of {rate.trials:,}, "
                f"{rate.people} people; {rate.level:.0%} interval); at most {limit:.2g}",
            )  # fmt: skip
    if policy.most_ratio is not None and (
        found.fmr.at_most is None or found.fmr.at_most > policy.most_ratio
    ):
        apart = f"how far the groups are apart is not bounded by {policy.most_ratio:g}"
        yield Shortfall("differential", f"{apart}: {found.fmr.sentence}")


def audit_facts(
    row: AcceptedAudit | None, policy: AuditPolicy, *, score: int | None, now: datetime.datetime
) -> dict[str, Any]:
    """Facts ``audit.*``: without an audit or a threshold, a plain no."""
    if row is None:
        return {"audit.current": False, "audit.meets-policy": False,
                "audit.operational-test": False}  # fmt: skip
    meets = score is not None and not shortfalls(audit_of(row), policy, score=score, now=now)
    return {"audit.current": True, "audit.meets-policy": meets,
            "audit.operational-test": row.operational}  # fmt: skip


def unit_of(audit: Audit) -> ScoreUnit:
    """The unit of an audit's scores. Raises InputError where it states none."""
    try:
        return ScoreUnit.from_json(audit.unit)
    except (KeyError, TypeError) as error:
        raise InputError("the audit does not say what its scores are", where="unit") from error


def _engine(audit: Audit) -> str:
    """The engine it is of, whose scores must be exact."""
    identity = (audit.engine or {}).get("identity")
    if not isinstance(identity, str) or not _HEX32.fullmatch(identity):
        raise InputError("it does not say which engine it is of", where="engine.identity",
                         do="audit an engine, not a table of scores alone")  # fmt: skip
    if not unit_of(audit).exact:
        raise InputError("its scores are not exact integers", where="unit")
    return identity


def _performed(audit: Audit) -> datetime.datetime:
    try:
        day = datetime.date.fromisoformat(audit.performed_on or "")
    except ValueError:
        raise InputError("the audit does not say when it was made", where="performed_on") from None
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
