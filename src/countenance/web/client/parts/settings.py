"""Calls of the API about settings.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

from typing import Any, Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import Made


class NewSetting(Value, frozen=True, kw_only=True):
    """What is proposed; `engine` empty is the deployment's own."""

    engine: str = ""
    threshold: str
    list_length: int
    reason: str


SettingState = Literal["proposed", "in-force", "replaced", "refused", "withdrawn"]
"""Where a setting stands."""


class Setting(Value, frozen=True, kw_only=True):
    """A threshold and a list length, and what they mean for each group by the audit's counts."""

    id: str
    engine: str
    state: SettingState
    threshold: str
    list_length: int
    reason: str
    consequences: dict[str, Any]
    digest: str
    proposed_by: str


class SettingApproval(Value, frozen=True, kw_only=True):
    """The digest of the setting that was seen."""

    digest: str


class Why(Value, frozen=True, kw_only=True):
    """Why not."""

    reason: str


class SettingsCalls(Part):
    """Calls of the API about settings."""

    def list_settings(self, *, engine: str = "") -> tuple[Setting, ...]:
        """Settings of an engine (empty: the deployment's), also past ones."""
        return self._call(
            Call("list_settings", "GET", "/api/v1/settings"),
            Shape[tuple[Setting, ...]](tuple[Setting, ...]),
            query={"engine": engine},
        )

    def propose_a_setting(self, sent: NewSetting) -> Made:
        """Propose a threshold and a list length; the audit's counts say what they mean."""
        return self._call(
            Call("propose_a_setting", "POST", "/api/v1/settings", confirms="setting.propose"),
            Shape[Made](Made),
            body=sent,
        )

    def approve_a_setting(self, setting: str, sent: SettingApproval) -> None:
        """Put a setting in force, as somebody else than who proposed it."""
        self._call(
            Call(
                "approve_a_setting",
                "POST",
                "/api/v1/settings/{setting}/approve",
                confirms="setting.approve",
            ),
            None,
            path={"setting": setting},
            body=sent,
        )

    def refuse_a_setting(self, setting: str, sent: Why) -> None:
        """Say no to a setting."""
        self._call(
            Call(
                "refuse_a_setting",
                "POST",
                "/api/v1/settings/{setting}/refuse",
                confirms="setting.refuse",
            ),
            None,
            path={"setting": setting},
            body=sent,
        )

    def withdraw_a_setting(self, setting: str) -> None:
        """Take a proposal back."""
        self._call(
            Call("withdraw_a_setting", "POST", "/api/v1/settings/{setting}/withdraw"),
            None,
            path={"setting": setting},
            body={},
        )
