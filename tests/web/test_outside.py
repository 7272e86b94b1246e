"""Others in a browser: asked and received under the case's rules; quarantine shows nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from reviewsite import SHOWN, XSS, Bureau, bureaus
from webkit import Site

from countenance.desk import reviewing
from countenance.desk.roles import Role
from countenance.web.pages.outside import runners


@pytest.fixture
def bureau(site: Site, monkeypatch: pytest.MonkeyPatch) -> Bureau:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return Bureau(site)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    """For tests in which nothing comes of anything."""
    with bureaus(tmp_path_factory.mktemp("site")) as made:
        yield made


def asking(**other: str) -> dict[str, str]:
    return {"runner": "state-police", "whom": f"State Police {XSS}", "what": f"one search {XSS}",
            **other}  # fmt: skip


def coming(**other: str) -> dict[str, str]:
    return {"ask": "none", "runner": "state-police", "who": "State Police", "system": "theirs",
            "request": "mail 12", "text": f"they say {XSS}", **other}  # fmt: skip


def asked(bureau: Bureau) -> str:
    done = bureau.requester.post(
        f"/cases/{bureau.case}/outside/ask", asking(), confirm="outside.ask"
    )
    assert "A second person has to approve it" in done.text, done.text
    found = re.search(r'href="/outside/asks/([0-9a-f]{32})"', done.text)
    assert found
    return found[1]


def receive(bureau: Bureau, **other: Any) -> Any:
    files = other.pop("files", None)
    return bureau.requester.post(
        f"/cases/{bureau.case}/outside/receive", coming(**other), files=files
    )


def test_asked_approved_and_answered(bureau: Bureau) -> None:
    hub = f"/cases/{bureau.case}/outside"
    assert "Nothing was asked of anybody" in bureau.requester.get(hub).text
    assert bureau.requester.get(f"{hub}/ask").status_code == 200
    ask = asked(bureau)
    page = bureau.requester.get(f"/outside/asks/{ask}").text
    assert SHOWN in page
    assert "<script>alert" not in page
    assert "Withdraw it" in page
    assert "Approve" not in page
    assert f"/outside/asks/{ask}" in bureau.approver.get("/outside").text
    assert "Approve that this is asked" in bureau.approver.get(f"/outside/asks/{ask}").text
    path = f"/outside/asks/{ask}/approve"
    assert bureau.approver.post(path).status_code == 403  # no passkey
    done = bureau.approver.post(path, confirm="outside.approve")
    assert "It may be asked now" in done.text
    assert bureau.approver.post(path, confirm="outside.approve").status_code == 409
    form = bureau.requester.get(f"{hub}/receive").text
    assert ask in form
    came = receive(bureau, ask=ask)
    assert "It may be read." in came.text, came.text
    found = re.search(r'href="/outside/results/([0-9a-f]{32})"', came.text)
    assert found
    result = f"/outside/results/{found[1]}"
    page = bureau.requester.get(result).text
    assert SHOWN in page
    assert "<script>alert" not in page
    saved = bureau.requester.get(f"{result}/file")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.content == f"they say {XSS}".encode()
    assert bureau.approver.get(result).status_code == 403
    whole = bureau.requester.get(hub).text
    assert found[1] in whole
    assert "<script>alert" not in whole
    seen = bureau.auditor.get(hub).text
    assert "not for you to read" in seen
    assert "State Police" not in seen


def test_what_the_rules_forbid_is_refused_with_reasons_and_kept(quiet: Bureau) -> None:
    done = quiet.requester.post(
        f"/cases/{quiet.case}/outside/ask", asking(runner="private-network"),
        confirm="outside.ask",
    )  # fmt: skip
    assert done.status_code == 200
    assert "It may not be asked" in done.text
    assert "Refused" in done.text
    hub = quiet.requester.get(f"/cases/{quiet.case}/outside").text
    assert "refused" in hub


def test_what_nobody_asked_for_is_shown_to_nobody(bureau: Bureau) -> None:
    sent = ("x.html", b"<script>alert(1)</script>", "text/html")
    came = receive(bureau, files={"content": sent}, text="")
    assert "It is in quarantine" in came.text
    hub = bureau.requester.get(f"/cases/{bureau.case}/outside").text
    assert "quarantined" in hub
    assert "/outside/results/" not in hub
    page = bureau.approver.get("/outside").text
    found = re.search(r"/outside/results/([0-9a-f]{32})/release", page)
    assert found
    assert "24-1234" in page
    assert "theirs" not in page
    assert "Ask whether" not in bureau.auditor.get("/outside").text
    result = f"/outside/results/{found[1]}"
    for visitor in (bureau.requester, bureau.approver, bureau.auditor):
        assert visitor.get(result).status_code == 403
        assert visitor.get(f"{result}/file").status_code == 403
    assert bureau.approver.post(f"{result}/release").status_code == 403  # no passkey
    refused = bureau.approver.post(f"{result}/release", confirm="outside.release")
    assert "It stays in quarantine" in refused.text
    assert bureau.requester.get(result).status_code == 403
    assert "1 result that nobody reads" in bureau.approver.get("/outside").text


def test_an_answer_to_what_was_withdrawn_is_unsolicited(bureau: Bureau) -> None:
    ask = asked(bureau)
    bureau.approver.post(f"/outside/asks/{ask}/approve", confirm="outside.approve")
    path = f"/outside/asks/{ask}/withdraw"
    done = bureau.requester.post(path)
    assert "ask-withdrawn" in done.headers["location"]
    assert bureau.requester.post(path).status_code == 409
    assert "It is in quarantine" in receive(bureau, ask=ask).text


def test_forms_that_are_not_right_are_shown_again(quiet: Bureau) -> None:
    path = f"/cases/{quiet.case}/outside/ask"
    for wrong, where in (
        (asking(runner="own-agency"), "runner"), (asking(runner="?"), "runner"),
        (asking(whom=""), "whom"), (asking(whom="a\x1bb"), "whom"), (asking(what="a"), "what"),
        (asking(what=XSS + "a" * 4000), "what"),
    ):  # fmt: skip
        refused = quiet.requester.post(path, wrong, confirm="outside.ask")
        assert refused.status_code == 422, where
        assert f'href="#f-{where}"' in refused.text
        assert "<script>alert" not in refused.text
    assert SHOWN in quiet.requester.post(path, asking(runner="")).text
    both = {"content": ("x", b"data", "text/plain")}
    for wrong, files, where in (
        ({"ask": ""}, None, "ask"), ({"ask": "x"}, None, "ask"), ({"runner": ""}, None, "runner"),
        ({"who": ""}, None, "who"), ({"who": XSS + "a" * 500}, None, "who"),
        ({"text": ""}, None, "content"), ({}, both, "content"),
    ):  # fmt: skip
        refused = receive(quiet, files=files, **wrong)
        assert refused.status_code == 422, where
        assert f'href="#f-{where}"' in refused.text
        assert "<script>alert" not in refused.text
    assert receive(quiet, ask="0" * 32).status_code == 403


def test_another_s_is_as_none(quiet: Bureau) -> None:
    ask, none = asked(quiet), "0" * 32
    stranger = quiet.site.joined("Sol Sea", Role.REQUESTER)
    for path in ("/outside/asks/{}", "/outside/results/{}", "/outside/results/{}/file"):
        other, missing = stranger.get(path.format(ask)), stranger.get(path.format(none))
        assert other.status_code == missing.status_code == 403
        assert other.content == missing.content
    for path in ("/cases/{}/outside", "/cases/{}/outside/ask", "/cases/{}/outside/receive"):
        for visitor in (stranger, quiet.eve):
            other = visitor.get(path.format(quiet.case))
            missing = visitor.get(path.format(none))
            assert other.status_code == missing.status_code == 403
            assert other.content == missing.content
    for name, fields, confirm in (("ask", asking(), "outside.ask"), ("receive", coming(), "")):
        answers = [
            stranger.post(f"/cases/{each}/outside/{name}", fields, confirm=confirm)
            for each in (quiet.case, none)
        ]
        assert [each.status_code for each in answers] == [403, 403]
        assert answers[0].content == answers[1].content
    assert stranger.post(f"/outside/asks/{ask}/withdraw").status_code == 403
    assert quiet.approver.get(f"/cases/{quiet.case}/outside").status_code == 200
    assert quiet.approver.get(f"/cases/{quiet.case}/outside/ask").status_code == 403


def test_whoever_may_read_a_case_is_shown_no_form_of_another_s(quiet: Bureau, site: Site) -> None:
    both = quiet.site.joined("Bo Both", Role.REQUESTER, Role.APPROVER)
    hub = f"/cases/{quiet.case}/outside"
    page = both.get(hub)
    assert page.status_code == 200
    assert "Ask somebody" not in page.text
    assert both.get(f"{hub}/ask").status_code == 403
    assert both.get(f"{hub}/receive").status_code == 403
    assert both.post(f"{hub}/receive", coming()).status_code == 403


def test_each_step_is_its_role_s(quiet: Bureau) -> None:
    assert quiet.requester.get("/outside").status_code == 403
    assert quiet.eve.get("/outside").status_code == 403
    for visitor in (quiet.requester, quiet.eve, quiet.auditor):
        assert visitor.post(f"/outside/asks/{'0' * 32}/approve").status_code == 403
        assert visitor.post(f"/outside/results/{'0' * 32}/release").status_code == 403
    for visitor in (quiet.approver, quiet.eve, quiet.auditor):
        assert visitor.post(f"/outside/asks/{'0' * 32}/withdraw").status_code == 403
        assert visitor.post(f"/cases/{quiet.case}/outside/ask", asking()).status_code == 403


def test_everybody_can_be_asked_but_the_agency_itself() -> None:
    assert "state-police" in runners()
    assert "own-agency" not in runners()
