"""Hostile and harmless calls of every operation, made from the API's own description.

Schemathesis makes them; they are sent through the real app, by somebody of a role whose passkey
confirms what needs it first, as a program would. Half of them name things that exist.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import schemathesis
from authenticator import ORIGIN
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from webkit import Visitor

CHECKS = [
    status_code_conformance, content_type_conformance,
    response_headers_conformance, response_schema_conformance,
]  # fmt: skip
ALWAYS = {"number"}  # small whole numbers are everybody's: those of the callers' own training


@dataclass
class Fuzzer:
    """Calls operations as every one of `callers`: somebody of each role, and ``nobody``.

    `ids` are of things that exist, by the parameter, or by the first word of the path and it.
    """

    document: dict[str, Any]
    callers: Mapping[str, Visitor]
    ids: Mapping[str, str]
    checks: Sequence[Any] = (not_a_server_error, *CHECKS)
    everybody: bool = True  # also those whose role it is not
    modes: Sequence[GenerationMode] = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def run(self, examples: int, *, only: Container[str] = (), but: Container[str] = ()) -> Fuzzer:
        """So many harmless and so many hostile calls of every operation, by each caller."""
        document = json.loads(json.dumps(self.document))
        for methods in document["paths"].values():
            for raw in methods.values():
                raw.pop("security", None)  # the session is the caller's, and never a hostile one
        schema = schemathesis.openapi.from_dict(document)
        with contextlib.ExitStack() as stack:
            for visitor in self.callers.values():
                stack.enter_context(visitor.http)  # one event loop, not one a call
            for result in schema.get_all_operations():
                operation = result.ok()
                name = operation.definition.raw["operationId"]
                if name not in but and (not only or name in only):
                    for mode in self.modes:
                        self._operation(operation, examples, mode)
        return self

    def answers(self, operation: str) -> set[int]:
        """What an operation answered to anybody."""
        return {status for name, _, status in self.seen if name == operation}

    def _operation(self, operation: Any, examples: int, mode: GenerationMode) -> None:
        @settings(
            max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), derandomize=True,
        )  # fmt: skip
        @given(
            case=operation.as_strategy(generation_mode=mode), known=st.sampled_from([True, False])
        )
        def call(case: Case, known: bool) -> None:
            roles = operation.definition.raw.get("x-roles", list(self.callers))
            for who in self.callers:
                if who not in roles and not (self.everybody and mode is GenerationMode.POSITIVE):
                    continue
                self._one(case, who, known=known, mode=mode)

        with contextlib.suppress(Unsatisfiable):  # nothing is wrong with nothing
            call()

    def _one(self, case: Case, who: str, *, known: bool, mode: GenerationMode) -> None:
        visitor, raw = self.callers[who], case.operation.definition.raw
        word = case.operation.path.split("/")[3]
        for name in list(case.path_parameters or {}):
            if known or name in ALWAYS:
                wanted = self.ids.get(f"{word}/{name}", self.ids.get(name))
                if wanted:
                    case.path_parameters[name] = wanted
        if raw["x-step-up"] and who in raw["x-roles"]:
            _confirm(visitor, case, raw)
        sent = case.as_transport_kwargs(base_url=ORIGIN)
        headers = {
            name: value for name, value in (sent.get("headers") or {}).items()
            if name.lower() != "cookie"
        }  # fmt: skip
        try:
            answer = visitor.http.request(
                sent["method"], sent["url"], params=sent.get("params"), json=sent.get("json"),
                content=sent.get("data"), headers=headers,
            )  # fmt: skip
        except (UnicodeEncodeError, httpx.InvalidURL):
            return  # what no client could send
        self.seen[raw["operationId"], who, answer.status_code] += 1
        if visitor.person is not None and (
            raw["operationId"] == "end_session" or answer.status_code == 401
        ):
            visitor.sign_in()
        checks = [*self.checks]
        if mode is GenerationMode.NEGATIVE and not known:
            checks.append(negative_data_rejection)
        try:
            case.validate_response(answer, checks=checks)
        except Exception as error:
            error.add_note(f"called by {who}")
            raise


def _confirm(visitor: Visitor, case: Case, raw: Mapping[str, Any]) -> None:
    """As a client does: the passkey confirms the action, or signs the digest that is sent."""
    begun, kind = {"action": raw["x-action"]}, "confirm"
    digest = case.body.get("digest") if isinstance(case.body, dict) else None
    if "x-signs" in raw and isinstance(digest, str):
        kind, begun = "sign", {**begun, "digest": digest}
    asked = visitor.call(f"/passkey/{kind}/begin", begun)
    if asked.status_code == 200:
        visitor.http.post(
            f"/passkey/{kind}/finish",
            content=f'{{"answer": {visitor.device.get(asked.json()["options"])}}}',
            headers={"content-type": "application/json"},
        )
