"""Settings and audits as pages show them: with who and when, and beside what is asked of them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.audit import Audit
from countenance.desk.audits import (
    AcceptedAudit,
    AuditPolicy,
    AuditState,
    Shortfall,
    audit_digest,
    audit_of,
    current_audit,
    read_audit,
    shortfalls,
    unit_of,
)
from countenance.desk.casefile import account_names
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.listings import AuditLine
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk
from countenance.desk.settings import (
    Setting,
    SettingState,
    setting_in_force,
    shown,
    threshold_table,
)
from countenance.faces import EngineCard

MOST = 200


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting in the history of an engine, with the names of who proposed and who decided."""

    id: str
    state: SettingState
    threshold: str
    list_length: int
    proposed_by: str
    proposed_at: datetime.datetime
    decided_by: str
    decided_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class SettingFile:
    """One setting, whole.

    Attributes
    ----------
    reason, consequences, digest
        Why, and the table that was made when it was proposed, which is what is approved.
    before
        The threshold and list length that it would replace, or did; None where there was none.
    mine
        The reader proposed it, and cannot approve it.
    """

    line: SettingLine
    engine: str
    reason: str
    consequences: Mapping[str, Any]
    digest: str
    before: tuple[str, int] | None
    mine: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a threshold would mean, before anybody proposes it.

    `before` is the threshold and list length in force, `consequences` the table for approval.
    """

    threshold: str
    before: tuple[str, int] | None
    consequences: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JudgedAudit:
    """An audit beside this deployment's policy.

    Attributes
    ----------
    digest
        SHA-256 of its RFC 8785 form: its name in the log.
    of_this_engine
        Whether it is of the engine that this deployment searches with.
    score, threshold, in_force
        Where it is judged: at the threshold in force, else at the engine's own.
    shortfalls
        In what it does not meet the policy; empty where it does.
    """

    audit: Audit
    digest: str
    of_this_engine: bool
    score: int
    threshold: str
    in_force: bool
    shortfalls: tuple[Shortfall, ...]


@dataclass(frozen=True, slots=True)
class AuditFile:
    """An audit that was accepted here, with who accepted it."""

    line: AuditLine
    accepted_by: str
    judged: JudgedAudit


def list_settings(desk: Desk, actor: Actor, *, engine: str) -> list[SettingLine]:
    """The settings of an engine, the newest first; at most `MOST`."""

    def work(db: Session) -> list[SettingLine]:
        rows = db.scalars(
            select(Setting).where(Setting.engine == engine)
            .order_by(Setting.proposed_at.desc(), Setting.id).limit(MOST)
        ).all()  # fmt: skip
        return _lines(db, *rows)

    return desk.look(actor, "setting.read", work)


def read_setting(desk: Desk, actor: Actor, setting: str, *, keys: Secrets) -> SettingFile:
    """One setting. NotAllowedError where there is none."""

    def work(db: Session) -> SettingFile:
        row = db.get(Setting, setting)
        if row is None:
            raise NotAllowedError("there is no such setting for you")
        old = None if row.before is None else db.get_one(Setting, row.before)
        reason = keys.open(db, f"setting:{row.id}", row.reason, purpose="reason").decode()
        (line,) = _lines(db, row)
        return SettingFile(
            line, row.engine, reason, json.loads(row.consequences), row.digest, _before(old),
            row.proposed_by == actor.account,
        )  # fmt: skip

    return desk.look(actor, "setting.read", work)


def compare_threshold(desk: Desk, actor: Actor, *, engine: str, threshold: str) -> Comparison:
    """What a threshold would mean for each group, out of the current audit.

    Raises
    ------
    InputError
        Not a threshold.
    StateError
        The engine has no current audit.
    """

    def work(db: Session) -> Comparison:
        row = current_audit(db, engine, desk.now())
        if row is None:
            raise StateError("this engine has no current audit", do="ask an auditor for one")
        old = setting_in_force(db, engine)
        _, says, table = threshold_table(row, old, threshold)
        return Comparison(says, _before(old), table.to_json())

    return desk.look(actor, "setting.read", work)


def judge_audit(
    desk: Desk, actor: Actor, data: bytes, *, card: EngineCard, policy: AuditPolicy
) -> JudgedAudit:
    """An audit that nobody accepted yet, judged as if it were. Raises InputError."""
    audit = read_audit(data)
    return desk.look(
        actor,
        "setting.read",
        lambda db: _judged(db, audit, audit_digest(audit), card, policy, desk.now()),
    )


def current_judged(
    desk: Desk, actor: Actor, *, card: EngineCard, policy: AuditPolicy
) -> AuditFile | None:
    """The audit that counts for the engine now, if there is one."""

    def work(db: Session) -> AuditFile | None:
        row = current_audit(db, card.identity, desk.now())
        return None if row is None else _file(db, row, card, policy, desk.now())

    return desk.look(actor, "setting.read", work)


def read_audit_file(
    desk: Desk, actor: Actor, audit: str, *, card: EngineCard, policy: AuditPolicy
) -> AuditFile:
    """One audit that was ever accepted here. NotAllowedError where there is none."""

    def work(db: Session) -> AuditFile:
        row = db.get(AcceptedAudit, audit)
        if row is None:
            raise NotAllowedError("there is no such audit for you")
        return _file(db, row, card, policy, desk.now())

    return desk.look(actor, "setting.read", work)


def _lines(db: Session, *rows: Setting) -> list[SettingLine]:
    people = {row.proposed_by for row in rows} | {row.decided_by or "" for row in rows}
    names = account_names(db, people)
    return [
        SettingLine(
            row.id, SettingState(row.state), row.threshold_text, row.list_length,
            names.get(row.proposed_by, row.proposed_by), row.proposed_at,
            names.get(row.decided_by or "", ""), row.decided_at,
        )
        for row in rows
    ]  # fmt: skip


def _before(old: Setting | None) -> tuple[str, int] | None:
    return None if old is None else (old.threshold_text, old.list_length)


def _file(
    db: Session, row: AcceptedAudit, card: EngineCard, policy: AuditPolicy,
    now: datetime.datetime,
) -> AuditFile:  # fmt: skip
    line = AuditLine(row.id, row.engine, row.digest, AuditState(row.state), row.operational,
                     row.accepted_at, row.until)  # fmt: skip
    name = account_names(db, [row.accepted_by]).get(row.accepted_by, row.accepted_by)
    return AuditFile(line, name, _judged(db, audit_of(row), row.digest, card, policy, now))


def _judged(
    db: Session, audit: Audit, digest: str, card: EngineCard, policy: AuditPolicy,
    now: datetime.datetime,
) -> JudgedAudit:  # fmt: skip
    engine, unit = str((audit.engine or {}).get("identity", "")), unit_of(audit)
    setting = setting_in_force(db, engine)
    score = int(unit.threshold(card.default_threshold)) if setting is None else setting.threshold
    return JudgedAudit(
        audit, digest, engine == card.identity, score, shown(unit, score),
        setting is not None, tuple(shortfalls(audit, policy, score=score, now=now)),
    )  # fmt: skip
