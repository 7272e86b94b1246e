"""Incidents in a browser: who may read, open and close, and what is suspended meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from casework import CARD
from reviewsite import SHOWN, XSS
from webkit import Site

from countenance.desk.roles import Role


def fields(**other: str) -> dict[str, str]:
    return {
        "cause": "complaint", "grounds": f"somebody wrote to us: {XSS}", "engine": CARD.identity,
        "gallery": "", **other,
    }  # fmt: skip


@pytest.fixture
def people(site: Site) -> dict[str, Any]:
    return {
        "requester": site.joined("Rita Ray", Role.REQUESTER),
        "approver": site.joined("Abe Roe", Role.APPROVER),
        "auditor": site.joined("Ulf Uhl", Role.AUDITOR, train=False),
        "examiner": site.joined("Eve Ent", Role.EXAMINER),
    }


def test_opened_by_anybody_read_by_few_and_closed_by_another(
    site: Site, people: dict[str, Any]
) -> None:
    requester, approver = people["requester"], people["approver"]
    assert "There has been none" in requester.get("/incidents").text
    assert requester.get("/incidents/new").status_code == 200
    done = requester.post("/incidents/new", fields())
    path = done.headers["location"].partition("?")[0]
    assert done.status_code == 303
    opened = requester.get(done.headers["location"])
    assert "The incident is open" in opened.text
    assert path in requester.get("/incidents").text
    assert "1 of 1 open" in requester.get("/incidents").text
    for reads in (requester, approver, people["auditor"]):
        page = reads.get(path)
        assert SHOWN in page.text
        assert "<script>alert" not in page.text
        assert "Rita Ray" in page.text
        assert "the engine fake" in page.text
    for other in (people["examiner"], site.administrator()):
        page = other.get(path)
        assert page.status_code == 200
        assert "somebody wrote" not in page.text
    assert "Close it" not in requester.get(path).text
    assert "Close it" in approver.get(path).text

    closing = {"finding": "corrected", "grounds": XSS}
    assert approver.post(f"{path}/close", closing).status_code == 403  # no passkey
    short = approver.post(
        f"{path}/close", {**closing, "grounds": "done"}, confirm="incident.close"
    )
    assert short.status_code == 422
    assert 'href="#f-grounds"' in short.text
    wrong = approver.post(f"{path}/close", {**closing, "finding": "?"}, confirm="incident.close")
    assert wrong.status_code == 422
    assert SHOWN in wrong.text
    assert requester.post(f"{path}/close", closing).status_code == 403
    assert approver.post(f"{path}/close", closing, confirm="incident.close").status_code == 303
    assert approver.post(f"{path}/close", closing, confirm="incident.close").status_code == 409
    page = approver.get(path)
    assert "corrected" in page.text
    assert SHOWN in page.text


def test_whoever_opened_it_does_not_close_it(people: dict[str, Any]) -> None:
    approver = people["approver"]
    done = approver.post("/incidents/new", fields())
    path = done.headers["location"].partition("?")[0]
    assert "Close it" not in approver.get(path).text
    closing = {"finding": "corrected", "grounds": "looked at it again"}
    mine = approver.post(f"{path}/close", closing, confirm="incident.close")
    none = approver.post(f"/incidents/{'0' * 32}/close", closing, confirm="incident.close")
    assert mine.status_code == none.status_code == 403


def test_a_form_that_is_not_right_is_shown_again(people: dict[str, Any], site: Site) -> None:
    site.with_gallery(1)
    examiner = people["examiner"]
    for wrong, where in (
        (fields(cause="wrong-lead"), "cause"), (fields(cause=""), "cause"),
        (fields(engine="f" * 64), "engine"), (fields(gallery="elsewhere"), "gallery"),
        (fields(grounds="bad"), "grounds"), (fields(grounds=XSS + "a" * 4001), "grounds"),
    ):  # fmt: skip
        refused = examiner.post("/incidents/new", wrong)
        assert refused.status_code == 422, where
        assert f'href="#f-{where}"' in refused.text
        assert "<script>alert" not in refused.text
    done = examiner.post("/incidents/new", fields(engine="", gallery="booking"))
    assert done.status_code == 303
    assert "the gallery booking" in examiner.get("/incidents").text


def test_none_is_none(people: dict[str, Any], site: Site) -> None:
    assert people["requester"].get(f"/incidents/{'0' * 32}").status_code == 403
    assert people["requester"].get("/incidents/x").status_code == 404
    assert site.public().get("/incidents").headers["location"].startswith("/sign-in")
