"""Threshold and list length of an engine: proposed with what they mean, approved by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from countenance.desk.settings import (
    SettingState,
    SettingView,
    approve_setting,
    propose_setting,
    read_settings,
    refuse_setting,
    withdraw_setting,
)
from countenance.web.access import needs
from countenance.web.api.base import DigestText, In, Line, Lines, Made, Nothing, Out
from countenance.web.api.routing import Router
from countenance.web.at import At
from countenance.web.ids import Id

router = Router("settings")
Reader = Annotated[At, needs("setting.read")]
Engine = Annotated[str, Query(max_length=64, pattern=r"^[0-9a-f]*$")]


class Setting(Out):
    """A threshold and a list length, and what they mean for each group by the audit's counts."""

    id: str
    engine: str
    state: SettingState
    threshold: str
    list_length: int
    reason: str
    consequences: Mapping[str, Any]
    digest: str
    proposed_by: str


class NewSetting(In):
    """What is proposed; `engine` empty is the deployment's own."""

    engine: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""
    threshold: Annotated[str, Line(32)]
    list_length: int = Field(ge=1, le=100_000)
    reason: Annotated[str, Lines(2000)]


class SettingApproval(In):
    """The digest of the setting that was seen."""

    digest: DigestText


class Why(In):
    """Why not."""

    reason: Annotated[str, Lines(2000)]


@router.get("/settings", response_model=list[Setting])
def list_settings(at: Reader, engine: Engine = "") -> list[SettingView]:
    """Settings of an engine (empty: the deployment's), also past ones."""
    deployment = at.deployment
    wanted = engine or deployment.engine.card.identity
    return read_settings(at.desk, at.looker(), keys=deployment.keys, engine=wanted)


@router.post("/settings", status_code=201, response_model=Made)
def propose_a_setting(at: Annotated[At, needs("setting.propose")], sent: NewSetting) -> Made:
    """Propose a threshold and a list length; the audit's counts say what they mean."""
    deployment = at.deployment
    made = propose_setting(
        at.desk, at.actor(), keys=deployment.keys,
        engine=sent.engine or deployment.engine.card.identity, threshold=sent.threshold,
        list_length=sent.list_length, reason=sent.reason,
    )  # fmt: skip
    return Made(id=made)


@router.post("/settings/{setting}/approve", status_code=204)
def approve_a_setting(
    at: Annotated[At, needs("setting.approve")], setting: Id, sent: SettingApproval
) -> None:
    """Put a setting in force, as somebody else than who proposed it."""
    approve_setting(at.desk, at.actor(), setting, digest=sent.digest)


@router.post("/settings/{setting}/refuse", status_code=204)
def refuse_a_setting(at: Annotated[At, needs("setting.refuse")], setting: Id, sent: Why) -> None:
    """Say no to a setting."""
    refuse_setting(at.desk, at.actor(), setting, reason=sent.reason)


@router.post("/settings/{setting}/withdraw", status_code=204)
def withdraw_a_setting(
    at: Annotated[At, needs("setting.withdraw")], setting: Id, _: Nothing
) -> None:
    """Take a proposal back."""
    withdraw_setting(at.desk, at.actor(), setting)
