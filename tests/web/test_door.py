"""Signing in and out in a browser: sessions, cookies, and what the door does not tell."""

from __future__ import annotations

from functools import partial

import pytest
from webkit import Site

from countenance.desk.doors import Bucket, Door, Limits, knock
from countenance.desk.roles import Role


def test_sign_in_gives_a_cookie_no_script_can_read(site: Site) -> None:
    admin = site.administrator()
    page = admin.get("/account")
    assert page.status_code == 200
    assert "Ada First" in page.text
    done = admin.ceremony("confirm", {"action": "account.invite"})
    cookie = next(c for c in done.headers.get_list("set-cookie") if c.startswith("__Host-desk="))
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part.lower() in cookie.lower()


def test_a_session_s_token_changes_whenever_its_passkey_was_asked(site: Site) -> None:
    visitor = site.joined("Rita Ray", Role.REQUESTER)
    before = visitor.http.cookies["__Host-desk"]
    visitor.confirm("request.submit")
    after = visitor.http.cookies["__Host-desk"]
    assert before != after
    visitor.http.cookies.set("__Host-desk", before, domain="desk.example", path="/")
    assert visitor.get("/account").headers["location"].startswith("/sign-in")


def test_signing_out_ends_the_session(site: Site) -> None:
    visitor = site.joined("Rita Ray", Role.REQUESTER)
    cookie = visitor.http.cookies["__Host-desk"]
    assert visitor.post("/sign-out").status_code == 303
    visitor.http.cookies.set("__Host-desk", cookie, domain="desk.example", path="/")
    assert visitor.get("/account").status_code == 303


def test_whoever_knocks_too_often_is_told_when_to_come_again_and_nobody_inside_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = site.administrator()
    few = Limits(Bucket(2, 60), Bucket(1000, 1))
    limits = {Door.SIGN_IN: few, Door.JOIN: few}
    monkeypatch.setattr("countenance.web.pages.door.knock", partial(knock, limits=limits))
    stranger = site.public().http
    for path, body in (("sign-in", {}), ("join", {"code": "0000"})):
        begin = f"/passkey/{path}/begin"
        found = [stranger.post(begin, json=body) for _ in range(3)]
        assert [each.status_code == 429 for each in found] == [False, False, True], path
        assert found[2].headers["retry-after"] == "60"
        assert "try again in 60 s" in found[2].json()["to_do"]
    assert admin.get("/account").status_code == 200
    admin.confirm("account.invite")
