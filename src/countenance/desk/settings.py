"""Threshold and list length of an engine: proposed, compared, approved by somebody else, in force.

An administrator proposes and gives a reason; the table of what it means for each group is made
then, from the current audit, and an approver approves *that table* (failure F18). Where the
setting in force or the audit changed meanwhile, the table is of something else, and it is refused.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, ScoreUnit
from countenance.desk.audits import AcceptedAudit, audit_of, current_audit, unit_of
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.consequences import Consequences, consequences
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

MOST_CANDIDATES = 50
"""Nobody examines a longer list with care."""
_LEAST_REASON, _MOST_REASON = 20, 2000

KINDS: tuple[EventKind, ...] = (
    EventKind("setting-changed", 1, "a threshold or list length was proposed, or decided on",
              {"change": Field("code", ("proposed", "approved", "refused", "withdrawn")),
               "setting": Field("code"), "engine": Field("digest"), "audit": Field("digest"),
               "consequences": Field("digest"), "threshold": Field("code"),
               "list_length": Field("count")},
              ("actor", "grounds")),
)  # fmt: skip


class SettingState(StrEnum):
    """Where a setting stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in-force"
    REPLACED = "replaced"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[SettingState, frozenset[SettingState]] = {
    SettingState.PROPOSED: frozenset(
        {SettingState.IN_FORCE, SettingState.REFUSED, SettingState.WITHDRAWN}
    ),
    SettingState.IN_FORCE: frozenset({SettingState.REPLACED}),
    SettingState.REPLACED: frozenset(),
    SettingState.REFUSED: frozenset(),
    SettingState.WITHDRAWN: frozenset(),
}


