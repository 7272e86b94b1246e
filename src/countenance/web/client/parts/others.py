"""Calls of the API about others.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import AskState, Decision, ResultState


class Ask(Value, frozen=True, kw_only=True):
    """Something that is to be asked, or was."""

    id: str
    state: AskState
    runner: str
    whom: str
    what: str


class AskSubmitted(Value, frozen=True, kw_only=True):
    """What became of it: refused, or waiting for a second person."""

    id: str
    decision: Decision


class NewAsk(Value, frozen=True, kw_only=True):
    """Who is to be asked for what; `runner` is a word of ``runner.kind``."""

    whom: str
    runner: str
    what: str


class Quarantined(Value, frozen=True, kw_only=True):
    """Something in quarantine, and nothing of what it says."""

    id: str
    at: datetime.datetime
    runner: str


class ResultTaken(Value, frozen=True, kw_only=True):
    """What came is kept: to be read, or in quarantine."""

    id: str
    state: ResultState
    decision: Decision


class Source(Value, frozen=True, kw_only=True):
    """Who made a result, with which system, from which request; empty where it is not known."""

    who: str
    system: str
    request: str


class OthersCalls(Part):
    """Calls of the API about others."""

    def ask_others(self, case: str, sent: NewAsk) -> AskSubmitted:
        """Submit what is to be asked of somebody else; it is asked once a second person agrees."""
        return self._call(
            Call("ask_others", "POST", "/api/v1/cases/{case}/asks", confirms="outside.ask"),
            Shape[AskSubmitted](AskSubmitted),
            path={"case": case},
            body=sent,
        )

    def show_ask(self, asked: str) -> Ask:
        """What is to be asked of whom."""
        return self._call(
            Call("show_ask", "GET", "/api/v1/asks/{asked}"), Shape[Ask](Ask), path={"asked": asked}
        )

    def approve_an_ask(self, asked: str) -> Decision:
        """Approve what is asked, as a second person; the law is asked again."""
        return self._call(
            Call(
                "approve_an_ask",
                "POST",
                "/api/v1/asks/{asked}/approve",
                confirms="outside.approve",
            ),
            Shape[Decision](Decision),
            path={"asked": asked},
            body={},
        )

    def withdraw_ask(self, asked: str) -> None:
        """Withdraw what was asked: an answer to it is unsolicited from then on."""
        self._call(
            Call("withdraw_ask", "POST", "/api/v1/asks/{asked}/withdraw"),
            None,
            path={"asked": asked},
            body={},
        )

    def receive_result(
        self,
        case: str,
        data: bytes,
        *,
        source_who: str,
        runner: str,
        asked: str | None = None,
        source_system: str = "",
        source_request: str = "",
    ) -> ResultTaken:
        """Take in what came from others: the bytes, and in headers who made it and how."""
        return self._call(
            Call("receive_result", "POST", "/api/v1/cases/{case}/results"),
            Shape[ResultTaken](ResultTaken),
            path={"case": case},
            query={"runner": runner, "asked": asked},
            header={
                "source-who": source_who,
                "source-system": source_system,
                "source-request": source_request,
            },
            body=data,
        )

    def list_quarantine(self) -> tuple[Quarantined, ...]:
        """All that is in quarantine."""
        return self._call(
            Call("list_quarantine", "GET", "/api/v1/results/quarantine"),
            Shape[tuple[Quarantined, ...]](tuple[Quarantined, ...]),
        )

    def show_result_source(self, result: str) -> Source:
        """Who made a result that may be read."""
        return self._call(
            Call("show_result_source", "GET", "/api/v1/results/{result}/source"),
            Shape[Source](Source),
            path={"result": result},
        )

    def show_result_content(self, result: str) -> bytes:
        """The bytes of a result that may be read: a file, never shown by a browser."""
        return self._call(
            Call("show_result_content", "GET", "/api/v1/results/{result}/content"),
            bytes,
            path={"result": result},
        )

    def release_result(self, result: str) -> Decision:
        """Let a result out of quarantine, if the law permits relying on it."""
        return self._call(
            Call(
                "release_result",
                "POST",
                "/api/v1/results/{result}/release",
                confirms="outside.release",
            ),
            Shape[Decision](Decision),
            path={"result": result},
            body={},
        )
