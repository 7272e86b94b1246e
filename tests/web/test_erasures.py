"""Erasing a case in a browser: who asks, who confirms, and what is left to see."""

from __future__ import annotations

import re

import pytest
from casework import DETAILS, KEYS
from webkit import Site, Visitor

from countenance.desk.cases import CaseState, move_case, open_case
from countenance.desk.roles import Role

GROUNDS = "the retention order of 2024 <script>alert(1)</script> says so"
TYPED = {"basis": "retention-over", "grounds": GROUNDS}
NOBODY = "0" * 32


@pytest.fixture
def rita(site: Site) -> Visitor:
    return site.joined("Rita Ray", Role.REQUESTER)


@pytest.fixture
def case(site: Site, rita: Visitor) -> str:
    """A closed case."""
    assert rita.person is not None
    made = open_case(site.desk, rita.person.sign_in().to("case.open"), keys=KEYS,
                     number="24-1234", details=DETAILS)  # fmt: skip
    move_case(site.desk, rita.person.to("case.move"), made, keys=KEYS, to=CaseState.CLOSED,
              grounds="ended")  # fmt: skip
    rita.sign_in()
    return made


def asked(admin: Visitor, case: str) -> str:
    done = admin.post(f"/erasures/ask/{case}", TYPED, confirm="case.ask-erasure")
    assert done.status_code == 303, done.text
    found = re.search(r"/erasures/([0-9a-f]{32})", admin.get("/erasures").text)
    assert found
    return found[1]


def test_one_asks_another_confirms_and_the_case_is_gone(
    site: Site, case: str, rita: Visitor
) -> None:
    auditor, admin = site.joined("Uma Upp", Role.AUDITOR, train=False), site.administrator()
    assert f"/erasures/ask/{case}" in admin.get("/erasures").text
    assert f"/erasures/ask/{case}" not in auditor.get("/erasures").text
    assert "24-1234" in admin.get(f"/erasures/ask/{case}").text
    erasure = asked(admin, case)
    page = auditor.get(f"/erasures/{erasure}").text
    assert "Ada First" in page
    assert "<script>alert" not in page
    assert f"/erasures/{erasure}/confirm" not in admin.get(f"/erasures/{erasure}").text
    before = admin.post(f"/erasures/{erasure}/confirm")
    assert before.status_code == 403
    assert auditor.post(f"/erasures/{erasure}/confirm").status_code == 403  # no passkey
    done = auditor.post(f"/erasures/{erasure}/confirm", confirm="case.confirm-erasure")
    assert done.headers["location"].startswith("/erasures?done=erasure-")
    for who in (auditor, admin, rita):
        assert "24-1234" not in who.get("/cases" if who is rita else "/erasures").text
    gone = rita.get(f"/cases/{case}")
    assert gone.status_code == 409
    assert "erased" in gone.text
    again = auditor.post(f"/erasures/{erasure}/confirm", confirm="case.confirm-erasure")
    assert again.status_code == 409


def test_who_asked_takes_it_back(site: Site, case: str) -> None:
    auditor, admin = site.joined("Uma Upp", Role.AUDITOR, train=False), site.administrator()
    other = site.joined("Ada Two", Role.ADMINISTRATOR, train=False)
    erasure = asked(admin, case)
    path = f"/erasures/{erasure}/withdraw"
    assert path in admin.get(f"/erasures/{erasure}").text
    for who in (auditor, other):
        assert path not in who.get(f"/erasures/{erasure}").text
        assert who.post(path).status_code == 403
    assert admin.post(f"/erasures/{NOBODY}/withdraw").status_code == 409
    assert "Nobody has asked for any yet" in auditor.get("/erasures").text
    assert admin.post(path).status_code == 303
    assert admin.post(path).status_code == 409
    late = auditor.post(f"/erasures/{erasure}/confirm", confirm="case.confirm-erasure")
    assert late.status_code == 409
    for who in (auditor, admin):
        page = who.get("/erasures").text.partition("What was asked for")[2]
        assert "withdrawn" in page
        assert page.count("Ada First, ") == 2
        assert "the time for which it is kept is over" in page
    assert f"/erasures/ask/{case}" in admin.get("/erasures").text


def test_an_auditor_refuses_with_a_reason(site: Site, case: str) -> None:
    auditor, admin = site.joined("Uma Upp", Role.AUDITOR, train=False), site.administrator()
    erasure = asked(admin, case)
    path = f"/erasures/{erasure}/refuse"
    short = auditor.post(path, {"grounds": "<b>no"}, confirm="case.refuse-erasure")
    assert short.status_code == 422
    assert "<b>no" not in short.text
    done = auditor.post(path, {"grounds": "the appeal is not over"})
    assert done.status_code == 303
    assert auditor.get(f"/erasures/{erasure}").status_code == 409
    assert f"/erasures/ask/{case}" in admin.get("/erasures").text


def test_nobody_else_sees_closed_cases_or_asks(site: Site, case: str, rita: Visitor) -> None:
    for other in (rita, site.joined("Ben Bo", Role.APPROVER), site.joined("Em Ee", Role.EXAMINER)):
        for path in ("/erasures", f"/erasures/ask/{case}", f"/erasures/{NOBODY}"):
            assert other.get(path).status_code == 403
        assert other.post(f"/erasures/ask/{case}", TYPED).status_code == 403
    admin = site.administrator()
    none = admin.get(f"/erasures/ask/{NOBODY}")
    assert none.status_code == 403
    for wrong in ({"basis": "fun"}, {"grounds": "no"}):
        answer = admin.post(f"/erasures/ask/{case}", {**TYPED, **wrong},
                            confirm="case.ask-erasure")  # fmt: skip
        assert answer.status_code == 422