class Setting(Base):
    """A threshold (the exact integer and as people read it) and a list length for one engine."""

    __tablename__ = "settings"
    __table_args__ = (
        Index(
            "ux_settings_in_force", "engine", unique=True,
            sqlite_where=text("state = 'in-force'"), postgresql_where=text("state = 'in-force'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    engine: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[SettingState] = mapped_column(String(16))
    threshold: Mapped[int] = mapped_column(BigInteger)
    threshold_text: Mapped[str] = mapped_column(String(32))
    list_length: Mapped[int] = mapped_column(Integer)
    audit: Mapped[str] = mapped_column(String(64))
    before: Mapped[str | None] = mapped_column(String(32), default=None)
    consequences: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    proposed_by: Mapped[str] = mapped_column(String(32))
    proposed_at: Mapped[datetime.datetime] = mapped_column(UTC)
    reason: Mapped[bytes] = mapped_column(LargeBinary)
    decided_by: Mapped[str | None] = mapped_column(String(32), default=None)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


@dataclass(frozen=True, slots=True)
class SettingView:
    """A setting as it is shown: what an approver decides on."""

    id: str
    engine: str
    state: SettingState
    threshold: str
    list_length: int
    reason: str
    consequences: Mapping[str, Any]
    digest: str
    proposed_by: str


def propose_setting(
    desk: Desk, actor: Actor, *, keys: Secrets, engine: str, threshold: str, list_length: int,
    reason: str,
) -> str:  # fmt: skip
    """Propose a threshold, in the unit people read, and a list length; the proposal's id.

    Raises
    ------
    InputError
        Not a threshold, not a length from 1 to 50, or no reason of a sentence.
    StateError
        The engine has no current audit: without one nobody can say what it would mean.
    """
    if not 1 <= list_length <= MOST_CANDIDATES:
        raise InputError("not a list length", where="list_length",
                         expected=f"1 to {MOST_CANDIDATES}")  # fmt: skip
    grounds = _grounds(reason)

    def work(doing: Doing) -> str:
        row = current_audit(doing.db, engine, doing.now)
        if row is None:
            raise StateError("this engine has no current audit", do="ask an auditor for one")
        old = setting_in_force(doing.db, engine)
        score, says, table = threshold_table(row, old, threshold)
        made = Setting(
            id=new_id(), engine=engine, state=SettingState.PROPOSED, threshold=score,
            threshold_text=says, list_length=list_length, audit=row.digest,
            before=None if old is None else old.id, consequences=json.dumps(table.to_json()),
            digest=table.digest, proposed_by=actor.account, proposed_at=doing.now,
        )  # fmt: skip
        made.reason = keys.seal(doing.db, f"setting:{made.id}", grounds.encode(),
                                purpose="reason", now=doing.now)  # fmt: skip
        doing.db.add(made)
        _tell(doing, made, "proposed", grounds)
        return made.id

    return desk.act(actor, "setting.propose", work)


def approve_setting(desk: Desk, actor: Actor, setting_id: str, *, digest: str) -> None:
    """Bring a proposal into force. `digest` is of the table that the approver saw.

    Raises
    ------
    NotAllowedError
        It is the actor's own.
    StateError
        It was decided on already, the table is another, or setting or audit changed meanwhile.
    """

    def work(doing: Doing) -> None:
        made = _proposed(doing.db, setting_id)
        if made.proposed_by == actor.account:
            raise NotAllowedError("nobody approves what they proposed")
        old = setting_in_force(doing.db, made.engine)
        row = current_audit(doing.db, made.engine, doing.now)
        if digest != made.digest or (None if old is None else old.id) != made.before:
            raise StateError("this is not the table that was made for it", do="propose it anew")
        if row is None or row.digest != made.audit:
            raise StateError("the audit is another one by now", do="propose it anew")
        if old is not None:
            old.state = SettingState.REPLACED
            doing.db.flush()
        _decide(doing, made, SettingState.IN_FORCE, "approved", None)

    desk.act(actor, "setting.approve", work)


def refuse_setting(desk: Desk, actor: Actor, setting_id: str, *, reason: str) -> None:
    """Say no to a proposal, with a reason. StateError where it was decided on already."""
    grounds = _grounds(reason)

    def work(doing: Doing) -> None:
        _decide(doing, _proposed(doing.db, setting_id), SettingState.REFUSED, "refused", grounds)

    desk.act(actor, "setting.refuse", work)


def withdraw_setting(desk: Desk, actor: Actor, setting_id: str) -> None:
    """Take one's own proposal back. StateError where it was decided on already."""

    def work(doing: Doing) -> None:
        made = _proposed(doing.db, setting_id)
        if made.proposed_by != actor.account:
            raise NotAllowedError("this proposal is not yours")
        _decide(doing, made, SettingState.WITHDRAWN, "withdrawn", None)

    desk.act(actor, "setting.withdraw", work)


def read_settings(desk: Desk, actor: Actor, *, keys: Secrets, engine: str) -> list[SettingView]:
    """All settings an engine ever had, the newest first."""

    def work(db: Session) -> list[SettingView]:
        rows = db.scalars(
            select(Setting).where(Setting.engine == engine)
            .order_by(Setting.proposed_at.desc(), Setting.id)
        )  # fmt: skip
        return [_view(db, keys, row) for row in rows]

    return desk.look(actor, "setting.read", work)


def setting_in_force(db: Session, engine: str) -> Setting | None:
    """The setting that searches with an engine use now. Without one there is no search."""
    return db.scalar(
        select(Setting).where(
            Setting.engine == engine, Setting.state == SettingState.IN_FORCE
        )
    )  # fmt: skip


def shown(unit: ScoreUnit, score: int) -> str:
    """An exact threshold in the unit that people read."""
    return f"{unit.to_unit(score):.6f}".rstrip("0").rstrip(".")


def threshold_table(
    row: AcceptedAudit, old: Setting | None, threshold: str
) -> tuple[int, str, Consequences]:
    """A threshold as its exact score and as people read it, and what it would mean.

    `old` is the setting in force, if any. Raises InputError for what is no threshold.
    """
    audit = audit_of(row)
    unit = unit_of(audit)
    score = int(unit.threshold(threshold))
    says = shown(unit, score)
    now = None if old is None else old.threshold
    if not -(2**53) < score < 2**53 or says.startswith("-"):
        raise InputError("not a threshold anybody uses", where="threshold")
    return score, says, consequences(audit, digest=row.digest, unit=unit, now=now, then=score)


def _proposed(db: Session, setting_id: str) -> Setting:
    made = db.get(Setting, setting_id, with_for_update=True)
    if made is None or made.state != SettingState.PROPOSED:
        raise StateError("there is no such proposal any more")
    return made


def _decide(
    doing: Doing, made: Setting, to: SettingState, change: str, grounds: str | None
) -> None:
    made.state, made.decided_by, made.decided_at = to, doing.actor.account, doing.now
    _tell(doing, made, change, grounds)


def _tell(doing: Doing, made: Setting, change: str, grounds: str | None) -> None:
    doing.record.add(
        doing.db, "setting-changed", about=f"setting:{made.id}",
        public={"change": change, "setting": made.id, "engine": made.engine, "audit": made.audit,
                "consequences": made.digest, "threshold": made.threshold_text,
                "list_length": made.list_length},
        private={"actor": doing.actor.account, "grounds": grounds},
    )  # fmt: skip


def _view(db: Session, keys: Secrets, row: Setting) -> SettingView:
    reason = keys.open(db, f"setting:{row.id}", row.reason, purpose="reason").decode()
    return SettingView(
        row.id, row.engine, SettingState(row.state), row.threshold_text, row.list_length, reason,
        json.loads(row.consequences), row.digest, row.proposed_by,
    )  # fmt: skip


def _grounds(reason: str) -> str:
    reason = reason.strip()
    if not _LEAST_REASON <= len(reason) <= _MOST_REASON:
        raise InputError("this is no reason", where="reason",
                         expected=f"{_LEAST_REASON} to {_MOST_REASON} characters")  # fmt: skip
    return reason
