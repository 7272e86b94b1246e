"""The table: every page and form x every role x cases in every state, on the demonstration.

What a page offers can be followed; what is refused leaves no trace of change; what one role is
shown, another role sends in vain; nothing answers with a fault.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from crawling import Form, read, walk
from demosite import demo_of
from PIL import Image
from sqlalchemy import func, select
from starlette.testclient import TestClient

from countenance.desk.deployment import Deployment
from countenance.desk.events import Outgoing
from countenance.desk.roles import ACTIONS, Role
from countenance.web.access import ANY, OPEN, declared_accesses, may_enter
from countenance.web.demo.cast import ROLES, Cast, Player

_ENDINGS = {("POST", "/sign-out"), ("POST", "/api/v1/session/end")}
PICTURE = io.BytesIO()
Image.effect_noise((60, 80), 60).convert("RGB").save(PICTURE, "PNG")


@dataclass
class Walker:
    """One of the cast in a browser."""

    app: Any
    of: Deployment
    player: Player | None
    http: TestClient = field(init=False)
    token: str = ""

    def __post_init__(self) -> None:
        origin = self.of.party.origins[0].replace("http:", "https:")  # cookies here are Secure
        self.http = TestClient(
            self.app, base_url=origin, follow_redirects=False, raise_server_exceptions=False
        )
        if self.player is not None:
            self.ceremony("sign-in", {})
            found = read(self.get("/account"))
            self.token = dict(found.forms[0].fields)["token"]

    def get(self, path: str) -> Any:
        return self.http.get(path)

    def ceremony(self, kind: str, body: dict[str, Any]) -> Any:
        assert self.player is not None
        begun = self.http.post(f"/passkey/{kind}/begin", json=body)
        if begun.status_code != 200:
            return begun
        answer = self.player.device.get(begun.json()["options"])
        return self.http.post(f"/passkey/{kind}/finish", json={"answer": answer})

    def send(self, form: Form) -> Any:
        """As a browser would, the passkey first where the form has it asked."""
        if self.player is not None and form.sign:
            self.ceremony("sign", {"action": form.sign, "digest": form.digest})
        elif self.player is not None and form.confirm:
            self.ceremony("confirm", {"action": form.confirm})
        data: dict[str, Any] = {}
        for name, value in form.fields:
            data.setdefault(name, []).append(value)
        data["token"] = self.token
        files = {name: (name, PICTURE.getvalue(), "image/png") for name in form.files}
        return self.http.post(form.path, data=data, files=files or None)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Any, Cast]]:
    with demo_of(tmp_path_factory) as made:
        yield made.of, made.app, made.cast


@pytest.fixture(scope="module")
def walkers(demo: tuple[Deployment, Any, Cast]) -> dict[str, Walker]:
    of, app, cast = demo
    named = {name: Walker(app, of, cast[name]) for name in ROLES}
    return {"public": Walker(app, of, None), **named}


@pytest.fixture(scope="module")
def walked(walkers: dict[str, Walker]) -> dict[str, list[tuple[str, Any, Any]]]:
    """What everybody saw, once, before anything was sent."""
    return {
        name: list(walk(walker.get, "/" if name == "public" else "/tasks"))
        for name, walker in walkers.items()
    }


def _events(of: Deployment) -> int:
    with of.desk.store.reading() as db:
        return db.scalar(select(func.count()).select_from(Outgoing)) or 0


def test_every_link_that_is_offered_can_be_followed(walked: Any) -> None:
    dead = [
        (name, path, answer.status_code) for name, pages in walked.items()
        for path, answer, _ in pages if answer.status_code not in (200, 303)
    ]  # fmt: skip
    assert not dead
    assert sum(len(pages) for pages in walked.values()) > 200


def test_no_page_repeats_an_id(walked: Any) -> None:
    for pages in walked.values():
        for path, _, found in pages:
            assert len(found.ids) == len(set(found.ids)), (path, found.ids)


def test_what_one_role_is_shown_another_sends_in_vain(
    demo: tuple[Deployment, Any, Cast], walkers: dict[str, Walker], walked: Any
) -> None:
    of, app, _ = demo
    accesses = _shapes(app)
    tried = 0
    for name in ROLES:
        forms = [form for _, _, found in walked[name] for form in found.forms]
        for form in {(one.shape, one.page): one for one in forms}.values():
            if form.method != "post" or form.path in ("/sign-out", "/demo"):
                continue
            access = accesses(form.path)
            for other, stranger in walkers.items():
                roles = frozenset(ROLES.get(other, ()))
                if access == OPEN or (access == ANY and roles) or (
                    roles and may_enter(access, roles)
                ):  # fmt: skip
                    continue
                before = _events(of)
                answer = stranger.http.post(
                    form.path, data={**dict(form.fields), "token": stranger.token}
                )
                assert answer.status_code == (403 if roles else 401), (other, form)
                assert _events(of) == before
                tried += 1
    assert tried > 100


def test_each_route_is_closed_to_whom_it_is_not_for(
    demo: tuple[Deployment, Any, Cast], walkers: dict[str, Walker]
) -> None:
    of, app, _ = demo
    for method, path, access in declared_accesses(app):
        if access == OPEN or (method, path) in _ENDINGS:
            continue
        concrete = _concrete(path)
        for name, walker in walkers.items():
            roles = frozenset(ROLES.get(name, ()))
            before = _events(of)
            is_call = path.startswith(("/api/", "/passkey/"))
            more: dict[str, Any] = {}
            if method not in ("GET", "HEAD"):
                more = {"json": {}} if is_call else {"data": {"token": walker.token}}
            answer = walker.http.request(method, concrete, **more)
            if not roles:
                expected = {303} if method == "GET" and not is_call else {401}
                assert answer.status_code in expected | {404, 422} - {422}, (
                    path,
                    answer.status_code,
                )
            elif access != ANY and not may_enter(access, roles):
                assert answer.status_code == 403, (name, method, path, answer.status_code)
            else:
                assert answer.status_code < 500 or answer.status_code == 503, (name, path)
            if answer.status_code >= 400:
                assert _events(of) == before, (name, method, path)


def test_a_form_without_its_session_s_token_is_refused(
    demo: tuple[Deployment, Any, Cast], walkers: dict[str, Walker]
) -> None:
    of, app, _ = demo
    others = walkers["Ulla Brandt"].token
    for method, path, access in declared_accesses(app):
        if method != "POST" or access == OPEN or path.startswith(("/api/", "/passkey/")):
            continue
        walker = (
            next(
                one
                for name, one in walkers.items()
                if name not in ("public", "Ulla Brandt")
                and (access == ANY or may_enter(access, frozenset(ROLES[name])))
            )
            if access == ANY or ACTIONS[access].roles != {Role.AUDITOR}
            else walkers["Ulla Brandt"]
        )
        for token in ("", "0" * 64, "é" * 64, others if walker.token != others else "x"):
            before = _events(of)
            answer = walker.http.post(_concrete(path), data={"token": token})
            assert answer.status_code == 403, (path, answer.status_code)
            assert _events(of) == before


def test_every_form_that_is_shown_can_be_sent(
    demo: tuple[Deployment, Any, Cast], walkers: dict[str, Walker], walked: Any
) -> None:
    of, _, _ = demo
    sent: dict[str, list[int]] = {}
    for name in reversed(ROLES):  # administrators last: they close accounts
        walker = walkers[name]
        done: set[tuple[str, str]] = set()
        for _, _, found in walked[name]:
            for form in found.forms:
                if walker.get("/account").status_code == 303:
                    break
                key = form.shape, dict(form.fields).get("name", "")
                if form.path in ("/sign-out", "/demo") or key in done or form.method != "post":
                    continue
                if "stand" in form.path or "suspend" in form.path:
                    continue  # it would close the desk to those who come after
                done.add(key)
                before = _events(of)
                answer = walker.send(form)
                status = answer.status_code
                if status == 401:  # what was sent before ended this session, as it should
                    break
                assert status in (200, 201, 303, 403, 409, 422, 429), (name, form, answer.text)
                if status == 403:  # somebody else's turn: it says so, and nothing else happens
                    assert "To do" in answer.text or "yours" in answer.text, (name, form.path)
                if status >= 400:
                    confirmed = 1 if form.confirm or form.sign else 0
                    assert _events(of) - before <= confirmed, (name, form.path)
                sent.setdefault(form.shape, []).append(status)
    taken = {where for where, how in sent.items() if {200, 201, 303} & set(how)}
    print(json.dumps({"forms": len(sent), "taken": sorted(taken)}))
    assert len(sent) > 25


def _concrete(path: str) -> str:
    return re.sub(r"\{[^}]*(code|gallery)[^}]*\}", "booking", re.sub(
        r"\{(?![^}]*(code|gallery))[^}]*\}", "0" * 32, path
    ))  # fmt: skip


def _shapes(app: Any) -> Any:
    posts = [
        (re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path) + r"\Z"), access)
        for method, path, access in declared_accesses(app) if method == "POST"
    ]  # fmt: skip

    def access_of(path: str) -> str:
        return next(access for pattern, access in posts if pattern.match(path.partition("?")[0]))

    return access_of
