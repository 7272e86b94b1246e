"""Engine, threshold and list length: what is in force, what it was, and what a change would mean.

Nobody proposes or approves a threshold without the table of what it means for each group: it
stands on the page before the proposal, and an approver approves the digest of that table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.settings import (
    MOST_CANDIDATES,
    SettingState,
    approve_setting,
    propose_setting,
    refuse_setting,
    shown,
    withdraw_setting,
)
from countenance.desk.settingviews import (
    compare_threshold,
    current_judged,
    list_settings,
    read_setting,
)
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.reasons import at_field
from countenance.web.rendering import notice
from countenance.web.saying import say_rule, say_said

router = APIRouter()
Reads = Annotated[At, needs("setting.read")]
Proposes = Annotated[At, needs("setting.propose")]
Approves = Annotated[At, needs("setting.approve")]
Refuses = Annotated[At, needs("setting.refuse")]
Withdraws = Annotated[At, needs("setting.withdraw")]

LEAST_REASON, MOST_REASON = 20, 2000
_PROPOSED = notice("setting-proposed", "This is proposed. An approver decides on it.")
_APPROVED = notice("setting-approved", "The setting is in force from now on.")
_REFUSED = notice("setting-refused", "The proposal is refused; what was in force still is.")
_WITHDRAWN = notice("setting-withdrawn", "The proposal is withdrawn.")


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group of a consequence table, in words."""

    group: str
    people: int
    fmr_now: str
    fmr_then: str
    fnmr_now: str
    fnmr_then: str


@dataclass(frozen=True, slots=True)
class Table:
    """A consequence table as it is shown: worst group first."""

    audit: str
    grouping: str
    now: str
    then: str
    rule: str
    lines: tuple[GroupLine, ...]


@router.get("/settings")
def settings_page(at: Reads) -> Response:
    """The engine, what is in force, the audit that counts, and every setting there was."""
    looker, card = at.looker(), at.deployment.engine.card
    history = list_settings(at.desk, looker, engine=card.identity)
    policy = at.deployment.house.audit_policy
    return at.page(
        "settings/show.html.j2", card=card, rule=say_rule(card.unit), history=history,
        policy=policy,
        in_force=next((one for one in history if one.state is SettingState.IN_FORCE), None),
        proposed=[one for one in history if one.state is SettingState.PROPOSED],
        audit=current_judged(at.desk, looker, card=card, policy=policy),
    )  # fmt: skip


@router.get("/settings/propose")
def propose_page(at: Proposes) -> Response:
    """Ask for a threshold, a list length and the reason."""
    history = list_settings(at.desk, at.looker(), engine=at.deployment.engine.card.identity)
    return at.page(
        "settings/propose.html.j2", card=at.deployment.engine.card, most=MOST_CANDIDATES,
        rule=say_rule(at.deployment.engine.card.unit),
        in_force=next((one for one in history if one.state is SettingState.IN_FORCE), None),
    )  # fmt: skip


@router.post("/settings/compare")
def compare(at: Proposes) -> Response:
    """What it would mean for each group; nothing is proposed yet."""

    def work() -> Response:
        threshold, length, reason = _read(at)
        with at_field("threshold"):
            found = compare_threshold(
                at.desk, at.looker(), engine=at.deployment.engine.card.identity,
                threshold=threshold,
            )  # fmt: skip
        return at.page(
            "settings/compare.html.j2", threshold=found.threshold, typed=threshold,
            list_length=length, reason=reason, before=found.before,
            table=_table(at, found.consequences),
        )  # fmt: skip

    return at.attempt(work, propose_page)


@router.post("/settings/propose")
def propose(at: Proposes) -> Response:
    """Propose it."""

    def work() -> Response:
        threshold, length, reason = _read(at)
        with at_field("threshold"):
            made = propose_setting(
                at.desk, at.actor(), keys=at.deployment.keys,
                engine=at.deployment.engine.card.identity, threshold=threshold,
                list_length=length, reason=reason,
            )  # fmt: skip
        return at.see(f"/settings/{made}", done=_PROPOSED)

    return at.attempt(work, propose_page)


@router.get("/settings/{setting}")
def setting_page(at: Reads, setting: Id) -> Response:
    """One setting: why, and the table that was made for it."""
    found = read_setting(at.desk, at.looker(), setting, keys=at.deployment.keys)
    return at.page(
        "settings/setting.html.j2", setting=found, table=_table(at, found.consequences),
        waits=found.line.state is SettingState.PROPOSED,
    )  # fmt: skip


@router.post("/settings/{setting}/approve")
def approve(at: Approves, setting: Id) -> Response:
    """Bring it into force; the digest is of the table that stood on the page."""

    def work() -> Response:
        digest = at.fields.line("digest", most=64)
        approve_setting(at.desk, at.actor(), setting, digest=digest)
        return at.see(f"/settings/{setting}", done=_APPROVED)

    return at.attempt(work, lambda at: setting_page(at, setting))


@router.get("/settings/{setting}/refuse")
def refuse_page(at: Refuses, setting: Id) -> Response:
    """Ask why it is refused."""
    found = read_setting(at.desk, at.looker(), setting, keys=at.deployment.keys)
    return at.page("settings/refuse.html.j2", setting=found)


@router.post("/settings/{setting}/refuse")
def refuse(at: Refuses, setting: Id) -> Response:
    """Refuse it."""

    def work() -> Response:
        reason = _reason(at)
        refuse_setting(at.desk, at.actor(), setting, reason=reason)
        return at.see(f"/settings/{setting}", done=_REFUSED)

    return at.attempt(work, lambda at: refuse_page(at, setting))


@router.post("/settings/{setting}/withdraw")
def withdraw(at: Withdraws, setting: Id) -> Response:
    """Take one's own proposal back."""

    def work() -> Response:
        withdraw_setting(at.desk, at.actor(), setting)
        return at.see(f"/settings/{setting}", done=_WITHDRAWN)

    return at.attempt(work, lambda at: setting_page(at, setting))


def _read(at: At) -> tuple[str, int, str]:
    threshold = at.fields.line("threshold", most=32)
    length = at.fields.number("list_length", least=1, most=MOST_CANDIDATES)
    return threshold, length, _reason(at)


def _reason(at: At) -> str:
    reason = at.fields.lines("reason", most=MOST_REASON)
    if len(reason) < LEAST_REASON:
        raise InputError("this is no reason", where="reason",
                         expected=f"{LEAST_REASON} to {MOST_REASON:,} characters")  # fmt: skip
    return reason


def _table(at: At, kept: Mapping[str, Any]) -> Table:
    unit, level = at.deployment.engine.card.unit, kept["level"]

    def worst(line: Mapping[str, Any]) -> tuple[float, str]:
        said = line["fmr_then"]
        high = 1.0 if said is None or said["high"] is None else said["high"]
        return -high, line["group"]

    return Table(
        kept["audit"], kept["grouping"], "" if kept["now"] is None else shown(unit, kept["now"]),
        shown(unit, kept["then"]), say_rule(unit),
        tuple(
            GroupLine(
                line["group"], line["people"],
                *(say_said(line[name], level)
                  for name in ("fmr_now", "fmr_then", "fnmr_now", "fnmr_then")),
            )
            for line in sorted(kept["lines"], key=worst)
        ),
    )  # fmt: skip
