"""Every refusal of the API is told in one way, and says when to come again where that helps."""

from __future__ import annotations

from typing import Any

import pytest
from casepages import CASE
from test_standing import asked, confirmed
from webkit import Site

from countenance.core import IntegrityError
from countenance.desk.errors import DeskError
from countenance.desk.roles import Role
from countenance.record import QuorumError
from countenance.web.statuses import AWAY_S, SUSPENDED_S

NOBODY = "0" * 32
JSON = {"content-type": "application/json"}


def check(answer: Any, status: int, *, retry: int | None = None) -> dict[str, Any]:
    """The problem that an answer tells, which has to be one of the house's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert set(said) <= {"title", "status", "code", "where", "expected", "to_do"}
    assert said["status"] == status
    assert said["title"]
    assert said["code"]
    assert answer.headers.get("retry-after") == (None if retry is None else str(retry))
    assert answer.headers["cache-control"] == "no-store"
    return said


def test_each_refusal_is_a_problem(site: Site) -> None:
    public, rita = site.public(), site.joined("Rita Ray", Role.REQUESTER)
    api = "/api/v1"
    check(public.get(f"{api}/cases"), 401)
    check(public.http.post("/passkey/confirm/begin", json={}), 401)
    check(rita.get(f"{api}/accounts"), 403)
    check(rita.get(f"{api}/cases/{NOBODY}"), 403)
    check(rita.get(f"{api}/nothing"), 404)
    check(rita.get(f"{api}/cases/x"), 404)
    wrong = rita.http.put(f"{api}/cases", json={})
    check(wrong, 405)
    assert wrong.headers["allow"]
    check(
        rita.http.post(f"{api}/cases", content=b"{}", headers={"content-type": "text/plain"}), 415
    )
    check(rita.http.post(f"{api}/cases", content=b"{", headers=JSON), 422)
    assert check(rita.http.post(f"{api}/cases", json={"number": 3}), 422)["where"]
    assert check(rita.get(f"{api}/cases?most=0"), 422)["where"] == "most"
    check(rita.http.post(f"{api}/cases", content=b" " * (9 * 2**20), headers=JSON), 413)
    check(rita.get(f"{api}/cases", headers={"host": "elsewhere.example"}), 421)
    far = {**JSON, "origin": "https://evil.example"}
    check(rita.http.post(f"{api}/cases", content=b"{}", headers=far), 403)


def test_what_is_away_says_when_to_come_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    for error, retry in (
        (DeskError("the database is away"), AWAY_S),
        (QuorumError("too few witnesses", outcomes=(), note=b""), AWAY_S),
        (IntegrityError("changed"), None),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("countenance.web.api.cases.list_cases", fail)
        monkeypatch.setattr("countenance.web.pages.cases.list_cases", fail)
        check(rita.get("/api/v1/cases"), 503, retry=retry)
        page = rita.get("/cases")
        assert page.status_code == 503
        assert page.headers.get("retry-after") == (None if retry is None else str(retry))
        assert "text/html" in page.headers["content-type"]


def test_an_address_that_leads_nowhere_keeps_one_s_menu(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    for visitor, menu in ((rita, "Sign out"), (site.public(), "Sign in")):
        page = visitor.get("/nothing")
        assert page.status_code == 404
        assert menu in page.text
        assert "there is no such page" in page.text.lower()


def test_a_field_is_called_as_its_label(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    for field, label in (("number", "Case number"), ("purpose", "What is it for?"),
                         ("narrative", "What happened")):  # fmt: skip
        page = rita.post("/cases/new", {**CASE, field: ""}).text
        assert f'<a href="#f-{field}">{label}</a>' in page
    case = rita.post("/cases/new", CASE).headers["location"].partition("?")[0]
    half = rita.post(f"{case}/requests/new", {"kind-2": "warrant"}).text
    assert "At: <a" in half
    assert '<a href="#f-reference-2">Document 2: its number or reference</a>' in half
    unsaid = rita.post(f"{case}/requests/new", {"suspicion.level": "certain"}).text
    assert '<a href="#f-suspicion.level">What connects the person sought' in unsaid


def test_a_suspended_desk_says_so(site: Site) -> None:
    admin, approver = site.administrator(), site.joined("Ben App", Role.APPROVER)
    rita = site.joined("Rita Ray", Role.REQUESTER)
    asked(admin.sign_in())
    confirmed(approver)
    sent = rita.http.post(
        f"/api/v1/cases/{NOBODY}/move", json={"to": "closed", "grounds": "it is over now"}
    )
    check(sent, 503, retry=SUSPENDED_S)
    page = rita.post("/cases/new", CASE)  # a form that is shown again
    assert (page.status_code, page.headers["retry-after"]) == (503, str(SUSPENDED_S))
    assert CASE["number"] in page.text
